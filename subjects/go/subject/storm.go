package main

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	tasksMost  = 10_000_000
	yieldsMost = 1_000_000
	loopNsMost = 1_000_000_000
	// What a goroutine takes that waits: stack and descriptor. Measured, crates/gmp/README.md.
	taskBytes = 2700
	// Times of storms that are told, the first ones.
	timesMost = 1 << 20
)

// stormJob asks for storms: so many goroutines at once, each of which yields so many times and ends.
type stormJob struct {
	// Operations are storms.
	heading
	Tasks  int `json:"tasks"`
	Yields int `json:"yields"`
	// Length of the empty loop before each yield.
	LoopNs int `json:"loop_ns"`
}

var stormRequired = []string{"v", "procs", "gogc", "tasks", "yields", "loop_ns"}

// stormSample is what was measured; an absent key was not.
type stormSample struct {
	Go     string `json:"go"`
	Procs  int    `json:"procs"`
	Gogc   int    `json:"gogc"`
	Storms uint64 `json:"storms"`
	// All storms together.
	ElapsedNs int64 `json:"elapsed_ns"`
	// Yields of all storms.
	Operations uint64 `json:"operations"`
	// Time of each storm, of the first 2^20 of them.
	TimesNs []int64 `json:"times_ns"`
	// Cycles of the collector that ended meanwhile, and how long the world was stopped in them.
	Cycles    int64    `json:"gc_cycles"`
	StoppedNs int64    `json:"gc_stopped_ns"`
	Usage     usage    `json:"usage"`
	Notes     []string `json:"notes"`
}

func (j *stormJob) check() error {
	if err := j.heading.check([]inRange{
		{"tasks", j.Tasks, 1, tasksMost},
		{"yields", j.Yields, 1, yieldsMost},
		{"loop_ns", j.LoopNs, 0, loopNsMost},
	}); err != nil {
		return err
	}
	asked := uint64(j.Tasks)*taskBytes + processOverhead
	if available, source, known := availableBytes(); known && asked > available {
		return fmt.Errorf("%d bytes asked, %d for each of %d tasks, %d available (%s); set fewer tasks",
			asked, taskBytes, j.Tasks, available, source)
	}
	return nil
}

// measureStorms runs one storm after the other until they have taken the job's seconds together, or so many; one at least.
func measureStorms(j *stormJob, out *frames) (*stormSample, error) {
	found := &stormSample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	times := make([]int64, 0, 1<<10)
	turns := turnsOf(j.LoopNs)
	limit, limitNs := uint64(math.MaxUint64), int64(math.MaxInt64)
	if j.Operations != nil {
		limit = *j.Operations
	} else {
		limitNs = int64(*j.Seconds * 1e9)
	}
	out.begin("run")
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	for found.Storms == 0 || found.Storms < limit && found.ElapsedNs < limitNs {
		ns := storm(j.Tasks, j.Yields, turns)
		found.Storms++
		found.ElapsedNs += ns
		if len(times) < timesMost {
			times = append(times, ns)
		}
	}
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	debug.ReadGCStats(&after)
	out.begin("check")
	found.Operations = found.Storms * uint64(j.Tasks) * uint64(j.Yields)
	found.TimesNs = times
	found.Cycles = after.NumGC - before.NumGC
	found.StoppedNs = (after.PauseTotal - before.PauseTotal).Nanoseconds()
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}

// storm is the time from before the first go statement to the end of the last goroutine.
func storm(tasks, yields int, turns uint64) int64 {
	var all sync.WaitGroup
	begun := time.Now()
	all.Add(tasks)
	for task := 0; task < tasks; task++ {
		go func() {
			defer all.Done()
			for at := 0; at < yields; at++ {
				if turns > 0 {
					turn(turns)
				}
				runtime.Gosched()
			}
		}()
	}
	all.Wait()
	return time.Since(begun).Nanoseconds()
}

// turn is an empty loop; the compiler keeps it.
//
//go:noinline
func turn(turns uint64) {
	for at := uint64(0); at < turns; at++ {
	}
}

// turnsOf says how many turns of an empty loop take so long, by the fastest of some trials: a PU that is taken away in
// between makes a trial longer, never shorter. As crates/runner/src/workload/storm/mod.rs.
func turnsOf(loopNs int) uint64 {
	const each, trials = 20_000, 50
	if loopNs == 0 {
		return 0
	}
	fastest := int64(math.MaxInt64)
	for trial := 0; trial < trials; trial++ {
		begun := time.Now()
		turn(each)
		if ns := time.Since(begun).Nanoseconds(); ns < fastest {
			fastest = ns
		}
	}
	if fastest < 1 {
		fastest = 1
	}
	if turns := uint64(math.Round(float64(loopNs) * each / float64(fastest))); turns > 1 {
		return turns
	}
	return 1
}
