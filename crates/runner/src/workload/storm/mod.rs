//! `storm`: as many tasks at once as the point says, each of which yields so many times and ends.
//!
//! The clock runs from before the first spawn until the last task has ended. Storms follow each other in one process until
//! they have taken the sample's seconds together, at least one; of `operations`, so many. The first is the cold one.

mod go;
mod lengths;
pub(super) mod tasks;
mod threads;

use crate::heapless::{Ground, Heapless, Ran};
use crate::workload::on_subject;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::workload::Storm;
use stats::quantile::quantile;

impl Heapless for Storm {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go, threads)
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

/// Columns of a storm beyond its times.
const TOLD: usize = plan::workload::StormFile::METRICS.len() - 3;

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
}
