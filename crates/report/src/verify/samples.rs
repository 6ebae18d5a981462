//! Counts and arithmetic: what the rows of one sample in all files must agree on.

use super::rows::each_row;
use super::{Found, close};
use crate::error::ReportError;
use plan::point::Plan;
use plan::record::{HitSource, PauseRow, Row, SampleRow, StopReason, TrafficRow, WindowRow, WorkerRow};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What the other files hold of one sample.
#[derive(Debug, Default)]
struct Parts {
    pauses: u64,
    pause_ns: u64,
    pause_max_ns: u64,
    windows: u64,
    window_operations: u64,
    workers: BTreeSet<u32>,
    worker_operations: u64,
    traffic: u64,
    local: u64,
    remote: u64,
    unknown: u64,
}

/// Checks each sample against its parts, and that no parts are without a sample.
pub(crate) fn check_samples(
    dir: &Path,
    plan: &Plan,
    run_id: &str,
    complete: bool,
    found: &mut Found,
) -> Result<(), ReportError> {
    let mut parts = gather(dir, plan, complete, found)?;
    let (mut next_id, mut blocks, mut attempts) = (0, BTreeSet::new(), HashMap::new());
    each_row::<SampleRow>(
        dir,
        plan,
        complete,
        |line, row, found| {
            let note = Note { line, found };
            check_identity(&row, plan, run_id, next_id, note);
            next_id = row.sample_id + 1;
            let failed = row.stop_reason == StopReason::Failed;
            check_order(&row, &mut attempts, Note { line, found });
            if !failed && !blocks.insert((row.point_id.clone(), row.block)) {
                found.note(
                    SampleRow::FILE,
                    Some(line),
                    "block",
                    format!("{} again at {}", row.block, row.point_id),
                    "once",
                );
            }
            let parts = parts.remove(&row.sample_id).unwrap_or_default();
            if !failed {
                check_rate(&row, Note { line, found });
                check_workers(&row, &parts, Note { line, found });
                check_pauses(&row, &parts, plan, Note { line, found });
                check_traffic(&row, &parts, Note { line, found });
                check_touches(&row, &parts, plan, Note { line, found });
            }
        },
        found,
    )?;
    // While a run goes on, the rows of the sample in progress come before its commit.
    for sample_id in parts.into_keys().filter(|&id| complete || id < next_id) {
        found.note(
            SampleRow::FILE,
            None,
            "sample",
            format!("no row of sample {sample_id}"),
            "one, since other files hold rows of it",
        );
    }
    Ok(())
}

/// Where a mismatch of one row goes.
struct Note<'a> {
    line: u64,
    found: &'a mut Found,
}

impl Note<'_> {
    fn unequal<T: PartialEq + std::fmt::Display>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.found.note(SampleRow::FILE, Some(self.line), what, found, expected);
        }
    }

    fn not_close(&mut self, what: &str, found: f64, expected: f64) {
        if !close(found, expected) {
            self.found.note(SampleRow::FILE, Some(self.line), what, found, expected);
        }
    }
}

fn check_identity(row: &SampleRow, plan: &Plan, run_id: &str, next_id: u64, mut note: Note<'_>) {
    note.unequal("run_id", row.run_id.as_str(), run_id);
    note.unequal("sample_id", row.sample_id, next_id);
    let Some(point) = plan.points.iter().find(|point| point.id == row.point_id) else {
        note.found.note(SampleRow::FILE, Some(note.line), "point_id", &row.point_id, "a point of plan.toml");
        return;
    };
    note.unequal("arm", row.arm.as_str(), &point.arm);
    note.unequal("procs", row.procs, point.procs);
    note.unequal("subject", row.subject.as_str(), &point.subject);
    note.unequal("regime", row.regime, point.regime);
}

/// What the last row of an order says of it.
struct Attempt {
    point_id: String,
    block: u32,
    failed: bool,
}

/// An order comes once, or again where its sample failed: then it is the same point in the same block.
fn check_order(row: &SampleRow, attempts: &mut HashMap<u32, Attempt>, mut note: Note<'_>) {
    let (point_id, failed) = (row.point_id.clone(), row.stop_reason == StopReason::Failed);
    let Some(earlier) = attempts.insert(row.order, Attempt { point_id, block: row.block, failed }) else { return };
    if earlier.failed {
        note.unequal("point_id, that of the sample it retries", row.point_id.as_str(), &earlier.point_id);
        note.unequal("block, that of the sample it retries", row.block, earlier.block);
    } else {
        let expected = "once, since its sample did not fail";
        note.found.note(SampleRow::FILE, Some(note.line), "order", format!("{} again", row.order), expected);
    }
}

fn check_rate(row: &SampleRow, mut note: Note<'_>) {
    if let (Some(operations), Some(elapsed), Some(rate)) = (row.operations, row.elapsed_ns, row.throughput_per_s) {
        note.not_close("throughput_per_s, operations / elapsed", rate, operations as f64 * 1e9 / elapsed as f64);
    } else if row.throughput_per_s.is_some() || row.operations.is_none() {
        note.found.note(
            SampleRow::FILE,
            Some(note.line),
            "operations or elapsed_ns",
            "empty",
            "a number: the sample did not fail",
        );
    }
}

fn check_workers(row: &SampleRow, parts: &Parts, mut note: Note<'_>) {
    note.unequal("rows in workers.csv", parts.workers.len() as u64, u64::from(row.procs));
    if let Some(operations) = row.operations {
        note.unequal("operations of all workers", parts.worker_operations, operations);
        if parts.windows > 0 {
            note.unequal("operations of all windows", parts.window_operations, operations);
        }
    }
    if parts.windows == 0 {
        note.found.note(SampleRow::FILE, Some(note.line), "rows in windows.csv", 0, "one or more");
    }
}

fn check_pauses(row: &SampleRow, parts: &Parts, plan: &Plan, mut note: Note<'_>) {
    if plan.measure.pause_every_ns == 0 {
        note.unequal("rows in pauses.csv", parts.pauses, 0);
        return;
    }
    if let Some(count) = row.pause_count {
        note.unequal("pause_count, rows in pauses.csv", count, parts.pauses);
    }
    if let Some(sum) = row.stopped_ns_sum {
        note.unequal("stopped_ns_sum, total of all pauses", sum, parts.pause_ns);
    }
    if let (Some(mean), true) = (row.pause_mean_ns, parts.pauses > 0) {
        note.not_close("pause_mean_ns", mean, parts.pause_ns as f64 / parts.pauses as f64);
    }
    if let Some(max) = row.pause_max_ns {
        note.unequal("pause_max_ns", max, parts.pause_max_ns);
    }
}

fn check_traffic(row: &SampleRow, parts: &Parts, mut note: Note<'_>) {
    if let Some(local) = row.local_touches {
        note.unequal("local_touches, traffic.csv within a node", local, parts.local);
    }
    if let Some(remote) = row.remote_touches {
        note.unequal("remote_touches, traffic.csv between nodes", remote, parts.remote);
    }
    let (Some(ratio), Some(low), Some(high)) = (row.local_hit_ratio, row.local_hit_low, row.local_hit_high) else {
        return;
    };
    // The bounds are computed apart from the ratio: their last digits may differ.
    if ratio < low - 1e-9 || ratio > high + 1e-9 {
        note.found.note(SampleRow::FILE, Some(note.line), "local_hit_ratio", ratio, format!("{low}..{high}"));
    }
    let known = parts.local + parts.remote;
    if known > 0 && matches!(row.hit_source, Some(HitSource::Replay | HitSource::Sampled | HitSource::Modelled)) {
        note.not_close("local_hit_ratio, local / known touches", ratio, parts.local as f64 / known as f64);
    }
    if parts.unknown > 0 && low == high {
        let expected = format!("apart: traffic.csv has {unknown} unknown touches", unknown = parts.unknown);
        note.found.note(SampleRow::FILE, Some(note.line), "local_hit_low and local_hit_high", low, expected);
    }
}

/// A replay counts every touch of every request.
fn check_touches(row: &SampleRow, parts: &Parts, plan: &Plan, mut note: Note<'_>) {
    let point = plan.points.iter().find(|point| point.id == row.point_id);
    if let (Some(point), Some(operations), Some(HitSource::Replay)) = (point, row.operations, row.hit_source) {
        let touches = operations * point.workload.touches_per_operation();
        note.unequal(
            "touches in traffic.csv, operations x touches of one",
            parts.local + parts.remote + parts.unknown,
            touches,
        );
    }
}

fn gather(dir: &Path, plan: &Plan, complete: bool, found: &mut Found) -> Result<BTreeMap<u64, Parts>, ReportError> {
    let mut parts: BTreeMap<u64, Parts> = BTreeMap::new();
    let count_pause = |line, row: PauseRow, found: &mut Found| {
        let sum = row.stopping_ns + row.stopped_ns + row.resuming_ns;
        if sum != row.total_ns {
            found.note(PauseRow::FILE, Some(line), "total_ns, the sum of its parts", row.total_ns, sum);
        }
        let part = parts.entry(row.sample_id).or_default();
        part.pauses += 1;
        part.pause_ns += row.total_ns;
        part.pause_max_ns = part.pause_max_ns.max(row.total_ns);
    };
    each_row(dir, plan, complete, count_pause, found)?;
    let count_window = |line, row: WindowRow, found: &mut Found| {
        let part = parts.entry(row.sample_id).or_default();
        if row.window != part.windows {
            found.note(WindowRow::FILE, Some(line), "window", row.window, part.windows);
        }
        part.windows += 1;
        part.window_operations += row.operations;
    };
    each_row(dir, plan, complete, count_window, found)?;
    let count_worker = |line, row: WorkerRow, found: &mut Found| {
        let part = parts.entry(row.sample_id).or_default();
        if !part.workers.insert(row.worker) {
            found.note(WorkerRow::FILE, Some(line), "worker", format!("{} again", row.worker), "once for each sample");
        }
        part.worker_operations += row.operations;
    };
    each_row(dir, plan, complete, count_worker, found)?;
    let count_traffic = |_, row: TrafficRow, _: &mut Found| {
        let part = parts.entry(row.sample_id).or_default();
        part.traffic += 1;
        match (row.pu_node, row.memory_node) {
            (Some(pu), Some(memory)) if pu == memory => part.local += row.touches,
            (Some(_), Some(_)) => part.remote += row.touches,
            _ => part.unknown += row.touches,
        }
    };
    each_row(dir, plan, complete, count_traffic, found)?;
    Ok(parts)
}
