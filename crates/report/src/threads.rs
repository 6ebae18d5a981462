//! The threads that a folder is read and summed with, and what is done where none can be started.

use rayon::ThreadPoolBuilder;

/// Runs `work` with as many threads as there are PUs; on the caller's alone where the system gives no more (EAGAIN).
///
/// The pool that rayon starts by itself would panic there.
pub(crate) fn with_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    match ThreadPoolBuilder::new().build() {
        Ok(pool) => pool.install(work),
        Err(_) => {
            // Once there it stays, and the next call finds it above.
            let _ = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
            work()
        }
    }
}
