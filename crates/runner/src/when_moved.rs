//! When pages moved that lay on one node before a run and on another after it, as likely as can be told.
//!
//! The kernel moves a page to the node of who touches it, and counts what it moves. So a page comes to a node while the worker
//! is there, the more likely the more pages the host migrated meanwhile.

use crate::pages::{Classes, Move, Moving};
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

/// Pages that the host had migrated at each look of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migrations {
    /// When the pages before were asked for.
    pub(crate) located: u64,
    /// At the release.
    pub(crate) released: u64,
    /// At each boundary between slices.
    pub(crate) boundaries: Vec<u64>,
    /// At the end.
    pub(crate) ended: u64,
    /// When the pages after had been told.
    pub(crate) located_again: u64,
}

impl Migrations {
    /// At a boundary, from 1; beyond the last at the end.
    fn at(&self, boundary: usize) -> u64 {
        self.boundaries.get(boundary - 1).copied().unwrap_or(self.ended)
    }
}

/// What a worker did, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Did<'a> {
    pub(crate) marks: &'a [Mark],
    pub(crate) requests: u64,
    /// Boundaries raised before it stopped.
    pub(crate) boundaries: usize,
}

/// Splits a worker's requests at its marks and where `stretches` splits them; without `migrations` as if the host had migrated
/// one page a request. Some pieces are without requests: what was migrated before the first, after the last, or while it
/// was in one, which counts for where it is then.
pub(crate) fn pieces(
    did: Did<'_>,
    migrations: Option<&Migrations>,
    stretches: impl Fn(Range<u64>) -> Vec<Stretch>,
) -> Vec<Piece> {
    let Did { marks, requests, boundaries } = did;
    let all = stretches(0..requests);
    let (Some(migrations), Some(first)) = (migrations, all.first()) else {
        return all.into_iter().map(|stretch| Piece { migrated: count(&stretch.requests), stretch }).collect();
    };
    let marks = marks.iter().map(|mark| (mark.requests, migrations.at(mark.boundary as usize)));
    let stopped = (requests, migrations.at(boundaries + 1));
    let ends =
        [(0, migrations.released)].into_iter().chain(marks).chain([stopped, (requests, migrations.located_again)]);
    let mut found: Vec<Piece> = Vec::new();
    let (mut start, mut before) = (0, migrations.located);
    for (end, now) in ends {
        let migrated = now.saturating_sub(before) as f64;
        if start == end {
            let class = found.last().map_or(first.class, |piece| piece.stretch.class);
            found.push(Piece { stretch: Stretch { requests: start..end, class }, migrated });
        }
        let share = |stretch: &Stretch| count(&stretch.requests) / count(&(start..end));
        let piece = |stretch: Stretch| Piece { migrated: migrated * share(&stretch), stretch };
        found.extend(stretches(start..end).into_iter().map(piece));
        (start, before) = (end, now);
    }
    found
}

/// How likely a page that moves in a run had moved by the middle of each piece of a worker's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved {
    /// A page that only this worker touches, by the node it moves to.
    private: BTreeMap<u32, Vec<f64>>,
    /// A page that all touch: anyone may have brought it.
    shared: Vec<f64>,
}

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
        Moved { private: classes.moves_to().into_iter().map(to).collect(), shared: shares_by_the_middle(&all) }
    }

    /// By the middle of a piece.
    pub(crate) fn by(&self, piece: usize, page: Move) -> f64 {
        match page.what {
            Moving::SharedPage => self.shared[piece],
            Moving::PrivatePage | Moving::Worker => self.private[&page.to][piece],
        }
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

    /// A worker of 100 requests that goes from node 0 to node 1 after `on_0` of them and stops after `boundaries`: how likely
    /// pages of its own that move to nodes 1 and 0, and shared ones, have moved by the middle of each piece with requests.
    fn check(
        on_0: u64,
        marks: &[Mark],
        boundaries: usize,
        looks: Option<[&[u64]; 3]>,
        expect: &[(Range<u64>, [f64; 3])],
    ) {
        let page = |what, from, to| Move { what, from, to };
        let kinds = [page(Moving::PrivatePage, 0, 1), page(Moving::PrivatePage, 1, 0), page(Moving::SharedPage, 0, 1)];
        let classes = Classes::new([0, 1]).with_moves(kinds);
        let stretches = |requests: Range<u64>| {
            let part = |range: Range<u64>, class| Stretch {
                requests: range.start.max(requests.start)..range.end.min(requests.end),
                class,
            };
            let both = [part(0..on_0, classes.of(Some(0))), part(on_0..100, classes.of(Some(1)))];
            both.into_iter().filter(|stretch| !stretch.requests.is_empty()).collect::<Vec<_>>()
        };
        let migrations = looks.map(|[before, boundaries, after]| Migrations {
            located: before[0],
            released: before[1],
            boundaries: boundaries.to_vec(),
            ended: after[0],
            located_again: after[1],
        });
        let found = pieces(Did { marks, requests: 100, boundaries }, migrations.as_ref(), stretches);
        let moved = Moved::new(&found, &classes);
        let found: Vec<_> = found
            .into_iter()
            .enumerate()
            .map(|(at, piece)| (piece.stretch.requests, kinds.map(|page| moved.by(at, page))))
            .filter(|piece| !piece.0.is_empty())
            .collect();
        assert_eq!(found, expect, "{marks:?} {looks:?}");
    }

    #[test]
    fn pages_come_while_the_worker_is_there() {
        // Nothing is known but where the worker was; a shared page anyone may bring.
        check(0, &[], 0, None, &[(0..100, [0.5, 0.5, 0.5])]);
        check(40, &[mark(1, 30)], 1, None, &[(0..40, [0.0, 0.5, 0.2]), (40..100, [0.5, 1.0, 0.7])]);
    }

    #[test]
    fn pages_come_as_the_host_migrates() {
        let marks = [mark(1, 40), mark(2, 60)];
        let all = |requests: Range<u64>, moved| (requests, [moved; 3]);
        let looks = |before: &'static [u64], boundaries: &'static [u64], after: &'static [u64]| {
            Some([before, boundaries, after])
        };
        // All in the first slice, in which the worker did 40 requests; before the release; and after the end.
        let three = |first, second, third| [all(0..40, first), all(40..60, second), all(60..100, third)];
        check(0, &marks, 2, looks(&[7, 7], &[17, 17], &[17, 17]), &three(0.5, 1.0, 1.0));
        check(0, &marks, 2, looks(&[7, 17], &[17, 17], &[17, 17]), &three(1.0, 1.0, 1.0));
        check(0, &marks, 2, looks(&[7, 7], &[7, 7], &[7, 17]), &three(0.0, 0.0, 0.0));
        check(0, &marks, 2, looks(&[7, 7], &[7, 12], &[17, 17]), &three(0.0, 0.25, 0.75));
        // Asleep over the first boundary; at its end before any, and long before the others.
        check(0, &[mark(2, 60)], 2, looks(&[0, 0], &[1, 2], &[4, 4]), &[all(0..60, 0.25), all(60..100, 0.75)]);
        check(0, &[], 0, looks(&[0, 0], &[1, 2], &[4, 4]), &[all(0..100, 0.125)]);
        // In one request while all moved.
        check(
            0,
            &[mark(1, 40), mark(2, 40)],
            2,
            looks(&[0, 0], &[0, 4], &[4, 4]),
            &[all(0..40, 0.0), all(40..100, 1.0)],
        );
        // While it was on node 1 the host migrated nothing: as the host migrates.
        check(60, &marks, 2, looks(&[0, 0], &[2, 4], &[4, 4]), &three(0.25, 0.75, 1.0));
    }

    #[test]
    fn a_worker_that_moves_brings_its_own_pages_and_not_those_of_all() {
        // To node 0 came 1 before, 2 and half of 2; to node 1 the other half, 2, and 5 after.
        let pieces = [
            (0..40, [0.0, 0.5, 2.0 / 12.0]),
            (40..50, [0.0, 0.875, 3.5 / 12.0]),
            (50..60, [0.0625, 1.0, 4.5 / 12.0]),
            (60..100, [0.25, 1.0, 0.5]),
        ];
        check(50, &[mark(1, 40), mark(2, 60)], 2, Some([&[0, 1], &[3, 5], &[7, 12]]), &pieces);
    }

    #[test]
    fn a_worker_without_requests_has_no_pieces() {
        let migrations = Migrations { located: 0, released: 1, boundaries: vec![2], ended: 3, located_again: 4 };
        let did = Did { marks: &[], requests: 0, boundaries: 1 };
        assert_eq!(pieces(did, Some(&migrations), |_| Vec::new()), []);
        assert_eq!(pieces(did, None, |_| Vec::new()), []);
    }
}
