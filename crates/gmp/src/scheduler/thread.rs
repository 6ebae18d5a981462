//! A thread (M): takes a processor (P) and polls tasks (G) with it until there are none, then sleeps.

use super::body::Body;
use super::core::{Core, NO_PANIC};
use super::counts::{Count, CounterLayout};
use super::current::{self, Current};
use super::join::catch;
use super::local::{Given, InWorld, Local};
use super::parker::Parker;
use super::search::search;
use super::slots::{NONE, Slot};
use super::switches::YieldTo;
use super::trace::{Did, PollEnd};
use super::{idle::After, state};
use crate::sync::{Arc, Mutex, Ordering, thread};
use crate::world::Notice;
use std::{
    io,
    task::{Context, Poll},
};

/// Starts a thread that serves this processor; the processor back where the system or the limit gives none.
pub(crate) fn start(core: &Core, local: Box<Local>) -> Result<(), (io::Error, Box<Local>)> {
    // Held until the handle is in: the scheduler's end joins every thread, and behind it none is started.
    let mut handles = core.handles.lock().expect(NO_PANIC);
    let number = core.threads.fetch_add(1, Ordering::Relaxed);
    let may_start = number < core.switches.threads_most && !core.is_closing();
    let Some(this) = core.weak.upgrade().filter(|_| may_start) else {
        core.threads.fetch_sub(1, Ordering::Relaxed);
        return Err((io::Error::other("as many threads as allowed"), local));
    };
    // Handed over in a place of its own: a thread that does not start would take the processor with it.
    let place = Arc::new(Mutex::new(Some(local)));
    let theirs = Arc::clone(&place);
    let started = thread::Builder::new().name(format!("gmp-{number}")).spawn(move || {
        let local = theirs.lock().expect(NO_PANIC).take().expect("put there before the thread started");
        serve(&this, local, number as u32);
    });
    match started {
        Ok(handle) => {
            handles.push(handle);
            Ok(())
        }
        Err(error) => {
            core.threads.fetch_sub(1, Ordering::Relaxed);
            let local = place.lock().expect(NO_PANIC).take().expect("no thread took it");
            Err((error, local))
        }
    }
}

/// All that a thread does.
fn serve(core: &Arc<Core>, local: Box<Local>, number: u32) {
    let parker = Arc::new(Parker::new());
    current::enter(Arc::clone(core), Arc::clone(&parker), number);
    current::with(|current| {
        let mut given = Given::Processor(local);
        while let Given::Processor(mut local) = given {
            current.take(&mut local);
            let ran = match core.switches.counters {
                CounterLayout::Padded => run::<false>(current, local),
                CounterLayout::Packed => run::<true>(current, local),
            };
            given = match ran {
                Some(given) => given,
                None if core.idle.add_thread(Arc::clone(&parker)) => {
                    core.see_to_work();
                    parker.sleep()
                }
                None => Given::Nothing,
            };
        }
    })
    .expect("entered above");
    core.threads.fetch_sub(1, Ordering::Relaxed);
}

/// Polls tasks while there are some. The answer is a processor to go on with, or nothing: then the thread has none. `PACKED` is
/// where polls are counted: compiled in, so that no poll asks.
fn run<const PACKED: bool>(current: &Current, mut local: Box<Local>) -> Option<Given> {
    let core = &current.core;
    loop {
        if core.is_closing() {
            return lie_down(core, local);
        }
        if let InWorld::Member(member) = &mut local.world {
            match member.poll() {
                None => {}
                Some(Notice::Stop) => member.park(&mut ()),
                Some(Notice::Look) => match look(core, local) {
                    Some(same) => local = same,
                    None => return None,
                },
            }
        }
        let task = match find::<PACKED>(core, &mut local) {
            Some(task) => task,
            None => match search(core, &mut local) {
                Some(task) => {
                    if let Some(trace) = &mut local.trace {
                        trace.did(Did::Searched);
                    }
                    task
                }
                None => return lie_down(core, local),
            },
        };
        if local.searching {
            found(core, &mut local);
        }
        local = poll::<PACKED>(current, local, task);
    }
}

/// A search ended with a task: where it was the last one, there may be more tasks, and somebody else looks for them.
#[cold]
fn found(core: &Core, local: &mut Local) {
    local.searching = false;
    if core.idle.end_search() && core.idle.is_needed() {
        core.wake_one(Some(local));
    }
}

/// The bell rang: a thread wants a processor back. `None` where this one was given away.
fn look(core: &Core, mut local: Box<Local>) -> Option<Box<Local>> {
    let Some(thread) = core.idle.look(|| core.bell.ring()) else { return Some(local) };
    let was_last = std::mem::take(&mut local.searching) && core.idle.end_search();
    local.rest();
    thread.give(Given::Processor(local));
    if was_last {
        // Whoever queued a task meanwhile trusted this search.
        core.see_to_work();
    }
    None
}

/// The next task without searching: the global queue if it is its turn, what was woken last, the own queue, the global.
fn find<const PACKED: bool>(core: &Core, local: &mut Local) -> Option<u32> {
    let switches = &core.switches;
    // Counts down, and never comes to 0 where it begins there.
    local.tick = local.tick.wrapping_sub(1);
    if local.tick == 0
        && std::mem::replace(&mut local.tick, switches.global_tick) == 0
        && let Some(task) = core.take_global(local, false)
    {
        core.count_poll::<PACKED>(local, Count::FromGlobal);
        core.count_poll::<PACKED>(local, Count::FromGlobalTick);
        return Some(task);
    }
    if let Some(task) = local.take_next(switches.run_next_most) {
        core.count_poll::<PACKED>(local, Count::FromNext);
        return Some(task);
    }
    local.in_row = 0;
    if let Some(task) = local.ring.pop() {
        core.count_poll::<PACKED>(local, Count::FromLocal);
        return Some(task);
    }
    let task = core.take_global(local, true)?;
    core.count_poll::<PACKED>(local, Count::FromGlobal);
    Some(task)
}

/// Gives the processor up, looks once more, and takes one up again where there is work after all.
fn lie_down(core: &Core, mut local: Box<Local>) -> Option<Given> {
    local.rest();
    match core.retire(local) {
        After::Sleeps => None,
        After::Searches(mut local) => {
            local.searching = true;
            Some(Given::Processor(local))
        }
        After::Gives(local, thread) => {
            thread.give(Given::Processor(local));
            None
        }
    }
}

/// Polls a task once. The processor comes back: the same, or another if the task was in a blocking section.
fn poll<const PACKED: bool>(current: &Current, local: Box<Local>, task: u32) -> Box<Local> {
    let core = &current.core;
    let slot = core.slots.get(task);
    slot.state.begin();
    core.count_poll::<PACKED>(&local, Count::Polls);
    if core.slots.nodes() > 1 && core.slots.node(task) != local.node {
        core.count(&local, Count::AwayFromHome, 1);
    }
    local.processor.current.store(task, Ordering::Relaxed);
    let number = local.number;
    *current.local.borrow_mut() = Some(local);
    current.task.set(task);
    // SAFETY: `run` took the number from a queue; it is queued again in `finish`, after the last use of this.
    #[expect(unsafe_code, reason = "the promise of body.rs")]
    let body = unsafe { slot.body.get() };
    let waker = slot.waker(&core.weak, task);
    current.waker.set(waker);
    let mut context = Context::from_waker(waker);
    let future = body.as_mut().expect("a queued task has a body");
    let polled = match catch(|| future.as_mut().poll(&mut context)) {
        Ok(Poll::Pending) => Polled::Pending,
        Ok(Poll::Ready(())) => end(body, Polled::Ready),
        Err(words) => {
            if let Some(tell) = current.on_panic.take() {
                tell(words);
            }
            end(body, Polled::Panicked)
        }
    };
    current.task.set(NONE);
    let local = current.local.borrow_mut().take().expect("a blocking section brings a processor back");
    finish::<PACKED>(core, local, number, Ended { task, slot, polled, yielded: current.yielded.replace(false) })
}

/// Drops an ended task's future, whose own drop code may panic too.
fn end(body: &mut Option<Body>, polled: Polled) -> Polled {
    match catch(|| *body = None) {
        Ok(()) => polled,
        Err(_) => Polled::Panicked,
    }
}

enum Polled {
    Pending,
    Ready,
    Panicked,
}

impl Polled {
    fn end(&self, yielded: bool) -> PollEnd {
        match self {
            Polled::Pending if yielded => PollEnd::Yielded,
            Polled::Pending => PollEnd::Waits,
            Polled::Ready => PollEnd::Finished,
            Polled::Panicked => PollEnd::Panicked,
        }
    }
}

struct Ended<'a> {
    task: u32,
    slot: &'a Slot,
    polled: Polled,
    yielded: bool,
}

/// What follows from a poll: the task waits, is queued again, or gives its slot back.
fn finish<const PACKED: bool>(core: &Core, mut local: Box<Local>, began_on: usize, ended: Ended<'_>) -> Box<Local> {
    let Ended { task, slot, polled, yielded } = ended;
    if began_on != local.number {
        let _ = core.processors[began_on].current.compare_exchange(task, NONE, Ordering::Relaxed, Ordering::Relaxed);
    }
    if let Some(trace) = &mut local.trace {
        trace.did(Did::Ran { task, end: polled.end(yielded) });
    }
    match polled {
        // It stays `Running` in the queue, so wake-ups meanwhile are remembered and cost no second place.
        Polled::Pending if yielded => {
            core.count_poll::<PACKED>(&local, Count::Yields);
            if core.sent_home(&local, task) {
                // It runs there.
            } else if core.switches.yield_to == YieldTo::Global {
                core.queue_global(local.node, task);
            } else {
                core.queue_local(&mut local, task);
                if core.idle.looks_needed() && local.ring.len() > 1 {
                    core.wake_one(Some(&local));
                }
            }
        }
        Polled::Pending => {
            if slot.state.end_pending() == state::After::Again {
                core.queue_local(&mut local, task);
            }
        }
        Polled::Ready | Polled::Panicked => {
            if let Polled::Panicked = polled {
                core.count(&local, Count::Panicked, 1);
            }
            core.count(&local, Count::Finished, 1);
            slot.state.finish();
            local.free_slot(&core.slots, task);
        }
    }
    local.processor.current.store(NONE, Ordering::Relaxed);
    local
}
