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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
