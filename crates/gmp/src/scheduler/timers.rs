//! Tasks that wait for a time. The monitor fires them; a heap behind a lock is enough for experiments.

use super::{current, join::catch};
use crate::sync::{Condvar, Instant, Mutex};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

struct Timer {
    due: Instant,
    waker: Waker,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Timer {}
impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

#[derive(Default)]
struct Heap {
    timers: BinaryHeap<Reverse<Timer>>,
    closed: bool,
    /// Rounds that calls have asked for.
    #[cfg(shuttle)]
    rounds: u32,
}

/// The timers of a scheduler, and the bed of its monitor.
#[derive(Default)]
pub(crate) struct Timers {
    heap: Mutex<Heap>,
    changed: Condvar,
}

const NO_PANIC: &str = "no thread panics while it holds the timers";

impl Timers {
    fn add(&self, timer: Timer) {
        let mut heap = self.heap.lock().expect(NO_PANIC);
        let first = heap.timers.peek().is_none_or(|Reverse(first)| timer.due < first.due);
        heap.timers.push(Reverse(timer));
        if first {
            self.changed.notify_one();
        }
    }

    /// Wakes all that are due.
    pub(crate) fn fire(&self) {
        let mut due = Vec::new();
        let mut heap = self.heap.lock().expect(NO_PANIC);
        let now = Instant::now();
        while heap.timers.peek().is_some_and(|Reverse(timer)| timer.due <= now) {
            due.extend(heap.timers.pop().map(|Reverse(timer)| timer.waker));
        }
        drop(heap);
        // Wakers may be of others' making.
        due.into_iter().for_each(|waker| drop(catch(|| waker.wake())));
    }

    /// Sleeps for `most`, or until the first timer is due, or until [`Timers::close`]; `false` once closed.
    #[cfg(not(shuttle))]
    pub(crate) fn sleep(&self, most: Duration) -> bool {
        let end = after(most);
        let mut heap = self.heap.lock().expect(NO_PANIC);
        loop {
            let due = heap.timers.peek().map_or(end, |Reverse(timer)| timer.due.min(end));
            let left = due.saturating_duration_since(Instant::now());
            if heap.closed || left.is_zero() {
                return !heap.closed;
            }
            heap = self.changed.wait_timeout(heap, left).expect(NO_PANIC).0;
        }
    }

    /// Sleeps until a timer or a call waits for the time to pass, which it then does. A monitor that went round for ever
    /// would wake who was forgotten, and no deadlock would be seen.
    #[cfg(shuttle)]
    pub(crate) fn sleep(&self, _: Duration) -> bool {
        let mut heap = self.heap.lock().expect(NO_PANIC);
        while !heap.closed {
            if let Some(Reverse(first)) = heap.timers.peek() {
                first.due.arrive();
                return true;
            }
            if heap.rounds > 0 {
                heap.rounds -= 1;
                return true;
            }
            heap = self.changed.wait(heap).expect(NO_PANIC);
        }
        false
    }

    /// A call began: the monitor comes by twice, and may take its processor the second time.
    #[cfg(shuttle)]
    pub(crate) fn ask_for_rounds(&self) {
        self.heap.lock().expect(NO_PANIC).rounds = 2;
        self.changed.notify_one();
    }

    /// The monitor's end.
    pub(crate) fn close(&self) {
        self.heap.lock().expect(NO_PANIC).closed = true;
        self.changed.notify_all();
    }
}

/// In a century where it is later than the clock can say.
fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 86_400))
}

/// Ends not before `duration` has passed.
///
/// # Panics
/// When polled outside of a scheduler's task.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { due: after(duration), waiting: false }
}

/// What [`sleep`] returns.
#[derive(Debug)]
pub struct Sleep {
    due: Instant,
    waiting: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        // A second poll before the time comes from elsewhere, perhaps with another waker: it gets a timer too.
        let timer = Timer { due: self.due, waker: context.waker().clone() };
        current::with(|current| current.core.timers.add(timer)).expect("sleep is awaited in a task of the scheduler");
        self.waiting = true;
        Poll::Pending
    }
}
