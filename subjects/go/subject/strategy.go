package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	itemsMost = 10_000_000
	// Start-ups that are kept for the median, the first ones.
	startupsMost = 1 << 20
	// Threads that locked goroutines may have, and Go's own beside them.
	lockedMost = 10_000
	threadsOwn = 1_000
)

// strategyJob asks for batches of items, and says who does them.
type strategyJob struct {
	// Operations are batches.
	heading
	Strategy string `json:"strategy"`
	Items    int    `json:"items"`
	WorkNs   int    `json:"work_ns"`
}

var strategyRequired = []string{"v", "procs", "gogc", "strategy", "items", "work_ns"}

// strategySample is what was measured.
type strategySample struct {
	Go      string `json:"go"`
	Procs   int    `json:"procs"`
	Gogc    int    `json:"gogc"`
	Batches uint64 `json:"batches"`
	// All batches together.
	ElapsedNs   int64     `json:"elapsed_ns"`
	Operations  uint64    `json:"operations"`
	DoneByTasks uint64    `json:"done_by_tasks"`
	StartupNs   float64   `json:"startup_ns"`
	Latencies   latencies `json:"latencies"`
	// By how much the resident memory was larger at its peak than before the run; absent: the kernel does not reset the peak.
	MemoryBytes *uint64  `json:"memory_bytes,omitempty"`
	Usage       usage    `json:"usage"`
	Notes       []string `json:"notes"`
}

func (j *strategyJob) check() error {
	items := uint64(itemsMost)
	switch j.Strategy {
	case "pool", "fan", "single":
	case "locked":
		items = lockedMost
	default:
		return fmt.Errorf("strategy: %q is none of pool, fan, locked, single", j.Strategy)
	}
	return j.heading.check([]inRange{
		{"items", j.Items, 1, items},
		{"work_ns", j.WorkNs, 0, workNsMost},
	})
}

// batch is what the items of one share.
type batch struct {
	turns uint64
	begun time.Time
	// When the first item began; MaxInt64: none has.
	firstNs   int64
	latencies *tally
}

func (b *batch) nowNs() int64 { return time.Since(b.begun).Nanoseconds() }

// item does one that was handed over at sinceNs.
func (b *batch) item(number int, sinceNs int64) {
	if atomic.LoadInt64(&b.firstNs) == math.MaxInt64 {
		atomic.CompareAndSwapInt64(&b.firstNs, math.MaxInt64, b.nowNs())
	}
	if b.turns > 0 {
		turn(b.turns)
	}
	now := b.nowNs()
	b.latencies.ended(number, now, now-sinceNs)
}

// pool has so many workers as Ps, which are made first.
func (b *batch) pool(items, workers int) (done uint64) {
	queue := make(chan int64, items)
	var all sync.WaitGroup
	all.Add(workers)
	for worker := 0; worker < workers; worker++ {
		go func(worker int) {
			defer all.Done()
			var own uint64
			for sinceNs := range queue {
				b.item(worker, sinceNs)
				own++
			}
			atomic.AddUint64(&done, own)
		}(worker)
	}
	for item := 0; item < items; item++ {
		queue <- b.nowNs()
	}
	close(queue)
	all.Wait()
	return done
}

// fan has a goroutine for each item, whose result comes back over a channel.
func (b *batch) fan(items int) (done uint64) {
	results := make(chan uint64, items)
	for item := 0; item < items; item++ {
		go func(item int, sinceNs int64) {
			b.item(item, sinceNs)
			results <- 1
		}(item, b.nowNs())
	}
	for item := 0; item < items; item++ {
		done += <-results
	}
	return done
}

// locked has a goroutine for each item, with a thread of its own until the item is done.
func (b *batch) locked(items int) (done uint64) {
	var all sync.WaitGroup
	all.Add(items)
	for item := 0; item < items; item++ {
		go func(item int, sinceNs int64) {
			defer all.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.item(item, sinceNs)
			atomic.AddUint64(&done, 1)
		}(item, b.nowNs())
	}
	all.Wait()
	return done
}

// single has one goroutine, locked to its thread for good, that takes all items.
func (b *batch) single(items int) (done uint64) {
	queue := make(chan int64, items)
	ended := make(chan uint64)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		var own uint64
		for sinceNs := range queue {
			b.item(0, sinceNs)
			own++
		}
		ended <- own
	}()
	for item := 0; item < items; item++ {
		queue <- b.nowNs()
	}
	close(queue)
	return <-ended
}

func measureStrategy(j *strategyJob, out *frames) (*strategySample, error) {
	found := &strategySample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	turns := turnsOf(j.WorkNs)
	if j.Strategy == "locked" {
		debug.SetMaxThreads(lockedMost + threadsOwn)
	}
	limit, limitNs := uint64(math.MaxUint64), int64(math.MaxInt64)
	if j.Operations != nil {
		limit = *j.Operations
	} else {
		limitNs = int64(*j.Seconds * 1e9)
	}
	// Only its latencies are used.
	all := newTally(j.Procs, math.MaxInt64, 1)
	startups := make([]float64, 0, 1<<10)
	runtime.GC()
	out.begin("run")
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	before, resets := resetPeak()
	for found.Batches == 0 || found.Batches < limit && found.ElapsedNs < limitNs {
		b := &batch{turns: turns, begun: time.Now(), firstNs: math.MaxInt64, latencies: all}
		switch j.Strategy {
		case "pool":
			found.DoneByTasks += b.pool(j.Items, found.Procs)
		case "fan":
			found.DoneByTasks += b.fan(j.Items)
		case "single":
			found.DoneByTasks += b.single(j.Items)
		default:
			found.DoneByTasks += b.locked(j.Items)
		}
		found.ElapsedNs += b.nowNs()
		found.Batches++
		if len(startups) < startupsMost {
			startups = append(startups, float64(b.firstNs))
		}
	}
	if peak, known := field("/proc/self/status", "VmHWM:"); resets && known {
		bytes := uint64(0)
		if peak > before {
			bytes = (peak - before) * 1024
		}
		found.MemoryBytes = &bytes
	}
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	out.begin("check")
	found.Operations = all.served()
	found.Latencies = all.latencies()
	found.StartupNs = median(startups)
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}

// resetPeak is the resident memory in KiB, from which the kernel keeps its peak anew. As host::peak.
func resetPeak() (uint64, bool) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, false
	}
	return field("/proc/self/status", "VmRSS:")
}

func median(values []float64) float64 {
	sort.Float64s(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
