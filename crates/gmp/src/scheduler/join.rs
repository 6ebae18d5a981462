//! What becomes of a task: its result, for whoever awaits it.

use super::body::Body;
use super::core::NO_PANIC;
use super::current;
use crate::sync::{Arc, Mutex, thread, thread_local};
use std::{
    any::Any,
    cell::Cell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Why a task has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It panicked: with these words, if they were words.
    Panicked(String),
    /// The scheduler closed before it ended.
    Dropped,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panicked(words) => write!(out, "the task panicked: {words}"),
            Self::Dropped => out.write_str("the scheduler closed before the task ended"),
        }
    }
}

impl std::error::Error for Ended {}

enum State<T> {
    Running(Option<Waker>),
    Done(Result<T, Ended>),
    Taken,
}

type Shared<T> = Arc<Mutex<State<T>>>;

/// A task's result to come; dropping it lets the task run on.
pub struct JoinHandle<T>(Shared<T>);

impl<T> std::fmt::Debug for JoinHandle<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("JoinHandle")
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Ended>;

    /// # Panics
    /// When polled after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock().expect(NO_PANIC);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Poll::Ready(result),
            State::Running(waker) => {
                let same = waker.filter(|waker| waker.will_wake(context.waker()));
                *state = State::Running(Some(same.unwrap_or_else(|| context.waker().clone())));
                Poll::Pending
            }
            State::Taken => panic!("a task's result is taken once"),
        }
    }
}

/// The task's side: what it leaves behind when it is dropped early.
struct Promise<T: Send + 'static>(Option<Shared<T>>);

impl<T: Send + 'static> Promise<T> {
    fn keep(mut self, value: T) {
        self.settle(Ok(value));
    }

    fn settle(&mut self, result: Result<T, Ended>) {
        let Some(shared) = self.0.take() else { return };
        let before = std::mem::replace(&mut *shared.lock().expect(NO_PANIC), State::Done(result));
        if let State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> Drop for Promise<T> {
    fn drop(&mut self) {
        if self.0.is_none() {
            return;
        }
        // A task that is dropped unpolled has not panicked, whatever else does on this thread.
        let own_panic = thread::panicking() && !ABANDONS.with(Cell::get);
        let told = own_panic.then(|| {
            current::with(|current| {
                // The words are with the thread that catches the panic.
                let mut promise = Self(self.0.take());
                current.on_panic.set(Some(Box::new(move |words| promise.settle(Err(Ended::Panicked(words))))));
            })
        });
        if told.flatten().is_none() {
            self.settle(Err(Ended::Dropped));
        }
    }
}

thread_local! {
    /// Whether this thread drops a task that is not being polled.
    static ABANDONS: Cell<bool> = const { Cell::new(false) };
}

/// Drops a task that is polled no more: its handle tells so.
pub(crate) fn abandon(body: Option<Body>) {
    let before = ABANDONS.with(|abandons| abandons.replace(true));
    let _ = catch(|| drop(body));
    ABANDONS.with(|abandons| abandons.set(before));
}

/// Runs code of others; the words of its panic. What it panicked with is dropped here, and where that panics too, leaked.
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let words = words_of(panic.as_ref());
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            std::mem::forget(another);
        }
        words
    })
}

/// A future with its handle.
pub(crate) fn pair<F>(future: F) -> (Body, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let shared = Arc::new(Mutex::new(State::Running(None)));
    let promise = Promise(Some(Arc::clone(&shared)));
    let body = async move {
        let value = future.await;
        promise.keep(value);
    };
    (Box::pin(body), JoinHandle(shared))
}

/// What a panic says.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_string());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "not in words".into())
}
