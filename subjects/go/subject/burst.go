package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const isolationMsMost = 1000

// burstJob asks for groups of goroutines with rests in between.
type burstJob struct {
	// Operations are groups.
	heading
	Tasks        int    `json:"tasks"`
	IsolationMs  int    `json:"isolation_ms"`
	WorkNs       int    `json:"work_ns"`
	GarbageBytes uint64 `json:"garbage_bytes"`
}

var burstRequired = []string{"v", "procs", "gogc", "tasks", "isolation_ms", "work_ns", "garbage_bytes"}

// burstSample is what was measured.
type burstSample struct {
	Go     string `json:"go"`
	Procs  int    `json:"procs"`
	Gogc   int    `json:"gogc"`
	Groups uint64 `json:"groups"`
	// All groups together, without the rests; and with them.
	ElapsedNs int64 `json:"elapsed_ns"`
	WholeNs   int64 `json:"whole_ns"`
	// Goroutines that ran.
	Operations uint64 `json:"operations"`
	// Objects that did not come from the pool: of the first group, which finds it empty, and of all others.
	MadeFirst uint64    `json:"made_first"`
	Made      uint64    `json:"made"`
	Starts    latencies `json:"starts"`
	Cycles    int64     `json:"gc_cycles"`
	StoppedNs int64     `json:"gc_stopped_ns"`
	Usage     usage     `json:"usage"`
	Notes     []string  `json:"notes"`
}

func (j *burstJob) check() error {
	return j.heading.check([]inRange{
		{"tasks", j.Tasks, 1, tasksMost},
		{"isolation_ms", j.IsolationMs, 0, isolationMsMost},
		{"work_ns", j.WorkNs, 0, workNsMost},
		{"garbage_bytes", j.GarbageBytes, 0, garbageBytesMost},
	})
}

// object is what a task writes into, and what else of a task's object there may be. Its garbage goes with the next task.
type object struct {
	startedNs, ranNs, endedNs int64
	garbage                   []byte
	_                         [1000]byte
}

func measureBursts(j *burstJob, out *frames) (*burstSample, error) {
	found := &burstSample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	room := requestsJob{heading: heading{Gogc: j.Gogc}, Tasks: j.Tasks, GarbageBytes: j.GarbageBytes}
	if _, err := room.room(); err != nil {
		return nil, err
	}
	turns := turnsOf(j.WorkNs)
	limit, limitNs := uint64(math.MaxUint64), int64(math.MaxInt64)
	if j.Operations != nil {
		limit = *j.Operations
	} else {
		limitNs = int64(*j.Seconds * 1e9)
	}
	var made uint64
	pool := sync.Pool{New: func() interface{} {
		atomic.AddUint64(&made, 1)
		return new(object)
	}}
	starts := newTally(j.Procs, math.MaxInt64, 1)
	runtime.GC()
	out.begin("run")
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	nowNs := func() int64 { return time.Since(begun).Nanoseconds() }
	for {
		var all sync.WaitGroup
		all.Add(j.Tasks)
		groupNs := nowNs()
		for task := 0; task < j.Tasks; task++ {
			own := pool.Get().(*object)
			own.startedNs = nowNs()
			go func(task int) {
				defer all.Done()
				own.ranNs = nowNs()
				if turns > 0 {
					turn(turns)
				}
				if j.GarbageBytes > 0 {
					own.garbage = make([]byte, j.GarbageBytes)
				}
				own.endedNs = nowNs()
				starts.ended(task, own.endedNs, own.ranNs-own.startedNs)
				pool.Put(own)
			}(task)
		}
		all.Wait()
		if found.Groups == 0 {
			found.MadeFirst = made
		}
		found.WholeNs = nowNs()
		found.ElapsedNs += found.WholeNs - groupNs
		if found.Groups++; found.Groups >= limit || found.WholeNs >= limitNs {
			break
		}
		time.Sleep(time.Duration(j.IsolationMs) * time.Millisecond)
	}
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	debug.ReadGCStats(&after)
	out.begin("check")
	found.Operations, found.Starts, found.Made = starts.served(), starts.latencies(), made-found.MadeFirst
	found.Cycles = after.NumGC - before.NumGC
	found.StoppedNs = (after.PauseTotal - before.PauseTotal).Nanoseconds()
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}
