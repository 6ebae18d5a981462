//! Subject `gmp`: the suite's scheduler, with as many processors as workers. A thread that takes processor p binds itself where
//! worker p's place says.

use super::runtime::{Binder, Receives, Runtime, Sends, joined, processors};
use crate::sample::Job;
use crate::trace::{Beside, write_chrome};
use gmp::scheduler::{
    CounterLayout, Counts, Handle, LocalOrder, Receiver, Scheduler, Seat, Sender, StealAmount, StealOrder, Stuck,
    Switches, Trace, YieldTo,
};
use host::Granted;
use plan::scheduler::{self, Seated};
use std::fs::File;
use std::future::Future;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

/// The scheduler.
pub(crate) struct Gmp {
    scheduler: Scheduler,
    binder: Binder,
}

impl Runtime for Gmp {
    type Sender<T: Send + 'static> = Sender<T>;
    type Receiver<T: Send + 'static> = Receiver<T>;

    fn start(granted: &Granted, job: &Job) -> Result<Gmp, String> {
        Gmp::start_traced(granted, job, job.trace_to.as_ref().map(|_| TRACED_MOST))
    }

    fn run<F>(&self, first: F) -> Result<F::Output, String>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.scheduler.block_on(first).map_err(|cause| cause.to_string())
    }

    fn spawn_for<F>(&self, worker: usize, future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let handle = self.scheduler.handle();
        let home = handle.switches().seats.get(worker).map_or(0, |seat| seat.node as usize);
        joined(handle.spawn_home(home, future))
    }

    fn end(self, job: &Job, beside: &Beside) -> Result<Vec<String>, String> {
        let handle = self.ended()?;
        let mut notes = write_trace(job, &handle, &handle.take_trace(), beside);
        notes.extend(stuck(&handle.take_stuck()));
        Ok(notes)
    }

    fn scheduler(&self) -> Option<&Handle> {
        Some(self.scheduler.handle())
    }

    fn spawn<F>(future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        joined(gmp::scheduler::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        gmp::scheduler::yield_now()
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
        gmp::scheduler::sleep(time)
    }

    fn blocking<T>(call: impl FnOnce() -> T) -> T {
        gmp::scheduler::blocking(call)
    }

    fn channel<T: Send + 'static>(room: NonZeroUsize) -> (Sender<T>, Receiver<T>) {
        gmp::scheduler::channel(room)
    }
}

impl Gmp {
    /// The same, which keeps so many events of what it does.
    pub(crate) fn start_traced(granted: &Granted, job: &Job, trace: Option<usize>) -> Result<Gmp, String> {
        let binder = Binder::new(granted, job);
        let binds = binder.clone();
        let switches = Switches { trace, ..switches(job, processors(job)?) };
        let scheduler =
            Scheduler::with_hook(switches, move |number| binds.bind(number)).map_err(|cause| cause.to_string())?;
        Ok(Gmp { scheduler, binder })
    }

    /// Ends it; what it counted and traced is whole then: processors tell their last events when they rest.
    pub(crate) fn ended(self) -> Result<Handle, String> {
        let handle = self.scheduler.handle().clone();
        drop(self.scheduler);
        self.binder.check().map(|()| handle)
    }
}

impl<T: Send + 'static> Sends<T> for Sender<T> {
    async fn send(&self, value: T) {
        let _ = self.send(value).await;
    }

    fn close(&self) {
        self.close();
    }
}

impl<T: Send + 'static> Receives<T> for Receiver<T> {
    async fn receive(&self) -> Option<T> {
        self.receive().await
    }
}

/// Events that are kept of one sample: some 20 MB of JSON.
const TRACED_MOST: usize = 200_000;

/// Writes what an ended scheduler did, where the job asks for that; what could not be written, as notes: a sample is worth more
/// than its trace.
pub(crate) fn write_trace(job: &Job, handle: &Handle, trace: &Trace, beside: &Beside) -> Vec<String> {
    let Some(path) = &job.trace_to else { return Vec::new() };
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        write_chrome(&mut out, trace, beside, &handle.counts())?;
        out.flush()
    });
    let failed = |cause| format!("trace not written: {path}: {cause}", path = path.display());
    written.err().map(failed).into_iter().collect()
}

/// What the monitor saw of tasks that keep their processors, as a note; the longest by name.
pub(crate) fn stuck(seen: &[Stuck]) -> Option<String> {
    let longest = seen.iter().max_by_key(|stuck| stuck.polled_for)?;
    Some(format!(
        "the monitor saw {count} times a task that did not yield: the longest, task {task} on processor {processor}, for {ms} ms",
        count = seen.len(),
        task = longest.task,
        processor = longest.processor,
        ms = longest.polled_for.as_millis(),
    ))
}

/// The scheduler of the job's point in its own types.
fn switches(job: &Job, workers: NonZeroUsize) -> Switches {
    let own = Switches { seed: job.seed.0, ..Switches::new(workers) };
    match job.point.scheduler.clone() {
        Some(seated) => obeyed(seated, own),
        None => own,
    }
}

/// What a plan says, over what it does not.
fn obeyed(Seated { switches, seats, distances }: Seated, own: Switches) -> Switches {
    Switches {
        ring: switches.ring,
        overflow: switches.overflow,
        local_order: match switches.local_order {
            scheduler::LocalOrder::Fifo => LocalOrder::Fifo,
            scheduler::LocalOrder::Lifo => LocalOrder::Lifo,
        },
        yield_to: match switches.yield_to {
            scheduler::YieldTo::Local => YieldTo::Local,
            scheduler::YieldTo::Global => YieldTo::Global,
        },
        run_next: switches.run_next,
        run_next_most: switches.run_next_most,
        steal_order: match switches.steal_order {
            scheduler::StealOrder::Random => StealOrder::Random,
            scheduler::StealOrder::Reverse => StealOrder::Reverse,
            scheduler::StealOrder::NearFirst => StealOrder::NearFirst,
        },
        steal_amount: match switches.steal_amount {
            scheduler::StealAmount::Half => StealAmount::Half,
            scheduler::StealAmount::One => StealAmount::One,
        },
        global_tick: switches.global_tick,
        spin_rounds: switches.spin_rounds,
        numa_aware: switches.numa_aware,
        counters: match switches.counters {
            scheduler::CounterLayout::Padded => CounterLayout::Padded,
            scheduler::CounterLayout::Packed => CounterLayout::Packed,
        },
        seats: seats.iter().map(|seat| Seat { node: seat.node, llc: seat.llc }).collect(),
        distances,
        ..own
    }
}

/// What the scheduler counted, as one fact: `polls=…, from_local=…`, without what never happened.
pub(crate) fn words(counts: &Counts) -> String {
    let word = |(count, value): (gmp::scheduler::Count, u64)| format!("{name}={value}", name = count.name());
    counts.iter().filter(|&(_, value)| value > 0).map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_of_a_plan_is_obeyed() {
        let planned = scheduler::Switches {
            ring: 64,
            overflow: 0.25,
            local_order: scheduler::LocalOrder::Lifo,
            yield_to: scheduler::YieldTo::Global,
            run_next: false,
            run_next_most: 3,
            steal_order: scheduler::StealOrder::NearFirst,
            steal_amount: scheduler::StealAmount::One,
            global_tick: 7,
            spin_rounds: 2,
            numa_aware: true,
            counters: scheduler::CounterLayout::Packed,
        };
        let own = Switches { seed: 5, ..Switches::new(NonZeroUsize::MIN) };
        let seats = vec![scheduler::Seat { node: 1, llc: 3 }];
        let distances = vec![vec![10, 20], vec![20, 10]];
        let expect = Switches {
            ring: 64,
            overflow: 0.25,
            local_order: LocalOrder::Lifo,
            yield_to: YieldTo::Global,
            run_next: false,
            run_next_most: 3,
            steal_order: StealOrder::NearFirst,
            steal_amount: StealAmount::One,
            global_tick: 7,
            spin_rounds: 2,
            numa_aware: true,
            counters: CounterLayout::Packed,
            seats: vec![Seat { node: 1, llc: 3 }],
            distances: distances.clone(),
            ..own.clone()
        };
        assert_eq!(obeyed(Seated { switches: planned, seats, distances }, own.clone()), expect);
        let defaults = Seated { switches: scheduler::Switches::default(), seats: Vec::new(), distances: Vec::new() };
        assert_eq!(obeyed(defaults, own.clone()), own, "the defaults of both are the same");
    }
}
