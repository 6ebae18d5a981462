//! Whether memory is there before anything is touched: Linux answers a bind to a full node with SIGKILL, not ENOMEM.

use crate::root::find_field;
use crate::{HostError, Root};
use plan::quantity::show_bytes;
use plan::set::NodeSet;
use std::fmt;

/// A node with less free memory than will be touched there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// The node.
    pub node: u32,
    /// Bytes that will be touched there.
    pub need_bytes: u64,
    /// `MemFree` of it.
    pub free_bytes: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "node {node}: {need} will be touched, {free} are free; pages may lie on other nodes",
            node = self.node,
            need = show_bytes(self.need_bytes),
            free = show_bytes(self.free_bytes)
        )
    }
}

/// Memory of one node in bytes, as its meminfo says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeMemory {
    /// `MemTotal`.
    pub total_bytes: u64,
    /// `MemFree`.
    pub free_bytes: u64,
    /// `Inactive(file)` + `SReclaimable`.
    pub reclaimable_bytes: u64,
    /// What of `free_bytes` the kernel keeps for itself, by /proc/zoneinfo; 0 where that cannot be read.
    pub reserved_bytes: u64,
}

impl NodeMemory {
    /// What a process can have there.
    pub fn available_bytes(&self) -> u64 {
        self.free_bytes.saturating_sub(self.reserved_bytes) + self.reclaimable_bytes
    }
}

/// Refuses what is bound to nodes that cannot hold it, by what their meminfo says at this moment: the kernel would kill.
/// `need` is everything that may lie on a set of nodes only, `(nodes, bytes)`, as `Placement::bound` sums it up; a set
/// with a node whose meminfo cannot be read is passed over.
///
/// # Errors
/// `NodesTooFull` where need x 1.1 > MemFree + Inactive(file) + SReclaimable of the nodes together, less what the kernel
/// keeps for itself: page cache empties MemFree on every busy server, so MemFree alone would refuse what works.
pub fn check_bound(root: &Root, need: &[(NodeSet, u64)]) -> Result<(), HostError> {
    for (nodes, need_bytes) in need {
        let available = |node| node_memory(root, node).map(|memory| memory.available_bytes());
        let Some(available_bytes) = nodes.iter().map(available).sum() else { continue };
        if need_bytes.saturating_add(need_bytes / 10) > available_bytes {
            return Err(HostError::NodesTooFull { nodes: nodes.clone(), need_bytes: *need_bytes, available_bytes });
        }
    }
    Ok(())
}

/// Where more will be touched than `MemFree`, so that pages may lie on other nodes (first touch, preferred, local,
/// interleave). `need` is `(node, bytes)`; a node whose meminfo cannot be read is passed over.
pub fn shortages(root: &Root, need: &[(u32, u64)]) -> Vec<Shortage> {
    let shortage = |&(node, need_bytes): &(u32, u64)| {
        let free_bytes = node_memory(root, node)?.free_bytes;
        (need_bytes > free_bytes).then_some(Shortage { node, need_bytes, free_bytes })
    };
    need.iter().filter_map(shortage).collect()
}

/// Reads a node's meminfo, or where the kernel has no nodes that of the whole machine for node 0.
pub fn node_memory(root: &Root, node: u32) -> Option<NodeMemory> {
    node_memory_by(root, node, &zoneinfo(root))
}

/// /proc/zoneinfo, all nodes in one text; empty where it cannot be read.
pub(crate) fn zoneinfo(root: &Root) -> String {
    root.text("proc/zoneinfo").unwrap_or_default()
}

/// [`node_memory`] for who asks about several nodes: with [`zoneinfo`] read once.
pub(crate) fn node_memory_by(root: &Root, node: u32, zoneinfo: &str) -> Option<NodeMemory> {
    let of_node = root.text(format!("sys/devices/system/node/node{node}/meminfo"));
    let prefix = format!("Node {node} ");
    let (text, prefix) = match of_node {
        Some(text) => (text, prefix.as_str()),
        None if node == 0 && !root.has("sys/devices/system/node/online") => (root.text("proc/meminfo")?, ""),
        None => return None,
    };
    let bytes = |key: &str| {
        let kib = find_field(&text, &format!("{prefix}{key}:"))?.trim_end_matches("kB").trim().parse::<u64>().ok()?;
        Some(kib * 1024)
    };
    Some(NodeMemory {
        total_bytes: bytes("MemTotal")?,
        free_bytes: bytes("MemFree")?,
        reclaimable_bytes: bytes("Inactive(file)").unwrap_or(0) + bytes("SReclaimable").unwrap_or(0),
        reserved_bytes: reserved_pages(zoneinfo, node) * crate::region::base_page_bytes(),
    })
}

/// Free pages of a node that no process gets: of each zone its `min`, and what it protects from allocations that other
/// zones could serve, the last number of `protection` (Linux, mm/page_alloc.c, __zone_watermark_ok).
fn reserved_pages(zoneinfo: &str, node: u32) -> u64 {
    let title = format!("Node {node}, zone");
    let (mut inside, mut free, mut least, mut reserved) = (false, 0, 0, 0);
    for line in zoneinfo.lines() {
        let line = line.trim();
        if line.starts_with("Node ") {
            inside = line.starts_with(&title);
            (free, least) = (0, 0);
        } else if let Some(pages) = line.strip_prefix("pages free") {
            free = pages.trim().parse().unwrap_or(0);
        } else if let Some(pages) = line.strip_prefix("min ") {
            least = pages.trim().parse().unwrap_or(0);
        } else if let (true, Some(list)) = (inside, line.strip_prefix("protection: (")) {
            let last = list.trim_end_matches(')').rsplit(',').next().unwrap_or_default();
            reserved += free.min(least + last.trim().parse().unwrap_or(0));
        }
    }
    reserved
}

/// Nodes that have a zone of memory, by /proc/zoneinfo, which a cpuset does not narrow; empty where it cannot be read.
pub(crate) fn nodes_with_zones(root: &Root) -> NodeSet {
    let node = |line: &str| line.strip_prefix("Node ")?.split_once(',')?.0.parse().ok();
    zoneinfo(root).lines().filter_map(node).collect()
}

/// Refuses hugetlb pages of a size that is not there, or more than are free on the nodes that the policy allows: the
/// kernel accepts the mapping where others have enough, and the first touch is a SIGBUS.
///
/// Call it once with the sum of all regions of one policy: pages count as free until they are touched.
///
/// # Errors
/// `NoSuchPageSize`, `HugePagesShort`.
pub fn check_huge_pages(root: &Root, page_bytes: u64, nodes: &NodeSet, needed: u64) -> Result<(), HostError> {
    let sizes = huge_page_sizes(root);
    if !sizes.contains(&page_bytes) {
        let names: Vec<String> = sizes.iter().map(|&bytes| plan::quantity::print_bytes(bytes)).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(HostError::NoSuchPageSize { page_bytes, known });
    }
    let free = nodes.iter().filter_map(|node| free_huge_pages(root, node, page_bytes)).sum();
    match needed > free {
        true => Err(HostError::HugePagesShort { page_bytes, nodes: nodes.clone(), needed, free }),
        false => Ok(()),
    }
}

/// Sizes in bytes of hugetlb pages that the kernel knows, ascending.
pub(crate) fn huge_page_sizes(root: &Root) -> Vec<u64> {
    let size = |name: &String| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        Some(kib * 1024)
    };
    let mut sizes: Vec<u64> = root.names("sys/kernel/mm/hugepages").iter().filter_map(size).collect();
    sizes.sort_unstable();
    sizes
}

/// hugetlb pages of one size that are free on a node.
pub(crate) fn free_huge_pages(root: &Root, node: u32, page_bytes: u64) -> Option<u64> {
    let name = format!("hugepages/hugepages-{kib}kB/free_hugepages", kib = page_bytes / 1024);
    match root.number(format!("sys/devices/system/node/node{node}/{name}")) {
        None if node == 0 && !root.has("sys/devices/system/node/online") => {
            root.number(format!("sys/kernel/mm/{name}"))
        }
        found => found,
    }
}

/// Bytes of a transparent huge page, the one that a page table's middle entry maps: 2 MiB on x86_64.
pub(crate) fn thp_bytes(root: &Root) -> u64 {
    root.number("sys/kernel/mm/transparent_hugepage/hpage_pmd_size").unwrap_or(2 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        };
        write("sys/devices/system/node/online", "0-1\n");
        // 1000 MiB free on node 0; on node 1 100 MiB free and 900 MiB of page cache, 400 + 500.
        write(
            "sys/devices/system/node/node0/meminfo",
            "\nNode 0 MemTotal:        2048000 kB\nNode 0 MemFree:         1024000 kB\nNode 0 MemUsed: 1 kB\n",
        );
        write(
            "sys/devices/system/node/node1/meminfo",
            "Node 1 MemTotal:        2048000 kB\nNode 1 MemFree:          102400 kB\nNode 1 Inactive(file):  409600 kB\n\
             Node 1 KReclaimable:    700000 kB\nNode 1 SReclaimable:    512000 kB\n",
        );
        write("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "5\n");
        write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "5\n");
        write("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n");
        let root = Root::at(folder.path());
        (folder, root)
    }

    #[test]
    fn a_bind_counts_the_page_cache_that_gives_way() {
        let (_folder, root) = fixture();
        let check = |need: &[(&str, u64)], expect: Option<&str>| {
            let need: Vec<(NodeSet, u64)> =
                need.iter().map(|(nodes, mib)| (nodes.parse().expect("a list"), mib.saturating_mul(1 << 20))).collect();
            let found = check_bound(&root, &need).err().map(|error| match error {
                HostError::NodesTooFull { nodes, .. } => nodes.to_string(),
                other => panic!("{other}"),
            });
            assert_eq!(found.as_deref(), expect, "{need:?}");
        };
        check(&[("0", 900), ("1", 900)], None);
        check(&[("1", 910)], Some("1"));
        check(&[("0", 900), ("0-1", 1800)], None);
        check(&[("0", 900), ("0-1", 1820)], Some("0-1"));
        check(&[("0", u64::MAX)], Some("0"));
        check(&[("7", 1), ("0-1,7", 9000)], None);
    }

    #[test]
    fn what_the_kernel_keeps_is_not_free() {
        let zoneinfo = "Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 4\n  pages free     3840\n        boost    0\n        \
                        min      134\n        low      167\n        protection: (0, 1962, 1962)\nNode 0, zone    DMA32\n  pages free     \
                        4500\n        min      2816\n        protection: (0, 0, 0)\nNode 1, zone    DMA32\n  pages free     7\n        \
                        min      2816\n        protection: (0, 0, 0)\n";
        let check = |node: u32, expect: u64| assert_eq!(reserved_pages(zoneinfo, node), expect, "node {node}");
        check(0, 134 + 1962 + 2816);
        check(1, 7);
        check(2, 0);
    }

    #[test]
    fn what_spills_is_told() {
        let (_folder, root) = fixture();
        let check = |need: &[(u32, u64)], expect: &[u32]| {
            let need: Vec<(u32, u64)> = need.iter().map(|(node, mib)| (*node, mib << 20)).collect();
            let found: Vec<u32> = shortages(&root, &need).iter().map(|shortage| shortage.node).collect();
            assert_eq!(found, expect, "{need:?}");
        };
        check(&[(1, 101)], &[1]);
        check(&[(0, 1000), (1, 100)], &[]);
        check(&[(7, 1)], &[]);
    }

    #[test]
    fn huge_pages_are_counted_where_the_policy_puts_them() {
        let (_folder, root) = fixture();
        let check = |page_bytes, nodes: &str, needed, expect: Option<&str>| {
            let found = check_huge_pages(&root, page_bytes, &nodes.parse().expect("a list"), needed);
            assert_eq!(found.err().map(|error| error.to_string()).as_deref(), expect);
        };
        check(2 << 20, "0-1", 5, None);
        check(1 << 30, "0", 1, Some("no huge pages of 1GiB on this host; sizes: 2MiB"));
        check(
            2 << 20,
            "1",
            1,
            Some(
                "1 huge pages of 2MiB asked on nodes 1, 0 are free there; write a larger number to \
                  /sys/devices/system/node/nodeN/hugepages/hugepages-2048kB/nr_hugepages",
            ),
        );
    }

    #[test]
    fn errors_name_node_and_sizes() {
        let error =
            HostError::NodesTooFull { nodes: NodeSet::of(1), need_bytes: 400 << 20, available_bytes: 201 << 20 };
        assert_eq!(
            error.to_string(),
            "bind to node 1: 400 MiB asked, 201 MiB can be had there (free, page cache that gives way, less a tenth); \
             shrink private_bytes or free node 1"
        );
    }
}
