package main

import (
	"encoding/json"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// The runtime keeps the pauses of this many cycles (len of MemStats.PauseNs).
	ringCycles = 256
	// Between two reads of that ring: 256 cycles in that time would be 40 us each.
	readEveryNs = 10_000_000
)

// cycle is one collection: when its last pause ended, and how long the world was stopped in all of it.
type cycle struct{ endNs, pauseNs int64 }

func (c cycle) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]int64{c.endNs, c.pauseNs})
}

// collector is what a sample says of the collector.
type collector struct {
	Cycles uint64 `json:"cycles"`
	// (end of the cycle's last pause, time the world was stopped in that cycle), in order.
	Pauses []cycle `json:"pauses"`
	// Cycles whose pauses fell out of the runtime's ring before they were read.
	Lost           uint64  `json:"pauses_lost"`
	AllocatedBytes *uint64 `json:"allocated_bytes,omitempty"`
	// Time of all Ps, of the collector, and of the collector's work on Ps that had nothing else to do: the runtime's
	// estimates, which it updates at the end of a cycle.
	ProcsNs   *int64   `json:"procs_ns,omitempty"`
	GcNs      *int64   `json:"gc_ns,omitempty"`
	GcIdleNs  *int64   `json:"gc_idle_ns,omitempty"`
	TimeShare *float64 `json:"gc_time_ratio,omitempty"`
}

// gcLog takes pauses out of the runtime's ring while a sample runs. MemStats would stop the world for it; ReadGCStats reads
// the same ring and does not. Workers do it in turn: a goroutine of its own would wait for a P.
type gcLog struct {
	lock     sync.Mutex
	nextNs   int64
	released time.Time
	stats    debug.GCStats
	seen     int64
	pauses   []cycle
	lost     uint64
}

// begin forgets all cycles so far.
func (g *gcLog) begin() {
	g.pauses = make([]cycle, 0, 1<<14)
	debug.ReadGCStats(&g.stats)
	g.seen = g.stats.NumGC
}

// due says whether it is time to read, and takes the turn.
func (g *gcLog) due(nowNs int64) bool {
	next := atomic.LoadInt64(&g.nextNs)
	return nowNs >= next && atomic.CompareAndSwapInt64(&g.nextNs, next, nowNs+readEveryNs)
}

// read adds the cycles that ended since the last read.
func (g *gcLog) read() {
	g.lock.Lock()
	defer g.lock.Unlock()
	debug.ReadGCStats(&g.stats)
	fresh := g.stats.NumGC - g.seen
	g.seen = g.stats.NumGC
	if kept := int64(len(g.stats.Pause)); fresh > kept {
		g.lost += uint64(fresh - kept)
		fresh = kept
	}
	// The latest is the first.
	for at := fresh - 1; at >= 0; at-- {
		end := g.stats.PauseEnd[at].Sub(g.released)
		g.pauses = append(g.pauses, cycle{end.Nanoseconds(), g.stats.Pause[at].Nanoseconds()})
	}
}

// within are the cycles that ended between the release and the last stop. One that began in the run may end after it.
func within(all []cycle, endNs int64) []cycle {
	found := []cycle{}
	for _, one := range all {
		if one.endNs >= 0 && one.endNs <= endNs {
			found = append(found, one)
		}
	}
	return found
}
