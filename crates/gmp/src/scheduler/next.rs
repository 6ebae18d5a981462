//! The slot before a processor's queue: the task that was woken or spawned last runs next.
//!
//! The processor's thread puts and takes; a thief takes too, so both are swaps: `AcqRel`, because whoever has the task
//! must see what was done with it before it was put here.

use super::slots::NONE;
use crate::sync::{AtomicU32, Ordering};

#[derive(Debug)]
pub(crate) struct Next(AtomicU32);

impl Next {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(NONE))
    }

    /// A look only: it may be gone at once.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == NONE
    }

    /// Puts a task here; the one that was, which the caller has now.
    #[inline]
    pub(crate) fn put(&self, task: u32) -> Option<u32> {
        let before = self.0.swap(task, Ordering::AcqRel);
        (before != NONE).then_some(before)
    }

    /// Takes what is here.
    #[inline]
    pub(crate) fn take(&self) -> Option<u32> {
        let task = self.0.swap(NONE, Ordering::AcqRel);
        (task != NONE).then_some(task)
    }
}
