//! The order of samples: random complete blocks. Each block holds every point once, in a permutation of its own; where
//! the pauses of some points are contrasted more often, further blocks hold these and no others.
//! And what they cost: how long a block takes, and how many whole ones fit a budget. Nothing here reads a clock; the
//! runner gives what it measured so far, `numalab plan` what is expected.

use crate::claim::ClaimRule;
use crate::experiment::{Extent, Measure, Repetitions};
use crate::place::Toucher;
use crate::point::{Plan, Point, Slot};
use crate::random::{permutation, split};
use crate::record::Seed;

/// Labels of the streams that are split from the plan's seed.
const ORDER: u64 = 1;
const SAMPLE: u64 = 2;

/// The slots of block `block`, in the order they run. An order is block x number of points + place in the block, so that
/// it tells the block also where a block does not hold all points.
pub fn block_slots(plan: &Plan, block: u32) -> Vec<Slot> {
    let key = split(split(plan.measure.seed.0, ORDER), u64::from(block));
    let first = block * plan.points.len() as u32;
    let points = points_of_block(plan, block);
    let places = permutation(key, points.len()).into_iter().map(|place| points[place]);
    places.zip(first..).map(|(point, order)| Slot { point, block, order }).collect()
}

fn points_of_block(plan: &Plan, block: u32) -> Vec<usize> {
    if is_whole(plan, block) { (0..plan.points.len()).collect() } else { contrasted(plan) }
}

/// Whether a block holds a point: the whole blocks hold all, the further ones those whose pauses are contrasted.
pub fn block_holds(plan: &Plan, block: u32, point: usize) -> bool {
    is_whole(plan, block) || contrasted(plan).contains(&point)
}

/// Plans from before there were further blocks have whole ones only, however many their budget let them make.
fn is_whole(plan: &Plan, block: u32) -> bool {
    plan.measure.pause_repetitions.is_none() || block < blocks_asked(&plan.measure).1
}

/// Indices of the points whose pauses a claim contrasts, where both sides of it run here.
pub fn contrasted(plan: &Plan) -> Vec<usize> {
    let of = |arm: &str, procs: u32| -> Vec<usize> {
        let named = |point: &Point| point.x() == procs && point.is_of_arm(arm);
        (0..plan.points.len()).filter(|&index| named(&plan.points[index])).collect()
    };
    let mut points = Vec::new();
    for claim in &plan.claims {
        let ClaimRule::VarianceRatio { procs, over_procs, .. } = claim.rule else { continue };
        for arm in &claim.arms {
            let (above, below) = (of(arm, procs), of(arm, over_procs));
            if !above.is_empty() && !below.is_empty() {
                points.extend(above.into_iter().chain(below));
            }
        }
    }
    points.sort_unstable();
    points.dedup();
    points
}

/// Blocks beyond the whole ones, which hold only the points whose pauses are contrasted.
pub fn pause_blocks(plan: &Plan) -> u32 {
    let more = plan.measure.pause_repetitions.unwrap_or(0).saturating_sub(blocks_asked(&plan.measure).1);
    if more > 0 && contrasted(plan).is_empty() { 0 } else { more }
}

/// Samples in the first `blocks` blocks.
pub fn samples_in(plan: &Plan, blocks: u32) -> u64 {
    let whole = blocks.min(blocks_asked(&plan.measure).1);
    let rest = if blocks > whole { u64::from(blocks - whole) * contrasted(plan).len() as u64 } else { 0 };
    u64::from(whole) * plan.points.len() as u64 + rest
}

/// Seed of one sample: of its addresses and of the jitter of its pauses.
pub fn sample_seed(plan: &Plan, slot: Slot) -> Seed {
    Seed(split(split(plan.measure.seed.0, SAMPLE), u64::from(slot.order)))
}

/// What a sample costs beyond its extent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Bytes that one worker touches first, in 1e9 bytes/s; workers touch in parallel, each what is its own.
    pub touch_gb_per_s: f64,
    /// Time of the replay / extent.
    pub replay_ratio: f64,
    /// Time of one touch while running, in ns: what an extent in operations takes.
    pub touch_ns: f64,
    /// A child process beyond touching memory: start, bind, read back, send, commit; in seconds.
    pub child_seconds: f64,
    /// Warm-up of arms that wait for NUMA balancing to settle, in seconds.
    pub settle_seconds: f64,
}

impl Costs {
    /// What to expect of a host that was not measured yet.
    ///
    /// Sources: 2 GiB of base pages touched by one thread in 0.87 s, and a live touch of 11 ns (design, section 6, and the
    /// lab's notes, measured); replay at most 15 % of a sample and a child at most 20 ms (the targets of `make bench`);
    /// settling twice the 3 s after which nearly all pages had moved (design, section 6; it is given up after 30 s).
    pub const EXPECTED: Costs =
        Costs { touch_gb_per_s: 2.4, replay_ratio: 0.15, touch_ns: 11.0, child_seconds: 0.02, settle_seconds: 6.0 };
}

/// Expected seconds of one sample of a point, from starting its process to its committed row.
pub fn sample_seconds(measure: &Measure, point: &Point, costs: &Costs) -> f64 {
    let whole = point.workload.whole_seconds(point.procs);
    let extent = match measure.extent {
        Extent::Seconds(seconds) => seconds.max(whole),
        Extent::Operations(operations) => {
            operations as f64 * (whole + point.workload.touches_per_operation() as f64 * costs.touch_ns / 1e9)
        }
    };
    let replay = if point.workload.has_heaps() { costs.replay_ratio * extent } else { 0.0 };
    // Whoever touches most is waited for: its own heap, and its part of the shared one or all of it.
    let need = point.workload.need();
    let shared = match point.placement.shared.toucher {
        Toucher::All => need.shared_bytes as f64 / f64::from(point.procs.max(1)),
        Toucher::FirstWorker => need.shared_bytes as f64,
    };
    let touch = (need.private_bytes as f64 + shared) / (costs.touch_gb_per_s * 1e9);
    let settle = if point.settle { costs.settle_seconds } else { 0.0 };
    extent + replay + touch + settle + costs.child_seconds
}

/// Expected seconds of one block: every point once.
pub fn block_seconds(plan: &Plan, costs: &Costs) -> f64 {
    plan.points.iter().map(|point| sample_seconds(&plan.measure, point, costs)).sum()
}

/// Blocks that are asked for: the least and the most. Equal unless repetitions are decided by a pilot.
pub fn blocks_asked(measure: &Measure) -> (u32, u32) {
    match measure.repetitions {
        Repetitions::Fixed(blocks) => (blocks, blocks),
        Repetitions::Until { min, max, .. } => (min, max),
    }
}

/// Whole blocks of `block_seconds` that fit into `seconds`, at most `asked`. Never part of a block: a point that was
/// measured more often than others would no longer be compared in complete blocks.
///
/// A block that takes no time fits as often as asked; a budget that is not above 0 holds none.
pub fn whole_blocks_within(seconds: f64, block_seconds: f64, asked: u32) -> u32 {
    if seconds.is_nan() || seconds <= 0.0 {
        return 0;
    }
    let fit = seconds / block_seconds.max(f64::MIN_POSITIVE);
    // A conversion saturates, and rounding must not cost the block that fits exactly.
    ((fit * (1.0 + 1e-12)).floor() as u32).min(asked)
}

/// Whole blocks that will run: as many as asked, or as its budget holds, and one in any case.
pub fn blocks_expected(plan: &Plan, costs: &Costs) -> u32 {
    let (_, asked) = blocks_asked(&plan.measure);
    match plan.measure.budget_seconds {
        None => asked,
        Some(budget) => whole_blocks_within(budget, block_seconds(plan, costs), asked).max(1),
    }
}

/// Further blocks of contrasted points that will run: as many as asked, or as its budget holds beyond the whole ones.
pub fn pause_blocks_expected(plan: &Plan, costs: &Costs) -> u32 {
    let (asked, whole) = (pause_blocks(plan), blocks_expected(plan, costs));
    match plan.measure.budget_seconds {
        Some(_) if whole < blocks_asked(&plan.measure).1 => 0,
        Some(budget) if asked > 0 => {
            let left = budget - f64::from(whole) * block_seconds(plan, costs);
            whole_blocks_within(left, pause_block_seconds(plan, costs), asked)
        }
        _ => asked,
    }
}

/// Expected seconds of one block of the points whose pauses are contrasted.
pub fn pause_block_seconds(plan: &Plan, costs: &Costs) -> f64 {
    contrasted(plan).iter().map(|&point| sample_seconds(&plan.measure, &plan.points[point], costs)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_count() {
        let check = |seconds: f64, block: f64, asked: u32, expect: u32| {
            assert_eq!(
                whole_blocks_within(seconds, block, asked),
                expect,
                "{seconds} s, block {block} s, asked {asked}"
            );
        };
        check(900.0, 60.0, 10, 10);
        check(900.0, 90.0, 10, 10);
        check(900.0, 90.1, 10, 9);
        check(59.0, 60.0, 10, 0);
        check(0.3, 0.1, 10, 3);
        check(0.0, 1.0, 10, 0);
        check(-1.0, 1.0, 10, 0);
        check(f64::NAN, 1.0, 10, 0);
        check(f64::INFINITY, 1.0, 10, 10);
        check(1.0, 0.0, 10, 10);
    }

    #[test]
    fn contrasted_points_have_blocks_of_their_own() {
        let golden = include_str!("../../../results/golden-2n8p/plan.toml");
        let mut plan: Plan = toml::from_str(golden).expect("the golden plan");
        let arm = plan.points[0].arm.split('+').next().expect("a name").to_string();
        let procs: Vec<u32> = plan.points.iter().filter(|point| point.arm.contains(&arm)).map(|p| p.procs).collect();
        let claim = |procs, over_procs| crate::claim::Claim {
            id: "v".into(),
            text: "v".into(),
            arms: vec![arm.clone()],
            subjects: Vec::new(),
            levels: std::collections::BTreeMap::new(),
            over: crate::claim::Over::default(),
            nodes_least: 1,
            node_cores: crate::claim::NodeCores::default(),
            untestable: None,
            rule: ClaimRule::VarianceRatio { procs, over_procs, printed: 3.8 },
        };
        let n = plan.points.len() as u32;
        (plan.measure.repetitions, plan.measure.pause_repetitions) = (Repetitions::Fixed(3), Some(5));
        // One side of it does not run here: nothing is contrasted.
        plan.claims = vec![claim(procs[1], 999)];
        assert_eq!((contrasted(&plan), pause_blocks(&plan)), (vec![], 0));
        plan.claims = vec![claim(procs[1], procs[0])];
        let both = contrasted(&plan);
        assert_eq!((both.len(), pause_blocks(&plan), samples_in(&plan, 5)), (2, 2, u64::from(3 * n + 4)));
        for block in 0..5 {
            let slots = block_slots(&plan, block);
            let mut points: Vec<usize> = slots.iter().map(|slot| slot.point).collect();
            points.sort_unstable();
            assert_eq!(points, if block < 3 { (0..n as usize).collect() } else { both.clone() }, "block {block}");
            assert!(slots.iter().all(|slot| slot.order / n == block), "{slots:?}");
        }
        let costs = Costs::EXPECTED;
        let (whole, pair) = (block_seconds(&plan, &costs), pause_block_seconds(&plan, &costs));
        for (budget, expect) in
            [(3.0 * whole + 1.5 * pair, (3, 1)), (2.5 * whole, (2, 0)), (0.1 * whole, (1, 0)), (9.0 * whole, (3, 2))]
        {
            plan.measure.budget_seconds = Some(budget);
            assert_eq!((blocks_expected(&plan, &costs), pause_blocks_expected(&plan, &costs)), expect, "{budget} s");
        }
    }

    /// By hand, for a point of 4 workers with 8 MB each and 16 MB shared, at 1 GB/s.
    #[test]
    fn the_parts_of_a_sample_add_up() {
        let golden = include_str!("../../../results/golden-2n8p/plan.toml");
        let plan: Plan = toml::from_str(golden).expect("the golden plan");
        let costs =
            Costs { touch_gb_per_s: 1.0, replay_ratio: 0.5, touch_ns: 10.0, child_seconds: 0.25, settle_seconds: 7.0 };
        let check = |settle: bool, toucher: Toucher, extent: Extent, expect: f64| {
            let mut point = plan.points[3].clone();
            let crate::workload::Workload::Serve(serve) = &mut point.workload else { panic!("it serves") };
            (serve.private_bytes, serve.shared_bytes) = (8_000_000, 16_000_000);
            (point.procs, point.settle, point.placement.shared.toucher) = (4, settle, toucher);
            let found = sample_seconds(&Measure { extent, ..plan.measure.clone() }, &point, &costs);
            assert!((found - expect).abs() < 1e-12, "{found} s, expected {expect} s");
        };
        check(false, Toucher::All, Extent::Seconds(2.0), 3.0 + 0.012 + 0.25);
        check(false, Toucher::FirstWorker, Extent::Seconds(2.0), 3.0 + 0.024 + 0.25);
        check(true, Toucher::All, Extent::Seconds(2.0), 3.0 + 0.012 + 7.0 + 0.25);
        // 1,000,000 operations of 64 touches of 10 ns.
        check(false, Toucher::All, Extent::Operations(1_000_000), 0.96 + 0.012 + 0.25);
    }
}
