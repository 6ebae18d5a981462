//! A CSV file into groups of observations; whatever is wrong with it is said in one line with its place.

use super::{Weights, bad_file};
use crate::args::Fit as Args;
use crate::exit::{Exit, USAGE};
use csv::StringRecord;

/// The observations of one fit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Value of the column of --by; empty without one.
    pub(super) by: String,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    /// Where a column of weights was named.
    pub(super) weights: Option<Vec<f64>>,
    /// Line of each observation in the file, from 1.
    pub(super) lines: Vec<u64>,
}

impl Group {
    /// `FILE`, or `FILE, arm = close` with --by.
    pub(super) fn name(&self, args: &Args) -> String {
        let file = args.file.display();
        match &args.by {
            Some(column) => format!("{file}, {column} = {by}", by = self.by),
            None => file.to_string(),
        }
    }
}

/// Reads the columns that the command line names; groups in the order in which they first appear.
pub(super) fn read(args: &Args) -> Result<Vec<Group>, Exit> {
    let file = args.file.display();
    let refused = |why: String| Exit::new(USAGE, format!("{file}{why}"));
    if args.file.is_dir() {
        return Err(refused(": is a directory; a CSV file is needed".into()));
    }
    let bytes = std::fs::read(&args.file).map_err(|error| bad_file(&args.file, &error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        refused(format!(":{line}: not UTF-8 text; save the table as CSV in UTF-8"))
    })?;
    // Spreadsheets write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let titles = reader.headers().map_err(|error| refused(format!(": {error}")))?.clone();
    if titles.iter().all(str::is_empty) {
        return Err(refused(": empty; a title line and rows are needed".into()));
    }
    let numbers = titles.iter().filter(|title| title.parse::<f64>().is_ok()).count();
    if numbers == titles.len() {
        let first = titles.iter().collect::<Vec<_>>().join(",");
        return Err(refused(format!(
            ":1: no title line: \"{first}\" holds numbers; name the columns in the first line"
        )));
    }
    let column = |name: &str| {
        let at: Vec<usize> = (0..titles.len()).filter(|at| &titles[*at] == name).collect();
        let all = titles.iter().collect::<Vec<_>>().join(", ");
        match at[..] {
            [one] => Ok(one),
            [] => Err(refused(format!(":1: no column \"{name}\"; there are {all}"))),
            _ => Err(refused(format!(":1: column \"{name}\" appears {} times", at.len()))),
        }
    };
    let (x, y) = (column(&args.x)?, column(&args.y)?);
    let by = args.by.as_deref().map(column).transpose()?;
    let weights = if let Weights::Column(name) = &args.weights { Some(column(name)?) } else { None };
    let mut groups: Vec<Group> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| refused(format!(": {error}")))?;
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != titles.len() {
            let (found, expected) = (row.len(), titles.len());
            return Err(refused(format!(":{line}: {found} cells, the title line has {expected}")));
        }
        let number = |at: usize| number(&row, at, &titles).map_err(|why| refused(format!(":{line}: {why}")));
        let of = by.map_or("", |by| &row[by]);
        if by.is_some() && of.is_empty() {
            return Err(refused(format!(
                ":{line}: {title} is empty; a name needed",
                title = args.by.as_deref().unwrap_or("")
            )));
        }
        let at = groups.iter().position(|group| group.by == of).unwrap_or_else(|| {
            let weights = weights.map(|_| Vec::new());
            groups.push(Group { by: of.into(), x: Vec::new(), y: Vec::new(), weights, lines: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.x.push(number(x)?);
        group.y.push(number(y)?);
        group.lines.push(line);
        if let (Some(all), Some(column)) = (&mut group.weights, weights) {
            let weight = number(column)?;
            if weight <= 0.0 {
                let title = &titles[column];
                return Err(refused(format!(":{line}: {title} is {weight}; weights above 0 needed")));
            }
            all.push(weight);
        }
    }
    if groups.is_empty() {
        return Err(refused(": no rows below the title line".into()));
    }
    for group in &groups {
        let name = group.name(args);
        if let [only] = group.x[..] {
            return Err(Exit::new(USAGE, format!("{name}: one row ({x} = {only}); a curve needs several", x = args.x)));
        }
        if group.x.iter().all(|x| *x == group.x[0]) {
            let (n, x, at) = (group.x.len(), &args.x, group.x[0]);
            return Err(Exit::new(
                USAGE,
                format!("{name}: all {n} rows have {x} = {at}; a curve needs {x} that differ"),
            ));
        }
    }
    Ok(groups)
}

fn number(row: &StringRecord, at: usize, titles: &StringRecord) -> Result<f64, String> {
    let (cell, title) = (&row[at], &titles[at]);
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("{title} is {cell}; a finite number needed")),
        Err(_) if cell.is_empty() => Err(format!("{title} is empty; a number needed")),
        Err(_) => Err(format!("{title} is \"{cell}\"; a number needed")),
    }
}
