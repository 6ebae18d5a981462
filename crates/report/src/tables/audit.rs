//! What an article's own tables say of its statements.

use super::claims::verdict_paint;
use super::{Look, wrap};
use crate::show::Unit;
use plan::audit::Audit;
use plan::record::{AuditRow, Row, Verdict};

/// Every claim with its verdicts, its readings, and the figures that decide each. Wrapped to the width.
pub fn audit_text(audit: &Audit, rows: &[AuditRow], look: impl Into<Look>) -> String {
    let look = look.into();
    let title = format!("{article}: its statements from its own tables alone", article = audit.article);
    let mut text = wrap(&title, 0, look.columns());
    for claim in by_claim(rows) {
        let first = &claim[0][0];
        let verdicts = first.verdict.split(" / ").map(|word| match word.parse::<Verdict>() {
            Ok(verdict) => look.paint(word, verdict_paint(verdict)),
            Err(_) => word.into(),
        });
        let verdicts = verdicts.collect::<Vec<_>>().join(" / ");
        text += &format!("\n{n} {id} ({place}): {verdicts}\n", n = first.number, id = first.id, place = first.place);
        let mut say = |line: &str, indent: usize| text += &wrap(line, indent, look.columns());
        say(&format!("\"{text}\"", text = first.text), 4);
        for reading in &claim {
            let row = &reading[0];
            say(&format!("{verdict}: {reading}", verdict = row.reading_verdict, reading = row.reading_text), 4);
            say(&row.reason, 8);
            for row in reading.iter().filter(|row| !row.figure.is_empty()) {
                say(&figure_in_words(row), 8);
            }
        }
    }
    text += "\n";
    text += &wrap(&counts(rows), 0, look.columns());
    let note = "[ ]: all that the figure may be, given what was rounded in print. A claim is refuted only if every reading \
                of it is.";
    text += &wrap(note, 0, look.columns());
    text
}

/// Rows claim by claim, and reading by reading within each.
pub(crate) fn by_claim(rows: &[AuditRow]) -> Vec<Vec<&[AuditRow]>> {
    rows.chunk_by(|a, b| a.number == b.number)
        .map(|claim| claim.chunk_by(|a, b| a.reading == b.reading).collect())
        .collect()
}

/// `100 over 10: 3.841 [3.812, 3.871], printed 3.8, region 3.75 to 3.85`
pub(crate) fn figure_in_words(row: &AuditRow) -> String {
    let Some(estimate) = row.estimate else { return format!("{figure}: none", figure = row.figure) };
    // Of an exact figure the interval says nothing.
    let interval = row.ci_low.zip(row.ci_high).filter(|(low, high)| low < high);
    let mut text = format!("{figure}: {shown}", figure = row.figure, shown = shown(estimate));
    if let Some((low, high)) = interval {
        text += &format!(" [{low}, {high}]", low = shown(low), high = shown(high));
    }
    if let Some(printed) = row.printed {
        text += &format!(", printed {printed}");
    }
    match row.region_low.zip(row.region_high) {
        Some((low, high)) if high.is_infinite() => text += &format!(", holds above {low}", low = shown(low)),
        Some((low, high)) if low.is_infinite() => text += &format!(", holds below {high}", high = shown(high)),
        Some((low, high)) => text += &format!(", region {low} to {high}", low = shown(low), high = shown(high)),
        None => {}
    }
    if !row.decides {
        text += " (decides nothing)";
    }
    text
}

/// Four digits and whole numbers whole.
fn shown(value: f64) -> String {
    if value == value.round() && value.abs() < 1e6 {
        return format!("{value:.0}");
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    if value.is_finite() && (1e-6..1e6).contains(&value.abs()) {
        let text = format!("{value:.decimals$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
    } else {
        Unit::Plain.show(value)
    }
}

/// `23 claims: 8 supported, 2 refuted, …`
fn counts(rows: &[AuditRow]) -> String {
    let claims = by_claim(rows);
    let mut known: Vec<(&str, usize)> = Vec::new();
    for claim in &claims {
        let verdict = claim[0][0].verdict.as_str();
        match known.iter_mut().find(|(word, _)| *word == verdict) {
            Some((_, count)) => *count += 1,
            None => known.push((verdict, 1)),
        }
    }
    known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<String> = known.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("{n} claims: {parts}", n = claims.len(), parts = parts.join(", "))
}

/// One row for each figure, with a title line.
pub fn audit_csv(rows: &[AuditRow]) -> String {
    super::csv_text(&plan::record::titles::<AuditRow>(), rows.iter().map(Row::cells))
}
