package main

import (
	"reflect"
	"testing"
)

func TestRequestsFallIntoTheSliceInWhichTheyWereDone(t *testing.T) {
	// Looks at (ns, requests), then the requests at the end; four slices of 100 ns.
	check := func(endNs int64, workers [][][2]uint64, expect []window) {
		t.Helper()
		var all []counts
		for _, looks := range workers {
			s := newSlices(4, 400, true)
			for _, look := range looks[:len(looks)-1] {
				s.see(int64(look[0]), look[1])
			}
			all = append(all, counts{&s, looks[len(looks)-1][1]})
		}
		if found := windows(all, endNs); !reflect.DeepEqual(found, expect) {
			t.Errorf("%v, not %v", found, expect)
		}
	}
	awake := [][2]uint64{{50, 4}, {101, 10}, {205, 25}, {300, 30}, {401, 37}}
	check(401, [][][2]uint64{awake}, []window{{0, 100, 10}, {100, 100, 15}, {200, 100, 5}, {300, 101, 7}})
	// Asleep from before 100 to 310.
	asleep := [][2]uint64{{310, 12}, {400, 20}}
	check(400, [][][2]uint64{asleep}, []window{{0, 100, 12}, {100, 100, 0}, {200, 100, 0}, {300, 100, 8}})
	// The second ended in the second slice.
	ended := [][2]uint64{{110, 4}, {150, 6}}
	check(401, [][][2]uint64{awake, ended}, []window{{0, 100, 14}, {100, 100, 17}, {200, 100, 5}, {300, 101, 7}})
}

func TestAnUnknownLengthHasOnceToTwiceAsManySlices(t *testing.T) {
	for _, ns := range []int64{10 * firstTickNs, 1e7, 123_456_789, 6e10} {
		s := newSlices(10, 0, false)
		for now := int64(0); now < ns; now += 50_000 {
			s.see(now, uint64(now/1000))
		}
		other := newSlices(10, 0, false)
		// One that slept all the time.
		other.see(ns-1, 5)
		found := windows([]counts{{&s, uint64(ns / 1000)}, {&other, 5}}, ns)
		if len(found) < 10 || len(found) > 21 || cap(s.marks) != 20 {
			t.Errorf("%d ns: %d slices", ns, len(found))
		}
		var all uint64
		var length int64
		for _, one := range found {
			all += one.Operations
			length += one.LengthNs
		}
		if all != uint64(ns/1000)+5 || length != ns {
			t.Errorf("%d ns: %d operations in %d ns", ns, all, length)
		}
	}
}
