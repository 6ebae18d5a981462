//! A task's state: wakers against polls. No wake-up is lost, the task is never in a queue twice, never polled by two, and
//! what a waker wrote is seen by a poll that follows.

use super::check;
use crate::scheduler::state::{After, State};
use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
};

struct Task {
    state: State,
    /// How often it is queued, and whether it has ended.
    queue: Mutex<(u32, bool)>,
    changed: Condvar,
    /// What wakers write before they wake.
    written: Vec<AtomicU32>,
    is_polled: AtomicBool,
    /// The future: written by each poll, without an ordering of its own.
    body: AtomicU32,
    polls: AtomicU32,
}

impl Task {
    fn new(wakers: usize) -> Self {
        let task = Self {
            state: State::new(),
            queue: Mutex::new((0, false)),
            changed: Condvar::new(),
            written: (0..wakers).map(|_| AtomicU32::new(0)).collect(),
            is_polled: AtomicBool::new(false),
            body: AtomicU32::new(0),
            polls: AtomicU32::new(0),
        };
        task.state.make();
        task.state.start();
        task.queue();
        task
    }

    fn queue(&self) {
        let mut queue = self.queue.lock().expect("no panic");
        queue.0 += 1;
        assert_eq!(queue.0, 1, "queued twice");
        self.changed.notify_one();
    }

    fn wake(&self, waker: usize) {
        self.written[waker].store(1, Relaxed);
        if self.state.wake() {
            self.queue();
        }
    }

    /// Sleeps until it is queued (`true`) or has ended.
    fn take(&self) -> bool {
        let mut queue = self.queue.lock().expect("no panic");
        while *queue == (0, false) {
            queue = self.changed.wait(queue).expect("no panic");
        }
        queue.0 = 0;
        !queue.1
    }

    /// A thread of the scheduler: polls until all wakers have come; the first `yields` polls yield.
    fn serve(&self, yields: u32, calls: bool) {
        while self.take() {
            self.state.begin();
            assert!(!self.is_polled.swap(true, Relaxed), "polled by two");
            let polls = self.polls.fetch_add(1, Relaxed);
            assert_eq!(self.body.load(Relaxed), polls, "the future as an earlier poll left it");
            self.body.store(polls + 1, Relaxed);
            let all = self.written.iter().all(|word| word.load(Relaxed) == 1);
            if calls {
                self.state.set_in_call(true);
                self.state.set_in_call(false);
            }
            self.is_polled.store(false, Relaxed);
            if all {
                self.state.finish();
                self.queue.lock().expect("no panic").1 = true;
                self.changed.notify_all();
                return;
            }
            // A task that yielded stays as it is, and is queued by the thread.
            if polls < yields || self.state.end_pending() == After::Again {
                self.queue();
            }
        }
    }
}

fn check_task(wakers: usize, servers: usize, yields: u32, calls: bool, preemptions: usize) {
    check(preemptions, move || {
        let task = Arc::new(Task::new(wakers));
        let mut threads = Vec::new();
        for waker in 0..wakers {
            let task = Arc::clone(&task);
            threads.push(thread::spawn(move || task.wake(waker)));
        }
        for _ in 1..servers {
            let task = Arc::clone(&task);
            threads.push(thread::spawn(move || task.serve(yields, calls)));
        }
        task.serve(yields, calls);
        threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
        assert!(!task.state.wake(), "an ended task is not queued");
    });
}

#[test]
fn loom_wakers_against_polls() {
    check_task(1, 1, 0, false, 4);
    check_task(2, 1, 0, false, 2);
    check_task(1, 2, 0, false, 2);
    check_task(2, 2, 0, false, 1);
}

#[test]
fn loom_wakers_against_yields() {
    check_task(1, 1, 2, false, 4);
    check_task(2, 1, 1, false, 2);
    check_task(1, 2, 1, false, 2);
}

#[test]
fn loom_wakers_against_calls() {
    check_task(1, 1, 0, true, 3);
    check_task(2, 1, 0, true, 1);
    check_task(1, 1, 1, true, 3);
}
