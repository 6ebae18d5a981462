//! Models that loom walks through, every interleaving and every value that a relaxed load may see, within a bound of
//! preemptions: `make loom`. A task left behind or a wake-up lost is a deadlock, which loom finds; what is seen late or
//! had twice is an assertion here. README.md says which orderings and wake-ups were left out once, and what turned red.

mod queues;
mod sleep;
mod states;

use loom::model::Builder;
use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};

fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    // A long run: one preemption more, say 20 minutes.
    let more = std::env::var("NUMALAB_LOOM_MORE").map_or(0, |more| more.parse().expect("a number of preemptions"));
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// What makers write before they queue a task, and takers must see: numbers from 1 to `count`.
struct Tasks {
    made: Vec<AtomicU32>,
    taken: Vec<AtomicU32>,
}

impl Tasks {
    fn new(count: u32) -> Self {
        let words = || (0..=count).map(|_| AtomicU32::new(0)).collect();
        Self { made: words(), taken: words() }
    }

    fn make(&self, task: u32) -> u32 {
        self.made[task as usize].store(1, Relaxed);
        task
    }

    fn take(&self, task: u32) {
        assert_eq!(
            self.made[task as usize].load(Relaxed),
            1,
            "what was written before task {task} was queued is missing"
        );
        assert_eq!(self.taken[task as usize].fetch_add(1, Relaxed), 0, "task {task} was taken twice");
    }

    fn check_all_taken(&self) {
        for (task, taken) in self.taken.iter().enumerate().skip(1) {
            assert_eq!(taken.load(Relaxed), 1, "task {task} is lost");
        }
    }
}
