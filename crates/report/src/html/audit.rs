//! The article's own tables against its statements, where the experiment belongs to an audit.

use super::Parts;
use super::markup::{Cell, Page};
use crate::tables::{by_claim, figure_in_words};

/// Every claim of the audit with its readings and the figures that decide each.
pub(super) fn audit(page: &mut Page, parts: Parts<'_>) {
    let Some(audit) = &parts.results.plan.audit else { return };
    page.heading("The article by its own tables");
    let about = format!(
        "{article}. Nothing here was measured: each statement, in our words, is computed again from the printed tables.",
        article = audit.article
    );
    page.element("p", "", &about);
    page.table(&[">claim", "statement, and how it is read", "verdict", "figures [all that rounding admits]", "why"]);
    for claim in by_claim(&parts.derived.audit) {
        let first = &claim[0][0];
        let place = first.place.as_str();
        page.table_heading(
            5,
            &format!("{n} {id}, {place}: {verdict}", n = first.number, id = first.id, verdict = first.verdict),
        );
        for (at, reading) in claim.iter().enumerate() {
            let row = &reading[0];
            let statement = if at == 0 { format!("“{text}” ", text = row.text) } else { String::new() };
            let figures = reading.iter().filter(|row| !row.figure.is_empty()).map(figure_in_words);
            page.row(&[
                Cell::Number(format!("{claim}.{reading}", claim = row.number, reading = row.reading)),
                Cell::Words(format!("{statement}{reading}", reading = row.reading_text)),
                Cell::Whole(row.reading_verdict.word().into()),
                Cell::Words(figures.collect::<Vec<_>>().join("; ")),
                Cell::Words(row.reason.clone()),
            ]);
        }
    }
    page.end_table();
    page.element(
        "p",
        "note",
        "A claim is refuted only if every reading of it is. Contradicted: another printed figure or sentence says otherwise. \
         Uncheckable: what would decide is not printed. tables/audit.csv has rule, interval and region of each figure.",
    );
}
