// The Go side of a sample: `go-subject` reads one job on stdin, runs its requests by goroutines, and writes frames to stdout.
// `go-subject about` says what this build cannot measure. The protocol: subjects/README.md.
//
// The order: job, memory, heaps made and written by their goroutines, pages located, common release, the run, pages located
// again, sampled touches drawn again. Nothing is decided here and nothing is judged: ratios and intervals are the reader's.
package main

import (
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
func guarded(out *frames) (found *sample, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	if len(os.Args) > 1 {
		return nil, fmt.Errorf("argument %q is not known: a job on stdin, or about", os.Args[1])
	}
	out.begin("start")
	job, err := readJob(os.Stdin)
	if err != nil {
		return nil, err
	}
	if job.ParentPid != 0 {
		// As host::child: the kernel may else kill a bystander when memory runs out. Not all containers allow it.
		_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
		if err := dieWithParent(job.ParentPid); err != nil {
			return nil, err
		}
	}
	runtime.UnlockOSThread()
	garbageMost, err := checkMemory(job)
	if err != nil {
		return nil, err
	}
	if err := checkGarbage(job, garbageMost); err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(job.Procs)
	// As the job says, whatever GOGC and GOMEMLIMIT say.
	debug.SetGCPercent(*job.Gogc)
	debug.SetMemoryLimit(math.MaxInt64)
	crew := &crew{job: job}
	if *job.Gogc < 0 && job.GarbageBytes > 0 {
		crew.garbageMost = garbageMost / uint64(job.Workers)
	}
	return measure(crew, out)
}
