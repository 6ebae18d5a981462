//! What the kernel itself says about nodes, PUs and distances, under /sys/devices/system.

use super::hwloc::assign_nodes;
use crate::{HostError, Root, memory};
use plan::set::{CpuSet, NodeSet};
use plan::topology::{Distances, Node, NodeKind, Topology};

const NODES: &str = "sys/devices/system/node";

/// Memory tier of ordinary memory; a higher one is slower, a lower one faster (Linux, include/linux/memory-tiers.h:
/// MEMTIER_ADISTANCE_DRAM >> MEMTIER_CHUNK_BITS).
const DRAM_TIER: u32 = 4;

/// Puts the kernel's nodes, PUs and distances in place of hwloc's, and returns where the two disagree.
///
/// Without /sys (a chroot) hwloc's stay, and a line says so. A kernel without NUMA has no node folder: then the one node
/// that hwloc makes up stays, with the machine's memory.
///
/// # Errors
/// `NodesHidden`.
pub(super) fn overlay(root: &Root, topology: &mut Topology) -> Result<Vec<String>, HostError> {
    let mut lines = Vec::new();
    if let Some(online) = root.cpus("sys/devices/system/cpu/online") {
        compare_pus(&online, &topology.pu_set(), &mut lines);
        let present = root.cpus("sys/devices/system/cpu/present").unwrap_or_default();
        topology.offline_pus = present.difference(&online);
        compare_groups(root, topology, &mut lines);
    } else {
        lines.push(
            "/sys/devices/system/cpu cannot be read: PUs and caches are what the processor tells of itself".into(),
        );
    }
    if let Some(list) = root.nodes(format!("{NODES}/online")) {
        let nodes = nodes(root, &list, topology);
        compare_nodes(&nodes, &topology.nodes, &mut lines);
        topology.nodes = nodes;
        if let Some(distances) = distances(root, &list) {
            compare_distances(&distances, topology.distances.as_ref(), &mut lines);
            topology.distances = Some(distances);
        } else if topology.distances.is_none() {
            lines.push("/sys/devices/system/node/node*/distance cannot be read: distances are unknown".into());
        }
    } else {
        fill_free(root, topology);
        lines.push(one_node(root)?);
    }
    assign_nodes(&mut topology.pus, &topology.nodes);
    Ok(lines)
}

/// What is said where /sys has no nodes: that there is one, if the kernel's memory zones are all of one.
fn one_node(root: &Root) -> Result<String, HostError> {
    let missing = match root.has("sys/devices/system/cpu") {
        true => format!("/{NODES} is missing (kernel without NUMA)"),
        false => format!("/{NODES} cannot be read"),
    };
    let zones = memory::nodes_with_zones(root);
    match zones.len() {
        0 => Ok(format!("{missing}, nor can /proc/zoneinfo: nodes and distances are unknown, one node is assumed")),
        1 => Ok(format!("{missing}: one node, as /proc/zoneinfo shows it")),
        _ => Err(HostError::NodesHidden { missing, zones }),
    }
}

/// Refuses a folder of nodes that has none, on which hwloc aborts the process.
///
/// # Errors
/// `NoNodes`.
pub(super) fn refuse_empty(root: &Root) -> Result<(), HostError> {
    match root.has(NODES) && !root.has(format!("{NODES}/online")) {
        true => Err(HostError::NoNodes),
        false => Ok(()),
    }
}

/// Whether /sys tells packages and caches, the third level among them, by the first PU that is online.
pub(super) fn tells_caches(root: &Root) -> bool {
    let first = root.cpus("sys/devices/system/cpu/online").and_then(|online| online.first());
    let has = |file: &str| first.is_some_and(|pu| root.has(format!("sys/devices/system/cpu/cpu{pu}/{file}")));
    has("topology/physical_package_id") && has("cache/index3/shared_cpu_map")
}

fn nodes(root: &Root, list: &NodeSet, topology: &Topology) -> Vec<Node> {
    let online = topology.pu_set();
    let with_memory = root.nodes(format!("{NODES}/has_memory")).unwrap_or_else(|| list.clone());
    let (zoneinfo, tiers) = (memory::zoneinfo(root), tiers(root));
    let node = |os_index| {
        let shown = topology.node(os_index);
        let pus = root.cpus(format!("{NODES}/node{os_index}/cpulist")).unwrap_or_default().intersection(&online);
        let memory = memory::node_memory_by(root, os_index, &zoneinfo);
        let package = shown.and_then(|node| node.package).or_else(|| package_of(topology, &pus));
        Node {
            os_index,
            kind: kind(&tiers, os_index, shown.map_or(NodeKind::Dram, |node| node.kind)),
            memory_bytes: match with_memory.contains(os_index) {
                true => memory.map(|memory| memory.total_bytes),
                false => Some(0),
            },
            free_bytes: memory.map(|memory| memory.free_bytes),
            reclaimable_bytes: memory.map(|memory| memory.reclaimable_bytes),
            reserved_bytes: memory.map(|memory| memory.reserved_bytes),
            package,
            pus,
        }
    };
    list.iter().map(node).collect()
}

fn package_of(topology: &Topology, pus: &CpuSet) -> Option<u32> {
    let holds = |pus: &CpuSet| topology.packages.iter().position(|package| pus.is_subset(&package.pus));
    holds(pus).filter(|_| !pus.is_empty()).map(|index| index as u32)
}

/// The kernel's memory tiers, each with its nodes.
fn tiers(root: &Root) -> Vec<(u32, NodeSet)> {
    const TIERS: &str = "sys/devices/virtual/memory_tiering";
    let tier = |name: &String| {
        let tier = name.strip_prefix("memory_tier")?.parse().ok()?;
        Some((tier, root.nodes(format!("{TIERS}/{name}/nodelist"))?))
    };
    root.names(TIERS).iter().filter_map(tier).collect()
}

/// What hwloc found, or where it found nothing special, what the kernel's memory tiers say.
fn kind(tiers: &[(u32, NodeSet)], node: u32, shown: NodeKind) -> NodeKind {
    match (shown, tiers.iter().find(|(_, nodes)| nodes.contains(node))) {
        (NodeKind::Dram, Some(&(tier, _))) if tier > DRAM_TIER => NodeKind::Cxl,
        (NodeKind::Dram, Some(&(tier, _))) if tier < DRAM_TIER => NodeKind::Hbm,
        _ => shown,
    }
}

fn fill_free(root: &Root, topology: &mut Topology) {
    let memory = memory::node_memory(root, 0);
    if let ([node], Some(memory)) = (topology.nodes.as_mut_slice(), memory) {
        node.memory_bytes = Some(memory.total_bytes);
        node.free_bytes = Some(memory.free_bytes);
        node.reclaimable_bytes = Some(memory.reclaimable_bytes);
        node.reserved_bytes = Some(memory.reserved_bytes);
    }
}

fn distances(root: &Root, list: &NodeSet) -> Option<Distances> {
    let row = |node: u32| -> Option<Vec<u32>> {
        let text = root.text(format!("{NODES}/node{node}/distance"))?;
        let row: Vec<u32> = text.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        (row.len() == list.len()).then_some(row)
    };
    let values = list.iter().map(row).collect::<Option<Vec<_>>>()?;
    Some(Distances { nodes: list.iter().collect(), values })
}

fn compare_pus(online: &CpuSet, shown: &CpuSet, lines: &mut Vec<String>) {
    if online != shown {
        lines.push(format!("PUs online: /sys says {online}, hwloc {shown}"));
    }
}

/// Packages and cores: hwloc leaves out, without a word, what it could not read.
fn compare_groups(root: &Root, topology: &Topology, lines: &mut Vec<String>) {
    let (online, mut packages, mut cores) = (topology.pu_set(), CpuSet::new(), CpuSet::new());
    for pu in &topology.pus {
        let file = |name| format!("sys/devices/system/cpu/cpu{pu}/topology/{name}", pu = pu.os_index);
        let package = pu.package.map(|at| u64::from(topology.packages[at as usize].os_index));
        if root.number(file("physical_package_id")).is_some_and(|told| package != Some(told)) {
            packages.insert(pu.os_index);
        }
        let siblings = root.cpus(file("thread_siblings_list")).map(|list| list.intersection(&online));
        if siblings.is_some_and(|told| told != topology.cores[pu.core as usize].pus) {
            cores.insert(pu.os_index);
        }
    }
    for (what, pus) in [("package", packages), ("core", cores)] {
        if !pus.is_empty() {
            lines.push(format!("{what} of PUs {pus}: /sys gives them another than hwloc, or hwloc none"));
        }
    }
}

fn compare_nodes(kernel: &[Node], hwloc: &[Node], lines: &mut Vec<String>) {
    for node in kernel {
        let number = node.os_index;
        let Some(shown) = hwloc.iter().find(|shown| shown.os_index == number) else {
            let why = if node.has_memory() { "" } else { " (it has no memory)" };
            lines.push(format!("node {number}: /sys lists it, hwloc does not{why}"));
            continue;
        };
        if shown.pus != node.pus {
            let list = |pus: &CpuSet| if pus.is_empty() { "none".into() } else { pus.to_string() };
            lines.push(format!("node {number}: /sys gives it PUs {}, hwloc {}", list(&node.pus), list(&shown.pus)));
        }
        // Memory that is plugged or given to huge pages between the two readings is no disagreement.
        let (a, b) = (node.memory_bytes.unwrap_or(0), shown.memory_bytes.unwrap_or(0));
        if a.abs_diff(b) > a.max(b) / 20 {
            lines.push(format!("node {number}: /sys gives it {a} bytes of memory, hwloc {b}"));
        }
    }
    for shown in hwloc.iter().filter(|shown| kernel.iter().all(|node| node.os_index != shown.os_index)) {
        lines.push(format!("node {}: hwloc shows it, /sys does not list it", shown.os_index));
    }
}

fn compare_distances(kernel: &Distances, hwloc: Option<&Distances>, lines: &mut Vec<String>) {
    let Some(hwloc) = hwloc else { return };
    for (&from, row) in hwloc.nodes.iter().zip(&hwloc.values) {
        for (&to, &shown) in hwloc.nodes.iter().zip(row) {
            let at = |node| kernel.nodes.iter().position(|&known| known == node);
            let told = at(from).zip(at(to)).map(|(from, to)| kernel.values[from][to]);
            if told.is_some_and(|told| told != shown) {
                let told = told.unwrap_or_default();
                lines.push(format!("distance from node {from} to {to}: /sys says {told}, hwloc {shown}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hwlocality::topology::builder::TopologyBuilder;
    use plan::topology::TopologySource;

    /// Two packages of two PUs in hwloc's eyes, whatever the root says.
    fn two_by_two() -> Topology {
        let builder = TopologyBuilder::new().from_synthetic("pack:2 numa:1 pu:2").expect("a description");
        let hwloc = builder.build().expect("a topology");
        crate::probe::hwloc::read(&hwloc, TopologySource::Host)
    }

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join("sys/devices").join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        let root = Root::at(folder.path());
        (folder, root)
    }

    #[test]
    fn the_kernel_is_believed_about_nodes() {
        // Nodes 0, 2 and 66: 2 has PUs and no memory, 66 memory on a slower tier and no PUs; distances are one-way.
        let (_folder, root) = root(&[
            ("system/cpu/online", "0-3\n"),
            ("system/cpu/present", "0-5\n"),
            ("system/node/online", "0,2,66\n"),
            ("system/node/has_memory", "0,66\n"),
            ("system/node/node0/cpulist", "0-1\n"),
            ("system/node/node2/cpulist", "2-5\n"),
            ("system/node/node66/cpulist", "\n"),
            ("system/node/node0/meminfo", "Node 0 MemTotal: 1048576 kB\nNode 0 MemFree: 1024 kB\n"),
            ("system/node/node2/meminfo", "Node 2 MemTotal: 0 kB\nNode 2 MemFree: 0 kB\n"),
            ("system/node/node66/meminfo", "Node 66 MemTotal: 2048 kB\nNode 66 MemFree: 1024 kB\n"),
            ("system/node/node0/distance", "10 20 40\n"),
            ("system/node/node2/distance", "21 10 40\n"),
            ("system/node/node66/distance", "43 40 10\n"),
            ("virtual/memory_tiering/memory_tier4/nodelist", "0\n"),
            ("virtual/memory_tiering/memory_tier168/nodelist", "66\n"),
        ]);
        let mut topology = two_by_two();
        let lines = overlay(&root, &mut topology).expect("nodes");
        let row = |node: &Node| (node.os_index, node.kind, node.pus.to_string(), node.memory_bytes, node.package);
        let nodes: Vec<_> = topology.nodes.iter().map(row).collect();
        let expect = [
            (0, NodeKind::Dram, "0-1".to_owned(), Some(1 << 30), Some(0)),
            (2, NodeKind::Dram, "2-3".to_owned(), Some(0), Some(1)),
            (66, NodeKind::Cxl, String::new(), Some(2 << 20), None),
        ];
        assert_eq!(nodes, expect);
        assert_eq!(topology.nodes[0].available_bytes(), Some(1 << 20));
        assert_eq!(topology.pus.iter().map(|pu| pu.node).collect::<Vec<_>>(), [Some(0), Some(0), Some(2), Some(2)]);
        assert_eq!(topology.offline_pus.to_string(), "4-5");
        assert_eq!(
            (topology.distance(0, 66), topology.distance(66, 0), topology.distance(0, 1)),
            (Some(40), Some(43), None)
        );
        assert_eq!(
            lines,
            [
                "node 2: /sys lists it, hwloc does not (it has no memory)",
                "node 66: /sys lists it, hwloc does not",
                "node 1: hwloc shows it, /sys does not list it",
            ]
        );
    }

    #[test]
    fn whoever_tells_packages_and_caches_is_known_by_the_first_pu() {
        let check = |files: &[&str], expect| {
            let files: Vec<_> = files.iter().map(|file| (*file, "2-3\n")).collect();
            let (_folder, root) = root(&files);
            assert_eq!(tells_caches(&root), expect, "{files:?}");
        };
        let (package, cache) =
            ("system/cpu/cpu2/topology/physical_package_id", "system/cpu/cpu2/cache/index3/shared_cpu_map");
        check(&["system/cpu/online", package, cache], true);
        check(&["system/cpu/online", package], false);
        check(&["system/cpu/online", cache], false);
        check(&[package, cache], false);
        check(&["system/cpu/online", "system/cpu/cpu0/cache/index3/shared_cpu_map", package], false);
    }

    #[test]
    fn packages_and_cores_that_hwloc_missed_are_disagreements() {
        let check = |files: &[(&str, &str)], expect: &[&str]| {
            let (_folder, root) = root(files);
            let mut lines = overlay(&root, &mut two_by_two()).expect("nodes");
            lines.retain(|line| line.contains(" of PUs "));
            assert_eq!(lines, expect, "{files:?}");
        };
        let online = ("system/cpu/online", "0-3\n");
        check(&[online], &[]);
        let package = |id| ("system/cpu/cpu2/topology/physical_package_id", id);
        check(&[online, package("1\n")], &[]);
        check(&[online, package("-1\n")], &[]);
        check(&[online, package("0\n")], &["package of PUs 2: /sys gives them another than hwloc, or hwloc none"]);
        let siblings = |list| ("system/cpu/cpu1/topology/thread_siblings_list", list);
        check(&[online, siblings("1,9\n")], &[]);
        check(&[online, siblings("0-1\n")], &["core of PUs 1: /sys gives them another than hwloc, or hwloc none"]);
    }

    #[test]
    fn pus_lent_and_pus_missing_are_disagreements() {
        let (_folder, root) = root(&[
            ("system/cpu/online", "0-2\n"),
            ("system/node/online", "0-1\n"),
            ("system/node/node0/cpulist", "0-2\n"),
            ("system/node/node0/distance", "10 20\n"),
            ("system/node/node1/distance", "20 10\n"),
            ("system/node/node1/cpulist", "\n"),
            ("system/node/node0/meminfo", "Node 0 MemTotal: 1048576 kB\nNode 0 MemFree: 1024 kB\n"),
            ("system/node/node1/meminfo", "Node 1 MemTotal: 1048576 kB\nNode 1 MemFree: 1024 kB\n"),
        ]);
        let lines = overlay(&root, &mut two_by_two()).expect("nodes");
        let expect = [
            "PUs online: /sys says 0-2, hwloc 0-3",
            "node 0: /sys gives it PUs 0-2, hwloc 0-1",
            "node 1: /sys gives it PUs none, hwloc 2-3",
        ];
        assert_eq!(lines, expect);
    }

    #[test]
    fn one_pu_of_several_nodes_belongs_to_the_first() {
        // numa=fake lists every PU in every node.
        let meminfo = |node| format!("Node {node} MemTotal: 1048576 kB\nNode {node} MemFree: 1024 kB\n");
        let (_folder, root) = root(&[
            ("system/cpu/online", "0-3\n"),
            ("system/node/online", "0-1\n"),
            ("system/node/node0/cpulist", "0-3\n"),
            ("system/node/node1/cpulist", "0-3\n"),
            ("system/node/node0/meminfo", &meminfo(0)),
            ("system/node/node1/meminfo", &meminfo(1)),
        ]);
        let mut topology = two_by_two();
        overlay(&root, &mut topology).expect("nodes");
        assert!(topology.pus.iter().all(|pu| pu.node == Some(0)));
        assert_eq!(topology.nodes[1].pus.len(), 4);
    }

    #[test]
    fn without_sys_one_line_says_so_for_each() {
        let (_folder, root) = root(&[]);
        let lines = overlay(&root, &mut two_by_two()).expect("nodes");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].ends_with("nodes and distances are unknown, one node is assumed"), "{lines:?}");
    }

    #[test]
    fn without_sys_the_zones_of_memory_tell_how_many_nodes_there_are() {
        let (folder, root) = root(&[]);
        let zones = |text: &str| std::fs::write(folder.path().join("proc/zoneinfo"), text).expect("writes");
        std::fs::create_dir(folder.path().join("proc")).expect("makes a folder");
        zones("Node 0, zone      DMA\n  pages free     3840\nNode 0, zone   Normal\n");
        let lines = overlay(&root, &mut two_by_two()).expect("one node");
        assert!(lines[1].ends_with("cannot be read: one node, as /proc/zoneinfo shows it"), "{lines:?}");
        zones("Node 0, zone      DMA\nNode 3, zone   Normal\n");
        let error = overlay(&root, &mut two_by_two()).expect_err("two nodes");
        assert_eq!(
            error.to_string(),
            "/sys/devices/system/node cannot be read, and /proc/zoneinfo shows nodes 0,3: which PUs are theirs is \
             unknown; mount /sys"
        );
    }

    #[test]
    fn a_folder_of_nodes_without_any_is_refused() {
        refuse_empty(&root(&[]).1).expect("a kernel without NUMA");
        refuse_empty(&root(&[("system/node/online", "0\n")]).1).expect("a node");
        let (folder, root) = root(&[]);
        std::fs::create_dir_all(folder.path().join(NODES)).expect("makes a folder");
        let error = refuse_empty(&root).expect_err("no node");
        assert_eq!(
            error.to_string(),
            "/sys/devices/system/node is there and lists no node; mount /sys as the kernel has it"
        );
    }
}
