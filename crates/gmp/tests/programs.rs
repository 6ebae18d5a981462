//! Random programs of tasks over random switches, against what must come out of them.
//!
//! A program is made from its seed alone: a tree of tasks, each a list of steps. What each task returns is computed
//! beside it without a scheduler. Checked after each: every task ran once and returned that, the counters add up, nothing
//! is left in a queue. 400 programs, or `NUMALAB_PROGRAMS=N`; `NUMALAB_PROGRAM_SEED=S` runs that one alone, again and
//! again with N. A program that hangs fails with the scheduler's snapshot.

use gmp::scheduler::{
    Closed, Count, CounterLayout, Ended, JoinHandle, LocalOrder, Receiver, Scheduler, Seat, Sender, StealAmount,
    StealOrder, Switches, TaskState, YieldTo, blocking, call, channel, sleep, spawn, yield_now,
};
use std::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// A program takes milliseconds; on a host that is busy with others, a few hundred.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// xorshift64*, as good as any here.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // SplitMix64, so that neighbouring seeds differ.
        let mixed = (seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

fn random_switches(random: &mut Random) -> Switches {
    let processors = 1 + random.below(8) as usize;
    let nodes = 1 + random.below(4).min(processors as u64 - 1) as u32;
    let seats = (0..processors as u32).map(|p| Seat { node: p % nodes, llc: p / 2 }).collect();
    let distance = |a, b| if a == b { 10 } else { 20 + (a + b) % 3 };
    let distances = (0..nodes).map(|a| (0..nodes).map(|b| distance(a, b)).collect()).collect();
    let yield_to = random.one_of(&[YieldTo::Local, YieldTo::Global]);
    let global_tick = random.one_of(if yield_to == YieldTo::Local { &[0, 1, 61] } else { &[2, 31, 61] });
    Switches {
        ring: 1 << (1 + random.below(8)),
        overflow: random.one_of(&[0.1, 0.5, 1.0]),
        local_order: random.one_of(&[LocalOrder::Fifo, LocalOrder::Lifo]),
        yield_to,
        run_next: random.below(3) > 0,
        run_next_most: random.one_of(&[0, 1, 3, 64]),
        steal_order: random.one_of(&[StealOrder::Random, StealOrder::Reverse, StealOrder::NearFirst]),
        steal_amount: random.one_of(&[StealAmount::Half, StealAmount::One]),
        global_tick,
        spin_rounds: random.one_of(&[0, 1, 4]),
        numa_aware: random.below(2) == 0,
        counters: random.one_of(&[CounterLayout::Padded, CounterLayout::Packed]),
        seats,
        distances,
        monitor_most: Duration::from_millis(1),
        // At the limit of threads sections find none for their processor.
        threads_most: random.one_of(&[processors, processors + 1, 10_000]),
        seed: random.below(1 << 40),
        ..Switches::new(NonZeroUsize::new(processors).expect("not 0"))
    }
}

#[derive(Debug, Clone)]
enum Step {
    Yield(u64),
    Sleep(Duration),
    Blocking(Duration),
    Call(Duration),
    /// Stops the world; nobody takes a step meanwhile.
    Stop,
    /// Starts a task and awaits it, at the end or never.
    Spawn(Task, Join),
    /// So many at once, which small rings do not hold, each yielding a few times.
    Burst {
        tasks: u64,
        yields: u64,
    },
    /// Through a channel to itself or to a task that adds up what comes.
    Channel {
        capacity: usize,
        values: u64,
        senders: u64,
    },
    /// Two tasks that wake each other in turns, by wakers of their own.
    Turns(u64),
    /// A wait that somebody without a processor ends; the poll that begins it goes through a section of this length.
    FromOutside(Duration),
    /// Yields until a task of its own has come out of a section.
    YieldUntil(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Now,
    Later,
    Never,
}

#[derive(Debug, Clone)]
struct Task {
    number: u64,
    steps: Vec<Step>,
    panics: bool,
}

fn random_task(random: &mut Random, depth: u64, made: &mut u64) -> Task {
    let number = *made;
    *made += 1;
    let short = |random: &mut Random| Duration::from_nanos(random.below(120_000));
    let steps = (0..random.below(6))
        .map(|_| match random.below(20) {
            0..5 => Step::Yield(1 + random.below(30)),
            5 => Step::Sleep(short(random)),
            6 => Step::Blocking(short(random)),
            7 => Step::Call(short(random)),
            8 if random.below(4) == 0 => Step::Stop,
            9 | 10 => Step::Channel {
                capacity: 1 + random.below(3) as usize,
                values: random.below(40),
                senders: 1 + random.below(3),
            },
            11 => Step::Turns(1 + random.below(20)),
            12 => Step::FromOutside(short(random)),
            14 => Step::YieldUntil(short(random)),
            13 => Step::Burst { tasks: 1 + random.below(60), yields: random.below(4) },
            _ if depth == 0 || *made > 400 => Step::Yield(1),
            _ => {
                let join = random.one_of(&[Join::Now, Join::Later, Join::Later, Join::Never]);
                Step::Spawn(random_task(random, depth - 1, made), join)
            }
        })
        .collect();
    // The first one is the program itself.
    Task { number, steps, panics: number > 0 && random.below(15) == 0 }
}

/// What a task returns: its own number and all that it came by.
fn expected(task: &Task) -> Result<u64, u64> {
    let mut sum = task.number;
    for step in &task.steps {
        sum += match step {
            Step::Spawn(child, Join::Now | Join::Later) => expected(child).unwrap_or_else(|number| 1_000_000 + number),
            Step::Channel { values, senders, .. } => senders * values * (values + 1) / 2,
            Step::Turns(turns) => 2 * turns,
            Step::Burst { tasks, .. } => *tasks,
            _ => 0,
        };
    }
    if task.panics { Err(task.number) } else { Ok(sum) }
}

/// Tasks that a task makes with all its steps, panics, and those of its children.
fn count(task: &Task) -> (u64, u64) {
    let mut all = (1, u64::from(task.panics));
    for step in &task.steps {
        let (tasks, panics) = match step {
            Step::Spawn(child, _) => count(child),
            Step::Channel { senders, .. } => (*senders, 0),
            Step::Turns(_) => (2, 0),
            Step::YieldUntil(_) => (1, 0),
            Step::Burst { tasks, .. } => (*tasks, 0),
            _ => (0, 0),
        };
        all = (all.0 + tasks, all.1 + panics);
    }
    all
}

/// What the tasks of a program share.
struct Shared {
    handle: gmp::scheduler::Handle,
    runs: Vec<AtomicUsize>,
    stopped: AtomicBool,
    /// Wakers for the thread outside.
    outside: Mutex<mpsc::Sender<(Arc<AtomicBool>, Waker)>>,
    steps: AtomicU64,
    /// Whether a task that yields comes behind all others: the stack and a global queue without its turn are not so.
    fair: bool,
}

impl Shared {
    fn step(&self) {
        assert!(!self.stopped.load(Ordering::Relaxed), "a task runs in the stopped world");
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

type Running = Pin<Box<dyn Future<Output = u64> + Send>>;

fn run(shared: Arc<Shared>, task: Task) -> Running {
    Box::pin(async move {
        assert_eq!(shared.runs[task.number as usize].fetch_add(1, Ordering::Relaxed), 0, "runs twice");
        let mut sum = task.number;
        let mut later = Vec::new();
        for step in task.steps {
            shared.step();
            match step {
                Step::Yield(times) => {
                    for _ in 0..times {
                        yield_now().await;
                        shared.step();
                    }
                }
                Step::Sleep(time) => {
                    let begun = Instant::now();
                    sleep(time).await;
                    assert!(begun.elapsed() >= time, "woken early");
                }
                Step::Blocking(time) => blocking(|| thread::sleep(time)),
                Step::Call(time) => call(|| thread::sleep(time)),
                Step::Stop => shared.handle.clone().stop(|| {
                    shared.stopped.store(true, Ordering::SeqCst);
                    let before = shared.steps.load(Ordering::SeqCst);
                    thread::yield_now();
                    assert_eq!(shared.steps.load(Ordering::SeqCst), before, "a step in the stopped world");
                    shared.stopped.store(false, Ordering::SeqCst);
                }),
                Step::Spawn(child, join) => {
                    let number = child.number;
                    let handle = spawn(run(Arc::clone(&shared), child));
                    match join {
                        Join::Now => sum += joined(number, handle).await,
                        Join::Later => later.push((number, handle)),
                        Join::Never => {}
                    }
                }
                Step::Channel { capacity, values, senders } => sum += through_channel(capacity, values, senders).await,
                Step::Turns(turns) => sum += in_turns(turns).await,
                Step::Burst { tasks, yields } => sum += burst(tasks, yields).await,
                Step::FromOutside(time) => from_outside(&shared, time).await,
                Step::YieldUntil(time) => yield_until(shared.fair, time).await,
            }
        }
        assert!(!task.panics, "task {number} panics", number = task.number);
        for (number, handle) in later {
            sum += joined(number, handle).await;
        }
        sum
    })
}

async fn joined(number: u64, handle: JoinHandle<u64>) -> u64 {
    match handle.await {
        Ok(sum) => sum,
        Err(Ended::Panicked(words)) => {
            assert_eq!(words, format!("task {number} panics"));
            1_000_000 + number
        }
        Err(Ended::Dropped) => panic!("task {number} was dropped"),
    }
}

async fn through_channel(capacity: usize, values: u64, senders: u64) -> u64 {
    let (to, from): (Sender<u64>, Receiver<u64>) = channel(NonZeroUsize::new(capacity).expect("not 0"));
    for _ in 0..senders {
        let to = to.clone();
        spawn(async move {
            for value in 1..=values {
                to.send(value).await.unwrap_or_else(|Closed(value)| panic!("{value}: the receiver lives"));
            }
        });
    }
    drop(to);
    let mut sum = 0;
    while let Some(value) = from.receive().await {
        sum += value;
    }
    sum
}

async fn burst(tasks: u64, yields: u64) -> u64 {
    let one = |_| {
        spawn(async move {
            for _ in 0..yields {
                yield_now().await;
            }
            1
        })
    };
    let mut sum = 0;
    for task in (0..tasks).map(one).collect::<Vec<_>>() {
        sum += task.await.expect("no panic");
    }
    sum
}

/// A word that two tasks pass to and fro.
#[derive(Default)]
struct Turn {
    turn: u64,
    wakers: [Option<Waker>; 2],
}

async fn in_turns(turns: u64) -> u64 {
    let word = Arc::new(Mutex::new(Turn::default()));
    let player = |me: usize| {
        let word = Arc::clone(&word);
        spawn(async move {
            for _ in 0..turns {
                poll_fn(|context| {
                    let mut word = word.lock().expect("no panic");
                    if word.turn % 2 != me as u64 {
                        word.wakers[me] = Some(context.waker().clone());
                        return Poll::Pending;
                    }
                    word.turn += 1;
                    let other = word.wakers[1 - me].take();
                    drop(word);
                    other.into_iter().for_each(Waker::wake);
                    Poll::Ready(())
                })
                .await;
            }
        })
    };
    let (even, odd) = (player(0), player(1));
    even.await.expect("no panic");
    odd.await.expect("no panic");
    word.lock().expect("no panic").turn
}

async fn from_outside(shared: &Shared, time: Duration) {
    let done = Arc::new(AtomicBool::new(false));
    poll_fn(|context| {
        if done.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let waker = (Arc::clone(&done), context.waker().clone());
        shared.outside.lock().expect("no panic").send(waker).expect("the thread outlives the tasks");
        // Woken in the section or not: this poll does not look again.
        if time.subsec_nanos().is_multiple_of(2) {
            blocking(|| thread::sleep(time))
        } else {
            call(|| thread::sleep(time))
        }
        Poll::Pending
    })
    .await;
}

/// Where yielding is not fair it may go on for ever, so there it only awaits the task.
async fn yield_until(fair: bool, time: Duration) {
    let done = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&done);
    let task = spawn(async move {
        blocking(|| thread::sleep(time));
        theirs.store(true, Ordering::Release);
    });
    while fair && !done.load(Ordering::Acquire) {
        yield_now().await;
    }
    task.await.expect("no panic");
}

fn check(seed: u64) {
    let mut random = Random::new(seed);
    let switches = random_switches(&mut random);
    let mut made = 0;
    let program = random_task(&mut random, 4, &mut made);
    let scheduler = Scheduler::new(switches.clone()).expect("switches that can be");
    let (outside, wakers) = mpsc::channel::<(Arc<AtomicBool>, Waker)>();
    let waking = thread::spawn(move || {
        for (done, waker) in wakers {
            done.store(true, Ordering::Release);
            waker.wake();
        }
    });
    let handle = scheduler.handle().clone();
    let shared = Arc::new(Shared {
        handle: handle.clone(),
        runs: (0..made).map(|_| AtomicUsize::new(0)).collect(),
        stopped: AtomicBool::new(false),
        outside: Mutex::new(outside),
        steps: AtomicU64::new(0),
        fair: switches.local_order == LocalOrder::Fifo && switches.global_tick > 0,
    });
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
    let (tasks, panics) = count(&program);
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
    // A task that panics does so after its last step, so all that it should make is there.
    assert_eq!(counts.get(Count::Spawned), tasks, "seed {seed}");
    assert_eq!(counts.get(Count::Panicked), panics, "seed {seed}");
    let from = [Count::FromNext, Count::FromLocal, Count::FromGlobal, Count::FromStolen];
    let sources: u64 = from.iter().map(|&count| counts.get(count)).sum();
    assert_eq!(counts.get(Count::Polls), sources, "seed {seed}: {counts:?}");
    assert!(counts.get(Count::Yields) <= counts.get(Count::Polls));
    let stolen = [Count::StolenLlc, Count::StolenNode, Count::StolenRemote];
    let stolen: u64 = stolen.iter().map(|&count| counts.get(count)).sum();
    assert!(stolen >= counts.get(Count::FromStolen), "seed {seed}: {counts:?}");
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
    // Panics on purpose are part of the programs.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        let on_purpose = words.starts_with("task ") && words.ends_with(" panics");
        if !on_purpose {
            print(panic);
        }
    }));
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
