//! Waits, warmed up, until NUMA balancing has moved what it wants to move: for arms that measure what it makes of a run.

use crate::heaps::Heaps;
use crate::observe::Observe;
use crate::pool::{Pool, no_thread};
use crate::workload::{Done, Seat, Work};
use plan::random::split;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// At most so long.
const MOST_SECONDS: usize = 30;
/// At least so long: a process younger than about 2 s sees no balancing at all. Measured, reference machines of Linux 6.1
/// and 6.12: 0 of 4096 remote pages moved after 1.5 s, nearly all after 3.
const LEAST_SECONDS: usize = 4;
/// Migrations have died down when two seconds in a row move less than this share of the busiest second.
const QUIET_SHARE: f64 = 0.02;
/// … or fewer pages than this, whatever the busiest second was.
const QUIET_PAGES: u64 = 16;
/// Label of the streams of touches that are thrown away.
const WARMING: u64 = 3;

/// Whether migrations have died down, given how many pages moved in each second so far.
pub(crate) fn has_settled(moved: &[u64]) -> bool {
    let busiest = moved.iter().copied().max().unwrap_or(0) as f64;
    let quiet = |pages: &u64| *pages < QUIET_PAGES || (*pages as f64) < QUIET_SHARE * busiest;
    moved.len() >= LEAST_SECONDS && moved.iter().rev().take(2).all(quiet)
}

/// What came of waiting.
pub(crate) struct Settling {
    /// Whether migrations died down; where not, the sample measures pages that still move.
    pub(crate) settled: bool,
    /// What is to be said about it.
    pub(crate) note: String,
}

/// Runs requests that nobody counts until migrations have died down.
pub(crate) fn settle<W: Work>(pool: &Pool, work: &W, seed: u64, heaps: &Heaps) -> Result<Settling, String> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = || {
            let settling = watch_migrations();
            over.store(true, Ordering::Relaxed);
            settling
        };
        let watcher = std::thread::Builder::new()
            .spawn_scoped(scope, watch)
            .map_err(|cause| no_thread("the thread that watches migrations", &cause))?;
        pool.each(|worker| {
            let seat = Seat { key: split(split(seed, WARMING), worker as u64), heaps: heaps.of(worker) };
            work.run(&seat, Done::default(), &mut Until(&over));
            Ok(())
        })?;
        Ok(watcher.join().expect("the watcher has nothing to panic about"))
    })
}

fn watch_migrations() -> Settling {
    const MIGRATED: &str = "numa_pages_migrated";
    let read = || host::proc::vmstat(&[MIGRATED]).get(MIGRATED).copied();
    let Some(mut last) = read() else {
        return Settling {
            settled: false,
            note: format!("not settled: this kernel has no {MIGRATED} in /proc/vmstat"),
        };
    };
    let mut moved = Vec::new();
    while moved.len() < MOST_SECONDS && !has_settled(&moved) {
        std::thread::sleep(Duration::from_secs(1));
        let now = read().unwrap_or(last);
        moved.push(now.saturating_sub(last));
        last = now;
    }
    let (seconds, pages) = (moved.len(), moved.iter().sum::<u64>());
    let settled = has_settled(&moved);
    let not = if settled { "" } else { "not " };
    Settling { settled, note: format!("{not}settled after {seconds} s, {pages} pages of the host migrated") }
}

struct Until<'a>(&'a AtomicBool);

impl Observe for Until<'_> {
    #[inline(always)]
    fn after(&mut self, _: u64, _: u64) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_is_two_quiet_seconds_after_the_least_time() {
        let check = |moved: &[u64], expect: bool| assert_eq!(has_settled(moved), expect, "{moved:?}");
        check(&[], false);
        check(&[0, 0, 0], false);
        check(&[0, 0, 0, 0], true);
        check(&[0, 4000, 3000, 90, 60], false);
        check(&[0, 4000, 3000, 79, 60], true);
        check(&[0, 20, 0, 15, 15], true);
        check(&[0, 20, 0, 16, 15], false);
    }
}
