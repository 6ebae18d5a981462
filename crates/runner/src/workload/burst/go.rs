//! Bursts of goroutines, in a process of Go's own. Its pool is a sync.Pool, which the collector empties.

use super::{Burst, Found, Ground, Ran, ran};
use crate::workload::go_process;
use crate::workload::latency::Quantiles;
use serde::{Deserialize, Serialize};

/// What only this workload asks; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    tasks: u64,
    isolation_ms: u64,
    work_ns: u64,
    garbage_bytes: u64,
}

/// What only this workload answers.
#[derive(Debug, Deserialize)]
struct Own {
    groups: u64,
    made_first: u64,
    made: u64,
    starts: Quantiles,
    gc_cycles: u64,
    gc_stopped_ns: u64,
    whole_ns: u64,
}

pub(super) fn run(burst: &Burst, ground: &Ground<'_>) -> Result<Ran, String> {
    let go = ground.job.point.go.ok_or("a point of Go that does not say how it collects")?;
    let &Burst { tasks, isolation_ms, work_ns } = burst;
    let asked = Asked { tasks, isolation_ms, work_ns, garbage_bytes: go.garbage_bytes };
    let (answer, usage) = go_process::run::<_, Own>(ground, "burst", &asked)?;
    let words = answer.counts().map(|words| format!("{words}, gc_cycles={cycles}", cycles = answer.own.gc_cycles));
    let Own { groups, made_first, made, starts, gc_stopped_ns, whole_ns, .. } = answer.own;
    // A cycle may run in a rest: the share is of all the time.
    let pause_ratio = (whole_ns > 0).then(|| gc_stopped_ns as f64 / whole_ns as f64);
    let (elapsed_ns, ran_all) = (answer.elapsed_ns, answer.operations);
    let found = Found { groups, elapsed_ns, ran: ran_all, made_first, made, starts, pause_ratio };
    ran(burst, found, usage, words, answer.notes)
}
