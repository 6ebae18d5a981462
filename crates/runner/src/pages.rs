//! On which node each page of a heap lies, as dense small numbers ("classes") that a replay can count with.

use std::collections::BTreeSet;

/// Where a page or a worker was, as dense classes: node `nodes[c]` is class c, then come the moves from one node to another,
/// and the last class is "unknown".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    nodes: Vec<u32>,
    moves: Vec<Move>,
}

/// Something that was on one node and then on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// What moved.
    pub what: Moving,
    /// Node before.
    pub from: u32,
    /// Node after, or before it returned.
    pub to: u32,
    /// Whether it was back at the end of the run.
    pub returned: bool,
}

impl Move {
    /// Something that did not return.
    pub fn new(what: Moving, from: u32, to: u32) -> Move {
        Move { what, from, to, returned: false }
    }
}

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moving {
    /// A worker, between the two ends of a request.
    Worker,
    /// A page of a heap that one worker touches, in a run.
    PrivatePage,
    /// A page of the heap that all touch, likewise.
    SharedPage,
}

impl Classes {
    /// Of these nodes, in any order, with repeats.
    pub fn new(nodes: impl IntoIterator<Item = u32>) -> Classes {
        let nodes: BTreeSet<u32> = nodes.into_iter().collect();
        Classes { nodes: nodes.into_iter().collect(), moves: Vec::new() }
    }

    /// The same nodes, and these moves in any order, with repeats. Those beyond the most classes that there may be are
    /// unknown.
    pub fn with_moves(self, moves: impl IntoIterator<Item = Move>) -> Classes {
        let moves: BTreeSet<Move> = moves.into_iter().filter(|one| one.from != one.to).collect();
        let room = usize::from(u16::MAX) - self.nodes.len();
        Classes { moves: moves.into_iter().take(room).collect(), ..self }
    }

    /// How many there are, the unknown among them.
    pub fn count(&self) -> usize {
        self.unknown() + 1
    }

    fn unknown(&self) -> usize {
        self.nodes.len() + self.moves.len()
    }

    /// The class of a node; that of the unknown for `None` and for a node that is none of them.
    pub fn of(&self, node: Option<u32>) -> usize {
        node.and_then(|node| self.nodes.binary_search(&node).ok()).unwrap_or(self.unknown())
    }

    /// The class of what was on one node and is on another, or the same. Unknown at one end, it is unknown.
    pub fn of_ends(&self, what: Moving, from: Option<u32>, to: Option<u32>) -> usize {
        if from == to {
            return self.of(from);
        }
        from.zip(to).map_or(self.unknown(), |(from, to)| self.of_move(Move::new(what, from, to)))
    }

    /// The class of a move; that of the unknown for one that is none of them.
    pub(crate) fn of_move(&self, one: Move) -> usize {
        self.moves.binary_search(&one).map_or(self.unknown(), |at| self.nodes.len() + at)
    }

    /// Nodes that a worker's own pages go to.
    pub(crate) fn moves_to(&self) -> BTreeSet<u32> {
        self.moves.iter().filter(|one| one.what == Moving::PrivatePage).map(|one| one.to).collect()
    }

    /// The move that a class is; `None` for a node and for the unknown.
    pub(crate) fn moved(&self, class: usize) -> Option<Move> {
        self.moves.get(class.checked_sub(self.nodes.len())?).copied()
    }

    /// The two nodes of a class, the same twice where nothing moved; `None` for the unknown.
    pub fn ends(&self, class: usize) -> Option<(u32, u32)> {
        let moved = || self.moved(class).map(|one| (one.from, one.to));
        self.nodes.get(class).map_or_else(moved, |&node| Some((node, node)))
    }
}

/// Class of every page of one heap. That of a page that moved is the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapPages {
    /// Page of a line is `line >> shift`.
    shift: u32,
    classes: Vec<u16>,
    uniform: Option<u16>,
}

impl HeapPages {
    /// From the node of each page, private or shared, before and after; `page_bytes` is a power of two of at least a line.
    pub fn new(
        classes: &Classes,
        what: Moving,
        page_bytes: u64,
        pages: impl IntoIterator<Item = (Option<u32>, Option<u32>)>,
    ) -> HeapPages {
        let class = |(before, after)| narrow(classes.of_ends(what, before, after));
        let found: Vec<u16> = pages.into_iter().map(class).collect();
        match found.is_empty() {
            true => HeapPages::none(classes),
            false => HeapPages::of((page_bytes / plan::workload::LINE_BYTES).trailing_zeros(), found),
        }
    }

    fn of(shift: u32, classes: Vec<u16>) -> HeapPages {
        let alike = classes.iter().all(|class| *class == classes[0]);
        HeapPages { shift, uniform: alike.then(|| classes[0]), classes }
    }

    /// The same, but for these pages, which moved so.
    pub(crate) fn with_moves(mut self, classes: &Classes, moves: impl IntoIterator<Item = (usize, Move)>) -> HeapPages {
        let mut moves = moves.into_iter().peekable();
        if moves.peek().is_none() {
            return self;
        }
        for (page, one) in moves {
            self.classes[page] = narrow(classes.of_move(one));
        }
        HeapPages::of(self.shift, self.classes)
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
    u16::try_from(class).expect("moves are left out beyond that, and no machine has 65535 nodes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_class_of_their_node_or_of_their_move() {
        let page = |from, to| Move::new(Moving::PrivatePage, from, to);
        let worker = Move::new(Moving::Worker, 0, 4);
        let classes = Classes::new([4, 0, 4]).with_moves([page(4, 0), page(0, 4), worker, page(4, 0), page(0, 0)]);
        assert_eq!(classes.count(), 6);
        let stayed = [(Some(0), Some(0)), (Some(4), Some(4)), (Some(9), Some(9)), (None, None)];
        let moved = [(Some(0), Some(4)), (Some(4), Some(0)), (Some(0), Some(9)), (Some(0), None), (None, Some(4))];
        let heap = HeapPages::new(&classes, Moving::PrivatePage, 4096, stayed.into_iter().chain(moved));
        let found: Vec<Option<(u32, u32)>> =
            (0..9).map(|page| classes.ends(heap.class(page * 64 + 63, heap.shift()))).collect();
        let known = [Some((0, 0)), Some((4, 4)), None, None, Some((0, 4)), Some((4, 0)), None, None, None];
        assert_eq!(found, known);
        assert_eq!(classes.moved(heap.class(4 * 64, heap.shift())), Some(page(0, 4)));
        assert_eq!(classes.moved(heap.class(0, heap.shift())), None);
        // The page of another heap moves for itself.
        let shared = HeapPages::new(&classes, Moving::SharedPage, 4096, [(Some(0), Some(4))]);
        assert_eq!(shared.uniform(), Some(classes.of(None)));
        assert_eq!(heap.uniform(), None);
    }

    #[test]
    fn pages_that_returned_have_a_class_of_their_own() {
        let gone = Move::new(Moving::SharedPage, 0, 1);
        let back = Move { returned: true, ..gone };
        let classes = Classes::new([0, 1]).with_moves([gone, back]);
        let pages = [(Some(0), Some(0)), (Some(0), Some(1)), (Some(0), Some(0))];
        let heap = HeapPages::new(&classes, Moving::SharedPage, 4096, pages).with_moves(&classes, [(2, back)]);
        let moves: Vec<_> = (0..3).map(|page| classes.moved(heap.class(page * 64, heap.shift()))).collect();
        assert_eq!(moves, [None, Some(gone), Some(back)]);
        let all = HeapPages::new(&classes, Moving::SharedPage, 4096, pages[..1].to_vec());
        assert_eq!(all.with_moves(&classes, [(0, back)]).uniform(), Some(classes.of_move(back)));
    }

    #[test]
    fn more_moves_than_classes_are_unknown() {
        let what = Moving::PrivatePage;
        let moves = (0..300).flat_map(|from| (0..300).map(move |to| Move::new(what, from, to)));
        let classes = Classes::new(0..300).with_moves(moves);
        assert_eq!(classes.count(), usize::from(u16::MAX) + 1);
        assert_eq!(classes.ends(classes.of_ends(what, Some(0), Some(299))), Some((0, 299)));
        assert_eq!(classes.ends(classes.of_ends(what, Some(299), Some(298))), None);
        assert_eq!(HeapPages::none(&classes).uniform(), Some(classes.of(None)));
    }

    #[test]
    fn alike_pages_are_uniform() {
        let classes = Classes::new([0, 1]);
        let heap = HeapPages::new(&classes, Moving::SharedPage, 4096, vec![(Some(1), Some(1)); 7]);
        assert_eq!(heap.uniform(), Some(classes.of(Some(1))));
        assert_eq!(heap.class(7 * 64 - 1, heap.shift()), 1);
        assert_eq!(HeapPages::new(&classes, Moving::SharedPage, 4096, []).uniform(), Some(classes.of(None)));
    }
}
