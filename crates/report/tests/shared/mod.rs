//! A results folder on disk, for the tests that change one.

#![allow(dead_code, clippy::unwrap_used, reason = "tests, each of which uses some of it")]

use report::verify;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p")
}

/// The raw files of the golden folder, in a place that may be written to.
pub(crate) fn copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "manifest.json",
        "plan.toml",
        "topology.json",
        "points.csv",
        "samples.csv",
        "pauses.csv",
        "windows.csv",
        "workers.csv",
        "traffic.csv",
        "facts.csv",
    ] {
        fs::copy(golden().join(name), dir.path().join(name)).unwrap();
    }
    dir
}

/// As [`copy`], with a report, its samples.csv listed in SHA256SUMS as a complete run has it.
pub(crate) fn complete() -> TempDir {
    // Derived once; a copy is as good.
    static DONE: LazyLock<TempDir> = LazyLock::new(|| {
        let dir = copy();
        list_sums(dir.path());
        report::update(dir.path()).unwrap();
        dir
    });
    let dir = tempfile::tempdir().unwrap();
    copy_all(DONE.path(), dir.path());
    dir
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            fs::create_dir(to.join(&name)).unwrap();
            copy_all(&path, &to.join(&name));
        } else {
            fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

/// What the runner does at the end of a run.
pub(crate) fn list_sums(dir: &Path) {
    use sha2::Digest;
    let mut text = String::new();
    for name in [
        "facts.csv",
        "manifest.json",
        "pauses.csv",
        "plan.toml",
        "points.csv",
        "samples.csv",
        "topology.json",
        "traffic.csv",
        "windows.csv",
        "workers.csv",
    ] {
        let sum: String =
            sha2::Sha256::digest(fs::read(dir.join(name)).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{sum}  {name}\n"));
    }
    fs::write(dir.join("SHA256SUMS"), text).unwrap();
}

pub(crate) fn lines_of(dir: &Path) -> Vec<String> {
    verify(dir).unwrap().mismatches.iter().map(ToString::to_string).collect()
}

/// Puts `text` into the cell of `column` in row `line` (from 1, the title line is 1).
pub(crate) fn set_cell(path: &Path, line: usize, column: &str, text: &str) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    let mut rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(String::from).collect()).collect();
    let at = rows[0].iter().position(|title| title == column).unwrap();
    rows[line - 1][at] = text.into();
    let mut writer = csv::Writer::from_path(path).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.flush().unwrap();
}
