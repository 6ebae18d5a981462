//! Thresholds and models over a part of the axis, on planted curves with drawn errors.

use super::*;
use Verdict::{NotTestable, Refuted, Supported, Undecided};
use plan::claim::Trend;
use plan::reach::Reach;
use stats::random::Stream;

const LEVELS: [u32; 14] = [1, 2, 4, 6, 8, 10, 12, 16, 25, 50, 100, 1000, 5000, 20000];

/// Tasks around 2.5 a processor, of 4, and far past it, with a metric planted as `of` says and errors of `cv`.
fn planted(of: impl Fn(f64) -> f64, cv: f64, blocks: u32, rule: ClaimRule) -> ClaimRow {
    let mut results = case().results;
    let template = results.plan.points[3].clone();
    let point = |tasks: u32| Point {
        id: format!("t{tasks}"),
        procs: 4,
        axis_level: Some(tasks),
        regime: Regime::Oversubscribed,
        factors: BTreeMap::from([("tasks".into(), tasks.to_string())]),
        ..template.clone()
    };
    results.plan.points = LEVELS.map(point).to_vec();
    results.warmups = vec![None; LEVELS.len()];
    results.plan.axis = "tasks".into();
    results.plan.factors = vec!["tasks".into()];
    let mut stream = Stream::new(7, 0);
    let mut figures = Vec::new();
    for block in 0..blocks {
        for (point, tasks) in LEVELS.iter().enumerate() {
            figures.push((point, block, [("throughput_per_s", of(f64::from(*tasks)) * (cv * stream.normal()).exp())]));
        }
    }
    results.samples = super::axis::made_of(&results.plan, &figures);
    results.plan.claims = vec![Claim { nodes_least: 1, ..claim(rule) }];
    claims(&results).remove(0)
}

fn reach(from: &str, to: &str) -> Reach {
    let end = |end: &str| (!end.is_empty()).then(|| end.to_string());
    Reach { from: end(from), to: end(to) }
}

/// As `cliff` of throughput-cliff.toml and `storm-knee` of task-storm.toml ask.
fn threshold(trend: Trend) -> ClaimRule {
    ClaimRule::Threshold {
        metric: "throughput_per_s".into(),
        near: "2.5 procs".into(),
        reach: reach("1 procs", "25 procs"),
        trend: Some(trend),
        factor: Some(1.5),
    }
}

/// The article's table with a rise to 4 processors, level to 10, straight on ln and ln in between.
fn printed(n: f64) -> f64 {
    let table =
        [(1.0, 26e3), (4.0, 104e3), (10.0, 104e3), (100.0, 98.2e3), (1000.0, 42.6e3), (5000.0, 8.9e3), (20e3, 1350.0)];
    let pair = table.windows(2).find(|pair| n <= pair[1].0).expect("within the table");
    let ((a, x), (b, y)): ((f64, f64), (f64, f64)) = (pair[0], pair[1]);
    x * (y / x).powf((n / a).ln() / (b / a).ln())
}

#[test]
fn planted_cliffs() {
    for cv in [0.01, 0.05] {
        let check = |of: fn(f64) -> f64, verdict, reason: &str| {
            let row = planted(of, cv, 10, threshold(Trend::Falling));
            assert!(row.verdict == verdict && row.reason.contains(reason), "{cv}: {row:#?}");
        };
        check(|n| 1e4 * n.min(10.0), Refuted, "no such change: at 100 tasks it is 1.2");
        check(|n| 25e3 * n.min(4.0) * if n <= 10.0 { 1.0 } else { 10.0 / n }, Supported, "it turns down at the break");
        check(|n| 25e3 * n.min(4.0) * if n <= 10.0 { 1.0 } else { 0.5 }, Supported, "it turns down at the break");
        check(printed, Refuted, "no such change: at 100 tasks it is 0.9");
        check(|n| 25e3 * n.min(4.0), Refuted, "asked 0.667 or less");
    }
}

#[test]
fn planted_knees_of_a_cost() {
    // So many times as dear is each task beyond ten.
    let cost = |n: f64, further: f64| if n <= 10.0 { 50.0 } else { (500.0 + 50.0 * further * (n - 10.0)) / n };
    for cv in [0.01, 0.05] {
        let check = |further: f64, verdict, reason: &str| {
            let row = planted(|n| cost(n, further), cv, 10, threshold(Trend::Rising));
            assert!(row.verdict == verdict && row.reason.contains(reason), "{cv}: {row:#?}");
        };
        check(10.0, Supported, "kink of the total: AICc ");
        check(1.1, Refuted, "no such change: at 100 tasks it is 1.");
        check(0.1, Refuted, "no such change: at 100 tasks it is 0.");
    }
}

#[test]
fn a_threshold_is_looked_for_where_the_claim_says() {
    let rule = |near: &str, reach: Reach| ClaimRule::Threshold {
        metric: "throughput_per_s".into(),
        near: near.into(),
        reach,
        trend: Some(Trend::Falling),
        factor: Some(1.5),
    };
    let cliff = |n: f64| 25e3 * n.min(4.0) * if n <= 10.0 { 1.0 } else { 10.0 / n };
    let row = planted(cliff, 0.01, 10, rule("2.5 procs", reach("1 procs", "25 procs")));
    assert_eq!(row.theta, "break of throughput_per_s, tasks, from 1 procs to 25 procs");
    assert!((row.estimate.unwrap() - 10.0).abs() < 0.5 && row.region_high == Some(12.5), "{row:#?}");
    assert_eq!(planted(cliff, 0.01, 10, rule("40", reach("4", "100"))).verdict, Refuted);
    let none = |rule: ClaimRule, reason: &str| {
        let row = planted(cliff, 0.01, 10, rule);
        assert!(row.verdict == NotTestable && row.reason.contains(reason), "{row:#?}");
    };
    none(rule("10", reach("10", "100")), "tasks up to 8.00 and from 12.5 on are needed");
    none(rule("10", reach("6", "12")), "tasks up to 8.00 and from 12.5 on are needed");
    none(rule("10", reach("6", "16")), "5 distinct tasks, 6 needed");
    none(rule("10", reach("30000", "")), "no tasks from 30000 tasks on");
    let before = ClaimRule::Threshold {
        metric: "throughput_per_s".into(),
        near: "10".into(),
        reach: Reach::default(),
        trend: None,
        factor: None,
    };
    none(before, "says neither which way");
}

/// From ten tasks on the time is in proportion to them; up to there it is level.
fn storm(n: f64) -> f64 {
    820.0 * (n / 10.0).max(1.0)
}

#[test]
fn a_model_is_refuted_by_its_own_misfit_and_not_by_noise() {
    let rule = |model: &str, rivals: &[&str], reach: Reach| ClaimRule::Model {
        metric: "throughput_per_s".into(),
        model: model.into(),
        rivals: rivals.iter().map(ToString::to_string).collect(),
        reach,
    };
    let exponential = |reach| rule("exponential-growth", &["power", "linear", "n-log-n"], reach);
    let check = |of: fn(f64) -> f64, cv, blocks, rule: ClaimRule, verdict| {
        let row = planted(of, cv, blocks, rule);
        assert_eq!(row.verdict, verdict, "{cv}, {blocks}: {row:#?}");
        row
    };
    for cv in [0.01, 0.05] {
        let row = check(storm, cv, 10, exponential(reach("10", "")), Refuted);
        assert!(row.theta.ends_with("over tasks, from 10 tasks on"), "{row:#?}");
        // No rival is adequate over the whole sweep; the exponential is none the better for it.
        check(storm, cv, 10, exponential(Reach::default()), Refuted);
        check(storm, cv, 10, rule("power", &["exponential-growth"], reach("10", "")), Supported);
        // A true one is supported.
        check(|n| 820.0 * (n / 4000.0).exp(), cv, 10, exponential(reach("10", "")), Supported);
    }
    // Behind noise of several times the values nothing can be told.
    check(storm, 5.0, 2, exponential(reach("10", "")), Undecided);
}
