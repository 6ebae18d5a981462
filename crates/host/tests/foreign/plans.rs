//! Every experiment planned on machines that people stored: places that exist and are allowed, or a skip with its reason.

use crate::root;
use host::{Input, read_topology};
use plan::PlanError;
use plan::experiment::{ExperimentFile, Overrides, parse_experiment, read_experiment};
use plan::place::Regime;
use plan::point::{Plan, Point};
use plan::set::CpuSet;
use plan::topology::{Conditions, NodeKind, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files of a folder that end so, by name.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// The stored machines that hwloc loads, by name.
fn machines(folder: &Path) -> Vec<(String, Topology)> {
    let files = files(folder, "xml");
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        Some((name, read_topology(&Input::Xml(path.clone())).ok()?.topology))
    };
    let machines: Vec<_> = files.iter().filter_map(read).collect();
    assert_eq!((files.len(), machines.len()), (64, 61), "files, and those that load");
    machines
}

/// What became of an experiment on a machine.
fn plan_on(file: &ExperimentFile, name: &str, topology: &Topology) -> Option<Plan> {
    match plan::plan(file, &Overrides::default(), topology, &Conditions::ideal()) {
        Ok(plan) => {
            assert!(!plan.points.is_empty(), "{name}");
            for skipped in &plan.skipped {
                assert!(!skipped.reason.is_empty() && !skipped.reason.contains('\n'), "{name}: {skipped:?}");
            }
            Some(plan)
        }
        Err(PlanError::NothingToRun { reasons }) => {
            assert!(!reasons.is_empty() && !reasons.contains('\n'), "{name}");
            None
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

pub(crate) fn every_experiment_is_placed_where_it_may_be(folder: &Path) {
    let machines = machines(folder);
    let experiments = files(&root().join("experiments"), "toml");
    assert!(!experiments.is_empty());
    let (mut points, mut skipped, mut refused) = (0, 0, 0);
    for path in &experiments {
        let file = read_experiment(path).expect("the experiment is sound");
        for (name, topology) in &machines {
            let Some(plan) = plan_on(&file, name, topology) else {
                refused += 1;
                continue;
            };
            plan.points.iter().for_each(|point| check_point(name, point, topology));
            (points, skipped) = (points + plan.points.len(), skipped + plan.skipped.len());
        }
    }
    println!(
        "{e} experiments on {m} machines: {points} points, {skipped} skipped with a reason, {refused} plans refused with one",
        e = experiments.len(),
        m = machines.len()
    );
}

/// PUs and memory that are there and allowed; no PU twice unless there are too few.
fn check_point(name: &str, point: &Point, topology: &Topology) {
    let what = || format!("{name}: {arm} at {procs}", arm = point.arm, procs = point.procs);
    let usable = topology.pu_set().intersection(&topology.allowed_pus);
    let placement = &point.placement;
    assert_eq!(placement.workers.len(), point.procs as usize, "{}", what());
    let process = placement.process.cpus.clone().unwrap_or_else(|| usable.clone());
    assert!(!process.is_empty() && process.is_subset(&usable), "{}: {process} of {usable}", what());
    let mut pinned = CpuSet::new();
    for place in &placement.workers {
        let cpus = place.cpus.as_ref().unwrap_or(&process);
        assert!(!cpus.is_empty() && cpus.is_subset(&process), "{}: {cpus} of {process}", what());
        if let Some(node) = place.node {
            let of_node = &topology.node(node).unwrap_or_else(|| panic!("{}: no node {node}", what())).pus;
            assert!(cpus.is_subset(of_node), "{}: {cpus} on node {node}", what());
        }
        if cpus.len() == 1 && place.cpus.is_some() && point.regime != Regime::Oversubscribed {
            let pu = cpus.first().expect("one PU");
            assert!(!pinned.contains(pu), "{}: PU {pu} twice", what());
            pinned.insert(pu);
        }
    }
    let reach = placement
        .workers
        .iter()
        .fold(CpuSet::new(), |reach, place| reach.union(place.cpus.as_ref().unwrap_or(&process)));
    assert!(point.regime == Regime::Oversubscribed || reach.len() >= point.procs as usize, "{}: {reach}", what());
    let heaps = placement.workers.iter().map(|place| &place.private).chain([&placement.shared.policy]);
    for policy in heaps.chain(&placement.process.memory) {
        let nodes = policy.nodes();
        let with_memory = |node: u32| topology.node(node).is_some_and(|node| node.has_memory());
        assert!(nodes.iter().all(with_memory), "{}: {policy}", what());
        assert!(nodes.is_subset(&topology.allowed_nodes), "{}: {policy}", what());
        // None of these experiments names a node beyond 0, so that special memory is never meant.
        let ordinary = |node: u32| topology.node(node).is_some_and(|node| node.kind == NodeKind::Dram);
        assert!(nodes.iter().all(ordinary), "{}: {policy}", what());
    }
}

pub(crate) fn siblings_come_when_they_were_asked_for(folder: &Path) {
    let machines = machines(folder);
    for cpus in ["close", "spread"] {
        for smt in ["off", "last-in-node", "last", "pack"] {
            let text = format!(
                "name = \"x\"\nquestion = \"?\"\n[workload]\nkind = \"serve\"\nprivate_bytes = \"64KiB\"\n\
                 shared_bytes = \"64KiB\"\n[sweep]\nprocs = [1, 2, 3, 5, 8, 13, 48, 96, 200, 400, 1024, 2048]\n\
                 oversubscribe = \"next\"\n[[arm]]\nname = \"a\"\ncpus = \"{cpus}\"\nsmt = \"{smt}\"\n"
            );
            let file = parse_experiment("x.toml", &text).expect("the experiment is sound");
            for (name, topology) in &machines {
                let Some(plan) = plan_on(&file, name, topology) else { continue };
                for point in &plan.points {
                    check_point(name, point, topology);
                    check_siblings(&format!("{name}: {cpus} {smt} at {}", point.procs), smt, point, topology);
                }
            }
        }
    }
}

/// The order of siblings by plain rules: the n-th worker of a core has depth n.
fn check_siblings(what: &str, smt: &str, point: &Point, topology: &Topology) {
    if point.regime == Regime::Oversubscribed {
        return;
    }
    let mut on_core: BTreeMap<u32, u32> = BTreeMap::new();
    // (node, core, depth) of each worker, in worker order.
    let mut seats = Vec::new();
    for place in &point.placement.workers {
        let pu = place.cpus.as_ref().and_then(CpuSet::first).expect("close and spread pin");
        let pu = topology.pu(pu).expect("it exists");
        let depth = on_core.entry(pu.core).or_default();
        *depth += 1;
        seats.push((pu.node, pu.core, *depth));
    }
    let shared = on_core.values().any(|&workers| workers > 1);
    assert_eq!(point.regime == Regime::Smt, shared, "{what}: the regime says whether cores are shared");
    let nodes: BTreeSet<Option<u32>> = seats.iter().map(|(node, ..)| *node).collect();
    let of_node = |node| seats.iter().filter(move |seat| seat.0 == node);
    match smt {
        "off" => assert!(!shared, "{what}"),
        "last" => assert!(seats.is_sorted_by_key(|(.., depth)| depth), "{what}"),
        "last-in-node" => {
            for &node in &nodes {
                assert!(of_node(node).is_sorted_by_key(|(.., depth)| depth), "{what}");
            }
        }
        _ => {
            // Within a node, the workers of a core stand side by side.
            for &node in &nodes {
                let cores: Vec<u32> = of_node(node).map(|(_, core, _)| *core).collect();
                let runs = cores.chunk_by(|a, b| a == b).count();
                assert_eq!(runs, cores.iter().collect::<BTreeSet<_>>().len(), "{what}");
            }
        }
    }
}
