package main

import (
	"fmt"
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sweptBytesMost = 1 << 40
	// Times that are told, an even number: beyond it every second one is dropped, over all of the sample alike.
	costsMost = 1 << 17
)

var costOperations = []string{"create", "wake", "block", "switch"}

// costJob asks for operations of the scheduler, one at a time.
type costJob struct {
	heading
	Operation string `json:"operation"`
	// Bytes written before each operation, so that the caches hold nothing of ours; 0: none.
	SweptBytes uint64 `json:"swept_bytes"`
}

var costRequired = []string{"v", "procs", "gogc", "operation", "swept_bytes"}

// costSample is what was measured. Times have all readings of the clock in them: one, and one more where the call has a time.
type costSample struct {
	Go         string  `json:"go"`
	Procs      int     `json:"procs"`
	Gogc       int     `json:"gogc"`
	ElapsedNs  int64   `json:"elapsed_ns"`
	Operations uint64  `json:"operations"`
	TimesNs    []int64 `json:"times_ns"`
	// Of create and wake: until the call returned.
	CallsNs []int64  `json:"calls_ns"`
	ClockNs float64  `json:"clock_ns"`
	Usage   usage    `json:"usage"`
	Notes   []string `json:"notes"`
}

func (j *costJob) check() error {
	if err := j.heading.check([]inRange{
		{"swept_bytes", j.SweptBytes, 0, sweptBytesMost},
	}); err != nil {
		return err
	}
	known := false
	for _, operation := range costOperations {
		known = known || j.Operation == operation
	}
	switch {
	case !known:
		return fmt.Errorf("operation: %q is none of create, wake, block, switch", j.Operation)
	case j.Operation != "create" && j.Procs != 1:
		return fmt.Errorf("operation: %s is timed on one processor, %d asked", j.Operation, j.Procs)
	}
	if available, source, found := availableBytes(); found && j.SweptBytes > available {
		return fmt.Errorf("swept_bytes: %d asked, %d available (%s)", j.SweptBytes, available, source)
	}
	return nil
}

// thinned are times, every so many of all.
type thinned struct {
	kept        []int64
	seen, every uint64
}

func newThinned() thinned {
	return thinned{kept: make([]int64, 0, costsMost), every: 1}
}

func (t *thinned) add(ns int64) {
	if t.seen%t.every == 0 {
		if len(t.kept) == costsMost {
			for at := 0; at < costsMost/2; at++ {
				t.kept[at] = t.kept[2*at]
			}
			t.kept = t.kept[:costsMost/2]
			t.every *= 2
		}
		t.kept = append(t.kept, ns)
	}
	t.seen++
}

// costs is a sample on its way.
type costs struct {
	epoch        time.Time
	limit        uint64
	limitNs      int64
	begunNs      int64
	elapsedNs    int64
	swept        []byte
	times, calls thinned
}

// now is above 0, so that 0 can stand for none.
func (c *costs) now() int64 {
	return int64(time.Since(c.epoch)) + 1
}

// goOn says whether another operation is due; the time begins with the first question.
func (c *costs) goOn() bool {
	now := c.now()
	if c.begunNs == 0 {
		c.begunNs = now
	}
	c.elapsedNs = now - c.begunNs
	return c.times.seen == 0 || c.times.seen < c.limit && c.elapsedNs < c.limitNs
}

// sweep leaves nothing in the caches of this PU.
func (c *costs) sweep() {
	for at := 0; at < len(c.swept); at += lineBytes {
		c.swept[at]++
	}
}

// clockCost is the median of some batches of readings.
func (c *costs) clockCost() float64 {
	const batches, readings = 9, 1000
	var ns [batches]float64
	for batch := range ns {
		begun := c.now()
		for at := 1; at < readings; at++ {
			c.now()
		}
		ns[batch] = float64(c.now()-begun) / readings
	}
	sort.Float64s(ns[:])
	return ns[batches/2]
}

// measureCosts times one operation after the other.
func measureCosts(j *costJob, out *frames) (*costSample, error) {
	c := &costs{epoch: time.Now(), limit: math.MaxUint64, limitNs: math.MaxInt64, times: newThinned(), calls: newThinned()}
	if j.Operations != nil {
		c.limit = *j.Operations
	} else {
		c.limitNs = int64(*j.Seconds * 1e9)
	}
	c.swept = make([]byte, j.SweptBytes)
	c.sweep()
	found := &costSample{Go: runtime.Version(), Procs: runtime.GOMAXPROCS(0), Gogc: *j.Gogc, Notes: []string{}}
	found.ClockNs = c.clockCost()
	out.begin("run")
	usageBefore, err := readUsage()
	if err != nil {
		return nil, err
	}
	switch j.Operation {
	case "create":
		c.create()
	case "wake", "block":
		err = c.ping(j.Operation == "wake")
	default:
		c.yields()
	}
	if err != nil {
		return nil, err
	}
	usageAfter, err := readUsage()
	if err != nil {
		return nil, err
	}
	out.begin("check")
	found.ElapsedNs, found.Operations = c.elapsedNs, c.times.seen
	found.TimesNs, found.CallsNs = c.times.kept, c.calls.kept
	found.Usage = usageAfter.since(usageBefore)
	return found, nil
}

// create starts goroutines that do nothing, and waits for the end of each.
func (c *costs) create() {
	for c.goOn() {
		c.sweep()
		var one sync.WaitGroup
		one.Add(1)
		from := c.now()
		go one.Done()
		call := c.now()
		one.Wait()
		to := c.now()
		c.times.add(to - from)
		c.calls.add(call - from)
	}
}

// ping has two goroutines wake each other over channels of one place; only the way there is timed.
func (c *costs) ping(wake bool) error {
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)
	ended := make(chan uint64)
	// One processor: whoever is woken runs when the other one waits, and what both write is ordered by that.
	var stamp int64
	go func() {
		var served uint64
		for range there {
			stamp = c.now()
			served++
			back <- struct{}{}
		}
		ended <- served
	}()
	// The other goroutine runs until it waits.
	runtime.Gosched()
	for c.goOn() {
		stamp = 0
		c.sweep()
		from := c.now()
		there <- struct{}{}
		call := c.now()
		<-back
		if wake {
			c.times.add(stamp - from)
			c.calls.add(call - from)
		} else {
			// Where the runtime took the processor away behind the waking, the other one has run before.
			c.times.add(positive(stamp - call))
		}
	}
	close(there)
	if served := <-ended; served != c.times.seen {
		return fmt.Errorf("%d values were sent, %d came", c.times.seen, served)
	}
	return nil
}

func positive(ns int64) int64 {
	if ns < 0 {
		return 0
	}
	return ns
}

// yields has two goroutines yield in turn; the way to the other one is timed. Where the other one did not run behind a
// yield, since the runtime had taken its processor away, that is no switch and is done again.
func (c *costs) yields() {
	var stamp int64
	var over int32
	ended := make(chan struct{})
	go func() {
		for atomic.LoadInt32(&over) == 0 {
			atomic.StoreInt64(&stamp, c.now())
			runtime.Gosched()
		}
		close(ended)
	}()
	runtime.Gosched()
	for c.goOn() {
		c.sweep()
		atomic.StoreInt64(&stamp, 0)
		from := c.now()
		runtime.Gosched()
		if to := atomic.LoadInt64(&stamp); to >= from {
			c.times.add(to - from)
		}
	}
	atomic.StoreInt32(&over, 1)
	<-ended
}
