//! From counted touches to the local hit ratio and its bounds.

use crate::pages::Classes;
use crate::replay::Traffic;
use crate::sample::Hits;
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

/// Summarizes traffic. `None` where nothing was touched: a ratio of nothing is not measured.
///
/// Bounds of a sample, or of what is counted by the share of pages, are widened by the Wilson interval (Wilson 1927) of
/// 95 %, with a request as the unit: touches of one request share their PU, and the variance of a request's share is at most
/// that of one draw.
pub fn summarize(
    traffic: &Traffic,
    counted: Counted,
    classes: &Classes,
    package_of_node: &[(u32, u32)],
) -> Option<Hits> {
    let packages: BTreeMap<u32, u32> = package_of_node.iter().copied().collect();
    let (mut local, mut remote, mut package_local) = (0, 0, 0);
    let mut rows = Vec::new();
    for (pu, page, touches) in traffic.cells() {
        let (pu, page) = (classes.node(pu), classes.node(page));
        if let (Some(pu), Some(page)) = (pu, page) {
            *(if pu == page { &mut local } else { &mut remote }) += touches;
            let same_package = packages.contains_key(&pu) && packages.get(&pu) == packages.get(&page);
            package_local += if same_package { touches } else { 0 };
        }
        rows.push((pu, page, touches));
    }
    let touches = traffic.total();
    if touches == 0 {
        return None;
    }
    let (low, high) = (local as f64 / touches as f64, (touches - remote) as f64 / touches as f64);
    let (source, low, high) = match counted {
        Counted::All => (HitSource::Replay, low, high),
        Counted::Sampled { requests } => (HitSource::Sampled, wilson(low, requests).0, wilson(high, requests).1),
        Counted::ByPages { requests } => (HitSource::Pages, wilson(low, requests).0, wilson(high, requests).1),
    };
    let package_local = if packages.is_empty() { None } else { Some(package_local) };
    Some(Hits { source, touches, local, remote, low, high, package_local, traffic: rows })
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
    use crate::pages::HeapPages;
    use crate::replay::{Sample, Stretch, replay_all, replay_sample, stretches};
    use crate::workload::test_serve;
    use plan::random::{below, draw};

    const PAGE: u64 = 4096;

    /// Private heap of 4 pages, shared heap of 8; `nodes` are those of the pages.
    fn pages(classes: &Classes, nodes: [&[u32]; 2]) -> [HeapPages; 2] {
        nodes.map(|nodes| HeapPages::new(classes, PAGE, nodes.iter().map(|&node| (Some(node), Some(node)))))
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
        let parts = stretches(&log, 100..500, classes.of(None), |pu| classes.of(Some(pu)));
        let mut traffic = Traffic::new(&classes);
        let checksum = replay_all(&test_serve(), 77, &parts, &pages(&classes, nodes), &mut traffic);
        let hits = summarize(&traffic, Counted::All, &classes, &[(0, 0), (1, 0)]).expect("there were touches");
        let expect = brute_force(100..500, |request| u32::from(request >= 300), nodes);
        assert_eq!((hits.local, hits.remote, checksum), expect, "{nodes:?}");
        assert_eq!(hits.touches, 400 * u64::from(test_serve().lines_per_request));
        assert_eq!(
            (hits.low, hits.high),
            (hits.local as f64 / hits.touches as f64, hits.local as f64 / hits.touches as f64)
        );
        assert_eq!(hits.package_local, Some(hits.touches));
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
            summarize(&traffic, Counted::All, &classes, &[]).expect("there were touches").local
        };
        let (right, wrong) = ([[0u32; 4].as_slice(), &[0; 8]], [[0u32, 0, 0, 1].as_slice(), &[0; 8]]);
        assert_eq!((replayed(right), replayed(wrong)), (local(right), local(wrong)));
        assert!(replayed(wrong) < replayed(right));
    }

    #[test]
    fn what_is_unknown_widens_and_never_shifts() {
        let classes = Classes::new([0, 1]);
        let mut heaps = pages(&classes, [&[0; 4], &[1; 8]]);
        // The second page moved during the run.
        let moved = [(Some(0), Some(0)), (Some(0), Some(1)), (Some(0), Some(0)), (Some(0), Some(0))];
        heaps[0] = HeapPages::new(&classes, PAGE, moved);
        let mut traffic = Traffic::new(&classes);
        let parts = [Stretch { requests: 0..400, class: 0 }, Stretch { requests: 400..410, class: 2 }];
        replay_all(&test_serve(), 77, &parts, &heaps, &mut traffic);
        let hits = summarize(&traffic, Counted::All, &classes, &[]).expect("there were touches");
        let unknown = hits.touches - hits.local - hits.remote;
        assert!(unknown >= 10 * u64::from(test_serve().lines_per_request));
        assert_eq!(hits.low, hits.local as f64 / hits.touches as f64);
        assert_eq!(hits.high, (hits.local + unknown) as f64 / hits.touches as f64);
        assert_eq!(hits.package_local, None);
    }

    #[test]
    fn a_sample_covers_the_truth_within_its_interval() {
        let classes = Classes::new([0, 1]);
        let heaps = pages(&classes, [&[0, 0, 0, 1], &[0, 1, 0, 1, 0, 1, 0, 1]]);
        let all = [Stretch { requests: 0..4000, class: 0 }, Stretch { requests: 4000..5000, class: 1 }];
        let mut traffic = Traffic::new(&classes);
        replay_all(&test_serve(), 77, &all, &heaps, &mut traffic);
        let truth = summarize(&traffic, Counted::All, &classes, &[]).expect("there were touches").low;
        let mut sampled = Traffic::new(&classes);
        replay_sample(&test_serve(), 77, Sample { key: 5, requests: 1000 }, &all, &heaps, &mut sampled);
        let hits = summarize(&sampled, Counted::Sampled { requests: 1000 }, &classes, &[]).expect("there were touches");
        assert_eq!((hits.source, hits.touches), (HitSource::Sampled, 1000 * u64::from(test_serve().lines_per_request)));
        assert!(hits.low < truth && truth < hits.high && hits.high - hits.low < 0.07, "{hits:?} {truth}");
    }

    #[test]
    fn nothing_touched_is_not_measured() {
        let classes = Classes::new([0]);
        assert_eq!(summarize(&Traffic::new(&classes), Counted::All, &classes, &[]), None);
    }

    #[test]
    fn wilson_is_the_published_interval() {
        // 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I, method 3).
        let (low, high) = wilson(81.0 / 263.0, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
    }
}
