//! Subject `tokio`: its scheduler of several threads, as many as the point has workers. Thread p, in the order in which they
//! start, is bound where worker p's place says. tokio knows no node and cannot be stopped. Its channels have one receiver, so
//! those of crate async-channel are used.

use super::runtime::{Binder, Runtime, joined, processors};
use crate::sample::Job;
use crate::trace::Beside;
use host::Granted;
use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Of the crate; a test holds it against Cargo.lock.
pub(super) const VERSION: &str = "tokio 1.54.1";

/// tokio.
pub(crate) struct Tokio {
    runtime: ::tokio::runtime::Runtime,
    binder: Binder,
}

impl Runtime for Tokio {
    type Sender<T: Send + 'static> = async_channel::Sender<T>;
    type Receiver<T: Send + 'static> = async_channel::Receiver<T>;

    fn start(granted: &Granted, job: &Job) -> Result<Tokio, String> {
        let binder = Binder::new(granted, job);
        let binds = binder.clone();
        let runtime = ::tokio::runtime::Builder::new_multi_thread()
            .worker_threads(processors(job)?.get())
            .on_thread_start(move || binds.bind_next())
            .enable_time()
            .build()
            .map_err(|cause| format!("tokio: {cause}"))?;
        binder.wait();
        Ok(Tokio { runtime, binder })
    }

    fn run<F>(&self, first: F) -> Result<F::Output, String>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // This thread is none of the workers: it only waits.
        self.runtime.block_on(joined(self.runtime.spawn(first)))
    }

    fn spawn_for<F>(&self, _: usize, future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        joined(self.runtime.spawn(future))
    }

    fn end(self, _: &Job, _: &Beside) -> Result<Vec<String>, String> {
        drop(self.runtime);
        self.binder.check().map(|()| Vec::new())
    }

    fn spawn<F>(future: F) -> impl Future<Output = Result<F::Output, String>> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        joined(::tokio::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        ::tokio::task::yield_now()
    }

    fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
        ::tokio::time::sleep(time)
    }

    fn blocking<T>(call: impl FnOnce() -> T) -> T {
        ::tokio::task::block_in_place(call)
    }

    fn channel<T: Send + 'static>(room: NonZeroUsize) -> (Self::Sender<T>, Self::Receiver<T>) {
        async_channel::bounded(room.get())
    }
}
