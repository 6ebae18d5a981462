//! Random programs of tasks over random switches, and what must come out of them.
//!
//! A program is made from its seed alone: a tree of tasks, each a list of steps. What each task returns is computed
//! beside it without a scheduler. `programs.rs` runs them on threads, `shuttle` on shuttle's.

mod random;
mod watch;

pub(crate) use watch::Book;

use gmp::scheduler::{
    Closed, Count, CounterLayout, Counts, Ended, JoinHandle, LocalOrder, Receiver, Seat, Sender, StealAmount,
    StealOrder, Switches, YieldTo, blocking, call, channel, sleep, spawn, yield_now,
};
use random::Random;
#[cfg(shuttle)]
use shuttle::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};
use std::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::Pin,
    task::{Poll, Waker},
    time::Duration,
};
#[cfg(not(shuttle))]
use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

/// How large programs are: each number is above what is drawn.
pub(crate) struct Size {
    /// Processors: the fewest, and how many choices from there.
    pub(crate) processors: (u64, u64),
    pub(crate) steps: u64,
    pub(crate) yields: u64,
    pub(crate) values: u64,
    pub(crate) senders: u64,
    pub(crate) turns: u64,
    pub(crate) burst: u64,
    pub(crate) burst_yields: u64,
    /// Tasks that start tasks that start tasks.
    pub(crate) depth: u64,
    /// No task with so many before it starts another.
    pub(crate) tasks: u64,
}

fn random_switches(random: &mut Random, size: &Size) -> Switches {
    let processors = (size.processors.0 + random.below(size.processors.1)) as usize;
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

/// Switches, a program and how many tasks its tree has.
pub(crate) fn drawn(seed: u64, size: &Size) -> (Switches, Task, u64) {
    let mut random = Random::new(seed);
    let switches = random_switches(&mut random, size);
    let mut made = 0;
    let program = random_task(&mut random, size, size.depth, &mut made);
    (switches, program, made)
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
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
pub(crate) enum Join {
    Now,
    Later,
    Never,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    number: u64,
    steps: Vec<Step>,
    panics: bool,
}

/// Its number is `made`, which counts on.
fn random_task(random: &mut Random, size: &Size, depth: u64, made: &mut u64) -> Task {
    let number = *made;
    *made += 1;
    let short = |random: &mut Random| Duration::from_nanos(random.below(120_000));
    let steps = (0..random.below(size.steps))
        .map(|_| match random.below(20) {
            0..5 => Step::Yield(1 + random.below(size.yields)),
            5 => Step::Sleep(short(random)),
            6 => Step::Blocking(short(random)),
            7 => Step::Call(short(random)),
            8 if random.below(4) == 0 => Step::Stop,
            9 | 10 => Step::Channel {
                capacity: 1 + random.below(3) as usize,
                values: random.below(size.values),
                senders: 1 + random.below(size.senders),
            },
            11 => Step::Turns(1 + random.below(size.turns)),
            12 => Step::FromOutside(short(random)),
            14 => Step::YieldUntil(short(random)),
            13 => Step::Burst { tasks: 1 + random.below(size.burst), yields: random.below(size.burst_yields) },
            _ if depth == 0 || *made > size.tasks => Step::Yield(1),
            _ => {
                let join = random.one_of(&[Join::Now, Join::Later, Join::Later, Join::Never]);
                Step::Spawn(random_task(random, size, depth - 1, made), join)
            }
        })
        .collect();
    // The first one is the program itself.
    Task { number, steps, panics: number > 0 && random.below(15) == 0 }
}

/// What a task returns: its own number and all that it came by.
pub(crate) fn expected(task: &Task) -> Result<u64, u64> {
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
pub(crate) fn count(task: &Task) -> (u64, u64) {
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
pub(crate) struct Shared {
    handle: gmp::scheduler::Handle,
    pub(crate) runs: Vec<AtomicUsize>,
    stopped: AtomicBool,
    /// Wakers for the thread outside.
    outside: Mutex<mpsc::Sender<Outside>>,
    steps: AtomicU64,
    /// Whether a task that yields comes behind all others: the stack and a global queue without its turn are not so.
    fair: bool,
    /// Tasks of the tree that have done all their steps.
    ended: Mutex<usize>,
    all_ended: Condvar,
    book: std::sync::Arc<Book>,
}

/// Whom a thread without a processor is to wake, and what it sets before.
pub(crate) type Outside = (Arc<AtomicBool>, Waker);

/// The thread without a processor, which ends with the last of who may ask it.
pub(crate) fn waking(wakers: mpsc::Receiver<Outside>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        while let Ok((done, waker)) = wakers.recv() {
            done.store(true, Ordering::Release);
            waker.wake();
        }
    })
}

impl Shared {
    pub(crate) fn new(
        handle: gmp::scheduler::Handle,
        tasks: u64,
        outside: mpsc::Sender<Outside>,
        switches: &Switches,
    ) -> Arc<Self> {
        Arc::new(Self {
            handle,
            runs: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
            stopped: AtomicBool::new(false),
            outside: Mutex::new(outside),
            steps: AtomicU64::new(0),
            fair: switches.local_order == LocalOrder::Fifo && switches.global_tick > 0,
            ended: Mutex::new(0),
            all_ended: Condvar::new(),
            book: std::sync::Arc::default(),
        })
    }

    fn end(&self) {
        let mut ended = self.ended.lock().expect("no panic");
        *ended += 1;
        if *ended == self.runs.len() {
            self.all_ended.notify_all();
        }
    }

    /// Sleeps until each task of the tree has done all its steps.
    #[cfg(shuttle)]
    pub(crate) fn wait_for_all(&self) {
        let mut ended = self.ended.lock().expect("no panic");
        while *ended < self.runs.len() {
            ended = self.all_ended.wait(ended).expect("no panic");
        }
    }

    fn step(&self) {
        assert!(!self.stopped.load(Ordering::Relaxed), "a task runs in the stopped world");
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) type Running = Pin<Box<dyn Future<Output = u64> + Send>>;

pub(crate) fn run(shared: Arc<Shared>, task: Task) -> Running {
    let book = std::sync::Arc::clone(&shared.book);
    Box::pin(book.watch(async move {
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
                    #[cfg(not(shuttle))]
                    let begun = Instant::now();
                    sleep(time).await;
                    #[cfg(not(shuttle))]
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
        if task.panics {
            shared.end();
            panic!("task {number} panics", number = task.number);
        }
        for (number, handle) in later {
            sum += joined(number, handle).await;
        }
        shared.end();
        sum
    }))
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
        // Where threads have priorities, whoever waits for another by going round must say so.
        #[cfg(shuttle)]
        thread::yield_now();
        yield_now().await;
    }
    task.await.expect("no panic");
}

/// The counters of a program that has ended add up.
pub(crate) fn check_counts(counts: &Counts, program: &Task, seed: u64) {
    let (tasks, panics) = count(program);
    // A task that panics does so after its last step, so all that it should make is there.
    assert_eq!(counts.get(Count::Spawned), tasks, "seed {seed}: {counts:?}");
    assert_eq!(counts.get(Count::Finished), tasks, "seed {seed}: {counts:?}");
    assert_eq!(counts.get(Count::Panicked), panics, "seed {seed}: {counts:?}");
    let from = [Count::FromNext, Count::FromLocal, Count::FromGlobal, Count::FromStolen];
    let sources: u64 = from.iter().map(|&count| counts.get(count)).sum();
    assert_eq!(counts.get(Count::Polls), sources, "seed {seed}: {counts:?}");
    assert!(counts.get(Count::Yields) <= counts.get(Count::Polls), "seed {seed}: {counts:?}");
    let stolen = [Count::StolenLlc, Count::StolenNode, Count::StolenRemote];
    let stolen: u64 = stolen.iter().map(|&count| counts.get(count)).sum();
    assert!(stolen >= counts.get(Count::FromStolen), "seed {seed}: {counts:?}");
}

/// Panics on purpose are part of the programs: they are not printed.
pub(crate) fn print_other_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        let on_purpose = words.starts_with("task ") && words.ends_with(" panics");
        if !on_purpose {
            print(panic);
        }
    }));
}
