//! When pages moved that lay on one node before a run and on another after it, or came back.
//!
//! By looks at some pages of each heap while a sample ran it is known how many of those that moved had left by each look. In
//! between, and where nobody looked, they are taken to have left evenly; those that only one worker touches, while that worker
//! was on the node that they went to. They return evenly.

use crate::heaps::{Maps, node};
use crate::looks::Look;
use crate::pages::{Classes, HeapPages, Move, Moving};
use crate::replay::Stretch;
use crate::sampling::Worked;
use crate::windows::Boundary;
use host::locate::{Glimpse, PageMap};
use std::collections::BTreeMap;
use std::ops::Range;

/// Times at which the share of pages that had left is known, at most; straight in between.
const POINTS: usize = 512;

/// Requests of a worker on PUs of one class, and when it did them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) stretch: Stretch,
    /// ns after the release.
    pub(crate) during_ns: Range<f64>,
}

/// Splits a worker's requests where it saw a boundary, and there where `stretches`, all of them in order, end. In between it is
/// taken to have done them evenly.
pub(crate) fn pieces(worked: &Worked, boundaries: &[Boundary], stretches: &[Stretch]) -> Vec<Piece> {
    let at_ns = |boundary: u32| boundaries[boundary as usize - 1].at_ns;
    let marks = worked.log.marks.iter().map(|mark| (mark.requests, at_ns(mark.boundary)));
    let (mut found, mut left) = (Vec::new(), stretches);
    let (mut start, mut start_ns) = (0, 0);
    for (end, end_ns) in marks.chain([(worked.log.requests, worked.stopped_ns)]) {
        let step_ns = end_ns.saturating_sub(start_ns) as f64 / (end - start).max(1) as f64;
        let when = |request: u64| start_ns as f64 + (request - start) as f64 * step_ns;
        while let Some(stretch) = left.first().filter(|stretch| stretch.requests.start < end) {
            let requests = stretch.requests.start.max(start)..stretch.requests.end.min(end);
            let during_ns = when(requests.start)..when(requests.end);
            found.push(Piece { stretch: Stretch { requests, class: stretch.class }, during_ns });
            if stretch.requests.end > end {
                break;
            }
            left = &left[1..];
        }
        (start, start_ns) = (end, end_ns);
    }
    found
}

/// Shares of pages that had left their first node by when.
pub(crate) type Shares = BTreeMap<Move, Line>;

/// How many of the pages of a worker's heaps that moved had left their first node by when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moved<'a> {
    own: Shares,
    shared: &'a Shares,
    /// Of pages of its own at which nobody looked,
    unseen_own: Line,
    /// and of those that all share.
    unseen_shared: Line,
    /// How long the worker had been on each node that pages of its own went to.
    there: BTreeMap<u32, Line>,
}

impl<'a> Moved<'a> {
    /// Of a worker that did these pieces, and of the shared pages as [`Watched::shared`] has them, in a run that ended at `end_ns`.
    pub(crate) fn new(
        (worker, did): (usize, &[Piece]),
        classes: &Classes,
        watched: &Watched<'_>,
        shared: &'a Shares,
        end_ns: u64,
    ) -> Moved<'a> {
        let own_end_ns = did.last().map_or(0.0, |piece| piece.during_ns.end);
        let on = |node: u32| (node, Line::time_on(classes.of(Some(node)), did));
        let there: BTreeMap<u32, Line> = classes.moves_to().into_iter().map(on).collect();
        let step = did.len().div_ceil(POINTS).max(1);
        let ends = did.iter().step_by(step).flat_map(|piece| [piece.during_ns.start, piece.during_ns.end]);
        let looks = watched.looks.iter().map(|look| look.at_ns as f64).filter(|ns| *ns < own_end_ns);
        let mut times: Vec<f64> = ends.chain(looks).collect();
        times.sort_by(f64::total_cmp);
        let share = |(page, lines): (Move, Vec<Line>)| {
            let times = times.iter().copied().chain([own_end_ns]);
            (page, Line::mean(&lines, times, there.get(&page.to)))
        };
        let own = watched.lines_of(worker, own_end_ns).into_iter().map(share).collect();
        let [unseen_own, unseen_shared] = [own_end_ns, end_ns as f64].map(|end_ns| Line::new([], end_ns, true));
        Moved { own, shared, unseen_own, unseen_shared, there }
    }

    /// Share that had left, on average over this time.
    pub(crate) fn during(&self, during_ns: &Range<f64>, page: Move) -> f64 {
        match page.what {
            Moving::SharedPage => self.shared.get(&page).unwrap_or(&self.unseen_shared).over(during_ns),
            Moving::PrivatePage | Moving::Worker => self.own.get(&page).map_or_else(
                || {
                    let by = |ns: f64| self.unseen_own.at_by(ns, self.there.get(&page.to));
                    (by(during_ns.start) + by(during_ns.end)) / 2.0
                },
                |seen| seen.over(during_ns),
            ),
        }
    }
}

/// What was seen of where pages lay: before, after, and of some of them in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched<'a> {
    pub(crate) before: &'a Maps,
    pub(crate) after: &'a Maps,
    pub(crate) looks: &'a [Look],
}

impl Watched<'_> {
    /// Of the shared heap, in a run that ended at `end_ns`.
    pub(crate) fn shared(&self, end_ns: u64) -> Shares {
        let before_the_end = || self.looks.iter().map(|look| look.at_ns).take_while(|at_ns| *at_ns < end_ns);
        let times = || before_the_end().chain([end_ns]).map(|ns| ns as f64);
        let lines = self.lines_of(self.workers(), end_ns as f64);
        lines.into_iter().map(|(page, lines)| (page, Line::mean(&lines, times(), None))).collect()
    }

    /// The number of private heaps, and of the shared one behind them.
    fn workers(&self) -> usize {
        self.before.all().count() - 1
    }

    /// Every way in which a page moved.
    pub(crate) fn moves(&self) -> impl Iterator<Item = Move> + '_ {
        let seen = (0..=self.workers()).flat_map(|heap| self.moved(heap)).map(|(_, page)| page);
        self.before.moves(self.after).chain(seen)
    }

    /// Classes of the pages of a worker's heaps, as [`Maps::pages`], those that returned among the moved ones.
    pub(crate) fn pages(&self, worker: usize, classes: &Classes, uniform: bool) -> [HeapPages; 2] {
        let [own, shared] = self.before.pages(self.after, worker, classes, uniform);
        [(own, worker), (shared, self.workers())]
            .map(|(pages, heap)| pages.with_moves(classes, self.returned(heap).into_iter().flatten()))
    }

    /// Pages of a heap that returned: watched ones, and those behind each, up to the next, that lay where it lay.
    fn returned(&self, heap: usize) -> Option<impl Iterator<Item = (usize, Move)> + '_> {
        let [before, after] = self.maps(heap)?;
        let watched = &self.looks.first()?.heaps[heap];
        let returned = self.moved(heap).into_iter().filter(|(_, one)| one.returned);
        let behind = returned.flat_map(move |(at, one)| {
            let next = watched.get(at + 1).map_or(before.nodes.len(), |next| next.0);
            let lay = move |map: &PageMap, page: usize| node(map.nodes[page]) == Some(one.from);
            (watched[at].0..next)
                .filter(move |&page| lay(before, page) && lay(after, page))
                .map(move |page| (page, one))
        });
        Some(behind)
    }

    /// Watched pages of a heap that moved, by their place among those watched. One that lay on the same node before and after
    /// returned, if it was seen on another.
    fn moved(&self, heap: usize) -> Vec<(usize, Move)> {
        let (Some([before, after]), Some(first)) = (self.maps(heap), self.looks.first()) else { return Vec::new() };
        let what = if heap == self.workers() { Moving::SharedPage } else { Moving::PrivatePage };
        let moved = |(at, page): (usize, usize)| {
            let (from, last) = (node(before.nodes[page])?, node(after.nodes[page])?);
            let mut seen = self.looks.iter().filter_map(|look| node(look.heaps[heap][at].1.node));
            let returned = from == last;
            let to = if returned { seen.find(|seen| *seen != from)? } else { last };
            Some((at, Move { what, from, to, returned }))
        };
        first.heaps[heap].iter().map(|watched| watched.0).enumerate().filter_map(moved).collect()
    }

    /// Where the pages of a heap lay before and after.
    fn maps(&self, heap: usize) -> Option<[&PageMap; 2]> {
        Some([self.before.all().nth(heap)??, self.after.all().nth(heap)??])
    }

    /// Of one heap's watched pages that moved: 0 as long as it was seen where it lay before, 1 where it was not.
    fn lines_of(&self, heap: usize, end_ns: f64) -> BTreeMap<Move, Vec<Line>> {
        let mut lines: BTreeMap<Move, Vec<Line>> = BTreeMap::new();
        for (at, page) in self.moved(heap) {
            let first = self.looks[0].heaps[heap][at].1;
            // Where it had left already, its frame of before is not known.
            let had = first.frame.filter(|_| node(first.node).is_none_or(|node| node == page.from));
            let mut was_away = false;
            let mut has_left = |seen: Glimpse| match (node(seen.node), seen.frame.zip(had)) {
                (Some(node), _) => {
                    was_away |= node != page.from;
                    Some(node != page.from)
                }
                (None, Some((now, then))) if now == then => Some(false),
                // Once it was away it may be back in a frame that is not the first.
                (None, Some(_)) if !was_away && !page.returned => Some(true),
                (None, _) => None,
            };
            let before_the_end = self.looks.iter().take_while(|look| (look.at_ns as f64) < end_ns);
            let seen = before_the_end.filter_map(|look| {
                let left = has_left(look.heaps[heap][at].1)?;
                Some((look.at_ns as f64, f64::from(u8::from(left))))
            });
            lines.entry(page).or_default().push(Line::new(seen, end_ns, !page.returned));
        }
        lines
    }
}

/// A value over time, `(ns, value)`, straight between the points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line(Vec<(f64, f64)>);

impl Line {
    /// Of a page, from 0 at the release to 1 at the end, if it has left by then, else to 0.
    fn new(between: impl IntoIterator<Item = (f64, f64)>, end_ns: f64, has_left: bool) -> Line {
        Line([(0.0, 0.0)].into_iter().chain(between).chain([(end_ns, f64::from(u8::from(has_left)))]).collect())
    }

    /// How long a worker had been on PUs of one class.
    fn time_on(class: usize, did: &[Piece]) -> Line {
        let mut on = 0.0;
        let points = did.iter().flat_map(|Piece { stretch, during_ns }| {
            let before = on;
            on += if stretch.class == class { during_ns.end - during_ns.start } else { 0.0 };
            [(during_ns.start, before), (during_ns.end, on)]
        });
        Line(points.collect())
    }

    /// The mean of lines, by their values as [`Line::at_by`] has them at some times, in order.
    fn mean(lines: &[Line], times_ns: impl Iterator<Item = f64>, clock: Option<&Line>) -> Line {
        let mean = |ns: f64| lines.iter().map(|line| line.at_by(ns, clock)).sum::<f64>() / lines.len() as f64;
        Line(times_ns.map(|ns| (ns, mean(ns))).collect())
    }

    fn at(&self, ns: f64) -> f64 {
        self.at_by(ns, None)
    }

    /// On average over a time.
    fn over(&self, during_ns: &Range<f64>) -> f64 {
        let Range { start, end } = *during_ns;
        if start >= end {
            return self.at(start);
        }
        let between = self.0.partition_point(|(ns, _)| *ns <= start)..self.0.partition_point(|(ns, _)| *ns < end);
        let (mut area, mut last) = (0.0, (start, self.at(start)));
        for point in self.0[between].iter().copied().chain([(end, self.at(end))]) {
            area += (point.0 - last.0) * (point.1 + last.1) / 2.0;
            last = point;
        }
        area / (end - start)
    }

    /// As [`Line::at`], but between two points it rises as `clock` does, if there is one and it rises there.
    fn at_by(&self, ns: f64, clock: Option<&Line>) -> f64 {
        let next = self.0.partition_point(|(point_ns, _)| *point_ns <= ns);
        let Some(&(from_ns, from)) = next.checked_sub(1).map(|last| &self.0[last]) else {
            return self.0.first().map_or(0.0, |first| first.1);
        };
        let Some(&(to_ns, to)) = self.0.get(next) else { return from };
        if from == to {
            return from;
        }
        let [start, now, end] = [from_ns, ns, to_ns].map(|ns| clock.map_or(ns, |clock| clock.at(ns)));
        let share =
            if to > from && end > start { (now - start) / (end - start) } else { (ns - from_ns) / (to_ns - from_ns) };
        from + (to - from) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::threads::Log;
    use crate::windows::Mark;
    use host::locate::{MapSource, UNKNOWN};

    #[test]
    fn requests_were_done_evenly_between_marks() {
        let boundaries = [10, 20, 40, 70].map(|at_ns| Boundary { tick: 1, at_ns });
        let check = |marks: &[(u32, u64)], expect: &[(Range<u64>, Range<f64>)]| {
            let marks = marks.iter().map(|&(boundary, requests)| Mark { boundary, requests, checksum: 0 }).collect();
            let log = Log { requests: 100, marks, pus: Vec::new(), checksum: 0 };
            let worked = Worked { log, stopped_ns: 60, usage: None };
            // On another node from request 30 on.
            let stretches = [(0..30, 0), (30..100, 1)].map(|(requests, class)| Stretch { requests, class });
            let found: Vec<_> = pieces(&worked, &boundaries, &stretches)
                .into_iter()
                .map(|piece| (piece.stretch.requests, piece.during_ns))
                .collect();
            assert_eq!(found, expect, "{marks:?}", marks = worked.log.marks);
        };
        check(&[], &[(0..30, 0.0..18.0), (30..100, 18.0..60.0)]);
        check(
            &[(1, 20), (2, 40), (3, 90)],
            &[
                (0..20, 0.0..10.0),
                (20..30, 10.0..15.0),
                (30..40, 15.0..20.0),
                (40..90, 20.0..40.0),
                (90..100, 40.0..60.0),
            ],
        );
        // Asleep over the first two boundaries; in one request over the third.
        check(&[(2, 30), (3, 30)], &[(0..30, 0.0..20.0), (30..100, 40.0..60.0)]);
    }

    /// Two heaps of 8 pages, a worker's own and the shared one; of each, pages 0, 2, 4 and 6 are watched.
    fn maps(nodes: [i16; 8]) -> Maps {
        let map =
            PageMap { page_bytes: 4096, nodes: nodes.to_vec(), source: MapSource::MovePages, counts: BTreeMap::new() };
        Maps::of(vec![Some(map.clone())], Some(map))
    }

    /// Of each watched page the node and the frame.
    fn look(at_ns: u64, seen: [(i16, Option<u64>); 4]) -> Look {
        let seen = seen.map(|(node, frame)| Glimpse { node, frame });
        let heap: Vec<_> = [0, 2, 4, 6].into_iter().zip(seen).collect();
        Look { at_ns, heaps: vec![heap.clone(), heap] }
    }

    #[test]
    fn pages_leave_between_the_looks_that_tell() {
        let (before, after) = (maps([0, 0, 0, 0, 1, 1, 5, 5]), maps([1, 1, 1, 1, 0, 0, 5, 5]));
        let seen = |node| (node, None);
        let unknown = |frame| (UNKNOWN, Some(frame));
        let looks = [
            look(0, [seen(0), (0, Some(7)), (1, Some(8)), seen(5)]),
            look(10, [seen(0), seen(0), unknown(8), seen(5)]),
            look(20, [seen(UNKNOWN), unknown(7), unknown(9), seen(5)]),
            look(40, [seen(1), seen(2), seen(1), seen(5)]),
        ];
        let watched = Watched { before: &before, after: &after, looks: &looks };
        let gone = [(0, 1), (1, 0)].map(|(from, to)| Move::new(Moving::PrivatePage, from, to));
        let classes = Classes::new([0, 1, 5]).with_moves(gone);
        // On node 1 from 30 to 40 and from 60 on.
        let did = [(0.0..20.0, 0), (20.0..30.0, 0), (30.0..40.0, 1), (40.0..60.0, 0), (60.0..80.0, 1)];
        let did = did.map(|(during_ns, node)| {
            let stretch = Stretch { requests: 0..0, class: classes.of(Some(node)) };
            Piece { stretch, during_ns }
        });
        let shared = watched.shared(80);
        let moved = Moved::new((0, &did), &classes, &watched, &shared, 80);
        let check = |(what, from, to): (Moving, u32, u32), during_ns: Range<f64>, expect: f64| {
            let found = moved.during(&during_ns, Move::new(what, from, to));
            assert!((found - expect).abs() < 1e-12, "{what:?} {from} {during_ns:?}: {found}, not {expect}");
        };
        // One left between 10 and 40, when nobody could tell; the other between 20 and 40, as its frame tells.
        let away = (Moving::SharedPage, 0, 1);
        check(away, 0.0..10.0, 0.0);
        check(away, 20.0..20.0, (1.0 / 3.0) / 2.0);
        check(away, 30.0..30.0, (1.0 / 6.0 + 1.0) / 2.0);
        check(away, 10.0..20.0, (1.0 / 6.0) / 2.0);
        check(away, 50.0..80.0, 1.0);
        // It had gone by 20, was back at 40, and went again.
        let back = (Moving::SharedPage, 1, 0);
        check(back, 20.0..20.0, 1.0);
        check(back, 40.0..40.0, 0.0);
        check(back, 60.0..60.0, 0.5);
        check(back, 80.0..90.0, 1.0);
        // A worker's own come when it is there.
        let own = (Moving::PrivatePage, 0, 1);
        check(own, 0.0..30.0, 0.0);
        check(own, 30.0..40.0, 0.5);
        check(own, 40.0..60.0, 1.0);
        // Of a worker that stopped at 30 on node 0, only looks before that count; it came back while it was there.
        let shared = Shares::new();
        let stopped = Moved::new((0, &did[..2]), &classes, &watched, &shared, 80);
        let back = stopped.during(&(25.0..25.0), Move::new(Moving::PrivatePage, 1, 0));
        assert_eq!((stopped.own.len(), back), (2, 1.0));
        // Nobody looked at a page that moved so; a worker's own comes while it is there.
        check((Moving::PrivatePage, 5, 1), 30.0..30.0, 0.0);
        check((Moving::PrivatePage, 5, 1), 40.0..60.0, 1.0 / 3.0);
        let unseen = (Moving::SharedPage, 5, 0);
        check(unseen, 0.0..80.0, 0.5);
        check(unseen, 20.0..20.0, 0.25);
    }

    #[test]
    fn pages_that_came_back_were_away_between_the_looks_that_saw_it() {
        // The watched pages 0 and 4 were on node 1 meanwhile, 2 on none that is told, 6 stayed.
        let (before, after) = (maps([0, 0, 0, 0, 0, 1, 0, 0]), maps([0, 0, 0, 0, 0, 1, 0, 0]));
        let here = (0, None);
        let looks = [
            look(0, [here, (0, Some(7)), here, here]),
            look(20, [(1, None), (UNKNOWN, Some(8)), here, here]),
            look(40, [(1, None), (UNKNOWN, None), (1, None), here]),
            look(60, [here, here, here, here]),
        ];
        let watched = Watched { before: &before, after: &after, looks: &looks };
        let back = |what| Move { returned: true, ..Move::new(what, 0, 1) };
        let own = back(Moving::PrivatePage);
        // Page 1 did as page 0; page 5 lay elsewhere than page 4.
        assert_eq!(watched.returned(0).unwrap().collect::<Vec<_>>(), [(0, own), (1, own), (4, own)]);
        let moves: Vec<Move> = watched.moves().collect();
        assert!(moves.contains(&own) && moves.contains(&back(Moving::SharedPage)), "{moves:?}");
        let classes = Classes::new([0, 1]).with_moves(moves);
        let [heap, _] = watched.pages(0, &classes, false);
        assert_eq!(heap.classes().iter().filter(|class| classes.moved(usize::from(**class)) == Some(own)).count(), 3);
        let did = [Piece { stretch: Stretch { requests: 0..0, class: classes.of(Some(1)) }, during_ns: 0.0..80.0 }];
        let shared = watched.shared(80);
        let moved = Moved::new((0, &did), &classes, &watched, &shared, 80);
        for page in [own, back(Moving::SharedPage)] {
            let check = |ns: f64, expect: f64| assert_eq!(moved.during(&(ns..ns), page), expect, "{page:?} {ns}");
            check(0.0, 0.0);
            check(10.0, 0.25);
            check(20.0, 0.5);
            check(40.0, 1.0);
            check(50.0, 0.5);
            check(60.0, 0.0);
            check(80.0, 0.0);
            assert_eq!(moved.during(&(0.0..80.0), page), 0.375);
            assert_eq!(moved.during(&(10.0..50.0), page), 0.65625);
        }
    }

    #[test]
    fn a_run_without_length_has_all_moved() {
        assert_eq!(Line::new([(0.0, 0.0)], 0.0, true).at(0.0), 1.0);
    }
}
