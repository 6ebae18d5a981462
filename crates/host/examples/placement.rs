//! Binds, touches and locates on every node of this machine, and says whether pages lie where they were asked to.
//!
//! For machines with several nodes, real or emulated: `cargo run -p host --example placement`. Exit 1 where one does not.

use host::{Granted, HostError, Region, bind, locate, policy};
use plan::policy::MemoryPolicy;
use plan::topology::Topology;
use plan::workload::Pages;
use std::sync::atomic::Ordering::Relaxed;

const PAGES: u64 = 1024;

fn main() -> Result<(), HostError> {
    let machine = host::probe()?;
    let topology = machine.topology();
    show(topology);
    println!("policies: {policies}", policies = machine.conditions().policies.join(" "));
    machine.disagreements().iter().for_each(|line| println!("disagreement: {line}"));
    let (class, evidence) = host::timing::timing_class();
    println!("timing: {class} ({evidence})", evidence = evidence.join("; "));
    let mut wrong = 0;
    let with_pus = || topology.nodes.iter().filter(|node| node.pus.intersects(&topology.allowed_pus));
    for from in ends(with_pus().collect()) {
        let pu = from.pus.intersection(&topology.allowed_pus).first().expect("it has allowed PUs");
        for (text, node, expect) in expectations(topology, from.os_index) {
            let policy: MemoryPolicy = text.parse().expect("a policy");
            let outcome = on_a_thread(machine.granted(), pu, &policy, node);
            let verdict = match &outcome {
                Ok(found) if (found.ratio - expect).abs() < 0.01 => "ok",
                _ => "WRONG",
            };
            wrong += usize::from(verdict == "WRONG");
            match outcome {
                Ok(Found { ratio, pu_source, by }) => println!(
                    "PU {pu} (node {from}) {text}: {ratio:.3} on node {node}, {expect:.3} expected, by {by}, PU by {pu_source}: {verdict}",
                    from = from.os_index
                ),
                Err(error) => println!("PU {pu} {text}: {error}: {verdict}"),
            }
        }
    }
    for node in topology.nodes.iter().filter(|node| !node.has_memory()).map(|node| node.os_index).chain([900]) {
        let asked = MemoryPolicy::Bind(plan::set::NodeSet::of(node));
        match policy::set_thread(machine.granted(), &asked) {
            Ok(found) => {
                println!("bind to node {node} was accepted as {found}: WRONG");
                wrong += 1;
            }
            Err(error) => println!("{error}: ok"),
        }
    }
    println!("{wrong} wrong");
    std::process::exit(i32::from(wrong > 0));
}

struct Found {
    ratio: f64,
    pu_source: &'static str,
    by: String,
}

/// Policies to try from a node, which node to look at, and the share of pages that must lie there.
fn expectations(topology: &Topology, from: u32) -> Vec<(String, u32, f64)> {
    let memory: Vec<u32> = topology.nodes.iter().filter(|node| node.has_memory()).map(|node| node.os_index).collect();
    let own = if memory.contains(&from) { from } else { memory[0] };
    let mut expectations = vec![("first-touch".to_owned(), own, 1.0), ("local".to_owned(), own, 1.0)];
    let all: plan::set::NodeSet = memory.iter().copied().collect();
    for node in ends(memory.clone()) {
        expectations.push((format!("bind:{node}"), node, 1.0));
        expectations.push((format!("preferred:{node}"), node, 1.0));
        expectations.push((format!("interleave:{all}"), node, 1.0 / memory.len() as f64));
        if node != own {
            expectations.push((format!("bind:{node}"), own, 0.0));
        }
    }
    expectations
}

/// The first two and the last two: a machine of 65 nodes has 4225 pairs.
fn ends<T: Copy>(mut all: Vec<T>) -> Vec<T> {
    if all.len() > 4 {
        all.drain(2..all.len() - 2);
    }
    all
}

fn on_a_thread(granted: &Granted, pu: u32, policy: &MemoryPolicy, node: u32) -> Result<Found, HostError> {
    let work = || {
        bind::pin(granted, pu)?;
        let region = Region::new(granted, PAGES * 4096, Pages::Base, policy)?;
        assert_eq!(locate::locate(&region)?.unknown(), PAGES, "nothing is touched yet");
        region.words().iter().step_by(512).for_each(|word| word.store(1, Relaxed));
        let reader = host::pu::PuReader::new();
        assert_eq!(reader.read(), pu, "where it was pinned");
        let map = locate::locate(&region)?;
        let there = map.nodes.iter().filter(|&&found| u32::try_from(found) == Ok(node)).count();
        Ok(Found { ratio: there as f64 / PAGES as f64, pu_source: reader.source(), by: format!("{:?}", map.source) })
    };
    std::thread::scope(|scope| scope.spawn(work).join().expect("the thread ends well"))
}

fn show(topology: &Topology) {
    for node in &topology.nodes {
        println!(
            "node {number}: {kind:?}, PUs {pus:?}, memory {bytes:?} bytes, free {free:?}, package {package:?}",
            number = node.os_index,
            kind = node.kind,
            pus = node.pus.to_string(),
            bytes = node.memory_bytes,
            free = node.free_bytes,
            package = node.package,
        );
    }
    println!(
        "{packages} packages, {cores} cores, PUs {pus}, allowed {allowed}, offline {offline:?}, distances {distances:?}",
        packages = topology.packages.len(),
        cores = topology.cores.len(),
        pus = topology.pu_set(),
        allowed = topology.allowed_pus,
        offline = topology.offline_pus.to_string(),
        distances = topology.distances.as_ref().map(|distances| &distances.values),
    );
}
