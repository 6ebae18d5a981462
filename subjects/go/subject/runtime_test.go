package main

import (
	"encoding/json"
	"io"
	"math"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func TestBucketsBecomeQuantilesOfWhatHappenedSince(t *testing.T) {
	limits := []float64{math.Inf(-1), 0, 1e-6, 2e-6, math.Inf(1)}
	then := &metrics.Float64Histogram{Counts: []uint64{0, 5, 1, 0}, Buckets: limits}
	now := &metrics.Float64Histogram{Counts: []uint64{0, 15, 10, 1}, Buckets: limits}
	found, err := json.Marshal(difference(now, then))
	expect := `{"count":20,"p50_ns":1000,"p90_ns":2000,"p99_ns":null,"max_ns":null,"buckets":[[0,1000,10],[1000,2000,9],[2000,null,1]]}`
	if err != nil || string(found) != expect {
		t.Errorf("%s, not %s", found, expect)
	}
}

func TestWhatAVersionDoesNotHaveIsAbsent(t *testing.T) {
	now := readMetrics()
	delete(now, gcName)
	if now.nsSince(now, gcName) != nil || len(now.missing()) == 0 || now.bytesSince(now, allocatedName) == nil {
		t.Errorf("missing: %v", now.missing())
	}
}

func TestNoPauseIsLostOrItIsSaid(t *testing.T) {
	// A cycle that other tests' allocations began is none of these.
	runtime.GC()
	log := gcLog{released: time.Now()}
	log.begin()
	for at := 0; at < 3; at++ {
		runtime.GC()
	}
	log.read()
	if len(log.pauses) != 3 || log.lost != 0 {
		t.Fatalf("%d pauses, %d lost, of 3", len(log.pauses), log.lost)
	}
	var last int64
	for _, one := range log.pauses {
		if one.endNs <= last || one.pauseNs <= 0 {
			t.Errorf("not in order: %v", log.pauses)
		}
		last = one.endNs
	}
	for at := 0; at < ringCycles+10; at++ {
		runtime.GC()
	}
	log.read()
	if len(log.pauses) != 3+ringCycles || log.lost != 10 {
		t.Errorf("%d pauses, %d lost, of %d", len(log.pauses), log.lost, ringCycles+13)
	}
	if !log.due(1) || log.due(2) || !log.due(1+readEveryNs) {
		t.Error("one turn in 10 ms")
	}
}

func TestACycleThatEndedLaterIsNotTheRuns(t *testing.T) {
	found := within([]cycle{{-1, 5}, {0, 6}, {100, 7}, {101, 8}}, 100)
	if len(found) != 2 || found[0].pauseNs != 6 || found[1].pauseNs != 7 {
		t.Errorf("%v", found)
	}
}

func TestPagesAreThoseOfTheHeap(t *testing.T) {
	for _, words := range []int{0, 8, 520, 100_000} {
		heap := make([]uint64, words)
		fill(private, heap, 0, uint64(words/lineWords))
		found, err := locate(heap)
		if err != nil {
			t.Skipf("NOT TESTABLE: %v", err)
		}
		for line := 0; line < words/lineWords; line++ {
			if node := found.nodes[found.page(uint64(line))]; node < 0 {
				t.Fatalf("line %d of %d words was written and lies nowhere", line, words)
			}
		}
		nodes, moved := found.both(&found)
		if moved != 0 || len(nodes) != len(found.nodes) {
			t.Errorf("%d pages moved", moved)
		}
		runtime.KeepAlive(heap)
	}
	// Never written: -ENOENT is unknown. Not of Go's heap, which clears what other tests used before.
	raw, err := syscall.Mmap(-1, 0, 1<<27, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	empty, _ := locate(unsafe.Slice((*uint64)(unsafe.Pointer(&raw[0])), 1<<24))
	if empty.nodes[1<<14] != unknown {
		t.Errorf("an absent page is on node %d", empty.nodes[1<<14])
	}
	before, after := pageMap{nodes: []int16{0, 0, unknown, 1}}, pageMap{nodes: []int16{0, 1, 0, unknown}}
	if nodes, moved := after.both(&before); moved != 1 || nodes[0] != 0 || nodes[1] != unknown || nodes[2] != unknown || nodes[3] != unknown {
		t.Errorf("%v, %d moved", nodes, moved)
	}
}

func TestTouchesAreCountedByPuAndNode(t *testing.T) {
	s := newStream(testJob(), 5)
	maps := [2]*pageMap{{nodes: make([]int16, 4)}, {nodes: []int16{1, 1, 1, 1, 1, 1, 1, unknown}}}
	nodes := [2][]int16{maps[0].nodes, maps[1].nodes}
	rows, moved := countTraffic(&s, []visit{{3, 7, 7}, {4, 7, 8}}, &maps, &nodes)
	var expect [2]uint64
	for counter := uint64(3 * 16); counter < 5*16; counter++ {
		expect[s.touch(counter).heap]++
	}
	found := map[int32]uint64{}
	for _, row := range rows {
		found[row.node] += row.touches
		if row.pu != 7 && row.pu != unknown {
			t.Errorf("PU %d", row.pu)
		}
	}
	if moved != 1 || found[0] != expect[0] || found[1]+found[unknown] != expect[1] {
		t.Errorf("%v, %d moved; %v", rows, moved, expect)
	}
	text, _ := json.Marshal([]traffic{{unknown, 0, 3}, {2, unknown, 4}})
	if string(text) != "[[null,0,3],[2,null,4]]" {
		t.Errorf("%s", text)
	}
}

func TestASampleHoldsWhatTheWorkersDid(t *testing.T) {
	for _, touches := range []string{"independent", "dependent"} {
		for _, gogc := range []int{-1, 100} {
			job := testJob()
			job.Touches, *job.Gogc = touches, gogc
			found, err := measure(&crew{job: job}, &frames{to: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			if found.Operations != 1500 || found.Gc.Lost != 0 || found.Sampling.OneIn != 1 || found.Sampling.Requests != 1500 {
				t.Errorf("%+v", found)
			}
			for _, one := range found.Workers {
				var touches uint64
				for _, row := range one.Traffic {
					touches += row.touches
				}
				expect := bruteForce(job, workerKey(job.Seed, one.Worker), 500)
				if one.Checksum != expect || touches != 500*job.LinesPerRequest || one.StoppedNs > found.ElapsedNs {
					t.Errorf("%+v, checksum by the rule %d", one, expect)
				}
			}
		}
	}
}

func TestGarbageWithoutACollectorEndsTheSample(t *testing.T) {
	job := testJob()
	seconds, off := 60.0, -1
	job.Operations, job.Seconds, job.Gogc = nil, &seconds, &off
	_, err := measure(&crew{job: job, garbageMost: 1 << 20}, &frames{to: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "bytes of garbage in") {
		t.Errorf("%v", err)
	}
}
