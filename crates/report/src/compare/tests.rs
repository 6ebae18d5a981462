//! Verdicts on samples made by hand, and how often two equal builds are told apart.

use super::*;
use crate::fixture::golden;
use crate::samples::made::{Made, samples};
use plan::record::Timing;

const THROUGHPUT: &str = "throughput_per_s";
const RUNS: u32 = 4;

fn settings() -> Settings {
    Settings { metrics: vec![Asked::throughput()], noise: 0.02, baseline: None, anyway: false }
}

/// What a made-up sample holds.
#[derive(Clone, Copy)]
struct Value {
    metric: &'static str,
    value: f64,
    flagged: bool,
    failed: bool,
}

fn plain(value: f64) -> Value {
    Value { metric: THROUGHPUT, value, flagged: false, failed: false }
}

/// A measured run of the golden plan; `value(point, block)` is its samples.
fn run(started: u32, value: impl Fn(usize, u32) -> Value) -> Results {
    let mut results = golden();
    results.manifest.timing = Timing::Virtual;
    results.manifest.source = "live".into();
    results.manifest.started_utc = format!("2026-01-02T03:{started:02}:00Z");
    results.dir = format!("run-{started}").into();
    let points = results.plan.points.len();
    let at: Vec<(usize, u32)> = (0..points).flat_map(|point| (0..RUNS).map(move |block| (point, block))).collect();
    let values: Vec<Value> = at.iter().map(|&(point, block)| value(point, block)).collect();
    let metrics: Vec<_> = values.iter().map(|value| [(value.metric, value.value)]).collect();
    let made = |(nth, &(point, block)): (usize, &(usize, u32))| Made {
        point,
        block,
        flagged: values[nth].flagged,
        failed: values[nth].failed,
        metrics: &metrics[nth],
    };
    let made: Vec<Made<'_>> = at.iter().enumerate().map(made).collect();
    results.samples = samples(&results.plan, &made);
    results.warmups = vec![None; points];
    results
}

/// Two sides that take turns, `sessions` of each; `value(side, session, point, block)`.
fn sides_of(sessions: u32, value: impl Fn(usize, u32, usize, u32) -> Value) -> Vec<Side> {
    let side = |side: usize| {
        let session = |session: u32| {
            let mut results = run(2 * session + side as u32, |point, block| value(side, session, point, block));
            results.manifest.program.sha256 = format!("{side:08}");
            results
        };
        Side { name: ["a", "b"][side].into(), sessions: (0..sessions).map(session).collect() }
    };
    vec![side(0), side(1)]
}

fn judge(sides: Vec<Side>, settings: &Settings) -> Comparison {
    compare(&Compared::Sides(sides), settings).expect("sides that can be compared")
}

/// A spread of ± 1 % that differs from sample to sample and is the same in every test.
fn spread(session: u32, point: usize, block: u32) -> f64 {
    let turn = (7 * session + 3 * point as u32 + 5 * block) % 11;
    1.0 + 0.01 * (f64::from(turn) - 5.0) / 5.0
}

fn verdicts(comparison: &Comparison) -> Vec<Judgement> {
    comparison.rows.iter().map(|row| row.verdict).collect()
}

#[track_caller]
fn all_are(comparison: &Comparison, verdict: Judgement, reason: &str) {
    for row in &comparison.rows {
        assert!(row.verdict == verdict && row.reason.contains(reason), "{row:?}");
    }
    assert!(!comparison.rows.is_empty());
}

#[test]
fn sessions_decide_by_their_means() {
    let check = |ratio: f64, expect: Judgement, reason: &str| {
        let sides = sides_of(5, |side, session, point, block| {
            let ratio = if side == 1 { ratio } else { 1.0 };
            plain(1e6 * ratio * spread(session, point, block))
        });
        let found = judge(sides, &settings());
        all_are(&found, expect, reason);
        let row = &found.rows[0];
        assert!((row.ratio.expect("a ratio") - ratio).abs() < 1e-9, "{row:?}");
        assert_eq!((row.n_baseline, row.n_candidate, row.replicate), (5, 5, Replicate::Session));
        let points = golden().plan.points.len() as f64;
        assert!((row.level - (1.0 - 0.05 / points)).abs() < 1e-12, "the family is all points");
        assert_eq!(row.needed_n.is_some(), expect == Judgement::Undecided);
    };
    check(1.0, Judgement::Same, "the 90 % interval lies within ± 2 %");
    check(0.95, Judgement::Slower, "interval lies beyond ± 2 %");
    check(1.06, Judgement::Faster, "interval lies beyond ± 2 %");
    check(0.98, Judgement::Undecided, "across the edge");
}

#[test]
fn less_is_better_where_the_table_says_so() {
    let of = |metric: &'static str| {
        move |side: usize, session, point, block| Value {
            metric,
            ..plain(if side == 1 { 1.1 } else { 1.0 } * spread(session, point, block))
        }
    };
    let asked = Settings { metrics: vec!["pause_mean_ns".parse().expect("known")], ..settings() };
    all_are(&judge(sides_of(5, of("pause_mean_ns")), &asked), Judgement::Slower, "");
    let turned = Settings { metrics: vec!["pause_mean_ns:more".parse().expect("said")], ..settings() };
    all_are(&judge(sides_of(5, of("pause_mean_ns")), &turned), Judgement::Faster, "");
    let asked = Settings { metrics: vec!["lost:less".parse().expect("said")], ..settings() };
    let error = compare(&Compared::Sides(sides_of(3, of(THROUGHPUT))), &asked).expect_err("no such metric");
    assert!(matches!(error, CompareError::NoMetric { .. }), "{error}");
}

#[test]
fn too_few_sessions_decide_nothing_and_say_what_would() {
    for (sessions, reason) in [(1, "one session; 3 or more"), (2, "two sessions; 3 or more")] {
        let sides = sides_of(sessions, |side, _, _, _| plain(if side == 1 { 0.5 } else { 1.0 }));
        // No flag waves that through.
        let found = judge(sides, &Settings { anyway: true, ..settings() });
        all_are(&found, Judgement::Undecided, reason);
        assert!(found.notes.iter().any(|note| note.contains("numalab run FILE --against OTHER_BINARY --sessions 5")));
        assert!(
            found.rows.iter().all(|row| row.ci_low.is_none() && row.ratio.is_some()),
            "a ratio without an interval"
        );
    }
}

#[test]
fn sessions_that_do_not_take_turns_decide_nothing() {
    let mut sides = sides_of(4, |side, session, point, block| {
        plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block))
    });
    for (at, session) in sides.iter_mut().flat_map(|side| &mut side.sessions).enumerate() {
        session.manifest.started_utc = format!("2026-01-02T03:{at:02}:00Z");
    }
    let found = judge(sides, &settings());
    all_are(&found, Judgement::Undecided, "not in turn: 4 of one side in a row");
    assert!(found.notes.iter().any(|note| note.contains("--against")));
}

#[test]
fn what_is_not_alike_is_refused_or_marked() {
    let sides = || {
        sides_of(3, |side, session, point, block| {
            plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block))
        })
    };
    let check = |change: &dyn Fn(&mut Results), says: &str| {
        let mut sides = sides();
        sides[1].sessions.iter_mut().for_each(change);
        let error = compare(&Compared::Sides(sides), &settings()).expect_err(says).to_string();
        assert!(error.contains(says) && error.ends_with("--anyway compares all the same and marks it"), "{error}");
        assert!(!error.contains('\n'));
        let mut sides = self::sides_of(3, |side, session, point, block| {
            plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block))
        });
        sides[1].sessions.iter_mut().for_each(change);
        let found = judge(sides, &Settings { anyway: true, ..settings() });
        all_are(&found, Judgement::Slower, "");
        assert!(found.rows.iter().all(|row| row.marks.as_deref().is_some_and(|marks| marks.contains(says))));
    };
    check(&|results| results.manifest.machine_sha256 = "other".into(), "the machine is another");
    check(&|results| results.manifest.timing = Timing::Hardware, "the timing class is another: virtual and hardware");
    check(&|results| results.manifest.experiment = "else".into(), "the experiment is another: golden and else");
    check(&|results| results.plan.measure.pause_every_ns += 1, "the plan is another: measure");
    let fewer_lines = |results: &mut Results| {
        let plan::workload::Workload::Serve(serve) = &mut results.plan.points[0].workload else { panic!("it serves") };
        serve.lines_per_request = 1;
    };
    check(&fewer_lines, "the plan is another: unbound 1 lines_per_request: 64 and 1");
    // Seeds and repetitions are no part of what is measured.
    let mut alike = sides();
    for session in &mut alike[1].sessions {
        session.plan.measure.seed = plan::record::Seed(99);
        session.plan.measure.repetitions = plan::experiment::Repetitions::Fixed(77);
    }
    all_are(&judge(alike, &settings()), Judgement::Slower, "");
}

#[test]
fn a_model_and_emulated_times_decide_nothing() {
    let check = |timing: Timing, reason: &str| {
        let made = || {
            let mut sides = sides_of(3, |side, session, point, block| {
                plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block))
            });
            sides.iter_mut().flat_map(|side| &mut side.sessions).for_each(|session| session.manifest.timing = timing);
            sides
        };
        all_are(&judge(made(), &settings()), Judgement::Undecided, reason);
        let marked = judge(made(), &Settings { anyway: true, ..settings() });
        assert!(marked.rows.iter().all(|row| row.verdict == Judgement::Slower && row.marks.as_deref() == Some(reason)));
    };
    check(Timing::Modelled, "computed by the model, not measured");
    // One row of one session, mixed in by hand.
    let mut mixed = sides_of(3, |side, session, point, block| {
        plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block))
    });
    mixed[0].sessions[1].samples.modelled = 1;
    let samples = mixed[0].sessions[1].samples.len();
    let reason = format!("1 of {samples} samples was computed by the model, not measured");
    all_are(&judge(mixed, &settings()), Judgement::Undecided, &reason);
    check(Timing::Emulated, "times of these runs are emulated");
}

#[test]
fn doubtful_samples_decide_nothing() {
    let check = |value: &dyn Fn(usize, u32) -> Value, reason: &str| {
        let sides = sides_of(5, |side, session, point, block| {
            let base = plain(if side == 1 { 0.9 } else { 1.0 } * spread(session, point, block));
            let made = value(side, block);
            Value { value: base.value * made.value, ..made }
        });
        all_are(&judge(sides, &settings()), Judgement::Undecided, reason);
    };
    check(&|side, block| Value { failed: side == 1 && block == 0, ..plain(1.0) }, "b: 5 of 20 samples failed");
    check(
        &|side, block| Value { flagged: side == 0 && block < 2, ..plain(1.0) },
        "noisy: a: 10 of 20 samples were disturbed",
    );
    let missing = |side, block| match (side, block) {
        (1, 0) => Value { metric: "pause_mean_ns", ..plain(1.0) },
        _ => plain(1.0),
    };
    check(&missing, "b: measured in 15 of 20 samples");
    // A quarter of b is disturbed, and slow by that alone.
    let disturbed = |side, block| match (side, block) {
        (1, 0) => Value { flagged: true, value: 0.6, ..plain(1.0) },
        (1, _) => plain(1.0 / 0.9),
        _ => plain(1.0),
    };
    check(&disturbed, "all samples: slower; clean samples alone: same");
}

#[test]
fn arms_of_one_run_are_paired_by_block() {
    let first = golden().plan.points[0].arm.clone();
    let blocks = [1.0, 3.0, 0.4, 1.7];
    let results = |ratio: f64| {
        let plan = golden().plan;
        run(0, |point, block| {
            let ratio = if plan.points[point].arm == first { 1.0 } else { ratio };
            plain(ratio * blocks[block as usize] * (1.0 + 1e-4 * f64::from(block) * point as f64))
        })
    };
    let found = compare(&Compared::Arms(Box::new(results(0.9))), &settings()).expect("two arms");
    all_are(&found, Judgement::Slower, "interval lies beyond ± 2 %");
    let row = &found.rows[0];
    assert_eq!((row.replicate, row.n_baseline, row.n_candidate), (Replicate::Block, 4, 4));
    assert_eq!((row.baseline.as_str(), row.candidate.as_str()), ("unbound", "close"));
    assert!(found.rows.iter().all(|row| row.permutation_p.is_none()), "4 blocks cannot reach the level");
    let turned = Settings { baseline: Some("close".into()), ..settings() };
    all_are(&compare(&Compared::Arms(Box::new(results(0.9))), &turned).expect("two arms"), Judgement::Faster, "");
    let unknown = Settings { baseline: Some("far".into()), ..settings() };
    let error = compare(&Compared::Arms(Box::new(results(0.9))), &unknown).expect_err("no such arm").to_string();
    assert!(error.contains("no arm far; it has unbound, close"), "{error}");
}

#[test]
fn a_ratio_that_follows_from_the_plan_or_is_known_within_bounds_decides_nothing() {
    let asked = Settings { metrics: vec!["local_hit_ratio".parse().expect("known")], ..settings() };
    let with_bounds = |low: f64, high: f64| {
        let mut sides = sides_of(3, |_, _, _, _| plain(1.0));
        for (side, session) in sides
            .iter_mut()
            .enumerate()
            .flat_map(|(side, all)| all.sessions.iter_mut().map(move |session| (side, session)))
        {
            let ratio = if side == 1 { 0.6 } else { 0.8 };
            let metrics =
                [("local_hit_ratio", ratio), ("local_hit_low", ratio * low), ("local_hit_high", ratio * high)];
            let made = |(point, block)| Made { point, block, flagged: false, failed: false, metrics: &metrics };
            let points = session.plan.points.len();
            let made: Vec<Made<'_>> =
                (0..points).flat_map(|point| (0..RUNS).map(move |block| (point, block))).map(made).collect();
            session.samples = samples(&session.plan, &made);
        }
        judge(sides, &asked)
    };
    let of = |comparison: &Comparison, arm: &str| -> Vec<(Judgement, String)> {
        let rows = comparison.rows.iter().filter(|row| row.arm == arm);
        rows.map(|row| (row.verdict, row.reason.clone())).collect()
    };
    let narrow = with_bounds(0.99, 1.01);
    assert!(of(&narrow, "unbound").iter().all(|(verdict, _)| *verdict == Judgement::Slower), "{narrow:?}");
    assert!(of(&narrow, "close").iter().all(|(_, reason)| reason.contains("by construction")));
    let wide = with_bounds(0.5, 1.2);
    assert!(
        of(&wide, "unbound")
            .iter()
            .all(|(verdict, reason)| { *verdict == Judgement::Undecided && reason.contains("of its bounds") })
    );
}

/// Two builds that do not differ, 100 families of six points, 5 sessions each, runs 1 %, sessions .5 %,
/// and no margin at all. With the default margin none errs.
#[test]
fn equal_builds_are_told_apart_in_at_most_5_of_100_families() {
    let (mut template, mut key) = (golden(), 0u64);
    template.plan.points.truncate(6);
    let mut errs = [0, 0];
    for family in 0..100 {
        let sides = sides_of_like(&template, 5, || {
            key += 1;
            normal(family, key)
        });
        let compared = Compared::Sides(sides);
        for (noise, errs) in [0.0, 0.02].into_iter().zip(&mut errs) {
            let found = compare(&compared, &Settings { noise, ..settings() }).expect("alike");
            let told = |verdict: &Judgement| matches!(verdict, Judgement::Faster | Judgement::Slower);
            *errs += usize::from(verdicts(&found).iter().any(told));
        }
    }
    assert!(errs[0] <= 5 && errs[1] == 0, "{errs:?} of 100 families");
}

fn sides_of_like(template: &Results, sessions: u32, mut normal: impl FnMut() -> f64) -> Vec<Side> {
    let mut side = |side: u32| {
        let session = |session: u32| {
            let mut results = template.clone();
            results.manifest.timing = Timing::Virtual;
            results.manifest.started_utc = format!("2026-01-02T03:{:02}:00Z", 2 * session + side);
            let of_session = 0.005 * normal();
            let points = results.plan.points.len();
            let values: Vec<_> =
                (0..points * RUNS as usize).map(|_| [(THROUGHPUT, (of_session + 0.01 * normal()).exp())]).collect();
            let made = |nth: usize| Made {
                point: nth / RUNS as usize,
                block: nth as u32 % RUNS,
                flagged: false,
                failed: false,
                metrics: &values[nth],
            };
            let made: Vec<Made<'_>> = (0..values.len()).map(made).collect();
            results.samples = samples(&results.plan, &made);
            results.warmups = vec![None; points];
            results
        };
        Side { name: side.to_string(), sessions: (0..sessions).map(session).collect() }
    };
    vec![side(0), side(1)]
}

fn normal(seed: u64, counter: u64) -> f64 {
    let draw = |nth: u64| plan::random::draw(plan::random::split(seed, 1), 2 * counter + nth);
    let unit = |draw: u64| ((draw >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (-2.0 * unit(draw(0)).ln()).sqrt() * (std::f64::consts::TAU * unit(draw(1))).cos()
}
