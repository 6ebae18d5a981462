//! The workloads `strategy` and `burst` as a user runs them, on every subject.

use crate::go::with_go;
use crate::program::{answer, numalab, only_folder};
use crate::storms::{SUBJECTS, counts, number, ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("strategies: every item of a batch is done once, by tasks and by threads", tasks_and_threads),
        with_go("strategies: every item of a batch is done once, by goroutines", goroutines),
        test("bursts: every task runs once, and only the first group makes objects", bursts_of_tasks),
        with_go("bursts: goroutines take their objects from a pool that the collector empties", bursts_of_goroutines),
    ]
}

const STRATEGIES: &str = r#"name = "tiny"
question = "Who does the work?"
expect = "All."
[workload]
kind = "strategy"
work_ns = 1000
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon", "threads"]
strategy = ["pool", "fan", "locked", "single"]
items = [1, 150]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
[measure]
operations = 3
repetitions = 2
"#;

const BURSTS: &str = r#"name = "tiny"
question = "Who runs when?"
expect = "All."
[workload]
kind = "burst"
isolation_ms = 1
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon"]
tasks = [1, 150]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
[measure]
operations = 5
repetitions = 2
"#;

type Row = BTreeMap<String, String>;

/// Samples of a run that must be whole.
fn samples_of(folder: &Path, text: &str) -> Result<(Vec<Row>, PathBuf), Failed> {
    ran(folder, text, &[])?.expect_code(0)?;
    let made = only_folder(&folder.join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    let failed = samples.iter().find(|row| !row["error"].is_empty());
    ensure(failed.is_none(), || format!("{failed:?}"))?;
    Ok((samples, made))
}

fn check_strategy(row: &Row) -> Result<(), Failed> {
    let (items, done) = (number(row, "items")?, number(row, "operations")?);
    ensure(done == 3.0 * items, || format!("{row:?}"))?;
    let startup = number(row, "startup_ns")?;
    ensure(0.0 < startup && startup < number(row, "elapsed_ns")?, || format!("{row:?}"))?;
    ensure(row["latency_p99_ns"].is_empty() == (done < 368.0), || format!("{row:?}"))?;
    // Where the kernel resets no peak it is empty.
    ensure(row["memory_bytes_per_task"].is_empty() || number(row, "memory_bytes_per_task")? >= 0.0, || {
        format!("{row:?}")
    })
}

fn tasks_and_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (samples, made) = samples_of(folder.path(), STRATEGIES)?;
    // 4 strategies of gmp and tokio, 3 of rayon and threads; 2 procs, 2 sizes, 2 arms, 2 repetitions.
    ensure(samples.len() == 14 * 16, || format!("{} samples", samples.len()))?;
    let counts = counts(&made)?;
    for row in &samples {
        check_strategy(row)?;
        if row["subject"] == "gmp" {
            let counts = counts.get(&row["sample_id"]).ok_or("no counts")?;
            let (items, procs) = (number(row, "items")?, number(row, "procs")?);
            let each = match row["strategy"].as_str() {
                "pool" => procs,
                "single" => 1.0,
                _ => items,
            };
            let tasks = 3.0 * each;
            ensure(counts["spawned"] == tasks + 1.0, || format!("{counts:?}: {row:?}"))?;
        }
    }
    let points = table(&made.join("points.csv"))?;
    for says in
        ["subject threads: every task is a thread there", "subject rayon: rayon has no thread that is a task's own"]
    {
        let skips = |row: &&Row| row["state"] == "skipped" && row["reason"].contains(says);
        ensure(points.iter().filter(skips).count() == 8, || format!("{says}: {points:?}"))?;
    }
    Ok(())
}

fn goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (samples, _) = samples_of(folder.path(), &STRATEGIES.replace(SUBJECTS, "\"go\""))?;
    ensure(samples.len() == 4 * 16, || format!("{} samples", samples.len()))?;
    samples.iter().try_for_each(check_strategy)
}

fn check_burst(row: &Row) -> Result<f64, Failed> {
    let (tasks, ran) = (number(row, "tasks")?, number(row, "operations")?);
    ensure(ran == 5.0 * tasks, || format!("{row:?}"))?;
    ensure(number(row, "start_p50_ns")? > 0.0 && row["start_p99_ns"].is_empty() == (ran < 368.0), || {
        format!("{row:?}")
    })?;
    number(row, "reuse_ratio")
}

fn bursts_of_tasks() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (samples, _) = samples_of(folder.path(), BURSTS)?;
    ensure(samples.len() == 3 * 16, || format!("{} samples", samples.len()))?;
    for row in &samples {
        let reused = check_burst(row)?;
        // A group may need more objects at once than any before, whose tasks ended while others were started.
        ensure((0.5..=1.0).contains(&reused), || format!("{reused}: {row:?}"))?;
        ensure(row["tasks"] != "1" || reused == 1.0, || format!("{reused}: {row:?}"))?;
    }
    Ok(())
}

fn bursts_of_goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = BURSTS.replace(r#"subject = ["gmp", "tokio", "rayon"]"#, "subject = \"go\"\ngogc = [1, \"off\"]");
    let text = text.replace("[[arm]]\nname = \"unbound\"", "[go]\ngarbage_bytes = 100000\n[[arm]]\nname = \"unbound\"");
    let (samples, _) = samples_of(folder.path(), &text)?;
    ensure(samples.len() == 32, || format!("{} samples", samples.len()))?;
    for row in &samples {
        let reused = check_burst(row)?;
        ensure((0.0..=1.0).contains(&reused), || format!("{reused}: {row:?}"))?;
        if row["gogc"] == "off" {
            // Nobody empties the pool, but a task may end on another P than that of the starter.
            ensure(number(row, "pause_ratio")? == 0.0, || format!("{row:?}"))?;
        } else if row["tasks"] != "1" {
            ensure(number(row, "pause_ratio")? > 0.0, || format!("{row:?}"))?;
        }
    }
    Ok(())
}
