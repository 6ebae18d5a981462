//! The timed part of one sample: workers released together, a timer, pauses, and what everybody saw.

use crate::gate::Gate;
use crate::heaps::Heaps;
use crate::looks::{Look, Looks};
use crate::pauses::{DueTimes, pause_times};
use crate::pool::{Pool, no_thread, part};
use crate::sample::{Job, PauseTimes};
use crate::subject::threads::{Log, Role, Scan, Watch};
use crate::timer::{Board, Raised, Timetable, keep_time, ns_since};
use crate::workload::{Done, SHARED, Seat, Work};
use gmp::scheduler::Counts;
use gmp::world::{Pause, StoppedWork, World};
use host::thread::Usage;
use plan::experiment::Extent;
use plan::random::split;
use plan::set::CpuSet;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Labels of the streams that are split from a sample's seed; 2 is the jitter of pauses.
const ADDRESSES: u64 = 1;

/// Key of a worker's stream of touches.
pub(crate) fn worker_key(seed: u64, worker: usize) -> u64 {
    split(split(seed, ADDRESSES), worker as u64)
}

/// What one worker saw. Times are ns after the release.
#[derive(Debug)]
pub(crate) struct Worked {
    /// Its log.
    pub(crate) log: Log,
    /// When it stopped.
    pub(crate) stopped_ns: u64,
    /// What the kernel counted of it since just before the release; `None` for a worker that is no thread.
    pub(crate) usage: Option<Usage>,
}

/// What was counted for all workers together, where they are no threads.
#[derive(Debug)]
pub(crate) struct Process {
    /// By the kernel, of all threads of the process.
    pub(crate) usage: Usage,
    /// By the suite's scheduler.
    pub(crate) counts: Option<Counts>,
}

/// What all saw.
#[derive(Debug)]
pub(crate) struct Timed {
    /// Each worker, in order.
    pub(crate) workers: Vec<Worked>,
    /// The timer.
    pub(crate) raised: Raised,
    /// Where some pages lay meanwhile, where they may move.
    pub(crate) looks: Vec<Look>,
    /// Every stop of the world.
    pub(crate) pauses: Vec<PauseTimes>,
    /// Where workers are no threads.
    pub(crate) process: Option<Process>,
    /// What could not be kept of it.
    pub(crate) notes: Vec<String>,
}

/// What the stopper alone knows.
struct Stops {
    served_ns: Vec<u64>,
    pauses: Vec<Pause>,
}

/// Requests after which a worker stops by itself.
pub(crate) fn limit(job: &Job) -> u64 {
    if let Extent::Operations(operations) = job.extent { operations } else { u64::MAX }
}

/// When what is raised in a sample.
pub(crate) fn timetable(job: &Job, pus: &CpuSet) -> Timetable {
    Timetable {
        extent: job.extent,
        windows: job.windows,
        pauses: DueTimes::new(job.seed.0, job.pause_every_ns),
        pus: pus.clone(),
    }
}

/// Runs the workload from the common release to the last worker's stop.
pub(crate) fn run<W: Work>(pool: &Pool, work: &W, job: &Job, heaps: &Heaps, pus: &CpuSet) -> Result<Timed, String> {
    let count = job.point.placement.workers.len();
    let workers = NonZeroUsize::new(count).ok_or("a point without workers")?;
    let gate = Gate::new(count);
    let epoch = Instant::now();
    let World { stopper, members, bell } = World::new(workers, epoch);
    let (stopped_work, scan_bytes) = match job.stopped_work {
        plan::experiment::StoppedWork::None => (StoppedWork::None, 0),
        plan::experiment::StoppedWork::Scan { bytes } => (StoppedWork::All, bytes),
    };
    let role = Role::Stopper { stopper, work: stopped_work, served_ns: Vec::new() };
    let roles: Vec<Mutex<Option<Role>>> =
        [role].into_iter().chain(members.into_iter().map(Role::Member)).map(|role| Mutex::new(Some(role))).collect();
    let (limit, timetable) = (limit(job), timetable(job, pus));
    let (board, mut looks) = (Board::default(), Looks::new(job, heaps));

    let one = |worker: usize| {
        let role = roles[worker].lock().unwrap_or_else(PoisonError::into_inner).take();
        let role = role.expect("each worker takes its own role once");
        let seat = Seat { key: worker_key(job.seed.0, worker), heaps: heaps.of(worker) };
        let shared = part(seat.heaps[SHARED].len() as u64, worker, count);
        let scan_part = part(scan_bytes, worker, count);
        let scan = Scan::new(seat.heaps, shared.start as usize..shared.end as usize, scan_part.end - scan_part.start);
        let mut watch = Watch::new(role, &board, limit, scan);
        // Before the gate: reading costs microseconds, which must not fall into the first slice.
        let before = Usage::read();
        let released = gate.arrive();
        if limit > 0 {
            work.run(&seat, Done::default(), &mut watch);
        }
        let stopped_ns = ns_since(released);
        let (log, role) = watch.leave();
        let stops = match role {
            Role::Stopper { stopper, served_ns, .. } => Some(Stops { served_ns, pauses: stopper.finish() }),
            Role::Member(_) | Role::Task { .. } => None,
        };
        let usage = Some(Usage::read().since(&before));
        Ok((Worked { log, stopped_ns, usage }, stops))
    };
    let (found, raised) = std::thread::scope(|scope| -> Result<_, String> {
        let timer = std::thread::Builder::new()
            .spawn_scoped(scope, || keep_time(timetable, gate.opened(), &board, &bell, |now_ns| looks.look(now_ns)))
            .map_err(|cause| no_thread("the timer's thread", &cause))?;
        let found = pool.each(one);
        board.done.store(true, Ordering::Release);
        timer.thread().unpark();
        Ok((found, timer.join().expect("the timer has nothing to panic about")))
    })?;
    let mut workers = Vec::with_capacity(count);
    let mut pauses = Vec::new();
    let release_ns = u64::try_from((gate.opened() - epoch).as_nanos()).unwrap_or(u64::MAX);
    for (worked, stops) in found? {
        workers.push(worked);
        if let Some(Stops { served_ns, pauses: stopped }) = stops {
            pauses = pause_times(&served_ns, &stopped, release_ns, &raised.steal);
        }
    }
    Ok(Timed { workers, raised, looks: looks.found, pauses, process: None, notes: Vec::new() })
}
