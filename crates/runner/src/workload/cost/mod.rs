//! `cost`: one operation of a scheduler at a time, each timed by itself.
//!
//! A time runs from one reading of the clock to another, so that one reading is in it, and one more for each in between: its
//! median is subtracted as often. Operations follow each other until the sample's seconds are over; the first of a process
//! are among them. `elapsed_ns` is all of it, with what lies between the operations.

mod go;
mod tasks;
mod threads;

use crate::heapless::{Ground, Heapless, Ran};
use crate::timer::ns_since;
use crate::workload::on_subject;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::workload::{Cost, Distance, Operation};
use stats::quantile::quantile;
use std::hint::black_box;
use std::time::{Duration, Instant};

impl Heapless for Cost {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go, threads)
    }
}

/// Times that are kept, an even number: beyond it every second one is dropped, over all of the sample alike.
const TIMES_MOST: usize = 1 << 17;

/// Columns of steals by distance.
const DISTANCES: usize = 3;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Times of single operations, thinned alike.
#[derive(Debug)]
struct Times {
    kept: Vec<f64>,
    seen: u64,
    every: u64,
}

impl Times {
    fn new() -> Times {
        Times { kept: Vec::with_capacity(TIMES_MOST), ..Times::none() }
    }

    /// Without room for what may not come.
    fn none() -> Times {
        Times { kept: Vec::new(), seen: 0, every: 1 }
    }

    fn median(&self) -> Option<f64> {
        quantile(&self.kept, 0.5).ok()
    }

    fn add(&mut self, ns: f64) {
        if self.seen.is_multiple_of(self.every) {
            if self.kept.len() == TIMES_MOST {
                let mut keeps = false;
                self.kept.retain(|_| {
                    keeps = !keeps;
                    keeps
                });
                self.every *= 2;
            }
            self.kept.push(ns);
        }
        self.seen += 1;
    }
}

/// Readings in ns that tasks and threads can pass on, and what one costs.
#[derive(Debug, Clone, Copy)]
struct Clock {
    epoch: Instant,
    cost_ns: f64,
}

impl Clock {
    fn new() -> Clock {
        const READINGS: u32 = 1000;
        const BATCHES: usize = 9;
        let mut clock = Clock { epoch: Instant::now(), cost_ns: 0.0 };
        let batch = |_| {
            let begun = clock.now();
            (1..READINGS).for_each(|_| {
                black_box(clock.now());
            });
            (clock.now() - begun) as f64 / f64::from(READINGS)
        };
        let batches: Vec<f64> = (0..BATCHES).map(batch).collect();
        clock.cost_ns = quantile(&batches, 0.5).unwrap_or(0.0);
        clock
    }

    /// Above 0 from the first reading on, so that 0 can stand for none.
    #[inline]
    fn now(&self) -> u64 {
        ns_since(self.epoch) + 1
    }

    /// Time between two readings without the `readings` that are in it.
    fn between(&self, from: u64, to: u64, readings: u32) -> f64 {
        without_clock(to.saturating_sub(from), readings, self.cost_ns)
    }
}

/// What took no longer than the readings themselves took 0.
fn without_clock(ns: u64, readings: u32, clock_ns: f64) -> f64 {
    (ns as f64 - f64::from(readings) * clock_ns).max(0.0)
}

/// Readings of the clock in the time of an operation: one, and where the call is timed, too, one more.
fn readings(operation: Operation) -> u32 {
    match operation {
        Operation::Create | Operation::Wake => 2,
        _ => 1,
    }
}

/// A sample on its way.
#[derive(Debug)]
struct Sample {
    clock: Clock,
    extent: Extent,
    begun: Option<Instant>,
    elapsed: Duration,
    swept: Vec<u8>,
    costs: Times,
    calls: Times,
    /// Of steals, in the order of the columns.
    distances: [Times; DISTANCES],
}

impl Sample {
    fn new(cost: &Cost, extent: Extent) -> Result<Sample, String> {
        let bytes = usize::try_from(cost.swept_bytes).map_err(|cause| cause.to_string())?;
        let mut swept = Vec::new();
        swept.try_reserve_exact(bytes).map_err(|cause| format!("{bytes} bytes to sweep the caches: {cause}"))?;
        // Written, not zeroed by the kernel when first touched.
        swept.resize(bytes, 1);
        let (costs, calls) = (Times::new(), Times::new());
        let steals = cost.operation.is_steal();
        let distances = std::array::from_fn(|_| if steals { Times::new() } else { Times::none() });
        Ok(Sample { clock: Clock::new(), extent, begun: None, elapsed: Duration::ZERO, swept, costs, calls, distances })
    }

    /// Whether another operation is due; the time begins with the first question.
    fn go_on(&mut self) -> bool {
        self.elapsed = self.begun.get_or_insert_with(Instant::now).elapsed();
        match self.extent {
            _ if self.costs.seen == 0 => true,
            Extent::Seconds(seconds) => self.elapsed.as_secs_f64() < seconds,
            Extent::Operations(operations) => self.costs.seen < operations,
        }
    }

    /// Leaves nothing in the caches of this PU, where that is asked for.
    fn sweep(&mut self) {
        for line in self.swept.iter_mut().step_by(LINE_BYTES) {
            *line = line.wrapping_add(1);
        }
        black_box(&self.swept);
    }

    /// An operation between two readings, of which `call` is the end of the call alone. A thread that is woken on another PU
    /// may run before that.
    fn add(&mut self, from: u64, call: Option<u64>, to: u64) {
        if let Some(call) = call {
            self.calls.add(self.clock.between(from, call, 1));
        }
        let within = call.is_some_and(|call| call <= to);
        self.costs.add(self.clock.between(from, to, 1 + u32::from(within)));
    }

    /// A steal between two readings, over this distance where it is known.
    fn add_steal(&mut self, from: u64, to: u64, distance: Option<Distance>) {
        self.add(from, None, to);
        if let Some(distance) = distance {
            self.distances[distance as usize].add(self.clock.between(from, to, 1));
        }
    }

    fn ran(self, usage: Usage) -> Ran {
        let elapsed_ns = u64::try_from(self.elapsed.as_nanos()).unwrap_or(u64::MAX).max(1);
        Ran {
            elapsed_ns,
            operations: self.costs.seen,
            metrics: figures(
                &self.costs.kept,
                &self.calls.kept,
                self.clock.cost_ns,
                self.distances.each_ref().map(Times::median),
            ),
            counts: None,
            usage,
            notes: Vec::new(),
            windows: Vec::new(),
        }
    }
}

/// In the order of the workload's columns.
fn figures(costs: &[f64], calls: &[f64], clock_ns: f64, distances: [Option<f64>; DISTANCES]) -> Vec<Option<f64>> {
    let [p10, median, p99] = [0.1, 0.5, 0.99].map(|at| quantile(costs, at).ok());
    let cycles = median.zip(host::tsc::ticks_per_ns()).map(|(ns, ticks_per_ns)| ns * ticks_per_ns);
    // Where the call is not timed by itself it is the operation.
    let of_all = [median, quantile(calls, 0.5).ok().or(median), cycles, p10, p99, Some(clock_ns)];
    of_all.into_iter().chain(distances).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::workload::CostFile;

    #[test]
    fn times_are_thinned_over_the_whole_sample() {
        let mut times = Times::new();
        let all = 5 * TIMES_MOST as u64;
        (0..all).for_each(|at| times.add(at as f64));
        assert_eq!((times.seen, times.every), (all, 8));
        let expect: Vec<f64> = (0..all).step_by(8).map(|at| at as f64).collect();
        assert_eq!(times.kept, expect);
    }

    #[test]
    fn the_clock_is_subtracted_as_often_as_it_was_read() {
        let clock = Clock { epoch: Instant::now(), cost_ns: 20.0 };
        assert_eq!(clock.between(100, 300, 1), 180.0);
        assert_eq!(clock.between(100, 300, 2), 160.0);
        assert_eq!(clock.between(100, 110, 1), 0.0);
        assert_eq!(clock.between(300, 100, 1), 0.0);
        assert!(Clock::new().cost_ns > 0.0);
    }

    #[test]
    fn figures_are_in_the_order_of_the_columns() {
        let costs: Vec<f64> = (0..=100).map(f64::from).collect();
        let found = figures(&costs, &[7.0], 3.0, [Some(1.0), None, Some(2.0)]);
        let named = |name: &str| {
            let at = CostFile::METRICS.iter().position(|column| column.name == name).expect(name);
            found[at]
        };
        assert_eq!(found.len(), CostFile::METRICS.len());
        assert_eq!((named("cost_ns"), named("call_ns"), named("clock_ns")), (Some(50.0), Some(7.0), Some(3.0)));
        assert_eq!((named("cost_p10_ns"), named("cost_p99_ns")), (Some(10.0), Some(99.0)));
        let steals = ["steal_same_llc_ns", "steal_same_node_ns", "steal_other_node_ns"].map(named);
        assert_eq!(steals, [Some(1.0), None, Some(2.0)]);
        assert_eq!(figures(&costs, &[], 3.0, [None; DISTANCES])[1], Some(50.0));
    }

    #[test]
    fn steals_are_told_apart_by_distance() {
        let cost = Cost { operation: Operation::Steal, swept_bytes: 0 };
        let mut sample = Sample::new(&cost, Extent::Operations(4)).expect("no bytes");
        sample.clock.cost_ns = 10.0;
        let steals = [Some(Distance::OtherNode), None, Some(Distance::SameLlc), Some(Distance::OtherNode)];
        steals.into_iter().zip([110, 210, 310, 110]).for_each(|(distance, to)| sample.add_steal(0, to, distance));
        let metrics = sample.ran(Usage::default()).metrics;
        assert_eq!(metrics[metrics.len() - DISTANCES..], [Some(300.0), None, Some(100.0)]);
        assert_eq!(metrics[0], Some(150.0), "those of unknown distance are among all");
    }

    #[test]
    fn one_operation_is_timed_in_any_case() {
        let cost = Cost { operation: Operation::Create, swept_bytes: 1000 };
        let check = |extent: Extent, expect: u64| {
            let mut sample = Sample::new(&cost, extent).expect("1000 bytes");
            while sample.go_on() {
                sample.sweep();
                sample.add(100, None, 200);
            }
            assert_eq!(sample.ran(Usage::default()).operations, expect);
        };
        check(Extent::Seconds(0.0), 1);
        check(Extent::Operations(1), 1);
        check(Extent::Operations(40), 40);
    }
}
