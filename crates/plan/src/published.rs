//! A published table as data: printed values that an experiment is compared with, by number of workers.

use crate::experiment::FileError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The published table of hit ratio and throughput by procs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Where it comes from, for titles: the name of its file without the ending.
    pub source: String,
    /// Its rows, as printed.
    pub rows: Vec<PublishedRow>,
}

/// One row; what the article does not print is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PublishedRow {
    /// Number of workers.
    pub procs: u32,
    /// Local hit ratio, 0..1 (printed in percent).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub local_hit_ratio: Option<f64>,
    /// Requests per second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throughput_per_s: Option<f64>,
}

const COLUMNS: [&str; 3] = ["procs", "local_hit_percent", "throughput_req_per_s"];

impl Published {
    /// Reads the text of a table: columns `procs`, `local_hit_percent`, `throughput_req_per_s`, in any order; others are
    /// passed over. `path` is what messages call it.
    ///
    /// # Errors
    /// Which line and column, what was found and what was expected.
    pub fn parse(path: &str, text: &str) -> Result<Published, FileError> {
        let wrong = |line, message| FileError { path: path.into(), line: Some(line), message };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let titles = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
        let place = |column: &str| {
            titles.iter().position(|title| title.trim() == column).ok_or_else(|| {
                let found = titles.iter().collect::<Vec<_>>().join(", ");
                let needed = COLUMNS.join(", ");
                wrong(1, format!("column {column} is missing; found: {found}; needed: {needed}"))
            })
        };
        let places = [place(COLUMNS[0])?, place(COLUMNS[1])?, place(COLUMNS[2])?];
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| wrong(line_of(text, error.position()), error.to_string()))?;
            let line = line_of(text, record.position());
            let cell = |column: usize| record.get(places[column]).unwrap_or("").trim();
            let refuse = |column: usize, expected: &str| {
                let (title, found) = (COLUMNS[column], cell(column).escape_debug());
                wrong(line, format!("column {title}: found \"{found}\", expected {expected}"))
            };
            let number = |column: usize, most: f64| {
                number(cell(column), most)
                    .ok_or_else(|| refuse(column, "a number from 0, in percent at most 100, or nothing"))
            };
            let procs = cell(0).parse().ok().filter(|&procs: &u32| procs > 0);
            rows.push(PublishedRow {
                procs: procs.ok_or_else(|| refuse(0, "a number of processors"))?,
                local_hit_ratio: number(1, 100.0)?.map(|percent| percent / 100.0),
                throughput_per_s: number(2, f64::MAX)?,
            });
        }
        if rows.is_empty() {
            return Err(wrong(1, "no row below the titles".into()));
        }
        let source = Path::new(path).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(Published { source, rows })
    }
}

/// Line of a record, from 1; the reader's own place lies before the empty lines that it passes over.
pub(crate) fn line_of(text: &str, place: Option<&csv::Position>) -> usize {
    let (before, rest) = text.split_at_checked(place.map_or(0, |place| place.byte() as usize)).unwrap_or((text, ""));
    let empty = &rest[..rest.len() - rest.trim_start().len()];
    1 + before.matches('\n').count() + empty.matches('\n').count()
}

/// An empty cell is `Some(None)`; one that holds no such number is `None`.
fn number(text: &str, most: f64) -> Option<Option<f64>> {
    match text {
        "" => Some(None),
        _ => text.parse().ok().filter(|number| (0.0..=most).contains(number)).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_printed() {
        let text = "throughput_req_per_s,gain,procs,local_hit_percent\n,,8,76\n68900,63.7, 32 ,92\n";
        let row = |procs, hit, throughput| PublishedRow { procs, local_hit_ratio: hit, throughput_per_s: throughput };
        let rows = vec![row(8, Some(0.76), None), row(32, Some(0.92), Some(68_900.0))];
        assert_eq!(Published::parse("a/table.csv", text), Ok(Published { source: "table".into(), rows }));
    }

    #[test]
    fn errors_are_exact() {
        let check = |text: &str, expect: &str| {
            let error = Published::parse("a/table.csv", text).expect_err(text).to_string();
            assert_eq!(error, format!("a/table.csv:{expect}"));
        };
        let needed = "needed: procs, local_hit_percent, throughput_req_per_s";
        check("procs,hits\n8,76\n", &format!("1: column local_hit_percent is missing; found: procs, hits; {needed}"));
        check("", &format!("1: column procs is missing; found: ; {needed}"));
        let titles = "procs,local_hit_percent,throughput_req_per_s";
        check(titles, "1: no row below the titles");
        check(&format!("{titles}\n0,76,1\n"), "2: column procs: found \"0\", expected a number of processors");
        let expected = "expected a number from 0, in percent at most 100, or nothing";
        check(
            &format!("{titles}\n8,76,1\n\n8,176,1\n"),
            &format!("4: column local_hit_percent: found \"176\", {expected}"),
        );
        check(
            &format!("{titles}\n8,76,many\n"),
            &format!("2: column throughput_req_per_s: found \"many\", {expected}"),
        );
    }
}
