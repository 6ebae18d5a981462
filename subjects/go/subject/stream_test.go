package main

import "testing"

// First outputs of SplitMix64 seeded with 0, as in Vigna's splitmix64.c; and what crates/plan/src/random.rs splits.
func TestDrawsAreThoseOfSplitMix64(t *testing.T) {
	for at, expect := range []uint64{0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f} {
		if found := draw(0, uint64(at+1)); found != expect {
			t.Errorf("draw(0, %d) = %#x, not %#x", at+1, found, expect)
		}
	}
	if low, high := below(0, 7), below(^uint64(0), 7); low != 0 || high != 6 {
		t.Errorf("below gives %d to %d of 0 to 6", low, high)
	}
}

func testJob() *job {
	gogc, operations := 100, uint64(500)
	return &job{
		V: version, Seed: 77, Workers: 3, Procs: 2, PrivateBytes: 16384, SharedBytes: 32768, SharedRatio: 0.25, WriteRatio: 0.125,
		LinesPerRequest: 16, Touches: "independent", SharedToucher: "all", GarbageBytes: 100, Gogc: &gogc,
		Operations: &operations, Windows: 4, SampleFirst: 1,
	}
}

// The rule of serve written down a second time, the slow and obvious way.
func bruteForce(j *job, key, requests uint64) (checksum uint64) {
	for counter := uint64(0); counter < requests*j.LinesPerRequest; counter++ {
		drawn := draw(key, counter)
		heap, bytes := uint64(0), j.PrivateBytes
		if float64(drawn%65536)/65536 < j.SharedRatio {
			heap, bytes = 1, j.SharedBytes
		}
		if float64(drawn/65536%65536)/65536 >= j.WriteRatio {
			checksum += (2*below(drawn, bytes/64) + heap + 1) * 0x9e37_79b9_7f4a_7c15
		}
	}
	return checksum
}

func TestLoadsAddUpToWhatTheRuleSays(t *testing.T) {
	job := testJob()
	s := newStream(job, 5)
	heaps := [2][]uint64{make([]uint64, 16384/8), make([]uint64, 32768/8)}
	fill(private, heaps[private], 0, s.lines[private])
	// Cut in parts, as workers do.
	for worker := 0; worker < 3; worker++ {
		from, to := part(s.lines[shared], worker, 3)
		fill(shared, heaps[shared], from, to)
	}
	var once, dependent uint64
	for request := uint64(0); request < 200; request++ {
		once = s.request(request, &heaps, once)
		dependent = s.requestDependent(request, &heaps, dependent)
	}
	if expect := bruteForce(job, 5, 200); once != expect || dependent != expect {
		t.Errorf("independent %d, dependent %d, by the rule %d", once, dependent, expect)
	}
}

func TestPartsAreGapless(t *testing.T) {
	for _, all := range []uint64{0, 2, 10, 1 << 42} {
		var next uint64
		for worker := 0; worker < 7; worker++ {
			from, to := part(all, worker, 7)
			if from != next || to < from {
				t.Errorf("part %d of %d is %d..%d after %d", worker, all, from, to, next)
			}
			next = to
		}
		if next != all {
			t.Errorf("parts of %d end at %d", all, next)
		}
	}
}
