//! Schema: every CSV has its columns, and each cell holds what its column says.

use super::Found;
use crate::error::ReportError;
use crate::schema::{Field, files, titles_of};
use crate::table::Cells;
use plan::point::Plan;
use plan::record::{
    Cell, ClaimRow, FactRow, FitRow, Kind, PauseRow, PointRow, Row, SampleRow, SummaryRow, TrafficRow, WindowRow,
    WorkerRow,
};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Checks the schema of every CSV, and that its rows are of this run. A derived file may be absent: then there is nothing
/// that could be wrong.
pub(crate) fn check_schema(
    dir: &Path,
    plan: &Plan,
    run_id: &str,
    complete: bool,
    found: &mut Found,
) -> Result<(), ReportError> {
    for (file, fields) in files(plan) {
        if !dir.join(file).is_file() {
            if !crate::update::is_derived(file) {
                found.note_unreadable(file, None, "file", "none", "one of the files of every results folder");
            }
            continue;
        }
        let check = |cells: &[&str]| check_row(file, &fields, cells);
        let run_at = fields.iter().position(|field| field.name == "run_id");
        scan(dir, file, &fields, complete, found, |line, cells, found| {
            if let Err((column, text, expected)) = check(cells) {
                found.note_unreadable(file, Some(line), &format!("column {column}"), format!("\"{text}\""), expected);
            }
            if let Some(other) = run_at.map(|at| cells[at]).filter(|&other| other != run_id) {
                found.note(file, Some(line), "run_id", other, run_id);
            }
        })?;
    }
    Ok(())
}

/// Reads the rows of a file whose schema has been checked.
pub(crate) fn each_row<R: Row>(
    dir: &Path,
    plan: &Plan,
    complete: bool,
    mut row: impl FnMut(u64, R, &mut Found),
    found: &mut Found,
) -> Result<(), ReportError> {
    each_row_and_cells(dir, plan, complete, |line, read, _, found| row(line, read, found), found)
}

/// As [`each_row`], with all cells of the row: those of further factors and metrics come behind the fixed ones.
pub(crate) fn each_row_and_cells<R: Row>(
    dir: &Path,
    plan: &Plan,
    complete: bool,
    mut row: impl FnMut(u64, R, &[&str], &mut Found),
    found: &mut Found,
) -> Result<(), ReportError> {
    let known = files(plan);
    let (_, fields) =
        known.iter().find(|(file, _)| *file == R::FILE).expect("every row type is in plan::record::FILES");
    scan(dir, R::FILE, fields, complete, found, |line, cells, found| {
        if let Ok(read) = R::read(&|at| cells[at]) {
            row(line, read, cells, found);
        }
    })
}

/// Calls `row` with the cells of each row in the order of `fields`. Torn tails are the runner's to cut off while the
/// run is unfinished; afterwards they are a mismatch.
fn scan(
    dir: &Path,
    file: &str,
    fields: &[Field],
    complete: bool,
    found: &mut Found,
    mut row: impl FnMut(u64, &[&str], &mut Found),
) -> Result<(), ReportError> {
    let path = dir.join(file);
    let read_error = |source| ReportError::Read { path: path.clone(), source };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(&path).map_err(read_error)?);
    let (mut bytes, mut split_cells) = (Vec::new(), Cells::default());
    reader.read_until(b'\n', &mut bytes).map_err(read_error)?;
    let Some(order) = columns_in_order(file, fields, &bytes, found) else { return Ok(()) };
    for line in 2.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(read_error)? == 0 {
            break;
        }
        if bytes.last() != Some(&b'\n') {
            if complete || crate::update::is_derived(file) {
                found.note_unreadable(file, Some(line), "last line", "no line end", "a whole row");
            }
            break;
        }
        let Some(record) = split(&bytes, &mut split_cells) else {
            found.note_unreadable(file, Some(line), "row", "bytes that are not UTF-8", "text");
            continue;
        };
        if record.len() != fields.len() {
            let expected = format!("{count}, as the title line has", count = fields.len());
            found.note_unreadable(file, Some(line), "cells", record.len(), &expected);
            continue;
        }
        let cells: Vec<&str> = order.iter().map(|&at| record[at]).collect();
        row(line, &cells, found);
    }
    Ok(())
}

/// One line's cells; `None` where they are no text.
fn split<'a>(line: &'a [u8], cells: &'a mut Cells) -> Option<Vec<&'a str>> {
    let line = std::str::from_utf8(line).ok()?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    cells.split(line);
    Some((0..cells.len()).map(|at| cells.get(line, at)).collect())
}

fn columns_in_order(file: &str, fields: &[Field], line: &[u8], found: &mut Found) -> Option<Vec<usize>> {
    let mut cells = Cells::default();
    let titles = split(line, &mut cells).unwrap_or_default();
    let expected = titles_of(fields);
    let mut good = true;
    for (at, title) in titles.iter().enumerate() {
        if !expected.contains(title) || titles.iter().take(at).any(|before| before == title) {
            found.note_unreadable(
                file,
                Some(1),
                "title line",
                format!("unknown or repeated column {title}"),
                "only the columns of this file",
            );
            good = false;
        }
    }
    let all = if crate::update::is_derived(file) {
        "all columns of this file, as `numalab report` of this version writes it"
    } else {
        "all columns of this file"
    };
    for title in expected.iter().filter(|title| !titles.iter().any(|found| found == *title)) {
        found.note_unreadable(file, Some(1), "title line", format!("no column {title}"), all);
        good = false;
    }
    good.then(|| expected.iter().filter_map(|title| titles.iter().position(|found| found == title)).collect())
}

/// The first cell of a row that cannot be read: `(column, text, what it should hold)`.
fn check_row<'a>(file: &str, fields: &'a [Field], cells: &[&str]) -> Result<(), (&'a str, String, &'static str)> {
    let read = |at: usize| cells[at];
    let fixed = match file {
        PointRow::FILE => PointRow::read(&read).map(drop),
        SampleRow::FILE => SampleRow::read(&read).map(drop),
        PauseRow::FILE => PauseRow::read(&read).map(drop),
        WindowRow::FILE => WindowRow::read(&read).map(drop),
        WorkerRow::FILE => WorkerRow::read(&read).map(drop),
        TrafficRow::FILE => TrafficRow::read(&read).map(drop),
        FactRow::FILE => FactRow::read(&read).map(drop),
        SummaryRow::FILE => SummaryRow::read(&read).map(drop),
        FitRow::FILE => FitRow::read(&read).map(drop),
        ClaimRow::FILE => ClaimRow::read(&read).map(drop),
        other => unreachable!("no row type writes {other}"),
    };
    fixed.map_err(|bad| {
        let column = fields.iter().find(|field| field.name == bad.column).map_or("", |field| field.name.as_str());
        (column, bad.found, bad.expected)
    })?;
    for (field, cell) in fields.iter().zip(cells) {
        let good = match field.kind {
            Kind::Number => Option::<f64>::read(cell).is_some(),
            Kind::Integer => cell.is_empty() || cell.parse::<i128>().is_ok(),
            Kind::Text | Kind::Boolean => true,
        };
        if !good {
            return Err((&field.name, (*cell).into(), field.kind.expected()));
        }
    }
    Ok(())
}
