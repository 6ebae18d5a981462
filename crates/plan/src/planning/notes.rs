//! What was decided, in sentences for people.

use super::whole::AS_A_WHOLE;
use crate::experiment::GO;
use crate::place::Regime;
use crate::point::{PROCS, Point, Skipped};
use crate::quantity::show_bytes;
use crate::topology::{Conditions, RuntimeProgram, Topology};
use std::collections::{BTreeMap, BTreeSet};

/// Fits are refused below this many distinct procs of one regime (statistics: 3 parameters, a lack-of-fit test, a knee).
const PROCS_FOR_FITS: usize = 6;

/// Notes on a plan, most important last to be seen first on a terminal's end.
pub(super) fn notes(
    points: &[Point],
    skipped: &[Skipped],
    axis: &str,
    topology: &Topology,
    conditions: &Conditions,
) -> Vec<String> {
    let mut notes = Vec::new();
    heaps(points, &mut notes);
    go(points, conditions, &mut notes);
    libraries(points, conditions, &mut notes);
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
    let levels = distinct_levels(points);
    few_levels(&levels, axis, &mut notes);
    if axis == PROCS {
        short_decay(&levels, topology, &mut notes);
    }
    let touches = points.iter().any(|point| point.workload.has_heaps());
    match (topology.default_nodes().len(), topology.nodes.len()) {
        (1, _) if !touches => notes.push("one node: claims about NUMA are not testable here".into()),
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
    let sizes = points.iter().filter(|point| point.workload.has_heaps()).map(|point| {
        let need = point.workload.need();
        (need.private_bytes, need.shared_bytes)
    });
    let sizes = sizes.collect::<BTreeSet<_>>();
    for (private, shared) in sizes {
        let (private, shared) = (show_bytes(private), show_bytes(shared));
        notes.push(format!("heaps: {private} private for each worker, {shared} shared, the same at every point"));
    }
}

/// What Go is here, and where it is placed otherwise than threads are.
fn go(points: &[Point], conditions: &Conditions, notes: &mut Vec<String>) {
    let mut of_go = points.iter().filter_map(|point| point.go.map(|settings| (point, settings))).peekable();
    if of_go.peek().is_none() {
        return;
    }
    let which = match conditions.programs.get(GO) {
        Some(RuntimeProgram::Found { version, .. }) => format!(" is {version}"),
        _ => String::new(),
    };
    let settings: Vec<_> = of_go.clone().map(|(_, settings)| settings).collect();
    let all = |words: Vec<String>| Vec::from_iter(words.into_iter().collect::<BTreeSet<_>>()).join(", ");
    let gogc = settings.iter().map(|go| go.gogc.map_or("off".into(), |gogc| gogc.to_string()));
    let gogc = all(gogc.collect());
    let garbage = match points.iter().any(|point| point.workload.makes_garbage()) {
        true => format!(
            ", {garbage} of garbage a request",
            garbage = all(settings.iter().map(|go| show_bytes(go.garbage_bytes)).collect())
        ),
        false => String::new(),
    };
    notes.push(format!(
        "go{which}, GOGC {gogc}{garbage}; its collector stops the world when it must, whatever [pauses] says",
    ));
    let whole: BTreeSet<&str> = of_go
        .filter(|(point, _)| point.placement_name.ends_with(AS_A_WHOLE))
        .map(|(point, _)| point.arm.as_str())
        .collect();
    if !whole.is_empty() {
        let whole = Vec::from_iter(whole).join(", ");
        notes.push(format!(
            "go in {whole}: goroutines have no PU of their own; the process as a whole is bound to the PUs of all workers of the point"
        ));
    }
}

/// Runtimes that are libraries, and what they have not.
fn libraries(points: &[Point], conditions: &Conditions, notes: &mut Vec<String>) {
    for (subject, known) in &conditions.programs {
        let mut own = points.iter().filter(|point| point.subject == *subject).peekable();
        let (RuntimeProgram::BuiltIn { version }, true) = (known, own.peek().is_some()) else { continue };
        let pauses =
            if own.any(|point| point.workload.has_heaps()) { "; nobody can stop its world: no pauses" } else { "" };
        notes.push(format!("{subject} is {version}, and knows no nodes{pauses}"));
    }
}

/// Levels of the axis of each arm and regime.
type LevelsOf<'a> = BTreeMap<&'a str, BTreeMap<Regime, BTreeSet<u32>>>;

fn distinct_levels(points: &[Point]) -> LevelsOf<'_> {
    let mut levels = LevelsOf::new();
    for point in points {
        levels.entry(&point.arm).or_default().entry(point.regime).or_default().insert(point.x());
    }
    levels
}

/// Names arms with too few levels of the axis in every regime.
fn few_levels(levels: &LevelsOf<'_>, axis: &str, notes: &mut Vec<String>) {
    let few: Vec<String> = levels
        .iter()
        .map(|(arm, regimes)| (arm, regimes.values().map(BTreeSet::len).max().unwrap_or(0)))
        .filter(|(_, most)| *most < PROCS_FOR_FITS)
        .map(|(arm, most)| format!("{arm} ({most})"))
        .collect();
    if !few.is_empty() {
        let few = few.join(", ");
        notes.push(format!("fits need {PROCS_FOR_FITS} distinct {axis} of one regime and will be refused for {few}"));
    }
}

/// Says when throughput that peaks where the first node is full could not be fitted beyond: a decay is fitted to the procs
/// from the peak on, and the paper's grid has five of them on two nodes of 32 cores.
fn short_decay(procs: &LevelsOf<'_>, topology: &Topology, notes: &mut Vec<String>) {
    let nodes = topology.default_nodes();
    let Some(first) = nodes.first().filter(|_| nodes.len() > 1) else { return };
    let peak = topology.cores_of_node(first);
    let one_per_core = procs.values().filter_map(|regimes| regimes.get(&Regime::Core));
    let beyond = one_per_core.filter(|procs| procs.len() >= PROCS_FOR_FITS).map(|procs| procs.range(peak..));
    let Some(beyond) = beyond.max_by_key(|beyond| beyond.clone().count()) else { return };
    let beyond: Vec<u32> = beyond.copied().collect();
    if !(2..PROCS_FOR_FITS).contains(&beyond.len()) {
        return;
    }
    let words = |procs: &[u32]| procs.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let advice = match missing(&beyond, peak) {
        add if add.is_empty() => "there are no more".into(),
        add => format!("add {add} to procs", add = words(&add)),
    };
    notes.push(format!(
        "a decay past a peak at {peak}, the cores of one node, would have {count} distinct procs ({listed}), and fits need \
         {PROCS_FOR_FITS}: {advice}",
        count = beyond.len(),
        listed = words(&beyond),
    ));
}

/// Numbers that make enough of `procs`, ascending: the peak, then the middle of the widest gap. Empty where there are too
/// few numbers up to the last.
fn missing(procs: &[u32], peak: u32) -> Vec<u32> {
    let mut all: BTreeSet<u32> = procs.iter().copied().chain([peak]).collect();
    while all.len() < PROCS_FOR_FITS {
        let pairs = all.iter().zip(all.iter().skip(1));
        let widest = pairs.rev().max_by_key(|(low, high)| *high - *low);
        let Some((low, high)) = widest.filter(|(low, high)| *high - *low > 1) else { return Vec::new() };
        all.insert(low.midpoint(*high));
    }
    all.into_iter().filter(|number| !procs.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_goes_into_the_widest_gap() {
        let check = |procs: &[u32], peak: u32, expect: &[u32]| assert_eq!(missing(procs, peak), expect, "{procs:?}");
        check(&[32, 40, 48, 56, 64], 32, &[36]);
        check(&[16, 24, 32], 16, &[18, 20, 28]);
        check(&[32, 40, 48, 56], 28, &[28, 36]);
        check(&[8, 13], 8, &[9, 10, 11, 12]);
        check(&[4, 5, 6, 7, 8], 4, &[]);
    }
}
