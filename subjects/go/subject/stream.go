package main

import "math"

// Index of a worker's own heap, and of the one that all share, in every pair of heaps.
const (
	private = 0
	shared  = 1
)

const (
	lineBytes = 64
	lineWords = lineBytes / 8
	// Low bits of a draw that decide whether it is shared, and as many above them whether it writes.
	ratioBits = 16
	ratioMask = 1<<ratioBits - 1
	// Odd, so that every line of a heap holds another value.
	valueFactor = golden
)

// stream is what the draws of a worker mean: Stream of crates/runner/src/workload/serve.rs.
type stream struct {
	key             uint64
	linesPerRequest uint64
	lines           [2]uint64
	sharedBelow     uint64
	writeBelow      uint64
	// 0, which the compiler does not know: what a dependent touch waits for.
	dependMask uint64
}

// touch is one access of the first word of a line.
type touch struct {
	heap  int
	line  uint64
	write bool
}

var zero uint64

func newStream(job *job, key uint64) stream {
	threshold := func(ratio float64) uint64 { return uint64(math.Round(ratio * (ratioMask + 1))) }
	return stream{
		key:             key,
		linesPerRequest: job.LinesPerRequest,
		lines:           [2]uint64{job.PrivateBytes / lineBytes, job.SharedBytes / lineBytes},
		sharedBelow:     threshold(job.SharedRatio),
		writeBelow:      threshold(job.WriteRatio),
		dependMask:      zero,
	}
}

// touch draws touch number `counter`.
func (s *stream) touch(counter uint64) touch {
	drawn := draw(s.key, counter)
	heap := private
	if drawn&ratioMask < s.sharedBelow {
		heap = shared
	}
	write := (drawn>>ratioBits)&ratioMask < s.writeBelow
	return touch{heap: heap, line: below(drawn, s.lines[heap]), write: write}
}

// request serves one request; the checksum with its loads added.
//
// Loads and stores are plain ones, as a Go program's are. Words are aligned and every store writes what is there
// already, so other goroutines cannot be seen. An atomic store would be an exchange, which costs tens of ns.
func (s *stream) request(request uint64, heaps *[2][]uint64, checksum uint64) uint64 {
	first := request * s.linesPerRequest
	for counter := first; counter < first+s.linesPerRequest; counter++ {
		at := s.touch(counter)
		word := &heaps[at.heap][at.line*lineWords]
		if at.write {
			*word = value(at.heap, at.line)
		} else {
			checksum += *word
		}
	}
	return checksum
}

// requestDependent is request, where each touch waits for the load before it.
func (s *stream) requestDependent(request uint64, heaps *[2][]uint64, checksum uint64) uint64 {
	first := request * s.linesPerRequest
	var nothing uint64
	for counter := first; counter < first+s.linesPerRequest; counter++ {
		at := s.touch(counter ^ nothing)
		word := &heaps[at.heap][at.line*lineWords]
		if at.write {
			*word = value(at.heap, at.line)
		} else {
			loaded := *word
			checksum += loaded
			nothing = loaded & s.dependMask
		}
	}
	return checksum
}

// value is what a line's first word holds. Never 0, so that a page that was never written is seen.
func value(heap int, line uint64) uint64 {
	return (2*line + uint64(heap) + 1) * valueFactor
}

// fill writes the lines from..to of a heap for the first time.
func fill(heap int, words []uint64, from, to uint64) {
	for line := from; line < to; line++ {
		words[line*lineWords] = value(heap, line)
	}
}

// part is part `worker` of 0..all, cut into `workers` parts whose lengths differ by at most one.
func part(all uint64, worker, workers int) (from, to uint64) {
	// all is at most 2^42 lines and workers at most 2^16: no overflow.
	cut := func(at int) uint64 { return all * uint64(at) / uint64(workers) }
	return cut(worker), cut(worker + 1)
}
