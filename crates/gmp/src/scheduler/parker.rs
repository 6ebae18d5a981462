//! A thread that sleeps until somebody gives it something: a processor, or word that the scheduler closes.

use crate::sync::{Bed, Mutex};

#[derive(Debug)]
pub(crate) struct Parker<G> {
    given: Mutex<Option<G>>,
    bed: Bed,
}

const NO_PANIC: &str = "no thread panics while it holds a parker";

impl<G> Parker<G> {
    /// Of the calling thread.
    pub(crate) fn new() -> Self {
        Self { given: Mutex::new(None), bed: Bed::new() }
    }

    /// Stored before the wake-up, which is remembered where the thread does not sleep yet.
    pub(crate) fn give(&self, given: G) {
        *self.given.lock().expect(NO_PANIC) = Some(given);
        self.bed.wake();
    }

    /// Sleeps until something is given.
    pub(crate) fn sleep(&self) -> G {
        loop {
            if let Some(given) = self.given.lock().expect(NO_PANIC).take() {
                return given;
            }
            self.bed.sleep();
        }
    }
}
