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
        "6: unknown key \"yields\" in [workload]; known keys: kind, load, loop, rate_per_s, tasks, work_ns",
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
    let both = [None, Some(500.0)]
        .map(|rate_per_s| Workload::Requests(Requests { tasks: 20, work_ns: 10_000, rate_per_s, load: None }));
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

/// The golden machine has 8 PUs.
#[test]
fn a_load_is_a_share_of_what_the_pus_could_serve() {
    let text = SOUND
        .replace("tasks = 20", "tasks = 20\nloop = \"open\"")
        .replace("procs = [1, 2]", "procs = [1, 2, 16]\nload = [0.5, 0.9]\noversubscribe = \"next\"");
    let plan = planned(&text);
    let found: Vec<_> = plan
        .points
        .iter()
        .map(|point| {
            let Workload::Requests(requests) = &point.workload else { panic!("{point:?}") };
            (point.subject.as_str(), point.procs, requests.load, requests.rate_per_s)
        })
        .collect();
    let mut expect = Vec::new();
    for procs in [1, 2, 16] {
        for subject in ["threads", "gmp", "go"] {
            for load in [0.5, 0.9] {
                // Each takes 10 us of a PU, of which 16 processors have 8.
                expect.push((subject, procs, Some(load), Some(load * f64::from(procs.min(8)) * 1e9 / 10_000.0)));
            }
        }
    }
    assert_eq!(found, expect);
    let saved = toml::to_string(&plan).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
    let closed = planned(&text.replace("\"open\"", "\"closed\""));
    assert!(closed.points.iter().all(|point| {
        point.workload == Workload::Requests(Requests { tasks: 20, work_ns: 10_000, rate_per_s: None, load: None })
    }));
    let short = planned(&text.replace("tasks = 20", "tasks = 20\nwork_ns = 400"));
    assert_eq!((short.points.len(), short.skipped.len()), (15, 3));
    let why = "subject threads: a load of 0.9 with 16 procs is 18000000 arrivals a second here; at most 10000000, set a longer work_ns";
    assert!(short.skipped.iter().any(|skipped| skipped.reason.ends_with(why)), "{:?}", short.skipped);
}

#[test]
fn what_is_no_load_is_named_with_its_line() {
    let range =
        |found: &str| format!("6: load in [workload]: {found} cannot be; it must be a number above 0 and at most 10");
    check(6, "load = 0", &range("0"));
    check(6, "load = -0.5", &range("-0.5"));
    check(6, "load = nan", &range("nan"));
    check(6, "load = 11", &range("11"));
    check(6, "load = \"half\"", "6: load in [workload]: \"half\" is neither a number nor \"none\"");
    let beside = |line: usize, section: &str| {
        format!("{line}: load in [{section}]: 0.5 cannot be; it must stand alone: load and rate_per_s say the same")
    };
    check(6, "rate_per_s = 10000\nload = 0.5", &beside(7, "workload"));
    check(
        6,
        "load = 0.5\nrate_per_s = 10000",
        "7: rate_per_s in [workload]: 10000 cannot be; it must stand alone: load and rate_per_s say the same",
    );
    let rate = SOUND.replace("tasks = 20", "rate_per_s = 5");
    written::check(&rate, 8, "procs = 1\nload = [0.5]", &beside(9, "sweep"));
    check(6, "work_ns = 0\nload = 0.5", "7: load in [workload]: 0.5 cannot be; it must be of work_ns above 0");
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
