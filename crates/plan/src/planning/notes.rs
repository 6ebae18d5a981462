//! What was decided, in sentences for people.

use crate::place::Regime;
use crate::point::{Point, Skipped};
use crate::quantity::show_bytes;
use crate::topology::Topology;
use std::collections::{BTreeMap, BTreeSet};

/// Fits are refused below this many distinct procs of one regime (statistics: 3 parameters, a lack-of-fit test, a knee).
const PROCS_FOR_FITS: usize = 6;

/// Notes on a plan, most important last to be seen first on a terminal's end.
pub(super) fn notes(points: &[Point], skipped: &[Skipped], topology: &Topology) -> Vec<String> {
    let mut notes = Vec::new();
    heaps(points, &mut notes);
    for joined in arms(points).into_iter().filter(|arm| arm.contains('+')) {
        let names = joined.replace('+', ", ");
        notes.push(format!("arms {names} have the same places on this machine and run once, as {joined}"));
    }
    let oversubscribed = points.iter().filter(|point| point.regime == Regime::Oversubscribed).count();
    if oversubscribed > 0 {
        notes.push(format!("oversubscribed points, marked so: {oversubscribed}"));
    }
    if !skipped.is_empty() {
        notes.push(format!("points skipped: {count}", count = skipped.len()));
    }
    few_procs(points, &mut notes);
    match (topology.default_nodes().len(), topology.nodes.len()) {
        (0, _) => {
            notes.push("no node has both PUs and memory that may be used: workers are placed on all allowed PUs".into())
        }
        (1, 1) => notes.push("one node: every touch is local, and claims about NUMA are not testable here".into()),
        (1, _) => notes.push("one node has both PUs and memory: claims about NUMA are not testable here".into()),
        _ => {}
    }
    notes
}

fn arms(points: &[Point]) -> BTreeSet<&str> {
    points.iter().map(|point| point.arm.as_str()).collect()
}

fn heaps(points: &[Point], notes: &mut Vec<String>) {
    let sizes = points.iter().map(|point| {
        let need = point.workload.need();
        (need.private_bytes, need.shared_bytes)
    });
    let sizes = sizes.collect::<BTreeSet<_>>();
    for (private, shared) in sizes {
        let (private, shared) = (show_bytes(private), show_bytes(shared));
        notes.push(format!("heaps: {private} private for each worker, {shared} shared, the same at every point"));
    }
}

/// Names arms with too few procs in every regime.
fn few_procs(points: &[Point], notes: &mut Vec<String>) {
    let mut procs: BTreeMap<&str, BTreeMap<Regime, BTreeSet<u32>>> = BTreeMap::new();
    for point in points {
        procs.entry(&point.arm).or_default().entry(point.regime).or_default().insert(point.procs);
    }
    let few: Vec<String> = procs
        .into_iter()
        .map(|(arm, regimes)| (arm, regimes.values().map(BTreeSet::len).max().unwrap_or(0)))
        .filter(|(_, most)| *most < PROCS_FOR_FITS)
        .map(|(arm, most)| format!("{arm} ({most})"))
        .collect();
    if !few.is_empty() {
        let few = few.join(", ");
        notes.push(format!("fits need {PROCS_FOR_FITS} distinct procs of one regime and will be refused for {few}"));
    }
}
