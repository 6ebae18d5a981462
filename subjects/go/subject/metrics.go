package main

import (
	"math"
	"runtime/metrics"
	"sort"
)

// Histograms of the runtime, by their name in the sample. Since Go 1.22.
var histogramNames = map[string]string{
	"stopping_gc":    "/sched/pauses/stopping/gc:seconds",
	"stopping_other": "/sched/pauses/stopping/other:seconds",
	"total_gc":       "/sched/pauses/total/gc:seconds",
	"total_other":    "/sched/pauses/total/other:seconds",
}

const (
	allocatedName = "/gc/heap/allocs:bytes"
	// Since Go 1.20.
	procsName  = "/cpu/classes/total:cpu-seconds"
	gcName     = "/cpu/classes/gc/total:cpu-seconds"
	gcIdleName = "/cpu/classes/gc/mark/idle:cpu-seconds"
)

// reading is what the runtime says at one moment, by metric. What this version does not have is absent.
type reading map[string]metrics.Value

func wanted() []string {
	names := []string{allocatedName, procsName, gcName, gcIdleName}
	for _, name := range histogramNames {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func readMetrics() reading {
	var samples []metrics.Sample
	for _, name := range wanted() {
		samples = append(samples, metrics.Sample{Name: name})
	}
	// Each reading has samples of its own: the runtime writes histograms into those that it is given again.
	metrics.Read(samples)
	found := reading{}
	for _, one := range samples {
		if one.Value.Kind() != metrics.KindBad {
			found[one.Name] = one.Value
		}
	}
	return found
}

// missing are the metrics that this version of Go does not have.
func (r reading) missing() []string {
	absent := []string{}
	for _, name := range wanted() {
		if _, there := r[name]; !there {
			absent = append(absent, name)
		}
	}
	return absent
}

// histogram is what happened between two readings. Limits of quantiles are those of the runtime's buckets, upper ones;
// null beyond its last.
type histogram struct {
	Count uint64   `json:"count"`
	P50Ns *float64 `json:"p50_ns"`
	P90Ns *float64 `json:"p90_ns"`
	P99Ns *float64 `json:"p99_ns"`
	MaxNs *float64 `json:"max_ns"`
	// (lower limit, upper limit, how many), where there were any.
	Buckets [][3]*float64 `json:"buckets"`
}

func (r reading) histogramSince(before reading, name string) *histogram {
	now, there := r[name]
	then, was := before[name]
	if !there || !was || now.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return difference(now.Float64Histogram(), then.Float64Histogram())
}

func difference(now, then *metrics.Float64Histogram) *histogram {
	found := &histogram{Buckets: [][3]*float64{}}
	limit := func(seconds float64) *float64 {
		if math.IsInf(seconds, 0) {
			return nil
		}
		ns := seconds * 1e9
		return &ns
	}
	for at := range now.Counts {
		found.Count += now.Counts[at] - then.Counts[at]
	}
	var seen uint64
	for at := range now.Counts {
		count := now.Counts[at] - then.Counts[at]
		if count == 0 {
			continue
		}
		upper := limit(now.Buckets[at+1])
		number := float64(count)
		found.Buckets = append(found.Buckets, [3]*float64{limit(now.Buckets[at]), upper, &number})
		for _, quantile := range []struct {
			of   float64
			into **float64
		}{{0.5, &found.P50Ns}, {0.9, &found.P90Ns}, {0.99, &found.P99Ns}, {1, &found.MaxNs}} {
			rank := uint64(math.Ceil(quantile.of * float64(found.Count)))
			if seen < rank && rank <= seen+count {
				*quantile.into = upper
			}
		}
		seen += count
	}
	return found
}

// nsSince is the difference of a number of seconds, in ns.
func (r reading) nsSince(before reading, name string) *int64 {
	now, there := r[name]
	then, was := before[name]
	if !there || !was || now.Kind() != metrics.KindFloat64 {
		return nil
	}
	ns := int64((now.Float64() - then.Float64()) * 1e9)
	return &ns
}

func (r reading) bytesSince(before reading, name string) *uint64 {
	now, there := r[name]
	then, was := before[name]
	if !there || !was || now.Kind() != metrics.KindUint64 {
		return nil
	}
	bytes := now.Uint64() - then.Uint64()
	return &bytes
}
