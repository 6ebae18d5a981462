//! Bytes of a point on each node, and whether they fit.

use super::reason::Reason;
use crate::place::{Placement, Toucher};
use crate::policy::MemoryPolicy;
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
    spread(placement, need, |_| true, &mut bytes);
    bytes.into_iter().filter(|&(_, bytes)| bytes > 0).collect()
}

/// Adds the bytes of all heaps whose effective policy `counts`.
fn spread(placement: &Placement, need: Need, counts: impl Fn(&MemoryPolicy) -> bool, bytes: &mut BTreeMap<u32, u64>) {
    let process = placement.process.memory.as_ref();
    let effective = |policy| effective(policy, process);
    let mut add = |policy: &MemoryPolicy, heap: u64, touchers: &Touchers| {
        if counts(policy) {
            add_heap(policy, heap, touchers, bytes);
        }
    };
    // Thousands of workers have a handful of nodes and, as all are of one arm, one policy.
    let mut private: Vec<(&MemoryPolicy, Touchers)> = Vec::new();
    let mut all = Touchers::new();
    for place in &placement.workers {
        *all.entry(place.node).or_insert(0) += 1;
        match private.iter_mut().find(|(policy, _)| *policy == &place.private) {
            Some((_, touchers)) => *touchers.entry(place.node).or_insert(0) += 1,
            None => private.push((&place.private, Touchers::from([(place.node, 1)]))),
        }
    }
    for (policy, touchers) in &private {
        add(effective(policy), need.private_bytes.saturating_mul(touchers.values().sum()), touchers);
    }
    let first = placement.workers.first().map(|place| (place.node, 1)).into_iter().collect();
    let touchers = match placement.shared.toucher {
        Toucher::All => &all,
        Toucher::FirstWorker => &first,
    };
    add(effective(&placement.shared.policy), need.shared_bytes, touchers);
}

/// The policy that holds for a heap: that of the process where the heap has none of its own.
fn effective<'a>(policy: &'a MemoryPolicy, process: Option<&'a MemoryPolicy>) -> &'a MemoryPolicy {
    if *policy == MemoryPolicy::FirstTouch { process.unwrap_or(policy) } else { policy }
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

/// Refuses what cannot fit: a bind beyond its node (the kernel kills rather than spills), heaps beyond all memory.
pub(super) fn check_fit(placement: &Placement, need: Need, bytes: u64, topology: &Topology) -> Result<(), Reason> {
    let mut bound = BTreeMap::new();
    spread(placement, need, |policy| matches!(policy, MemoryPolicy::Bind(_)), &mut bound);
    for (node, need) in bound {
        let Some(have) = topology.node(node).and_then(limit) else { continue };
        if beyond(need, have) {
            return Err(Reason::NodeTooSmall { node, need, have });
        }
    }
    let allowed = topology.nodes.iter().filter(|node| topology.allowed_nodes.contains(node.os_index));
    let Some(have) = allowed.map(limit).try_fold(0u64, |sum, node| node.map(|bytes| sum.saturating_add(bytes))) else {
        return Ok(());
    };
    if beyond(bytes, have) { Err(Reason::MachineTooSmall { need: bytes, have }) } else { Ok(()) }
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
    let all_free = free.iter().map(|(_, pages)| pages).sum();
    if all > all_free {
        return Err(Reason::TooFewPages { size, need: all, free: all_free, place: "in all".into() });
    }
    let rounded = Need {
        private_bytes: pages(need.private_bytes).saturating_mul(size),
        shared_bytes: pages(need.shared_bytes).saturating_mul(size),
    };
    for (node, bytes) in bytes_on_node(placement, rounded) {
        let free = free.iter().find(|(free_node, _)| *free_node == node).map_or(0, |(_, pages)| *pages);
        // hugetlb of another policy than bind spills to other nodes; bind ends in SIGBUS. Both are not what was asked.
        if pages(bytes) > free {
            return Err(Reason::TooFewPages { size, need: pages(bytes), free, place: format!("on node {node}") });
        }
    }
    Ok(())
}
