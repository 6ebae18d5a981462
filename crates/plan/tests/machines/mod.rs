//! Synthetic machines as plain data, named by shape: `2n8c2t` is two nodes of eight cores of two PUs.

#![allow(dead_code, reason = "each test uses some of them")]

use plan::set::{CpuSet, NodeSet};
use plan::topology::{Cache, Distances, Group, Node, NodeKind, Pu, Topology, TopologySource};

/// Memory of a node and bytes of a last-level cache, those of a middling server.
const NODE_BYTES: u64 = 64 << 30;
const LLC_BYTES: u64 = 32 << 20;

/// Two LLCs a node where its cores are even in number, one package a node; siblings numbered after all first PUs, as
/// Linux does on Intel and AMD.
pub(crate) fn machine(nodes: u32, cores_per_node: u32, smt: u32) -> Topology {
    let cores = nodes * cores_per_node;
    let llcs_per_node = if cores_per_node.is_multiple_of(2) && cores_per_node >= 4 { 2 } else { 1 };
    let cores_per_llc = cores_per_node / llcs_per_node;
    let core_of = |pu: u32| pu % cores;
    let pus_where =
        |holds: &dyn Fn(u32) -> bool| -> CpuSet { (0..cores * smt).filter(|&pu| holds(core_of(pu))).collect() };
    let groups = |count: u32, size: u32| -> Vec<Group> {
        (0..count).map(|at| Group { os_index: at, pus: pus_where(&|core| core / size == at) }).collect()
    };
    let pu = |os_index: u32| Pu {
        os_index,
        core: core_of(os_index),
        llc: Some(core_of(os_index) / cores_per_llc),
        package: Some(core_of(os_index) / cores_per_node),
        node: Some(core_of(os_index) / cores_per_node),
        smt_rank: os_index / cores,
    };
    let node = |os_index: u32| Node {
        os_index,
        kind: NodeKind::Dram,
        pus: pus_where(&|core| core / cores_per_node == os_index),
        memory_bytes: Some(NODE_BYTES),
        free_bytes: None,
        reclaimable_bytes: None,
        reserved_bytes: None,
        package: Some(os_index),
    };
    let llcs = groups(nodes * llcs_per_node, cores_per_llc);
    let distance = |from: u32, to: u32| if from == to { 10 } else { 21 };
    Topology {
        source: TopologySource::Synthetic(format!("{nodes}n{cores_per_node}c{smt}t")),
        cpu_model: None,
        packages: groups(nodes, cores_per_node),
        dies: Vec::new(),
        llcs: llcs.into_iter().map(|llc| Cache { level: 3, bytes: Some(LLC_BYTES), pus: llc.pus }).collect(),
        cores: groups(cores, 1),
        pus: (0..cores * smt).map(pu).collect(),
        nodes: (0..nodes).map(node).collect(),
        distances: Some(Distances {
            nodes: (0..nodes).collect(),
            values: (0..nodes).map(|from| (0..nodes).map(|to| distance(from, to)).collect()).collect(),
        }),
        allowed_pus: (0..cores * smt).collect(),
        allowed_nodes: (0..nodes).collect(),
        offline_pus: CpuSet::new(),
    }
}

/// The same with fewer PUs and nodes allowed, as in a container.
pub(crate) fn within(mut topology: Topology, pus: &str, nodes: &str) -> Topology {
    topology.allowed_pus = pus.parse().expect("a list");
    topology.allowed_nodes = nodes.parse().expect("a list");
    topology
}

/// The same with node `n` numbered `n * step + first`, as on POWER.
pub(crate) fn sparse(mut topology: Topology, first: u32, step: u32) -> Topology {
    let renumber = |node: u32| node * step + first;
    topology.nodes.iter_mut().for_each(|node| node.os_index = renumber(node.os_index));
    topology.pus.iter_mut().for_each(|pu| pu.node = pu.node.map(renumber));
    topology.allowed_nodes = topology.allowed_nodes.iter().map(renumber).collect();
    if let Some(distances) = &mut topology.distances {
        distances.nodes = distances.nodes.iter().copied().map(renumber).collect();
    }
    topology
}

/// The same with node `node` having PUs and no memory.
pub(crate) fn without_memory(mut topology: Topology, node: u32) -> Topology {
    topology.nodes[node as usize].memory_bytes = Some(0);
    topology
}

/// The same with one more node, of memory on CXL, without PUs.
pub(crate) fn with_cxl(mut topology: Topology) -> Topology {
    let os_index = topology.nodes.len() as u32;
    topology.nodes.push(Node {
        os_index,
        kind: NodeKind::Cxl,
        pus: CpuSet::new(),
        memory_bytes: Some(128 << 30),
        free_bytes: None,
        reclaimable_bytes: None,
        reserved_bytes: None,
        package: None,
    });
    topology.allowed_nodes = (0..=os_index).collect::<NodeSet>();
    topology.distances = None;
    topology
}

/// The same with all packages', LLCs' and nodes' memory unknown: what a poor dump tells.
pub(crate) fn bare(mut topology: Topology) -> Topology {
    topology.packages.clear();
    topology.llcs.clear();
    topology.distances = None;
    for pu in &mut topology.pus {
        (pu.llc, pu.package) = (None, None);
    }
    for node in &mut topology.nodes {
        (node.memory_bytes, node.package) = (None, None);
    }
    topology
}

/// The same with so much memory on every node, of which so much is free.
pub(crate) fn with_memory(mut topology: Topology, memory_bytes: u64, free_bytes: u64) -> Topology {
    for node in &mut topology.nodes {
        node.memory_bytes = Some(memory_bytes);
        node.free_bytes = Some(free_bytes);
        node.reclaimable_bytes = Some(0);
    }
    topology
}
