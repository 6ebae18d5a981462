//! `numalab report`, `verify` and `claims`: a results folder in, what follows from it out.

use crate::args::{Claims, Format, Report, Verify};
use crate::exit::{CHECK, Exit, FAILED, USAGE, print, say};
use plan::audit::Audit;
use plan::record::{AuditRow, ClaimRow, Row};
use report::tables::{Look, audit_csv, audit_text, claims_overview, claims_text, csv_text, knee_text, main_text};
use report::{ReportError, Updated, Verified};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The experiment whose newest results are meant where no folder is named.
pub(crate) const EXPERIMENT: &str = "numa-binding";

pub(crate) fn report(args: &Report) -> Result<(), Exit> {
    print(&update_and_show(&args.dir, args.format)?)
}

/// Redraws a folder and gives its summary as text, CSV or JSON.
pub(crate) fn update_and_show(dir: &Path, format: Format) -> Result<String, Exit> {
    let Updated { results, derived, .. } = report::update(dir).map_err(refused)?;
    Ok(match format {
        Format::Text => {
            let table = main_text(&results, &derived, look());
            let claims = claims_text(&results, &derived, look());
            let knee = knee_text(&derived.knee, look());
            let knee = if knee.is_empty() { knee } else { format!("{knee}\n") };
            format!("{table}\n{knee}{claims}\nreport: {path}\n", path = dir.join("report.html").display())
        }
        Format::Csv => text_of(dir, "summary.csv")?,
        Format::Json => {
            let (summary, fits) = (rows_of(dir, "summary.csv")?, rows_of(dir, "fits.csv")?);
            let claims = rows_of(dir, "claims.csv")?;
            let document = serde_json::json!({ "dir": dir, "summary": summary, "fits": fits, "claims": claims });
            format!("{document:#}\n")
        }
    })
}

pub(crate) fn verify(args: &Verify) -> Result<(), Exit> {
    let Verified { mismatches, unchecked } = report::verify(&args.dir).map_err(refused)?;
    if mismatches.is_empty() {
        let dir = args.dir.display();
        if unchecked.is_empty() {
            return print(&format!("{dir}: everything follows from its samples\n"));
        }
        let lines: String = unchecked.iter().map(|line| format!("  {line}\n")).collect();
        return print(&format!("{dir}: no mismatch so far, and it is not finished\n{lines}"));
    }
    let lines: String = mismatches.iter().map(|mismatch| format!("{mismatch}\n")).collect();
    print(&lines)?;
    let n = mismatches.len();
    let word = if n == 1 { "mismatch" } else { "mismatches" };
    Err(Exit::new(CHECK, format!("{dir}: {n} {word}", dir = args.dir.display())))
}

pub(crate) fn claims(args: &Claims) -> Result<(), Exit> {
    if let Some(file) = &args.audit {
        let audit = plan::experiment::read_audit(file).map_err(|error| Exit::of(USAGE, &error))?;
        return audited(&audit, args.format);
    }
    if args.dirs.len() > 1 {
        return claims_of_several(&args.dirs, args.format);
    }
    let Some(dir) = args.dirs.first().cloned().or_else(|| report::newest(&args.results, EXPERIMENT)) else {
        let results = args.results.display();
        say(&format!(
            "no results of {EXPERIMENT} below {results} (measure with: make run); the article by its own tables:"
        ));
        return audited(&report::audit::article(), args.format);
    };
    let results = report::open(&dir).map_err(refused)?;
    let derived = report::derive(&results);
    let cells = derived.claims.iter().map(ClaimRow::cells);
    match args.format {
        Format::Text => print(&claims_text(&results, &derived, look())),
        Format::Csv => print(&csv_text(&plan::record::titles::<ClaimRow>(), cells)),
        Format::Json => print(&document(&plan::record::titles::<ClaimRow>(), cells)),
    }
}

/// The claims of several folders in one table; its rows begin with the experiment.
fn claims_of_several(dirs: &[PathBuf], format: Format) -> Result<(), Exit> {
    let derived = |dir: &PathBuf| {
        let results = report::open(dir).map_err(refused)?;
        let derived = report::derive(&results);
        Ok((results, derived))
    };
    let folders = dirs.iter().map(derived).collect::<Result<Vec<_>, Exit>>()?;
    once_each(dirs, &folders)?;
    let titles = [vec!["experiment"], plan::record::titles::<ClaimRow>()].concat();
    let rows_of = |(results, derived): &(report::Results, report::Derived)| {
        let experiment = results.plan.experiment.clone();
        let rows = derived.claims.iter().map(ClaimRow::cells);
        rows.map(|row| [vec![experiment.clone()], row].concat()).collect::<Vec<_>>()
    };
    let cells = folders.iter().flat_map(rows_of);
    match format {
        Format::Text => print(&claims_overview(&folders, look())),
        Format::Csv => print(&csv_text(&titles, cells)),
        Format::Json => print(&document(&titles, cells)),
    }
}

/// Verdicts of one run would count twice.
fn once_each(dirs: &[PathBuf], folders: &[(report::Results, report::Derived)]) -> Result<(), Exit> {
    let run = |at: usize| &folders[at].0.manifest.run_id;
    for at in 1..folders.len() {
        if let Some(first) = (0..at).find(|first| run(*first) == run(at)) {
            let (first, second, run) = (dirs[first].display(), dirs[at].display(), run(at));
            return Err(Exit::new(
                USAGE,
                format!("{second} is the run of {first} ({run}); its verdicts would count twice, name it once"),
            ));
        }
    }
    Ok(())
}

/// An article by its own tables.
fn audited(audit: &Audit, format: Format) -> Result<(), Exit> {
    let rows = report::audit::audit(audit);
    print(&match format {
        Format::Text => audit_text(audit, &rows, look()),
        Format::Csv => audit_csv(&rows),
        Format::Json => document(&plan::record::titles::<AuditRow>(), rows.iter().map(AuditRow::cells)),
    })
}

/// Rows as a list of objects.
fn document(titles: &[&str], cells: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = cells.map(|row| object(titles, row.iter().map(String::as_str))).collect();
    format!("{rows:#}\n", rows = serde_json::Value::from(rows))
}

/// A folder that is none, or whose files cannot be read, is the caller's to mend; what cannot be written is a failure; raw
/// files that are not those of their run fail a check.
pub(crate) fn refused(error: ReportError) -> Exit {
    let code = match error {
        ReportError::Write { .. } => FAILED,
        ReportError::Changed { .. } => CHECK,
        _ => USAGE,
    };
    Exit::of(code, &error)
}

/// Colour on a terminal that has it, unless NO_COLOR says otherwise (no-color.org).
pub(crate) fn look() -> Look {
    let asked = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colour = std::io::stdout().is_terminal() && asked && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    Look { width: 100, colour }
}

fn text_of(dir: &Path, file: &str) -> Result<String, Exit> {
    let path = dir.join(file);
    std::fs::read_to_string(&path).map_err(|error| Exit::new(FAILED, format!("{path}: {error}", path = path.display())))
}

/// The rows of a CSV as objects; numbers stay numbers, an empty cell is null.
fn rows_of(dir: &Path, file: &str) -> Result<Vec<serde_json::Value>, Exit> {
    let text = text_of(dir, file)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let broken = |error: csv::Error| Exit::new(FAILED, format!("{file}: {error}"));
    let titles = reader.headers().map_err(broken)?.clone();
    let titles: Vec<&str> = titles.iter().collect();
    reader.records().map(|row| row.map(|row| object(&titles, row.iter())).map_err(broken)).collect()
}

/// A row as an object: numbers as numbers, an empty cell as null.
pub(crate) fn object<'a>(titles: &[&str], cells: impl Iterator<Item = &'a str>) -> serde_json::Value {
    let number = |cell: &str| match (cell.parse::<i64>(), cell.parse::<f64>()) {
        (Ok(whole), _) => Some(whole.into()),
        (_, Ok(number)) if number.is_finite() => Some(number.into()),
        _ => None,
    };
    let value = |cell: &str| match cell {
        "" => serde_json::Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        _ => number(cell).unwrap_or_else(|| cell.into()),
    };
    titles.iter().map(|title| title.to_string()).zip(cells.map(value)).collect::<serde_json::Map<_, _>>().into()
}
