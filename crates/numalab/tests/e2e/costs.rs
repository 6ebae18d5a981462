//! The workload `cost` as a user runs it, on every subject.

use crate::go::with_go;
use crate::program::{answer, numalab, only_folder};
use crate::storms::{SUBJECTS, counts, number, ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("costs: every operation is timed on tasks and threads, and counted by the scheduler", tasks_and_threads),
        with_go("costs: goroutines, timed by Go's own clock", goroutines),
    ]
}

const COST: &str = r#"name = "tiny"
question = "What does it cost?"
[workload]
kind = "cost"
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon", "threads"]
operation = ["create", "wake", "block", "switch", "steal", "steal-same-llc", "steal-same-node", "steal-other-node", "hand-off"]
warmth = ["warm", "cold"]
[[arm]]
name = "close"
cpus = "close"
[measure]
operations = 5
repetitions = 2
"#;

fn tasks_and_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let ended = ran(folder.path(), COST, &[])?;
    ended.expect_code(0)?;
    let long = ended.out.lines().find(|line| line.chars().count() > 100);
    ensure(long.is_none(), || format!("more than 100 columns: {long:?}"))?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    // Of gmp 5 operations with one processor and 2 with two, of threads 3 and 1, of tokio and rayon 4 and 1; warm and cold;
    // twice.
    let anywhere = samples.iter().filter(|row| !row["operation"].starts_with("steal-")).count();
    ensure(anywhere == (5 + 2 + 3 + 1 + 2 * (4 + 1)) * 2 * 2, || format!("{anywhere} samples"))?;
    // By distance: those of which this machine has a pair of cores.
    let points = table(&made.join("points.csv"))?;
    let apart = points.iter().filter(|row| row["operation"].starts_with("steal-") && row["state"] == "planned").count();
    ensure(samples.len() == anywhere + apart * 2, || format!("{} samples, {apart} points", samples.len()))?;
    let counts = counts(&made)?;
    for row in &samples {
        check(row)?;
        let counted = counts.get(&row["sample_id"]);
        match row["subject"].as_str() {
            "gmp" => agrees(row, counted.ok_or("the scheduler's counts are missing")?)?,
            _ => ensure(counted.is_none(), || format!("{counted:?}"))?,
        }
    }
    Ok(())
}

fn check(row: &BTreeMap<String, String>) -> Result<(), Failed> {
    ensure(row["error"].is_empty() && number(row, "operations")? == 5.0, || format!("{row:?}"))?;
    let [p10, median, p99] = [number(row, "cost_p10_ns")?, number(row, "cost_ns")?, number(row, "cost_p99_ns")?];
    ensure(0.0 <= p10 && p10 <= median && median <= p99 && p99 > 0.0, || format!("{row:?}"))?;
    let elapsed_ns = number(row, "elapsed_ns")?;
    // Operations are a part of the sample, one after the other.
    ensure(median * 2.0 <= elapsed_ns && number(row, "clock_ns")? > 0.0, || format!("{row:?}"))?;
    let alone = matches!(row["operation"].as_str(), "create" | "wake");
    ensure(alone || number(row, "call_ns")? == median, || format!("{row:?}"))?;
    if !row["cost_cycles"].is_empty() && median > 0.0 {
        let ticks_per_ns = number(row, "cost_cycles")? / median;
        ensure((0.1..20.0).contains(&ticks_per_ns), || format!("{row:?}"))?;
    }
    let columns = ["steal_same_llc_ns", "steal_same_node_ns", "steal_other_node_ns"];
    let told: Vec<&str> = columns.into_iter().filter(|column| !row[*column].is_empty()).collect();
    match row["operation"].as_str() {
        "steal" => ensure(!told.is_empty(), || format!("{row:?}"))?,
        distance if distance.starts_with("steal-") => {
            let own = format!("{}_ns", distance.replace('-', "_"));
            ensure(told == [own.as_str()] && number(row, &own)? == median, || format!("{told:?}: {row:?}"))?;
            ensure(row["placement"].ends_with(" in a pair"), || format!("{row:?}"))?;
        }
        _ => ensure(told.is_empty(), || format!("{told:?}: {row:?}"))?,
    }
    for column in ["local_hit_ratio", "pause_count", "bandwidth_gb_per_s"] {
        ensure(row[column].is_empty(), || format!("{column} is {}", row[column]))?;
    }
    Ok(())
}

/// What the scheduler counted in a sample of 5 operations.
fn agrees(row: &BTreeMap<String, String>, counts: &BTreeMap<String, f64>) -> Result<(), Failed> {
    let count = |name: &str| counts.get(name).copied().unwrap_or(0.0);
    let agrees = match row["operation"].as_str() {
        // The task that spawns them is one, too.
        "create" => count("spawned") == 6.0,
        // 6 polls of the one, 7 of the other, and 2 of the task that starts and ends it all.
        "wake" | "block" => count("polls") == 15.0 && count("spawned") == 2.0,
        // Each of the two, once before the first operation; the one that ends may yield once more.
        "switch" => (11.0..=13.0).contains(&count("yields")),
        "steal-same-llc" => count("stolen_same_llc") >= 5.0,
        "steal-same-node" => count("stolen_same_node") >= 5.0,
        "steal-other-node" => count("stolen_other_node") >= 5.0,
        "steal" => count("stolen_same_llc") + count("stolen_same_node") + count("stolen_other_node") >= 5.0,
        _ => count("handed_off") == 5.0,
    };
    ensure(agrees, || format!("{operation}: {counts:?}", operation = row["operation"]))
}

fn goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    ran(folder.path(), &COST.replace(SUBJECTS, "\"go\""), &[])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == (4 + 1) * 2 * 2, || format!("{} samples", samples.len()))?;
    for row in &samples {
        check(row)?;
        ensure(number(row, "voluntary_switches")? >= 0.0, || format!("{row:?}"))?;
    }
    Ok(())
}
