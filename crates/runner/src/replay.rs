//! Counts touches again after the clock has stopped: by the node of the PU that touched and the node of the page.
//!
//! The address stream is drawn once more from its key, so the timed run pays nothing for it. What is not known for sure,
//! a request whose PU changed node between its ends or a page that did, is counted at the class "unknown", and widens the
//! ratio instead of shifting it.

use crate::pages::{Classes, HeapPages};
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
    /// Class of the node; the unknown where it was another at the two ends of the request.
    pub class: usize,
}

/// Splits `requests` by the class of the node they ran on.
pub fn stretches(log: &[PuAt], requests: Range<u64>, unknown: usize, class_of: impl Fn(u32) -> usize) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut add = |from: u64, to: u64, class| {
        let part = from.max(requests.start)..to.min(requests.end);
        match found.last_mut() {
            _ if part.is_empty() => {}
            Some(last) if last.class == class => last.requests.end = part.end,
            _ => found.push(Stretch { requests: part, class }),
        }
    };
    // Requests before `next` are dealt with; what comes after runs on `class`, until the log says otherwise.
    let (mut next, mut class) = (0, unknown);
    for &PuAt { at, pu } in log {
        let (request, new) = (at / 2, class_of(pu));
        add(next, request, class);
        next = next.max(request);
        if at % 2 == 1 && new != class {
            // Between the two ends of this request.
            add(request, request + 1, unknown);
            next = request + 1;
        }
        class = new;
    }
    add(next, requests.end, class);
    found
}

/// Touches by class of the PU's node and class of the page's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    classes: usize,
    touches: Vec<u64>,
}

impl Traffic {
    /// None yet.
    pub fn new(classes: &Classes) -> Traffic {
        Traffic { classes: classes.count(), touches: vec![0; classes.count() * classes.count()] }
    }

    /// Row of a class of PU, by class of page.
    fn row(&mut self, pu: usize) -> &mut [u64] {
        &mut self.touches[pu * self.classes..][..self.classes]
    }

    /// Adds touches of one class of PU to one class of page.
    pub(crate) fn count(&mut self, pu: usize, page: usize, touches: u64) {
        self.row(pu)[page] += touches;
    }

    /// Adds what another worker did.
    pub fn add(&mut self, other: &Traffic) {
        self.touches.iter_mut().zip(&other.touches).for_each(|(sum, more)| *sum += more);
    }

    /// `(class of PU, class of page, touches)` where there were any.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        let cell = |(at, &touches): (usize, &u64)| (at / self.classes, at % self.classes, touches);
        self.touches.iter().enumerate().map(cell).filter(|cell| cell.2 > 0)
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.touches.iter().sum()
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

    const UNKNOWN: usize = 9;

    fn check(log: &[(u64, u32)], requests: Range<u64>, expect: &[(Range<u64>, usize)]) {
        let log: Vec<PuAt> = log.iter().map(|&(at, pu)| PuAt { at, pu }).collect();
        // PUs 0-9 are of class 0, 10-19 of class 1.
        let found = stretches(&log, requests, UNKNOWN, |pu| pu as usize / 10);
        let found: Vec<(Range<u64>, usize)> =
            found.into_iter().map(|stretch| (stretch.requests, stretch.class)).collect();
        assert_eq!(found, expect, "{log:?}");
    }

    #[test]
    fn a_request_counts_for_the_node_that_both_its_ends_saw() {
        check(&[(0, 3)], 0..10, &[(0..10, 0)]);
        // Before request 4: a clean change. After request 4: request 4 itself is unknown.
        check(&[(0, 3), (8, 12)], 0..10, &[(0..4, 0), (4..10, 1)]);
        check(&[(0, 3), (9, 12)], 0..10, &[(0..4, 0), (4..5, UNKNOWN), (5..10, 1)]);
        // Another PU of the same node changes nothing.
        check(&[(0, 3), (9, 4)], 0..10, &[(0..10, 0)]);
        // There and back: request 4 is unknown, 5 ran on the other node, 6 is unknown.
        check(
            &[(0, 3), (9, 12), (13, 3)],
            0..10,
            &[(0..4, 0), (4..5, UNKNOWN), (5..6, 1), (6..7, UNKNOWN), (7..10, 0)],
        );
        // Both at once: started elsewhere, and moved again during it.
        check(&[(0, 3), (8, 12), (9, 3)], 0..10, &[(0..4, 0), (4..5, UNKNOWN), (5..10, 0)]);
        // Only some requests, and a worker that did none.
        check(&[(0, 3), (9, 12)], 4..6, &[(4..5, UNKNOWN), (5..6, 1)]);
        check(&[(0, 3)], 10..10, &[]);
        check(&[], 0..2, &[(0..2, UNKNOWN)]);
    }
}
