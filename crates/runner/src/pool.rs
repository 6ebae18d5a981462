//! The workers of one sample: as many OS threads, the same ones in every phase, each doing its own part of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a thread of ours is not there, and what to do.
pub(crate) fn no_thread(what: &str, cause: &std::io::Error) -> String {
    format!("cannot start {what}: {cause}; check ulimit -u and pids.max")
}

/// A rayon pool used for one thing only: `broadcast`, which runs a closure once on each of its threads.
#[derive(Debug)]
pub(crate) struct Pool(rayon::ThreadPool);

impl Pool {
    /// Starts the threads. They inherit affinity and memory policy of the caller.
    pub(crate) fn start(workers: usize) -> Result<Pool, String> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|worker| format!("worker-{worker}"))
            .build()
            .map(Pool)
            .map_err(|cause| format!("cannot start {workers} threads: {cause}; check ulimit -u and pids.max"))
    }

    /// Runs `part` of each worker on its own thread, in parallel; what they return, in worker order, or the first error.
    pub(crate) fn each<T: Send>(&self, part: impl Fn(usize) -> Result<T, String> + Sync) -> Result<Vec<T>, String> {
        let parts = self.0.broadcast(|context| {
            let worker = context.index();
            // The others may be waiting for this worker at a gate or in a pause: without it they would wait for ever.
            let found = catch_unwind(AssertUnwindSafe(|| part(worker))).unwrap_or_else(|_| std::process::abort());
            found.map_err(|cause| format!("worker {worker}: {cause}"))
        });
        parts.into_iter().collect()
    }
}

/// Part `worker` of `0..all`, cut into `workers` parts whose lengths differ by at most one.
pub(crate) fn part(all: u64, worker: usize, workers: usize) -> std::ops::Range<u64> {
    let cut = |at: usize| (u128::from(all) * at as u128 / workers as u128) as u64;
    cut(worker)..cut(worker + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_does_its_part_once_on_its_own_thread() {
        let pool = Pool::start(3).expect("three threads");
        let ids = || pool.each(|worker| Ok((worker, std::thread::current().id()))).expect("no part fails");
        let first = ids();
        assert_eq!(first.iter().map(|part| part.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(first, ids());
        let failed = pool.each(|worker| if worker == 1 { Err("no room".to_string()) } else { Ok(()) });
        assert_eq!(failed, Err("worker 1: no room".into()));
    }

    #[test]
    fn parts_are_gapless() {
        for (all, workers) in [(10, 3), (2, 4), (0, 2), (u64::MAX, 64)] {
            let parts: Vec<_> = (0..workers).map(|worker| part(all, worker, workers)).collect();
            assert_eq!((parts[0].start, parts[workers - 1].end), (0, all));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
