//! A printed table beside what this folder says, where the experiment has a `[printed]`: as text, Markdown, CSV and LaTeX.

use super::document::{Document, Title};
use super::grid::Align;
use super::published::{Compared, Measured, text as published};
use super::{Look, timing_words};
use crate::show::Unit;
use plan::place::Regime;
use plan::record::{PrintedRow, Row, Timing};

/// Why a ratio of a printed figure and one of here says nothing by itself.
const OTHER_PROGRAM: &str =
    "printed figures are another program's on another machine, so that a ratio by itself says nothing";

/// As text, no line longer than the width.
pub fn printed_text(measured: Measured<'_>, look: impl Into<Look>) -> String {
    document(measured).text(look.into())
}

/// As Markdown (GitHub's dialect).
pub fn printed_markdown(measured: Measured<'_>) -> String {
    document(measured).markdown()
}

/// As a LaTeX document that compiles by itself.
pub fn printed_latex(measured: Measured<'_>) -> String {
    document(measured).latex()
}

/// One row for each printed row of each column, with a title line.
pub fn printed_csv(rows: &[PrintedRow]) -> String {
    super::csv_text(&plan::record::titles::<PrintedRow>(), rows.iter().map(Row::cells))
}

/// Rows of one column and metric, beside one arm, subject and level of the others.
pub(crate) fn blocks(rows: &[PrintedRow]) -> impl Iterator<Item = &[PrintedRow]> {
    rows.chunk_by(|a, b| heading(a) == heading(b))
}

/// `unbound, subject=go: mean_time_ms beside first_storm_ns / 1000000`
pub(crate) fn heading(row: &PrintedRow) -> String {
    let per = if row.per == 1.0 { String::new() } else { format!(" / {per}", per = row.per) };
    format!("{about}: {column} beside {metric}{per}", about = about(row), column = row.column, metric = row.metric)
}

fn about(row: &PrintedRow) -> String {
    if row.group.is_empty() { row.arm.clone() } else { format!("{arm}, {group}", arm = row.arm, group = row.group) }
}

/// Level, printed, measured, interval, ratio, samples.
pub(crate) fn cells(row: &PrintedRow) -> Vec<String> {
    let interval = row.ci_low.zip(row.ci_high);
    let by_construction = row.by_construction;
    let compared = Compared { printed: row.printed, measured: row.measured, interval, by_construction };
    let flag = if is_oversubscribed(row) { " O" } else { "" };
    let n = match row.measured {
        None => String::new(),
        Some(_) if row.n < row.n_all => format!("{n} of {all}{flag}", n = row.n, all = row.n_all),
        Some(_) => format!("{n}{flag}", n = row.n),
    };
    vec![
        row.level.clone(),
        // With all its digits: 214.6 is not 215.
        row.printed.map_or_else(String::new, |printed| printed.to_string()),
        published::measured_cell(Unit::Plain, &compared),
        published::interval_cell(Unit::Plain, &compared),
        published::ratio_cell(&compared),
        n,
    ]
}

fn is_oversubscribed(row: &PrintedRow) -> bool {
    row.regime == Some(Regime::Oversubscribed) && row.measured.is_some()
}

/// What must be said of the whole table; then why figures are missing, each reason once for the levels that share it.
pub(crate) fn notes(rows: &[PrintedRow]) -> Vec<String> {
    let mut notes = vec![OTHER_PROGRAM.to_string()];
    let timing = rows.first().map(|row| row.timing).filter(|timing| *timing >= Timing::Emulated);
    notes.extend(timing.map(|timing| format!("timing {timing}: {words}", words = timing_words(timing))));
    if rows.iter().any(|row| row.by_construction && row.measured.is_some()) {
        notes.push(published::BY_CONSTRUCTION.into());
    }
    if rows.iter().any(is_oversubscribed) {
        notes.push("O: oversubscribed, more workers than PUs: waiting for a PU belongs to it".into());
    }
    let mut missing: Vec<(String, &str, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        let about = format!("{about}, {by}", about = about(row), by = row.by);
        match missing.iter_mut().find(|(known, note, _)| *known == about && *note == row.note) {
            Some((_, _, levels)) if levels.contains(&row.level.as_str()) => {}
            Some((_, _, levels)) => levels.push(&row.level),
            None => missing.push((about, &row.note, vec![&row.level])),
        }
    }
    let line = |(about, note, levels): &(String, &str, Vec<&str>)| {
        format!("not measured here: {about} {levels}: {note}", levels = levels.join(", "))
    };
    notes.extend(missing.iter().map(line));
    notes
}

fn document(measured: Measured<'_>) -> Document {
    let rows = &measured.derived.printed;
    let source = measured.results.plan.printed.as_ref().map_or("", |beside| beside.table.name.as_str());
    let by = rows.first().map_or("level", |row| row.by.as_str());
    let title = |text: &str, align, spare| Title { text: text.into(), align, spare };
    Document {
        headline: published::title(source, Some(measured)),
        titles: vec![
            title(by, Align::Right, 0),
            title("printed", Align::Right, 0),
            title(published::here(Some(measured)), Align::Right, 0),
            title("95 % interval", Align::Left, 1),
            title("ratio", Align::Right, 0),
            title("n", Align::Left, 2),
        ],
        blocks: blocks(rows).map(|block| (heading(&block[0]), block.iter().map(cells).collect())).collect(),
        notes: notes(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::super::published::tests::check;
    use super::*;
    use crate::fixture::{derived, golden};
    use crate::printed::{printed, tests::beside};
    use crate::results::{Derived, Results};

    /// The golden folder beside a table whose names LaTeX and Markdown would read as markup.
    fn compared() -> (Results, Derived) {
        let mut results = golden();
        let table = "procs,local_hit_percent,latency_&_rest_us\n8,76,2.50\n3,,0\n12,90,\n64,68,5.1\n";
        let columns = [("local_hit_percent", "local_hit_ratio", 0.01), ("latency_&_rest_us", "pause_mean_ns", 1e3)];
        results.plan.printed = Some(beside(table, &columns));
        results.plan.points[2].regime = Regime::Oversubscribed;
        let mut derived = derived(&results);
        // Of one point only two samples of three have it, of another none.
        for line in derived.summary.iter_mut().filter(|line| line.row.metric == "pause_mean_ns") {
            match line.row.point_id.as_str() {
                "p05" => line.row.n = 2,
                "p02" => (line.row.n, line.row.mean) = (0, None),
                _ => {}
            }
        }
        derived.printed = printed(&results, &derived);
        (results, derived)
    }

    fn written(write: impl Fn(Measured<'_>) -> String) -> String {
        let (results, derived) = compared();
        write(Measured { results: &results, derived: &derived })
    }

    #[test]
    fn all_forms_are_as_before() {
        check("printed.txt", &written(|measured| printed_text(measured, 100)));
        check("printed.md", &written(printed_markdown));
        check("printed.tex", &written(printed_latex));
        check("printed.csv", &printed_csv(&compared().1.printed));
    }

    #[test]
    fn text_fits_its_width() {
        for width in [80, 100, 140] {
            let table = written(|measured| printed_text(measured, width));
            assert!(table.lines().all(|line| line.chars().count() <= width), "{width}:\n{table}");
        }
    }

    #[test]
    fn times_that_nobody_measured_are_told_from_measured_ones() {
        let check = |timing: Timing, source: &str, says: &[&str], not: &str| {
            let (mut results, mut derived) = compared();
            (results.manifest.timing, results.manifest.source) = (timing, source.into());
            results.samples.modelled = if timing == Timing::Modelled { results.samples.len() } else { 0 };
            results.samples.timing = None;
            derived.printed = printed(&results, &derived);
            let table = printed_text(Measured { results: &results, derived: &derived }, 200);
            assert!(says.iter().all(|word| table.contains(word)) && !table.contains(not), "{timing}:\n{table}");
            assert!(table.contains("so that a ratio by itself says nothing"), "{table}");
            let csv = printed_csv(&derived.printed);
            assert_eq!(csv.matches(&format!(",{timing},")).count(), derived.printed.len(), "{csv}");
        };
        check(Timing::Virtual, "live", &["measured here", "timing virtual"], "timing virtual: ");
        check(Timing::Emulated, "live", &["timing emulated: the machine is emulated"], "computed");
        check(Timing::Modelled, "modelled", &["  computed", "timing modelled: computed by a model"], "measured here  ");
    }
}
