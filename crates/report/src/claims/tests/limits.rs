//! One-sided claims: more or less than a limit, which a point may lie on, be scaled by its workers, or be a ratio.

use super::*;
use Verdict::{NotTestable, Refuted, Supported, Undecided};
use plan::claim::{Over, Side};
use plan::experiment::Repetitions;
use plan::reach::Reach;

fn limit(metric: &str, side: Side, limit: f64) -> ClaimRule {
    ClaimRule::Limit { metric: metric.into(), procs: 8, over_procs: None, side, limit, in_procs: false }
}

fn of_ratio(side: Side, limit: f64) -> ClaimRule {
    let metric = "throughput_per_s".into();
    ClaimRule::Limit { metric, procs: 8, over_procs: Some(4), side, limit, in_procs: false }
}

fn in_procs(side: Side, limit: f64) -> ClaimRule {
    let metric = "pause_variance_ns2".into();
    ClaimRule::Limit { metric, procs: 8, over_procs: None, side, limit, in_procs: true }
}

/// The ratio is .8 within .05 %, that of the throughputs at 8 and 4 is .79, the variance is 8 within .1 %.
#[test]
fn the_side_on_which_all_of_the_interval_lies_decides() {
    let hits = "local_hit_ratio";
    for (upward, downward) in [(Side::Above, Side::Below), (Side::AtLeast, Side::AtMost)] {
        for (at, over, under) in [(0.7, Supported, Refuted), (0.9, Refuted, Supported), (0.8, Undecided, Undecided)] {
            let row = check(case(), claim(limit(hits, upward, at)), over, "");
            assert_eq!((row.region_low, row.region_high), (Some(at), Some(f64::INFINITY)), "{row:#?}");
            assert_eq!((row.needed_n.is_some(), row.printed), (over == Undecided, Some(at)), "{row:#?}");
            let row = check(case(), claim(limit(hits, downward, at)), under, "");
            assert_eq!((row.region_low, row.region_high), (Some(f64::NEG_INFINITY), Some(at)), "{row:#?}");
        }
        for (at, over, under) in [(0.5, Supported, Refuted), (1.0, Refuted, Supported)] {
            check(case(), claim(of_ratio(upward, at)), over, "");
            check(case(), claim(of_ratio(downward, at)), under, "");
        }
        // 7, 8 and 9 at 8 procs.
        for (factor, over, under) in
            [(0.875, Supported, Refuted), (1.0, Undecided, Undecided), (1.125, Refuted, Supported)]
        {
            let row = check(case(), claim(in_procs(upward, factor)), over, "");
            assert_eq!((row.region_low, row.printed), (Some(8.0 * factor), None), "{row:#?}");
            check(case(), claim(in_procs(downward, factor)), under, "");
        }
    }
    // Half of a ratio's interval on either side.
    let shaky = |procs: u32, block: u32| if procs == 8 && block.is_multiple_of(2) { 90.0 } else { 100.0 };
    let ratio = |side| claim(of_ratio(side, 0.95));
    check(Case { rate: shaky, ..case() }, ratio(Side::Above), Undecided, "across an edge");
    check(Case { rate: shaky, ..case() }, ratio(Side::Below), Undecided, "across an edge");
}

/// Samples that agree leave an interval of one point: what lies on the limit is neither more nor less than it.
#[test]
fn the_limit_itself_is_at_least_and_at_most_it() {
    let two = |_, _| Some(16.0);
    for (side, verdict) in
        [(Side::Above, Refuted), (Side::AtLeast, Supported), (Side::Below, Refuted), (Side::AtMost, Supported)]
    {
        let row = check(Case { variance: two, ..case() }, claim(in_procs(side, 2.0)), verdict, "");
        assert!([row.region_low, row.region_high].contains(&Some(16.0)), "{row:#?}");
    }
}

#[test]
fn what_was_asked_stands_in_the_row() {
    let row = run(case(), claim(limit("local_hit_ratio", Side::AtLeast, 0.7)));
    assert_eq!((row.r#type.as_str(), row.theta.as_str()), ("limit", "local_hit_ratio at 8 procs"));
    assert_eq!(row.rule, "C: hull of the t intervals of its lower and upper bounds; R: at least 0.7; level 1 - .05/1");
    let row = run(case(), claim(in_procs(Side::Above, 2.0)));
    assert!(row.rule.contains("on ln for times and rates; R: above 2 x procs; level"), "{row:#?}");
    let row = run(case(), claim(of_ratio(Side::Below, 2.0)));
    assert_eq!(row.theta, "throughput_per_s at 8 over 4 procs");
    assert!(row.rule.starts_with("C: t interval of the ln ratio, paired by block; R: below 2;"), "{row:#?}");
    let over = Over { arm: Some("close".into()), ..Over::default() };
    let row = run(case(), Claim { over, ..claim(of_ratio(Side::Below, 2.0)) });
    assert_eq!(row.theta, "throughput_per_s at 8 procs over that with arm close at 4 procs");
    assert_eq!((row.verdict, row.reason.contains("arm close was not asked for")), (NotTestable, true), "{row:#?}");
}

#[test]
fn what_decides_can_be_read_from_the_row() {
    let until = |metric: &str| {
        let mut case = case();
        case.results.plan.measure.repetitions =
            Repetitions::Until { min: 10, max: 40, until: 0.02, metric: metric.into() };
        case
    };
    let rate = || claim(rate_value(100.0));
    let row = run_blocks(until("throughput_per_s"), rate(), 20);
    assert!(row.rule.starts_with("C: Stein's two-stage interval of the mean, t of the pilot;"), "{row:#?}");
    // Of the pilot's ten blocks, whatever their number.
    assert_eq!((row.n, row.df), (20, Some(9.0)));
    let row = run_blocks(until("pause_mean_ns"), rate(), 20);
    assert!(row.rule.starts_with("C: t interval of the mean, on ln for times and rates;"), "{row:#?}");
    assert_eq!((row.n, row.df), (20, Some(19.0)));
    let row = run_blocks(until("local_hit_ratio"), claim(value(0.8)), 20);
    assert!(
        row.rule.starts_with("C: hull of Stein's two-stage interval of the mean, t of the pilot (t of all"),
        "{row:#?}"
    );
    let row = run(case(), claim(knee("4")));
    assert!(
        row.rule.contains("decided only where the USL is adequate (lack-of-fit p >= .05 or misfit <= 2 %)"),
        "{row:#?}"
    );
    let rivals = vec!["amdahl".into()];
    let rule =
        ClaimRule::Model { metric: "throughput_per_s".into(), model: "usl".into(), rivals, reach: Reach::default() };
    let row = run(case(), claim(rule));
    assert!(row.rule.ends_with("; a lead of AICc has no level, however many questions there are"), "{row:#?}");
    assert_eq!((row.level, run(case(), rate()).level), (None, Some(0.95)));
}

/// The reasons are those of values and ratios.
#[test]
fn what_no_value_could_be_tested_by_no_limit_can() {
    let hits = || limit("local_hit_ratio", Side::AtLeast, 0.7);
    check_not_testable(
        |case| drop(case.results.topology.nodes.pop()),
        hits(),
        "this machine has 1 node; the claim needs 2",
    );
    check_not_testable(|case| case.results.plan.points.truncate(7), hits(), "8 procs are not in the sweep");
    check_not_testable(
        |case| case.results.plan.points.remove(3).id.clear(),
        of_ratio(Side::Below, 1.0),
        "4 procs are not in the sweep",
    );
    check_not_testable(
        |case| case.results.plan.points.iter_mut().for_each(|point| point.hit_ratio_by_construction = Some(0.8)),
        hits(),
        "follows from the plan alone (by construction)",
    );
    for timing in [Timing::Emulated, Timing::Modelled] {
        for rule in [of_ratio(Side::Below, 1.0), in_procs(Side::Above, 2.0)] {
            let mut case = case();
            case.results.manifest.timing = timing;
            let reason =
                if timing == Timing::Modelled { "computed by the model" } else { "times of this run are emulated" };
            check(case, claim(rule), NotTestable, reason);
        }
    }
    let mut emulated = case();
    emulated.results.manifest.timing = Timing::Emulated;
    check(emulated, claim(hits()), Supported, "");
    check_not_testable(
        |case| case.variance = |_, _| None,
        in_procs(Side::Above, 2.0),
        "pause_variance_ns2 was not measured at 8 procs",
    );
    check(Case { failed: (8, 2), ..case() }, claim(hits()), Undecided, "2 of 10 samples failed at 8 procs");
    let unknown = Case { unknown: 0.15, ..case() };
    check(unknown, claim(hits()), Undecided, "across an edge");
    let zero = |procs: u32, block: u32| if procs == 4 { 0.0 } else { peaked(procs, block) };
    check(Case { rate: zero, ..case() }, claim(of_ratio(Side::Below, 1.0)), Undecided, "so that there is no ratio");
}
