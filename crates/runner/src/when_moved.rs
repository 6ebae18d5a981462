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

/// Splits a worker's requests at its marks and where `stretches` splits them. `migrated` is what the host had migrated when
/// pages were located before, at the release, at each boundary, at the end, and when they had been located after; where that
/// is not known, as if it had migrated one page a request. Before and after its requests a worker is where it begins and ends.
pub(crate) fn pieces(
    marks: &[Mark],
    requests: u64,
    migrated: Option<&[u64]>,
    stretches: impl Fn(Range<u64>) -> Vec<Stretch>,
) -> Vec<Piece> {
    let Some([located, released @ .., located_again]) = migrated else {
        let piece = |stretch: Stretch| Piece { migrated: count(&stretch.requests), stretch };
        return stretches(0..requests).into_iter().map(piece).collect();
    };
    let (released, ended) = (released.first().unwrap_or(located), released.last().unwrap_or(located_again));
    let migrated_by = |boundary: u32| migrated.and_then(|all| all.get(boundary as usize + 1)).unwrap_or(ended);
    let ends = marks.iter().map(|mark| (mark.requests, *migrated_by(mark.boundary).min(ended)));
    let mut found = Vec::new();
    let (mut start, mut migrated_before) = (0, *released);
    for (end, migrated) in ends.chain([(requests, *ended)]) {
        let a_request = migrated.saturating_sub(migrated_before) as f64 / count(&(start..end));
        let piece = |stretch: Stretch| Piece { migrated: count(&stretch.requests) * a_request, stretch };
        found.extend(stretches(start..end).into_iter().map(piece));
        (start, migrated_before) = (end, migrated);
    }
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return found };
    let beside = |class: usize, at: u64, migrated: u64| Piece {
        stretch: Stretch { requests: at..at, class },
        migrated: migrated as f64,
    };
    let before = beside(first.stretch.class, 0, released.saturating_sub(*located));
    let after = beside(last.stretch.class, requests, located_again.saturating_sub(*ended));
    found.insert(0, before);
    found.push(after);
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
    fn check(on_0: u64, marks: &[Mark], migrated: Option<&[u64]>, expect: &[(Range<u64>, f64, f64)]) {
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
            .filter(|piece| !piece.0.is_empty())
            .collect();
        assert_eq!(found, expect, "{marks:?} {migrated:?}");
    }

    #[test]
    fn pages_come_while_the_worker_is_there() {
        // Nothing is known but where the worker was.
        check(0, &[], None, &[(0..100, 0.5, 0.5)]);
        check(40, &[mark(1, 30)], None, &[(0..40, 0.0, 0.5), (40..100, 0.5, 1.0)]);
    }

    #[test]
    fn pages_come_as_the_host_migrates() {
        let marks = [mark(1, 40), mark(2, 60)];
        let all = |requests: Range<u64>, moved| (requests, moved, moved);
        // All in the first slice, in which the worker did 40 requests; before the release; and after the end.
        check(0, &marks, Some(&[7, 7, 17, 17, 17, 17]), &[all(0..40, 0.5), all(40..60, 1.0), all(60..100, 1.0)]);
        check(0, &marks, Some(&[7, 17, 17, 17, 17, 17]), &[all(0..40, 1.0), all(40..60, 1.0), all(60..100, 1.0)]);
        check(0, &marks, Some(&[7, 7, 7, 7, 7, 17]), &[all(0..40, 0.0), all(40..60, 0.0), all(60..100, 0.0)]);
        check(0, &marks, Some(&[7, 7, 7, 12, 17, 17]), &[all(0..40, 0.0), all(40..60, 0.25), all(60..100, 0.75)]);
        // Asleep over the first boundary; at its end before any.
        check(0, &[mark(2, 60)], Some(&[0, 0, 1, 2, 4, 4]), &[all(0..60, 0.25), all(60..100, 0.75)]);
        check(0, &[], Some(&[0, 0, 1, 2, 4, 4]), &[all(0..100, 0.5)]);
        // To node 0 came 1 before, 2 and half of 2; to node 1 the other half, 2, and 5 after.
        let pieces = [(0..40, 0.0, 0.5), (40..50, 0.0, 0.875), (50..60, 0.0625, 1.0), (60..100, 0.25, 1.0)];
        check(50, &marks, Some(&[0, 1, 3, 5, 7, 12]), &pieces);
        // While it was there the host migrated nothing: as the host migrates.
        check(60, &marks, Some(&[0, 0, 2, 4, 4, 4]), &[all(0..40, 0.25), all(40..60, 0.75), all(60..100, 1.0)]);
    }

    #[test]
    fn a_worker_without_requests_has_no_pieces() {
        let classes = Classes::new([0, 1]).with_moves([(0, 1)]);
        for migrated in [None, Some(&[0, 5, 5, 7][..]), Some(&[3, 3, 3, 3])] {
            let found = pieces(&[], 0, migrated, |_| Vec::new());
            assert_eq!(found, []);
            assert_eq!(Moved::new(&found, &classes).by(0, 7), 0.5);
        }
    }
}
