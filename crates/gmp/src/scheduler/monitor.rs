//! The monitor: a thread without a processor that looks every now and then, as Go's sysmon.
//!
//! It takes the processor of a call that lasts, fires timers, names tasks that do not yield, and wakes an idle processor
//! for work that a long poll keeps from running.

use super::core::{Core, NO_PANIC};
use super::counts::Count;
use super::slots::NONE;
use crate::sync::{Arc, Instant, Mutex, Ordering};
use std::time::Duration;

/// Rounds without anything to do before they become longer, as in Go.
const QUIET_ROUNDS: u32 = 50;
/// Where less is asked for: without any sleep the monitor would take a whole PU.
const SHORTEST_ROUND: Duration = Duration::from_micros(1);
/// Reports kept at most.
const REPORTS_MOST: usize = 1000;

/// A task that was polled for long without giving its processor back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// The processor it keeps.
    pub processor: usize,
    /// Number of the task's slot.
    pub task: u32,
    /// How long it had been polled when it was seen.
    pub polled_for: Duration,
}

#[derive(Default)]
pub(crate) struct Reports(Mutex<Vec<Stuck>>);

impl Reports {
    fn add(&self, stuck: Stuck) {
        let mut reports = self.0.lock().expect(NO_PANIC);
        if reports.len() < REPORTS_MOST {
            reports.push(stuck);
        }
    }

    pub(crate) fn take(&self) -> Vec<Stuck> {
        std::mem::take(&mut self.0.lock().expect(NO_PANIC))
    }
}

/// A processor as the monitor saw it last.
struct Seen {
    calls: u32,
    polls: u64,
    since: Instant,
    reported: bool,
}

/// All that the monitor's thread does, until the timers are closed.
pub(crate) fn watch(core: &Arc<Core>) {
    let now = Instant::now();
    let see = |_: &_| Seen { calls: 0, polls: 0, since: now, reported: false };
    let mut seen: Vec<Seen> = core.processors.iter().map(see).collect();
    let (mut quiet, mut round) = (0, core.switches.monitor_least);
    while core.timers.sleep(round.max(SHORTEST_ROUND)) {
        core.timers.fire();
        let mut acted = false;
        for (number, seen) in seen.iter_mut().enumerate() {
            acted |= look_at(core, number, seen);
        }
        quiet = if acted { 0 } else { quiet + 1 };
        round = match quiet {
            0..=QUIET_ROUNDS => core.switches.monitor_least,
            _ => round.saturating_mul(2).min(core.switches.monitor_most),
        };
    }
}

/// `true` where something had to be done.
fn look_at(core: &Core, number: usize, seen: &mut Seen) -> bool {
    let processor = &core.processors[number];
    if let Some(local) = processor.call.take_of_long_call(&mut seen.calls) {
        processor.outside.add_shared(Count::Retaken, 1);
        core.place(local);
        return true;
    }
    let (polls, task) = (core.polls(number), processor.current.load(Ordering::Relaxed));
    if task == NONE || polls != seen.polls {
        *seen = Seen { calls: seen.calls, polls, since: Instant::now(), reported: false };
        return false;
    }
    let polled_for = seen.since.elapsed();
    if polled_for >= core.switches.stuck_after && !seen.reported {
        seen.reported = true;
        core.reports.add(Stuck { processor: number, task, polled_for });
    }
    let waits = processor.ring.len() > 0 || !processor.next.is_empty();
    if waits && core.idle.is_needed() {
        core.wake_one(None);
        return true;
    }
    false
}
