//! Bursts on a runtime of this process. Its pool is a list behind a lock, which nobody empties: no collector is there that would.

use super::{Burst, Found, Ground, Ran, ran};
use crate::subject::gmp::words;
use crate::subject::runtime::{Receives, Runtime, Sends};
use crate::timer::ns_since;
use crate::trace::Beside;
use crate::workload::latency::{Histogram, Quantiles};
use crate::workload::turns::{turn, turns_of};
use gmp::scheduler::Count;
use host::thread::Usage;
use plan::experiment::Extent;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a task writes into, and what else of a task's object there may be.
#[derive(Debug)]
struct Object {
    started_ns: u64,
    ran_ns: u64,
    ended_ns: u64,
    _rest: [u8; 1000],
}

/// What all tasks share.
struct Shared<R: Runtime> {
    turns: u64,
    begun: Instant,
    #[allow(clippy::vec_box, reason = "the object that a task takes and gives back is the allocation itself")]
    pool: Mutex<Vec<Box<Object>>>,
    starts: Histogram,
    ran: AtomicU64,
    /// Tasks of the group that have not ended.
    left: AtomicU64,
    ended: R::Sender<()>,
}

impl<R: Runtime> Shared<R> {
    fn now_ns(&self) -> u64 {
        ns_since(self.begun)
    }
}

async fn task<R: Runtime>(shared: Arc<Shared<R>>, mut object: Box<Object>) {
    object.ran_ns = shared.now_ns();
    turn(shared.turns);
    object.ended_ns = shared.now_ns();
    shared.starts.add(object.ran_ns - object.started_ns);
    shared.ran.fetch_add(1, Ordering::Relaxed);
    shared.pool.lock().unwrap_or_else(PoisonError::into_inner).push(object);
    if shared.left.fetch_sub(1, Ordering::AcqRel) == 1 {
        // There is room: one group ends before the next begins.
        shared.ended.send(()).await;
    }
}

pub(super) fn run<R: Runtime>(burst: &Burst, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let turns = turns_of(burst.work_ns);
    let runtime = R::start(ground.granted, job)?;
    let (ended, all_ended) = R::channel(NonZeroUsize::MIN);
    let shared = Arc::new(Shared::<R> {
        turns,
        begun: Instant::now(),
        pool: Mutex::new(Vec::new()),
        starts: Histogram::default(),
        ran: AtomicU64::new(0),
        left: AtomicU64::new(0),
        ended,
    });
    let (tasks, rest, extent) = (burst.tasks, Duration::from_millis(burst.isolation_ms), job.extent);
    let (counts, usage) = (runtime.counts(), Usage::of_process());
    let of_all = Arc::clone(&shared);
    let found = runtime.run(async move {
        let (mut groups, mut elapsed_ns, mut made_first, mut made) = (0, 0, 0, 0);
        loop {
            let begun_ns = of_all.now_ns();
            of_all.left.store(tasks, Ordering::Relaxed);
            for _ in 0..tasks {
                let pooled = of_all.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut object = pooled.unwrap_or_else(|| {
                    *(if groups == 0 { &mut made_first } else { &mut made }) += 1;
                    Box::new(Object { started_ns: 0, ran_ns: 0, ended_ns: 0, _rest: [0; 1000] })
                });
                object.started_ns = of_all.now_ns();
                drop(R::spawn(task(Arc::clone(&of_all), object)));
            }
            all_ended.receive().await;
            groups += 1;
            let now_ns = of_all.now_ns();
            elapsed_ns += now_ns - begun_ns;
            let is_over = match extent {
                Extent::Seconds(seconds) => now_ns as f64 >= seconds * 1e9,
                Extent::Operations(asked) => groups >= asked,
            };
            if is_over {
                return (groups, elapsed_ns, made_first, made);
            }
            R::sleep(rest).await;
        }
    });
    let usage = Usage::of_process().since(&usage);
    let counts = runtime.counts_since(counts);
    let notes = runtime.end(job, &Beside::default())?;
    let (groups, elapsed_ns, made_first, made) = found?;
    // The starter is a task, too.
    let due = groups * tasks + 1;
    if let Some(spawned) = counts.as_ref().map(|counts| counts.get(Count::Spawned)).filter(|&spawned| spawned != due) {
        return Err(format!("{due} tasks are due, {spawned} were spawned"));
    }
    let (ran_all, starts) = (shared.ran.load(Ordering::Acquire), Quantiles::of([&shared.starts].into_iter()));
    let found = Found { groups, elapsed_ns, ran: ran_all, made_first, made, starts, pause_ratio: None };
    ran(burst, found, usage, counts.as_ref().map(words), notes)
}
