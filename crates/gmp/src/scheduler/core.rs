//! What all threads of a scheduler share, and how a task comes into a queue.

use super::body::Body;
use super::counts::{Count, Counters, Packed};
use super::global::Global;
use super::hand_off::CallSlot;
use super::idle::{After, Idle};
use super::local::{Given, Local};
use super::next::Next;
use super::parker::Parker;
use super::slots::Slots;
use super::switches::Switches;
use super::timers::Timers;
use super::{current, join, monitor::Reports, ring, thread};
use crate::sync::{Arc, AtomicBool, AtomicU32, AtomicUsize, Line, Mutex, Ordering, thread::JoinHandle};
use crate::world::{Bell, Stopper};
use std::{sync::Weak, time::Instant};

/// Called by a thread that takes a processor it did not have before, with the processor's number.
pub(crate) type OnProcessor = Box<dyn Fn(usize) + Send + Sync>;

/// What others see of a processor.
pub(crate) struct Processor {
    pub(crate) ring: ring::Shared,
    /// The slot before the queue: what was woken or spawned last.
    pub(crate) next: Line<Next>,
    /// The task being polled.
    pub(crate) current: Line<AtomicU32>,
    pub(crate) counters: Counters,
    /// What happens on its behalf without a thread that has it.
    pub(crate) outside: Counters,
    /// The processor itself while its thread is in a call.
    pub(crate) call: CallSlot<Box<Local>>,
    /// Other processors, in the order and the classes of `search`.
    pub(crate) victims: Vec<Vec<usize>>,
}

pub(crate) struct Core {
    pub(crate) switches: Switches,
    pub(crate) processors: Box<[Arc<Processor>]>,
    /// What polls count, where it is not with the processor.
    pub(crate) packed: Option<Packed>,
    /// One, or with `numa_aware` one for each node.
    pub(crate) globals: Box<[Global]>,
    /// For each of them, in which order to look into all.
    pub(crate) global_order: Vec<Vec<usize>>,
    pub(crate) idle: Idle<Box<Local>, Arc<Parker<Given>>>,
    pub(crate) slots: Slots,
    pub(crate) bell: Bell,
    pub(crate) epoch: Instant,
    pub(crate) stopper: Mutex<Stopper>,
    pub(crate) timers: Timers,
    pub(crate) reports: Reports,
    pub(crate) closing: Line<AtomicBool>,
    /// Whether tasks may be made from outside.
    pub(crate) open: Mutex<bool>,
    /// Threads that serve processors, the monitor not among them.
    pub(crate) threads: AtomicUsize,
    pub(crate) handles: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) on_processor: OnProcessor,
    /// Itself, for wakers and new threads.
    pub(crate) weak: Weak<Core>,
    /// What happened when, where that is asked for.
    pub(crate) trace: Option<Arc<super::trace::Collected>>,
}

pub(crate) const NO_PANIC: &str = "no thread panics while it holds a lock of the scheduler";

impl Core {
    #[inline]
    pub(crate) fn count(&self, local: &Local, count: Count, amount: u64) {
        local.processor.counters.add(count, amount);
    }

    /// What a poll counts. `PACKED` is known where threads begin to run, so that the default asks nothing here.
    #[inline]
    pub(crate) fn count_poll<const PACKED: bool>(&self, local: &Local, count: Count) {
        if PACKED && let Some(packed) = &self.packed {
            packed.add(local.number, count);
        } else {
            self.count(local, count, 1);
        }
    }

    /// Polls of a processor, by anyone.
    pub(crate) fn polls(&self, processor: usize) -> u64 {
        self.with_thread(processor, Count::Polls)
    }

    /// What a processor counted so far, wherever that lies.
    pub(crate) fn counted(&self, processor: usize, count: Count) -> u64 {
        self.with_thread(processor, count) + self.processors[processor].outside.get(count)
    }

    fn with_thread(&self, processor: usize, count: Count) -> u64 {
        let packed = self.packed.as_ref().map_or(0, |packed| packed.get(processor, count));
        self.processors[processor].counters.get(count) + packed
    }

    /// A new task, queued: runs next on this processor, or from the global queue where the caller has none. Dropped where
    /// the scheduler has closed.
    pub(crate) fn spawn(&self, body: Body) {
        let mut body = Some(body);
        let queued = current::with_local(self, |local| {
            let task = local.take_slot(&self.slots);
            self.fill(task, body.take().expect("called once"));
            self.count(local, Count::Spawned, 1);
            readied(local, task);
            self.queue_next(local, task);
        });
        if let (None, Some(body)) = (queued, body) {
            self.spawn_home(0, body);
        }
    }

    /// Starts a task whose home is this node, through the node's global queue.
    pub(crate) fn spawn_home(&self, node: usize, body: Body) {
        // The scheduler's end takes the futures that are left, and does not do so while one is put in here.
        let open = self.open.lock().expect(NO_PANIC);
        if !*open {
            drop(open);
            return join::abandon(Some(body));
        }
        let mut numbers = Vec::with_capacity(1);
        self.slots.refill(node, 1, &mut numbers);
        let task = numbers.pop().expect("a refill brings at least one");
        self.fill(task, body);
        drop(open);
        self.processors[0].outside.add_shared(Count::Spawned, 1);
        if !self.begins_at_home(task) {
            self.queue_global(node, task);
        }
    }

    fn fill(&self, task: u32, body: Body) {
        let slot = self.slots.get(task);
        slot.state.make();
        // SAFETY: the number was free and is in no queue yet.
        #[expect(unsafe_code, reason = "the promise of body.rs")]
        let place = unsafe { slot.body.get() };
        *place = Some(body);
        slot.state.start();
    }

    /// Wakes a task: queues it if it waits, at home if that is asked for and wise.
    #[inline]
    pub(crate) fn wake(&self, task: u32) {
        if !self.slots.get(task).state.wake() {
            return;
        }
        let queued = current::with_local(self, |local| {
            readied(local, task);
            if !self.sent_home(local, task) {
                self.queue_next(local, task);
            }
        });
        if queued.is_none() && !self.begins_at_home(task) {
            self.queue_global(self.slots.node(task), task);
        }
    }

    /// Sends a task home, if it is away, that is asked for, and a processor there has nothing to do.
    #[inline]
    pub(crate) fn sent_home(&self, local: &Local, task: u32) -> bool {
        if !self.switches.numa_aware || self.slots.node(task) == local.node {
            return false;
        }
        let Some(home) = self.idle_at_home(task) else { return false };
        // Counted before it can run there, and ask.
        self.count(local, Count::SentHome, 1);
        self.begin(home, task);
        true
    }

    /// Has an idle processor of the task's home run it, if that is asked for and one is idle, whoever searches meanwhile.
    fn begins_at_home(&self, task: u32) -> bool {
        if !self.switches.numa_aware {
            return false;
        }
        let Some(home) = self.idle_at_home(task) else { return false };
        self.begin(home, task);
        true
    }

    fn idle_at_home(&self, task: u32) -> Option<Box<Local>> {
        let home = self.slots.node(task);
        self.idle.take_up_if(|idle| idle.node == home)
    }

    /// Has an idle processor run a task. It goes into the slot before that processor's queue: from a queue it would be taken
    /// by whoever is awake already.
    fn begin(&self, local: Box<Local>, task: u32) {
        let before = local.processor.next.put(task);
        assert_eq!(before, None, "the slot of an idle processor is empty");
        self.give_to_a_thread(local);
    }

    /// Into the slot before the queue; what was there goes into the queue, where others can have it.
    #[inline]
    fn queue_next(&self, local: &mut Local, task: u32) {
        let mut task = task;
        if self.switches.run_next {
            let Some(before) = local.processor.next.put(task) else { return };
            task = before;
        }
        self.queue_local(local, task);
        if self.idle.is_needed() {
            self.wake_one(Some(local));
        }
    }

    /// At the end of the own queue.
    #[inline]
    pub(crate) fn queue_local(&self, local: &mut Local, task: u32) {
        if let Err(back) = local.ring.push(task) {
            self.overflow(local, back);
        }
    }

    /// The own queue is full: its oldest part goes to the global queue with the task, as in Go.
    #[cold]
    fn overflow(&self, local: &mut Local, task: u32) {
        let part = f64::from(local.ring.capacity()) * self.switches.overflow;
        let mut overflow = std::mem::take(&mut local.overflow);
        if local.ring.take_oldest((part as u32).max(1), &mut overflow) {
            overflow.push(task);
            self.count(local, Count::Overflowed, overflow.len() as u64);
            self.globals[self.global_of(local.node)].push_all(overflow.drain(..));
            local.overflow = overflow;
        } else {
            // A thief was faster: there is room.
            local.overflow = overflow;
            self.queue_local(local, task);
        }
    }

    /// From outside, or to another node.
    pub(crate) fn queue_global(&self, node: usize, task: u32) {
        self.globals[self.global_of(node)].push_all([task]);
        if self.idle.is_needed() {
            self.wake_near(node);
        }
    }

    fn global_of(&self, node: usize) -> usize {
        if self.globals.len() == 1 { 0 } else { node }
    }

    /// A task of a global queue, the own node's first; and into the own queue a fair share of the same.
    pub(crate) fn take_global(&self, local: &mut Local, share: bool) -> Option<u32> {
        for &at in &self.global_order[self.global_of(local.node)] {
            let global = &self.globals[at];
            let len = global.len();
            if len == 0 {
                continue;
            }
            let processors = u32::try_from(self.processors.len()).expect("fewer than 2^32 processors");
            let most = if share { (len / processors).min(local.ring.capacity() / 2) } else { 0 };
            let ring = &mut local.ring;
            if let Some(task) = global.pop(most, |task| ring.push(task).expect("half of an empty queue is free")) {
                return Some(task);
            }
        }
        None
    }

    /// Whether a queue has a task that anyone may take.
    pub(crate) fn has_work(&self) -> bool {
        self.globals.iter().any(|global| global.len() > 0)
            || self.processors.iter().any(|processor| processor.ring.len() > 0)
    }

    /// Wakes an idle processor, a near one first, for a task that was queued by `local`.
    pub(crate) fn wake_one(&self, local: Option<&Local>) {
        if let Some(local) = local {
            self.count(local, Count::WokeProcessor, 1);
        }
        self.wake_near(local.map_or(0, |local| local.node));
    }

    fn wake_near(&self, node: usize) {
        if let Some(mut local) = self.idle.summon(|idle| self.switches.numa_aware && idle.node != node) {
            local.searching = true;
            self.give_to_a_thread(local);
        }
    }

    /// Has a sleeping thread, or a new one, serve this processor; lays it down where there is none.
    pub(crate) fn give_to_a_thread(&self, local: Box<Local>) {
        if let Some(thread) = self.idle.take_thread() {
            return thread.give(Given::Processor(local));
        }
        let Err((_, mut local)) = thread::start(self, local) else { return };
        let searching = std::mem::take(&mut local.searching);
        self.empty_next(&local);
        self.count(&local, Count::NoThread, 1);
        if let Some((mut local, thread)) = self.idle.offer(local, searching) {
            // It still searches.
            local.searching = searching;
            return thread.give(Given::Processor(local));
        }
        self.pair();
    }

    /// Gives an idle processor to a thread that waits for one, if there are both.
    pub(crate) fn pair(&self) {
        match self.idle.pair() {
            Some((local, Some(thread))) => thread.give(Given::Processor(local)),
            Some((local, None)) => self.place(local),
            None => {}
        }
    }

    /// Wakes another processor if there is work that nobody looks for. Not while the scheduler closes: who is woken then lies
    /// down at once and is the next to be woken, round and round until the end has come to all.
    pub(crate) fn see_to_work(&self) {
        // The question first: behind its fence the queues are seen as those left them who saw this search.
        if !self.is_closing() && self.idle.is_needed() && self.has_work() {
            self.wake_one(None);
        }
    }

    /// Nobody looks into the slot of an idle processor: what is there goes where all look.
    fn empty_next(&self, local: &Local) {
        if let Some(task) = local.processor.next.take() {
            self.globals[self.global_of(local.node)].push_all([task]);
        }
    }

    /// Gives a processor up that is not in the world; who has it afterwards is woken if there is work.
    pub(crate) fn lay_down(&self, mut local: Box<Local>) {
        let searching = std::mem::take(&mut local.searching);
        self.empty_next(&local);
        self.count(&local, Count::Idled, 1);
        self.idle.lay_down(local, searching);
    }

    /// The same by a thread that found nothing, which looks once more.
    pub(crate) fn retire(&self, mut local: Box<Local>) -> After<Box<Local>, Arc<Parker<Given>>> {
        let searching = std::mem::take(&mut local.searching);
        self.empty_next(&local);
        self.count(&local, Count::Idled, 1);
        self.idle.retire(local, searching, || self.has_work(), || !self.is_closing())
    }

    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

#[inline]
fn readied(local: &mut Local, task: u32) {
    if let Some(trace) = &mut local.trace {
        trace.readied(task);
    }
}
