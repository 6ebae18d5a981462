//! `observed`: the tasks, the change at half-time, and the three observers that run beside them.
//!
//! The trace is the scheduler's own, one entry for each turn. The sampler looks once a millisecond, at the scheduler's states
//! and at the kernel's schedstat. What they saw is put into windows of 10 ms afterwards (`series`), and each series is asked
//! for its change points alone: none knows of the others, nor of the moment that was planted.

mod series;

use crate::heapless::{Ground, Heapless, Ran};
use crate::subject::gmp::{Gmp, stuck, words, write_trace};
use crate::subject::runtime::Runtime;
use crate::timer::ns_since;
use crate::trace::Beside;
use crate::workload::turns::{turn, turns_of};
use gmp::scheduler::{Count, Ended, Handle, TaskState, yield_now};
use host::thread::Usage;
use plan::experiment::Extent;
use plan::workload::Observed;
use series::{Look, WINDOW_NS, figures};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between two looks of the sampler.
const LOOK: Duration = Duration::from_millis(1);

/// Most events of the trace: beyond it the last turns of a long sample are not seen.
const TRACED_MOST: usize = 4_000_000;

/// What is planted and what was asked for.
pub(super) struct Truth {
    pub(super) change_ns: u64,
    pub(super) end_ns: u64,
    pub(super) live_after: u64,
}

impl Heapless for Observed {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        let job = ground.job;
        let Extent::Seconds(seconds) = job.extent else {
            return Err("observed needs a length in seconds: its observers work by the clock".into());
        };
        let turns = turns_of(self.work_ns);
        let gmp = Gmp::start_traced(ground.granted, job, Some(TRACED_MOST))?;
        let handle = gmp.scheduler().expect("gmp is one").clone();
        let stop = Arc::new(AtomicBool::new(false));
        let (counts, usage) = (handle.counts(), Usage::of_process());
        let faults = host::proc::minor_faults();
        let begun = Instant::now();
        let from_ns = u64::try_from((begun - handle.epoch()).as_nanos()).unwrap_or(u64::MAX);
        let mut tasks = spawn(&handle, self.tasks, turns, &stop);
        let whole = Duration::from_secs_f64(seconds);
        // In the middle of a window.
        let windows = (whole / 2).as_nanos() as u64 / WINDOW_NS;
        let half = Duration::from_nanos(windows * WINDOW_NS + WINDOW_NS / 2);
        let mut looks = watch(&handle, begun, half);
        let change_ns = ns_since(begun);
        tasks.extend(spawn(&handle, self.tasks * (self.grows - 1), turns, &stop));
        looks.extend(watch(&handle, begun, whole));
        let end_ns = ns_since(begun);
        let (usage, faults) = (Usage::of_process().since(&usage), host::proc::minor_faults().zip(faults));
        let counts = handle.counts().since(&counts);
        stop.store(true, Ordering::Relaxed);
        let ended = gmp.run(async move {
            for task in tasks {
                task.await?;
            }
            Ok::<_, Ended>(())
        });
        ended?.map_err(|cause| format!("a task: {cause}"))?;
        gmp.ended()?;
        let truth = Truth { change_ns, end_ns, live_after: self.tasks * self.grows };
        let trace = handle.take_trace();
        let mut notes = write_trace(job, &handle, &trace, &Beside::default());
        notes.extend(stuck(&handle.take_stuck()));
        if trace.lost > 0 {
            notes.push(format!("trace: {lost} events beyond {TRACED_MOST} were not kept", lost = trace.lost));
        }
        if end_ns < 20 * WINDOW_NS {
            notes.push("fewer than 20 windows of 10 ms: a change is hardly found".into());
        }
        let faults = faults.map(|(now, before)| (usage.minor_faults, now.saturating_sub(before)));
        Ok(Ran {
            elapsed_ns: end_ns,
            operations: counts.get(Count::Yields),
            windows: Vec::new(),
            metrics: figures(&trace.events, from_ns, &looks, faults, &truth),
            counts: Some(words(&counts)),
            usage,
            notes,
        })
    }
}

fn spawn(handle: &Handle, tasks: u64, turns: u64, stop: &Arc<AtomicBool>) -> Vec<gmp::scheduler::JoinHandle<()>> {
    let one = |_| {
        let stop = Arc::clone(stop);
        handle.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                turn(turns);
                yield_now().await;
            }
        })
    };
    (0..tasks).map(one).collect()
}

/// Looks until so long after the beginning.
fn watch(handle: &Handle, begun: Instant, until: Duration) -> Vec<Look> {
    let mut looks = Vec::new();
    while begun.elapsed() < until {
        let snapshot = handle.snapshot();
        let slices = host::thread::slices_of_process();
        looks.push(Look {
            at_ns: ns_since(begun),
            runnable: snapshot.tasks_in(TaskState::Runnable) as u64,
            live: (snapshot.tasks_in(TaskState::Runnable) + snapshot.tasks_in(TaskState::Running)) as u64,
            turns: handle.counts().get(Count::Yields),
            slices,
        });
        std::thread::sleep(LOOK);
    }
    looks
}
