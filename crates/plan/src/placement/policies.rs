//! From a policy as written to a policy with nodes, checked against the machine and the kernel.

use super::PlacementError;
use crate::experiment::{PolicyFile, PolicyName};
use crate::numactl;
use crate::policy::MemoryPolicy;
use crate::set::NodeSet;
use crate::topology::{Conditions, Topology};

/// What the policies of one point are resolved against.
pub(super) struct Resolver<'a> {
    pub(super) topology: &'a Topology,
    pub(super) conditions: &'a Conditions,
    /// Nodes of the point's workers.
    pub(super) workers: &'a NodeSet,
    /// The list before, which `same` stands for.
    pub(super) before: Option<NodeSet>,
}

impl Resolver<'_> {
    pub(super) fn resolve(&mut self, file: &PolicyFile) -> Result<MemoryPolicy, PlacementError> {
        self.check_kernel(file.name)?;
        let Some(list) = &file.nodes else {
            return Ok(if file.name == PolicyName::Local { MemoryPolicy::Local } else { MemoryPolicy::FirstTouch });
        };
        let nodes = self.nodes(file, list)?;
        self.before = Some(nodes.clone());
        Ok(match file.name {
            PolicyName::FirstTouch => MemoryPolicy::FirstTouch,
            PolicyName::Local => MemoryPolicy::Local,
            PolicyName::Bind => MemoryPolicy::Bind(nodes),
            PolicyName::PreferredMany => MemoryPolicy::PreferredMany(nodes),
            PolicyName::Interleave => MemoryPolicy::Interleave(nodes),
            PolicyName::WeightedInterleave => MemoryPolicy::WeightedInterleave(nodes),
            PolicyName::Preferred => match (nodes.first(), nodes.len()) {
                (Some(node), 1) => MemoryPolicy::Preferred(node),
                _ => return Err(PlacementError::NotOneNode { policy: file.to_string(), nodes }),
            },
        })
    }

    fn nodes(&self, file: &PolicyFile, list: &str) -> Result<NodeSet, PlacementError> {
        if list != "workers" {
            let nodes = numactl::memory_nodes(list, self.topology, self.before.as_ref());
            return nodes.map_err(|cause| PlacementError::Nodes { policy: file.to_string(), cause });
        }
        let usable = |node: &u32| {
            let memory = self.topology.node(*node).is_some_and(|node| node.has_memory());
            memory && self.topology.allowed_nodes.contains(*node)
        };
        let nodes: NodeSet = self.workers.iter().filter(usable).collect();
        match nodes.is_empty() {
            true => Err(PlacementError::NoWorkerMemory { policy: file.to_string(), nodes: self.workers.clone() }),
            false => Ok(nodes),
        }
    }

    /// First touch needs no call; everything else must have been accepted when the kernel was probed.
    fn check_kernel(&self, name: PolicyName) -> Result<(), PlacementError> {
        let policy = name.word();
        if name == PolicyName::FirstTouch || self.conditions.policies.iter().any(|known| known == policy) {
            return Ok(());
        }
        let cause = self.conditions.policies_refused.clone().unwrap_or_else(|| {
            format!("this kernel lacks it; it has {known}", known = self.conditions.policies.join(", "))
        });
        Err(PlacementError::Lacking { policy, cause })
    }
}
