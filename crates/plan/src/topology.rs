//! A machine as plain data: what `host` probes, what `plan` decides on, what `report` draws boundaries from.
//!
//! OS (physical) indexes everywhere: hwloc's logical numbers shift inside a cpuset and renumber nodes without PUs.
//! A `Topology` can come from this host, a foreign hwloc XML or a synthetic string; nothing here can bind to it.
//! Only `host::Machine`, which live probing alone makes, can.

use crate::set::{CpuSet, HIGHEST_INDEX, NodeSet};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// One machine. What is read from a file is checked: others index by what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Topology {
    /// Where it came from.
    pub source: TopologySource,
    /// Processor model as the firmware prints it; `None` where the source does not say.
    pub cpu_model: Option<String>,
    /// Packages (sockets), in order of their lowest PU. May be empty: some dumps name none.
    pub packages: Vec<Group>,
    /// Dies, where the machine tells them from packages.
    pub dies: Vec<Group>,
    /// Last-level caches. Empty where unknown.
    pub llcs: Vec<Cache>,
    /// Cores, in order of their lowest PU. Never empty: where the source names none, each PU is one.
    pub cores: Vec<Group>,
    /// Online PUs, ascending by OS index.
    pub pus: Vec<Pu>,
    /// Nodes, ascending by OS index, those without memory or without PUs included.
    pub nodes: Vec<Node>,
    /// The firmware's distances (SLIT); `None` where it gives none.
    pub distances: Option<Distances>,
    /// PUs that this process may use: cpuset and inherited affinity. On a foreign machine, all that it allowed.
    pub allowed_pus: CpuSet,
    /// Nodes whose memory this process may use.
    pub allowed_nodes: NodeSet,
    /// PUs that exist and are offline.
    pub offline_pus: CpuSet,
}

/// Where a [`Topology`] came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopologySource {
    /// The machine this process runs on.
    Host,
    /// A file that hwloc wrote, by its path.
    Xml(String),
    /// hwloc's synthetic description.
    Synthetic(String),
}

/// A package, die or core: an OS index (or, where the firmware has none, its ordinal) and its PUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// OS index, unique among groups of one kind only on most machines (core ids repeat per package).
    pub os_index: u32,
    /// Online PUs of it.
    pub pus: CpuSet,
}

/// A last-level cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// 3 on most machines.
    pub level: u32,
    /// Size in bytes; `None` where unknown.
    pub bytes: Option<u64>,
    /// Online PUs that share it.
    pub pus: CpuSet,
}

/// One hardware thread that is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pu {
    /// OS index.
    pub os_index: u32,
    /// Index into [`Topology::cores`].
    pub core: u32,
    /// Index into [`Topology::llcs`].
    pub llc: Option<u32>,
    /// Index into [`Topology::packages`].
    pub package: Option<u32>,
    /// OS index of the node this PU belongs to: the first of kind DRAM, with memory, that lists it; else the first that
    /// lists it (a node without memory still has PUs). `None` on a machine without nodes.
    pub node: Option<u32>,
    /// 0 for the first PU of its core, 1 for its sibling, …
    pub smt_rank: u32,
}

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// OS index.
    pub os_index: u32,
    /// What its memory is.
    pub kind: NodeKind,
    /// Online PUs that the kernel counts to this node (not hwloc's locality, which lends PUs to nodes that have none).
    pub pus: CpuSet,
    /// Size of its memory in bytes; 0 for a node without memory, `None` where the source does not say.
    pub memory_bytes: Option<u64>,
    /// `MemFree` when probed; `None` on foreign machines.
    pub free_bytes: Option<u64>,
    /// `Inactive(file)` + `SReclaimable` when probed: page cache that gives way to an allocation.
    pub reclaimable_bytes: Option<u64>,
    /// What of `free_bytes` the kernel keeps for itself (watermarks of /proc/zoneinfo); `None` where not probed.
    #[serde(default)]
    pub reserved_bytes: Option<u64>,
    /// Index into [`Topology::packages`] of the package it is attached to.
    pub package: Option<u32>,
}

/// What a node's memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Ordinary memory.
    Dram,
    /// High-bandwidth memory (MCDRAM, HBM).
    Hbm,
    /// Memory on CXL or persistent memory used as memory.
    Cxl,
    /// Memory of an accelerator.
    Gpu,
}

/// The firmware's distances between nodes (SLIT): 10 is local. Not latencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distances {
    /// OS indexes of rows and columns.
    pub nodes: Vec<u32>,
    /// Shape `[nodes][nodes]`, from row to column; may be asymmetric.
    pub values: Vec<Vec<u32>>,
}

impl Serialize for Topology {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Topology::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Topology {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Topology, D::Error> {
        let topology = Topology::deserialize(deserializer)?;
        topology.check().map_err(D::Error::custom)?;
        Ok(topology)
    }
}

impl Topology {
    /// The machine without what changes by itself, its memory's size and what of it is free, and without where it was
    /// read from. Of a size stays whether it is 0: a hypervisor's balloon and each boot make it another.
    pub fn lasting(&self) -> Topology {
        let mut lasting = Topology { source: TopologySource::Host, ..self.clone() };
        for node in &mut lasting.nodes {
            node.memory_bytes = node.memory_bytes.map(|bytes| bytes.min(1));
            node.free_bytes = None;
            node.reclaimable_bytes = None;
            node.reserved_bytes = None;
        }
        lasting
    }

    /// Whether it fits together, so that others may index by what it says.
    ///
    /// # Errors
    /// What does not, one line.
    pub fn check(&self) -> Result<(), String> {
        let ascending = |indexes: Vec<u32>| indexes.is_sorted_by(|a, b| a < b);
        let indexes = self.pus.iter().map(|pu| pu.os_index).chain(self.nodes.iter().map(|node| node.os_index));
        // First of all: a set with one member of four thousand millions has half a GiB.
        if let Some(highest) = indexes.max().filter(|&highest| highest > HIGHEST_INDEX) {
            return Err(format!("index {highest} is above the highest index {HIGHEST_INDEX}"));
        }
        let (pus, nodes) = (self.pu_set(), self.node_set());
        if self.pus.is_empty() || !ascending(self.pus.iter().map(|pu| pu.os_index).collect()) {
            return Err("pus: at least one, by ascending os_index, each once".into());
        }
        if !ascending(self.nodes.iter().map(|node| node.os_index).collect()) {
            return Err("nodes: by ascending os_index, each once".into());
        }
        if !(self.nodes.is_empty() || self.nodes.iter().any(Node::has_memory)) {
            return Err("nodes: none has memory; a machine that runs has some".into());
        }
        for pu in &self.pus {
            let of_core = self.cores.get(pu.core as usize).is_some_and(|core| core.pus.contains(pu.os_index));
            let known = |at: Option<u32>, count: usize| at.is_none_or(|at| (at as usize) < count);
            let of_node = pu.node.is_none_or(|node| nodes.contains(node));
            if !(of_core && of_node && known(pu.llc, self.llcs.len()) && known(pu.package, self.packages.len())) {
                return Err(format!(
                    "PU {pu}: its core, LLC, package or node is not that of this machine",
                    pu = pu.os_index
                ));
            }
        }
        let package_known = |node: &Node| node.package.is_none_or(|at| (at as usize) < self.packages.len());
        let listed = self.nodes.iter().all(|node| node.pus.is_subset(&pus) && package_known(node));
        if !(listed && self.allowed_pus.is_subset(&pus) && self.allowed_nodes.is_subset(&nodes)) {
            return Err(
                "a node names a PU or package, or what is allowed a PU or node, that this machine does not have".into(),
            );
        }
        let square = |distances: &Distances| {
            let n = distances.nodes.len();
            distances.values.len() == n && distances.values.iter().all(|row| row.len() == n)
        };
        match self.distances.as_ref().is_none_or(square) {
            true => Ok(()),
            false => Err("distances: as many rows and columns as nodes".into()),
        }
    }

    /// The node with this OS index.
    pub fn node(&self, os_index: u32) -> Option<&Node> {
        self.nodes.iter().find(|node| node.os_index == os_index)
    }

    /// The PU with this OS index.
    pub fn pu(&self, os_index: u32) -> Option<&Pu> {
        self.pus.binary_search_by_key(&os_index, |pu| pu.os_index).ok().map(|at| &self.pus[at])
    }

    /// OS indexes of all nodes.
    pub fn node_set(&self) -> NodeSet {
        self.nodes.iter().map(|node| node.os_index).collect()
    }

    /// OS indexes of all online PUs.
    pub fn pu_set(&self) -> CpuSet {
        self.pus.iter().map(|pu| pu.os_index).collect()
    }

    /// Nodes that are used unless others are named: DRAM, with memory, with PUs, both allowed.
    pub fn default_nodes(&self) -> NodeSet {
        let usable = |node: &&Node| {
            node.kind == NodeKind::Dram
                && node.has_memory()
                && node.pus.intersects(&self.allowed_pus)
                && self.allowed_nodes.contains(node.os_index)
        };
        self.nodes.iter().filter(usable).map(|node| node.os_index).collect()
    }

    /// Cores that these PUs belong to, by their index in [`Topology::cores`].
    pub fn cores_of(&self, pus: &CpuSet) -> BTreeSet<u32> {
        pus.iter().filter_map(|pu| self.pu(pu)).map(|pu| pu.core).collect()
    }

    /// How many cores of a node this process may use; 0 of a node that there is not.
    pub fn cores_of_node(&self, os_index: u32) -> u32 {
        let pus = self.node(os_index).map(|node| node.pus.intersection(&self.allowed_pus));
        pus.map_or(0, |pus| self.cores_of(&pus).len() as u32)
    }

    /// Distance from one node to another; `None` where the firmware gives none.
    pub fn distance(&self, from: u32, to: u32) -> Option<u32> {
        let distances = self.distances.as_ref()?;
        let at = |os_index| distances.nodes.iter().position(|&node| node == os_index);
        Some(distances.values[at(from)?][at(to)?])
    }

    /// Bytes of the largest last-level cache; `None` where no size is known.
    pub fn llc_bytes(&self) -> Option<u64> {
        self.llcs.iter().filter_map(|llc| llc.bytes).max()
    }
}

impl Node {
    /// Whether it has memory; a source that does not say is believed to have some.
    pub fn has_memory(&self) -> bool {
        self.memory_bytes != Some(0)
    }

    /// Bytes that a bind can count on: free, less the kernel's own, plus what the page cache gives back; `None` where not
    /// probed.
    ///
    /// Source: Linux, mm/page_alloc.c, si_mem_available() in spirit; MemFree alone is near 0 on every busy server.
    pub fn available_bytes(&self) -> Option<u64> {
        let free = self.free_bytes?.saturating_sub(self.reserved_bytes.unwrap_or(0));
        Some(free.saturating_add(self.reclaimable_bytes?))
    }
}

/// What this host grants beyond its shape: what a plan must know and a foreign topology cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// `/proc/sys/kernel/numa_balancing` is not 0 and there are two nodes or more.
    pub numa_balancing: bool,
    /// Memory policies that the kernel accepts from us, by name; probed by call.
    pub policies: Vec<String>,
    /// Why memory policies are refused ("mbind: EPERM: …"); `None` when they are not.
    pub policies_refused: Option<String>,
    /// Sizes in bytes of huge pages (hugetlb) the kernel knows, with the number free on each node `(node, free pages)`.
    pub huge_pages: Vec<(u64, Vec<(u32, u64)>)>,
    /// Whether `MADV_HUGEPAGE` can have an effect.
    pub thp: bool,
    /// The affinity this process started with, where it is narrower than the online PUs.
    pub inherited_cpus: Option<CpuSet>,
    /// The memory policy this process started with, where it is not the default, as `bind:0`.
    pub inherited_policy: Option<String>,
    /// Programs of other runtimes, by the subject they are; one that is not named was not looked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, RuntimeProgram>,
}

/// What is known of the program that is a subject in a runtime of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeProgram {
    /// It is there.
    Found {
        /// Of its runtime, as it says: go1.27.3.
        version: String,
        /// SHA-256 of its file, hex.
        sha256: String,
    },
    /// It is a library that this program was built with.
    BuiltIn {
        /// Its version.
        version: String,
    },
    /// It is not, or cannot be used: why, and how to get it.
    Absent(String),
}

impl Conditions {
    /// What a foreign or modelled machine is taken to grant: everything, nothing inherited, no balancing.
    pub fn ideal() -> Conditions {
        let policies =
            ["first-touch", "local", "bind", "preferred", "preferred-many", "interleave", "weighted-interleave"];
        Conditions {
            numa_balancing: false,
            policies: policies.map(String::from).to_vec(),
            policies_refused: None,
            huge_pages: Vec::new(),
            thp: true,
            inherited_cpus: None,
            inherited_policy: None,
            programs: BTreeMap::new(),
        }
    }
}
