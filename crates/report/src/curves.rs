//! Which points belong to one curve: all that differ in their place on the plan's axis alone.
//!
//! Arms that come out identical at some of them share that point (`close+spread`); it then belongs to the curve of each.
//! Arms that share all their points are one curve with both names.

use crate::results::{Derived, Results, SummaryLine};
use crate::series::group_over;
use crate::show::Unit;
use plan::point::{Plan, Point, is_arm};
use plan::record::{Row, SampleRow, SummaryRow};
use std::collections::HashMap;

/// One curve of a results folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    /// Arm or arms, joined with `+`.
    pub arm: String,
    /// Levels beyond arm and axis, as [`group_of`](crate::group_of) writes them; empty for none.
    pub levels: String,
    /// Indexes into [`Plan::points`], ascending along the axis.
    pub points: Vec<usize>,
}

impl Curve {
    /// Arm and levels: `close, subject=gmp`.
    pub fn name(&self) -> String {
        if self.levels.is_empty() { self.arm.clone() } else { format!("{}, {}", self.arm, self.levels) }
    }

    /// Whether a row that names an arm (perhaps several, joined) is about this curve's arm.
    pub fn is_of_arm(&self, arm: &str) -> bool {
        self.arm.split('+').any(|own| is_arm(arm, own))
    }
}

/// The curves of a plan, in plan order.
pub fn curves(plan: &Plan) -> Vec<Curve> {
    curves_over(plan, &plan.axis)
}

/// The same with points that differ in their level of something else alone, procs or a factor.
pub(crate) fn curves_over(plan: &Plan, by: &str) -> Vec<Curve> {
    let mut single: Vec<Curve> = Vec::new();
    for (at, point) in plan.points.iter().enumerate() {
        let levels = group_over(plan, by, (&point.subject, point.procs, &point.factors));
        for arm in point.arm.split('+') {
            match single.iter_mut().find(|curve| curve.arm == arm && curve.levels == levels) {
                Some(curve) => curve.points.push(at),
                None => single.push(Curve { arm: arm.into(), levels: levels.clone(), points: vec![at] }),
            }
        }
    }
    let mut curves: Vec<Curve> = Vec::new();
    for mut curve in single {
        curve.points.sort_by_key(|&at| (plan.points[at].x(), at));
        match curves.iter_mut().find(|other| other.points == curve.points) {
            Some(same) => same.arm = format!("{}+{}", same.arm, curve.arm),
            None => curves.push(curve),
        }
    }
    curves
}

/// Rows of summary.csv by point and metric.
pub(crate) struct Summaries<'a> {
    rows: HashMap<(&'a str, &'a str), &'a SummaryLine>,
}

impl<'a> Summaries<'a> {
    pub(crate) fn of(derived: &'a Derived) -> Summaries<'a> {
        let key = |line: &'a SummaryLine| ((line.row.point_id.as_str(), line.row.metric.as_str()), line);
        Summaries { rows: derived.summary.iter().map(key).collect() }
    }

    pub(crate) fn get(&self, point: &'a Point, metric: &'a str) -> Option<&'a SummaryLine> {
        self.rows.get(&(point.id.as_str(), metric)).copied()
    }

    /// Mean (geometric where its interval is, see summary.csv) and interval of a metric; `None` where nothing was measured.
    pub(crate) fn estimate(&self, point: &'a Point, metric: &'a str) -> Option<(f64, Option<(f64, f64)>)> {
        let row = &self.get(point, metric)?.row;
        Some((row.mean?, row.ci_low.zip(row.ci_high)))
    }

    /// Samples that did not fail: `10`, or `8 of 10` where some did.
    pub(crate) fn n(&self, point: &'a Point) -> String {
        let Some(SummaryLine { row, .. }) = self.get(point, "throughput_per_s") else { return "0".into() };
        let SummaryRow { n, n_failed, .. } = row;
        if *n_failed > 0 { format!("{n} of {all}", all = n + n_failed) } else { n.to_string() }
    }

    /// ` (4 of 10)` where only so many of the samples that did not fail have this metric, else nothing.
    pub(crate) fn of_n(&self, point: &'a Point, metric: &'a str) -> String {
        let n = |metric: &'a str| self.get(point, metric).map_or(0, |line| line.row.n);
        let (k, n) = (n(metric), n("throughput_per_s"));
        if k < n { format!(" ({k} of {n})") } else { String::new() }
    }

    /// Local hit ratio; its interval is widened by touches whose page or PU is unknown, `None` where all samples agree.
    pub(crate) fn hit_ratio(&self, point: &'a Point) -> Option<(f64, Option<(f64, f64)>)> {
        let (mean, interval) = self.estimate(point, "local_hit_ratio")?;
        let bound = |metric: &'static str| self.get(point, metric).and_then(|line| line.row.mean);
        let (low, high) = interval.unwrap_or((mean, mean));
        let low = bound("local_hit_low").map_or(low, |bound| bound.min(low)).max(0.0);
        let high = bound("local_hit_high").map_or(high, |bound| bound.max(high)).min(1.0);
        Some((mean, (low < high).then_some((low, high))))
    }
}

/// Unit of a metric: a column of samples.csv, `remote_ratio`, or one that the workload adds.
pub(crate) fn unit_of(metric: &str, results: &Results) -> Unit {
    let fixed = SampleRow::COLUMNS.iter().find(|column| column.name == metric).map(|column| column.unit);
    let own = || results.samples.metric(metric).map(|own| own.unit.as_str());
    match fixed.or_else(own) {
        Some(unit) => Unit::of(unit),
        None if metric == "remote_ratio" => Unit::Ratio,
        None => Unit::Plain,
    }
}
