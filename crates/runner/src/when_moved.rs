//! When pages moved that lay on one node before a run and on another after it, as likely as can be told.
//!
//! The kernel moves a page to the node of who touches it, and counts what it moves. So a page comes to a node while the worker
//! is there, the more likely the more pages the host migrated meanwhile.

use crate::pages::Classes;
use crate::replay::Stretch;
use crate::windows::Mark;
use std::collections::BTreeMap;
use std::ops::Range;

/// Requests of a worker on PUs of one class, and how many pages the host migrated meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) stretch: Stretch,
    migrated: f64,
}

/// Splits a worker's requests at its marks and where `stretches` splits them. `migrated` is what the host had migrated at
/// the release, at each boundary and at the end; where that is not known, as if it had migrated one page a request.
pub(crate) fn pieces(
    marks: &[Mark],
    requests: u64,
    migrated: &[u64],
    stretches: impl Fn(Range<u64>) -> Vec<Stretch>,
) -> Vec<Piece> {
    let Some((&first, &last)) = migrated.first().zip(migrated.last()) else {
        let piece = |stretch: Stretch| Piece { migrated: count(&stretch.requests), stretch };
        return stretches(0..requests).into_iter().map(piece).collect();
    };
    let ends = marks.iter().map(|mark| (mark.requests, migrated.get(mark.boundary as usize).copied().unwrap_or(last)));
    let mut found = Vec::new();
    let (mut start, mut migrated_before) = (0, first);
    for (end, migrated) in ends.chain([(requests, last)]) {
        let a_request = migrated.saturating_sub(migrated_before) as f64 / count(&(start..end));
        let piece = |stretch: Stretch| Piece { migrated: count(&stretch.requests) * a_request, stretch };
        found.extend(stretches(start..end).into_iter().map(piece));
        (start, migrated_before) = (end, migrated);
    }
    found
}

/// For each node that pages move to: how likely such a page was there by the middle of each piece of a worker's run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved(BTreeMap<u32, Vec<f64>>);

impl Moved {
    /// From all pieces of a worker. To a node that it never was on, pages move as the host migrates.
    pub(crate) fn new(pieces: &[Piece], classes: &Classes) -> Moved {
        let all: Vec<f64> = pieces.iter().map(|piece| piece.migrated).collect();
        let to = |node: u32| {
            let is_there = |piece: &Piece| piece.stretch.class == classes.of(Some(node));
            let there: Vec<f64> =
                pieces.iter().map(|piece| if is_there(piece) { piece.migrated } else { 0.0 }).collect();
            (node, shares_by_the_middle(if there.iter().any(|migrated| *migrated > 0.0) { &there } else { &all }))
        };
        Moved(classes.moves_to().into_iter().map(to).collect())
    }

    /// By the middle of a piece, to a node; one half for a node that no page moves to.
    pub(crate) fn by(&self, piece: usize, to: u32) -> f64 {
        self.0.get(&to).map_or(0.5, |shares| shares[piece])
    }
}

/// Share of the sum that is reached by the middle of each amount; one half where all are 0.
fn shares_by_the_middle(amounts: &[f64]) -> Vec<f64> {
    let sum: f64 = amounts.iter().sum();
    let mut before = 0.0;
    let share = |amount: &f64| {
        let by_the_middle = before + amount / 2.0;
        before += amount;
        if sum > 0.0 { by_the_middle / sum } else { 0.5 }
    };
    amounts.iter().map(share).collect()
}

fn count(requests: &Range<u64>) -> f64 {
    (requests.end - requests.start) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(boundary: u32, requests: u64) -> Mark {
        Mark { boundary, requests, checksum: 0 }
    }

    /// A worker of 100 requests that goes from node 0 to node 1 after `on_0` of them: how likely pages that move to nodes 1 and
    /// 0 have moved by the middle of each piece.
    fn check(on_0: u64, marks: &[Mark], migrated: &[u64], expect: &[(Range<u64>, f64, f64)]) {
        let classes = Classes::new([0, 1]).with_moves([(0, 1), (1, 0)]);
        let stretches = |requests: Range<u64>| {
            let part = |range: Range<u64>, class| Stretch {
                requests: range.start.max(requests.start)..range.end.min(requests.end),
                class,
            };
            let both = [part(0..on_0, classes.of(Some(0))), part(on_0..100, classes.of(Some(1)))];
            both.into_iter().filter(|stretch| !stretch.requests.is_empty()).collect::<Vec<_>>()
        };
        let found = pieces(marks, 100, migrated, stretches);
        let moved = Moved::new(&found, &classes);
        let found: Vec<_> = found
            .into_iter()
            .enumerate()
            .map(|(at, piece)| (piece.stretch.requests, moved.by(at, 1), moved.by(at, 0)))
            .collect();
        assert_eq!(found, expect, "{marks:?} {migrated:?}");
    }

    #[test]
    fn pages_come_while_the_worker_is_there() {
        // Nothing is known but where the worker was.
        check(0, &[], &[], &[(0..100, 0.5, 0.5)]);
        check(40, &[mark(1, 30)], &[], &[(0..40, 0.0, 0.5), (40..100, 0.5, 1.0)]);
    }

    #[test]
    fn pages_come_as_the_host_migrates() {
        // All in the first slice, in which the worker did 40 requests.
        let marks = [mark(1, 40), mark(2, 60)];
        check(0, &marks, &[7, 17, 17, 17], &[(0..40, 0.5, 0.5), (40..60, 1.0, 1.0), (60..100, 1.0, 1.0)]);
        check(0, &marks, &[7, 7, 12, 17], &[(0..40, 0.0, 0.0), (40..60, 0.25, 0.25), (60..100, 0.75, 0.75)]);
        // Asleep over the first boundary; at its end before any.
        check(0, &[mark(2, 60)], &[0, 1, 2, 4], &[(0..60, 0.25, 0.25), (60..100, 0.75, 0.75)]);
        check(0, &[], &[0, 1, 2, 4], &[(0..100, 0.5, 0.5)]);
        // The second slice is half of it on node 0; of its migrations as many.
        let pieces = [(0..40, 0.0, 0.25), (40..50, 0.0, 0.75), (50..60, 0.25, 1.0), (60..100, 0.75, 1.0)];
        check(50, &marks, &[0, 2, 6, 8], &pieces);
        // While it was there the host migrated nothing: as the host migrates.
        check(60, &marks, &[0, 2, 4, 4], &[(0..40, 0.25, 0.25), (40..60, 0.75, 0.75), (60..100, 1.0, 1.0)]);
    }

    #[test]
    fn a_worker_without_requests_has_no_pieces() {
        let classes = Classes::new([0, 1]).with_moves([(0, 1)]);
        for migrated in [&[][..], &[0, 5], &[3, 3]] {
            let found = pieces(&[], 0, migrated, |_| Vec::new());
            assert_eq!(found, []);
            assert_eq!(Moved::new(&found, &classes).by(0, 7), 0.5);
        }
    }
}
