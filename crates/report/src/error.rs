//! Why a results folder cannot be read, or its derived files not written.

use plan::remedy::{of_reading, of_writing};
use std::path::PathBuf;

/// An error of this crate. A mismatch that `verify` finds is not one: it is an answer.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not a results folder: one of the files that the runner writes first is missing.
    #[error("{dir}: not a results folder: it has no {file}", dir = dir.display())]
    NotAResultsFolder {
        /// The folder.
        dir: PathBuf,
        /// What is missing.
        file: &'static str,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}{advice}", path = path.display(), advice = advice(of_reading(source), "try again"))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written or replaced; what was there before is untouched.
    #[error("cannot write {path}: {source}{advice}", path = path.display(), advice = advice(of_writing(source), "call numalab report"))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// manifest.json or topology.json does not hold what it should.
    #[error("{path}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// plan.toml does not hold what it should.
    #[error("{path}", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// The folder was written by a newer version.
    #[error("{path}: results format {found}, this version reads up to {known}; use a newer numalab", path = path.display())]
    NewerFormat {
        /// manifest.json.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// A title line lacks a column.
    #[error("{path}:1: column {column} is missing; the title line must be that of this plan's experiment", path = path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A title line has a column that is none of the file's, or has one twice.
    #[error("{path}:1: unknown or repeated column {column}", path = path.display())]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A cell does not hold what its column says.
    #[error("{path}:{line}: column {column}: found \"{found}\", expected {expected}", path = path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// Line, from 1; the title line is 1.
        line: u64,
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A row has too many or too few cells.
    #[error("{path}:{line}: {found} cells, the title line has {expected}", path = path.display())]
    RowLength {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Cells of the row.
        found: usize,
        /// Columns.
        expected: usize,
    },
    /// A row names a point that the plan does not have.
    #[error("{path}:{line}: point {point} is not in plan.toml", path = path.display())]
    UnknownPoint {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The point as the row names it.
        point: String,
    },
    /// The last line does not end, in a run that is complete.
    #[error("{path}:{line}: the last line is torn, and the run is complete; restore the file", path = path.display())]
    TornLine {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
    },
    /// A raw file is not what it was when the run was complete.
    #[error("{path}: {what}; restore it, and see numalab verify {dir}", path = dir.join(name).display(), dir = dir.display())]
    Changed {
        /// The folder.
        dir: PathBuf,
        /// The file.
        name: String,
        /// In which way.
        what: &'static str,
    },
    /// SHA256SUMS does not hold "sum  name" lines.
    #[error("{path}:{line}: found \"{found}\", expected a SHA-256 sum, two blanks and a file's name", path = path.display())]
    Sums {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The line.
        found: String,
    },
}

/// What to do about a system's answer, with its semicolon; empty where there is nothing to say.
fn advice(remedy: Option<&str>, then: &str) -> String {
    remedy.map(|remedy| format!("; {remedy}, then {then}")).unwrap_or_default()
}
