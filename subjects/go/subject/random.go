package main

import "math/bits"

// Weyl increment of SplitMix64: 2^64 / golden ratio, odd.
const golden = 0x9e37_79b9_7f4a_7c15

// Labels of the streams that are split from a seed: of a sample, then of a worker.
const (
	addresses = 1 // as ADDRESSES of crates/runner/src/sampling.rs
	sampled   = 1
)

// draw is number `counter` of the stream `key`: crates/plan/src/random.rs, bit for bit.
func draw(key, counter uint64) uint64 {
	return mix(key + counter*golden)
}

// split makes a new key from a key and a label.
func split(key, label uint64) uint64 {
	return mix(mix(key^0x6a09_e667_f3bc_c908) + (label+1)*golden)
}

// below is a number in 0..bound from one draw.
func below(drawn, bound uint64) uint64 {
	high, _ := bits.Mul64(drawn, bound)
	return high
}

func mix(state uint64) uint64 {
	state = (state ^ (state >> 30)) * 0xbf58_476d_1ce4_e5b9
	state = (state ^ (state >> 27)) * 0x94d0_49bb_1331_11eb
	return state ^ (state >> 31)
}

// workerKey is the key of a worker's stream of touches.
func workerKey(seed uint64, worker int) uint64 {
	return split(split(seed, addresses), uint64(worker))
}
