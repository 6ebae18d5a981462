//! report.html: everything a reader needs to believe a run or not, in one file.
//!
//! It is self-contained: styles and figures are inside, nothing is loaded from anywhere, no script runs. All text from
//! files is escaped. It reads well at 400 pixels and on paper. What it shows is decided elsewhere: figures by
//! [`crate::figures`], verdicts by the claims' rules; here they are only set.

mod audit;
mod knee;
mod machine;
mod markup;
mod outcome;
mod tables;

use crate::figures::Named;
use crate::results::{Derived, Results};
use markup::{Page, text};
use plan::published::Published;
use plan::record::Timing;

const STYLE: &str = include_str!("style.css");

/// What a report shows.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The folder.
    pub results: &'a Results,
    /// What follows from it.
    pub derived: &'a Derived,
    /// Its figures.
    pub figures: &'a [Named],
    /// The article's table, where the experiment has one.
    pub published: Option<&'a Published>,
    /// Names of the files of the folder, relative to it.
    pub files: &'a [String],
}

/// The whole document.
pub fn html(parts: Parts<'_>) -> String {
    let manifest = &parts.results.manifest;
    let title = format!("{experiment} on {host}", experiment = manifest.experiment, host = manifest.host);
    let mut page = Page::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw(&format!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n", title = text(&title)));
    page.element("h1", "", &title);
    page.element("p", "muted", &run_line(parts.results));
    page.element("p", "muted", &machine::shape(&parts.results.topology));
    page.element("p", "lead", &parts.results.plan.question);
    warnings(&mut page, parts.results);
    outcome::question(&mut page, parts.results);
    tables::measured(&mut page, parts);
    figures(&mut page, parts.figures);
    outcome::claims(&mut page, parts);
    tables::published(&mut page, parts);
    tables::printed(&mut page, parts);
    audit::audit(&mut page, parts);
    knee::knee(&mut page, &parts.derived.knee);
    tables::fits(&mut page, parts);
    tables::skipped(&mut page, parts.results);
    outcome::disturbances(&mut page, parts);
    machine::machine(&mut page, parts.results);
    outcome::notes(&mut page, parts);
    outcome::files(&mut page, parts.files);
    page.raw("</body>\n</html>\n");
    page.finish()
}

fn run_line(results: &Results) -> String {
    let manifest = &results.manifest;
    format!(
        "run {run}, started {started}, numalab {version} ({commit}), {source}, timing {timing}",
        run = manifest.run_id,
        started = manifest.started_utc,
        version = manifest.program.version,
        commit = manifest.program.commit,
        source = manifest.source,
        timing = manifest.timing
    )
}

// What could mislead somebody who reads no further.
fn warnings(page: &mut Page, results: &Results) {
    let timing = results.manifest.timing;
    if matches!(timing, Timing::Emulated | Timing::Modelled) {
        let words = crate::tables::timing_words(timing);
        page.element("p", "warn", &format!("Timing is {timing}: {words}. Nothing here about time was measured."));
    }
    let nodes = results.topology.default_nodes().len();
    if nodes < 2 {
        page.element("p", "warn", "This host has one usable node: nothing about NUMA can be concluded from it.");
    }
    results.notes.iter().for_each(|note| page.element("p", "warn", note));
}

fn figures(page: &mut Page, figures: &[Named]) {
    page.heading("Figures");
    for named in figures {
        // Made by `draw`, which escapes its texts.
        page.raw(&format!("<figure id=\"{name}\">\n{svg}</figure>\n", name = named.name, svg = named.svg));
    }
}

#[cfg(test)]
mod tests;
