//! What measuring costs, for `make bench`: the loop of a workload with and without anybody looking, and its replay.

use crate::observe::{Observe, Unobserved};
use crate::pages::{Classes, HeapPages, Moving};
use crate::pauses::DueTimes;
use crate::replay::{Stretch, Traffic, replay_all};
use crate::subject::threads::{Role, Scan, Watch};
use crate::timer::{Board, Timetable, keep_time, ns_since};
use crate::workload::{Done, PRIVATE, SHARED, Seat, Work};
use gmp::world::{StoppedWork, World};
use plan::experiment::Extent;
use plan::set::CpuSet;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Slices that a sample of the length asked for would have.
const WINDOWS: u32 = 100;
/// How much later the timer would end a run than its requests should.
const LONGER: u32 = 1000;

/// One run of a workload's loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// How long it took.
    pub ns: u64,
    /// What its loads added up to.
    pub checksum: u64,
}

/// Writes the lines of both heaps, as the first phase of a sample does.
pub fn fill<W: Work>(work: &W, seat: &Seat<'_>) {
    for heap in [PRIVATE, SHARED] {
        work.fill(heap, seat.heaps[heap], 0..work.lines(heap));
    }
}

/// Runs `requests` requests with nobody looking.
pub fn run_unobserved<W: Work>(work: &W, seat: &Seat<'_>, requests: u64) -> Ran {
    let mut nobody = Unobserved { requests, checksum: 0 };
    let start = Instant::now();
    work.run(seat, Done::default(), &mut nobody);
    Ran { ns: ns_since(start), checksum: nobody.checksum }
}

/// Runs `requests` requests watched as in a sample of length `sample` without pauses: the PU is read around each, a flag
/// polled after it, and a timer thread raises the ends of slices.
pub fn run_observed<W: Work>(work: &W, seat: &Seat<'_>, requests: u64, sample: Duration) -> Ran {
    let World { stopper, bell, .. } = World::new(NonZeroUsize::MIN, Instant::now());
    let board = Board::default();
    // Much longer, with slices of the same length: the requests end it, not the timer, however crowded the host is.
    let timetable = Timetable {
        extent: Extent::Seconds(f64::from(LONGER) * sample.as_secs_f64()),
        windows: LONGER * WINDOWS,
        pauses: DueTimes::new(0, 0),
        pus: CpuSet::new(),
    };
    let role = Role::Stopper { stopper, work: StoppedWork::None, served_ns: Vec::new() };
    let scan = Scan::new(seat.heaps, 0..seat.heaps[SHARED].len(), 0);
    let mut watch = Watch::new(role, &board, requests, scan);
    std::thread::scope(|scope| {
        let timer = scope.spawn(|| keep_time(timetable, Instant::now(), &board, &bell, |_| {}));
        // As in a sample, the timer is there before the release.
        let start = Instant::now();
        run_to_the_end(work, seat, &mut watch, requests);
        let ns = ns_since(start);
        board.done.store(true, Ordering::Release);
        timer.thread().unpark();
        Ran { ns, checksum: watch.leave().0.checksum }
    })
}

fn run_to_the_end<W: Work, O: Observe>(work: &W, seat: &Seat<'_>, observe: &mut O, requests: u64) {
    if requests > 0 {
        work.run(seat, Done::default(), observe);
    }
}

/// Replays `requests` requests against heaps of which every page lies on node 0, or, where `mixed`, every other on node 1.
pub fn replay<W: Work>(work: &W, key: u64, requests: u64, mixed: bool) -> Ran {
    const PAGE_BYTES: u64 = 4096;
    let classes = Classes::new([0, 1]);
    let pages = [PRIVATE, SHARED].map(|heap| {
        let count = (work.lines(heap) * plan::workload::LINE_BYTES).div_ceil(PAGE_BYTES);
        let node = |page: u64| Some(if mixed { (page % 2) as u32 } else { 0 });
        HeapPages::new(&classes, Moving::PrivatePage, PAGE_BYTES, (0..count).map(|page| (node(page), node(page))))
    });
    let start = Instant::now();
    let mut traffic = Traffic::new(&classes);
    let checksum = replay_all(work, key, &[Stretch { requests: 0..requests, class: 0 }], &pages, &mut traffic);
    std::hint::black_box(&traffic);
    Ran { ns: ns_since(start), checksum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::test_serve;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn all_ways_to_run_and_replay_touch_the_same() {
        let serve = test_serve();
        let words = |bytes: u64| (0..bytes / 8).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
        let (private, shared) = (words(serve.private_bytes), words(serve.shared_bytes));
        let seat = Seat { key: 5, heaps: [&private, &shared] };
        fill(&serve, &seat);
        let expect = run_unobserved(&serve, &seat, 1000).checksum;
        assert_eq!(run_observed(&serve, &seat, 1000, Duration::from_secs(1)).checksum, expect);
        assert_eq!(replay(&serve, 5, 1000, false).checksum, expect);
        assert_eq!(replay(&serve, 5, 1000, true).checksum, expect);
        private[0].fetch_add(1, Ordering::Relaxed);
        assert_ne!(run_unobserved(&serve, &seat, 1000).checksum, expect);
    }
}
