//! numactl's grammar for lists of nodes and of PUs, without its defects on sparse numbering.
//!
//! ```text
//! list := "same" | ["!"] ["+"] item ("," item)*    ! and + apply to the whole list
//! item := "all" | number ["-" number]              "all" comes last; numbers as C writes them: 8, 010, 0x8
//! ```
//! `+2` is the third of those this process may use; `!` is all but these; `same` is the list before. `all` are the nodes
//! used by default (CXL, HBM and accelerator nodes, and all without PUs, only by number), so `!0` never drags them in either.
//! libnuma inverts over configured numbers and so includes holes; here only what exists is inverted.
//! Devices (`netdev:`, `file:`, …) are refused: a place in an experiment must not depend on where a file lies today.

use crate::set::{CpuSet, HIGHEST_INDEX, NodeSet};
use crate::topology::{Node, NodeKind, Topology};

/// Why a list cannot be used here; each says what exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumactlError {
    /// The list is empty.
    #[error("the list is empty; write numbers such as 0,2-3, or all")]
    Empty,
    /// Neither number nor range.
    #[error("\"{item}\" in list \"{text}\" is neither a number, a range such as 0-3, nor all")]
    NotANumber {
        /// The whole list.
        text: String,
        /// The item.
        item: String,
    },
    /// A range that runs backwards.
    #[error("range \"{item}\" in list \"{text}\" runs backwards")]
    Backwards {
        /// The whole list.
        text: String,
        /// The item.
        item: String,
    },
    /// A number that no machine has.
    #[error("{index} in list \"{text}\" is above the highest index {HIGHEST_INDEX}")]
    TooHigh {
        /// The whole list.
        text: String,
        /// The number.
        index: u64,
    },
    /// Something follows `all`.
    #[error("\"all\" must come last in list \"{text}\"")]
    AllNotLast {
        /// The whole list.
        text: String,
    },
    /// numactl's I/O sources.
    #[error(
        "\"{item}\" names a device, not a node; numalab takes numbers only: see /sys/class/net/DEV/device/numa_node and its like"
    )]
    Device {
        /// The item.
        item: String,
    },
    /// `same` without a list before it.
    #[error("\"same\" stands for the list before, and there is none")]
    NoneBefore,
    /// No such node.
    #[error("node {node} does not exist; this machine has nodes {exist}")]
    NoSuchNode {
        /// The node.
        node: u32,
        /// Those that exist.
        exist: NodeSet,
    },
    /// The node has no memory.
    #[error("node {node} has no memory; nodes with memory: {with}")]
    NoMemory {
        /// The node.
        node: u32,
        /// Those that have some.
        with: NodeSet,
    },
    /// The node has no PUs.
    #[error("node {node} has no PUs; nodes with PUs: {with}")]
    NoPus {
        /// The node.
        node: u32,
        /// Those that have some.
        with: NodeSet,
    },
    /// The node's memory or PUs are outside of the cpuset.
    #[error("node {node} is outside this process's cpuset; allowed nodes: {allowed}; check the container's cpuset")]
    NodeNotAllowed {
        /// The node.
        node: u32,
        /// Those that are allowed.
        allowed: NodeSet,
    },
    /// No such PU, or it is offline.
    #[error("PU {pu} {state}; this machine has PUs {exist}")]
    NoSuchPu {
        /// The PU.
        pu: u32,
        /// `does not exist` or `is offline`.
        state: &'static str,
        /// Those that are online.
        exist: CpuSet,
    },
    /// The PU is outside of the cpuset.
    #[error(
        "PU {pu} is outside this process's cpuset {allowed}; check the container's cpuset.cpus, taskset and isolcpus"
    )]
    PuNotAllowed {
        /// The PU.
        pu: u32,
        /// Those that are allowed.
        allowed: CpuSet,
    },
    /// `+k` beyond the allowed ones.
    #[error("+{index} in list \"{text}\" counts from +0; {count} are allowed here: {allowed}")]
    BeyondAllowed {
        /// The whole list.
        text: String,
        /// The number.
        index: u32,
        /// How many are allowed.
        count: usize,
        /// Those that are allowed, as a list.
        allowed: String,
    },
    /// `!` of everything.
    #[error("list \"{text}\" leaves nothing; to choose from: {from}")]
    NothingLeft {
        /// The whole list.
        text: String,
        /// What there was, as a list.
        from: String,
    },
}

/// A list as written, before it meets a machine.
struct Written {
    inverted: bool,
    relative: bool,
    all: bool,
    ranges: Vec<(u32, u32)>,
}

/// Checks the grammar alone.
///
/// # Errors
/// What cannot be read; never about a machine.
pub fn check(text: &str) -> Result<(), NumactlError> {
    read(text).map(|_| ())
}

/// Nodes whose memory is meant: each must exist, have memory and be allowed. `before` is what `same` stands for.
///
/// # Errors
/// What is wrong with the first node that will not do, and which would.
pub fn memory_nodes(text: &str, topology: &Topology, before: Option<&NodeSet>) -> Result<NodeSet, NumactlError> {
    let allowed = topology.node_set().intersection(&topology.allowed_nodes);
    // Memory far from every PU is often announced as plain DRAM (firmware without HMAT, kernels before 6.1).
    let usual = |node: u32| {
        let ordinary = |node: &Node| node.kind == NodeKind::Dram && node.has_memory() && !node.pus.is_empty();
        topology.node(node).is_some_and(ordinary)
    };
    let all: NodeSet = allowed.iter().filter(|&node| usual(node)).collect();
    let check = |node: u32| -> Result<(), NumactlError> {
        let Some(found) = topology.node(node) else {
            return Err(NumactlError::NoSuchNode { node, exist: topology.node_set() });
        };
        if !found.has_memory() {
            let with = topology.nodes.iter().filter(|node| node.has_memory()).map(|node| node.os_index).collect();
            return Err(NumactlError::NoMemory { node, with });
        }
        match allowed.contains(node) {
            true => Ok(()),
            false => Err(NumactlError::NodeNotAllowed { node, allowed: allowed.clone() }),
        }
    };
    if text.trim() == "same" {
        return before.cloned().ok_or(NumactlError::NoneBefore);
    }
    let members = resolve(text, all.iter().collect(), allowed.iter().collect(), &check)?;
    Ok(members.into_iter().collect())
}

/// Nodes whose PUs are meant: each must exist and have a PU that is allowed. `before` is what `same` stands for.
///
/// # Errors
/// As [`memory_nodes`].
pub fn pu_nodes(text: &str, topology: &Topology, before: Option<&NodeSet>) -> Result<NodeSet, NumactlError> {
    let nodes_where = |usable: &dyn Fn(&crate::topology::Node) -> bool| -> NodeSet {
        topology.nodes.iter().filter(|node| usable(node)).map(|node| node.os_index).collect()
    };
    let allowed = nodes_where(&|node| node.pus.intersects(&topology.allowed_pus));
    let check = |node: u32| -> Result<(), NumactlError> {
        let Some(found) = topology.node(node) else {
            return Err(NumactlError::NoSuchNode { node, exist: topology.node_set() });
        };
        if found.pus.is_empty() {
            return Err(NumactlError::NoPus { node, with: nodes_where(&|node| !node.pus.is_empty()) });
        }
        match allowed.contains(node) {
            true => Ok(()),
            false => Err(NumactlError::NodeNotAllowed { node, allowed: allowed.clone() }),
        }
    };
    if text.trim() == "same" {
        return before.cloned().ok_or(NumactlError::NoneBefore);
    }
    let members = resolve(text, allowed.iter().collect(), allowed.iter().collect(), &check)?;
    Ok(members.into_iter().collect())
}

/// Allowed PUs of these nodes.
pub fn pus_of_nodes(nodes: &NodeSet, topology: &Topology) -> CpuSet {
    let listed = topology.nodes.iter().filter(|node| nodes.contains(node.os_index));
    listed.fold(CpuSet::new(), |pus, node| pus.union(&node.pus)).intersection(&topology.allowed_pus)
}

/// PUs: each must be online and allowed. `before` is what `same` stands for.
///
/// # Errors
/// As [`memory_nodes`].
pub fn pus(text: &str, topology: &Topology, before: Option<&CpuSet>) -> Result<CpuSet, NumactlError> {
    let exist = topology.pu_set();
    let allowed = exist.intersection(&topology.allowed_pus);
    let check = |pu: u32| -> Result<(), NumactlError> {
        if !exist.contains(pu) {
            let state = if topology.offline_pus.contains(pu) { "is offline" } else { "does not exist" };
            return Err(NumactlError::NoSuchPu { pu, state, exist: exist.clone() });
        }
        match allowed.contains(pu) {
            true => Ok(()),
            false => Err(NumactlError::PuNotAllowed { pu, allowed: allowed.clone() }),
        }
    };
    if text.trim() == "same" {
        return before.cloned().ok_or(NumactlError::NoneBefore);
    }
    let members = resolve(text, allowed.iter().collect(), allowed.iter().collect(), &check)?;
    Ok(members.into_iter().collect())
}

/// Members of a list: `all` is what `all` and `!` choose from, `allowed` what `+` counts.
fn resolve(
    text: &str,
    all: Vec<u32>,
    allowed: Vec<u32>,
    check: &dyn Fn(u32) -> Result<(), NumactlError>,
) -> Result<Vec<u32>, NumactlError> {
    let written = read(text)?;
    // A set: a long list may name the same thousands of PUs again and again.
    let mut members = CpuSet::new();
    for index in written.ranges.iter().flat_map(|&(low, high)| low..=high) {
        let index = match written.relative {
            false => index,
            true => *allowed.get(index as usize).ok_or_else(|| NumactlError::BeyondAllowed {
                text: text.into(),
                index,
                count: allowed.len(),
                allowed: list(&allowed),
            })?,
        };
        // Of `!5` only that 5 exists matters; whether it is usable does not, since it is taken out.
        match check(index) {
            Err(error @ (NumactlError::NoSuchNode { .. } | NumactlError::NoSuchPu { .. })) => return Err(error),
            Err(error) if !written.inverted => return Err(error),
            _ => members.insert(index),
        }
    }
    if written.all {
        all.iter().for_each(|&index| members.insert(index));
    }
    if written.inverted {
        members = all.iter().copied().filter(|&index| !members.contains(index)).collect();
    }
    match members.is_empty() {
        true => Err(NumactlError::NothingLeft { text: text.into(), from: list(&all) }),
        false => Ok(members.iter().collect()),
    }
}

fn list(members: &[u32]) -> String {
    match members.is_empty() {
        true => "none".into(),
        false => members.iter().copied().collect::<CpuSet>().to_string(),
    }
}

fn read(text: &str) -> Result<Written, NumactlError> {
    let trimmed = text.trim();
    let mut written = Written { inverted: false, relative: false, all: false, ranges: Vec::new() };
    if trimmed == "same" {
        return Ok(written);
    }
    let rest = trimmed.strip_prefix('!').inspect(|_| written.inverted = true).unwrap_or(trimmed);
    let rest = rest.strip_prefix('+').inspect(|_| written.relative = true).unwrap_or(rest);
    if rest.is_empty() {
        return Err(NumactlError::Empty);
    }
    for item in rest.split(',') {
        if written.all {
            return Err(NumactlError::AllNotLast { text: text.into() });
        }
        if item == "all" {
            written.all = true;
            continue;
        }
        if ["netdev:", "ip:", "file:", "block:", "pci:"].iter().any(|device| item.starts_with(device)) {
            return Err(NumactlError::Device { item: item.into() });
        }
        written.ranges.push(read_range(text, item)?);
    }
    Ok(written)
}

fn read_range(text: &str, item: &str) -> Result<(u32, u32), NumactlError> {
    let number = |part: &str| -> Result<u32, NumactlError> {
        let wrong = || NumactlError::NotANumber { text: text.into(), item: item.into() };
        let index = read_number(part).ok_or_else(wrong)?;
        let too_high = || NumactlError::TooHigh { text: text.into(), index };
        u32::try_from(index).ok().filter(|&index| index <= HIGHEST_INDEX).ok_or_else(too_high)
    };
    let (low, high) = match item.split_once('-') {
        Some((low, high)) => (number(low)?, number(high)?),
        None => (number(item)?, number(item)?),
    };
    match low <= high {
        true => Ok((low, high)),
        false => Err(NumactlError::Backwards { text: text.into(), item: item.into() }),
    }
}

/// A number as C's strtoul reads it with base 0: `8`, `010` (octal) and `0x8` are the same.
fn read_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // What does not fit 64 bits is still a number, and is refused as too high.
    let saturating = |error: std::num::ParseIntError| match error.kind() {
        std::num::IntErrorKind::PosOverflow => Some(u64::MAX),
        _ => None,
    };
    if plain { u64::from_str_radix(digits, radix).map_or_else(saturating, Some) } else { None }
}
