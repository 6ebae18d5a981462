//! A bounded channel between tasks, as Go's buffered ones: many senders, many receivers, closed by the last of a side.
//!
//! Whoever cannot go on leaves its waker in a queue behind the channel's lock, and looks again when woken.

use super::core::NO_PANIC;
use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

struct Inner<T> {
    values: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
    closed: bool,
    waiting_senders: VecDeque<Waker>,
    waiting_receivers: VecDeque<Waker>,
}

struct Shared<T>(Mutex<Inner<T>>);

/// What is sent through a closed channel comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

/// Puts values in; clones are further senders.
pub struct Sender<T>(Arc<Shared<T>>);

/// Takes values out; clones are further receivers.
pub struct Receiver<T>(Arc<Shared<T>>);

/// A channel that holds at most `capacity` values.
pub fn channel<T>(capacity: NonZeroUsize) -> (Sender<T>, Receiver<T>) {
    let inner = Inner {
        values: VecDeque::with_capacity(capacity.get().min(1024)),
        capacity: capacity.get(),
        senders: 1,
        receivers: 1,
        closed: false,
        waiting_senders: VecDeque::new(),
        waiting_receivers: VecDeque::new(),
    };
    let shared = Arc::new(Shared(Mutex::new(inner)));
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// Remembers who waits, once for each task.
fn wait(waiting: &mut VecDeque<Waker>, context: &Context<'_>) {
    if !waiting.back().is_some_and(|last| last.will_wake(context.waker())) {
        waiting.push_back(context.waker().clone());
    }
}

impl<T> Inner<T> {
    fn try_send(&mut self, value: &mut Option<T>, context: &Context<'_>) -> Poll<(Result<(), ()>, Option<Waker>)> {
        if self.closed || self.receivers == 0 {
            return Poll::Ready((Err(()), None));
        }
        if self.values.len() >= self.capacity {
            wait(&mut self.waiting_senders, context);
            return Poll::Pending;
        }
        self.values.extend(value.take());
        Poll::Ready((Ok(()), self.waiting_receivers.pop_front()))
    }

    fn try_receive(&mut self, context: &Context<'_>) -> Poll<(Option<T>, Option<Waker>)> {
        if let Some(value) = self.values.pop_front() {
            return Poll::Ready((Some(value), self.waiting_senders.pop_front()));
        }
        if self.closed || self.senders == 0 {
            return Poll::Ready((None, None));
        }
        wait(&mut self.waiting_receivers, context);
        Poll::Pending
    }

    fn everyone(&mut self) -> Vec<Waker> {
        self.waiting_senders.drain(..).chain(self.waiting_receivers.drain(..)).collect()
    }
}

impl<T> Shared<T> {
    /// What `what` does behind the lock; those it returns are woken outside of it.
    fn change(&self, what: impl FnOnce(&mut Inner<T>) -> Vec<Waker>) {
        let wakers = what(&mut self.0.lock().expect(NO_PANIC));
        wakers.into_iter().for_each(Waker::wake);
    }

    fn close(&self) {
        self.change(|inner| {
            inner.closed = true;
            inner.everyone()
        });
    }
}

impl<T> Sender<T> {
    /// Waits for room.
    ///
    /// # Errors
    /// The value, where the channel is closed or nobody can receive it.
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), Closed<T>>> + '_ {
        let mut value = Some(value);
        poll_fn(move |context| {
            let tried = self.0.0.lock().expect(NO_PANIC).try_send(&mut value, context);
            let Poll::Ready((sent, waker)) = tried else { return Poll::Pending };
            if let Some(waker) = waker {
                waker.wake();
            }
            Poll::Ready(sent.map_err(|()| Closed(value.take().expect("not sent"))))
        })
    }

    /// Nothing is sent any more: receivers take what is left, then find the end.
    pub fn close(&self) {
        self.0.close();
    }
}

impl<T> Receiver<T> {
    /// Waits for a value; `None` once the channel is closed, or all senders are gone, and nothing is left.
    pub fn receive(&self) -> impl Future<Output = Option<T>> + '_ {
        poll_fn(move |context| {
            let tried = self.0.0.lock().expect(NO_PANIC).try_receive(context);
            let Poll::Ready((value, waker)) = tried else { return Poll::Pending };
            if let Some(waker) = waker {
                waker.wake();
            }
            Poll::Ready(value)
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.0.lock().expect(NO_PANIC).senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.0.lock().expect(NO_PANIC).receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.change(|inner| {
            inner.senders -= 1;
            if inner.senders == 0 { inner.everyone() } else { Vec::new() }
        });
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.change(|inner| {
            inner.receivers -= 1;
            if inner.receivers == 0 { inner.everyone() } else { Vec::new() }
        });
    }
}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Sender")
    }
}

impl<T> std::fmt::Debug for Receiver<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Receiver")
    }
}
