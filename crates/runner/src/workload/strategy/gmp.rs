//! Batches on the suite's scheduler. `locked` is a blocking section: its thread is the task's own until the item is done, and
//! the processor goes to another thread meanwhile; Go's locked goroutine keeps its P, and so at most P items are worked on.

use super::{Batch, Batches, Ground, Ran, Strategy, grown, ran};
use crate::subject::gmp::{Wrong, start, words, write_trace};
use crate::workload::turns::turns_of;
use gmp::scheduler::{Count, Ended, blocking, channel, spawn};
use host::peak::Peak;
use host::thread::Usage;
use plan::workload::Control;
use std::num::NonZeroUsize;
use std::sync::Arc;

async fn pool(batch: &Arc<Batch>, items: u64, workers: NonZeroUsize) -> Result<u64, Ended> {
    let room = NonZeroUsize::new(items as usize).unwrap_or(NonZeroUsize::MIN);
    let (queue, taken) = channel(room);
    let workers: Vec<_> = (0..workers.get())
        .map(|_| {
            let (batch, taken) = (Arc::clone(batch), taken.clone());
            spawn(async move {
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
        let _ = queue.send(batch.now_ns()).await;
    }
    drop((queue, taken));
    let mut done = 0;
    for worker in workers {
        done += worker.await?;
    }
    Ok(done)
}

async fn fan(batch: &Arc<Batch>, items: u64) -> u64 {
    let (results, all) = channel(NonZeroUsize::new(items as usize).unwrap_or(NonZeroUsize::MIN));
    for _ in 0..items {
        let (batch, results, since_ns) = (Arc::clone(batch), results.clone(), batch.now_ns());
        drop(spawn(async move {
            batch.item(since_ns);
            let _ = results.send(1).await;
        }));
    }
    drop(results);
    let mut done = 0;
    while let Some(one) = all.receive().await {
        done += one;
    }
    done
}

async fn locked(batch: &Arc<Batch>, items: u64) -> Result<u64, Ended> {
    let tasks: Vec<_> = (0..items)
        .map(|_| {
            let (batch, since_ns) = (Arc::clone(batch), batch.now_ns());
            spawn(async move {
                blocking(|| batch.item(since_ns));
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

pub(super) fn run(strategy: &Strategy, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let workers = NonZeroUsize::new(job.point.placement.workers.len()).ok_or("a point without workers")?;
    let turns = turns_of(strategy.work_ns);
    let wrong = Wrong::default();
    let scheduler = start(ground.granted, job, workers, &wrong)?;
    let (control, items, mut batches) = (strategy.strategy, strategy.items, Batches::new(job.extent));
    let (counts, usage, peak) = (scheduler.handle().counts(), Usage::of_process(), Peak::reset());
    let found = scheduler.block_on(async move {
        while batches.go_on() {
            let batch = Arc::new(Batch::new(turns));
            let done = match control {
                Control::Pool => pool(&batch, items, workers).await?,
                Control::Fan => fan(&batch, items).await,
                Control::Locked => locked(&batch, items).await?,
            };
            batches.add(&batch, done);
        }
        Ok::<_, Ended>(batches)
    });
    let memory_bytes = grown(peak);
    let usage = Usage::of_process().since(&usage);
    let counts = scheduler.handle().counts().since(&counts);
    wrong.take()?;
    let batches = found.and_then(|found| found).map_err(|cause| cause.to_string())?;
    let tasks = batches.count * if control == Control::Pool { workers.get() as u64 } else { items };
    let spawned = counts.get(Count::Spawned);
    // The one that spawns all others is a task, too.
    if spawned != tasks + 1 {
        return Err(format!("{} tasks are due, {spawned} were spawned", tasks + 1));
    }
    write_trace(job, scheduler, &[])?;
    ran(strategy, batches.found(memory_bytes), usage, Some(words(&counts)), Vec::new())
}
