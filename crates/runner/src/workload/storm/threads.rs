//! A storm of OS threads: one for each task, which yields by sched_yield(2). They may run on every PU of the point's places,
//! on all that the process has where these are not bound: how many processors there are is then the machine's affair.

use super::{Ground, Ran, Storm, Storms, TOLD};
use crate::heapless::bind_to_places;
use crate::pool::no_thread;
use crate::timer::ns_since;
use crate::workload::turns::{turn, turns_of};
use host::thread::Usage;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A task needs next to no stack; the library makes it as large as the system wants it.
const STACK_BYTES: usize = 16 << 10;

pub(super) fn run(storm: &Storm, ground: &Ground<'_>) -> Result<Ran, String> {
    bind_to_places(ground)?;
    let turns = turns_of(storm.loop_ns);
    let mut storms = Storms::new(ground.job.extent);
    let usage = Usage::of_process();
    while storms.go_on() {
        storms.add(one(storm, turns)?);
    }
    let usage = Usage::of_process().since(&usage);
    // Threads that have ended took their delays with them.
    Ok(storms.ran(storm, [None; TOLD], Usage { run_delay_ns: None, ..usage }))
}

/// Time from before the first thread until the last has ended.
fn one(storm: &Storm, turns: u64) -> Result<u64, String> {
    let given_up = AtomicBool::new(false);
    let task = || {
        for _ in 0..storm.yields {
            if turns > 0 {
                turn(turns);
            }
            std::thread::yield_now();
            if given_up.load(Ordering::Relaxed) {
                return;
            }
        }
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..storm.tasks {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, task);
            if let Err(cause) = thread {
                given_up.store(true, Ordering::Relaxed);
                let what =
                    format!("thread {number} of {tasks}, one for each task", number = number + 1, tasks = storm.tasks);
                return Err(no_thread(&what, &cause));
            }
        }
        Ok(())
    })?;
    Ok(ns_since(begun))
}
