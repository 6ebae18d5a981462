//! The one place of the scheduler where safe code costs too much: a task's future, without a lock.
//!
//! Who may touch it follows from the task's number being in one queue at most (`state`): the maker until it queues the
//! number, then whoever took the number from a queue until it queues it again or marks the task as waiting, and the
//! scheduler's last thread when no other is left. A lock, though never contended, costs two read-modify-writes a poll, where
//! a yield has at most one without it; README.md has what was measured.

#![expect(unsafe_code, reason = "measured: README.md")]

use std::{cell::UnsafeCell, future::Future, pin::Pin};

/// A task's future.
pub(crate) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct BodyCell(UnsafeCell<Option<Body>>);

// SAFETY:
// - a `Body` is `Send`, so threads may hand it on;
// - they never have it at the same time: the callers of `get` promise it.
unsafe impl Sync for BodyCell {}

impl BodyCell {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// The task's future; `None` where it has ended or none was made.
    ///
    /// # Safety
    /// The caller has the task: it made it and has not queued it, or took its number from a queue and has neither queued
    /// it again nor ended its poll, or no thread of the scheduler is left and no task can be made. Each of these comes after what the one before
    /// did, by the queue's or the state's Release and Acquire, or by the thread's end.
    #[expect(clippy::mut_from_ref, reason = "what the caller promises makes it the only one")]
    pub(crate) unsafe fn get(&self) -> &mut Option<Body> {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.0.get() }
    }
}
