//! What is modelled: `predict`, calibrations, and runs of the model.

use crate::program::{answer, numalab, only_folder, run};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use plan::record::{PredictionRow, titles};
use std::fs;

/// A machine of the shape of the one that the example was measured on.
const MACHINE: &str = "synthetic:pack:2 numa:1 l3:1 core:14 pu:1";
const EXPERIMENT: &str = "experiments/numa-binding.toml";
const EXAMPLE: &str = "experiments/machines/breniac.csv";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("predict: a table that says it is modelled, within 100 columns", text),
        test("predict: CSV and JSON hold the same points", documents),
        test("calibration: what is wrong with a file is one line, exit 2", bad_calibrations),
        test("a modelled run is resumed with what it assumed, and its manifest tells", assumed),
        test("noise comes from the seed, on request", noise),
    ]
}

fn predict(more: &[&str]) -> crate::program::Answer {
    run(&[&["predict", EXPERIMENT, "--input", MACHINE], more].concat())
}

fn text() -> Result<(), Failed> {
    let constants = predict(&[]);
    constants.expect_code(0)?;
    ensure(constants.out.contains("constants of a two-package Skylake server"), || constants.out.clone())?;
    let calibrated = predict(&["--calibrate", EXAMPLE]);
    calibrated.expect_code(0)?;
    for says in [
        "numa-binding: predicted by a model (modelled, not measured)",
        "latencies and bandwidths of experiments/machines/breniac.csv, host breniac",
        "Little's law: 509 lines in flight at 221.6 GB/s, 18.2 for each of 28 cores",
        "between: all touches queue at once",
    ] {
        ensure(calibrated.out.contains(says), || format!("no {says:?} in {}", calibrated.out))?;
    }
    ensure(calibrated.err.is_empty(), || calibrated.err.clone())?;
    let wide = calibrated.out.lines().find(|line| line.chars().count() > 100);
    ensure(wide.is_none(), || format!("wider than 100 columns: {wide:?}"))?;
    // A machine of other nodes, and one of far fewer cores than the lines in flight need.
    let small = run(&["predict", EXPERIMENT, "--input", "synthetic:pack:2 numa:1 core:2 pu:1", "--calibrate", EXAMPLE]);
    ensure(small.expect_code(0)?.out.contains("NOT consistent"), || small.out.clone())
}

fn documents() -> Result<(), Failed> {
    let csv = predict(&["--calibrate", EXAMPLE, "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.expect_code(0)?.out.as_bytes());
    ensure(reader.headers()?.iter().eq(titles::<PredictionRow>()), || csv.out.clone())?;
    let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    let json = predict(&["--calibrate", EXAMPLE, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.expect_code(0)?.out)?;
    let points = json["points"].as_array().ok_or("no points")?;
    ensure(points.len() == rows.len() && rows.len() > 20, || format!("{} and {}", points.len(), rows.len()))?;
    ensure(rows.iter().all(|row| &row[2] == "modelled"), || "a row does not say modelled".into())?;
    ensure(json["title"] == "modelled, not measured", || json["title"].to_string())?;
    ensure(json["model"]["parameters"]["calibration"]["latency_ns"][0][1] == 131.4, || json["model"].to_string())?;
    ensure(json["checks"].as_array().is_some_and(|checks| checks.len() == 4), || json["checks"].to_string())?;
    let hits = points.iter().find(|point| point["arm"] == "close" && point["procs"] == 24.0);
    let hits = hits.ok_or("no close at 24 procs")?["local_hit_ratio"].as_f64();
    ensure(hits == Some(0.875), || format!("{hits:?}"))
}

fn bad_calibrations() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("x.csv");
    let x = file.to_string_lossy().into_owned();
    let titles = "host,kind,from_node,to_node,value\n";
    let one_node = format!("{titles}a,idle_latency_ns,0,0,80\n");
    let four = format!(
        "{titles}{}",
        (0..16).map(|at| format!("a,idle_latency_ns,{},{},80\n", at / 4, at % 4)).collect::<String>()
    );
    let two_hosts = format!("{one_node}b,idle_latency_ns,0,0,80\n");
    let cases: &[(&[u8], &[&str], &str)] = &[
        (b"", &[], "empty; a title line and rows are needed"),
        (b"\xff\xfe", &[], ":1: byte 0 of the file is not UTF-8"),
        (b"1,2,3\n", &[], ":1: no column host"),
        (one_node.as_bytes(), &[], "it has no latency from node 0 to node 1, this machine has nodes 0-1"),
        (four.as_bytes(), &[], "it has node 2, this machine has nodes 0-1"),
        (two_hosts.as_bytes(), &[], "holds 2 hosts (a, b); name one with --calibrate-host"),
        (two_hosts.as_bytes(), &["--calibrate-host", "c"], "no host \"c\"; it has a, b"),
        (titles.as_bytes(), &[], "no row below the title line"),
    ];
    for (bytes, more, says) in cases {
        fs::write(&file, bytes)?;
        let results = folder.path().join("results").to_string_lossy().into_owned();
        for command in [
            vec!["predict", EXPERIMENT, "--input", MACHINE, "--calibrate", &x],
            vec!["run", EXPERIMENT, "--modelled", "--input", MACHINE, "--calibrate", &x, "--results", &results],
        ] {
            let refused = run(&[&command[..], more].concat());
            refused.expect_code(2)?;
            let one_line = refused.err.lines().count() == 1 && refused.err.contains(&x) && refused.out.is_empty();
            ensure(one_line && refused.err.contains(says), || format!("no {says:?} in {}", refused.err))?;
        }
        ensure(!folder.path().join("results").exists(), || "something was written".into())?;
    }
    for (arguments, says) in [
        (vec!["predict", EXPERIMENT, "--calibrate", "no-such.csv"], "no-such.csv: cannot read the calibration"),
        (vec!["predict", EXPERIMENT, "--calibrate", "experiments"], "experiments: is a directory"),
        (vec!["predict", "no-such.toml"], "no-such.toml"),
        (vec!["run", EXPERIMENT, "--calibrate", EXAMPLE], "--calibrate is for what is modelled; add --modelled"),
        (vec!["predict", EXPERIMENT, "--calibrate-host", "a"], "--calibrate <FILE.csv>"),
        (vec!["run", EXPERIMENT, "--noise"], "--modelled"),
        (vec!["run", EXPERIMENT, "--modelled", "--noise=2"], "must be a standard deviation from 0 to 1"),
        (vec!["run", EXPERIMENT, "--modelled", "--noise=nan"], "must be a standard deviation from 0 to 1"),
    ] {
        let refused = run(&arguments);
        refused.expect_code(2)?;
        ensure(refused.err.contains(says), || format!("{arguments:?}: no {says:?} in {}", refused.err))?;
    }
    Ok(())
}

fn small_run(results: &std::path::Path, more: &[&str]) -> Result<std::path::PathBuf, Failed> {
    let mut command = numalab();
    command.args(["run", EXPERIMENT, "--modelled", "--input", MACHINE, "--arm", "unbound", "--procs", "1,2,4"]);
    command.args(["--repetitions", "3", "--seconds", "0.05", "--results"]).arg(results).args(more);
    answer(command.output()?).expect_code(0)?;
    only_folder(results)
}

fn assumed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let made = small_run(folder.path(), &["--calibrate", EXAMPLE, "--noise=5%"])?;
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(made.join("manifest.json"))?)?;
    let model = &manifest["model"];
    ensure(model["noise"]["throughput_sd"] == 0.05, || model.to_string())?;
    ensure(model["parameters"]["calibration"]["source"] == "experiments/machines/breniac.csv, host breniac", || {
        model.to_string()
    })?;
    ensure(model["sources"]["compute_ns"].as_str().is_some_and(|source| source.starts_with("assumed")), || {
        model.to_string()
    })?;
    // Cut back to its first block, it goes on to the same rows.
    let samples = fs::read_to_string(made.join("samples.csv"))?;
    let cut: String = samples.split_inclusive('\n').take(4).collect();
    fs::write(made.join("samples.csv"), cut)?;
    fs::remove_file(made.join("SHA256SUMS"))?;
    answer(numalab().args(["run", "--resume"]).arg(&made).output()?).expect_code(0)?;
    let without_times = |text: &str| -> Vec<Vec<String>> {
        let rows = text.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
        rows.map(|mut cells| {
            cells.retain(|cell| !cell.ends_with('Z'));
            cells
        })
        .collect()
    };
    let again = fs::read_to_string(made.join("samples.csv"))?;
    ensure(without_times(&again) == without_times(&samples), || format!("{samples}\nbecame\n{again}"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    Ok(())
}

fn noise() -> Result<(), Failed> {
    let throughput = |more: &[&str]| -> Result<Vec<String>, Failed> {
        let folder = tempfile::tempdir()?;
        let made = small_run(folder.path(), more)?;
        let mut reader = csv::Reader::from_path(made.join("samples.csv"))?;
        let titles = reader.headers()?.clone();
        let column = titles.iter().position(|title| title == "throughput_per_s").ok_or("no throughput")?;
        let procs = titles.iter().position(|title| title == "procs").ok_or("no procs")?;
        let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
        Ok(rows.iter().filter(|row| &row[procs] == "4").map(|row| row[column].to_string()).collect())
    };
    let (quiet, noisy) = (throughput(&[])?, throughput(&["--noise"])?);
    ensure(quiet.len() == 3 && quiet.iter().all(|value| *value == quiet[0]), || format!("{quiet:?}"))?;
    ensure(noisy.len() == 3 && noisy[0] != noisy[1], || format!("{noisy:?}"))?;
    ensure(throughput(&["--noise=0.02"])? == noisy, || "the same seed gives other samples".into())?;
    ensure(throughput(&["--noise", "--seed", "2"])? != noisy, || "another seed gives the same samples".into())
}
