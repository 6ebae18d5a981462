//! Whole runs, live and modelled, and what other commands make of their folders.

use crate::bench::EXPERIMENT;
use crate::program::{answer, numalab, only_folder, root, rows, run};
use crate::trial::{Needs, ensure, test, test_with};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("a live run is whole, verifies and can be redrawn elsewhere", live),
        test("--timing lowers what times are believed to be, and raises nothing", timing),
        test("a modelled run of 2 x 32 says so everywhere", modelled),
        test("a pilot proposes repetitions, and contrasted points are sampled more often", piloted),
        test("what a plan tells fits 100 columns", plan_text),
        test("--format csv and json are clean on stdout", formats),
        test("tables without results say how to get them", tables_without_results),
        test("an article is audited by its own tables", an_article_by_its_own_tables),
        test("tables are those that the experiment names", tables_of_the_experiment),
        test("tables of any shape stand beside the metrics that an experiment names", tables_of_any_shape),
        test("topo: json has nodes and pus as lists", topo_json),
        test("the same seed plans the same", same_plan),
        test_with("make new-workload: what it writes builds and runs", Needs::NewWorkload, new_workload),
    ]
}

fn live() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let experiment = folder.path().join("small.toml");
    fs::write(&experiment, EXPERIMENT)?;
    let results = folder.path().join("results");
    let ended = answer(numalab().arg("run").arg(&experiment).arg("--results").arg(&results).output()?);
    ended.expect_code(0)?;
    let made = only_folder(&results)?;
    for file in
        ["plan.toml", "topology.xml", "topology.json", "manifest.json", "report.html", "SHA256SUMS", "datapackage.json"]
    {
        ensure(made.join(file).exists(), || format!("{file} is missing"))?;
    }
    ensure(ended.out.contains("report.html"), || format!("the report's path is not told: {}", ended.out))?;
    fits_100_columns(&ended.out)?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    redraw_elsewhere(&made, folder.path())
}

/// Copies the raw files alone to another folder and redraws: the derived files must come out the same.
fn redraw_elsewhere(made: &Path, folder: &Path) -> Result<(), Failed> {
    let copy = folder.join("copy");
    fs::create_dir(&copy)?;
    let raw = [
        "plan.toml",
        "topology.xml",
        "topology.json",
        "manifest.json",
        "points.csv",
        "samples.csv",
        "pauses.csv",
        "windows.csv",
        "workers.csv",
        "traffic.csv",
        "facts.csv",
        "SHA256SUMS",
    ];
    for file in raw {
        fs::copy(made.join(file), copy.join(file))?;
    }
    answer(numalab().arg("report").arg(&copy).output()?).expect_code(0)?;
    for file in ["summary.csv", "fits.csv", "claims.csv", "report.html"] {
        let (here, there) = (fs::read(made.join(file))?, fs::read(copy.join(file))?);
        ensure(here == there, || format!("{file} comes out differently elsewhere"))?;
    }
    // Changed afterwards, it is not redrawn.
    let samples = fs::read_to_string(copy.join("samples.csv"))?;
    fs::write(copy.join("samples.csv"), samples.replace(",unbound,", ",bound,"))?;
    let changed = answer(numalab().arg("report").arg(&copy).output()?);
    changed.expect_code(3)?;
    let says = changed.err.contains("samples.csv: changed since") && changed.err.contains("see numalab verify");
    ensure(says && changed.err.lines().count() == 1, || format!("it says: {}", changed.err))
}

fn timing() -> Result<(), Failed> {
    let found = run_with_timing(None)?;
    for (asked, expect) in [("hardware", found.as_str()), ("emulated", "emulated")] {
        let timing = run_with_timing(Some(asked))?;
        ensure(timing == expect, || format!("{found} by evidence, {timing} with --timing {asked}"))?;
    }
    let refused = run(&["run", "--timing", "modelled", "x.toml"]);
    refused.expect_code(2)?;
    ensure(refused.err.contains("--modelled"), || refused.err.clone())
}

/// The timing of a small live run, which its manifest and every sample name alike.
fn run_with_timing(asked: Option<&str>) -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    let experiment = folder.path().join("small.toml");
    fs::write(&experiment, EXPERIMENT)?;
    let mut command = numalab();
    command.arg("run").arg(&experiment).arg("--results").arg(folder.path().join("results"));
    answer(command.args(asked.map(|asked| format!("--timing={asked}"))).output()?).expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    let manifest: plan::manifest::Manifest = serde_json::from_str(&fs::read_to_string(made.join("manifest.json"))?)?;
    let timing = manifest.timing.to_string();
    let mut samples = csv::Reader::from_path(made.join("samples.csv"))?;
    let column = samples.headers()?.iter().position(|title| title == "timing").ok_or("no column timing")?;
    for row in samples.records() {
        ensure(row?.get(column) == Some(&timing), || "a sample says otherwise than the manifest".into())?;
    }
    let told = |asked: &str| manifest.timing_evidence.iter().any(|sentence| sentence.contains(asked));
    ensure(asked.is_none_or(|_| told("--timing")), || format!("not told why: {:?}", manifest.timing_evidence))?;
    Ok(timing)
}

/// The paper's experiment modelled on 2 x 32 with few pauses; contrasted points are sampled more often.
fn piloted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (file, results) = (folder.path().join("pilot.toml"), folder.path().join("results"));
    let text = fs::read_to_string(root().join("experiments/numa-binding.toml"))?;
    // The table and the audit that it names lie beside the original.
    let text = text.replace("published = \"published/numa_binding.csv\"\n", "");
    let text = text.replace("audit     = \"published/audit.toml\"\n", "");
    let text = text.replace("repetitions = 10\npause_repetitions = 20\n", "repetitions = 3\npause_repetitions = 5\n");
    fs::write(&file, text.replace("procs = \"paper\"", "procs = [1, 32, 64]").replace("budget = \"15m\"\n", ""))?;
    let input = "synthetic:pack:2 numa:1 core:32 pu:1";
    let mut command = numalab();
    command.args(["run", "--modelled", "--noise", "--input", input]).arg(&file).arg("--results").arg(&results);
    answer(command.output()?).expect_code(0)?;
    let made = only_folder(&results)?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = rows(&made.join("samples.csv"))?;
    let count = |arm: &str, procs: &str| samples.iter().filter(|row| row[7] == arm && row[10] == procs).count();
    let counted = [count("unbound", "1"), count("unbound", "32"), count("unbound", "64"), count("close", "64")];
    ensure(counted == [3, 5, 5, 3], || format!("{counted:?} samples of unbound at 1, 32, 64 and close at 64"))?;
    // What a model computed says nothing of how samples differ.
    let mut command = numalab();
    command.arg("plan").arg(&file).args(["--input", input, "--pilot"]).arg(&made);
    let refused = answer(command.output()?);
    refused.expect_code(77)?;
    ensure(refused.err.contains("computed by the model, not measured"), || refused.err.clone())?;
    pilot_of_this_host()
}

/// A small run of this host as a pilot, for this host and for another.
fn pilot_of_this_host() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (file, results) = (folder.path().join("small.toml"), folder.path().join("results"));
    let claim = "[[claim]]\nid = \"v\"\ntext = \"It grows.\"\ntype = \"variance-ratio\"\nprocs = 2\nover_procs = 1\n\
                 printed = 3.8\narm = [\"unbound\", \"close\"]\n";
    let text = EXPERIMENT.replace("operations = 2000\nrepetitions = 2", "seconds = 0.2\nrepetitions = 3");
    fs::write(
        &file,
        text.replace("5ms", "2ms").replace("procs = [1, 2]", "procs = [1, 2]\noversubscribe = true") + claim,
    )?;
    answer(numalab().arg("run").arg(&file).arg("--results").arg(&results).output()?).expect_code(0)?;
    let made = only_folder(&results)?;
    let plan = |more: &[&str]| -> Result<_, Failed> {
        Ok(answer(numalab().arg("plan").arg(&file).arg("--pilot").arg(&made).args(more).output()?))
    };
    let told = plan(&[])?;
    told.expect_code(0)?;
    // Lines wrap where the width ends.
    let said = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["repetitions = ", "pause_repetitions", "fewer than 10 samples: a point has 3"] {
        ensure(said.contains(part), || format!("{part} is not said: {said}"))?;
    }
    ensure(!told.out.contains("another machine"), || told.out.clone())?;
    fits_100_columns(told.out.split_once('\n').ok_or("one line")?.1)?;
    let elsewhere = plan(&["--input", "synthetic:pack:2 numa:1 core:32 pu:1"])?;
    ensure(elsewhere.out.contains("pilot of another machine: "), || elsewhere.out.clone())?;
    let document: serde_json::Value = serde_json::from_str(&plan(&["--format", "json", "--within", "0.0001%"])?.out)?;
    ensure(document["repetitions"] == "> 1000", || document.to_string())?;
    // Two questions; a busy host may have too few pauses for a number.
    let level = document["contrasts"][0]["level"].as_f64();
    ensure(level.is_some_and(|level| (level - 0.975).abs() < 1e-9), || document.to_string())?;
    let wide: serde_json::Value = serde_json::from_str(&plan(&["--format", "json", "--within", "99%"])?.out)?;
    ensure(wide["repetitions"].as_u64().is_some_and(|needed| needed >= 2), || wide.to_string())?;
    ensure(wide["doubts"][0].as_str().is_some_and(|doubt| doubt.contains("fewer than 10")), || wide.to_string())?;
    let csv = plan(&["--format", "csv"])?;
    ensure(csv.out.lines().count() > 3 && csv.out.starts_with("point_id,") && csv.err.contains("fewer"), || csv.out)?;
    plan(&["--within", "0%"])?.expect_code(2)?;
    let golden = run(&["plan", "experiments/numa-binding.toml", "--pilot", "no-such-folder"]);
    golden.expect_code(2).map(|_| ())
}

fn modelled() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut command = numalab();
    command.args(["run", "experiments/numa-binding.toml", "--modelled", "--repetitions", "4"]);
    command.args(["--input", "synthetic:pack:2 numa:1 l3:1 core:32 pu:1", "--results"]).arg(folder.path());
    let ended = answer(command.output()?);
    ended.expect_code(0)?;
    ensure(ended.out.contains("computed by a model"), || {
        format!("it does not say that it is modelled: {}", ended.out)
    })?;
    let made = only_folder(folder.path())?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = rows(&made.join("samples.csv"))?;
    ensure(samples.iter().all(|row| row[6] == "modelled"), || "a row does not say modelled".into())?;
    let claims = fs::read_to_string(made.join("claims.csv"))?;
    ensure(!claims.contains(",supported,") && !claims.contains(",refuted,"), || {
        format!("a verdict from the model:\n{claims}")
    })
}

fn formats() -> Result<(), Failed> {
    let golden = tempfile::tempdir()?;
    copy_folder(&root().join("results/golden-2n8p"), golden.path())?;
    let dir = golden.path().to_string_lossy().into_owned();
    let csv = run(&["report", &dir, "--format", "csv"]);
    csv.expect_code(0)?;
    ensure(csv.out.starts_with("point_id,arm,"), || csv.out.clone())?;
    let json = run(&["report", &dir, "--format", "json"]);
    json.expect_code(0)?;
    serde_json::from_str::<serde_json::Value>(&json.out)?;
    let claims = run(&["claims", &dir, "--format", "json"]);
    claims.expect_code(0)?;
    serde_json::from_str::<serde_json::Value>(&claims.out)?;
    Ok(())
}

/// But for the path of the report, which is as long as it is.
fn fits_100_columns(text: &str) -> Result<(), Failed> {
    let wide = text.lines().find(|line| line.chars().count() > 100 && !line.contains("report.html"));
    ensure(wide.is_none(), || format!("wider than 100 columns: {wide:?}"))
}

fn plan_text() -> Result<(), Failed> {
    for machine in [&[][..], &["--input", "synthetic:pack:2 numa:2 core:32 pu:1"]] {
        let planned = run(&[&["plan", "experiments/numa-binding.toml"], machine].concat());
        fits_100_columns(&planned.expect_code(0)?.out)?;
        ensure(planned.out.contains("\n  p00 "), || planned.out.clone())?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failed> {
    for file in fs::read_dir(from)?.flatten().filter(|file| file.path().is_file()) {
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

fn tables_without_results() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let answer = run(&["tables", "--results", &folder.path().to_string_lossy()]);
    answer.expect_code(0)?;
    ensure(answer.out.contains("68.9 k/s"), || format!("no printed figure: {}", answer.out))?;
    ensure(answer.out.contains("make run"), || format!("it does not say how to measure: {}", answer.out))
}

/// No machine is asked: the article's tables are built in, and beside the program as an audit.
fn an_article_by_its_own_tables() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let results = folder.path().to_string_lossy();
    let built_in = run(&["claims", "--results", &results]);
    built_in.expect_code(0)?;
    ensure(built_in.err.contains("measure with: make run"), || built_in.err.clone())?;
    fits_100_columns(&built_in.out)?;
    let file = "experiments/published/audit.toml";
    let named = run(&["claims", "--audit", file]);
    ensure(named.expect_code(0)?.out == built_in.out && named.err.is_empty(), || named.err.clone())?;
    ensure(named.out.contains("4 storm-exponential (section 1 and title): refuted\n"), || named.out.clone())?;
    let csv = run(&["claims", "--audit", file, "--format", "csv"]);
    ensure(csv.expect_code(0)?.out.starts_with("number,id,place,text,reading,"), || csv.out.clone())?;
    let json = run(&["claims", "--audit", file, "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&json.expect_code(0)?.out)?;
    ensure(rows[0]["verdict"] == "supported" && rows[1]["printed"] == 3.8, || rows[0].to_string())?;
    let none = run(&["claims", "--audit", "experiments/numa-binding.toml"]);
    none.expect_code(2)?;
    ensure(none.err.contains("numa-binding.toml:5: unknown key \"question\""), || none.err.clone())
}

/// A table over a folder of an experiment that names none would compare what has nothing to do with each other.
fn tables_of_the_experiment() -> Result<(), Failed> {
    let none = run(&["tables", "results/golden-2n8p"]);
    none.expect_code(2)?;
    ensure(none.out.is_empty() && none.err.contains("results/golden-2n8p: no published table"), || none.err.clone())?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::write(path("mine.csv"), "procs,local_hit_percent,throughput_req_per_s\n1,50,777\n")?;
    let text = "name = \"mine\"\nquestion = \"What?\"\npublished = \"mine.csv\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = [1]\n[[arm]]\nname = \"unbound\"\n";
    fs::write(path("mine.toml"), text)?;
    let input = "synthetic:pack:2 numa:1 core:8 pu:1";
    let results = path("results");
    run(&["run", &path("mine.toml"), "--modelled", "--input", input, "--results", &results]).expect_code(0)?;
    // The folder alone has it from now on.
    fs::remove_file(path("mine.csv"))?;
    let dir = only_folder(Path::new(&results))?;
    let answer = run(&["tables", &dir.to_string_lossy(), "--format", "csv"]);
    answer.expect_code(0)?;
    ensure(answer.out.contains(",777,"), || answer.out.clone())?;
    ensure(dir.join("tables/published.csv").is_file(), || "report wrote no table".into())?;
    let again = run(&["plan", &path("mine.toml"), "--input", input]);
    again.expect_code(2)?;
    ensure(again.err.contains("mine.toml:3: published in the file: "), || again.err.clone())
}

/// Any printed table, by the metrics that the file names beside its columns.
fn tables_of_any_shape() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::write(path("mine.csv"), "procs,rate_k_per_s,said\n1,777.5,often\n3,1200,seldom\n")?;
    let text = "name = \"mine\"\nquestion = \"What?\"\n[workload]\nkind = \"serve\"\n[sweep]\nprocs = [1]\n[[arm]]\nname = \"unbound\"\n\
                [printed]\ntable = \"mine.csv\"\nby = \"procs\"\n[printed.columns]\n\
                rate_k_per_s = { metric = \"throughput_per_s\", per = 1e3 }\n";
    fs::write(path("mine.toml"), text)?;
    let results = path("results");
    let input = "synthetic:pack:2 numa:1 core:8 pu:1";
    run(&["run", &path("mine.toml"), "--modelled", "--input", input, "--results", &results]).expect_code(0)?;
    fs::remove_file(path("mine.csv"))?;
    let dir = only_folder(Path::new(&results))?;
    let name = dir.to_string_lossy();
    for (format, file) in [("csv", "printed.csv"), ("markdown", "printed.md"), ("latex", "printed.tex")] {
        let answer = run(&["tables", &name, "--format", format]);
        answer.expect_code(0)?;
        ensure(fs::read_to_string(dir.join("tables").join(file))? == answer.out, || format!("{file}: {}", answer.out))?;
        ensure(answer.out.contains("777.5"), || answer.out.clone())?;
    }
    let answer = run(&["tables", &name]);
    fits_100_columns(&answer.expect_code(0)?.out)?;
    for part in ["computed", "unbound, procs 3: not in this run", "a ratio by itself says nothing", "timing modelled: "]
    {
        ensure(answer.out.contains(part), || format!("no \"{part}\" in {}", answer.out))?;
    }
    ensure(fs::read_to_string(dir.join("report.html"))?.contains("Printed beside measured"), || "no section".into())?;
    run(&["verify", &name]).expect_code(0).map(|_| ())
}

fn topo_json() -> Result<(), Failed> {
    let answer = run(&["topo", "--format", "json"]);
    answer.expect_code(0)?;
    let json: serde_json::Value = serde_json::from_str(&answer.out)?;
    for list in ["nodes", "pus"] {
        ensure(json[list].as_array().is_some_and(|list| !list.is_empty()), || format!("{list} is no list"))?;
    }
    Ok(())
}

fn same_plan() -> Result<(), Failed> {
    let plan = || {
        run(&[
            "plan",
            "experiments/numa-binding.toml",
            "--input",
            "synthetic:pack:2 numa:1 core:8 pu:2",
            "--format",
            "json",
        ])
    };
    let (first, second) = (plan(), plan());
    first.expect_code(0)?;
    ensure(first.out == second.out, || "two plans differ".into())
}

fn new_workload() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let tree = folder.path().join("tree");
    let clone = Command::new("git").args(["clone", "-q"]).arg(root()).arg(&tree).status()?;
    ensure(clone.success(), || "git could not clone the tree".into())?;
    try_new_workload(&tree)
}

fn try_new_workload(tree: &Path) -> Result<(), Failed> {
    let make = |name: &str| Command::new("make").args(["new-workload", name]).current_dir(tree).output().map(answer);
    for name in ["NAME=type", "NAME=spec", "NAME=bytes", "NAME=default", "NAME=Foo"] {
        let refused = make(name)?;
        refused.expect_code(2)?;
        ensure(refused.err.contains("new-workload: NAME"), || format!("{name}: {refused:?}"))?;
    }
    make("NAME=stroll")?.expect_code(0)?;
    let experiment = EXPERIMENT.replacen(
        "kind = \"serve\"\nprivate_bytes = \"256KiB\"\nshared_bytes = \"256KiB\"",
        "kind = \"stroll\"",
        1,
    );
    fs::write(tree.join("stroll.toml"), experiment)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "-q", "-p", "numalab", "--target-dir"]).arg(root().join("target/new-workload"));
    cargo.args(["--", "run", "stroll.toml", "--results", "made"]).current_dir(tree);
    answer(cargo.output()?).expect_code(0)?;
    let made = only_folder(&tree.join("made"))?;
    let samples = rows(&made.join("samples.csv"))?;
    ensure(!samples.is_empty() && samples.iter().all(|row| row[8] == "stroll"), || "no row of the new workload".into())
}
