//! What was measured of a workload without heaps: a line for each point, with the workload's own columns.

use super::grid::{Align, Grid};
use super::points::flags;
use crate::curves::{Summaries, unit_of};
use crate::results::Results;
use plan::point::{Plan, Point};

/// Whether the main table is this one.
pub(super) fn is_heapless(plan: &Plan) -> bool {
    plan.points.iter().all(|point| !point.workload.has_heaps())
}

/// Levels of the factors in columns of their own, since they are what such an experiment sweeps.
pub(super) fn grid(results: &Results, summaries: &Summaries<'_>) -> Grid {
    let plan = &results.plan;
    let metrics = plan.points.first().map_or(&[][..], |point| point.workload.metrics());
    let mut grid = Grid::default().column("procs", Align::Right, 0);
    grid = plan.factors.iter().fold(grid, |grid, factor| grid.column(factor, Align::Right, 0));
    // Its last columns tell least, and are left out first.
    for (metric, spare) in metrics.iter().zip(0u8..) {
        let title = metric.name.strip_suffix("_ns").unwrap_or(metric.name).replace('_', " ");
        grid = grid.column(&title, Align::Left, spare);
    }
    grid = grid.column("n", Align::Right, 0).column("flags", Align::Left, 0);
    for alike in plan.points.chunk_by(|a, b| a.arm == b.arm && a.subject == b.subject) {
        let Point { arm, subject, placement_name, .. } = &alike[0];
        grid.heading(format!("{arm}, subject {subject}: placement {placement_name}"));
        for point in alike {
            let own = metrics.iter().map(|metric| match summaries.estimate(point, metric.name) {
                Some((mean, interval)) => {
                    let shown = unit_of(metric.name, results).show_with_interval(mean, interval);
                    format!("{shown}{of_n}", of_n = summaries.of_n(point, metric.name))
                }
                None => String::new(),
            });
            let levels = plan.factors.iter().map(|factor| point.factors.get(factor).cloned().unwrap_or_default());
            let last = [summaries.n(point), flags(results, summaries, point)];
            grid.row([point.procs.to_string()].into_iter().chain(levels).chain(own).chain(last).collect());
        }
    }
    grid
}
