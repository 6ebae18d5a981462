//! The workloads `blocking` and `counters` as a user runs them.

use crate::go::with_go;
use crate::program::{answer, numalab, only_folder};
use crate::storms::{SUBJECTS, counts, number, ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("blocking: threads are counted, and every blocking section hands a processor over", tasks_and_threads),
        with_go("blocking: goroutines that hold their threads", goroutines),
        test("counters: no bump is lost, and what cannot be counted says why", counters),
    ]
}

const BLOCKING: &str = r#"name = "tiny"
question = "How many threads?"
[workload]
kind = "blocking"
tasks = 30
work_ns = 100
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon", "threads"]
blocking_percent = [0, 50, 100]
[[arm]]
name = "unbound"
[measure]
seconds = 0.04
repetitions = 2
"#;

type Row = BTreeMap<String, String>;

fn tasks_and_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    ran(folder.path(), BLOCKING, &[])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 4 * 2 * 3 * 2, || format!("{} samples", samples.len()))?;
    let counts = counts(&made)?;
    for row in &samples {
        check(row)?;
        match row["subject"].as_str() {
            "gmp" => {
                let counted = counts.get(&row["sample_id"]).ok_or("the scheduler's counts are missing")?;
                agrees(row, counted)?;
            }
            // None of the scheduler's figures.
            subject => {
                let (threads, procs) = (number(row, "os_threads")?, number(row, "procs")?);
                let fits = match subject {
                    // One for each processor, which nobody takes over.
                    "rayon" => threads == procs,
                    "tokio" => threads >= procs && (row["blocking_percent"] != "0" || threads == procs),
                    // All at once, from the first look on or a later one.
                    _ => (1.0..=30.0).contains(&threads),
                };
                ensure(fits, || format!("{row:?}"))?;
                for column in ["idle_ratio", "spinning_ratio", "handed_off_per_1000"] {
                    ensure(row[column].is_empty(), || format!("{column} is {}", row[column]))?;
                }
            }
        }
    }
    Ok(())
}

fn check(row: &Row) -> Result<(), Failed> {
    ensure(row["error"].is_empty(), || format!("{row:?}"))?;
    let (turns, elapsed_ns) = (number(row, "operations")?, number(row, "elapsed_ns")?);
    ensure(turns >= 30.0 && elapsed_ns >= 4e7, || format!("{row:?}"))?;
    let threads = number(row, "os_threads")?;
    let per_proc = number(row, "threads_per_proc")? * number(row, "procs")?;
    ensure(threads >= 1.0 && (per_proc - threads).abs() < 1e-9, || format!("{row:?}"))?;
    for column in ["voluntary_ratio", "crowded_ratio"] {
        ensure((0.0..=1.0).contains(&number(row, column)?), || format!("{column}: {row:?}"))?;
    }
    // Some looks saw more than 2 a processor only where the most that was seen is more.
    ensure(number(row, "crowded_ratio")? == 0.0 || number(row, "threads_per_proc")? > 2.0, || format!("{row:?}"))?;
    ensure(number(row, "busy_ratio")? > 0.0, || format!("{row:?}"))
}

/// What the scheduler counted: of each turn that does not block a yield but the last, and a hand-off of each that does.
fn agrees(row: &Row, counts: &BTreeMap<String, f64>) -> Result<(), Failed> {
    let count = |name: &str| counts.get(name).copied().unwrap_or(0.0);
    let turns = number(row, "operations")?;
    ensure(count("spawned") == 31.0 && count("yields") == turns - 30.0, || format!("{turns} turns: {counts:?}"))?;
    let handed_off = count("handed_off");
    let fits = match row["blocking_percent"].as_str() {
        "0" => handed_off == 0.0,
        "100" => handed_off == turns,
        _ => handed_off > 0.0 && handed_off < turns,
    };
    ensure(fits, || format!("{turns} turns: {counts:?}"))?;
    ensure((number(row, "handed_off_per_1000")? - 1000.0 * handed_off / turns).abs() < 1e-9, || format!("{row:?}"))?;
    looks_at_processors(row)
}

fn looks_at_processors(row: &Row) -> Result<(), Failed> {
    for column in ["idle_ratio", "spinning_ratio"] {
        ensure((0.0..=1.0).contains(&number(row, column)?), || format!("{column}: {row:?}"))?;
    }
    Ok(())
}

fn goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // Long enough for Go's monitor to print some lines.
    ran(folder.path(), &BLOCKING.replace(SUBJECTS, "\"go\""), &["--seconds", "0.2"])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 2 * 3 * 2, || format!("{} samples", samples.len()))?;
    samples.iter().try_for_each(|row| check(row).and_then(|()| looks_at_processors(row)))
}

const COUNTERS: &str = r#"name = "tiny"
question = "What does a shared line cost?"
[workload]
kind = "counters"
turns = 500
[sweep]
procs = [1, 2]
oversubscribe = "all"
layout = ["packed", "padded"]
reads_ratio = [0.0, 0.3, 1.0]
[[arm]]
name = "close"
cpus = "close"
[measure]
operations = 7
repetitions = 2
"#;

fn counters() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    ran(folder.path(), COUNTERS, &[])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 2 * 2 * 3 * 2, || format!("{} samples", samples.len()))?;
    for row in &samples {
        ensure(row["error"].is_empty(), || format!("{row:?}"))?;
        let bumps = number(row, "procs")? * 7.0 * 500.0;
        ensure(number(row, "operations")? == bumps && number(row, "bump_ns")? > 0.0, || format!("{row:?}"))?;
        for column in ["l1_miss_ratio", "cache_miss_ratio"] {
            let known = !row[column].is_empty();
            ensure(!known || (0.0..=1.0).contains(&number(row, column)?), || format!("{row:?}"))?;
        }
    }
    let counted = samples.iter().all(|row| !row["l1_miss_ratio"].is_empty() || !row["cache_miss_ratio"].is_empty());
    let facts = std::fs::read_to_string(made.join("facts.csv"))?;
    ensure(counted || facts.contains("not counted, perf_event_open: "), || facts)
}
