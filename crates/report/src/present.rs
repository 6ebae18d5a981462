//! The files of a results folder that people look at: figures, tables, report.html.

use crate::figures::{Named, figures};
use crate::html::{Parts, html};
use crate::results::{Derived, Results};
use crate::tables::published::{Measured, csv, latex, markdown};
use crate::tables::summary;
use crate::tables::{audit_csv, knee_csv, printed_csv, printed_latex, printed_markdown};
use crate::update::DerivedFile;

/// figures/*.svg, tables/* and report.html, in this order; the same folder gives the same bytes.
///
/// `others` are the names of the folder's other files, for the list in report.html.
pub(crate) fn presented(results: &Results, derived: &Derived, others: &[String]) -> Vec<DerivedFile> {
    let published = results.plan.published.as_ref();
    let figures = figures(results, derived, published);
    let svg = |named: &Named| file(format!("figures/{name}.svg", name = named.name), named.svg.clone());
    let mut made: Vec<DerivedFile> = figures.iter().map(svg).collect();
    made.push(file("tables/summary.md".into(), summary::markdown(results, derived)));
    made.push(file("tables/summary.tex".into(), summary::latex(results, derived)));
    let measured = Measured { results, derived };
    if results.plan.printed.is_some() {
        made.push(file("tables/printed.csv".into(), printed_csv(&derived.printed)));
        made.push(file("tables/printed.md".into(), printed_markdown(measured)));
        made.push(file("tables/printed.tex".into(), printed_latex(measured)));
    }
    if let Some(published) = published {
        let measured = Some(measured);
        made.push(file("tables/published.csv".into(), csv(published, measured)));
        made.push(file("tables/published.md".into(), markdown(published, measured)));
        made.push(file("tables/published.tex".into(), latex(published, measured)));
    }
    if results.plan.audit.is_some() {
        made.push(file("tables/audit.csv".into(), audit_csv(&derived.audit)));
    }
    if results.plan.knee.is_some() {
        made.push(file("tables/knee.csv".into(), knee_csv(&derived.knee)));
    }
    let mut files: Vec<String> = others.iter().cloned().chain(made.iter().map(|file| file.name.clone())).collect();
    files.sort();
    let parts = Parts { results, derived, figures: &figures, published, files: &files };
    made.push(file("report.html".into(), html(parts)));
    made
}

fn file(name: String, text: String) -> DerivedFile {
    DerivedFile { name, bytes: text.into_bytes() }
}
