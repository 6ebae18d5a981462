//! SHA256SUMS: `sum  name` lines, sorted by name, as coreutils' `sha256sum --check` reads them.
//!
//! The runner writes the lines of the raw files when the run is complete; their sums are never made anew here, so a
//! raw file that changed afterwards is found.

use crate::error::ReportError;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Name of the file.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// Sums by the name of their file; empty where there is no SHA256SUMS yet.
pub(crate) fn read_sums(dir: &Path) -> Result<BTreeMap<String, String>, ReportError> {
    let path = dir.join(SUMS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(ReportError::Read { path, source }),
    };
    let mut sums = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        match line.split_once("  ") {
            Some((sum, name)) if sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                sums.insert(name.to_string(), sum.to_string());
            }
            _ => return Err(ReportError::Sums { path, line: number, found: line.into() }),
        }
    }
    Ok(sums)
}

/// A raw file is what it was when the run was complete.
///
/// # Errors
/// `Changed` where it is not, or is not there; `Read`.
pub(crate) fn check_sum(dir: &Path, name: &str, expected: &str) -> Result<(), ReportError> {
    let found = match sum_of_file(&dir.join(name)) {
        Err(ReportError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => None,
        sum => Some(sum?),
    };
    same_sum(dir, name, found.as_deref(), expected)
}

/// As [`check_sum`], where the file's sum is known.
pub(crate) fn same_sum(dir: &Path, name: &str, found: Option<&str>, expected: &str) -> Result<(), ReportError> {
    let what = match found {
        Some(found) if found == expected => return Ok(()),
        Some(_) => "changed since its run was complete: its SHA-256 is not that of SHA256SUMS",
        None => "missing, and SHA256SUMS lists it",
    };
    Err(ReportError::Changed { dir: dir.into(), name: name.into(), what })
}

/// The text of SHA256SUMS.
pub(crate) fn sums_text(sums: &BTreeMap<String, String>) -> String {
    sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect()
}

/// SHA-256 of bytes, hex.
pub(crate) fn sum_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, hex.
pub(crate) fn sum_of_file(path: &Path) -> Result<String, ReportError> {
    let read_error = |source| ReportError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(read_error)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(read_error)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&buffer[..read]),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
