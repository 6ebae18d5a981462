//! The order in which `close` and `spread` fill PUs: computed once for an arm; a point takes its first PUs.

use crate::experiment::Smt;
use crate::set::CpuSet;
use crate::topology::{Pu, Topology};
use std::collections::BTreeMap;

/// One PU of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) pu: u32,
    pub(super) node: Option<u32>,
    pub(super) core: u32,
}

/// How nodes are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// One by one, ascending; within a node by package, LLC and core.
    Close,
    /// In turn; within a node its LLCs in turn.
    Spread,
}

/// PUs of one core that may be used, by rank.
struct Core<'a> {
    pus: Vec<&'a Pu>,
}

/// Seats in the order they are taken; each PU once.
///
/// Nodes that are used by default come alone where any of their PUs is in `cpuset`; else every PU of it counts, so that a
/// machine without such nodes can still be measured.
pub(super) fn seats(topology: &Topology, cpuset: &CpuSet, fill: Fill, smt: Smt) -> Vec<Seat> {
    let nodes: Vec<Vec<Vec<Seat>>> = cores_of_nodes(topology, cpuset)
        .into_values()
        .map(|cores| layers(if fill == Fill::Spread { llcs_in_turn(cores) } else { cores }, smt))
        .collect();
    // With `last` siblings wait for the cores of all nodes, so layers are the outer loop; else each node is done by itself.
    let passes: Vec<Vec<Vec<Seat>>> = match smt {
        Smt::Last => {
            let depth = nodes.iter().map(Vec::len).max().unwrap_or(0);
            (0..depth).map(|layer| nodes.iter().filter_map(|node| node.get(layer).cloned()).collect()).collect()
        }
        _ => vec![nodes.into_iter().map(|layers| layers.concat()).collect()],
    };
    let fill_pass = |pass: Vec<Vec<Seat>>| match fill {
        Fill::Close => pass.concat(),
        Fill::Spread => in_turn(pass),
    };
    passes.into_iter().flat_map(fill_pass).collect()
}

/// Cores of each node by package, LLC and number.
fn cores_of_nodes<'a>(topology: &'a Topology, cpuset: &CpuSet) -> BTreeMap<Option<u32>, Vec<Core<'a>>> {
    let default_nodes = topology.default_nodes();
    let usable = || topology.pus.iter().filter(|pu| cpuset.contains(pu.os_index));
    let at_home = |pu: &&Pu| pu.node.is_some_and(|node| default_nodes.contains(node));
    let any_home = usable().any(|pu| at_home(&pu));
    let mut sorted: Vec<&Pu> = usable().filter(|pu| !any_home || at_home(pu)).collect();
    let last_if_none = |group: Option<u32>| group.unwrap_or(u32::MAX);
    sorted
        .sort_by_key(|pu| (pu.node, last_if_none(pu.package), last_if_none(pu.llc), pu.core, pu.smt_rank, pu.os_index));
    let mut nodes: BTreeMap<Option<u32>, Vec<Core<'a>>> = BTreeMap::new();
    for pu in sorted {
        let cores = nodes.entry(pu.node).or_default();
        match cores.last_mut() {
            Some(core) if core.pus[0].core == pu.core => core.pus.push(pu),
            _ => cores.push(Core { pus: vec![pu] }),
        }
    }
    nodes
}

fn llcs_in_turn(cores: Vec<Core<'_>>) -> Vec<Core<'_>> {
    let mut llcs: BTreeMap<Option<u32>, Vec<Core<'_>>> = BTreeMap::new();
    for core in cores {
        llcs.entry(core.pus[0].llc).or_default().push(core);
    }
    in_turn(llcs.into_values().collect())
}

/// The node's seats in layers: a layer is used up before the next begins.
fn layers(cores: Vec<Core<'_>>, smt: Smt) -> Vec<Vec<Seat>> {
    let seat = |pu: &&Pu| Seat { pu: pu.os_index, node: pu.node, core: pu.core };
    let layer = |rank: usize| cores.iter().filter_map(|core| core.pus.get(rank)).map(seat).collect::<Vec<Seat>>();
    let ranks = cores.iter().map(|core| core.pus.len()).max().unwrap_or(0);
    match smt {
        Smt::Off => vec![layer(0)],
        Smt::Pack => vec![cores.iter().flat_map(|core| &core.pus).map(seat).collect()],
        Smt::LastInNode | Smt::Last => (0..ranks).map(layer).collect(),
    }
}

/// First of each list, second of each, …; lists that are used up drop out.
fn in_turn<T>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut joined = Vec::new();
    loop {
        let before = joined.len();
        joined.extend(lists.iter_mut().filter_map(Iterator::next));
        if joined.len() == before {
            return joined;
        }
    }
}
