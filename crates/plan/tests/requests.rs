//! `[workload] kind = "requests"`: its keys, what it refuses, and what is planned of it.

mod written;

use plan::experiment::Extent;
use plan::point::Plan;
use plan::workload::{Requests, Workload};
use written::{planned, seconds};

const SOUND: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "requests"
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
    let tasks = |found: &str| format!("6: tasks in [workload]: {found} cannot be; it must be from 1 to 10000000");
    check(6, "tasks = 0", &tasks("0"));
    check(6, "tasks = 100_000_000", &tasks("100000000"));
    check(6, "work_ns = -1", "6: work_ns in [workload]: -1 cannot be; it must be from 0 to 1000000000");
    check(
        6,
        "work_ns = 2_000_000_000",
        "6: work_ns in [workload]: 2000000000 cannot be; it must be from 0 to 1000000000",
    );
    let rate = |found: &str| {
        format!("6: rate_per_s in [workload]: {found} cannot be; it must be a number above 0 and at most 10000000")
    };
    check(6, "rate_per_s = 0", &rate("0"));
    check(6, "rate_per_s = -5.0", &rate("-5.0"));
    check(6, "rate_per_s = nan", &rate("nan"));
    check(6, "rate_per_s = 1e9", &rate("1e9"));
    check(6, "loop = \"half-open\"", "6: loop in [workload]: \"half-open\" is none of closed, open");
    check(6, "loop = 1", "6: loop in [workload]: invalid type: integer `1`, expected a string");
    check(
        6,
        "yields = 5",
        "6: unknown key \"yields\" in [workload]; known keys: kind, loop, rate_per_s, tasks, work_ns",
    );
    check(8, "procs = 1\nloop = [\"closed\", \"ajar\"]", "9: loop in [sweep]: \"ajar\" is none of closed, open");
}

#[test]
fn a_rate_is_that_of_an_open_loop_only() {
    let plan = planned(
        &SOUND
            .replace("tasks = 20", "tasks = 20\nrate_per_s = 500")
            .replace("procs = [1, 2]", "procs = 2\nloop = [\"closed\", \"open\"]"),
    );
    let of = |subject: &str| {
        let points = plan.points.iter().filter(|point| point.subject == subject);
        points.map(|point| point.workload.clone()).collect::<Vec<_>>()
    };
    let both =
        [None, Some(500.0)].map(|rate_per_s| Workload::Requests(Requests { tasks: 20, work_ns: 10_000, rate_per_s }));
    for subject in ["threads", "gmp", "go"] {
        assert_eq!(of(subject), both, "{subject}");
    }
    assert_eq!(plan.metrics[..2], ["latency_p50_ns", "latency_p99_ns"]);
    assert!(plan.points.iter().all(|point| (point.bytes, point.hit_ratio_by_construction) == (0, None)));
    let saved = toml::to_string(&plan).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
    // What Go collects is said, and every level of it.
    let swept = planned(&SOUND.replace("procs = [1, 2]", "procs = 2\ngogc = [100, \"off\"]"));
    let note = swept.notes.iter().find(|note| note.starts_with("go")).expect("a note on Go");
    assert!(note.contains("GOGC 100, off, 1.00 KiB of garbage a request"), "{note}");
}

#[test]
fn a_thread_for_each_task_has_a_limit() {
    let many = planned(&SOUND.replace("tasks = 20", "").replace("procs = [1, 2]", "procs = 2\ntasks = [10000, 10001]"));
    assert_eq!((many.points.len(), many.skipped.len()), (5, 1));
    assert_eq!(
        many.skipped[0].reason,
        "workload requests, subject threads: a thread for each of 10001 tasks asked; at most 10000, set fewer tasks or take another subject"
    );
}

#[test]
fn requests_take_what_each_task_needs_for_one() {
    let large = SOUND.replace("tasks = 20", "tasks = 1000\nwork_ns = 999400");
    // 1000 x (600 ns + 999,400 ns) on one processor, and a child.
    assert!((seconds(&large, Extent::Operations(3)) - 3.02).abs() < 1e-9);
    assert!((seconds(&large, Extent::Seconds(0.5)) - 1.02).abs() < 1e-9);
    let slow = SOUND.replace("tasks = 20", "tasks = 20\nloop = \"open\"\nrate_per_s = 10");
    assert!((seconds(&slow, Extent::Operations(1)) - 2.02).abs() < 1e-9);
}
