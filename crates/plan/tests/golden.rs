//! Every experiment on machines of many shapes, as text that is reviewed when it changes.
//!
//! `NUMALAB_REFRESH=1 cargo test -p plan --test golden` writes the files anew.

mod machines;

use machines::{bare, machine, sparse, with_cxl, with_memory, within, without_memory};
use plan::experiment::{Overrides, Oversubscribe, read_experiment};
use plan::point::{Plan, Point};
use plan::schedule::{Costs, blocks_expected};
use plan::topology::{Conditions, Topology};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn experiments() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("experiments")).expect("the workspace has experiments");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "no experiment found");
    files
}

fn check(name: &str, topology: &Topology, conditions: &Conditions) {
    let file = read_experiment(&root().join("experiments/numa-binding.toml")).expect("the experiment is sound");
    let plan = plan::plan(&file, &Overrides::default(), topology, conditions).expect("it plans everywhere");
    let found = show(&plan);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    if std::env::var_os("NUMALAB_REFRESH").is_some() {
        std::fs::write(&path, &found).expect("the golden folder can be written");
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expect, "{name}: NUMALAB_REFRESH=1 writes it anew; review the difference");
}

fn show(plan: &Plan) -> String {
    let mut text = String::new();
    for note in &plan.notes {
        writeln!(text, "note     {note}").expect("text grows");
    }
    for point in &plan.points {
        writeln!(text, "{}", show_point(point)).expect("text grows");
    }
    // The procs of each arm that are skipped, with the reason of the first.
    let mut skipped: Vec<(&str, &str, Vec<u32>)> = Vec::new();
    for point in &plan.skipped {
        match skipped.last_mut() {
            Some((arm, _, procs)) if *arm == point.arm => procs.push(point.procs),
            _ => skipped.push((&point.arm, &point.reason, vec![point.procs])),
        }
    }
    for (arm, reason, procs) in skipped {
        writeln!(text, "skipped  {arm} {procs:?}: {reason}").expect("text grows");
    }
    text
}

fn show_point(point: &Point) -> String {
    let workers =
        point.placement.workers.iter().map(|place| place.cpus.as_ref().map_or("-".into(), ToString::to_string));
    let mut cpus: Vec<String> = workers.collect();
    if cpus.iter().all(|set| *set == cpus[0]) {
        cpus.truncate(1);
    }
    let nodes: Vec<String> = point.bytes_on_node.iter().map(|(node, bytes)| format!("{node}:{bytes}")).collect();
    format!(
        "{id} {arm} {procs} {regime} | {place} over {nodes_spanned} | {policy} | hit {hit} | process {process} | PUs {cpus} | bytes {bytes} = {nodes}",
        id = point.id,
        arm = point.arm,
        procs = point.procs,
        regime = point.regime,
        place = point.placement_name,
        nodes_spanned = point.nodes_spanned,
        policy = point.memory_policy,
        hit = point.hit_ratio_by_construction.map_or("-".into(), |ratio| ratio.to_string()),
        process = point.placement.process.cpus.as_ref().map_or("-".into(), ToString::to_string),
        cpus = cpus.join(" "),
        bytes = point.bytes,
        nodes = nodes.join(" "),
    )
}

#[test]
fn plans_are_those_reviewed() {
    let ideal = Conditions::ideal();
    check("1n2c1t", &machine(1, 2, 1), &ideal);
    check("1n4c2t", &machine(1, 4, 2), &ideal);
    check("2n8c2t", &machine(2, 8, 2), &ideal);
    check("2n32c1t", &machine(2, 32, 1), &ideal);
    check("2n8c2t-balancing", &machine(2, 8, 2), &Conditions { numa_balancing: true, ..Conditions::ideal() });
    check("2n8c2t-cpuset", &within(machine(2, 8, 2), "4-11", "0-1"), &inherited("4-11"));
    check("2n8c1t-sparse", &sparse(machine(2, 8, 1), 1, 8), &ideal);
    check("2n8c1t-memoryless", &without_memory(machine(2, 8, 1), 1), &ideal);
    check("2n8c1t-cxl", &with_cxl(machine(2, 8, 1)), &ideal);
    check("2n8c1t-small", &with_memory(machine(2, 8, 1), 1 << 30, 64 << 20), &ideal);
    check("2n4c1t-bare", &bare(machine(2, 4, 1)), &ideal);
}

/// topology.json of machines in the emulated lab, as `scripts/lab run NAME -- numalab topo --format json` printed it.
#[test]
fn plans_on_recorded_machines_are_those_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/lab");
    let entries = std::fs::read_dir(folder).expect("the recorded machines").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a recorded machine");
        let topology: Topology = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&format!("lab-{name}"), &topology, &Conditions::ideal());
    }
}

#[test]
fn plans_on_the_largest_machines_are_those_reviewed() {
    check("64n16c2t", &machine(64, 16, 2), &Conditions::ideal());
    check("8n128c2t", &machine(8, 128, 2), &Conditions::ideal());
}

fn inherited(cpus: &str) -> Conditions {
    Conditions { inherited_cpus: Some(cpus.parse().expect("a list")), ..Conditions::ideal() }
}

/// The paper's grid fits a quarter of an hour on 64 PUs; where settling arms run too, what fits are whole blocks.
#[test]
fn the_paper_grid_fits_its_budget() {
    let file = read_experiment(&root().join("experiments/numa-binding.toml")).expect("the experiment is sound");
    let grid = |procs: &str, conditions: &Conditions, budget: f64, expect: u32| {
        let procs = Some(procs.parse().expect("a grid"));
        // As `make paper` does.
        let oversubscribe = Some(Oversubscribe::All);
        let overrides = Overrides { budget_seconds: Some(budget), procs, oversubscribe, ..Overrides::default() };
        let plan = plan::plan(&file, &overrides, &machine(2, 32, 1), conditions).expect("it plans");
        assert_eq!(blocks_expected(&plan, &Costs::EXPECTED), expect, "within {budget} s");
    };
    let check = |conditions: &Conditions, budget: f64, expect: u32| grid("paper", conditions, budget, expect);
    check(&Conditions::ideal(), 900.0, 10);
    // With what a decay past one node's cores needs besides.
    grid("paper,36", &Conditions::ideal(), 900.0, 10);
    // Not even five blocks: points are left out down to three numbers of workers, then blocks.
    check(&Conditions::ideal(), 60.0, 3);
    check(&Conditions { numa_balancing: true, ..Conditions::ideal() }, 900.0, 5);
}

#[test]
fn every_experiment_plans_on_1_2_and_8_nodes() {
    for path in experiments() {
        let file = read_experiment(&path).expect("the experiment is sound");
        for nodes in [1, 2, 8] {
            let topology = machine(nodes, 8, 2);
            let plan = plan::plan(&file, &Overrides::default(), &topology, &Conditions::ideal());
            let plan = plan.unwrap_or_else(|error| panic!("{path} on {nodes} nodes: {error}", path = path.display()));
            assert!(!plan.points.is_empty(), "{path} on {nodes} nodes", path = path.display());
            let saved = toml::to_string(&plan).expect("a plan can be saved");
            assert_eq!(toml::from_str::<Plan>(&saved).expect("a saved plan can be read"), plan);
            let line = serde_json::to_string(&plan.points[0]).expect("a point can be sent");
            assert_eq!(serde_json::from_str::<Point>(&line).expect("a sent point can be read"), plan.points[0]);
        }
    }
}
