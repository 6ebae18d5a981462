//! Workloads without heaps: each is a whole program that runs to its end, on each subject in its own way.
//!
//! A further one: its keys and columns in `plan/src/workload/NAME.rs` with `has_heaps` false; here `workload/NAME/`, which
//! implements [`Heapless`] for the plan's type and has a file for each kind of subject, `tasks.rs` for all runtimes of this process; its line in `with_work`. What is the same
//! for all of them (binding, what the kernel counted of the host, the sample's figures) is in this file and in `child.rs`.

use crate::child::HostCounts;
use crate::sample::{Job, Measured, Window};
use crate::windows::shown_warmup;
use host::Granted;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::record::StopReason;
use plan::set::CpuSet;

/// A workload without heaps.
pub(crate) trait Heapless {
    /// Runs it on the point's subject, as long as the job says. The process is bound; threads are the subject's own to bind.
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String>;
}

/// What it runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// Where its threads may be bound.
    pub(crate) granted: &'a Granted,
    /// The job, with the point's places.
    pub(crate) job: &'a Job,
}

/// What came out of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The measured time.
    pub(crate) elapsed_ns: u64,
    /// What was done in it.
    pub(crate) operations: u64,
    /// Its slices, without a gap; none: the whole sample is the only one.
    pub(crate) windows: Vec<Window>,
    /// Values of the workload's columns, in their order.
    pub(crate) metrics: Vec<Option<f64>>,
    /// What the subject counted, in words.
    pub(crate) counts: Option<String>,
    /// What the kernel counted of the process meanwhile.
    pub(crate) usage: Usage,
    /// What could not be measured and why.
    pub(crate) notes: Vec<String>,
}

/// Binds the calling thread to the PUs of all places, where each has some; what it starts inherits that.
pub(crate) fn bind_to_places(ground: &Ground<'_>) -> Result<(), String> {
    let places = &ground.job.point.placement.workers;
    let Some(sets) = places.iter().map(|place| place.cpus.as_ref()).collect::<Option<Vec<_>>>() else { return Ok(()) };
    let all = sets.into_iter().fold(CpuSet::new(), |all, pus| all.union(pus));
    host::bind::bind_thread(ground.granted, &all).map(|_| ()).map_err(|cause| cause.to_string())
}

/// The figures of a sample. What runs again and again from nothing has one slice: no warm-up over time could be cut.
pub(crate) fn measured(job: &Job, ran: Ran, host: HostCounts) -> Measured {
    let Ran { elapsed_ns, operations, mut windows, metrics, counts, usage, notes } = ran;
    if windows.is_empty() {
        windows.push(Window { start_ns: 0, length_ns: elapsed_ns, operations });
    }
    Measured {
        stop_reason: match job.extent {
            Extent::Seconds(_) => StopReason::Time,
            Extent::Operations(_) => StopReason::Operations,
        },
        warmup_ns: if windows.len() > 1 { shown_warmup(&windows) } else { 0 },
        elapsed_ns,
        operations,
        hits: None,
        private_pages: None,
        pages_migrated: None,
        pages_spilled: None,
        huge_ratio: None,
        windows,
        pauses: Vec::new(),
        pauses_missed: None,
        // Which processor did what is the subject's own affair.
        workers: Vec::new(),
        faults: Some((usage.minor_faults, usage.major_faults)),
        process_delay_ns: usage.run_delay_ns,
        process_switches: Some((usage.voluntary, usage.involuntary)),
        hint_faults: host.hint_faults,
        steal_ticks: host.steal_ticks,
        throttled_periods: host.throttled_periods,
        overhead_ns: Vec::new(),
        notes,
        facts: counts.into_iter().map(|counts| (crate::told::SUBJECT_COUNTS.into(), counts)).collect(),
        metrics,
    }
}
