//! The workload `storm` as a user runs it, on every subject.

use crate::go::with_go;
use crate::program::{Answer, answer, numalab, only_folder};
use crate::trial::{Needs, ensure, test, test_with};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("storms: a run of tasks and of threads is whole, verifies and says what it measured", tasks_and_threads),
        with_go("storms: goroutines, whose collector's stops are told", goroutines),
        test("storms: a model of memory refuses them", not_modelled),
        test("storms: a task that does not yield is named", stuck),
        test_with(
            "storms: threads beyond the user's limit fail the sample in one line",
            Needs::Setpriv,
            too_many_threads,
        ),
    ]
}

const STORM: &str = r#"name = "tiny"
question = "What does a yield cost?"
expect = "Little."
[workload]
kind = "storm"
yields = 7
[pauses]
every = "1ms"
[sweep]
procs = [1, 2]
oversubscribe = "all"
subject = ["gmp", "tokio", "rayon", "threads"]
tasks = [1, 40, 700]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
[measure]
seconds = 0.005
repetitions = 2
"#;

/// As the experiments of these tests list the subjects of this program, to be replaced.
pub(crate) const SUBJECTS: &str = r#"["gmp", "tokio", "rayon", "threads"]"#;

/// Runs an experiment into a folder below `folder`.
pub(crate) fn ran(folder: &Path, text: &str, args: &[&str]) -> Result<Answer, Failed> {
    let file = folder.join("tiny.toml");
    fs::write(&file, text)?;
    Ok(answer(numalab().arg("run").arg(&file).arg("--results").arg(folder.join("results")).args(args).output()?))
}

/// Rows of a CSV by column.
pub(crate) fn table(path: &Path) -> Result<Vec<BTreeMap<String, String>>, Failed> {
    let mut reader = csv::Reader::from_path(path)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

pub(crate) fn number(row: &BTreeMap<String, String>, column: &str) -> Result<f64, Failed> {
    let text = row.get(column).ok_or_else(|| format!("no column {column}"))?;
    text.parse().map_err(|_| format!("{column} is \"{text}\" in {row:?}").into())
}

fn tasks_and_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let ended = ran(folder.path(), STORM, &[])?;
    ended.expect_code(0)?;
    let long = ended.out.lines().find(|line| line.chars().count() > 100);
    ensure(long.is_none(), || format!("more than 100 columns: {long:?}"))?;
    ensure(ended.out.contains("storm") && ended.out.contains("yield"), || ended.out.clone())?;
    ensure(!ended.out.contains("hit ratio") && !ended.out.contains("W:"), || ended.out.clone())?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    answer(numalab().arg("report").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 4 * 2 * 3 * 2 * 2, || format!("{} samples", samples.len()))?;
    let counts = counts(&made)?;
    for row in &samples {
        check(row, counts.get(&row["sample_id"]))?;
    }
    let (windows, workers) = (table(&made.join("windows.csv"))?, table(&made.join("workers.csv"))?);
    ensure(windows.len() == samples.len() && workers.is_empty(), || format!("{} slices", windows.len()))
}

/// What the scheduler counted, by sample.
pub(crate) fn counts(made: &Path) -> Result<BTreeMap<String, BTreeMap<String, f64>>, Failed> {
    let mut all = BTreeMap::new();
    for row in table(&made.join("facts.csv"))? {
        let sample = row["fact"].strip_prefix("sample_").and_then(|rest| rest.strip_suffix("_subject_counts"));
        if let Some(sample) = sample {
            let word = |word: &str| {
                let (name, value) = word.split_once('=')?;
                Some((name.to_string(), value.parse().ok()?))
            };
            all.insert(sample.to_string(), row["value"].split(", ").filter_map(word).collect());
        }
    }
    Ok(all)
}

fn check(row: &BTreeMap<String, String>, counts: Option<&BTreeMap<String, f64>>) -> Result<(), Failed> {
    let (tasks, operations) = (number(row, "tasks")?, number(row, "operations")?);
    let storms = operations / (tasks * 7.0);
    ensure(storms >= 1.0 && storms.fract() == 0.0, || format!("{storms} storms: {row:?}"))?;
    ensure(number(row, "elapsed_ns")? >= 5e6, || format!("shorter than asked: {row:?}"))?;
    let storm_ns = number(row, "storm_ns")?;
    let per_yield = storm_ns / (tasks * 7.0);
    ensure((number(row, "yield_ns")? / per_yield - 1.0).abs() < 1e-9, || format!("{row:?}"))?;
    ensure(number(row, "first_storm_ns")? > 0.0 && number(row, "minor_faults")? >= 0.0, || format!("{row:?}"))?;
    number(row, "voluntary_switches")?;
    for column in
        ["bandwidth_gb_per_s", "local_hit_ratio", "pause_count", "stopped_ns_sum", "pause_ratio", "huge_ratio"]
    {
        ensure(row[column].is_empty(), || format!("{column} is {}", row[column]))?;
    }
    ensure(row["warmup_ns"] == "0", || format!("{row:?}"))?;
    let from = ["from_next_ratio", "from_local_ratio", "from_global_ratio", "from_stolen_ratio"];
    match (row["subject"].as_str(), counts) {
        ("gmp", Some(counts)) => {
            ensure(counts["yields"] == operations, || format!("{counts:?} of {operations} yields"))?;
            // The task that spawns all others has polls of its own: two a storm at least in the end, few in any case.
            let (polls, due) = (counts["polls"], operations + storms * tasks);
            ensure(polls > due && polls <= due + storms + 1.0, || format!("{polls} polls, {due} due"))?;
            ensure(counts["spawned"] == storms * tasks + 1.0, || format!("{counts:?}"))?;
            let all = from.iter().map(|column| number(row, column)).sum::<Result<f64, _>>()?;
            ensure((all - 1.0).abs() < 1e-9, || format!("the shares add up to {all}: {row:?}"))?;
            check_queues(row)?;
            ensure(number(row, "run_delay_ratio").is_ok() && number(row, "steals_per_1000").is_ok(), || {
                format!("{row:?}")
            })
        }
        ("threads" | "tokio" | "rayon", None) => {
            let told = from.iter().chain(&["local_queue_mean", "global_queue_most"]);
            ensure(told.into_iter().all(|column| row[*column].is_empty()), || format!("{row:?}"))
        }
        other => Err(format!("{other:?}").into()),
    }
}

/// No more is queued than there are tasks, that which spawns them among them. A sample may be over before the first look.
fn check_queues(row: &BTreeMap<String, String>) -> Result<(), Failed> {
    if row["local_queue_mean"].is_empty() {
        return Ok(());
    }
    let most = number(row, "tasks")? + 1.0;
    let (local, global) = (number(row, "local_queue_mean")?, number(row, "global_queue_mean")?);
    let (local_most, global_most) = (number(row, "local_queue_most")?, number(row, "global_queue_most")?);
    let is_held = local <= local_most && global <= global_most && local_most <= most.min(256.0) && global_most <= most;
    ensure(is_held && number(row, "local_queue_spread")? <= local_most, || format!("{row:?}"))
}

fn goroutines() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = STORM.replace(SUBJECTS, "\"go\"").replace("[1, 40, 700]", "[1, 5000]");
    ran(folder.path(), &text, &[])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let samples = table(&made.join("samples.csv"))?;
    ensure(samples.len() == 2 * 2 * 2 * 2, || format!("{} samples", samples.len()))?;
    for row in &samples {
        ensure(row["error"].is_empty(), || format!("{row:?}"))?;
        let storms = number(row, "operations")? / (number(row, "tasks")? * 7.0);
        ensure(storms >= 1.0 && storms.fract() == 0.0, || format!("{storms} storms: {row:?}"))?;
        // A small storm ends before the collector's first cycle, and then nothing is known of its share.
        let pauses = if row["pause_ratio"].is_empty() { 0.0 } else { number(row, "pause_ratio")? };
        ensure((0.0..1.0).contains(&pauses) && row["from_next_ratio"].is_empty(), || format!("{row:?}"))?;
        ensure(number(row, "first_storm_ns")? > 0.0 && number(row, "voluntary_switches")? >= 0.0, || {
            format!("{row:?}")
        })?;
    }
    Ok(())
}

/// Its loop lasts longer than the monitor's patience of 100 ms.
fn stuck() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = STORM.replace(SUBJECTS, "\"gmp\"").replace("yields = 7", "yields = 1\nloop_ns = 400000000");
    let text = text.replace("[1, 40, 700]", "[1]").replace("[1, 2]", "[1]");
    ran(folder.path(), &text, &["--repetitions", "1", "--arm", "unbound"])?.expect_code(0)?;
    let facts = fs::read_to_string(only_folder(&folder.path().join("results"))?.join("facts.csv"))?;
    ensure(facts.contains("times a task that did not yield: the longest, task "), || facts.clone())
}

fn not_modelled() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let modelled = ran(folder.path(), STORM, &["--modelled"])?;
    let predicted = answer(numalab().arg("predict").arg(folder.path().join("tiny.toml")).output()?);
    for refused in [modelled, predicted] {
        refused.expect_code(1)?;
        let says = "workload storm has no heaps, and the model knows only touches of memory";
        ensure(refused.err.contains(says), || refused.err.clone())?;
    }
    Ok(())
}

/// As a user of few processes: root has no such limit.
fn too_many_threads() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // Threads that yield for long are all there at once.
    let text = STORM.replace("yields = 7", "yields = 100000").replace("[1, 40, 700]", "[2000]");
    let text = text.replace(SUBJECTS, "\"threads\"").replace("procs = [1, 2]", "procs = 1");
    let file = folder.path().join("tiny.toml");
    fs::write(&file, text)?;
    let program = folder.path().join("numalab");
    fs::copy(env!("CARGO_BIN_EXE_numalab"), &program)?;
    let results = folder.path().join("results");
    fs::create_dir(&results)?;
    std::os::unix::fs::chown(&results, Some(NOBODY), Some(NOBODY))?;
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "prlimit", "--nproc=300"]);
    command
        .arg(&program)
        .arg("run")
        .arg(&file)
        .args(["--arm", "unbound", "--repetitions", "1", "--results"])
        .arg(&results);
    let ended = answer(command.current_dir(folder.path()).output()?);
    ended.expect_code(1)?;
    let samples = table(&only_folder(&results)?.join("samples.csv"))?;
    let error = &samples[0]["error"];
    let says = error.starts_with("run: cannot start thread ") && error.contains(" of 2000, one for each task: ");
    ensure(says && error.ends_with("check ulimit -u and pids.max"), || format!("{error}\n{ended:?}"))
}

const NOBODY: u32 = 65_534;
