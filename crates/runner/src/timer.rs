//! The timer thread: it raises a notice at each due time and sleeps in between. Nobody else reads a clock while running.
//!
//! Due times are absolute, so lateness does not add up. It is not bound: on a host whose PUs are all busy the kernel finds
//! it a place, and how late it came is part of what is recorded (`late_ns`, lengths of the slices).

use crate::pauses::{DueTimes, StealAt};
use crate::windows::Boundary;
use gmp::world::Bell;
use plan::experiment::Extent;
use plan::set::CpuSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the timer and the workers tell each other. Workers look only after the bell rang.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Boundaries between slices raised so far.
    pub(crate) boundary: AtomicU32,
    /// Due time that the stopper has not served yet, ns after the release; 0: none.
    pub(crate) due_ns: AtomicU64,
    /// The sample's time is over.
    pub(crate) end: AtomicBool,
    /// Set by who joins the workers: all have stopped, the timer has nothing left to do.
    pub(crate) done: AtomicBool,
}

/// When to raise what.
#[derive(Debug, Clone)]
pub(crate) struct Timetable {
    /// When the sample ends.
    pub(crate) extent: Extent,
    /// Slices asked for.
    pub(crate) windows: u32,
    /// Due times of pauses.
    pub(crate) pauses: DueTimes,
    /// PUs whose steal is read.
    pub(crate) pus: CpuSet,
}

/// What the timer did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Raised {
    /// Boundaries between slices, in order.
    pub(crate) boundaries: Vec<Boundary>,
    /// Ticks between the boundaries to keep.
    pub(crate) step: u64,
    /// Due times that passed while another was not yet served.
    pub(crate) missed_ns: Vec<u64>,
    /// Steal, read between the raises, at most once in a clock tick.
    pub(crate) steal: Vec<StealAt>,
}

/// Slices of this length to begin with where nobody knows how long the sample will be.
const FIRST_SLICE: Duration = Duration::from_millis(1);
/// The clock tick that steal is counted in (USER_HZ is 100 on every Linux).
const TICK_NS: u64 = 10_000_000;

/// Boundaries at multiples of a tick. Where the end is unknown the step doubles when twice the slices asked for are
/// full, so that any length ends in once to twice as many.
#[derive(Debug, Clone)]
struct Slices {
    tick_ns: u64,
    step: u64,
    next: u64,
    asked: u64,
    end_ns: Option<u64>,
}

impl Slices {
    fn new(extent: Extent, windows: u32) -> Slices {
        let asked = u64::from(windows.max(1));
        let (tick_ns, end_ns) = match extent {
            Extent::Seconds(seconds) => {
                let end_ns = (seconds * 1e9) as u64;
                ((end_ns / asked).max(1), Some(end_ns))
            }
            Extent::Operations(_) => (FIRST_SLICE.as_nanos() as u64, None),
        };
        Slices { tick_ns, step: 1, next: 1, asked, end_ns }
    }

    /// When the next boundary is due; `None` when only the end is left.
    fn due_ns(&self) -> Option<u64> {
        let due_ns = self.next * self.tick_ns;
        // A rest shorter than half a tick belongs to the last slice.
        if self.end_ns.is_some_and(|end_ns| due_ns + self.tick_ns / 2 >= end_ns) { None } else { Some(due_ns) }
    }

    /// Takes the latest boundary due by `now_ns`: those slept over are no slices of their own.
    fn take(&mut self, now_ns: u64) -> u64 {
        let tick = (now_ns / self.tick_ns / self.step * self.step).max(self.next);
        if self.end_ns.is_none() && tick / self.step >= 2 * self.asked {
            self.step *= 2;
        }
        self.next = (tick / self.step + 1) * self.step;
        tick
    }
}

/// Raises notices from the release on until the sample's end, or until `board.done`. To be run by a thread of its own,
/// which is unparked when `board.done` is set. `meanwhile` is called at each wake, after what was due, with the ns since the release.
pub(crate) fn keep_time(
    timetable: Timetable,
    released: Instant,
    board: &Board,
    bell: &Bell,
    mut meanwhile: impl FnMut(u64),
) -> Raised {
    let Timetable { extent, windows, mut pauses, pus } = timetable;
    let mut slices = Slices::new(extent, windows);
    let mut due = pauses.next();
    let mut raised = Raised::default();
    read_steal(&mut raised.steal, released, &pus);
    loop {
        let next_ns = [slices.due_ns(), due, slices.end_ns].into_iter().flatten().min();
        sleep_until(next_ns, released, board);
        if board.done.load(Ordering::Acquire) {
            break;
        }
        let now_ns = ns_since(released);
        if slices.end_ns.is_some_and(|end_ns| end_ns <= now_ns) {
            board.end.store(true, Ordering::Relaxed);
            bell.ring();
            break;
        }
        let mut news = false;
        while let Some(due_ns) = due.filter(|&due_ns| due_ns <= now_ns) {
            let free = board.due_ns.compare_exchange(0, due_ns, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            if free {
                news = true;
            } else {
                raised.missed_ns.push(due_ns);
            }
            due = pauses.next();
        }
        if slices.due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
            let tick = slices.take(now_ns);
            // Read again: a worker that sees the boundary sees it after this moment.
            raised.boundaries.push(Boundary { tick, at_ns: ns_since(released) });
            board.boundary.fetch_add(1, Ordering::Relaxed);
            news = true;
        }
        if news {
            bell.ring();
            read_steal(&mut raised.steal, released, &pus);
        }
        meanwhile(ns_since(released));
    }
    raised.step = slices.step;
    raised
}

/// ns since a moment.
pub(crate) fn ns_since(moment: Instant) -> u64 {
    u64::try_from(moment.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn sleep_until(due_ns: Option<u64>, released: Instant, board: &Board) {
    while !board.done.load(Ordering::Acquire) {
        match due_ns.map(|due_ns| due_ns.saturating_sub(ns_since(released))) {
            Some(0) => return,
            Some(left_ns) => std::thread::park_timeout(Duration::from_nanos(left_ns)),
            None => std::thread::park(),
        }
    }
}

fn read_steal(readings: &mut Vec<StealAt>, released: Instant, pus: &CpuSet) {
    let at_ns = ns_since(released);
    if readings.last().is_some_and(|last| at_ns - last.at_ns < TICK_NS) {
        return;
    }
    readings.extend(host::proc::steal_ticks(pus).map(|(ticks, _)| StealAt { at_ns, ticks }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boundaries taken when the timer wakes at these moments.
    fn check(extent: Extent, windows: u32, wakes_ns: impl IntoIterator<Item = u64>, expect: &[u64], step: u64) {
        let mut slices = Slices::new(extent, windows);
        let mut found = Vec::new();
        for now_ns in wakes_ns {
            if slices.due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
                found.push(slices.take(now_ns));
            }
        }
        assert_eq!((found.as_slice(), slices.step), (expect, step), "{extent:?}");
    }

    #[test]
    fn a_known_length_has_as_many_slices_as_asked() {
        check(Extent::Seconds(1e-6), 4, (0..=100).map(|at| at * 10), &[1, 2, 3], 1);
        // Asleep over the second boundary: two slices are one.
        check(Extent::Seconds(1e-6), 4, [251, 760, 1000], &[1, 3], 1);
    }

    #[test]
    fn an_unknown_length_has_once_to_twice_as_many() {
        let wakes = |ms: u64| (0..=ms).map(|at| at * 1_000_000);
        check(Extent::Operations(9), 2, wakes(3), &[1, 2, 3], 1);
        check(Extent::Operations(9), 2, wakes(7), &[1, 2, 3, 4, 6], 2);
        check(Extent::Operations(9), 2, wakes(16), &[1, 2, 3, 4, 6, 8, 12, 16], 8);
        let mut slices = Slices::new(Extent::Operations(9), 100);
        let take = |now_ns| slices.due_ns().is_some_and(|due_ns| due_ns <= now_ns).then(|| slices.take(now_ns));
        let boundaries: Vec<u64> = wakes(60_000).filter_map(take).collect();
        let kept = boundaries.iter().filter(|tick| tick.is_multiple_of(slices.step)).count();
        assert!((100..=200).contains(&kept), "{kept}");
    }
}
