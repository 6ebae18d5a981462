//! `[printed]`: a printed table, and which metric stands beside which of its columns.

use super::claims::read_levels;
use super::measure::{check_averaged, check_metric};
use super::read::read_beside;
use super::table::Section;
use super::{FileError, SweepFile};
use crate::audit::{Printed, PrintedTable};
use crate::point::PROCS;
use crate::printed::{Beside, BesideColumn};
use crate::workload::WorkloadFile;
use std::path::Path;

pub(super) fn read_printed(
    root: &Section<'_>,
    workload: &WorkloadFile,
    sweep: &SweepFile,
) -> Result<Option<Beside>, FileError> {
    let Some(section) = root.section("printed", "[printed]")? else { return Ok(None) };
    section.allow(&["table", "by", "levels", "columns"])?;
    if root.get("published").is_some() {
        return Err(section.error("[printed] stands beside the key published; an experiment has one of them"));
    }
    let by = section.sentence("by")?;
    let swept: Vec<&str> = [PROCS].into_iter().chain(sweep.factors.iter().map(|factor| factor.key.as_str())).collect();
    if !swept.contains(&by.as_str()) {
        let message = format!("\"{by}\" is not swept; swept: {swept}", swept = swept.join(", "));
        return Err(section.error_at("by", message));
    }
    let file = section.sentence("table")?;
    let (path, text) = read_beside(&section, "table", &file, "printed table", "published/task_storm.csv")?;
    let name = Path::new(&file).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let table = PrintedTable::parse(&name, &file, &path, &text)?;
    if table.titles[0] != by {
        let message =
            format!("\"{by}\" is not the first column of {file}; that is \"{first}\"", first = table.titles[0]);
        return Err(section.error_at("by", message));
    }
    let columns = read_columns(&section, &table, workload)?;
    let is_number = by == PROCS || by == sweep.axis;
    check_cells(&table, &columns, is_number).map_err(|(row, message)| FileError {
        line: PrintedTable::line_of(&text, row),
        path,
        message,
    })?;
    let levels = read_levels(&section, "levels", &[], &by, sweep)?;
    Ok(Some(Beside { by, levels, columns, table }))
}

fn read_columns(
    section: &Section<'_>,
    table: &PrintedTable,
    workload: &WorkloadFile,
) -> Result<Vec<BesideColumn>, FileError> {
    let named = section.section("columns", "[printed.columns]")?;
    let named = section.required("columns", named)?;
    let mut columns: Vec<BesideColumn> = Vec::new();
    for (title, _) in named.items() {
        if !table.titles[1..].iter().any(|known| known == title) {
            let known = table.titles[1..].join(", ");
            return Err(named.error_at(title, format!("no such column in {file}; it has {known}", file = table.file)));
        }
        let column = named.section(title, "{ metric = \"yield_ns\" }")?.expect("it is one of its keys");
        let column = column.titled(format!("{title} of [printed.columns]"));
        column.allow(&["metric", "per"])?;
        let per = column.number("per", f64::MIN_POSITIVE..=f64::MAX, "be a number above 0")?.unwrap_or(1.0);
        let metrics = column.required("metric", column.texts("metric")?)?;
        for metric in metrics {
            check_metric(&metric, workload).map_err(|error| column.error_at("metric", error))?;
            check_averaged(&metric).map_err(|error| column.error_at("metric", error))?;
            if columns.iter().any(|known| known.title == title && known.metric == metric) {
                return Err(column.error_at("metric", format!("\"{metric}\" is listed twice")));
            }
            columns.push(BesideColumn { title: title.into(), metric, per });
        }
    }
    match columns.is_empty() {
        true => Err(named.error("[printed.columns] names no metric; one column needs one at least")),
        false => Ok(columns),
    }
}

/// What is wrong with a cell that is used, and in which row.
fn check_cells(table: &PrintedTable, columns: &[BesideColumn], is_number: bool) -> Result<(), (usize, String)> {
    for (at, row) in table.rows.iter().enumerate() {
        let refuse = |title: &str, cell: &str, expected: &str| {
            (at, format!("column {title}: found \"{cell}\", expected {expected}", cell = cell.escape_debug()))
        };
        if is_number && row[0].parse::<u32>().is_err() {
            return Err(refuse(&table.titles[0], &row[0], "a whole number"));
        }
        if row[0].is_empty() {
            return Err(refuse(&table.titles[0], &row[0], "a level"));
        }
        for title in columns.iter().map(|column| &column.title) {
            let cell = &row[table.column(title).expect("it was found when columns were read")];
            if !cell.is_empty() && Printed::parse(cell).is_none() {
                return Err(refuse(title, cell, "a number, or nothing"));
            }
        }
    }
    Ok(())
}
