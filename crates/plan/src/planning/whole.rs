//! A subject that is a process of another runtime: what of an arm it can obey, and as what.
//!
//! Its workers have no PU of their own and its heaps no policy of their own: the process is placed as a whole, as numactl
//! does. Workers that the arm places make it run on their PUs, all of them together.

use super::reason::Reason;
use crate::experiment::GO;
use crate::place::{Placement, ProcessPlace};
use crate::placement::Placed;
use crate::policy::MemoryPolicy;
use crate::set::CpuSet;
use crate::topology::Topology;
use crate::workload::{Pages, Workload};

/// Whether a subject is such a process.
pub(super) fn is_whole(subject: &str) -> bool {
    subject == GO
}

/// What follows a placement's name where workers were placed, and the process is.
pub(super) const AS_A_WHOLE: &str = " as a whole";

/// The arm's places as the process can have them; and what follows the placement's name, where workers lost places of their own.
pub(super) fn placed(
    subject: &str,
    settles: bool,
    workload: &Workload,
    placed: Placed,
    topology: &Topology,
) -> Result<(Placed, &'static str), Reason> {
    let subject = || subject.to_string();
    if settles {
        return Err(Reason::NoSettling { subject: subject() });
    }
    if workload.pages() != Pages::Base {
        return Err(Reason::NoPages { subject: subject(), pages: workload.pages().to_string() });
    }
    let need = workload.need();
    let placement = &placed.placement;
    let bare = placement.process.memory.is_none();
    let obeyed = |policy: &MemoryPolicy| match policy {
        MemoryPolicy::FirstTouch => true,
        // What a process without a policy does anyway.
        MemoryPolicy::Local => bare,
        _ => false,
    };
    let private = placement.workers.iter().map(|place| ("private", &place.private, need.private_bytes));
    for (heap, policy, bytes) in private.chain([("shared", &placement.shared.policy, need.shared_bytes)]) {
        if bytes > 0 && !obeyed(policy) {
            return Err(Reason::NoHeapPolicy { subject: subject(), heap, policy: policy.to_string() });
        }
    }
    let mut placement: Placement = placed.placement;
    let pus = placement.workers.iter().flat_map(|place| &place.cpus).fold(CpuSet::new(), |all, pus| all.union(pus));
    // Workers that float on one set of PUs lose nothing.
    let each_placed = placement.workers.iter().any(|place| place.cpus.as_ref().is_some_and(|cpus| cpus.len() == 1));
    if !pus.is_empty() {
        placement.process = ProcessPlace { cpus: Some(pus.clone()), ..placement.process };
    }
    let nodes: Vec<Option<u32>> = pus.iter().map(|pu| topology.pu(pu).and_then(|pu| pu.node)).collect();
    for place in &mut placement.workers {
        if place.cpus.take().is_some() {
            place.node =
                nodes.first().copied().flatten().filter(|first| nodes.iter().all(|node| *node == Some(*first)));
        }
        place.private = MemoryPolicy::FirstTouch;
    }
    placement.shared.policy = MemoryPolicy::FirstTouch;
    Ok((Placed { placement, ..placed }, if each_placed { AS_A_WHOLE } else { "" }))
}
