//! Whether a claim can be tested on this machine with this run, and on which points.

use super::{Question, subjects_of};
use crate::series::{Series, group_of, series};
use plan::claim::{ClaimRule, NEVER_AVERAGED, Span};
use plan::place::Regime;
use plan::point::{Point, is_arm};
use plan::policy::MemoryPolicy;
use plan::reach::Reach;
use plan::record::Timing;
use plan::topology::Conditions;
use std::collections::BTreeSet;

/// What a claim is tested on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Testable {
    /// `(procs, index into plan.points)`: those that the rule names in that order, or the whole grid ascending.
    pub(crate) points: Vec<(u32, usize)>,
    /// The curve that a knee is looked for on; `None` for other types.
    pub(crate) curve: Option<Series>,
    /// What a reader must know of the regimes: `regimes differ: core at 2, 4 procs, smt at 8 procs`.
    pub(crate) regimes: Option<String>,
}

/// The points of a claim, or the reason why it is not testable here.
pub(crate) fn testable(question: &Question<'_>) -> Result<Testable, String> {
    if let Some(metric) = question.claim.rule.metrics().iter().find(|metric| NEVER_AVERAGED.contains(metric)) {
        // Experiments that ask for it are refused; a folder of before may still do so.
        return Err(format!("{metric} is a quantile or an extreme of a sample, which is never averaged"));
    }
    machine_suffices(question)?;
    let arm = points_of_arm(question)?;
    let (manifest, axis) = (&question.results.manifest, question.axis());
    if question.claim.rule.is_about_time() && manifest.timing == Timing::Emulated {
        return Err("times of this run are emulated; the claim is about time".into());
    }
    let mut testable = match &question.claim.rule {
        ClaimRule::Value { procs, .. } | ClaimRule::Limit { procs, over_procs: None, .. } => {
            named_points(question, &arm, &[*procs])?
        }
        ClaimRule::Ratio { procs, over_procs, .. } | ClaimRule::Limit { procs, over_procs: Some(over_procs), .. }
            if !question.claim.over.is_same() =>
        {
            let other = question.denominator();
            let above = named_points(question, &arm, &[*procs])?.points;
            let below = named_points(&other, &points_of_arm(&other)?, &[*over_procs])?.points;
            Testable { points: [above, below].concat(), curve: None, regimes: None }
        }
        ClaimRule::Ratio { procs, over_procs, .. }
        | ClaimRule::Limit { procs, over_procs: Some(over_procs), .. }
        | ClaimRule::VarianceRatio { procs, over_procs, .. }
        | ClaimRule::Relation { procs, over_procs, .. } => named_points(question, &arm, &[*procs, *over_procs])?,
        ClaimRule::Peak { procs, .. } => grid(question, &arm, *procs)?,
        ClaimRule::Slope { span, .. } | ClaimRule::Monotone { span, .. } => within(question, &arm, span)?,
        ClaimRule::Knee { .. } => curve(question, &Reach::default())?,
        ClaimRule::Model { reach, .. } | ClaimRule::Threshold { reach, .. } => curve(question, reach)?,
    };
    for &(procs, point) in &testable.points {
        let point = &question.results.plan.points[point];
        if let Some(inherited) = inherits(&manifest.conditions, point) {
            return Err(format!("at {procs} {axis} the arm depends on what this process inherited: {inherited}"));
        }
        if question.results.samples.rows_of(index_of(question, point)).is_empty() {
            return Err(format!("no sample at {procs} {axis} yet; resume the run"));
        }
    }
    testable.regimes = regimes(question, &testable.points);
    match &testable.regimes {
        // Oversubscribed points are out already, so that it is cores against siblings.
        Some(regimes) if is_about_nodes(question) => Err(format!("{regimes}; what changes is not nodes alone")),
        _ => Ok(testable),
    }
}

/// Whether it is a claim about NUMA.
fn is_about_nodes(question: &Question<'_>) -> bool {
    question.claim.nodes_least > 1
}

/// Said where points are of several regimes, or oversubscribed.
fn regimes(question: &Question<'_>, points: &[(u32, usize)]) -> Option<String> {
    let of = |regime: &Regime| {
        let points = points.iter().filter(|(_, point)| question.results.plan.points[*point].regime == *regime);
        let procs: Vec<String> = points.map(|(procs, _)| procs.to_string()).collect();
        (!procs.is_empty())
            .then(|| format!("{regime} at {procs} {axis}", procs = procs.join(", "), axis = question.axis()))
    };
    let parts: Vec<String> = Regime::ALL.iter().filter_map(of).collect();
    match &parts[..] {
        [only] => only.starts_with(Regime::Oversubscribed.word()).then(|| only.clone()),
        _ => Some(format!("regimes differ: {parts}", parts = parts.join(", "))),
    }
}

fn index_of(question: &Question<'_>, point: &Point) -> usize {
    question.results.plan.points.iter().position(|other| other.id == point.id).expect("a point of this plan")
}

fn machine_suffices(question: &Question<'_>) -> Result<(), String> {
    let (topology, claim) = (&question.results.topology, question.claim);
    let (nodes, least) = (topology.default_nodes(), claim.nodes_least as usize);
    if nodes.len() < least {
        let (count, word) = (nodes.len(), if nodes.len() == 1 { "node" } else { "nodes" });
        return Err(format!("this machine has {count} {word}; the claim needs {least}"));
    }
    let cores: BTreeSet<u32> = nodes.iter().map(|node| topology.cores_of_node(node)).collect();
    if cores.iter().all(|&cores| claim.node_cores.admit(cores)) {
        return Ok(());
    }
    let have = cores.iter().map(u32::to_string).collect::<Vec<_>>().join(" and ");
    Err(format!("the claim is about {premise}; this machine's have {have}", premise = claim.node_cores))
}

/// Points of the arm, in plan order, all of one group.
fn points_of_arm<'a>(question: &Question<'a>) -> Result<Vec<(usize, &'a Point)>, String> {
    let (plan, arm) = (&question.results.plan, question.arm());
    let points: Vec<_> = plan.points.iter().enumerate().filter(|(_, point)| question.is_about(point)).collect();
    let who = match subjects_of(plan, question.claim).len() {
        1 => format!("arm {arm}"),
        _ => format!("arm {arm} of subject {subject}", subject = question.subject()),
    };
    let groups: BTreeSet<String> = points.iter().map(|(_, point)| group_of(plan, point)).collect();
    match groups.len() {
        0 => match plan.skipped.iter().find(|skipped| question.is_about_skipped(skipped)) {
            Some(skipped) => Err(format!("{who} does not run here: {reason}", reason = skipped.reason)),
            // Whatever was asked for has a point, or a reason why it was skipped.
            None if plan.points.iter().any(|point| point.is_of_arm(arm)) => {
                Err(format!("{who} was not asked for, or not at the claim's levels"))
            }
            None => Err(format!("arm {arm} was not asked for; leave --arm out, or add --arm {arm}")),
        },
        1 => Ok(points),
        _ => {
            let groups = groups.into_iter().collect::<Vec<_>>().join("; ");
            Err(format!(
                "arm {arm} was swept over more than {axis} ({groups}); a claim is about one of them, which its levels name",
                axis = question.axis()
            ))
        }
    }
}

fn named_points(question: &Question<'_>, arm: &[(usize, &Point)], procs: &[u32]) -> Result<Testable, String> {
    let axis = question.axis();
    let find = |&procs: &u32| {
        let Some((index, point)) = arm.iter().find(|(_, point)| point.x() == procs) else {
            return Err(why_not_measured(question, procs));
        };
        if point.regime == Regime::Oversubscribed && is_about_nodes(question) {
            return Err(format!("{procs} {axis} are oversubscribed here; such points enter no claim about nodes"));
        }
        Ok((procs, *index))
    };
    Ok(Testable { points: procs.iter().map(find).collect::<Result<_, _>>()?, curve: None, regimes: None })
}

fn why_not_measured(question: &Question<'_>, procs: u32) -> String {
    let (axis, mut skipped) = (question.axis(), question.results.plan.skipped.iter());
    match skipped.find(|skipped| skipped.x() == procs && question.is_about_skipped(skipped)) {
        Some(skipped) => format!("{procs} {axis} were skipped: {reason}", reason = skipped.reason),
        None => format!("{procs} {axis} are not in the sweep; add them to sweep.{axis}"),
    }
}

/// All procs; for a claim about nodes those at which the PUs suffice.
fn grid(question: &Question<'_>, arm: &[(usize, &Point)], claimed: u32) -> Result<Testable, String> {
    let fits = arm.iter().filter(|(_, point)| point.regime != Regime::Oversubscribed || !is_about_nodes(question));
    let mut points: Vec<(u32, usize)> = fits.map(|(index, point)| (point.x(), *index)).collect();
    points.sort_unstable();
    let (first, last) = (points.first().map_or(u32::MAX, |point| point.0), points.last().map_or(0, |point| point.0));
    if !(first..=last).contains(&claimed) {
        if arm.iter().any(|(_, point)| point.x() == claimed) {
            let axis = question.axis();
            return Err(format!("{claimed} {axis} are oversubscribed here; such points enter no claim about nodes"));
        }
        return Err(why_not_measured(question, claimed));
    }
    Ok(Testable { points, curve: None, regimes: None })
}

/// The part of the grid that a slope or a trend is about; both its ends, where named, must be on it.
fn within(question: &Question<'_>, arm: &[(usize, &Point)], span: &Span) -> Result<Testable, String> {
    let axis = question.axis();
    let ends: Vec<u32> = span.from.into_iter().chain(span.to).collect();
    named_points(question, arm, &ends)?;
    let fits = arm.iter().filter(|(_, point)| point.regime != Regime::Oversubscribed || !is_about_nodes(question));
    let inside = fits.filter(|(_, point)| span.holds(point.x()));
    let mut points: Vec<(u32, usize)> = inside.map(|(index, point)| (point.x(), *index)).collect();
    points.sort_unstable();
    match points.len() {
        0 | 1 => Err(format!("{n} {axis} {span}; two are needed", n = points.len(), span = span.in_words(axis))),
        _ => Ok(Testable { points, curve: None, regimes: None }),
    }
}

/// The curve of the regime with the most procs, cores before siblings, as far as the claim is about it.
fn curve(question: &Question<'_>, reach: &Reach) -> Result<Testable, String> {
    let plan = &question.results.plan;
    // Along another axis the PUs are as crowded at every point, which is said beside the verdict.
    let may_be_crowded = !plan.is_over_procs() && !is_about_nodes(question);
    let is_about = |one: &Series| {
        let point = one.points.first().map(|&(_, point)| &plan.points[point]);
        is_arm(&one.arm, question.arm)
            && (may_be_crowded || one.regime != Regime::Oversubscribed)
            && point.is_some_and(|point| question.is_about(point))
    };
    let curves = series(plan).into_iter().filter(is_about);
    // max_by_key takes the last of equals: siblings first, so that cores win.
    let mut curves: Vec<Series> = curves.collect();
    curves.sort_by_key(|one| one.regime == Regime::Core);
    let Some(curve) = curves.into_iter().max_by_key(|one| one.points.len()) else {
        return Err("every point is oversubscribed here; such points enter no claim".into());
    };
    let curve = curve.within(plan, reach);
    match curve.points.is_empty() {
        true => Err(format!("no {axis} {reach}", axis = plan.axis, reach = reach.in_words(&plan.axis))),
        false => Ok(Testable { points: curve.points.clone(), curve: Some(curve), regimes: None }),
    }
}

/// What a point leaves as inherited although the process did not start with all of the machine.
fn inherits(conditions: &Conditions, point: &Point) -> Option<String> {
    let placement = &point.placement;
    let floats = placement.process.cpus.is_none() && placement.workers.iter().any(|place| place.cpus.is_none());
    let default_memory = placement.process.memory.is_none()
        && (placement.shared.policy == MemoryPolicy::FirstTouch
            || placement.workers.iter().any(|place| place.private == MemoryPolicy::FirstTouch));
    match (&conditions.inherited_cpus, &conditions.inherited_policy) {
        (Some(cpus), _) if floats => Some(format!("affinity to PUs {cpus}")),
        (_, Some(policy)) if default_memory => Some(format!("memory policy {policy}")),
        _ => None,
    }
}

#[cfg(test)]
#[path = "../../../plan/tests/machines/mod.rs"]
mod machines;

#[cfg(test)]
mod tests {
    use super::machines::machine;
    use super::*;
    use crate::fixture::{golden, workspace};
    use plan::topology::Topology;

    /// The claims of the article's experiment that are not about such a machine, and what is said of each.
    fn check(topology: Topology, expect: &[(&str, &str)]) {
        let file = workspace().join("experiments/numa-binding.toml");
        let experiment = plan::experiment::read_experiment(&file).expect("the experiment is sound");
        let mut results = golden();
        results.topology = topology;
        let refused = |claim| {
            let question = Question {
                results: &results,
                claim,
                arm: "unbound",
                subject: "threads",
                level: 0.95,
                is_denominator: false,
            };
            machine_suffices(&question).err().map(|reason| (claim.id.as_str(), reason))
        };
        let refused: Vec<_> = experiment.claims.iter().filter_map(refused).collect();
        let refused: Vec<_> = refused.iter().map(|(id, reason)| (*id, reason.as_str())).collect();
        assert_eq!(refused, expect, "{source:?}", source = results.topology.source);
    }

    #[test]
    fn a_claim_is_tested_on_machines_that_its_sentence_is_about() {
        check(machine(2, 32, 1), &[]);
        // Siblings are no cores.
        check(machine(2, 32, 2), &[]);
        let beyond_one = "the claim is about nodes of 32 to 63 cores; this machine's have 64";
        check(
            machine(2, 64, 1),
            &[
                ("hit-ratio-64", "the claim is about nodes of 32 cores; this machine's have 64"),
                ("throughput-64-over-8", beyond_one),
                ("throughput-64-over-32", beyond_one),
                ("throughput-peak", "the claim is about nodes of 32 cores; this machine's have 64"),
                ("pause-variance", beyond_one),
            ],
        );
        let one_holds_32 = "the claim is about nodes of 32 cores or more; this machine's have 24";
        let beyond_one = "the claim is about nodes of 32 to 63 cores; this machine's have 24";
        check(
            machine(4, 24, 1),
            &[
                ("hit-ratio-32", one_holds_32),
                ("hit-ratio-64", "the claim is about nodes of 32 cores; this machine's have 24"),
                ("remote-share-falls", one_holds_32),
                ("throughput-32-over-8", one_holds_32),
                ("throughput-64-over-8", beyond_one),
                ("throughput-64-over-32", beyond_one),
                ("throughput-peak", "the claim is about nodes of 32 cores; this machine's have 24"),
                ("pause-variance", beyond_one),
            ],
        );
    }

    #[test]
    fn each_node_counts_with_the_cores_that_may_be_used() {
        let mut narrowed = machine(2, 64, 1);
        narrowed.allowed_pus = "0-31,64-95".parse().expect("a list");
        check(narrowed.clone(), &[]);
        narrowed.allowed_pus = "0-31,64-71".parse().expect("a list");
        let have = |premise: &str| format!("the claim is about {premise}; this machine's have 8 and 32");
        let (exact, least, both) =
            (have("nodes of 32 cores"), have("nodes of 32 cores or more"), have("nodes of 32 to 63 cores"));
        check(
            narrowed,
            &[
                ("hit-ratio-32", &least),
                ("hit-ratio-64", &exact),
                ("remote-share-falls", &least),
                ("throughput-32-over-8", &least),
                ("throughput-64-over-8", &both),
                ("throughput-64-over-32", &both),
                ("throughput-peak", &exact),
                ("pause-variance", &both),
            ],
        );
    }
}
