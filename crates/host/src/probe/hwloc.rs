//! hwloc's tree as plain data, by OS indexes.

use hwlocality::object::TopologyObject;
use hwlocality::object::attributes::ObjectAttributes;
use hwlocality::object::types::ObjectType;
use plan::set::{CpuSet, HIGHEST_INDEX, NodeSet};
use plan::topology::{Cache, Distances, Group, Node, NodeKind, Pu, Topology, TopologySource};
use std::collections::HashMap;

/// Reads a loaded topology. Which node a PU belongs to is decided here for a foreign machine: hwloc gives a node without
/// PUs the PUs of its neighbourhood, so of nodes that share PUs the one with the smallest set has them, DRAM before
/// other kinds, then the lowest index; nodes that are left with none have none.
pub(super) fn read(hwloc: &hwlocality::Topology, source: TopologySource) -> Topology {
    let packages = groups(hwloc, ObjectType::Package);
    let llcs = last_level_caches(hwloc);
    let online: CpuSet = os_indexes(hwloc, ObjectType::PU).collect();
    let cores = cores(hwloc, &online);
    let nodes = nodes(hwloc, &packages);
    let allowed_pus = online.iter().filter(|&pu| hwloc.allowed_cpuset().is_set(pu as usize)).collect();
    let allowed_nodes: NodeSet =
        nodes.iter().map(|node| node.os_index).filter(|&node| hwloc.allowed_nodeset().is_set(node as usize)).collect();
    // An unbounded set means "whatever there may be", not PUs that are offline.
    let known = hwloc.complete_cpuset();
    let offline_pus = match known.weight() {
        Some(_) => pus_of(&known).difference(&online),
        None => CpuSet::new(),
    };
    Topology {
        cpu_model: cpu_model(hwloc),
        pus: pus(&online, &cores, &llcs, &packages, &nodes),
        dies: groups(hwloc, ObjectType::Die),
        distances: distances(hwloc, &nodes),
        source,
        packages,
        llcs,
        cores,
        nodes,
        allowed_pus,
        allowed_nodes,
        offline_pus,
    }
}

/// Gives each PU its node again after nodes were changed.
pub(super) fn assign_nodes(pus: &mut [Pu], nodes: &[Node]) {
    let node_of = node_of_pus(nodes);
    for pu in pus {
        pu.node = node_of.get(&pu.os_index).copied();
    }
}

fn pus(online: &CpuSet, cores: &[Group], llcs: &[Cache], packages: &[Group], nodes: &[Node]) -> Vec<Pu> {
    let core_of = members(cores.iter().map(|core| &core.pus));
    let llc_of = members(llcs.iter().map(|llc| &llc.pus));
    let package_of = members(packages.iter().map(|package| &package.pus));
    let node_of = node_of_pus(nodes);
    let mut seen_in_core = vec![0; cores.len()];
    let pu = |os_index| {
        let core = core_of[&os_index];
        let seen = &mut seen_in_core[core as usize];
        *seen += 1;
        Pu {
            os_index,
            core,
            llc: llc_of.get(&os_index).copied(),
            package: package_of.get(&os_index).copied(),
            node: node_of.get(&os_index).copied(),
            smt_rank: *seen - 1,
        }
    };
    online.iter().map(pu).collect()
}

/// PU -> index of the first set that holds it.
fn members<'set>(sets: impl Iterator<Item = &'set CpuSet>) -> HashMap<u32, u32> {
    let mut index_of = HashMap::new();
    for (set, index) in sets.zip(0..) {
        for pu in set.iter() {
            index_of.entry(pu).or_insert(index);
        }
    }
    index_of
}

/// PU -> node: the first DRAM node with memory that lists it, else the first that lists it.
fn node_of_pus(nodes: &[Node]) -> HashMap<u32, u32> {
    let mut node_of = HashMap::new();
    let usable = |node: &&Node| node.kind == NodeKind::Dram && node.has_memory();
    for node in nodes.iter().filter(usable).chain(nodes) {
        for pu in node.pus.iter() {
            node_of.entry(pu).or_insert(node.os_index);
        }
    }
    node_of
}

fn cores(hwloc: &hwlocality::Topology, online: &CpuSet) -> Vec<Group> {
    let mut cores = groups(hwloc, ObjectType::Core);
    let mut named = CpuSet::new();
    for core in &cores {
        named = named.union(&core.pus);
    }
    let single = |pu| Group { os_index: pu, pus: CpuSet::of(pu) };
    cores.extend(online.difference(&named).iter().map(single));
    cores.sort_by_key(|core| core.pus.first());
    cores
}

/// Objects of one type that hold PUs, by their lowest PU.
fn groups(hwloc: &hwlocality::Topology, kind: ObjectType) -> Vec<Group> {
    let group = |(object, ordinal): (&TopologyObject, u32)| {
        let pus = cpuset(object);
        let os_index = object.os_index().map_or(ordinal, |index| index as u32);
        (!pus.is_empty()).then_some(Group { os_index, pus })
    };
    let mut groups: Vec<Group> = hwloc.objects_with_type(kind).zip(0..).filter_map(group).collect();
    groups.sort_by_key(|group| group.pus.first());
    groups
}

/// Outermost first; a PU belongs to the outermost cache above level 1 that holds it.
fn last_level_caches(hwloc: &hwlocality::Topology) -> Vec<Cache> {
    let kinds = [ObjectType::L5Cache, ObjectType::L4Cache, ObjectType::L3Cache, ObjectType::L2Cache];
    let mut caches = Vec::new();
    let mut covered = CpuSet::new();
    for (kind, level) in kinds.into_iter().zip([5, 4, 3, 2]) {
        for object in hwloc.objects_with_type(kind) {
            let pus = cpuset(object).difference(&covered);
            if pus.is_empty() {
                continue;
            }
            covered = covered.union(&pus);
            let bytes = match object.attributes() {
                Some(ObjectAttributes::Cache(cache)) => cache.size().map(u64::from),
                _ => None,
            };
            caches.push(Cache { level, bytes, pus });
        }
    }
    caches.sort_by_key(|cache| cache.pus.first());
    caches
}

fn nodes(hwloc: &hwlocality::Topology, packages: &[Group]) -> Vec<Node> {
    let mut nodes: Vec<Node> =
        hwloc.objects_with_type(ObjectType::NUMANode).filter_map(|object| node(object, packages)).collect();
    // hwloc gives no size both for a node without memory and where it knows none: then all are without.
    if nodes.iter().all(|node| node.memory_bytes == Some(0)) {
        nodes.iter_mut().for_each(|node| node.memory_bytes = None);
    }
    nodes.sort_by_key(|node| (node.kind != NodeKind::Dram, node.pus.len(), node.os_index));
    let mut taken = CpuSet::new();
    for node in &mut nodes {
        node.pus = node.pus.difference(&taken);
        taken = taken.union(&node.pus);
    }
    nodes.sort_by_key(|node| node.os_index);
    nodes
}

fn node(object: &TopologyObject, packages: &[Group]) -> Option<Node> {
    let pus = cpuset(object);
    let memory_bytes = match object.attributes() {
        Some(ObjectAttributes::NUMANode(node)) => node.local_memory().map_or(0, u64::from),
        _ => 0,
    };
    let package = match object.first_ancestor_with_type(ObjectType::Package) {
        Some(package) => {
            let package_pus = cpuset(package);
            packages.iter().position(|group| group.pus == package_pus)
        }
        // A node may span packages, or be attached to the machine: then it has none.
        None => packages.iter().position(|group| !pus.is_empty() && pus.is_subset(&group.pus)),
    };
    Some(Node {
        os_index: object.os_index()? as u32,
        kind: kind(object),
        pus,
        memory_bytes: Some(memory_bytes),
        free_bytes: None,
        reclaimable_bytes: None,
        reserved_bytes: None,
        package: package.map(|index| index as u32),
    })
}

/// By the subtype and DAX infos that hwloc finds (hwloc(7), "Memory tiers and subtypes"). Without a sign it is DRAM.
fn kind(object: &TopologyObject) -> NodeKind {
    let info = |key: &str| object.info(key).map(|text| text.to_string_lossy().to_uppercase()).unwrap_or_default();
    let subtype = object.subtype().map(|text| text.to_string_lossy().to_uppercase()).unwrap_or_default();
    let signs = format!("{subtype} {dax} {parent}", dax = info("DAXType"), parent = info("DAXParent"));
    let is_any = |words: &[&str]| words.iter().any(|word| signs.contains(word));
    // CXL first: hwloc 2.10 says "CXL-DRAM", and memory for a special purpose (SPM) may hang on CXL.
    if is_any(&["CXL", "NVM", "PMEM"]) {
        NodeKind::Cxl
    } else if is_any(&["GPU"]) {
        NodeKind::Gpu
    } else if is_any(&["MCDRAM", "HBM", "SPM"]) {
        NodeKind::Hbm
    } else {
        NodeKind::Dram
    }
}

/// The matrix that firmware gave, by hwloc's name for it; matrices of benchmarks are not distances.
fn distances(hwloc: &hwlocality::Topology, nodes: &[Node]) -> Option<Distances> {
    let found = hwloc.distances_with_name("NUMALatency").ok()?;
    let matrix = found.iter().find(|matrix| matrix.num_objects() > 0)?;
    let rows: Vec<Option<u32>> =
        matrix.objects().map(|object| object.and_then(TopologyObject::os_index).map(|index| index as u32)).collect();
    let known: Vec<usize> =
        (0..rows.len()).filter(|&at| nodes.iter().any(|node| Some(node.os_index) == rows[at])).collect();
    let value = |from: usize, to: usize| matrix.distances()[from * rows.len() + to] as u32;
    (!known.is_empty()).then(|| Distances {
        nodes: known.iter().filter_map(|&at| rows[at]).collect(),
        values: known.iter().map(|&from| known.iter().map(|&to| value(from, to)).collect()).collect(),
    })
}

fn cpu_model(hwloc: &hwlocality::Topology) -> Option<String> {
    let package = hwloc.objects_with_type(ObjectType::Package).next();
    let model = package.into_iter().chain([hwloc.root_object()]).find_map(|object| object.info("CPUModel"))?;
    let model = model.to_string_lossy().trim().to_owned();
    (!model.is_empty()).then_some(model)
}

fn os_indexes(hwloc: &hwlocality::Topology, kind: ObjectType) -> impl Iterator<Item = u32> + '_ {
    hwloc.objects_with_type(kind).filter_map(|object| object.os_index()).map(|index| index as u32)
}

fn cpuset(object: &TopologyObject) -> CpuSet {
    object.cpuset().map(|set| pus_of(&set)).unwrap_or_default()
}

/// Members up to one more than there can be, which [`Topology::check`] refuses: an unbounded set would fill the memory.
fn pus_of(set: &hwlocality::cpu::cpuset::CpuSet) -> CpuSet {
    let most = HIGHEST_INDEX as usize + 1;
    let bounded = set & hwlocality::cpu::cpuset::CpuSet::from_range(0..=most);
    bounded.iter_set().map(|pu| usize::from(pu) as u32).collect()
}
