//! That a row of samples.csv says of its point, its run and its place in the schedule what plan and manifest say.

use super::samples::Note;
use plan::experiment::Thresholds;
use plan::manifest::Manifest;
use plan::place::Regime;
use plan::point::{Plan, Point, Slot};
use plan::record::{Row, SampleRow, StopReason};
use plan::schedule::{block_holds, sample_seed};
use std::collections::HashMap;

/// What all rows of a run must agree with, and the orders seen so far.
pub(crate) struct Identity<'a> {
    plan: &'a Plan,
    manifest: &'a Manifest,
    points: HashMap<&'a str, (usize, &'a Point)>,
    attempts: HashMap<u32, Attempt>,
    next_id: u64,
}

/// What the last row of an order says of it.
struct Attempt {
    point_id: String,
    block: u32,
    failed: bool,
}

impl<'a> Identity<'a> {
    pub(crate) fn new(plan: &'a Plan, manifest: &'a Manifest) -> Identity<'a> {
        let points = plan.points.iter().enumerate().map(|(at, point)| (point.id.as_str(), (at, point)));
        Identity { plan, manifest, points: points.collect(), attempts: HashMap::new(), next_id: 0 }
    }

    /// The point of a row; `None` where the plan has none of that name.
    pub(crate) fn point(&self, row: &SampleRow) -> Option<&'a Point> {
        self.points.get(row.point_id.as_str()).map(|(_, point)| *point)
    }

    /// The sample that comes after those that were checked.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Checks a row; `cells` are all of it, those of the further factors behind the fixed ones.
    pub(crate) fn check(&mut self, row: &SampleRow, cells: &[&str], note: &mut Note<'_>) {
        let manifest = self.manifest;
        note.unequal("sample_id", row.sample_id, self.next_id);
        self.next_id = row.sample_id.saturating_add(1);
        note.unequal("experiment", row.experiment.as_str(), &manifest.experiment);
        note.unequal("host", row.host.as_str(), &manifest.host);
        note.unequal("source", row.source.as_str(), &manifest.source);
        note.unequal("timing", row.timing, manifest.timing);
        match self.points.get(row.point_id.as_str()) {
            None => note.other("point_id", &row.point_id, "a point of plan.toml"),
            Some(&(at, point)) => {
                check_point(row, point, note);
                let levels = cells.get(SampleRow::COLUMNS.len()..).unwrap_or_default();
                for (factor, level) in self.plan.factors.iter().zip(levels) {
                    note.unequal(factor, *level, point.factors.get(factor).map_or("", String::as_str));
                }
                // Each block holds every point once, or every point whose pauses are contrasted.
                if !block_holds(self.plan, row.block, at) {
                    note.other("point_id", &row.point_id, format!("a point of block {block}", block = row.block));
                }
                let slot = Slot { point: at, block: row.block, order: row.order };
                note.unequal("seed, that of the plan and the order", row.seed, sample_seed(self.plan, slot));
                check_flag(row, point, &self.plan.measure.thresholds, note);
            }
        }
        note.unequal("block, order / number of points", row.block, row.order / self.plan.points.len().max(1) as u32);
        note.unequal("repetition, the block", row.repetition, row.block);
        self.check_order(row, note);
    }

    /// An order comes once, or again where its sample failed: then it is the same point in the same block.
    fn check_order(&mut self, row: &SampleRow, note: &mut Note<'_>) {
        let (point_id, failed) = (row.point_id.clone(), row.stop_reason == StopReason::Failed);
        let attempt = Attempt { point_id, block: row.block, failed };
        let Some(earlier) = self.attempts.insert(row.order, attempt) else { return };
        if earlier.failed {
            note.unequal("point_id, that of the sample it retries", row.point_id.as_str(), &earlier.point_id);
            note.unequal("block, that of the sample it retries", row.block, earlier.block);
        } else {
            note.other("order", format!("{} again", row.order), "once, since its sample did not fail");
        }
    }
}

fn check_point(row: &SampleRow, point: &Point, note: &mut Note<'_>) {
    note.unequal("arm", row.arm.as_str(), &point.arm);
    note.unequal("workload", row.workload.as_str(), point.workload.kind());
    note.unequal("subject", row.subject.as_str(), &point.subject);
    note.unequal("procs", row.procs, point.procs);
    note.unequal("regime", row.regime, point.regime);
    note.unequal("placement", row.placement.as_str(), &point.placement_name);
    note.unequal("memory_policy", row.memory_policy.as_str(), &point.memory_policy);
    note.unequal("nodes_spanned", row.nodes_spanned, point.nodes_spanned);
}

/// A flag has its reason, and who waited too long for a PU or a page is flagged. Of steal the ticks are not in the row, of
/// throttling and of pages that spilled nothing is: what the reason says of them is believed.
fn check_flag(row: &SampleRow, point: &Point, limits: &Thresholds, note: &mut Note<'_>) {
    let limit = limits.run_delay_ratio;
    note.unequal("contaminated, whether there is a reason", row.contaminated, row.contaminated_reason.is_some());
    let waited = row.run_delay_ratio.filter(|&ratio| ratio > limit && point.regime != Regime::Oversubscribed);
    if let (Some(ratio), false) = (waited, row.contaminated) {
        note.other("run_delay_ratio of a sample that is not flagged", ratio, format!("{limit} at most"));
    }
    let faults = row.major_faults.filter(|&faults| faults > limits.major_faults);
    if let (Some(faults), false) = (faults, row.contaminated) {
        note.other("major_faults of a sample that is not flagged", faults, format!("{} at most", limits.major_faults));
    }
}
