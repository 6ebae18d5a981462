//! `storm`: many tasks at once, each of which yields again and again: what the scheduler itself costs (article, section 1).
//! It has no heaps. Keys and columns; `runner/src/workload/storm/` runs it.

use super::heapless::{check_ranges, metric, no_heaps, too_many_threads};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::THREADS;
use crate::record::Column;
use serde::{Deserialize, Serialize};

/// More tasks than this need more memory than a test of a scheduler is worth: Go's have stacks of 2 KiB at least.
const TASKS_MOST: i64 = 10_000_000;
/// More yields of a task than this are a typing error.
const YIELDS_MOST: i64 = 1_000_000;
/// A second.
const LOOP_NS_MOST: i64 = 1_000_000_000;
/// Threads of one process beyond this meet limits of the system one after the other; as Go, which ends a program that has
/// more (runtime/debug, SetMaxThreads).
pub const TASK_THREADS_MOST: u64 = 10_000;

/// What a task and a yield are expected to cost, for `numalab plan`: between ours and Go's. Source: crates/gmp/README.md,
/// "Speed of the scheduler".
const TASK_NS: f64 = 600.0;
const YIELD_NS: f64 = 100.0;

/// `[workload]` of kind `storm` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StormFile {
    /// Tasks of one storm.
    pub tasks: i64,
    /// Times that each task yields.
    pub yields: i64,
    /// Length of the empty loop before each yield.
    pub loop_ns: i64,
}

impl Default for StormFile {
    fn default() -> Self {
        StormFile { tasks: 1000, yields: 100, loop_ns: 0 }
    }
}

/// `storm` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Storm {
    /// Tasks of one storm.
    pub tasks: u64,
    /// Times that each task yields.
    pub yields: u64,
    /// Length of the empty loop before each yield.
    pub loop_ns: u64,
}

impl Storm {
    /// Yields of all tasks of one storm.
    pub fn yields_of_all(&self) -> u64 {
        self.tasks * self.yields
    }
}

impl StormFile {
    /// What a storm is measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric(
            "storm_ns",
            "ns",
            "Time of one storm, from before the first spawn until all tasks have ended; the median.",
        ),
        metric("yield_ns", "ns", "storm_ns / (tasks x yields)."),
        metric("first_storm_ns", "ns", "Time of the sample's first storm, in a process that has run none before."),
        metric(
            "pause_ratio",
            "ratio",
            "Share of the storms' time in which the runtime's collector had stopped the world; of Go, empty where no cycle ended.",
        ),
        metric("from_next_ratio", "ratio", "Polls of a task from the slot before the queue / all polls; of gmp."),
        metric("from_local_ratio", "ratio", "Polls of a task from the processor's own queue / all polls; of gmp."),
        metric("from_global_ratio", "ratio", "Polls of a task from a global queue / all polls; of gmp."),
        metric("from_stolen_ratio", "ratio", "Polls of a task just stolen / all polls; of gmp."),
        metric("steals_per_1000", "tasks", "Tasks stolen for each 1000 polls, up to half a queue at a time; of gmp."),
        metric(
            "overflowed_per_1000",
            "tasks",
            "Tasks moved from a full queue to a global one for each 1000 polls; of gmp.",
        ),
        metric("local_queue_mean", "tasks", "Tasks in a processor's own queue, the mean of looks 5 ms apart; of gmp."),
        metric("local_queue_most", "tasks", "Most tasks in one processor's own queue at a look; of gmp."),
        metric("local_queue_spread", "tasks", "Longest less shortest own queue of a look, the mean; of gmp."),
        metric("global_queue_mean", "tasks", "Tasks in the global queues, the mean of looks; of gmp."),
        metric("global_queue_most", "tasks", "Most tasks in the global queues at a look; of gmp."),
    ];

    /// # Errors
    /// As [`StormFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Storm, PlanError> {
        self.check()?;
        let [tasks, yields, loop_ns] = [self.tasks, self.yields, self.loop_ns].map(i64::unsigned_abs);
        Ok(Storm { tasks, yields, loop_ns })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[
            ("tasks", self.tasks, 1..=TASKS_MOST),
            ("yields", self.yields, 1..=YIELDS_MOST),
            ("loop_ns", self.loop_ns, 0..=LOOP_NS_MOST),
        ])
    }
}

impl Spec for Storm {
    no_heaps!(StormFile::METRICS);

    fn whole_seconds(&self, procs: u32) -> f64 {
        let yields_ns = self.yields as f64 * (YIELD_NS + self.loop_ns as f64);
        self.tasks as f64 * (TASK_NS + yields_ns) / f64::from(procs.max(1)) / 1e9
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        too_many_threads(subject == THREADS, self.tasks)
    }
}
