//! Go as the subject of a run: measured beside threads, absent, broken, killed in the middle.

use crate::bench::{Bench, bench_of, check_whole, wait_until};
use crate::program::{answer, numalab, only_folder, root, rows};
use crate::trial::{ensure, test};
use libtest_mimic::{Completion, Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        with_go("Go is measured beside threads, and the folder verifies", beside_threads),
        with_go("a Go process that is killed is a failed sample that says so", killed),
        with_go("nothing of Go outlives the process of its sample", no_orphan),
        with_go("a run of Go that was killed goes on", resumed),
        test("without a program Go's points are skipped, with the reason", absent),
        test("a program that is none is a failed sample that says so", broken),
        test("--subject runs only those of the file", chosen),
    ]
}

/// A test that needs go-subject, built where a Go toolchain is.
pub(crate) fn with_go(name: &str, body: fn() -> Result<(), Failed>) -> Trial {
    Trial::ignorable_test(name, move || {
        let built = Command::new(root().join("scripts/go-subjects")).arg("subject").stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&built.stderr).trim().to_owned();
        let required =
            std::env::var("NUMALAB_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name.trim() == "go"));
        match built.status.code() {
            Some(0) => body().map(|()| Completion::Completed),
            Some(77) if !required => Ok(Completion::ignored_with(format!("NOT TESTABLE: {said}"))),
            _ => Err(said.into()),
        }
    })
}

const EXPERIMENT: &str = r#"name = "small"
question = "Does it run?"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "256KiB"
[pauses]
every = "5ms"
[go]
garbage_bytes = 4096
[sweep]
procs = [1, 2]
subject = ["threads", "go"]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
private = "local"
[[arm]]
name = "bound"
private = "bind:0"
[measure]
operations = 20000
repetitions = 2
seed = 1
"#;

/// As many operations that nobody waits for their end.
fn endless() -> String {
    EXPERIMENT
        .replace("operations = 20000\nrepetitions = 2", "seconds = 30\nrepetitions = 1")
        .replace("procs = [1, 2]", "procs = [1]")
}

/// Rows of a CSV of the folder, each by title.
fn named_rows(folder: &Path, file: &str) -> Result<Vec<BTreeMap<String, String>>, Failed> {
    let mut reader = csv::Reader::from_path(folder.join(file))?;
    let titles: Vec<String> = reader.headers()?.iter().map(String::from).collect();
    let rows =
        reader.records().map(|row| row.map(|row| titles.iter().cloned().zip(row.iter().map(String::from)).collect()));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn beside_threads() -> Result<(), Failed> {
    let bench = bench_of(EXPERIMENT)?;
    answer(bench.run().output()?).expect_code(0)?;
    bench.verify()?;
    let folder = only_folder(&bench.results)?;
    let samples = named_rows(&folder, "samples.csv")?;
    let of_go: Vec<_> = samples.iter().filter(|row| row["subject"] == "go").collect();
    // Arm `bound` is for threads alone.
    ensure(of_go.iter().all(|row| row["arm"] != "bound") && of_go.len() >= 4, || format!("{} of Go", of_go.len()))?;
    let one_node = fs::read_to_string("/sys/devices/system/node/has_memory")?.trim().parse::<u32>().is_ok();
    for row in &of_go {
        ensure(row["error"].is_empty(), || row["error"].clone())?;
        let operations = 20_000 * row["procs"].parse::<u64>()?;
        ensure(row["operations"] == operations.to_string(), || format!("{row:?}"))?;
        let located = row["hit_source"] == "sampled";
        ensure(!(located && one_node) || row["local_hit_ratio"] == "1", || format!("{row:?}"))?;
        ensure(row["pause_count"].parse::<u64>()? > 0 && !row["pause_mean_ns"].is_empty(), || format!("{row:?}"))?;
        for empty in ["stopping_mean_ns", "pauses_missed", "voluntary_switches", "worker_migrations", "huge_ratio"] {
            ensure(row[empty].is_empty(), || format!("{empty} is {}", row[empty]))?;
        }
    }
    let ids: Vec<&String> = of_go.iter().map(|row| &row["sample_id"]).collect();
    let mut pauses = 0;
    for row in named_rows(&folder, "pauses.csv")?.iter().filter(|row| ids.contains(&&row["sample_id"])) {
        pauses += 1;
        ensure(row["total_ns"].parse::<u64>()? > 0, || format!("{row:?}"))?;
        for empty in ["due_ns", "late_ns", "stopping_ns", "stopped_ns", "resuming_ns"] {
            ensure(row[empty].is_empty(), || format!("{empty} is {}", row[empty]))?;
        }
    }
    ensure(pauses > 0, || "no pause of Go".into())?;
    let points = named_rows(&folder, "points.csv")?;
    let skipped = |row: &&BTreeMap<String, String>| row["arm"] == "bound" && row["subject"] == "go";
    let reasons: Vec<&String> = points.iter().filter(skipped).map(|row| &row["reason"]).collect();
    ensure(reasons.len() == 2 && reasons.iter().all(|why| why.contains("private cannot be bind:0")), || {
        format!("{reasons:?}")
    })?;
    let facts = fs::read_to_string(folder.join("facts.csv"))?;
    ensure(facts.matches("_subject_counts,\"go=go1.").count() == of_go.len(), || facts.clone())?;
    ensure(facts.contains("gc_time_ratio=") && facts.contains("allocated_bytes="), || facts.clone())?;
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json"))?)?;
    let version = manifest["conditions"]["programs"]["go"]["found"]["version"].as_str().unwrap_or_default();
    ensure(version.starts_with("go1."), || manifest["conditions"].to_string())
}

/// A run in progress and the Go process of its sample.
struct Running {
    bench: Bench,
    run: Child,
    sample: u32,
    go: u32,
}

/// Starts a sample that would take half a minute, and waits until Go runs it.
fn running() -> Result<Running, Failed> {
    let bench = bench_of(&endless())?;
    let mut run = bench.run().args(["--subject", "go", "--arm", "unbound"]).spawn()?;
    let parent = run.id();
    let (mut sample, mut go) = (0, 0);
    let found = wait_until(&mut run, || {
        sample = child_of(parent).unwrap_or(0);
        go = child_of(sample).unwrap_or(0);
        // It has served requests for some time: it is past its heaps.
        go != 0 && field(go, 11).is_some_and(|ticks| ticks >= 20)
    })?;
    ensure(found, || "Go never ran".into())?;
    Ok(Running { bench, run, sample, go })
}

/// The number `at` of /proc/PID/stat behind the name, from 0: the state, the parent, …, 11 is user time in ticks.
fn field(pid: u32, at: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(at)?.parse().ok()
}

fn child_of(pid: u32) -> Option<u32> {
    let pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.into_iter().find(|&other| pid != 0 && field(other, 1) == Some(pid.into()))
}

fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    // A zombie whose new parent does not reap it has ended, too.
    stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z ") || stat.contains(") X "))
}

fn kill(pid: u32) -> Result<(), Failed> {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status()?;
    ensure(status.success(), || format!("{pid} cannot be killed"))
}

/// The only sample's error.
fn error_of(bench: &Bench) -> Result<String, Failed> {
    let samples = named_rows(&only_folder(&bench.results)?, "samples.csv")?;
    ensure(samples.len() == 1, || format!("{} samples", samples.len()))?;
    Ok(samples[0]["error"].clone())
}

fn killed() -> Result<(), Failed> {
    let mut running = running()?;
    kill(running.go)?;
    ensure(running.run.wait()?.code() == Some(1), || "all samples failed".into())?;
    let error = error_of(&running.bench)?;
    ensure(error.starts_with("run: go-subject: killed by SIGKILL"), || error.clone())?;
    running.bench.verify()
}

fn no_orphan() -> Result<(), Failed> {
    for of_run in [false, true] {
        let Running { bench, mut run, sample, go } = running()?;
        kill(if of_run { run.id() } else { sample })?;
        run.wait()?;
        for _ in 0..2000 {
            if is_gone(go) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        ensure(is_gone(go), || format!("{go} goes on after the process of its sample, or of the run, was killed"))?;
        if !of_run {
            let error = error_of(&bench)?;
            ensure(error.starts_with("run: killed by SIGKILL"), || error.clone())?;
        }
    }
    Ok(())
}

fn resumed() -> Result<(), Failed> {
    let bench = bench_of(&EXPERIMENT.replace("repetitions = 2", "repetitions = 6").replace("20000", "50000"))?;
    let mut run = bench.run().args(["--arm", "unbound"]).spawn()?;
    ensure(wait_until(&mut run, || bench.samples() >= 3)?, || "it was over before".into())?;
    run.kill()?;
    run.wait()?;
    answer(bench.resume()?.output()?).expect_code(0)?;
    check_whole(&bench, 6)
}

/// A program in the place of go-subject that answers `about`, and a job as this script does.
fn fake(folder: &Path, script: &str) -> Result<PathBuf, Failed> {
    let path = folder.join("fake");
    let about = r#"[ "$1" = about ] && { echo '{"v":1,"about":{"go":"go0","missing":[]}}'; exit 0; }"#;
    fs::write(&path, format!("#!/bin/sh\n{about}\n{script}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn absent() -> Result<(), Failed> {
    let bench = bench_of(EXPERIMENT)?;
    let plan = |variable: &str, subject: &[&str]| {
        let mut command = numalab();
        command
            .env("NUMALAB_GO_SUBJECT", variable)
            .arg("plan")
            .arg(&bench.experiment)
            .args(subject)
            .output()
            .map(answer)
    };
    let planned = plan("/no/such/program", &["--format", "csv"])?;
    planned.expect_code(0)?;
    let said = "go-subject does not say what it is: cannot start it: No such file or directory (os error 2); scripts/go-subjects";
    ensure(planned.out.matches(said).count() >= 4, || planned.out.clone())?;
    let alone = plan("/no/such/program", &["--subject", "go"])?;
    alone.expect_code(77)?;
    ensure(alone.err.contains(said), || alone.err.clone())?;
    let modelled = answer(bench.run().args(["--modelled", "--subject", "go"]).output()?);
    modelled.expect_code(77)?;
    ensure(modelled.err.contains("the model knows no other runtime"), || modelled.err.clone())
}

fn broken() -> Result<(), Failed> {
    let text = EXPERIMENT
        .replace("20000\nrepetitions = 2", "1\ngrace = \"500ms\"\nrepetitions = 1")
        .replace("procs = [1, 2]", "procs = [1]");
    let begin = r#"echo $$ > "$0.pid"; read job; echo '{"v":1,"phase":"run"}'"#;
    for (script, expect) in [
        ("echo nonsense; exec tail -f /dev/null", "run: fake: wrote what is no frame: \"nonsense\""),
        ("exit 3", "run: fake: ended with exit code 3"),
        ("exit 0", "run: fake: ended without figures and without an error"),
        (
            "echo '{\"v\":1,\"sample\":{}}'",
            "run: fake: wrote what is no frame: \"{\"v\":1,\"sample\":{}}\" (missing field",
        ),
        ("exec tail -f /dev/null", "run: no answer within 1 s; killed"),
    ] {
        let bench = bench_of(&text)?;
        let program = fake(bench.folder.path(), &format!("{begin}; {script}"))?;
        let mut run = bench.run();
        run.env("NUMALAB_GO_SUBJECT", &program).args(["--subject", "go", "--arm", "unbound"]);
        answer(run.output()?).expect_code(1)?;
        let error = error_of(&bench)?;
        ensure(error.starts_with(expect), || format!("{script}: {error}"))?;
        let pid: u32 = fs::read_to_string(bench.folder.path().join("fake.pid"))?.trim().parse()?;
        ensure(is_gone(pid), || format!("{script}: {pid} is still there"))?;
        bench.verify()?;
    }
    Ok(())
}

fn chosen() -> Result<(), Failed> {
    let bench = bench_of(&EXPERIMENT.replace("\"go\"]", "\"gmp\"]").replace("[go]\ngarbage_bytes = 4096\n", ""))?;
    answer(bench.run().args(["--subject", "gmp", "--arm", "unbound"]).output()?).expect_code(0)?;
    let samples = rows(&only_folder(&bench.results)?.join("samples.csv"))?;
    ensure(!samples.is_empty() && samples.iter().all(|row| row[9] == "gmp"), || format!("{samples:?}"))?;
    let unknown = answer(bench.run().args(["--subject", "go"]).output()?);
    unknown.expect_code(2)?;
    let said = "subject \"go\" is not in the experiment; it has threads, gmp";
    ensure(unknown.err.contains(said), || unknown.err.clone())?;
    let resumed = answer(numalab().args(["run", "--resume", "x", "--subject", "go"]).output()?);
    resumed.expect_code(2).map(drop)
}
