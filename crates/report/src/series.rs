//! Points that make one curve over the plan's axis: one arm, one group of further levels, one regime.

use plan::place::Regime;
use plan::point::{PROCS, Plan, Point};
use plan::reach::Reach;
use std::collections::BTreeMap;

/// Points of one curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Arm, or arms that are one on this machine, joined with `+`.
    pub arm: String,
    /// Levels of the further factors, and the subject where there are several: `key=level, …`; empty for none.
    pub group: String,
    /// How crowded the PUs are at all of its points.
    pub regime: Regime,
    /// `(level of the axis, index into plan.points)`, ascending by level.
    pub points: Vec<(u32, usize)>,
}

impl Series {
    /// The part of it that lies within a reach.
    pub(crate) fn within(&self, plan: &Plan, reach: &Reach) -> Series {
        let is_in = |(x, point): &&(u32, usize)| reach.holds(*x, plan.points[*point].procs);
        Series { points: self.points.iter().filter(is_in).copied().collect(), ..self.clone() }
    }
}

/// All curves of a plan, in plan order.
pub fn series(plan: &Plan) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for (index, point) in plan.points.iter().enumerate() {
        let group = group_of(plan, point);
        let same = |one: &&mut Series| one.arm == point.arm && one.group == group && one.regime == point.regime;
        match all.iter_mut().find(same) {
            Some(one) => one.points.push((point.x(), index)),
            None => {
                let points = vec![(point.x(), index)];
                all.push(Series { arm: point.arm.clone(), group, regime: point.regime, points });
            }
        }
    }
    for one in &mut all {
        one.points.sort_unstable();
    }
    all
}

/// What distinguishes a point beyond arm, regime and its place on the axis: `subject=gmp, lines_per_request=64`.
pub fn group_of(plan: &Plan, point: &Point) -> String {
    group_over(plan, &plan.axis, (&point.subject, point.procs, &point.factors))
}

/// The same of subject, procs and levels where points are told apart by something else than the axis.
pub(crate) fn group_over(plan: &Plan, by: &str, at: (&str, u32, &BTreeMap<String, String>)) -> String {
    let (subject, procs, factors) = at;
    let several_subjects = plan.points.iter().any(|other| other.subject != subject);
    let subject = several_subjects.then(|| format!("subject={subject}"));
    let several_procs = by != PROCS && plan.points.iter().any(|other| other.procs != procs);
    let procs = several_procs.then(|| format!("procs={procs}"));
    // A factor that is another subject's is none of this point's.
    let level = |factor: &String| factors.get(factor).map(|level| format!("{factor}={level}"));
    let others = plan.factors.iter().filter(|factor| *factor != by);
    subject.into_iter().chain(procs).chain(others.filter_map(level)).collect::<Vec<_>>().join(", ")
}
