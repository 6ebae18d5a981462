//! `run --against`: two builds session by session, killed, resumed, refused.

use crate::bench::{Bench, EXPERIMENT, bench_of, wait_until};
use crate::program::{Answer, answer, numalab, rows};
use crate::trial::{ensure, test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test("against: two builds in turn: each session a folder that names its session and build", in_turn),
        test("against: a series that was killed goes on from any of its folders", resumed),
        test("against: a series does not go on with another build", other_build),
        test("against: what is no build to compare with gets one line", refused),
    ]
}

/// A copy of the program under test: as a file another one, whose samples are the same.
fn other(bench: &Bench) -> Result<PathBuf, Failed> {
    let path = bench.folder.path().join("other");
    fs::copy(env!("CARGO_BIN_EXE_numalab"), &path)?;
    Ok(path)
}

fn series(bench: &Bench, other: &Path) -> Command {
    let mut command = numalab();
    command.arg("run").arg(&bench.experiment).arg("--results").arg(&bench.results);
    command.arg("--against").arg(other).args(["--sessions", "3"]);
    command
}

/// Results folders in the order of their names, each with its manifest.
fn folders(bench: &Bench) -> Result<Vec<(PathBuf, serde_json::Value)>, Failed> {
    let mut found = Vec::new();
    for host in fs::read_dir(bench.results.join("small"))? {
        for run in fs::read_dir(host?.path())? {
            let run = run?;
            let dir = run.path();
            // One that is only being made has a name with a dot.
            let made = !run.file_name().as_encoded_bytes().starts_with(b".");
            if made && dir.join("manifest.json").exists() {
                found.push((
                    dir.clone(),
                    serde_json::from_str::<serde_json::Value>(&fs::read_to_string(dir.join("manifest.json"))?)?,
                ));
            }
        }
    }
    found.sort_by_key(|(_, manifest)| manifest["session"]["place"].as_u64());
    Ok(found)
}

/// All six sessions are there once, whole, and say who they are.
fn check_series(bench: &Bench, other: &Path) -> Result<Vec<(PathBuf, serde_json::Value)>, Failed> {
    let found = folders(bench)?;
    let sessions: Vec<String> = found
        .iter()
        .map(|(_, manifest)| {
            let session = &manifest["session"];
            format!("{}{}", session["build"].as_str().unwrap_or("?"), session["number"])
        })
        .collect();
    let mut sorted = sessions.clone();
    sorted.sort();
    ensure(sorted == ["a1", "a2", "a3", "b1", "b2", "b3"], || format!("{sessions:?}"))?;
    for (at, (dir, manifest)) in found.iter().enumerate() {
        let session = &manifest["session"];
        ensure(session["place"] == at as u64 && session["sessions"] == 3, || format!("{session}"))?;
        ensure(session["b_path"] == other.canonicalize()?.to_string_lossy().as_ref(), || format!("{session}"))?;
        let build = session["build"].as_str().unwrap_or("?");
        ensure(manifest["program"] == session[build] && session["series"] == found[0].1["session"]["series"], || {
            format!("{manifest}")
        })?;
        ensure(rows(&dir.join("samples.csv"))?.len() == 8, || format!("{} is not whole", dir.display()))?;
        answer(numalab().arg("verify").arg(dir).output()?).expect_code(0)?;
    }
    // Both builds of a session have the same addresses and order, those of the next session others.
    for pair in found.chunks(2) {
        ensure(pair[0].1["seed"] == pair[1].1["seed"], || "one session, two seeds".into())?;
    }
    ensure(found[0].1["seed"] != found[2].1["seed"], || "two sessions, one seed".into())?;
    Ok(found)
}

fn in_turn() -> Result<(), Failed> {
    let bench = bench_of(EXPERIMENT)?;
    let other = other(&bench)?;
    let ended = answer(series(&bench, &other).output()?);
    ended.expect_code(0)?;
    ensure(ended.out.contains("a and b are the same program") && ended.out.contains("4 contrasts: "), || {
        ended.out.clone()
    })?;
    let found = check_series(&bench, &other)?;
    // Any folder stands for its series; all of them, too.
    let compare = |side: &Path| -> Result<Answer, Failed> {
        let ended = answer(numalab().arg("compare").arg(side).args(["--format", "csv"]).output()?);
        ended.expect_code(0)?;
        Ok(ended)
    };
    let by_folder = compare(&found[3].0)?.out;
    ensure(by_folder.lines().count() == 5 && by_folder.contains(",session,3,3,"), || by_folder.clone())?;
    ensure(compare(&bench.results)?.out == by_folder, || "the folder above says something else".into())?;
    // Of one session alone, the arms.
    let mut arms = numalab();
    arms.arg("compare").arg(&found[3].0).args(["--baseline", "close", "--format", "csv"]);
    let arms = answer(arms.output()?);
    arms.expect_code(0)?;
    ensure(arms.out.lines().count() == 3 && arms.out.contains(",close,unbound,unbound,"), || arms.out.clone())
}

fn resumed() -> Result<(), Failed> {
    let bench = bench_of(&EXPERIMENT.replacen("operations = 2000", "seconds = 0.05", 1))?;
    let other = other(&bench)?;
    let mut child = series(&bench, &other).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let begun = || folders(&bench).is_ok_and(|found| found.len() == 3);
    ensure(wait_until(&mut child, begun)?, || "it ended before its third session".into())?;
    child.kill()?;
    child.wait()?;
    let before = folders(&bench)?;
    ensure(before.len() == 3, || "more sessions began".into())?;
    // From the first one, which is whole.
    let mut command = numalab();
    command.arg("run").arg("--resume").arg(&before[0].0);
    let ended = answer(command.output()?);
    ended.expect_code(0)?;
    let after = check_series(&bench, &other)?;
    ensure(before.iter().zip(&after).all(|(before, after)| before.0 == after.0), || "a session was begun anew".into())?;
    ensure(ended.out.contains("3 sessions) against a"), || ended.out.clone())
}

fn other_build() -> Result<(), Failed> {
    let bench = bench_of(&EXPERIMENT.replacen("repetitions = 2", "repetitions = 1", 1))?;
    let other = other(&bench)?;
    answer(series(&bench, &other).output()?).expect_code(0)?;
    let any = folders(&bench)?.remove(1).0;
    let resume = || -> Result<Answer, Failed> { Ok(answer(numalab().arg("run").arg("--resume").arg(&any).output()?)) };
    fs::remove_file(&other)?;
    let gone = resume()?;
    gone.expect_code(2)?;
    ensure(gone.err.lines().count() == 1 && gone.err.contains("other: cannot be opened"), || gone.err.clone())?;
    // The same program, but another file: one byte more at its end.
    fs::write(&other, [fs::read(env!("CARGO_BIN_EXE_numalab"))?, vec![0]].concat())?;
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755))?;
    let changed = resume()?;
    changed.expect_code(2)?;
    ensure(
        changed.err.lines().count() == 1 && changed.err.contains("cannot resume, build b is another: it was"),
        || changed.err.clone(),
    )
}

/// `(what the file holds, what stderr must say)`; all are executable.
const BUILDS: &[(&str, &str)] = &[
    ("#!/bin/sh\necho hello\n", "not a numalab, or one from before run --against"),
    ("#!/bin/sh\nexit 2\n", "not a numalab, or one from before run --against"),
    ("#!/bin/sh\nyes\n", "not a numalab, or one from before run --against"),
    ("no program at all\n", "cannot be started: Exec format error"),
    (
        "#!/bin/sh\necho '{\"numalab_protocol\":77,\"program\":{\"version\":\"9\",\"commit\":\"c0ffee\",\"rustc\":\"\",\"sha256\":\"\"}}'\n",
        "numalab 9 of c0ffee speaks version 77 of the child's protocol, this one version 1",
    ),
];

fn refused() -> Result<(), Failed> {
    let bench = bench_of(EXPERIMENT)?;
    let path = bench.folder.path().join("build");
    let check = |path: &Path, says: &str| -> Result<(), Failed> {
        let ended = answer(series(&bench, path).output()?);
        ended.expect_code(2)?;
        ensure(ended.err.contains(says) && ended.err.lines().count() == 1 && ended.out.is_empty(), || {
            ended.err.clone()
        })?;
        ensure(!bench.results.exists(), || "results were made".into())
    };
    check(&path, "build: cannot be opened: No such file")?;
    check(bench.folder.path(), "a folder, not a numalab")?;
    for (text, says) in BUILDS {
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        check(&path, says)?;
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    check(&path, "cannot be started: Permission denied")
}
