// What a task costs on Go's scheduler: `tasks OPERATION PROCESSORS TASKS` prints nanoseconds an operation (bytes a task
// for memory; p50 and p99 for stop and stopspin), once for each repetition, on lines of their own.
//
// The same operations as subjects/rust; standard library only.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	yields      = 100
	operations  = 100_000
	woken       = 20_000
	repetitions = 3
)

func per(elapsed time.Duration, operations int) float64 {
	return float64(elapsed.Nanoseconds()) / float64(operations)
}

func storm(tasks int) float64 {
	var all sync.WaitGroup
	begun := time.Now()
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			defer all.Done()
			for j := 0; j < yields; j++ {
				runtime.Gosched()
			}
		}()
	}
	all.Wait()
	return per(time.Since(begun), tasks*yields)
}

func pingPong() float64 {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for number := range there {
			back <- number
		}
		close(back)
	}()
	begun := time.Now()
	for number := 0; number < operations; number++ {
		there <- number
		if <-back != number {
			panic("another number came back")
		}
	}
	elapsed := time.Since(begun)
	close(there)
	return per(elapsed, operations)
}

func spawnJoin() float64 {
	begun := time.Now()
	for i := 0; i < operations; i++ {
		var one sync.WaitGroup
		one.Add(1)
		go one.Done()
		one.Wait()
	}
	return per(time.Since(begun), operations)
}

func spawn() float64 {
	var all sync.WaitGroup
	begun := time.Now()
	all.Add(operations)
	for i := 0; i < operations; i++ {
		go all.Done()
	}
	all.Wait()
	return per(time.Since(begun), operations)
}

// Nanoseconds a task from the gate's opening to the end of all; bytes a task while all waited.
func gate(tasks int) (float64, float64) {
	before := residentBytes()
	var ready, all sync.WaitGroup
	ready.Add(tasks)
	all.Add(tasks)
	open := make(chan struct{})
	for i := 0; i < tasks; i++ {
		go func() {
			ready.Done()
			<-open
			all.Done()
		}()
	}
	ready.Wait()
	time.Sleep(2 * time.Millisecond)
	bytes := (residentBytes() - before) / float64(tasks)
	begun := time.Now()
	close(open)
	all.Wait()
	return per(time.Since(begun), tasks), bytes
}

func residentBytes() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(statm))[1], 64)
	if err != nil {
		panic(err)
	}
	return pages * 4096
}

const stopping = "/sched/pauses/stopping/other:seconds"

func histogram() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: stopping}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	found := sample[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{
		Counts:  append([]uint64{}, found.Counts...),
		Buckets: append([]float64{}, found.Buckets...),
	}
}

var goesOn atomic.Bool
var sink atomic.Uint64

// Requests of about 1 us, with a yield after each or never one.
func busy(x uint64, yieldAfterEach bool) {
	for goesOn.Load() {
		for i := 0; i < 500; i++ {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if yieldAfterEach {
			runtime.Gosched()
		}
	}
	sink.Add(x)
}

// A thousand stops by ReadMemStats; p50 and p99 of what the runtime says of stopping, in ns (its buckets' upper limits).
func stop(tasks int, yieldAfterEach bool) bool {
	before := histogram()
	if before == nil {
		return false
	}
	goesOn.Store(true)
	for i := 0; i < tasks; i++ {
		go busy(uint64(i+1), yieldAfterEach)
	}
	time.Sleep(50 * time.Millisecond)
	var stats runtime.MemStats
	for i := 0; i < 1000; i++ {
		runtime.ReadMemStats(&stats)
		time.Sleep(200 * time.Microsecond)
	}
	after := histogram()
	goesOn.Store(false)
	var total uint64
	for i := range after.Counts {
		after.Counts[i] -= before.Counts[i]
		total += after.Counts[i]
	}
	for _, at := range []float64{0.5, 0.99} {
		var seen uint64
		for i, count := range after.Counts {
			seen += count
			if float64(seen) >= at*float64(total) {
				fmt.Printf("%.1f\n", after.Buckets[i+1]*1e9)
				break
			}
		}
	}
	return true
}

func main() {
	usage := "tasks storm|pingpong|spawnjoin|spawn|wake|memory|stop|stopspin PROCESSORS TASKS"
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	var processors, tasks int
	if len(os.Args) == 4 {
		processors, _ = strconv.Atoi(os.Args[2])
		tasks, _ = strconv.Atoi(os.Args[3])
	}
	if processors < 1 || tasks < 1 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(processors)
	var once func() float64
	switch os.Args[1] {
	case "storm":
		once = func() float64 { return storm(tasks) }
	case "pingpong":
		once = pingPong
	case "spawnjoin":
		once = spawnJoin
	case "spawn":
		once = spawn
	case "wake":
		once = func() float64 { nanoseconds, _ := gate(woken); return nanoseconds }
	case "memory":
		_, bytes := gate(tasks)
		fmt.Printf("%.1f\n", bytes)
		return
	case "stop", "stopspin":
		if !stop(tasks, os.Args[1] == "stop") {
			fmt.Println("none")
		}
		return
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	once()
	for i := 0; i < repetitions; i++ {
		fmt.Printf("%.3f\n", once())
	}
}
