//! A queue for all processors, or for those of a node: first in, first out, behind a lock.

use crate::sync::{AtomicU32, Mutex, Ordering};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Global {
    tasks: Mutex<VecDeque<u32>>,
    /// Their number, for a look without the lock.
    len: AtomicU32,
}

const NO_PANIC: &str = "no thread panics while it holds a global queue";

impl Global {
    pub(crate) fn new() -> Self {
        Self { tasks: Mutex::new(VecDeque::new()), len: AtomicU32::new(0) }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn push_all(&self, new: impl IntoIterator<Item = u32>) {
        let mut tasks = self.tasks.lock().expect(NO_PANIC);
        tasks.extend(new);
        self.publish(&tasks);
    }

    /// Takes one task for the caller and up to `more` that `keep` accepts, in order.
    pub(crate) fn pop(&self, more: u32, mut keep: impl FnMut(u32)) -> Option<u32> {
        // What was queued before a fence of the caller's is seen here: no lock for an empty queue.
        if self.len() == 0 {
            return None;
        }
        let mut tasks = self.tasks.lock().expect(NO_PANIC);
        let first = tasks.pop_front()?;
        let more = tasks.len().min(more as usize);
        tasks.drain(..more).for_each(&mut keep);
        self.publish(&tasks);
        Some(first)
    }

    fn publish(&self, tasks: &VecDeque<u32>) {
        self.len.store(u32::try_from(tasks.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}
