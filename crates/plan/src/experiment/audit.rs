//! `numalab claims --audit FILE`: an article's tables and claims, each checked where it stands.

mod computation;

use super::FileError;
use super::read::{read_text, root_of};
use super::table::{Section, Source};
use crate::audit::{Audit, AuditClaim, Figures, Formula, Name, PrintedTable, Reading, Test, table_named};
use crate::record::Verdict;
use computation::{COMPUTATIONS, figure_count, read_computation};
use std::path::Path;

/// Keys of a reading that are no computation's.
const READING: &[&str] = &["text", "compute", "result", "labels", "holds", "fails", "beside"];

/// Keys that test figures, of which a reading has one.
const TESTS: &[&str] =
    &["printed", "within", "above", "below", "common", "trend", "least", "missing", "contradicted_by"];

/// Gives path and text of a table as an audit names it.
pub type TableReader<'a> = dyn Fn(&str) -> Result<(String, String), FileError> + 'a;

/// Reads and checks one audit, and the tables that it names relative to itself.
///
/// # Errors
/// One line: where, what was found, what is known.
pub fn read_audit(path: &Path) -> Result<Audit, FileError> {
    let text = read_text(path, "audit", "experiments/published/audit.toml")?;
    let table = |named: &str| {
        let path = path.parent().unwrap_or(Path::new("")).join(named);
        read_text(&path, "printed table", "experiments/published/task_storm.csv")
            .map(|text| (path.display().to_string(), text))
    };
    parse_audit(&path.display().to_string(), &text, &table)
}

/// Checks the text of an audit; `table` gives path and text of a table as the file names it.
///
/// # Errors
/// As [`read_audit`].
pub fn parse_audit(path: &str, text: &str, table: &TableReader<'_>) -> Result<Audit, FileError> {
    let source = Source { path, text };
    let root = root_of(source, "experiments/README.md tells what an audit holds")?;
    let root = Section::new(source, "the file", 0, root.get_ref());
    root.allow(&["name", "article", "table", "claim"])?;
    let tables = read_tables(&root, table)?;
    let mut claims: Vec<AuditClaim> = Vec::new();
    for section in root.sections("claim")? {
        let claim = read_claim(&section, &tables)?;
        if claims.iter().any(|first| first.id == claim.id) {
            return Err(section.error_at("id", format!("\"{id}\" is the id of another claim already", id = claim.id)));
        }
        if claims.iter().any(|first| first.number == claim.number) {
            let number = claim.number;
            return Err(section.error_at("number", format!("{number} is the number of another claim already")));
        }
        claims.push(claim);
    }
    if claims.is_empty() {
        return Err(root.error("no [[claim]]; an audit needs at least one"));
    }
    Ok(Audit { name: root.name("name")?, article: root.sentence("article")?, tables, claims })
}

fn read_tables(root: &Section<'_>, table: &TableReader<'_>) -> Result<Vec<PrintedTable>, FileError> {
    let Some(all) = root.section("table", "[table.NAME]")? else { return Ok(Vec::new()) };
    let mut tables = Vec::new();
    for (name, _) in all.items() {
        let section = all.section(name, &format!("[table.{name}]"))?.expect("it is one of its keys");
        section.allow(&["file", "exact"])?;
        let file = section.sentence("file")?;
        let (path, text) = table(&file).map_err(|error| section.error_at("file", error))?;
        let mut read = PrintedTable::parse(name, &file, &path, &text)?;
        read.exact = section.texts("exact")?.unwrap_or_default();
        if let Some(unknown) = read.exact.iter().find(|title| read.column(title).is_none()) {
            let known = read.titles.join(", ");
            return Err(section.error_at("exact", format!("\"{unknown}\" is no column of {file}; it has {known}")));
        }
        tables.push(read);
    }
    Ok(tables)
}

fn read_claim(section: &Section<'_>, tables: &[PrintedTable]) -> Result<AuditClaim, FileError> {
    let id = section.name("id")?;
    let section = &section.titled(format!("[[claim]] \"{id}\""));
    section.allow(&["number", "id", "place", "text", "reading"])?;
    let mut readings = Vec::new();
    for (at, reading) in section.sections("reading")?.iter().enumerate() {
        let title = format!("reading {number} of \"{id}\"", number = at + 1);
        readings.push(read_reading(&reading.titled(title), tables)?);
    }
    if readings.is_empty() {
        return Err(section.error(format!("\"{id}\" has no [[claim.reading]]; it needs at least one")));
    }
    Ok(AuditClaim {
        number: section.required("number", section.whole("number", 1..=100_000)?)? as u32,
        place: section.sentence("place")?,
        text: section.sentence("text")?,
        readings,
        id,
    })
}

fn read_reading(section: &Section<'_>, tables: &[PrintedTable]) -> Result<Reading, FileError> {
    let figures = match section.get("compute") {
        Some(_) => Some(read_figures(section, tables, &[READING, TESTS].concat())?),
        None => {
            section.allow(&["text", "missing", "contradicted_by", "beside"])?;
            None
        }
    };
    let mut beside = Vec::new();
    for (at, figures) in section.sections("beside")?.iter().enumerate() {
        let title = format!("beside {number} of {reading}", number = at + 1, reading = section.title);
        beside.push(read_figures(&figures.titled(title), tables, &["compute", "result", "labels"])?);
    }
    let verdict = |key: &str, default: Verdict| -> Result<Verdict, FileError> {
        Ok(section.parsed::<Verdict>(key)?.unwrap_or(default))
    };
    Ok(Reading {
        text: section.sentence("text")?,
        test: read_test(section, figures.as_ref(), tables)?,
        holds: verdict("holds", Verdict::Supported)?,
        fails: verdict("fails", Verdict::Refuted)?,
        figures,
        beside,
    })
}

/// A computation with what is made of its figures; `others` are keys that may stand beside it.
fn read_figures(section: &Section<'_>, tables: &[PrintedTable], others: &[&str]) -> Result<Figures, FileError> {
    let written = section.required("compute", section.text("compute")?)?;
    let Some((_, keys)) = COMPUTATIONS.iter().find(|(name, _)| *name == written) else {
        let known: Vec<_> = COMPUTATIONS.iter().map(|(name, _)| *name).collect();
        let message = format!("\"{written}\" is not known; known: {known}", known = known.join(", "));
        return Err(section.error_at("compute", message));
    };
    section.allow(&[others, keys].concat())?;
    let compute = read_computation(section, &written, tables)?;
    let labels = section.texts("labels")?.unwrap_or_default();
    let figures = figure_count(&compute, tables);
    if !labels.is_empty() && labels.len() != figures {
        return Err(section.error_at("labels", format!("{n} names for {figures} figures", n = labels.len())));
    }
    let result = section.parsed::<Formula>("result")?;
    if let Some(formula) = &result {
        check_names(section, "result", formula, tables, None, &["v"])?;
    }
    Ok(Figures { compute, result, labels })
}

fn read_test(section: &Section<'_>, figures: Option<&Figures>, tables: &[PrintedTable]) -> Result<Test, FileError> {
    let written: Vec<&&str> = TESTS.iter().filter(|key| section.get(key).is_some()).collect();
    let [key] = written[..] else {
        let found = written.iter().map(|key| **key).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{title} needs one of {known}; found: {found}",
            title = section.title,
            known = TESTS.join(", "),
            found = if found.is_empty() { "none" } else { &found }
        );
        return Err(section.error(message));
    };
    let number = |key: &str| {
        section.number(key, f64::MIN..=f64::MAX, "be a number").and_then(|number| section.required(key, number))
    };
    Ok(match *key {
        "printed" => Test::Printed { printed: read_printed(section, figures, tables)? },
        "within" => {
            let limits = section.numbers("within")?.unwrap_or_default();
            match limits[..] {
                [low, high] if low <= high => Test::Within { low, high },
                _ => return Err(section.error_at("within", "must be two numbers, the lower one first: [1.4, 3.5]")),
            }
        }
        "above" => Test::Within { low: number("above")?, high: f64::INFINITY },
        "below" => Test::Within { low: f64::NEG_INFINITY, high: number("below")? },
        "common" | "least" => match (section.truth(key)?, *key) {
            (Some(true), "common") => Test::Common,
            (Some(true), _) => Test::Least,
            _ => return Err(section.error_at(key, "must be true, or be left out")),
        },
        "trend" => match section.text("trend")?.as_deref() {
            Some("rising") => Test::Rising,
            Some("falling") => Test::Falling,
            _ => return Err(section.error_at("trend", "must be \"rising\" or \"falling\"")),
        },
        "missing" => Test::Missing { what: section.sentence("missing")? },
        _ => Test::ContradictedBy { what: section.sentence("contradicted_by")? },
    })
}

/// A column of the computation's table, or figures as texts, so that their last digit is known.
fn read_printed(
    section: &Section<'_>,
    figures: Option<&Figures>,
    tables: &[PrintedTable],
) -> Result<Vec<String>, FileError> {
    let Some(figures) = figures else {
        return Err(section.error_at("printed", "nothing is computed to hold against it"));
    };
    let count = figure_count(&figures.compute, tables);
    let texts = section.texts("printed")?.unwrap_or_default();
    let table = figures.compute.columns().and_then(|columns| table_named(tables, &columns.table));
    let column = texts.first().filter(|_| texts.len() == 1).zip(table.map(|(_, table)| table));
    let printed: Vec<String> = match column.and_then(|(title, table)| Some((table, table.column(title)?))) {
        // Of differences between neighbours the first row has none.
        Some((table, column)) => {
            let rows = table.rows.iter().skip(table.rows.len().saturating_sub(count));
            rows.map(|row| row[column].clone()).collect()
        }
        None => texts,
    };
    if printed.len() != count {
        return Err(section.error_at("printed", format!("{n} printed for {count} figures", n = printed.len())));
    }
    let is_none = |text: &&String| !text.is_empty() && crate::audit::Printed::parse(text).is_none();
    match printed.iter().find(is_none) {
        Some(text) => {
            Err(section.error_at("printed", format!("\"{text}\" starts with no number", text = text.escape_debug())))
        }
        None => Ok(printed),
    }
}

/// Every name of a formula is a cell with a figure, a column of `rows`, or one of `given`.
fn check_names(
    section: &Section<'_>,
    key: &str,
    formula: &Formula,
    tables: &[PrintedTable],
    rows: Option<&PrintedTable>,
    given: &[&str],
) -> Result<(), FileError> {
    formula.names().into_iter().try_for_each(|name| {
        check_name(name, tables, rows, given).map_err(|message| section.error_at(key, format!("{name}: {message}")))
    })
}

fn check_name(name: &Name, tables: &[PrintedTable], rows: Option<&PrintedTable>, given: &[&str]) -> Result<(), String> {
    if name.table.is_none() && name.key.is_none() && given.contains(&name.name.as_str()) {
        return Ok(());
    }
    let table = match &name.table {
        Some(table) => table_named(tables, table).ok_or(format!("there is no [table.{table}]"))?.1,
        None => rows.ok_or_else(|| match given {
            [] => "names a cell as table.column[KEY]".to_string(),
            given => format!("is none of {given}, and names no cell as table.column[KEY]", given = given.join(", ")),
        })?,
    };
    let column = table.column(&name.name);
    let known =
        || format!("{name} has no such column; it has {titles}", name = table.name, titles = table.titles.join(", "));
    let column = column.ok_or_else(known)?;
    let row = |key: &str| table.row(key).ok_or(format!("{name} has no row {key}", name = table.name));
    let rows = match &name.key {
        Some(key) => row(key).map(|row| row..row + 1)?,
        None if name.table.is_some() => return Err("which row? write table.column[KEY]".into()),
        None => 0..table.rows.len(),
    };
    for row in rows {
        if table.figure(row, column).is_none() {
            let found = table.rows[row][column].escape_debug();
            return Err(format!("row {key} holds \"{found}\", which is no figure", key = table.rows[row][0]));
        }
    }
    Ok(())
}
