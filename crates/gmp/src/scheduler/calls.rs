//! Blocking sections: a thread that is about to sleep in the kernel gives its processor to another.
//!
//! [`blocking`] gives it away at once. [`call`] leaves it where the monitor can take it if the call turns out long, and
//! keeps it if not. Both come back with a processor, the same or another, before the task's code runs on: so there are
//! never more threads running tasks than processors. A task's code may move to another processor in a section, never to
//! another thread.

use super::core::Core;
use super::counts::Count;
use super::current::{self, Current};
use super::local::{Given, Local};
use super::parker::Parker;
use super::trace::Did;
use crate::sync::{Arc, Ordering};

/// Runs `section`, which may sleep for long, while another thread serves this processor. Outside of a task it only runs
/// it; inside of another section too.
pub fn blocking<R>(section: impl FnOnce() -> R) -> R {
    let away = take_processor().and_then(|local| give_away(local, Way::AtOnce));
    let result = section();
    drop(away);
    result
}

/// Runs `section`, which is short most often: the processor waits for it, until the monitor takes it.
pub fn call<R>(section: impl FnOnce() -> R) -> R {
    let away = take_processor().and_then(|local| give_away(local, Way::Later));
    let result = section();
    drop(away);
    result
}

/// Runs `section` while the world does not count this processor: what a thread needs that stops the world itself. Nobody
/// else gets the processor meanwhile, as in Go, where who stops the world keeps its P.
pub(crate) fn aside<R>(section: impl FnOnce() -> R) -> R {
    struct Aside(Option<Box<Local>>);
    impl Drop for Aside {
        fn drop(&mut self) {
            if let Some(mut local) = self.0.take() {
                local.wake();
                current::with(|current| *current.local.borrow_mut() = Some(local));
            }
        }
    }
    let mut aside = Aside(take_processor());
    if let Some(local) = &mut aside.0 {
        let task = current::with(|current| current.task.get()).unwrap_or(super::slots::NONE);
        local.rest_after(Did::Called { task });
    }
    section()
}

#[derive(Clone, Copy)]
enum Way {
    AtOnce,
    Later,
}

fn take_processor() -> Option<Box<Local>> {
    current::with(|current| current.local.borrow_mut().take()).flatten()
}

/// The processor is away; dropping this brings one back, also in a panic of the section.
struct Away {
    number: usize,
    way: Way,
}

fn give_away(mut local: Box<Local>, way: Way) -> Option<Away> {
    current::with(|current| {
        let core = &current.core;
        let number = local.number;
        set_in_call(current, true);
        core.processors[number].current.store(super::slots::NONE, Ordering::Relaxed);
        local.rest_after(Did::Called { task: current.task.get() });
        match way {
            Way::Later => {
                core.processors[number].call.begin(local);
                #[cfg(shuttle)]
                core.timers.ask_for_rounds();
            }
            Way::AtOnce => {
                core.count(&local, Count::HandedOff, 1);
                core.place(local);
            }
        }
        Some(Away { number, way })
    })
    .flatten()
}

impl Drop for Away {
    fn drop(&mut self) {
        current::with(|current| {
            let core = &current.core;
            let kept = match self.way {
                Way::Later => core.processors[self.number].call.end(),
                Way::AtOnce => None,
            };
            let mut local = match kept {
                Some(local) => {
                    core.count(&local, Count::CallsKept, 1);
                    local
                }
                None => core.take_processor_for(&current.parker),
            };
            current.take(&mut local);
            local.processor.current.store(current.task.get(), Ordering::Relaxed);
            *current.local.borrow_mut() = Some(local);
            set_in_call(current, false);
        });
    }
}

fn set_in_call(current: &Current, in_call: bool) {
    current.core.slots.get(current.task.get()).state.set_in_call(in_call);
}

impl Core {
    /// Whoever has a processor that is not in the world and no thread for it: to a thread if there is work, else down.
    pub(crate) fn place(&self, local: Box<Local>) {
        let has_next = !local.processor.next.is_empty();
        if has_next || self.idle.returning.waits() || self.has_work() {
            return self.give_to_a_thread(local);
        }
        self.lay_down(local);
        self.pair();
        self.see_to_work();
    }

    /// A processor for a thread whose section ended: an idle one, or the next that a running thread hands over.
    fn take_processor_for(&self, parker: &Arc<Parker<Given>>) -> Box<Local> {
        if let Some(local) = self.idle.come_back(|| Arc::clone(parker), || self.bell.ring()) {
            return local;
        }
        self.pair();
        match parker.sleep() {
            Given::Processor(local) => local,
            Given::Nothing => unreachable!("nothing is given only to threads in the idle list"),
        }
    }
}
