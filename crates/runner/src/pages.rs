//! On which node each page of a heap lies, as dense small numbers ("classes") that a replay can count with.

/// The nodes of a machine as dense classes: node `nodes[c]` is class c, and one more class is "unknown".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    nodes: Vec<u32>,
}

impl Classes {
    /// Of these nodes, in any order, with repeats.
    pub fn new(nodes: impl IntoIterator<Item = u32>) -> Classes {
        let nodes: std::collections::BTreeSet<u32> = nodes.into_iter().collect();
        Classes { nodes: nodes.into_iter().collect() }
    }

    /// How many there are, the unknown among them.
    pub fn count(&self) -> usize {
        self.nodes.len() + 1
    }

    /// The class of a node; that of the unknown for `None` and for a node that is none of them.
    pub fn of(&self, node: Option<u32>) -> usize {
        node.and_then(|node| self.nodes.binary_search(&node).ok()).unwrap_or(self.nodes.len())
    }

    /// The node of a class; `None` for the unknown.
    pub fn node(&self, class: usize) -> Option<u32> {
        self.nodes.get(class).copied()
    }
}

/// Class of every page of one heap. A page that lay on different nodes before and after the run is of the unknown class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapPages {
    /// Page of a line is `line >> shift`.
    shift: u32,
    classes: Vec<u16>,
    uniform: Option<u16>,
}

impl HeapPages {
    /// From the node of each page before and after; `page_bytes` is a power of two of at least a line.
    pub fn new(
        classes: &Classes,
        page_bytes: u64,
        pages: impl IntoIterator<Item = (Option<u32>, Option<u32>)>,
    ) -> HeapPages {
        let class = |(before, after): (Option<u32>, Option<u32>)| {
            narrow(classes.of(if before == after { before } else { None }))
        };
        let found: Vec<u16> = pages.into_iter().map(class).collect();
        let Some(&first) = found.first() else { return HeapPages::none(classes) };
        let uniform = found.iter().all(|&other| other == first).then_some(first);
        HeapPages { shift: (page_bytes / plan::workload::LINE_BYTES).trailing_zeros(), classes: found, uniform }
    }

    /// Of a heap that has no pages, or of which nothing is known: every line lies on one page of the unknown class.
    pub fn none(classes: &Classes) -> HeapPages {
        let unknown = narrow(classes.of(None));
        HeapPages { shift: 63, classes: vec![unknown], uniform: Some(unknown) }
    }

    /// The class of all pages, where they are alike.
    pub fn uniform(&self) -> Option<usize> {
        self.uniform.map(usize::from)
    }

    /// Page of a line is `line >> shift`.
    pub fn shift(&self) -> u32 {
        self.shift
    }

    /// Class of each page.
    pub fn classes(&self) -> &[u16] {
        &self.classes
    }

    /// Class of the page that a line lies on. `shift` is [`HeapPages::shift`], passed so that it can be a constant.
    #[inline(always)]
    pub fn class(&self, line: u64, shift: u32) -> usize {
        usize::from(self.classes[(line >> shift) as usize])
    }
}

fn narrow(class: usize) -> u16 {
    u16::try_from(class).expect("no machine has 65535 nodes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_moved_or_are_unknown_are_of_the_unknown_class() {
        let classes = Classes::new([4, 0, 4]);
        let pages = [(Some(0), Some(0)), (Some(4), Some(4)), (Some(0), Some(4)), (None, None), (Some(9), Some(9))];
        let heap = HeapPages::new(&classes, 4096, pages);
        let found: Vec<Option<u32>> =
            (0..5).map(|page| classes.node(heap.class(page * 64 + 63, heap.shift()))).collect();
        assert_eq!(found, [Some(0), Some(4), None, None, None]);
        assert_eq!(heap.uniform(), None);
    }

    #[test]
    fn alike_pages_are_uniform() {
        let classes = Classes::new([0, 1]);
        let heap = HeapPages::new(&classes, 4096, vec![(Some(1), Some(1)); 7]);
        assert_eq!(heap.uniform(), Some(classes.of(Some(1))));
        assert_eq!(heap.class(7 * 64 - 1, heap.shift()), 1);
        assert_eq!(HeapPages::new(&classes, 4096, []).uniform(), Some(classes.of(None)));
    }
}
