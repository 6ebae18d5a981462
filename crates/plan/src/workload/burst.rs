//! `burst`: tasks that are started in groups with rests in between, their objects taken from a pool (article, section 3.1). It
//! has no heaps. Keys and columns; `runner/src/workload/burst/` runs it.

use super::heapless::{check_ranges, metric, no_heaps};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::THREADS;
use crate::record::Column;
use serde::{Deserialize, Serialize};

/// As of a storm.
const TASKS_MOST: i64 = 10_000_000;
/// A second.
const WORK_NS_MOST: i64 = 1_000_000_000;
/// A second; the article's are 1 to 50.
const ISOLATION_MS_MOST: i64 = 1000;
/// A task's start and end, as of a storm.
const TASK_NS: f64 = 600.0;

/// `[workload]` of kind `burst` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BurstFile {
    /// Tasks of one group.
    pub tasks: i64,
    /// Rest between the end of a group and the start of the next.
    pub isolation_ms: i64,
    /// Length of the empty loop that a task is.
    pub work_ns: i64,
}

impl Default for BurstFile {
    fn default() -> Self {
        BurstFile { tasks: 1000, isolation_ms: 10, work_ns: 1000 }
    }
}

/// `burst` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// Tasks of one group.
    pub tasks: u64,
    /// Rest between the end of a group and the start of the next.
    pub isolation_ms: u64,
    /// Length of the empty loop that a task is.
    pub work_ns: u64,
}

impl BurstFile {
    /// What bursts are measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric(
            "reuse_ratio",
            "ratio",
            "Objects that came from the pool / objects taken, of all groups but the first, which finds it empty; empty where there is no other.",
        ),
        metric(
            "start_p50_ns",
            "ns",
            "From a task's start by its starter until it runs, of all tasks of the sample, the median.",
        ),
        metric("start_p99_ns", "ns", "The same, one in a hundred waits longer; from 368 tasks on."),
        metric(
            "pause_ratio",
            "ratio",
            "Share of the time, rests included, in which the runtime's collector had stopped the world; of Go, 0 where no cycle ended meanwhile.",
        ),
    ];

    /// # Errors
    /// As [`BurstFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Burst, PlanError> {
        self.check()?;
        let [tasks, isolation_ms, work_ns] = [self.tasks, self.isolation_ms, self.work_ns].map(i64::unsigned_abs);
        Ok(Burst { tasks, isolation_ms, work_ns })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[
            ("tasks", self.tasks, 1..=TASKS_MOST),
            ("isolation_ms", self.isolation_ms, 0..=ISOLATION_MS_MOST),
            ("work_ns", self.work_ns, 0..=WORK_NS_MOST),
        ])
    }
}

impl Spec for Burst {
    no_heaps!(BurstFile::METRICS);

    fn makes_garbage(&self) -> bool {
        true
    }

    fn whole_seconds(&self, procs: u32) -> f64 {
        let group = self.tasks as f64 * (TASK_NS + self.work_ns as f64) / f64::from(procs.max(1)) / 1e9;
        group + self.isolation_ms as f64 / 1e3
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        (subject == THREADS).then(|| "a thread's own memory cannot come from a pool; take another subject".into())
    }
}
