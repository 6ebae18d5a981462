//! A published table as data.

use crate::error::ReportError;
use plan::point::Plan;
use std::fs;
use std::path::{Path, PathBuf};

/// `experiments/published/numa_binding.csv` as it was when this program was built.
const NUMA_BINDING: &str = include_str!("../../../../../experiments/published/numa_binding.csv");

/// The published table of hit ratio and throughput by procs.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Where it comes from, for titles.
    pub source: String,
    /// Its rows, as printed.
    pub rows: Vec<PublishedRow>,
}

/// One row; what the article does not print is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedRow {
    /// Number of workers.
    pub procs: u32,
    /// Local hit ratio, 0..1 (printed in percent).
    pub local_hit_ratio: Option<f64>,
    /// Requests per second.
    pub throughput_per_s: Option<f64>,
}

const COLUMNS: [&str; 3] = ["procs", "local_hit_percent", "throughput_req_per_s"];

impl Published {
    /// The article's table of section 2.4, which the program carries with it.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn numa_binding() -> Published {
        Published::parse(NUMA_BINDING, Path::new("numa_binding.csv")).expect("the table built in is read by a test")
    }

    /// The table that a plan names, if it is the one built in: what a folder shows must not hang on files beside it.
    pub fn of(plan: &Plan) -> Option<Published> {
        let named = plan.published.as_deref()?;
        (Path::new(named).file_name()? == "numa_binding.csv").then(Published::numa_binding)
    }

    /// Reads a published table: columns `procs`, `local_hit_percent`, `throughput_req_per_s`, in any order; others are
    /// passed over.
    ///
    /// # Errors
    /// Which line and column, what was found and what was expected.
    pub fn read(path: &Path) -> Result<Published, ReportError> {
        let text = fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.into(), source })?;
        Published::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Published, ReportError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let titles = reader.headers().map_err(|source| unreadable(path, source))?.clone();
        let place = |column: &str| {
            let missing = || ReportError::MissingColumn { path: path.into(), column: column.into() };
            titles.iter().position(|title| title == column).ok_or_else(missing)
        };
        let places = [place(COLUMNS[0])?, place(COLUMNS[1])?, place(COLUMNS[2])?];
        let mut rows = Vec::new();
        for (record, line) in reader.records().zip(2..) {
            let record = record.map_err(|source| unreadable(path, source))?;
            let cell =
                |column: usize| Cell { path, line, column, text: record.get(places[column]).unwrap_or("").trim() };
            rows.push(PublishedRow {
                procs: cell(0).procs()?,
                local_hit_ratio: cell(1).number(100.0)?.map(|percent| percent / 100.0),
                throughput_per_s: cell(2).number(f64::MAX)?,
            });
        }
        let source = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(Published { source, rows })
    }
}

struct Cell<'a> {
    path: &'a Path,
    line: u64,
    column: usize,
    text: &'a str,
}

impl Cell<'_> {
    fn procs(&self) -> Result<u32, ReportError> {
        let number = self.text.parse().ok().filter(|&procs| procs > 0);
        number.ok_or_else(|| self.wrong("a number of processors"))
    }

    fn number(&self, most: f64) -> Result<Option<f64>, ReportError> {
        if self.text.is_empty() {
            return Ok(None);
        }
        let number = self.text.parse::<f64>().ok().filter(|number| (0.0..=most).contains(number));
        number.map(Some).ok_or_else(|| self.wrong("a number from 0, in percent at most 100, or nothing"))
    }

    fn wrong(&self, expected: &'static str) -> ReportError {
        ReportError::Cell {
            path: PathBuf::from(self.path),
            line: self.line,
            column: COLUMNS[self.column].into(),
            found: self.text.into(),
            expected,
        }
    }
}

fn unreadable(path: &Path, source: csv::Error) -> ReportError {
    ReportError::Read { path: path.into(), source: std::io::Error::other(source) }
}
