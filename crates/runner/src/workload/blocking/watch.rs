//! A thread of ours that looks every 10 ms how many threads a process has, and what a scheduler says of its processors. It is
//! also who ends a sample after its seconds.

use crate::pool::no_thread;
use gmp::scheduler::{Handle, ProcessorState};
use host::thread::Usage;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(10);

/// What it is to look at.
pub(super) struct Watched {
    pub(super) pid: u32,
    /// Threads of that process that are not the subject's.
    pub(super) others: u64,
    pub(super) procs: u32,
    pub(super) scheduler: Option<Handle>,
}

/// Called once, when the time is over.
pub(super) type Ends = (Duration, Box<dyn FnOnce() + Send>);

/// What it saw.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Seen {
    /// Most threads of the subject at once.
    pub(super) threads_most: Option<u64>,
    /// Share of the looks that saw more than 2 threads a processor.
    pub(super) crowded: Option<f64>,
    /// Processors without a thread, the mean.
    pub(super) idle: Option<f64>,
    /// Processors that look for tasks, the mean.
    pub(super) searching: Option<f64>,
}

/// The thread, until it is asked what it saw.
pub(super) struct Watch {
    thread: JoinHandle<(Seen, Usage)>,
    stops: Sender<()>,
}

impl Watch {
    pub(super) fn start(watched: Watched, ends: Option<Ends>) -> Result<Watch, String> {
        let (stops, stopped) = channel();
        let look = move || {
            let begun = Instant::now();
            let (mut looks, mut ends) = (Looks::default(), ends);
            loop {
                looks.add(&watched);
                let due = ends.as_ref().map(|(after, _)| after.saturating_sub(begun.elapsed()));
                match stopped.recv_timeout(due.map_or(EVERY, |due| due.min(EVERY))) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return (looks.seen(), Usage::read()),
                }
                if let Some((_, end)) = ends.take_if(|(after, _)| begun.elapsed() >= *after) {
                    end();
                }
            }
        };
        let thread = Builder::new().name("watch".into()).spawn(look);
        let thread = thread.map_err(|cause| no_thread("the thread that counts threads", &cause))?;
        Ok(Watch { thread, stops })
    }

    /// What it saw, and what it cost the process itself.
    pub(super) fn finish(self) -> Result<(Seen, Usage), String> {
        let _ = self.stops.send(());
        self.thread.join().map_err(|_| "the thread that counts threads panicked".into())
    }
}

#[derive(Default)]
struct Looks {
    threads_most: Option<u64>,
    /// Looks that saw threads, and those of them that saw more than 2 a processor.
    counted: u64,
    crowded: u64,
    /// Looks at a scheduler, and their sums.
    asked: u64,
    idle: u64,
    searching: u64,
}

impl Looks {
    fn add(&mut self, watched: &Watched) {
        if let Some(all) = threads_of(watched.pid) {
            let threads = all.saturating_sub(watched.others);
            self.threads_most = self.threads_most.max(Some(threads));
            self.counted += 1;
            self.crowded += u64::from(threads > 2 * u64::from(watched.procs));
        }
        if let Some(scheduler) = &watched.scheduler {
            let snapshot = scheduler.snapshot();
            self.asked += 1;
            self.idle += snapshot.processors_in(ProcessorState::Idle) as u64;
            self.searching += snapshot.searching as u64;
        }
    }

    fn seen(&self) -> Seen {
        let mean = |sum: u64, looks: u64| (looks > 0).then(|| sum as f64 / looks as f64);
        Seen {
            threads_most: self.threads_most,
            crowded: mean(self.crowded, self.counted),
            idle: mean(self.idle, self.asked),
            searching: mean(self.searching, self.asked),
        }
    }
}

/// Threads of a process now (proc(5), status); `None` where it has ended.
fn threads_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Barrier};

    #[test]
    fn threads_are_counted_while_they_live() {
        let pid = std::process::id();
        let (before, ended) = (threads_of(pid).expect("this process"), Arc::new(AtomicBool::new(false)));
        assert_eq!(threads_of(u32::MAX), None);
        let gate = Arc::new(Barrier::new(6));
        let ten: Vec<_> = (0..5)
            .map(|_| {
                std::thread::spawn({
                    let gate = Arc::clone(&gate);
                    move || gate.wait()
                })
            })
            .collect();
        let ends = Arc::clone(&ended);
        let end: Ends = (Duration::from_millis(1), Box::new(move || ends.store(true, Ordering::Release)));
        let watch = Watch::start(Watched { pid, others: 1, procs: 1, scheduler: None }, Some(end)).expect("a thread");
        while !ended.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        gate.wait();
        ten.into_iter().for_each(|thread| drop(thread.join()));
        let (seen, usage) = watch.finish().expect("no panic");
        // Other tests of this process start and end threads meanwhile.
        assert!(seen.threads_most >= Some(5), "{before} before, {seen:?}");
        assert_eq!((seen.idle, seen.searching), (None, None));
        assert!(seen.crowded > Some(0.0), "{seen:?}");
        assert!(usage.voluntary > 0, "{usage:?}");
    }
}
