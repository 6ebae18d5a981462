//! Latencies of a sample, all of them, counted in buckets; what its requests add up to; its slices. As tally.go of subjects/go.
//!
//! A bucket is at most a 64th of its values wide, so a quantile is at most 1.6 % too high; the longest is exact. Tasks share
//! counters with few others, so that two processors seldom write one line.

use crate::sample::Window;
use serde::Deserialize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Bits of a value that its bucket keeps.
const KEPT_BITS: u32 = 6;
/// Values of 2^40 ns, 18 minutes, and beyond share the last bucket.
const BITS_MOST: u32 = 40;
const BUCKETS: usize = ((BITS_MOST - KEPT_BITS + 1) << KEPT_BITS) as usize;

/// Quantiles beyond so many values have none beyond them: as for pauses, order statistics bound them from above only from then on.
const LEAST_FOR_P99: u64 = 368;
const LEAST_FOR_P999: u64 = 3688;

/// The bucket of a value.
fn bucket_of(ns: u64) -> usize {
    let ns = ns.min((1 << BITS_MOST) - 1);
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(KEPT_BITS + 1);
    ((u64::from(shift) << KEPT_BITS) + (ns >> shift)) as usize
}

/// The greatest value of a bucket.
fn greatest_of(bucket: usize) -> u64 {
    let shift = (bucket >> KEPT_BITS).saturating_sub(1);
    let kept = (bucket - (shift << KEPT_BITS)) as u64;
    ((kept + 1) << shift) - 1
}

/// Values as counts of buckets.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: Box<[AtomicU32]>,
    longest_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(), longest_ns: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(super) fn add(&self, ns: u64) {
        self.buckets[bucket_of(ns)].fetch_add(1, Ordering::Relaxed);
        raise(&self.longest_ns, ns);
    }

    /// All values of another.
    pub(super) fn add_all(&self, other: &Histogram) {
        for (sum, count) in self.buckets.iter().zip(&other.buckets) {
            sum.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        raise(&self.longest_ns, other.longest_ns.load(Ordering::Relaxed));
    }
}

fn raise(most: &AtomicU64, ns: u64) {
    if ns > most.load(Ordering::Relaxed) {
        most.fetch_max(ns, Ordering::Relaxed);
    }
}

/// Quantiles of all values of some histograms; so go-subject tells them, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub(super) struct Quantiles {
    pub(super) count: u64,
    pub(super) p50_ns: Option<f64>,
    pub(super) p99_ns: Option<f64>,
    pub(super) p999_ns: Option<f64>,
    pub(super) longest_ns: Option<f64>,
}

impl Quantiles {
    pub(super) fn of<'a>(all: impl Iterator<Item = &'a Histogram>) -> Quantiles {
        let (mut buckets, mut longest_ns) = (vec![0; BUCKETS], 0);
        for one in all {
            longest_ns = longest_ns.max(one.longest_ns.load(Ordering::Relaxed));
            let counts = one.buckets.iter().map(|count| u64::from(count.load(Ordering::Relaxed)));
            buckets.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let count: u64 = buckets.iter().sum();
        let quantile = |part: f64, least: u64| {
            let rank = (part * count as f64).ceil() as u64;
            let mut seen = 0;
            let mut upto = buckets.iter().position(|&count| {
                seen += count;
                seen >= rank
            });
            upto = upto.filter(|_| count >= least);
            upto.map(|bucket| greatest_of(bucket).min(longest_ns) as f64)
        };
        Quantiles {
            count,
            p50_ns: quantile(0.5, 1),
            p99_ns: quantile(0.99, LEAST_FOR_P99),
            p999_ns: quantile(0.999, LEAST_FOR_P999),
            longest_ns: (count > 0).then_some(longest_ns as f64),
        }
    }
}

/// Counters of one in so many tasks. On lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    served: AtomicU64,
    last_ns: AtomicU64,
    latencies: Histogram,
}

/// What the requests of a sample add up to.
#[derive(Debug)]
pub(super) struct Tally {
    shards: Box<[Shard]>,
    /// Slices are this long at least; 0: there is only one.
    slice_ns: u64,
    next_ns: AtomicU64,
    /// `(moment, requests served by then)`, where slices end.
    marks: Mutex<Vec<(u64, u64)>>,
    end_ns: u64,
    over: AtomicBool,
}

impl Tally {
    /// For so many processors; the sample is over at the first request that ends at `end_ns` or later.
    pub(super) fn new(procs: usize, end_ns: Option<u64>, windows: u32) -> Tally {
        let shards = (8 * procs).next_power_of_two().clamp(8, 256);
        let slice_ns = end_ns.map_or(0, |end_ns| (end_ns / u64::from(windows.max(1))).max(1));
        Tally {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            slice_ns,
            next_ns: AtomicU64::new(if slice_ns == 0 { u64::MAX } else { slice_ns }),
            marks: Mutex::new(Vec::with_capacity(windows as usize)),
            end_ns: end_ns.unwrap_or(u64::MAX),
            over: AtomicBool::new(false),
        }
    }

    /// A request of this task ended at `now_ns` after the release.
    pub(super) fn ended(&self, task: usize, now_ns: u64, latency_ns: u64) {
        let shard = &self.shards[task & (self.shards.len() - 1)];
        shard.served.fetch_add(1, Ordering::Relaxed);
        raise(&shard.last_ns, now_ns);
        shard.latencies.add(latency_ns);
        let due_ns = self.next_ns.load(Ordering::Relaxed);
        if now_ns >= due_ns {
            self.mark(now_ns, due_ns);
        }
        if now_ns >= self.end_ns {
            self.end();
        }
    }

    /// Whoever is the first to see that a slice is full notes it.
    fn mark(&self, now_ns: u64, due_ns: u64) {
        let next_ns = (now_ns / self.slice_ns + 1) * self.slice_ns;
        if self.next_ns.compare_exchange(due_ns, next_ns, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let served = self.served();
            self.marks.lock().unwrap_or_else(PoisonError::into_inner).push((now_ns, served));
        }
    }

    pub(super) fn served(&self) -> u64 {
        self.shards.iter().map(|shard| shard.served.load(Ordering::Relaxed)).sum()
    }

    /// No task begins another request.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn sum(&self) -> Sum {
        let (served, elapsed_ns) =
            (self.served(), self.shards.iter().map(|shard| shard.last_ns.load(Ordering::Relaxed)).max().unwrap_or(0));
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Sum {
            served,
            elapsed_ns,
            latencies: Quantiles::of(self.shards.iter().map(|shard| &shard.latencies)),
            windows: windows(marks, elapsed_ns, served),
        }
    }
}

/// A sample's figures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sum {
    pub(super) served: u64,
    /// Until the last request ended.
    pub(super) elapsed_ns: u64,
    pub(super) latencies: Quantiles,
    pub(super) windows: Vec<Window>,
}

/// Slices without a gap. A mark of one who was off its PU while it counted may hold more than the next one.
fn windows(mut marks: Vec<(u64, u64)>, elapsed_ns: u64, served: u64) -> Vec<Window> {
    marks.sort_unstable();
    marks.push((elapsed_ns, served));
    let (mut found, mut start_ns, mut before) = (Vec::with_capacity(marks.len()), 0, 0);
    let last = marks.len() - 1;
    for (at, (moment_ns, by_then)) in marks.into_iter().enumerate() {
        let by_then = by_then.clamp(before, served);
        if moment_ns > start_ns && (at == last || moment_ns < elapsed_ns) {
            found.push(Window { start_ns, length_ns: moment_ns - start_ns, operations: by_then - before });
            (start_ns, before) = (moment_ns, by_then);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_value_and_are_narrow() {
        let mut last = 0;
        for ns in
            (0..5000).chain((12..40).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + (1 << (bits - 1))]))
        {
            let bucket = bucket_of(ns);
            let greatest = greatest_of(bucket);
            assert!(greatest >= ns && greatest - ns <= ns / 64, "{ns} in bucket {bucket} up to {greatest}");
            assert!(bucket == 0 || greatest_of(bucket - 1) < ns, "{ns} is in the bucket before, too");
            last = last.max(bucket);
        }
        assert!(last < BUCKETS);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        // As TestBuckets of subjects/go has them.
        assert_eq!([63, 64, 128, 40_000, 1 << 39].map(bucket_of), [63, 64, 128, 654, 2176]);
    }

    #[test]
    fn quantiles_are_those_of_all_values() {
        let halves = [Histogram::default(), Histogram::default()];
        (1..=10_000).for_each(|value| halves[value % 2].add(100 * value as u64));
        let found = Quantiles::of(halves.iter());
        let near = |found: Option<f64>, expect: f64| {
            let ratio = found.expect("there are enough") / expect;
            assert!((1.0..=1.0 + 1.0 / 64.0).contains(&ratio), "{found:?}, not {expect}");
        };
        near(found.p50_ns, 500_000.0);
        near(found.p99_ns, 990_000.0);
        near(found.p999_ns, 999_000.0);
        assert_eq!((found.count, found.longest_ns), (10_000, Some(1e6)));
        let few = Histogram::default();
        (0..367).for_each(|_| few.add(7));
        let found = Quantiles::of([&few].into_iter());
        assert_eq!((found.p50_ns, found.p99_ns, found.longest_ns), (Some(7.0), None, Some(7.0)));
        few.add(7);
        assert_eq!(Quantiles::of([&few].into_iter()).p99_ns, Some(7.0));
        assert_eq!(Quantiles::of([].into_iter()), Quantiles::default());
    }

    #[test]
    fn slices_are_gapless_and_hold_every_request() {
        let tally = Tally::new(2, Some(1000), 4);
        for (at, now_ns) in [100, 260, 300, 900, 1040, 1100].into_iter().enumerate() {
            assert!(!tally.is_over() || now_ns > 1040);
            tally.ended(at, now_ns, now_ns);
        }
        assert!(tally.is_over());
        let sum = tally.sum();
        let slices: Vec<_> = sum.windows.iter().map(|one| (one.start_ns, one.length_ns, one.operations)).collect();
        assert_eq!(slices, [(0, 260, 2), (260, 640, 2), (900, 140, 1), (1040, 60, 1)]);
        assert_eq!((sum.served, sum.elapsed_ns, sum.latencies.count), (6, 1100, 6));
        // One who counted late.
        let slices = windows(vec![(100, 7), (50, 9)], 200, 8);
        assert_eq!(slices.iter().map(|one| one.operations).collect::<Vec<_>>(), [8, 0, 0]);
    }
}
