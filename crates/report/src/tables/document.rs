//! A table in blocks that share their columns, what it is about above and what it means below: as text, Markdown and LaTeX.

use super::grid::{Align, Grid};
use super::published::latex::{HEAD, escape as escape_latex};
use super::published::markup::escape as escape_markdown;
use super::{Look, wrap};

/// The whole of it.
pub(super) struct Document {
    pub(super) headline: String,
    pub(super) titles: Vec<Title>,
    /// Headings with their rows, one cell for each title.
    pub(super) blocks: Vec<(String, Vec<Vec<String>>)>,
    pub(super) notes: Vec<String>,
}

/// Title of a column.
pub(super) struct Title {
    pub(super) text: String,
    pub(super) align: Align,
    /// As [`Grid::column`] has it.
    pub(super) spare: u8,
}

impl Document {
    /// As text, no line longer than the width.
    pub(super) fn text(&self, look: Look) -> String {
        let column = |grid: Grid, title: &Title| grid.column(&title.text, title.align, title.spare);
        let mut grid = self.titles.iter().fold(Grid::default(), column);
        for (heading, rows) in &self.blocks {
            grid.heading(heading.clone());
            rows.iter().for_each(|row| grid.row(row.clone()));
        }
        let wrapped = |line: &String| wrap(line, 0, look.columns());
        let notes: String = self.notes.iter().map(wrapped).collect();
        wrapped(&self.headline) + &grid.text(look).0 + &notes
    }

    /// In Markdown (GitHub's dialect): one table for each block.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("{headline}\n", headline = escape_markdown(&self.headline));
        let titles: Vec<&str> = self.titles.iter().map(|title| title.text.as_str()).collect();
        for (heading, rows) in &self.blocks {
            text += &format!("\n**{heading}**\n\n", heading = escape_markdown(heading));
            text += &format!(
                "| {titles} |\n|{rules}|\n",
                titles = titles.join(" | "),
                rules = self.aligned("|", ":--", "--:")
            );
            for row in rows {
                let cells: Vec<String> = row.iter().map(|cell| escape_markdown(cell)).collect();
                text += &format!("| {cells} |\n", cells = cells.join(" | "));
            }
        }
        text.push('\n');
        self.notes.iter().for_each(|line| text += &format!("- {line}\n", line = escape_markdown(line)));
        text
    }

    /// As a LaTeX document that compiles by itself: one `tabular` for each block, so that pages can break.
    pub(super) fn latex(&self) -> String {
        let mut text = String::from(HEAD);
        text += &format!("{headline}\n", headline = escape_latex(&self.headline));
        let titles: Vec<String> = self.titles.iter().map(|title| escape_latex(&title.text)).collect();
        for (heading, rows) in &self.blocks {
            text += &format!(
                "\\par\\medskip\\noindent\\textbf{{{heading}}}\\nopagebreak\\par\\noindent\n",
                heading = escape_latex(heading)
            );
            text += &format!(
                "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule\n",
                columns = self.aligned("", "l", "r")
            );
            text += &format!("{titles} \\\\\n\\midrule\n", titles = titles.join(" & "));
            for row in rows {
                let cells: Vec<String> = row.iter().map(|cell| escape_latex(cell)).collect();
                text += &format!("{cells} \\\\\n", cells = cells.join(" & "));
            }
            text += "\\bottomrule\n\\end{tabular}\n";
        }
        for line in &self.notes {
            text += &format!("\\par\\smallskip\\noindent {line}\n", line = escape_latex(line));
        }
        text += "\\end{document}\n";
        text
    }

    fn aligned(&self, between: &str, left: &str, right: &str) -> String {
        let side = |title: &Title| if title.align == Align::Left { left } else { right };
        self.titles.iter().map(side).collect::<Vec<_>>().join(between)
    }
}
