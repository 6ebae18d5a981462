//! Giving the processor to others for one turn.

use super::current;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Ends the task's poll and puts it at the end of the queue that [`super::Switches::yield_to`] names.
pub fn yield_now() -> YieldNow {
    YieldNow(false)
}

/// What [`yield_now`] returns.
#[derive(Debug)]
pub struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        // The thread queues the task itself: a wake-up would do the same at twice the cost. Not where somebody between
        // it and the task has put a waker of his own, who polls only what that has woken.
        let by_thread = current::with(|current| {
            let direct = std::ptr::eq(current.waker.get(), context.waker());
            if direct {
                current.yielded.set(true);
            }
            direct
        });
        if by_thread != Some(true) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
