//! What a results folder holds after a crash: which samples are committed, and the files cut back to them.
//!
//! A row of samples.csv commits its sample. What lies after the last good row of it is a torn tail; rows of other files
//! that belong to no committed sample are orphans. Both are cut off by shortening the file, which changes nothing about
//! what is committed: a crash in the middle of it, or doing it twice, is harmless. Bad rows before good ones are no torn
//! tail, and refused.

use crate::error::RunError;
use crate::journal::{further_columns, title_line};
use crate::told::Told;
use plan::point::Plan;
use plan::record::{FactRow, PauseRow, Row, SampleRow, TrafficRow, WindowRow, WorkerRow};
use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::path::Path;

/// A committed sample: its row and the cells after the fixed ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Committed {
    pub(crate) row: SampleRow,
    pub(crate) extra: Vec<String>,
}

/// Cuts off torn tails and orphans and gives the committed samples in order, and what was told of them.
///
/// # Errors
/// `Damaged`, `Unreadable`, `File`.
pub(crate) fn recover(dir: &Path, plan: &Plan) -> Result<(Vec<Committed>, Told), RunError> {
    let further = further_columns(plan);
    let mut committed: Vec<Committed> = Vec::new();
    let mut workers = Vec::new();
    cut_back::<SampleRow>(dir, &further, |row, cells, in_tail| {
        let expected = committed.len() as u64;
        // Any later sample behind a bad row shows that it was committed: the bad row is damage.
        if in_tail && row.sample_id > expected {
            return Ok(());
        }
        if row.sample_id != expected {
            return Err(format!("sample {found} where {expected} was due", found = row.sample_id));
        }
        let Some(point) = plan.points.iter().find(|point| point.id == row.point_id) else {
            return Err(format!("point {point} is not in the plan", point = row.point_id));
        };
        // Without heaps nobody tells workers apart.
        let told_apart = row.error.is_none() && point.workload.has_heaps();
        workers.push(if told_apart { u64::from(row.procs) } else { 0 });
        let extra = cells[SampleRow::COLUMNS.len()..].iter().map(|cell| cell.to_string()).collect();
        committed.push(Committed { row, extra });
        Ok(())
    })?;
    let count = committed.len() as u64;
    let keep = |sample_id: u64| match sample_id < count {
        true => Ok(()),
        false => Err(format!("sample {sample_id} was never committed")),
    };
    let mut parts = vec![Parts::default(); committed.len()];
    let mut add =
        |sample_id: u64, what: &dyn Fn(&mut Parts)| keep(sample_id).map(|()| what(&mut parts[sample_id as usize]));
    cut_back::<PauseRow>(dir, &[], |row, _, _| add(row.sample_id, &|parts| parts.pauses += 1))?;
    // A damaged file may hold any number; a sum that stays at the most is no sample's.
    cut_back::<WindowRow>(dir, &[], |row, _, _| {
        add(row.sample_id, &|parts| parts.operations = parts.operations.saturating_add(row.operations))
    })?;
    cut_back::<WorkerRow>(dir, &[], |row, _, _| add(row.sample_id, &|parts| parts.workers += 1))?;
    cut_back::<TrafficRow>(dir, &[], |row, _, _| {
        let known = row.pu_node.is_some() && row.memory_node.is_some();
        let touches = if known { row.touches } else { 0 };
        add(row.sample_id, &|parts| parts.known_touches = parts.known_touches.saturating_add(touches))
    })?;
    for ((Committed { row, .. }, parts), workers) in committed.iter().zip(parts).zip(workers) {
        parts.check(dir, row, workers)?;
    }
    let mut told = Told::default();
    cut_back::<FactRow>(dir, &[], |row, _, _| {
        told.read(&row);
        Ok(())
    })?;
    Ok((committed, told))
}

/// What the other files hold of one sample. They are synced before its row, so that no crash loses them.
#[derive(Debug, Clone, Default)]
struct Parts {
    pauses: u64,
    workers: u64,
    operations: u64,
    known_touches: u64,
}

impl Parts {
    /// Refuses a sample whose row says more, or less, than its parts.
    fn check(&self, dir: &Path, row: &SampleRow, workers: u64) -> Result<(), RunError> {
        let touches = row.local_touches.unwrap_or(0) + row.remote_touches.unwrap_or(0);
        let all = [
            (PauseRow::FILE, "rows", self.pauses, row.pause_count.unwrap_or(0)),
            (WorkerRow::FILE, "rows", self.workers, workers),
            (WindowRow::FILE, "operations", self.operations, row.operations.unwrap_or(0)),
            (TrafficRow::FILE, "touches between known nodes", self.known_touches, touches),
        ];
        let Some((name, of, found, expected)) = all.into_iter().find(|(_, _, found, expected)| found != expected)
        else {
            return Ok(());
        };
        let sample_id = row.sample_id;
        let what = format!("{found} {of} of sample {sample_id}, {expected} expected; restore it, or start a new run");
        Err(RunError::Unreadable { path: dir.join(name), what })
    }
}

/// Shortens a file to its rows up to the first that cannot be read or that `keep` refuses.
///
/// `keep` is told whether a bad row came before; what it accepts then makes that row damage instead of a tail.
fn cut_back<R: Row>(
    dir: &Path,
    further: &[String],
    mut keep: impl FnMut(R, &[Cow<'_, str>], bool) -> Result<(), String>,
) -> Result<(), RunError> {
    let path = dir.join(R::FILE);
    let failed = |doing| {
        let path = path.clone();
        move |source| RunError::File { path, doing, source }
    };
    let bytes = fs::read(&path).map_err(failed("read"))?;
    let titles = title_line::<R>(further);
    let Some(rows) = bytes.strip_prefix(titles.as_slice()) else {
        let what = "its title line is not the one this program writes".into();
        return Err(RunError::Unreadable { path, what });
    };
    let columns = R::COLUMNS.len() + further.len();
    let (mut good, mut bad) = (titles.len(), None);
    for (line, text) in (2..).zip(rows.split_inclusive(|&byte| byte == b'\n')) {
        let found = read_row::<R>(text, columns).and_then(|(row, cells)| keep(row, &cells, bad.is_some()));
        match (found, &bad) {
            (Ok(()), None) => good += text.len(),
            (Ok(()), Some((line, what))) => {
                return Err(RunError::Damaged { path, line: *line, what: String::clone(what) });
            }
            (Err(what), None) => bad = Some((line, what)),
            (Err(_), Some(_)) => {}
        }
    }
    if good < bytes.len() {
        let file = OpenOptions::new().write(true).open(&path).map_err(failed("open"))?;
        file.set_len(good as u64).and_then(|()| file.sync_all()).map_err(failed("cut"))?;
    }
    Ok(())
}

/// One whole line as a row; what is wrong with it otherwise.
fn read_row<R: Row>(line: &[u8], columns: usize) -> Result<(R, Vec<Cow<'_, str>>), String> {
    let text = line.strip_suffix(b"\n").ok_or("the line has no end")?;
    let text = std::str::from_utf8(text).map_err(|_| "bytes that are no text")?;
    if text.contains('\0') {
        return Err("NUL bytes".into());
    }
    let cells = split(text).ok_or("quotes that do not close")?;
    if cells.len() != columns {
        return Err(format!("{found} cells, {columns} expected", found = cells.len()));
    }
    let row = R::read(&|at| cells[at].as_ref()).map_err(|error| error.to_string())?;
    Ok((row, cells))
}

/// The cells of a line. Most lines have no quotes, and are only borrowed.
fn split(text: &str) -> Option<Vec<Cow<'_, str>>> {
    if !text.contains('"') {
        return Some(text.split(',').map(Cow::Borrowed).collect());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(|cell| Cow::Owned(cell.to_string())).collect())
}
