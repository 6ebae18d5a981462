//! `[workload] kind = "cost"`: its keys, what it refuses, and what is planned of it.

mod written;

use plan::point::Plan;
use plan::topology::Topology;
use plan::workload::{Cost, Operation, Workload};
use written::planned;

const SOUND: &str = r#"name = "x"
question = "What?"
[workload]
kind = "cost"
warmth = "cold"
[sweep]
procs = [1, 2]
subject = ["threads", "gmp", "go"]
operation = ["create", "wake", "block", "switch", "steal", "hand-off"]
[[arm]]
name = "unbound"
"#;

/// The error of the sound file with its line `line` replaced.
fn check(line: usize, with: &str, expect: &str) {
    written::check(SOUND, line, with, expect);
}

#[test]
fn what_is_written_wrong_is_named_with_its_line() {
    check(5, "warmth = \"hot\"", "5: warmth in [workload]: \"hot\" is none of warm, cold");
    check(5, "warmth = 5", "5: warmth in [workload]: invalid type: integer `5`, expected a string");
    check(5, "tasks = 5", "5: unknown key \"tasks\" in [workload]; known keys: kind, operation, warmth");
    let none_of = "is none of create, wake, block, switch, steal, hand-off";
    check(9, "operation = [\"create\", \"kill\"]", &format!("9: operation in [sweep]: \"kill\" {none_of}"));
    check(9, "operation = []", "9: operation in [sweep]: a list of 0 cannot be; it must be a list of 1 to 64 levels");
}

#[test]
fn what_cannot_be_told_apart_is_skipped_with_the_reason() {
    let plan = planned(SOUND);
    let points = |subject: &str, procs: u32| -> Vec<Operation> {
        let alike = plan.points.iter().filter(|point| point.subject == subject && point.procs == procs);
        alike
            .map(|point| match &point.workload {
                Workload::Cost(cost) => cost.operation,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    use Operation::{Block, Create, HandOff, Steal, Switch, Wake};
    assert_eq!(points("gmp", 1), [Create, Wake, Block, Switch, HandOff]);
    assert_eq!(points("gmp", 2), [Create, Steal]);
    assert_eq!(points("go", 1), [Create, Wake, Block, Switch]);
    assert_eq!(points("go", 2), [Create]);
    assert_eq!(points("threads", 1), [Create, Wake, Switch]);
    assert_eq!(points("threads", 2), [Create]);
    let reason = |subject: &str, procs: u32, operation: &str| {
        let skipped = plan.skipped.iter().find(|skipped| {
            (skipped.subject.as_str(), skipped.procs, skipped.factors["operation"].as_str())
                == (subject, procs, operation)
        });
        skipped.map(|skipped| skipped.reason.clone()).unwrap_or_default()
    };
    assert_eq!(
        reason("gmp", 1, "steal"),
        "workload cost, subject gmp: a steal needs a second processor; take procs from 2 on"
    );
    assert_eq!(
        reason("gmp", 2, "wake"),
        "workload cost, subject gmp: with several processors the next task may run on another, and no wake is timed; take procs = 1"
    );
    assert_eq!(
        reason("go", 2, "steal"),
        "workload cost, subject go: no steal there: Go does not tell which P runs a goroutine"
    );
    assert_eq!(
        reason("threads", 1, "hand-off"),
        "workload cost, subject threads: no hand-off there: threads have no processors"
    );
    assert_eq!(plan.points.len() + plan.skipped.len(), 2 * 3 * 6);
}

#[test]
fn cold_sweeps_twice_the_last_level_cache_and_warm_nothing() {
    let topology: Topology =
        serde_json::from_str(include_str!("../../../results/golden-2n8p/topology.json")).expect("a topology");
    let swept = |text: &str, expect: u64| {
        for point in planned(text).points {
            let Workload::Cost(Cost { swept_bytes, .. }) = point.workload else { panic!("{point:?}") };
            assert_eq!(swept_bytes, expect);
            assert_eq!((point.bytes, point.hit_ratio_by_construction), (0, None));
        }
    };
    swept(SOUND, topology.llc_bytes().map_or(64 << 20, |bytes| 2 * bytes));
    swept(&SOUND.replace("cold", "warm"), 0);
    let saved = toml::to_string(&planned(SOUND)).expect("a plan can be saved");
    assert_eq!(toml::from_str::<Plan>(&saved).expect("and read"), planned(SOUND));
}
