//! `blocking`: tasks that work a little and now and then block their thread in the kernel (article, section 4.2): how many
//! threads that takes, and whether processors idle meanwhile. Keys and columns; `runner/src/workload/blocking/` runs it.

use super::heapless::{check_ranges, metric, no_heaps};
use super::{Scope, Spec};
use crate::PlanError;
use crate::record::Column;
use serde::{Deserialize, Serialize};

/// Each task may hold a thread while it blocks, and runtimes end at 10000.
const TASKS_MOST: i64 = 5000;
/// A second.
const NS_MOST: i64 = 1_000_000_000;
const US_MOST: i64 = 1_000_000;

/// `[workload]` of kind `blocking` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlockingFile {
    /// Tasks that live all the time.
    pub tasks: i64,
    /// Length of the empty loop of each turn.
    pub work_ns: i64,
    /// Of 100 turns, how many end with a blocking call, drawn by chance.
    pub blocking_percent: i64,
    /// How long a blocking call sleeps.
    pub block_us: i64,
}

impl Default for BlockingFile {
    fn default() -> Self {
        BlockingFile { tasks: 100, work_ns: 1000, blocking_percent: 10, block_us: 100 }
    }
}

/// `blocking` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blocking {
    /// Tasks that live all the time.
    pub tasks: u64,
    /// Length of the empty loop of each turn.
    pub work_ns: u64,
    /// Of 100 turns, how many end with a blocking call.
    pub blocking_percent: u64,
    /// How long a blocking call sleeps.
    pub block_us: u64,
}

impl BlockingFile {
    /// What it is measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric("os_threads", "threads", "Most threads of the subject that were seen at once, looked at every 10 ms."),
        metric("threads_per_proc", "threads", "os_threads / procs."),
        metric(
            "crowded_ratio",
            "ratio",
            "Looks at which the subject had more than 2 threads a processor / all looks, every 10 ms.",
        ),
        metric(
            "busy_ratio",
            "ratio",
            "CPU time of the process / (elapsed time x the lesser of procs and the PUs it may use).",
        ),
        metric(
            "voluntary_ratio",
            "ratio",
            "Switches in which a thread gave its PU up / all switches of the subject's threads, ended ones too.",
        ),
        metric(
            "idle_ratio",
            "ratio",
            "Processors without a thread / procs, looked at every 10 ms; the mean; of gmp and Go.",
        ),
        metric("spinning_ratio", "ratio", "Processors that look for tasks / procs, likewise; of gmp and Go."),
        metric("handed_off_per_1000", "times", "Processors handed to another thread for each 1000 turns; of gmp."),
    ];

    /// # Errors
    /// As [`BlockingFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Blocking, PlanError> {
        self.check()?;
        let whole = i64::unsigned_abs;
        Ok(Blocking {
            tasks: whole(self.tasks),
            work_ns: whole(self.work_ns),
            blocking_percent: whole(self.blocking_percent),
            block_us: whole(self.block_us),
        })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[
            ("tasks", self.tasks, 1..=TASKS_MOST),
            ("work_ns", self.work_ns, 0..=NS_MOST),
            ("blocking_percent", self.blocking_percent, 0..=100),
            ("block_us", self.block_us, 1..=US_MOST),
        ])
    }
}

impl Spec for Blocking {
    no_heaps!(BlockingFile::METRICS);

    /// A turn of each task.
    fn whole_seconds(&self, procs: u32) -> f64 {
        let work = self.tasks as f64 * (self.work_ns as f64 + 1000.0) / f64::from(procs.max(1)) / 1e9;
        work + self.blocking_percent as f64 / 100.0 * (self.block_us as f64 + 60.0) / 1e6
    }
}
