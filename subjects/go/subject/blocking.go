package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Each may hold a thread, and the runtime ends a program that has 10000.
	blockingTasksMost = 5000
	blockUsMost       = 1_000_000
)

// blockingJob asks for goroutines that work a little in each turn, and by chance end it with a call that blocks their thread.
type blockingJob struct {
	heading
	Tasks int `json:"tasks"`
	// Length of the empty loop of each turn.
	WorkNs          int `json:"work_ns"`
	BlockingPercent int `json:"blocking_percent"`
	// How long a blocking call sleeps.
	BlockUs int    `json:"block_us"`
	Seed    uint64 `json:"seed"`
}

var blockingRequired = []string{"v", "procs", "gogc", "tasks", "work_ns", "blocking_percent", "block_us", "seed"}

// blockingSample is what was measured; operations are turns.
type blockingSample struct {
	Go         string `json:"go"`
	Procs      int    `json:"procs"`
	Gogc       int    `json:"gogc"`
	ElapsedNs  int64  `json:"elapsed_ns"`
	Operations uint64 `json:"operations"`
	// Blocking calls that were made, and those that the turns have by the seed.
	Blocks    uint64   `json:"blocks"`
	BlocksDue uint64   `json:"blocks_due"`
	Usage     usage    `json:"usage"`
	Notes     []string `json:"notes"`
}

func (j *blockingJob) check() error {
	return j.heading.check([]inRange{
		{"tasks", j.Tasks, 1, blockingTasksMost},
		{"work_ns", j.WorkNs, 0, loopNsMost},
		{"blocking_percent", j.BlockingPercent, 0, 100},
		{"block_us", j.BlockUs, 1, blockUsMost},
	})
}

// blocks says whether a turn blocks; crates/runner/src/workload/blocking draws the same.
func (j *blockingJob) blocks(task, turn uint64) bool {
	return below(draw(split(j.Seed, task), turn), 100) < uint64(j.BlockingPercent)
}

// block sleeps in the kernel, on the goroutine's own thread.
func block(us int) error {
	left := syscall.NsecToTimespec(int64(us) * 1000)
	for {
		asked := left
		err := syscall.Nanosleep(&asked, &left)
		if err != syscall.EINTR {
			return err
		}
	}
}

// doneTurns is what a goroutine did.
type doneTurns struct{ turns, blocks uint64 }

// measureBlocking runs all goroutines from before the first go statement until the time is over, or so many turns of each.
func measureBlocking(j *blockingJob, out *frames) (*blockingSample, error) {
	found := &blockingSample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	loop := turnsOf(j.WorkNs)
	tallies := make([]doneTurns, j.Tasks)
	var over int32
	var failed atomic.Value
	var all sync.WaitGroup
	all.Add(j.Tasks)
	out.begin("run")
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if j.Seconds != nil {
		ends := time.AfterFunc(time.Duration(*j.Seconds*1e9), func() { atomic.StoreInt32(&over, 1) })
		defer ends.Stop()
	}
	for task := 0; task < j.Tasks; task++ {
		go func(task uint64) {
			defer all.Done()
			own := doneTurns{}
			for {
				if loop > 0 {
					turn(loop)
				}
				if j.blocks(task, own.turns) {
					if err := block(j.BlockUs); err != nil {
						failed.CompareAndSwap(nil, fmt.Errorf("nanosleep: %w", err))
						break
					}
					own.blocks++
				}
				own.turns++
				if j.Operations != nil && own.turns >= *j.Operations || atomic.LoadInt32(&over) != 0 {
					break
				}
				runtime.Gosched()
			}
			tallies[task] = own
		}(uint64(task))
	}
	all.Wait()
	found.ElapsedNs = time.Since(begun).Nanoseconds()
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	out.begin("check")
	if err, is := failed.Load().(error); is {
		return nil, err
	}
	for task, own := range tallies {
		found.Operations += own.turns
		found.Blocks += own.blocks
		for turn := uint64(0); turn < own.turns; turn++ {
			if j.blocks(uint64(task), turn) {
				found.BlocksDue++
			}
		}
	}
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}
