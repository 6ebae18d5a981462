//! A scheduler of tasks (G) on threads (M) through processors (P), as Go has it, every part of which can be switched,
//! counted and looked at.
//!
//! A task is a future. A processor is the right to run tasks: a queue, a slot before it, counters. A thread that has a
//! processor polls its tasks; one without sleeps. A thread that goes into a blocking section gives its processor away.
//! One call goes: [`Handle::spawn`] → `core` (into a queue) → `thread` (out of a queue, one poll) → `core` again (a waker).
//! It knows no machine: where processors sit is told by [`Switches::seats`], and who takes one is told by the hook of
//! [`Scheduler::with_hook`], where a thread may bind itself. README.md has the protocols.

mod body;
mod calls;
mod channel;
mod close;
mod core;
mod counts;
mod current;
mod global;
mod hand_off;
mod idle;
mod join;
mod local;
mod monitor;
mod next;
mod parker;
mod ring;
mod search;
mod slots;
mod snapshot;
mod state;
mod switches;
mod thread;
mod timers;
mod trace;
mod waker;
mod yields;

pub use self::{
    calls::{blocking, call},
    channel::{Closed, Receiver, Sender, channel},
    counts::{Count, CounterLayout, Counts},
    join::{Ended, JoinHandle},
    monitor::Stuck,
    ring::{LocalOrder, StealAmount},
    snapshot::{ProcessorState, Queues, Snapshot},
    state::TaskState,
    switches::{Seat, StealOrder, SwitchError, Switches, YieldTo},
    timers::{Sleep, sleep},
    trace::{Did, Event, PollEnd, Trace},
    yields::{YieldNow, yield_now},
};

use self::core::{Core, NO_PANIC, Processor};
use self::counts::{Counters, Packed};
use self::global::Global;
use self::hand_off::CallSlot;
use self::idle::Idle;
use self::local::Local;
use self::next::Next;
use self::slots::{NONE, Slots};
use self::timers::Timers;
use crate::sync::{
    Arc, AtomicBool, AtomicU32, AtomicUsize, Line, Mutex, MutexGuard,
    thread::{self as threads, JoinHandle as Thread},
    thread_local,
};
use crate::world::{Pause, StoppedWork, Stopper, World};
use std::{
    cell::Cell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

/// Runs tasks until it is dropped; tasks left then are dropped too.
pub struct Scheduler {
    handle: Handle,
    monitor: Option<Thread<()>>,
}

/// What tasks and others use of a scheduler.
#[derive(Clone)]
pub struct Handle(Arc<Core>);

impl Scheduler {
    /// Starts the threads of all processors, and the monitor.
    ///
    /// # Errors
    /// A switch that cannot be, or a thread that the system does not give.
    pub fn new(switches: Switches) -> Result<Self, SwitchError> {
        Self::with_hook(switches, |_| ())
    }

    /// The same; a thread that takes a processor it did not have before calls `on_processor` with its number.
    ///
    /// # Errors
    /// As [`Scheduler::new`].
    pub fn with_hook(
        switches: Switches,
        on_processor: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<Self, SwitchError> {
        switches.check()?;
        let (count, epoch) = (switches.processors.get(), Instant::now());
        let World { stopper, members, bell } = World::new(switches.processors.saturating_add(1), epoch);
        let (owners, rings): (Vec<_>, Vec<_>) =
            (0..count).map(|_| ring::new(switches.ring, switches.local_order)).unzip();
        let processor = |(number, ring)| {
            Arc::new(Processor {
                ring,
                next: Line(Next::new()),
                current: Line(AtomicU32::new(NONE)),
                counters: Counters::new(),
                outside: Counters::new(),
                call: CallSlot::new(),
                victims: search::victims(number, &switches),
            })
        };
        let processors: Box<[_]> = rings.into_iter().enumerate().map(processor).collect();
        let trace = switches.trace.map(|most| trace::Collected::new(most, epoch));
        let local = |(number, (owner, member)): (usize, (ring::Owner, _))| {
            let owner = if count == 1 { owner.without_thieves() } else { owner };
            let mut local = Local::new(number, &switches, Arc::clone(&processors[number]), owner, member);
            local.trace = trace.clone().map(|all| Box::new(trace::Part::new(number, all)));
            Box::new(local)
        };
        let locals: Vec<_> = owners.into_iter().zip(members).enumerate().map(local).collect();
        let nodes = switches.nodes();
        let globals = if switches.numa_aware { nodes } else { 1 };
        let core = Arc::new_cyclic(|weak| Core {
            processors,
            packed: (switches.counters == CounterLayout::Packed).then(|| Packed::new(count)),
            globals: (0..globals).map(|_| Global::new()).collect(),
            global_order: global_order(globals, &switches),
            idle: Idle::new(),
            slots: Slots::new(nodes),
            bell,
            epoch,
            stopper: Mutex::new(stopper),
            timers: Timers::default(),
            reports: monitor::Reports::default(),
            closing: Line(AtomicBool::new(false)),
            open: Mutex::new(true),
            threads: AtomicUsize::new(0),
            handles: Mutex::new(Vec::new()),
            on_processor: Box::new(on_processor),
            weak: weak.clone(),
            trace,
            switches,
        });
        let mut scheduler = Self { handle: Handle(Arc::clone(&core)), monitor: None };
        for mut local in locals {
            local.rest();
            // From here on, dropping the scheduler ends what was started.
            thread::start(&core, local).map_err(|(error, _)| SwitchError::Spawn(error.to_string()))?;
        }
        let watched = Arc::clone(&core);
        let monitor = threads::Builder::new().name("gmp-monitor".into()).spawn(move || monitor::watch(&watched));
        scheduler.monitor = Some(monitor.map_err(|error| SwitchError::Spawn(error.to_string()))?);
        Ok(scheduler)
    }

    /// For tasks and other threads.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a future as a task and sleeps until it has ended.
    ///
    /// # Errors
    /// As its [`JoinHandle`].
    ///
    /// # Panics
    /// In a task of a scheduler: its processor would sleep with it. Await the task's handle there.
    pub fn block_on<F>(&self, future: F) -> Result<F::Output, Ended>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let in_task = current::with(|_| ()).is_some();
        assert!(!in_task, "block_on in a task would put its processor to sleep; spawn the future and await its handle");
        wait_for(self.handle.spawn(future))
    }
}

/// In which order each node's processors look into the global queues: the own node's, then the nearest.
fn global_order(globals: usize, switches: &Switches) -> Vec<Vec<usize>> {
    let order = |from: usize| {
        let mut order: Vec<usize> = (0..globals).collect();
        order.sort_by_key(|&to| if from == to { 0 } else { switches.distances[from][to] });
        order
    };
    (0..globals).map(order).collect()
}

/// Sleeps until the future is ready.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(threads::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(threads::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        threads::park();
    }
}

impl Handle {
    /// Starts a task; it runs on whether or not its handle is kept.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (body, handle) = join::pair(future);
        self.0.spawn(body);
        handle
    }

    /// Starts a task whose home is a node, an index into [`Switches::distances`], wherever it is called. Only a scheduler
    /// that is NUMA-aware begins it there.
    ///
    /// # Panics
    /// Where no seat names the node.
    pub fn spawn_home<F>(&self, node: usize, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let nodes = self.0.switches.nodes();
        assert!(node < nodes, "node {node} of {nodes} nodes that have seats");
        let (body, handle) = join::pair(future);
        self.0.spawn_home(node, body);
        handle
    }

    /// Starts a closure as a task.
    pub fn spawn_fn<T: Send + 'static>(&self, closure: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.spawn(async move { closure() })
    }

    /// Stops the world: no task runs while `stopped` does. From a task too, whose processor
    /// waits with it.
    pub fn stop<R>(&self, stopped: impl FnOnce() -> R) -> R {
        calls::aside(|| {
            let mut work = Once { core: &self.0, closure: Some(stopped), result: None };
            self.stopper().stop(StoppedWork::All, &mut work);
            let result = work.result.expect("the stopper does its stopped work");
            result.unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Stops the world and releases it at once.
    pub fn pause(&self) {
        calls::aside(|| self.stopper().stop(StoppedWork::None, &mut ()));
    }

    /// The pauses since the last call, in order.
    pub fn take_pauses(&self) -> Vec<Pause> {
        calls::aside(|| self.stopper().take_pauses())
    }

    fn stopper(&self) -> MutexGuard<'_, Stopper> {
        let stopped_here = std::ptr::eq(STOPPED_HERE.with(Cell::get), Arc::as_ptr(&self.0));
        assert!(!stopped_here, "stopping the world while it is stopped would wait for itself");
        self.0.stopper.lock().expect(NO_PANIC)
    }

    /// From when the moments of its pauses count.
    pub fn epoch(&self) -> Instant {
        self.0.epoch
    }

    /// What happened so far, over all processors.
    pub fn counts(&self) -> Counts {
        let sum = |&count| (0..self.0.processors.len()).map(|number| self.0.counted(number, count)).sum();
        Counts(Count::ALL.iter().map(sum).collect())
    }

    /// What happened so far on one processor.
    pub fn counts_of(&self, processor: usize) -> Counts {
        Counts(Count::ALL.iter().map(|&count| self.0.counted(processor, count)).collect())
    }

    /// States of tasks, processors, threads and queues now.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    /// How long the queues are now, without the look at every task that a snapshot takes.
    pub fn queues(&self) -> Queues {
        self.0.queues()
    }

    /// What happened since the last call, where [`Switches::trace`] asks for it. A processor that runs tells the last few
    /// thousand events only when it rests: take it when the scheduler has ended, and nothing is left out.
    pub fn take_trace(&self) -> Trace {
        self.0.trace.as_ref().map_or_else(Trace::default, |trace| trace.take())
    }

    /// Tasks that were seen not to yield since the last call, the first thousand.
    pub fn take_stuck(&self) -> Vec<Stuck> {
        self.0.reports.take()
    }

    /// What it was started with.
    pub fn switches(&self) -> &Switches {
        &self.0.switches
    }
}

thread_local! {
    /// The scheduler whose stopped work this thread does.
    static STOPPED_HERE: Cell<*const Core> = const { Cell::new(std::ptr::null()) };
}

/// The stopper's closure as stopped work. Its panic goes on when the stopper is free for others again.
struct Once<'a, F, R> {
    core: &'a Core,
    closure: Option<F>,
    result: Option<std::thread::Result<R>>,
}

impl<F: FnOnce() -> R, R> crate::world::AtPause for Once<'_, F, R> {
    fn stopped(&mut self, _: usize) {
        let before = STOPPED_HERE.with(|stopped| stopped.replace(self.core));
        self.result = self.closure.take().map(|closure| catch_unwind(AssertUnwindSafe(closure)));
        STOPPED_HERE.with(|stopped| stopped.set(before));
    }
}

/// Starts a task on the scheduler of the calling task.
///
/// # Panics
/// Outside of a task.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (body, handle) = join::pair(future);
    current::with(|current| current.core.spawn(body)).expect("spawn is called in a task; elsewhere, use a Handle");
    handle
}

/// Number of the processor that runs the calling task; `None` outside of a task, and in its blocking sections.
pub fn processor() -> Option<usize> {
    current::with(|current| current.local.borrow().as_ref().map(|local| local.number)).flatten()
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.handle.fmt(out)
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "scheduler of {processors} processors", processors = self.0.processors.len())
    }
}
