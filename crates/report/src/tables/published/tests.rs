//! The comparison against golden files, and what each row says where nothing was measured.
//!
//! `NUMALAB_REFRESH=1 cargo test -p report` writes the golden files anew; read the difference before you commit it.

use super::*;
use crate::fixture::{derived, golden, workspace};
use crate::tables::summary;

fn published() -> Published {
    let row = |procs, hit, throughput| PublishedRow { procs, local_hit_ratio: hit, throughput_per_s: throughput };
    Published {
        source: "numa_binding & more".into(),
        rows: vec![
            row(8, Some(0.76), Some(42_100.0)),
            row(3, None, Some(0.0)),
            row(12, Some(0.9), None),
            row(64, Some(0.68), Some(51_300.0)),
        ],
    }
}

fn written(write: impl Fn(&Published, Option<Measured<'_>>) -> String) -> String {
    let results = golden();
    let derived = derived(&results);
    write(&published(), Some(Measured { results: &results, derived: &derived }))
}

/// Holds a text against a golden file of this crate.
pub(in crate::tables) fn check(file: &str, found: &str) {
    let path = workspace().join("crates/report/tests/golden").join(file);
    if std::env::var_os("NUMALAB_REFRESH").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, found).expect("the golden file can be written");
    }
    let expect = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(found, expect, "{file}");
}

#[test]
fn all_forms_are_as_before() {
    check("published.txt", &written(|published, measured| text(published, measured, 100)));
    check("published.md", &written(markdown));
    check("published.csv", &written(csv));
    check("published.tex", &written(latex));
    check(
        "summary.md",
        &written(|_, measured| measured.map_or_else(String::new, |m| summary::markdown(m.results, m.derived))),
    );
    check(
        "summary.tex",
        &written(|_, measured| measured.map_or_else(String::new, |m| summary::latex(m.results, m.derived))),
    );
    check("unmeasured.tex", &latex(&numa_binding(), None));
}

#[test]
fn text_fits_its_width() {
    for width in [80, 100, 140] {
        let table = written(|published, measured| text(published, measured, width));
        assert!(table.lines().all(|line| line.chars().count() <= width), "{width}:\n{table}");
    }
}

#[test]
fn a_row_without_a_measurement_says_why_and_what_to_do() {
    let results = golden();
    let derived = derived(&results);
    let comparisons = compare(&published(), Some(Measured { results: &results, derived: &derived }));
    let close = comparisons.iter().find(|comparison| comparison.arm == "close").expect("the arm close");
    let missing = |procs: u32| {
        close.rows.iter().find(|row| row.procs == procs).and_then(|row| row.missing.as_ref()).map(ToString::to_string)
    };
    assert_eq!(missing(8), None);
    assert_eq!(
        missing(64).as_deref(),
        Some("not measured here: procs 64 needs 64 PUs, this host has 8; run `make paper` on a host that has them")
    );
    assert!(missing(12).is_some_and(|why| why.contains("12 PUs")));
    let alone = compare(&published(), None);
    assert!(
        alone.len() == 1
            && alone[0]
                .rows
                .iter()
                .all(|row| row.missing.as_ref().is_some_and(|why| why.to_string().contains("make paper")))
    );
}

#[test]
fn hints_are_one_line_and_one_node_is_told() {
    let mut results = golden();
    results.topology.nodes.truncate(1);
    results.topology.allowed_pus = "0-1".parse().expect("a list");
    results.plan.points.retain(|point| point.procs <= 2);
    let derived = derived(&results);
    let table = text(&numa_binding(), Some(Measured { results: &results, derived: &derived }), 200);
    let hints: Vec<&str> = table.lines().filter(|line| line.contains("make paper")).collect();
    let hint = "not measured here: procs 8, 32, 64 need more PUs than this host's 2; run `make paper` elsewhere";
    assert_eq!(hints, [hint], "{table}");
    assert!(table.contains("this host has 1 node: its figures say nothing about NUMA"), "{table}");
}

#[test]
fn ratios_are_measured_over_printed_and_none_over_zero() {
    let results = golden();
    let derived = derived(&results);
    let comparisons = compare(&published(), Some(Measured { results: &results, derived: &derived }));
    let close = comparisons.iter().find(|comparison| comparison.arm == "close").expect("the arm close");
    let hit = close.rows[0].hit_ratio;
    assert!((hit.ratio().expect("both are there") - 0.875 / 0.76).abs() < 1e-9 && hit.by_construction);
    assert_eq!((close.rows[1].throughput.ratio(), close.rows[1].hit_ratio.ratio()), (None, None));
    assert_eq!(close.rows[0].verdicts.len(), 3, "the verdicts on the arm close, not that on unbound");
}

#[test]
fn the_table_built_in_is_the_one_of_the_experiment() {
    let row = PublishedRow { procs: 32, local_hit_ratio: Some(0.92), throughput_per_s: Some(68_900.0) };
    assert!(numa_binding().rows.len() == 3 && numa_binding().rows[1] == row);
    let file = workspace().join("experiments/numa-binding.toml");
    let experiment = plan::experiment::read_experiment(&file).expect("the experiment is sound");
    assert_eq!(experiment.published, Some(numa_binding()));
}
