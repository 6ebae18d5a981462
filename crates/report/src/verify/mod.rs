//! Whether a results folder says what its samples say: sums, schema, counts, arithmetic, and that everything derived
//! follows from the raw files. It changes nothing.

mod derived;
mod hits;
mod identity;
mod parts;
mod pauses;
mod points;
mod rows;
mod samples;

use crate::error::ReportError;
use crate::results::{open_unchecked, read_json, read_manifest, read_plan};
use crate::sums::{SUMS, read_sums, sum_of_file};
use crate::threads::with_threads;
use crate::update::{is_derived, raw_names};
use plan::manifest::Manifest;
use plan::point::Plan;
use plan::topology::Topology;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Mismatches of one kind in one file that are listed one by one; the rest are counted.
const LISTED_MOST: usize = 20;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// File in the folder.
    pub file: String,
    /// Line in it, from 1; `None` where the file as a whole is meant.
    pub row: Option<u64>,
    /// What does not fit.
    pub what: String,
    /// What the file says.
    pub found: String,
    /// What follows from the rest.
    pub expected: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{file}", file = self.file)?;
        if let Some(row) = self.row {
            write!(out, ":{row}")?;
        }
        write!(
            out,
            ": {what}: found {found}, expected {expected}",
            what = self.what,
            found = self.found,
            expected = self.expected
        )
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Empty where everything fits.
    pub mismatches: Vec<Mismatch>,
    /// What could not be checked because the run or its report is unfinished, one line each; empty for a whole folder.
    pub unchecked: Vec<String>,
}

/// Checks a folder. That of an unfinished run has no sums of its raw files yet, and may have rows of a sample that was not
/// committed.
///
/// # Errors
/// Only where the folder cannot be looked at: it is none, or a file cannot be read.
pub fn verify(dir: &Path) -> Result<Verified, ReportError> {
    with_threads(|| look_at(dir))
}

fn look_at(dir: &Path) -> Result<Verified, ReportError> {
    const MANIFEST: &str = "manifest.json";
    if !dir.join(MANIFEST).is_file() {
        return Err(ReportError::NotAResultsFolder { dir: dir.into(), file: MANIFEST });
    }
    let (mut found, mut unchecked) = (Found::default(), Vec::new());
    let sums = match read_sums(dir) {
        Ok(sums) => sums,
        Err(error @ ReportError::Sums { .. }) => {
            found.note(SUMS, None, "line", error, "a SHA-256 sum, two blanks and a file's name");
            Default::default()
        }
        Err(error) => return Err(error),
    };
    let complete = sums.contains_key("samples.csv");
    check_sums(dir, &sums, &mut found)?;
    // A report writes the sums of its files last, and takes those of an earlier one away first.
    let reported = sums.keys().any(|name| is_derived(name));
    if complete && !reported {
        unchecked.push(format!("the report is unfinished; numalab report {dir} makes it", dir = dir.display()));
    }
    let read = read_plan(&dir.join("plan.toml")).and_then(|plan| Ok((plan, read_manifest(&dir.join(MANIFEST))?)));
    let (plan, manifest) = match read {
        Ok(read) => read,
        // What a sum shows to be changed is a mismatch, whatever else it is.
        Err(error) if !found.is_empty() => {
            found.note(SUMS, None, "plan and manifest", error, "files that can be read");
            return Ok(Verified { mismatches: found.into_lines(), unchecked });
        }
        Err(error) => return Err(error),
    };
    rows::check_schema(dir, &plan, &manifest.run_id, complete, &mut found)?;
    if found.is_readable() {
        points::check_points(dir, &plan, complete, &mut found)?;
        check_manifest(dir, &plan, &manifest, &mut found)?;
        let topology = topology(dir, &mut found)?;
        samples::check_samples(
            &samples::Run { dir, plan: &plan, manifest: &manifest, topology, complete },
            &mut found,
        )?;
        match open_unchecked(dir) {
            Ok(results) => {
                let mut of_others = Found::default();
                derived::check_derived(&results, if complete { &mut found } else { &mut of_others })?;
                if !of_others.is_empty() {
                    let dir = dir.display();
                    unchecked.push(format!(
                        "the report is of other samples than there are now; numalab report {dir} draws it anew"
                    ));
                }
                if !complete {
                    unchecked.push(format!("{n} samples so far", n = results.samples.len()));
                    unchecked.extend(results.notes);
                }
            }
            Err(error @ ReportError::Read { .. }) => return Err(error),
            Err(error) => found.note("samples.csv", None, "folder", error, "a results folder"),
        }
    }
    Ok(Verified { mismatches: found.into_lines(), unchecked })
}

/// Every file that SHA256SUMS lists is there and unchanged; every derived file is listed.
fn check_sums(dir: &Path, sums: &BTreeMap<String, String>, found: &mut Found) -> Result<(), ReportError> {
    for (name, expected) in sums {
        let path = dir.join(name);
        if !path.is_file() {
            found.note(name, None, "file", "none", "a file, since SHA256SUMS lists it");
            continue;
        }
        let sum = sum_of_file(&path)?;
        if sum != *expected {
            found.note(name, None, "SHA-256", sum, expected);
        }
    }
    let reported = sums.keys().any(|name| is_derived(name));
    if let Some(raw) = raw_names().find(|name| sums.contains_key(*name))
        && !sums.contains_key("samples.csv")
    {
        found.note(
            SUMS,
            None,
            "list of files",
            format!("{raw} without samples.csv"),
            "all raw files of a run that ended, or none",
        );
    }
    for name in ["summary.csv", "fits.csv", "claims.csv", "datapackage.json", "report.html"] {
        if reported && dir.join(name).is_file() && !sums.contains_key(name) {
            found.note(SUMS, None, "list of files", format!("no {name}"), format!("{name} with its sum"));
        }
    }
    Ok(())
}

/// The manifest is that of this plan.
fn check_manifest(dir: &Path, plan: &Plan, manifest: &Manifest, found: &mut Found) -> Result<(), ReportError> {
    let (file, of) = ("manifest.json", &plan.measure.seed);
    if manifest.experiment != plan.experiment {
        found.note(file, None, "experiment, that of plan.toml", &manifest.experiment, &plan.experiment);
    }
    if manifest.seed != *of {
        found.note(file, None, "seed, that of plan.toml", manifest.seed, of);
    }
    // Empty where a folder was made by hand.
    let sum = if manifest.plan_sha256.is_empty() { String::new() } else { sum_of_file(&dir.join("plan.toml"))? };
    if manifest.plan_sha256 != sum {
        found.note(file, None, "plan_sha256, that of plan.toml", &manifest.plan_sha256, sum);
    }
    Ok(())
}

/// topology.json; none where it cannot be read, which is said.
fn topology(dir: &Path, found: &mut Found) -> Result<Option<Topology>, ReportError> {
    match read_json::<Topology>(&dir.join("topology.json")) {
        Ok(topology) => Ok(Some(topology)),
        // What its sum shows to be missing is a mismatch too.
        Err(error) if matches!(error, ReportError::Json { .. }) || !found.is_empty() => {
            found.note("topology.json", None, "file", error, "a topology");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Mismatches found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    lines: Vec<Mismatch>,
    /// How many were left out, by (file, what).
    more: Vec<((String, String), usize)>,
    unreadable: bool,
}

impl Found {
    pub(crate) fn note(
        &mut self,
        file: &str,
        row: Option<u64>,
        what: &str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) {
        let alike = self.lines.iter().rev().take_while(|line| line.file == file && line.what == what).count();
        if alike >= LISTED_MOST {
            let key = (file.to_string(), what.to_string());
            match self.more.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += 1,
                None => self.more.push((key, 1)),
            }
            return;
        }
        let (found, expected) = (found.to_string(), expected.to_string());
        self.lines.push(Mismatch { file: file.into(), row, what: what.into(), found, expected });
    }

    /// As [`Found::note`], for what makes further checks of the rows pointless.
    pub(crate) fn note_unreadable(
        &mut self,
        file: &str,
        row: Option<u64>,
        what: &str,
        found: impl fmt::Display,
        expected: &str,
    ) {
        self.unreadable = true;
        self.note(file, row, what, found, expected);
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn is_readable(&self) -> bool {
        !self.unreadable
    }

    fn into_lines(self) -> Vec<Mismatch> {
        let more = self.more.into_iter().map(|((file, what), count)| {
            let found = format!("{count} more of these");
            Mismatch { file, row: None, what, found, expected: "none".into() }
        });
        self.lines.into_iter().chain(more).collect()
    }
}

/// Equal but for the rounding of a double's last digits.
pub(crate) fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * found.abs().max(expected.abs())
}
