package main

// mark is how many requests a worker had done when tick number `tick` of the grid had passed.
type mark struct {
	tick     int64
	requests uint64
}

// firstTickNs is the grid to begin with where nobody knows how long the sample will be.
const firstTickNs = 64_000

// slices holds a worker's marks at multiples of a tick. Where the end is unknown the step doubles when twice the slices
// asked for are full, so that any length ends in once to twice as many. It allocates nothing while it runs.
//
// No goroutine ticks: it would need a P, which it gets up to 10 ms late (sysmon's time slice) where all are busy. Each worker
// reads the clock itself, every 8 to 32 us.
type slices struct {
	tickNs     int64
	step, next int64
	asked      int
	known      bool
	marks      []mark
}

func newSlices(asked int, endNs int64, known bool) slices {
	if known {
		tick := endNs / int64(asked)
		if tick < 1 {
			tick = 1
		}
		return slices{tickNs: tick, step: 1, next: 1, asked: asked, known: true, marks: make([]mark, 0, asked)}
	}
	return slices{tickNs: firstTickNs, step: 1, next: 1, asked: asked, marks: make([]mark, 0, 2*asked)}
}

// see marks every tick that has passed by `nowNs`. A worker that slept over several did nothing between them.
func (s *slices) see(nowNs int64, requests uint64) {
	for s.next*s.tickNs <= nowNs {
		if s.known && s.next >= int64(s.asked) {
			return
		}
		s.marks = append(s.marks, mark{s.next, requests})
		s.next += s.step
		if !s.known && len(s.marks) == 2*s.asked {
			s.double()
		}
	}
}

func (s *slices) double() {
	s.step *= 2
	last := s.marks[len(s.marks)-1].tick
	s.marks = onStep(s.marks, s.step)
	s.next = (last/s.step + 1) * s.step
}

func onStep(marks []mark, step int64) []mark {
	kept := marks[:0]
	for _, one := range marks {
		if one.tick%step == 0 {
			kept = append(kept, one)
		}
	}
	return kept
}

// counts is what one worker did: its marks, and all its requests.
type counts struct {
	slices   *slices
	requests uint64
}

// windows are the slices between the release, the ticks of the longest step, and the last worker's stop.
func windows(workers []counts, endNs int64) []window {
	var step int64 = 1
	var all uint64
	for _, one := range workers {
		all += one.requests
		if one.slices.step > step {
			step = one.slices.step
		}
	}
	first := workers[0].slices
	var found []window
	var startNs int64
	var before uint64
	add := func(upToNs int64, requests uint64) {
		found = append(found, window{startNs, upToNs - startNs, requests - before})
		startNs, before = upToNs, requests
	}
	at := make([]int, len(workers))
	for tick := step; tick*first.tickNs < endNs; tick += step {
		if first.known && tick >= int64(first.asked) {
			break
		}
		var requests uint64
		for worker, one := range workers {
			marks := one.slices.marks
			for at[worker] < len(marks) && marks[at[worker]].tick < tick {
				at[worker]++
			}
			// One that ended before the tick has no mark of it, and had done all of its requests.
			if at[worker] < len(marks) {
				requests += marks[at[worker]].requests
			} else {
				requests += one.requests
			}
		}
		add(tick*first.tickNs, requests)
	}
	add(endNs, all)
	return found
}
