//! The comparison as LaTeX: a `tabular` with booktabs' rules inside a document that compiles by itself.
//!
//! A paper takes the lines between `\begin{tabular}` and `\end{tabular}`, or includes the file with `standalone`.

use super::text::{here, interval_cell, measured_cell, notes, printed_cell, ratio_cell, title, verdict_cell};
use super::{Compared, ComparedRow, Measured, Published, compare};
use crate::show::Unit;
use std::fmt::Write;

pub(in crate::tables) const HEAD: &str = r"% Written by numalab; needs only LaTeX's base and booktabs.
\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\pagestyle{empty}
\begin{document}
\noindent\small
";

const TABULAR: &str = r"\begin{tabular}{@{}rrrlrrrlrl@{}}
\toprule
 & \multicolumn{4}{c}{local hit ratio} & \multicolumn{4}{c}{throughput} & \\
\cmidrule(lr){2-5}\cmidrule(lr){6-9}
procs & printed & HERE & 95\,\% interval & ratio & printed & HERE & 95\,\% interval & ratio & verdict \\
\midrule
";

/// The comparison as a LaTeX document.
pub fn latex(published: &Published, measured: Option<Measured<'_>>) -> String {
    let comparisons = compare(published, measured);
    let mut text = String::from(HEAD);
    let _ = writeln!(text, "{title}\\par\\medskip", title = escape(&title(&published.source, measured)));
    text += "\\noindent\n";
    text += &TABULAR.replace("HERE", here(measured).trim_start_matches("measured "));
    for (at, comparison) in comparisons.iter().enumerate() {
        if at > 0 {
            text += "\\midrule\n";
        }
        if !comparison.arm.is_empty() {
            let _ = writeln!(
                text,
                "\\multicolumn{{10}}{{@{{}}l}}{{\\textbf{{{arm}}}}} \\\\",
                arm = escape(&comparison.arm)
            );
        }
        comparison.rows.iter().for_each(|row| text += &table_rows(row));
    }
    text += "\\bottomrule\n\\end{tabular}\n";
    for note in notes(&comparisons, measured) {
        let _ = writeln!(text, "\\par\\smallskip\\noindent {note}", note = escape(&note));
    }
    text += "\\end{document}\n";
    text
}

// One line for the figures; further verdicts go to lines below it.
fn table_rows(row: &ComparedRow) -> String {
    let half = |unit: Unit, compared: &Compared| {
        let measured = if compared.measured.is_none() { "--".into() } else { escape(&measured_cell(unit, compared)) };
        format!(
            "{printed} & {measured} & {interval} & {ratio}",
            printed = escape(&printed_cell(unit, compared)),
            interval = escape(&interval_cell(unit, compared)),
            ratio = escape(&ratio_cell(compared))
        )
    };
    let verdicts = verdict_cell(row, "\n");
    let mut lines = verdicts.lines().map(escape);
    let mut text = format!(
        "{procs} & {hit} & {throughput} & {verdict} \\\\\n",
        procs = row.procs,
        hit = half(Unit::Ratio, &row.hit_ratio),
        throughput = half(Unit::PerSecond, &row.throughput),
        verdict = lines.next().unwrap_or_default()
    );
    lines.for_each(|verdict| {
        let _ = writeln!(text, "{blank}{verdict} \\\\", blank = " & ".repeat(9).trim_start());
    });
    text
}

/// Text as LaTeX shows it; letters that pdflatex's T1 fonts lack become `?`.
pub(in crate::tables) fn escape(text: &str) -> String {
    let escape_one = |letter: char| -> String {
        match letter {
            '\\' => "\\textbackslash{}".into(),
            '~' => "\\textasciitilde{}".into(),
            '^' => "\\textasciicircum{}".into(),
            '<' => "\\textless{}".into(),
            '>' => "\\textgreater{}".into(),
            '`' => "\\textasciigrave{}".into(),
            '"' => "\\textquotedbl{}".into(),
            '-' => "-".into(),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => format!("\\{letter}"),
            'µ' => "\\ensuremath{\\mu}".into(),
            '²' => "\\ensuremath{^2}".into(),
            letter if letter.is_ascii_graphic() || letter == ' ' => letter.into(),
            letter if letter.is_whitespace() => " ".into(),
            _ => "?".into(),
        }
    };
    // Numbers stay with their unit.
    text.chars().map(escape_one).collect::<String>().replace(" \\%", "\\,\\%")
}
