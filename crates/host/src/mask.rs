//! Sets as the kernel takes them: arrays of `c_ulong`, as long as needed.
//!
//! glibc's `cpu_set_t` ends at PU 1023 and most programs' node masks at node 63; neither is a limit of Linux.

use core::ffi::c_ulong;
use plan::set::{CpuSet, NodeSet};

const WORD_BITS: u32 = c_ulong::BITS;

/// Bits of a node mask at least: get_mempolicy(2) answers EINVAL to a mask shorter than the kernel's highest possible
/// node, which is 1023 in every distribution (CONFIG_NODES_SHIFT = 10).
const NODE_BITS: u32 = 1024;

/// A set of nodes for set_mempolicy(2) and its kin.
pub(crate) struct NodeMask {
    words: Vec<c_ulong>,
}

impl NodeMask {
    pub(crate) fn empty() -> NodeMask {
        NodeMask { words: vec![0; (NODE_BITS / WORD_BITS) as usize] }
    }

    pub(crate) fn of(nodes: &NodeSet) -> NodeMask {
        let bits = nodes.last().map_or(0, |last| last + 1).max(NODE_BITS);
        NodeMask { words: words_of(nodes.iter(), bits) }
    }

    /// Bits + 1: the kernel takes one off what it is given (mm/mempolicy.c, get_nodes()).
    pub(crate) fn maxnode(&self) -> c_ulong {
        self.words.len() as c_ulong * c_ulong::from(WORD_BITS) + 1
    }

    pub(crate) fn as_ptr(&self) -> *const c_ulong {
        self.words.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut c_ulong {
        self.words.as_mut_ptr()
    }

    pub(crate) fn nodes(&self) -> NodeSet {
        members_of(&self.words).collect()
    }
}

/// A set of PUs for sched_setaffinity(2).
pub(crate) fn cpu_words(pus: &CpuSet) -> Vec<c_ulong> {
    words_of(pus.iter(), pus.last().map_or(1, |last| last + 1))
}

/// The members of what sched_getaffinity(2) wrote.
pub(crate) fn pus_of(words: &[c_ulong]) -> CpuSet {
    members_of(words).collect()
}

fn words_of(members: impl Iterator<Item = u32>, bits: u32) -> Vec<c_ulong> {
    let mut words = vec![0; bits.div_ceil(WORD_BITS) as usize];
    for member in members {
        words[(member / WORD_BITS) as usize] |= 1 << (member % WORD_BITS);
    }
    words
}

fn members_of(words: &[c_ulong]) -> impl Iterator<Item = u32> + '_ {
    words.iter().zip(0..).flat_map(|(&word, at)| {
        (0..WORD_BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * WORD_BITS + bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hold_high_members() {
        for list in ["0", "63-64", "0,1023-1025", "5000"] {
            let nodes: NodeSet = list.parse().expect("a list");
            let mask = NodeMask::of(&nodes);
            assert_eq!(mask.nodes(), nodes);
            assert!(mask.maxnode() > 1024 && (mask.maxnode() - 1).is_multiple_of(c_ulong::from(WORD_BITS)));
            let pus: CpuSet = list.parse().expect("a list");
            assert_eq!(pus_of(&cpu_words(&pus)), pus);
        }
    }
}
