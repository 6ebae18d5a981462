//! `storm`: as many tasks at once as the point says, each of which yields so many times and ends.
//!
//! The clock runs from before the first spawn until the last task has ended. Storms follow each other in one process until
//! they have taken the sample's seconds together, at least one; of `operations`, so many. The first is the cold one.

pub(super) mod gmp;
mod go;
mod threads;

use crate::heapless::{Ground, Heapless, Ran};
use host::thread::Usage;
use plan::experiment::Extent;
use plan::set::CpuSet;
use plan::workload::Storm;
use stats::quantile::quantile;
use std::time::Instant;

impl Heapless for Storm {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        match ground.job.point.subject.as_str() {
            "gmp" => gmp::run(self, ground),
            plan::experiment::GO => go::run(self, ground),
            plan::experiment::THREADS => threads::run(self, ground),
            other => Err(format!("workload storm does not run on subject {other}")),
        }
    }
}

/// Times that are kept for the median, the first ones: 8 MiB of them. Their sum is of all.
const TIMES_MOST: usize = 1 << 20;

/// The storms of a sample.
#[derive(Debug, Clone)]
struct Storms {
    extent: Extent,
    times_ns: Vec<u64>,
    count: u64,
    sum_ns: u64,
}

impl Storms {
    fn new(extent: Extent) -> Storms {
        Storms { extent, times_ns: Vec::with_capacity(1 << 10), count: 0, sum_ns: 0 }
    }

    /// Whether another one is due.
    fn go_on(&self) -> bool {
        match self.extent {
            _ if self.count == 0 => true,
            Extent::Seconds(seconds) => (self.sum_ns as f64) < seconds * 1e9,
            Extent::Operations(storms) => self.count < storms,
        }
    }

    fn add(&mut self, ns: u64) {
        self.count += 1;
        self.sum_ns += ns;
        if self.times_ns.len() < TIMES_MOST {
            self.times_ns.push(ns);
        }
    }

    /// The figures of a sample, with what the subject tells beyond times: `[pause_ratio, from_next_ratio, …]`.
    fn ran(&self, storm: &Storm, told: [Option<f64>; TOLD], usage: Usage) -> Ran {
        let times: Vec<f64> = self.times_ns.iter().map(|&ns| ns as f64).collect();
        let median = quantile(&times, 0.5).ok();
        let each = storm.yields_of_all();
        let times = [median, median.map(|ns| ns / each as f64), times.first().copied()];
        Ran {
            elapsed_ns: self.sum_ns,
            operations: each * self.count,
            windows: Vec::new(),
            metrics: times.into_iter().chain(told).collect(),
            counts: None,
            usage,
            notes: Vec::new(),
        }
    }
}

/// Binds the calling thread to the PUs of all places, where each has some; what it starts inherits that.
pub(super) fn bind_to_places(ground: &Ground<'_>) -> Result<(), String> {
    let places = &ground.job.point.placement.workers;
    let Some(sets) = places.iter().map(|place| place.cpus.as_ref()).collect::<Option<Vec<_>>>() else { return Ok(()) };
    let all = sets.into_iter().fold(CpuSet::new(), |all, pus| all.union(pus));
    host::bind::bind_thread(ground.granted, &all).map(|_| ()).map_err(|cause| cause.to_string())
}

/// Columns of a storm beyond its times.
const TOLD: usize = plan::workload::StormFile::METRICS.len() - 3;

/// An empty loop of so many turns.
#[inline(never)]
pub(super) fn turn(turns: u64) {
    for at in 0..turns {
        std::hint::black_box(at);
    }
}

/// Turns of an empty loop that take `loop_ns`, from the fastest of some trials: a PU that is taken away in between makes a
/// trial longer, never shorter. A loop, not a clock that is read until it has passed: reading takes half of 100 ns itself.
pub(super) fn turns_of(loop_ns: u64) -> u64 {
    const TURNS: u64 = 20_000;
    const TRIALS: usize = 50;
    if loop_ns == 0 {
        return 0;
    }
    let trial = |_| {
        let begun = Instant::now();
        turn(TURNS);
        crate::timer::ns_since(begun)
    };
    let fastest_ns = (0..TRIALS).map(trial).min().unwrap_or(1).max(1);
    ((loop_ns as f64 * TURNS as f64 / fastest_ns as f64).round() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storms_go_on_until_the_extent_is_over_and_one_is_run_in_any_case() {
        let check = |extent: Extent, ns: u64, expect: u64| {
            let mut storms = Storms::new(extent);
            while storms.go_on() {
                storms.add(ns);
            }
            assert_eq!((storms.count, storms.sum_ns), (expect, expect * ns), "{extent:?}, {ns} ns");
        };
        check(Extent::Seconds(0.001), 300_000, 4);
        check(Extent::Seconds(0.001), 500_000, 2);
        check(Extent::Seconds(0.001), 5_000_000, 1);
        check(Extent::Operations(3), 5_000_000, 3);
    }

    #[test]
    fn figures_are_those_of_the_storms() {
        let storm = Storm { tasks: 10, yields: 5, loop_ns: 0 };
        let mut storms = Storms::new(Extent::Operations(3));
        [900, 100, 200].into_iter().for_each(|ns| storms.add(ns));
        let ran = storms.ran(&storm, [None; TOLD], Usage::default());
        assert_eq!((ran.elapsed_ns, ran.operations), (1200, 150));
        assert_eq!(ran.metrics[..4], [Some(200.0), Some(4.0), Some(900.0), None]);
        assert_eq!(ran.metrics.len(), plan::workload::StormFile::METRICS.len());
    }

    #[test]
    fn an_empty_loop_has_turns_in_proportion() {
        assert_eq!(turns_of(0), 0);
        assert!(turns_of(1) >= 1);
        assert!(turns_of(1_000_000) > turns_of(1_000));
    }
}
