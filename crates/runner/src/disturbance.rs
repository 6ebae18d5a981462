//! Whether causes outside the experiment disturbed a sample. Only such causes: parked time, oversubscription and slowness
//! are what is measured. A flagged sample is kept and used; the flag decides a sensitivity line, never a selection.

use crate::sample::Measured;
use plan::experiment::{THREADS, Thresholds};
use plan::place::Regime;
use plan::point::Point;
use plan::policy::MemoryPolicy;
use plan::record::SampleRow;

/// The causes found, one short sentence each; empty for an undisturbed sample.
///
/// `row` must hold the ratios already: `run_delay_ratio`, `steal_ratio`, `major_faults`, `worker_migrations`,
/// `pages_migrated`.
pub(crate) fn disturbances(row: &SampleRow, point: &Point, measured: &Measured, limits: &Thresholds) -> Vec<String> {
    let mut reasons = Vec::new();
    let crowded = point.regime == Regime::Oversubscribed;
    if let Some(ratio) = row.run_delay_ratio.filter(|ratio| !crowded && *ratio > limits.run_delay_ratio) {
        let (percent, limit) = (100.0 * ratio, 100.0 * limits.run_delay_ratio);
        reasons.push(format!("workers waited {percent:.1} % of their time for a PU (limit {limit:.1} %)"));
    }
    if let (Some(ratio), Some((ticks, _))) = (row.steal_ratio, measured.steal_ticks)
        && ratio > limits.steal_ratio
        && ticks >= limits.steal_ticks
    {
        let (percent, limit) = (100.0 * ratio, 100.0 * limits.steal_ratio);
        reasons.push(format!("steal {percent:.1} %, {ticks} ticks (limits {limit:.1} % and {})", limits.steal_ticks));
    }
    if let Some(periods) = measured.throttled_periods.filter(|periods| *periods > limits.throttled_periods) {
        let limit = limits.throttled_periods;
        reasons.push(format!("throttled by the cgroup's quota in {periods} periods (limit {limit})"));
    }
    if let Some(faults) = row.major_faults.filter(|faults| *faults > limits.major_faults) {
        let limit = limits.major_faults;
        reasons.push(format!("workers waited {faults} times for a page from swap or disk (limit {limit})"));
    }
    // Tasks of a scheduler move from processor to processor: that is what is measured.
    let stays = is_pinned(point) && point.subject == THREADS;
    if let Some(moves) = row.worker_migrations.filter(|moves| *moves > 0 && stays) {
        reasons.push(format!("pinned workers changed PU {moves} times"));
    }
    if let Some(pages) = row.pages_migrated.filter(|pages| *pages > 0 && (binds_cpus(point) || binds_memory(point))) {
        reasons.push(format!("{pages} pages changed node"));
    }
    let most = limits.pages_spilled_ratio;
    if let Some((outside, all)) = measured.pages_spilled.filter(|&(outside, all)| outside as f64 > most * all as f64) {
        let limit = 100.0 * most;
        reasons.push(format!(
            "{outside} of {all} pages lie outside the nodes of their policy, which were full (limit {limit:.1} %)"
        ));
    }
    reasons
}

/// Whether every worker has one PU, so that any change of PU came from outside.
fn is_pinned(point: &Point) -> bool {
    point.placement.workers.iter().all(|place| place.cpus.as_ref().is_some_and(|cpus| cpus.len() == 1))
}

fn binds_cpus(point: &Point) -> bool {
    point.placement.process.cpus.is_some() || point.placement.workers.iter().any(|place| place.cpus.is_some())
}

fn binds_memory(point: &Point) -> bool {
    let set = |policy: &MemoryPolicy| *policy != MemoryPolicy::FirstTouch;
    point.placement.process.memory.is_some()
        || set(&point.placement.shared.policy)
        || point.placement.workers.iter().any(|place| set(&place.private))
}
