//! Random programs of tasks over random switches, against what must come out of them.
//!
//! Checked after each: every task ran once and returned what it must, the counters add up, nothing is left in a queue.
//! 400 programs, or `NUMALAB_PROGRAMS=N`; `NUMALAB_PROGRAM_SEED=S` runs that one alone, again and again with N. A program
//! that hangs fails with the scheduler's snapshot.
#![cfg(not(any(loom, shuttle)))]

mod program;

use gmp::scheduler::{Count, Scheduler, TaskState};
use program::{Shared, Size, check_counts, count, drawn, expected, print_other_panics, run, waking};
use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

/// A program takes milliseconds; on a host that is busy with others, a few hundred.
const HANGS_AFTER: Duration = Duration::from_secs(60);

const SIZE: Size = Size {
    processors: (1, 8),
    steps: 6,
    yields: 30,
    values: 40,
    senders: 3,
    turns: 20,
    burst: 60,
    burst_yields: 4,
    depth: 4,
    tasks: 400,
};

fn check(seed: u64) {
    let (switches, program, made) = drawn(seed, &SIZE);
    let scheduler = Scheduler::new(switches.clone()).expect("switches that can be");
    let (outside, wakers) = mpsc::channel();
    let waking = waking(wakers);
    let handle = scheduler.handle().clone();
    let shared = Shared::new(handle.clone(), made, outside, &switches);
    let begun = Instant::now();
    let hangs = |what: &str| {
        let snapshot = handle.snapshot();
        let counts: Vec<_> = handle.counts().iter().map(|(count, value)| (count.name(), value)).collect();
        panic!("{what}: {snapshot:?} {counts:?}; NUMALAB_PROGRAM_SEED={seed} {switches:?}");
    };
    let (to, from) = mpsc::channel();
    let (main, expect) = (run(Arc::clone(&shared), program.clone()), expected(&program));
    handle.spawn(async move { to.send(main.await).expect("it is received") });
    match from.recv_timeout(HANGS_AFTER) {
        Ok(sum) => assert_eq!(Ok(sum), expect, "seed {seed}"),
        Err(mpsc::RecvTimeoutError::Timeout) => hangs("hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("the program's first task panicked, seed {seed}"),
    }
    let (tasks, _) = count(&program);
    let counts = loop {
        let counts = handle.counts();
        let all = counts.get(Count::Spawned) == counts.get(Count::Finished) && counts.get(Count::Spawned) >= tasks;
        // The last one is counted before its slot is free.
        if all && handle.snapshot().tasks_in(TaskState::Running) == 0 {
            break counts;
        }
        if begun.elapsed() > HANGS_AFTER {
            hangs("tasks are left");
        }
        thread::yield_now();
    };
    check_counts(&counts, &program, seed);
    for (number, runs) in shared.runs.iter().enumerate() {
        assert_eq!(runs.load(Ordering::Relaxed), 1, "runs of task {number}, seed {seed}");
    }
    let snapshot = handle.snapshot();
    for state in [TaskState::Idle, TaskState::Runnable, TaskState::Running, TaskState::InCall, TaskState::Waiting] {
        assert_eq!(snapshot.tasks_in(state), 0, "{state:?}, seed {seed}");
    }
    assert_eq!((snapshot.queues.local.iter().sum::<usize>(), snapshot.queues.global), (0, 0), "seed {seed}");
    drop(shared);
    drop(scheduler);
    drop(handle);
    waking.join().expect("wakers do not panic");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn random_programs_come_out_as_they_must() {
    print_other_panics();
    let programs = number("NUMALAB_PROGRAMS");
    if let Some(seed) = number("NUMALAB_PROGRAM_SEED") {
        return (0..programs.unwrap_or(1)).for_each(|_| check(seed));
    }
    let begun_all = Instant::now();
    let mut longest = (Duration::ZERO, 0);
    for seed in 0..programs.unwrap_or(400) {
        let begun = Instant::now();
        check(seed);
        longest = longest.max((begun.elapsed(), seed));
    }
    let (longest, seed) = longest;
    println!("{elapsed:?}, the longest {longest:?}, seed {seed}", elapsed = begun_all.elapsed());
}
