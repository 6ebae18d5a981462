//! The comparison on a terminal.

use super::{Compared, ComparedRow, Comparison, Measured, Missing, OTHER_PROGRAM, Published, compare};
use crate::show::Unit;
use crate::tables::grid::{Align, Grid};
use crate::tables::{Look, wrap};
use plan::record::Verdict;
use std::collections::BTreeSet;

/// The comparison as text, no line longer than the width.
pub fn text(published: &Published, measured: Option<Measured<'_>>, look: impl Into<Look>) -> String {
    let look = look.into();
    let mut text = wrap(&title(&published.source, measured), 0, look.columns());
    let comparisons = compare(published, measured);
    let mut grid = Grid::default()
        .column("procs", Align::Right, 0)
        .column("hit\nprinted", Align::Right, 0)
        .column(here(measured).trim_start_matches("measured "), Align::Right, 0)
        .column("95 % interval", Align::Left, 2)
        .column("ratio", Align::Right, 1)
        .column("req/s\nprinted", Align::Right, 0)
        .column(here(measured).trim_start_matches("measured "), Align::Right, 0)
        .column("95 % interval", Align::Left, 3)
        .column("ratio", Align::Right, 1)
        .column("verdict", Align::Left, 0);
    for comparison in &comparisons {
        if !comparison.arm.is_empty() {
            grid.heading(comparison.arm.clone());
        }
        comparison.rows.iter().for_each(|row| grid.row(cells(row)));
    }
    text += &grid.text(look).0;
    for line in verdicts(&comparisons).into_iter().chain(notes(&comparisons, measured)) {
        text += &wrap(&line, 0, look.columns());
    }
    text
}

/// What a mark says.
pub(in crate::tables) const BY_CONSTRUCTION: &str =
    "(c): by construction: it follows from the plan alone and says nothing about a runtime";

/// What the table is about and where the other half comes from.
pub(in crate::tables) fn title(source: &str, measured: Option<Measured<'_>>) -> String {
    let here = match measured {
        Some(Measured { results, .. }) => format!(
            "host {host}, run {run}, timing {timing}",
            host = results.manifest.host,
            run = results.manifest.run_id,
            timing = results.timing()
        ),
        None => "nothing was measured yet".into(),
    };
    let ones =
        if is_computed(measured) { "those that a model computed; nothing was measured" } else { "measured ones" };
    format!("{source}: printed figures beside {ones} ({here})")
}

/// What stands above the figures of this machine.
pub(in crate::tables) fn here(measured: Option<Measured<'_>>) -> &'static str {
    if is_computed(measured) { "computed" } else { "measured here" }
}

fn is_computed(measured: Option<Measured<'_>>) -> bool {
    measured.is_some_and(|measured| measured.results.modelled().is_some())
}

/// Every claim named in a row, what "(c)" means, and the reasons why rows are empty, each once.
pub(super) fn notes(comparisons: &[Comparison], measured: Option<Measured<'_>>) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let rows = || comparisons.iter().flat_map(|comparison| &comparison.rows);
    if rows().any(|row| row.hit_ratio.by_construction && row.hit_ratio.measured.is_some()) {
        notes.push(BY_CONSTRUCTION.into());
    }
    if measured.is_some_and(|measured| measured.results.topology.default_nodes().len() < 2) {
        notes.push("this host has 1 node: its figures say nothing about NUMA".into());
    }
    if rows().any(|row| row.throughput.ratio().is_some()) {
        notes.push(format!("of throughput only the shape over procs can be compared: {OTHER_PROGRAM}"));
    }
    let missing: Vec<&Missing> = rows().filter_map(|row| row.missing.as_ref()).collect();
    notes.extend(too_few_pus(&missing));
    notes.extend(not_planned(&missing));
    for why in missing.iter().filter(|why| matches!(why, Missing::Other(_))).map(ToString::to_string) {
        if !notes.contains(&why) {
            notes.push(why);
        }
    }
    notes
}

// One line for all procs: `procs 8, 32, 64 need more PUs than this host's 2`.
fn too_few_pus(missing: &[&Missing]) -> Option<String> {
    let pus = missing.iter().find_map(|why| if let Missing::TooFewPus { pus, .. } = why { Some(pus) } else { None })?;
    let procs =
        missing.iter().filter_map(|why| if let Missing::TooFewPus { procs, .. } = why { Some(*procs) } else { None });
    let (list, several) = list(procs);
    let need = if several { "need" } else { "needs" };
    Some(format!("not measured here: procs {list} {need} more PUs than this host's {pus}; run `make paper` elsewhere"))
}

fn not_planned(missing: &[&Missing]) -> Option<String> {
    let procs =
        missing.iter().filter_map(|why| if let Missing::NotPlanned { procs } = why { Some(*procs) } else { None });
    let (list, several) = list(procs);
    let are = if several { "are" } else { "is" };
    (!list.is_empty()).then(|| format!("not measured here: procs {list} {are} not in this plan; run `make paper`"))
}

fn list(procs: impl Iterator<Item = u32>) -> (String, bool) {
    let procs: BTreeSet<u32> = procs.collect();
    (procs.iter().map(u32::to_string).collect::<Vec<_>>().join(", "), procs.len() > 1)
}

/// Measured figure for a cell: `92.3 % (c)`, `not measured`.
pub(in crate::tables) fn measured_cell(unit: Unit, compared: &Compared) -> String {
    let mark = if compared.by_construction { " (c)" } else { "" };
    compared.measured.map_or_else(|| "not measured".into(), |value| format!("{value}{mark}", value = unit.show(value)))
}

/// Interval for a cell; empty where there is none.
pub(in crate::tables) fn interval_cell(unit: Unit, compared: &Compared) -> String {
    let interval = compared.measured.zip(compared.interval);
    interval.map_or_else(String::new, |(value, (low, high))| unit.show_interval(value, low, high))
}

/// measured / printed; empty where one is missing.
pub(in crate::tables) fn ratio_cell(compared: &Compared) -> String {
    compared.ratio().map_or_else(String::new, |ratio| Unit::Plain.show(ratio))
}

/// Printed figure; empty where the article has none.
pub(super) fn printed_cell(unit: Unit, compared: &Compared) -> String {
    compared.printed.map_or_else(String::new, |value| unit.show(value))
}

/// Verdicts with their claims: `refuted: hit-ratio-32`.
pub(super) fn verdict_cell(row: &ComparedRow, between: &str) -> String {
    if row.verdicts.is_empty() {
        return "no claim".into();
    }
    let verdict = |(claim, verdict): &(String, Verdict)| format!("{verdict}: {claim}");
    row.verdicts.iter().map(verdict).collect::<Vec<_>>().join(between)
}

fn cells(row: &ComparedRow) -> Vec<String> {
    let half = |unit: Unit, compared: &Compared| {
        [
            printed_cell(unit, compared),
            measured_short(unit, compared),
            interval_short(unit, compared),
            ratio_cell(compared),
        ]
    };
    let mut cells = vec![row.procs.to_string()];
    cells.extend(half(Unit::Ratio, &row.hit_ratio));
    cells.extend(half(Unit::PerSecond, &row.throughput));
    cells.push(verdict_words(row));
    cells
}

// The reason stands below the table.
fn measured_short(unit: Unit, compared: &Compared) -> String {
    if compared.measured.is_none() { "-".into() } else { measured_cell(unit, compared) }
}

// In the unit of the figure beside it: `[74.5, 77.5]`.
fn interval_short(unit: Unit, compared: &Compared) -> String {
    let Some((value, ends)) = compared.measured.zip(compared.interval) else { return String::new() };
    let both = unit.show_with_interval(value, Some(ends));
    both.split_once('[').map_or_else(String::new, |(_, ends)| format!("[{ends}"))
}

// Which claim a verdict is of does not fit the row: `unbound at 32 procs: refuted: hit-ratio-32`, where one was tested.
fn verdicts(comparisons: &[Comparison]) -> Vec<String> {
    let tested = |row: &&ComparedRow| row.verdicts.iter().any(|(_, verdict)| *verdict != Verdict::NotTestable);
    let of_arm = |comparison: &Comparison| {
        let line = |row: &ComparedRow| {
            let (procs, verdicts) = (row.procs, verdict_cell(row, "; "));
            format!("{arm} at {procs} procs: {verdicts}", arm = comparison.arm)
        };
        comparison.rows.iter().filter(tested).map(line).collect::<Vec<_>>()
    };
    let mut lines: Vec<String> = comparisons.iter().flat_map(of_arm).collect();
    if !lines.is_empty() {
        lines.push("the reason of each verdict stands in claims.csv and report.html".into());
    }
    lines
}

fn verdict_words(row: &ComparedRow) -> String {
    let mut words: Vec<&str> = row.verdicts.iter().map(|(_, verdict)| verdict.word()).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() { "no claim".into() } else { words.join("\n") }
}
