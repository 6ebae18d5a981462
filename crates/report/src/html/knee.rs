//! The knee model's predictions beside the measured knee.

use super::markup::{Cell, Page};
use crate::tables::{knee_constants, knee_heading, knee_predicted};
use plan::record::KneeRow;

pub(super) fn knee(page: &mut Page, rows: &[KneeRow]) {
    let Some(first) = rows.first() else { return };
    page.heading("Knee model");
    page.element("p", "", &knee_heading(first));
    page.table(&["form", "formula", ">predicted", "what became of it"]);
    for source in rows.chunk_by(|a, b| a.source == b.source) {
        page.table_heading(4, &knee_constants(&source[0]));
        for row in source {
            page.row(&[
                Cell::Whole(row.form.clone()),
                Cell::Whole(row.formula.clone()),
                Cell::Number(knee_predicted(row)),
                Cell::Words(row.note.clone()),
            ]);
        }
    }
    page.end_table();
    page.element(
        "p",
        "note",
        "S = alpha n² + beta n, F = 1 - exp(-gamma n / c). The article prints the n of the greatest kappa = S F, which rises \
         without end; as a cost of each unit of work (coupled) it has one optimum.",
    );
}
