package main

import (
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

const goodCost = `{"v":1,"workload":"cost","procs":1,"gogc":100,"operation":"create","swept_bytes":0,"operations":50}`

func costOf(text string) (*costJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[costJob](raw, keys, costRequired)
}

func TestWrongCostsAreRefusedInOneLine(t *testing.T) {
	if _, err := costOf(goodCost); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ from, to, expect string }{
		{`"v":1`, `"v":3`, "job of version 3, this program speaks 1"},
		{`"create"`, `"steal"`, `operation: "steal" is none of create, wake, block, switch`},
		{`"create"`, `7`, "operation"},
		{`"operation":"create",`, ``, `key "operation" is missing`},
		{`"procs":1`, `"procs":0`, "procs: 0 asked"},
		{`"procs":1,"gogc":100,"operation":"create"`, `"procs":2,"gogc":100,"operation":"wake"`, "on one processor, 2 asked"},
		{`"swept_bytes":0`, `"swept_bytes":-1`, "swept_bytes"},
		{`"swept_bytes":0`, `"swept_bytes":1000000000000`, "swept_bytes: 1000000000000 asked"},
		{`"operations":50`, `"operations":0`, "operations: 0"},
		{`"v":1`, `"v":1,"tasks":3`, `unknown field "tasks"`},
	} {
		wrong := strings.Replace(goodCost, one.from, one.to, 1)
		_, err := costOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
}

func TestEachOperationIsTimedAsOftenAsAsked(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, operation := range costOperations {
		for _, swept := range []string{`"swept_bytes":0`, `"swept_bytes":100000`} {
			text := strings.Replace(strings.Replace(goodCost, "create", operation, 1), `"swept_bytes":0`, swept, 1)
			job, err := costOf(text)
			if err != nil {
				t.Fatal(err)
			}
			found, err := measureCosts(job, &frames{to: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			calls := 0
			if operation == "create" || operation == "wake" {
				calls = 50
			}
			if found.Operations != 50 || len(found.TimesNs) != 50 || len(found.CallsNs) != calls || found.ClockNs <= 0 {
				t.Errorf("%s: %d operations, %d times, %d of calls, %v ns", operation, found.Operations, len(found.TimesNs),
					len(found.CallsNs), found.ClockNs)
			}
			for at, ns := range found.TimesNs {
				if ns < 0 || at < len(found.CallsNs) && found.CallsNs[at] > ns {
					t.Errorf("%s: %d ns", operation, ns)
				}
			}
		}
	}
}

func TestTimesAreThinnedOverTheWholeSample(t *testing.T) {
	times, expect := newThinned(), []int64{}
	for at := int64(0); at < 3*costsMost; at++ {
		times.add(at)
		if at%4 == 0 {
			expect = append(expect, at)
		}
	}
	if times.every != 4 || !reflect.DeepEqual(times.kept, expect) {
		t.Errorf("%d of %d, every %d", len(times.kept), times.seen, times.every)
	}
}
