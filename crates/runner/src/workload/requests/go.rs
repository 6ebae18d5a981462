//! Requests served by goroutines, in a process of Go's own.

use super::{ByTasks, Ground, Quantiles, Ran, Requests, Sum, Told, ran};
use crate::sample::Window;
use crate::workload::go_process;
use serde::{Deserialize, Serialize};

/// What only this workload asks; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    seed: u64,
    tasks: u64,
    work_ns: u64,
    garbage_bytes: u64,
    windows: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_s: Option<f64>,
}

/// What only this workload answers.
#[derive(Debug, Deserialize)]
struct Own {
    windows: Vec<Window>,
    latencies: Quantiles,
    served_by_tasks: u64,
    idle_tasks: u64,
    arrived: u64,
    gc_cycles: u64,
    gc_stopped_ns: u64,
    gc_ratio: Option<f64>,
}

pub(super) fn run(requests: &Requests, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    let go = job.point.go.ok_or("a point of Go that does not say how it collects")?;
    let &Requests { tasks, work_ns, rate_per_s, .. } = requests;
    let (seed, windows, garbage_bytes) = (job.seed.0, job.windows, go.garbage_bytes);
    let asked = Asked { seed, tasks, work_ns, garbage_bytes, windows, rate_per_s };
    let (found, usage) = go_process::run::<_, Own>(ground, "requests", &asked)?;
    let words = found.counts().map(|words| format!("{words}, gc_cycles={cycles}", cycles = found.own.gc_cycles));
    let Own { windows, latencies, served_by_tasks, idle_tasks, arrived, gc_stopped_ns, gc_ratio, .. } = found.own;
    let sum = Sum { served: found.operations, elapsed_ns: found.elapsed_ns, latencies, windows };
    let told = Told {
        pause_ratio: Some(gc_stopped_ns as f64 / found.elapsed_ns as f64),
        gc_ratio,
        counts: words,
        notes: found.notes,
    };
    let by_tasks = ByTasks { served: served_by_tasks, idle: idle_tasks };
    ran(requests, sum, by_tasks, arrived, usage, told)
}
