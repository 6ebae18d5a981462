//! Where tasks live: slots that are numbered, never freed, and used again, as Go keeps its dead Gs.
//!
//! A queue holds a slot's number instead of a pointer, so everything here is safe code: a stale number finds a slot in
//! some state, never freed memory. Each node has its own slots: made and touched by a thread that runs
//! tasks there, or by whoever starts a task from outside. A slot's waker is made once and wakes whatever task the slot
//! holds: a waker kept longer than its task may cause one poll too many, which futures allow.

use super::body::BodyCell;
use super::core::Core;
use super::state::State;
use super::waker;
use crate::sync::Mutex;
use std::{
    sync::{OnceLock, Weak},
    task::Waker,
};

/// No task.
pub(crate) const NONE: u32 = 0;

/// Slots in the first chunk; each chunk has twice as many as the one before.
const FIRST_CHUNK: u32 = 256;
/// So many chunks that all numbers fit.
const CHUNKS: usize = 24;

/// One task, on one cache line.
#[repr(align(64))]
pub(crate) struct Slot {
    pub(crate) state: State,
    pub(crate) body: BodyCell,
    waker: OnceLock<Waker>,
}

impl Slot {
    fn new() -> Self {
        Self { state: State::new(), body: BodyCell::new(), waker: OnceLock::new() }
    }

    /// Wakes the slot's task; made at its first poll.
    pub(crate) fn waker(&self, core: &Weak<Core>, task: u32) -> &Waker {
        self.waker.get_or_init(|| waker::new(core.clone(), task))
    }
}

struct NodeSlots {
    chunks: [OnceLock<Box<[Slot]>>; CHUNKS],
    /// The lowest place that was never used.
    unused: Mutex<u32>,
    /// Numbers of ended tasks.
    free: Mutex<Vec<u32>>,
}

/// Every task of a scheduler.
pub(crate) struct Slots {
    nodes: Box<[NodeSlots]>,
    /// A number's lower bits are the place among its node's slots, the others the node.
    place_bits: u32,
}

const NO_PANIC: &str = "no thread panics while it holds the lists of slots";

impl Slots {
    pub(crate) fn new(nodes: usize) -> Self {
        let node_bits = nodes.next_power_of_two().trailing_zeros();
        let node = || NodeSlots {
            chunks: [const { OnceLock::new() }; CHUNKS],
            // Place 0 is nobody's, so that no number is NONE.
            unused: Mutex::new(1),
            free: Mutex::new(Vec::new()),
        };
        Self { nodes: (0..nodes).map(|_| node()).collect(), place_bits: 32 - node_bits }
    }

    /// The slot of a number that [`Slots::refill`] gave out.
    #[inline]
    pub(crate) fn get(&self, task: u32) -> &Slot {
        let (chunk, at) = chunk_of(self.place(task));
        let chunk = self.nodes[self.node(task)].chunks[chunk].get().expect("the number was given out");
        &chunk[at]
    }

    /// A task's home: the node whose slot it has, which is that of its maker.
    pub(crate) fn node(&self, task: u32) -> usize {
        task.checked_shr(self.place_bits).unwrap_or(0) as usize
    }

    fn place(&self, task: u32) -> u32 {
        task & u32::MAX.checked_shr(32 - self.place_bits).unwrap_or(0)
    }

    /// Adds numbers of free slots of `node` to `into`: at least one, most often `count`.
    ///
    /// # Panics
    /// Where every number of the node is a living task: four billion on one node, 67 million on each of 64.
    pub(crate) fn refill(&self, node: usize, count: u32, into: &mut Vec<u32>) {
        let slots = &self.nodes[node];
        let mut free = slots.free.lock().expect(NO_PANIC);
        if !free.is_empty() {
            let from = free.len().saturating_sub(count as usize);
            into.extend(free.drain(from..));
            return;
        }
        drop(free);
        let mut unused = slots.unused.lock().expect(NO_PANIC);
        let (chunk, at) = chunk_of(*unused);
        assert!(chunk < CHUNKS && u64::from(*unused) < 1 << self.place_bits, "more tasks than numbers on node {node}");
        let len = FIRST_CHUNK << chunk;
        slots.chunks[chunk].get_or_init(|| (0..len).map(|_| Slot::new()).collect());
        let at = u32::try_from(at).expect("within a chunk");
        let count = count.min(len - at);
        let node = u32::try_from(node).expect("few nodes").checked_shl(self.place_bits).unwrap_or(0);
        // From the highest down: taken from the end, places come in order.
        into.extend((*unused..*unused + count).rev().map(|place| node | place));
        *unused += count;
    }

    /// Gives numbers of ended tasks back.
    pub(crate) fn give_back(&self, tasks: impl IntoIterator<Item = u32>) {
        for task in tasks {
            self.nodes[self.node(task)].free.lock().expect(NO_PANIC).push(task);
        }
    }

    /// Every slot that was ever used, with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.nodes.iter().enumerate().flat_map(move |(node, slots)| {
            let unused = *slots.unused.lock().expect(NO_PANIC);
            let node = u32::try_from(node).expect("few nodes").checked_shl(self.place_bits).unwrap_or(0);
            (1..unused).map(move |place| (node | place, self.get(node | place)))
        })
    }

    /// How many nodes have slots.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }
}

/// Chunk and place in it: chunk k begins at place 256 (2^k - 1).
#[inline]
fn chunk_of(place: u32) -> (usize, usize) {
    let shifted = u64::from(place) + u64::from(FIRST_CHUNK);
    let chunk = shifted.ilog2() - FIRST_CHUNK.ilog2();
    (chunk as usize, (shifted - (u64::from(FIRST_CHUNK) << chunk)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_fill_chunks_that_double() {
        assert_eq!(chunk_of(0), (0, 0));
        assert_eq!(chunk_of(255), (0, 255));
        assert_eq!(chunk_of(256), (1, 0));
        assert_eq!(chunk_of(767), (1, 511));
        assert_eq!(chunk_of(768), (2, 0));
        assert!(chunk_of(u32::MAX).0 <= CHUNKS, "the last place may lie beyond the last chunk");
    }

    #[test]
    fn numbers_are_given_once_and_name_their_node() {
        for nodes in [1, 2, 3, 64] {
            let slots = Slots::new(nodes);
            let mut seen = std::collections::BTreeSet::new();
            for node in 0..nodes {
                let mut taken = Vec::new();
                while taken.len() < 1000 {
                    slots.refill(node, 64, &mut taken);
                }
                for &task in &taken {
                    assert_ne!(task, NONE);
                    assert_eq!(slots.node(task), node);
                    assert!(seen.insert(task), "{task} was given twice");
                    slots.get(task).state.make();
                }
                slots.give_back(taken.split_off(500));
                let mut again = Vec::new();
                slots.refill(node, 8, &mut again);
                assert!(again.iter().all(|task| seen.contains(task)), "what was given back comes first");
            }
        }
    }
}
