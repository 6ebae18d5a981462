//! A task's future under watch: polled by one thread at a time, not after it has ended, dropped once.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

/// How many futures were made, ended and dropped. std's own words, which no checker of interleavings sees.
#[derive(Debug, Default)]
pub(crate) struct Book {
    made: AtomicUsize,
    ended: AtomicUsize,
    dropped: AtomicUsize,
}

impl Book {
    pub(crate) fn watch<F: Future>(self: &Arc<Self>, future: F) -> Watched<F> {
        self.made.fetch_add(1, Ordering::SeqCst);
        Watched { future: Box::pin(future), state: AtomicUsize::new(WAITS), book: Arc::clone(self) }
    }

    /// Made, ended by themselves, dropped.
    #[cfg(shuttle)]
    pub(crate) fn counts(&self) -> [usize; 3] {
        [&self.made, &self.ended, &self.dropped].map(|count| count.load(Ordering::SeqCst))
    }
}

const WAITS: usize = 0;
const IS_POLLED: usize = 1;
const ENDED: usize = 2;

pub(crate) struct Watched<F> {
    future: Pin<Box<F>>,
    state: AtomicUsize,
    book: Arc<Book>,
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = self.state.swap(IS_POLLED, Ordering::SeqCst);
        assert_eq!(before, WAITS, "polled by two threads (1), or after its end (2)");
        let polled = self.future.as_mut().poll(context);
        let after = if polled.is_ready() { ENDED } else { WAITS };
        self.state.store(after, Ordering::SeqCst);
        self.book.ended.fetch_add(usize::from(polled.is_ready()), Ordering::SeqCst);
        polled
    }
}

impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        self.book.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
