//! Every figure and name of the raw files that follows from others: `verify` sees one cell that does not.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod shared;

use shared::{complete, copy, lines_of, list_sums, set_cell};
use std::fs;
use std::path::Path;

/// Lines about raw files that `verify` finds where one cell is changed; what is derived from it differs as well.
fn raw_lines_of(dir: &Path) -> Vec<String> {
    let derived = |line: &String| {
        line.contains("row that follows from the raw files") || line.contains(": contents: found something else")
    };
    lines_of(dir).into_iter().filter(|line| !derived(line)).collect()
}

/// One cell is changed, and exactly this is found among the raw files.
fn check_one(file: &str, line: usize, column: &str, text: &str, expect: &str) {
    let dir = complete();
    set_cell(&dir.path().join(file), line, column, text);
    list_sums(dir.path());
    // Derived files are not listed any more.
    let found: Vec<String> =
        raw_lines_of(dir.path()).into_iter().filter(|line| !line.starts_with("SHA256SUMS")).collect();
    assert_eq!(found, [expect], "{file}:{line} {column} = {text}");
}

#[test]
fn every_figure_is_made_anew() {
    let samples = |line, column, text, expect| check_one("samples.csv", line, column, text, expect);
    samples(
        2,
        "pause_variance_ns2",
        "285453",
        "samples.csv:2: pause_variance_ns2: found 285453, expected 285452.7701612903",
    );
    samples(2, "pause_variance_ns2", "", "samples.csv:2: pause_variance_ns2: found empty, expected 285452.7701612903");
    samples(2, "pause_p50_ns", "7611", "samples.csv:2: pause_p50_ns: found 7611, expected 7610.5");
    samples(2, "pause_p99_ns", "8211", "samples.csv:2: pause_p99_ns: found 8211, expected empty");
    samples(2, "stopping_mean_ns", "4659", "samples.csv:2: stopping_mean_ns: found 4659, expected 4659.65625");
    let bandwidth = "samples.csv:2: bandwidth_gb_per_s, lines x 64 bytes / elapsed: found 0.8, expected 0.7798784";
    samples(2, "bandwidth_gb_per_s", "0.8", bandwidth);
    let package = "samples.csv:2: local_package_ratio, within a package / known touches: found 0.5, expected 1";
    samples(2, "local_package_ratio", "0.5", package);
    samples(2, "local_hit_low", "0.9", "samples.csv:2: local_hit_low, local / all touches: found 0.9, expected 1");
    let high = "samples.csv:3: local_hit_high, all but remote / all touches: found 0.95, expected 0.9400171561393152";
    samples(3, "local_hit_high", "0.95", high);
}

#[test]
fn a_sample_of_the_requests_widens_both_bounds() {
    let check = |low: &str, high: &str, expect: &[&str]| {
        let dir = copy();
        let path = dir.path().join("samples.csv");
        [("hit_source", "sampled"), ("local_hit_low", low), ("local_hit_high", high)]
            .iter()
            .for_each(|(column, text)| set_cell(&path, 3, column, text));
        let found = lines_of(dir.path());
        assert!(
            found.len() == expect.len() && found.iter().zip(expect).all(|(line, expect)| line.contains(expect)),
            "{found:#?}"
        );
    };
    check("0.93", "0.95", &[]);
    check("0.9401", "0.95", &["local_hit_ratio: found", "local_hit_low, local / all touches: found 0.9401"]);
}

#[test]
fn each_row_is_that_of_its_point_and_run() {
    let samples =
        |column, text, expect: &str| check_one("samples.csv", 2, column, text, &format!("samples.csv:2: {expect}"));
    samples("run_id", "x", "run_id: found x, expected 20260102T030405Z-golden");
    samples("experiment", "x", "experiment: found x, expected golden");
    samples("host", "x", "host: found x, expected golden");
    samples("source", "live", "source: found live, expected modelled");
    samples("timing", "hardware", "timing: found hardware, expected modelled");
    samples("workload", "x", "workload: found x, expected serve");
    samples("placement", "spread", "placement: found spread, expected close");
    samples("memory_policy", "x", "memory_policy: found x, expected private local, shared interleave:0");
    samples("nodes_spanned", "2", "nodes_spanned: found 2, expected 1");
    samples("repetition", "1", "repetition, the block: found 1, expected 0");
    let seed = "seed, that of the plan and the order: found 0000000000000001, expected 102a818cf4eb9f5f";
    samples("seed", "0000000000000001", seed);
    samples("contaminated", "true", "contaminated, whether there is a reason: found true, expected false");
    samples("contaminated_reason", "steal", "contaminated, whether there is a reason: found false, expected true");
    samples(
        "run_delay_ratio",
        "0.03",
        "run_delay_ratio of a sample that is not flagged: found 0.03, expected 0.02 at most",
    );
    samples("major_faults", "3", "major_faults of a sample that is not flagged: found 3, expected 0 at most");
    check_one("workers.csv", 2, "run_id", "x", "workers.csv:2: run_id: found x, expected 20260102T030405Z-golden");
    check_one("facts.csv", 2, "run_id", "x", "facts.csv:2: run_id: found x, expected 20260102T030405Z-golden");
}

#[test]
fn further_blocks_hold_contrasted_points_only() {
    let dir = copy();
    let path = dir.path().join("plan.toml");
    let plan = fs::read_to_string(&path).unwrap();
    assert!(plan.contains("fixed = 3"), "three whole blocks");
    // With two whole ones the third is a further one, and no claim of the golden plan contrasts any pauses.
    let plan = plan.replace("fixed = 3", "fixed = 2").replace("[measure]\n", "[measure]\npause_repetitions = 3\n");
    fs::write(path, plan).unwrap();
    let found = lines_of(dir.path());
    assert!(found.iter().any(|line| line.ends_with("expected a point of block 2")), "{found:#?}");
    assert!(!found.iter().any(|line| line.ends_with("expected a point of block 1")), "{found:#?}");
}

#[test]
fn points_csv_is_the_plan_as_a_table() {
    let points = |line, column, text, expect| check_one("points.csv", line, column, text, expect);
    points(2, "procs", "3", "points.csv:2: procs, as in plan.toml: found \"3\", expected \"1\"");
    points(
        2,
        "hit_ratio_by_construction",
        "1",
        "points.csv:2: hit_ratio_by_construction, as in plan.toml: found \"1\", expected \"\"",
    );
    points(14, "arm", "unbound", "points.csv:14: arm, as in plan.toml: found \"unbound\", expected \"close\"");
    let dir = copy();
    let path = dir.path().join("points.csv");
    let text = fs::read_to_string(&path).unwrap();
    let (all_but_last, last) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{all_but_last}\n")).unwrap();
    assert_eq!(lines_of(dir.path()), ["points.csv: points of plan.toml: found 1 fewer, expected all"]);
    fs::write(&path, format!("{text}{last}\n")).unwrap();
    assert_eq!(
        lines_of(dir.path()),
        ["points.csv:15: row: found one more, expected none: plan.toml has no such point"]
    );
}

#[test]
fn the_manifest_is_that_of_the_plan() {
    let dir = copy();
    let path = dir.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"plan_sha256\": \"\"", "\"plan_sha256\": \"00\"")).unwrap();
    let found = lines_of(dir.path());
    assert!(
        found.len() == 1 && found[0].starts_with("manifest.json: plan_sha256, that of plan.toml: found 00"),
        "{found:#?}"
    );
    fs::write(&path, text.replace("\"seed\": \"0000000000000001\"", "\"seed\": \"0000000000000002\"")).unwrap();
    let expect = "manifest.json: seed, that of plan.toml: found 0000000000000002, expected 0000000000000001";
    assert_eq!(lines_of(dir.path()), [expect]);
}

#[test]
fn levels_of_further_factors_are_those_of_the_point() {
    let dir = copy();
    let change = |file: &str, change: &dyn Fn(&str) -> String| {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&text)).unwrap();
    };
    change("plan.toml", &|text| {
        text.replacen("factors = []", "factors = [\"f\"]", 1)
            .replace("[points.factors]", "[points.factors]\nf = \"a\"")
            .replace("[skipped.factors]", "[skipped.factors]\nf = \"a\"")
    });
    for file in ["samples.csv", "points.csv"] {
        change(file, &|text| {
            text.lines().zip(0..).map(|(line, at)| line.to_string() + if at == 0 { ",f\n" } else { ",a\n" }).collect()
        });
    }
    assert_eq!(lines_of(dir.path()), Vec::<String>::new());
    set_cell(&dir.path().join("samples.csv"), 2, "f", "b");
    set_cell(&dir.path().join("points.csv"), 2, "f", "b");
    let expect =
        ["points.csv:2: f, as in plan.toml: found \"b\", expected \"a\"", "samples.csv:2: f: found b, expected a"];
    assert_eq!(lines_of(dir.path()), expect);
}
