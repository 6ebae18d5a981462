//! Samples that agree exactly.

use super::*;
use Verdict::{NotTestable, Refuted, Supported, Undecided};
use plan::workload::{Storm, StormFile, Workload};

/// The first `blocks` of a case whose values are all the same.
fn alike(rule: ClaimRule, blocks: u32) -> ClaimRow {
    let same = Case { rate: |_, _| 100.0, variance: |_, _| Some(2.0), ..case() };
    run_blocks(same, claim(rule), blocks)
}

fn variance(printed: f64) -> ClaimRule {
    ClaimRule::Value { metric: "pause_variance_ns2".into(), procs: 8, printed, tolerance: 0.1 }
}

#[test]
fn few_samples_that_agree_tell_no_spread() {
    let above = ClaimRule::Limit {
        metric: "pause_variance_ns2".into(),
        procs: 8,
        over_procs: None,
        side: plan::claim::Side::Above,
        limit: 1.0,
        in_procs: false,
    };
    let rules =
        [(variance(2.0), Supported), (variance(3.0), Refuted), (ratio(1.0, false), Supported), (above, Supported)];
    for (rule, verdict) in rules {
        assert_eq!(alike(rule.clone(), 10).verdict, verdict, "{rule:?}");
        for blocks in [2, 9] {
            let row = alike(rule.clone(), blocks);
            let says =
                format!("all {blocks} samples agree exactly and so tell no spread; 10 that do would be believed");
            assert_eq!((row.verdict, row.reason.as_str()), (Undecided, says.as_str()), "{row:#?}");
        }
    }
    // Two that differ have an interval, however wide.
    let row = run_blocks(case(), claim(rate_value(100.0)), 2);
    assert!(row.verdict == Supported && row.ci_low < row.ci_high, "{row:#?}");
    // Their ratio may be the same in every block.
    let row = run_blocks(case(), claim(ratio(0.8, false)), 2);
    assert!(row.verdict == Supported && row.ci_low == row.ci_high, "{row:#?}");
}

/// Nothing that is measured tells, says the file, whatever was measured.
#[test]
fn what_the_file_calls_untestable_is_not_tested() {
    let why = "two times that end at different moments";
    let row = run(case(), Claim { untestable: Some(why.into()), ..claim(value(0.8)) });
    assert_eq!((row.verdict, row.reason.as_str(), row.estimate), (NotTestable, why, None));
}

/// A share of pauses where the collector never ran is not 0, and its claim says so.
#[test]
fn what_a_metric_needs_is_said_where_it_was_not_measured() {
    let share = ClaimRule::Value { metric: "pause_ratio".into(), procs: 8, printed: 0.012, tolerance: 0.001 };
    let needs = "; it needs a cycle of the collector that ended in the sample";
    // The first of ten alone, then none.
    let of_storms = |variance| {
        let mut case = Case { variance, ..case() };
        case.results.plan.metrics = StormFile::METRICS.iter().map(|column| column.name.to_string()).collect();
        let storm = Workload::Storm(Storm { tasks: 10, yields: 100, loop_ns: 100 });
        case.results.plan.points.iter_mut().for_each(|point| point.workload = storm.clone());
        case
    };
    let some = of_storms(|_, block| (block == 0).then_some(0.012));
    let row = run_named(some, claim(share.clone()), "pause_ratio");
    assert_eq!(
        (row.verdict, row.reason),
        (Undecided, format!("pause_ratio was measured in 1 of 10 samples at 8 procs{needs}"))
    );
    let none = of_storms(|_, _| None);
    let row = run_named(none, claim(share), "pause_ratio");
    assert_eq!((row.verdict, row.reason), (NotTestable, format!("pause_ratio was not measured at 8 procs{needs}")));
}

/// Its figure is exact, however few samples there are: that decides nothing either.
#[test]
fn what_follows_from_the_plan_is_still_said_to() {
    let mut planned = Case { hits: Some(|_| 1.0), ..case() };
    planned.results.plan.points.iter_mut().for_each(|point| point.hit_ratio_by_construction = Some(1.0));
    let row = run_blocks(planned, claim(value(1.0)), 2);
    assert!(row.verdict == NotTestable && row.reason.contains("by construction"), "{row:#?}");
}
