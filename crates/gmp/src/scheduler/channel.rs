//! A bounded channel between tasks, as Go's buffered ones: many senders, many receivers, closed by the last of a side.
//!
//! Whoever cannot go on waits in a row behind the channel's lock, and looks again when woken. Its place is its own: a second
//! poll does not make a second place, and who goes away leaves it, or passes on the wake-up it has not used. So each
//! value, and each room for one, wakes somebody who waits for it.

use super::core::NO_PANIC;
use crate::sync::{Arc, Mutex};
use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    task::{Context, Poll, Waker},
};

struct Inner<T> {
    values: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
    closed: bool,
    senders_row: Row,
    receivers_row: Row,
}

/// Who waits, in order. Numbers rise, and never come again.
#[derive(Default)]
struct Row {
    wakers: VecDeque<(u64, Waker)>,
    last: u64,
}

impl Row {
    /// Waits on in its place, or at the end of the row.
    fn wait(&mut self, place: &mut Option<u64>, context: &Context<'_>) {
        if let Some(at) = place.and_then(|place| self.find(place)) {
            self.wakers[at].1.clone_from(context.waker());
            return;
        }
        self.last += 1;
        *place = Some(self.last);
        self.wakers.push_back((self.last, context.waker().clone()));
    }

    /// Waits no more; `false` where it was woken before.
    fn leave(&mut self, place: u64) -> bool {
        self.find(place).and_then(|at| self.wakers.remove(at)).is_some()
    }

    fn find(&self, place: u64) -> Option<usize> {
        self.wakers.binary_search_by_key(&place, |&(place, _)| place).ok()
    }

    fn first(&mut self) -> Option<Waker> {
        self.wakers.pop_front().map(|(_, waker)| waker)
    }
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
        senders_row: Row::default(),
        receivers_row: Row::default(),
    };
    let shared = Arc::new(Shared(Mutex::new(inner)));
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Inner<T> {
    fn try_send(&mut self, value: &mut Option<T>) -> Poll<(Result<(), ()>, Option<Waker>)> {
        if self.closed || self.receivers == 0 {
            return Poll::Ready((Err(()), None));
        }
        if self.values.len() >= self.capacity {
            return Poll::Pending;
        }
        self.values.extend(value.take());
        Poll::Ready((Ok(()), self.receivers_row.first()))
    }

    fn try_receive(&mut self) -> Poll<(Option<T>, Option<Waker>)> {
        if let Some(value) = self.values.pop_front() {
            return Poll::Ready((Some(value), self.senders_row.first()));
        }
        if self.closed || self.senders == 0 {
            return Poll::Ready((None, None));
        }
        Poll::Pending
    }

    fn row(&mut self, side: Side) -> &mut Row {
        match side {
            Side::Sends => &mut self.senders_row,
            Side::Receives => &mut self.receivers_row,
        }
    }

    fn everyone(&mut self) -> Vec<Waker> {
        let rows = [&mut self.senders_row, &mut self.receivers_row];
        rows.into_iter().flat_map(|row| std::mem::take(&mut row.wakers)).map(|(_, waker)| waker).collect()
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

#[derive(Clone, Copy)]
enum Side {
    Sends,
    Receives,
}

/// A future's place in its row.
struct Place<'a, T> {
    shared: &'a Shared<T>,
    side: Side,
    number: Option<u64>,
}

impl<T> Place<'_, T> {
    /// Tries, and waits where that cannot be yet.
    fn poll<R>(
        &mut self,
        context: &Context<'_>,
        try_it: impl FnOnce(&mut Inner<T>) -> Poll<(R, Option<Waker>)>,
    ) -> Poll<R> {
        let mut inner = self.shared.0.lock().expect(NO_PANIC);
        let tried = try_it(&mut inner);
        let row = inner.row(self.side);
        let Poll::Ready((result, waker)) = tried else {
            row.wait(&mut self.number, context);
            return Poll::Pending;
        };
        if let Some(place) = self.number.take() {
            row.leave(place);
        }
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Ready(result)
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        let Some(place) = self.number.take() else { return };
        let side = self.side;
        self.shared.change(|inner| {
            let room = inner.values.len() < inner.capacity;
            let can_go_on = match side {
                Side::Sends => room,
                Side::Receives => !inner.values.is_empty(),
            };
            let row = inner.row(side);
            // It was woken and has not gone on: another may.
            let passes_on = !row.leave(place) && can_go_on;
            passes_on.then(|| row.first()).flatten().into_iter().collect()
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
        let mut place = Place { shared: &self.0, side: Side::Sends, number: None };
        poll_fn(move |context| {
            let sent = place.poll(context, |inner| inner.try_send(&mut value));
            sent.map(|sent| sent.map_err(|()| Closed(value.take().expect("not sent"))))
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
        let mut place = Place { shared: &self.0, side: Side::Receives, number: None };
        poll_fn(move |context| place.poll(context, Inner::try_receive))
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
