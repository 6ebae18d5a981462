//! The suite's scheduler as an experiment has it: its switches, its trace, what observers say of it, and claims over an axis.

use crate::program::{Answer, answer, numalab, only_folder};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("schedulers: a trace of each point is JSON that adds up to the counts", traced),
        test("schedulers: switches are swept, and claims compare them over an axis of tasks", swept),
        test("schedulers: three observers watch a planted change", observed),
        test("schedulers: claims of several folders are one table", several),
        test("schedulers: what cannot be is refused in one line", refused),
    ]
}

const STORM: &str = r#"name = "tiny"
question = "What does a ring change?"
[workload]
kind = "storm"
yields = 5
[sweep]
procs = 1
subject = ["gmp", "threads"]
tasks = [1, 10, 40]
ring = [2, 256]
axis = "tasks"
[[arm]]
name = "unbound"
[measure]
seconds = 0.002
repetitions = 4
[[claim]]
id = "more-tasks-longer"
text = "Forty tasks take longer than one."
type = "ratio"
metric = "storm_ns"
arm = "unbound"
levels = { ring = 256 }
tasks = 40
over_tasks = 1
printed = 2.0
direction_only = true
[[claim]]
id = "a-small-ring-overflows"
text = "With a ring of two more tasks come from the global queue."
type = "ratio"
metric = "from_global_ratio"
arm = "unbound"
subject = "gmp"
levels = { ring = 2 }
over = { ring = 256 }
tasks = 40
printed = 2.0
direction_only = true
"#;

/// Runs an experiment into a folder below `folder`.
fn ran(folder: &Path, text: &str, args: &[&str]) -> Result<Answer, Failed> {
    let file = folder.join("tiny.toml");
    fs::write(&file, text)?;
    Ok(answer(numalab().arg("run").arg(&file).arg("--results").arg(folder.join("results")).args(args).output()?))
}

fn traced() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let traces = folder.path().join("deep/traces");
    let to = traces.to_string_lossy().into_owned();
    ran(folder.path(), STORM, &["--trace", &to, "--subject", "gmp"])?.expect_code(0)?;
    let mut found: Vec<_> =
        fs::read_dir(&traces)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    found.sort();
    ensure(found.len() == 6 && found[0] == "p00.json", || format!("{found:?}"))?;
    let read: serde_json::Value = serde_json::from_str(&fs::read_to_string(traces.join("p05.json"))?)?;
    let events = read["traceEvents"].as_array().ok_or("no events")?;
    let ran = events.iter().filter(|event| event["args"]["end"].is_string()).count() as u64;
    let other = &read["otherData"];
    let (polls, lost) = (other["counts"]["polls"].as_u64(), other["events_lost"].as_u64());
    ensure(polls == Some(ran) && lost == Some(0), || {
        format!("{ran} polls in the trace, {polls:?} counted, {lost:?} lost")
    })?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    Ok(())
}

fn swept() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("planned.toml");
    // A thread for each of so many tasks there cannot be.
    fs::write(&file, STORM.replace("tasks = [1, 10, 40]", "tasks = [1, 10, 40, 20000]"))?;
    let planned = answer(numalab().arg("plan").arg(&file).output()?);
    planned.expect_code(0)?;
    for says in [
        "tasks=10, subject=gmp, ring=256\n",
        "tasks=40, subject=threads\n",
        "\n  unbound x 20000 tasks: workload storm",
    ] {
        ensure(planned.out.contains(says), || format!("not {says}: {}", planned.out))?;
    }
    let ended = ran(folder.path(), STORM, &[])?;
    ended.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    let points = fs::read_to_string(made.join("points.csv"))?;
    let of = |subject: &str| points.lines().filter(|line| line.contains(&format!(",{subject},"))).count();
    ensure((of("gmp"), of("threads")) == (6, 3), || points.clone())?;
    let claims = fs::read_to_string(made.join("claims.csv"))?;
    ensure(claims.contains("storm_ns at 40 over 1 tasks"), || claims.clone())?;
    // The ring is a switch of gmp's: a claim that names a level of it is one of threads, too.
    ensure(claims.lines().count() == 4 && !claims.contains("not testable"), || claims.clone())?;
    ensure(claims.contains("from_global_ratio at 40 tasks over that with ring=256"), || claims.clone())?;
    ensure(ended.out.contains("more-tasks-longer (unbound/threads): "), || ended.out.clone())?;
    ensure(fs::read_to_string(made.join("figures/storm_ns.svg"))?.contains("tasks"), || "no axis of tasks".into())
}

fn observed() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = "name = \"tiny\"\nquestion = \"Who sees it?\"\n[workload]\nkind = \"observed\"\ntasks = 8\n[sweep]\nprocs = 1\n\
                subject = \"gmp\"\n[[arm]]\nname = \"unbound\"\n[measure]\nseconds = 0.4\nrepetitions = 1\n";
    ran(folder.path(), text, &[])?.expect_code(0)?;
    let made = only_folder(&folder.path().join("results"))?;
    answer(numalab().arg("verify").arg(&made).output()?).expect_code(0)?;
    let mut reader = csv::Reader::from_path(made.join("samples.csv"))?;
    let titles = reader.headers()?.clone();
    let row = reader.records().next().ok_or("no sample")??;
    let cell = |name: &str| titles.iter().position(|title| title == name).map_or("", |at| &row[at]);
    let traced: f64 = cell("latency_trace_ns").parse()?;
    // Eight tasks in turn on one processor: each waits for seven turns of 20 us, on a busy host for longer.
    ensure(traced > 100_000.0, || format!("{traced} ns"))?;
    let live: f64 = cell("live_ratio").parse()?;
    ensure((live - 1.0).abs() < 0.1, || format!("{live} of the live tasks"))
}

fn several() -> Result<(), Failed> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    for folder in &folders {
        ran(folder.path(), STORM, &[])?.expect_code(0)?;
    }
    let [made, other] = folders.each_ref().map(|folder| only_folder(&folder.path().join("results")));
    let (made, other) = (made?, other?);
    let ended = answer(numalab().arg("claims").arg(&made).arg(&other).output()?);
    ended.expect_code(0)?;
    ensure(ended.out.lines().filter(|line| *line == "tiny").count() == 2, || ended.out.clone())?;
    ensure(ended.out.contains("\n6 verdicts: "), || ended.out.clone())?;
    let csv = answer(numalab().arg("claims").arg(&made).arg(&other).args(["--format", "csv"]).output()?);
    ensure(csv.out.starts_with("experiment,id,") && csv.out.lines().count() == 7, || csv.out.clone())?;
    // One run has its verdicts once, by whatever path it is named.
    let same = made.join("..").join(made.file_name().ok_or("a folder has a name")?);
    let twice = answer(numalab().arg("claims").arg(&made).arg(&other).arg(&same).output()?);
    twice.expect_code(2)?;
    ensure(twice.err.contains("its verdicts would count twice, name it once") && twice.err.lines().count() == 1, || {
        twice.err.clone()
    })
}

fn refused() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let check = |from: &str, to: &str, code: i32, says: &str| -> Result<(), Failed> {
        let ended = ran(folder.path(), &STORM.replace(from, to), &[])?;
        ended.expect_code(code)?;
        ensure(ended.err.contains(says) && ended.err.lines().count() == 1, || ended.err.clone())
    };
    check("ring = [2, 256]", "ring = [2, 100]", 2, "ring in [sweep]: 100 cannot be; it must be a power of two")?;
    check("axis = \"tasks\"", "axis = \"yields\"", 2, "\"yields\" is not swept; swept: procs, tasks, ring")?;
    check("levels = { ring = 256 }", "levels = { ring = 7 }", 2, "7 is no level of ring in [sweep]")?;
    check("over = { ring = 256 }", "over = { ring = 256, arm = \"no\" }", 2, "\"no\" is not known; known: unbound")?;
    check("kind = \"storm\"\nyields = 5", "kind = \"observed\"\ntasks = 0\nyields = 5", 2, "unknown key \"yields\"")?;
    let file = folder.path().join("file");
    fs::write(&file, "")?;
    let ended = ran(folder.path(), STORM, &["--trace", &file.join("x").to_string_lossy()])?;
    ended.expect_code(1)?;
    ensure(ended.err.contains("cannot be made for traces: Not a directory"), || ended.err.clone())
}
