//! Counts and arithmetic: what the rows of one sample in all files must agree on.

use super::hits::{Touches, check_hits};
use super::identity::Identity;
use super::pauses::{PauseFigures, Pauses, check_figures};
use super::rows::{each_row, each_row_and_cells};
use super::{Found, close};
use crate::error::ReportError;
use plan::manifest::Manifest;
use plan::point::{Plan, Point};
use plan::record::{HitSource, PauseRow, Row, SampleRow, StopReason, TrafficRow, WindowRow, WorkerRow};
use plan::workload::LINE_BYTES;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// A folder whose schema has been checked.
pub(crate) struct Run<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) plan: &'a Plan,
    pub(crate) manifest: &'a Manifest,
    /// Package of each node.
    pub(crate) packages: BTreeMap<u32, u32>,
    /// Whether the run came to its end.
    pub(crate) complete: bool,
}

/// What the other files hold of one sample.
#[derive(Debug, Default)]
struct Parts {
    pauses: u64,
    pause_ns: u64,
    pause_max_ns: u64,
    pause_figures: PauseFigures,
    pause_warmup: Flagged,
    window_warmup: Flagged,
    windows: u64,
    window_operations: u64,
    workers: BTreeSet<u32>,
    worker_operations: u64,
    touches: Touches,
}

/// When rows flagged as warm-up began last, and others first.
#[derive(Debug)]
struct Flagged {
    last_ns: Option<u64>,
    first_other_ns: u64,
}

impl Default for Flagged {
    fn default() -> Flagged {
        Flagged { last_ns: None, first_other_ns: u64::MAX }
    }
}

impl Flagged {
    fn take(&mut self, start_ns: u64, warmup: bool) {
        if warmup {
            self.last_ns = self.last_ns.max(Some(start_ns));
        } else {
            self.first_other_ns = self.first_other_ns.min(start_ns);
        }
    }

    fn check(&self, file: &str, warmup_ns: u64, note: &mut Note<'_>) {
        let after = self.last_ns.map_or(0, |ns| ns + 1);
        if !(after..=self.first_other_ns).contains(&warmup_ns) {
            let expected = format!("{after}..={before}, as {file} is flagged", before = self.first_other_ns);
            note.other("warmup_ns", warmup_ns, expected);
        }
    }
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
            if row.stop_reason == StopReason::Failed {
                return;
            }
            if !blocks.insert((row.point_id.clone(), row.block)) {
                note.other("block", format!("{} again at {}", row.block, row.point_id), "once");
            }
            let point = identity.point(&row);
            check_rate(&row, point, Note { line, found });
            check_workers(&row, &parts, Note { line, found });
            check_pauses(&row, &parts, run.plan, Note { line, found });
            if let Some(warmup_ns) = row.warmup_ns {
                parts.pause_warmup.check(PauseRow::FILE, warmup_ns, &mut Note { line, found });
                parts.window_warmup.check(WindowRow::FILE, warmup_ns, &mut Note { line, found });
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

fn check_workers(row: &SampleRow, parts: &Parts, mut note: Note<'_>) {
    note.unequal("rows in workers.csv", parts.workers.len() as u64, u64::from(row.procs));
    if let Some(operations) = row.operations {
        note.unequal("operations of all workers", parts.worker_operations, operations);
        if parts.windows > 0 {
            note.unequal("operations of all windows", parts.window_operations, operations);
        }
    }
    if parts.windows == 0 {
        note.other("rows in windows.csv", 0, "one or more");
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
    check_figures(row, &parts.pause_figures, &mut note);
}

/// A replay counts every touch of every request.
fn check_touches(row: &SampleRow, touches: &Touches, point: Option<&Point>, mut note: Note<'_>) {
    if let (Some(point), Some(operations), Some(HitSource::Replay)) = (point, row.operations, row.hit_source) {
        let expected = operations * point.workload.touches_per_operation();
        note.unequal("touches in traffic.csv, operations x touches of one", touches.all(), expected);
    }
}

fn gather(run: &Run<'_>, found: &mut Found) -> Result<BTreeMap<u64, Parts>, ReportError> {
    let (dir, plan, complete) = (run.dir, run.plan, run.complete);
    let mut parts: BTreeMap<u64, Parts> = BTreeMap::new();
    let (mut pauses, mut pauses_of) = (Pauses::default(), 0);
    let count_pause = |line, row: PauseRow, found: &mut Found| {
        let sum = row.stopping_ns + row.stopped_ns + row.resuming_ns;
        if sum != row.total_ns {
            found.note(PauseRow::FILE, Some(line), "total_ns, the sum of its parts", row.total_ns, sum);
        }
        if row.sample_id < pauses_of {
            let expected = format!("{pauses_of} or later: rows stand in the order of samples");
            found.note(PauseRow::FILE, Some(line), "sample_id", row.sample_id, expected);
        } else if row.sample_id > pauses_of {
            if let Some(part) = parts.get_mut(&pauses_of) {
                part.pause_figures = pauses.close();
            }
            pauses_of = row.sample_id;
        }
        let part = parts.entry(row.sample_id).or_default();
        pauses.take(&row);
        part.pause_warmup.take(row.due_ns + row.late_ns, row.warmup);
        part.pauses += 1;
        part.pause_ns += row.total_ns;
        part.pause_max_ns = part.pause_max_ns.max(row.total_ns);
    };
    each_row(dir, plan, complete, count_pause, found)?;
    if let Some(part) = parts.get_mut(&pauses_of) {
        part.pause_figures = pauses.close();
    }
    let count_window = |line, row: WindowRow, found: &mut Found| {
        let part = parts.entry(row.sample_id).or_default();
        if row.window != part.windows {
            found.note(WindowRow::FILE, Some(line), "window", row.window, part.windows);
        }
        part.windows += 1;
        part.window_operations += row.operations;
        part.window_warmup.take(row.start_ns, row.warmup);
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
    let package = |node: Option<u32>| node.and_then(|node| run.packages.get(&node));
    let count_traffic = |_, row: TrafficRow, _: &mut Found| {
        let touches = &mut parts.entry(row.sample_id).or_default().touches;
        match (row.pu_node, row.memory_node) {
            (Some(pu), Some(memory)) if pu == memory => touches.local += row.touches,
            (Some(_), Some(_)) => touches.remote += row.touches,
            _ => touches.unknown += row.touches,
        }
        let (of_pu, of_memory) = (package(row.pu_node), package(row.memory_node));
        if of_pu.is_some() && of_pu == of_memory {
            touches.package_local += row.touches;
        }
    };
    each_row(dir, plan, complete, count_traffic, found)?;
    Ok(parts)
}
