package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/bits"
	"sort"
	"strings"
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

// job is everything that a sample of serve needs. It decides nothing.
type job struct {
	V               int      `json:"v"`
	Workload        string   `json:"workload"`
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

// readKeys reads the first JSON value, and refuses what is no object.
func readKeys(from io.Reader) (raw json.RawMessage, keys map[string]json.RawMessage, err error) {
	if err := json.NewDecoder(from).Decode(&raw); err != nil {
		return nil, nil, fmt.Errorf("no job on stdin: %w", err)
	}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, nil, fmt.Errorf("job: %w", err)
	}
	return raw, keys, nil
}

// workloadOf says what the job asks for.
func workloadOf(keys map[string]json.RawMessage) (string, error) {
	text, given := keys["workload"]
	if !given {
		return "serve", nil
	}
	var kind string
	if err := json.Unmarshal(text, &kind); err == nil && workloads[kind] != nil {
		return kind, nil
	}
	known := []string{}
	for one := range workloads {
		known = append(known, one)
	}
	sort.Strings(known)
	return "", fmt.Errorf("workload: %s is none of %s; build subjects again (scripts/go-subjects)",
		text, strings.Join(known, ", "))
}

// decode fills in a job, and refuses unknown keys and missing ones.
func decode(raw json.RawMessage, keys map[string]json.RawMessage, required []string, into interface{}) error {
	for _, key := range required {
		if _, given := keys[key]; !given {
			return fmt.Errorf("job: key %q is missing", key)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	return nil
}

// readJob takes the keys for a job of serve.
func readJob(raw json.RawMessage, keys map[string]json.RawMessage) (*job, error) {
	found := job{SampleFirst: sampleFirst}
	if err := decode(raw, keys, required, &found); err != nil {
		return nil, err
	}
	return &found, found.check()
}

// heading is what every job of a workload without heaps has.
type heading struct {
	V          int      `json:"v"`
	Workload   string   `json:"workload"`
	ParentPid  int      `json:"parent_pid"`
	Procs      int      `json:"procs"`
	Gogc       *int     `json:"gogc"`
	Seconds    *float64 `json:"seconds"`
	Operations *uint64  `json:"operations"`
}

func (h *heading) head() *heading { return h }

// check refuses what the heading cannot be, and the workload's own keys out of their ranges.
func (h *heading) check(own []inRange) error {
	if err := checkVersion(h.V); err != nil {
		return err
	}
	if err := checkRanges(append([]inRange{{"procs", h.Procs, 1, procsMost}}, own...)); err != nil {
		return err
	}
	return checkExtent(h.Gogc, h.Seconds, h.Operations)
}

// asked is such a job.
type asked interface {
	head() *heading
	check() error
}

// read takes the keys for a job.
func read[J any, P interface {
	*J
	asked
}](raw json.RawMessage, keys map[string]json.RawMessage, required []string) (P, error) {
	found := P(new(J))
	if err := decode(raw, keys, required, found); err != nil {
		return nil, err
	}
	return found, found.check()
}

func checkVersion(found int) error {
	if found != version {
		return fmt.Errorf("job of version %d, this program speaks %d; build subjects again (scripts/go-subjects)", found, version)
	}
	return nil
}

// inRange is a key with what it may be.
type inRange struct {
	key         string
	asked       interface{}
	least, most uint64
}

func checkRanges(all []inRange) error {
	for _, one := range all {
		if found := count(one.asked); found < one.least || found > one.most {
			return fmt.Errorf("%s: %d asked, from %d to %d can be served", one.key, one.asked, one.least, one.most)
		}
	}
	return nil
}

// checkExtent checks what every workload is told: how to collect, and when to stop.
func checkExtent(gogc *int, seconds *float64, operations *uint64) error {
	switch {
	case gogc == nil:
		return fmt.Errorf("gogc is missing: a percentage, or -1 for off")
	case *gogc < -1 || *gogc > math.MaxInt32:
		return fmt.Errorf("gogc: %d is neither a percentage nor -1 for off", *gogc)
	case (seconds == nil) == (operations == nil):
		return fmt.Errorf("one of seconds and operations must be given")
	case seconds != nil && !(*seconds > 0 && *seconds <= 1e6):
		return fmt.Errorf("seconds: %v is not above 0 and at most 1000000", *seconds)
	case operations != nil && *operations == 0:
		return fmt.Errorf("operations: 0 of each worker asked, at least 1 can be measured")
	}
	return nil
}

func (j *job) check() error {
	if err := checkVersion(j.V); err != nil {
		return err
	}
	if err := checkRanges([]inRange{
		{"workers", j.Workers, 1, workersMost},
		{"procs", j.Procs, 1, procsMost},
		{"lines_per_request", j.LinesPerRequest, 1, linesMost},
		{"garbage_bytes", j.GarbageBytes, 0, garbageBytesMost},
		{"windows", j.Windows, 1, windowsMost},
		{"sample_first", j.SampleFirst, 1, 1 << 32},
		{"private_bytes", j.PrivateBytes, 0, heapBytesMost},
		{"shared_bytes", j.SharedBytes, 0, heapBytesMost},
	}); err != nil {
		return err
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
	}
	if err := checkExtent(j.Gogc, j.Seconds, j.Operations); err != nil {
		return err
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
