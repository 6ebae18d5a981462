//! `numalab compare`: two sides, a verdict for each point, and for a gate an exit code.

use crate::args::{Compare, CompareFormat, Format, parse_margin};
use crate::exit::{CHECK, Exit, USAGE, print, say};
use crate::report::{look, object, refused};
use plan::record::{ContrastRow, Judgement, Row};
use report::compare::{Asked, CompareError, Comparison, Settings};
use report::tables::compare::{compare_csv, compare_markdown, compare_text, summary};
use std::path::Path;

/// What counts as noise unless `--noise` says otherwise.
pub(crate) const NOISE: &str = "2%";

pub(crate) fn compare(args: &Compare) -> Result<(), Exit> {
    // One that is named twice would make the family larger than what is asked.
    let mut metrics: Vec<Asked> = Vec::new();
    for metric in &args.metric {
        if !metrics.iter().any(|known| known.name == metric.name) {
            metrics.push(metric.clone());
        }
    }
    let settings = Settings { metrics, noise: args.noise, baseline: args.baseline.clone(), anyway: args.anyway };
    let comparison = judged(&args.sides, &settings)?;
    print(&printed(&comparison, args.format))?;
    if args.gate { gate(&comparison) } else { Ok(()) }
}

/// What a series of sessions found, by the usual rules.
pub(crate) fn of_series(dir: &Path, format: Format) -> Result<String, Exit> {
    let format = match format {
        Format::Text => CompareFormat::Text,
        Format::Csv => CompareFormat::Csv,
        Format::Json => CompareFormat::Json,
    };
    let noise = parse_margin(NOISE).expect("the default is a share");
    let settings = Settings { metrics: vec![Asked::throughput()], noise, baseline: None, anyway: false };
    Ok(printed(&judged(&[dir.to_string_lossy().into_owned()], &settings)?, format))
}

fn judged(sides: &[String], settings: &Settings) -> Result<Comparison, Exit> {
    let compared = report::compare::sides(sides, settings.baseline.is_some()).map_err(refuse)?;
    report::compare::compare(&compared, settings).map_err(refuse)
}

/// What cannot be compared is the caller's to mend.
fn refuse(error: CompareError) -> Exit {
    match error {
        CompareError::Report(error) => refused(error),
        other => Exit::of(USAGE, &other),
    }
}

fn printed(comparison: &Comparison, format: CompareFormat) -> String {
    match format {
        CompareFormat::Text => compare_text(comparison, look()),
        CompareFormat::Markdown => compare_markdown(comparison),
        CompareFormat::Csv => compare_csv(comparison),
        CompareFormat::Json => {
            let titles = plan::record::titles::<ContrastRow>();
            let cells = comparison.rows.iter().map(ContrastRow::cells);
            let rows: Vec<_> = cells.map(|row| object(&titles, row.iter().map(String::as_str))).collect();
            let side = |side: &report::compare::Named| serde_json::json!({ "name": side.name, "program": side.program, "sessions": side.sessions });
            let sides: Vec<_> = comparison.sides.iter().map(side).collect();
            let (experiment, notes) = (&comparison.experiment, &comparison.notes);
            let document =
                serde_json::json!({ "experiment": experiment, "sides": sides, "contrasts": rows, "notes": notes });
            format!("{document:#}\n")
        }
    }
}

/// Something worse fails it. What is undecided does not, and is told: a gate that saw nothing must not look like one that
/// found nothing.
fn gate(comparison: &Comparison) -> Result<(), Exit> {
    let (worse, open) = (comparison.count(Judgement::Slower), comparison.count(Judgement::Undecided));
    if worse > 0 {
        return Err(Exit::new(CHECK, format!("gate: something got worse: {found}", found = summary(comparison))));
    }
    if open > 0 {
        say(&format!("numalab: gate: nothing is known to be worse; {found}", found = summary(comparison)));
    }
    Ok(())
}
