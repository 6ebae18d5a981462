//! `compare` on folders that a model filled: formats, gate, refusals.

use crate::bench::EXPERIMENT;
use crate::program::{Answer, run};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("compare: a gate, four formats, and marks on what was waved through", gate),
        test("compare: what cannot be compared gets one line", refused),
    ]
}

/// Three modelled runs below `name`, of requests of so many lines.
fn side(folder: &Path, name: &str, lines: u32) -> Result<String, Failed> {
    let experiment = folder.join("small.toml");
    let kind = format!("kind = \"serve\"\nlines_per_request = {lines}");
    let text = EXPERIMENT.replacen("kind = \"serve\"", &kind, 1).replacen("operations = 2000", "seconds = 0.05", 1);
    fs::write(&experiment, text.replacen("repetitions = 2", "repetitions = 10", 1))?;
    let results = folder.join(name).to_string_lossy().into_owned();
    for seed in ["1", "2", "3"] {
        let input = "synthetic:pack:2 numa:1 core:8 pu:1";
        let file = experiment.to_string_lossy();
        let modelled = ["run", &file, "--modelled", "--noise", "--input", input, "--results", &results, "--seed", seed];
        run(&modelled).expect_code(0)?;
    }
    Ok(results)
}

fn sides() -> Result<(TempDir, String, String), Failed> {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let (before, after) = (side(folder.path(), "before", 64)?, side(folder.path(), "after", 96)?);
    Ok((folder, before, after))
}

fn gate() -> Result<(), Failed> {
    let (_folder, before, after) = sides()?;
    let compare = |one: &str, other: &str, more: &[&str]| run(&[&["compare", one, other, "--anyway"], more].concat());
    let worse = compare(&before, &after, &["--gate"]);
    worse.expect_code(3)?;
    ensure(worse.err.contains("gate: something got worse: ") && worse.err.lines().count() == 1, || worse.err.clone())?;
    ensure(worse.out.contains("slower *"), || worse.out.clone())?;
    ensure(worse.out.lines().all(|line| line.chars().count() <= 100), || worse.out.clone())?;
    for says in ["computed by the model", "lines_per_request: 64 and 96", "not in turn"] {
        ensure(worse.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), || worse.out.clone())?;
    }
    let better = compare(&after, &before, &["--gate"]);
    better.expect_code(0)?;
    ensure(better.out.contains("faster"), || better.out.clone())?;
    // Without --anyway it is refused; a noise of half lets it pass.
    let refused = run(&["compare", &before, &after, "--gate"]);
    refused.expect_code(2)?;
    ensure(refused.err.contains("the plan is another") && refused.err.lines().count() == 1, || refused.err.clone())?;
    compare(&before, &after, &["--gate", "--noise", "90%"]).expect_code(0)?;
    let json: serde_json::Value = serde_json::from_str(&compare(&before, &after, &["--format", "json"]).out)?;
    ensure(json["contrasts"][0]["verdict"] == "slower" && json["sides"][1]["sessions"] == 3, || json.to_string())?;
    let csv = compare(&before, &after, &["--format", "csv"]);
    let titles = plan::record::titles::<plan::record::ContrastRow>().join(",");
    ensure(csv.out.lines().next() == Some(&titles) && csv.out.lines().count() == 5, || csv.out.clone())?;
    let markdown = compare(
        &before,
        &after,
        &["--format", "markdown", "--metric", "pause_mean_ns", "--metric", "throughput_per_s"],
    );
    ensure(markdown.out.contains("| **slower *** |") || markdown.out.contains("**slower"), || markdown.out.clone())?;
    ensure(markdown.out.contains("pause_mean_ns, less is better"), || markdown.out.clone())
}

fn refused() -> Result<(), Failed> {
    let (_folder, before, _) = sides()?;
    let others = runs(Path::new(&before))?;
    let run_dir = others[0].clone();
    let check = |args: &[&str], says: &str| -> Result<(), Failed> {
        let ended: Answer = run(&[&["compare"], args].concat());
        ended.expect_code(2)?;
        ensure(ended.err.contains(says) && ended.out.is_empty(), || ended.err.clone())?;
        ensure(ended.err.lines().count() == 1 || ended.err.contains("--help"), || ended.err.clone())
    };
    check(&[], "<SIDE>")?;
    check(&["no-such-folder"], "no-such-folder: no results folder there or below")?;
    check(&["experiments"], "experiments: no results folder there or below")?;
    check(&[&before], "3 run(s), all of one program; name the folders of each side")?;
    check(&[&before, &run_dir], "named twice; each run belongs to one side")?;
    check(&[&run_dir, "--noise=-1%"], "--noise")?;
    check(&[&run_dir, "--noise", "100%"], "--noise")?;
    check(&[&run_dir, "--metric", "speed"], "write speed:more or speed:less")?;
    check(&[&run_dir, "--metric", "speed:more"], "speed is no metric of this experiment; it has throughput_per_s")?;
    check(&[&run_dir, "--metric", "pause_p99_ns"], "never averaged")?;
    check(&[&run_dir, "--baseline", "far"], "no arm far; it has unbound, close")?;
    // Two single runs have a ratio and no verdict.
    let single = run(&["compare", &others[0], &others[1], "--anyway"]);
    single.expect_code(0)?;
    let text = single.out.split_whitespace().collect::<Vec<_>>().join(" ");
    ensure(text.contains("undecided: one session; 3 or more of each side"), || single.out.clone())?;
    ensure(text.contains("small.toml --against OTHER_BINARY --sessions 5"), || single.out.clone())
}

fn runs(results: &Path) -> Result<Vec<String>, Failed> {
    let mut found = Vec::new();
    for run in fs::read_dir(results.join("small/model"))? {
        found.push(run?.path().to_string_lossy().into_owned());
    }
    found.sort();
    Ok(found)
}
