//! A thread that sleeps until somebody gives it a processor.

use super::local::Local;
use std::{
    sync::Mutex,
    thread::{self, Thread},
};

/// What a sleeping thread is given.
pub(crate) enum Given {
    Processor(Box<Local>),
    /// The scheduler closes.
    Nothing,
}

pub(crate) struct Parker {
    given: Mutex<Option<Given>>,
    thread: Thread,
}

const NO_PANIC: &str = "no thread panics while it holds a parker";

impl Parker {
    /// Of the calling thread.
    pub(crate) fn new() -> Self {
        Self { given: Mutex::new(None), thread: thread::current() }
    }

    pub(crate) fn give(&self, given: Given) {
        *self.given.lock().expect(NO_PANIC) = Some(given);
        self.thread.unpark();
    }

    /// Sleeps until something is given. std parks by futex on Linux.
    pub(crate) fn sleep(&self) -> Given {
        loop {
            if let Some(given) = self.given.lock().expect(NO_PANIC).take() {
                return given;
            }
            thread::park();
        }
    }
}
