//! Every interleaving of small worlds, and every value a relaxed load may see, by loom:
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p gmp --release --test loom`.
//!
//! loom fails where all threads sleep (a lost wake-up, a deadlock) and where an assertion fails. Each worker counts its
//! requests with relaxed stores, as `serve` touches its heaps; stopped work must see the counts of all, and no change.
#![cfg(loom)]

use gmp::world::{AtPause, Member, Notice, StoppedWork, World};
use loom::{
    model::Builder,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};
use std::{num::NonZeroUsize, time::Instant};

/// One word for each worker: how many requests it made.
struct Heaps(Vec<AtomicU64>);

struct Work {
    heaps: Arc<Heaps>,
    /// What this worker wrote to its own heap.
    own: u64,
    done: usize,
}

impl Work {
    fn new(heaps: &Arc<Heaps>) -> Self {
        Self { heaps: Arc::clone(heaps), own: 0, done: 0 }
    }

    fn request(&mut self, worker: usize) {
        self.own += 1;
        self.heaps.0[worker].store(self.own, Relaxed);
    }

    fn read(&self) -> Vec<u64> {
        self.heaps.0.iter().map(|heap| heap.load(Relaxed)).collect()
    }
}

impl AtPause for Work {
    fn stopped(&mut self, worker: usize) {
        self.done += 1;
        let seen = self.read();
        assert_eq!(seen[worker], self.own);
        // Members make one request before each pause, so with the stopper's number of pauses the counts are known.
        let expect = self.heaps.0[0].load(Relaxed);
        assert!(seen.iter().all(|count| *count == expect || *count == LEFT), "{seen:?}: a heap moves or is seen late");
    }

    fn resumed(&mut self, _worker: usize) -> u64 {
        1
    }
}

/// What a leaving worker leaves in its heap.
const LEFT: u64 = u64::MAX;

/// Parks at `parks` stops, one request before each, then leaves.
fn run_member(mut member: Member, mut work: Work, parks: usize) -> usize {
    for _ in 0..parks {
        work.request(member.worker());
        while member.poll() != Some(Notice::Stop) {
            thread::yield_now();
        }
        member.park(&mut work);
    }
    work.heaps.0[member.worker()].store(LEFT, Relaxed);
    drop(member);
    work.done
}

/// One member for each number in `parks`, leaving after so many pauses; `stops` stops.
fn check(parks: &'static [usize], stops: usize, work: StoppedWork, preemptions: usize) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    // Members that poll in turns make long paths.
    builder.max_branches = 20_000;
    builder.check(move || {
        let workers = NonZeroUsize::MIN.saturating_add(parks.len());
        let World { mut stopper, members, .. } = World::new(workers, Instant::now());
        let heaps = Arc::new(Heaps((0..workers.get()).map(|_| AtomicU64::new(0)).collect()));
        let mut own = Work::new(&heaps);
        let threads: Vec<_> = members
            .into_iter()
            .zip(parks)
            .map(|(member, &parks)| {
                let work = Work::new(&heaps);
                thread::spawn(move || run_member(member, work, parks))
            })
            .collect();
        for _ in 0..stops {
            own.request(0);
            stopper.stop(work, &mut own);
        }
        let pauses = stopper.finish();
        let mut done = vec![own.done];
        done.extend(threads.into_iter().map(|thread| thread.join().expect("it did not panic")));
        let works = |pauses: usize| if work == StoppedWork::All { pauses } else { 0 };
        let mut expect = vec![works(stops)];
        expect.extend(parks.iter().map(|&parks| works(parks)));
        assert_eq!(done, expect, "stopped work is done once by each");
        for (k, pause) in pauses.iter().enumerate() {
            let parked = 1 + parks.iter().filter(|&&parks| parks > k).count();
            assert_eq!((pause.workers, pause.count), (parked, parked as u64));
        }
        assert_eq!(pauses.len(), stops);
    });
}

#[test]
fn loom_one_alone() {
    check(&[], 2, StoppedWork::All, 3);
}

#[test]
fn loom_one_member() {
    check(&[1], 1, StoppedWork::None, 4);
    check(&[1], 1, StoppedWork::All, 3);
}

#[test]
fn loom_two_stops() {
    check(&[2], 2, StoppedWork::None, 3);
    check(&[2], 2, StoppedWork::All, 2);
}

#[test]
fn loom_two_members() {
    check(&[1, 1], 1, StoppedWork::None, 2);
    check(&[1, 1], 1, StoppedWork::All, 2);
}

#[test]
fn loom_one_leaves_before_the_stop() {
    check(&[0], 1, StoppedWork::All, 3);
    check(&[1, 0], 1, StoppedWork::None, 2);
    check(&[1, 0], 1, StoppedWork::All, 2);
}

#[test]
fn loom_one_leaves_between_stops() {
    check(&[1], 2, StoppedWork::None, 3);
    check(&[1], 2, StoppedWork::All, 2);
}

#[test]
fn loom_a_ring_crosses_a_stop() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let World { mut stopper, mut members, bell } = World::new(NonZeroUsize::MIN.saturating_add(1), Instant::now());
        let mut member = members.pop().expect("two workers");
        let news = Arc::new(AtomicU64::new(0));
        let rung = Arc::clone(&news);
        let worker = thread::spawn(move || {
            let (mut stops, mut looks) = (0, 0);
            while stops + looks < 2 {
                match member.poll() {
                    Some(Notice::Stop) => {
                        member.park(&mut ());
                        stops += 1;
                    }
                    Some(Notice::Look) => {
                        assert_eq!(news.load(Relaxed), 1, "what was written before the ring is seen");
                        looks += 1;
                    }
                    None => thread::yield_now(),
                }
            }
            (stops, looks)
        });
        let ringer = thread::spawn(move || {
            rung.store(1, Relaxed);
            bell.ring();
        });
        stopper.stop(StoppedWork::None, &mut ());
        assert_eq!(worker.join().expect("it did not panic"), (1, 1));
        ringer.join().expect("it did not panic");
    });
}
