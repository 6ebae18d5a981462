//! The words of the protocol and its steps. README.md of this crate says who writes which word, and why no order of
//! steps deadlocks; each step here names the ordering it needs.

use super::StoppedWork;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Futex, Line, Mutex, Ordering};
use std::time::Instant;

/// Bit of `signal`: a stop is asked for.
pub(super) const STOP: u32 = 1;
/// What one ring adds to `signal`: the bits above `STOP` count the rings, and may wrap.
const RING: u32 = 2;

/// Values of `gate`, at which parked workers sleep.
const OPEN: u32 = 0;
const CLOSED: u32 = 1;
const WORK: u32 = 2;

/// Values of `turn`, at which the stopper sleeps.
const WAIT: u32 = 0;
const STOPPED: u32 = 1;
const WORKED: u32 = 2;

#[derive(Debug)]
pub(super) struct State {
    /// The one word that every worker polls; alone on its line, written only when something happens.
    pub(super) signal: Line<AtomicU32>,
    /// Where parked workers sleep.
    gate: Line<Futex>,
    /// Where the stopper sleeps.
    turn: Line<Futex>,
    /// Members that neither left nor are parked.
    running: Line<AtomicU32>,
    /// Members that did not leave.
    present: AtomicU32,
    /// Workers that have not finished the stopped work.
    working: Line<AtomicU32>,
    /// Workers that have not come out of the last pause; the stopper sleeps here before the next.
    resuming: Line<Futex>,
    /// Whether this pause has stopped work.
    has_work: AtomicBool,
    /// When the last worker was parked.
    parked_ns: AtomicU64,
    /// When the last worker ran again.
    running_ns: AtomicU64,
    /// Sum of what the workers counted.
    count: AtomicU64,
    /// Held while a stop is asked for, and by who comes back from a rest: it cannot come back into a stop.
    door: Mutex<()>,
    epoch: Instant,
}

/// What the stopper knows when it has released the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release {
    pub(super) parked_ns: u64,
    pub(super) release_ns: u64,
    pub(super) workers: u32,
}

impl State {
    pub(super) fn new(workers: u32, epoch: Instant) -> Self {
        Self {
            signal: Line(AtomicU32::new(0)),
            gate: Line(Futex::new(OPEN)),
            turn: Line(Futex::new(WAIT)),
            running: Line(AtomicU32::new(workers)),
            present: AtomicU32::new(workers),
            working: Line(AtomicU32::new(0)),
            resuming: Line(Futex::new(0)),
            has_work: AtomicBool::new(false),
            parked_ns: AtomicU64::new(0),
            running_ns: AtomicU64::new(0),
            count: AtomicU64::new(0),
            door: Mutex::new(()),
            epoch,
        }
    }

    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Anyone: asks every worker to look. `Release`: who looks sees what was written before the ring.
    pub(super) fn ring(&self) {
        self.signal.fetch_add(RING, Ordering::Release);
    }

    /// Stopper, in a running world where all have resumed: asks for a stop; returns when.
    ///
    /// `Release` on `signal` puts the closed gate before the request.
    pub(super) fn ask(&self, work: StoppedWork) -> u64 {
        self.has_work.store(work == StoppedWork::All, Ordering::Relaxed);
        self.running_ns.store(0, Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
        self.turn.store(WAIT, Ordering::Relaxed);
        self.gate.store(CLOSED, Ordering::Relaxed);
        let _door = self.door.lock().expect("no thread panics while it holds the door");
        let request_ns = self.now_ns();
        self.signal.fetch_or(STOP, Ordering::Release);
        request_ns
    }

    /// Every worker, the stopper too: is parked from here on. `AcqRel`: the last to arrive has seen what all did before.
    pub(super) fn arrive(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.complete_stop();
        }
    }

    /// A worker that will not come back, never between its arrival and its resumption.
    ///
    /// `present` first: when `running` reaches 0, `present` is exactly the number of the parked. It is 0 when all left.
    pub(super) fn leave(&self) {
        self.present.fetch_sub(1, Ordering::Relaxed);
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 && self.present.load(Ordering::Relaxed) > 0 {
            self.complete_stop();
        }
    }

    /// A worker that left to rest: is present and running again. Sleeps while the world is stopped.
    ///
    /// Behind the door the world is not being stopped: a stop asked for later waits for this worker too. `Acquire` on
    /// `signal` pairs with the release's clearing of the stop bit: its counts are in before ours are added.
    pub(super) fn come_back(&self) {
        loop {
            let door = self.door.lock().expect("no thread panics while it holds the door");
            if self.signal.load(Ordering::Acquire) & STOP == 0 {
                self.present.fetch_add(1, Ordering::Relaxed);
                self.running.fetch_add(1, Ordering::Relaxed);
                return;
            }
            drop(door);
            self.gate.wait_until(|gate| gate == OPEN);
        }
    }

    /// Whoever made `running` 0 while workers are parked. Stores come before wake-ups, and `turn` after `gate`: from the
    /// store to `turn` on, the stopper may finish this pause, and nothing may be written behind its back.
    fn complete_stop(&self) {
        self.parked_ns.store(self.now_ns(), Ordering::Relaxed);
        let has_work = self.has_work.load(Ordering::Relaxed);
        if has_work {
            self.working.store(self.present.load(Ordering::Relaxed), Ordering::Relaxed);
            self.gate.store(WORK, Ordering::Release);
        }
        self.turn.store(STOPPED, Ordering::Release);
        self.turn.wake_one();
        if has_work {
            self.gate.wake_all();
        }
    }

    /// Parked worker: sleeps until there is stopped work (`true`) or the world is released (`false`).
    pub(super) fn wait_for_work(&self) -> bool {
        self.gate.wait_until(|gate| gate != CLOSED) == WORK
    }

    /// Stopper: sleeps until all are parked; says whether there is stopped work.
    pub(super) fn wait_for_stop(&self) -> bool {
        self.turn.wait_until(|turn| turn != WAIT);
        self.has_work.load(Ordering::Relaxed)
    }

    /// Every worker: has finished its stopped work. `AcqRel`: the release comes after the work of all.
    pub(super) fn finish_work(&self) {
        if self.working.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.turn.store(WORKED, Ordering::Release);
            self.turn.wake_one();
        }
    }

    /// Stopper: sleeps until all have finished the stopped work.
    pub(super) fn wait_for_workers(&self) {
        self.turn.wait_until(|turn| turn == WORKED);
    }

    /// Stopper, all parked: lets the world run. All that the woken need is written before the gate opens (`Release`), so
    /// none of them sees this stop twice, and one that leaves at once counts as running.
    pub(super) fn release(&self) -> Release {
        let workers = self.present.load(Ordering::Relaxed);
        let parked_ns = self.parked_ns.load(Ordering::Relaxed);
        self.running.store(workers, Ordering::Relaxed);
        self.resuming.store(workers - 1, Ordering::Relaxed);
        let release_ns = self.now_ns();
        self.signal.fetch_and(!STOP, Ordering::Release);
        self.gate.store(OPEN, Ordering::Release);
        self.gate.wake_all();
        Release { parked_ns, release_ns, workers }
    }

    /// Parked worker, its work done: sleeps until the world is released.
    pub(super) fn wait_for_release(&self) {
        self.gate.wait_until(|gate| gate == OPEN);
    }

    /// Every worker: runs again; returns when.
    pub(super) fn run_again(&self) -> u64 {
        let now_ns = self.now_ns();
        self.running_ns.fetch_max(now_ns, Ordering::Relaxed);
        now_ns
    }

    /// Every worker: hands in what it counted.
    pub(super) fn add_count(&self, count: u64) {
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    /// Every worker but the stopper: has come out of the pause. `Release`: its moment and its count are in.
    pub(super) fn finish_pause(&self) {
        if self.resuming.fetch_sub(1, Ordering::Release) == 1 {
            self.resuming.wake_one();
        }
    }

    /// Stopper: sleeps until all have come out of the pause before; returns when the last ran, and the sum of the counts.
    pub(super) fn wait_for_all_running(&self) -> (u64, u64) {
        self.resuming.wait_until(|left| left == 0);
        (self.running_ns.load(Ordering::Relaxed), self.count.load(Ordering::Relaxed))
    }
}
