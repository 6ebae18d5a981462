//! What workers do, run. A workload is two files and two match arms: `plan/src/workload/NAME.rs` with an arm there, and
//! `runner/src/workload/NAME.rs`, which implements [`Work`] for the plan's type, with an arm in `with_work`. One without
//! heaps is a `Heapless` (`heapless.rs`) instead, with an arm that binds it as such.

mod blocking;
mod burst;
mod cost;
mod counters;
mod go_process;
mod latency;
mod observed;
mod requests;
mod serve;
mod storm;
mod strategy;
mod turns;

use crate::observe::Observe;
use crate::pages::HeapPages;
use gmp::scheduler::{Count, Counts};
use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// Index of a worker's own heap in every pair of heaps.
pub const PRIVATE: usize = 0;
/// Index of the heap that all share.
pub const SHARED: usize = 1;

/// What a worker works with: the key of its stream, and its two heaps.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// Key of the worker's own stream of random numbers.
    pub key: u64,
    /// Words of the heaps, [`PRIVATE`] and [`SHARED`]; empty where there is none.
    pub heaps: [&'a [AtomicU64]; 2],
}

/// Requests of a worker that are done, from 0 on, and what their loads added up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// How many.
    pub requests: u64,
    /// The sum.
    pub checksum: u64,
}

/// A workload that can be run, and replayed after the clock has stopped.
///
/// What a request touches is a pure function of the seat's key and the request's number: it must not depend on time, on
/// other workers, or on values that a worker could change.
pub trait Work: Clone + Send + Sync + 'static {
    /// Lines of heap `heap` that are in use; each is written before the run.
    fn lines(&self, heap: usize) -> u64;

    /// Writes what the lines `part` of heap `heap` hold from then on.
    fn fill(&self, heap: usize, words: &[AtomicU64], part: Range<u64>);

    /// Runs the requests after those that are `done` until `observe` ends it.
    fn run<O: Observe>(&self, seat: &Seat<'_>, done: Done, observe: &mut O);

    /// Draws the touches of `requests` once more: adds one for each to `touches` at its page's class, and returns what
    /// their loads add up to.
    fn replay(&self, key: u64, requests: Range<u64>, pages: &[HeapPages; 2], touches: &mut [u64]) -> u64;
}

/// Binds `$work` to what implements [`Work`], whatever the kind of `$workload`; `$whole` to what is [`crate::heapless::Heapless`].
macro_rules! with_work {
    ($workload:expr, $work:ident => $body:expr, $whole:ident => $run:expr) => {
        match $workload {
            plan::workload::Workload::Serve($work) => $body,
            plan::workload::Workload::Storm($whole) => $run,
            plan::workload::Workload::Cost($whole) => $run,
            plan::workload::Workload::Blocking($whole) => $run,
            plan::workload::Workload::Counters($whole) => $run,
            plan::workload::Workload::Requests($whole) => $run,
            plan::workload::Workload::Strategy($whole) => $run,
            plan::workload::Workload::Burst($whole) => $run,
            plan::workload::Workload::Observed($whole) => $run,
        }
    };
}
pub(crate) use with_work;

/// Runs a workload without heaps on its point's subject, each by a module of the caller's: `$tasks` on a runtime of this
/// process, `$go` in a process of Go's own, `$threads` where it has them.
macro_rules! on_subject {
    ($workload:expr, $ground:expr, $tasks:ident, $go:ident $(, $threads:ident)?) => {
        $crate::subject::runtime::with_runtime!(
            $ground.job.point.subject.as_str(),
            R => $tasks::run::<R>($workload, $ground),
            subject => match subject {
                plan::experiment::GO => $go::run($workload, $ground),
                $(plan::experiment::THREADS => $threads::run($workload, $ground),)?
                other => {
                    let kind = $ground.job.point.workload.kind();
                    Err(format!("workload {kind} does not run on subject {other}"))
                }
            }
        )
    };
}
pub(crate) use on_subject;

/// The own metrics of `serve`, in the order of its columns, by what the suite's scheduler counted; of others they are unknown.
pub(crate) fn of_serve(counts: Option<&Counts>) -> Vec<Option<f64>> {
    let over_polls = |count: Count, factor: f64| {
        let counts = counts?;
        let polls = counts.get(Count::Polls);
        (polls > 0).then(|| factor * counts.get(count) as f64 / polls as f64)
    };
    vec![
        over_polls(Count::StolenRemote, 1000.0),
        over_polls(Count::AwayFromHome, 1.0),
        over_polls(Count::SentHome, 1000.0),
    ]
}

/// A `serve` of a private heap of 4 pages and a shared heap of 8, whose ratios are multiples of 1/65536.
#[cfg(test)]
pub(crate) fn test_serve() -> plan::workload::Serve {
    plan::workload::Serve {
        private_bytes: 16384,
        shared_bytes: 32768,
        shared_ratio: 0.25,
        write_ratio: 0.125,
        lines_per_request: 16,
        touches: plan::workload::Touches::Independent,
        pages: plan::workload::Pages::Base,
    }
}
