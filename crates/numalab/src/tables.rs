//! `numalab tables`: the published tables beside what was measured here.

use crate::args::{TableFormat, Tables};
use crate::exit::{Exit, print};
use crate::report::{EXPERIMENT, look, refused};
use report::tables::published::{self, Measured, Published};

pub(crate) fn tables(args: &Tables) -> Result<(), Exit> {
    let dir = args.dir.clone().or_else(|| report::newest(&args.results, EXPERIMENT));
    let results = dir.map(|dir| report::open(&dir)).transpose().map_err(refused)?;
    let derived = results.as_ref().map(report::derive);
    let measured = results.as_ref().zip(derived.as_ref()).map(|(results, derived)| Measured { results, derived });
    let table = Published::numa_binding();
    print(&match args.format {
        TableFormat::Text => published::text(&table, measured, look()),
        TableFormat::Markdown => published::markdown(&table, measured),
        TableFormat::Csv => published::csv(&table, measured),
        TableFormat::Latex => published::latex(&table, measured),
    })
}
