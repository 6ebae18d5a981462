//! Goroutines that block in nanosleep(2) by a plain system call, which holds their M: the runtime's monitor takes the P away.
//! Threads are those of Go's process, looked at from here.

use super::watch::{Seen, Watch, Watched};
use super::{Blocking, Ground, Ran, Said, Tally, pus};
use crate::workload::go_process;
use serde::{Deserialize, Serialize};

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
    // Before this thread is bound, whose places the process of Go's inherits.
    let pus = pus(ground)?.min(u64::from(ground.job.point.procs));
    let asked = Asked { tasks, work_ns, blocking_percent, block_us, seed: ground.job.seed.0 };
    let (mut watch, mut seen) = (None, Seen::default());
    let (found, usage) = go_process::run::<_, Found>(ground, "blocking", &asked, &mut |pid| {
        match (pid, watch.take()) {
            (Some(pid), _) => watch = Some(Watch::start(Watched { pid, others: 0, scheduler: None }, None)?),
            (None, Some(watch)) => seen = Watch::finish(watch)?.0,
            (None, None) => {}
        }
        Ok(())
    })?;
    let &Found { blocks, blocks_due } = &found.own;
    if blocks != blocks_due {
        let turns = found.operations;
        return Err(format!("go-subject: {turns} turns have {blocks_due} blocking calls; {blocks} were made"));
    }
    let tally = Tally { turns: found.operations, blocks };
    let (elapsed_ns, cpu_ns) = (found.elapsed_ns, found.cpu_ns());
    let said = Said { tally, elapsed_ns, cpu_ns, usage, seen, handed_off: None, pus };
    Ok(Ran { counts: found.counts(), notes: found.notes, ..said.ran(ground.job.point.procs) })
}
