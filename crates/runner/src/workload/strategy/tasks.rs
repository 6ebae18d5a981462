//! Batches on a runtime of this process. `locked` is a blocking section: its thread is the task's own until the item is done,
//! and the processor goes to another thread meanwhile; Go's locked goroutine keeps its P, and so at most P items are worked on.

use super::{Batch, Batches, Ground, Ran, Strategy, grown, ran};
use crate::subject::gmp::words;
use crate::subject::runtime::{Receives, Runtime, Sends, processors};
use crate::trace::Beside;
use crate::workload::turns::turns_of;
use gmp::scheduler::Count;
use host::peak::Peak;
use host::thread::Usage;
use plan::workload::Control;
use std::num::NonZeroUsize;
use std::sync::Arc;

async fn pool<R: Runtime>(batch: &Arc<Batch>, items: u64, workers: NonZeroUsize) -> Result<u64, String> {
    let room = NonZeroUsize::new(items as usize).unwrap_or(NonZeroUsize::MIN);
    let (queue, taken) = R::channel(room);
    let workers: Vec<_> = (0..workers.get())
        .map(|_| {
            let (batch, taken) = (Arc::clone(batch), taken.clone());
            R::spawn(async move {
                let mut done = 0;
                while let Some(since_ns) = taken.receive().await {
                    batch.item(since_ns);
                    done += 1;
                }
                done
            })
        })
        .collect();
    for _ in 0..items {
        // There is room for all.
        queue.send(batch.now_ns()).await;
    }
    drop((queue, taken));
    let mut done = 0;
    for worker in workers {
        done += worker.await?;
    }
    Ok(done)
}

async fn fan<R: Runtime>(batch: &Arc<Batch>, items: u64) -> u64 {
    let (results, all) = R::channel(NonZeroUsize::new(items as usize).unwrap_or(NonZeroUsize::MIN));
    for _ in 0..items {
        let (batch, results, since_ns) = (Arc::clone(batch), results.clone(), batch.now_ns());
        drop(R::spawn(async move {
            batch.item(since_ns);
            results.send(1).await;
        }));
    }
    drop(results);
    let mut done = 0;
    while let Some(one) = all.receive().await {
        done += one;
    }
    done
}

async fn locked<R: Runtime>(batch: &Arc<Batch>, items: u64) -> Result<u64, String> {
    let tasks: Vec<_> = (0..items)
        .map(|_| {
            let (batch, since_ns) = (Arc::clone(batch), batch.now_ns());
            R::spawn(async move {
                R::blocking(|| batch.item(since_ns));
                1
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await?;
    }
    Ok(done)
}

/// The task's thread is its own until all items are done: it waits for them as a thread does.
async fn single<R: Runtime>(batch: &Arc<Batch>, items: u64) -> Result<u64, String> {
    let (queue, taken) = std::sync::mpsc::channel();
    let own = Arc::clone(batch);
    let worker = R::spawn(async move {
        R::blocking(|| {
            taken.into_iter().fold(0, |done, since_ns| {
                own.item(since_ns);
                done + 1
            })
        })
    });
    for _ in 0..items {
        queue.send(batch.now_ns()).map_err(|_| "the worker is gone")?;
    }
    drop(queue);
    worker.await
}

pub(super) fn run<R: Runtime>(strategy: &Strategy, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let workers = processors(job)?;
    let turns = turns_of(strategy.work_ns);
    let runtime = R::start(ground.granted, job)?;
    let (control, items, mut batches) = (strategy.strategy, strategy.items, Batches::new(job.extent));
    let (counts, usage, peak) = (runtime.counts(), Usage::of_process(), Peak::reset());
    let found = runtime.run(async move {
        while batches.go_on() {
            let batch = Arc::new(Batch::new(turns));
            let done = match control {
                Control::Pool => pool::<R>(&batch, items, workers).await?,
                Control::Fan => fan::<R>(&batch, items).await,
                Control::Locked => locked::<R>(&batch, items).await?,
                Control::Single => single::<R>(&batch, items).await?,
            };
            batches.add(&batch, done);
        }
        Ok::<_, String>(batches)
    });
    let memory_bytes = grown(peak);
    let usage = Usage::of_process().since(&usage);
    let counts = runtime.counts_since(counts);
    let notes = runtime.end(job, &Beside::default())?;
    let batches = found.and_then(|found| found)?;
    let each = match control {
        Control::Pool => workers.get() as u64,
        Control::Fan | Control::Locked => items,
        Control::Single => 1,
    };
    let tasks = batches.count * each;
    // The one that spawns all others is a task, too.
    let due = tasks + 1;
    if let Some(spawned) = counts.as_ref().map(|counts| counts.get(Count::Spawned)).filter(|&spawned| spawned != due) {
        return Err(format!("{due} tasks are due, {spawned} were spawned"));
    }
    ran(strategy, batches.found(memory_bytes), usage, counts.as_ref().map(words), notes)
}
