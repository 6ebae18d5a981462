//! Counts and arithmetic: what the rows of one sample in all files must agree on.

use super::hits::{Touches, check_hits};
use super::identity::Identity;
use super::parts::{Parts, Windows, Workers, gather};
use super::pauses::check_figures;
use super::rows::each_row_and_cells;
use super::{Found, close};
use crate::error::ReportError;
use plan::manifest::Manifest;
use plan::point::{Plan, Point};
use plan::record::{HitSource, PauseRow, Row, SampleRow, StopReason, WindowRow};
use plan::topology::Topology;
use plan::workload::LINE_BYTES;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// A folder whose schema has been checked.
pub(crate) struct Run<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) plan: &'a Plan,
    pub(crate) manifest: &'a Manifest,
    /// The machine; `None` where topology.json cannot be read, which is a mismatch of its own.
    pub(crate) topology: Option<Topology>,
    /// Whether the run came to its end.
    pub(crate) complete: bool,
}

/// Checks each sample against its parts, and that no parts are without a sample.
pub(crate) fn check_samples(run: &Run<'_>, found: &mut Found) -> Result<(), ReportError> {
    let mut parts = gather(run, found)?;
    let (mut identity, mut blocks) = (Identity::new(run.plan, run.manifest), BTreeSet::new());
    each_row_and_cells::<SampleRow>(
        run.dir,
        run.plan,
        run.complete,
        |line, row, cells, found| {
            let mut note = Note { line, found };
            identity.check(&row, cells, &mut note);
            let parts = parts.remove(&row.sample_id).unwrap_or_default();
            let failed = row.stop_reason == StopReason::Failed;
            note.unequal("error, whether the sample failed", row.error.is_some(), failed);
            if failed {
                check_failed(&row, &parts, &mut note);
                return;
            }
            if !blocks.insert((row.point_id.clone(), row.block)) {
                note.other("block", format!("{} again at {}", row.block, row.point_id), "once");
            }
            let point = identity.point(&row);
            check_rate(&row, point, Note { line, found });
            match point {
                Some(point) if !point.workload.has_heaps() => {
                    let mut note = Note { line, found };
                    note.unequal("rows in workers.csv, of a workload without heaps", parts.workers.count, 0);
                    note.not_close_or_empty(
                        "bandwidth_gb_per_s, of a workload without heaps",
                        row.bandwidth_gb_per_s,
                        None,
                    );
                }
                _ => check_workers(&row, &parts.workers, Note { line, found }),
            }
            check_windows(&row, &parts.windows, Note { line, found });
            check_pauses(
                &row,
                &parts,
                point.is_none_or(|point| point.has_pauses(&run.plan.measure)),
                Note { line, found },
            );
            if let Some(warmup_ns) = row.warmup_ns {
                parts.pause_warmup.check(PauseRow::FILE, warmup_ns, &mut Note { line, found });
                parts.windows.warmup.check(WindowRow::FILE, warmup_ns, &mut Note { line, found });
            }
            check_hits(&row, &parts.touches, &mut Note { line, found });
            check_touches(&row, &parts.touches, point, Note { line, found });
        },
        found,
    )?;
    // While a run goes on, the rows of the sample in progress come before its commit.
    for sample_id in parts.into_keys().filter(|&id| run.complete || id < identity.next_id()) {
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
pub(crate) struct Note<'a> {
    line: u64,
    found: &'a mut Found,
}

impl Note<'_> {
    pub(crate) fn other(&mut self, what: &str, found: impl fmt::Display, expected: impl fmt::Display) {
        self.found.note(SampleRow::FILE, Some(self.line), what, found, expected);
    }

    pub(crate) fn unequal<T: PartialEq + fmt::Display>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.other(what, found, expected);
        }
    }

    pub(crate) fn not_close(&mut self, what: &str, found: f64, expected: f64) {
        if !close(found, expected) {
            self.other(what, found, expected);
        }
    }

    /// As [`Note::not_close`], for a cell that is empty where nothing follows from the other files.
    pub(crate) fn not_close_or_empty(&mut self, what: &str, found: Option<f64>, expected: Option<f64>) {
        let text = |figure: Option<f64>| figure.map_or("empty".into(), |figure| figure.to_string());
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => self.not_close(what, found, expected),
            _ => self.other(what, text(found), text(expected)),
        }
    }
}

fn check_rate(row: &SampleRow, point: Option<&Point>, mut note: Note<'_>) {
    if let (Some(operations), Some(elapsed), Some(rate)) = (row.operations, row.elapsed_ns, row.throughput_per_s) {
        note.not_close("throughput_per_s, operations / elapsed", rate, operations as f64 * 1e9 / elapsed as f64);
    } else if row.throughput_per_s.is_some() || row.operations.is_none() {
        note.other("operations or elapsed_ns", "empty", "a number: the sample did not fail");
    }
    if let (Some(operations), Some(elapsed), Some(rate), Some(point)) =
        (row.operations, row.elapsed_ns, row.bandwidth_gb_per_s, point)
    {
        // Bytes per ns are GB per s.
        let bytes = operations as f64 * (point.workload.touches_per_operation() * LINE_BYTES) as f64;
        note.not_close("bandwidth_gb_per_s, lines x 64 bytes / elapsed", rate, bytes / elapsed as f64);
    }
}

/// Nothing was measured, so nothing may be told.
fn check_failed(row: &SampleRow, parts: &Parts, note: &mut Note<'_>) {
    let told = [row.operations.is_some(), row.elapsed_ns.is_some(), row.throughput_per_s.is_some(), parts.any()];
    if told.contains(&true) {
        note.other("operations, elapsed_ns or rows in other files", "some", "none: the sample failed");
    }
}

fn check_workers(row: &SampleRow, workers: &Workers, mut note: Note<'_>) {
    note.unequal("rows in workers.csv", workers.count, row.procs);
    if let Some(operations) = row.operations {
        note.unequal("operations of all workers", workers.operations, operations);
    }
    let text = |count: Option<u64>| count.map_or("empty".into(), |count| count.to_string());
    for (what, found, expected) in [
        ("voluntary_switches, those of all workers", row.voluntary_switches, workers.voluntary),
        ("involuntary_switches, those of all workers", row.involuntary_switches, workers.involuntary),
        ("worker_migrations, those of all workers", row.worker_migrations, workers.migrations),
    ] {
        note.unequal(what, text(found), text(expected));
    }
    // Of the time that each worker ran only its most is known: elapsed_ns. So the ratio has a least.
    if let (Some(ratio), Some(elapsed), true) = (row.run_delay_ratio, row.elapsed_ns, workers.delayed > 0) {
        let least = workers.delay_ns as f64 / (f64::from(workers.delayed) * elapsed as f64);
        if ratio < least && !close(ratio, least) {
            note.other("run_delay_ratio, waiting in workers.csv / elapsed", ratio, format!("{least} or more"));
        }
    }
}

/// Windows follow each other without a gap from the start to the end.
fn check_windows(row: &SampleRow, windows: &Windows, mut note: Note<'_>) {
    if windows.count == 0 {
        note.other("rows in windows.csv", 0, "one or more");
        return;
    }
    if let Some(operations) = row.operations {
        note.unequal("operations of all windows", windows.operations, operations);
    }
    if let Some(elapsed) = row.elapsed_ns {
        note.unequal("elapsed_ns, the end of the last window", elapsed, windows.end_ns);
    }
}

fn check_pauses(row: &SampleRow, parts: &Parts, paused: bool, mut note: Note<'_>) {
    if !paused {
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
    check_figures(row, &parts.pause_figures, &mut note);
}

/// A replay counts every touch of every request.
fn check_touches(row: &SampleRow, touches: &Touches, point: Option<&Point>, mut note: Note<'_>) {
    if let (Some(point), Some(operations), Some(HitSource::Replay)) = (point, row.operations, row.hit_source) {
        let expected = operations * point.workload.touches_per_operation();
        note.unequal("touches in traffic.csv, operations x touches of one", touches.all().round() as u64, expected);
    }
}
