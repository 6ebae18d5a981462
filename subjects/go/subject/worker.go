package main

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Requests between two looks at the clock become twice as many below the first, half as many above the second.
const (
	lookLeastNs = 8_000
	lookMostNs  = 32_000
)

// plenty is how many requests may pass between two looks at most.
const plenty = 1 << 20

// crew is what the workers of a sample share.
type crew struct {
	job      *job
	shared   []uint64
	released time.Time
	gc       gcLog
	// Garbage that one worker may leave with the collector off; 0: no limit is known.
	garbageMost uint64
	// Set by the worker that must end the sample before its time.
	aborted int32
	cause   atomic.Value
}

// worker is one goroutine and what it has seen. Workers are allocated one by one, by themselves.
type worker struct {
	crew      *crew
	number    int
	stream    stream
	heaps     [2][]uint64
	reader    puReader
	sampler   sampler
	slices    slices
	garbage   []byte
	requests  uint64
	checksum  uint64
	stoppedNs int64

	limit          uint64
	endNs          int64
	lookAt, stride uint64
	lookedNs       int64
	before         pageMap
	after          pageMap
	// Two workers may lie side by side, and each writes its own all the time.
	_ [128]byte
}

// newWorker makes and writes the heaps, as a goroutine of a Go server does: each its own. Where pages lie then is where its
// M ran when it wrote them.
func newWorker(crew *crew, number int) *worker {
	job := crew.job
	key := workerKey(job.Seed, number)
	w := &worker{crew: crew, number: number, stream: newStream(job, key), stride: 1}
	w.limit, w.endNs = job.limit()
	w.sampler = newSampler(key, job.SampleFirst, room(job.Workers, job.LinesPerRequest))
	w.slices = newSlices(job.Windows, w.endNs, job.Seconds != nil)
	w.heaps = [2][]uint64{make([]uint64, w.stream.lines[private]*lineWords), crew.shared}
	fill(private, w.heaps[private], 0, w.stream.lines[private])
	from, to := part(w.stream.lines[shared], number, job.Workers)
	if job.SharedToucher == "first-worker" {
		from, to = 0, 0
		if number == 0 {
			to = w.stream.lines[shared]
		}
	}
	fill(shared, w.heaps[shared], from, to)
	return w
}

// serve runs requests in a closed loop until the limit or the time is reached.
func (w *worker) serve() {
	garbageBytes := w.crew.job.GarbageBytes
	request := w.stream.request
	if w.crew.job.Touches == "dependent" {
		request = w.stream.requestDependent
	}
	var done, checksum uint64
	w.lookAt = w.stride
	for {
		if w.sampler.wants(done) {
			before := w.reader.read()
			checksum = request(done, &w.heaps, checksum)
			w.sampler.keep(visit{done, before, w.reader.read()})
		} else {
			checksum = request(done, &w.heaps, checksum)
		}
		if garbageBytes > 0 {
			// Reachable from the heap until the next request, so it cannot stay on the stack.
			w.garbage = make([]byte, garbageBytes)
		}
		done++
		if done >= w.limit || (done >= w.lookAt && w.look(done)) {
			break
		}
	}
	w.requests, w.checksum = done, checksum
	w.stoppedNs = time.Since(w.crew.released).Nanoseconds()
}

// look reads the clock; true ends the sample.
func (w *worker) look(done uint64) bool {
	nowNs := time.Since(w.crew.released).Nanoseconds()
	switch passed := nowNs - w.lookedNs; {
	case passed < lookLeastNs && w.stride < plenty:
		w.stride *= 2
	case passed > lookMostNs && w.stride > 1:
		w.stride /= 2
	}
	w.lookedNs = nowNs
	w.lookAt = done + w.stride
	w.slices.see(nowNs, done)
	if w.crew.gc.due(nowNs) {
		w.crew.gc.read()
	}
	if most := w.crew.garbageMost; most > 0 && done > most/w.crew.job.GarbageBytes {
		w.crew.abort(fmt.Sprintf("gogc -1: worker %d left %d bytes of garbage in %d ms, which is its share of what is "+
			"available; ask for fewer seconds or let the collector run", w.number, done*w.crew.job.GarbageBytes, nowNs/1e6))
	}
	return nowNs >= w.endNs || atomic.LoadInt32(&w.crew.aborted) != 0
}

func (c *crew) abort(cause string) {
	if atomic.CompareAndSwapInt32(&c.aborted, 0, 1) {
		c.cause.Store(cause)
	}
}

// locateAll asks where the pages of all heaps lie. With an error all are unknown.
func locateAll(workers []*worker, shared []uint64, into func(*worker) *pageMap) (pageMap, error) {
	common, failed := locate(shared)
	for _, w := range workers {
		found, err := locate(w.heaps[private])
		if err != nil {
			failed = err
		}
		*into(w) = found
	}
	return common, failed
}

// lastStop is when the last worker stopped.
func lastStop(workers []*worker) int64 {
	var last int64 = math.MinInt64
	for _, w := range workers {
		if w.stoppedNs > last {
			last = w.stoppedNs
		}
	}
	return last
}
