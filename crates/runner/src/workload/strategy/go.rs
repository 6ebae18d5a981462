//! Batches of goroutines, in a process of Go's own. `locked` is LockOSThread until the item is done, `single` one
//! goroutine that stays locked.

use super::{Found, Ground, Ran, Strategy, ran};
use crate::workload::go_process;
use crate::workload::latency::Quantiles;
use plan::workload::Control;
use serde::{Deserialize, Serialize};

/// What only this workload asks; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    strategy: Control,
    items: u64,
    work_ns: u64,
}

/// What only this workload answers.
#[derive(Debug, Deserialize)]
struct Own {
    batches: u64,
    done_by_tasks: u64,
    startup_ns: Option<f64>,
    latencies: Quantiles,
    memory_bytes: Option<u64>,
}

pub(super) fn run(strategy: &Strategy, ground: &Ground<'_>) -> Result<Ran, String> {
    let &Strategy { strategy: control, items, work_ns } = strategy;
    let asked = Asked { strategy: control, items, work_ns };
    let (answer, usage) = go_process::run::<_, Own>(ground, "strategy", &asked)?;
    let counts = answer.counts();
    let Own { batches, done_by_tasks, startup_ns, latencies, memory_bytes } = answer.own;
    let elapsed_ns = answer.elapsed_ns;
    let found = Found { batches, elapsed_ns, done: done_by_tasks, startup_ns, latencies, memory_bytes };
    ran(strategy, found, usage, counts, answer.notes)
}
