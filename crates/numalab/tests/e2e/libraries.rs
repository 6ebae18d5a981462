//! tokio and rayon as subjects: `serve` on them as a user runs it; tests of other workloads have them beside the others.

use crate::program::{answer, numalab, only_folder};
use crate::storms::{number, ran, table};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("libraries: tokio and rayon serve beside gmp, without pauses, and the manifest has their versions", serve),
        test("libraries: a run on them that was ended goes on", resumed),
        test("libraries: no model knows them", not_modelled),
    ]
}

const SERVE: &str = r#"name = "tiny"
question = "Who serves?"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "256KiB"
[pauses]
every = "2ms"
[sweep]
procs = [1, 2, 5]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon"]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
private = "local"
[measure]
operations = 20000
repetitions = 2
"#;

fn serve() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let ended = ran(folder.path(), SERVE, &[])?;
    ended.expect_code(0)?;
    let says = "and knows no nodes; nobody can stop its world: no pauses";
    ensure(ended.err.contains(says) || ended.out.contains(says), || format!("{}{}", ended.out, ended.err))?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 3 * 3 * 2 * 2, || format!("{} samples", samples.len()))?;
    for row in &samples {
        ensure(row["error"].is_empty(), || format!("{row:?}"))?;
        // Each worker has done its requests, whose loads were replayed.
        ensure(number(row, "operations")? == 20_000.0 * number(row, "procs")?, || format!("{row:?}"))?;
        let paused = !row["pause_count"].is_empty();
        ensure(paused == (row["subject"] == "gmp"), || format!("{row:?}"))?;
        // Of the suite's scheduler alone, which counts them on one node, too.
        for column in ["steals_other_node_per_1000", "away_from_home_ratio", "sent_home_per_1000"] {
            let told = row.get(column).is_some_and(|value| !value.is_empty());
            ensure(told == (row["subject"] == "gmp"), || format!("{column}: {row:?}"))?;
        }
    }
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(made.join("manifest.json"))?)?;
    for subject in ["tokio", "rayon"] {
        let version = &manifest["conditions"]["programs"][subject]["builtin"]["version"];
        let named = version.as_str().is_some_and(|version| version.starts_with(&format!("{subject} 1.")));
        ensure(named, || manifest["conditions"]["programs"].to_string())?;
    }
    Ok(())
}

fn resumed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    ran(folder.path(), SERVE, &["--budget", "1s"])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    let before = table(&made.join("samples.csv"))?.len();
    answer(numalab().arg("run").arg("--resume").arg(&made).output()?).expect_code(0)?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let after = table(&made.join("samples.csv"))?.len();
    ensure(after >= before, || format!("{before} samples, then {after}"))
}

fn not_modelled() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    ran(folder.path(), SERVE, &["--modelled", "--input", "synthetic:pack:2 numa:1 core:4 pu:1"])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    let of = |row: &std::collections::BTreeMap<String, String>| row["subject"] != "gmp";
    let points = table(&made.join("points.csv"))?;
    let reason = "the model knows no other runtime; run it on a machine";
    let skipped = points.iter().filter(|row| of(row) && row["state"] == "skipped" && row["reason"].ends_with(reason));
    ensure(skipped.count() == 2 * 3 * 2, || format!("{points:?}"))?;
    ensure(!table(&made.join("samples.csv"))?.iter().any(of), || "a library was modelled".into())
}
