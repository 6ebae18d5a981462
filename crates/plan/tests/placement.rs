//! Places of workers: orders by hand on small machines, and what holds on every machine.

mod machines;

use machines::{bare, machine, sparse, with_cxl, with_memory, within, without_memory};
use plan::experiment::{ExperimentFile, Overrides, Procs, parse_experiment};
use plan::place::Regime;
use plan::point::{Plan, Point};
use plan::set::CpuSet;
use plan::topology::{Conditions, Node, Topology, TopologySource};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// An experiment of one arm.
fn experiment(procs: &str, arm: &str, more: &str) -> ExperimentFile {
    let text = format!(
        "name = \"x\"\nquestion = \"?\"\n[workload]\nkind = \"serve\"\n{more}\n[sweep]\nprocs = \"{procs}\"\n\
         oversubscribe = true\n[[arm]]\nname = \"a\"\n{arm}\n"
    );
    parse_experiment("x.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn plan_of(topology: &Topology, file: &ExperimentFile) -> Result<Plan, String> {
    plan::plan(file, &Overrides::default(), topology, &Conditions::ideal()).map_err(|error| error.to_string())
}

fn point_of(topology: &Topology, procs: u32, arm: &str) -> Point {
    let plan = plan_of(topology, &experiment(&procs.to_string(), arm, "")).expect("it can be planned");
    plan.points.into_iter().next().expect("one point")
}

fn check_order(topology: &Topology, arm: &str, expect: &str) {
    let procs = expect.split(' ').count() as u32;
    let point = point_of(topology, procs, arm);
    let places = point.placement.workers.iter().map(|place| place.cpus.as_ref().expect("placed").to_string());
    assert_eq!(places.collect::<Vec<_>>().join(" "), expect, "{arm}");
}

#[test]
fn nodes_are_filled_in_the_order_documented() {
    // Node 0: cores 0-3 (siblings 8-11), LLCs 0-1 and 2-3; node 1: cores 4-7 (siblings 12-15).
    let topology = machine(2, 4, 2);
    let check = |arm: &str, expect: &str| check_order(&topology, arm, expect);
    check("cpus = \"close\"", "0 1 2 3 4 5 6 7 0");
    check("cpus = \"close\"\nsmt = \"last-in-node\"", "0 1 2 3 8 9 10 11 4 5 6 7 12 13 14 15 0");
    check("cpus = \"close\"\nsmt = \"last\"", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 0");
    check("cpus = \"close\"\nsmt = \"pack\"", "0 8 1 9 2 10 3 11 4 12 5 13 6 14 7 15 0");
    check("cpus = \"spread\"", "0 4 2 6 1 5 3 7 0");
    check("cpus = \"spread\"\nsmt = \"last\"", "0 4 2 6 1 5 3 7 8 12 10 14 9 13 11 15");
    check("cpus = \"spread\"\nsmt = \"last-in-node\"", "0 4 2 6 1 5 3 7 8 12 10 14 9 13 11 15");
    check("cpus = \"spread\"\nsmt = \"pack\"", "0 4 8 12 2 6 10 14 1 5 9 13 3 7 11 15");
    check("cpus = \"close\"\nprocess = { cpus = \"node:1\" }", "4 5 6 7 4");
    check("cpus = \"spread\"\nprocess = { cpus = \"pus:1-5\" }", "1 4 2 5 3 1");
    check_order(&bare(machine(2, 2, 1)), "cpus = \"spread\"", "0 2 1 3");
    check_order(&sparse(machine(2, 2, 1), 3, 5), "cpus = \"close\"", "0 1 2 3");
    check_order(&without_memory(machine(2, 2, 1), 1), "cpus = \"close\"", "0 1 0");
    check_order(&with_cxl(machine(2, 2, 1)), "cpus = \"close\"", "0 1 2 3 0");
    // Without a node that has both, all allowed PUs are used.
    check_order(&within(without_memory(machine(2, 2, 1), 1), "2-3", "0-1"), "cpus = \"close\"", "2 3 2");
}

#[test]
fn uneven_nodes_tell_last_from_last_in_node() {
    let topology = within(machine(2, 2, 2), "0,2-3,4,6-7", "0-1");
    check_order(&topology, "cpus = \"spread\"\nsmt = \"last\"", "0 2 3 4 6 7");
    check_order(&topology, "cpus = \"spread\"\nsmt = \"last-in-node\"", "0 2 4 3 6 7");
}

#[test]
fn regimes_follow_from_crowding() {
    let topology = machine(2, 4, 2);
    let check = |arm: &str, procs: u32, expect: Regime| {
        assert_eq!(point_of(&topology, procs, arm).regime, expect, "{arm} at {procs}");
    };
    check("cpus = \"close\"", 8, Regime::Core);
    check("cpus = \"close\"", 9, Regime::Oversubscribed);
    check("cpus = \"close\"\nsmt = \"last\"", 8, Regime::Core);
    check("cpus = \"close\"\nsmt = \"last\"", 9, Regime::Smt);
    check("cpus = \"close\"\nsmt = \"last-in-node\"", 5, Regime::Smt);
    check("cpus = \"close\"\nsmt = \"pack\"", 1, Regime::Core);
    check("cpus = \"close\"\nsmt = \"pack\"", 2, Regime::Smt);
    check("cpus = \"close\"\nsmt = \"pack\"", 17, Regime::Oversubscribed);
    check("", 8, Regime::Core);
    check("", 16, Regime::Smt);
    check("", 17, Regime::Oversubscribed);
    check("process = { cpus = \"node:0\" }", 4, Regime::Core);
    check("process = { cpus = \"node:0\" }", 8, Regime::Smt);
    check("process = { cpus = \"node:0\" }", 9, Regime::Oversubscribed);
    check("cpus = \"pus:0,8\"", 1, Regime::Core);
    check("cpus = \"pus:0,8\"", 2, Regime::Smt);
}

#[test]
fn policies_are_resolved_to_nodes() {
    let check = |topology: &Topology, procs: u32, arm: &str, expect: &str| {
        let plan = plan_of(topology, &experiment(&procs.to_string(), arm, ""));
        let found = plan.map(|plan| plan.points[0].memory_policy.clone()).unwrap_or_else(|error| error);
        let found = found.strip_prefix("no point of this experiment can run here: a: ").unwrap_or(&found);
        assert_eq!(found, expect, "{arm}");
    };
    let two = machine(2, 4, 1);
    check(&two, 2, "", "private first-touch, shared first-touch");
    check(&two, 4, "cpus = \"close\"\nshared = \"interleave:workers\"", "private first-touch, shared interleave:0");
    check(&two, 5, "cpus = \"close\"\nshared = \"interleave:workers\"", "private first-touch, shared interleave:0-1");
    check(&two, 1, "shared = \"interleave:workers\"", "private first-touch, shared interleave:0-1");
    check(&two, 1, "cpus = \"node:1\"\nprivate = \"bind:same\"", "private bind:1, shared first-touch");
    check(
        &two,
        1,
        "process = { cpus = \"node:1\", memory = \"bind:same\" }",
        "process bind:1, private first-touch, shared first-touch",
    );
    check(&two, 1, "private = \"preferred:!0\"", "private preferred:1, shared first-touch");
    check(
        &two,
        1,
        "private = \"preferred:workers\"",
        "memory policy preferred:workers: preferred takes one node, and this is 0-1; for several say preferred-many",
    );
    check(&two, 1, "private = \"bind:2\"", "memory policy bind:2: node 2 does not exist; this machine has nodes 0-1");
    check(
        &without_memory(two.clone(), 1),
        1,
        "cpus = \"node:1\"\nshared = \"bind:workers\"",
        "memory policy bind:workers: its workers run on nodes 1, which have no memory this process may use",
    );
    check(&with_cxl(two.clone()), 1, "shared = \"interleave:all\"", "private first-touch, shared interleave:0-1");
    check(&with_cxl(two), 1, "shared = \"interleave:0,2\"", "private first-touch, shared interleave:0,2");
}

#[test]
fn what_follows_from_the_plan_is_known_and_nothing_else() {
    let balancing = Conditions { numa_balancing: true, ..Conditions::ideal() };
    let check = |topology: &Topology, conditions: &Conditions, procs: u32, arm: &str, expect: Option<f64>| {
        let file = experiment(&procs.to_string(), arm, "shared_ratio = 0.5");
        let plan = plan::plan(&file, &Overrides::default(), topology, conditions).expect("it can be planned");
        assert_eq!(plan.points[0].hit_ratio_by_construction, expect, "{arm} at {procs}");
    };
    let (one, two, ideal) = (machine(1, 4, 1), machine(2, 4, 1), Conditions::ideal());
    check(&one, &ideal, 3, "", Some(1.0));
    check(&two, &ideal, 3, "", None);
    check(&two, &ideal, 3, "process = { cpus = \"node:0\", memory = \"bind:0\" }", Some(1.0));
    check(&two, &ideal, 3, "process = { cpus = \"node:0\", memory = \"bind:1\" }", Some(0.0));
    check(&two, &ideal, 8, "cpus = \"close\"\nshared = \"interleave:all\"", Some(0.75));
    check(&two, &ideal, 8, "cpus = \"close\"\nshared = \"bind:0\"", None);
    check(&two, &ideal, 8, "cpus = \"close\"", Some(0.75));
    check(&two, &balancing, 8, "cpus = \"close\"", None);
    check(&two, &balancing, 4, "cpus = \"close\"", Some(1.0));
    // Five workers on one node and one on the other have different shares of the shared heap: their speeds decide.
    check(&two, &ideal, 5, "cpus = \"close\"", None);
    check(&two, &ideal, 4, "cpus = \"close\"\nprivate = \"preferred:0\"", None);
    check(&without_memory(two, 1), &ideal, 2, "cpus = \"node:1\"\nprivate = \"local\"", None);
}

#[test]
fn a_scan_reads_no_more_than_there_is() {
    // Two workers of 4 MiB and 2 MiB shared are the largest point: 10 MiB.
    let heaps = "private_bytes = \"4MiB\"\nshared_bytes = \"2MiB\"\n[pauses]\n";
    let check = |pauses: &str, expect: Result<(), &str>| {
        let found = plan_of(&machine(2, 4, 1), &experiment("1..=2", "", &format!("{heaps}{pauses}")));
        assert_eq!(found.map(drop), expect.map_err(String::from), "{pauses}");
    };
    check("stopped_work = \"scan:10MiB\"", Ok(()));
    let must = "cannot be; it must be at most 10MiB, all heaps of the largest point, of 2 workers";
    check("stopped_work = \"scan:11MiB\"", Err(&format!("x.toml:8: stopped_work in [pauses]: scan:11MiB {must}")));
    check("stopped_work = \"scan:99TiB\"", Err(&format!("x.toml:8: stopped_work in [pauses]: scan:101376GiB {must}")));
    // A world that is never stopped reads nothing.
    check("every = \"never\"\nstopped_work = \"scan:99TiB\"", Ok(()));
}

#[test]
fn what_does_not_fit_is_skipped_with_words() {
    let check = |topology: &Topology, conditions: &Conditions, more: &str, arm: &str, expect: &str| {
        let file = experiment("2", arm, more);
        let plan = plan::plan(&file, &Overrides::default(), topology, conditions);
        let found = plan.expect_err("nothing can run").to_string();
        assert_eq!(found, format!("no point of this experiment can run here: a: {expect}"), "{more} {arm}");
    };
    let (two, ideal) = (machine(2, 4, 1), Conditions::ideal());
    let full = with_memory(two.clone(), 64 << 30, 1 << 30);
    check(
        &full,
        &ideal,
        "private_bytes = \"512MiB\"\nshared_bytes = \"16MiB\"",
        "private = \"bind:1\"",
        "bind to node 1: 1.00 GiB needed and a tenth to spare, 1.00 GiB available there; shrink the heaps or free node 1",
    );
    // What the kernel keeps for itself is not there to be bound to.
    let mut kept = with_memory(two.clone(), 64 << 30, 2 << 30);
    kept.nodes[1].reserved_bytes = Some(1 << 30);
    check(
        &kept,
        &ideal,
        "private_bytes = \"512MiB\"\nshared_bytes = \"16MiB\"",
        "private = \"bind:1\"",
        "bind to node 1: 1.00 GiB needed and a tenth to spare, 1.00 GiB available there; shrink the heaps or free node 1",
    );
    // Two nodes of three are bound to and have 2 GiB together, whatever the third has; so they have for both policies.
    let mut third = with_memory(machine(3, 4, 1), 64 << 30, 1 << 30);
    third.nodes[2].free_bytes = Some(32 << 30);
    let together = |need: &str| {
        format!(
            "bind to node 0-1: {need} needed and a tenth to spare, 2.00 GiB available there; \
             shrink the heaps or free node 0-1"
        )
    };
    let heaps = "private_bytes = \"950MiB\"\nshared_bytes = \"16MiB\"";
    check(&third, &ideal, heaps, "private = \"bind:0-1\"", &together("1.86 GiB"));
    check(&third, &ideal, heaps, "process = { memory = \"bind:0-1\" }", &together("1.87 GiB"));
    let heaps = "private_bytes = \"700MiB\"\nshared_bytes = \"500MiB\"";
    check(&third, &ideal, heaps, "private = \"bind:0-1\"\nshared = \"bind:1\"", &together("1.86 GiB"));
    let known = with_memory(machine(3, 4, 1), 1 << 30, 64 << 30);
    let foreign =
        Topology { nodes: known.nodes.iter().map(|node| Node { free_bytes: None, ..node.clone() }).collect(), ..known };
    check(&foreign, &ideal, heaps, "private = \"bind:0-1\"\nshared = \"bind:1\"", &together("1.86 GiB"));
    check(
        &full,
        &ideal,
        "private_bytes = \"1GiB\"\nshared_bytes = \"16MiB\"",
        "",
        "memory: 2.02 GiB needed and a tenth to spare, 2.00 GiB available on all nodes it may use; shrink the heaps",
    );
    let no_bind = Conditions {
        policies: vec!["first-touch".into()],
        policies_refused: Some("mbind: EPERM: seccomp".into()),
        ..Conditions::ideal()
    };
    check(&two, &no_bind, "", "private = \"local\"", "memory policy local: mbind: EPERM: seccomp");
    let old = Conditions { policies: vec!["first-touch".into(), "bind".into()], ..Conditions::ideal() };
    check(
        &two,
        &old,
        "",
        "private = \"weighted-interleave:all\"",
        "memory policy weighted-interleave: this kernel lacks it; it has first-touch, bind",
    );
    let pages = Conditions { huge_pages: vec![(2 << 20, vec![(0, 3), (1, 100)])], thp: false, ..Conditions::ideal() };
    check(
        &two,
        &pages,
        "pages = \"hugetlb:1GiB\"",
        "",
        "pages hugetlb:1GiB: this kernel has no such page size; it has 2MiB",
    );
    check(
        &two,
        &pages,
        "pages = \"hugetlb:2MiB\"\nprivate_bytes = \"3MiB\"\nshared_bytes = \"1MiB\"",
        "cpus = \"close\"\nprivate = \"bind:0\"",
        "pages hugetlb:2MiB: 5 needed on node 0, 3 free; reserve more in /sys/kernel/mm/hugepages",
    );
    check(
        &machine(3, 4, 1),
        &Conditions { huge_pages: vec![(2 << 20, vec![(0, 2), (1, 2), (2, 9)])], ..Conditions::ideal() },
        "pages = \"hugetlb:2MiB\"\nprivate_bytes = \"3MiB\"\nshared_bytes = \"1MiB\"",
        "cpus = \"close\"\nprivate = \"bind:0-1\"\nshared = \"bind:1\"",
        "pages hugetlb:2MiB: 5 needed on node 0-1, 4 free; reserve more in /sys/kernel/mm/hugepages",
    );
    check(
        &two,
        &pages,
        "pages = \"thp\"",
        "",
        "pages thp: transparent huge pages are off on this host; see /sys/kernel/mm/transparent_hugepage/enabled",
    );
    let inherited = Conditions { inherited_policy: Some("bind:0".into()), ..Conditions::ideal() };
    check(
        &two,
        &inherited,
        "",
        "cpus = \"close\"",
        "this process was started with memory policy bind:0, so first-touch is not the kernel's own; start it without numactl",
    );
    check(
        &two,
        &ideal,
        "",
        "cpus = \"node:0\"\nprocess = { cpus = \"node:1\" }",
        "cpus node:0: none of them is among the PUs of the process, 4-7",
    );
    check(&within(two.clone(), "", "0-1"), &ideal, "", "", "no PU is allowed; check the container's cpuset.cpus");
    let mut host = two;
    host.source = TopologySource::Host;
    check(
        &host,
        &ideal,
        "pages = \"hugetlb:2MiB\"",
        "",
        "pages hugetlb:2MiB: this kernel has no such page size; it has none",
    );
}

fn any_topology() -> impl Strategy<Value = Topology> {
    let allowed = prop::collection::btree_set(0u32..48, 1..48);
    (1u32..5, 1u32..6, 1u32..3, allowed, 0u32..3).prop_map(|(nodes, cores, smt, allowed, odd)| {
        let mut topology = machine(nodes, cores, smt);
        let allowed: CpuSet = allowed.into_iter().filter(|pu| *pu < nodes * cores * smt).collect();
        topology.allowed_pus = if allowed.is_empty() { CpuSet::of(0) } else { allowed };
        match odd {
            0 => topology,
            1 => sparse(topology, 1, 3),
            _ if nodes > 1 => without_memory(topology, nodes - 1),
            _ => topology,
        }
    })
}

proptest! {
    #[test]
    fn places_stay_inside_and_no_pu_is_taken_twice(
        topology in any_topology(),
        procs in 1u32..60,
        placement in prop::sample::select(vec!["close", "spread"]),
        smt in prop::sample::select(vec!["off", "last-in-node", "last", "pack"]),
    ) {
        let point = point_of(&topology, procs, &format!("cpus = \"{placement}\"\nsmt = \"{smt}\""));
        let pus: Vec<u32> = point.placement.workers.iter().filter_map(|place| place.cpus.as_ref()?.first()).collect();
        prop_assert_eq!(pus.len() as u32, procs);
        prop_assert!(pus.iter().all(|pu| topology.allowed_pus.contains(*pu)));
        let distinct: BTreeSet<u32> = pus.iter().copied().collect();
        prop_assert_eq!(distinct.len() < pus.len(), point.regime == Regime::Oversubscribed);
        // Even when crowded, no PU has two workers more than another.
        let counts: Vec<usize> = distinct.iter().map(|pu| pus.iter().filter(|other| *other == pu).count()).collect();
        prop_assert!(counts.iter().max() <= counts.iter().min().map(|least| least + 1).as_ref());
        for place in &point.placement.workers {
            let pu = place.cpus.as_ref().and_then(CpuSet::first).and_then(|pu| topology.pu(pu));
            prop_assert_eq!(place.node, pu.and_then(|pu| pu.node));
        }
    }

    #[test]
    fn the_same_is_planned_twice(topology in any_topology(), procs in 1u32..20, seed in 0u64..1000) {
        let file = experiment("1..=20", "cpus = \"spread\"", "");
        let overrides = Overrides { seed: Some(seed), procs: Some(Procs::List(vec![1, procs])), ..Overrides::default() };
        let plan = || plan::plan(&file, &overrides, &topology, &Conditions::ideal()).expect("it can be planned");
        let (first, second) = (plan(), plan());
        prop_assert_eq!(plan::schedule::block_slots(&first, 3), plan::schedule::block_slots(&second, 3));
        prop_assert_eq!(first, second);
    }
}
