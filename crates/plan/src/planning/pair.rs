//! Two workers at a given distance: on which PUs, of all that the arm's process may use.

use crate::place::Regime;
use crate::placement::Placed;
use crate::set::{CpuSet, NodeSet};
use crate::topology::{Pu, Topology};
use crate::workload::Distance;

/// What follows a placement's name where the plan chose the two.
pub(super) const IN_A_PAIR: &str = " in a pair";

/// The arm's places with its two workers on the first cores at this distance; of other nodes on the first and the nearest to it.
///
/// # Errors
/// Why there are none, in words that end a sentence.
pub(super) fn placed(distance: Distance, mut placed: Placed, topology: &Topology) -> Result<Placed, String> {
    let workers = &mut placed.placement.workers;
    let [first, second] = workers.as_mut_slice() else { return Err("it needs two workers".into()) };
    let each_placed = [&*first, &*second].iter().all(|place| place.cpus.as_ref().is_some_and(|pus| pus.len() == 1));
    if !each_placed {
        return Err("its workers float; take an arm that is close or spread".into());
    }
    let may = placed.placement.process.cpus.as_ref().unwrap_or(&topology.allowed_pus);
    let Some(pair) = pair(distance, may, topology) else { return Err(lacks(distance, may, topology)) };
    for (place, pu) in [first, second].into_iter().zip(pair) {
        (place.cpus, place.node) = (Some(CpuSet::of(pu.os_index)), pu.node);
    }
    let nodes: NodeSet = pair.iter().filter_map(|pu| pu.node).collect();
    Ok(Placed { regime: Regime::Core, busy_pus: 2, nodes, homeless: false, ..placed })
}

/// Cores first, as arms fill them.
fn pair<'a>(distance: Distance, may: &CpuSet, topology: &'a Topology) -> Option<[&'a Pu; 2]> {
    let mut pus: Vec<&Pu> = topology.pus.iter().filter(|pu| may.contains(pu.os_index) && pu.node.is_some()).collect();
    pus.sort_by_key(|pu| (pu.smt_rank, pu.os_index));
    let fits = |one: &Pu, other: &Pu| {
        let (node, llc) = (one.node == other.node, one.llc == other.llc);
        let known = one.llc.is_some() && other.llc.is_some();
        one.core != other.core
            && match distance {
                Distance::SameLlc => node && llc && known,
                Distance::SameNode => node && !llc && known,
                Distance::OtherNode => !node,
            }
    };
    let how_far = |one: &Pu, other: &Pu| one.node.zip(other.node).and_then(|(from, to)| topology.distance(from, to));
    pus.iter().find_map(|&one| {
        let others = pus.iter().copied().filter(|other| fits(one, other));
        // The first of those at the least distance.
        others.min_by_key(|other| how_far(one, other).unwrap_or(u32::MAX)).map(|other| [one, other])
    })
}

fn lacks(distance: Distance, may: &CpuSet, topology: &Topology) -> String {
    let unknown = topology.pus.iter().any(|pu| may.contains(pu.os_index) && pu.llc.is_none());
    match distance {
        Distance::OtherNode => format!("all cores that it may use (PUs {may}) are on one node"),
        _ if unknown => "this machine does not say which cores share a last-level cache".into(),
        Distance::SameLlc => format!("no two cores that it may use (PUs {may}) share a last-level cache"),
        Distance::SameNode => {
            format!("no two cores of one node that it may use (PUs {may}) have last-level caches of their own")
        }
    }
}
