//! Subject `rayon`: the pool that a program of rayon has, of as many threads as the point has workers, thread p bound where
//! worker p's place says.
//!
//! rayon runs closures to their end: it has no tasks that wait. So each turn of a task is a job of its own, put behind those
//! that its thread has (`spawn_fifo`); crate async-task makes the one of the other. rayon has no timers, and nobody takes
//! over where a thread is blocked: who sleeps or blocks keeps the thread.

use super::runtime::{Binder, Runtime, processors};
use crate::sample::Job;
use crate::trace::Beside;
use async_task::{Runnable, Task};
use host::Granted;
use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

/// Of the crate; a test holds it against Cargo.lock.
pub(super) const VERSION: &str = "rayon 1.12.0";

/// The pool. There is one in a process, and a process is one sample.
pub(crate) struct Rayon {
    binder: Binder,
}

impl Runtime for Rayon {
    type Sender<T: Send + 'static> = async_channel::Sender<T>;
    type Receiver<T: Send + 'static> = async_channel::Receiver<T>;

    fn start(granted: &Granted, job: &Job) -> Result<Rayon, String> {
        let binder = Binder::new(granted, job);
        let binds = binder.clone();
        ::rayon::ThreadPoolBuilder::new()
            .num_threads(processors(job)?.get())
            .start_handler(move |thread| binds.bind(thread))
            .build_global()
            .map_err(|cause| format!("rayon: {cause}"))?;
        binder.wait();
        Ok(Rayon { binder })
    }

    fn run<F>(&self, first: F) -> Result<F::Output, String>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (says, said) = mpsc::channel();
        let task = start(async move {
            // Who has gone away does not want to hear it.
            let _ = says.send(first.await);
        });
        task.detach();
        said.recv().map_err(|_| "rayon: the first task has not ended".into())
    }

    fn spawn_for<F>(&self, _: usize, future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Joined(Some(start(future))).end()
    }

    fn end(self, _: &Job, _: &Beside) -> Result<Vec<String>, String> {
        self.binder.check().map(|()| Vec::new())
    }

    fn spawn<F>(future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        Joined(Some(start(future))).end()
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        let mut yielded = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    async fn sleep(time: Duration) {
        std::thread::sleep(time);
    }

    fn blocking<T>(call: impl FnOnce() -> T) -> T {
        call()
    }

    fn channel<T: Send + 'static>(room: NonZeroUsize) -> (Self::Sender<T>, Self::Receiver<T>) {
        async_channel::bounded(room.get())
    }
}

/// A task, each turn of which is a job: behind those of this thread, or in the pool's queue from outside of it.
fn start<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let job = |runnable: Runnable| {
        ::rayon::spawn_fifo(|| {
            runnable.run();
        });
    };
    let (first, task) = async_task::spawn(future, job);
    first.schedule();
    task
}

/// A task that runs on when nobody waits for it.
struct Joined<T>(Option<Task<T>>);

impl<T> Joined<T> {
    async fn end(mut self) -> Result<T, String> {
        Ok(self.0.as_mut().expect("it is taken only by who is dropped").await)
    }
}

impl<T> Drop for Joined<T> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Task::detach);
    }
}
