//! What a thread of a scheduler knows of itself: the scheduler, the processor it has, the task it polls.

use super::core::Core;
use super::join::catch;
use super::local::{Given, Local};
use super::parker::Parker;
use super::slots::NONE;
use crate::sync::{Arc, thread_local};
use std::{
    cell::{Cell, OnceCell, RefCell},
    task::Waker,
};

/// Takes the words of a panic.
type Tell = Box<dyn FnOnce(String)>;

pub(crate) struct Current {
    pub(crate) core: Arc<Core>,
    pub(crate) parker: Arc<Parker<Given>>,
    /// The thread's processor, while it polls a task; not there in blocking sections.
    pub(crate) local: RefCell<Option<Box<Local>>>,
    /// Its own number, as threads were started.
    pub(crate) number: u32,
    /// Number of the processor this thread had last.
    pub(crate) had: Cell<usize>,
    /// The task being polled.
    pub(crate) task: Cell<u32>,
    /// Its waker, to be compared.
    pub(crate) waker: Cell<*const Waker>,
    /// Whether this task yielded in this poll.
    pub(crate) yielded: Cell<bool>,
    /// Who wants to know with which words its poll panicked.
    pub(crate) on_panic: Cell<Option<Tell>>,
}

impl Current {
    /// The thread got a processor: it binds itself to its place, and comes back into the world.
    pub(crate) fn take(&self, local: &mut Local) {
        if self.had.replace(local.number) != local.number {
            // A panic of the hook's is printed, and must not cost the processor.
            let _ = catch(|| (self.core.on_processor)(local.number));
        }
        if let Some(trace) = &mut local.trace {
            trace.taken(self.number);
        }
        local.wake();
    }
}

thread_local! {
    static CURRENT: OnceCell<Current> = const { OnceCell::new() };
}

/// Makes this thread one of the scheduler's, for all its life.
pub(crate) fn enter(core: Arc<Core>, parker: Arc<Parker<Given>>, number: u32) {
    let current = Current {
        core,
        parker,
        number,
        local: RefCell::new(None),
        had: Cell::new(usize::MAX),
        task: Cell::new(NONE),
        waker: Cell::new(std::ptr::null()),
        yielded: Cell::new(false),
        on_panic: Cell::new(None),
    };
    let first = CURRENT.with(|cell| cell.set(current).is_ok());
    assert!(first, "a thread serves one scheduler");
}

/// `None` on a thread of no scheduler, and while the thread ends.
#[inline]
pub(crate) fn with<R>(what: impl FnOnce(&Current) -> R) -> Option<R> {
    CURRENT.try_with(|cell| cell.get().map(what)).ok().flatten()
}

/// The processor of this thread, if it belongs to `core` and is here.
#[inline]
pub(crate) fn with_local<R>(core: &Core, what: impl FnOnce(&mut Local) -> R) -> Option<R> {
    with(|current| {
        if !std::ptr::eq(Arc::as_ptr(&current.core), core) {
            return None;
        }
        current.local.borrow_mut().as_deref_mut().map(what)
    })
    .flatten()
}
