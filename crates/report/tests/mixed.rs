//! What a model computed never enters a claim about a machine, however it came among measured rows.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod shared;

use plan::record::{ClaimRow, Verdict};
use report::{Results, derive, open, update, verify};
use shared::{copy, set_cell};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Marks by which a row says that a model computed it, and what a measured row has there.
const MARKS: [(&str, &str); 3] = [("source", "live"), ("timing", "hardware"), ("hit_source", "replay")];

/// The golden folder as if it had been measured, but for the marks that `keeps(row, column)` names.
fn as_if_measured(keeps: impl Fn(usize, &str) -> bool) -> TempDir {
    let dir = copy();
    let manifest = fs::read_to_string(dir.path().join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    manifest["source"] = "live".into();
    manifest["timing"] = "hardware".into();
    fs::write(dir.path().join("manifest.json"), manifest.to_string()).unwrap();
    let path = dir.path().join("samples.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let titles = reader.headers().unwrap().clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&titles).unwrap();
    for (at, row) in reader.records().enumerate() {
        let row = row.unwrap();
        let cell = |(title, cell): (&str, &str)| match MARKS.iter().find(|(column, _)| *column == title) {
            Some((column, measured)) if !keeps(at, column) => measured.to_string(),
            _ => cell.to_string(),
        };
        writer.write_record(titles.iter().zip(row.iter()).map(cell)).unwrap();
    }
    fs::write(path, writer.into_inner().unwrap()).unwrap();
    dir
}

fn claims(dir: &Path) -> (Results, Vec<ClaimRow>) {
    let results = open(dir).unwrap();
    let claims = derive(&results).claims;
    assert!(!claims.is_empty());
    (results, claims)
}

fn has_a_verdict(claims: &[ClaimRow]) -> bool {
    claims.iter().any(|claim| claim.verdict != Verdict::NotTestable)
}

#[test]
fn measured_rows_alone_get_verdicts() {
    let (results, claims) = claims(as_if_measured(|_, _| false).path());
    assert!(has_a_verdict(&claims), "{claims:#?}");
    assert!(!results.notes.iter().any(|note| note.contains("model")), "{:?}", results.notes);
}

#[test]
fn one_mark_of_one_row_is_enough_whatever_the_manifest_says() {
    for (mark, _) in MARKS {
        for row in [0, 17, 35] {
            let dir = as_if_measured(|at, column| at == row && column == mark);
            let (results, claims) = claims(dir.path());
            assert!(!has_a_verdict(&claims), "{mark} of row {row}: {claims:#?}");
            let reason = "1 of 36 samples was computed by the model, not measured";
            assert!(claims.iter().all(|claim| claim.reason == reason), "{claims:#?}");
            let note = "samples.csv: 1 of 36 samples say that a model computed them, in a run that was measured";
            assert!(results.notes.iter().any(|told| told == note), "{:?}", results.notes);
        }
    }
}

#[test]
fn a_manifest_that_claims_modelled_rows_as_measured_changes_nothing() {
    let (_, claims) = claims(as_if_measured(|_, _| true).path());
    assert!(claims.iter().all(|claim| claim.verdict == Verdict::NotTestable));
    assert!(claims.iter().all(|claim| claim.reason == "computed by the model, not measured"), "{claims:#?}");
}

#[test]
fn the_report_says_so_and_verify_finds_the_row() {
    let dir = as_if_measured(|at, _| at == 3);
    update(dir.path()).unwrap();
    let html = fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(html.contains("1 of 36 samples say that a model computed them"));
    let written = fs::read_to_string(dir.path().join("claims.csv")).unwrap();
    assert!(!written.contains(",supported,") && !written.contains(",refuted,") && !written.contains(",undecided,"));
    let lines: Vec<String> = verify(dir.path()).unwrap().mismatches.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("source") && line.contains("modelled")), "{lines:?}");
}

/// Every row that follows from samples says how far the least of them can be believed.
#[test]
fn derived_rows_are_believed_as_the_least_sample() {
    let check = |manifest: &str, column: &str, word: &str, expect: &str| {
        let dir = as_if_measured(|_, _| false);
        set_cell(&dir.path().join("samples.csv"), 20, column, word);
        let path = dir.path().join("manifest.json");
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replace(r#""timing":"hardware""#, &format!(r#""timing":"{manifest}""#));
        assert_eq!(changed != text, manifest != "hardware");
        fs::write(&path, changed).unwrap();
        update(dir.path()).unwrap();
        for file in ["summary.csv", "fits.csv", "claims.csv"] {
            let mut reader = csv::Reader::from_path(dir.path().join(file)).unwrap();
            let at = reader.headers().unwrap().iter().position(|title| title == "timing").unwrap();
            let found: BTreeSet<String> = reader.records().map(|row| row.unwrap()[at].to_string()).collect();
            assert_eq!(found, BTreeSet::from([expect.to_string()]), "{file}: {manifest}, {column} {word}");
        }
    };
    check("hardware", "timing", "hardware", "hardware");
    check("hardware", "timing", "virtual", "virtual");
    check("hardware", "timing", "emulated", "emulated");
    check("virtual", "timing", "hardware", "virtual");
    check("emulated", "timing", "virtual", "emulated");
    check("hardware", "timing", "modelled", "modelled");
    check("emulated", "hit_source", "modelled", "modelled");
}
