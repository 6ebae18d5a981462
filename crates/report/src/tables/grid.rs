//! Columns of text, aligned, in a given width.

use super::{Look, Paint};

const WIDE_GAP: usize = 2;
const NARROW_GAP: usize = 1;

/// A table of text.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
struct Column {
    title: String,
    align: Align,
    // Columns are left out, highest number first, where the width does not suffice; 0 never.
    spare: u8,
}

/// Where cells stand in their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone)]
enum Row {
    // A cell may have several lines.
    Cells(Vec<String>),
    Heading(String),
}

impl Grid {
    /// Adds a column; `spare` > 0 may be left out, the highest first.
    pub(super) fn column(mut self, title: &str, align: Align, spare: u8) -> Grid {
        self.columns.push(Column { title: title.into(), align, spare });
        self
    }

    /// Adds a row, one cell for each column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "one cell for each column");
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line across all columns.
    pub(super) fn heading(&mut self, text: String) {
        self.rows.push(Row::Heading(text));
    }

    /// The text, and the titles of columns that were left out. A column without any text is left out in silence.
    pub(super) fn text(&self, look: Look) -> (String, Vec<&str>) {
        let widths: Vec<usize> = (0..self.columns.len()).map(|at| self.width(at)).collect();
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(|&at| self.has_text(at)).collect();
        let mut dropped = Vec::new();
        let total = |kept: &[usize], gap: usize| kept.iter().map(|&at| widths[at] + gap).sum::<usize>();
        // Closer columns cost less than a column left out.
        let gap = if total(&kept, WIDE_GAP) > look.columns() { NARROW_GAP } else { WIDE_GAP };
        while total(&kept, gap) > look.columns() {
            let Some(&most) = kept.iter().max_by_key(|&&at| self.columns[at].spare) else { break };
            if self.columns[most].spare == 0 {
                break;
            }
            kept.retain(|&at| at != most);
            dropped.push(self.columns[most].title.as_str());
        }
        let gap = if total(&kept, WIDE_GAP) > look.columns() { NARROW_GAP } else { WIDE_GAP };
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.clone()).collect();
        let mut text = self.lines(&titles, &kept, (&widths, gap), |line| look.paint(line, Paint::Dim));
        for row in &self.rows {
            match row {
                Row::Cells(cells) => text += &self.lines(cells, &kept, (&widths, gap), |line| line.into()),
                Row::Heading(heading) => {
                    for line in super::wrap(heading, 0, look.columns()).lines() {
                        text += &format!("{}\n", look.paint(line, Paint::Bold));
                    }
                }
            }
        }
        (text, dropped)
    }

    fn width(&self, at: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| match row {
            Row::Cells(cells) => Some(cells[at].as_str()),
            Row::Heading(_) => None,
        });
        let lines = cells.chain([self.columns[at].title.as_str()]).flat_map(str::lines);
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    }

    fn has_text(&self, at: usize) -> bool {
        self.rows.iter().any(|row| matches!(row, Row::Cells(cells) if !cells[at].is_empty()))
    }

    fn lines(
        &self,
        cells: &[String],
        kept: &[usize],
        (widths, gap): (&[usize], usize),
        paint: impl Fn(&str) -> String,
    ) -> String {
        let height = kept.iter().map(|&at| cells[at].lines().count()).max().unwrap_or(0).max(1);
        let line = |nth: usize| {
            let cell = |&at: &usize| {
                let (text, width) = (cells[at].lines().nth(nth).unwrap_or(""), widths[at]);
                match self.columns[at].align {
                    Align::Left => format!("{:gap$}{text:<width$}", ""),
                    Align::Right => format!("{:gap$}{text:>width$}", ""),
                }
            };
            kept.iter().map(cell).collect::<String>()
        };
        (0..height).map(|nth| format!("{}\n", paint(line(nth).trim_end()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::default()
            .column("arm", Align::Left, 0)
            .column("empty", Align::Left, 0)
            .column("procs", Align::Right, 0)
            .column("a long title that may go", Align::Left, 1)
            .column("another that goes before it", Align::Left, 2);
        grid.heading("measured".into());
        grid.row(["close", "", "1", "x", "two\nlines"].map(String::from).to_vec());
        grid
    }

    #[test]
    fn columns_are_aligned_and_left_out_as_the_width_asks() {
        let mut grid = grid();
        let (text, dropped) = grid.text(100.into());
        assert_eq!(
            text,
            "  arm    procs  a long title that may go  another that goes before it\nmeasured\n  \
             close      1  x                         two\n                                          lines\n"
        );
        assert!(dropped.is_empty());
        grid.row(["x".repeat(60).as_str(), "", "1", "x", "y"].map(String::from).to_vec());
        let (text, dropped) = grid.text(100.into());
        assert_eq!(dropped, ["another that goes before it"]);
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn colour_is_only_written_where_asked_for() {
        assert!(!grid().text(100.into()).0.contains('\x1b'));
        assert!(grid().text(Look { width: 100, colour: true }).0.contains("\x1b[1mmeasured\x1b[0m"));
    }
}
