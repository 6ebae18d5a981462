//! Counter-based random numbers: a value is a pure function of a key and a counter, so that whatever was drawn in a
//! timed run can be drawn again afterwards, by anyone, in any order.
//!
//! Not for secrets. The mixer is SplitMix64's finalizer (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
//! generators", variant 13 of Stafford), whose outputs at consecutive counters pass BigCrush.

/// Weyl increment of SplitMix64: 2^64 / golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Draw number `counter` of the stream `key`.
#[inline(always)]
pub const fn draw(key: u64, counter: u64) -> u64 {
    mix(key.wrapping_add(counter.wrapping_mul(GOLDEN)))
}

/// A new key from a key and a label, far from any counter of the old one.
pub const fn split(key: u64, label: u64) -> u64 {
    mix(mix(key ^ 0x6a09_e667_f3bc_c908).wrapping_add(label.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// A number in 0..bound from one draw, by multiplication; its bias is below bound / 2^64.
#[inline(always)]
pub const fn below(draw: u64, bound: u64) -> u64 {
    ((draw as u128 * bound as u128) >> 64) as u64
}

#[inline(always)]
const fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A random order of 0..n, the same for the same key (Fisher-Yates).
pub fn permutation(key: u64, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(draw(key, last as u64), last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_splitmix64() {
        // First outputs of SplitMix64 seeded with 0, as in Vigna's splitmix64.c.
        let first: Vec<u64> = (1..=3).map(|counter| draw(0, counter)).collect();
        assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    #[test]
    fn permutations_hold_everything_once_and_differ() {
        let mut order = permutation(7, 100);
        assert_ne!(order, permutation(8, 100));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn every_order_of_three_is_as_likely() {
        let mut counts = std::collections::BTreeMap::new();
        (0..6000).for_each(|key| *counts.entry(permutation(split(1, key), 3)).or_insert(0u32) += 1);
        assert_eq!(counts.len(), 6);
        // Chi-square with 5 degrees of freedom, upper 0.001 point 20.5.
        let chi_square: f64 = counts.values().map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 20.5, "{chi_square}");
    }
}
