//! Files that cannot be written, and folders that are taken away: exact words, and what is left.

use crate::after::{Took, look};
use crate::bench::{Bench, bench, bench_of, check_whole, wait_until};
use crate::bounded;
use crate::calls::Fault;
use crate::program::{Answer, answer, numalab, only_folder};
use crate::runs::SMALL;
use crate::trial::{Needs, ensure, test, test_with};
use crate::{figure, is_long};
use libtest_mimic::{Failed, Trial};
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test_with("a disk that is full, at every size", Needs::Mount, || full("size", "k", 4, 800)),
        test_with("a disk without inodes, at every number", Needs::Mount, || full("nr_inodes", "", 1, 60)),
        test("--results /dev/full is no folder", results_on_a_device),
        test("stdout is /dev/full: the run is whole, its code is 1", full_stdout),
        test("stderr is /dev/full: nothing is lost", full_stderr),
        test("the results folder is removed in mid-run", removed),
        test("two runs at once make two folders", two_runs),
        test("two resumes at once: one goes on, the other says who does", two_resumes),
    ]
}

/// Runs on a tmpfs that is larger and larger, until the run fits; every smaller one must be survived.
fn full(option: &str, unit: &str, step: u64, most: u64) -> Result<(), Failed> {
    let step = if is_long() { step } else { 7 * step };
    let (mut tried, mut wrong) = (0, Vec::new());
    for room in (1..).map(|nth| nth * step).take_while(|room| *room <= most) {
        let bench = bench_of(SMALL)?;
        let ended = on_tmpfs(&bench, &format!("{option}={room}{unit}"))?;
        tried += 1;
        let fault = Fault { call: "write", errno: "ENOSPC" };
        match look(&bench, &ended, fault, &[]) {
            Ok(Took::DidWithout) => break,
            Ok(_) if ended.err.contains("; make room, ") => {}
            Ok(_) => wrong.push(format!("{option}={room}{unit}: it does not say what to do: {}", ended.err)),
            Err(failed) => {
                wrong.push(format!("{option}={room}{unit}: {}: {}", failed.message().unwrap_or_default(), ended.err));
            }
        }
    }
    figure(&format!("disk full, {option}: {tried} sizes, {survived} survived", survived = tried - wrong.len()));
    ensure(tried > 3, || "it fits at once".into())?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// A run whose results go to a tmpfs; what it left is copied out, to be looked at and gone on with where there is room.
fn on_tmpfs(bench: &Bench, option: &str) -> Result<Answer, Failed> {
    fs::create_dir(&bench.results)?;
    let mount = bench.folder.path().join("small");
    fs::create_dir(&mount)?;
    let script = "mount -t tmpfs -o \"$1\" tmpfs small && shift && \"$@\"; code=$?; cp -a small/. results; exit $code";
    let mut run = Command::new("unshare");
    run.current_dir(bench.folder.path()).args(["-m", "sh", "-c", script, "sh", option]);
    run.arg(env!("CARGO_BIN_EXE_numalab")).arg("run").arg(&bench.experiment).args(["--results", "small"]);
    bounded::run(&mut run, bench.folder.path())
}

fn refusal(err: &str) -> &str {
    err.lines().rfind(|line| line.starts_with("numalab: ")).unwrap_or_default()
}

fn results_on_a_device() -> Result<(), Failed> {
    let bench = Bench { results: PathBuf::from("/dev/full"), ..bench_of(SMALL)? };
    let ended = answer(bench.run().output()?);
    ended.expect_code(2)?;
    let expect = "numalab: /dev/full: it is there and is no folder; name another with --results";
    ensure(refusal(&ended.err) == expect, || ended.err.clone())
}

fn dev_full() -> Result<Stdio, Failed> {
    Ok(OpenOptions::new().write(true).open("/dev/full")?.into())
}

fn full_stdout() -> Result<(), Failed> {
    let bench = bench_of(SMALL)?;
    let expect = "numalab: cannot write to stdout: No space left on device (os error 28); make room";
    let ended = answer(bench.run().stdout(dev_full()?).output()?);
    ended.expect_code(1)?;
    ensure(refusal(&ended.err) == expect, || ended.err.clone())?;
    check_whole(&bench, 1)?;
    let dir = only_folder(&bench.results)?.to_string_lossy().into_owned();
    for words in [&["topo"][..], &["doctor"], &["report", &dir], &["verify", &dir], &["claims", &dir], &["--help"]] {
        let ended = answer(numalab().args(words).stdout(dev_full()?).stderr(Stdio::piped()).output()?);
        ended.expect_code(1)?;
        ensure(refusal(&ended.err) == expect, || format!("{words:?}: {}", ended.err))?;
    }
    check_whole(&bench, 1)
}

fn full_stderr() -> Result<(), Failed> {
    let bench = bench_of(SMALL)?;
    let ended = answer(bench.run().stderr(dev_full()?).output()?);
    ended.expect_code(0)?;
    check_whole(&bench, 1)
}

fn removed() -> Result<(), Failed> {
    let bench = bench(400)?;
    let mut child = bench.run().spawn()?;
    ensure(wait_until(&mut child, || bench.samples() >= 2)?, || "it ended too early".into())?;
    let folder = only_folder(&bench.results)?;
    fs::remove_dir_all(&folder)?;
    let ended = answer(child.wait_with_output()?);
    ended.expect_code(1)?;
    let expect =
        format!("numalab: {}: the results folder is gone, with what was measured; start again", folder.display());
    ensure(refusal(&ended.err) == expect, || ended.err.clone())?;
    ensure(!folder.exists(), || "it came back".into())
}

fn two_runs() -> Result<(), Failed> {
    let bench = bench(2)?;
    let both = [bench.run().spawn()?, bench.run().spawn()?];
    for child in both {
        answer(child.wait_with_output()?).expect_code(0)?;
    }
    let host = fs::read_dir(bench.results.join("small"))?.flatten().next().ok_or("no folder of a host")?.path();
    let runs: Vec<_> = fs::read_dir(host)?.flatten().map(|entry| entry.path()).collect();
    ensure(runs.len() == 2, || format!("{runs:?}"))?;
    for run in runs {
        answer(numalab().arg("verify").arg(run).output()?).expect_code(0)?;
    }
    Ok(())
}

fn two_resumes() -> Result<(), Failed> {
    let bench = bench(20)?;
    let mut child = bench.run().stderr(Stdio::null()).spawn()?;
    ensure(wait_until(&mut child, || bench.samples() >= 2)?, || "it ended too early".into())?;
    child.kill()?;
    child.wait()?;
    let both = [bench.resume()?.spawn()?, bench.resume()?.spawn()?];
    let mut ends = Vec::new();
    for child in both {
        let ended = answer(child.wait_with_output()?);
        ensure(ended.code == Some(0) || refusal(&ended.err).contains("is writing here; wait for it"), || {
            format!("{ended:?}")
        })?;
        ends.push(ended.code);
    }
    ends.sort();
    ensure(ends == [Some(0), Some(1)], || format!("{ends:?}"))?;
    check_whole(&bench, 20)
}
