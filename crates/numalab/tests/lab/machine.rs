//! One boot of one machine: everything that the tests look at is made in it by one script, and comes out as files.

use crate::program::{only_folder, root};
use crate::rules::{Built, Case, IMPOSSIBLE, cases};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Operations of each worker, and lines that each touches.
pub(crate) const OPERATIONS: u64 = 50;
pub(crate) const LINES: u64 = 64;
/// Pages of each private heap; a multiple of 2, so that two nodes have the same number.
pub(crate) const PRIVATE_PAGES: u64 = 64;
/// What every arm of a machine is tried with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) procs: &'static [u32],
    pub(crate) shared_ratios: &'static [f64],
}

/// What ran in the machine and how it ended.
pub(crate) struct Boot {
    pub(crate) built: Built,
    pub(crate) cases: Vec<Case>,
    pub(crate) grid: Grid,
    folder: tempfile::TempDir,
}

/// One row of a CSV by its columns.
pub(crate) type Row = BTreeMap<String, String>;

impl Boot {
    /// Boots or restores a machine, and runs the script in it.
    pub(crate) fn of(built: Built, grid: Grid) -> Result<Boot, Failed> {
        let folder = tempfile::tempdir()?;
        let boot = Boot { cases: cases(&built), built, grid, folder };
        let experiments = boot.folder.path().join("lab");
        fs::create_dir(&experiments)?;
        fs::write(experiments.join("placement.toml"), boot.placement())?;
        fs::write(experiments.join("time.toml"), boot.time())?;
        let mut lab = Command::new(root().join("scripts/lab"));
        lab.args(["run", &boot.built.name, "--quiet", "--timeout", "170", "--get", "out", "--to"])
            .arg(boot.folder.path());
        lab.args(["--numalab", "--file"]).arg(&experiments).args(["--", SCRIPT]);
        let ended = lab.stdin(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&ended.stderr);
        match ended.status.code() {
            Some(0) => Ok(boot),
            code => Err(format!("scripts/lab run {name} ended with {code:?}: {text}", name = boot.built.name).into()),
        }
    }

    /// Every arm at every number of workers and every mix of touches.
    fn placement(&self) -> String {
        let factor = format!("shared_ratio = {:?}", self.grid.shared_ratios);
        let sweep = format!("procs = {:?}\n{factor}", self.grid.procs);
        let mut text = EXPERIMENT.replace("NAME", "lab-placement").replace("SWEEP", &sweep);
        let impossible = (self.built.name == "memless").then_some((IMPOSSIBLE.0, IMPOSSIBLE.1));
        for (name, toml) in self.cases.iter().map(|case| (case.name, case.toml)).chain(impossible) {
            writeln!(text, "[[arm]]\nname = \"{name}\"\n{toml}").expect("a string takes every line");
        }
        text
    }

    /// Claims about time, of one arm whose samples are as good as any.
    fn time(&self) -> String {
        EXPERIMENT.replace("NAME", "lab-time").replace("SWEEP", "procs = [1, 2]") + CLAIMS
    }

    /// A file that came out.
    pub(crate) fn text(&self, name: &str) -> Result<String, Failed> {
        let path = self.folder.path().join("out").join(name);
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}", path = path.display()).into())
    }

    /// How a command of the script ended, and what it said.
    pub(crate) fn expect_success(&self, command: &str) -> Result<(), Failed> {
        let code = self.text(&format!("{command}.code"))?;
        let said = || self.text(&format!("{command}.err")).unwrap_or_default();
        if code.trim() == "0" {
            Ok(())
        } else {
            Err(format!("{command} ended with {code}: {said}", said = said()).into())
        }
    }

    /// The results folder of an experiment.
    pub(crate) fn results(&self, experiment: &str) -> Result<PathBuf, Failed> {
        only_folder(&self.folder.path().join("out").join(experiment))
    }

    /// Rows of a CSV of the experiment about placement.
    pub(crate) fn rows(&self, file: &str) -> Result<Vec<Row>, Failed> {
        rows(&self.results("lab-placement")?.join(file))
    }
}

pub(crate) fn rows(path: &Path) -> Result<Vec<Row>, Failed> {
    let mut reader = csv::Reader::from_path(path)?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// A number in a row.
pub(crate) fn number(row: &Row, column: &str) -> Result<f64, Failed> {
    let text = row.get(column).map_or("", String::as_str);
    let why = row.get("error").map_or("", String::as_str);
    text.parse().map_err(|_| format!("{column} is \"{text}\", not a number; the row's error: \"{why}\"").into())
}

/// Balancing would move pages in mid-run: what it does is another test's matter.
const SCRIPT: &str = "
echo 0 > /proc/sys/kernel/numa_balancing
mkdir out
numalab topo --format json > out/topo.json 2> out/topo.err; echo $? > out/topo.code
for name in placement time; do
  numalab run lab/$name.toml --results out > out/$name.txt 2> out/$name.err; echo $? > out/$name.code
  numalab verify out/lab-$name/*/* > out/verify-$name.txt 2> out/verify-$name.err; echo $? > out/verify-$name.code
done
";

const EXPERIMENT: &str = r#"name = "NAME"
question = "Is every page where its policy says, and every touch counted so?"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "1MiB"
lines_per_request = 64
[pauses]
every = "5ms"
[sweep]
SWEEP
[measure]
operations = 50
repetitions = 1
"#;

const CLAIMS: &str = r#"
[[arm]]
name = "own"
cpus = "node:0"
private = "bind:0"
shared = "bind:0"
[[claim]]
id = "time-1"
text = "Throughput is highest with 2 processors."
type = "peak"
metric = "throughput_per_s"
procs = 2
arm = "own"
[[claim]]
id = "time-2"
text = "More processors do more."
type = "ratio"
metric = "throughput_per_s"
procs = 2
over_procs = 1
printed = 2.0
direction_only = true
arm = "own"
"#;
