//! A results folder on disk: `update` makes what `verify` accepts, and `verify` sees each thing that is broken.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod shared;

use report::{ReportError, Updated, Verified, open, update, verify};
use shared::{complete, copy, golden, lines_of, list_sums, set_cell};
use std::fs;
use std::path::Path;

#[test]
fn a_report_verifies_and_is_the_same_every_time() {
    let dir = complete();
    assert_eq!(lines_of(dir.path()), Vec::<String>::new());
    let Updated { files, derived, .. } = update(dir.path()).unwrap();
    let before: Vec<Vec<u8>> = files.iter().map(|name| fs::read(dir.path().join(name)).unwrap()).collect();
    assert_eq!(update(dir.path()).unwrap().derived, derived);
    let after: Vec<Vec<u8>> = files.iter().map(|name| fs::read(dir.path().join(name)).unwrap()).collect();
    assert!(before == after, "a second report changed a byte");
    assert_eq!(files.last().map(String::as_str), Some("SHA256SUMS"));
    for name in ["summary.csv", "fits.csv", "claims.csv", "datapackage.json", "report.html"] {
        assert!(files.iter().any(|file| file == name), "{name} is not among {files:?}");
    }
    let left_over = fs::read_dir(dir.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left_over.count(), 0);
}

#[test]
fn an_unfinished_run_is_reported_without_sums_of_its_raw_files() {
    let dir = copy();
    let updated = update(dir.path()).unwrap();
    assert!(!updated.results.complete);
    assert!(updated.results.notes[0].contains("unfinished"));
    let sums = fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    assert!(sums.contains("  summary.csv") && !sums.contains("  samples.csv"));
    assert_eq!(lines_of(dir.path()), Vec::<String>::new());
    assert_eq!(verify(dir.path()).unwrap().unchecked[0], "36 samples so far");
    assert_eq!(verify(complete().path()).unwrap().unchecked, Vec::<String>::new());
}

#[test]
fn a_report_of_fewer_samples_than_there_are_is_no_mismatch_while_the_run_goes_on() {
    let dir = copy();
    let samples = dir.path().join("samples.csv");
    let whole = fs::read_to_string(&samples).unwrap();
    let last = whole.trim_end().rfind('\n').unwrap();
    fs::write(&samples, &whole[..=last]).unwrap();
    update(dir.path()).unwrap();
    fs::write(&samples, whole).unwrap();
    assert_eq!(lines_of(dir.path()), Vec::<String>::new());
    let expect = format!(
        "the report is of other samples than there are now; numalab report {} draws it anew",
        dir.path().display()
    );
    assert_eq!(verify(dir.path()).unwrap().unchecked[0], expect);
    // What nobody's report wrote is still one, by its sum.
    let summary = dir.path().join("summary.csv");
    fs::write(&summary, fs::read_to_string(&summary).unwrap().replacen(",unbound,", ",other,", 1)).unwrap();
    assert!(lines_of(dir.path())[0].starts_with("summary.csv: SHA-256: found"), "{:?}", lines_of(dir.path()));
}

#[test]
fn a_damaged_file_whose_sum_is_known_is_a_mismatch() {
    for name in ["plan.toml", "manifest.json"] {
        let dir = complete();
        fs::write(dir.path().join(name), "damaged").unwrap();
        let found = lines_of(dir.path());
        assert!(found[0].starts_with(&format!("{name}: SHA-256: found")), "{found:?}");
        assert!(found[1].starts_with("SHA256SUMS: plan and manifest: found") && found[1].contains(name), "{found:?}");
    }
}

#[test]
fn what_of_the_topology_is_unsure_is_in_the_report() {
    let dir = copy();
    let manifest = dir.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let unsure = "\"machine\": {\n    \"topology_unsure\": \"/sys cannot be read\",";
    fs::write(&manifest, text.replacen("\"machine\": {", unsure, 1)).unwrap();
    update(dir.path()).unwrap();
    assert!(fs::read_to_string(dir.path().join("report.html")).unwrap().contains("topology: /sys cannot be read"));
}

#[test]
fn what_a_run_says_of_itself_is_in_its_report() {
    let dir = copy();
    let facts = dir.path().join("facts.csv");
    let text = fs::read_to_string(&facts).unwrap();
    fs::write(&facts, text + "run,1,2026-01-02T03:04:05Z,note,\"budget: 1 of 3 blocks, since\"\n").unwrap();
    assert!(update(dir.path()).unwrap().results.notes.iter().any(|note| note == "budget: 1 of 3 blocks, since"));
    let html = fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(html.contains("budget: 1 of 3 blocks, since"));
}

#[test]
fn a_stale_figure_goes_and_a_name_that_leaves_the_folder_does_not_count() {
    let dir = complete();
    let outside = dir.path().join("keep");
    fs::create_dir_all(dir.path().join("figures")).unwrap();
    fs::write(dir.path().join("figures/old.svg"), "old").unwrap();
    fs::write(&outside, "keep").unwrap();
    let sums = fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap();
    let sum = "0".repeat(64);
    fs::write(dir.path().join("SHA256SUMS"), format!("{sums}{sum}  figures/old.svg\n{sum}  figures/../keep\n"))
        .unwrap();
    update(dir.path()).unwrap();
    assert!(!dir.path().join("figures/old.svg").exists());
    assert!(outside.exists());
}

/// One thing is changed in a complete folder; `verify` says so in a line that holds these words.
fn check_broken(file: &str, line: usize, column: &str, text: &str, expect: &str) {
    let dir = complete();
    set_cell(&dir.path().join(file), line, column, text);
    // Without this, the changed sum alone would be found.
    list_sums(dir.path());
    let found = lines_of(dir.path());
    assert!(
        found.iter().any(|line| line.contains(expect)),
        "{file}:{line} {column} = {text}: no \"{expect}\" in {found:#?}"
    );
}

#[test]
fn each_broken_cell_is_found() {
    for (file, line, column, text, expect) in [
        (
            "samples.csv",
            2,
            "throughput_per_s",
            "190401",
            "samples.csv:2: throughput_per_s, operations / elapsed: found 190401, expected 190400",
        ),
        (
            "samples.csv",
            2,
            "operations",
            "19041",
            "samples.csv:2: operations of all workers: found 19040, expected 19041",
        ),
        ("samples.csv", 2, "operations", "", "samples.csv:2: operations or elapsed_ns: found empty"),
        ("samples.csv", 3, "sample_id", "0", "samples.csv:3: sample_id: found 0, expected 1"),
        ("samples.csv", 2, "run_id", "x", "samples.csv:2: run_id: found x"),
        ("samples.csv", 2, "point_id", "p99", "samples.csv:2: point_id: found p99, expected a point of plan.toml"),
        ("samples.csv", 2, "procs", "3", "samples.csv:2: procs: found 3, expected 2"),
        ("samples.csv", 2, "arm", "x", "samples.csv:2: arm: found x, expected close"),
        ("samples.csv", 2, "subject", "x", "samples.csv:2: subject: found x, expected threads"),
        ("samples.csv", 2, "regime", "smt", "samples.csv:2: regime: found smt, expected core"),
        ("samples.csv", 2, "regime", "x", "samples.csv:2: column regime: found \"x\""),
        (
            "samples.csv",
            2,
            "elapsed_ns",
            "-1",
            "samples.csv:2: column elapsed_ns: found \"-1\", expected a whole number",
        ),
        (
            "samples.csv",
            2,
            "pause_count",
            "31",
            "samples.csv:2: pause_count, rows in pauses.csv: found 31, expected 32",
        ),
        (
            "pauses.csv",
            2,
            "stopped_ns",
            "",
            "pauses.csv:2: stopping_ns, stopped_ns, resuming_ns: found some empty, expected all or none",
        ),
        ("pauses.csv", 2, "late_ns", "", "pauses.csv:2: due_ns, late_ns: found one empty, expected both or none"),
        ("samples.csv", 2, "pause_mean_ns", "7000", "samples.csv:2: pause_mean_ns: found 7000"),
        ("samples.csv", 2, "pause_max_ns", "9999", "samples.csv:2: pause_max_ns: found 9999, expected 8211"),
        ("samples.csv", 2, "stopped_ns_sum", "1", "samples.csv:2: stopped_ns_sum, total of all pauses: found 1"),
        ("samples.csv", 2, "local_touches", "5", "samples.csv:2: local_touches, traffic.csv within a node: found 5"),
        ("samples.csv", 3, "remote_touches", "5", "samples.csv:3: remote_touches, traffic.csv between nodes: found 5"),
        ("samples.csv", 3, "local_hit_ratio", "0.95", "samples.csv:3: local_hit_ratio: found 0.95, expected 0.94"),
        ("samples.csv", 3, "local_hit_ratio", "0.95", "samples.csv:3: local_hit_ratio, local / known touches"),
        (
            "pauses.csv",
            2,
            "total_ns",
            "8099",
            "pauses.csv:2: total_ns, the sum of its parts: found 8099, expected 8098",
        ),
        ("pauses.csv", 3, "warmup", "true", "samples.csv:2: warmup_ns: found 0, expected "),
        (
            "windows.csv",
            3,
            "warmup",
            "true",
            "samples.csv:2: warmup_ns: found 0, expected 10000001..=0, as windows.csv",
        ),
        ("samples.csv", 2, "warmup_ns", "5", "samples.csv:2: warmup_ns: found 5, expected 0..=0, as windows.csv"),
        ("pauses.csv", 2, "warmup", "yes", "pauses.csv:2: column warmup: found \"yes\", expected true or false"),
        ("windows.csv", 2, "operations", "1", "samples.csv:2: operations of all windows"),
        ("windows.csv", 3, "window", "5", "windows.csv:3: window: found 5, expected 1"),
        ("workers.csv", 3, "worker", "0", "workers.csv:3: worker: found 0, expected 1"),
        ("workers.csv", 3, "pu", "77", "workers.csv:3: pu: found 77, expected a PU of topology.json"),
        ("workers.csv", 3, "node", "1", "workers.csv:3: node, that of the PU: found 1, expected 0"),
        ("workers.csv", 3, "voluntary_switches", "7", "samples.csv:2: voluntary_switches, those of all workers"),
        ("workers.csv", 3, "involuntary_switches", "", "samples.csv:2: involuntary_switches, those of all workers"),
        ("workers.csv", 3, "migrations", "1", "samples.csv:2: worker_migrations, those of all workers: found 0"),
        (
            "workers.csv",
            3,
            "run_delay_ns",
            "9900000",
            "samples.csv:2: run_delay_ratio, waiting in workers.csv / elapsed",
        ),
        ("windows.csv", 3, "length_ns", "9", "windows.csv:4: start_ns, the end of the one before: found 20000000"),
        ("samples.csv", 2, "elapsed_ns", "238434000", "samples.csv:2: elapsed_ns, the end of the last window"),
        ("pauses.csv", 3, "pause", "5", "pauses.csv:3: pause: found 5, expected 1"),
        ("traffic.csv", 4, "moved_touches", "-1", "traffic.csv:4: moved_touches: found -1, expected 0 or more"),
        ("traffic.csv", 4, "distance", "20", "traffic.csv:4: distance: found 20, expected 21"),
        ("samples.csv", 2, "error", "killed", "samples.csv:2: error, whether the sample failed: found true"),
        ("samples.csv", 2, "stop_reason", "failed", "samples.csv:2: operations, elapsed_ns or rows in other files"),
        ("workers.csv", 3, "sample_id", "5", "samples.csv:2: rows in workers.csv: found 1, expected 2"),
        ("workers.csv", 3, "sample_id", "999", "samples.csv: sample: found no row of sample 999"),
        ("traffic.csv", 4, "memory_node", "", "samples.csv:3: local_hit_high, all but remote / all touches"),
        (
            "traffic.csv",
            4,
            "moved_touches",
            "9000",
            "samples.csv:3: local_hit_ratio, local / known touches: found 0.94",
        ),
        ("points.csv", 2, "state", "gone", "points.csv:2: column state: found \"gone\""),
        ("facts.csv", 2, "block", "x", "facts.csv:2: column block: found \"x\", expected a whole number"),
        ("samples.csv", 1, "procs", "threads", "samples.csv:1: title line: found unknown or repeated column threads"),
        ("samples.csv", 1, "procs", "threads", "samples.csv:1: title line: found no column procs"),
        (
            "fits.csv",
            1,
            "timing",
            "x",
            "no column timing, expected all columns of this file, as `numalab report` of this",
        ),
        ("summary.csv", 2, "mean", "1", "summary.csv:2: row that follows from the raw files"),
        ("claims.csv", 2, "verdict", "refuted", "claims.csv:2: row that follows from the raw files"),
        ("fits.csv", 2, "estimate", "1", "fits.csv:2: row that follows from the raw files"),
    ] {
        check_broken(file, line, column, text, expect);
    }
}

#[test]
fn pauses_stand_in_the_order_of_samples() {
    let expect = "pauses.csv:100: sample_id: found 0, expected 3 or later: rows stand in the order of samples";
    check_broken("pauses.csv", 100, "sample_id", "0", expect);
}

#[test]
fn what_is_unknown_did_not_move() {
    let dir = complete();
    let traffic = dir.path().join("traffic.csv");
    set_cell(&traffic, 4, "memory_node", "");
    set_cell(&traffic, 4, "moved_touches", "5");
    let expect = "traffic.csv:4: moved_touches: found 5, expected 0, where a node is unknown";
    assert!(lines_of(dir.path()).iter().any(|line| line == expect), "{:?}", lines_of(dir.path()));
}

#[test]
fn a_replay_counts_every_touch() {
    let dir = complete();
    set_cell(&dir.path().join("samples.csv"), 2, "hit_source", "replay");
    let about_touches = || lines_of(dir.path()).into_iter().filter(|line| line.contains("operations x touches"));
    assert_eq!(about_touches().next(), None);
    set_cell(&dir.path().join("traffic.csv"), 2, "touches", "5");
    let expect = "samples.csv:2: touches in traffic.csv, operations x touches of one: found 5, expected 1218560";
    assert_eq!(about_touches().collect::<Vec<_>>(), [expect]);
}

#[test]
fn a_failed_sample_that_was_run_again_is_no_failure() {
    let dir = copy();
    let samples = dir.path().join("samples.csv");
    let text = fs::read_to_string(&samples).unwrap();
    let first = text.lines().nth(1).unwrap().to_string();
    fs::write(&samples, format!("{text}{first}\n")).unwrap();
    assert!(lines_of(dir.path()).iter().any(|line| line.contains("order: found 0 again, expected once")));
    // Sample 0 failed; its parts are those of the retry, sample 36.
    let last = text.lines().count() + 1;
    set_cell(&samples, 2, "stop_reason", "failed");
    set_cell(&samples, 2, "error", "timed run: killed by SIGKILL");
    for column in ["operations", "elapsed_ns", "throughput_per_s"] {
        set_cell(&samples, 2, column, "");
    }
    set_cell(&samples, last, "sample_id", "36");
    for file in ["pauses.csv", "windows.csv", "workers.csv", "traffic.csv"] {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.split(',').nth(1) == Some("0"));
        let again = first.iter().map(|line| line.replacen(",0,", ",36,", 1));
        let lines: Vec<String> = rest.iter().map(|line| line.to_string()).chain(again).collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let updated = update(dir.path()).unwrap();
    assert_eq!(lines_of(dir.path()), Vec::<String>::new());
    let counts: Vec<(u64, u64)> = updated.derived.summary.iter().map(|line| (line.row.n, line.row.n_failed)).collect();
    assert!(counts.iter().all(|&count| count == (3, 0)), "{counts:?}");
    set_cell(&samples, last, "block", "1");
    assert!(lines_of(dir.path()).iter().any(|line| line.contains("block, that of the sample it retries: found 1")));
}

#[test]
fn a_changed_a_missing_and_an_unlisted_file_are_found() {
    let dir = complete();
    let append = |name: &str| {
        let path = dir.path().join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\n").unwrap();
    };
    append("report.html");
    append("manifest.json");
    fs::remove_file(dir.path().join("datapackage.json")).unwrap();
    let found = lines_of(dir.path()).join("\n");
    for expect in ["report.html: SHA-256: found", "manifest.json: SHA-256: found", "datapackage.json: file: found none"]
    {
        assert!(found.contains(expect), "no \"{expect}\" in\n{found}");
    }
    let dir = complete();
    fs::remove_file(dir.path().join("topology.json")).unwrap();
    assert!(lines_of(dir.path()).join("\n").contains("topology.json: file: found none"), "another missing file");
    let without = |name: &str| {
        let dir = complete();
        let path = dir.path().join("SHA256SUMS");
        let text = fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.ends_with(&format!("  {name}"))).collect();
        fs::write(&path, kept.join("\n") + "\n").unwrap();
        lines_of(dir.path()).join("\n")
    };
    let expect = "SHA256SUMS: list of files: found no summary.csv, expected summary.csv with its sum";
    assert_eq!(without("summary.csv"), expect);
    // A complete run must not pass for one that goes on.
    let expect = "SHA256SUMS: list of files: found manifest.json without samples.csv, expected all raw files";
    assert!(without("samples.csv").starts_with(expect), "{}", without("samples.csv"));
    fs::write(dir.path().join("SHA256SUMS"), "abc samples.csv\n").unwrap();
    assert!(lines_of(dir.path())[0].starts_with("SHA256SUMS: line: found"));
}

#[test]
fn what_people_look_at_follows_from_the_raw_files_too() {
    for name in ["report.html", "figures/throughput.svg", "tables/summary.md"] {
        let dir = complete();
        let path = dir.path().join(name);
        let (old, sums) = (fs::read(&path).unwrap(), fs::read_to_string(dir.path().join("SHA256SUMS")).unwrap());
        let text = String::from_utf8(old.clone()).unwrap().replace("100 %", "99 %").replacen('1', "2", 1);
        fs::write(&path, &text).unwrap();
        let sum = |bytes: &[u8]| -> String {
            use sha2::Digest;
            sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        fs::write(dir.path().join("SHA256SUMS"), sums.replace(&sum(&old), &sum(text.as_bytes()))).unwrap();
        let expect =
            "contents: found something else, expected what `numalab report` of this version makes of the raw files";
        assert_eq!(lines_of(dir.path()), [format!("{name}: {expect}")]);
    }
}

/// As after a report that broke off: its files are there, the sums are those of the run.
#[test]
fn a_report_that_broke_off_is_no_mismatch_and_not_whole() {
    let dir = complete();
    assert_eq!(verify(dir.path()).unwrap().unchecked, Vec::<String>::new());
    list_sums(dir.path());
    let Verified { mismatches, unchecked } = verify(dir.path()).unwrap();
    assert_eq!(mismatches, []);
    let expect = format!("the report is unfinished; numalab report {} makes it", dir.path().display());
    assert_eq!(unchecked, [expect]);
    update(dir.path()).unwrap();
    assert_eq!(verify(dir.path()).unwrap().unchecked, Vec::<String>::new());
}

/// Opening a folder in which `text` of samples.csv was changed fails with this message.
fn check_refused(change: impl Fn(String) -> String, expect: &str) {
    let dir = copy();
    let path = dir.path().join("samples.csv");
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    list_sums(dir.path());
    let message = open(dir.path()).unwrap_err().to_string();
    let found = message.replace(&format!("{}/", dir.path().display()), "");
    assert_eq!(found, expect);
}

#[test]
fn samples_that_cannot_be_read_name_file_line_and_column() {
    check_refused(|text| text.replacen(",procs,", ",p,", 1), "samples.csv:1: unknown or repeated column p");
    check_refused(|text| text.replacen(",procs,", ",arm,", 1), "samples.csv:1: unknown or repeated column arm");
    let without_last =
        |text: String| text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string() + "\n").collect();
    check_refused(
        without_last,
        "samples.csv:1: column error is missing; the title line must be that of this plan's experiment",
    );
    check_refused(
        |text| text.replacen(",190400,", ",fast,", 1),
        "samples.csv:2: column throughput_per_s: found \"fast\", expected a number",
    );
    check_refused(|text| text.replacen(",p01,", ",p77,", 1), "samples.csv:3: point p77 is not in plan.toml");
    check_refused(|text| text.replacen(",false,,\n", ",false,\n", 1), "samples.csv:2: 58 cells, the title line has 59");
    check_refused(
        |text| text.trim_end().into(),
        "samples.csv:37: the last line is torn, and the run is complete; restore the file",
    );
}

#[test]
fn a_torn_last_line_of_an_unfinished_run_is_left_out_and_told() {
    let dir = copy();
    let path = dir.path().join("samples.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let results = open(dir.path()).unwrap();
    assert_eq!(results.samples.len(), 35);
    assert!(results.notes.iter().any(|note| note.starts_with("samples.csv:37: torn last line")));
}

#[test]
fn what_is_no_results_folder_is_refused() {
    let dir = copy();
    fs::write(
        dir.path().join("manifest.json"),
        fs::read_to_string(golden().join("manifest.json")).unwrap().replacen("\"format\": 1", "\"format\": 2", 1),
    )
    .unwrap();
    assert!(matches!(open(dir.path()), Err(ReportError::NewerFormat { found: 2, known: 1, .. })));
    fs::remove_file(dir.path().join("plan.toml")).unwrap();
    assert!(matches!(open(dir.path()), Err(ReportError::NotAResultsFolder { file: "plan.toml", .. })));
    assert!(verify(dir.path()).is_err());
}

/// A report of a complete run whose file was changed as `change` does is refused, and nothing is redrawn.
fn check_changed(file: &str, change: fn(&Path), expect: &str) {
    let dir = complete();
    let before = fs::read(dir.path().join("SHA256SUMS")).unwrap();
    change(&dir.path().join(file));
    let message = update(dir.path()).unwrap_err().to_string();
    let at = dir.path().display().to_string();
    assert_eq!(message.replace(&at, "DIR"), format!("DIR/{file}: {expect}; restore it, and see numalab verify DIR"));
    assert!(fs::read(dir.path().join("SHA256SUMS")).unwrap() == before, "it was redrawn");
}

#[test]
fn a_report_of_changed_raw_files_is_refused() {
    let changed = "changed since its run was complete: its SHA-256 is not that of SHA256SUMS";
    check_changed("samples.csv", |path| set_cell(path, 2, "throughput_per_s", "190401"), changed);
    check_changed("samples.csv", |path| set_cell(path, 2, "throughput_per_s", "fast"), changed);
    check_changed("samples.csv", |path| fs::write(path, fs::read_to_string(path).unwrap() + "torn").unwrap(), changed);
    check_changed("samples.csv", |path| set_cell(path, 1, "procs", "p"), changed);
    check_changed("pauses.csv", |path| set_cell(path, 2, "late_ns", "501"), changed);
    check_changed("topology.json", |path| fs::write(path, fs::read_to_string(path).unwrap() + " ").unwrap(), changed);
    check_changed("facts.csv", |path| fs::remove_file(path).unwrap(), "missing, and SHA256SUMS lists it");
}
