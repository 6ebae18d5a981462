//! `strategy`: ways to control how many tasks there are, as numbers (article, section 4.4). It has no heaps.
//! Keys and columns; `runner/src/workload/strategy/` runs it.

use super::heapless::{check_ranges, metric, no_heaps, too_many_threads};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::{RAYON, THREADS};
use crate::record::Column;
use crate::text::words;
use serde::{Deserialize, Serialize};

/// A batch of more is a typing error.
const ITEMS_MOST: i64 = 10_000_000;
/// A second.
const WORK_NS_MOST: i64 = 1_000_000_000;
/// An item beyond its work, for `numalab plan`: a task's start and end, as of a storm; a thread's.
const ITEM_NS: f64 = 600.0;
const THREAD_NS: f64 = 20_000.0;

words! {
    /// Who does the items of a batch.
    Control {
        /// So many workers as processors, which take items from one queue.
        Pool = "pool",
        /// A task for each item, whose result comes back over a channel.
        Fan = "fan",
        /// A task for each item, with a thread of its own while it works.
        Locked = "locked",
        /// One task that has a thread of its own for good, and takes all items from one queue.
        Single = "single",
    }
}

/// `[workload]` of kind `strategy` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StrategyFile {
    /// Who does the items.
    pub strategy: Control,
    /// Items of one batch.
    pub items: i64,
    /// Length of the empty loop that an item is.
    pub work_ns: i64,
}

impl Default for StrategyFile {
    fn default() -> Self {
        StrategyFile { strategy: Control::Pool, items: 1000, work_ns: 10_000 }
    }
}

/// `strategy` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// Who does the items.
    pub strategy: Control,
    /// Items of one batch.
    pub items: u64,
    /// Length of the empty loop that an item is.
    pub work_ns: u64,
}

impl StrategyFile {
    /// What a strategy is measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric(
            "startup_ns",
            "ns",
            "From the beginning of a batch, before its first task or thread is made, until its first item begins; the median.",
        ),
        metric(
            "latency_p99_ns",
            "ns",
            "Of all items of the sample, one in a hundred takes longer from being handed over to its end; from 368 items on.",
        ),
        metric(
            "memory_bytes_per_task",
            "bytes",
            "Peak of the resident memory in the run above that before it / items of a batch; empty where the kernel does not reset the peak.",
        ),
    ];

    /// # Errors
    /// As [`StrategyFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Strategy, PlanError> {
        self.check()?;
        let [items, work_ns] = [self.items, self.work_ns].map(i64::unsigned_abs);
        Ok(Strategy { strategy: self.strategy, items, work_ns })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[("items", self.items, 1..=ITEMS_MOST), ("work_ns", self.work_ns, 0..=WORK_NS_MOST)])
    }
}

impl Spec for Strategy {
    no_heaps!(StrategyFile::METRICS);

    fn whole_seconds(&self, procs: u32) -> f64 {
        let item_ns = if self.strategy == Control::Locked { THREAD_NS } else { ITEM_NS };
        let at_once = if self.strategy == Control::Single { 1 } else { procs.max(1) };
        self.items as f64 * (item_ns + self.work_ns as f64) / f64::from(at_once) / 1e9
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        if subject == THREADS && self.strategy == Control::Locked {
            return Some("every task is a thread there, which is strategy fan; take that, or another subject".into());
        }
        if subject == RAYON && self.strategy == Control::Locked {
            return Some("rayon has no thread that is a task's own".into());
        }
        let each = self.strategy == Control::Locked || subject == THREADS && self.strategy == Control::Fan;
        too_many_threads(each, self.items)
    }
}
