package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

// measure makes one sample.
func measure(crew *crew, out *frames) (*sample, error) {
	job := crew.job
	found := &sample{Go: runtime.Version(), Gogc: *job.Gogc, Notes: []string{}}
	found.Sampling.CostNs = 2 * new(puReader).costNs()

	out.begin("touch")
	crew.shared = make([]uint64, job.SharedBytes/lineBytes*lineWords)
	workers := make([]*worker, job.Workers)
	release := make(chan struct{})
	var ready, all sync.WaitGroup
	ready.Add(job.Workers)
	all.Add(job.Workers)
	for number := range workers {
		go func(number int) {
			defer all.Done()
			defer endOnPanic(out, number)
			workers[number] = newWorker(crew, number)
			ready.Done()
			<-release
			workers[number].serve()
		}(number)
	}
	ready.Wait()

	out.begin("locate")
	// What was left behind until now is not the run's: its first cycle is due when the heap has grown by gogc percent.
	runtime.GC()
	sharedBefore, located := locateAll(workers, crew.shared, func(w *worker) *pageMap { return &w.before })

	out.begin("run")
	found.Procs = runtime.GOMAXPROCS(0)
	crew.gc.begin()
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	before := readMetrics()
	crew.released = time.Now()
	crew.gc.released = crew.released
	close(release)
	all.Wait()
	after := readMetrics()
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	crew.gc.read()
	if cause, aborted := crew.cause.Load().(string); aborted {
		return nil, errors.New(cause)
	}
	found.Usage = usageAfter.since(usageBefore)

	out.begin("replay")
	sharedAfter, locatedAgain := locateAll(workers, crew.shared, func(w *worker) *pageMap { return &w.after })
	for _, err := range []error{located, locatedAgain} {
		if err != nil {
			found.Notes = append(found.Notes, fmt.Sprintf("pages not located: %v", err))
			break
		}
	}
	found.ElapsedNs = lastStop(workers)
	slicesOf(workers, found)
	collect(crew, before, after, found)
	replay(workers, &sharedBefore, &sharedAfter, found)
	if located != nil || locatedAgain != nil {
		found.Pages.Moved = nil
	}
	// Nothing of a heap may have been freed before its pages were located.
	runtime.KeepAlive(crew.shared)
	runtime.KeepAlive(workers)
	return found, nil
}

// endOnPanic ends the process with one line; the others may be waiting for this worker.
func endOnPanic(out *frames, number int) {
	if cause := recover(); cause != nil {
		out.fail(fmt.Sprintf("worker %d: panic: %v", number, cause))
		os.Exit(1)
	}
}

func slicesOf(workers []*worker, found *sample) {
	all := make([]counts, len(workers))
	for at, w := range workers {
		all[at] = counts{&w.slices, w.requests}
		found.Operations += w.requests
	}
	found.Windows = windows(all, found.ElapsedNs)
	if asked := workers[0].slices.asked; len(found.Windows) < asked {
		found.Notes = append(found.Notes, fmt.Sprintf("%d slices asked, %d found: the sample took %d ns",
			asked, len(found.Windows), found.ElapsedNs))
	}
}

// collect says what the runtime counted between release and last stop.
func collect(crew *crew, before, after reading, found *sample) {
	found.Missing = after.missing()
	found.Pauses = map[string]*histogram{}
	for name, metric := range histogramNames {
		if one := after.histogramSince(before, metric); one != nil {
			found.Pauses[name] = one
		}
	}
	pauses := within(crew.gc.pauses, found.ElapsedNs)
	found.Gc = collector{
		Cycles:         uint64(len(pauses)) + crew.gc.lost,
		Pauses:         pauses,
		Lost:           crew.gc.lost,
		AllocatedBytes: after.bytesSince(before, allocatedName),
		ProcsNs:        after.nsSince(before, procsName),
		GcNs:           after.nsSince(before, gcName),
		GcIdleNs:       after.nsSince(before, gcIdleName),
	}
	// Without a cycle the runtime has not updated its estimates: unknown, not 0.
	if gc, procs := found.Gc.GcNs, found.Gc.ProcsNs; gc != nil && procs != nil && *procs > 0 {
		share := float64(*gc) / float64(*procs)
		found.Gc.TimeShare = &share
	}
	if crew.gc.lost > 0 {
		found.Notes = append(found.Notes, fmt.Sprintf("pauses of %d GC cycles were overwritten before they were read", crew.gc.lost))
	}
}

// replay draws the touches of sampled requests again and looks up their pages.
func replay(workers []*worker, sharedBefore, sharedAfter *pageMap, found *sample) {
	samplers := make([]*sampler, len(workers))
	for at, w := range workers {
		samplers[at] = &w.sampler
	}
	found.Sampling.OneIn = alike(samplers)
	sharedNodes, moved := sharedAfter.both(sharedBefore)
	found.Workers = make([]workerFigures, len(workers))
	privateMaps := make([]pageMap, len(workers))
	for at, w := range workers {
		nodes, movedHere := w.after.both(&w.before)
		moved += movedHere
		privateMaps[at] = w.after
		rows, requestsMoved := countTraffic(&w.stream, w.sampler.kept,
			&[2]*pageMap{&w.after, sharedAfter}, &[2][]int16{nodes, sharedNodes})
		found.Sampling.Moved += requestsMoved
		found.Sampling.Requests += uint64(len(w.sampler.kept))
		found.Workers[at] = workerFigures{at, w.requests, w.checksum, w.stoppedNs, uint64(len(w.sampler.kept)), rows}
	}
	found.Pages = pageFigures{
		PageBytes: uint64(pageBytes), Private: countNodes(privateMaps), Shared: countNodes([]pageMap{*sharedAfter}), Moved: &moved,
	}
}
