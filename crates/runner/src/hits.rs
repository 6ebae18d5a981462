//! From counted touches to the local hit ratio and its bounds.

use crate::node_traffic::NodeTraffic;
use crate::sample::{Hits, TrafficCell};
use plan::record::HitSource;
use std::collections::BTreeMap;

/// Standard normal quantile of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// How the touches were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All of them.
    All,
    /// Those of this many requests, drawn uniformly.
    Sampled {
        /// How many.
        requests: u64,
    },
    /// As if it were known which pages lie on which node, where only their number is: for uniform touches.
    ByPages {
        /// How many requests were looked at.
        requests: u64,
    },
}

/// Summarizes traffic. `None` where no touch has both a known PU and a known page: a ratio of nothing is not measured.
///
/// A touch during which PU or page moved counts for each pair of their ends as likely as it is; in the bounds it may be
/// anything.
///
/// Bounds of a sample, or of what is counted by the share of pages, are widened by the Wilson interval (Wilson 1927) of
/// 95 %, with a request as the unit: touches of one request share their PU, and the variance of a request's share is at most
/// that of one draw.
pub fn summarize(traffic: NodeTraffic, counted: Counted, package_of_node: &[(u32, u32)]) -> Option<Hits> {
    let packages: BTreeMap<u32, u32> = package_of_node.iter().copied().collect();
    let rows = traffic.into_cells();
    let known = |row: &&TrafficCell| row.pu_node.is_some() && row.memory_node.is_some();
    let is_local = |row: &&TrafficCell| row.pu_node == row.memory_node;
    let package = |node: Option<u32>| node.and_then(|node| packages.get(&node));
    let is_within_package =
        |row: &&TrafficCell| package(row.pu_node).is_some() && package(row.pu_node) == package(row.memory_node);
    let expected = |is: &dyn Fn(&&TrafficCell) -> bool| {
        rows.iter().filter(known).filter(|row| is(row)).map(TrafficCell::expected).sum::<f64>()
    };
    let all_known = expected(&|_| true);
    if all_known == 0.0 {
        return None;
    }
    let sure = |is: &dyn Fn(&&TrafficCell) -> bool| {
        rows.iter().filter(known).filter(|row| is(row)).map(|row| row.touches).sum::<u64>()
    };
    let (local, remote) = (sure(&is_local), sure(&|row| !is_local(row)));
    let touches = rows.iter().map(TrafficCell::expected).sum::<f64>().round() as u64;
    let (low, high) = (local as f64 / touches as f64, (touches - remote) as f64 / touches as f64);
    let (source, low, high) = match counted {
        Counted::All => (HitSource::Replay, low, high),
        Counted::Sampled { requests } => (HitSource::Sampled, wilson(low, requests).0, wilson(high, requests).1),
        Counted::ByPages { requests } => (HitSource::Pages, wilson(low, requests).0, wilson(high, requests).1),
    };
    let ratio = expected(&is_local) / all_known;
    let package_ratio = (!packages.is_empty()).then(|| expected(&is_within_package) / all_known);
    Some(Hits { source, touches, local, remote, ratio, low, high, package_ratio, traffic: rows })
}

/// Wilson's interval of a share seen among `n`.
fn wilson(share: f64, n: u64) -> (f64, f64) {
    let n = n as f64;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Classes, HeapPages, Move, Moving};
    use crate::replay::{Sample, Stretch, Traffic, replay_all, replay_sample, stretches};
    use crate::workload::test_serve;
    use plan::random::{below, draw};

    const PAGE: u64 = 4096;

    /// Private heap of 4 pages, shared heap of 8; `nodes` are those of the pages.
    fn pages(classes: &Classes, nodes: [&[u32]; 2]) -> [HeapPages; 2] {
        nodes.map(|nodes| {
            HeapPages::new(classes, Moving::PrivatePage, PAGE, nodes.iter().map(|&node| (Some(node), Some(node))))
        })
    }

    fn summed(traffic: &Traffic, counted: Counted, classes: &Classes, package_of_node: &[(u32, u32)]) -> Option<Hits> {
        let mut by_node = NodeTraffic::default();
        by_node.take(traffic, classes, |_| 0.5);
        summarize(by_node, counted, package_of_node)
    }

    /// The rule of `serve` written down a second time, the slow and obvious way.
    fn brute_force(
        requests: std::ops::Range<u64>,
        on_node: impl Fn(u64) -> u32,
        nodes: [&[u32]; 2],
    ) -> (u64, u64, u64) {
        let serve = test_serve();
        let (mut local, mut remote, mut checksum) = (0, 0, 0u64);
        for request in requests {
            for touch in 0..u64::from(serve.lines_per_request) {
                let drawn = draw(77, request * u64::from(serve.lines_per_request) + touch);
                let heap = usize::from((drawn % 65536) as f64 / 65536.0 < serve.shared_ratio);
                let lines = [serve.private_bytes / 64, serve.shared_bytes / 64][heap];
                let line = below(drawn, lines);
                let page = nodes[heap][(line * 64 / PAGE) as usize];
                *(if page == on_node(request) { &mut local } else { &mut remote }) += 1;
                if (drawn / 65536 % 65536) as f64 / 65536.0 >= serve.write_ratio {
                    checksum = checksum.wrapping_add((2 * line + heap as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                }
            }
        }
        (local, remote, checksum)
    }

    /// `others`: nodes of the machine that hold no page.
    fn check(nodes: [&[u32]; 2], others: std::ops::Range<u32>) {
        let classes = Classes::new(others.chain([0, 1]));
        // On node 0 for 300 requests, then on node 1.
        let log = [crate::replay::PuAt { at: 0, pu: 0 }, crate::replay::PuAt { at: 600, pu: 1 }];
        let parts = stretches(&log, 100..500, &classes, Some);
        let mut traffic = Traffic::new(&classes);
        let checksum = replay_all(&test_serve(), 77, &parts, &pages(&classes, nodes), &mut traffic);
        let hits = summed(&traffic, Counted::All, &classes, &[(0, 0), (1, 0)]).expect("there were touches");
        let expect = brute_force(100..500, |request| u32::from(request >= 300), nodes);
        assert_eq!((hits.local, hits.remote, checksum), expect, "{nodes:?}");
        assert_eq!(hits.touches, 400 * u64::from(test_serve().lines_per_request));
        assert_eq!(
            (hits.low, hits.high),
            (hits.local as f64 / hits.touches as f64, hits.local as f64 / hits.touches as f64)
        );
        assert_eq!((hits.ratio, hits.package_ratio), (hits.low, Some(1.0)));
    }

    #[test]
    fn replay_equals_a_count_by_hand() {
        // Counts of up to 8 nodes share a register; of more they do not.
        for others in [2..2, 2..8, 2..40] {
            check([&[0; 4], &[1; 8]], others.clone());
            check([&[0; 4], &[0, 1, 0, 1, 0, 1, 0, 1]], others.clone());
            check([&[0, 0, 1, 0], &[1; 8]], others);
        }
    }

    #[test]
    fn one_page_on_another_node_is_seen() {
        let local = |nodes: [&[u32]; 2]| brute_force(0..500, |_| 0, nodes).0;
        let classes = Classes::new([0, 1]);
        let replayed = |nodes| {
            let mut traffic = Traffic::new(&classes);
            let all = [Stretch { requests: 0..500, class: 0 }];
            replay_all(&test_serve(), 77, &all, &pages(&classes, nodes), &mut traffic);
            summed(&traffic, Counted::All, &classes, &[]).expect("there were touches").local
        };
        let (right, wrong) = ([[0u32; 4].as_slice(), &[0; 8]], [[0u32, 0, 0, 1].as_slice(), &[0; 8]]);
        assert_eq!((replayed(right), replayed(wrong)), (local(right), local(wrong)));
        assert!(replayed(wrong) < replayed(right));
    }

    #[test]
    fn what_is_unknown_widens_and_never_shifts() {
        let classes = Classes::new([0, 1]);
        let mut heaps = pages(&classes, [&[0; 4], &[1; 8]]);
        // Nobody knows where the second page was before.
        let unknown = [(Some(0), Some(0)), (None, Some(1)), (Some(0), Some(0)), (Some(0), Some(0))];
        heaps[0] = HeapPages::new(&classes, Moving::PrivatePage, PAGE, unknown);
        let mut traffic = Traffic::new(&classes);
        let parts = [Stretch { requests: 0..400, class: 0 }, Stretch { requests: 400..410, class: 2 }];
        replay_all(&test_serve(), 77, &parts, &heaps, &mut traffic);
        let hits = summed(&traffic, Counted::All, &classes, &[]).expect("there were touches");
        let unknown = hits.touches - hits.local - hits.remote;
        assert!(unknown >= 10 * u64::from(test_serve().lines_per_request));
        assert_eq!(hits.low, hits.local as f64 / hits.touches as f64);
        assert_eq!(hits.high, (hits.local + unknown) as f64 / hits.touches as f64);
        assert_eq!(hits.ratio, hits.local as f64 / (hits.local + hits.remote) as f64);
        assert_eq!(hits.package_ratio, None);
    }

    #[test]
    fn what_moved_counts_as_expected_and_widens_the_bounds() {
        let moves =
            [(Moving::PrivatePage, 0, 1), (Moving::Worker, 2, 3)].map(|(what, from, to)| Move::new(what, from, to));
        let classes = Classes::new(0..4).with_moves(moves);
        let mut traffic = Traffic::new(&classes);
        let on = |node| classes.of(Some(node));
        let [page, worker] = moves.map(|one| classes.of_ends(one.what, Some(one.from), Some(one.to)));
        // Of touches from node 2 none is local whenever the page moved; from nodes 0 and 1, half of them.
        traffic.count(on(0), on(0), 100);
        traffic.count(on(2), on(0), 100);
        traffic.count(on(0), page, 40);
        traffic.count(on(1), page, 20);
        traffic.count(on(2), page, 20);
        traffic.count(worker, page, 8);
        traffic.count(worker, on(3), 12);
        traffic.count(on(0), classes.of(None), 100);
        let hits = summed(&traffic, Counted::All, &classes, &[(0, 0), (1, 0), (2, 1), (3, 1)]).expect("touches");
        assert_eq!((hits.touches, hits.local, hits.remote), (400, 100, 100));
        assert_eq!((hits.low, hits.high), (100.0 / 400.0, 300.0 / 400.0));
        assert_eq!(hits.ratio, (100.0 + 20.0 + 10.0 + 6.0) / 300.0);
        assert_eq!(hits.package_ratio, Some((100.0 + 60.0 + 12.0) / 300.0));
        let row = |pu, page| hits.traffic.iter().find(|row| (row.pu_node, row.memory_node) == (pu, page));
        let cell = |pu, page| row(pu, page).map(|row| (row.touches, row.moved));
        assert_eq!(cell(Some(0), Some(0)), Some((100, 20.0)));
        assert_eq!(cell(Some(2), Some(0)), Some((100, 12.0)));
        assert_eq!(cell(Some(3), Some(3)), Some((0, 6.0)));
        assert_eq!(cell(Some(0), None), Some((100, 0.0)));
        assert_eq!(hits.traffic.iter().map(TrafficCell::expected).sum::<f64>(), 400.0);
    }

    #[test]
    fn a_sample_covers_the_truth_within_its_interval() {
        let classes = Classes::new([0, 1]);
        let heaps = pages(&classes, [&[0, 0, 0, 1], &[0, 1, 0, 1, 0, 1, 0, 1]]);
        let all = [Stretch { requests: 0..4000, class: 0 }, Stretch { requests: 4000..5000, class: 1 }];
        let mut traffic = Traffic::new(&classes);
        replay_all(&test_serve(), 77, &all, &heaps, &mut traffic);
        let truth = summed(&traffic, Counted::All, &classes, &[]).expect("there were touches").low;
        let mut sampled = Traffic::new(&classes);
        replay_sample(&test_serve(), 77, Sample { key: 5, requests: 1000 }, &all, &heaps, &mut sampled);
        let hits = summed(&sampled, Counted::Sampled { requests: 1000 }, &classes, &[]).expect("there were touches");
        assert_eq!((hits.source, hits.touches), (HitSource::Sampled, 1000 * u64::from(test_serve().lines_per_request)));
        assert!(hits.low < truth && truth < hits.high && hits.high - hits.low < 0.07, "{hits:?} {truth}");
    }

    #[test]
    fn nothing_known_is_not_measured() {
        let classes = Classes::new([0]);
        let mut traffic = Traffic::new(&classes);
        assert_eq!(summed(&traffic, Counted::All, &classes, &[]), None);
        traffic.count(classes.of(Some(0)), classes.of(None), 5);
        assert_eq!(summed(&traffic, Counted::All, &classes, &[]), None);
    }

    #[test]
    fn wilson_is_the_published_interval() {
        // 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I, method 3).
        let (low, high) = wilson(81.0 / 263.0, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
    }
}
