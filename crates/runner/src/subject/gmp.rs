//! Subject `gmp`: each worker is a task that yields after each request, on a scheduler with as many processors as workers.
//!
//! A thread that takes processor p binds itself where worker p's place says. Heaps are written first by threads at these
//! places, before; a task may be stolen, and then touches its heap from elsewhere: that is what is measured. Worker 0's task
//! stops the world at its own request boundary, as in Go; the scheduler's processors stop, not the tasks.

use super::threads::{Role, Scan, Watch, Where};
use crate::child::bind_worker;
use crate::heaps::Heaps;
use crate::observe::Observe;
use crate::pauses::pause_times;
use crate::pool::no_thread;
use crate::sample::{Job, PauseTimes};
use crate::sampling::{Process, Timed, Worked, limit, timetable, worker_key};
use crate::timer::{Board, keep_time, ns_since};
use crate::trace::write_chrome;
use crate::workload::{Done, Work};
use gmp::scheduler::{
    Counts, Handle, LocalOrder, Receiver, Scheduler, Seat, StealAmount, StealOrder, Switches, channel, yield_now,
};
use gmp::world::{Member, Pause, World};
use host::Granted;
use host::thread::Usage;
use plan::scheduler::{self, Seated};
use plan::set::CpuSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What all tasks of a sample share.
struct Shared<W> {
    work: W,
    heaps: Arc<Heaps>,
    board: Board,
    seed: u64,
    limit: u64,
    /// Tasks that wait for the release.
    ready: AtomicUsize,
    /// The moment of the release, written before it.
    released: OnceLock<Instant>,
}

/// Runs the workload from the common release to the last worker's stop.
pub(crate) fn run<W: Work>(
    granted: &Granted,
    work: &W,
    job: &Job,
    heaps: &Arc<Heaps>,
    pus: &CpuSet,
) -> Result<Timed, String> {
    let workers = NonZeroUsize::new(job.point.placement.workers.len()).ok_or("a point without workers")?;
    let wrong = Wrong::default();
    let scheduler = start(granted, job, workers, &wrong)?;
    let shared = Arc::new(Shared {
        work: work.clone(),
        heaps: Arc::clone(heaps),
        board: Board::default(),
        seed: job.seed.0,
        limit: limit(job),
        ready: AtomicUsize::new(0),
        released: OnceLock::new(),
    });
    // Only its bell is used: the stopper's place keeps it in the world until the sample is over.
    let World { stopper: _in_the_world, members, bell } = World::new(workers.saturating_add(1), Instant::now());
    let (opens, opened) = channel(NonZeroUsize::MIN);
    let tasks: Vec<_> = members
        .into_iter()
        .enumerate()
        .map(|(worker, member)| {
            let handle = (worker == 0).then(|| scheduler.handle().clone());
            let task = serve(Arc::clone(&shared), worker, member, handle, opened.clone());
            // Its heap lies where the worker of its number sits: that node is its home.
            let home = scheduler.handle().switches().seats.get(worker).map_or(0, |seat| seat.node as usize);
            scheduler.handle().spawn_home(home, task)
        })
        .collect();
    while shared.ready.load(Ordering::Acquire) < workers.get() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let (counts, usage) = (scheduler.handle().counts(), Usage::of_process());
    let released = *shared.released.get_or_init(Instant::now);
    opens.close();
    let timetable = timetable(job, pus);
    let (found, raised) = std::thread::scope(|scope| -> Result<_, String> {
        let timer = std::thread::Builder::new()
            .spawn_scoped(scope, || keep_time(timetable, released, &shared.board, &bell))
            .map_err(|cause| no_thread("the timer's thread", &cause))?;
        let found = scheduler.block_on(async move {
            let mut found = Vec::new();
            for task in tasks {
                found.push(task.await);
            }
            found
        });
        shared.board.done.store(true, Ordering::Release);
        timer.thread().unpark();
        Ok((found, timer.join().expect("the timer has nothing to panic about")))
    })?;
    let usage = Usage::of_process().since(&usage);
    wrong.take()?;
    let counts = scheduler.handle().counts().since(&counts);
    let mut timed = Timed { workers: Vec::new(), raised, pauses: Vec::new(), process: None };
    let mut stops = Vec::new();
    for worked in found.map_err(|cause| cause.to_string())? {
        let (worked, served_ns) = worked.map_err(|cause| format!("a worker's task: {cause}"))?;
        if let Some(served_ns) = served_ns {
            let release_ns = u64::try_from((released - scheduler.handle().epoch()).as_nanos()).unwrap_or(u64::MAX);
            stops = scheduler.handle().take_pauses();
            timed.pauses = pause_times(&served_ns, &stops, release_ns, &timed.raised.steal);
        }
        timed.workers.push(worked);
    }
    // Tasks do not count switches, and those of a processor's thread are not read while it is stopped.
    timed.pauses.iter_mut().for_each(|pause: &mut PauseTimes| pause.involuntary_switches = None);
    timed.process = Some(Process { usage, counts: words(&counts) });
    write_trace(job, scheduler, &stops)?;
    Ok(timed)
}

/// The first failure to bind a processor. Looked at last: a thread may take a processor at any time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrong(Arc<Mutex<Option<String>>>);

impl Wrong {
    /// # Errors
    /// What went wrong.
    pub(crate) fn take(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// A scheduler whose processor p is bound as worker p; the first failure to bind is left in `wrong`.
pub(crate) fn start(granted: &Granted, job: &Job, workers: NonZeroUsize, wrong: &Wrong) -> Result<Scheduler, String> {
    start_traced(granted, job, workers, wrong, None)
}

/// The same, which keeps so many events of what it does, also where no trace is asked for.
pub(crate) fn start_traced(
    granted: &Granted,
    job: &Job,
    workers: NonZeroUsize,
    wrong: &Wrong,
    traced_most: Option<usize>,
) -> Result<Scheduler, String> {
    let (granted, places, wrong) = (granted.clone(), job.point.placement.workers.clone(), wrong.clone());
    let bind = move |processor: usize| {
        if let Err(cause) = bind_worker(&granted, &places[processor]) {
            let mut wrong = wrong.0.lock().unwrap_or_else(PoisonError::into_inner);
            wrong.get_or_insert(format!("processor {processor}: {cause}"));
        }
    };
    let switches = switches(job, workers);
    let switches = Switches { trace: traced_most.or(switches.trace), ..switches };
    Scheduler::with_hook(switches, bind).map_err(|cause| cause.to_string())
}

/// Events that are kept of one sample: some 20 MB of JSON.
const TRACED_MOST: usize = 200_000;

/// Ends the scheduler and writes what it did, where the job asks for that.
pub(crate) fn write_trace(job: &Job, scheduler: Scheduler, pauses: &[Pause]) -> Result<(), String> {
    let Some(path) = &job.trace_to else { return Ok(()) };
    let handle = scheduler.handle().clone();
    // Processors tell their last events when they rest.
    drop(scheduler);
    let failed = |cause| format!("{path}: cannot write the trace: {cause}", path = path.display());
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    write_chrome(&mut out, &handle.take_trace(), pauses, &handle.counts()).and_then(|()| out.flush()).map_err(failed)
}

/// The scheduler of the job's point in its own types.
fn switches(job: &Job, workers: NonZeroUsize) -> Switches {
    let trace = job.trace_to.as_ref().map(|_| TRACED_MOST);
    let own = Switches { seed: job.seed.0, trace, ..Switches::new(workers) };
    let Some(Seated { switches, seats, distances }) = job.point.scheduler.clone() else { return own };
    Switches {
        ring: switches.ring,
        overflow: switches.overflow,
        local_order: match switches.local_order {
            scheduler::LocalOrder::Fifo => LocalOrder::Fifo,
            scheduler::LocalOrder::Lifo => LocalOrder::Lifo,
        },
        run_next: switches.run_next,
        run_next_most: switches.run_next_most,
        steal_order: match switches.steal_order {
            scheduler::StealOrder::Random => StealOrder::Random,
            scheduler::StealOrder::Reverse => StealOrder::Reverse,
            scheduler::StealOrder::NearFirst => StealOrder::NearFirst,
        },
        steal_amount: match switches.steal_amount {
            scheduler::StealAmount::Half => StealAmount::Half,
            scheduler::StealAmount::One => StealAmount::One,
        },
        global_tick: switches.global_tick,
        spin_rounds: switches.spin_rounds,
        numa_aware: switches.numa_aware,
        seats: seats.iter().map(|seat| Seat { node: seat.node, llc: seat.llc }).collect(),
        distances,
        ..own
    }
}

/// A worker, from the release to its end; of worker 0 also the due times it served.
async fn serve<W: Work>(
    shared: Arc<Shared<W>>,
    worker: usize,
    member: Member,
    stops: Option<Handle>,
    opened: Receiver<()>,
) -> (Worked, Option<Vec<u64>>) {
    shared.ready.fetch_add(1, Ordering::Release);
    opened.receive().await;
    let released = *shared.released.get().expect("written before the release");
    let seat = crate::workload::Seat { key: worker_key(shared.seed, worker), heaps: shared.heaps.of(worker) };
    let role = Role::Task { member, stops: stops.map(|handle| (handle, Vec::new())) };
    // The plan has no stopped work for this subject.
    let scan = Scan::new(seat.heaps, 0..0, 0);
    let mut watch = Watch::reading(AnyThread, role, &shared.board, shared.limit, scan);
    let mut done = Done::default();
    let mut ended = shared.limit == 0;
    while !ended {
        let mut one = One { watch: &mut watch, done, ended: false };
        shared.work.run(&seat, done, &mut one);
        (done, ended) = (one.done, one.ended);
        yield_now().await;
        watch.woke(done.requests);
    }
    let stopped_ns = ns_since(released);
    let (log, role) = watch.leave();
    let served_ns = if let Role::Task { stops: Some((_, served_ns)), .. } = role { Some(served_ns) } else { None };
    (Worked { log, stopped_ns, usage: None }, served_ns)
}

/// Ends the loop after one request, whatever comes of watching it.
struct One<'a, 'b> {
    watch: &'a mut Watch<'b, AnyThread>,
    done: Done,
    ended: bool,
}

impl Observe for One<'_, '_> {
    #[inline(always)]
    fn after(&mut self, requests: u64, checksum: u64) -> ControlFlow<()> {
        self.done = Done { requests, checksum };
        self.ended = self.watch.after(requests, checksum).is_break();
        ControlFlow::Break(())
    }
}

/// A task reads the PU of whichever thread polls it.
struct AnyThread;

impl Where for AnyThread {
    #[inline(always)]
    fn pu(&self) -> u32 {
        host::pu::current_pu().unwrap_or(u32::MAX)
    }
}

/// What the scheduler counted, as one fact: `polls=…, from_local=…`, without what never happened.
pub(crate) fn words(counts: &Counts) -> String {
    let word = |(count, value): (gmp::scheduler::Count, u64)| format!("{name}={value}", name = count.name());
    counts.iter().filter(|&(_, value)| value > 0).map(word).collect::<Vec<_>>().join(", ")
}
