//! What becomes of a task: its result, for whoever awaits it.

use super::core::NO_PANIC;
use super::slots::Body;
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
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
struct Promise<T>(Option<Shared<T>>);

impl<T> Promise<T> {
    fn keep(mut self, result: Result<T, Ended>) {
        self.settle(result);
    }

    fn settle(&mut self, result: Result<T, Ended>) {
        let Some(shared) = self.0.take() else { return };
        let before = std::mem::replace(&mut *shared.lock().expect(NO_PANIC), State::Done(result));
        if let State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.settle(Err(Ended::Dropped));
    }
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
        let result = {
            let mut future = pin!(future);
            poll_fn(|context| {
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
                match polled {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
                    Err(panic) => Poll::Ready(Err(panic)),
                }
            })
            .await
        };
        match result {
            Ok(value) => promise.keep(Ok(value)),
            Err(panic) => {
                promise.keep(Err(Ended::Panicked(words_of(panic.as_ref()))));
                // The thread counts it.
                std::panic::resume_unwind(panic);
            }
        }
    };
    (Box::pin(body), JoinHandle(shared))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_string());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "not in words".into())
}
