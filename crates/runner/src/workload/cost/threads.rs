//! The same operations of OS threads, as far as threads have them: a thread started and joined, woken from its sleep
//! (futex), and sched_yield(2) between two on one PU. They run on the PUs of the point's places, unbound ones anywhere.

use super::{Ground, Ran, Sample};
use crate::heapless::bind_to_places;
use crate::pool::no_thread;
use host::thread::Usage;
use plan::workload::{Cost, Operation};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Builder;

pub(super) fn run(cost: &Cost, ground: &Ground<'_>) -> Result<Ran, String> {
    bind_to_places(ground)?;
    let sample = Sample::new(cost, ground.job.extent)?;
    let usage = Usage::of_process();
    let sample = match cost.operation {
        Operation::Create => create(sample),
        Operation::Wake => wake(sample),
        Operation::Switch => switch(sample, ground),
        other => Err(format!("threads have no {other}")),
    }?;
    let usage = Usage::of_process().since(&usage);
    // Threads that have ended took their delays with them.
    Ok(sample.ran(Usage { run_delay_ns: None, ..usage }))
}

fn create(mut sample: Sample) -> Result<Sample, String> {
    let clock = sample.clock;
    while sample.go_on() {
        sample.sweep();
        let from = clock.now();
        let thread = Builder::new().spawn(|| ()).map_err(|cause| no_thread("the thread that is timed", &cause))?;
        let call = clock.now();
        thread.join().map_err(|_| "the thread that is timed panicked")?;
        sample.add(from, Some(call), clock.now());
    }
    Ok(sample)
}

/// What two threads share.
#[derive(Debug, Default)]
struct Shared {
    /// Where /proc has the other thread.
    place: std::sync::OnceLock<String>,
    /// Wake-ups sent so far.
    sent: AtomicU64,
    /// When the other thread ran, 0 until it does.
    stamp: AtomicU64,
    over: AtomicBool,
}

impl Shared {
    /// Whether the other thread sleeps in the kernel: the state behind its name in brackets (proc(5)).
    fn sleeps(&self) -> Result<bool, String> {
        let Some(place) = self.place.get() else { return Ok(false) };
        let stat = std::fs::read_to_string(place).map_err(|cause| format!("cannot read {place}: {cause}"))?;
        Ok(stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('S')))
    }
}

/// Only a thread that sleeps is woken, so that every time has a sleep and a wake-up of the kernel's in it.
fn wake(mut sample: Sample) -> Result<Sample, String> {
    let clock = sample.clock;
    let shared = &Shared::default();
    let first = std::thread::current();
    std::thread::scope(|scope| {
        let sleeper = move || {
            // /proc/thread-self is PID/task/TID.
            let own = std::fs::read_link("/proc/thread-self").unwrap_or_default();
            let _ = shared.place.set(format!("/proc/{own}/stat", own = own.display()));
            let mut served = 0;
            loop {
                while shared.sent.load(Ordering::Acquire) == served {
                    if shared.over.load(Ordering::Acquire) {
                        return;
                    }
                    std::thread::park();
                }
                shared.stamp.store(clock.now(), Ordering::Release);
                served += 1;
                first.unpark();
            }
        };
        let other = Builder::new().spawn_scoped(scope, sleeper);
        let other = other.map_err(|cause| no_thread("the thread that is woken", &cause))?;
        let timed = || {
            while sample.go_on() {
                shared.stamp.store(0, Ordering::Relaxed);
                sample.sweep();
                while !shared.sleeps()? {
                    std::thread::yield_now();
                }
                let from = clock.now();
                shared.sent.fetch_add(1, Ordering::Release);
                other.thread().unpark();
                let call = clock.now();
                while shared.stamp.load(Ordering::Acquire) == 0 {
                    std::thread::park();
                }
                sample.add(from, Some(call), shared.stamp.load(Ordering::Acquire));
            }
            Ok(sample)
        };
        let timed = timed();
        shared.over.store(true, Ordering::Release);
        other.thread().unpark();
        timed
    })
}

/// Both threads on one PU: the first of their places, or of those that the process may use. Where the other one did not run
/// behind a yield, that is no switch between the two and is done again.
fn switch(mut sample: Sample, ground: &Ground<'_>) -> Result<Sample, String> {
    let pus = host::bind::affinity().map_err(|cause| cause.to_string())?;
    let pu = pus.first().ok_or("no PU to run on")?;
    // What is started from here on inherits it.
    host::bind::pin(ground.granted, pu).map_err(|cause| cause.to_string())?;
    let clock = sample.clock;
    let shared = &Shared::default();
    std::thread::scope(|scope| {
        let other = Builder::new().spawn_scoped(scope, move || {
            while !shared.over.load(Ordering::Relaxed) {
                if shared.stamp.load(Ordering::Relaxed) == 0 {
                    shared.stamp.store(clock.now(), Ordering::Release);
                }
                std::thread::yield_now();
            }
        });
        other.map_err(|cause| no_thread("the thread that yields in turn", &cause))?;
        while sample.go_on() {
            sample.sweep();
            shared.stamp.store(0, Ordering::Relaxed);
            let from = clock.now();
            std::thread::yield_now();
            let to = shared.stamp.load(Ordering::Acquire);
            if to >= from {
                sample.add(from, None, to);
            }
        }
        shared.over.store(true, Ordering::Relaxed);
        Ok(sample)
    })
}
