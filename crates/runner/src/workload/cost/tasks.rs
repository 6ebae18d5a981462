//! Operations of a runtime of this process. What the suite's scheduler counted must fit the operations exactly: a task that did
//! not wait was not woken. Others do not count; where their tasks did not wait for each other, polls tell.

use super::{Ground, Ran, Sample};
use crate::sample::Job;
use crate::subject::gmp::words;
use crate::subject::runtime::{Receives, Runtime, Sends};
use crate::trace::Beside;
use crate::workload::storm::tasks::with_polls;
use gmp::scheduler::{Count, Counts, processor};
use host::thread::Usage;
use plan::scheduler::Seat;
use plan::workload::{Cost, Distance, Operation};
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

pub(super) fn run<R: Runtime>(cost: &Cost, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let sample = Sample::new(cost, job.extent)?;
    let runtime = R::start(ground.granted, job)?;
    let (counts, usage) = (runtime.counts(), Usage::of_process());
    let timed = match cost.operation {
        Operation::Create => runtime.run(create::<R>(sample)),
        operation @ (Operation::Wake | Operation::Block) => runtime.run(ping::<R>(sample, operation)),
        Operation::Switch => runtime.run(switch::<R>(sample)),
        Operation::HandOff => runtime.run(hand_off::<R>(sample)),
        steals => runtime.run(steal::<R>(sample, seats(job), steals)),
    };
    let usage = Usage::of_process().since(&usage);
    let counts = runtime.counts_since(counts);
    let notes = runtime.end(job, &Beside::default())?;
    let (sample, due) = timed??;
    counts.iter().try_for_each(|counts| due.iter().try_for_each(|due| due.check(counts)))?;
    Ok(Ran { counts: counts.as_ref().map(words), notes, ..sample.ran(usage) })
}

/// A task that does nothing is spawned and its end awaited.
async fn create<R: Runtime>(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    while sample.go_on() {
        sample.sweep();
        let from = clock.now();
        let task = R::spawn(async {});
        let call = clock.now();
        task.await?;
        sample.add(from, Some(call), clock.now());
    }
    // This one, too.
    let due = Due::exactly("tasks", &[Count::Spawned], sample.costs.seen + 1);
    Ok((sample, vec![due]))
}

/// Two tasks wake each other over channels of one place; only the way there is timed.
async fn ping<R: Runtime>(sample: Sample, operation: Operation) -> Timed {
    let clock = sample.clock;
    let stamp = Arc::new(Stamp::default());
    let ((there, comes), (back, comes_back)) = (R::channel(NonZeroUsize::MIN), R::channel(NonZeroUsize::MIN));
    let own = Arc::clone(&stamp);
    let other = R::spawn(with_polls(async move {
        // There is room for this one, and for each answer: the other task waits for it.
        back.send(()).await;
        while comes.receive().await.is_some() {
            own.set(clock.now());
            back.send(()).await;
        }
    }));
    // When this one runs again the other one waits.
    comes_back.receive().await;
    let (sample, polls) = with_polls(pings::<R>(sample, operation, &there, &comes_back, &stamp)).await;
    there.close();
    let ((), others) = other.await?;
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

async fn pings<R: Runtime>(
    mut sample: Sample,
    operation: Operation,
    there: &R::Sender<()>,
    comes_back: &R::Receiver<()>,
    stamp: &Stamp,
) -> Result<Sample, String> {
    let clock = sample.clock;
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let from = clock.now();
        there.send(()).await;
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
async fn switch<R: Runtime>(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    let (stamp, over) = (Arc::new(Stamp::default()), Arc::new(AtomicBool::new(false)));
    let (own, ends) = (Arc::clone(&stamp), Arc::clone(&over));
    let other = R::spawn(async move {
        let mut yields = 0;
        while !ends.load(Ordering::Relaxed) {
            own.set(clock.now());
            R::yield_now().await;
            yields += 1;
        }
        yields
    });
    let mut yields = 1;
    R::yield_now().await;
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let from = clock.now();
        R::yield_now().await;
        yields += 1;
        match stamp.get() {
            0 => return Err("a task yielded, and the other one did not run".into()),
            to => sample.add(from, None, to),
        }
    }
    over.store(true, Ordering::Relaxed);
    let others: u64 = other.await?;
    let due = Due::exactly("yields", &[Count::Yields], yields + others);
    Ok((sample, vec![due]))
}

/// Turns of an empty loop after which a busy task lets the system run another thread on this PU.
const SPINS: u32 = 1000;

/// A task goes into the queue, and this one keeps its processor busy until another has run it. The second task pushes the
/// first out of the slot before the queue, which thieves leave alone.
async fn steal<R: Runtime>(mut sample: Sample, seats: Vec<Seat>, operation: Operation) -> Timed {
    let clock = sample.clock;
    let (stamp, thief) = (Arc::new(Stamp::default()), Arc::new(AtomicU64::new(0)));
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let here = processor();
        let (runs, by) = (Arc::clone(&stamp), Arc::clone(&thief));
        let taken = R::spawn(async move {
            let now = clock.now();
            by.store(processor().map_or(u64::MAX, |number| number as u64), Ordering::Relaxed);
            runs.set(now);
        });
        let from = clock.now();
        let pushes = R::spawn(async {});
        let mut spins = 0;
        while stamp.get() == 0 {
            std::hint::spin_loop();
            spins += 1;
            if spins % SPINS == 0 {
                std::thread::yield_now();
            }
        }
        let (to, there) = (stamp.get(), thief.load(Ordering::Relaxed));
        let Some(victim) = here.filter(|&here| here as u64 != there) else {
            return Err(format!("processor {there} ran the task while another task kept it busy"));
        };
        taken.await?;
        pushes.await?;
        // It was taken out of the slot, before the time began.
        if to >= from {
            let thief = usize::try_from(there).unwrap_or(usize::MAX);
            sample.add_steal(from, to, distance_of(&seats, victim, thief));
        }
    }
    let due = stolen(operation, sample.costs.seen);
    Ok((sample, due))
}

/// Where each processor sits; none where they float.
fn seats(job: &Job) -> Vec<Seat> {
    job.point.scheduler.as_ref().map_or_else(Vec::new, |seated| seated.seats.clone())
}

/// As the scheduler counts it.
fn distance_of(seats: &[Seat], victim: usize, thief: usize) -> Option<Distance> {
    let (victim, thief) = seats.get(victim).zip(seats.get(thief))?;
    Some(match (victim.node == thief.node, victim.llc == thief.llc) {
        (false, _) => Distance::OtherNode,
        (true, false) => Distance::SameNode,
        (true, true) => Distance::SameLlc,
    })
}

/// At least so many were stolen, and where the plan chose PUs at a distance, none over another one.
fn stolen(operation: Operation, least: u64) -> Vec<Due> {
    const ALL: &[Count] = &[Count::StolenLlc, Count::StolenNode, Count::StolenRemote];
    let (counts, others): (&'static [Count], &'static [Count]) = match operation.distance() {
        None => (ALL, &[]),
        Some(Distance::SameLlc) => (&[Count::StolenLlc], &[Count::StolenNode, Count::StolenRemote]),
        Some(Distance::SameNode) => (&[Count::StolenNode], &[Count::StolenLlc, Count::StolenRemote]),
        Some(Distance::OtherNode) => (&[Count::StolenRemote], &[Count::StolenLlc, Count::StolenNode]),
    };
    vec![
        Due { what: "stolen tasks at least", counts, least, most: u64::MAX },
        Due::exactly("tasks stolen over another distance", others, 0),
    ]
}

/// This task sleeps in the kernel until the next one of its processor has run.
async fn hand_off<R: Runtime>(mut sample: Sample) -> Timed {
    let clock = sample.clock;
    let stamp = Arc::new(Stamp::default());
    while sample.go_on() {
        stamp.clear();
        sample.sweep();
        let (runs, sleeper) = (Arc::clone(&stamp), std::thread::current());
        let next = R::spawn(async move {
            runs.set(clock.now());
            sleeper.unpark();
        });
        let from = clock.now();
        R::blocking(|| {
            while stamp.get() == 0 {
                std::thread::park();
            }
        });
        sample.add(from, None, stamp.get());
        next.await?;
    }
    let due = Due::exactly("processors handed over", &[Count::HandedOff], sample.costs.seen);
    Ok((sample, vec![due]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steal_is_as_far_as_its_seats() {
        let seats = [(0, 0), (0, 0), (0, 1), (1, 2), (1, 2)].map(|(node, llc)| Seat { node, llc });
        let far = |victim, thief| distance_of(&seats, victim, thief);
        assert_eq!(
            [far(0, 1), far(0, 2), far(2, 3), far(4, 3)],
            [Distance::SameLlc, Distance::SameNode, Distance::OtherNode, Distance::SameLlc].map(Some)
        );
        assert_eq!((far(0, 5), distance_of(&[], 0, 1)), (None, None));
    }
}
