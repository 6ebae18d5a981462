//! A thread of ours that looks every 5 ms how long the queues of the suite's scheduler are; each look is kept where a trace is written.

use crate::pool::no_thread;
use crate::timer::ns_since;
use crate::trace::Looks;
use gmp::scheduler::{Handle, Queues};
use host::thread::Usage;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(5);

/// What looks found, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lengths {
    looks: f64,
    local_sum: f64,
    local_most: usize,
    spread_sum: f64,
    global_sum: f64,
    global_most: usize,
}

impl Lengths {
    fn add(&mut self, Queues { local, global }: &Queues) {
        let (least, most) = (local.iter().min().copied().unwrap_or(0), local.iter().max().copied().unwrap_or(0));
        self.looks += 1.0;
        self.local_sum += local.iter().sum::<usize>() as f64 / local.len() as f64;
        self.local_most = self.local_most.max(most);
        self.spread_sum += (most - least) as f64;
        self.global_sum += *global as f64;
        self.global_most = self.global_most.max(*global);
    }

    /// In the order of the workload's columns.
    pub(super) fn told(&self) -> [Option<f64>; 5] {
        let mean = |sum: f64| sum / self.looks;
        [
            mean(self.local_sum),
            self.local_most as f64,
            mean(self.spread_sum),
            mean(self.global_sum),
            self.global_most as f64,
        ]
        .map(|value| Some(value).filter(|_| self.looks > 0.0))
    }
}

/// What the thread saw, and what it cost the process itself.
pub(super) struct Seen {
    pub(super) lengths: Lengths,
    /// None where nobody keeps them.
    pub(super) looks: Looks,
    pub(super) usage: Usage,
}

/// The thread, until it is asked what it saw.
pub(super) struct Watch {
    thread: JoinHandle<Seen>,
    stops: Sender<()>,
}

impl Watch {
    pub(super) fn start(scheduler: Handle, keeps: bool) -> Result<Watch, String> {
        let (stops, stopped) = channel();
        let look = move || {
            let (mut lengths, mut looks) = (Lengths::default(), Looks::default());
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let queues = scheduler.queues();
                lengths.add(&queues);
                if keeps {
                    looks.add(ns_since(scheduler.epoch()), queues);
                }
            }
            Seen { lengths, looks, usage: Usage::read() }
        };
        let thread = Builder::new().name("lengths".into()).spawn(look);
        let thread = thread.map_err(|cause| no_thread("the thread that looks at queues", &cause))?;
        Ok(Watch { thread, stops })
    }

    /// What it saw; nothing of storms that were over before its first look.
    pub(super) fn finish(self) -> Result<Seen, String> {
        let _ = self.stops.send(());
        self.thread.join().map_err(|_| "the thread that looks at queues panicked".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gmp::scheduler::{Scheduler, Switches};
    use std::num::NonZeroUsize;

    #[test]
    fn looks_are_summed_up() {
        let mut lengths = Lengths::default();
        assert_eq!(lengths.told(), [None; 5], "without a look nothing is said");
        for (local, global) in [([4, 2], 10), ([0, 8], 0)] {
            lengths.add(&Queues { local: local.into(), global });
        }
        assert_eq!(lengths.told(), [3.5, 8.0, 5.0, 5.0, 10.0].map(Some));
    }

    #[test]
    fn it_looks_until_it_is_asked() {
        let scheduler = Scheduler::new(Switches::new(NonZeroUsize::MIN)).expect("switches that can be");
        for keeps in [false, true] {
            let watch = Watch::start(scheduler.handle().clone(), keeps).expect("a thread");
            std::thread::sleep(EVERY * 20);
            let Seen { lengths, looks, .. } = watch.finish().expect("no panic");
            assert!(lengths.looks > 0.0);
            assert_eq!(lengths.told(), [Some(0.0); 5], "nothing is queued");
            assert_eq!(looks.kept() as f64, if keeps { lengths.looks } else { 0.0 }, "kept: {keeps}");
        }
    }
}
