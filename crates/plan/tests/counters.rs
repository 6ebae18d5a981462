//! `[workload] kind = "counters"`: its keys, what it refuses, and what is planned of it.

mod written;

use plan::point::Plan;
use plan::workload::{Counters, Layout, Workload};
use written::planned;

const SOUND: &str = r#"name = "x"
question = "What?"
[workload]
kind = "counters"
turns = 100
[sweep]
procs = [1, 2]
layout = ["packed", "padded"]
[[arm]]
name = "close"
cpus = "close"
"#;

/// The error of the sound file with its line `line` replaced.
fn check(line: usize, with: &str, expect: &str) {
    written::check(SOUND, line, with, expect);
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    check(5, "turns = 0", "5: turns in [workload]: 0 cannot be; it must be from 1 to 1000000000");
    check(5, "reads_ratio = 1.5", "5: reads_ratio in [workload]: 1.5 cannot be; it must be from 0 to 1");
    check(5, "reads_ratio = nan", "5: reads_ratio in [workload]: nan cannot be; it must be from 0 to 1");
    check(5, "tasks = 5", "5: unknown key \"tasks\" in [workload]; known keys: kind, layout, reads_ratio, turns");
    check(8, "layout = [\"packed\", \"loose\"]", "8: layout in [sweep]: \"loose\" is none of packed, padded");
}

#[test]
fn only_threads_have_such_counters() {
    let plan = planned(SOUND);
    assert_eq!((plan.points.len(), plan.skipped.len()), (4, 0));
    let layouts: Vec<Layout> = plan
        .points
        .iter()
        .map(|point| match point.workload {
            Workload::Counters(Counters { layout, turns: 100, reads_ratio: 1.0 }) => layout,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(layouts, [Layout::Packed, Layout::Padded, Layout::Packed, Layout::Padded]);
    let others = planned(&SOUND.replace("procs = [1, 2]", "procs = 1\nsubject = [\"threads\", \"gmp\", \"go\"]"));
    assert_eq!((others.points.len(), others.skipped.len()), (2, 4));
    assert_eq!(
        others.skipped[0].reason,
        "workload counters, subject gmp: counters of a scheduler without one: the workers are threads"
    );
    let saved = toml::to_string(&plan).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), plan);
}
