//! The local hit ratio where it follows from the plan: such a ratio is marked and supports no claim about a runtime.

use super::memory::limit;
use crate::place::Placement;
use crate::placement::Placed;
use crate::policy::MemoryPolicy;
use crate::topology::{Conditions, Topology};
use crate::workload::Workload;

/// The ratio, or `None` where the kernel, the speed of workers or free memory decide.
pub(super) fn by_construction(
    workload: &Workload,
    placed: &Placed,
    bytes_on_node: &[(u32, u64)],
    topology: &Topology,
    conditions: &Conditions,
) -> Option<f64> {
    if placed.homeless {
        return None;
    }
    let with_memory: Vec<u32> =
        topology.nodes.iter().filter(|node| node.has_memory()).map(|node| node.os_index).collect();
    if let [only] = with_memory[..] {
        // All pages lie there, and so every touch from there is local.
        return (placed.nodes.len() == 1 && placed.nodes.contains(only)).then_some(1.0);
    }
    // First touch on a node without memory, or without room, goes where the kernel likes.
    let all_have_memory = placed.nodes.iter().all(|node| with_memory.contains(&node));
    let fits = |&(node, bytes): &(u32, u64)| topology.node(node).and_then(limit).is_none_or(|limit| bytes <= limit);
    if !all_have_memory || !bytes_on_node.iter().all(fits) {
        return None;
    }
    let moves = conditions.numa_balancing && placed.nodes.len() > 1 && shared_is_movable(&placed.placement);
    if moves { None } else { workload.hit_ratio_by_construction(&placed.placement) }
}

/// NUMA balancing moves pages of the default policy to whoever touches them; pages under a policy stay.
/// Source: Linux, mm/mempolicy.c, vma_policy_mof(): only the default policy, and bind with a flag we never set.
fn shared_is_movable(placement: &Placement) -> bool {
    let process_default = placement.process.memory.as_ref().is_none_or(|policy| *policy == MemoryPolicy::FirstTouch);
    placement.shared.policy == MemoryPolicy::FirstTouch && process_default
}
