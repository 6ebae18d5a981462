package main

import (
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

const goodBurst = `{"v":1,"workload":"burst","procs":2,"gogc":100,"tasks":200,"isolation_ms":1,"work_ns":100,"garbage_bytes":64,"operations":5}`

func burstOf(text string) (*burstJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[burstJob](raw, keys, burstRequired)
}

func TestWrongBurstsAreRefusedInOneLine(t *testing.T) {
	for _, one := range []struct{ from, to, expect string }{
		{`"tasks":200`, `"tasks":0`, "tasks: 0 asked, from 1 to 10000000"},
		{`"isolation_ms":1`, `"isolation_ms":1001`, "isolation_ms: 1001 asked, from 0 to 1000"},
		{`"work_ns":100`, `"work_ns":-1`, "work_ns: -1 asked"},
		{`"tasks":200,`, ``, `key "tasks" is missing`},
		{`"v":1`, `"v":1,"items":3`, `unknown field "items"`},
	} {
		wrong := strings.Replace(goodBurst, one.from, one.to, 1)
		_, err := burstOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestEveryTaskOfABurstRunsOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	job, err := burstOf(goodBurst)
	if err != nil {
		t.Fatal(err)
	}
	found, err := measureBursts(job, &frames{to: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if found.Groups != 5 || found.Operations != 1000 || found.Starts.Count != 1000 || found.Made > 800 || found.MadeFirst > 200 || found.MadeFirst == 0 {
		t.Errorf("%+v", found)
	}
	if found.ElapsedNs <= 0 || found.WholeNs < found.ElapsedNs+4*1_000_000 {
		t.Errorf("%d ns in groups, %d with four rests of 1 ms", found.ElapsedNs, found.WholeNs)
	}
}
