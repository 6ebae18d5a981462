//! What happened when, where [`super::Switches::trace`] asks for it: which task ran where, from when to when and how its poll
//! ended; when it became ready, and when it left its processor to others; when a processor searched, and when it rested.
//!
//! Each processor keeps its own part and touches no other's, with one reading of the clock for each poll: a poll begins where
//! the one before ended, or the search or the rest between them. Parts come together when a processor rests, or when full.

use super::core::NO_PANIC;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};
use std::time::Instant;

/// Events that a processor keeps before they are put together.
const PART: usize = 4096;

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollEnd {
    /// The task yielded and is queued again.
    Yielded,
    /// It waits to be woken, or was woken meanwhile.
    Waits,
    /// It ended.
    Finished,
    /// Its code panicked.
    Panicked,
}

/// What a processor did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Ran a task.
    Ran {
        /// Number of its slot, which later tasks have too.
        task: u32,
        /// How that ended.
        end: PollEnd,
    },
    /// Ran a task up to a blocking section or a call, in which its thread goes on without the processor.
    Called {
        /// As of [`Did::Ran`].
        task: u32,
    },
    /// Made a task ready that waited, or a new one: a moment within what it ran. Who is woken from outside has none.
    Readied {
        /// As of [`Did::Ran`].
        task: u32,
    },
    /// Found nothing of its own, and looked elsewhere.
    Searched,
    /// Had no thread that ran it: idle, or its thread in a blocking section.
    Rested,
}

/// One stretch of a processor's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The processor (P).
    pub processor: u32,
    /// The thread (M) that had it, at the end of a rest the one that took it; numbered as they were started.
    pub thread: u32,
    /// Begin, ns after the scheduler's epoch.
    pub from_ns: u64,
    /// End.
    pub to_ns: u64,
    /// What.
    pub did: Did,
}

/// Events of all processors, those of each in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// What was kept.
    pub events: Vec<Event>,
    /// Events beyond the most that were asked for.
    pub lost: u64,
}

/// Where the parts come together.
#[derive(Debug)]
pub(crate) struct Collected {
    most: usize,
    epoch: Instant,
    events: Mutex<Vec<Event>>,
    lost: AtomicU64,
}

impl Collected {
    pub(crate) fn new(most: usize, epoch: Instant) -> Arc<Self> {
        Arc::new(Self { most, epoch, events: Mutex::default(), lost: AtomicU64::new(0) })
    }

    fn add(&self, part: &mut Vec<Event>) {
        let mut events = self.events.lock().expect(NO_PANIC);
        let kept = part.len().min(self.most.saturating_sub(events.len()));
        self.lost.fetch_add((part.len() - kept) as u64, Ordering::Relaxed);
        events.extend(part.drain(..).take(kept));
    }

    pub(crate) fn take(&self) -> Trace {
        let events = std::mem::take(&mut *self.events.lock().expect(NO_PANIC));
        Trace { events, lost: self.lost.swap(0, Ordering::Relaxed) }
    }
}

/// A processor's own part.
#[derive(Debug)]
pub(crate) struct Part {
    processor: u32,
    thread: u32,
    since_ns: u64,
    events: Vec<Event>,
    all: Arc<Collected>,
}

impl Part {
    pub(crate) fn new(processor: usize, all: Arc<Collected>) -> Self {
        Self { processor: processor as u32, thread: 0, since_ns: 0, events: Vec::with_capacity(PART), all }
    }

    /// A stretch ends now, and the next begins.
    #[cold]
    pub(crate) fn did(&mut self, did: Did) {
        let to_ns = self.now_ns();
        let from_ns = std::mem::replace(&mut self.since_ns, to_ns);
        self.keep(from_ns, to_ns, did);
    }

    /// A task became ready.
    #[cold]
    pub(crate) fn readied(&mut self, task: u32) {
        let now_ns = self.now_ns();
        self.keep(now_ns, now_ns, Did::Readied { task });
    }

    fn now_ns(&self) -> u64 {
        self.all.epoch.elapsed().as_nanos() as u64
    }

    fn keep(&mut self, from_ns: u64, to_ns: u64, did: Did) {
        self.events.push(Event { processor: self.processor, thread: self.thread, from_ns, to_ns, did });
        if self.events.len() == PART {
            self.all.add(&mut self.events);
        }
    }

    /// A thread took the processor.
    #[cold]
    pub(crate) fn taken(&mut self, thread: u32) {
        self.thread = thread;
        self.did(Did::Rested);
    }

    /// The processor rests after it did this.
    #[cold]
    pub(crate) fn rests(&mut self, did: Did) {
        self.did(did);
        self.all.add(&mut self.events);
    }
}
