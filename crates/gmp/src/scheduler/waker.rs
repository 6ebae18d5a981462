//! Wakers: a slot's number and the scheduler it belongs to.

use super::core::Core;
use super::current;
use std::{
    sync::{Arc, Weak},
    task::{Wake, Waker},
};

struct TaskWaker {
    /// Weak, since slots keep their wakers.
    core: Weak<Core>,
    task: u32,
}

pub(crate) fn new(core: Weak<Core>, task: u32) -> Waker {
    Waker::from(Arc::new(TaskWaker { core, task }))
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A thread of the same scheduler is the common case, and saves counting references.
        let here = current::with(|current| {
            let same = std::ptr::eq(Arc::as_ptr(&current.core), self.core.as_ptr());
            if same {
                current.core.wake(self.task);
            }
            same
        });
        if here != Some(true)
            && let Some(core) = self.core.upgrade()
        {
            core.wake(self.task);
        }
    }
}
