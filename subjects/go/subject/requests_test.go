package main

import (
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

const goodRequests = `{"v":1,"workload":"requests","seed":7,"procs":2,"gogc":100,"tasks":50,"work_ns":1000,` +
	`"garbage_bytes":64,"windows":10,"operations":30}`

func requestsOf(text string) (*requestsJob, error) {
	raw, keys, err := readKeys(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return read[requestsJob](raw, keys, requestsRequired)
}

func TestWrongRequestsAreRefusedInOneLine(t *testing.T) {
	if _, err := requestsOf(goodRequests); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ from, to, expect string }{
		{`"tasks":50`, `"tasks":0`, "tasks: 0 asked, from 1 to 10000000"},
		{`"tasks":50`, `"tasks":100000000`, "tasks: 100000000 asked, from 1 to 10000000"},
		{`"work_ns":1000`, `"work_ns":-1`, "work_ns: -1 asked"},
		{`"windows":10`, `"windows":0`, "windows: 0 asked"},
		{`"windows":10`, `"windows":10,"rate_per_s":0`, "rate_per_s: 0 is not above 0"},
		{`"windows":10`, `"windows":10,"rate_per_s":1e9`, "rate_per_s: 1e+09 is not above 0"},
		{`"seed":7,`, ``, `key "seed" is missing`},
		{`"operations":30`, `"operations":30,"seconds":1`, "one of seconds and operations"},
		{`"v":1`, `"v":1,"yields":3`, `unknown field "yields"`},
	} {
		wrong := strings.Replace(goodRequests, one.from, one.to, 1)
		_, err := requestsOf(wrong)
		if err == nil || !strings.Contains(err.Error(), one.expect) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %s", wrong, err, one.expect)
		}
	}
	job, _ := requestsOf(strings.Replace(goodRequests, `"operations":30`, `"seconds":1000,"rate_per_s":1e6`, 1))
	if _, err := job.arrivals(); err == nil || !strings.Contains(err.Error(), "1000000000 arrivals in a sample") {
		t.Errorf("%v", err)
	}
}

func TestServedRequestsAddUp(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, one := range []struct {
		extent string
		served uint64
	}{{`"operations":30`, 1500}, {`"seconds":0.02`, 0}, {`"operations":30,"rate_per_s":1e6`, 1500}, {`"seconds":0.02,"rate_per_s":20000`, 0}} {
		job, err := requestsOf(strings.Replace(goodRequests, `"operations":30`, one.extent, 1))
		if err != nil {
			t.Fatal(err)
		}
		found, err := measureRequests(job, &frames{to: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		var inWindows uint64
		var endNs int64
		for _, w := range found.Windows {
			if w.StartNs != endNs || w.LengthNs <= 0 {
				t.Errorf("%s: a gap at %d: %+v", one.extent, endNs, found.Windows)
			}
			inWindows += w.Operations
			endNs = w.StartNs + w.LengthNs
		}
		sums := []uint64{found.Operations, found.ServedByTasks, found.Latencies.Count, inWindows}
		for _, sum := range sums {
			if sum != sums[0] || sum == 0 || one.served > 0 && sum != one.served {
				t.Errorf("%s: %d requests: %+v", one.extent, sums, found)
			}
		}
		if endNs != found.ElapsedNs || job.RatePerS != nil && found.Operations > found.Arrived {
			t.Errorf("%s: %+v", one.extent, found)
		}
	}
}

func TestBuckets(t *testing.T) {
	// As latency.rs of crates/runner has them.
	for ns, bucket := range map[int64]int{63: 63, 64: 64, 128: 128, 40_000: 654, 1 << 39: 2176, math.MaxInt64: bucketCount - 1} {
		if found := bucketOf(ns); found != bucket {
			t.Errorf("%d ns in bucket %d, not %d", ns, found, bucket)
		}
	}
	for ns := int64(0); ns < 1<<36; ns += 1 + ns/7 {
		greatest := greatestOf(bucketOf(ns))
		if greatest < ns || greatest-ns > ns/64 {
			t.Errorf("%d ns in a bucket up to %d", ns, greatest)
		}
	}
}

func TestQuantilesAreThoseOfAllValues(t *testing.T) {
	few := newTally(1, math.MaxInt64, 1)
	for value := int64(1); value <= 10_000; value++ {
		few.ended(int(value), value, 100*value)
	}
	found := few.latencies()
	for _, one := range []struct {
		found  *float64
		expect float64
	}{{found.P50Ns, 5e5}, {found.P99Ns, 9.9e5}, {found.P999Ns, 9.99e5}, {found.LongestNs, 1e6}} {
		if one.found == nil || *one.found < one.expect || *one.found > one.expect*(1+1.0/64) {
			t.Errorf("%v, not %v", one.found, one.expect)
		}
	}
	if found.Count != 10_000 {
		t.Errorf("%d values", found.Count)
	}
}

func TestArrivals(t *testing.T) {
	// As crates/runner/src/workload/requests/mod.rs has them.
	found := poisson(7, 1e6, 1e9, 3)
	if len(found) != 3 || found[0] != 2617 || found[1] != 3559 || found[2] != 7646 {
		t.Errorf("%d", found)
	}
	all := poisson(7, 1e6, 1e9, math.MaxUint64)
	if math.Abs(float64(len(all))-1e6) > 5e3 {
		t.Errorf("%d arrivals of 1e6", len(all))
	}
}
