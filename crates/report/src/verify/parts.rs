//! What the files beside samples.csv hold of each sample, added up; and what their rows must say by themselves.

use super::Found;
use super::hits::Touches;
use super::pauses::{PauseFigures, Pauses};
use super::rows::each_row;
use super::samples::{Note, Run};
use crate::error::ReportError;
use plan::record::{PauseRow, Row, TrafficRow, WindowRow, WorkerRow};
use plan::topology::Topology;
use std::collections::BTreeMap;

/// What the other files hold of one sample.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) pauses: u64,
    pub(crate) pause_ns: u64,
    pub(crate) pause_max_ns: u64,
    pub(crate) pause_figures: PauseFigures,
    pub(crate) pause_warmup: Flagged,
    pub(crate) windows: Windows,
    pub(crate) workers: Workers,
    pub(crate) touches: Touches,
}

impl Parts {
    /// Whether there is a row of it anywhere.
    pub(crate) fn any(&self) -> bool {
        self.pauses > 0 || self.windows.count > 0 || self.workers.count > 0 || self.touches.all() > 0.0
    }
}

/// windows.csv of one sample.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) count: u64,
    pub(crate) operations: u64,
    pub(crate) end_ns: u64,
    pub(crate) warmup: Flagged,
}

/// workers.csv of one sample; sums are `None` where a worker has no figure.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) count: u32,
    pub(crate) operations: u64,
    pub(crate) voluntary: Option<u64>,
    pub(crate) involuntary: Option<u64>,
    pub(crate) migrations: Option<u64>,
    /// How many know how long they waited for a PU, and how long in all.
    pub(crate) delayed: u32,
    pub(crate) delay_ns: u64,
}

impl Default for Workers {
    fn default() -> Workers {
        let none = Some(0);
        Workers {
            count: 0,
            operations: 0,
            voluntary: none,
            involuntary: none,
            migrations: none,
            delayed: 0,
            delay_ns: 0,
        }
    }
}

impl Workers {
    fn take(&mut self, row: &WorkerRow) {
        let add_known = |sum: &mut Option<u64>, more: Option<u64>| {
            *sum = sum.zip(more).map(|(sum, more)| sum.saturating_add(more));
        };
        self.count += 1;
        add(&mut self.operations, row.operations);
        add_known(&mut self.voluntary, row.voluntary_switches);
        add_known(&mut self.involuntary, row.involuntary_switches);
        add_known(&mut self.migrations, row.migrations);
        if let Some(delay_ns) = row.run_delay_ns {
            self.delayed += 1;
            add(&mut self.delay_ns, delay_ns);
        }
    }
}

/// When rows flagged as warm-up began last, and others first.
#[derive(Debug)]
pub(crate) struct Flagged {
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

    pub(crate) fn check(&self, file: &str, warmup_ns: u64, note: &mut Note<'_>) {
        let after = self.last_ns.map_or(0, |ns| ns.saturating_add(1));
        if !(after..=self.first_other_ns).contains(&warmup_ns) {
            let expected = format!("{after}..={before}, as {file} is flagged", before = self.first_other_ns);
            note.other("warmup_ns", warmup_ns, expected);
        }
    }
}

/// Reads all of them; the number of a pause, a window and a worker is its place among those of its sample.
pub(crate) fn gather(run: &Run<'_>, found: &mut Found) -> Result<BTreeMap<u64, Parts>, ReportError> {
    let mut parts = BTreeMap::new();
    gather_pauses(run, &mut parts, found)?;
    let count_window = |line, row: WindowRow, found: &mut Found| {
        let windows = &mut parts.entry(row.sample_id).or_default().windows;
        unequal(found, WindowRow::FILE, line, ("window", row.window), windows.count);
        unequal(found, WindowRow::FILE, line, ("start_ns, the end of the one before", row.start_ns), windows.end_ns);
        windows.count += 1;
        add(&mut windows.operations, row.operations);
        windows.end_ns = row.start_ns.saturating_add(row.length_ns);
        windows.warmup.take(row.start_ns, row.warmup);
    };
    each_row(run.dir, run.plan, run.complete, count_window, found)?;
    let count_worker = |line, row: WorkerRow, found: &mut Found| {
        let workers = &mut parts.entry(row.sample_id).or_default().workers;
        unequal(found, WorkerRow::FILE, line, ("worker", u64::from(row.worker)), u64::from(workers.count));
        if let Some(topology) = &run.topology {
            check_place(topology, &row, line, found);
        }
        workers.take(&row);
    };
    each_row(run.dir, run.plan, run.complete, count_worker, found)?;
    let count_traffic = |line, row: TrafficRow, found: &mut Found| {
        let package = |node: Option<u32>| run.topology.as_ref()?.node(node?)?.package;
        let (of_pu, of_memory) = (package(row.pu_node), package(row.memory_node));
        let touches = &mut parts.entry(row.sample_id).or_default().touches;
        touches.take(&row, of_pu.is_some() && of_pu == of_memory);
        let can_move = row.pu_node.is_some() && row.memory_node.is_some();
        if row.moved_touches < 0.0 || row.moved_touches > 0.0 && !can_move {
            let expected = if can_move { "0 or more" } else { "0, where a node is unknown" };
            found.note(TrafficRow::FILE, Some(line), "moved_touches", row.moved_touches, expected);
        }
        let Some(topology) = &run.topology else { return };
        let distance = row.pu_node.zip(row.memory_node).and_then(|(from, to)| topology.distance(from, to));
        if row.distance != distance {
            found.note(TrafficRow::FILE, Some(line), "distance", text(row.distance), text(distance));
        }
    };
    each_row(run.dir, run.plan, run.complete, count_traffic, found)?;
    Ok(parts)
}

fn gather_pauses(run: &Run<'_>, parts: &mut BTreeMap<u64, Parts>, found: &mut Found) -> Result<(), ReportError> {
    let (mut pauses, mut pauses_of) = (Pauses::default(), 0);
    let count_pause = |line, row: PauseRow, found: &mut Found| {
        check_parts(&row, line, found);
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
        unequal(found, PauseRow::FILE, line, ("pause", row.pause), part.pauses);
        pauses.take(&row);
        if let (Some(due_ns), Some(late_ns)) = (row.due_ns, row.late_ns) {
            part.pause_warmup.take(due_ns.saturating_add(late_ns), row.warmup);
        }
        part.pauses += 1;
        add(&mut part.pause_ns, row.total_ns);
        part.pause_max_ns = part.pause_max_ns.max(row.total_ns);
    };
    each_row(run.dir, run.plan, run.complete, count_pause, found)?;
    if let Some(part) = parts.get_mut(&pauses_of) {
        part.pause_figures = pauses.close();
    }
    Ok(())
}

/// A pause's parts add up to the whole, where there are any; half of them is no measurement.
fn check_parts(row: &PauseRow, line: u64, found: &mut Found) {
    match (row.stopping_ns, row.stopped_ns, row.resuming_ns) {
        (Some(stopping), Some(stopped), Some(resuming)) => {
            let sum = stopping.saturating_add(stopped).saturating_add(resuming);
            unequal(found, PauseRow::FILE, line, ("total_ns, the sum of its parts", row.total_ns), sum);
        }
        (None, None, None) => {}
        _ => {
            found.note(PauseRow::FILE, Some(line), "stopping_ns, stopped_ns, resuming_ns", "some empty", "all or none")
        }
    }
    if row.due_ns.is_some() != row.late_ns.is_some() {
        found.note(PauseRow::FILE, Some(line), "due_ns, late_ns", "one empty", "both or none");
    }
}

/// The worker's PU is one of the machine, and its node that of the PU.
fn check_place(topology: &Topology, row: &WorkerRow, line: u64, found: &mut Found) {
    let Some(pu) = row.pu else { return };
    match topology.pu(pu) {
        None => found.note(WorkerRow::FILE, Some(line), "pu", pu, "a PU of topology.json"),
        Some(known) if known.node != row.node => {
            found.note(WorkerRow::FILE, Some(line), "node, that of the PU", text(row.node), text(known.node));
        }
        Some(_) => {}
    }
}

/// Adds up what a file says: it may say anything, and a sum at the end of its range fits nothing that is compared with it.
fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

fn unequal(found: &mut Found, file: &str, line: u64, (what, is): (&str, u64), should: u64) {
    if is != should {
        found.note(file, Some(line), what, is, should);
    }
}

fn text(number: Option<u32>) -> String {
    number.map_or("empty".into(), |number| number.to_string())
}
