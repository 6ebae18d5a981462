//! A printed table as it was printed: texts, from which a figure has its value and the interval that it was rounded from.

use crate::experiment::FileError;
use crate::published::line_of;
use serde::{Deserialize, Serialize};

/// A printed figure: what it says, and half of its last digit. The figure that was rounded lies within value +- half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Printed {
    /// What is printed.
    pub value: f64,
    /// Half a unit of the last digit printed; 0 for what is exact.
    pub half: f64,
}

impl Printed {
    /// The number at the start of a text, such as `0.82`, `47 %` or `3.8 x`.
    pub fn parse(text: &str) -> Option<Printed> {
        let number = text.split_whitespace().next()?;
        let value: f64 = number.parse().ok().filter(|value: &f64| value.is_finite())?;
        let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let last = 10f64.powi(power.parse::<i32>().ok()?) / 10f64.powi(i32::try_from(decimals).ok()?);
        Some(Printed { value, half: 0.5 * last })
    }

    /// Lowest and highest figure that is printed so.
    pub fn interval(&self) -> (f64, f64) {
        (self.value - self.half, self.value + self.half)
    }
}

/// A table of an article. Rows are found by their first cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrintedTable {
    /// What formulas call it.
    pub name: String,
    /// Its file, as the audit names it.
    pub file: String,
    /// Columns that were not rounded: counts that were set.
    pub exact: Vec<String>,
    /// Titles of its columns.
    pub titles: Vec<String>,
    /// Its cells as printed.
    pub rows: Vec<Vec<String>>,
}

impl PrintedTable {
    /// Reads a CSV file's text; `path` is what messages call it.
    ///
    /// # Errors
    /// Which line, and what is wrong with it.
    pub fn parse(name: &str, file: &str, path: &str, text: &str) -> Result<PrintedTable, FileError> {
        let wrong = |line: Option<usize>, message: String| FileError { path: path.into(), line, message };
        let line = |place: Option<&csv::Position>| Some(line_of(text, place));
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let titles = reader.headers().map_err(|error| wrong(Some(1), one_line(&error)))?;
        // A quoted cell may hold line breaks, which no message and no report has room for.
        let cells = |record: &csv::StringRecord| record.iter().map(on_one_line).collect::<Vec<_>>();
        let titles = cells(titles);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| wrong(line(error.position()), one_line(&error)))?;
            let row = cells(&record);
            if rows.iter().any(|other| other[0] == row[0]) {
                let message = format!("\"{key}\" starts two rows; rows are found by their first cell", key = row[0]);
                return Err(wrong(line(record.position()), message));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(wrong(None, "no row below the titles".into()));
        }
        Ok(PrintedTable { name: name.into(), file: file.into(), exact: Vec::new(), titles, rows })
    }

    /// Line of a row in the text that the table was read from, from 1.
    pub(crate) fn line_of(text: &str, row: usize) -> Option<usize> {
        let record = csv::Reader::from_reader(text.as_bytes()).into_records().nth(row)?.ok()?;
        Some(line_of(text, record.position()))
    }

    /// The place of a column.
    pub fn column(&self, title: &str) -> Option<usize> {
        self.titles.iter().position(|known| known == title)
    }

    /// The place of the row that starts with this text.
    pub fn row(&self, key: &str) -> Option<usize> {
        self.rows.iter().position(|row| row[0] == key)
    }

    /// The figure in a cell, with what it may have been rounded from; `None` where it holds none.
    ///
    /// A whole number shows no last digit: it is that of the greatest power of ten that divides every whole number of its
    /// column, which is the widest reading and so the kindest.
    pub fn figure(&self, row: usize, column: usize) -> Option<Printed> {
        let text = self.rows.get(row)?.get(column)?;
        let printed = Printed::parse(text)?;
        if self.exact.contains(&self.titles[column]) {
            return Some(Printed { half: 0.0, ..printed });
        }
        let is_whole = |text: &str| text.split_whitespace().next().and_then(|number| number.parse::<i64>().ok());
        if is_whole(text).is_none() {
            return Some(printed);
        }
        let wholes = self.rows.iter().filter_map(|row| is_whole(&row[column])).filter(|whole| *whole != 0);
        let zeros = wholes.map(|whole| (1..=18u32).take_while(|power| whole % 10i64.pow(*power) == 0).count()).min();
        Some(Printed { half: 0.5 * 10f64.powi(zeros.unwrap_or(0) as i32), ..printed })
    }
}

fn one_line(error: &csv::Error) -> String {
    on_one_line(&error.to_string())
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_know_what_they_were_rounded_from() {
        let check = |text: &str, value: f64, half: f64| {
            let found = Printed::parse(text).expect(text);
            assert!(found.value == value && (found.half - half).abs() < 1e-15 * half.max(1.0), "{text}: {found:?}");
        };
        check("0.82", 0.82, 0.005);
        check("214.6", 214.6, 0.05);
        check("47 %", 47.0, 0.5);
        check("3.8 x", 3.8, 0.05);
        check("1.50e3", 1500.0, 5.0);
        for none in ["", "about P", "x 3", "inf", "nan", "1e999"] {
            assert_eq!(Printed::parse(none), None, "{none}");
        }
    }

    #[test]
    fn whole_numbers_share_their_last_digit_and_exact_ones_have_none() {
        let text = "tasks,rate,share,note\n100,98200,76,a\n1000,42600,92,b\n20000,1350,68,c\n";
        let mut table = PrintedTable::parse("t", "t.csv", "t.csv", text).expect("a table");
        let half = |table: &PrintedTable, column: &str| table.figure(2, table.column(column).expect("there"));
        assert_eq!(half(&table, "rate"), Some(Printed { value: 1350.0, half: 5.0 }));
        assert_eq!(half(&table, "share"), Some(Printed { value: 68.0, half: 0.5 }));
        assert_eq!(half(&table, "tasks"), Some(Printed { value: 20000.0, half: 50.0 }));
        table.exact = vec!["tasks".into()];
        assert_eq!(half(&table, "tasks"), Some(Printed { value: 20000.0, half: 0.0 }));
        assert_eq!((half(&table, "note"), table.row("1000"), table.column("x")), (None, Some(1), None));
    }

    #[test]
    fn errors_are_one_line() {
        let check = |text: &str, expect: &str| {
            let error = PrintedTable::parse("t", "t.csv", "p/t.csv", text).expect_err(text).to_string();
            assert!(error.starts_with(expect) && !error.contains('\n'), "{error}");
        };
        check("a,b\n", "p/t.csv: no row below the titles");
        check("a,b\n1,2\n1,3\n", "p/t.csv:3: \"1\" starts two rows");
        check("a,b\n1\n", "p/t.csv:2: CSV error");
        check("a,b\n\"x\ny\",2\nx y,3\n", "p/t.csv:4: \"x y\" starts two rows");
    }
}
