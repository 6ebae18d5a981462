//! The main table for papers: as Markdown, and as LaTeX with booktabs' rules.

use super::grid::Align;
use super::points::{Column, cells, columns, headline, places, whole_legend};
use super::published::latex::{HEAD, escape as escape_latex};
use super::published::markup::escape as escape_markdown;
use crate::curves::{Curve, Summaries, curves};
use crate::results::{Derived, Results};
use plan::point::Point;

/// The main table in Markdown (GitHub's dialect): one table for each arm, what it means below.
pub fn markdown(results: &Results, derived: &Derived) -> String {
    let summaries = Summaries::of(derived);
    let columns = columns(results, derived);
    let mut text = format!("{headline}\n", headline = escape_markdown(&headline(results)));
    for curve in curves(&results.plan) {
        text += &format!("\n**{heading}**\n\n", heading = escape_markdown(&heading(results, &curve)));
        text += &format!(
            "| {titles} |\n|{rules}|\n",
            titles = titles(&columns, " | "),
            rules = aligned(&columns, "|", ":--", "--:")
        );
        for point in points(results, &curve) {
            let cells: Vec<String> =
                cells(&columns, results, &summaries, point).iter().map(|cell| escape_markdown(cell)).collect();
            text += &format!("| {cells} |\n", cells = cells.join(" | "));
        }
    }
    text.push('\n');
    whole_legend(results, derived).iter().for_each(|line| text += &format!("- {line}\n", line = escape_markdown(line)));
    text
}

/// The main table as a LaTeX document that compiles by itself: one `tabular` for each arm, so that pages can break.
pub fn latex(results: &Results, derived: &Derived) -> String {
    let summaries = Summaries::of(derived);
    let columns = columns(results, derived);
    let mut text = String::from(HEAD);
    text += &format!("{headline}\n", headline = escape_latex(&headline(results)));
    for curve in curves(&results.plan) {
        text += &format!(
            "\\par\\medskip\\noindent\\textbf{{{heading}}}\\nopagebreak\\par\\noindent\n",
            heading = escape_latex(&heading(results, &curve))
        );
        text += &format!(
            "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule\n",
            columns = aligned(&columns, "", "l", "r")
        );
        text += &format!("{titles} \\\\\n\\midrule\n", titles = titles(&columns, " & "));
        for point in points(results, &curve) {
            let cells: Vec<String> =
                cells(&columns, results, &summaries, point).iter().map(|cell| escape_latex(cell)).collect();
            text += &format!("{cells} \\\\\n", cells = cells.join(" & "));
        }
        text += "\\bottomrule\n\\end{tabular}\n";
    }
    for line in whole_legend(results, derived) {
        text += &format!("\\par\\smallskip\\noindent {line}\n", line = escape_latex(&line));
    }
    text += "\\end{document}\n";
    text
}

fn titles(columns: &[Column], between: &str) -> String {
    columns.iter().map(|column| column.title.clone()).collect::<Vec<_>>().join(between)
}

fn aligned(columns: &[Column], between: &str, left: &str, right: &str) -> String {
    let side = |align: Align| if align == Align::Left { left } else { right };
    columns.iter().map(|column| side(column.align)).collect::<Vec<_>>().join(between)
}

fn points<'a>(results: &'a Results, curve: &'a Curve) -> impl Iterator<Item = &'a Point> {
    curve.points.iter().map(|&at| &results.plan.points[at])
}

fn heading(results: &Results, curve: &Curve) -> String {
    format!("{name}: {places}", name = curve.name(), places = places(points(results, curve)))
}
