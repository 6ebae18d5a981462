package main

import (
	"encoding/json"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

const goodStorm = `{"v":1,"workload":"storm","procs":2,"gogc":100,"tasks":50,"yields":20,"loop_ns":0,"operations":3}`

func stormOf(text string) (*stormJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[stormJob](raw, keys, stormRequired)
}

func TestWrongStormsAreRefusedInOneLine(t *testing.T) {
	if _, err := stormOf(goodStorm); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ from, to, expect string }{
		{`"v":1`, `"v":2`, "job of version 2, this program speaks 1"},
		{`"tasks":50`, `"tasks":0`, "tasks: 0 asked, from 1 to 10000000"},
		{`"tasks":50`, `"tasks":100000000`, "tasks: 100000000 asked, from 1 to 10000000"},
		{`"tasks":50,`, ``, `key "tasks" is missing`},
		{`"yields":20`, `"yields":-1`, "yields: -1 asked"},
		{`"loop_ns":0`, `"loop_ns":1e10`, "loop_ns"},
		{`"procs":2`, `"procs":0`, "procs: 0 asked"},
		{`"gogc":100`, `"gogc":null`, "gogc is missing"},
		{`"operations":3`, `"operations":3,"seconds":1`, "one of seconds and operations"},
		{`"v":1`, `"v":1,"workers":3`, `unknown field "workers"`},
	} {
		wrong := strings.Replace(goodStorm, one.from, one.to, 1)
		_, err := stormOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestWorkloadsAreToldApart(t *testing.T) {
	for text, expect := range map[string]string{`{}`: "serve", `{"workload":"serve"}`: "serve", goodStorm: "storm"} {
		_, keys, err := readKeys(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if found, err := workloadOf(keys); found != expect || err != nil {
			t.Errorf("%s: %s, %v", text, found, err)
		}
	}
	for _, text := range []string{`{"workload":"rain"}`, `{"workload":3}`} {
		_, keys, _ := readKeys(strings.NewReader(text))
		if found, err := workloadOf(keys); err == nil {
			t.Errorf("%s: %s", text, found)
		}
	}
}

func TestStormsAddUp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, one := range []struct {
		extent string
		storms uint64
	}{{`"operations":3`, 3}, {`"seconds":0.000001`, 1}, {`"seconds":0.01`, 2}} {
		job, err := stormOf(strings.Replace(goodStorm, `"operations":3`, one.extent, 1))
		if err != nil {
			t.Fatal(err)
		}
		found, err := measureStorms(job, &frames{to: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		if job.Operations != nil && found.Storms != one.storms || found.Storms < 1 {
			t.Errorf("%d storms of %s", found.Storms, one.extent)
		}
		var sum int64
		for _, ns := range found.TimesNs {
			sum += ns
		}
		if found.Operations != found.Storms*50*20 || sum != found.ElapsedNs || uint64(len(found.TimesNs)) != found.Storms {
			t.Errorf("they do not add up: %+v", found)
		}
		if job.Seconds != nil && float64(found.ElapsedNs) < *job.Seconds*1e9 {
			t.Errorf("%d ns of %s", found.ElapsedNs, one.extent)
		}
		text, err := json.Marshal(frame{Sample: found})
		if err != nil || !strings.Contains(string(text), `"sample":{"go":"go1`) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestTheCollectorsStopsAreThoseOfTheStorms(t *testing.T) {
	job, err := stormOf(strings.Replace(goodStorm, `"tasks":50`, `"tasks":20000`, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	found, err := measureStorms(job, &frames{to: io.Discard})
	if err != nil || found.Cycles != 0 || found.StoppedNs != 0 {
		t.Errorf("without a collector: %d cycles, %d ns, %v", found.Cycles, found.StoppedNs, err)
	}
	debug.SetGCPercent(1)
	found, err = measureStorms(job, &frames{to: io.Discard})
	if err != nil || found.Cycles == 0 || found.StoppedNs <= 0 || found.StoppedNs > found.ElapsedNs {
		t.Errorf("with a busy one: %d cycles, %d of %d ns, %v", found.Cycles, found.StoppedNs, found.ElapsedNs, err)
	}
}

func TestAnEmptyLoopHasTurnsInProportion(t *testing.T) {
	if turnsOf(0) != 0 || turnsOf(1) < 1 || turnsOf(1_000_000) <= turnsOf(1_000) {
		t.Error("turns do not grow with their time")
	}
}
