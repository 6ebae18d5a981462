//! The main table for papers: as Markdown, and as LaTeX with booktabs' rules.

use super::document::{Document, Title};
use super::points::{cells, columns, headline, places, whole_legend};
use crate::curves::{Curve, Summaries, curves};
use crate::results::{Derived, Results};
use plan::point::Point;

/// The main table in Markdown (GitHub's dialect): one table for each arm, what it means below.
pub fn markdown(results: &Results, derived: &Derived) -> String {
    document(results, derived).markdown()
}

/// The main table as a LaTeX document that compiles by itself: one `tabular` for each arm, so that pages can break.
pub fn latex(results: &Results, derived: &Derived) -> String {
    document(results, derived).latex()
}

fn document(results: &Results, derived: &Derived) -> Document {
    let summaries = Summaries::of(derived);
    let columns = columns(results, derived);
    let block = |curve: &Curve| {
        let cells = |point: &Point| cells(&columns, results, &summaries, point);
        (heading(results, curve), points(results, curve).map(cells).collect())
    };
    let title = |column: &super::points::Column| Title { text: column.title.clone(), align: column.align, spare: 0 };
    Document {
        headline: headline(results),
        titles: columns.iter().map(title).collect(),
        blocks: curves(&results.plan).iter().map(block).collect(),
        notes: whole_legend(results, derived),
    }
}

fn points<'a>(results: &'a Results, curve: &'a Curve) -> impl Iterator<Item = &'a Point> {
    curve.points.iter().map(|&at| &results.plan.points[at])
}

fn heading(results: &Results, curve: &Curve) -> String {
    format!("{name}: {places}", name = curve.name(), places = places(points(results, curve)))
}
