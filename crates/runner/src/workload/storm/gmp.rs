//! A storm of the suite's scheduler: as many processors as the point has workers, bound as their places say. The tasks are
//! spawned by a task, as in Go main is one; the last to end wakes it.

use super::{Ground, Ran, Storm, Storms, TOLD};
use crate::subject::gmp::{Wrong, start, words, write_trace};
use crate::timer::ns_since;
use crate::workload::turns::{turn, turns_of};
use gmp::scheduler::{Count, Counts, Sender, channel, spawn, yield_now};
use host::thread::Usage;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What the tasks of all storms share.
struct Shared {
    yields: u64,
    turns: u64,
    /// Tasks that have not ended.
    left: AtomicU64,
    ended: Sender<()>,
}

async fn task(shared: Arc<Shared>) {
    for _ in 0..shared.yields {
        if shared.turns > 0 {
            turn(shared.turns);
        }
        yield_now().await;
    }
    if shared.left.fetch_sub(1, Ordering::AcqRel) == 1 {
        // There is room: one storm ends before the next begins.
        let _ = shared.ended.send(()).await;
    }
}

pub(super) fn run(storm: &Storm, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let workers = NonZeroUsize::new(job.point.placement.workers.len()).ok_or("a point without workers")?;
    let turns = turns_of(storm.loop_ns);
    let wrong = Wrong::default();
    let scheduler = start(ground.granted, job, workers, &wrong)?;
    let (ended, all_ended) = channel(NonZeroUsize::MIN);
    let shared = Arc::new(Shared { yields: storm.yields, turns, left: AtomicU64::new(0), ended });
    let (tasks, mut storms) = (storm.tasks, Storms::new(job.extent));
    let (counts, usage) = (scheduler.handle().counts(), Usage::of_process());
    let spawner = async move {
        while storms.go_on() {
            let begun = Instant::now();
            shared.left.store(tasks, Ordering::Relaxed);
            for _ in 0..tasks {
                drop(spawn(task(Arc::clone(&shared))));
            }
            all_ended.receive().await;
            storms.add(ns_since(begun));
        }
        storms
    };
    let found = scheduler.block_on(with_polls(spawner));
    let usage = Usage::of_process().since(&usage);
    let counts = scheduler.handle().counts().since(&counts);
    wrong.take()?;
    let (storms, own_polls) = found.map_err(|cause| cause.to_string())?;
    let asked = (storm.tasks * storms.count, storm.yields_of_all() * storms.count);
    check(&counts, own_polls, asked)?;
    write_trace(job, scheduler, &[])?;
    Ok(Ran { counts: Some(words(&counts)), ..storms.ran(storm, told(&counts), usage) })
}

/// Each task is polled once and once more after each yield. Anything else: the scheduler lost a task or ran it twice.
fn check(counts: &Counts, own_polls: u64, (tasks, yields): (u64, u64)) -> Result<(), String> {
    let found = (counts.get(Count::Polls).saturating_sub(own_polls), counts.get(Count::Yields));
    let expect = (tasks + yields, yields);
    if found == expect {
        return Ok(());
    }
    Err(format!(
        "{tasks} tasks with {yields} yields must be polled {} times; {} polls and {} yields were counted",
        expect.0, found.0, found.1
    ))
}

/// In the order of the workload's columns, from `pause_ratio` on: nobody stops this world.
fn told(counts: &Counts) -> [Option<f64>; TOLD] {
    let polls = counts.get(Count::Polls) as f64;
    let of = |all: &[Count]| all.iter().map(|&count| counts.get(count)).sum::<u64>() as f64 / polls;
    [
        None,
        Some(of(&[Count::FromNext])),
        Some(of(&[Count::FromLocal])),
        Some(of(&[Count::FromGlobal])),
        Some(of(&[Count::FromStolen])),
        Some(1000.0 * of(&[Count::StolenLlc, Count::StolenNode, Count::StolenRemote])),
        Some(1000.0 * of(&[Count::Overflowed])),
    ]
}

/// What the future returns, and how often it was polled.
pub(in crate::workload) async fn with_polls<F: Future>(future: F) -> (F::Output, u64) {
    let mut future = pin!(future);
    let mut polls = 0;
    let output = std::future::poll_fn(|context| {
        polls += 1;
        future.as_mut().poll(context)
    })
    .await;
    (output, polls)
}
