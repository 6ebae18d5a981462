//! Local hit ratios that are known within bounds only: touches of unknown place decide nothing.

use super::*;
use plan::claim::{Share, Span, Trend};
use plan::reach::Reach;

#[test]
fn where_a_hit_ratio_is_highest_is_undecided_while_its_bounds_differ() {
    let peak = || claim(ClaimRule::Peak { metric: "local_hit_ratio".into(), procs: 8 });
    check(case(), peak(), Verdict::Undecided, "not beaten");
    check(Case { unknown: 0.01, ..case() }, peak(), Verdict::Undecided, "known within bounds only");
}

#[test]
fn a_ratio_of_hit_ratios_lies_between_what_their_bounds_admit() {
    use Verdict::{Supported, Undecided};
    let check_bounds = |metric: &str, unknown: f64, verdict, (low, high): (f64, f64)| {
        let rule =
            ClaimRule::Ratio { metric: metric.into(), procs: 8, over_procs: 4, printed: 1.0, direction_only: false };
        let row = check(Case { unknown, ..case() }, claim(rule), verdict, "");
        let is_near = |found: Option<f64>, expect: f64| {
            found.is_some_and(|found| found == expect || (found - expect).abs() < 2e-3)
        };
        assert!(is_near(row.ci_low, low) && is_near(row.ci_high, high), "{row:#?}");
    };
    check_bounds("local_hit_ratio", 0.0, Supported, (1.0, 1.0));
    check_bounds("local_hit_ratio", 0.02, Supported, (0.78 / 0.82, 0.82 / 0.78));
    check_bounds("local_hit_ratio", 0.1, Undecided, (0.7 / 0.9, 0.9 / 0.7));
    // What is remote is .2, so that the same touches weigh more.
    check_bounds("remote_ratio", 0.02, Undecided, (0.18 / 0.22, 0.22 / 0.18));
    // Perhaps nothing is remote.
    check_bounds("remote_ratio", 0.3, Undecided, (0.0, f64::INFINITY));
}

/// A ratio by procs.
type Hits = fn(u32) -> f64;

/// USL with its peak at 4.
fn peaked_hits(procs: u32) -> f64 {
    peaked(procs, 2) / 300.0
}

/// A break at 4.
fn broken_hits(procs: u32) -> f64 {
    let n = f64::from(procs);
    0.15 * n - 0.25 * (n - 4.0).max(0.0)
}

/// Each type of claim that a hit ratio can enter: sure while the place of every touch is known.
#[test]
fn a_tenth_of_unknown_touches_leaves_every_type_undecided() {
    let hits = || "local_hit_ratio".to_string();
    let fall = |procs: u32| 0.8 * (f64::from(procs)).powf(-0.5);
    let near = || "4".to_string();
    let made: [(Hits, ClaimRule); 9] = [
        (|_| 0.8, value(0.8)),
        (|_| 0.8, ClaimRule::Value { metric: "remote_ratio".into(), procs: 8, printed: 0.2, tolerance: 0.02 }),
        (|_| 0.8, ClaimRule::Ratio { metric: hits(), procs: 8, over_procs: 4, printed: 1.0, direction_only: false }),
        (peaked_hits, ClaimRule::Peak { metric: hits(), procs: 4 }),
        (fall, ClaimRule::Slope { metric: hits(), span: Span::default(), printed: -0.5, tolerance: 0.01 }),
        (fall, ClaimRule::Monotone { metric: hits(), span: Span::default(), trend: Trend::Falling, delta: 0.02 }),
        (peaked_hits, ClaimRule::Knee { metric: hits(), near: near() }),
        (
            peaked_hits,
            ClaimRule::Model {
                metric: hits(),
                model: "usl".into(),
                rivals: vec!["amdahl".into()],
                reach: Reach::default(),
            },
        ),
        (broken_hits, threshold(hits(), near())),
    ];
    for (ratio, rule) in made {
        let sure = |unknown| Case { hits: Some(ratio), unknown, ..case() };
        check(sure(0.0), claim(rule.clone()), Verdict::Supported, "");
        check(sure(0.1), claim(rule), Verdict::Undecided, "");
    }
    // As printed in the article: .68 of the touches local at 64 P, .92 at 32.
    let rate = |procs: u32, block: u32| wobble(block) * if procs == 8 { 51_300.0 } else { 68_900.0 };
    let rule = ClaimRule::Relation { procs: 8, over_procs: 4, of: Share::All, low: 1.4, high: 3.5 };
    let printed = |unknown| Case { rate, hits: Some(|procs| if procs == 8 { 0.68 } else { 0.92 }), unknown, ..case() };
    check(printed(0.0), claim(rule.clone()), Verdict::Supported, "");
    check(printed(0.1), claim(rule), Verdict::Undecided, "across an edge");
}

/// Everything is local at 4 procs, in three of ten blocks or in all: nothing can be divided by that.
#[test]
fn a_metric_of_0_has_no_ratio_and_the_reason_is_in_words() {
    let remote = || "remote_ratio".to_string();
    let ratio = || ClaimRule::Ratio { metric: remote(), procs: 8, over_procs: 4, printed: 2.0, direction_only: true };
    let local_at_4 = |ratio: f64| Case { ratio, ..case() };
    let all = Case { hits: Some(|procs| if procs == 4 { 2.0 } else { 0.8 }), ..case() };
    let reason = "the remote share is 0 in 10 of 10 blocks at 4 procs, so that there is no ratio";
    let row = check(all, claim(ratio()), Verdict::Undecided, reason);
    assert_eq!(row.reason, reason);
    // A ratio of .9995 wobbles up to 1 and beyond in four of ten blocks.
    let reason = "the remote share is 0 in 4 of 10 blocks at 1 procs, so that there is no logarithm";
    check(local_at_4(0.9995), claim(ClaimRule::Peak { metric: remote(), procs: 4 }), Verdict::Undecided, reason);
    let span = Span::default();
    let trend = ClaimRule::Monotone { metric: remote(), span, trend: Trend::Falling, delta: 0.02 };
    check(local_at_4(0.9995), claim(trend), Verdict::Undecided, reason);
    let model = ClaimRule::Model {
        metric: remote(),
        model: "usl".into(),
        rivals: vec!["amdahl".into()],
        reach: Reach::default(),
    };
    check(local_at_4(0.9995), claim(model), Verdict::Undecided, reason);
    let still = |procs: u32, block: u32| if procs == 8 && block < 3 { 0.0 } else { peaked(procs, block) };
    let reason = "throughput_per_s is 0 in 3 of 10 blocks at 8 procs, so that there is no ratio";
    check(Case { rate: still, ..case() }, claim(super::ratio(0.8, false)), Verdict::Undecided, reason);
}

/// What is remote has a curve as what is local has: its break is found.
#[test]
fn the_remote_share_has_curves_too() {
    let local = |procs: u32| 1.0 - broken_hits(procs);
    let threshold = threshold("remote_ratio".into(), "4".into());
    check(Case { hits: Some(local), ..case() }, claim(threshold), Verdict::Supported, "it turns down at the break");
}

fn threshold(metric: String, near: String) -> ClaimRule {
    let (reach, trend, factor) = (Reach::default(), Some(plan::claim::Trend::Falling), Some(1.5));
    ClaimRule::Threshold { metric, near, reach, trend, factor }
}
