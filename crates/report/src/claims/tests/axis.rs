//! Claims over another factor than procs, and of several subjects.

use super::*;
use Verdict::{NotTestable, Refuted, Supported};

/// Two subjects with 4 procs and 1 to 40 tasks; `go` takes time in proportion to the tasks, `gmp` breaks at 10 of them.
fn tasks() -> Case {
    let mut case = case();
    let template = case.results.plan.points[3].clone();
    let levels = [1, 2, 5, 8, 10, 14, 20, 30, 40];
    let of = |subject: &str| {
        levels.map(|tasks| Point {
            id: format!("{subject}{tasks}"),
            subject: subject.into(),
            procs: 4,
            axis_level: Some(tasks),
            regime: Regime::Oversubscribed,
            factors: BTreeMap::from([("tasks".into(), tasks.to_string())]),
            ..template.clone()
        })
    };
    case.results.plan.points = [of("go"), of("gmp")].concat();
    case.results.warmups = vec![None; case.results.plan.points.len()];
    case.results.plan.axis = "tasks".into();
    case.results.plan.factors = vec!["tasks".into()];
    case.rate = |tasks, block| wobble(block + tasks) * 100.0 * f64::from(tasks);
    case
}

fn about(subject: &str, rule: ClaimRule) -> Claim {
    Claim { subjects: vec![subject.into()], nodes_least: 1, ..claim(rule) }
}

fn growth(model: &str, rival: &str) -> ClaimRule {
    ClaimRule::Model { metric: "throughput_per_s".into(), model: model.into(), rivals: vec![rival.into()] }
}

#[test]
fn a_curve_over_tasks_is_claimed_in_words_of_tasks() {
    let row = check(tasks(), about("go", growth("power", "exponential-growth")), Supported, "power: AICc ");
    assert_eq!((row.subject.as_str(), row.arm.as_str()), ("go", "unbound"));
    assert_eq!(row.theta, "AICc by which power leads its nearest rival for throughput_per_s over tasks");
    // What is crowded at every point alike is said beside.
    assert!(row.reason.contains("oversubscribed at 1, 2, 5, 8, 10, 14, 20, 30, 40 tasks"), "{row:#?}");
    check(tasks(), about("go", growth("exponential-growth", "power")), Refuted, "");
    let ratio = |procs, over_procs, printed| ClaimRule::Ratio {
        metric: "throughput_per_s".into(),
        procs,
        over_procs,
        printed,
        direction_only: false,
    };
    let row = check(tasks(), about("gmp", ratio(40, 10, 4.0)), Supported, "");
    assert_eq!(row.theta, "throughput_per_s at 40 over 10 tasks");
    check(
        tasks(),
        about("gmp", ratio(50, 10, 5.0)),
        NotTestable,
        "50 tasks are not in the sweep; add them to sweep.tasks",
    );
}

#[test]
fn a_threshold_in_units_of_procs_is_that_of_the_curve() {
    let near = |near: &str| ClaimRule::Threshold { metric: "throughput_per_s".into(), near: near.into() };
    let broken = |tasks: u32, block: u32| {
        let x = f64::from(tasks);
        wobble(block + tasks) * 100.0 * (x + 9.0 * (x - 10.0).max(0.0))
    };
    let row = check(Case { rate: broken, ..tasks() }, about("go", near("2.5 procs")), Supported, "");
    assert!((row.estimate.unwrap() - 10.0).abs() < 0.5, "{row:#?}");
    check(Case { rate: broken, ..tasks() }, about("go", near("8 procs")), Refuted, "");
}

#[test]
fn every_subject_has_a_row_where_a_claim_names_none() {
    let Case { mut results, .. } = tasks();
    let rule = growth("power", "exponential-growth");
    results.plan.claims = vec![Claim { subjects: Vec::new(), nodes_least: 1, ..claim(rule) }];
    let rows = claims(&results);
    assert_eq!(rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["go", "gmp"]);
    assert_eq!(rows[0].level, Some(0.975));
}
