//! Hand-off: where a processor is while its thread is in a call, and who waits for one when a section has ended.

use crate::sync::{AtomicU32, Mutex, Ordering};
use std::collections::VecDeque;

const NO_PANIC: &str = "no thread panics while it holds a processor that is handed over";

/// The processor of a thread that is in a call: the thread takes it back, or the monitor takes it away. Whoever takes it
/// out has it.
#[derive(Debug)]
pub(crate) struct CallSlot<P> {
    processor: Mutex<Option<P>>,
    /// Calls begun, so that the monitor tells a long call from a later one.
    begun: AtomicU32,
}

impl<P> CallSlot<P> {
    pub(crate) fn new() -> Self {
        Self { processor: Mutex::new(None), begun: AtomicU32::new(0) }
    }

    /// The thread: a call begins.
    pub(crate) fn begin(&self, processor: P) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        *self.processor.lock().expect(NO_PANIC) = Some(processor);
    }

    /// The thread: its call ended. `None` where the processor was taken away.
    pub(crate) fn end(&self) -> Option<P> {
        self.processor.lock().expect(NO_PANIC).take()
    }

    /// The monitor: takes the processor if no call began since the round before. `seen` is what it remembers of that.
    pub(crate) fn take_of_long_call(&self, seen: &mut u32) -> Option<P> {
        let begun = self.begun.load(Ordering::Relaxed);
        if begun != *seen {
            *seen = begun;
            return None;
        }
        self.processor.lock().expect(NO_PANIC).take()
    }

    /// Whether a processor is here now.
    pub(crate) fn is_taken(&self) -> bool {
        self.processor.lock().expect(NO_PANIC).is_some()
    }
}

/// Threads whose section ended and that wait for a processor, the longest waiting first.
#[derive(Debug)]
pub(crate) struct Returning<T> {
    threads: Mutex<VecDeque<T>>,
    /// Their number, for a look without the lock.
    count: AtomicU32,
}

impl<T> Returning<T> {
    pub(crate) fn new() -> Self {
        Self { threads: Mutex::new(VecDeque::new()), count: AtomicU32::new(0) }
    }

    /// A look only. Behind a fence of the caller's it sees what came before another's.
    pub(crate) fn waits(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn push(&self, thread: T) {
        let mut threads = self.threads.lock().expect(NO_PANIC);
        threads.push_back(thread);
        self.publish(&threads);
    }

    pub(crate) fn take(&self) -> Option<T> {
        if !self.waits() {
            return None;
        }
        let mut threads = self.threads.lock().expect(NO_PANIC);
        let thread = threads.pop_front();
        self.publish(&threads);
        thread
    }

    fn publish(&self, threads: &VecDeque<T>) {
        self.count.store(u32::try_from(threads.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}
