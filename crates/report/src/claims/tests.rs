//! Verdicts on samples made by hand: the rule of each type, and every reason why there is no verdict.

mod alike;
mod axis;
mod bounds;
mod ends;
mod limits;
mod shapes;
mod thresholds;

use super::*;
use crate::fixture::golden;
use crate::samples::made::{Made, samples};
use plan::claim::NodeCores;
use plan::place::Regime;
use plan::point::{Point, Skipped};
use plan::record::Timing;

/// Blocks of every made folder.
const BLOCKS: u32 = 10;

/// A machine of 2 nodes of 4 PUs, arm `unbound`, hardware timing; each block is the same curve within ± 0.1 %.
struct Case {
    results: Results,
    /// Throughput at (procs, block).
    rate: fn(u32, u32) -> f64,
    ratio: f64,
    /// The ratio by procs, where it is not one for all.
    hits: Option<fn(u32) -> f64>,
    /// How far the bounds of the ratio lie below and above it.
    unknown: f64,
    /// `(procs, blocks from 0 on)` of which no ratio was measured.
    unmeasured: (u32, u32),
    /// Pause variance at (procs, block); `None`: too few pauses.
    variance: fn(u32, u32) -> Option<f64>,
    /// `(procs, blocks from 0 on)` that failed, and that are flagged.
    failed: (u32, u32),
    flagged: (u32, u32),
    /// Whether what failed was run again, with success.
    retried: bool,
}

/// Even over blocks, so that means are what they seem.
fn wobble(block: u32) -> f64 {
    1.0 + 0.001 * (f64::from(block % 5) - 2.0)
}

/// USL with its peak at 4: lambda 100, sigma 0.04, kappa 0.06.
fn peaked(procs: u32, block: u32) -> f64 {
    let n = f64::from(procs);
    wobble(block) * 100.0 * n / (1.0 + 0.04 * (n - 1.0) + 0.06 * n * (n - 1.0))
}

fn case() -> Case {
    let mut results = golden();
    results.manifest.timing = Timing::Hardware;
    results.manifest.source = "live".into();
    let template = results.plan.points.iter().find(|point| point.arm == "unbound").unwrap().clone();
    let point = |procs: u32| Point { id: format!("p{procs:02}"), procs, regime: Regime::Core, ..template.clone() };
    results.plan.points = (1..=8).map(point).collect();
    results.plan.skipped = Vec::new();
    Case {
        results,
        rate: peaked,
        ratio: 0.8,
        hits: None,
        unknown: 0.0,
        unmeasured: (0, 0),
        variance: |procs, block| Some(wobble(block) * f64::from(procs)),
        failed: (0, 0),
        flagged: (0, 0),
        retried: false,
    }
}

fn claim(rule: ClaimRule) -> Claim {
    Claim {
        id: "c".into(),
        text: "t".into(),
        arms: vec!["unbound".into()],
        subjects: Vec::new(),
        levels: BTreeMap::new(),
        over: plan::claim::Over::default(),
        nodes_least: 2,
        node_cores: NodeCores::default(),
        untestable: None,
        rule,
    }
}

fn value(printed: f64) -> ClaimRule {
    ClaimRule::Value { metric: "local_hit_ratio".into(), procs: 8, printed, tolerance: 0.02 }
}

fn rate_value(printed: f64) -> ClaimRule {
    ClaimRule::Value { metric: "throughput_per_s".into(), procs: 1, printed, tolerance: 2.0 }
}

fn ratio(printed: f64, direction_only: bool) -> ClaimRule {
    ClaimRule::Ratio { metric: "throughput_per_s".into(), procs: 8, over_procs: 4, printed, direction_only }
}

fn peak(procs: u32) -> ClaimRule {
    ClaimRule::Peak { metric: "throughput_per_s".into(), procs }
}

fn knee(near: &str) -> ClaimRule {
    ClaimRule::Knee { metric: "throughput_per_s".into(), near: near.into() }
}

fn variance_ratio(printed: f64) -> ClaimRule {
    ClaimRule::VarianceRatio { procs: 8, over_procs: 2, printed }
}

fn run(case: Case, claim: Claim) -> ClaimRow {
    run_blocks(case, claim, BLOCKS)
}

fn run_blocks(case: Case, claim: Claim, blocks: u32) -> ClaimRow {
    run_all(case, claim, blocks, "pause_variance_ns2")
}

/// What the case calls variance is a metric of this name.
fn run_named(case: Case, claim: Claim, name: &'static str) -> ClaimRow {
    run_all(case, claim, BLOCKS, name)
}

fn run_all(case: Case, claim: Claim, blocks: u32, named: &'static str) -> ClaimRow {
    let Case { mut results, rate, ratio, hits, unknown, unmeasured, variance, failed, flagged, retried } = case;
    let is_in = |(procs, blocks): (u32, u32), at: u32, block: u32| at == procs && block < blocks;
    let mut figures = Vec::new();
    for block in 0..blocks {
        for (index, point) in results.plan.points.iter().enumerate() {
            let ratio = hits.map_or(ratio, |hits| hits(point.x())) * wobble(block);
            let mut metrics = vec![("throughput_per_s", rate(point.x(), block)), ("pause_mean_ns", 10.0)];
            if !is_in(unmeasured, point.x(), block) {
                let bounds = [("local_hit_low", ratio - unknown), ("local_hit_high", ratio + unknown)];
                metrics.extend([("local_hit_ratio", ratio)].into_iter().chain(bounds));
            }
            metrics.extend(variance(point.x(), block).map(|variance| (named, variance)));
            figures.push((index, point.x(), block, metrics));
        }
    }
    let mut made: Vec<Made<'_>> = figures
        .iter()
        .map(|(point, procs, block, metrics)| Made {
            point: *point,
            block: *block,
            flagged: is_in(flagged, *procs, *block),
            failed: is_in(failed, *procs, *block),
            metrics,
        })
        .collect();
    let again: Vec<Made<'_>> = made
        .iter()
        .filter(|row| retried && row.failed)
        .map(|row| Made {
            failed: false,
            point: row.point,
            block: row.block,
            flagged: row.flagged,
            metrics: row.metrics,
        })
        .collect();
    made.extend(again);
    results.samples = samples(&results.plan, &made);
    results.plan.claims = vec![claim];
    claims(&results).remove(0)
}

fn check(case: Case, claim: Claim, verdict: Verdict, reason: &str) -> ClaimRow {
    let row = run(case, claim);
    assert!(row.verdict == verdict && row.reason.contains(reason), "{verdict}, \"{reason}\" expected of {row:#?}");
    row
}

#[test]
fn each_type_is_supported_refuted_or_undecided() {
    use Verdict::{Refuted, Supported, Undecided};
    for (rule, verdict) in [
        (value(0.8), Supported),
        (value(0.9), Refuted),
        (value(0.82), Undecided),
        // Rate at 1 is 100 within .1 %.
        (rate_value(100.0), Supported),
        (rate_value(103.0), Refuted),
        (rate_value(102.0), Undecided),
        // X(8)/X(4): the wobble cancels within a block.
        (ratio(0.8, false), Supported),
        (ratio(2.0, false), Refuted),
        (ratio(0.5, true), Supported),
        (ratio(2.0, true), Refuted),
        (peak(4), Supported),
        (peak(3), Supported),
        (peak(8), Refuted),
        (knee("node"), Supported),
        (knee("4"), Supported),
        (knee("8"), Refuted),
        (variance_ratio(4.0), Supported),
        (variance_ratio(1.0), Refuted),
        (variance_ratio(6.0), Undecided),
    ] {
        let row = check(case(), claim(rule.clone()), verdict, "");
        assert_eq!(row.needed_n.is_some(), verdict == Undecided, "{rule:?}: {row:#?}");
        assert!(row.estimate.is_some() && row.ci_low <= row.ci_high, "{row:#?}");
    }
}

/// The made machine has nodes of 4 cores.
#[test]
fn the_nodes_that_a_claim_is_about_stand_in_its_rule() {
    let on = |min, max| Claim { node_cores: NodeCores { min, max }, ..claim(value(0.8)) };
    let row = check(case(), on(Some(4), Some(4)), Verdict::Supported, "");
    assert!(row.rule.ends_with("R: printed ± tolerance; level 1 - .05/1; on nodes of 4 cores"), "{row:#?}");
    let row = check(case(), on(Some(5), None), Verdict::NotTestable, "this machine's have 4");
    assert!(row.rule.ends_with("; on nodes of 5 cores or more"), "{row:#?}");
    check(case(), on(None, Some(3)), Verdict::NotTestable, "the claim is about nodes of 3 cores or fewer; ");
}

#[test]
fn intervals_are_those_of_all_claims_and_arms_together() {
    let mut two = claim(value(0.8));
    two.arms.push("close".into());
    let row = run(case(), two);
    assert_eq!(row.level, Some(0.975));
    // .8 ± t(.9875, 9) sd / sqrt 10; sd of .8 x (1 ± .001 x {-2..2}, each twice) is .8 x .001 x sqrt(20/9).
    let half = stats::interval::t_quantile(0.9875, 9.0) * 0.0008 * (20.0f64 / 9.0).sqrt() / 10f64.sqrt();
    assert!((row.ci_low.unwrap() - (0.8 - half)).abs() < 1e-12, "{row:#?}");
}

#[test]
fn remote_ratio_is_what_is_not_local() {
    let rule = ClaimRule::Value { metric: "remote_ratio".into(), procs: 8, printed: 0.2, tolerance: 0.02 };
    let row = check(case(), claim(rule), Verdict::Supported, "inside");
    assert!((row.estimate.unwrap() - 0.2).abs() < 1e-12);
    assert!(row.ci_low.unwrap() > 0.19 && row.ci_high.unwrap() < 0.21, "{row:#?}");
}

fn check_not_testable(change: fn(&mut Case), rule: ClaimRule, reason: &str) {
    let mut case = case();
    change(&mut case);
    let row = check(case, claim(rule), Verdict::NotTestable, reason);
    assert_eq!(row.needed_n, None);
}

#[test]
fn what_cannot_be_tested_says_why() {
    let no_change = |_: &mut Case| {};
    check_not_testable(
        |case| drop(case.results.topology.nodes.pop()),
        value(0.8),
        "this machine has 1 node; the claim needs 2",
    );
    check_not_testable(|case| case.results.plan.points.truncate(7), value(0.8), "8 procs are not in the sweep");
    check_not_testable(
        |case| {
            let last = case.results.plan.points.pop().unwrap();
            let reason = "8 workers asked, 4 PUs".into();
            let Point { arm, procs, subject, factors, axis_level, .. } = last;
            case.results.plan.skipped.push(Skipped { arm, procs, subject, factors, axis_level, reason });
        },
        value(0.8),
        "8 procs were skipped: 8 workers asked, 4 PUs",
    );
    check_not_testable(
        |case| case.results.manifest.timing = Timing::Emulated,
        ratio(1.0, false),
        "times of this run are emulated",
    );
    check_not_testable(
        |case| case.results.plan.points.iter_mut().for_each(|point| point.hit_ratio_by_construction = Some(0.8)),
        value(0.8),
        "follows from the plan alone (by construction)",
    );
    check_not_testable(
        |case| case.results.plan.points[7].regime = Regime::Oversubscribed,
        value(0.8),
        "8 procs are oversubscribed here",
    );
    check_not_testable(
        |case| case.results.plan.points[7].regime = Regime::Oversubscribed,
        peak(8),
        "8 procs are oversubscribed here",
    );
    check_not_testable(no_change, peak(12), "12 procs are not in the sweep");
    check_not_testable(
        |case| case.results.plan.points.truncate(5),
        knee("node"),
        "no knee: 5 distinct procs, 6 needed; add values to sweep.procs",
    );
    check_not_testable(
        |case| case.results.topology.pus.iter_mut().for_each(|pu| pu.llc = None),
        knee("llc"),
        "this machine names no llc",
    );
    check_not_testable(
        |case| case.variance = |_, _| None,
        variance_ratio(1.0),
        "pause_variance_ns2 was not measured at 8 procs",
    );
    check_not_testable(
        |case| case.results.plan.points.iter_mut().for_each(|point| point.arm = "close".into()),
        value(0.8),
        "arm unbound was not asked for; leave --arm out, or add --arm unbound",
    );
    check_not_testable(
        |case| {
            let of = |level: &str| BTreeMap::from([("write_ratio".into(), level.into())]);
            let plan = &mut case.results.plan;
            plan.factors = vec!["write_ratio".into()];
            plan.points.iter_mut().for_each(|point| point.factors = of("0.1"));
            plan.points.push(Point { id: "q".into(), factors: of("0.5"), ..plan.points[7].clone() });
        },
        value(0.8),
        "was swept over more than procs (write_ratio=0.1; write_ratio=0.5)",
    );
    check_not_testable(
        |case| case.results.manifest.conditions.inherited_cpus = Some("0-3".parse().unwrap()),
        value(0.8),
        "what this process inherited: affinity to PUs 0-3",
    );
    check_not_testable(
        |case| case.results.manifest.conditions.inherited_policy = Some("bind:0".into()),
        value(0.8),
        "what this process inherited: memory policy bind:0",
    );
    let unknown = ClaimRule::Value { metric: "frobs".into(), procs: 8, printed: 1.0, tolerance: 0.1 };
    check_not_testable(no_change, unknown, "frobs is no metric of this experiment");
}

/// The ratio at one point, 4 procs, follows from the plan; what is measured elsewhere is compared with it.
#[test]
fn one_point_by_construction_is_enough() {
    let hits = || "local_hit_ratio".to_string();
    let reason = "at 4 procs it follows from the plan alone (by construction): it supports no claim";
    let ratio =
        |procs, over_procs| ClaimRule::Ratio { metric: hits(), procs, over_procs, printed: 1.0, direction_only: false };
    let by_construction = |case: &mut Case| case.results.plan.points[3].hit_ratio_by_construction = Some(0.8);
    check_not_testable(by_construction, ratio(8, 4), reason);
    check_not_testable(by_construction, ratio(4, 8), reason);
    check_not_testable(by_construction, ClaimRule::Peak { metric: hits(), procs: 8 }, reason);
    let mut case = case();
    by_construction(&mut case);
    check(case, claim(ratio(8, 2)), Verdict::Supported, "");
}

#[test]
fn a_placement_time_cannot_touch_is_tested_under_emulation() {
    let mut case = case();
    case.results.manifest.timing = Timing::Emulated;
    check(case, claim(value(0.8)), Verdict::Supported, "inside");
}

#[test]
fn a_model_decides_nothing_and_its_figures_stay_to_be_seen() {
    for rule in
        [value(0.8), value(0.9), rate_value(100.0), ratio(0.8, false), peak(4), knee("node"), variance_ratio(6.0)]
    {
        let mut case = case();
        case.results.manifest.timing = Timing::Modelled;
        case.results.manifest.source = "modelled".into();
        let row = check(case, claim(rule), Verdict::NotTestable, "computed by the model, not measured");
        assert_eq!((row.reason.as_str(), &row.needed_n), ("computed by the model, not measured", &None));
        assert!(row.estimate.is_some() && row.ci_low.is_some() && row.ci_high.is_some(), "{row:#?}");
    }
    check_not_testable(
        |case| {
            case.results.manifest.timing = Timing::Modelled;
            case.results.plan.points.truncate(7);
        },
        value(0.8),
        "computed by the model, not measured",
    );
}

#[test]
fn arms_that_are_one_on_this_machine_answer_to_either_name() {
    let mut case = case();
    case.results.plan.points.iter_mut().for_each(|point| point.arm = "strict+unbound".into());
    check(case, claim(value(0.8)), Verdict::Supported, "");
}

#[test]
fn doubtful_samples_leave_a_claim_undecided() {
    use Verdict::{Supported, Undecided};
    let failed = |count| Case { failed: (8, count), ..case() };
    check(failed(2), claim(value(0.8)), Undecided, "2 of 10 samples failed at 8 procs");
    check(failed(2), claim(peak(4)), Undecided, "2 of 10 samples failed at 8 procs");
    check(failed(10), claim(ratio(0.8, false)), Verdict::NotTestable, "10 of 10 samples failed at 8 procs");
    // Run again, pairs are complete, and nothing has failed.
    let retried = |count| Case { retried: true, ..failed(count) };
    let row = check(retried(2), claim(ratio(0.8, false)), Supported, "inside");
    assert_eq!(row.n, 10);
    check(retried(10), claim(peak(4)), Supported, "");
    let flagged = |count| Case { flagged: (8, count), ..case() };
    check(flagged(5), claim(ratio(0.8, false)), Undecided, "noisy: 5 of 10 samples at 8 procs were disturbed");
    // Disturbed, but placement does not care.
    check(flagged(5), claim(value(0.8)), Supported, "");
    check(flagged(4), claim(ratio(0.8, false)), Supported, "");
    // Four flagged runs that are twice as fast make the difference between "within 2" and not.
    let rate = |procs: u32, block: u32| if procs == 1 && block < 4 { 104.0 } else { 100.0 * wobble(block) };
    check(
        Case { flagged: (1, 4), rate, ..case() },
        claim(rate_value(100.0)),
        Undecided,
        "clean samples alone: supported",
    );
}

/// Variance at 8 over 2 procs is 4 at one mean: sd, and so CV, is twice as large.
#[test]
fn a_variance_ratio_says_what_a_change_of_scale_alone_would_not_do() {
    let mut two = case();
    let row =
        check(two, claim(variance_ratio(4.0)), Verdict::Supported, "inside the region; beside it, deciding nothing: ");
    let expect = "CV ratio 2.000 [1.999, 2.001], ratio of the variances of ln pauses not measured";
    assert!(row.reason.contains(expect), "{row:#?}");
    // Ten runs a side that differ by a per mille: the ratio is the printed one without doubt.
    assert!(row.reason.contains("; two one-sided tests that the ratio lies in R: p = "), "{row:#?}");
    assert!(!row.reason.contains("Bonett"), "no pauses, no pooled figures: {row:#?}");
    two = case();
    // Rows go block by block, point by point: 2 procs are the second of 8, 8 procs the last.
    // Forty pauses a sample, 1 .. 40 at 2 procs, twice as long at 8.
    let pauses = |(procs, scale): (u32, f64)| {
        let of_one: Vec<f64> = (1..=40).map(|pause| scale * f64::from(pause)).collect();
        (0..BLOCKS).map(move |block| (block * 8 + procs - 1, of_one.clone()))
    };
    two.results.compared_pauses = std::sync::Arc::new([(2, 1.0), (8, 2.0)].into_iter().flat_map(pauses).collect());
    let row = check(two, claim(variance_ratio(6.0)), Verdict::Undecided, "across an edge of the region; beside it");
    assert!(row.reason.contains("variances of ln pauses 1.00 [1.00, 1.00]"), "{row:#?}");
    let pooled = "with 400 and 400 pauses taken as independent: Bonett's ratio 4.00 [3.3";
    assert!(row.reason.contains(pooled), "{row:#?}");
    // Twice as long is the same spread on ln.
    assert!(row.reason.contains("p = 1.000 on ln, by Fligner-Killeen p = "), "{row:#?}");
    let noisy =
        check(Case { flagged: (8, 5), ..case() }, claim(variance_ratio(4.0)), Verdict::Undecided, "noisy: 5 of 10");
    assert!(noisy.reason.contains("; beside it, deciding nothing: CV ratio 2.000"), "{noisy:#?}");
}

/// Slow samples have few pauses, so that those with a variance are a selection.
#[test]
fn a_claim_on_a_metric_that_some_samples_lack_is_undecided() {
    let some = |procs: u32, block: u32| (procs != 8 || block < 4).then(|| wobble(block) * f64::from(procs));
    let reason = "pause_variance_ns2 was measured in 4 of 10 samples at 8 procs; it needs 30 pauses in a sample";
    let row = check(Case { variance: some, ..case() }, claim(variance_ratio(4.0)), Verdict::Undecided, reason);
    assert!(row.estimate.is_some() && row.needed_n.is_none(), "{row:#?}");
    // One is too few for an interval: the reason stays the same.
    let one = |procs: u32, block: u32| (procs != 8 || block < 1).then(|| wobble(block) * f64::from(procs));
    check(Case { variance: one, ..case() }, claim(variance_ratio(4.0)), Verdict::Undecided, "in 1 of 10 samples at 8");
    check(Case { variance: some, ..case() }, claim(value(0.8)), Verdict::Supported, "");
}

/// 8 procs are of another regime than the rest.
fn with_regime(regime: Regime) -> Case {
    let mut case = case();
    case.results.plan.points[7].regime = regime;
    case
}

#[test]
fn a_claim_about_nodes_compares_points_of_one_regime() {
    let differs = "regimes differ: core at 4 procs, smt at 8 procs; what changes is not nodes alone";
    let smt = |case: &mut Case| *case = with_regime(Regime::Smt);
    check_not_testable(smt, ratio(0.8, false), differs);
    check_not_testable(smt, variance_ratio(4.0), "regimes differ: core at 2 procs, smt at 8 procs");
    check_not_testable(smt, peak(4), "regimes differ: core at 1, 2, 3, 4, 5, 6, 7 procs, smt at 8 procs");
    // One point alone mixes nothing, and a knee is that of one regime's curve.
    check(with_regime(Regime::Smt), claim(value(0.8)), Verdict::Supported, "");
    check(with_regime(Regime::Smt), claim(knee("node")), Verdict::Supported, "");
}

#[test]
fn a_claim_about_no_nodes_says_which_regimes_it_compares() {
    use Verdict::{Refuted, Supported};
    let check_anywhere = |regime: Regime, rule: ClaimRule, verdict, reason: &str| {
        let row = check(with_regime(regime), Claim { nodes_least: 1, ..claim(rule) }, verdict, reason);
        assert_eq!(reason.is_empty(), !row.reason.contains("regime") && !row.reason.contains("over"), "{row:#?}");
    };
    let crowded = Regime::Oversubscribed;
    check_anywhere(crowded, ratio(0.8, false), Supported, "regimes differ: core at 4 procs, oversubscribed at 8 procs");
    check_anywhere(Regime::Smt, ratio(0.8, false), Supported, "regimes differ: core at 4 procs, smt at 8 procs");
    check_anywhere(crowded, value(0.8), Supported, "oversubscribed at 8 procs");
    check_anywhere(crowded, peak(8), Refuted, "7 procs, oversubscribed at 8 procs");
    check_anywhere(Regime::Core, peak(8), Refuted, "");
    check_anywhere(crowded, knee("4"), Supported, "");
}

#[test]
fn a_curve_that_is_no_usl_decides_no_knee() {
    let step = |procs: u32, block: u32| wobble(block) * if procs <= 4 { 100.0 } else { 40.0 };
    check(Case { rate: step, ..case() }, claim(knee("node")), Verdict::Undecided, "beyond 2 % no knee is decided");
}
