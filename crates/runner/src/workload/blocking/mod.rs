//! `blocking`: tasks that work a little in each turn and, by chance, end it with a call that blocks their thread.
//!
//! Tasks live from before the first spawn until the sample's seconds are over, and each ends its turn then. Whether a turn
//! blocks is a function of the sample's seed, the task and the turn, so that the calls are counted again afterwards. A turn
//! ends with a yield: a task that never gave its processor back would keep it.

mod go;
mod tasks;
mod threads;
mod watch;

use crate::heapless::{Ground, Heapless, Ran};
use crate::workload::on_subject;
use crate::workload::turns::turn;
use host::thread::Usage;
use plan::random::{below, draw, split};
use plan::workload::Blocking;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watch::Seen;

impl Heapless for Blocking {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go, threads)
    }
}

/// What a task did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    turns: u64,
    blocks: u64,
}

/// What all tasks of a sample share.
#[derive(Debug)]
struct Plan {
    seed: u64,
    blocking_percent: u64,
    block: Duration,
    /// Turns of the empty loop.
    work: u64,
    /// Turns of a task at most.
    limit: u64,
    over: AtomicBool,
}

impl Plan {
    /// One turn of task `task`, with what its blocking call is made of.
    fn turn(&self, task: u64, tally: &mut Tally, block: impl FnOnce(Duration)) {
        if self.work > 0 {
            turn(self.work);
        }
        if blocks(self.seed, task, tally.turns, self.blocking_percent) {
            block(self.block);
            tally.blocks += 1;
        }
        tally.turns += 1;
    }

    fn goes_on(&self, tally: &Tally) -> bool {
        tally.turns < self.limit && !self.over.load(Ordering::Relaxed)
    }

    /// What the tasks did together, each counted again.
    fn check(&self, tallies: &[Tally]) -> Result<Tally, String> {
        let mut all = Tally::default();
        for (task, &Tally { turns, blocks: made }) in (0..).zip(tallies) {
            let due = (0..turns).filter(|&at| blocks(self.seed, task, at, self.blocking_percent)).count() as u64;
            if made != due {
                return Err(format!("task {task}: {turns} turns have {due} blocking calls; {made} were made"));
            }
            all = Tally { turns: all.turns + turns, blocks: all.blocks + made };
        }
        Ok(all)
    }
}

/// Whether a turn blocks; `measureBlocking` of subjects/go/subject draws the same.
fn blocks(seed: u64, task: u64, turn: u64, percent: u64) -> bool {
    below(draw(split(seed, task), turn), 100) < percent
}

/// What a subject says of a sample.
struct Said {
    tally: Tally,
    elapsed_ns: u64,
    cpu_ns: u64,
    usage: Usage,
    seen: Seen,
    /// Processors that were handed to another thread.
    handed_off: Option<u64>,
    /// PUs that its threads could use at once.
    pus: u64,
}

/// PUs that the point's threads could run on: those of its places, all that the process may use where they have none.
fn pus(ground: &Ground<'_>) -> Result<u64, String> {
    let mut all = plan::set::CpuSet::new();
    for place in &ground.job.point.placement.workers {
        all = all.union(place.cpus.as_ref().unwrap_or(&host::bind::affinity().map_err(|cause| cause.to_string())?));
    }
    Ok(all.len() as u64)
}

impl Said {
    fn ran(self, procs: u32) -> Ran {
        let Said { tally, elapsed_ns, cpu_ns, usage, seen, handed_off, pus } = self;
        let elapsed = elapsed_ns as f64;
        let procs = f64::from(procs);
        let switches = usage.voluntary + usage.involuntary;
        let threads = seen.threads_most.map(|threads| threads as f64);
        Ran {
            elapsed_ns,
            operations: tally.turns,
            metrics: vec![
                threads,
                threads.map(|threads| threads / procs),
                seen.crowded,
                Some(cpu_ns as f64 / (elapsed * pus as f64)),
                (switches > 0).then(|| usage.voluntary as f64 / switches as f64),
                seen.idle.map(|idle| idle / procs),
                seen.searching.map(|searching| searching / procs),
                handed_off.map(|times| 1000.0 * times as f64 / tally.turns as f64),
            ],
            counts: None,
            usage,
            notes: Vec::new(),
            windows: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::workload::BlockingFile;

    fn plan(percent: u64) -> Plan {
        let (block, over) = (Duration::ZERO, AtomicBool::new(false));
        Plan { seed: 7, blocking_percent: percent, block, work: 0, limit: 1000, over }
    }

    fn run(plan: &Plan, task: u64) -> (Tally, u64) {
        let (mut tally, mut calls) = (Tally::default(), 0);
        while plan.goes_on(&tally) {
            plan.turn(task, &mut tally, |_| calls += 1);
        }
        (tally, calls)
    }

    #[test]
    fn a_share_of_turns_blocks_and_is_counted_again() {
        for (percent, least, most) in [(0, 0, 0), (1, 2, 25), (50, 430, 570), (100, 1000, 1000)] {
            let plan = plan(percent);
            let (tally, calls) = run(&plan, 3);
            assert_eq!((tally.turns, tally.blocks), (1000, calls));
            assert!((least..=most).contains(&calls), "{calls} of 1000 turns at {percent} %");
        }
        let plan = plan(50);
        let tallies: Vec<Tally> = (0..4).map(|task| run(&plan, task).0).collect();
        let all = plan.check(&tallies).expect("they are right");
        assert_eq!((all.turns, all.blocks), (4000, tallies.iter().map(|tally| tally.blocks).sum()));
        let mut wrong = tallies.clone();
        wrong[2].blocks += 1;
        let says =
            format!("task 2: 1000 turns have {} blocking calls; {} were made", tallies[2].blocks, wrong[2].blocks);
        assert_eq!(plan.check(&wrong), Err(says));
        assert!(tallies.windows(2).any(|pair| pair[0] != pair[1]), "each task draws for itself");
    }

    #[test]
    fn what_is_drawn_is_what_go_draws() {
        let drawn: String = (0..16).map(|turn| if blocks(7, 3, turn, 50) { '1' } else { '0' }).collect();
        // As in subjects/go/subject/blocking_test.go.
        assert_eq!(drawn, "1011001001101100");
    }

    #[test]
    fn tasks_end_when_the_time_is_over() {
        let plan = plan(0);
        plan.over.store(true, Ordering::Relaxed);
        assert_eq!(run(&plan, 0).0, Tally::default());
    }

    #[test]
    fn figures_are_in_the_order_of_the_columns() {
        let said = |voluntary, seen| Said {
            tally: Tally { turns: 2000, blocks: 500 },
            elapsed_ns: 1_000_000,
            cpu_ns: 500_000,
            usage: Usage { voluntary, involuntary: voluntary / 3, ..Usage::default() },
            seen,
            handed_off: Some(500),
            pus: 2,
        };
        let seen = Seen { threads_most: Some(12), crowded: Some(0.125), idle: Some(1.0), searching: Some(0.5) };
        let ran = said(30, seen).ran(4);
        let named = |name: &str| {
            let at = BlockingFile::METRICS.iter().position(|column| column.name == name).expect(name);
            ran.metrics[at]
        };
        assert_eq!(ran.metrics.len(), BlockingFile::METRICS.len());
        assert_eq!((named("os_threads"), named("threads_per_proc")), (Some(12.0), Some(3.0)));
        assert_eq!(named("crowded_ratio"), Some(0.125));
        assert_eq!((named("busy_ratio"), named("voluntary_ratio")), (Some(0.25), Some(0.75)));
        assert_eq!((named("idle_ratio"), named("spinning_ratio")), (Some(0.25), Some(0.125)));
        assert_eq!(named("handed_off_per_1000"), Some(250.0));
        let nothing = said(0, Seen::default()).ran(4);
        assert_eq!(nothing.metrics[..3], [None, None, None]);
        assert_eq!(nothing.metrics[4..7], [None, None, None]);
    }
}
