//! The state of one task: one word, moved on by wakers (anyone) and by the thread that polls the task.
//!
//! A task is in a queue or being polled from `Runnable` to the end of its poll, and nobody else queues it meanwhile: so
//! it is never polled by two threads. A wake-up in that time is remembered in a bit, and the task is queued again.
//! README.md has the table of moves.

use crate::sync::{AtomicU32, Ordering};

/// Where a task is, as the article's section 2.1 names the states of G.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// Being made, not yet in a queue.
    Idle,
    /// In a queue, or yielded and about to be.
    Runnable,
    /// Being polled by a thread.
    Running,
    /// Being polled by a thread that is in a blocking section.
    InCall,
    /// Polled, pending: somebody holds its waker.
    Waiting,
    /// Ended; its slot waits for another task.
    Dead,
}

impl TaskState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Idle, Self::Runnable, Self::Running, Self::InCall, Self::Waiting, Self::Dead];
}

const IDLE: u32 = TaskState::Idle as u32;
const RUNNABLE: u32 = TaskState::Runnable as u32;
const RUNNING: u32 = TaskState::Running as u32;
const IN_CALL: u32 = TaskState::InCall as u32;
const WAITING: u32 = TaskState::Waiting as u32;
const DEAD: u32 = TaskState::Dead as u32;
/// Bit beside `RUNNING` and `IN_CALL`: woken since the poll began.
const WOKEN: u32 = 8;

/// What a thread finds at the end of a poll that was pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It waits: whoever wakes it queues it.
    Waits,
    /// It was woken while it was polled: the thread queues it again.
    Again,
}

#[derive(Debug)]
pub(crate) struct State(AtomicU32);

impl State {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(DEAD))
    }

    /// The maker, who alone knows the slot: it holds a task now.
    pub(crate) fn make(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    /// The maker: the task is whole and goes into a queue. `Release`: a late waker of the slot's task before may look.
    pub(crate) fn start(&self) {
        self.0.store(RUNNABLE, Ordering::Release);
    }

    /// Anyone: wakes the task; `true` where the caller must queue it.
    ///
    /// Always a read-modify-write, also where nothing changes: what the waker wrote before is then seen by the poll that
    /// comes (`Release` here, `Acquire` in [`State::begin`]). With a mere load both could miss each other.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            let next = match state & !WOKEN {
                WAITING => RUNNABLE,
                RUNNING | IN_CALL => state | WOKEN,
                RUNNABLE => state,
                // Not yet queued, or ended: a waker of the task before in this slot.
                _ => return false,
            };
            match self.0.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return state == WAITING,
                Err(found) => state = found,
            }
        }
    }

    /// The thread that took the task from a queue: a poll begins, and forgets wake-ups before it.
    ///
    /// A task that yielded is still `RUNNING`, and needs no read-modify-write: a wake-up that is not seen here stays
    /// beside it, and has the task polled once more.
    #[inline]
    pub(crate) fn begin(&self) {
        if self.0.load(Ordering::Relaxed) != RUNNING {
            self.0.swap(RUNNING, Ordering::AcqRel);
        }
    }

    /// The same thread: the poll ended, pending.
    #[inline]
    pub(crate) fn end_pending(&self) -> After {
        match self.0.compare_exchange(RUNNING, WAITING, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => After::Waits,
            Err(_) => {
                self.0.swap(RUNNABLE, Ordering::AcqRel);
                After::Again
            }
        }
    }

    /// The same thread: the task ended.
    pub(crate) fn finish(&self) {
        self.0.store(DEAD, Ordering::Release);
    }

    /// The polling thread: enters or leaves a blocking section.
    pub(crate) fn set_in_call(&self, in_call: bool) {
        let (from, to) = if in_call { (RUNNING, IN_CALL) } else { (IN_CALL, RUNNING) };
        let mut state = self.0.load(Ordering::Relaxed);
        while state & !WOKEN == from {
            match self.0.compare_exchange_weak(state, to | state & WOKEN, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => state = found,
            }
        }
    }

    /// As it is now. A task that yielded is still `Running` here; [`super::Snapshot`] counts it right.
    pub(crate) fn get(&self) -> TaskState {
        match self.0.load(Ordering::Relaxed) & !WOKEN {
            IDLE => TaskState::Idle,
            RUNNABLE => TaskState::Runnable,
            RUNNING => TaskState::Running,
            IN_CALL => TaskState::InCall,
            WAITING => TaskState::Waiting,
            _ => TaskState::Dead,
        }
    }
}
