//! One run on a hostile host: how it ended, what it said, and the rows it left.

use crate::program::{Answer, answer, numalab, only_folder, root};
use crate::trial::ensure;
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One row of a CSV by its columns.
pub(crate) type Row = BTreeMap<String, String>;

/// Three ways to be placed: not at all, on PUs alone, on PUs and nodes.
pub(crate) const EXPERIMENT: &str = r#"name = "hostile"
question = "What is left to measure here?"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "256KiB"
[sweep]
procs = [1]
[[arm]]
name = "unbound"
[[arm]]
name = "pinned"
cpus = "close"
[[arm]]
name = "bound"
cpus = "close"
private = "bind:0"
shared = "interleave:0"
[measure]
operations = 500
repetitions = 1
seed = 1
"#;

/// What a run left behind, here or in the lab.
pub(crate) struct Ran {
    pub(crate) answer: Answer,
    results: PathBuf,
    // Removed with it; a run in the lab has its boot's folder.
    _folder: Option<tempfile::TempDir>,
}

/// Runs an experiment behind `wrapper`: words that end where the program and its arguments begin.
pub(crate) fn run_behind(wrapper: &[&str], experiment: &str) -> Result<Ran, Failed> {
    let folder = tempfile::tempdir()?;
    let (file, results) = (folder.path().join("hostile.toml"), folder.path().join("results"));
    fs::write(&file, experiment)?;
    // Some hosts run it as another user.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
    let words = ["run", &file.to_string_lossy(), "--results", &results.to_string_lossy()].map(String::from);
    Ok(Ran { answer: behind(wrapper, &words.each_ref().map(String::as_str))?, results, _folder: Some(folder) })
}

/// Runs the program with these arguments behind `wrapper`.
pub(crate) fn behind(wrapper: &[&str], arguments: &[&str]) -> Result<Answer, Failed> {
    let words = [wrapper, &[env!("CARGO_BIN_EXE_numalab")], arguments].concat();
    let mut command = Command::new(words[0]);
    Ok(answer(command.args(&words[1..]).current_dir(root()).stdin(Stdio::null()).output()?))
}

/// What `numalab doctor` says of `name`, behind `wrapper`: its verdict and its value.
pub(crate) fn doctor(wrapper: &[&str], name: &str) -> Result<(String, String), Failed> {
    let said = behind(wrapper, &["doctor", "--format", "json"])?;
    said.expect_code(0)?;
    finding(&said.out, name)
}

/// Verdict and value of one finding of the doctor's JSON.
pub(crate) fn finding(json: &str, name: &str) -> Result<(String, String), Failed> {
    let findings: Vec<serde_json::Value> = serde_json::from_str(json)?;
    let found = findings.iter().find(|finding| finding["name"] == name).ok_or(format!("doctor has no {name}"))?;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_string();
    Ok((text("verdict"), text("value")))
}

/// Fails unless the doctor's finding is this.
pub(crate) fn expect_finding(found: (String, String), verdict: &str, value: &str) -> Result<(), Failed> {
    ensure(found == (verdict.into(), value.into()), || format!("doctor says {found:?}, not {verdict}: {value}"))
}

impl Ran {
    /// A run that was made in the lab, by what came out of it.
    pub(crate) fn out_of(answer: Answer, results: PathBuf) -> Ran {
        Ran { answer, results, _folder: None }
    }

    /// Fails unless it ended with this code, said this, and left a folder that verifies where it left one.
    pub(crate) fn expect(&self, code: i32, says: &[&str]) -> Result<&Ran, Failed> {
        self.answer.expect_code(code)?;
        for words in says {
            ensure(self.answer.err.contains(words), || format!("stderr does not say {words:?}: {}", self.answer.err))?;
        }
        if self.has_folder() {
            answer(numalab().arg("verify").arg(self.dir()?).output()?).expect_code(0)?;
        }
        Ok(self)
    }

    /// Whether there is a results folder at all.
    pub(crate) fn has_folder(&self) -> bool {
        only_folder(&self.results).is_ok()
    }

    /// Fails unless what disturbs here, among whatever else this host does, was said before the first sample and stands
    /// in the manifest.
    pub(crate) fn expect_disturbing(&self, what: &str) -> Result<(), Failed> {
        let said = self.answer.err.lines().find_map(|line| line.strip_prefix("disturbing here: "));
        let said = said.and_then(|line| line.split_once("; see ")).map_or("", |(said, _)| said);
        ensure(said.contains(what), || format!("stderr does not say {what:?}: {}", self.answer.err))?;
        let manifest: plan::manifest::Manifest =
            serde_json::from_str(&std::fs::read_to_string(self.dir()?.join("manifest.json"))?)?;
        let kept = manifest.machine.get("disturbing").cloned().unwrap_or_default();
        ensure(kept == said, || format!("the manifest says {kept:?}, not {said:?}"))
    }

    /// Fails where it left anything.
    pub(crate) fn left_nothing(&self) -> Result<(), Failed> {
        ensure(!self.results.exists() && self.answer.out.is_empty(), || {
            format!("it left a folder or figures: {:?}", self.answer)
        })
    }

    pub(crate) fn dir(&self) -> Result<PathBuf, Failed> {
        only_folder(&self.results)
    }

    /// Rows of one of its files.
    pub(crate) fn rows(&self, file: &str) -> Result<Vec<Row>, Failed> {
        rows(&self.dir()?.join(file))
    }

    /// The first sample of an arm.
    pub(crate) fn sample(&self, arm: &str) -> Result<Row, Failed> {
        let samples = self.rows("samples.csv")?;
        let found = samples.into_iter().find(|row| row["arm"].split('+').any(|name| name == arm));
        found.ok_or_else(|| format!("no sample of {arm}").into())
    }

    /// A sample of an arm that was measured, all of whose touches are told as local or not.
    pub(crate) fn measured(&self, arm: &str) -> Result<Row, Failed> {
        let row = self.sample(arm)?;
        ensure(row["error"].is_empty() && !row["local_hit_ratio"].is_empty(), || format!("{arm}: {row:?}"))?;
        Ok(row)
    }

    /// Fails unless the arm's first sample failed with exactly this cause, but for the figures in it.
    pub(crate) fn expect_error(&self, arm: &str, error: &str) -> Result<(), Failed> {
        let found = self.sample(arm)?["error"].clone();
        ensure(is_like(&found, error), || format!("{arm}: error {found:?}, expected {error:?}"))
    }

    /// Fails unless the arm's first sample is flagged for a reason of these words, but for the figures in it.
    pub(crate) fn expect_flag(&self, arm: &str, reason: &str) -> Result<(), Failed> {
        let row = self.measured(arm)?;
        let found = row["contaminated_reason"].split("; ").any(|found| is_like(found, reason));
        ensure(row["contaminated"] == "true" && found, || format!("{arm}: {}", row["contaminated_reason"]))
    }

    /// Fails unless every point of the arm was skipped for exactly this reason, but for the figures in it.
    pub(crate) fn expect_skip(&self, arm: &str, reason: &str) -> Result<(), Failed> {
        let points = self.rows("points.csv")?;
        let mut of_arm = points.iter().filter(|row| row["arm"] == arm).peekable();
        ensure(of_arm.peek().is_some(), || format!("no point of {arm} alone: {points:?}"))?;
        let other = of_arm.find(|row| row["state"] != "skipped" || !is_like(&row["reason"], reason));
        ensure(other.is_none(), || format!("{arm}: {other:?}, expected {reason:?}"))
    }
}

/// Whether a sentence is the expected one, in which `#` stands for a figure such as 12.3.
pub(crate) fn is_like(found: &str, expected: &str) -> bool {
    let mut rest = found;
    for (index, part) in expected.split('#').enumerate() {
        if index > 0 {
            let figure = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
            if figure.len() == rest.len() {
                return false;
            }
            rest = figure;
        }
        match rest.strip_prefix(part) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

pub(crate) fn rows(path: &Path) -> Result<Vec<Row>, Failed> {
    let mut reader = csv::Reader::from_path(path)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}
