//! What can go wrong on a machine, with the data that a reader needs to act.

use crate::errno::Errno;
use plan::place::ProcessPlace;
use plan::policy::MemoryPolicy;
use plan::quantity::{print_bytes, show_bytes};
use plan::set::{CpuSet, NodeSet};
use plan::topology::TopologySource;
use std::path::PathBuf;

/// Why the machine could not be read, bound to, or measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// A system call was refused: a seccomp filter, or a kernel without it.
    #[error("{call}: {errno}: {why}", why = explain_refusal(*errno, *filtered))]
    Refused {
        /// The system call.
        call: &'static str,
        /// EPERM or ENOSYS.
        errno: Errno,
        /// Whether a seccomp filter is in force.
        filtered: bool,
    },
    /// A system call failed for a reason that has no words of its own.
    #[error("{call} for {asked}: {errno}{advice}", advice = errno.advice())]
    Call {
        /// The system call.
        call: &'static str,
        /// What was asked of it.
        asked: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A set of PUs without members.
    #[error("cannot bind to no PU; name at least one")]
    NoPus,
    /// A PU that is not there, or is offline.
    #[error("cannot bind to PU {pu}: this host has PUs {online} online")]
    NoSuchPu {
        /// The PU.
        pu: u32,
        /// PUs that are online.
        online: CpuSet,
    },
    /// A PU outside the cpuset or the inherited affinity.
    #[error(
        "cannot bind to PU {pu}: not in this process's allowed cpuset {allowed}; check the container's cpuset.cpus"
    )]
    PuNotAllowed {
        /// The PU.
        pu: u32,
        /// PUs that are allowed.
        allowed: CpuSet,
    },
    /// The kernel bound to something else than was asked.
    #[error("bind to PUs {asked}: the kernel bound to {found}; PUs went offline or the cpuset changed")]
    BoundElsewhere {
        /// PUs asked.
        asked: CpuSet,
        /// PUs read back.
        found: CpuSet,
    },
    /// A node that is not there.
    #[error("no node {node}: this host has nodes {nodes}")]
    NoSuchNode {
        /// The node.
        node: u32,
        /// Nodes that are there.
        nodes: NodeSet,
    },
    /// A node without memory.
    #[error("node {node} has no memory; nodes with memory: {with_memory}")]
    NodeWithoutMemory {
        /// The node.
        node: u32,
        /// Nodes with memory.
        with_memory: NodeSet,
    },
    /// A node outside the cpuset.
    #[error(
        "memory of node {node} is not in this process's allowed nodes {allowed}; check the container's cpuset.mems"
    )]
    NodeNotAllowed {
        /// The node.
        node: u32,
        /// Nodes that are allowed.
        allowed: NodeSet,
    },
    /// A memory policy that this kernel does not know.
    #[error("memory policy {policy} is unknown to this kernel; it needs Linux {since}")]
    UnknownPolicy {
        /// The policy.
        policy: &'static str,
        /// First kernel that has it.
        since: &'static str,
    },
    /// A policy in force that this program has no name for.
    #[error("the kernel reports memory policy number {mode}, which this program does not know")]
    ForeignPolicy {
        /// Number of the policy.
        mode: i32,
    },
    /// The kernel set another policy than was asked.
    #[error("memory policy {asked}: the kernel set {found}")]
    PolicyElsewhere {
        /// Policy asked.
        asked: MemoryPolicy,
        /// Policy read back.
        found: MemoryPolicy,
    },
    /// Process-wide placement read back otherwise than asked.
    #[error("process placement: asked {asked:?}, found {found:?}")]
    ProcessElsewhere {
        /// Asked.
        asked: Box<ProcessPlace>,
        /// Read back.
        found: Box<ProcessPlace>,
    },
    /// A region of 0 bytes, or one that does not fit the address space.
    #[error("a region of {bytes} bytes cannot be mapped; ask for 1 byte up to {most}", most = show_bytes(1 << 46))]
    RegionSize {
        /// Bytes asked.
        bytes: u64,
    },
    /// No address space or memory for a region.
    #[error("cannot map {size} of {pages}: {errno}; check ulimit -v and vm.overcommit_memory", size = show_bytes(*bytes))]
    Map {
        /// Bytes asked.
        bytes: u64,
        /// Kind of pages.
        pages: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A huge page size that the host does not have.
    #[error("no huge pages of {size} on this host; sizes: {known}", size = print_bytes(*page_bytes))]
    NoSuchPageSize {
        /// Bytes of a page.
        page_bytes: u64,
        /// Sizes that are there, comma separated; "none" where there are none.
        known: String,
    },
    /// Too few free huge pages where the policy puts them: the first touch would be a SIGBUS.
    #[error(
        "{needed} huge pages of {size} asked on nodes {nodes}, {free} are free there; \
         write a larger number to /sys/devices/system/node/nodeN/hugepages/hugepages-{kib}kB/nr_hugepages",
        size = print_bytes(*page_bytes), kib = page_bytes / 1024
    )]
    HugePagesShort {
        /// Bytes of a page.
        page_bytes: u64,
        /// Where the policy puts them.
        nodes: NodeSet,
        /// Pages needed.
        needed: u64,
        /// Pages free there.
        free: u64,
    },
    /// A bind that the kernel would answer by killing the process.
    #[error(
        "bind to node {nodes}: {need} asked, {available} can be had there (free, page cache that gives way, less a tenth); \
         shrink private_bytes or free node {nodes}",
        need = show_bytes(*need_bytes), available = show_bytes(*available_bytes)
    )]
    NodesTooFull {
        /// The nodes.
        nodes: NodeSet,
        /// Bytes that will be touched there.
        need_bytes: u64,
        /// MemFree + Inactive(file) + SReclaimable of them, less what the kernel keeps for itself.
        available_bytes: u64,
    },
    /// Pages of a bound region that lie elsewhere: the cpuset changed, or something moved them.
    #[error(
        "bind to node {nodes}: {pages} pages asked, {there} found there and {elsewhere}; shrink private_bytes or free node {nodes}, \
         and see that the container's cpuset.mems stays as it is",
        elsewhere = list_counts(elsewhere)
    )]
    PagesElsewhere {
        /// Nodes of the bind.
        nodes: NodeSet,
        /// Pages of the region.
        pages: u64,
        /// Pages found on those nodes.
        there: u64,
        /// Pages found on others, `(node, pages)`.
        elsewhere: Vec<(u32, u64)>,
    },
    /// A file that cannot be read.
    #[error("{path}: {errno}: cannot be read{advice}", path = path.display(), advice = errno.advice())]
    File {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A file that cannot be written.
    #[error("{path}: {errno}: cannot be written{advice}", path = path.display(), advice = errno.advice())]
    Write {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A folder in place of a file.
    #[error("{path}: a folder, not a file; name an XML file that hwloc wrote", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is not an hwloc topology, or is cut short, or of a later format.
    #[error("{path}: {why}", path = path.display())]
    NotATopology {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: &'static str,
    },
    /// A topology that hwloc accepts and that does not fit together.
    #[error("{topology}: hwloc makes a machine of it that does not fit together: {why}", topology = name(topology))]
    Unsound {
        /// Where it came from.
        topology: TopologySource,
        /// What does not fit.
        why: String,
    },
    /// A synthetic description with an error.
    #[error(
        "synthetic:\"{text}\" is not a description hwloc understands; a correct one: synthetic:\"pack:2 numa:1 core:4 pu:2\""
    )]
    NotSynthetic {
        /// The description.
        text: String,
    },
    /// A synthetic description of more PUs than any machine has.
    #[error("synthetic:\"{text}\" describes {pus} PUs; at most {most} can be handled")]
    TooManyPus {
        /// The description.
        text: String,
        /// PUs it describes.
        pus: u64,
        /// The most.
        most: u64,
    },
    /// A word that names no topology.
    #[error("input \"{text}\" is none of host, FILE.xml, synthetic:\"pack:2 numa:1 core:4 pu:2\"")]
    NoSuchInput {
        /// What was written.
        text: String,
    },
    /// An environment variable that makes hwloc show another machine.
    #[error(
        "{variable} is set, which makes hwloc show another machine than this one; unset it, or use --input FILE.xml"
    )]
    ForeignByEnvironment {
        /// The variable.
        variable: &'static str,
    },
    /// A folder of nodes without nodes, as an empty mount makes it.
    #[error("/sys/devices/system/node is there and lists no node; mount /sys as the kernel has it")]
    NoNodes,
    /// Several nodes, and nothing that tells whose a PU is.
    #[error("{missing}, and /proc/zoneinfo shows nodes {zones}: which PUs are theirs is unknown; mount /sys")]
    NodesHidden {
        /// What of /sys is missing.
        missing: String,
        /// Nodes that have memory.
        zones: NodeSet,
    },
    /// hwloc cannot read this machine.
    #[error("hwloc cannot read this machine ({call}: {errno}); are /proc and /sys mounted?")]
    Unreadable {
        /// hwloc's function.
        call: String,
        /// Its answer.
        errno: Errno,
    },
    /// The child's parent is gone.
    #[error("the parent {expected} of this child is gone (its parent is now {found}); nothing was measured")]
    Orphan {
        /// Pid of the parent.
        expected: u32,
        /// Pid of the present parent.
        found: u32,
    },
    /// The child may use other PUs or nodes than its parent saw.
    #[error("allowed {what} changed since the run began: {expected} then, {found} now; check the container's cpuset")]
    AllowedChanged {
        /// PUs or nodes.
        what: &'static str,
        /// As the parent saw them.
        expected: String,
        /// As they are.
        found: String,
    },
}

fn name(source: &TopologySource) -> String {
    match source {
        TopologySource::Host => "this host".into(),
        TopologySource::Xml(path) => path.clone(),
        TopologySource::Synthetic(text) => format!("synthetic:\"{text}\""),
    }
}

fn list_counts(counts: &[(u32, u64)]) -> String {
    let items: Vec<String> = counts.iter().map(|(node, pages)| format!("{pages} on node {node}")).collect();
    items.join(", ")
}

fn explain_refusal(errno: Errno, filtered: bool) -> &'static str {
    match (errno.0, filtered) {
        (libc::ENOSYS, true) => {
            "this sandbox or container does not have the call (Seccomp: 2 in /proc/self/status); \
             run outside it, or accept placement = thread only"
        }
        (libc::ENOSYS, false) => "this kernel was built without it (CONFIG_NUMA); accept placement = thread only",
        (_, true) => {
            "blocked by a seccomp filter (Seccomp: 2 in /proc/self/status); run with --cap-add SYS_NICE or \
             --security-opt seccomp=unconfined, or accept placement = thread only"
        }
        (_, false) => {
            "this process lacks the right; run as root or with CAP_SYS_NICE, or accept placement = thread only"
        }
    }
}
