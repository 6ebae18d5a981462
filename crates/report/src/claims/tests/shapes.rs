//! Slopes, trends, models, breaks and relations, on samples whose truth is known.

use super::*;
use Verdict::{NotTestable, Refuted, Supported, Undecided};
use plan::claim::{Share, Span, Trend};
use plan::reach::Reach;

fn metric() -> String {
    "throughput_per_s".into()
}

fn with(rate: fn(u32, u32) -> f64) -> Case {
    Case { rate, ..case() }
}

fn span(from: u32, to: u32) -> Span {
    Span { from: Some(from), to: Some(to) }
}

#[test]
fn slopes() {
    let slope = |span, printed| claim(ClaimRule::Slope { metric: metric(), span, printed, tolerance: 0.01 });
    let root = |procs: u32, block: u32| wobble(block) * 100.0 * f64::from(procs).sqrt();
    // What slows a whole block cancels.
    let row = check(with(root), slope(Span::default(), 0.5), Supported, "inside");
    assert!(
        (row.estimate.unwrap() - 0.5).abs() < 1e-12 && row.ci_high.unwrap() - row.ci_low.unwrap() < 1e-9,
        "{row:#?}"
    );
    assert_eq!((row.n, row.region_low), (10, Some(0.49)));
    check(with(root), slope(span(2, 8), 0.52), Refuted, "outside");
    let uneven = |procs: u32, block: u32| 100.0 * f64::from(procs).powf(0.5 + 0.01 * (f64::from(block % 5) - 2.0));
    let row = check(with(uneven), slope(Span::default(), 0.505), Undecided, "across an edge");
    // t(.975, 9) x .01 x sqrt(20/9) / sqrt 10 = .01066, .005 from the edge.
    assert_eq!(row.needed_n.as_deref(), Some("46"), "{row:#?}");
    check(with(root), slope(span(1, 12), 0.5), NotTestable, "12 procs are not in the sweep");
    let alone = Span { from: Some(8), to: None };
    check(with(root), slope(alone, 0.5), NotTestable, "1 procs from 8 procs on; two are needed");
}

#[test]
fn trends() {
    let trend = |trend, span| claim(ClaimRule::Monotone { metric: metric(), span, trend, delta: 0.02 });
    check(case(), trend(Trend::Rising, span(1, 4)), Supported, "of 3");
    let row = check(case(), trend(Trend::Rising, Span::default()), Refuted, "the step from 7 to 8 procs decides, of 7");
    let usl = |procs| peaked(procs, 2);
    assert!((row.estimate.unwrap() - usl(8) / usl(7)).abs() < 1e-12 && row.region_low == Some(0.98), "{row:#?}");
    check(case(), trend(Trend::Falling, span(4, 8)), Supported, "");
    check(case(), trend(Trend::Falling, span(1, 4)), Refuted, "the step from 1 to 2 procs");
    // 8 procs are 10 % better or worse than 7 by turns.
    let noisy = |procs: u32, block: u32| match procs {
        8 => {
            if block.is_multiple_of(2) {
                880.0
            } else {
                640.0
            }
        }
        procs => 100.0 * f64::from(procs) + f64::from(procs),
    };
    let row = check(with(noisy), trend(Trend::Rising, Span::default()), Undecided, "the step from 7 to 8");
    assert!(row.needed_n.is_some_and(|needed| needed.parse::<u32>().is_ok_and(|needed| needed > 10)));
    let mut emulated = case();
    emulated.results.manifest.timing = Timing::Emulated;
    check(emulated, trend(Trend::Rising, Span::default()), NotTestable, "times of this run are emulated");
}

fn amdahl(procs: u32, block: u32) -> f64 {
    let n = f64::from(procs);
    wobble(block + procs) * 100.0 * n / (1.0 + 0.1 * (n - 1.0))
}

#[test]
fn models() {
    let model = |model: &str, rivals: &[&str]| {
        let rivals = rivals.iter().map(ToString::to_string).collect();
        claim(ClaimRule::Model { metric: metric(), model: model.into(), rivals, reach: Reach::default() })
    };
    let row = check(case(), model("usl", &["amdahl", "linear"]), Supported, "usl: AICc ");
    assert!(row.estimate.unwrap() > 100.0 && row.region_low == Some(6.0) && row.ci_low.is_none(), "{row:#?}");
    assert!(row.reason.contains("; amdahl: AICc ") && row.reason.contains(", not adequate, misfit "), "{row:#?}");
    check(case(), model("amdahl", &["usl"]), Refuted, "not adequate");
    // Where the law is Amdahl's, a USL fits as well.
    let row = check(with(amdahl), model("amdahl", &["usl"]), Undecided, "");
    assert!(row.estimate.unwrap().abs() < 6.0, "{row:#?}");
    check(with(amdahl), model("amdahl", &["exponential-saturation", "linear"]), Supported, "");
    let mut few = case();
    few.results.plan.points.truncate(5);
    check(few, model("usl", &["amdahl"]), NotTestable, "no curve: 5 distinct procs, 6 needed");
}

/// 100 for each worker up to 4, then 80 less for each.
fn broken(procs: u32, block: u32) -> f64 {
    let n = f64::from(procs);
    wobble(block + procs) * (100.0 * n - 180.0 * (n - 4.0).max(0.0))
}

#[test]
fn thresholds() {
    let threshold = |near: &str| {
        let (reach, trend, factor) = (Reach::default(), Some(Trend::Falling), Some(1.5));
        claim(ClaimRule::Threshold { metric: metric(), near: near.into(), reach, trend, factor })
    };
    let row = check(with(broken), threshold("4"), Supported, "at 8 procs it is 0.2666");
    assert!((row.estimate.unwrap() - 4.0).abs() < 0.05 && row.region_high == Some(5.0), "{row:#?}");
    assert!(row.reason.contains("; kink: AICc "), "{row:#?}");
    // Nodes of the made machine have 4 cores.
    check(with(broken), threshold("node"), Supported, "");
    check(with(broken), threshold("6"), Refuted, "the break is not near 6.00 procs");
    // A smooth curve with its peak there: it falls by less, and with less asked the USL explains it.
    check(case(), threshold("4"), Refuted, "no such change");
    let mut few = with(broken);
    few.results.plan.points.remove(0);
    check(few, threshold("4"), Undecided, "2 procs below 4");
    let mut unnamed = with(broken);
    unnamed.results.topology.pus.iter_mut().for_each(|pu| pu.llc = None);
    check(unnamed, threshold("llc"), NotTestable, "this machine names no llc");
}

/// The article's figures for 32 and 64 P (published/numa_binding.csv), at 4 and 8 procs.
fn as_printed() -> Case {
    let rate = |procs: u32, block: u32| wobble(block) * if procs == 8 { 51_300.0 } else { 68_900.0 };
    Case { rate, hits: Some(|procs| if procs == 8 { 0.68 } else { 0.92 }), ..case() }
}

#[test]
fn relations() {
    let relation = |of, low, high| claim(ClaimRule::Relation { procs: 8, over_procs: 4, of, low, high });
    // Statistics notes, section 1, claim 13: 2.614 in all, 17.04 for each P.
    let row = check(as_printed(), relation(Share::All, 1.4, 3.5), Supported, "1.34 times as long");
    assert!((row.estimate.unwrap() - 2.61408657).abs() < 1e-6, "{row:#?}");
    let row = check(as_printed(), relation(Share::Each, 1.4, 3.5), Refuted, "outside");
    assert!((row.estimate.unwrap() - 17.042284866).abs() < 1e-4, "{row:#?}");
    let row = check(as_printed(), relation(Share::All, 2.61, 3.5), Undecided, "across an edge");
    assert!(row.needed_n.is_some(), "{row:#?}");
    // The same statement the other way round.
    let back = ClaimRule::Relation { procs: 4, over_procs: 8, of: Share::All, low: 1.4, high: 3.5 };
    let row = check(as_printed(), claim(back), Supported, "as long");
    assert!((row.estimate.unwrap() - 2.61408657).abs() < 1e-6, "{row:#?}");
    // As many are remote as before: no latency explains the fall.
    let row = check(Case { hits: None, ..as_printed() }, relation(Share::All, 1.4, 3.5), Refuted, "outside");
    assert_eq!(row.estimate, Some(f64::INFINITY));
    let mut planned = as_printed();
    planned.results.plan.points[3].hit_ratio_by_construction = Some(0.92);
    check(planned, relation(Share::All, 1.4, 3.5), NotTestable, "at 4 procs local_hit_ratio follows from the plan");
    let lacking = Case { unmeasured: (4, 2), ..as_printed() };
    check(lacking, relation(Share::All, 1.4, 3.5), Undecided, "local_hit_ratio was measured in 8 of 10 samples at 4");
}

/// Neither the time nor the hit ratio changed for sure: every latency explains that, so that none is refuted.
#[test]
fn a_relation_of_what_did_not_change_is_undecided() {
    let rule = || claim(ClaimRule::Relation { procs: 8, over_procs: 4, of: Share::All, low: 1.4, high: 3.5 });
    let rate = |procs: u32, block: u32| 100.0 + 5.0 * f64::from((block + procs / 3) % 5);
    for hits in [|_| 0.9, |procs| if procs == 8 { 0.89 } else { 0.9 }] {
        let row = check(Case { rate, hits: Some(hits), ..case() }, rule(), Undecided, "across an edge");
        assert_eq!((row.ci_low, row.ci_high), (Some(0.0), Some(f64::INFINITY)), "{row:#?}");
    }
}

/// Two procs that cannot be told apart, far from each other: how many blocks would tell is said.
#[test]
fn an_undecided_peak_says_how_many_samples_would_decide() {
    let flat = |procs: u32, block: u32| match procs {
        1 => 100.0 + f64::from(block % 5),
        7 => 101.0 + f64::from((block + 3) % 5),
        _ => 50.0,
    };
    let row = check(with(flat), claim(peak(7)), Undecided, "not beaten: 1, 7");
    assert!(row.needed_n.as_deref().is_some_and(|needed| needed != "10"), "{row:#?}");
}

/// A folder whose experiment was read before such claims were refused.
#[test]
fn quantiles_of_samples_are_averaged_for_no_claim() {
    for metric in ["pause_p50_ns", "pause_p99_ns", "pause_max_ns"] {
        let rule = ClaimRule::Value { metric: metric.into(), procs: 8, printed: 10.0, tolerance: 1.0 };
        let row = check(case(), claim(rule), NotTestable, "never averaged");
        assert_eq!((row.estimate, row.ci_high), (None, None), "{row:#?}");
    }
}

#[test]
fn a_row_says_what_its_interval_rests_on() {
    let blocks = f64::from(BLOCKS);
    for (rule, df) in [(value(0.8), blocks - 1.0), (ratio(1.2, false), blocks - 1.0), (peak(8), blocks - 1.0)] {
        let row = run(case(), claim(rule));
        assert_eq!(row.df, Some(df), "{row:#?}");
    }
    // A peak is of all points, and compared in pairs of blocks.
    assert_eq!(run(case(), claim(peak(8))).n, u64::from(BLOCKS));
}
