//! The Go program: built, driven over its pipe, listened to.

use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds it; a reason where that cannot be done here.
pub(crate) fn build() -> Result<Option<String>, Failed> {
    let built = Command::new(root().join("scripts/go-subjects")).arg("subject").stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&built.stderr).trim().to_owned();
    let required = std::env::var("NUMALAB_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name.trim() == "go"));
    match built.status.code() {
        Some(0) => Ok(None),
        Some(77) if !required => Ok(Some(said)),
        _ => Err(said.into()),
    }
}

/// A small job, changed.
pub(crate) fn job(changes: &Value) -> Value {
    let mut job = json!({
        "v": 1, "parent_pid": std::process::id(), "seed": 77, "workers": 2, "procs": 2,
        "private_bytes": 1 << 20, "shared_bytes": 2 << 20, "shared_ratio": 0.25, "write_ratio": 0.125,
        "lines_per_request": 16, "touches": "independent", "shared_toucher": "all", "garbage_bytes": 256, "gogc": 100,
        "operations": 2000, "windows": 4,
    });
    changes.as_object().expect("an object").iter().for_each(|(key, value)| job[key] = value.clone());
    job
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) phases: Vec<String>,
    pub(crate) sample: Value,
}

impl Answer {
    pub(crate) fn number(&self, at: &str) -> u64 {
        let found = self.sample.pointer(at).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no number at {at}: {}", self.sample))
    }
}

fn start(job: &Value) -> Child {
    let program = root().join("target/subjects/go-subject");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut stdin = child.stdin.take().expect("it was piped");
    writeln!(stdin, "{job}").expect("it reads its job");
    child
}

fn frames(child: Child) -> (Option<i32>, Vec<Value>, String) {
    let output = child.wait_with_output().expect("it ends");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let frames: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("one frame a line")).collect();
    assert!(frames.iter().all(|frame| frame["v"] == 1), "{lines}");
    (output.status.code(), frames, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs a job that can be served.
pub(crate) fn serve(job: &Value) -> Answer {
    let (code, mut frames, stderr) = frames(start(job));
    let last = frames.pop().unwrap_or_default();
    assert!(code == Some(0) && stderr.is_empty() && last["sample"].is_object(), "{code:?} {stderr} {last}");
    let phase = |frame: Value| frame["phase"].as_str().expect("a phase before the last frame").to_owned();
    Answer { phases: frames.into_iter().map(phase).collect(), sample: last["sample"].clone() }
}

/// Runs a job that is refused; why.
pub(crate) fn fails(job: &Value) -> String {
    let (code, frames, stderr) = frames(start(job));
    assert!(code == Some(1) && stderr.is_empty(), "{code:?} {stderr}");
    let failure = &frames.last().expect("a last frame")["failure"];
    assert_eq!(failure["phase"], "start");
    failure["cause"].as_str().expect("a cause").to_owned()
}

/// Starts a job, and returns when its run has begun.
pub(crate) fn until_run(job: &Value) -> Child {
    let mut child = start(job);
    let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
    let begun = stdout.lines().any(|line| line.is_ok_and(|line| line.contains(r#""phase":"run""#)));
    assert!(begun, "it ended before its run");
    child
}
