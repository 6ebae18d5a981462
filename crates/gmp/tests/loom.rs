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

/// One word for each worker: how many requests it made, how often it did stopped work; `LEFT` when it has left.
struct Heaps {
    requests: Vec<AtomicU64>,
    works: Vec<AtomicU64>,
}

impl Heaps {
    fn new(workers: usize) -> Self {
        let words = || (0..workers).map(|_| AtomicU64::new(0)).collect();
        Self { requests: words(), works: words() }
    }
}

/// Every worker has `expect`, or left.
fn check_words(words: &[AtomicU64], expect: u64) {
    let seen: Vec<u64> = words.iter().map(|word| word.load(Relaxed)).collect();
    assert!(
        seen.iter().all(|word| *word == expect || *word == LEFT),
        "{seen:?}, expected {expect}: moves, or seen late"
    );
}

struct Work {
    heaps: Arc<Heaps>,
    requests: u64,
    works: u64,
}

impl Work {
    fn new(heaps: &Arc<Heaps>) -> Self {
        Self { heaps: Arc::clone(heaps), requests: 0, works: 0 }
    }

    fn request(&mut self, worker: usize) {
        self.requests += 1;
        self.heaps.requests[worker].store(self.requests, Relaxed);
    }
}

/// Each worker makes one request before each pause, so all counts are known from one's own.
impl AtPause for Work {
    fn stopped(&mut self, worker: usize) {
        check_words(&self.heaps.requests, self.requests);
        self.works += 1;
        self.heaps.works[worker].store(self.works, Relaxed);
    }

    fn resumed(&mut self, _worker: usize) -> u64 {
        check_words(&self.heaps.works, self.works);
        1
    }
}

/// What a leaving worker leaves in its heap.
const LEFT: u64 = u64::MAX;

/// Parks at `parks` stops, one request before each, then leaves.
fn run_member(mut member: Member, mut work: Work, parks: usize) -> u64 {
    for _ in 0..parks {
        work.request(member.worker());
        while member.poll() != Some(Notice::Stop) {
            thread::yield_now();
        }
        member.park(&mut work);
    }
    work.heaps.requests[member.worker()].store(LEFT, Relaxed);
    work.heaps.works[member.worker()].store(LEFT, Relaxed);
    drop(member);
    work.works
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
        let heaps = Arc::new(Heaps::new(workers.get()));
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
        let mut works_done = vec![own.works];
        works_done.extend(threads.into_iter().map(|thread| thread.join().expect("it did not panic")));
        let works = |pauses: usize| if work == StoppedWork::All { pauses as u64 } else { 0 };
        let mut expect = vec![works(stops)];
        expect.extend(parks.iter().map(|&parks| works(parks)));
        assert_eq!(works_done, expect, "stopped work is done once by each");
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
    check(&[1, 1], 1, StoppedWork::None, 1);
    check(&[1, 1], 1, StoppedWork::All, 1);
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

/// Knows whether it was parked.
struct Once(bool);

impl AtPause for Once {
    fn resumed(&mut self, _worker: usize) -> u64 {
        self.0 = true;
        1
    }
}

#[test]
fn loom_a_park_without_a_poll() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let World { mut stopper, mut members, .. } = World::new(NonZeroUsize::MIN.saturating_add(1), Instant::now());
        let mut member = members.pop().expect("two workers");
        let worker = thread::spawn(move || {
            let mut once = Once(false);
            while !once.0 {
                member.park(&mut once);
                thread::yield_now();
            }
        });
        let released_ns = stopper.stop(StoppedWork::None, &mut ());
        let [pause] = stopper.finish()[..] else { panic!("one pause") };
        assert_eq!((pause.workers, pause.count), (2, 1));
        assert!(released_ns >= pause.request_ns + pause.stopping_ns + pause.stopped_ns);
        worker.join().expect("it did not panic");
    });
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

/// A member that rests between requests: no stop waits for it, and it makes none while the world is stopped.
fn check_rests(stops: usize, rests: usize, others: usize, work: StoppedWork, preemptions: usize) {
    struct Still(Arc<AtomicU64>);
    impl AtPause for Still {
        fn stopped(&mut self, _: usize) {
            let before = self.0.load(Relaxed);
            thread::yield_now();
            assert_eq!(self.0.load(Relaxed), before, "somebody came back into a stopped world");
        }
        fn resumed(&mut self, _: usize) -> u64 {
            1
        }
    }
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(move || {
        let workers = NonZeroUsize::MIN.saturating_add(1 + others);
        let World { mut stopper, mut members, .. } = World::new(workers, Instant::now());
        let requests = Arc::new(AtomicU64::new(0));
        let resting = |mut member: Member| {
            let requests = Arc::clone(&requests);
            thread::spawn(move || {
                for _ in 0..rests {
                    member = member.rest().back();
                    requests.fetch_add(1, Relaxed);
                    if member.poll() == Some(Notice::Stop) {
                        member.park(&mut Still(Arc::clone(&requests)));
                    }
                }
                drop(member.rest());
            })
        };
        let threads: Vec<_> = members.drain(..).map(resting).collect();
        for _ in 0..stops {
            stopper.stop(work, &mut Still(Arc::clone(&requests)));
        }
        let pauses = stopper.take_pauses();
        assert_eq!(pauses.len(), stops);
        for pause in pauses {
            assert!(pause.workers >= 1 && pause.workers <= workers.get());
            assert_eq!(pause.count, pause.workers as u64, "who was parked counts, and nobody else");
        }
        threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
        assert_eq!(requests.load(Relaxed), (rests * (1 + others)) as u64);
        drop(stopper);
    });
}

#[test]
fn loom_one_rests_and_comes_back() {
    check_rests(1, 1, 0, StoppedWork::All, 3);
    check_rests(1, 2, 0, StoppedWork::None, 3);
    check_rests(2, 1, 0, StoppedWork::None, 3);
    check_rests(2, 1, 0, StoppedWork::All, 2);
}

#[test]
fn loom_two_rest_and_come_back() {
    check_rests(1, 1, 1, StoppedWork::All, 2);
}
