//! The order of samples: random complete blocks. Each block holds every point once, in a permutation of its own.

use crate::point::{Plan, Slot};
use crate::random::{permutation, split};
use crate::record::Seed;

/// Labels of the streams that are split from the plan's seed.
const ORDER: u64 = 1;
const SAMPLE: u64 = 2;

/// The slots of block `block`, in the order they run.
pub fn block_slots(plan: &Plan, block: u32) -> Vec<Slot> {
    let key = split(split(plan.measure.seed.0, ORDER), u64::from(block));
    let first = block * plan.points.len() as u32;
    let points = permutation(key, plan.points.len());
    points.into_iter().zip(first..).map(|(point, order)| Slot { point, block, order }).collect()
}

/// Seed of one sample: of its addresses and of the jitter of its pauses.
pub fn sample_seed(plan: &Plan, slot: Slot) -> Seed {
    Seed(split(split(plan.measure.seed.0, SAMPLE), u64::from(slot.order)))
}
