//! Claims over another factor than procs, and of several subjects.

use super::*;
use Verdict::{NotTestable, Refuted, Supported};
use plan::reach::Reach;

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
    ClaimRule::Model {
        metric: "throughput_per_s".into(),
        model: model.into(),
        rivals: vec![rival.into()],
        reach: Reach::default(),
    }
}

fn ratio(procs: u32, over_procs: u32, printed: f64) -> ClaimRule {
    ClaimRule::Ratio { metric: "throughput_per_s".into(), procs, over_procs, printed, direction_only: false }
}

#[test]
fn a_curve_over_tasks_is_claimed_in_words_of_tasks() {
    let row = check(tasks(), about("go", growth("power", "exponential-growth")), Supported, "power: AICc ");
    assert_eq!((row.subject.as_str(), row.arm.as_str()), ("go", "unbound"));
    assert_eq!(row.theta, "AICc by which power leads its nearest rival for throughput_per_s over tasks");
    // What is crowded at every point alike is said beside.
    assert!(row.reason.contains("oversubscribed at 1, 2, 5, 8, 10, 14, 20, 30, 40 tasks"), "{row:#?}");
    check(tasks(), about("go", growth("exponential-growth", "power")), Refuted, "");
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
    let near = |near: &str| ClaimRule::Threshold {
        metric: "throughput_per_s".into(),
        near: near.into(),
        reach: Reach::default(),
        trend: Some(plan::claim::Trend::Rising),
        factor: Some(1.5),
    };
    let broken = |tasks: u32, block: u32| {
        let x = f64::from(tasks);
        wobble(block + tasks) * 100.0 * (x + 9.0 * (x - 10.0).max(0.0))
    };
    let row = check(Case { rate: broken, ..tasks() }, about("go", near("2.5 procs")), Supported, "");
    assert!((row.estimate.unwrap() - 10.0).abs() < 0.5, "{row:#?}");
    check(Case { rate: broken, ..tasks() }, about("go", near("5 procs")), Refuted, "");
}

#[test]
fn every_subject_has_a_row_where_a_claim_names_none() {
    let Case { mut results, .. } = tasks();
    let rule = growth("power", "exponential-growth");
    results.plan.claims = vec![Claim { subjects: Vec::new(), nodes_least: 1, ..claim(rule) }];
    let rows = claims(&results);
    assert_eq!(rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["go", "gmp"]);
    // A lead of AICc has none; two rows of what has an interval would be judged at .975 each.
    assert_eq!(rows[0].level, None);
    results.plan.claims[0].rule = ClaimRule::Knee { metric: "throughput_per_s".into(), near: "5".into() };
    assert!(claims(&results).iter().all(|row| row.level == Some(0.975)));
}

/// `(point, block, metrics)` of a sample.
pub(super) type Figures<const N: usize> = (usize, u32, [(&'static str, f64); N]);

pub(super) fn made_of<const N: usize>(plan: &Plan, figures: &[Figures<N>]) -> crate::samples::Samples {
    let made = figures.iter().map(|(point, block, metrics)| Made {
        point: *point,
        block: *block,
        flagged: false,
        failed: false,
        metrics,
    });
    samples(plan, &made.collect::<Vec<_>>())
}

#[test]
fn tasks_that_served_nothing_leave_a_claim_undecided() {
    let Case { mut results, rate, .. } = tasks();
    results.plan.metrics = vec![crate::claims::UNSERVED.into()];
    let mut figures = Vec::new();
    for (at, point) in results.plan.points.iter().enumerate() {
        for block in 0..BLOCKS {
            let idle = if point.x() == 40 && block == 3 { 0.25 } else { 0.0 };
            figures.push((at, block, [("throughput_per_s", rate(point.x(), block)), (crate::claims::UNSERVED, idle)]));
        }
    }
    results.samples = made_of(&results.plan, &figures);
    results.plan.claims = vec![about("go", ratio(40, 10, 4.0)), about("go", ratio(20, 10, 2.0))];
    let rows = claims(&results);
    assert_eq!(rows.iter().map(|row| row.verdict).collect::<Vec<_>>(), [Verdict::Undecided, Supported], "{rows:#?}");
    let reason = "up to 25.0 % of the tasks served nothing in a sample at 40 tasks; take longer ones";
    assert!(rows[0].reason.starts_with(reason), "{rows:#?}");
}

/// Two subjects with 2 and with 4 procs, at 10 tasks: gmp is twice as fast as go, and 4 procs thrice as fast as 2.
fn by_subject_and_procs() -> Results {
    let Case { mut results, .. } = tasks();
    let template = results.plan.points[4].clone();
    let point = |id: &str, subject: &str, procs: u32| Point {
        id: id.into(),
        subject: subject.into(),
        procs,
        ..template.clone()
    };
    results.plan.points = vec![point("a", "go", 2), point("b", "go", 4), point("c", "gmp", 2), point("d", "gmp", 4)];
    let rates = [100.0, 300.0, 200.0, 600.0];
    let figures: Vec<_> = (0..BLOCKS)
        .flat_map(|block| (0..4).map(move |at| (at, block, [("throughput_per_s", rates[at] * wobble(block))])))
        .collect();
    results.samples = made_of(&results.plan, &figures);
    results
}

/// The first claim's row.
fn judged(levels: &[(&str, &str)], over: plan::claim::Over, printed: f64) -> ClaimRow {
    let mut results = by_subject_and_procs();
    let rule = ClaimRule::Ratio {
        metric: "throughput_per_s".into(),
        procs: 10,
        over_procs: 10,
        printed,
        direction_only: false,
    };
    let levels = levels.iter().map(|(key, level)| (key.to_string(), level.to_string())).collect();
    results.plan.claims = vec![Claim { levels, over, ..about("gmp", rule) }];
    claims(&results).remove(0)
}

#[test]
fn a_denominator_has_levels_and_a_subject_of_its_own() {
    let of_procs = |procs: &str| plan::claim::Over {
        levels: BTreeMap::from([("procs".to_string(), procs.to_string())]),
        ..plan::claim::Over::default()
    };
    let row = judged(&[("procs", "4")], of_procs("2"), 3.0);
    assert_eq!((row.verdict, row.theta.as_str()), (Supported, "throughput_per_s at 10 tasks over that with procs=2"));
    assert_eq!(judged(&[("procs", "2")], of_procs("4"), 3.0).verdict, Refuted);
    let of_go = plan::claim::Over { subject: Some("go".into()), ..plan::claim::Over::default() };
    assert_eq!(judged(&[("procs", "4")], of_go.clone(), 2.0).verdict, Supported);
    let row = judged(&[], of_go, 2.0);
    assert_eq!(row.verdict, NotTestable);
    assert!(row.reason.contains("more than tasks (subject=gmp, procs=2; subject=gmp, procs=4)"), "{row:#?}");
}
