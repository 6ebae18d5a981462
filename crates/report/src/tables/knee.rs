//! The knee model's predictions beside the measured knee.

use super::{Look, wrap};
use crate::show::plain;
use plan::record::{KneeRow, Row};

/// A line for each form, printed constants first; empty where there is no model.
pub fn knee_text(rows: &[KneeRow], look: impl Into<Look>) -> String {
    let look = look.into();
    let Some(first) = rows.first() else { return String::new() };
    let mut text = wrap(&heading(first), 0, look.columns());
    for source in rows.chunk_by(|a, b| a.source == b.source) {
        text += &wrap(&constants(&source[0]), 0, look.columns());
        for row in source {
            let predicted = predicted(row);
            text += &format!("{form:>15} {formula:<40} {predicted}\n", form = row.form, formula = row.formula);
        }
        text += &wrap(&notes(source), 4, look.columns());
    }
    text
}

/// `knee model: printed 12.7, measured here 2 [2, 2]`
pub(crate) fn heading(row: &KneeRow) -> String {
    let measured = match (row.measured, row.measured_low, row.measured_high) {
        (Some(peak), Some(low), Some(high)) => format!("{peak} [{low}, {high}]", high = plain(high)),
        _ => "nothing".into(),
    };
    format!("knee model: n of the greatest value; printed {printed}, measured here {measured}", printed = row.printed)
}

/// `7.071`, of measured constants `7.02 [6.9, 7.2]`, `none` where the curve only rises.
pub(crate) fn predicted(row: &KneeRow) -> String {
    let predicted = row.predicted.map_or_else(|| "none".into(), plain);
    let range = row.predicted_low.zip(row.predicted_high);
    // A curve that only rises at both ends of its constants has nothing to add.
    match range.filter(|(low, _)| low.is_finite()) {
        Some((low, high)) => format!("{predicted} [{low}, {high}]", low = plain(low), high = plain(high)),
        None => predicted,
    }
}

/// `with printed constants: alpha 0.02, beta 0.3, gamma 0.8, c 8`
pub(crate) fn constants(row: &KneeRow) -> String {
    let show = |value: Option<f64>| value.map_or_else(|| "unknown".into(), plain);
    let [alpha, beta, gamma] = [row.alpha, row.beta, row.gamma].map(show);
    format!(
        "with {source} constants: alpha {alpha}, beta {beta}, gamma {gamma}, c {c}",
        source = row.source,
        c = row.cores
    )
}

/// What became of the forms, each outcome once with the forms that share it.
pub(crate) fn notes(rows: &[KneeRow]) -> String {
    let mut outcomes: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows {
        match outcomes.iter_mut().find(|(note, _)| *note == row.note) {
            Some((_, forms)) => forms.push(&row.form),
            None => outcomes.push((&row.note, vec![&row.form])),
        }
    }
    let outcome = |(note, forms): &(&str, Vec<&str>)| format!("{forms}: {note}", forms = forms.join(", "));
    outcomes.iter().map(outcome).collect::<Vec<_>>().join(". ")
}

/// One row for each form and source, with a title line.
pub fn knee_csv(rows: &[KneeRow]) -> String {
    super::csv_text(&plan::record::titles::<KneeRow>(), rows.iter().map(Row::cells))
}
