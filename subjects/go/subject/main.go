// The Go side of a sample: `go-subject` reads one job on stdin, runs its workload by goroutines, and writes frames to stdout.
// `go-subject about` says what this build cannot measure. The protocol: subjects/README.md.
//
// Of serve, in order: job, memory, heaps made and written by their goroutines, pages located, common release, the run, pages located
// again, sampled touches drawn again. Nothing is decided here and nothing is judged: ratios and intervals are the reader's.
// Of the others: job, run.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
)

func init() {
	// main stays on the process's first thread until it has asked to die with its parent.
	runtime.LockOSThread()
}

func main() {
	out := &frames{to: os.Stdout, phase: "start"}
	if len(os.Args) == 2 && os.Args[1] == "about" {
		out.write(frame{About: &about{Go: runtime.Version(), Missing: readMetrics().missing()}}, true)
		return
	}
	found, err := guarded(out)
	if err != nil {
		out.fail(err.Error())
		os.Exit(1)
	}
	out.write(frame{Sample: found}, true)
}

// guarded makes a panic of main's own a failure like any other.
func guarded(out *frames) (found interface{}, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	if len(os.Args) > 1 {
		return nil, fmt.Errorf("argument %q is not known: a job on stdin, or about", os.Args[1])
	}
	out.begin("start")
	raw, keys, err := readKeys(os.Stdin)
	if err != nil {
		return nil, err
	}
	kind, err := workloadOf(keys)
	if err != nil {
		return nil, err
	}
	return workloads[kind](raw, keys, out)
}

type workload func(raw json.RawMessage, keys map[string]json.RawMessage, out *frames) (interface{}, error)

// workloads by the word that a job has for each.
var workloads map[string]workload

func init() {
	workloads = map[string]workload{
		"serve":    serve,
		"storm":    program[stormJob](stormRequired, measureStorms),
		"cost":     program[costJob](costRequired, measureCosts),
		"blocking": program[blockingJob](blockingRequired, measureBlocking),
		"requests": program[requestsJob](requestsRequired, measureRequests),
		"strategy": program[strategyJob](strategyRequired, measureStrategy),
		"burst":    program[burstJob](burstRequired, measureBursts),
	}
}

// program is a workload without heaps: reads its job, settles as that says, and measures.
func program[J any, P interface {
	*J
	asked
}, S any](required []string, measure func(P, *frames) (S, error)) workload {
	return func(raw json.RawMessage, keys map[string]json.RawMessage, out *frames) (interface{}, error) {
		job, err := read[J, P](raw, keys, required)
		if err != nil {
			return nil, err
		}
		head := job.head()
		if err := settle(head.ParentPid, head.Procs, *head.Gogc); err != nil {
			return nil, err
		}
		return measure(job, out)
	}
}

func serve(raw json.RawMessage, keys map[string]json.RawMessage, out *frames) (interface{}, error) {
	job, err := readJob(raw, keys)
	if err != nil {
		return nil, err
	}
	if err := settle(job.ParentPid, job.Procs, *job.Gogc); err != nil {
		return nil, err
	}
	garbageMost, err := checkMemory(job)
	if err != nil {
		return nil, err
	}
	if err := checkGarbage(job, garbageMost); err != nil {
		return nil, err
	}
	crew := &crew{job: job}
	if *job.Gogc < 0 && job.GarbageBytes > 0 {
		crew.garbageMost = garbageMost / uint64(job.Workers)
	}
	return measure(crew, out)
}

// settle makes this process the parent's, with its processors and its collector.
func settle(parent, procs, gogc int) error {
	if parent != 0 {
		// As host::child: the kernel may else kill a bystander when memory runs out. Not all containers allow it.
		_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
		if err := dieWithParent(parent); err != nil {
			return err
		}
	}
	runtime.UnlockOSThread()
	runtime.GOMAXPROCS(procs)
	// As the job says, whatever GOGC and GOMEMLIMIT say.
	debug.SetGCPercent(gogc)
	debug.SetMemoryLimit(math.MaxInt64)
	return nil
}
