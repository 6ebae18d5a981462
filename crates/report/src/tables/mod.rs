//! Tables for people: on a terminal, in Markdown, CSV and LaTeX.
//!
//! [`main_text`] is what was measured, [`claims_text`] what became of the claims,
//! [`audit_text`] what an article's own tables say of its statements, [`published`] an article's table beside
//! this machine's. Text fits the width it is given; colour only where asked for.

mod audit;
mod claims;
pub mod compare;
mod document;
mod grid;
mod knee;
mod overview;
mod points;
mod printed;
pub mod published;
pub mod summary;

pub use audit::{audit_csv, audit_text};
pub(crate) use audit::{by_claim, figure_in_words};
pub use claims::claims_text;
pub(crate) use claims::{answered, asked, not_testable, numbers as claim_numbers, tested_on};
pub(crate) use knee::{constants as knee_constants, heading as knee_heading, predicted as knee_predicted};
pub use knee::{knee_csv, knee_text};
pub use overview::claims_overview;
pub use points::main_text;
pub(crate) use points::{centre_of, flags, has_heaps, own_metric, timing_words};
pub(crate) use printed::{
    blocks as printed_blocks, cells as printed_cells, heading as printed_heading, notes as printed_notes,
};
pub use printed::{printed_csv, printed_latex, printed_markdown, printed_text};

/// How text looks. A width alone (`100.into()`) is without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns; narrower than [`Look::NARROWEST`] is taken as that.
    pub width: usize,
    /// Whether ANSI colours are written; the caller honours NO_COLOR and terminals.
    pub colour: bool,
}

impl Look {
    /// Narrower than this no table can be read.
    pub const NARROWEST: usize = 80;

    /// Text in a colour, or as it is.
    pub(crate) fn paint(self, text: &str, paint: Paint) -> String {
        let code = match paint {
            Paint::Bold => 1,
            Paint::Dim => 2,
            Paint::Good => 32,
            Paint::Bad => 31,
            Paint::Open => 33,
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    /// Usable columns.
    pub(crate) fn columns(self) -> usize {
        self.width.max(Look::NARROWEST)
    }
}

impl From<usize> for Look {
    fn from(width: usize) -> Look {
        Look { width, colour: false }
    }
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Bold,
    Dim,
    Good,
    Bad,
    Open,
}

/// Rows below a title line.
pub fn csv_text(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    const IN_MEMORY: &str = "writing to memory cannot fail, and every row has the titles' length";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(titles).expect(IN_MEMORY);
    rows.for_each(|row| writer.write_record(row).expect(IN_MEMORY));
    String::from_utf8(writer.into_inner().expect(IN_MEMORY)).expect("all cells are text")
}

/// Lines of at most `width` letters, broken at blanks, each behind `indent` blanks; a longer word is cut.
pub fn wrap(text: &str, indent: usize, width: usize) -> String {
    let most = width.saturating_sub(indent).max(10);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > most {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.chars().count() == most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

#[cfg(test)]
mod tests;
