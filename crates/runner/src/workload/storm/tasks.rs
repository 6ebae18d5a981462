//! A storm of tasks on a runtime of this process. They are spawned by a task, as in Go main is one; the last to end wakes it.

use super::lengths::{Lengths, Seen, Watch};
use super::{Ground, Ran, Storm, Storms, TOLD};
use crate::subject::gmp::words;
use crate::subject::runtime::{Receives, Runtime, Sends};
use crate::timer::ns_since;
use crate::trace::Beside;
use crate::workload::turns::{turn, turns_of};
use gmp::scheduler::{Count, Counts};
use host::thread::Usage;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What the tasks of all storms share.
struct Shared<R: Runtime> {
    yields: u64,
    turns: u64,
    /// Tasks that have not ended.
    left: AtomicU64,
    ended: R::Sender<()>,
}

async fn task<R: Runtime>(shared: Arc<Shared<R>>) {
    for _ in 0..shared.yields {
        if shared.turns > 0 {
            turn(shared.turns);
        }
        R::yield_now().await;
    }
    if shared.left.fetch_sub(1, Ordering::AcqRel) == 1 {
        // There is room: one storm ends before the next begins.
        shared.ended.send(()).await;
    }
}

pub(super) fn run<R: Runtime>(storm: &Storm, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let turns = turns_of(storm.loop_ns);
    let runtime = R::start(ground.granted, job)?;
    let (ended, all_ended) = R::channel(NonZeroUsize::MIN);
    let shared = Arc::new(Shared::<R> { yields: storm.yields, turns, left: AtomicU64::new(0), ended });
    let (tasks, mut storms) = (storm.tasks, Storms::new(job.extent));
    let keeps = job.trace_to.is_some();
    let watch = runtime.scheduler().map(|scheduler| Watch::start(scheduler.clone(), keeps)).transpose()?;
    let (counts, usage) = (runtime.counts(), Usage::of_process());
    let spawner = async move {
        while storms.go_on() {
            let begun = Instant::now();
            shared.left.store(tasks, Ordering::Relaxed);
            for _ in 0..tasks {
                drop(R::spawn(task(Arc::clone(&shared))));
            }
            all_ended.receive().await;
            storms.add(ns_since(begun));
        }
        storms
    };
    let found = runtime.run(with_polls(spawner));
    let seen = watch.map(Watch::finish).transpose()?;
    let usage = Usage::of_process().since(&usage);
    let usage = seen.as_ref().map_or(usage, |own| usage.without_switches_of(&own.usage));
    let counts = runtime.counts_since(counts);
    let (lengths, looks) = seen.map(|Seen { lengths, looks, .. }| (lengths, looks)).unzip();
    let notes = runtime.end(job, &Beside { looks: looks.unwrap_or_default(), ..Beside::default() })?;
    let (storms, own_polls) = found?;
    let asked = (storm.tasks * storms.count, storm.yields_of_all() * storms.count);
    counts.as_ref().map_or(Ok(()), |counts| check(counts, own_polls, asked))?;
    let told = counts.as_ref().zip(lengths).map_or([None; TOLD], |(counts, lengths)| told(counts, &lengths));
    Ok(Ran { counts: counts.as_ref().map(words), notes, ..storms.ran(storm, told, usage) })
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
fn told(counts: &Counts, lengths: &Lengths) -> [Option<f64>; TOLD] {
    let polls = counts.get(Count::Polls) as f64;
    let [local_mean, local_most, local_spread, global_mean, global_most] = lengths.told();
    let of = |all: &[Count]| all.iter().map(|&count| counts.get(count)).sum::<u64>() as f64 / polls;
    [
        None,
        Some(of(&[Count::FromNext])),
        Some(of(&[Count::FromLocal])),
        Some(of(&[Count::FromGlobal])),
        Some(of(&[Count::FromStolen])),
        Some(1000.0 * of(&[Count::StolenLlc, Count::StolenNode, Count::StolenRemote])),
        Some(1000.0 * of(&[Count::Overflowed])),
        local_mean,
        local_most,
        local_spread,
        global_mean,
        global_most,
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
