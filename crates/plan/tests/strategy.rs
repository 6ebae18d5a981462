//! `[workload] kind = "strategy"`, `"burst"` and `"observed"`: their keys, what they refuse, and what is planned of them.

mod written;

use plan::experiment::parse_experiment;
use plan::point::Plan;
use plan::workload::{Burst, Control, Strategy, Workload};
use written::planned;

const STRATEGY: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "strategy"
items = 20
[sweep]
procs = 2
subject = ["threads", "gmp", "go"]
[[arm]]
name = "unbound"
"#;

const BURST: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "burst"
tasks = 20
[sweep]
procs = 2
subject = ["threads", "gmp", "go"]
[[arm]]
name = "unbound"
"#;

const OBSERVED: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "observed"
tasks = 20
[sweep]
procs = 2
subject = "gmp"
[[arm]]
name = "unbound"
"#;

/// The error of a sound file with its sixth line replaced.
fn check(sound: &str, with: &str, expect: &str) {
    let mut lines: Vec<&str> = sound.lines().collect();
    lines[5] = with;
    let error = parse_experiment("x.toml", &lines.join("\n")).expect_err(with);
    assert_eq!(error.to_string(), format!("x.toml:6: {expect}"), "{with:?}");
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    let cannot = |key: &str, found: &str, must: &str| format!("{key} in [workload]: {found} cannot be; it must {must}");
    check(STRATEGY, "items = 0", &cannot("items", "0", "be from 1 to 10000000"));
    check(STRATEGY, "items = 100_000_000", &cannot("items", "100000000", "be from 1 to 10000000"));
    check(STRATEGY, "work_ns = -1", &cannot("work_ns", "-1", "be from 0 to 1000000000"));
    check(STRATEGY, "strategy = \"sea\"", "strategy in [workload]: \"sea\" is none of pool, fan, locked, single");
    check(STRATEGY, "tasks = 5", "unknown key \"tasks\" in [workload]; known keys: kind, items, strategy, work_ns");
    check(BURST, "tasks = 0", &cannot("tasks", "0", "be from 1 to 10000000"));
    check(BURST, "tasks = 100_000_000", &cannot("tasks", "100000000", "be from 1 to 10000000"));
    check(BURST, "isolation_ms = -1", &cannot("isolation_ms", "-1", "be from 0 to 1000"));
    check(BURST, "isolation_ms = 1001", &cannot("isolation_ms", "1001", "be from 0 to 1000"));
    check(OBSERVED, "tasks = 0", &cannot("tasks", "0", "be from 1 to 2500"));
    check(OBSERVED, "tasks = 100_000_000", &cannot("tasks", "100000000", "be from 1 to 2500"));
    check(OBSERVED, "grows = 1", &cannot("grows", "1", "be from 2 to 64"));
    check(BURST, "yields = 5", "unknown key \"yields\" in [workload]; known keys: kind, isolation_ms, tasks, work_ns");
}

#[test]
fn strategies_and_bursts_have_no_heaps() {
    let plan = planned(STRATEGY);
    assert_eq!(plan.points.len(), 3);
    for point in &plan.points {
        let strategy = Control::Pool;
        assert_eq!(point.workload, Workload::Strategy(Strategy { strategy, items: 20, work_ns: 10_000 }));
        assert_eq!((point.bytes, point.hit_ratio_by_construction), (0, None));
    }
    assert_eq!(plan.metrics, ["startup_ns", "latency_p99_ns", "memory_bytes_per_task"]);
    let plan = planned(BURST);
    let burst = Workload::Burst(Burst { tasks: 20, isolation_ms: 10, work_ns: 1000 });
    assert!(plan.points.iter().all(|point| point.workload == burst && point.bytes == 0));
    assert_eq!(plan.metrics, ["reuse_ratio", "start_p50_ns", "start_p99_ns", "pause_ratio"]);
    for plan in [planned(STRATEGY), plan] {
        let saved = toml::to_string(&plan).expect("a plan can be saved");
        assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
    }
}

#[test]
fn points_that_cannot_be_are_skipped_with_the_reason() {
    let reasons = |text: &str| planned(text).skipped.into_iter().map(|point| point.reason).collect::<Vec<_>>();
    let locked = "workload strategy, subject threads: every task is a thread there, which is strategy fan; take that, or another subject";
    assert_eq!(reasons(&STRATEGY.replace("items = 20", "strategy = \"locked\"")), [locked]);
    let many = |subject: &str| {
        format!(
            "workload strategy, subject {subject}: a thread for each of 10001 tasks asked; at most 10000, set fewer tasks or take another subject"
        )
    };
    assert_eq!(reasons(&STRATEGY.replace("items = 20", "items = 10001\nstrategy = \"fan\"")), [many("threads")]);
    let all = STRATEGY
        .replace("items = 20", "items = 10001")
        .replace("procs = 2", "procs = 2\nstrategy = [\"locked\", \"pool\"]");
    assert_eq!(reasons(&all), [locked.to_string(), many("gmp"), many("go")]);
    let burst = "workload burst, subject threads: a thread's own memory cannot come from a pool; take another subject";
    assert_eq!(reasons(BURST), [burst]);
}

#[test]
fn batches_and_groups_are_run_whole() {
    let seconds = |text: &str| {
        let plan = planned(text);
        plan::schedule::sample_seconds(&plan.measure, &plan.points[0], &plan::schedule::Costs::EXPECTED)
    };
    // 1,000,000 x (600 ns + 9.4 us) on two processors, and a child.
    assert!((seconds(&STRATEGY.replace("items = 20", "items = 1000000\nwork_ns = 9400")) - 5.02).abs() < 1e-9);
    // 2,000,000 x (600 ns + 1.4 us) on two processors, a rest, and a child.
    assert!((seconds(&BURST.replace("tasks = 20", "tasks = 2000000\nwork_ns = 1400")) - 2.03).abs() < 1e-9);
}
