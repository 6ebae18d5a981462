//! Tasks of a runtime of this process, which is told of their blocking calls: gmp and tokio hand the processor to another
//! thread, rayon does not.

use super::watch::{Ends, Watch, Watched};
use super::{Blocking, Ground, Plan, Ran, Said, Tally, pus};
use crate::subject::gmp::words;
use crate::subject::runtime::{Runtime, processors};
use crate::timer::ns_since;
use crate::trace::Beside;
use crate::workload::turns::turns_of;
use gmp::scheduler::Count;
use host::thread::{Usage, cpu_ns_of_process};
use plan::experiment::Extent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Threads of this process that are not the subject's: its first, which waits for the end, and the one that counts.
pub(super) const OWN_THREADS: u64 = 2;

impl Plan {
    pub(super) fn new(workload: &Blocking, ground: &Ground<'_>) -> Arc<Plan> {
        Arc::new(Plan {
            seed: ground.job.seed.0,
            blocking_percent: workload.blocking_percent,
            block: Duration::from_micros(workload.block_us),
            work: turns_of(workload.work_ns),
            limit: match ground.job.extent {
                Extent::Seconds(_) => u64::MAX,
                Extent::Operations(turns) => turns,
            },
            over: AtomicBool::new(false),
        })
    }

    /// When all tasks are to end, where the sample ends by time.
    pub(super) fn ends(self: &Arc<Plan>, extent: Extent) -> Option<Ends> {
        let Extent::Seconds(seconds) = extent else { return None };
        let plan = Arc::clone(self);
        Some((Duration::from_secs_f64(seconds), Box::new(move || plan.over.store(true, Ordering::Relaxed))))
    }
}

async fn task<R: Runtime>(plan: Arc<Plan>, number: u64) -> Tally {
    let mut tally = Tally::default();
    loop {
        plan.turn(number, &mut tally, |block| R::blocking(|| std::thread::sleep(block)));
        if !plan.goes_on(&tally) {
            return tally;
        }
        R::yield_now().await;
    }
}

pub(super) fn run<R: Runtime>(workload: &Blocking, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let plan = Plan::new(workload, ground);
    let runtime = R::start(ground.granted, job)?;
    let (tasks, shared) = (workload.tasks, Arc::clone(&plan));
    let (counts, usage, cpu_ns) = (runtime.counts(), Usage::of_process(), cpu_ns_of_process());
    let watched = Watched {
        pid: std::process::id(),
        others: OWN_THREADS,
        procs: job.point.procs,
        scheduler: runtime.scheduler().cloned(),
    };
    let begun = Instant::now();
    let watch = Watch::start(watched, plan.ends(job.extent))?;
    let found = runtime.run(async move {
        let tasks: Vec<_> = (0..tasks).map(|number| R::spawn(task::<R>(Arc::clone(&shared), number))).collect();
        let mut tallies = Vec::new();
        for task in tasks {
            tallies.push(task.await?);
        }
        Ok::<_, String>(tallies)
    });
    let elapsed_ns = ns_since(begun);
    let cpu_ns = cpu_ns_of_process().saturating_sub(cpu_ns);
    let (seen, own) = watch.finish()?;
    let usage = Usage::of_process().since(&usage);
    let counts = runtime.counts_since(counts);
    let notes = runtime.end(job, &Beside::default())?;
    let tally = plan.check(&found??)?;
    let handed_off = counts.as_ref().map(|counts| counts.get(Count::HandedOff));
    if let Some(handed_off) = handed_off.filter(|&times| times != tally.blocks) {
        return Err(format!("{} blocking sections; {handed_off} processors were handed over", tally.blocks));
    }
    let usage = usage.without_switches_of(&own);
    let pus = pus(ground)?.min(processors(job)?.get() as u64);
    let said = Said { tally, elapsed_ns, cpu_ns, usage, seen, handed_off, pus };
    Ok(Ran { counts: counts.as_ref().map(words), notes, ..said.ran(job.point.procs) })
}
