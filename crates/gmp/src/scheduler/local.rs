//! What belongs to a processor and is touched only by the thread that has it. It moves from thread to thread as a whole.

use super::{
    core::Processor,
    ring,
    switches::Switches,
    trace::{Did, Part},
};
use crate::sync::Arc;
use crate::world::{Member, Resting};

/// Free slots that a processor fetches at a time, and keeps at most twice of.
const FREE_BATCH: u32 = 32;

/// A processor's place in the world that can be stopped.
pub(crate) enum InWorld {
    Member(Member),
    /// Idle, or in a call: a stopped world does not wait for it.
    Resting(Resting),
    /// Between the two, or gone.
    Neither,
}

/// What a sleeping thread is given.
pub(crate) enum Given {
    Processor(Box<Local>),
    /// The scheduler closes.
    Nothing,
}

pub(crate) struct Local {
    pub(crate) number: usize,
    /// What others see of it.
    pub(crate) processor: Arc<Processor>,
    pub(crate) node: usize,
    pub(crate) ring: ring::Owner,
    pub(crate) world: InWorld,
    /// Searches for the others: counted in `Idle`.
    pub(crate) searching: bool,
    /// Tasks to begin until it is the global queue's turn.
    pub(crate) tick: u32,
    /// Tasks in a row from the slot before the queue.
    pub(crate) in_row: u32,
    /// Numbers of free slots.
    free: Vec<u32>,
    /// On the way to the global queue.
    pub(crate) overflow: Vec<u32>,
    random: u64,
    /// What it did, where that is asked for.
    pub(crate) trace: Option<Box<Part>>,
}

impl Local {
    pub(crate) fn new(
        number: usize,
        switches: &Switches,
        processor: Arc<Processor>,
        ring: ring::Owner,
        member: Member,
    ) -> Self {
        // SplitMix64's increment tells the processors apart.
        let random = (switches.seed ^ 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(number as u64 + 1)) | 1;
        Self {
            number,
            processor,
            node: switches.seat(number).node as usize,
            ring,
            world: InWorld::Member(member),
            searching: false,
            tick: switches.global_tick,
            in_row: 0,
            free: Vec::new(),
            overflow: Vec::new(),
            random,
            trace: None,
        }
    }

    /// Leaves the world until [`Local::wake`], after a look for work: a stop does not wait for this processor.
    pub(crate) fn rest(&mut self) {
        self.rest_after(Did::Searched);
    }

    /// The same after something else.
    pub(crate) fn rest_after(&mut self, did: Did) {
        if let Some(trace) = &mut self.trace {
            trace.rests(did);
        }
        self.world = match std::mem::replace(&mut self.world, InWorld::Neither) {
            InWorld::Member(member) => InWorld::Resting(member.rest()),
            other => other,
        };
    }

    /// Comes back into the world; sleeps while it is stopped.
    pub(crate) fn wake(&mut self) {
        self.world = match std::mem::replace(&mut self.world, InWorld::Neither) {
            InWorld::Resting(resting) => InWorld::Member(resting.back()),
            other => other,
        };
    }

    /// Takes the number of a free slot of the own node.
    pub(crate) fn take_slot(&mut self, slots: &super::slots::Slots) -> u32 {
        if self.free.is_empty() {
            slots.refill(self.node, FREE_BATCH, &mut self.free);
        }
        self.free.pop().expect("a refill brings at least one")
    }

    /// Keeps the number of an ended task for the next one, or gives it back.
    pub(crate) fn free_slot(&mut self, slots: &super::slots::Slots, task: u32) {
        if slots.node(task) != self.node {
            return slots.give_back([task]);
        }
        self.free.push(task);
        if self.free.len() > 2 * FREE_BATCH as usize {
            slots.give_back(self.free.drain(..FREE_BATCH as usize));
        }
    }

    /// xorshift64: below `bound`, which is above 0.
    pub(crate) fn random_below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % bound as u64) as usize
    }

    /// The task in the slot before the queue, unless it is the queue's turn.
    #[inline]
    pub(crate) fn take_next(&mut self, most: u32) -> Option<u32> {
        // At least one: a slot that waits until the queue is empty waits for ever behind tasks that yield.
        let next = &self.processor.next;
        if next.is_empty() || (self.in_row >= most.max(1) && self.ring.len() > 0) {
            return None;
        }
        let task = next.take()?;
        self.in_row += 1;
        Some(task)
    }
}
