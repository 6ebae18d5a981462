//! That summary, fits and claims follow from the raw files: made anew and compared byte by byte.

use super::Found;
use crate::derive::derive;
use crate::error::ReportError;
use crate::results::Results;
use crate::update::tables_of;
use std::fs;

/// Compares each derived CSV that is there with what it should hold, line by line.
pub(crate) fn check_derived(results: &Results, found: &mut Found) -> Result<(), ReportError> {
    for file in tables_of(results, &derive(results)) {
        let path = results.dir.join(&file.name);
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).map_err(|source| ReportError::Read { path, source })?;
        if bytes == file.bytes {
            continue;
        }
        let (is, should) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&file.bytes));
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
    Ok(())
}
