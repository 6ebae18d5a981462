//! The right to bind: only the live host gives it.

use crate::{HostError, Root};
use plan::set::{CpuSet, NodeSet};

/// What this process may bind to, and the proof that these are PUs and nodes of the running system.
///
/// Made by probing ([`crate::Machine::granted`]) or by [`crate::child::enter`], and by nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub(crate) online_pus: CpuSet,
    pub(crate) allowed_pus: CpuSet,
    pub(crate) nodes: NodeSet,
    pub(crate) memory_nodes: NodeSet,
    pub(crate) allowed_nodes: NodeSet,
}

impl Granted {
    /// PUs that this process may use: online, in the cpuset, and in the affinity it started with.
    pub fn allowed_pus(&self) -> &CpuSet {
        &self.allowed_pus
    }

    /// Nodes whose memory this process may use.
    pub fn allowed_nodes(&self) -> &NodeSet {
        &self.allowed_nodes
    }

    /// Nodes that have memory, allowed or not.
    pub fn memory_nodes(&self) -> &NodeSet {
        &self.memory_nodes
    }

    /// Reads what is granted from /proc and /sys, without hwloc. Where /sys is missing, what is allowed is all there is.
    pub(crate) fn read(root: &Root) -> Result<Granted, HostError> {
        let affinity = crate::bind::affinity()?;
        let online_pus = root.cpus("sys/devices/system/cpu/online").unwrap_or_else(|| affinity.clone());
        let status_nodes = root.field("proc/self/status", "Mems_allowed_list:").and_then(|list| list.parse().ok());
        let status_nodes = status_nodes.or_else(|| crate::policy::allowed_nodes().ok());
        let nodes: NodeSet = root
            .nodes("sys/devices/system/node/online")
            .or_else(|| status_nodes.clone())
            .unwrap_or_else(|| NodeSet::of(0));
        let memory_nodes = root.nodes("sys/devices/system/node/has_memory").unwrap_or_else(|| nodes.clone());
        let allowed_nodes = status_nodes.unwrap_or_else(|| nodes.clone()).intersection(&memory_nodes);
        Ok(Granted { allowed_pus: affinity.intersection(&online_pus), online_pus, nodes, memory_nodes, allowed_nodes })
    }

    /// Refuses PUs that do not exist, are offline, or are not allowed: the kernel would drop them without a word.
    pub(crate) fn check_pus(&self, pus: &CpuSet) -> Result<(), HostError> {
        if let Some(pu) = pus.difference(&self.online_pus).first() {
            return Err(HostError::NoSuchPu { pu, online: self.online_pus.clone() });
        }
        match pus.difference(&self.allowed_pus).first() {
            Some(pu) => Err(HostError::PuNotAllowed { pu, allowed: self.allowed_pus.clone() }),
            None if pus.is_empty() => Err(HostError::NoPus),
            None => Ok(()),
        }
    }

    /// Refuses nodes that do not exist, have no memory, or are not allowed: the kernel drops them without a word
    /// where others remain, and answers EINVAL where none does.
    pub(crate) fn check_nodes(&self, nodes: &NodeSet) -> Result<(), HostError> {
        if let Some(node) = nodes.difference(&self.nodes).first() {
            return Err(HostError::NoSuchNode { node, nodes: self.nodes.clone() });
        }
        if let Some(node) = nodes.difference(&self.memory_nodes).first() {
            return Err(HostError::NodeWithoutMemory { node, with_memory: self.memory_nodes.clone() });
        }
        match nodes.difference(&self.allowed_nodes).first() {
            Some(node) => Err(HostError::NodeNotAllowed { node, allowed: self.allowed_nodes.clone() }),
            None => Ok(()),
        }
    }
}
