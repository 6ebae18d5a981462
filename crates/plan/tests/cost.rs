//! `[workload] kind = "cost"`: its keys, what it refuses, and what is planned of it.

mod machines;
mod written;

use machines::{bare, machine, within, without_memory};
use plan::experiment::{Overrides, parse_experiment};
use plan::point::Plan;
use plan::scheduler::Seat;
use plan::topology::{Conditions, Topology};
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
    let none_of =
        "is none of create, wake, block, switch, steal, steal-same-llc, steal-same-node, steal-other-node, hand-off";
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

const STEALS: &str = r#"name = "x"
question = "What?"
[workload]
kind = "cost"
[sweep]
procs = 2
subject = ["gmp", "go", "threads"]
operation = ["steal-same-llc", "steal-same-node", "steal-other-node"]
[[arm]]
name = "close"
cpus = "close"
"#;

fn steals(text: &str, topology: &Topology) -> Plan {
    let file = parse_experiment("x.toml", text).expect("it is sound");
    plan::plan(&file, &Overrides::default(), topology, &Conditions::ideal()).expect("it can be planned")
}

/// PUs of thief and victim at each distance, or why there are none, for gmp.
fn pairs(text: &str, topology: &Topology) -> Vec<Result<String, String>> {
    let plan = steals(text, topology);
    let of = |operation: &&str| {
        let point = plan.points.iter().find(|point| point.factors["operation"] == **operation);
        let Some(point) = point else {
            let skipped = plan.skipped.iter().filter(|skipped| skipped.subject == "gmp");
            let skipped = skipped.into_iter().find(|skipped| skipped.factors["operation"] == **operation);
            return Err(skipped.expect("a point, or a reason").reason.replace("workload cost, subject gmp: ", ""));
        };
        assert!(point.placement_name.ends_with(" in a pair"), "{}", point.placement_name);
        let pus = point.placement.workers.iter().map(|place| place.cpus.as_ref().expect("bound").to_string());
        Ok(pus.collect::<Vec<_>>().join(" "))
    };
    ["steal-same-llc", "steal-same-node", "steal-other-node"].iter().map(of).collect()
}

#[test]
fn a_steal_has_its_pus_by_distance() {
    let check = |topology: &Topology, expect: [&str; 3]| {
        assert_eq!(pairs(STEALS, topology), expect.map(|pus| Ok(pus.to_string())));
    };
    // Two last-level caches of two cores a node.
    check(&machine(2, 4, 1), ["0 1", "0 2", "0 4"]);
    check(&machine(2, 4, 2), ["0 1", "0 2", "0 4"]);
    check(&within(machine(2, 4, 1), "1-3,6-7", "0-1"), ["2 3", "1 2", "1 6"]);
    // A node without memory has cores all the same; the nearest of the other nodes is the third.
    check(&without_memory(machine(2, 4, 1), 1), ["0 1", "0 2", "0 4"]);
    let mut far = machine(3, 4, 1);
    far.distances.as_mut().expect("it has some").values[0] = vec![10, 31, 21];
    check(&far, ["0 1", "0 2", "0 8"]);
    // On the arm's process, wherever the arm would place workers.
    let second = STEALS.replace("cpus = \"close\"", "cpus = \"spread\"\nprocess = { cpus = \"node:1\" }");
    assert_eq!(pairs(&second, &machine(2, 4, 1))[..2], ["4 5", "4 6"].map(|pus| Ok(pus.to_string())));
}

#[test]
fn the_processors_of_a_pair_sit_where_its_pus_are() {
    let plan = steals(STEALS, &machine(2, 4, 1));
    let seats = |at: usize| plan.points[at].scheduler.as_ref().expect("gmp").seats.clone();
    let seat = |node, llc| Seat { node, llc };
    assert_eq!([0, 1, 2].map(seats), [[seat(0, 0), seat(0, 0)], [seat(0, 0), seat(0, 1)], [seat(0, 0), seat(1, 2)]]);
    assert_eq!([0, 1, 2].map(|at| plan.points[at].nodes_spanned), [1, 1, 2]);
    let nodes: Vec<_> = plan.points[2].placement.workers.iter().map(|place| place.node).collect();
    assert_eq!(nodes, [Some(0), Some(1)]);
}

#[test]
fn a_distance_that_a_machine_lacks_is_skipped_with_the_reason() {
    let check = |topology: &Topology, expect: [Result<&str, &str>; 3]| {
        let expect = expect.map(|pus| pus.map(String::from).map_err(String::from));
        assert_eq!(pairs(STEALS, topology), expect);
    };
    let one_node = "no steal-other-node here: all cores that it may use (PUs 0-1) are on one node";
    let one_cache = "no steal-same-node here: no two cores of one node that it may use (PUs 0-1) have last-level caches of their own";
    check(&machine(1, 2, 1), [Ok("0 1"), Err(one_cache), Err(one_node)]);
    check(
        &machine(2, 1, 1),
        [
            Err("no steal-same-llc here: no two cores that it may use (PUs 0-1) share a last-level cache"),
            Err(one_cache),
            Ok("0 1"),
        ],
    );
    let unknown = |operation: &str| {
        format!("no {operation} here: this machine does not say which cores share a last-level cache")
    };
    let (llc, node) = (unknown("steal-same-llc"), unknown("steal-same-node"));
    check(&bare(machine(2, 4, 1)), [Err(&llc), Err(&node), Ok("0 4")]);
    // Only gmp has such steals, with two processors, and places that are its own.
    let plan = steals(&STEALS.replace("procs = 2", "procs = [1, 2, 4]"), &machine(2, 4, 1));
    assert!(plan.points.iter().all(|point| point.subject == "gmp" && point.procs == 2), "{:?}", plan.points);
    let reasons = |subject: &str, procs: u32| {
        let skipped = plan.skipped.iter().find(|skipped| skipped.subject == subject && skipped.procs == procs);
        skipped.expect("it is skipped").reason.clone()
    };
    assert_eq!(
        reasons("gmp", 4),
        "workload cost, subject gmp: a steal-same-llc is between two processors; take procs = 2"
    );
    assert_eq!(
        reasons("threads", 2),
        "workload cost, subject threads: no steal-same-llc there: threads have no processors"
    );
    let file = parse_experiment("x.toml", &STEALS.replace("cpus = \"close\"\n", "")).expect("it is sound");
    let refused = plan::plan(&file, &Overrides::default(), &machine(2, 4, 1), &Conditions::ideal());
    let refused = refused.expect_err("workers float").to_string();
    assert!(refused.contains("its workers float; take an arm that is close or spread"), "{refused}");
}
