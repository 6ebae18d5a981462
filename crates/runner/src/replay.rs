//! Counts touches again after the clock has stopped: by the node of the PU that touched and the node of the page.
//!
//! The address stream is drawn once more from its key, so the timed run pays nothing for it. A request whose PU changed node
//! between its ends, or a page that did, has a class of its own for each such move; what is not known is counted at the class
//! "unknown". Both widen the ratio to its bounds.

use crate::pages::{Classes, HeapPages, Move, Moving};
use crate::workload::Work;
use plan::random::{below, draw};
use std::ops::Range;

/// A change of PU as a worker logged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PuAt {
    /// 2 r: before request r; 2 r + 1: after it.
    pub at: u64,
    /// The PU from there on.
    pub pu: u32,
}

/// Requests that ran on PUs of one class of node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Which.
    pub requests: Range<u64>,
    /// Class of the node, or of the move where it was another at the two ends of the request.
    pub class: usize,
}

/// Splits `requests` by the class of the node they ran on.
pub fn stretches(
    log: &[PuAt],
    requests: Range<u64>,
    classes: &Classes,
    node_of: impl Fn(u32) -> Option<u32>,
) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut add = |from: u64, to: u64, class| {
        let part = from.max(requests.start)..to.min(requests.end);
        match found.last_mut() {
            _ if part.is_empty() => {}
            Some(last) if last.class == class => last.requests.end = part.end,
            _ => found.push(Stretch { requests: part, class }),
        }
    };
    // Requests before `next` are dealt with; what comes after runs on `node`, until the log says otherwise.
    let (mut next, mut node) = (0, None);
    for &PuAt { at, pu } in log {
        let (request, new) = (at / 2, node_of(pu));
        add(next, request, classes.of(node));
        next = next.max(request);
        if is_between(at) && new != node {
            add(request, request + 1, classes.of_ends(Moving::Worker, node, new));
            next = request + 1;
        }
        node = new;
    }
    add(next, requests.end, classes.of(node));
    found
}

/// Moves of the worker between the two ends of a request.
pub fn moves(log: &[PuAt], node_of: impl Fn(u32) -> Option<u32>) -> impl Iterator<Item = Move> {
    let between = log.windows(2).filter(|pair| is_between(pair[1].at));
    between.filter_map(move |pair| Some(Move::new(Moving::Worker, node_of(pair[0].pu)?, node_of(pair[1].pu)?)))
}

/// Whether a change was seen after a request and not yet before it.
fn is_between(at: u64) -> bool {
    at % 2 == 1
}

/// Touches by class of the PU's node and class of the page's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    classes: usize,
    /// A row for each class of PU; empty where there was none, since a worker sees few of them.
    touches: Vec<Vec<u64>>,
}

impl Traffic {
    /// None yet.
    pub fn new(classes: &Classes) -> Traffic {
        Traffic { classes: classes.count(), touches: vec![Vec::new(); classes.count()] }
    }

    /// Row of a class of PU, by class of page.
    fn row(&mut self, pu: usize) -> &mut [u64] {
        let row = &mut self.touches[pu];
        row.resize(self.classes, 0);
        row
    }

    /// Adds touches of one class of PU to one class of page.
    pub(crate) fn count(&mut self, pu: usize, page: usize, touches: u64) {
        self.row(pu)[page] += touches;
    }

    /// `(class of PU, class of page, touches)` where there were any.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        let rows = self.touches.iter().enumerate();
        let cells = rows.flat_map(|(pu, row)| row.iter().enumerate().map(move |(page, &touches)| (pu, page, touches)));
        cells.filter(|cell| cell.2 > 0)
    }
}

/// Replays every request of `stretches`; returns what their loads add up to.
pub fn replay_all<W: Work>(
    work: &W,
    key: u64,
    stretches: &[Stretch],
    pages: &[HeapPages; 2],
    traffic: &mut Traffic,
) -> u64 {
    let one = |stretch: &Stretch| work.replay(key, stretch.requests.clone(), pages, traffic.row(stretch.class));
    stretches.iter().map(one).fold(0, u64::wrapping_add)
}

/// Replays `sample` requests drawn uniformly, with replacement, from those of `stretches`.
pub fn replay_sample<W: Work>(
    work: &W,
    key: u64,
    sample: Sample,
    stretches: &[Stretch],
    pages: &[HeapPages; 2],
    traffic: &mut Traffic,
) {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return };
    let (start, all) = (first.requests.start, last.requests.end - first.requests.start);
    for at in 0..sample.requests {
        let request = start + below(draw(sample.key, at), all);
        let stretch = &stretches[stretches.partition_point(|stretch| stretch.requests.end <= request)];
        work.replay(key, request..request + 1, pages, traffic.row(stretch.class));
    }
}

/// How requests are drawn for a sampled replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Key of the draws.
    pub key: u64,
    /// How many requests.
    pub requests: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAY: Option<(u32, u32)> = Some((0, 1));
    const BACK: Option<(u32, u32)> = Some((1, 0));
    const ON_0: Option<(u32, u32)> = Some((0, 0));
    const ON_1: Option<(u32, u32)> = Some((1, 1));

    type Ends = Option<(u32, u32)>;

    fn check(log: &[(u64, u32)], requests: Range<u64>, expect: &[(Range<u64>, Ends)]) {
        let log: Vec<PuAt> = log.iter().map(|&(at, pu)| PuAt { at, pu }).collect();
        // PUs 0-9 are of node 0, 10-19 of node 1, others of none that is known.
        let node_of = |pu| Some(pu / 10).filter(|node| *node < 2);
        let classes = Classes::new([0, 1]).with_moves(moves(&log, node_of));
        let found = stretches(&log, requests, &classes, node_of);
        let found: Vec<(Range<u64>, Ends)> =
            found.into_iter().map(|stretch| (stretch.requests, classes.ends(stretch.class))).collect();
        assert_eq!(found, expect, "{log:?}");
    }

    #[test]
    fn a_request_counts_for_the_nodes_that_its_ends_saw() {
        check(&[(0, 3)], 0..10, &[(0..10, ON_0)]);
        // Before request 4: a clean change. After request 4: request 4 itself moved.
        check(&[(0, 3), (8, 12)], 0..10, &[(0..4, ON_0), (4..10, ON_1)]);
        check(&[(0, 3), (9, 12)], 0..10, &[(0..4, ON_0), (4..5, AWAY), (5..10, ON_1)]);
        // Another PU of the same node changes nothing.
        check(&[(0, 3), (9, 4)], 0..10, &[(0..10, ON_0)]);
        // There and back: request 4 moved, 5 ran on the other node, 6 moved.
        check(
            &[(0, 3), (9, 12), (13, 3)],
            0..10,
            &[(0..4, ON_0), (4..5, AWAY), (5..6, ON_1), (6..7, BACK), (7..10, ON_0)],
        );
        // Both at once: started elsewhere, and moved again during it.
        check(&[(0, 3), (8, 12), (9, 3)], 0..10, &[(0..4, ON_0), (4..5, BACK), (5..10, ON_0)]);
        // To a PU of no known node.
        check(&[(0, 3), (9, 22)], 0..10, &[(0..4, ON_0), (4..10, None)]);
        // Only some requests, and a worker that did none.
        check(&[(0, 3), (9, 12)], 4..6, &[(4..5, AWAY), (5..6, ON_1)]);
        check(&[(0, 3)], 10..10, &[]);
        check(&[], 0..2, &[(0..2, None)]);
    }
}
