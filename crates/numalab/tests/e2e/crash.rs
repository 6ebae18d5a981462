//! What is promised when something ends badly: no completed sample is lost, none is there twice, and it is said how to go on.

use crate::bench::{Bench, bench, check_whole, wait_until};
use crate::program::{answer, numalab, only_folder, root, rows, run};
use crate::trial::{Needs, ensure, test, test_with};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("SIGINT finishes the sample and says how to resume", || interrupt("INT", 130)),
        test("SIGTERM likewise", || interrupt("TERM", 143)),
        test("a terminal that is closed likewise", || interrupt("HUP", 129)),
        test("under nohup a closed terminal ends nothing", nohup),
        test("a folder in use is not entered", locked),
        test("a torn tail is cut, changed rows are found", torn_and_changed),
        test("a file that may not grow: one line, committed rows stay", file_limit),
        test("stdout closed early is no failure", closed_stdout),
        test_with("disk full: one line, committed rows stay", Needs::Mount, disk_full),
        test_with("a read-only results folder: one line, before anything is measured", Needs::Mount, read_only),
        test("a moved folder is gone on with, a changed plan is not", moved_and_changed),
        test_with("no /sys: said, or done without", Needs::Mount, no_sys),
        test_with("mbind forbidden: skipped with the reason, the rest is measured", Needs::Strace, mbind_forbidden),
        test_with("a sample's parts are synced before its row is written", Needs::Strace, sync_order),
    ]
}

fn interrupt(signal: &str, code: i32) -> Result<(), Failed> {
    let bench = bench(40)?;
    let mut child = bench.run().spawn()?;
    ensure(wait_until(&mut child, || bench.samples() >= 2)?, || "it ended before it could be interrupted".into())?;
    Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status()?;
    let stopped = answer(child.wait_with_output()?);
    stopped.expect_code(code)?;
    ensure(stopped.err.contains("--resume"), || format!("it does not say how to resume: {}", stopped.err))?;
    let before = bench.samples();
    // The rest is as long as before; that it goes on is enough.
    let mut child = bench.resume()?.spawn()?;
    wait_until(&mut child, || bench.samples() > before)?;
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn nohup() -> Result<(), Failed> {
    let bench = bench(10)?;
    let run = bench.run();
    let mut command = Command::new("nohup");
    command.current_dir(root()).arg(run.get_program()).args(run.get_args());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    ensure(wait_until(&mut child, || bench.samples() >= 1)?, || "it ended before the signal".into())?;
    Command::new("kill").arg("-HUP").arg(child.id().to_string()).status()?;
    answer(child.wait_with_output()?).expect_code(0)?;
    Ok(())
}

fn locked() -> Result<(), Failed> {
    let bench = bench(40)?;
    let mut child = bench.run().spawn()?;
    ensure(wait_until(&mut child, || bench.samples() >= 1)?, || "it ended too early".into())?;
    let second = answer(bench.resume()?.output()?);
    child.kill()?;
    child.wait()?;
    ensure(second.code == Some(1), || format!("{second:?}"))?;
    ensure(second.err.contains("is writing here"), || format!("it does not say who holds it: {}", second.err))
}

fn torn_and_changed() -> Result<(), Failed> {
    let bench = bench(2)?;
    answer(bench.run().output()?).expect_code(0)?;
    let folder = only_folder(&bench.results)?;
    let samples = folder.join("samples.csv");
    let whole = fs::read_to_string(&samples)?;

    fs::write(&samples, whole.replacen(",close,", ",far,", 1))?;
    let changed = answer(numalab().arg("verify").arg(&folder).output()?);
    changed.expect_code(3)?;
    let resumed = answer(bench.resume()?.output()?);
    ensure(resumed.code == Some(2), || format!("changed rows were resumed: {resumed:?}"))?;

    // A run that was cut before its end, in the middle of a row and with the NUL bytes of a power failure.
    fs::remove_file(folder.join("SHA256SUMS"))?;
    let lines: Vec<&str> = whole.lines().collect();
    let cut = lines[..lines.len() - 2].join("\n") + "\n" + &lines[lines.len() - 2][..40] + "\0\0\0";
    fs::write(&samples, cut)?;
    answer(bench.resume()?.output()?).expect_code(0)?;
    bench.verify()?;
    ensure(rows(&samples)?.len() == lines.len() - 1, || "samples are missing".into())
}

fn file_limit() -> Result<(), Failed> {
    let bench = bench(40)?;
    let run = bench.run();
    let mut limited = Command::new("sh");
    limited
        .current_dir(root())
        .args(["-c", "ulimit -f 48; exec \"$@\"", "sh"])
        .arg(run.get_program())
        .args(run.get_args());
    let stopped = answer(limited.output()?);
    ends_well(&bench, &stopped.err, stopped.code)?;
    answer(bench.resume()?.output()?).expect_code(0)?;
    check_whole(&bench, 40)
}

/// One line, exit code 1, and every committed row can be read.
fn ends_well(bench: &Bench, err: &str, code: Option<i32>) -> Result<(), Failed> {
    ensure(code == Some(1), || format!("code {code:?}: {err}"))?;
    let said = err.lines().filter(|line| line.starts_with("numalab: ")).count();
    ensure(said == 1 && err.contains(".csv"), || format!("not one line that names the file: {err}"))?;
    ensure(bench.samples() > 0, || "no sample was committed before".into())
}

fn closed_stdout() -> Result<(), Failed> {
    let mut child = numalab().arg("topo").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let ended = answer(child.wait_with_output()?);
    ended.expect_code(0)?;
    ensure(ended.err.is_empty(), || ended.err.clone())?;
    // A run whose readers all go away, as in `run 2>&1 | head -1`, is made to its end.
    let bench = bench(2)?;
    let mut child = bench.run().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop((child.stdout.take(), child.stderr.take()));
    answer(child.wait_with_output()?).expect_code(0)?;
    let dir = only_folder(&bench.results)?;
    run(&["verify", &dir.to_string_lossy()]).expect_code(0)?;
    Ok(())
}

fn disk_full() -> Result<(), Failed> {
    let bench = bench(60)?;
    fs::create_dir(&bench.results)?;
    let run = bench.run();
    // The run and all that looks at its folder share the mount namespace, so the checks are the script's.
    let script = "mount -t tmpfs -o size=320k tmpfs \"$1\" && shift && \"$@\" 2>err >out; code=$?; \
                  cat err; find . -name samples.csv -exec tail -n +2 {} +; exit $code";
    let mut full = Command::new("unshare");
    full.current_dir(bench.folder.path()).args(["-m", "sh", "-c", script, "sh"]).arg(&bench.results);
    let ended = answer(full.arg(run.get_program()).args(run.get_args()).output()?);
    ended.expect_code(1)?;
    let said: Vec<&str> = ended.out.lines().filter(|line| line.starts_with("numalab: ")).collect();
    ensure(said.len() == 1 && said[0].contains("No space"), || format!("not one line about the disk: {}", ended.out))?;
    ensure(ended.out.lines().count() > 1, || "no committed sample was kept".into())
}

fn read_only() -> Result<(), Failed> {
    let bench = bench(2)?;
    fs::create_dir(&bench.results)?;
    let run = bench.run();
    let script = "mount -t tmpfs -o ro tmpfs \"$1\" && shift && exec \"$@\"";
    let mut bare = Command::new("unshare");
    bare.current_dir(bench.folder.path()).args(["-m", "sh", "-c", script, "sh"]).arg(&bench.results);
    let ended = answer(bare.arg(run.get_program()).args(run.get_args()).output()?);
    ended.expect_code(1)?;
    let said: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("numalab: ")).collect();
    ensure(said.len() == 1 && said[0].contains("choose a folder that can be written"), || {
        format!("not one line about the folder: {}", ended.err)
    })
}

fn moved_and_changed() -> Result<(), Failed> {
    let bench = bench(20)?;
    let mut child = bench.run().stderr(Stdio::null()).spawn()?;
    ensure(wait_until(&mut child, || bench.samples() > 0)?, || "it ended before it was killed".into())?;
    child.kill()?;
    child.wait()?;
    let (began, moved) = (only_folder(&bench.results)?, bench.results.join("moved"));
    fs::rename(&began, &moved)?;
    let plan = fs::read_to_string(moved.join("plan.toml"))?;
    fs::write(moved.join("plan.toml"), plan.replacen("operations = 2000", "operations = 2001", 1))?;
    let resume = || numalab().current_dir(&moved).args(["run", "--resume", "."]).output();
    let refused = answer(resume()?);
    refused.expect_code(2)?;
    ensure(refused.err.contains("plan.toml was changed"), || format!("it does not say what changed: {}", refused.err))?;
    fs::write(moved.join("plan.toml"), plan)?;
    answer(resume()?).expect_code(0)?;
    bench.verify()
}

fn no_sys() -> Result<(), Failed> {
    let script = "mount -t tmpfs none /sys && exec \"$@\"";
    let mut bare = Command::new("unshare");
    let ended = answer(bare.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_numalab"), "topo"]).output()?);
    ensure(matches!(ended.code, Some(0 | 1 | 77)), || format!("{ended:?}"))?;
    ensure(ended.err.contains("/sys"), || format!("it does not say that /sys is missing: {ended:?}"))
}

fn mbind_forbidden() -> Result<(), Failed> {
    let bench = bench(2)?;
    let run = bench.run();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=mbind,set_mempolicy,move_pages"]);
    traced
        .args(["-e", "inject=mbind,set_mempolicy,move_pages:error=EPERM"])
        .arg(run.get_program())
        .args(run.get_args());
    let ended = answer(traced.current_dir(root()).output()?);
    ended.expect_code(0)?;
    let points = fs::read_to_string(only_folder(&bench.results)?.join("points.csv"))?;
    let skipped = points.lines().filter(|line| line.contains(",skipped,") || line.starts_with(",skipped"));
    ensure(skipped.clone().count() > 0, || format!("nothing was skipped: {points}"))?;
    ensure(skipped.clone().all(|line| line.contains("EPERM")), || format!("the reason is not told: {points}"))?;
    ensure(bench.samples() > 0, || "nothing was measured".into())?;
    bench.verify()
}

fn sync_order() -> Result<(), Failed> {
    let bench = bench(2)?;
    let trace = bench.folder.path().join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-qq", "-o"]).arg(&trace).args(["-e", "trace=write,fsync,fdatasync"]);
    traced.arg(env!("CARGO_BIN_EXE_numalab")).arg("run").arg(&bench.experiment).arg("--results").arg(&bench.results);
    traced.args(["--modelled", "--input", "synthetic:pack:2 numa:1 core:2 pu:1"]);
    answer(traced.current_dir(root()).output()?).expect_code(0)?;
    check_sync_order(&fs::read_to_string(&trace)?)
}

/// Each part written since the last row must have been synced when the next row is written, and each row at once.
fn check_sync_order(trace: &str) -> Result<(), Failed> {
    let mut unsynced: BTreeMap<&str, bool> = BTreeMap::new();
    let mut rows = 0;
    for line in trace.lines() {
        let Some(file) = ["samples", "pauses", "windows", "workers", "traffic"].into_iter().find(|file| {
            line.split_once('<')
                .and_then(|(_, rest)| rest.split_once('>'))
                .is_some_and(|(path, _)| path.ends_with(&format!("/{file}.csv")))
        }) else {
            continue;
        };
        if line.contains("sync(") {
            unsynced.insert(file, false);
        } else {
            let open: Vec<_> =
                unsynced.iter().filter(|(name, dirty)| **dirty && **name != file).map(|(name, _)| *name).collect();
            ensure(file != "samples" || open.is_empty(), || format!("row written while {open:?} were not synced"))?;
            ensure(open.is_empty() || !open.contains(&"samples"), || {
                "a row was not synced before the next sample".into()
            })?;
            unsynced.insert(file, true);
            rows += usize::from(file == "samples");
        }
    }
    ensure(rows > 4, || format!("only {rows} rows were seen in the trace"))?;
    ensure(unsynced.values().all(|dirty| !dirty), || format!("at the end not synced: {unsynced:?}"))
}
