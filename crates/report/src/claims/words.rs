//! What a claim's row says of itself: what is estimated, and how interval and region are made.

use super::{Question, questions_of};
use crate::ratios::bounds_of;
use plan::claim::{Claim, ClaimRule, Share, Trend};
use plan::experiment::Repetitions;
use plan::reach::Reach;
use stats::decide::{KNEE_FACTOR, RATIO_FACTOR, VARIANCE_FACTOR};
use stats::fit::DECISIVE_LEAD;
use stats::threshold::THRESHOLD_SIDE;

/// `stats::fit::Fit::is_adequate`.
const ADEQUATE: &str = "adequate (lack-of-fit p >= .05 or misfit <= 2 %)";

pub(super) fn theta_of(claim: &Claim, axis: &str) -> String {
    match &claim.rule {
        ClaimRule::Ratio { metric, procs, over_procs, .. }
        | ClaimRule::Limit { metric, procs, over_procs: Some(over_procs), .. }
            if !claim.over.is_same() =>
        {
            let elsewhere = if procs == over_procs { String::new() } else { format!(" at {over_procs} {axis}") };
            format!("{metric} at {procs} {axis} over that with {over}{elsewhere}", over = claim.over.in_words())
        }
        ClaimRule::Value { metric, procs, .. } | ClaimRule::Limit { metric, procs, over_procs: None, .. } => {
            format!("{metric} at {procs} {axis}")
        }
        ClaimRule::Ratio { metric, procs, over_procs, .. }
        | ClaimRule::Limit { metric, procs, over_procs: Some(over_procs), .. } => {
            format!("{metric} at {procs} over {over_procs} {axis}")
        }
        ClaimRule::Peak { metric, .. } => format!("{axis} of the highest {metric}"),
        ClaimRule::Knee { metric, .. } => format!("knee of {metric}, {axis}"),
        ClaimRule::VarianceRatio { procs, over_procs, .. } => {
            format!("variance of pauses at {procs} over {over_procs} {axis}")
        }
        ClaimRule::Slope { metric, span, .. } => {
            format!("slope of ln {metric} against ln {axis}, {span}", span = span.in_words(axis))
        }
        ClaimRule::Monotone { metric, span, .. } => {
            format!(
                "{metric} over that at the {axis} before, {span}: the step that decides",
                span = span.in_words(axis)
            )
        }
        ClaimRule::Model { metric, model, reach, .. } => {
            format!("AICc by which {model} leads its nearest rival for {metric} over {axis}{}", where_of(reach, axis))
        }
        ClaimRule::Threshold { metric, reach, .. } => format!("break of {metric}, {axis}{}", where_of(reach, axis)),
        ClaimRule::Relation { procs, over_procs, of, .. } => {
            let of = if *of == Share::Each { "each worker" } else { "all workers" };
            format!("remote over local latency needed for the throughput of {of} at {procs} and {over_procs} {axis}")
        }
    }
}

/// `, from 10 tasks on`
fn where_of(reach: &Reach, axis: &str) -> String {
    if reach.is_all() { String::new() } else { format!(", {}", reach.in_words(axis)) }
}

/// How C and R are made, on which machines, and for how many questions at once the level is.
pub(super) fn rule_in_words(question: &Question<'_>) -> String {
    let claim = question.claim;
    let premise = match claim.node_cores {
        any if any.is_any() => String::new(),
        premise => format!("; on {premise}"),
    };
    let questions = questions_of(&question.results.plan);
    let level = match has_level(&claim.rule) {
        true => format!("level 1 - .05/{questions}"),
        false => "a lead of AICc has no level, however many questions there are".into(),
    };
    let rule = interval_and_region(&claim.rule, &question.results.plan.measure.repetitions);
    format!("{rule}; {level}{premise}")
}

/// Whether the verdict depends on a level: the lead of one curve over another does not.
pub(super) fn has_level(rule: &ClaimRule) -> bool {
    !matches!(rule, ClaimRule::Model { .. })
}

fn interval_and_region(rule: &ClaimRule, repetitions: &Repetitions) -> String {
    let interval_of_mean = |metric: &str| interval_of_mean(metric, repetitions);
    match rule {
        ClaimRule::Value { metric, .. } => format!("{interval}; R: printed ± tolerance", interval = interval_of_mean(metric)),
        ClaimRule::Ratio { metric, direction_only, .. } => {
            let region = if *direction_only { "the side of 1 that is printed".into() } else { format!("printed x/÷ {RATIO_FACTOR}") };
            format!("{interval}; R: {region}", interval = interval_of_ratio(metric))
        }
        ClaimRule::Limit { metric, over_procs, side, limit, in_procs, .. } => {
            let interval = if over_procs.is_some() { interval_of_ratio(metric) } else { interval_of_mean(metric) };
            let procs = if *in_procs { " x procs" } else { "" };
            format!("{interval}; R: {side} {limit}{procs}", side = side.in_words())
        }
        ClaimRule::Peak { .. } => {
            "C: procs that none beats (paired t of ln, Holm); R: within one step of the grid".into()
        }
        ClaimRule::Knee { .. } => {
            format!(
                "C: hull of the USL's profile interval and the model-free one; R: boundary x/÷ {KNEE_FACTOR}; decided only where the \
                 USL is {ADEQUATE}"
            )
        }
        ClaimRule::VarianceRatio { .. } => {
            format!("C: Welch interval of the runs' ln variance, which alone decides; R: printed x/÷ {VARIANCE_FACTOR}")
        }
        ClaimRule::Slope { .. } => {
            "C: t interval of the slopes of the blocks, least squares of ln on ln in each; R: printed ± tolerance".into()
        }
        ClaimRule::Monotone { trend, delta, .. } => {
            let (against, sign) = if *trend == Trend::Rising { ("below", '-') } else { ("above", '+') };
            format!(
                "C: t interval of the ln ratio of neighbours, paired by block, simultaneous over the steps; supported where none \
                 reaches {against} 1 {sign} {delta}, refuted where one lies wholly there"
            )
        }
        ClaimRule::Model { rivals, .. } => format!(
            "supported where its fit is {ADEQUATE} and leads each of {rivals} by {DECISIVE_LEAD} \
             AICc; refuted where one leads it by {DECISIVE_LEAD} and its own misfit is both significant and above 2 %",
            rivals = rivals.join(", ")
        ),
        ClaimRule::Threshold { trend, factor, .. } => format!(
            "C: profile interval of the break of the best curve with one, a step or a kink; R: boundary x/÷ {KNEE_FACTOR}; supported \
             where C lies inside R, the curve is {ADEQUATE}, is {trend} there and leads every adequate smooth one by {DECISIVE_LEAD} \
             AICc, the metric at the end is {trend} by {factor} at least (t interval of the ln ratio to the last before R, paired by \
             block), and {THRESHOLD_SIDE} procs lie on each side; refuted where that change or C lies outside, it turns the other way, \
             or, the change being certain, a smooth curve leads by {DECISIVE_LEAD}",
            trend = trend.map_or_else(|| "turning".into(), |trend| trend.to_string()),
            factor = factor.map_or_else(|| "an unknown factor".into(), |factor| format!("a factor of {factor}"))
        ),
        ClaimRule::Relation { .. } => {
            "C: (q a - b) / (1 - b - q (1 - a)) at the ends of the intervals of q, the ratio of the throughputs paired by block, \
             and of the local hit ratios a and b with their bounds, each at a third of the error; R: range of measured latencies"
                .into()
        }
    }
}

/// The metric that `until` names has the interval of its rule, once that has asked for more blocks.
fn interval_of_mean(metric: &str, repetitions: &Repetitions) -> &'static str {
    let is_until = matches!(repetitions, Repetitions::Until { metric: named, .. } if named == metric);
    match (bounds_of(metric).is_some(), is_until) {
        (true, true) => {
            "C: hull of Stein's two-stage interval of the mean, t of the pilot (t of all where no block followed it), and of the t \
             intervals of its lower and upper bounds"
        }
        (true, false) => "C: hull of the t intervals of its lower and upper bounds",
        (false, true) => {
            "C: Stein's two-stage interval of the mean, t of the pilot; where no block followed it, t interval of the mean, on ln for \
             times and rates"
        }
        (false, false) => "C: t interval of the mean, on ln for times and rates",
    }
}

fn interval_of_ratio(metric: &str) -> &'static str {
    match bounds_of(metric) {
        Some(_) => "C: t interval of the ln ratio, paired by block, hull over their lower and upper bounds",
        None => "C: t interval of the ln ratio, paired by block",
    }
}
