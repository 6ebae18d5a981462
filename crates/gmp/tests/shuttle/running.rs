//! What the programs of `directed` are made of.

use super::{check, program::Book};
use gmp::scheduler::{Count, Ended, Handle, JoinHandle, Scheduler, Switches};
use shuttle::sync::{Arc, Condvar, Mutex};
use std::{
    future::Future,
    task::{Poll, Waker},
};

/// Random schedules of each program, and as many of PCT's.
pub(crate) const SCHEDULES: usize = 2000;

pub(crate) fn on_two_and_three(name: &str, program: fn(usize)) {
    for processors in [2, 3] {
        check(&format!("{name} on {processors}"), SCHEDULES, Arc::new(move || program(processors)));
    }
}

/// A scheduler and the book of its tasks.
pub(crate) struct Running {
    pub(crate) scheduler: Scheduler,
    pub(crate) book: std::sync::Arc<Book>,
}

impl Running {
    pub(crate) fn new(switches: Switches) -> Self {
        Self { scheduler: Scheduler::new(switches).expect("switches that can be"), book: std::sync::Arc::default() }
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.scheduler.handle()
    }

    /// Runs it as a task that must end well.
    pub(crate) fn block_on<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.scheduler.block_on(self.book.watch(future)).expect("it ends well")
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle().spawn(self.book.watch(future))
    }

    /// Ends it. So many tasks have been made by now, and all but those that panicked have ended by themselves.
    pub(crate) fn end(self, tasks: usize, panics: usize) {
        let handle = self.handle().clone();
        drop(self.scheduler);
        assert_eq!(self.book.counts(), [tasks, tasks - panics, tasks], "made, ended, dropped");
        let counts = handle.counts();
        let seen = [Count::Spawned, Count::Finished, Count::Panicked].map(|count| counts.get(count));
        assert_eq!(seen, [tasks, tasks, panics].map(|count| count as u64), "{counts:?}");
        let from = [Count::FromNext, Count::FromLocal, Count::FromGlobal, Count::FromStolen];
        assert_eq!(counts.get(Count::Polls), from.iter().map(|&count| counts.get(count)).sum(), "{counts:?}");
        let queues = handle.queues();
        assert_eq!((queues.local.iter().sum::<usize>(), queues.global), (0, 0));
    }
}

/// Sleeps, as a thread does, until somebody has opened it.
#[derive(Default)]
pub(crate) struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.open.lock().expect("no panic") = true;
        self.opened.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut open = self.open.lock().expect("no panic");
        while !*open {
            open = self.opened.wait(open).expect("no panic");
        }
    }
}

/// Sleeps until all are here.
pub(crate) fn meet(met: &(Mutex<usize>, Condvar), all: usize) {
    let mut here = met.0.lock().expect("no panic");
    *here += 1;
    met.1.notify_all();
    while *here < all {
        here = met.1.wait(here).expect("no panic");
    }
}

/// What became of a task of a scheduler that is gone: it is known.
pub(crate) fn result_of<T>(mut task: JoinHandle<T>) -> Result<T, Ended> {
    match std::pin::Pin::new(&mut task).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nobody tells what became of a task"),
    }
}
