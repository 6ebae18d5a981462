package main

import (
	"encoding/json"
	"io"
	"sync"
)

// frames writes one JSON line each: the phases as they begin, then the sample or the failure.
type frames struct {
	lock  sync.Mutex
	to    io.Writer
	phase string
	ended bool
}

type frame struct {
	V     int    `json:"v"`
	Phase string `json:"phase,omitempty"`
	// A *sample of serve, a *stormSample of storm, and so on.
	Sample  interface{} `json:"sample,omitempty"`
	Failure *failure    `json:"failure,omitempty"`
	About   *about      `json:"about,omitempty"`
}

type failure struct {
	Phase string `json:"phase"`
	Cause string `json:"cause"`
}

// about is what this program was built with and cannot measure therefore.
type about struct {
	Go      string   `json:"go"`
	Missing []string `json:"missing"`
}

// begin says that a phase begins.
func (f *frames) begin(phase string) {
	f.lock.Lock()
	f.phase = phase
	f.lock.Unlock()
	f.write(frame{Phase: phase}, false)
}

// fail is the last frame, and names the phase that it happened in. The first failure counts.
func (f *frames) fail(cause string) {
	f.lock.Lock()
	phase := f.phase
	f.lock.Unlock()
	f.write(frame{Failure: &failure{Phase: phase, Cause: cause}}, true)
}

func (f *frames) write(what frame, last bool) {
	what.V = version
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.ended {
		return
	}
	f.ended = last
	// Nobody is there to be told that nobody listens; the exit code still says it.
	_, _ = f.to.Write(append(line, '\n'))
}

// sample is what was measured. Times are ns after the common release of the workers; an absent key was not measured.
type sample struct {
	Go         string                `json:"go"`
	Procs      int                   `json:"procs"`
	Gogc       int                   `json:"gogc"`
	ElapsedNs  int64                 `json:"elapsed_ns"`
	Operations uint64                `json:"operations"`
	Workers    []workerFigures       `json:"workers"`
	Windows    []window              `json:"windows"`
	Sampling   sampling              `json:"sampling"`
	Pages      pageFigures           `json:"pages"`
	Gc         collector             `json:"gc"`
	Pauses     map[string]*histogram `json:"pauses"`
	Usage      usage                 `json:"usage"`
	Missing    []string              `json:"missing"`
	Notes      []string              `json:"notes"`
}

type workerFigures struct {
	Worker     int    `json:"worker"`
	Operations uint64 `json:"operations"`
	Checksum   uint64 `json:"checksum"`
	StoppedNs  int64  `json:"stopped_ns"`
	// Requests whose touches are in the traffic.
	SampledRequests uint64 `json:"sampled_requests"`
	// (PU, node of the page, touches); null where it is not known for sure.
	Traffic []traffic `json:"traffic"`
}

type window struct {
	StartNs    int64  `json:"start_ns"`
	LengthNs   int64  `json:"length_ns"`
	Operations uint64 `json:"operations"`
}

type sampling struct {
	// Each request was sampled with probability 1 / one_in, by a draw of its own.
	OneIn    uint64 `json:"one_in"`
	Requests uint64 `json:"requests"`
	// Requests whose PU was another at their two ends.
	Moved uint64 `json:"requests_moved"`
	// What sampling adds to a sampled request: two getcpu calls, measured before the release.
	CostNs float64 `json:"cost_ns"`
}
