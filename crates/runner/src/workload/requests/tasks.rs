//! Requests on a runtime of this process. Tasks wait for the release by yielding, so that all of them are in queues when it comes.

use super::{ByTasks, Ground, Ran, Requests, Tally, Told, arrivals, end_ns, limit, ran, tally};
use crate::subject::gmp::words;
use crate::subject::runtime::{Receives, Runtime, Sends};
use crate::timer::ns_since;
use crate::trace::Beside;
use crate::workload::turns::{turn, turns_of};
use gmp::scheduler::Count;
use host::thread::Usage;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What all tasks share.
struct Shared {
    turns: u64,
    limit: u64,
    tally: Tally,
    /// Tasks that wait for the release.
    ready: AtomicU64,
    released: OnceLock<Instant>,
}

/// What a task, or all of them, did.
#[derive(Debug, Clone, Copy, Default)]
struct Did {
    served: u64,
    yields: u64,
}

impl Did {
    async fn give_way<R: Runtime>(&mut self) {
        self.yields += 1;
        R::yield_now().await;
    }
}

async fn task<R: Runtime>(shared: Arc<Shared>, number: usize, arrivals: Option<R::Receiver<u64>>) -> Did {
    let mut did = Did::default();
    shared.ready.fetch_add(1, Ordering::Release);
    match arrivals {
        None => closed::<R>(&shared, number, &mut did).await,
        Some(arrivals) => open::<R>(&shared, number, arrivals, &mut did).await,
    }
    did
}

async fn closed<R: Runtime>(shared: &Shared, number: usize, did: &mut Did) {
    let released = loop {
        match shared.released.get() {
            Some(released) => break *released,
            None => did.give_way::<R>().await,
        }
    };
    let mut before_ns = 0;
    while did.served < shared.limit && !shared.tally.is_over() {
        turn(shared.turns);
        let now_ns = ns_since(released);
        shared.tally.ended(number, now_ns, now_ns - before_ns);
        before_ns = now_ns;
        did.served += 1;
        did.give_way::<R>().await;
    }
}

async fn open<R: Runtime>(shared: &Shared, number: usize, arrivals: R::Receiver<u64>, did: &mut Did) {
    while let Some(due_ns) = arrivals.receive().await {
        if shared.tally.is_over() {
            continue;
        }
        let released = *shared.released.get().expect("nothing arrives before the release");
        turn(shared.turns);
        let now_ns = ns_since(released);
        shared.tally.ended(number, now_ns, now_ns.saturating_sub(due_ns));
        did.served += 1;
        did.give_way::<R>().await;
    }
}

/// Puts every arrival into the queue when it is due.
async fn dispatch<R: Runtime>(
    shared: &Shared,
    released: Instant,
    arrivals: &[u64],
    queue: R::Sender<u64>,
    end_ns: Option<u64>,
) {
    for &due_ns in arrivals {
        sleep_until::<R>(released, due_ns).await;
        if shared.tally.is_over() {
            break;
        }
        // There is room for all.
        queue.send(due_ns).await;
    }
    if let Some(end_ns) = end_ns {
        sleep_until::<R>(released, end_ns).await;
        shared.tally.end();
    }
}

async fn sleep_until<R: Runtime>(released: Instant, due_ns: u64) {
    let now_ns = ns_since(released);
    if due_ns > now_ns {
        R::sleep(Duration::from_nanos(due_ns - now_ns)).await;
    }
}

pub(super) fn run<R: Runtime>(requests: &Requests, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let due = arrivals(requests, ground)?;
    let arrived = due.len() as u64;
    let runtime = R::start(ground.granted, job)?;
    let (ready, released) = (AtomicU64::new(0), OnceLock::new());
    let turns = turns_of(requests.work_ns);
    let shared = Arc::new(Shared { turns, limit: limit(job.extent), tally: tally(ground), ready, released });
    let (tasks, is_open, end_ns) = (requests.tasks, requests.rate_per_s.is_some(), end_ns(job.extent));
    let counts = runtime.counts();
    let of_all = Arc::clone(&shared);
    let found = runtime.run(async move {
        let (queue, taken) = R::channel(NonZeroUsize::new(due.len()).unwrap_or(NonZeroUsize::MIN));
        let spawned = (0..tasks as usize)
            .map(|number| R::spawn(task::<R>(Arc::clone(&of_all), number, is_open.then(|| taken.clone()))));
        let spawned: Vec<_> = spawned.collect();
        drop(taken);
        let mut all = Did::default();
        while of_all.ready.load(Ordering::Acquire) < tasks {
            all.give_way::<R>().await;
        }
        let usage = Usage::of_process();
        let released = *of_all.released.get_or_init(Instant::now);
        if is_open {
            dispatch::<R>(&of_all, released, &due, queue, end_ns).await;
        } else {
            drop(queue);
        }
        let mut by_tasks = ByTasks::default();
        for task in spawned {
            let did = task.await?;
            all.yields += did.yields;
            by_tasks.add(did.served);
        }
        Ok::<_, String>((by_tasks, all.yields, Usage::of_process().since(&usage)))
    });
    let counts = runtime.counts_since(counts);
    let notes = runtime.end(job, &Beside::default())?;
    let (by_tasks, yields, usage) = found.and_then(|found| found)?;
    if let Some(counted) = counts.as_ref().map(|counts| counts.get(Count::Yields)).filter(|&counted| counted != yields)
    {
        return Err(format!("the tasks yielded {yields} times, and the scheduler counted {counted}"));
    }
    let told = Told { counts: counts.as_ref().map(words), notes, ..Told::default() };
    ran(requests, shared.tally.sum(), by_tasks, arrived, usage, told)
}
