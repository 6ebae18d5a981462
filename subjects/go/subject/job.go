package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// version of the frames and of the job: VERSION of crates/runner/src/frame.rs counts another protocol.
const version = 1

const (
	// What one process can map with four-level page tables.
	heapBytesMost    = 1 << 48
	workersMost      = 1 << 16
	procsMost        = 1 << 16
	windowsMost      = 1 << 16
	linesMost        = 1 << 16
	garbageBytesMost = 1 << 30
	sampleFirst      = 16
)

// job is everything this process needs. It decides nothing.
type job struct {
	V               int      `json:"v"`
	ParentPid       int      `json:"parent_pid"`
	Seed            uint64   `json:"seed"`
	Workers         int      `json:"workers"`
	Procs           int      `json:"procs"`
	PrivateBytes    uint64   `json:"private_bytes"`
	SharedBytes     uint64   `json:"shared_bytes"`
	SharedRatio     float64  `json:"shared_ratio"`
	WriteRatio      float64  `json:"write_ratio"`
	LinesPerRequest uint64   `json:"lines_per_request"`
	Touches         string   `json:"touches"`
	SharedToucher   string   `json:"shared_toucher"`
	GarbageBytes    uint64   `json:"garbage_bytes"`
	Gogc            *int     `json:"gogc"`
	Seconds         *float64 `json:"seconds"`
	Operations      *uint64  `json:"operations"`
	Windows         int      `json:"windows"`
	SampleFirst     uint64   `json:"sample_first"`
}

// required are the keys that have no default.
var required = []string{
	"v", "seed", "workers", "procs", "private_bytes", "shared_bytes", "shared_ratio", "write_ratio",
	"lines_per_request", "touches", "shared_toucher", "garbage_bytes", "gogc", "windows",
}

// readJob reads the first JSON value, and refuses what is no job.
func readJob(from io.Reader) (*job, error) {
	var raw json.RawMessage
	if err := json.NewDecoder(from).Decode(&raw); err != nil {
		return nil, fmt.Errorf("no job on stdin: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	for _, key := range required {
		if _, given := keys[key]; !given {
			return nil, fmt.Errorf("job: key %q is missing", key)
		}
	}
	found := job{SampleFirst: sampleFirst}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&found); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	return &found, found.check()
}

func (j *job) check() error {
	if j.V != version {
		return fmt.Errorf("job of version %d, this program speaks %d; build subjects again (scripts/go-subjects)", j.V, version)
	}
	for _, one := range []struct {
		key         string
		asked       interface{}
		least, most uint64
	}{
		{"workers", j.Workers, 1, workersMost},
		{"procs", j.Procs, 1, procsMost},
		{"lines_per_request", j.LinesPerRequest, 1, linesMost},
		{"garbage_bytes", j.GarbageBytes, 0, garbageBytesMost},
		{"windows", j.Windows, 1, windowsMost},
		{"sample_first", j.SampleFirst, 1, 1 << 32},
		{"private_bytes", j.PrivateBytes, 0, heapBytesMost},
		{"shared_bytes", j.SharedBytes, 0, heapBytesMost},
	} {
		if found := count(one.asked); found < one.least || found > one.most {
			return fmt.Errorf("%s: %d asked, from %d to %d can be served", one.key, one.asked, one.least, one.most)
		}
	}
	if j.SampleFirst&(j.SampleFirst-1) != 0 {
		return fmt.Errorf("sample_first: %d is not a power of two", j.SampleFirst)
	}
	for _, one := range []struct {
		key   string
		ratio float64
	}{{"shared_ratio", j.SharedRatio}, {"write_ratio", j.WriteRatio}} {
		if !(one.ratio >= 0 && one.ratio <= 1) {
			return fmt.Errorf("%s: %v is not from 0 to 1", one.key, one.ratio)
		}
	}
	for _, one := range []struct {
		key     string
		bytes   uint64
		touched bool
	}{{"private_bytes", j.PrivateBytes, j.SharedRatio < 1}, {"shared_bytes", j.SharedBytes, j.SharedRatio > 0}} {
		if one.touched && one.bytes < lineBytes {
			return fmt.Errorf("%s: %d bytes are touched, but hold not even one line of %d", one.key, one.bytes, lineBytes)
		}
	}
	switch {
	case j.Touches != "independent" && j.Touches != "dependent":
		return fmt.Errorf("touches: %q is none of independent, dependent", j.Touches)
	case j.SharedToucher != "all" && j.SharedToucher != "first-worker":
		return fmt.Errorf("shared_toucher: %q is none of all, first-worker", j.SharedToucher)
	case j.Gogc == nil:
		return fmt.Errorf("gogc is missing: a percentage, or -1 for off")
	case *j.Gogc < -1 || *j.Gogc > math.MaxInt32:
		return fmt.Errorf("gogc: %d is neither a percentage nor -1 for off", *j.Gogc)
	case (j.Seconds == nil) == (j.Operations == nil):
		return fmt.Errorf("one of seconds and operations must be given")
	case j.Seconds != nil && !(*j.Seconds > 0 && *j.Seconds <= 1e6):
		return fmt.Errorf("seconds: %v is not above 0 and at most 1000000", *j.Seconds)
	case j.Operations != nil && *j.Operations == 0:
		return fmt.Errorf("operations: 0 of each worker asked, at least 1 can be measured")
	}
	_, err := j.heapBytes()
	return err
}

// count brings a negative number out of every range.
func count(number interface{}) uint64 {
	if signed, is := number.(int); is {
		return uint64(int64(signed))
	}
	return number.(uint64)
}

// heapBytes of all workers and the shared one.
func (j *job) heapBytes() (uint64, error) {
	over, all := bits.Mul64(uint64(j.Workers), j.PrivateBytes)
	all, carry := bits.Add64(all, j.SharedBytes, 0)
	if over != 0 || carry != 0 || all > heapBytesMost {
		return 0, fmt.Errorf("heaps: %d x %d bytes private and %d bytes shared are more than the %d that a process can map",
			j.Workers, j.PrivateBytes, j.SharedBytes, uint64(heapBytesMost))
	}
	return all, nil
}

// limit is how many requests a worker serves at most, and how long it may, in ns.
func (j *job) limit() (requests uint64, ns int64) {
	if j.Operations != nil {
		return *j.Operations, math.MaxInt64
	}
	return math.MaxUint64, int64(*j.Seconds * 1e9)
}
