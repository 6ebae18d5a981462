//! The workload `requests` as a user runs it, on every subject.

use crate::go::with_go;
use crate::program::{answer, numalab, only_folder};
use crate::storms::{SUBJECTS, counts, number, ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("requests: tasks and threads serve each request once, closed and open", tasks_and_threads),
        test("requests: a sample in seconds has slices, and arrivals that nobody served are told", in_seconds),
        test("requests: a load is that of the PUs that there are", loaded),
        with_go("requests: goroutines serve each request once, with and without a collector", goroutines),
    ]
}

const REQUESTS: &str = r#"name = "tiny"
question = "What does a crowd cost?"
expect = "Little."
[workload]
kind = "requests"
work_ns = 1000
rate_per_s = 1000000
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon", "threads"]
tasks = [1, 40, 300]
loop = ["closed", "open"]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
[measure]
operations = 30
repetitions = 2
"#;

type Rows = Vec<BTreeMap<String, String>>;

/// Samples of a run that must be whole.
fn samples_of(folder: &Path, text: &str) -> Result<(Rows, std::path::PathBuf), Failed> {
    ran(folder, text, &[])?.expect_code(0)?;
    let made = only_folder(&folder.join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    let failed = samples.iter().find(|row| !row["error"].is_empty());
    ensure(failed.is_none(), || format!("{failed:?}"))?;
    Ok((samples, made))
}

/// What holds of every sample, whatever its subject.
fn check(row: &BTreeMap<String, String>) -> Result<(), Failed> {
    let [p50, most] = [number(row, "latency_p50_ns")?, number(row, "latency_max_ns")?];
    ensure(0.0 < p50 && p50 <= most, || format!("{row:?}"))?;
    let served = number(row, "operations")?;
    for (column, least) in [("latency_p99_ns", 368.0), ("latency_p999_ns", 3688.0)] {
        ensure(row[column].is_empty() == (served < least), || format!("{column} of {served}: {row:?}"))?;
    }
    if served >= 368.0 {
        let p99 = number(row, "latency_p99_ns")?;
        ensure(p50 <= p99 && p99 <= most, || format!("{row:?}"))?;
    }
    ensure(row["served_ratio"].is_empty() == (row["loop"] == "closed"), || format!("{row:?}"))?;
    ensure(row["local_hit_ratio"].is_empty() && row["bandwidth_gb_per_s"].is_empty(), || format!("{row:?}"))
}

fn tasks_and_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (samples, made) = samples_of(folder.path(), REQUESTS)?;
    // rayon has no open loop.
    ensure(samples.len() == (4 * 2 - 1) * 2 * 3 * 2 * 2, || format!("{} samples", samples.len()))?;
    let counts = counts(&made)?;
    for row in &samples {
        check(row)?;
        let (tasks, served) = (number(row, "tasks")?, number(row, "operations")?);
        ensure(served == 30.0 * tasks, || format!("{row:?}"))?;
        ensure(row["loop"] == "closed" || number(row, "served_ratio")? == 1.0, || format!("{row:?}"))?;
        ensure(row["pause_ratio"].is_empty() && row["gc_ratio"].is_empty(), || format!("{row:?}"))?;
        if row["subject"] == "gmp" {
            let counts = counts.get(&row["sample_id"]).ok_or("no counts")?;
            // One after each request; more before the release.
            ensure(counts["yields"] >= served && counts["spawned"] == tasks + 1.0, || format!("{counts:?}: {row:?}"))?;
        }
    }
    Ok(())
}

fn in_seconds() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // Far more than two processors serve of 100 us each.
    let text = REQUESTS.replace("operations = 30", "seconds = 0.1").replace("work_ns = 1000", "work_ns = 100000");
    let text = text.replace("[1, 40, 300]", "[40]").replace("[1, 2]", "2");
    let (samples, made) = samples_of(folder.path(), &text)?;
    let slices = table(&made.join("windows.csv"))?;
    for row in &samples {
        check(row)?;
        ensure(number(row, "elapsed_ns")? >= 9e7, || format!("{row:?}"))?;
        let own = slices.iter().filter(|slice| slice["sample_id"] == row["sample_id"]).count();
        ensure(own > 3, || format!("{own} slices of {row:?}"))?;
        if row["loop"] == "open" {
            let served = number(row, "served_ratio")?;
            // Arrivals are 1e5 in 0.1 s, +- 5 sd of a Poisson count.
            let due = number(row, "operations")? / served;
            ensure(served < 0.5 && (due - 1e5).abs() < 1600.0, || format!("{due} due: {row:?}"))?;
            // They wait longer and longer.
            ensure(number(row, "latency_max_ns")? > 2e7, || format!("{row:?}"))?;
        }
    }
    Ok(())
}

fn loaded() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // Twice of what all PUs do, up to two of them, each of which serves 10,000 requests of 100 us a second.
    let text = REQUESTS.replace("operations = 30", "seconds = 0.1").replace("work_ns = 1000\n", "work_ns = 100000\n");
    let text = text.replace("rate_per_s = 1000000", "load = 2").replace("[1, 40, 300]", "[40]");
    let text = text.replace("[1, 2]", "[1, 2, 64]").replace("[\"closed\", \"open\"]", "[\"open\"]");
    let text = text.replace("[[arm]]\nname = \"close\"\ncpus = \"close\"\n", "");
    let (samples, made) = samples_of(folder.path(), &text)?;
    ensure(samples.len() == 3 * 2 * 2, || format!("{} samples", samples.len()))?;
    let pus = std::thread::available_parallelism()?.get() as f64;
    for row in &samples {
        check(row)?;
        let due = number(row, "operations")? / number(row, "served_ratio")?;
        let expect = 2.0 * number(row, "procs")?.min(pus) * 10_000.0 * 0.1;
        ensure((due - expect).abs() < 5.0 * expect.sqrt(), || format!("{due} due of {expect}: {row:?}"))?;
    }
    let plan = std::fs::read_to_string(made.join("plan.toml"))?;
    ensure(plan.contains("load = 2.0") && plan.contains("rate_per_s = 20000.0"), || plan.clone())
}

fn goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = REQUESTS.replace(SUBJECTS, "\"go\"\ngogc = [10, \"off\"]").replace("[1, 40, 300]", "[1, 3000]");
    let (samples, _) = samples_of(folder.path(), &text)?;
    ensure(samples.len() == 2 * 2 * 2 * 2 * 2 * 2, || format!("{} samples", samples.len()))?;
    for row in &samples {
        check(row)?;
        let tasks = number(row, "tasks")?;
        ensure(number(row, "operations")? == 30.0 * tasks, || format!("{row:?}"))?;
        ensure(row["loop"] == "closed" || number(row, "served_ratio")? == 1.0, || format!("{row:?}"))?;
        let pauses = number(row, "pause_ratio")?;
        match (row["gogc"].as_str(), tasks > 1.0) {
            ("off", _) => ensure(pauses == 0.0 && number(row, "gc_ratio")? == 0.0, || format!("{row:?}"))?,
            // 90,000 requests leave 90 MB.
            (_, true) => ensure(pauses > 0.0 && number(row, "gc_ratio")? > 0.0, || format!("{row:?}"))?,
            _ => {}
        }
    }
    Ok(())
}
