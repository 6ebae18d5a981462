//! `[workload] kind = "blocking"`: its keys, what it refuses, and what is planned of it.

mod written;

use plan::point::Plan;
use plan::workload::{Blocking, Workload};
use written::planned;

const SOUND: &str = r#"name = "x"
question = "What?"
[workload]
kind = "blocking"
tasks = 20
[sweep]
procs = [1, 2]
subject = ["threads", "gmp", "go"]
[[arm]]
name = "unbound"
"#;

/// The error of the sound file with its line `line` replaced.
fn check(line: usize, with: &str, expect: &str) {
    written::check(SOUND, line, with, expect);
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    let range = |key: &str, found: &str, range: &str| {
        format!("5: {key} in [workload]: {found} cannot be; it must be from {range}")
    };
    check(5, "tasks = 0", &range("tasks", "0", "1 to 5000"));
    check(5, "tasks = 5001", &range("tasks", "5001", "1 to 5000"));
    check(5, "work_ns = -1", &range("work_ns", "-1", "0 to 1000000000"));
    check(5, "blocking_percent = 101", &range("blocking_percent", "101", "0 to 100"));
    check(5, "block_us = 0", &range("block_us", "0", "1 to 1000000"));
    check(5, "block_us = 1.5", "5: block_us in [workload]: invalid type: floating point `1.5`, expected i64");
    let known = "known keys: kind, block_us, blocking_percent, tasks, work_ns";
    check(5, "blocking_ratio = 0.5", &format!("5: unknown key \"blocking_ratio\" in [workload]; {known}"));
    let swept = "8: blocking_percent in [sweep]: -5 cannot be; it must be from 0 to 100";
    check(8, "blocking_percent = [1, -5]", swept);
}

#[test]
fn every_subject_runs_it_and_nothing_of_it_has_a_heap() {
    let plan = planned(SOUND);
    assert_eq!((plan.points.len(), plan.skipped.len()), (6, 0));
    for point in &plan.points {
        let expect = Blocking { tasks: 20, work_ns: 1000, blocking_percent: 10, block_us: 100 };
        assert_eq!(point.workload, Workload::Blocking(expect));
        assert_eq!((point.bytes, point.hit_ratio_by_construction), (0, None));
    }
    assert_eq!(plan.metrics[..4], ["os_threads", "threads_per_proc", "crowded_ratio", "busy_ratio"]);
    let swept = planned(&SOUND.replace("procs = [1, 2]", "procs = [1, 2]\nblocking_percent = [0, 1, 90]"));
    assert_eq!(swept.points.len(), 18);
    let saved = toml::to_string(&plan).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
}
