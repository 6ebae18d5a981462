//! The terminal's tables fit their width and say what they must.

use super::*;
use crate::fixture::{derived, golden};
use plan::record::{ClaimRow, Verdict};

#[test]
fn tables_fit_their_width() {
    let results = golden();
    let derived = derived(&results);
    for width in [80, 100, 200] {
        for table in [main_text(&results, &derived, width), claims_text(&results, &derived, width)] {
            let longest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(longest <= width, "{longest} > {width}:\n{table}");
        }
    }
}

#[test]
fn the_main_table_says_what_it_must() {
    let mut results = golden();
    results.plan.points[0].regime = plan::place::Regime::Oversubscribed;
    let derived = derived(&results);
    let table = main_text(&results, &derived, 100);
    let check = |text: &str| assert!(table.contains(text), "no \"{text}\" in\n{table}");
    check("close: placement close, private local, shared interleave:0");
    check("[85.7, 89.2] (c)");
    check("(c): by construction");
    check("k/s [");
    check("N D1");
    check("N: noisy");
    check("O: oversubscribed, more workers than PUs: waiting for a PU belongs to it");
    check("no p99 of pauses");
    check("1 point skipped, for instance close at 12 procs: placement close: 12 workers asked");
    check("computed by a model, not measured");
    assert!(!table.contains("F:") && !table.contains('\x1b'), "{table}");
}

#[test]
fn pauses_are_those_of_a_point_and_not_means_over_samples() {
    let results = golden();
    let mut derived = derived(&results);
    let of_p00 =
        |table: &str| table.lines().find(|line| line.trim_start().starts_with("1 ")).map(String::from).unwrap();
    let wide = main_text(&results, &derived, 200);
    // 7.00 µs is the mean of the longest of each sample, which the fixture makes half of the longest.
    assert!(of_p00(&wide).contains("6.57 µs  6.43 to 6.70 µs  14.0 µs"), "{wide}");
    let narrow = main_text(&results, &derived, 90);
    // The interval stays, and the longest goes.
    assert!(of_p00(&narrow).contains("6.43") && !of_p00(&narrow).contains("14.0 µs"), "{narrow}");
    assert!(narrow.contains("left out in this width (report.html and summary.csv have it): max"), "{narrow}");
    derived.summary.retain(|line| line.row.metric != crate::summary::POOLED_P50);
    let table = main_text(&results, &derived, 200);
    assert!(
        !table.contains("6.57 µs") && table.contains("no p50 of pauses: pauses.csv is not in the folder"),
        "{table}"
    );
}

#[test]
fn a_missing_deviation_is_said() {
    let results = golden();
    let mut derived = derived(&results);
    let check = |derived: &crate::results::Derived, says: &str, not: &str| {
        let table = main_text(&results, derived, 200);
        assert!(table.contains(says) && !table.contains(not), "{table}");
    };
    let (is, is_not) = ("\npause sd: standard deviation", "\nno pause sd: a sample needs 30 pauses");
    check(&derived, is, is_not);
    derived.summary.retain(|line| line.row.metric != "pause_variance_ns2");
    check(&derived, is_not, is);
    // Without any pause there is nothing to be missed.
    derived.summary.retain(|line| !line.row.metric.starts_with("pause_"));
    check(&derived, "procs", "no pause");
}

#[test]
fn the_legend_says_which_mean_throughput_is() {
    let results = golden();
    let mut derived = derived(&results);
    let check = |derived: &crate::results::Derived, centre: &str| {
        let table = main_text(&results, derived, 200);
        let expect = format!("throughput: {centre} of the samples; local hit ratio: the mean; [ ]: its 95 % interval");
        assert!(table.contains(&expect), "no \"{expect}\" in\n{table}");
    };
    check(&derived, "the geometric mean");
    derived.summary.iter_mut().for_each(|line| line.row.ci_method = crate::mean::STEIN.into());
    check(&derived, "the mean");
    let first = derived.summary.iter_mut().find(|line| line.row.metric == "throughput_per_s").unwrap();
    first.row.ci_method = crate::mean::GEOMETRIC.into();
    check(&derived, "the geometric mean or the mean (summary.csv says which)");
}

#[test]
fn a_value_that_only_some_samples_have_says_of_how_many() {
    let results = golden();
    let mut derived = derived(&results);
    for line in derived.summary.iter_mut().filter(|line| line.row.point_id == "p00") {
        match line.row.metric.as_str() {
            "throughput_per_s" => line.row.n_failed = 2,
            "pause_variance_ns2" => line.row.n = 1,
            _ => {}
        }
    }
    let table = main_text(&results, &derived, 200);
    let of_p00 = table.lines().find(|line| line.trim_start().starts_with("1 ")).expect("the line of 1 procs");
    assert!(of_p00.contains("ns (1 of 3)") && of_p00.contains("  3 of 5  F2"), "{of_p00}");
    assert_eq!(table.matches("1 of 3").count(), 1, "{table}");
    assert!(table.contains("k of n: only so many samples have a value"), "{table}");
}

#[test]
fn every_verdict_stands_with_its_reason() {
    let results = golden();
    let derived = derived(&results);
    let table = claims_text(&results, &derived, 100);
    for verdict in &plan::record::Verdict::ALL[..4] {
        assert!(table.contains(&verdict.to_string()), "no {verdict} in\n{table}");
        assert!(table.contains(&format!("because this is the {verdict} one")), "{table}");
    }
    assert!(table.contains("hit-ratio-8 (close): supported\n"), "{table}");
    let numbers = "measured 87.5 % [87.0, 88.0] at 97.5 %, n = 3; printed 76.0 %; supported by 75.0 to 77.0 %";
    assert!(table.contains(numbers), "{table}");
    assert!(table.contains("n that would decide it: > 1000"), "{table}");
    let coloured = claims_text(&results, &derived, Look { width: 100, colour: true });
    assert!(coloured.contains("\x1b[31mrefuted\x1b[0m"), "{coloured}");
}

/// The golden claim about 87.5 % of local touches, made one-sided.
#[test]
fn a_limit_is_shown_as_the_side_that_supports_it() {
    use plan::claim::{ClaimRule, Side};
    let check = |side, (low, high): (f64, f64), expect: &str| {
        let mut results = golden();
        let metric = "local_hit_ratio".into();
        results.plan.claims.iter_mut().find(|claim| claim.id == "hit-ratio-8").unwrap().rule =
            ClaimRule::Limit { metric, procs: 8, over_procs: None, side, limit: 0.5, in_procs: false };
        let mut derived = derived(&results);
        for claim in &mut derived.claims {
            (claim.region_low, claim.region_high) = (Some(low), Some(high));
        }
        let table = claims_text(&results, &derived, 100);
        assert!(table.contains(&format!("measured 87.5 % [87.0, 88.0] at 97.5 %, n = 3; {expect}\n")), "{table}");
    };
    check(Side::Above, (0.85, f64::INFINITY), "supported where above 85.0 %");
    check(Side::AtMost, (f64::NEG_INFINITY, 0.9), "supported where at most 90.0 %");
}

#[test]
fn a_region_that_is_open_on_one_side_is_shown_as_such() {
    let check = |(low, high): (f64, f64), expect: &str| {
        let results = golden();
        let mut derived = derived(&results);
        for claim in &mut derived.claims {
            (claim.region_low, claim.region_high) = (Some(low), Some(high));
        }
        let table = claims_text(&results, &derived, 100);
        assert!(table.contains(&format!("printed 76.0 %; {expect}\n")), "{table}");
    };
    check((0.75, 0.77), "supported by 75.0 to 77.0 %");
    check((0.75, f64::INFINITY), "supported from 75.0 % on");
    check((f64::NEG_INFINITY, 0.77), "supported up to 77.0 %");
}

#[test]
fn claims_that_cannot_be_tested_share_their_reason() {
    let results = golden();
    let mut derived = derived(&results);
    let template = derived.claims.iter().find(|claim| claim.verdict == Verdict::NotTestable).unwrap().clone();
    let supported = derived.claims.iter().find(|claim| claim.verdict == Verdict::Supported).unwrap().clone();
    let row = |id: &str, arm: &str, reason: &str, estimate: Option<f64>| ClaimRow {
        id: id.into(),
        text: format!("text of {id}"),
        arm: arm.into(),
        reason: reason.into(),
        estimate,
        ..template.clone()
    };
    let one_node = "this machine has 1 node; the claim needs 2";
    derived.claims = vec![
        row("a", "unbound", one_node, None),
        row("a", "strict", "arm strict does not run here", None),
        row("b", "unbound", one_node, None),
        row("b", "close", one_node, Some(0.5)),
        supported,
        row("a", "close", one_node, None),
    ];
    let table = claims_text(&results, &derived, 100);
    let (answered, rest) = table.split_at(table.find("not testable").expect("the verdict"));
    assert!(answered.starts_with("hit-ratio-8 (close): supported\n"), "{table}");
    let expect = format!(
        "not testable: {one_node}\n  a (unbound, close): text of a\n  b (unbound, close 0.500): text of b\n\
         not testable: arm strict does not run here\n  a (strict): text of a\n"
    );
    assert_eq!(rest, expect);
}
