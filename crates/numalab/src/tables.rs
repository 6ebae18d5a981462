//! `numalab tables`: printed tables beside what was measured here.

use crate::args::{TableFormat, Tables};
use crate::exit::{Exit, USAGE, print};
use crate::report::{EXPERIMENT, look, refused};
use report::tables::published::{self, Measured};
use report::tables::{printed_csv, printed_latex, printed_markdown, printed_text};

pub(crate) fn tables(args: &Tables) -> Result<(), Exit> {
    let dir = args.dir.clone().or_else(|| report::newest(&args.results, EXPERIMENT));
    let results = dir.as_deref().map(report::open).transpose().map_err(refused)?;
    let derived = results.as_ref().map(report::derive);
    let measured = results.as_ref().zip(derived.as_ref()).map(|(results, derived)| Measured { results, derived });
    if let Some(measured) = measured.filter(|measured| measured.results.plan.printed.is_some()) {
        return print(&match args.format {
            TableFormat::Text => printed_text(measured, look()),
            TableFormat::Markdown => printed_markdown(measured),
            TableFormat::Csv => printed_csv(&measured.derived.printed),
            TableFormat::Latex => printed_latex(measured),
        });
    }
    let Some(table) =
        results.as_ref().map_or_else(|| Some(published::numa_binding()), |results| results.plan.published.clone())
    else {
        let dir = dir.unwrap_or_default();
        let why =
            "no published table in its plan; published = \"FILE.csv\" or [printed] in an experiment file names one";
        return Err(Exit::new(USAGE, format!("{dir}: {why}", dir = dir.display())));
    };
    print(&match args.format {
        TableFormat::Text => published::text(&table, measured, look()),
        TableFormat::Markdown => published::markdown(&table, measured),
        TableFormat::Csv => published::csv(&table, measured),
        TableFormat::Latex => published::latex(&table, measured),
    })
}
