package main

import (
	"math"
	"math/bits"
	"sort"
	"sync"
	"sync/atomic"
)

// Latencies of a sample, all of them, counted in buckets; what its requests add up to; its slices. As latency.rs of
// crates/runner/src/workload, bucket by bucket.
const (
	// Bits of a value that its bucket keeps.
	keptBits = 6
	// Values of 2^40 ns, 18 minutes, and beyond share the last bucket.
	valueBitsMost = 40
	bucketCount   = (valueBitsMost - keptBits + 1) << keptBits
	// Quantiles are told from so many values on.
	leastForP99  = 368
	leastForP999 = 3688
)

func bucketOf(ns int64) int {
	if ns < 0 {
		ns = 0
	}
	if ns >= 1<<valueBitsMost {
		ns = 1<<valueBitsMost - 1
	}
	shift := bits.Len64(uint64(ns)) - keptBits - 1
	if shift < 0 {
		shift = 0
	}
	return shift<<keptBits + int(ns>>uint(shift))
}

// greatestOf is the greatest value of a bucket.
func greatestOf(bucket int) int64 {
	shift := bucket>>keptBits - 1
	if shift < 0 {
		shift = 0
	}
	return int64(bucket-shift<<keptBits+1)<<uint(shift) - 1
}

// shard holds the counters of one in so many tasks, so that two Ps seldom write one line.
type shard struct {
	served    uint64
	lastNs    int64
	longestNs int64
	_         [104]byte
	buckets   [bucketCount]uint32
	_         [128]byte
}

type moment struct {
	momentNs int64
	served   uint64
}

// tally is what the requests of a sample add up to.
type tally struct {
	shards []shard
	// Slices are this long at least; 0: there is only one.
	sliceNs int64
	nextNs  int64
	endNs   int64
	over    int32
	lock    sync.Mutex
	marks   []moment
}

// latencies are quantiles of all values; null where there are too few.
type latencies struct {
	Count     uint64   `json:"count"`
	P50Ns     *float64 `json:"p50_ns"`
	P99Ns     *float64 `json:"p99_ns"`
	P999Ns    *float64 `json:"p999_ns"`
	LongestNs *float64 `json:"longest_ns"`
}

// newTally is for so many Ps; the sample is over at the first request that ends at endNs or later, MaxInt64: never.
func newTally(procs int, endNs int64, windows int) *tally {
	shards := 8
	for shards < 8*procs && shards < 256 {
		shards *= 2
	}
	t := &tally{shards: make([]shard, shards), endNs: endNs, nextNs: math.MaxInt64}
	if endNs != math.MaxInt64 {
		t.sliceNs = endNs / int64(windows)
		if t.sliceNs < 1 {
			t.sliceNs = 1
		}
		t.nextNs = t.sliceNs
		t.marks = make([]moment, 0, windows)
	}
	return t
}

// raise makes *most at least ns.
func raise(most *int64, ns int64) {
	for {
		found := atomic.LoadInt64(most)
		if ns <= found || atomic.CompareAndSwapInt64(most, found, ns) {
			return
		}
	}
}

// ended says that a request of this task ended at nowNs after the release; how many its shard has served.
func (t *tally) ended(task int, nowNs, latencyNs int64) uint64 {
	s := &t.shards[task&(len(t.shards)-1)]
	served := atomic.AddUint64(&s.served, 1)
	raise(&s.lastNs, nowNs)
	raise(&s.longestNs, latencyNs)
	atomic.AddUint32(&s.buckets[bucketOf(latencyNs)], 1)
	if due := atomic.LoadInt64(&t.nextNs); nowNs >= due {
		t.mark(nowNs, due)
	}
	if nowNs >= t.endNs {
		t.end()
	}
	return served
}

// mark notes the end of a slice, whoever is the first to see it.
func (t *tally) mark(nowNs, dueNs int64) {
	if atomic.CompareAndSwapInt64(&t.nextNs, dueNs, (nowNs/t.sliceNs+1)*t.sliceNs) {
		served := t.served()
		t.lock.Lock()
		t.marks = append(t.marks, moment{nowNs, served})
		t.lock.Unlock()
	}
}

func (t *tally) served() (all uint64) {
	for at := range t.shards {
		all += atomic.LoadUint64(&t.shards[at].served)
	}
	return all
}

func (t *tally) end() { atomic.StoreInt32(&t.over, 1) }

func (t *tally) isOver() bool { return atomic.LoadInt32(&t.over) != 0 }

func (t *tally) elapsedNs() (last int64) {
	for at := range t.shards {
		if ns := atomic.LoadInt64(&t.shards[at].lastNs); ns > last {
			last = ns
		}
	}
	return last
}

func (t *tally) latencies() latencies {
	var all [bucketCount]uint64
	var found latencies
	var longest int64
	for at := range t.shards {
		s := &t.shards[at]
		if s.longestNs > longest {
			longest = s.longestNs
		}
		for bucket, count := range &s.buckets {
			all[bucket] += uint64(count)
			found.Count += uint64(count)
		}
	}
	if found.Count == 0 {
		return found
	}
	most := float64(longest)
	found.LongestNs = &most
	for _, one := range []struct {
		of    float64
		least uint64
		into  **float64
	}{{0.5, 1, &found.P50Ns}, {0.99, leastForP99, &found.P99Ns}, {0.999, leastForP999, &found.P999Ns}} {
		if found.Count < one.least {
			continue
		}
		rank, seen := uint64(math.Ceil(one.of*float64(found.Count))), uint64(0)
		for bucket, count := range all {
			if seen += count; seen >= rank {
				value := math.Min(float64(greatestOf(bucket)), most)
				*one.into = &value
				break
			}
		}
	}
	return found
}

// windows are the slices, without a gap. A mark of one who lost its P while it counted may hold more than the next one.
func (t *tally) windows() []window {
	elapsedNs, served := t.elapsedNs(), t.served()
	marks := append([]moment{}, t.marks...)
	sort.Slice(marks, func(a, b int) bool { return marks[a].momentNs < marks[b].momentNs })
	marks = append(marks, moment{elapsedNs, served})
	found := []window{}
	var startNs int64
	var before uint64
	for at, one := range marks {
		byThen := one.served
		if byThen < before {
			byThen = before
		}
		if byThen > served {
			byThen = served
		}
		if one.momentNs > startNs && (at == len(marks)-1 || one.momentNs < elapsedNs) {
			found = append(found, window{startNs, one.momentNs - startNs, byThen - before})
			startNs, before = one.momentNs, byThen
		}
	}
	return found
}
