//! Read against the tools that people already trust.

use crate::program::{answer, run};
use crate::trial::{Needs, ensure, test_with};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test_with("topo against numactl -H", Needs::Numactl, against_numactl),
        test_with("topo against lstopo", Needs::Lstopo, against_lstopo),
    ]
}

fn topo() -> Result<serde_json::Value, Failed> {
    let answer = run(&["topo", "--format", "json"]);
    answer.expect_code(0)?;
    Ok(serde_json::from_str(&answer.out)?)
}

/// Node, PUs, MB of memory and distances, as numactl prints them.
fn against_numactl() -> Result<(), Failed> {
    let topology = topo()?;
    let hardware = answer(Command::new("numactl").arg("-H").output()?);
    let field = |name: &str| {
        let line = hardware.out.lines().find(|line| line.starts_with(name));
        line.map(|line| line[name.len()..].trim().to_string()).unwrap_or_default()
    };
    for node in topology["nodes"].as_array().expect("nodes is a list") {
        let index = node["os_index"].as_u64().expect("an index is a number");
        let pus: plan::set::CpuSet = node["pus"].as_str().expect("a set is text").parse()?;
        let ours: Vec<String> = pus.iter().map(|pu| pu.to_string()).collect();
        let theirs = field(&format!("node {index} cpus:"));
        ensure(ours.join(" ") == theirs, || format!("node {index}: PUs {ours:?}, numactl says {theirs}"))?;
        let ours = node["memory_bytes"].as_u64().unwrap_or(0) >> 20;
        let theirs = field(&format!("node {index} size:"));
        ensure(theirs == format!("{ours} MB"), || format!("node {index}: {ours} MB, numactl says {theirs}"))?;
        let row = field(&format!("{index:>3}:"));
        let distances = topology["distances"]["values"][0].as_array();
        if let (1, Some(distances)) = (topology["nodes"].as_array().map_or(0, Vec::len), distances) {
            let ours = distances[0].to_string();
            ensure(ours == row, || format!("distance {distances:?}, numactl says {row:?}"))?;
        }
    }
    Ok(())
}

fn against_lstopo() -> Result<(), Failed> {
    let topology = topo()?;
    let summary = answer(Command::new("lstopo-no-graphics").args(["--no-io", "--only", "pu", "-p"]).output()?);
    let ours = topology["pus"].as_array().expect("pus is a list").len();
    let theirs = summary.out.lines().filter(|line| line.trim_start().starts_with("PU")).count();
    ensure(ours == theirs, || format!("{ours} PUs, lstopo says {theirs}"))
}
