//! What a budget holds: where not even a few whole blocks fit, points are left out, with the reason, before anything runs.
//!
//! First those that wait for NUMA balancing to settle, whose warm-up is as long as hundreds of samples. Then numbers of
//! workers, of all arms at once so that arms stay comparable: the one that lies closest to its neighbours goes first,
//! the two lowest and the highest never. Fewer blocks, rather than fewer points, is what happens above that.

use super::reason::Reason;
use crate::experiment::Measure;
use crate::point::{Point, Skipped};
use crate::schedule::{Costs, blocks_asked, sample_seconds, whole_blocks_within};
use std::collections::BTreeSet;

/// Fewer samples of a point than this make no interval worth printing (at 5 runs a t interval is 1.4 times as wide as
/// at 10).
const BLOCKS_LEAST: u32 = 5;
/// Numbers of workers that are always kept.
const PROCS_LEAST: usize = 3;

/// Takes points out until [`BLOCKS_LEAST`] blocks fit the budget, or nothing more may go.
pub(super) fn fit(points: &mut Vec<Point>, skipped: &mut Vec<Skipped>, measure: &Measure) {
    let Some(budget_seconds) = measure.budget_seconds else { return };
    let least = BLOCKS_LEAST.min(blocks_asked(measure).0);
    let seconds =
        |points: &[Point]| -> f64 { points.iter().map(|point| sample_seconds(measure, point, &Costs::EXPECTED)).sum() };
    let fits = |points: &[Point]| whole_blocks_within(budget_seconds, seconds(points), least) >= least;
    let reason = Reason::Budget { budget_seconds, block_seconds: seconds(points), least }.to_string();
    let mut leave_out = |points: &mut Vec<Point>, goes: &dyn Fn(&Point) -> bool| {
        skipped.extend(points.extract_if(.., |point| goes(point)).map(|point| Skipped {
            arm: point.arm,
            procs: point.procs,
            subject: point.subject,
            factors: point.factors,
            axis_level: point.axis_level,
            reason: reason.clone(),
        }));
    };
    if !fits(points) && points.iter().any(|point| !point.settle) {
        leave_out(points, &|point| point.settle);
    }
    while !fits(points) {
        let Some(procs) = most_crowded(points) else { return };
        leave_out(points, &|point| point.procs == procs);
    }
}

/// The number of workers whose neighbours are closest, as a ratio; `None` where none may go.
fn most_crowded(points: &[Point]) -> Option<u32> {
    let procs: BTreeSet<u32> = points.iter().map(|point| point.procs).collect();
    if procs.len() <= PROCS_LEAST {
        return None;
    }
    let procs: Vec<u32> = procs.into_iter().collect();
    let spread = |around: &&[u32]| f64::from(around[2]) / f64::from(around[0]);
    // The first window is around the second lowest, which stays.
    let crowded = procs.windows(3).skip(1).min_by(|a, b| spread(a).total_cmp(&spread(b)))?;
    Some(crowded[1])
}

#[cfg(test)]
mod tests {
    use crate::experiment::{Overrides, read_experiment};
    use crate::topology::Conditions;
    use std::path::Path;

    #[test]
    fn what_a_minute_cannot_hold_is_left_out_with_the_reason() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/numa-binding.toml");
        let file = read_experiment(&file).expect("the experiment is sound");
        let overrides = Overrides { budget_seconds: Some(60.0), ..Overrides::default() };
        let topology = serde_json::from_str(include_str!("../../../../results/golden-2n8p/topology.json"));
        let balancing = Conditions { numa_balancing: true, ..Conditions::ideal() };
        let plan = crate::plan(&file, &overrides, &topology.expect("a topology"), &balancing).expect("it plans");
        let kept: std::collections::BTreeSet<u32> = plan.points.iter().map(|point| point.procs).collect();
        assert!(kept.contains(&1) && kept.contains(&2) && kept.len() >= 3, "{kept:?}");
        assert!(plan.points.iter().all(|point| !point.settle), "settling is the first to go");
        let left_out = |arm: &str| {
            let mut skipped = plan.skipped.iter().filter(|skipped| skipped.arm == arm);
            skipped.any(|skipped| skipped.reason.starts_with("left out to fit the budget of 60 s"))
        };
        assert!(left_out("unbound-settled"), "{:?}", plan.skipped);
    }
}
