//! A scheduler's end: its threads are asked to leave and joined, then the tasks that are left are dropped.

use super::core::{Core, NO_PANIC};
use super::local::Given;
use super::{Scheduler, current, join};
use crate::sync::{
    Arc, Ordering,
    thread::{self, JoinHandle},
};

impl Drop for Scheduler {
    /// Waits for polls and blocking sections that are under way, then drops the tasks that are left. In a task of its own
    /// it does not wait: a thread of its own ends it when that task has ended its poll.
    fn drop(&mut self) {
        let core = Arc::clone(&self.handle.0);
        ask_to_leave(&core);
        let monitor = self.monitor.take();
        let here = current::with(|current| Arc::ptr_eq(&current.core, &core));
        if here == Some(true) {
            // Without a thread the tasks that are left stay.
            let _ = thread::Builder::new().name("gmp-close".into()).spawn(move || finish(&core, monitor));
        } else {
            finish(&core, monitor);
        }
    }
}

fn ask_to_leave(core: &Core) {
    *core.open.lock().expect(NO_PANIC) = false;
    core.closing.store(true, Ordering::SeqCst);
    core.bell.ring();
    core.timers.close();
    for thread in core.idle.close() {
        thread.give(Given::Nothing);
    }
}

fn finish(core: &Core, monitor: Option<JoinHandle<()>>) {
    if let Some(monitor) = monitor {
        monitor.join().expect("the monitor catches what code of others does");
    }
    loop {
        // A thread may have started another.
        let handles = std::mem::take(&mut *core.handles.lock().expect(NO_PANIC));
        if handles.is_empty() {
            break;
        }
        for handle in handles {
            handle.join().expect("a thread of the scheduler catches what code of others does");
        }
    }
    for (_, slot) in core.slots.iter() {
        // SAFETY: no thread of the scheduler is left, and each was joined; none is started and no task is made any more.
        #[expect(unsafe_code, reason = "the promise of body.rs")]
        let body = unsafe { slot.body.get() }.take();
        slot.state.finish();
        join::abandon(body);
    }
}
