//! A hang is a failure.

use std::{sync::mpsc, thread, time::Duration};

const MOST: Duration = Duration::from_secs(100);

/// Runs `test` on a thread of its own, so that a hang is a failure.
pub(crate) fn within<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (to, from) = mpsc::channel();
    let thread = thread::spawn(move || to.send(test()));
    match from.recv_timeout(MOST) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().expect_err("it panicked")),
    }
}
