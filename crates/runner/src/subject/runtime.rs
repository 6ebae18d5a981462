//! What a subject inside this process is to workloads: a runtime that polls futures as tasks, on as many processors as the
//! point has workers. Each workload is written once for all of them (`workload/*/tasks.rs`).
//!
//! A further one: its file here, its arm in [`with_runtime`], its name in `plan::experiment::SUBJECTS`.

use crate::child::bind_worker;
use crate::sample::Job;
use crate::trace::Beside;
use gmp::scheduler::{Counts, Handle};
use host::Granted;
use plan::place::Place;
use plan::set::CpuSet;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A runtime. What has no `self` is called in a task.
pub(crate) trait Runtime: Sized + 'static {
    /// End of a channel into which tasks put values.
    type Sender<T: Send + 'static>: Sends<T>;
    /// End of a channel from which tasks take values, each value one of them.
    type Receiver<T: Send + 'static>: Receives<T>;

    /// Starts its threads.
    fn start(granted: &Granted, job: &Job) -> Result<Self, String>;

    /// Runs a future as a task, and sleeps until it has ended.
    fn run<F>(&self, first: F) -> Result<F::Output, String>
    where
        F: Future<Output: Send> + Send + 'static;

    /// Starts a task from outside, whose heaps lie where this worker sits: its home. What the task itself takes, its slot and
    /// its future, is the caller's.
    fn spawn_for<F>(
        &self,
        worker: usize,
        future: F,
    ) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static;

    /// Ends it, and writes its trace where the job asks for one, with what others saw of it; what could not be written, as notes.
    ///
    /// # Errors
    /// What went wrong with its threads.
    fn end(self, job: &Job, beside: &Beside) -> Result<Vec<String>, String>;

    /// The suite's scheduler, which alone counts what it does and can be stopped.
    fn scheduler(&self) -> Option<&Handle> {
        None
    }

    /// What it counted so far, if it counts.
    fn counts(&self) -> Option<Counts> {
        self.scheduler().map(Handle::counts)
    }

    /// What it counted since.
    fn counts_since(&self, before: Option<Counts>) -> Option<Counts> {
        self.counts().zip(before).map(|(now, before)| now.since(&before))
    }

    /// Starts a task, which runs on whether or not its end is awaited.
    fn spawn<F>(future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static;

    /// Lets other tasks run first.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Waits for a time.
    fn sleep(time: Duration) -> impl Future<Output = ()> + Send;

    /// Calls what blocks the thread.
    fn blocking<T>(call: impl FnOnce() -> T) -> T;

    /// A channel for so many values.
    fn channel<T: Send + 'static>(room: NonZeroUsize) -> (Self::Sender<T>, Self::Receiver<T>);
}

/// The end of a channel that takes values; the channel is closed when the last one is dropped.
pub(crate) trait Sends<T>: Clone + Send + Sync + 'static {
    /// Waits for room; a value that nobody can receive any more is dropped.
    fn send(&self, value: T) -> impl Future<Output = ()> + Send;

    /// Closes it for all: who receives ends when it is empty.
    fn close(&self);
}

/// The end of a channel that gives values.
pub(crate) trait Receives<T>: Clone + Send + Sync + 'static {
    /// The next value; `None` when the channel is closed and empty.
    fn receive(&self) -> impl Future<Output = Option<T>> + Send;
}

impl<T: Send + 'static> Sends<T> for async_channel::Sender<T> {
    async fn send(&self, value: T) {
        let _ = self.send(value).await;
    }

    fn close(&self) {
        self.close();
    }
}

impl<T: Send + 'static> Receives<T> for async_channel::Receiver<T> {
    async fn receive(&self) -> Option<T> {
        self.recv().await.ok()
    }
}

/// Calls `$body` with `$runtime` as the type of the subject, `$other` for one that is no [`Runtime`].
macro_rules! with_runtime {
    ($subject:expr, $runtime:ident => $body:expr, $name:ident => $other:expr) => {
        match $subject {
            plan::experiment::GMP => {
                type $runtime = $crate::subject::gmp::Gmp;
                $body
            }
            plan::experiment::TOKIO => {
                type $runtime = $crate::subject::tokio::Tokio;
                $body
            }
            plan::experiment::RAYON => {
                type $runtime = $crate::subject::rayon::Rayon;
                $body
            }
            $name => $other,
        }
    };
}
pub(crate) use with_runtime;

/// The end of a task as [`Runtime::spawn`] tells it.
pub(crate) async fn joined<T, E: std::fmt::Display>(
    task: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, String> {
    task.await.map_err(|cause| cause.to_string())
}

/// How many processors a job's runtime has.
pub(crate) fn processors(job: &Job) -> Result<NonZeroUsize, String> {
    NonZeroUsize::new(job.point.placement.workers.len()).ok_or_else(|| "a point without workers".into())
}

/// Binds the threads of a runtime, processor p as worker p.
#[derive(Debug, Clone)]
pub(crate) struct Binder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    granted: Granted,
    places: Vec<Place>,
    /// Threads that have begun.
    begun: AtomicUsize,
    /// Those that are bound.
    bound: AtomicUsize,
    wrong: Mutex<Option<String>>,
}

impl Binder {
    pub(crate) fn new(granted: &Granted, job: &Job) -> Binder {
        let places = job.point.placement.workers.clone();
        let (begun, bound, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(None));
        Binder(Arc::new(Shared { granted: granted.clone(), places, begun, bound, wrong }))
    }

    /// The calling thread has processor `number`.
    pub(crate) fn bind(&self, number: usize) {
        self.note(number, bind_worker(&self.0.granted, &self.0.places[number]));
    }

    /// The calling thread is the runtime's next one: the first ones are its processors, those that come later stand in for
    /// any of them, and may run where any may.
    pub(crate) fn bind_next(&self) {
        let Shared { granted, places, begun, .. } = &*self.0;
        let number = begun.fetch_add(1, Ordering::Relaxed);
        if number < places.len() {
            return self.bind(number);
        }
        let sets = places.iter().map(|place| place.cpus.as_ref()).collect::<Option<Vec<_>>>();
        if let Some(all) = sets.map(|sets| sets.into_iter().fold(CpuSet::new(), |all, pus| all.union(pus))) {
            self.note(number, host::bind::bind_thread(granted, &all));
        }
    }

    fn note(&self, number: usize, bound: Result<CpuSet, host::HostError>) {
        if let Err(cause) = bound {
            let mut wrong = self.0.wrong.lock().unwrap_or_else(PoisonError::into_inner);
            wrong.get_or_insert(format!("processor {number}: {cause}"));
        }
        self.0.bound.fetch_add(1, Ordering::Release);
    }

    /// Sleeps until all processors have a thread that is bound.
    pub(crate) fn wait(&self) {
        while self.0.bound.load(Ordering::Acquire) < self.0.places.len() {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// The first failure to bind. Looked at last: a thread may take a processor at any time.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.wrong.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}
