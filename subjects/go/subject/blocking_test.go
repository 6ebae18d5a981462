package main

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

const goodBlocking = `{"v":1,"workload":"blocking","procs":2,"gogc":100,"tasks":20,"work_ns":100,"blocking_percent":50,` +
	`"block_us":10,"seed":7,"operations":10}`

func blockingOf(text string) (*blockingJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[blockingJob](raw, keys, blockingRequired)
}

func TestWrongBlockingIsRefusedInOneLine(t *testing.T) {
	if _, err := blockingOf(goodBlocking); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ from, to, expect string }{
		{`"tasks":20`, `"tasks":5001`, "tasks: 5001 asked, from 1 to 5000"},
		{`"blocking_percent":50`, `"blocking_percent":101`, "blocking_percent: 101 asked, from 0 to 100"},
		{`"block_us":10`, `"block_us":0`, "block_us: 0 asked"},
		{`"seed":7,`, ``, `key "seed" is missing`},
		{`"v":1`, `"v":1,"yields":3`, `unknown field "yields"`},
	} {
		wrong := strings.Replace(goodBlocking, one.from, one.to, 1)
		_, err := blockingOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestEveryBlockingCallIsCounted(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, one := range []struct {
		percent     string
		least, most uint64
	}{{"0", 0, 0}, {"50", 60, 140}, {"100", 200, 200}} {
		job, err := blockingOf(strings.Replace(goodBlocking, `percent":50`, `percent":`+one.percent, 1))
		if err != nil {
			t.Fatal(err)
		}
		found, err := measureBlocking(job, &frames{to: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if found.Operations != 200 || found.Blocks != found.BlocksDue || found.Blocks < one.least || found.Blocks > one.most {
			t.Errorf("at %s %%: %+v", one.percent, found)
		}
	}
	// crates/runner/src/workload/blocking draws the same: its test has these, too.
	job := &blockingJob{Seed: 7, BlockingPercent: 50}
	drawn := ""
	for turn := uint64(0); turn < 16; turn++ {
		if job.blocks(3, turn) {
			drawn += "1"
		} else {
			drawn += "0"
		}
	}
	if drawn != "1011001001101100" {
		t.Errorf("%s was drawn", drawn)
	}
}

func TestGoroutinesEndWhenTheTimeIsOver(t *testing.T) {
	job, err := blockingOf(strings.Replace(goodBlocking, `"operations":10`, `"seconds":0.01`, 1))
	if err != nil {
		t.Fatal(err)
	}
	found, err := measureBlocking(job, &frames{to: io.Discard})
	if err != nil || found.Operations < 20 || found.ElapsedNs < 10_000_000 {
		t.Errorf("%+v, %v", found, err)
	}
}
