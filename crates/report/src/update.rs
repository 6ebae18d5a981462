//! Everything that follows from a folder's raw files, made anew and put in place file by file.

use crate::datapackage::datapackage;
use crate::derive::derive;
use crate::error::ReportError;
use crate::present::presented;
use crate::results::{Derived, Results, open};
use crate::schema::{files, titles_of};
use crate::sums::{SUMS, read_sums, sum_of, sums_text};
use crate::tables::csv_text;
use crate::threads::with_threads;
use plan::record::{ClaimRow, FitRow, Row, SummaryRow};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A derived file: its name relative to the folder, with `/`, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedFile {
    /// `summary.csv`, `figures/throughput.svg`, …
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What [`update`] read, derived and wrote.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The folder as read.
    pub results: Results,
    /// What followed from it.
    pub derived: Derived,
    /// Names of the files that were replaced, SHA256SUMS last.
    pub files: Vec<String>,
}

/// Reads a folder, derives everything and replaces each derived file by rename; SHA256SUMS comes last.
///
/// Before the first is replaced, SHA256SUMS loses the derived files of an earlier report: one that breaks off in the middle
/// leaves a folder that says so.
///
/// # Errors
/// As [`open`]; `Write` where a file cannot be replaced. Whatever happens, each file is the old or the new one, whole.
pub fn update(dir: &Path) -> Result<Updated, ReportError> {
    let (results, derived, files) = with_threads(|| -> Result<_, ReportError> {
        let results = open(dir)?;
        let derived = derive(&results);
        let files = derived_files(&results, &derived);
        Ok((results, derived, files))
    })?;
    let files = replace_all(dir, &files)?;
    Ok(Updated { results, derived, files })
}

/// All derived files but SHA256SUMS.
pub(crate) fn derived_files(results: &Results, derived: &Derived) -> Vec<DerivedFile> {
    let mut files = tables_of(results, derived);
    files.push(DerivedFile { name: "datapackage.json".into(), bytes: datapackage(results).into_bytes() });
    let mut names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    names.extend(raw_names().filter(|name| results.dir.join(name).is_file()).map(String::from));
    files.extend(presented(results, derived, &names));
    files
}

/// Files that the runner writes.
pub(crate) fn raw_names() -> impl Iterator<Item = &'static str> {
    let rows = plan::record::FILES.iter().map(|(file, _)| *file).filter(|file| !is_derived(file));
    ["manifest.json", "plan.toml", "topology.json", "topology.xml"].into_iter().chain(rows)
}

/// summary.csv, fits.csv and claims.csv.
pub(crate) fn tables_of(results: &Results, derived: &Derived) -> Vec<DerivedFile> {
    let summary = derived.summary.iter().map(|line| [line.row.cells(), line.factors.clone()].concat());
    vec![
        csv_file::<SummaryRow>(results, summary),
        csv_file::<FitRow>(results, derived.fits.iter().map(Row::cells)),
        csv_file::<ClaimRow>(results, derived.claims.iter().map(Row::cells)),
    ]
}

fn csv_file<R: Row>(results: &Results, rows: impl Iterator<Item = Vec<String>>) -> DerivedFile {
    let known = files(&results.plan);
    let (_, fields) =
        known.iter().find(|(file, _)| *file == R::FILE).expect("every row type is in plan::record::FILES");
    DerivedFile { name: R::FILE.into(), bytes: csv_text(&titles_of(fields), rows).into_bytes() }
}

/// Whether a file is made by this crate; all others are the runner's, and their sums too.
pub(crate) fn is_derived(name: &str) -> bool {
    let made = ["summary.csv", "fits.csv", "claims.csv", "datapackage.json", "report.html"];
    let below = |folder: &str| name.starts_with(folder) && !name.contains("..");
    made.contains(&name) || below("figures/") || below("tables/")
}

/// Puts the files in place, removes derived files of an earlier report that this one does not have, and writes sums.
fn replace_all(dir: &Path, files: &[DerivedFile]) -> Result<Vec<String>, ReportError> {
    let (stale, mut sums): (BTreeMap<_, _>, BTreeMap<_, _>) =
        read_sums(dir)?.into_iter().partition(|(name, _)| is_derived(name));
    if !stale.is_empty() {
        replace(&dir.join(SUMS), sums_text(&sums).as_bytes())?;
    }
    sums.extend(files.iter().map(|file| (file.name.clone(), sum_of(&file.bytes))));
    for name in stale.keys().filter(|name| !sums.contains_key(*name)) {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ReportError::Write { path, source });
            }
            _ => {}
        }
    }
    for file in files {
        replace(&dir.join(&file.name), &file.bytes)?;
    }
    replace(&dir.join(SUMS), sums_text(&sums).as_bytes())?;
    Ok(files.iter().map(|file| file.name.clone()).chain([SUMS.into()]).collect())
}

/// Replaces a file as a whole: written beside it, synced, renamed, and the folder synced.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let write_error = |source| ReportError::Write { path: path.into(), source };
    let folder = path.parent().expect("a file of a folder");
    fs::create_dir_all(folder).map_err(write_error)?;
    let beside = beside(path);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // The error that is returned says more than one about the leftover.
        let _ = fs::remove_file(&beside);
    }
    renamed.and_then(|()| File::open(folder)?.sync_all()).map_err(write_error)
}

/// `.summary.csv.1234.new` beside summary.csv: two reports at once do not write into one file.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().expect("a file of a folder").to_string_lossy();
    path.with_file_name(format!(".{name}.{pid}.new", pid = std::process::id()))
}
