//! `[workload] kind = "storm"`: its keys, what it refuses, and what is planned of it.

mod written;

use plan::experiment::{Extent, StoppedWork};
use plan::point::Plan;
use plan::topology::Conditions;
use plan::workload::{Storm, Workload};
use written::{planned_under, seconds};

const SOUND: &str = r#"name = "x"
question = "What?"
expect = "It is so."
[workload]
kind = "storm"
tasks = 20
[pauses]
every = "10ms"
[sweep]
procs = [1, 2]
subject = ["threads", "gmp"]
[[arm]]
name = "unbound"
"#;

/// The error of the sound file with its line `line` replaced.
fn check(line: usize, with: &str, expect: &str) {
    written::check(SOUND, line, with, expect);
}

/// NUMA balancing is on, so that arms could settle.
fn planned(text: &str) -> Plan {
    planned_under(text, &Conditions { numa_balancing: true, ..Conditions::ideal() })
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    let tasks = |found: &str| format!("6: tasks in [workload]: {found} cannot be; it must be from 1 to 10000000");
    check(6, "tasks = 0", &tasks("0"));
    check(6, "tasks = -1", &tasks("-1"));
    check(6, "tasks = 100_000_000", &tasks("100000000"));
    check(6, "tasks = \"many\"", "6: tasks in [workload]: invalid type: string \"many\", expected i64");
    check(6, "tasks = 1.5", "6: tasks in [workload]: invalid type: floating point `1.5`, expected i64");
    check(6, "yields = 0", "6: yields in [workload]: 0 cannot be; it must be from 1 to 1000000");
    check(6, "yields = 1_000_001", "6: yields in [workload]: 1000001 cannot be; it must be from 1 to 1000000");
    check(6, "loop_ns = -1", "6: loop_ns in [workload]: -1 cannot be; it must be from 0 to 1000000000");
    check(6, "task = 5", "6: unknown key \"task\" in [workload]; known keys: kind, loop_ns, tasks, yields");
    check(
        6,
        "private_bytes = 5",
        "6: unknown key \"private_bytes\" in [workload]; known keys: kind, loop_ns, tasks, yields",
    );
    check(10, "procs = 1\nyields = [1, 0]", "11: yields in [sweep]: 0 cannot be; it must be from 1 to 1000000");
    check(10, "procs = 1\ntasks = [1, 2]", "6: tasks in [workload]: is swept in [sweep], line 9; write it once");
}

#[test]
fn a_storm_has_no_heaps_no_hits_and_no_pauses_of_ours() {
    let plan = planned(SOUND);
    assert_eq!(plan.points.len(), 4);
    for point in &plan.points {
        assert_eq!(point.workload, Workload::Storm(Storm { tasks: 20, yields: 100, loop_ns: 0 }));
        assert_eq!((point.bytes, point.hit_ratio_by_construction), (0, None));
    }
    assert_eq!((plan.measure.pause_every_ns, plan.measure.stopped_work), (0, StoppedWork::None));
    assert_eq!(plan.metrics[..3], ["storm_ns", "yield_ns", "first_storm_ns"]);
    assert!(!plan.notes.iter().any(|note| note.contains("heaps") || note.contains("touch")), "{:?}", plan.notes);
    let scanned = planned(&SOUND.replace("every = \"10ms\"", "every = \"10ms\"\nstopped_work = \"scan:16MiB\""));
    assert_eq!((scanned.points.len(), scanned.measure.stopped_work), (4, StoppedWork::None));
    // The saved plan is read back as it was.
    let saved = toml::to_string(&plan).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
}

#[test]
fn points_that_cannot_be_are_skipped_with_the_reason() {
    let many = planned(&SOUND.replace("tasks = 20", "").replace("procs = [1, 2]", "procs = 2\ntasks = [10000, 10001]"));
    assert_eq!(many.points.len(), 3);
    assert_eq!(many.skipped.len(), 1);
    assert_eq!(
        many.skipped[0].reason,
        "workload storm, subject threads: a thread for each of 10001 tasks asked; at most 10000, set fewer tasks or take another subject"
    );
    let settles =
        planned(&SOUND.replace("name = \"unbound\"", "name = \"unbound\"\n[[arm]]\nname = \"s\"\nsettle = true"));
    assert_eq!((settles.points.len(), settles.skipped.len()), (4, 4));
    assert_eq!(
        settles.skipped[0].reason,
        "workload storm has no heaps whose pages could settle; take settle out of the arm"
    );
}

#[test]
fn a_storm_is_run_whole_however_short_the_sample() {
    let large = SOUND.replace("tasks = 20", "tasks = 1000000\nloop_ns = 900");
    // 1,000,000 x (600 ns + 100 x 1 us) on one processor, and a child.
    assert!((seconds(&large, Extent::Seconds(1.0)) - 100.62).abs() < 1e-9);
    assert!((seconds(&large, Extent::Operations(2)) - 201.22).abs() < 1e-9);
    assert!((seconds(SOUND, Extent::Seconds(1.0)) - 1.02).abs() < 1e-9);
}
