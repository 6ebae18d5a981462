package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	workNsMost = 1_000_000_000
	rateMost   = 1e7
	// Arrivals in memory, 8 bytes each, twice: as a list and in the queue.
	arrivalsMost = 1e8
	// Label of the stream of arrivals that is split from the seed: crates/runner/src/workload/requests/mod.rs.
	arrivalsLabel = 3
)

// requestsJob asks for live goroutines that serve requests, each an empty loop.
type requestsJob struct {
	// Operations are requests of each task.
	heading
	Seed         uint64 `json:"seed"`
	Tasks        int    `json:"tasks"`
	WorkNs       int    `json:"work_ns"`
	GarbageBytes uint64 `json:"garbage_bytes"`
	Windows      int    `json:"windows"`
	// Arrivals a second; absent: a closed loop.
	RatePerS *float64 `json:"rate_per_s"`
}

var requestsRequired = []string{"v", "seed", "procs", "gogc", "tasks", "work_ns", "garbage_bytes", "windows"}

// requestsSample is what was measured.
type requestsSample struct {
	Go            string    `json:"go"`
	Procs         int       `json:"procs"`
	Gogc          int       `json:"gogc"`
	ElapsedNs     int64     `json:"elapsed_ns"`
	Operations    uint64    `json:"operations"`
	Windows       []window  `json:"windows"`
	Latencies     latencies `json:"latencies"`
	ServedByTasks uint64    `json:"served_by_tasks"`
	IdleTasks     uint64    `json:"idle_tasks"`
	Arrived       uint64    `json:"arrived"`
	Cycles        int64     `json:"gc_cycles"`
	StoppedNs     int64     `json:"gc_stopped_ns"`
	// The collector's share of the Ps' time; absent where no cycle ended.
	GcRatio *float64 `json:"gc_ratio,omitempty"`
	Usage   usage    `json:"usage"`
	Notes   []string `json:"notes"`
}

func (j *requestsJob) check() error {
	if err := j.heading.check([]inRange{
		{"tasks", j.Tasks, 1, tasksMost},
		{"work_ns", j.WorkNs, 0, workNsMost},
		{"garbage_bytes", j.GarbageBytes, 0, garbageBytesMost},
		{"windows", j.Windows, 1, windowsMost},
	}); err != nil {
		return err
	}
	if rate := j.RatePerS; rate != nil && !(*rate > 0 && *rate <= rateMost) {
		return fmt.Errorf("rate_per_s: %v is not above 0 and at most %v", *rate, rateMost)
	}
	return nil
}

// room is what garbage may take with the collector off, half of what the tasks leave; 0: nobody knows. An error where not
// even the tasks fit.
func (j *requestsJob) room() (uint64, error) {
	asked := uint64(j.Tasks)*(taskBytes+j.GarbageBytes) + processOverhead
	available, source, known := availableBytes()
	if known && asked > available {
		return 0, fmt.Errorf("%d bytes asked, %d for each of %d tasks, %d available (%s); set fewer tasks",
			asked, taskBytes+j.GarbageBytes, j.Tasks, available, source)
	}
	if !known || *j.Gogc >= 0 || j.GarbageBytes == 0 {
		return 0, nil
	}
	return (available - asked) / 2, nil
}

// arrivals are the intended ones of an open loop, ns after the release: a Poisson stream.
func (j *requestsJob) arrivals() ([]int64, error) {
	if j.RatePerS == nil {
		return nil, nil
	}
	endNs, most := math.Inf(1), uint64(math.MaxUint64)
	if j.Seconds != nil {
		endNs = *j.Seconds * 1e9
	} else {
		most = uint64(j.Tasks) * *j.Operations
	}
	if expected := math.Min(*j.RatePerS*endNs/1e9, float64(most)); expected > arrivalsMost {
		return nil, fmt.Errorf("%.0f arrivals in a sample; at most %.0f, take a lower rate_per_s or fewer seconds",
			expected, arrivalsMost)
	}
	return poisson(split(j.Seed, arrivalsLabel), *j.RatePerS, endNs, most), nil
}

func poisson(key uint64, rate, endNs float64, most uint64) []int64 {
	var found []int64
	atNs := 0.0
	for number := uint64(0); number < most; number++ {
		uniform := float64(draw(key, number)>>11+1) / (1 << 53)
		atNs -= math.Log(uniform) * 1e9 / rate
		if atNs >= endNs {
			break
		}
		found = append(found, int64(atNs))
	}
	return found
}

// server is one goroutine's own.
type server struct {
	// Reachable until the next request, so that it escapes.
	garbage []byte
	served  uint64
}

// serving is what all goroutines of a sample share.
type serving struct {
	job      *requestsJob
	turns    uint64
	limit    uint64
	tally    *tally
	servers  []server
	queue    chan int64
	ready    int64
	released int32
	begun    time.Time
	// Garbage in all with the collector off; 0: no limit. Looked at once in so many requests, a power of two.
	garbageMost uint64
	look        uint64
	cause       atomic.Value
}

// lookBytes of garbage may be left between two looks by each shard's tasks.
const lookBytes = 1 << 20

func (s *serving) sinceNs() int64 { return time.Since(s.begun).Nanoseconds() }

// one serves one request; when it ended.
func (s *serving) one(number int, sinceNs int64) int64 {
	own := &s.servers[number]
	if s.turns > 0 {
		turn(s.turns)
	}
	if s.job.GarbageBytes > 0 {
		own.garbage = make([]byte, s.job.GarbageBytes)
	}
	nowNs := s.sinceNs()
	latencyNs := nowNs - sinceNs
	if latencyNs < 0 {
		latencyNs = 0
	}
	own.served++
	if of := s.tally.ended(number, nowNs, latencyNs); s.garbageMost > 0 && of&(s.look-1) == 0 {
		if all := s.tally.served(); all > s.garbageMost/s.job.GarbageBytes {
			s.cause.Store(fmt.Sprintf("gogc -1: %d bytes of garbage were left in %d ms, which is what may be used; "+
				"ask for fewer seconds or let the collector run", all*s.job.GarbageBytes, nowNs/1e6))
			s.tally.end()
		}
	}
	return nowNs
}

func (s *serving) closed(number int) {
	atomic.AddInt64(&s.ready, 1)
	// Not at a channel: whoever opened it would put all of them into queues while the clock runs.
	for atomic.LoadInt32(&s.released) == 0 {
		runtime.Gosched()
	}
	var beforeNs int64
	for own := &s.servers[number]; own.served < s.limit && !s.tally.isOver(); {
		beforeNs = s.one(number, beforeNs)
		runtime.Gosched()
	}
}

func (s *serving) open(number int) {
	atomic.AddInt64(&s.ready, 1)
	for dueNs := range s.queue {
		if !s.tally.isOver() {
			s.one(number, dueNs)
			runtime.Gosched()
		}
	}
}

func (s *serving) sleepUntil(dueNs int64) {
	if left := dueNs - s.sinceNs(); left > 0 {
		time.Sleep(time.Duration(left))
	}
}

// dispatch puts every arrival into the queue when it is due.
func (s *serving) dispatch(arrivals []int64, endNs int64) {
	for _, dueNs := range arrivals {
		s.sleepUntil(dueNs)
		if s.tally.isOver() {
			break
		}
		s.queue <- dueNs
	}
	if endNs != math.MaxInt64 {
		s.sleepUntil(endNs)
		s.tally.end()
	}
	close(s.queue)
}

func measureRequests(j *requestsJob, out *frames) (*requestsSample, error) {
	found := &requestsSample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	garbageMost, err := j.room()
	if err != nil {
		return nil, err
	}
	arrivals, err := j.arrivals()
	if err != nil {
		return nil, err
	}
	s := &serving{job: j, turns: turnsOf(j.WorkNs), limit: math.MaxUint64, servers: make([]server, j.Tasks), garbageMost: garbageMost}
	for s.look = 1024; s.look > 1 && s.look*j.GarbageBytes > lookBytes; {
		s.look /= 2
	}
	endNs := int64(math.MaxInt64)
	if j.Operations != nil {
		s.limit = *j.Operations
	} else {
		endNs = int64(*j.Seconds * 1e9)
	}
	s.tally = newTally(j.Procs, endNs, j.Windows)
	task := s.closed
	if j.RatePerS != nil {
		task = s.open
		s.queue = make(chan int64, len(arrivals))
	}
	var all sync.WaitGroup
	all.Add(j.Tasks)
	for number := 0; number < j.Tasks; number++ {
		go func(number int) {
			defer all.Done()
			task(number)
		}(number)
	}
	for atomic.LoadInt64(&s.ready) < int64(j.Tasks) {
		runtime.Gosched()
	}
	// What was left behind until now is not the run's, and the runtime's estimates are those of now.
	runtime.GC()
	out.begin("run")
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	metricsBefore := readMetrics()
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	s.begun = time.Now()
	atomic.StoreInt32(&s.released, 1)
	if s.queue != nil {
		s.dispatch(arrivals, endNs)
	}
	all.Wait()
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	debug.ReadGCStats(&after)
	metricsAfter := readMetrics()
	out.begin("check")
	if cause, aborted := s.cause.Load().(string); aborted {
		return nil, errors.New(cause)
	}
	found.ElapsedNs, found.Operations = s.tally.elapsedNs(), s.tally.served()
	found.Windows, found.Latencies, found.Arrived = s.tally.windows(), s.tally.latencies(), uint64(len(arrivals))
	for at := range s.servers {
		found.ServedByTasks += s.servers[at].served
		if s.servers[at].served == 0 {
			found.IdleTasks++
		}
	}
	found.Cycles = after.NumGC - before.NumGC
	found.StoppedNs = (after.PauseTotal - before.PauseTotal).Nanoseconds()
	found.GcRatio = gcRatio(*j.Gogc, found.Cycles, metricsBefore, metricsAfter)
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}

// gcRatio is the collector's share of the Ps' time. Without a cycle the runtime has not updated its estimates: unknown, but
// where there can be none.
func gcRatio(gogc int, cycles int64, before, after reading) *float64 {
	var share float64
	if cycles == 0 {
		if gogc >= 0 {
			return nil
		}
		return &share
	}
	gc, procs := after.nsSince(before, gcName), after.nsSince(before, procsName)
	if gc == nil || procs == nil || *procs <= 0 {
		return nil
	}
	share = float64(*gc) / float64(*procs)
	return &share
}
