//! Slices of a sample: from the boundaries that the timer raised and the counts that the workers noted when they saw them.

use crate::sample::Window;
use stats::changepoint::{Warmup, warmup_end};

/// Relative difference of mean rates that counts as none when the warm-up is looked for. Source: Barrett et al. 2017 take
/// mean +- variance, which depends on the unit; an explicit 1 % instead.
const ALIKE: f64 = 0.01;

/// A warm-up longer than this share of a sample is none: the sample is too short to tell it from what comes after.
const LONGEST: usize = 4;

/// A worker's count when it saw that boundaries had been raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How many boundaries had been raised by then.
    pub(crate) boundary: u32,
    /// Requests that the worker had done.
    pub(crate) requests: u64,
    /// What their loads added up to.
    pub(crate) checksum: u64,
}

/// Requests that a worker had done when boundary `boundary` (from 1) was raised, to one request; 0: the release.
///
/// A worker looks after each request: where it slept over several boundaries, it did nothing between them. A worker that
/// ended before the boundary has no mark of it, and had done all of its requests.
fn requests_at(marks: &[Mark], boundary: u32, all_requests: u64) -> u64 {
    if boundary == 0 {
        return 0;
    }
    marks.iter().find(|mark| mark.boundary >= boundary).map_or(all_requests, |mark| mark.requests)
}

/// One raised boundary: its planned place, in units of the shortest slice, and when it was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// Place on the timer's grid.
    pub(crate) tick: u64,
    /// Moment, after the release.
    pub(crate) at_ns: u64,
}

/// What one worker did: its marks, and all its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts<'a> {
    /// In order.
    pub(crate) marks: &'a [Mark],
    /// At its end.
    pub(crate) requests: u64,
}

/// The slices between the release, the boundaries on multiples of `step` ticks, and `end_ns`, the last worker's stop.
///
/// Boundaries at or beyond the end are left out: nothing came after them.
pub(crate) fn windows(boundaries: &[Boundary], step: u64, end_ns: u64, workers: &[Counts<'_>]) -> Vec<Window> {
    let mut starts = vec![(0, 0)];
    for (boundary, number) in boundaries.iter().zip(1u32..) {
        let last_ns = starts[starts.len() - 1].1;
        if boundary.tick.is_multiple_of(step) && last_ns < boundary.at_ns && boundary.at_ns < end_ns {
            starts.push((number, boundary.at_ns));
        }
    }
    let all: u64 = workers.iter().map(|worker| worker.requests).sum();
    let before =
        |boundary| workers.iter().map(|worker| requests_at(worker.marks, boundary, worker.requests)).sum::<u64>();
    let ends = starts.iter().skip(1).map(|&(number, at_ns)| (before(number), at_ns)).chain([(all, end_ns)]);
    let slice = |(&(number, start_ns), (requests, end_ns)): (&(u32, u64), (u64, u64))| Window {
        start_ns,
        length_ns: end_ns - start_ns,
        operations: requests - before(number),
    };
    starts.iter().zip(ends).map(slice).collect()
}

/// Length of what this sample alone shows as warm-up: slices at its start that are slower than all that follows; 0: none.
///
/// One sample's slices are noisy, so nothing is cut by it: `report` decides for a point, over all its blocks. A start that
/// is faster, or rates that never settle, are no warm-up.
pub(crate) fn shown_warmup(windows: &[Window]) -> u64 {
    let rates: Vec<f64> = windows.iter().map(|window| window.operations as f64 / window.length_ns as f64).collect();
    match warmup_end(&rates, ALIKE) {
        Ok(Warmup::Warmup { end }) if end <= windows.len() / LONGEST => windows[end].start_ns,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(boundary: u32, requests: u64) -> Mark {
        Mark { boundary, requests, checksum: 0 }
    }

    fn boundary(tick: u64, at_ns: u64) -> Boundary {
        Boundary { tick, at_ns }
    }

    fn check(step: u64, end_ns: u64, workers: &[(&[Mark], u64)], expect: &[(u64, u64, u64)]) {
        let boundaries = [boundary(1, 100), boundary(2, 210), boundary(3, 300)];
        let counts: Vec<Counts<'_>> = workers.iter().map(|&(marks, requests)| Counts { marks, requests }).collect();
        let found: Vec<(u64, u64, u64)> = windows(&boundaries, step, end_ns, &counts)
            .into_iter()
            .map(|window| (window.start_ns, window.length_ns, window.operations))
            .collect();
        assert_eq!(found, expect);
        assert_eq!(found.iter().map(|slice| slice.2).sum::<u64>(), workers.iter().map(|worker| worker.1).sum::<u64>());
    }

    #[test]
    fn requests_fall_into_the_slice_in_which_they_were_done() {
        let awake = [mark(1, 10), mark(2, 25), mark(3, 30)];
        check(1, 400, &[(&awake, 37)], &[(0, 100, 10), (100, 110, 15), (210, 90, 5), (300, 100, 7)]);
        // Asleep from boundary 1 to beyond 3: what it did before belongs to the first slice, and the others are empty.
        let asleep = [mark(3, 12)];
        check(1, 400, &[(&asleep, 20)], &[(0, 100, 12), (100, 110, 0), (210, 90, 0), (300, 100, 8)]);
        // Two workers; the second ended in the second slice.
        let ended = [mark(1, 4)];
        check(1, 400, &[(&awake, 37), (&ended, 6)], &[(0, 100, 14), (100, 110, 17), (210, 90, 5), (300, 100, 7)]);
    }

    #[test]
    fn slices_are_joined_to_the_step_and_end_with_the_last_worker() {
        let marks = [mark(1, 10), mark(2, 25), mark(3, 30)];
        check(2, 400, &[(&marks, 37)], &[(0, 210, 25), (210, 190, 12)]);
        check(1, 250, &[(&marks[..2], 30)], &[(0, 100, 10), (100, 110, 15), (210, 40, 5)]);
        check(1, 90, &[(&[], 3)], &[(0, 90, 3)]);
    }

    #[test]
    fn a_warm_up_is_a_short_slow_start() {
        let check = |first: usize, divisor: u64, after: usize, expect: u64| {
            let rate = |at: usize| (1000 + 4 * (at as u64 % 3)) * if at < first { 8 } else { divisor } / 8;
            let window = |at: usize| Window { start_ns: at as u64 * 100, length_ns: 100, operations: rate(at) };
            let windows: Vec<Window> = (0..first + after).map(window).collect();
            assert_eq!(shown_warmup(&windows), expect, "{first} slices, then {after} at {divisor} / 8 of their rate");
        };
        check(0, 8, 100, 0);
        check(20, 16, 80, 2000);
        check(20, 4, 80, 0);
        check(30, 16, 70, 0);
        check(90, 16, 10, 0);
        check(0, 8, 10, 0);
    }
}
