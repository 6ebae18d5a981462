package main

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

const goodStrategy = `{"v":1,"workload":"strategy","procs":2,"gogc":100,"strategy":"pool","items":400,"work_ns":100,"operations":3}`

func strategyOf(text string) (*strategyJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[strategyJob](raw, keys, strategyRequired)
}

func TestWrongStrategiesAreRefusedInOneLine(t *testing.T) {
	for _, one := range []struct{ from, to, expect string }{
		{`"strategy":"pool"`, `"strategy":"sea"`, `strategy: "sea" is none of pool, fan, locked`},
		{`"items":400`, `"items":0`, "items: 0 asked, from 1 to 10000000"},
		{`"pool","items":400`, `"locked","items":10001`, "items: 10001 asked, from 1 to 10000"},
		{`"work_ns":100`, `"work_ns":-1`, "work_ns: -1 asked"},
		{`"items":400,`, ``, `key "items" is missing`},
		{`"v":1`, `"v":1,"tasks":3`, `unknown field "tasks"`},
	} {
		wrong := strings.Replace(goodStrategy, one.from, one.to, 1)
		_, err := strategyOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestEveryItemIsDoneOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, strategy := range []string{"pool", "fan", "locked", "single"} {
		job, err := strategyOf(strings.Replace(goodStrategy, "pool", strategy, 1))
		if err != nil {
			t.Fatal(err)
		}
		found, err := measureStrategy(job, &frames{to: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if found.Batches != 3 || found.Operations != 1200 || found.DoneByTasks != 1200 || found.Latencies.Count != 1200 {
			t.Errorf("%s: %+v", strategy, found)
		}
		if found.StartupNs <= 0 || found.StartupNs > float64(found.ElapsedNs) || found.Latencies.P99Ns == nil {
			t.Errorf("%s: %+v", strategy, found)
		}
	}
}
