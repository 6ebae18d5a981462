package main

import "testing"

func TestThinningIsWhatTheLargerNWouldHaveKept(t *testing.T) {
	serve := func(s *sampler, requests uint64) {
		for request := uint64(0); request < requests; request++ {
			if s.wants(request) {
				s.keep(visit{request, 1, 1})
			}
		}
	}
	grown := newSampler(9, 1, 1000)
	serve(&grown, 100_000)
	if cap(grown.kept) != 1000 || len(grown.kept) == 0 {
		t.Errorf("%d kept of %d", len(grown.kept), cap(grown.kept))
	}
	fresh := newSampler(9, grown.mask+1, 100_000)
	serve(&fresh, 100_000)
	if len(fresh.kept) != len(grown.kept) {
		t.Fatalf("%d kept, not %d", len(grown.kept), len(fresh.kept))
	}
	for at := range fresh.kept {
		if fresh.kept[at] != grown.kept[at] {
			t.Fatalf("%v is not %v", grown.kept[at], fresh.kept[at])
		}
	}
	// Binomial: 100000 / N +- 5 standard deviations.
	expect := 100_000 / float64(grown.mask+1)
	if off := float64(len(grown.kept)) - expect; off*off > 25*expect {
		t.Errorf("%d kept, %.0f expected", len(grown.kept), expect)
	}
	slow := newSampler(10, 1, 1000)
	serve(&slow, 500)
	if oneIn := alike([]*sampler{&grown, &slow}); oneIn != grown.mask+1 || slow.mask != grown.mask || len(slow.kept) > 20 {
		t.Errorf("one in %d; the slow one keeps %d with mask %d", oneIn, len(slow.kept), slow.mask)
	}
}

func TestRoomIsBounded(t *testing.T) {
	for _, one := range []struct {
		workers int
		lines   uint64
		expect  int
	}{{1, 64, 20_000}, {1, 65_536, 1024}, {4096, 64, 256}, {65_536, 1, 256}} {
		if found := room(one.workers, one.lines); found != one.expect {
			t.Errorf("%d workers of %d lines: room for %d, not %d", one.workers, one.lines, found, one.expect)
		}
	}
}
