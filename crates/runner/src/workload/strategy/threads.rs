//! Batches on OS threads: a pool of as many as the point has workers, or one for each item, whose result comes over a channel.
//! They may run on every PU of the point's places, as those of a storm.

use super::{Batch, Batches, Ground, Ran, Strategy, grown, ran};
use crate::heapless::bind_to_places;
use crate::pool::no_thread;
use crate::workload::turns::turns_of;
use host::peak::Peak;
use host::thread::Usage;
use plan::workload::Control;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

/// As of a storm.
const STACK_BYTES: usize = 16 << 10;

fn start<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    (number, all): (u64, u64),
    body: impl FnOnce() -> T + Send + 's,
) -> Result<std::thread::ScopedJoinHandle<'s, T>, String> {
    let thread = Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, body);
    thread.map_err(|cause| no_thread(&format!("thread {number} of {all}", number = number + 1), &cause))
}

fn pool(batch: &Batch, items: u64, workers: u64) -> Result<u64, String> {
    let (queue, taken) = channel();
    let taken: Mutex<Receiver<u64>> = Mutex::new(taken);
    let work = || {
        let mut done = 0;
        loop {
            let since_ns = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(since_ns) = since_ns else { return done };
            batch.item(since_ns);
            done += 1;
        }
    };
    std::thread::scope(|scope| {
        // Moved in, so that it is dropped, and the workers end, where one of them cannot be started.
        let queue = queue;
        let threads: Vec<_> =
            (0..workers).map(|number| start(scope, (number, workers), work)).collect::<Result<_, _>>()?;
        for _ in 0..items {
            queue.send(batch.now_ns()).map_err(|_| "the pool's threads are gone")?;
        }
        drop(queue);
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_string())).sum()
    })
}

fn fan(batch: &Batch, items: u64) -> Result<u64, String> {
    std::thread::scope(|scope| {
        let (results, all) = channel();
        for number in 0..items {
            let (results, since_ns) = (results.clone(), batch.now_ns());
            start(scope, (number, items), move || {
                batch.item(since_ns);
                // Who collects the results is there until all have come.
                let _ = results.send(1);
            })?;
        }
        drop(results);
        Ok(all.iter().sum())
    })
}

pub(super) fn run(strategy: &Strategy, ground: &Ground<'_>) -> Result<Ran, String> {
    bind_to_places(ground)?;
    let turns = turns_of(strategy.work_ns);
    let workers = u64::from(ground.job.point.procs);
    let mut batches = Batches::new(ground.job.extent);
    let (usage, peak) = (Usage::of_process(), Peak::reset());
    while batches.go_on() {
        let batch = Batch::new(turns);
        let done = match strategy.strategy {
            Control::Pool => pool(&batch, strategy.items, workers)?,
            Control::Single => pool(&batch, strategy.items, 1)?,
            // The plan has no other of this subject.
            Control::Fan | Control::Locked => fan(&batch, strategy.items)?,
        };
        batches.add(&batch, done);
    }
    let memory_bytes = grown(peak);
    let usage = Usage::of_process().since(&usage);
    // Threads that have ended took their delays with them.
    let usage = Usage { run_delay_ns: None, ..usage };
    ran(strategy, batches.found(memory_bytes), usage, None, Vec::new())
}
