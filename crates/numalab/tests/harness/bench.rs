//! An experiment in a folder of its own, run, killed, resumed and looked at from outside.

use crate::program::{answer, numalab, only_folder, rows};
use crate::trial::ensure;
use libtest_mimic::Failed;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A wait that takes longer than this is a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A small experiment; each case changes one line of it.
pub(crate) const EXPERIMENT: &str = r#"name = "small"
question = "Does it run?"
expect = "yes"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "256KiB"
[pauses]
every = "5ms"
[sweep]
procs = [1, 2]
[[arm]]
name = "unbound"
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
[measure]
operations = 2000
repetitions = 2
seed = 1
"#;

/// An experiment in a folder of its own.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) experiment: PathBuf,
    pub(crate) results: PathBuf,
}

/// [`EXPERIMENT`] with this many samples of each of its points.
pub(crate) fn bench(repetitions: u32) -> Result<Bench, Failed> {
    let text = EXPERIMENT.replacen("repetitions = 2", &format!("repetitions = {repetitions}"), 1);
    bench_in(tempfile::tempdir()?, &text)
}

/// An experiment of any kind, in memory where there is such a folder: syncing it costs nothing.
pub(crate) fn bench_of(text: &str) -> Result<Bench, Failed> {
    bench_in(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?, text)
}

fn bench_in(folder: tempfile::TempDir, text: &str) -> Result<Bench, Failed> {
    let experiment = folder.path().join("small.toml");
    fs::write(&experiment, text)?;
    let results = folder.path().join("results");
    Ok(Bench { folder, experiment, results })
}

impl Bench {
    pub(crate) fn run(&self) -> Command {
        let mut command = numalab();
        command.arg("run").arg(&self.experiment).arg("--results").arg(&self.results);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn resume(&self) -> Result<Command, Failed> {
        let mut command = numalab();
        command.arg("run").arg("--resume").arg(only_folder(&self.results)?);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Bytes in all raw files so far.
    pub(crate) fn bytes(&self) -> u64 {
        let Ok(folder) = only_folder(&self.results) else { return 0 };
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
    }

    pub(crate) fn samples(&self) -> usize {
        let Ok(folder) = only_folder(&self.results) else { return 0 };
        rows(&folder.join("samples.csv")).map_or(0, |rows| rows.len())
    }

    pub(crate) fn verify(&self) -> Result<(), Failed> {
        let folder = only_folder(&self.results)?;
        answer(numalab().arg("verify").arg(folder).output()?).expect_code(0).map(|_| ())
    }
}

/// Waits for a condition of the outside world, or for the child's end. Gives whether the condition came.
pub(crate) fn wait_until(child: &mut Child, mut holds: impl FnMut() -> bool) -> Result<bool, Failed> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if holds() {
            return Ok(true);
        }
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    Err("it neither went on nor ended".into())
}

/// Every sample of the plan is there exactly once, and the folder verifies.
pub(crate) fn check_whole(bench: &Bench, repetitions: usize) -> Result<(), Failed> {
    let samples = rows(&only_folder(&bench.results)?.join("samples.csv"))?;
    let mut seen = BTreeMap::new();
    samples.iter().for_each(|row| *seen.entry((row[2].clone(), row[15].clone())).or_insert(0) += 1);
    ensure(seen.values().all(|&times| times == 1), || format!("a sample is there twice: {seen:?}"))?;
    let points: BTreeSet<_> = samples.iter().map(|row| row[2].clone()).collect();
    ensure(samples.len() == points.len() * repetitions, || {
        format!("{} samples of {} points x {repetitions}", samples.len(), points.len())
    })?;
    bench.verify()
}
