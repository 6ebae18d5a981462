//! Goroutines that block in nanosleep(2) by a plain system call, which holds their M: the runtime's monitor takes the P away.
//! Threads are those of Go's process, looked at from here; idle and spinning Ps are what its runtime prints of itself, 10 ms
//! apart at least (GODEBUG=schedtrace, runtime/proc.go), a line such as
//! `SCHED 40ms: gomaxprocs=2 idleprocs=1 threads=9 spinningthreads=1 needspinning=0 idlethreads=5 runqueue=0 [ 1 0 ]`.

use super::watch::{Seen, Watch, Watched};
use super::{Blocking, Ground, Ran, Said, Tally, pus};
use crate::subject::program::Tells;
use crate::workload::go_process;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Serialize)]
struct Asked {
    tasks: u64,
    work_ns: u64,
    blocking_percent: u64,
    block_us: u64,
    seed: u64,
}

#[derive(Debug, Deserialize)]
struct Found {
    blocks: u64,
    /// Counted again by the seed.
    blocks_due: u64,
}

pub(super) fn run(workload: &Blocking, ground: &Ground<'_>) -> Result<Ran, String> {
    let &Blocking { tasks, work_ns, blocking_percent, block_us } = workload;
    let procs = ground.job.point.procs;
    // Before this thread is bound, whose places the process of Go's inherits.
    let pus = pus(ground)?.min(u64::from(procs));
    let asked = Asked { tasks, work_ns, blocking_percent, block_us, seed: ground.job.seed.0 };
    let heard = Arc::new(Mutex::new(Heard::default()));
    let tells = {
        let heard = Arc::clone(&heard);
        let hears = move |line: &str| lock(&heard).hear(line);
        Tells { godebug: "schedtrace=10", hears: Box::new(hears) }
    };
    let (mut watch, mut seen) = (None, Seen::default());
    let (found, usage) = go_process::run_watched::<_, Found>(ground, "blocking", &asked, Some(tells), &mut |pid| {
        lock(&heard).is_running = pid.is_some();
        match (pid, watch.take()) {
            (Some(pid), _) => watch = Some(Watch::start(Watched { pid, others: 0, procs, scheduler: None }, None)?),
            (None, Some(watch)) => seen = Watch::finish(watch)?.0,
            (None, None) => {}
        }
        Ok(())
    })?;
    let (idle, searching) = lock(&heard).means();
    let seen = Seen { idle, searching, ..seen };
    let &Found { blocks, blocks_due } = &found.own;
    if blocks != blocks_due {
        let turns = found.operations;
        return Err(format!("go-subject: {turns} turns have {blocks_due} blocking calls; {blocks} were made"));
    }
    let tally = Tally { turns: found.operations, blocks };
    let (elapsed_ns, cpu_ns) = (found.elapsed_ns, found.cpu_ns());
    let said = Said { tally, elapsed_ns, cpu_ns, usage, seen, handed_off: None, pus };
    Ok(Ran { counts: found.counts(), notes: found.notes, ..said.ran(procs) })
}

/// What Go's runtime told of its Ps while the sample ran.
#[derive(Debug, Default)]
struct Heard {
    is_running: bool,
    lines: u64,
    idle: u64,
    spinning: u64,
}

impl Heard {
    /// Whether the line is one of schedtrace's.
    fn hear(&mut self, line: &str) -> bool {
        let number =
            |key: &str| line.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
        // Whoever panics meanwhile may have begun in the middle of it.
        let is_whole = line.starts_with("SCHED ") && line.trim_end().ends_with(']');
        let (true, Some(idle), Some(spinning)) = (is_whole, number("idleprocs="), number("spinningthreads=")) else {
            return false;
        };
        if self.is_running {
            self.lines += 1;
            self.idle += idle;
            self.spinning += spinning;
        }
        true
    }

    /// Mean number of idle Ps, and of Ms that spin; `None` where the sample was too short for a line.
    fn means(&self) -> (Option<f64>, Option<f64>) {
        let mean = |sum: u64| (self.lines > 0).then(|| sum as f64 / self.lines as f64);
        (mean(self.idle), mean(self.spinning))
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_run_are_summed_and_others_are_complaints() {
        let mut heard = Heard::default();
        let line = |idle: u64, spinning: u64| {
            format!(
                "SCHED 40ms: gomaxprocs=2 idleprocs={idle} threads=9 spinningthreads={spinning} needspinning=1 \
                 idlethreads=5 runqueue=0 [ 1 0 ] schedticks=[ 7 9 ]\n"
            )
        };
        assert!(heard.hear(&line(2, 0)), "before the run");
        assert_eq!(heard.means(), (None, None));
        heard.is_running = true;
        assert!(heard.hear(&line(1, 1)) && heard.hear(&line(0, 0)));
        for complaint in [
            "panic: SCHED\n",
            "SCHED 1ms: idleprocs=1 spinningthreads=0panic: why\n",
            "SCHED 40ms: gomaxprocs=2\n",
            "\n",
        ] {
            assert!(!heard.hear(complaint), "{complaint}");
        }
        heard.is_running = false;
        assert!(heard.hear(&line(2, 2)), "after it");
        assert_eq!(heard.means(), (Some(0.5), Some(0.5)));
    }
}
