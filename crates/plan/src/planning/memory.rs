//! Bytes of a point on each node, and whether they fit.

use super::reason::Reason;
use crate::place::{Placement, Toucher};
use crate::policy::MemoryPolicy;
use crate::set::NodeSet;
use crate::topology::{Conditions, Node, Topology, TopologySource};
use crate::workload::{Need, Pages, Workload};
use std::collections::BTreeMap;

/// Bytes of all heaps; `None` where they overflow.
pub(super) fn all_bytes(need: Need, procs: u32) -> Option<u64> {
    let bytes = need.private_bytes.checked_mul(u64::from(procs))?.checked_add(need.shared_bytes)?;
    i64::try_from(bytes).ok().map(|_| bytes)
}

/// Bytes on each node as far as the plan fixes them, ascending by node: bound to one node, interleaved, or first touched
/// by a worker whose node is fixed. The rest is the kernel's to decide and not listed.
pub(super) fn bytes_on_node(placement: &Placement, need: Need) -> Vec<(u32, u64)> {
    let mut bytes = BTreeMap::new();
    // Thousands of workers have a handful of nodes and, as all are of one arm, one policy.
    let mut private: Vec<(&MemoryPolicy, Touchers)> = Vec::new();
    let mut all = Touchers::new();
    for alike in placement.workers.chunk_by(|a, b| a.node == b.node && a.private == b.private) {
        let (place, workers) = (&alike[0], alike.len() as u64);
        *all.entry(place.node).or_insert(0) += workers;
        match private.iter_mut().find(|(policy, _)| *policy == &place.private) {
            Some((_, touchers)) => *touchers.entry(place.node).or_insert(0) += workers,
            None => private.push((&place.private, Touchers::from([(place.node, workers)]))),
        }
    }
    for (policy, touchers) in &private {
        let heaps = need.private_bytes.saturating_mul(touchers.values().sum());
        add_heap(placement.effective(policy), heaps, touchers, &mut bytes);
    }
    let first = placement.workers.first().map(|place| (place.node, 1)).into_iter().collect();
    let touchers = match placement.shared.toucher {
        Toucher::All => &all,
        Toucher::FirstWorker => &first,
    };
    add_heap(placement.effective(&placement.shared.policy), need.shared_bytes, touchers, &mut bytes);
    bytes.into_iter().filter(|&(_, bytes)| bytes > 0).collect()
}

/// How many of those who touch a heap first are on each node; `None`: they may be on several.
type Touchers = BTreeMap<Option<u32>, u64>;

/// Adds a heap, or heaps of one policy taken together, in equal parts for all that touch.
fn add_heap(policy: &MemoryPolicy, heap: u64, touchers: &Touchers, bytes: &mut BTreeMap<u32, u64>) {
    let mut share = |node: u32, parts: u64, of: u64| {
        *bytes.entry(node).or_insert(0) += (u128::from(heap) * u128::from(parts) / u128::from(of)) as u64;
    };
    match policy {
        MemoryPolicy::FirstTouch | MemoryPolicy::Local => {
            let of = touchers.values().sum();
            touchers.iter().for_each(|(node, parts)| node.iter().for_each(|&node| share(node, *parts, of)));
        }
        MemoryPolicy::Bind(nodes) if nodes.len() == 1 => nodes.iter().for_each(|node| share(node, 1, 1)),
        MemoryPolicy::Interleave(nodes) => nodes.iter().for_each(|node| share(node, 1, nodes.len() as u64)),
        // The kernel chooses by what is free, or by weights that only the host knows.
        _ => {}
    }
}

/// What a node can give: as probed, else its size; `None` where neither is known.
pub(super) fn limit(node: &Node) -> Option<u64> {
    node.available_bytes().or(node.memory_bytes)
}

/// What these nodes can give together; `None` where one does not tell.
fn limit_of(nodes: &NodeSet, topology: &Topology) -> Option<u64> {
    let mut limits = nodes.iter().map(|node| topology.node(node).and_then(limit));
    limits.try_fold(0u64, |sum, limit| Some(sum.saturating_add(limit?)))
}

/// Refuses what cannot fit: a bind beyond its nodes (the kernel kills rather than spills), heaps beyond all memory.
pub(super) fn check_fit(placement: &Placement, need: Need, bytes: u64, topology: &Topology) -> Result<(), Reason> {
    for (nodes, need) in placement.bound(need) {
        if let Some(have) = limit_of(&nodes, topology).filter(|have| beyond(need, *have)) {
            return Err(Reason::NodesTooSmall { nodes, need, have });
        }
    }
    let allowed = topology.node_set().intersection(&topology.allowed_nodes);
    match limit_of(&allowed, topology).filter(|have| beyond(bytes, *have)) {
        Some(have) => Err(Reason::MachineTooSmall { need: bytes, have }),
        None => Ok(()),
    }
}

/// Need and a tenth to spare: page tables, stacks, and what grows meanwhile.
fn beyond(need: u64, have: u64) -> bool {
    u128::from(need) * 11 > u128::from(have) * 10
}

/// Refuses pages that this host lacks. A foreign machine does not tell its huge pages and is believed to have them.
pub(super) fn check_pages(
    workload: &Workload,
    placement: &Placement,
    topology: &Topology,
    conditions: &Conditions,
) -> Result<(), Reason> {
    match workload.pages() {
        Pages::Base => Ok(()),
        Pages::Thp if conditions.thp => Ok(()),
        Pages::Thp => Err(Reason::NoThp),
        Pages::Hugetlb(_) if topology.source != TopologySource::Host && conditions.huge_pages.is_empty() => Ok(()),
        Pages::Hugetlb(size) => check_huge(workload, size, placement, conditions),
    }
}

fn check_huge(workload: &Workload, size: u64, placement: &Placement, conditions: &Conditions) -> Result<(), Reason> {
    let Some((_, free)) = conditions.huge_pages.iter().find(|(known, _)| *known == size) else {
        let known: Vec<_> = conditions.huge_pages.iter().map(|(size, _)| crate::quantity::print_bytes(*size)).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        return Err(Reason::NoSuchPages { size, known });
    };
    // Every heap is a mapping of its own and takes whole pages.
    let need = workload.need();
    let pages = |bytes: u64| bytes.div_ceil(size);
    let all = pages(need.private_bytes) * placement.workers.len() as u64 + pages(need.shared_bytes);
    let sum = |sum: u64, pages: &u64| sum.saturating_add(*pages);
    let all_free = free.iter().map(|(_, pages)| pages).fold(0, sum);
    if all > all_free {
        return Err(Reason::TooFewPages { size, need: all, free: all_free, place: "in all".into() });
    }
    let rounded = Need {
        private_bytes: pages(need.private_bytes).saturating_mul(size),
        shared_bytes: pages(need.shared_bytes).saturating_mul(size),
    };
    // hugetlb of another policy than bind spills to other nodes; bind ends in SIGBUS. Both are not what was asked.
    let on_node = bytes_on_node(placement, rounded).into_iter().map(|(node, bytes)| (NodeSet::of(node), bytes));
    for (nodes, bytes) in on_node.chain(placement.bound(rounded)) {
        let free = free.iter().filter(|(node, _)| nodes.contains(*node)).map(|(_, pages)| pages).fold(0, sum);
        if pages(bytes) > free {
            return Err(Reason::TooFewPages { size, need: pages(bytes), free, place: format!("on node {nodes}") });
        }
    }
    Ok(())
}
