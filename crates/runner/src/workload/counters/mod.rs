//! `counters`: threads that each bump a counter of their own and read a common one that nobody writes.
//!
//! A turn is one `fetch_add` on the worker's own counter, and in a share of turns a load of the common one. Rounds of `turns`
//! follow each other until the time is over; each is timed by itself. No bump is lost, whatever lies on whose line: the
//! counters must add up to the turns exactly.

mod pmu;

use crate::child::bind_worker;
use crate::heapless::{Ground, Heapless, Ran};
use crate::pool::no_thread;
use crate::timer::ns_since;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::workload::{Counters, Layout};
use pmu::Misses;
use stats::quantile::quantile;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Bytes between padded counters: x86 fetches lines in pairs, and some Arm lines are that long.
const LINE_BYTES: usize = 128;
const WORD_BYTES: usize = size_of::<AtomicU64>();
/// A read is due whenever the share of turns adds up to this.
const WHOLE: u64 = 1 << 32;
/// Times of rounds that each worker keeps, the first ones.
const ROUNDS_MOST: usize = 1 << 16;

impl Heapless for Counters {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        run(self, ground)
    }
}

/// The common counter and one for each worker, at their places.
struct Words {
    words: Vec<AtomicU64>,
    first: usize,
    apart: usize,
}

impl Words {
    fn new(layout: Layout, workers: usize) -> Words {
        let apart = match layout {
            Layout::Packed => 1,
            Layout::Padded => LINE_BYTES / WORD_BYTES,
        };
        let line = LINE_BYTES / WORD_BYTES;
        let words: Vec<AtomicU64> = (0..(workers + 1) * apart + line).map(|_| AtomicU64::new(0)).collect();
        // At the beginning of a line, so that "packed" begins on one, and "padded" is alone on each.
        let first = words.as_ptr().addr().next_multiple_of(LINE_BYTES) - words.as_ptr().addr();
        Words { words, first: first / WORD_BYTES, apart }
    }

    fn common(&self) -> &AtomicU64 {
        &self.words[self.first]
    }

    fn of(&self, worker: usize) -> &AtomicU64 {
        &self.words[self.first + (worker + 1) * self.apart]
    }
}

/// What a worker did.
#[derive(Debug, Default)]
struct Worked {
    rounds: u64,
    rounds_ns: Vec<f64>,
    reads: u64,
    misses: Option<Misses>,
    usage: Usage,
    note: Option<String>,
}

/// Bumps and reads of one round; how many reads it had.
#[inline(never)]
fn round(own: &AtomicU64, common: &AtomicU64, turns: u64, step: u64, due: &mut u64) -> u64 {
    let mut reads = 0;
    for _ in 0..turns {
        *due += step;
        if *due >= WHOLE {
            *due -= WHOLE;
            black_box(common.load(Ordering::Relaxed));
            reads += 1;
        }
        own.fetch_add(1, Ordering::Relaxed);
    }
    reads
}

fn run(workload: &Counters, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let places = &job.point.placement.workers;
    let workers = places.len();
    let words = Words::new(workload.layout, workers);
    let (over, ready, gate) = (AtomicBool::new(false), AtomicUsize::new(0), RwLock::new(()));
    let step = (workload.reads_ratio * WHOLE as f64).round() as u64;
    let limit = match job.extent {
        Extent::Seconds(_) => u64::MAX,
        Extent::Operations(rounds) => rounds,
    };
    let work = |worker: usize| {
        let bound = bind_worker(ground.granted, &places[worker]).map_err(|cause| cause.to_string());
        let opened = pmu::Counting::open();
        let (usage, mut worked) = (Usage::read(), Worked::default());
        let (own, common) = (words.of(worker), words.common());
        worked.rounds_ns.reserve(1 << 10);
        // Counted also where it could not be bound: the others are waited for.
        ready.fetch_add(1, Ordering::Release);
        drop(gate.read().unwrap_or_else(PoisonError::into_inner));
        bound?;
        let mut due = 0;
        while worked.rounds == 0 || (worked.rounds < limit && !over.load(Ordering::Relaxed)) {
            let begun = Instant::now();
            worked.reads += round(own, common, workload.turns, step, &mut due);
            let ns = ns_since(begun);
            worked.rounds += 1;
            if worked.rounds_ns.len() < ROUNDS_MOST {
                worked.rounds_ns.push(ns as f64);
            }
        }
        match opened.and_then(|counting| counting.read()) {
            Ok(misses) => worked.misses = Some(misses),
            Err(why) => worked.note = Some(why),
        }
        worked.usage = Usage::read().since(&usage);
        Ok::<_, String>(worked)
    };
    let (work, mut begun) = (&work, Instant::now());
    let found = std::thread::scope(|scope| {
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut threads = Vec::new();
        for worker in 0..workers {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || work(worker));
            match thread {
                Ok(thread) => threads.push(thread),
                Err(cause) => {
                    // Those that have started run one round and end.
                    over.store(true, Ordering::Relaxed);
                    return Err(no_thread(&format!("thread {number} of {workers}", number = worker + 1), &cause));
                }
            }
        }
        while ready.load(Ordering::Acquire) < workers {
            std::thread::sleep(Duration::from_micros(100));
        }
        begun = Instant::now();
        drop(closed);
        if let Extent::Seconds(seconds) = job.extent {
            std::thread::sleep(Duration::from_secs_f64(seconds));
            over.store(true, Ordering::Relaxed);
        }
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a worker panicked".to_string())?).collect()
    });
    let elapsed_ns = ns_since(begun).max(1);
    let worked: Vec<Worked> = found?;
    let bumps = check(workload, &words, &worked)?;
    Ok(ran(workload, worked, bumps, elapsed_ns))
}

/// Every bump is there, and as many reads as the share says.
fn check(workload: &Counters, words: &Words, worked: &[Worked]) -> Result<u64, String> {
    let mut bumps = 0;
    for (worker, done) in worked.iter().enumerate() {
        let (found, due) = (words.of(worker).load(Ordering::Relaxed), done.rounds * workload.turns);
        if found != due {
            return Err(format!("worker {worker}: {due} bumps were made, its counter says {found}"));
        }
        let reads = (due as f64 * workload.reads_ratio).round() as u64;
        // The step is rounded to 2^-32 of a turn.
        if done.reads.abs_diff(reads) > 1 + (due >> 32) {
            return Err(format!(
                "worker {worker}: {reads} reads are due in {due} turns, {found} were made",
                found = done.reads
            ));
        }
        bumps += due;
    }
    match words.common().load(Ordering::Relaxed) {
        0 => Ok(bumps),
        found => Err(format!("nobody writes the common counter; it says {found}")),
    }
}

fn ran(workload: &Counters, worked: Vec<Worked>, bumps: u64, elapsed_ns: u64) -> Ran {
    let rounds: Vec<f64> = worked.iter().flat_map(|done| done.rounds_ns.iter().copied()).collect();
    let bump_ns = quantile(&rounds, 0.5).ok().map(|ns| ns / workload.turns as f64);
    let misses: Option<Vec<Misses>> = worked.iter().map(|done| done.misses).collect();
    let (l1, cache) = misses.map_or((None, None), |all| (pmu::l1_ratio(&all), pmu::cache_ratio(&all)));
    let sum = |count: fn(&Usage) -> u64| worked.iter().map(|done| count(&done.usage)).sum();
    let delays = worked.iter().map(|done| done.usage.run_delay_ns);
    let usage = Usage {
        involuntary: sum(|usage| usage.involuntary),
        voluntary: sum(|usage| usage.voluntary),
        minor_faults: sum(|usage| usage.minor_faults),
        major_faults: sum(|usage| usage.major_faults),
        run_delay_ns: delays.sum(),
    };
    // The same of every worker, as a rule.
    let notes = worked.into_iter().find_map(|done| done.note).into_iter().collect();
    Ran {
        elapsed_ns,
        operations: bumps,
        metrics: vec![bump_ns, l1, cache],
        counts: None,
        usage,
        notes,
        windows: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_counters_are_neighbours_and_padded_ones_alone() {
        let check = |layout: Layout, apart: usize| {
            let words = Words::new(layout, 9);
            let at = |word: &AtomicU64| std::ptr::from_ref(word).addr();
            assert_eq!(at(words.common()) % LINE_BYTES, 0);
            assert_eq!(at(words.of(0)) - at(words.common()), apart);
            (1..9).for_each(|worker| assert_eq!(at(words.of(worker)) - at(words.of(worker - 1)), apart));
        };
        check(Layout::Packed, 8);
        check(Layout::Padded, 128);
    }

    #[test]
    fn a_round_bumps_each_turn_and_reads_a_share() {
        let (own, common) = (AtomicU64::new(0), AtomicU64::new(0));
        let reads = |ratio: f64| {
            let mut due = 0;
            round(&own, &common, 1000, (ratio * WHOLE as f64).round() as u64, &mut due)
        };
        assert_eq!([reads(0.0), reads(0.25), reads(1.0)], [0, 250, 1000]);
        assert_eq!((own.load(Ordering::Relaxed), common.load(Ordering::Relaxed)), (3000, 0));
    }

    #[test]
    fn a_lost_bump_is_told() {
        let workload = Counters { layout: Layout::Packed, turns: 10, reads_ratio: 0.5 };
        let words = Words::new(Layout::Packed, 1);
        let worked = [Worked { rounds: 3, reads: 15, ..Worked::default() }];
        words.of(0).store(30, Ordering::Relaxed);
        assert_eq!(check(&workload, &words, &worked), Ok(30));
        words.of(0).store(29, Ordering::Relaxed);
        let says = "worker 0: 30 bumps were made, its counter says 29";
        assert_eq!(check(&workload, &words, &worked), Err(says.into()));
        words.of(0).store(30, Ordering::Relaxed);
        let worked = [Worked { rounds: 3, reads: 13, ..Worked::default() }];
        let says = "worker 0: 15 reads are due in 30 turns, 13 were made";
        assert_eq!(check(&workload, &words, &worked), Err(says.into()));
    }
}
