//! `strategy`: batches of items, each an empty loop, that a fixed pool does, or a task for each item, or a thread for each,
//! or one thread.
//!
//! A batch begins before its first task or thread is made, a pool's workers among them, and ends when all of its items are
//! done. All items are handed over at once. Batches follow each other until they have taken the sample's seconds together,
//! at least one; of `operations`, so many.

mod go;
mod tasks;
mod threads;

use super::latency::{Histogram, Quantiles};
use crate::heapless::{Ground, Heapless, Ran};
use crate::timer::ns_since;
use crate::workload::on_subject;
use crate::workload::turns::turn;
use host::peak::Peak;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::workload::Strategy;
use stats::quantile::quantile;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

impl Heapless for Strategy {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go, threads)
    }
}

/// Start-ups that are kept for the median, the first ones.
const STARTUPS_MOST: usize = 1 << 20;

/// What the items of a batch share.
#[derive(Debug)]
struct Batch {
    turns: u64,
    begun: Instant,
    /// When the first item began, ns after the batch; `u64::MAX`: none has.
    first_ns: AtomicU64,
    latencies: Histogram,
}

impl Batch {
    fn new(turns: u64) -> Batch {
        Batch { turns, begun: Instant::now(), first_ns: AtomicU64::new(u64::MAX), latencies: Histogram::default() }
    }

    fn now_ns(&self) -> u64 {
        ns_since(self.begun)
    }

    /// Does an item that was handed over at `since_ns`.
    fn item(&self, since_ns: u64) {
        if self.first_ns.load(Ordering::Relaxed) == u64::MAX {
            self.first_ns.fetch_min(self.now_ns(), Ordering::Relaxed);
        }
        turn(self.turns);
        self.latencies.add(self.now_ns().saturating_sub(since_ns));
    }
}

/// The batches of a sample.
#[derive(Debug)]
struct Batches {
    extent: Extent,
    count: u64,
    sum_ns: u64,
    startups_ns: Vec<f64>,
    latencies: Histogram,
    /// Items as their tasks counted them.
    done: u64,
}

impl Batches {
    fn new(extent: Extent) -> Batches {
        Batches { extent, count: 0, sum_ns: 0, startups_ns: Vec::new(), latencies: Histogram::default(), done: 0 }
    }

    /// Whether another one is due.
    fn go_on(&self) -> bool {
        match self.extent {
            _ if self.count == 0 => true,
            Extent::Seconds(seconds) => (self.sum_ns as f64) < seconds * 1e9,
            Extent::Operations(batches) => self.count < batches,
        }
    }

    /// A batch is over, of whose items the tasks counted `done`.
    fn add(&mut self, batch: &Batch, done: u64) {
        self.count += 1;
        self.sum_ns += batch.now_ns();
        self.done += done;
        self.latencies.add_all(&batch.latencies);
        if self.startups_ns.len() < STARTUPS_MOST {
            self.startups_ns.push(batch.first_ns.load(Ordering::Relaxed) as f64);
        }
    }

    fn found(&self, memory_bytes: Option<u64>) -> Found {
        let latencies = Quantiles::of([&self.latencies].into_iter());
        Found {
            batches: self.count,
            elapsed_ns: self.sum_ns,
            done: self.done,
            startup_ns: quantile(&self.startups_ns, 0.5).ok(),
            latencies,
            memory_bytes,
        }
    }
}

/// What came out of the batches of a sample.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    batches: u64,
    elapsed_ns: u64,
    done: u64,
    startup_ns: Option<f64>,
    latencies: Quantiles,
    memory_bytes: Option<u64>,
}

/// The figures of a sample.
fn ran(
    strategy: &Strategy,
    found: Found,
    usage: Usage,
    counts: Option<String>,
    mut notes: Vec<String>,
) -> Result<Ran, String> {
    let Found { batches, elapsed_ns, done, startup_ns, latencies, memory_bytes } = found;
    let due = batches * strategy.items;
    if (done, latencies.count) != (due, due) || due == 0 || elapsed_ns == 0 {
        let count = latencies.count;
        return Err(format!(
            "{batches} batches have {due} items; their tasks counted {done}, and {count} have a latency"
        ));
    }
    if memory_bytes.is_none() {
        notes.push("peak of memory not measured: /proc/self/clear_refs does not reset it here".into());
    }
    let each = memory_bytes.map(|bytes| bytes as f64 / strategy.items as f64);
    let metrics = vec![startup_ns, latencies.p99_ns, each];
    Ok(Ran { elapsed_ns, operations: due, windows: Vec::new(), metrics, counts, usage, notes })
}

/// Bytes by which the peak grew since it was reset.
fn grown(before: Option<Peak>) -> Option<u64> {
    before.and_then(|before| before.grown_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::workload::Control;

    #[test]
    fn items_that_are_not_all_done_are_refused() {
        let strategy = Strategy { strategy: Control::Pool, items: 400, work_ns: 0 };
        let mut batches = Batches::new(Extent::Operations(2));
        while batches.go_on() {
            let batch = Batch::new(0);
            (0..400).for_each(|_| batch.item(0));
            batches.add(&batch, 400);
        }
        let found = batches.found(Some(80_000));
        let check = |found: Found| ran(&strategy, found, Usage::default(), None, Vec::new());
        let sound = check(found.clone()).expect("all are done");
        assert_eq!((sound.operations, sound.metrics[2]), (800, Some(200.0)));
        assert_eq!(sound.metrics.len(), plan::workload::StrategyFile::METRICS.len());
        assert!(sound.metrics[0].is_some_and(|startup_ns| startup_ns < 1e9) && sound.metrics[1].is_some());
        let cause = "2 batches have 800 items; their tasks counted 799, and 800 have a latency";
        assert_eq!(check(Found { done: 799, ..found.clone() }).err(), Some(cause.into()));
        let unknown = check(Found { memory_bytes: None, ..found }).expect("memory is not all");
        assert_eq!((unknown.metrics[2], unknown.notes.len()), (None, 1));
    }
}
