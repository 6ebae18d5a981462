//! An OS thread for each task, which sleeps itself where a task blocks. They run on the PUs of the point's places.

use super::tasks::OWN_THREADS;
use super::watch::{Watch, Watched};
use super::{Blocking, Ground, Plan, Ran, Said, Tally, pus};
use crate::heapless::bind_to_places;
use crate::pool::no_thread;
use crate::timer::ns_since;
use host::thread::{Usage, cpu_ns_of_process};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A task needs next to no stack; the library makes it as large as the system wants it.
const STACK_BYTES: usize = 16 << 10;

pub(super) fn run(workload: &Blocking, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let pus = pus(ground)?;
    let plan = Plan::new(workload, ground);
    let (usage, cpu_ns) = (Usage::of_process(), cpu_ns_of_process());
    let watched = Watched { pid: std::process::id(), others: OWN_THREADS, procs: job.point.procs, scheduler: None };
    let begun = Instant::now();
    // It stays where it is: the tasks alone are bound.
    let watch = Watch::start(watched, plan.ends(job.extent))?;
    bind_to_places(ground)?;
    let task = |number: u64| {
        let mut tally = Tally::default();
        loop {
            plan.turn(number, &mut tally, std::thread::sleep);
            if !plan.goes_on(&tally) {
                return tally;
            }
            std::thread::yield_now();
        }
    };
    let task = &task;
    let tallies = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..workload.tasks {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || task(number));
            match thread {
                Ok(thread) => threads.push(thread),
                Err(cause) => {
                    plan.over.store(true, Ordering::Relaxed);
                    let what = format!("thread {} of {}, one for each task", number + 1, workload.tasks);
                    return Err(no_thread(&what, &cause));
                }
            }
        }
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a task's thread panicked".to_string())).collect()
    });
    let elapsed_ns = ns_since(begun);
    let cpu_ns = cpu_ns_of_process().saturating_sub(cpu_ns);
    let (seen, own) = watch.finish()?;
    // Threads that have ended took their delays with them.
    let usage = Usage { run_delay_ns: None, ..Usage::of_process().since(&usage).without_switches_of(&own) };
    let tallies: Vec<Tally> = tallies?;
    let tally = plan.check(&tallies)?;
    Ok(Said { tally, elapsed_ns, cpu_ns, usage, seen, handed_off: None, pus }.ran(job.point.procs))
}
