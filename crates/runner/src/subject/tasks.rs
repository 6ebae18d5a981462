//! `serve` on a runtime of this process: each worker is a task that yields after each request.
//!
//! Heaps are written first by threads at the workers' places, before; a task may run on any processor, and then touches its
//! heap from elsewhere: that is what is measured. Of the suite's scheduler worker 0's task stops the world at its own request
//! boundary, as in Go; the processors stop, not the tasks. No other can be stopped.

use super::runtime::{Receives, Runtime, Sends};
use super::threads::{Role, Scan, Watch, Where};
use crate::heaps::Heaps;
use crate::looks::Looks;
use crate::observe::Observe;
use crate::pauses::pause_times;
use crate::pool::no_thread;
use crate::sample::{Job, PauseTimes};
use crate::sampling::{Process, Timed, Worked, limit, timetable, worker_key};
use crate::timer::{Board, keep_time, ns_since};
use crate::trace::Beside;
use crate::workload::{Done, Work};
use gmp::scheduler::Handle;
use gmp::world::{Member, World};
use host::Granted;
use host::thread::Usage;
use plan::set::CpuSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
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
pub(crate) fn run<W: Work, R: Runtime>(
    granted: &Granted,
    work: &W,
    job: &Job,
    heaps: &Arc<Heaps>,
    pus: &CpuSet,
) -> Result<Timed, String> {
    let workers = NonZeroUsize::new(job.point.placement.workers.len()).ok_or("a point without workers")?;
    let runtime = R::start(granted, job)?;
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
    let (opens, opened) = R::channel::<()>(NonZeroUsize::MIN);
    let tasks: Vec<_> = members
        .into_iter()
        .enumerate()
        .map(|(worker, member)| {
            let stops = runtime.scheduler().filter(|_| worker == 0).cloned();
            runtime.spawn_for(worker, serve::<W, R>(Arc::clone(&shared), worker, member, stops, opened.clone()))
        })
        .collect();
    while shared.ready.load(Ordering::Acquire) < workers.get() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let (timetable, mut looks) = (timetable(job, pus), Looks::new(job, &shared.heaps));
    let (counts, usage) = (runtime.counts(), Usage::of_process());
    let released = *shared.released.get_or_init(Instant::now);
    opens.close();
    let (found, raised) = std::thread::scope(|scope| -> Result<_, String> {
        let timer = std::thread::Builder::new()
            .spawn_scoped(scope, || keep_time(timetable, released, &shared.board, &bell, |now_ns| looks.look(now_ns)))
            .map_err(|cause| no_thread("the timer's thread", &cause))?;
        let found = runtime.run(async move {
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
    let counts = runtime.counts_since(counts);
    let mut timed =
        Timed { workers: Vec::new(), raised, looks: looks.found, pauses: Vec::new(), process: None, notes: Vec::new() };
    let mut stops = Vec::new();
    for worked in found? {
        let (worked, served_ns) = worked.map_err(|cause| format!("a worker's task: {cause}"))?;
        if let Some((served_ns, scheduler)) = served_ns.zip(runtime.scheduler()) {
            let release_ns = u64::try_from((released - scheduler.epoch()).as_nanos()).unwrap_or(u64::MAX);
            stops = scheduler.take_pauses();
            timed.pauses = pause_times(&served_ns, &stops, release_ns, &timed.raised.steal);
        }
        timed.workers.push(worked);
    }
    // Tasks do not count switches, and those of a processor's thread are not read while it is stopped.
    timed.pauses.iter_mut().for_each(|pause: &mut PauseTimes| pause.involuntary_switches = None);
    timed.process = Some(Process { usage, counts });
    timed.notes = runtime.end(job, &Beside { pauses: stops, ..Beside::default() })?;
    Ok(timed)
}

/// A worker, from the release to its end; of worker 0 also the due times it served.
async fn serve<W: Work, R: Runtime>(
    shared: Arc<Shared<W>>,
    worker: usize,
    member: Member,
    stops: Option<Handle>,
    opened: R::Receiver<()>,
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
        R::yield_now().await;
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
