package main

// visit is a sampled request, and the PU before and after it.
type visit struct {
	request       uint64
	before, after int32
}

// sampler keeps about one request in N, by a draw of its own for each request, so that nothing periodic can hide from it.
// N doubles when there is no more room, and what was kept is thinned to the new N: the draws of a larger N are among those
// of a smaller one. It allocates nothing while it runs.
type sampler struct {
	key  uint64
	mask uint64
	kept []visit
}

const (
	// Kept of one worker at most; at least while there are less than 2^12 workers; and of all.
	visitsMost  = 20_000
	visitsLeast = 256
	visitsOfAll = 1 << 20
	// Touches of one worker that are drawn again at most: a fraction of a second.
	touchesMost = 1 << 26
)

// room is how many requests a worker keeps at most.
func room(workers int, linesPerRequest uint64) int {
	found := uint64(visitsOfAll / workers)
	if byTouches := touchesMost / linesPerRequest; byTouches < found {
		found = byTouches
	}
	if found > visitsMost {
		return visitsMost
	}
	if found < visitsLeast {
		return visitsLeast
	}
	return int(found)
}

func newSampler(key, oneIn uint64, room int) sampler {
	return sampler{key: split(key, sampled), mask: oneIn - 1, kept: make([]visit, 0, room)}
}

// wants says whether a request is to be sampled.
func (s *sampler) wants(request uint64) bool {
	return draw(s.key, request)&s.mask == 0
}

// keep keeps a request that was wanted.
func (s *sampler) keep(one visit) {
	for len(s.kept) == cap(s.kept) {
		s.thin(s.mask<<1 | 1)
	}
	if s.wants(one.request) {
		s.kept = append(s.kept, one)
	}
}

// thin keeps only what a larger N would have kept.
func (s *sampler) thin(mask uint64) {
	s.mask = mask
	kept := s.kept[:0]
	for _, one := range s.kept {
		if s.wants(one.request) {
			kept = append(kept, one)
		}
	}
	s.kept = kept
}

// alike brings all workers to the largest N: then all their requests together are one uniform sample.
func alike(samplers []*sampler) (oneIn uint64) {
	var mask uint64
	for _, one := range samplers {
		if one.mask > mask {
			mask = one.mask
		}
	}
	for _, one := range samplers {
		one.thin(mask)
	}
	return mask + 1
}
