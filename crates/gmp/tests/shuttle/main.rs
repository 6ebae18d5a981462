//! Whole programs on the whole scheduler, under schedules that shuttle chooses: `make shuttle`, which runs
//! `RUSTFLAGS="--cfg shuttle" CARGO_TARGET_DIR=target/shuttle cargo test -p gmp --release --test shuttle`.
//!
//! Each program is run under random schedules and under PCT's with 1, 2 and 4 changes of priority, from fixed seeds, so a
//! failure comes again in the same schedule of the same program. A task or a wake-up that is lost is a deadlock, which
//! shuttle finds; the rest is an assertion. `NUMALAB_SHUTTLE_MORE=N` takes N times as many schedules,
//! `NUMALAB_SHUTTLE_SEED=S` others. README.md says what this cannot find.
#![cfg(shuttle)]

mod directed;
#[path = "../program/mod.rs"]
mod program;
mod running;

use gmp::scheduler::{Count, Scheduler, Switches};
use program::{Shared, Size, check_counts, drawn, expected, print_other_panics, run, waking};
use shuttle::{
    Config, FailurePersistence, MaxSteps, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler as Chooser},
    sync::{Arc, mpsc},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Once,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

/// A program takes some thousand; one that goes round without end comes here.
const STEPS_MOST: usize = 400_000;
/// Frames of an unoptimized build fit too.
const STACK_BYTES: usize = 256 * 1024;

/// Bugs of so many orders between threads are found with a probability that PCT's authors prove.
const PCT_DEPTHS: [usize; 3] = [2, 3, 5];

type Program = Arc<dyn Fn() + Send + Sync>;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

/// Runs a program under `schedules` random schedules, and as many of PCT's over its depths.
fn check(name: &str, schedules: usize, program: Program) {
    static PRINT: Once = Once::new();
    PRINT.call_once(|| {
        // shuttle puts its own hook in at its first run; ours goes around it.
        shuttle::check_random(|| {}, 1);
        print_other_panics();
    });
    let seed = number("NUMALAB_SHUTTLE_SEED").unwrap_or(1);
    let schedules = schedules * number("NUMALAB_SHUTTLE_MORE").unwrap_or(1) as usize;
    let how = format!("{name}, random, seed {seed}");
    explore(&how, RandomScheduler::new_from_seed(seed, schedules), Arc::clone(&program));
    for depth in PCT_DEPTHS {
        let how = format!("{name}, pct {depth}, seed {seed}");
        // The first is PCT's own, in which it counts the steps.
        let schedules = 1 + schedules.div_ceil(PCT_DEPTHS.len());
        explore(&how, PctScheduler::new_from_seed(seed, depth, schedules), Arc::clone(&program));
    }
}

fn explore(how: &str, chooser: impl Chooser + 'static, program: Program) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    // Thousands of steps say nothing to a reader; the seed brings them again.
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(STEPS_MOST);
    config.silence_warnings = true;
    let [begun, steps] = [0, 0].map(|zero| std::sync::Arc::new(AtomicUsize::new(zero)));
    let (schedules, all_steps) = (Arc::clone(&begun), Arc::clone(&steps));
    let since = Instant::now();
    let explored = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(chooser, config).run(move || {
            schedules.fetch_add(1, Relaxed);
            program();
            all_steps.fetch_add(shuttle::current::context_switches(), Relaxed);
        })
    }));
    let (schedules, steps) = (begun.load(Relaxed), steps.load(Relaxed));
    match explored {
        Ok(_) => println!(
            "{how}: {schedules} schedules of {steps} steps, {seconds:.1} s",
            steps = steps / schedules.max(1),
            seconds = since.elapsed().as_secs_f64()
        ),
        Err(panic) => {
            eprintln!("{how}: schedule {schedules} fails");
            resume_unwind(panic);
        }
    }
}

const SIZE: Size = Size {
    processors: (2, 2),
    steps: 6,
    yields: 3,
    values: 4,
    senders: 2,
    turns: 3,
    burst: 6,
    burst_yields: 3,
    depth: 2,
    tasks: 8,
};

/// What the programs of a test have had happen, over all schedules.
type Seen = std::sync::Arc<[AtomicU64]>;

/// The random program of this seed; what it returns, and everything that `programs.rs` looks at when it has ended.
fn check_random_program(seed: u64, seen: &Seen) {
    let (switches, program, made) = drawn(seed, &SIZE);
    let scheduler = Scheduler::new(switches.clone()).expect("switches that can be");
    let (outside, wakers) = mpsc::channel();
    let waking = waking(wakers);
    let handle = scheduler.handle().clone();
    let shared = Shared::new(handle.clone(), made, outside, &switches);
    let sum = scheduler.block_on(run(Arc::clone(&shared), program.clone()));
    assert_eq!(sum, Ok(expected(&program).expect("the first task does not panic")), "seed {seed}");
    shared.wait_for_all();
    // Its threads end what they have begun: the last polls, which nobody waits for.
    drop(scheduler);
    let counts = handle.counts();
    check_counts(&counts, &program, seed);
    for (count, value) in counts.iter() {
        seen[count as usize].fetch_add(value, Relaxed);
    }
    let queues = handle.queues();
    assert_eq!((queues.local.iter().sum::<usize>(), queues.global), (0, 0), "seed {seed}");
    for (number, runs) in shared.runs.iter().enumerate() {
        assert_eq!(runs.load(shuttle::sync::atomic::Ordering::Relaxed), 1, "runs of task {number}, seed {seed}");
    }
    drop(shared);
    drop(handle);
    waking.join().expect("wakers do not panic");
}

/// Every second of the programs, each under 20 schedules of either kind: two tests for two PUs.
fn check_random_programs(half: u64) {
    let programs = number("NUMALAB_PROGRAMS").unwrap_or(400);
    let seed = number("NUMALAB_PROGRAM_SEED");
    let seeds = seed.map_or((half..programs).step_by(2), |seed| (seed..seed + 1).step_by(1));
    let seen: Seen = Count::ALL.iter().map(|_| AtomicU64::new(0)).collect();
    for seed in seeds {
        let seen = Seen::clone(&seen);
        check(&format!("program {seed}"), 20, Arc::new(move || check_random_program(seed, &seen)));
    }
    let seen: Vec<_> = Count::ALL.iter().map(|&count| (count.name(), seen[count as usize].load(Relaxed))).collect();
    println!("{seen:?}");
    let missing: Vec<_> = seen.iter().filter(|(_, value)| *value == 0).collect();
    assert!(seed.is_some() || programs < 400 || missing.is_empty(), "none of the programs comes by {missing:?}");
}

#[test]
fn even_random_programs_come_out_as_they_must() {
    check_random_programs(0);
}

#[test]
fn odd_random_programs_come_out_as_they_must() {
    check_random_programs(1);
}

/// Go's way, but with little room and little patience, so that programs are short.
fn switches(processors: usize) -> Switches {
    let processors = std::num::NonZeroUsize::new(processors).expect("not 0");
    Switches { ring: 2, spin_rounds: 1, ..Switches::new(processors) }
}
