//! Whole worlds of threads: every stop completes, no worker moves while the world is stopped, records are consistent.
//!
//! Every loop is bounded; a deadlock shows as a test that hangs.
#![cfg(not(loom))]

use gmp::world::{AtPause, Bell, Member, Notice, Pause, StoppedWork, Stopper, World};
use std::{
    hint::black_box,
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Instant,
};

fn world(workers: usize) -> World {
    World::new(NonZeroUsize::new(workers).expect("cases have a worker"), Instant::now())
}

/// A counter-based generator (splitmix64): the same case leaves at the same requests every time.
fn random(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What all threads of one case share: who is between two requests, and what they did.
struct Witness {
    moving: Vec<AtomicBool>,
    requests: Vec<AtomicU64>,
    stopped_work: AtomicU64,
    end: AtomicBool,
}

impl Witness {
    fn new(workers: usize) -> Self {
        Self {
            moving: (0..workers).map(|_| AtomicBool::new(true)).collect(),
            requests: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            stopped_work: AtomicU64::new(0),
            end: AtomicBool::new(false),
        }
    }

    fn request(&self, worker: usize) {
        // Now and then the PU is passed on: more workers than PUs interleave finely, not by time slices.
        if self.requests[worker].fetch_add(1, Relaxed) % 8 == 7 {
            thread::yield_now();
        }
        black_box((0..50).fold(worker, |sum, k| black_box(sum ^ k)));
    }

    fn sum_requests(&self) -> u64 {
        self.requests.iter().map(|requests| requests.load(Relaxed)).sum()
    }
}

/// Ends the run when dropped, also when an assertion of the stopper fails: a red test, not a hanging one.
struct End<'a>(&'a Witness, Bell);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end.store(true, Relaxed);
        self.1.ring();
    }
}

/// Stopped work that sees whether anyone moves.
struct Watch<'a> {
    witness: &'a Witness,
    counted: u64,
}

impl AtPause for Watch<'_> {
    fn stopped(&mut self, _worker: usize) {
        let Witness { moving, stopped_work, .. } = self.witness;
        let before = self.witness.sum_requests();
        for _ in 0..20 {
            assert!(moving.iter().all(|moving| !moving.load(Relaxed)), "a worker moves in a stopped world");
            assert_eq!(self.witness.sum_requests(), before, "a request was made in a stopped world");
        }
        stopped_work.fetch_add(1, Relaxed);
        self.counted += 1;
    }

    fn resumed(&mut self, worker: usize) -> u64 {
        worker as u64 + 1
    }
}

/// Requests until the end, or until `leave_at` requests are made; leaves there even if asked to stop.
fn run_member(mut member: Member, witness: &Witness, leave_at: u64) {
    let worker = member.worker();
    let moving = &witness.moving[worker];
    let mut watch = Watch { witness, counted: 0 };
    for request in 0.. {
        witness.request(worker);
        let notice = member.poll();
        if request == leave_at || (notice == Some(Notice::Look) && witness.end.load(Relaxed)) {
            break;
        }
        if notice == Some(Notice::Stop) {
            moving.store(false, Relaxed);
            member.park(&mut watch);
            moving.store(true, Relaxed);
        }
    }
    moving.store(false, Relaxed);
}

/// Stops the world `stops` times with a few requests between; each stop's work is done once by each parked worker.
fn run_stopper(mut stopper: Stopper, witness: &Witness, stops: u64, work: StoppedWork) -> Vec<Pause> {
    let mut watch = Watch { witness, counted: 0 };
    let mut works = Vec::new();
    for stop in 0..stops {
        (0..stop % 4).for_each(|_| witness.request(0));
        let before = witness.stopped_work.load(Relaxed);
        witness.moving[0].store(false, Relaxed);
        stopper.stop(work, &mut watch);
        witness.moving[0].store(true, Relaxed);
        works.push(witness.stopped_work.load(Relaxed) - before);
    }
    let pauses = stopper.finish();
    assert_eq!(watch.counted, if work == StoppedWork::All { stops } else { 0 });
    for (pause, works) in pauses.iter().zip(works) {
        assert_eq!(works, if work == StoppedWork::All { pause.workers as u64 } else { 0 });
    }
    pauses
}

struct Case {
    workers: usize,
    stops: u64,
    work: StoppedWork,
    /// Members leave at a random request below this.
    leave_below: Option<u64>,
    seed: u64,
}

fn check(case: &Case) {
    let World { stopper, members, bell } = world(case.workers);
    let witness = &Witness::new(case.workers);
    let pauses = thread::scope(|scope| {
        for (index, member) in (0u64..).zip(members) {
            let leave_at = case.leave_below.map_or(u64::MAX, |below| random(case.seed, index) % below);
            scope.spawn(move || run_member(member, witness, leave_at));
        }
        let _end = End(witness, bell);
        run_stopper(stopper, witness, case.stops, case.work)
    });
    assert_eq!(pauses.len() as u64, case.stops);
    for pause in &pauses {
        check_parts(pause);
        if case.leave_below.is_none() {
            let workers = case.workers as u64;
            assert_eq!((pause.workers, pause.count), (case.workers, workers * (workers + 1) / 2));
        }
    }
    for pair in pauses.windows(2) {
        let [before, after] = pair else { unreachable!("windows of two") };
        assert!(before.request_ns + before.total_ns <= after.request_ns, "{before:?} overlaps {after:?}");
        assert!(before.workers >= after.workers, "nobody joins");
    }
}

fn check_parts(pause: &Pause) {
    assert_eq!(pause.stopping_ns + pause.stopped_ns + pause.resuming_ns, pause.total_ns);
}

#[test]
fn every_stop_completes_and_nobody_moves() {
    for (workers, stops) in [(1, 2000), (2, 2000), (3, 1000), (8, 300), (16, 150)] {
        for work in [StoppedWork::None, StoppedWork::All] {
            check(&Case { workers, stops, work, leave_below: None, seed: 0 });
        }
    }
}

#[test]
fn workers_may_leave_at_any_request() {
    for seed in 0..60 {
        let workers = 2 + (seed as usize % 15);
        let work = if seed % 2 == 0 { StoppedWork::None } else { StoppedWork::All };
        let leave_below = Some([3, 300, 30_000][seed as usize % 3]);
        check(&Case { workers, stops: 60, work, leave_below, seed });
    }
}

#[test]
fn the_world_runs_on_without_its_stopper() {
    let World { mut stopper, members, bell } = world(4);
    let witness = &Witness::new(4);
    thread::scope(|scope| {
        for member in members {
            scope.spawn(move || run_member(member, witness, u64::MAX));
        }
        stopper.stop(StoppedWork::None, &mut ());
        drop(stopper);
        let before = witness.sum_requests();
        while witness.sum_requests() < before + 1000 {
            thread::yield_now();
        }
        drop(End(witness, bell));
    });
}

/// Where a worker panics.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Panic {
    Request,
    StoppedWork,
    Resumed,
}

struct Panicking(Option<Panic>);

impl AtPause for Panicking {
    fn stopped(&mut self, _worker: usize) {
        assert_ne!(self.0, Some(Panic::StoppedWork), "asked for");
    }

    fn resumed(&mut self, _worker: usize) -> u64 {
        assert_ne!(self.0, Some(Panic::Resumed), "asked for");
        1
    }
}

fn run_panicking(mut member: Member, witness: &Witness, panic: Option<Panic>) {
    loop {
        match member.poll() {
            None => {}
            Some(Notice::Stop) => {
                assert_ne!(panic, Some(Panic::Request), "asked for");
                member.park(&mut Panicking(panic));
            }
            Some(Notice::Look) if witness.end.load(Relaxed) => break,
            Some(Notice::Look) => {}
        }
    }
}

/// Worker `who` of 3 panics at the first stop; expects the workers of each of three pauses, and what they counted.
fn check_panic(panic: Panic, who: usize, expect: [(usize, u64); 3]) {
    let World { mut stopper, members, bell } = world(3);
    let witness = &Witness::new(3);
    let pauses = thread::scope(|scope| {
        let end = End(witness, bell);
        let threads: Vec<_> = members
            .into_iter()
            .map(|member| {
                let panic = (member.worker() == who).then_some(panic);
                (panic.is_some(), scope.spawn(move || run_panicking(member, witness, panic)))
            })
            .collect();
        stopper.stop(StoppedWork::All, &mut Panicking(None));
        let (panicking, others): (Vec<_>, Vec<_>) = threads.into_iter().partition(|(panics, _)| *panics);
        assert!(panicking.into_iter().all(|(_, thread)| thread.join().is_err()), "{panic:?} came through");
        stopper.stop(StoppedWork::All, &mut Panicking(None));
        stopper.stop(StoppedWork::None, &mut Panicking(None));
        drop(end);
        assert!(others.into_iter().all(|(_, thread)| thread.join().is_ok()));
        stopper.finish()
    });
    assert_eq!(pauses.iter().map(|pause| (pause.workers, pause.count)).collect::<Vec<_>>(), expect, "{panic:?}");
}

#[test]
fn a_panicking_worker_leaves() {
    check_panic(Panic::Request, 1, [(2, 2), (2, 2), (2, 2)]);
    check_panic(Panic::StoppedWork, 2, [(3, 2), (2, 2), (2, 2)]);
    check_panic(Panic::Resumed, 1, [(3, 2), (2, 2), (2, 2)]);
}

#[test]
fn a_panicking_stopper_releases_the_world() {
    for panic in [Panic::StoppedWork, Panic::Resumed] {
        let World { mut stopper, members, bell } = world(3);
        let witness = &Witness::new(3);
        thread::scope(|scope| {
            for member in members {
                scope.spawn(move || run_panicking(member, witness, None));
            }
            let stops = move || stopper.stop(StoppedWork::All, &mut Panicking(Some(panic)));
            assert!(scope.spawn(stops).join().is_err());
            drop(End(witness, bell));
        });
    }
}

#[test]
fn each_worker_looks_once_however_often_the_bell_rang() {
    let World { mut stopper, mut members, bell } = world(3);
    assert!(!stopper.poll());
    bell.ring();
    bell.clone().ring();
    assert_eq!((stopper.poll(), stopper.poll()), (true, false));
    for member in &mut members {
        assert_eq!((member.poll(), member.poll()), (Some(Notice::Look), None));
    }
}

#[test]
fn a_stop_comes_before_a_ring_and_the_ring_is_kept() {
    let World { mut stopper, members, bell } = world(2);
    let (asked, looked) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        for mut member in members {
            scope.spawn(move || {
                while member.poll() != Some(Notice::Stop) {
                    thread::yield_now();
                }
                asked.store(true, Relaxed);
                while !looked.load(Relaxed) {
                    thread::yield_now();
                }
                assert_eq!(member.poll(), Some(Notice::Stop));
                member.park(&mut ());
                assert_eq!((member.poll(), member.poll()), (Some(Notice::Look), None));
            });
        }
        scope.spawn(move || {
            while !asked.load(Relaxed) {
                thread::yield_now();
            }
            bell.ring();
            looked.store(true, Relaxed);
        });
        stopper.stop(StoppedWork::None, &mut ());
    });
}

#[test]
fn a_park_that_nobody_asked_for_returns() {
    let World { stopper, mut members, .. } = world(2);
    members[0].park(&mut ());
    assert!(stopper.finish().is_empty());
}
