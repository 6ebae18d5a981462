//! When the world is to stop, and what became of it.

use crate::sample::PauseTimes;
use gmp::world::Pause;
use plan::random::{draw, split};

/// Due times, in ns after the release: gaps of `every` on the mean, each jittered by +-50 % from the seed.
///
/// A fixed period would alias with ticks and quotas of the kernel, which have one too.
#[derive(Debug, Clone)]
pub(crate) struct DueTimes {
    key: u64,
    every_ns: u64,
    count: u64,
    last_ns: u64,
}

/// Label of the stream that is split from a sample's seed.
const JITTER: u64 = 2;

impl DueTimes {
    /// For a sample's seed; no due times at all where `every_ns` is 0.
    pub(crate) fn new(seed: u64, every_ns: u64) -> DueTimes {
        DueTimes { key: split(seed, JITTER), every_ns, count: 0, last_ns: 0 }
    }
}

impl Iterator for DueTimes {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.every_ns == 0 {
            return None;
        }
        // The top 53 bits of a draw, as a number from 0 to 1.
        let uniform = (draw(self.key, self.count) >> 11) as f64 / (1u64 << 53) as f64;
        let gap_ns = (self.every_ns as f64 * (0.5 + uniform)).round() as u64;
        self.count += 1;
        self.last_ns += gap_ns.max(1);
        Some(self.last_ns)
    }
}

/// Ticks of steal since boot, as read at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StealAt {
    /// Moment, after the release.
    pub(crate) at_ns: u64,
    /// Ticks.
    pub(crate) ticks: u64,
}

/// Puts together what the stopper, the world and the timer each know of the pauses, in order.
///
/// `due_ns[i]` is the due time that pause i served. Moments of `pauses` count from the world's epoch, which lies
/// `release_ns` before the release.
pub(crate) fn pause_times(due_ns: &[u64], pauses: &[Pause], release_ns: u64, steal: &[StealAt]) -> Vec<PauseTimes> {
    let one = |(&due_ns, pause): (&u64, &Pause)| {
        let request_ns = pause.request_ns.saturating_sub(release_ns);
        PauseTimes {
            due_ns: Some(due_ns),
            late_ns: Some(request_ns.saturating_sub(due_ns)),
            stopping_ns: Some(pause.stopping_ns),
            stopped_ns: Some(pause.stopped_ns),
            resuming_ns: Some(pause.resuming_ns),
            whole: None,
            steal_ticks: steal_around(steal, request_ns, request_ns + pause.total_ns),
            involuntary_switches: Some(pause.count),
        }
    };
    due_ns.iter().zip(pauses).map(one).collect()
}

/// Steal between the last reading at or before `from_ns` and the first at or after `to_ns`.
fn steal_around(steal: &[StealAt], from_ns: u64, to_ns: u64) -> Option<u64> {
    let before = steal.iter().rev().find(|reading| reading.at_ns <= from_ns)?;
    let after = steal.iter().find(|reading| reading.at_ns >= to_ns)?;
    Some(after.ticks.saturating_sub(before.ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_within_half_and_three_halves_and_keep_their_mean() {
        let due: Vec<u64> = DueTimes::new(7, 10_000).take(20_000).collect();
        let gaps: Vec<u64> = std::iter::once(due[0]).chain(due.windows(2).map(|pair| pair[1] - pair[0])).collect();
        assert!(gaps.iter().all(|gap| (5_000..=15_000).contains(gap)));
        assert!(gaps.iter().any(|&gap| gap < 5_500) && gaps.iter().any(|&gap| gap > 14_500));
        // The mean of n uniform gaps has standard error every / sqrt(12 n): 20 ns here; five of them.
        let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64;
        assert!((mean - 10_000.0).abs() < 102.0, "{mean}");
    }

    #[test]
    fn due_times_come_from_the_seed() {
        let first = |seed| DueTimes::new(seed, 1_000).take(5).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        assert_eq!(DueTimes::new(1, 0).next(), None);
    }

    #[test]
    fn lateness_counts_from_the_due_time_and_steal_from_the_readings_around() {
        let pause = Pause {
            request_ns: 1_130,
            stopping_ns: 10,
            stopped_ns: 20,
            resuming_ns: 30,
            total_ns: 60,
            workers: 2,
            count: 3,
        };
        let at = |at_ns, ticks| StealAt { at_ns, ticks };
        let check = |steal: &[StealAt], expect| {
            let times = pause_times(&[100], &[pause], 1_000, steal);
            let expect = PauseTimes {
                due_ns: Some(100),
                late_ns: Some(30),
                stopping_ns: Some(10),
                stopped_ns: Some(20),
                resuming_ns: Some(30),
                whole: None,
                steal_ticks: expect,
                involuntary_switches: Some(3),
            };
            assert_eq!(times, [expect]);
        };
        check(&[at(0, 5), at(120, 6), at(150, 8), at(190, 9), at(300, 20)], Some(3));
        check(&[at(0, 5), at(120, 6)], None);
        check(&[], None);
    }
}
