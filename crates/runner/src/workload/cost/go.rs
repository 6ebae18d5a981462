//! The same operations of goroutines, timed by Go's own clock in a process of Go's own.

use super::{DISTANCES, Ground, Ran, figures, readings, without_clock};
use crate::workload::go_process;
use plan::workload::Cost;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
struct Asked {
    operation: &'static str,
    swept_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Found {
    /// With all readings of the clock in them.
    times_ns: Vec<u64>,
    calls_ns: Vec<u64>,
    clock_ns: f64,
}

pub(super) fn run(cost: &Cost, ground: &Ground<'_>) -> Result<Ran, String> {
    let asked = Asked { operation: cost.operation.word(), swept_bytes: cost.swept_bytes };
    let (found, usage) = go_process::run::<_, Found>(ground, "cost", &asked)?;
    let Found { times_ns, calls_ns, clock_ns } = &found.own;
    let called = readings(cost.operation) > 1;
    if times_ns.is_empty() || *clock_ns <= 0.0 || called == calls_ns.is_empty() {
        let (times, calls) = (times_ns.len(), calls_ns.len());
        return Err(format!("go-subject: {times} times, {calls} of calls, a clock of {clock_ns} ns do not add up"));
    }
    let without = |times: &[u64], readings: u32| -> Vec<f64> {
        times.iter().map(|&ns| without_clock(ns, readings, *clock_ns)).collect()
    };
    let metrics =
        figures(&without(times_ns, readings(cost.operation)), &without(calls_ns, 1), *clock_ns, [None; DISTANCES]);
    Ok(Ran {
        elapsed_ns: found.elapsed_ns,
        operations: found.operations,
        metrics,
        counts: found.counts(),
        usage,
        notes: found.notes,
        windows: Vec::new(),
    })
}
