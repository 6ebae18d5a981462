//! claims.csv: what the samples say about each claim of the experiment file, arm by arm and subject by subject.
//!
//! Rules so that two people come to the same verdict: the interval C at level 1 - .05 / (claims x arms x subjects) against the
//! claim's region R; supported iff C lies inside R, refuted iff they are disjoint, else undecided. What this machine or
//! this run cannot tell is not testable, with the reason. `gate` says what can be tested, `evidence` has the rule of
//! each type. All samples decide; where the clean ones alone say something else, the claim is undecided.

mod agree;
mod evidence;
mod gate;
mod shapes;
mod spread;
#[cfg(test)]
mod tests;
mod threshold;
mod words;

use crate::ratios::reader;
use crate::results::Results;
use crate::summary::{Counts, is_by_construction};
use evidence::{Evidence, evidence};
use gate::{Testable, testable};
use plan::claim::{Claim, ClaimRule, Side, Trend};
use plan::experiment::Settings;
use plan::point::{PROCS, Plan, Point, Skipped};
use plan::record::{ClaimRow, Verdict};
use rayon::prelude::*;
use stats::decide::{RATIO_FACTOR, Region, VARIANCE_FACTOR};
use stats::fit::DECISIVE_LEAD;
use stats::multiplicity::bonferroni_level;
use std::collections::BTreeMap;
use words::{has_level, rule_in_words, theta_of};

/// Share of a closed loop's tasks that served nothing: then there were fewer at work than the point says.
const UNSERVED: &str = "unserved_ratio";

/// One claim on one arm and subject.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) results: &'a Results,
    pub(crate) claim: &'a Claim,
    pub(crate) arm: &'a str,
    pub(crate) subject: &'a str,
    /// 1 - .05 / number of claims x arms x subjects.
    pub(crate) level: f64,
    /// Whether it is asked of a ratio's denominator.
    pub(crate) is_denominator: bool,
}

impl<'a> Question<'a> {
    /// The question of the denominator of a ratio.
    fn denominator(&self) -> Question<'a> {
        Question { is_denominator: true, ..*self }
    }

    fn is_about(&self, point: &Point) -> bool {
        point.is_of_arm(self.arm()) && self.is_at(&point.subject, point.procs, &point.factors)
    }

    fn is_about_skipped(&self, point: &Skipped) -> bool {
        point.is_of_arm(self.arm()) && self.is_at(&point.subject, point.procs, &point.factors)
    }

    /// Its arm; that of the denominator where this is the question of one.
    fn arm(&self) -> &'a str {
        let other = self.claim.over.arm.as_deref().filter(|_| self.is_denominator);
        other.unwrap_or(self.arm)
    }

    fn subject(&self) -> &'a str {
        let other = self.claim.over.subject.as_deref().filter(|_| self.is_denominator);
        other.unwrap_or(self.subject)
    }

    /// Whether these are its subject and its levels.
    fn is_at(&self, subject: &str, procs: u32, factors: &BTreeMap<String, String>) -> bool {
        let is_level = |(key, level): (&String, &String)| match key.as_str() {
            PROCS => procs.to_string() == *level,
            // A switch of another subject says nothing about this one.
            key if Settings::subject_of(key).is_some_and(|owner| owner != subject) => true,
            key => factors.get(key) == Some(level),
        };
        let (own, other) = (&self.claim.levels, &self.claim.over.levels);
        let is_replaced = |key: &String| self.is_denominator && other.contains_key(key);
        subject == self.subject()
            && own.iter().filter(|(key, _)| !is_replaced(key)).all(is_level)
            && (!self.is_denominator || other.iter().all(is_level))
    }

    /// What is counted along the axis: `procs`, `tasks`.
    fn axis(&self) -> &'a str {
        &self.results.plan.axis
    }
}

/// Why there is no plain verdict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Halt {
    NotTestable(String),
    Undecided(String),
}

/// Every claim on every arm and subject it names, in the order of the file.
pub(crate) fn claims(results: &Results) -> Vec<ClaimRow> {
    let (plan, level) = (&results.plan, level_of(&results.plan));
    let on_arm = |claim, arm| {
        subjects_of(plan, claim).into_iter().map(move |subject| Question {
            results,
            claim,
            arm,
            subject,
            level,
            is_denominator: false,
        })
    };
    let questions: Vec<Question<'_>> =
        plan.claims.iter().flat_map(|claim| claim.arms.iter().flat_map(move |arm| on_arm(claim, arm))).collect();
    questions.par_iter().map(answer).collect()
}

/// The level at which each claim of a plan is judged on each of its arms and subjects: 1 - .05 / all of these.
pub(crate) fn level_of(plan: &Plan) -> f64 {
    bonferroni_level(0.95, questions_of(plan)).expect("one claim or more, and .95 lies in (0, 1)")
}

fn questions_of(plan: &Plan) -> usize {
    plan.claims.iter().map(|claim| claim.arms.len() * subjects_of(plan, claim).len()).sum::<usize>().max(1)
}

/// Subjects of a claim: as it names them, and where it names none all that the plan has.
fn subjects_of<'a>(plan: &'a Plan, claim: &'a Claim) -> Vec<&'a str> {
    let named: Vec<&str> = claim.subjects.iter().map(String::as_str).collect();
    if !named.is_empty() {
        return named;
    }
    let ran = plan.points.iter().map(|point| point.subject.as_str());
    let skipped = plan.skipped.iter().map(|skipped| skipped.subject.as_str());
    let mut subjects: Vec<&str> = Vec::new();
    for subject in ran.chain(skipped) {
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// What a model computed stays to be seen, but it decides nothing.
fn answer(question: &Question<'_>) -> ClaimRow {
    let row = answer_as_measured(question);
    let Some(reason) = question.results.modelled() else { return row };
    ClaimRow { verdict: Verdict::NotTestable, reason, needed_n: None, ..row }
}

fn answer_as_measured(question: &Question<'_>) -> ClaimRow {
    let row = blank(question);
    if let Some(reason) = question.claim.untestable.clone() {
        return ClaimRow { verdict: Verdict::NotTestable, reason, ..row };
    }
    let (found, testable) = match testable(question) {
        Ok(testable) => (evidence(question, &testable, false), testable),
        Err(reason) => return ClaimRow { verdict: Verdict::NotTestable, reason, ..row },
    };
    match found {
        Err(Halt::NotTestable(reason)) => {
            let reason = doubt_of_samples(question, &testable).unwrap_or(reason);
            ClaimRow { verdict: Verdict::NotTestable, reason, ..row }
        }
        Err(Halt::Undecided(reason)) => {
            if let Some(reason) = follows_from_the_plan(question, &testable) {
                return ClaimRow { verdict: Verdict::NotTestable, reason, ..row };
            }
            let doubt = doubt_of_samples(question, &testable).or_else(|| missing_values(question, &testable));
            let reason = doubt.unwrap_or(reason);
            ClaimRow { verdict: Verdict::Undecided, reason, ..row }
        }
        Ok(found) => judged(question, &testable, found, row),
    }
}

/// The verdict, unless something about the samples forbids one.
fn judged(question: &Question<'_>, testable: &Testable, found: Evidence, row: ClaimRow) -> ClaimRow {
    let row = ClaimRow {
        estimate: finite_or_infinite(found.estimate),
        ci_low: finite_or_infinite(found.interval.low),
        ci_high: finite_or_infinite(found.interval.high),
        n: found.n as u64,
        df: found.df.filter(|df| df.is_finite()),
        region_low: finite_or_infinite(found.region.low),
        region_high: finite_or_infinite(found.region.high),
        ..row
    };
    if let Some(reason) = follows_from_the_plan(question, testable) {
        return ClaimRow { verdict: Verdict::NotTestable, reason, ..row };
    }
    let doubt = doubt_of_samples(question, testable)
        .or_else(|| missing_values(question, testable))
        .or_else(|| clean_says_otherwise(question, testable, &found))
        .or_else(|| whole_samples_say_otherwise(question, testable, &found));
    let (verdict, needed_n) = match &doubt {
        Some(_) => (Verdict::Undecided, None),
        None => (found.verdict, found.needed_n.filter(|_| found.verdict == Verdict::Undecided)),
    };
    let reasons = [Some(doubt.unwrap_or(found.reason)), testable.regimes.clone(), found.beside];
    let reason = reasons.into_iter().flatten().collect::<Vec<_>>().join("; ");
    ClaimRow { verdict, reason, needed_n, ..row }
}

/// One point whose figure follows from the plan is enough: whatever is compared with it, a ratio, a peak or a curve, then
/// says how the plan was made and not what a runtime does.
fn follows_from_the_plan(question: &Question<'_>, testable: &Testable) -> Option<String> {
    let (points, metrics) = (&question.results.plan.points, question.claim.rule.metrics());
    metrics.iter().find_map(|metric| {
        let follows: Vec<_> =
            testable.points.iter().filter(|(_, point)| is_by_construction(metric, &points[*point])).collect();
        let (procs, _) = follows.first()?;
        let is_one = metrics.len() == 1;
        let it = match follows.len() < testable.points.len() {
            true => format!("at {procs} {axis} {it} ", axis = question.axis(), it = if is_one { "it" } else { metric }),
            // Where all do, the reason is one for all claims, which tables put together.
            false if is_one => String::new(),
            false => format!("{metric} "),
        };
        Some(format!("{it}follows from the plan alone (by construction): it supports no claim"))
    })
}

/// Failed rows, those in which not all tasks were at work, and disturbed ones where the claim is about time.
fn doubt_of_samples(question: &Question<'_>, testable: &Testable) -> Option<String> {
    let unserved = reader(&question.results.samples, UNSERVED);
    for &(procs, point) in &testable.points {
        let counts = Counts::of(question.results, point);
        let total = counts.completed + counts.failed;
        if counts.failed > 0 {
            return Some(format!(
                "{failed} of {total} samples failed at {procs} {axis}",
                axis = question.axis(),
                failed = counts.failed
            ));
        }
        let rows = question.results.samples.used_rows(point, false);
        let idle = unserved.as_ref().map_or(0.0, |share| rows.filter_map(share).fold(0.0, f64::max));
        if idle > 0.0 {
            return Some(format!(
                "up to {idle:.1} % of the tasks served nothing in a sample at {procs} {axis}; take longer ones",
                idle = 100.0 * idle,
                axis = question.axis()
            ));
        }
        if counts.is_noisy() && question.claim.rule.is_about_time() {
            let flagged = counts.contaminated;
            return Some(format!(
                "noisy: {flagged} of {total} samples at {procs} {axis} were disturbed",
                axis = question.axis()
            ));
        }
    }
    None
}

/// Completed samples without a value of one of the claim's metrics: those that have one are a selection.
fn missing_values(question: &Question<'_>, testable: &Testable) -> Option<String> {
    let results = question.results;
    question.claim.rule.metrics().into_iter().find_map(|metric| {
        let value = reader(&results.samples, metric)?;
        let needs = what_it_needs(metric).map_or_else(String::new, |needs| format!("; it needs {needs}"));
        testable.points.iter().find_map(|&(procs, point)| {
            let k = results.samples.used_rows(point, false).filter_map(&value).count();
            let n = Counts::of(results, point).completed;
            (k < n).then(|| {
                format!("{metric} was measured in {k} of {n} samples at {procs} {axis}{needs}", axis = question.axis())
            })
        })
    })
}

/// What a sample must have had for a metric that not each of them has.
fn what_it_needs(metric: &str) -> Option<&'static str> {
    match metric {
        "pause_variance_ns2" => Some("30 pauses in a sample"),
        "pause_ratio" => Some("a cycle of the collector that ended in the sample"),
        _ => None,
    }
}

/// The sensitivity line: the same rule on the samples that are not flagged.
fn clean_says_otherwise(question: &Question<'_>, testable: &Testable, all: &Evidence) -> Option<String> {
    let flagged = testable.points.iter().any(|&(_, point)| Counts::of(question.results, point).contaminated > 0);
    if !flagged {
        return None;
    }
    match evidence(question, testable, true) {
        Ok(clean) if clean.verdict == all.verdict => None,
        Ok(clean) => {
            Some(format!("all samples: {all}; clean samples alone: {clean}", all = all.verdict, clean = clean.verdict))
        }
        Err(_) if !question.claim.rule.is_about_time() => None,
        Err(Halt::NotTestable(why) | Halt::Undecided(why)) => Some(format!("clean samples alone cannot decide: {why}")),
    }
}

/// The sensitivity line where a warm-up was cut: the same rule on the throughput of whole samples.
fn whole_samples_say_otherwise(question: &Question<'_>, testable: &Testable, cut: &Evidence) -> Option<String> {
    let is_cut = |&(_, point): &(u32, usize)| question.results.warmups[point].is_some();
    if !(question.claim.rule.is_about_time() && testable.points.iter().any(is_cut)) {
        return None;
    }
    let whole = question.results.with_whole_samples();
    match evidence(&Question { results: &whole, ..*question }, testable, false) {
        Ok(whole) if whole.verdict == cut.verdict => None,
        Ok(whole) => {
            let (cut, whole) = (cut.verdict, whole.verdict);
            Some(format!("without the warm-up: {cut}; whole samples: {whole}"))
        }
        Err(Halt::NotTestable(why) | Halt::Undecided(why)) => Some(format!("whole samples cannot decide: {why}")),
    }
}

/// The row before anything was looked at.
fn blank(question: &Question<'_>) -> ClaimRow {
    let (claim, rule) = (question.claim, &question.claim.rule);
    let region = region_of(rule);
    ClaimRow {
        id: claim.id.clone(),
        text: claim.text.clone(),
        r#type: rule.type_name().into(),
        arm: question.arm.into(),
        subject: question.subject.into(),
        timing: question.results.timing(),
        theta: theta_of(claim, question.axis()),
        estimate: None,
        ci_low: None,
        ci_high: None,
        level: has_level(rule).then_some(question.level),
        n: 0,
        df: None,
        region_low: region.and_then(|region| finite_or_infinite(region.low)),
        region_high: region.and_then(|region| finite_or_infinite(region.high)),
        printed: printed_of(rule),
        rule: rule_in_words(question),
        verdict: Verdict::Undecided,
        reason: String::new(),
        needed_n: None,
    }
}

/// R where it follows from the claim alone; that of a peak or a knee depends on what was measured, that of a limit in units of
/// procs on the point.
pub(crate) fn region_of(rule: &ClaimRule) -> Option<Region> {
    match *rule {
        ClaimRule::Value { printed, tolerance, .. } => Some(Region::around(printed, tolerance)),
        ClaimRule::Ratio { printed, direction_only: true, .. } if printed >= 1.0 => Some(Region::above(1.0)),
        ClaimRule::Ratio { direction_only: true, .. } => Some(Region::below(1.0)),
        ClaimRule::Ratio { printed, .. } => Some(Region::within_factor(printed, RATIO_FACTOR)),
        ClaimRule::Limit { in_procs: true, .. } => None,
        ClaimRule::Limit { side: Side::Above | Side::AtLeast, limit, .. } => Some(Region::above(limit)),
        ClaimRule::Limit { side: Side::Below | Side::AtMost, limit, .. } => Some(Region::below(limit)),
        ClaimRule::VarianceRatio { printed, .. } => Some(Region::within_factor(printed, VARIANCE_FACTOR)),
        ClaimRule::Slope { printed, tolerance, .. } => Some(Region::around(printed, tolerance)),
        ClaimRule::Monotone { delta, trend: Trend::Rising, .. } => Some(Region::above(1.0 - delta)),
        ClaimRule::Monotone { delta, trend: Trend::Falling, .. } => Some(Region::below(1.0 + delta)),
        ClaimRule::Model { .. } => Some(Region::above(DECISIVE_LEAD)),
        ClaimRule::Relation { low, high, .. } => Some(Region { low, high }),
        ClaimRule::Peak { .. } | ClaimRule::Knee { .. } | ClaimRule::Threshold { .. } => None,
    }
}

fn printed_of(rule: &ClaimRule) -> Option<f64> {
    match rule {
        ClaimRule::Value { printed, .. }
        | ClaimRule::Ratio { printed, .. }
        | ClaimRule::Slope { printed, .. }
        | ClaimRule::VarianceRatio { printed, .. } => Some(*printed),
        ClaimRule::Limit { limit, in_procs, .. } => (!in_procs).then_some(*limit),
        ClaimRule::Peak { procs, .. } => Some(f64::from(*procs)),
        ClaimRule::Knee { near, .. } | ClaimRule::Threshold { near, .. } => near.parse().ok(),
        ClaimRule::Monotone { .. } | ClaimRule::Model { .. } | ClaimRule::Relation { .. } => None,
    }
}

/// A NaN is no figure: the cell stays empty.
fn finite_or_infinite(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}
