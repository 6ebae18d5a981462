//! What is looked at in each machine.

use crate::machine::{Boot, LINES, OPERATIONS, Row, number, rows};
use crate::rules::{Case, Expected};
use crate::trial::ensure;
use libtest_mimic::Failed;
use plan::set::CpuSet;
use std::collections::BTreeMap;

/// Standard deviations that a count of random touches may lie off: 5.7e-7 of all do. The seed is fixed, so a run that
/// passes once passes again.
const DEVIATIONS: f64 = 5.0;

pub(crate) fn topology(boot: &Boot) -> Result<(), Failed> {
    boot.expect_success("topo")?;
    let topology: plan::topology::Topology = serde_json::from_str(&boot.text("topo.json")?)?;
    let mut wrong = Vec::new();
    for (&index, node) in &boot.built.nodes {
        match topology.node(u32::try_from(index)?) {
            Some(found) if found.pus == node.pus && found.has_memory() == node.memory => {}
            found => wrong.push(format!("node {index}: {node:?} built, {found:?} found")),
        }
    }
    let nodes = boot.built.nodes.len();
    let pus = boot.built.nodes.values().fold(CpuSet::new(), |all, node| all.union(&node.pus));
    let packages = boot.built.packages;
    ensure(topology.nodes.len() == nodes, || format!("{} nodes found, {nodes} built", topology.nodes.len()))?;
    ensure(topology.pu_set() == pus, || format!("PUs {} found, {pus} built", topology.pu_set()))?;
    ensure(topology.packages.len() == packages, || format!("{} packages, {packages} built", topology.packages.len()))?;
    if let Some(distances) = &topology.distances {
        for (row, &from) in distances.values.iter().zip(&distances.nodes) {
            for (&value, &to) in row.iter().zip(&distances.nodes) {
                let built = boot.built.distance(from as usize, to as usize);
                if value != built {
                    wrong.push(format!("distance {from} to {to}: {value} found, {built} built"));
                }
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))
}

pub(crate) fn points(boot: &Boot) -> Result<(), Failed> {
    boot.expect_success("placement")?;
    let mut wrong = Vec::new();
    let ran = samples(boot)?;
    for failed in ran.iter().filter(|sample| !sample.row["error"].is_empty()) {
        wrong.push(format!("{} at {}: {}", failed.row["arm"], failed.procs, failed.row["error"]));
    }
    for case in &boot.cases {
        for &procs in &boot.tried.procs {
            for &shared_ratio in boot.tried.shared_ratios {
                let fits = procs <= boot.built.capacity(case.workers);
                let found = ran.iter().filter(|sample| sample.is(case, procs, shared_ratio)).count();
                if found != usize::from(fits) {
                    wrong.push(format!("{} at {procs}, shared {shared_ratio}: {found} samples", case.name));
                }
            }
        }
    }
    if let Some(impossible) = &boot.impossible {
        let skipped = |row: &&Row| row["state"] == "skipped" && row["reason"].contains(&impossible.reason);
        let rows = boot.rows("points.csv")?;
        let (said, there): (Vec<&Row>, Vec<&Row>) =
            rows.iter().filter(|row| row["arm"] == impossible.name).partition(skipped);
        if said.is_empty() || !there.is_empty() {
            wrong.push(format!("an arm that cannot run: {said:?} {there:?}"));
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))
}

pub(crate) fn hit_ratios(boot: &Boot) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for sample in samples(boot)? {
        let touches = sample.procs as u64 * OPERATIONS * LINES;
        for case in sample.cases(boot) {
            let expected = boot.built.expected(case, sample.procs, sample.shared_ratio);
            if let Err(why) = sample.agrees(expected, touches) {
                wrong.push(format!("{} at {}, shared {}: {why}", case.name, sample.procs, sample.shared_ratio));
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))
}

pub(crate) fn private_pages(boot: &Boot) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for sample in samples(boot)? {
        let (local, remote) = (number(&sample.row, "pages_local")?, number(&sample.row, "pages_remote")?);
        for case in sample.cases(boot) {
            let shares = boot.built.private_shares(case, sample.procs);
            let pages = boot.private_pages as f64;
            let expected: f64 = shares.iter().map(|share| (share * pages).round()).sum();
            let all = f64::from(sample.procs) * pages;
            if local != expected || local + remote != all {
                let at = format!("{} at {}, shared {}", case.name, sample.procs, sample.shared_ratio);
                wrong.push(format!("{at}: {local} pages local, {remote} remote; {expected} of {all} expected"));
            }
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))
}

pub(crate) fn traffic(boot: &Boot) -> Result<(), Failed> {
    let mut by_sample: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in boot.rows("traffic.csv")? {
        let (from, to): (usize, usize) = (row["pu_node"].parse()?, row["memory_node"].parse()?);
        let (local, remote) = by_sample.entry(row["sample_id"].clone()).or_default();
        *(if from == to { local } else { remote }) += number(&row, "touches")?;
        if number(&row, "distance")? != f64::from(boot.built.distance(from, to)) {
            wrong.push(format!("distance of {row:?}"));
        }
    }
    for sample in samples(boot)? {
        let hits = (number(&sample.row, "local_touches")?, number(&sample.row, "remote_touches")?);
        let found = by_sample.get(&sample.row["sample_id"]);
        if found != Some(&hits) {
            wrong
                .push(format!("sample {}: {hits:?} in samples.csv, {found:?} in traffic.csv", sample.row["sample_id"]));
        }
    }
    ensure(wrong.is_empty(), || wrong.join("\n"))
}

/// Policies and points of the machine, for the count of what was proved.
pub(crate) fn proved(boot: &Boot) -> Result<Proved, Failed> {
    let points = samples(boot)?.iter().map(|sample| sample.cases(boot).count()).sum();
    Ok(Proved { policies: boot.cases.len(), points })
}

/// How much of a machine was held against the rules.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Proved {
    pub(crate) policies: usize,
    /// Arm x workers x share of touches in the shared heap.
    pub(crate) points: usize,
}

pub(crate) fn verified(boot: &Boot) -> Result<(), Failed> {
    boot.expect_success("verify-placement")?;
    boot.expect_success("verify-time")
}

pub(crate) fn no_time(boot: &Boot) -> Result<(), Failed> {
    boot.expect_success("time")?;
    let dir = boot.results("lab-time")?;
    let manifest: plan::manifest::Manifest =
        serde_json::from_str(&std::fs::read_to_string(dir.join("manifest.json"))?)?;
    let host = format!("lab-{}", boot.built.name);
    ensure(manifest.host == host, || format!("the manifest's host is {}, not {host}", manifest.host))?;
    let emulated = manifest.timing == plan::record::Timing::Emulated;
    let evidence = manifest.timing_evidence.iter().any(|sentence| sentence.contains("TCG"));
    ensure(emulated && evidence, || format!("{:?} by {:?}", manifest.timing, manifest.timing_evidence))?;
    let samples = rows(&dir.join("samples.csv"))?;
    ensure(samples.iter().all(|row| row["timing"] == "emulated"), || "a sample does not say emulated".into())?;
    let claims = rows(&dir.join("claims.csv"))?;
    ensure(claims.len() == 2, || format!("{} claims", claims.len()))?;
    let decided = claims.iter().find(|row| row["verdict"] != "not testable" || !row["reason"].contains("emulated"));
    ensure(decided.is_none(), || format!("a claim about time: {decided:?}"))
}

/// A sample and its point.
struct Sample {
    row: Row,
    procs: u32,
    shared_ratio: f64,
}

fn samples(boot: &Boot) -> Result<Vec<Sample>, Failed> {
    let sample = |row: Row| {
        let (procs, shared_ratio) = (row["procs"].parse()?, number(&row, "shared_ratio")?);
        Ok(Sample { row, procs, shared_ratio })
    };
    boot.rows("samples.csv")?.into_iter().map(sample).collect()
}

impl Sample {
    /// The arms that it stands for: those that come out the same run once.
    fn cases<'a>(&self, boot: &'a Boot) -> impl Iterator<Item = &'a Case> {
        let arms = self.row["arm"].clone();
        boot.cases.iter().filter(move |case| arms.split('+').any(|arm| arm == case.name))
    }

    fn is(&self, case: &Case, procs: u32, shared_ratio: f64) -> bool {
        let arm = self.row["arm"].split('+').any(|arm| arm == case.name);
        arm && self.procs == procs && self.shared_ratio == shared_ratio
    }

    /// Whether its hits are those expected: to the touch, or within what random lines may do.
    fn agrees(&self, expected: Expected, touches: u64) -> Result<(), String> {
        let number =
            |column: &str| number(&self.row, column).map_err(|failed| failed.message().unwrap_or_default().to_string());
        let (local, remote, all) = (number("local_touches")?, number("remote_touches")?, touches as f64);
        let ratio = number("local_hit_ratio")?;
        if local + remote != all || self.row["hit_source"] != "replay" {
            let source = &self.row["hit_source"];
            return Err(format!("{local} + {remote} touches by {source}; {all} by replay expected"));
        }
        if ratio != local / all || number("local_hit_low")? != ratio || number("local_hit_high")? != ratio {
            return Err(format!("ratio {ratio} with bounds, but {local} of {all} touches are local"));
        }
        let off = match expected.exact {
            true => 0.0,
            false => DEVIATIONS * (expected.ratio * (1.0 - expected.ratio) * all).sqrt(),
        };
        match (local - expected.ratio * all).abs() <= off {
            true => Ok(()),
            false => Err(format!("{local} of {all} touches local, {} +- {off:.0} expected", expected.ratio * all)),
        }
    }
}
