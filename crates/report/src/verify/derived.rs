//! That everything derived follows from the raw files: made anew and compared byte by byte.

use super::Found;
use crate::derive::derive;
use crate::error::ReportError;
use crate::results::Results;
use crate::update::{DerivedFile, derived_files};
use std::fs;

/// Compares each derived file that is there with what it should hold, a CSV line by line.
pub(crate) fn check_derived(results: &Results, found: &mut Found) -> Result<(), ReportError> {
    for file in derived_files(results, &derive(results)) {
        let path = results.dir.join(&file.name);
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(|source| ReportError::Read { path, source })?;
        if bytes == file.bytes {
            continue;
        }
        if file.name.ends_with(".csv") {
            compare_lines(&file, &bytes, found);
        } else {
            let expected = "what `numalab report` of this version makes of the raw files";
            found.note(&file.name, None, "contents", "something else", expected);
        }
    }
    Ok(())
}

fn compare_lines(file: &DerivedFile, bytes: &[u8], found: &mut Found) {
    let (is, should) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&file.bytes));
    let (mut is, mut should) = (is.lines(), should.lines());
    for line in 1.. {
        match (is.next(), should.next()) {
            (None, None) => break,
            (is, should) if is == should => {}
            (is, should) => {
                let text = |line: Option<&str>| line.map_or("no row".into(), |line| format!("\"{line}\""));
                found.note(&file.name, Some(line), "row that follows from the raw files", text(is), text(should));
            }
        }
    }
}
