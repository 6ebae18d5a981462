//! A world of workers that can be stopped as a whole, and the record of each of its pauses.
//!
//! Worker 0 is the [`Stopper`], the others are [`Member`]s; each handle exists once and goes to its own thread. A worker
//! polls one word per request. The stopper stops the world at a boundary of its own requests, as in Go the goroutine
//! that stops the world runs on a P: so the arrangement is the same for any number of workers. Anyone with a [`Bell`]
//! may ask all workers to look at something else: a due time, a window's end, the end of the run.
//!
//! It does not say when to stop, starts no thread, and never spins. One pause:
//!
//! ```
//! use gmp::world::{Notice, StoppedWork, World};
//! use std::{num::NonZeroUsize, time::Instant};
//!
//! let World { mut stopper, members, bell } = World::new(NonZeroUsize::MIN.saturating_add(1), Instant::now());
//! let pauses = std::thread::scope(|scope| {
//!     for mut member in members {
//!         scope.spawn(move || loop {
//!             // … one request …
//!             match member.poll() {
//!                 None => {}
//!                 Some(Notice::Stop) => member.park(&mut ()),
//!                 Some(Notice::Look) => break, // here: the end of the run; dropping the member leaves the world
//!             }
//!         });
//!     }
//!     stopper.stop(StoppedWork::None, &mut ());
//!     bell.ring();
//!     stopper.finish()
//! });
//! assert_eq!(pauses.len(), 1);
//! ```

mod pause;
mod state;

pub use self::pause::Pause;
use self::{
    pause::Moments,
    state::{Release, STOP, State},
};
use crate::sync::{Arc, Ordering};
use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Instant,
};

/// The handles of a new world: every worker is in it and running.
#[derive(Debug)]
pub struct World {
    /// Worker 0.
    pub stopper: Stopper,
    /// Workers 1 and up, in order.
    pub members: Vec<Member>,
    /// For a timer or whoever else has news.
    pub bell: Bell,
}

impl World {
    /// A running world of `workers`, the stopper among them. Its times count from `epoch`.
    ///
    /// Each handle counts from now on: one that no thread uses must be dropped, or no stop ever completes.
    pub fn new(workers: NonZeroUsize, epoch: Instant) -> Self {
        let count = u32::try_from(workers.get()).expect("a process has fewer than 2^32 threads");
        let state = Arc::new(State::new(count, epoch));
        let handle = |worker| Handle { state: Arc::clone(&state), worker, seen: 0 };
        Self {
            stopper: Stopper { handle: handle(0), pauses: Vec::new(), last: None },
            members: (1..workers.get()).map(|worker| Member { handle: handle(worker) }).collect(),
            bell: Bell { state: Arc::clone(&state) },
        }
    }
}

/// What a poll found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The world is to stop: [`Member::park`], or leave.
    Stop,
    /// The [`Bell`] rang since the last `Look`, once or more: what it rang for is agreed outside.
    Look,
}

/// Whether workers have something to do while the world is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppedWork {
    /// Nobody: parked workers sleep through the pause.
    None,
    /// Everybody: all wake up and run [`AtPause::stopped`], in parallel.
    All,
}

/// What one worker does around a pause; `()` does nothing and counts 0.
///
/// Neither call may wait for another worker or for the stopper. A panic in one goes on after the pause is over, so it
/// never keeps the world stopped.
pub trait AtPause {
    /// The stopped work of `worker`: all are parked, none runs on before all have returned from theirs. Not called where
    /// the stopper asked for [`StoppedWork::None`].
    fn stopped(&mut self, worker: usize) {
        let _ = worker;
    }

    /// `worker` runs again: what it counted since its pause before, say its involuntary switches. All are added up in
    /// [`Pause::count`]. Called after the worker's moment of running is taken, so its cost is in no part of the pause.
    fn resumed(&mut self, worker: usize) -> u64 {
        let _ = worker;
        0
    }
}

impl AtPause for () {}

/// Asks all workers to look. Clones ring the same bell.
#[derive(Debug, Clone)]
pub struct Bell {
    state: Arc<State>,
}

impl Bell {
    /// Every worker's next poll finds [`Notice::Look`], after [`Notice::Stop`] if there is one too; rings between two
    /// polls are one. What the caller wrote before is seen by who looks.
    pub fn ring(&self) {
        self.state.ring();
    }
}

/// A worker's place in the world; dropping it leaves, also in a panic.
#[derive(Debug)]
struct Handle {
    state: Arc<State>,
    worker: usize,
    /// The signal as last looked at, without its stop bit.
    seen: u32,
}

impl Handle {
    #[inline]
    fn poll(&mut self) -> Option<Notice> {
        if self.state.signal.load(Ordering::Relaxed) == self.seen { None } else { self.look() }
    }

    #[cold]
    fn look(&mut self) -> Option<Notice> {
        // Acquire: pairs with the request's and the ring's Release.
        let signal = self.state.signal.load(Ordering::Acquire);
        if signal & STOP != 0 {
            return Some(Notice::Stop);
        }
        let rang = signal != self.seen;
        self.seen = signal;
        rang.then_some(Notice::Look)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.state.leave();
    }
}

/// A worker that is stopped: any but worker 0.
#[derive(Debug)]
pub struct Member {
    handle: Handle,
}

impl Member {
    /// Number of this worker, from 1.
    pub fn worker(&self) -> usize {
        self.handle.worker
    }

    /// Whether there is news: one relaxed load of a line that is only written when there is. Call it once per request.
    #[inline]
    pub fn poll(&mut self) -> Option<Notice> {
        self.handle.poll()
    }

    /// Goes away for a while, to sleep or to wait: until it is [back](Resting::back), the world stops without it.
    pub fn rest(self) -> Resting {
        let Handle { state, worker, seen } = &self.handle;
        // Dropping the handle is what leaves.
        Resting { state: Arc::clone(state), worker: *worker, seen: *seen }
    }

    /// Parks until the stopper releases the world; returns at once where no stop is asked for.
    pub fn park<P: AtPause + ?Sized>(&mut self, at: &mut P) {
        let Handle { state, worker, .. } = &self.handle;
        // Acquire: pairs with the request's Release, so the gate is seen closed.
        if state.signal.load(Ordering::Acquire) & STOP == 0 {
            return;
        }
        state.arrive();
        let mut worked = Ok(());
        if state.wait_for_work() {
            worked = catch_unwind(AssertUnwindSafe(|| at.stopped(*worker)));
            state.finish_work();
            state.wait_for_release();
        }
        state.run_again();
        let counted = worked.and_then(|()| catch_unwind(AssertUnwindSafe(|| at.resumed(*worker))));
        state.add_count(*counted.as_ref().unwrap_or(&0));
        state.finish_pause();
        if let Err(panic) = counted {
            resume_unwind(panic);
        }
    }
}

/// A worker that is away from the world: no stop waits for it, and none counts it. Dropping it leaves for good.
#[derive(Debug)]
pub struct Resting {
    state: Arc<State>,
    worker: usize,
    seen: u32,
}

impl Resting {
    /// Comes back as a running worker; sleeps while the world is stopped. Its next poll finds the [`Bell`] if it rang
    /// meanwhile.
    pub fn back(self) -> Member {
        self.state.come_back();
        Member { handle: Handle { state: self.state, worker: self.worker, seen: self.seen } }
    }
}

/// Worker 0: the only one that can stop the world. When it leaves, there are no more pauses.
#[derive(Debug)]
pub struct Stopper {
    handle: Handle,
    pauses: Vec<Pause>,
    /// The last pause, until it is known when the last worker ran again.
    last: Option<Released>,
}

#[derive(Debug)]
struct Released {
    request_ns: u64,
    release: Release,
}

impl Stopper {
    /// Whether the [`Bell`] rang since the last poll: one relaxed load, as [`Member::poll`].
    #[inline]
    pub fn poll(&mut self) -> bool {
        self.handle.poll().is_some()
    }

    /// Stops the world, has the stopped work done, and releases it again. Returns when the stopper runs on, in ns after
    /// the epoch; the last of the others may come later, and the stopper does not wait for it.
    ///
    /// Where a worker has not yet come out of the pause before, its coming is awaited first, before the request.
    pub fn stop<P: AtPause + ?Sized>(&mut self, work: StoppedWork, at: &mut P) -> u64 {
        self.complete_last();
        let state = &self.handle.state;
        let request_ns = state.ask(work);
        state.arrive();
        let mut worked = Ok(());
        if state.wait_for_stop() {
            worked = catch_unwind(AssertUnwindSafe(|| at.stopped(self.handle.worker)));
            state.finish_work();
            state.wait_for_workers();
        }
        let release = state.release();
        let running_ns = state.run_again();
        self.last = Some(Released { request_ns, release });
        let count = worked.map(|()| at.resumed(self.handle.worker)).unwrap_or_else(|panic| resume_unwind(panic));
        state.add_count(count);
        running_ns
    }

    /// The pauses since the last call, in order. Waits until all workers have come out of the last one.
    pub fn take_pauses(&mut self) -> Vec<Pause> {
        self.complete_last();
        std::mem::take(&mut self.pauses)
    }

    /// Leaves the world, and returns its pauses in order. Waits until all workers have come out of the last one.
    pub fn finish(mut self) -> Vec<Pause> {
        self.take_pauses()
    }

    fn complete_last(&mut self) {
        let Some(Released { request_ns, release }) = self.last.take() else { return };
        let (running_ns, count) = self.handle.state.wait_for_all_running();
        let Release { parked_ns, release_ns, workers } = release;
        let workers = usize::try_from(workers).expect("came from a usize");
        self.pauses.push(Pause::new(Moments { request_ns, parked_ns, release_ns, running_ns }, workers, count));
    }
}
