//! `observed`: tasks on the suite's scheduler, more of them from half-time on, watched by three observers at once: what each
//! says of scheduling latency, and when it finds the change that was planted (article, sections 3.2 and 3.3). No heaps.

use super::heapless::{check_ranges, metric, no_heaps};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::GMP;
use crate::record::Column;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Live tasks at most, before and after the change: every turn of each is kept by one of the observers.
const TASKS_MOST: i64 = 10_000;
/// A turn shorter than this is mostly the observers' own cost; longer ones leave too few in a window of 10 ms.
const WORK_NS: RangeInclusive<i64> = 1_000..=5_000_000;
/// By how much the tasks may grow.
const GROWS: RangeInclusive<i64> = 2..=64;

/// `[workload]` of kind `observed` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObservedFile {
    /// Live tasks until half-time.
    pub tasks: i64,
    /// Length of a task's turn: an empty loop, then it yields.
    pub work_ns: i64,
    /// How many times as many tasks live from half-time on.
    pub grows: i64,
}

impl Default for ObservedFile {
    fn default() -> Self {
        ObservedFile { tasks: 16, work_ns: 20_000, grows: 4 }
    }
}

/// `observed` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Live tasks until half-time.
    pub tasks: u64,
    /// Length of a task's turn.
    pub work_ns: u64,
    /// How many times as many live from half-time on.
    pub grows: u64,
}

impl ObservedFile {
    /// What the observers say, in the order in which `runner` fills it in. Latency is the mean wait of a runnable task for a
    /// processor, and of `kernel` that of a runnable thread for a PU, which is another quantity.
    pub const METRICS: &'static [Column] = &[
        metric(
            "latency_trace_ns",
            "ns",
            "Mean wait of a task that yielded until it ran again, by the scheduler's own trace, before the change.",
        ),
        metric(
            "latency_sampled_ns",
            "ns",
            "The same by Little's law: runnable tasks, sampled each ms, over turns a second.",
        ),
        metric(
            "latency_kernel_ns",
            "ns",
            "Mean wait of a thread for a PU, by schedstat: run delay over time slices, before the change.",
        ),
        metric("sampled_over_trace", "", "latency_sampled_ns / latency_trace_ns: 1 where the two agree."),
        metric(
            "found_trace_ms",
            "ms",
            "Planted change to the change point of the trace's latencies, in windows of 10 ms; empty: not found, or cried before.",
        ),
        metric("found_sampled_ms", "ms", "The same of the sampled latencies."),
        metric("found_kernel_ms", "ms", "The same of the kernel's."),
        metric(
            "early_trace",
            "changes",
            "Change points of the trace's latencies before the planted one: false alarms.",
        ),
        metric("early_sampled", "changes", "The same of the sampled latencies."),
        metric("early_kernel", "changes", "The same of the kernel's."),
        metric("live_ratio", "", "Live tasks after the change as sampled, over as many as there are."),
        metric(
            "live_trace_ratio",
            "",
            "Tasks that the trace saw run in a window of 10 ms after the change, the mean, over as many as there are.",
        ),
        metric(
            "faults_ratio",
            "",
            "Minor faults of the run by getrusage(2) over those of /proc/self/stat; empty where there were none.",
        ),
    ];

    /// # Errors
    /// As [`ObservedFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Observed, PlanError> {
        self.check()?;
        let [tasks, work_ns, grows] = [self.tasks, self.work_ns, self.grows].map(i64::unsigned_abs);
        Ok(Observed { tasks, work_ns, grows })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[("grows", self.grows, GROWS), ("work_ns", self.work_ns, WORK_NS)])?;
        check_ranges(&[("tasks", self.tasks, 1..=TASKS_MOST / self.grows)])
    }
}

impl Spec for Observed {
    no_heaps!(ObservedFile::METRICS);

    fn refuses(&self, subject: &str) -> Option<String> {
        (subject != GMP).then(|| "two of its observers look into the scheduler; take subject gmp".into())
    }
}
