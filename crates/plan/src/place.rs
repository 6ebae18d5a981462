//! Where one worker runs and where its memory lies: the last thing that is decided. After this, others only obey.

use crate::policy::MemoryPolicy;
use crate::set::{CpuSet, NodeSet};
use crate::text::words;
use crate::workload::Need;
use serde::{Deserialize, Serialize};

/// Everything that is resolved about the placement of one point.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// What is set for the whole process before its first thread and allocation, as numactl does.
    pub process: ProcessPlace,
    /// One per worker, in worker order.
    pub workers: Vec<Place>,
    /// The heap that all workers share.
    pub shared: SharedPlace,
}

/// What numactl would set: for the whole process, inherited by every thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessPlace {
    /// `--cpunodebind` / `--physcpubind`; `None`: left as inherited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpus: Option<CpuSet>,
    /// `--membind` and its kin; `None`: left as inherited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<MemoryPolicy>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// 0..procs; worker 0 is the stopper.
    pub worker: u32,
    /// PUs the worker is bound to; `None`: it floats where the process may run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpus: Option<CpuSet>,
    /// The node of all its PUs; `None` where it may run on PUs of several nodes, or of none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<u32>,
    /// Policy of its private heap.
    pub private: MemoryPolicy,
}

/// The shared heap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedPlace {
    /// Its policy; never `local`.
    pub policy: MemoryPolicy,
    /// Who touches it first.
    pub toucher: Toucher,
}

impl Placement {
    /// The policy that holds for a heap: that of the process where the heap has none of its own.
    pub fn effective<'a>(&'a self, policy: &'a MemoryPolicy) -> &'a MemoryPolicy {
        match (policy, &self.process.memory) {
            (MemoryPolicy::FirstTouch, Some(process)) => process,
            _ => policy,
        }
    }

    /// What must fit or the kernel kills: sets of nodes, with the bytes of all heaps bound inside each.
    pub fn bound(&self, need: Need) -> Vec<(NodeSet, u64)> {
        let private = self.workers.iter().map(|place| (&place.private, need.private_bytes));
        let heaps = private.chain([(&self.shared.policy, need.shared_bytes)]);
        confined(heaps.filter_map(|(policy, bytes)| match self.effective(policy) {
            MemoryPolicy::Bind(nodes) if bytes > 0 => Some((nodes, bytes)),
            _ => None,
        }))
    }
}

/// Sums up what may lie on some nodes only, `(nodes, amount)`: for each set of nodes, all that cannot lie outside it.
///
/// Everything can be placed if and only if each sum fits the nodes of its set together (Hall's theorem). So sets that
/// overlap are joined, too: 0-1 and 1-2 may each have room for what is theirs, and 0-2 not for both.
pub fn confined<'a>(amounts: impl Iterator<Item = (&'a NodeSet, u64)>) -> Vec<(NodeSet, u64)> {
    let mut parts: Vec<(&NodeSet, u64)> = Vec::new();
    for (nodes, amount) in amounts {
        match parts.iter_mut().find(|(known, _)| *known == nodes) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => parts.push((nodes, amount)),
        }
    }
    let mut sets: Vec<NodeSet> = parts.iter().map(|(nodes, _)| (*nodes).clone()).collect();
    let mut at = 0;
    while at < sets.len() {
        let overlapping = parts.iter().filter(|(nodes, _)| nodes.intersects(&sets[at]));
        let joined: Vec<NodeSet> = overlapping.map(|(nodes, _)| nodes.union(&sets[at])).collect();
        for nodes in joined {
            if !sets.contains(&nodes) {
                sets.push(nodes);
            }
        }
        at += 1;
    }
    let inside = |set: &NodeSet| {
        let amounts = parts.iter().filter(|(nodes, _)| nodes.is_subset(set)).map(|(_, amount)| *amount);
        amounts.fold(0, u64::saturating_add)
    };
    let sums = sets.iter().map(inside).collect::<Vec<u64>>();
    sets.into_iter().zip(sums).collect()
}

words! {
    /// Who writes a heap first, and thereby decides where first-touch pages lie.
    Toucher {
        /// Every worker its own slice, in parallel.
        All = "all",
        /// Worker 0 alone.
        FirstWorker = "first-worker",
    }
}

words! {
    /// How crowded the PUs are. One fit uses one regime.
    Regime {
        /// At most one worker for each core of the arm's cpuset.
        Core = "core",
        /// More workers than cores, at most one for each PU.
        Smt = "smt",
        /// More workers than PUs.
        Oversubscribed = "oversubscribed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_lie_outside_a_set_is_summed_up() {
        let check = |amounts: &[(&str, u64)], expect: &[(&str, u64)]| {
            let amounts: Vec<(NodeSet, u64)> =
                amounts.iter().map(|(nodes, amount)| (nodes.parse().expect("a list"), *amount)).collect();
            let found = confined(amounts.iter().map(|(nodes, amount)| (nodes, *amount)));
            let found: Vec<(String, u64)> =
                found.into_iter().map(|(nodes, amount)| (nodes.to_string(), amount)).collect();
            let found: Vec<(&str, u64)> = found.iter().map(|(nodes, amount)| (nodes.as_str(), *amount)).collect();
            assert_eq!(found, expect, "{amounts:?}");
        };
        check(&[], &[]);
        check(&[("0", 3), ("1", 5), ("0", 4)], &[("0", 7), ("1", 5)]);
        check(&[("0", 3), ("0-1", 5), ("1", 4)], &[("0", 3), ("0-1", 12), ("1", 4)]);
        check(&[("0-1", 3), ("1-2", 5)], &[("0-1", 3), ("1-2", 5), ("0-2", 8)]);
        check(
            &[("0-1", 1), ("1-2", 1), ("2-3", 1), ("5", u64::MAX), ("5", 1)],
            &[("0-1", 1), ("1-2", 1), ("2-3", 1), ("5", u64::MAX), ("0-2", 2), ("1-3", 2), ("0-3", 3)],
        );
    }
}
