//! Operations of the suite's scheduler, on as many processors as the point has workers. What the scheduler counted must fit
//! the operations exactly: a task that did not wait was not woken.

use super::{Ground, Ran, Sample};
use crate::subject::gmp::{Wrong, start, words};
use crate::workload::storm::gmp::with_polls;
use gmp::scheduler::{Count, Counts, Receiver, Sender, blocking, channel, processor, spawn, yield_now};
use host::thread::Usage;
use plan::workload::{Cost, Operation};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What two tasks share: when the other one ran, 0 until it does.
#[derive(Debug, Default)]
struct Stamp(AtomicU64);

impl Stamp {
    fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn set(&self, ns: u64) {
        self.0.store(ns, Ordering::Release);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A sample with what the scheduler must have counted meanwhile, each at least or exactly.
type Timed = Result<(Sample, Vec<Due>), String>;

/// What must have been counted.
#[derive(Debug, Clone, Copy)]
struct Due {
    what: &'static str,
    counts: &'static [Count],
    least: u64,
    most: u64,
}

impl Due {
    fn exactly(what: &'static str, counts: &'static [Count], times: u64) -> Due {
        Due { what, counts, least: times, most: times }
    }

    fn check(&self, counts: &Counts) -> Result<(), String> {
        let found: u64 = self.counts.iter().map(|&count| counts.get(count)).sum();
        let Due { what, least, most, .. } = *self;
        if (least..=most).contains(&found) {
            return Ok(());
        }
        Err(format!("the operations come to {least} {what}; the scheduler counted {found}"))
    }
}

pub(super) fn run(cost: &Cost, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let workers = NonZeroUsize::new(job.point.placement.workers.len()).ok_or("a point without workers")?;
    let wrong = Wrong::default();
    let sample = Sample::new(cost, job.extent)?;
    let scheduler = start(ground.granted, job, workers, &wrong)?;
    let (counts, usage) = (scheduler.handle().counts(), Usage::of_process());
    let timed = match cost.operation {
        Operation::Create => scheduler.block_on(create(sample)),
        operation @ (Operation::Wake | Operation::Block) => scheduler.block_on(ping(sample, operation)),
        Operation::Switch => scheduler.block_on(switch(sample)),
        Operation::Steal => scheduler.block_on(steal(sample)),
        Operation::HandOff => scheduler.block_on(hand_off(sample)),
    };
    let usage = Usage::of_process().since(&usage);
    let counts = scheduler.handle().counts().since(&counts);
    wrong.take()?;
    let (sample, due) = timed.map_err(|cause| cause.to_string())??;
    due.iter().try_for_each(|due| due.check(&counts))?;
    Ok(Ran { counts: Some(words(&counts)), ..sample.ran(usage) })
}

/// A task that does nothing is spawned and its end awaited.
async fn create(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    while sample.go_on() {
        sample.sweep();
        let from = clock.now();
        let task = spawn(async {});
        let call = clock.now();
        task.await.map_err(|cause| cause.to_string())?;
        sample.add(from, Some(call), clock.now());
    }
    // This one, too.
    let due = Due::exactly("tasks", &[Count::Spawned], sample.costs.seen + 1);
    Ok((sample, vec![due]))
}

/// Two tasks wake each other over channels of one place; only the way there is timed.
async fn ping(sample: Sample, operation: Operation) -> Timed {
    let clock = sample.clock;
    let stamp = Arc::new(Stamp::default());
    let ((there, comes), (back, comes_back)) = (channel(NonZeroUsize::MIN), channel(NonZeroUsize::MIN));
    let own = Arc::clone(&stamp);
    let other = spawn(with_polls(async move {
        // There is room for this one, and for each answer: the other task waits for it.
        let _ = back.send(()).await;
        while comes.receive().await.is_some() {
            own.set(clock.now());
            let _ = back.send(()).await;
        }
    }));
    // When this one runs again the other one waits.
    comes_back.receive().await;
    let (sample, polls) = with_polls(pings(sample, operation, &there, &comes_back, &stamp)).await;
    there.close();
    let ((), others) = other.await.map_err(|cause| cause.to_string())?;
    let sample = sample?;
    let each = sample.costs.seen;
    // Once before it waits, then for each value; the other one also for the end of all.
    if (polls, others) != (each + 1, each + 2) {
        return Err(format!(
            "{each} times two tasks must wait for each other; they were polled {polls} and {others} times"
        ));
    }
    // Of this task two more: the first, until the other one waited, and that after the other's end.
    let due = Due::exactly("polls", &[Count::Polls], polls + others + 2);
    Ok((sample, vec![due]))
}

async fn pings(
    mut sample: Sample,
    operation: Operation,
    there: &Sender<()>,
    comes_back: &Receiver<()>,
    stamp: &Stamp,
) -> Result<Sample, String> {
    let clock = sample.clock;
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let from = clock.now();
        let _ = there.send(()).await;
        let call = clock.now();
        comes_back.receive().await.ok_or("the other task has ended")?;
        match operation {
            Operation::Wake => sample.add(from, Some(call), stamp.get()),
            _ => sample.add(call, None, stamp.get()),
        }
    }
    Ok(sample)
}

/// Two tasks yield in turn; the way to the other one is timed.
async fn switch(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    let (stamp, over) = (Arc::new(Stamp::default()), Arc::new(AtomicBool::new(false)));
    let (own, ends) = (Arc::clone(&stamp), Arc::clone(&over));
    let other = spawn(async move {
        let mut yields = 0;
        while !ends.load(Ordering::Relaxed) {
            own.set(clock.now());
            yield_now().await;
            yields += 1;
        }
        yields
    });
    let mut yields = 1;
    yield_now().await;
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let from = clock.now();
        yield_now().await;
        yields += 1;
        match stamp.get() {
            0 => return Err("a task yielded, and the other one did not run".into()),
            to => sample.add(from, None, to),
        }
    }
    over.store(true, Ordering::Relaxed);
    let others: u64 = other.await.map_err(|cause| cause.to_string())?;
    let due = Due::exactly("yields", &[Count::Yields], yields + others);
    Ok((sample, vec![due]))
}

/// Turns of an empty loop after which a busy task lets the system run another thread on this PU.
const SPINS: u32 = 1000;

/// A task goes into the queue, and this one keeps its processor busy until another has run it. The second task pushes the
/// first out of the slot before the queue, which thieves leave alone.
async fn steal(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    let (stamp, thief) = (Arc::new(Stamp::default()), Arc::new(AtomicU64::new(0)));
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let here = processor();
        let (runs, by) = (Arc::clone(&stamp), Arc::clone(&thief));
        let taken = spawn(async move {
            let now = clock.now();
            by.store(processor().map_or(u64::MAX, |number| number as u64), Ordering::Relaxed);
            runs.set(now);
        });
        let from = clock.now();
        let pushes = spawn(async {});
        let mut spins = 0;
        while stamp.get() == 0 {
            std::hint::spin_loop();
            spins += 1;
            if spins % SPINS == 0 {
                std::thread::yield_now();
            }
        }
        let (to, there) = (stamp.get(), thief.load(Ordering::Relaxed));
        if here.is_none_or(|here| here as u64 == there) {
            return Err(format!("processor {there} ran the task while another task kept it busy"));
        }
        taken.await.map_err(|cause| cause.to_string())?;
        pushes.await.map_err(|cause| cause.to_string())?;
        // It was taken out of the slot, before the time began.
        if to >= from {
            sample.add(from, None, to);
        }
    }
    let what = &[Count::StolenLlc, Count::StolenNode, Count::StolenRemote];
    let due = Due { what: "stolen tasks at least", counts: what, least: sample.costs.seen, most: u64::MAX };
    Ok((sample, vec![due]))
}

/// This task sleeps in the kernel until the next one of its processor has run.
async fn hand_off(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    let stamp = Arc::new(Stamp::default());
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let (runs, sleeper) = (Arc::clone(&stamp), std::thread::current());
        let next = spawn(async move {
            runs.set(clock.now());
            sleeper.unpark();
        });
        let from = clock.now();
        blocking(|| {
            while stamp.get() == 0 {
                std::thread::park();
            }
        });
        sample.add(from, None, stamp.get());
        next.await.map_err(|cause| cause.to_string())?;
    }
    let due = Due::exactly("processors handed over", &[Count::HandedOff], sample.costs.seen);
    Ok((sample, vec![due]))
}
