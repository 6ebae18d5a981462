//! The comparison as Markdown, for people, and as CSV, for programs.

use super::text::{here, interval_cell, measured_cell, notes, printed_cell, ratio_cell, title, verdict_cell};
use super::{Compared, Comparison, Measured, Published, compare};
use crate::show::Unit;
use plan::record::Cell;

/// The comparison as a Markdown table (GitHub's dialect), notes below it.
pub fn markdown(published: &Published, measured: Option<Measured<'_>>) -> String {
    let comparisons = compare(published, measured);
    let mut text = format!("{title}\n", title = escape(&title(&published.source, measured)));
    for comparison in &comparisons {
        if !comparison.arm.is_empty() {
            text += &format!("\n**{arm}**\n", arm = escape(&comparison.arm));
        }
        text += &format!(
            "\n| procs | local hit, printed | {here} | 95 % interval | ratio | throughput, printed | {here} | 95 % interval \
             | ratio | verdict |\n|--:|--:|--:|:--|--:|--:|--:|:--|--:|:--|\n",
            here = here(measured)
        );
        for row in &comparison.rows {
            let half = |unit: Unit, compared: &Compared| {
                format!(
                    "{printed} | {measured} | {interval} | {ratio}",
                    printed = printed_cell(unit, compared),
                    measured = measured_cell(unit, compared),
                    interval = interval_cell(unit, compared),
                    ratio = ratio_cell(compared)
                )
            };
            text += &format!(
                "| {procs} | {hit} | {throughput} | {verdict} |\n",
                procs = row.procs,
                hit = half(Unit::Ratio, &row.hit_ratio),
                throughput = half(Unit::PerSecond, &row.throughput),
                verdict = verdict_cell(row, "<br>")
            );
        }
    }
    let notes = notes(&comparisons, measured);
    if !notes.is_empty() {
        text.push('\n');
    }
    notes.iter().for_each(|note| text += &format!("- {note}\n", note = note.replace('|', "\\|")));
    text
}

/// Titles of the CSV.
const TITLES: [&str; 17] = [
    "arm",
    "procs",
    "local_hit_ratio_printed",
    "local_hit_ratio",
    "local_hit_ratio_low",
    "local_hit_ratio_high",
    "local_hit_ratio_over_printed",
    "by_construction",
    "throughput_per_s_printed",
    "throughput_per_s",
    "throughput_per_s_low",
    "throughput_per_s_high",
    "throughput_over_printed",
    "throughput_over_printed_low",
    "throughput_over_printed_high",
    "verdict",
    "note",
];

/// The comparison as tidy CSV, one row for each arm and procs; full numbers, empty where nothing was measured.
pub fn csv(published: &Published, measured: Option<Measured<'_>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: &[String]| writer.write_record(cells).expect("writing into memory cannot fail");
    write(&TITLES.map(String::from));
    for Comparison { arm, rows } in compare(published, measured) {
        for row in rows {
            let number = |value: Option<f64>| value.map(|value| value.write()).unwrap_or_default();
            let ends = |ends: Option<(f64, f64)>| [number(ends.map(|ends| ends.0)), number(ends.map(|ends| ends.1))];
            let (hit, throughput) = (row.hit_ratio, row.throughput);
            let [hit_low, hit_high] = ends(hit.interval);
            let [low, high] = ends(throughput.interval);
            let [over_low, over_high] = ends(throughput.ratio_interval());
            write(&[
                arm.clone(),
                row.procs.to_string(),
                number(hit.printed),
                number(hit.measured),
                hit_low,
                hit_high,
                number(hit.ratio()),
                hit.measured.map(|_| hit.by_construction.write()).unwrap_or_default(),
                number(throughput.printed),
                number(throughput.measured),
                low,
                high,
                number(throughput.ratio()),
                over_low,
                over_high,
                if row.verdicts.is_empty() { String::new() } else { verdict_cell(&row, "; ") },
                row.missing.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]);
        }
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("all cells are text")
}

// What Markdown or HTML in it would read as markup.
pub(in crate::tables) fn escape(text: &str) -> String {
    let escape_one = |letter: char| match letter {
        '|' | '*' | '_' | '`' | '[' | ']' | '\\' => format!("\\{letter}"),
        '<' => "&lt;".into(),
        '&' => "&amp;".into(),
        '\n' | '\r' => " ".into(),
        letter => letter.to_string(),
    };
    text.chars().map(escape_one).collect()
}
