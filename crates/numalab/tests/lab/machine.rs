//! One boot of one machine: everything that the tests look at is made in it by one script, and comes out as files.

use crate::cases::{Impossible, cases, impossible, weights};
use crate::program::{only_folder, root};
use crate::rules::{Built, Case};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Operations of each worker, and lines that each touches.
pub(crate) const OPERATIONS: u64 = 50;
pub(crate) const LINES: u64 = 64;
/// Least pages of a private heap and of the shared one.
const PRIVATE_PAGES: u64 = 64;
const SHARED_PAGES: u64 = 256;
const PAGE_BYTES: u64 = 4096;

/// A machine as it is tried, and with what.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    /// `2x32`, or `2x2 new`: with the newer kernel.
    pub(crate) name: &'static str,
    pub(crate) procs: Vec<u32>,
    pub(crate) shared_ratios: &'static [f64],
}

/// The machine that `2x2` or `2x2 new` stands for, and whether it has the newer kernel.
pub(crate) fn machine(name: &'static str) -> (&'static str, bool) {
    match name.strip_suffix(" new") {
        Some(machine) => (machine, true),
        None => (name, false),
    }
}

/// `scripts/lab run` with numalab, whose folder `out` comes out into `to`.
pub(crate) fn lab(name: &'static str, seconds: u32, to: &Path) -> Command {
    let (machine, newer) = machine(name);
    let mut lab = Command::new(root().join("scripts/lab"));
    lab.args(["run", machine, "--quiet", "--numalab", "--timeout", &seconds.to_string(), "--get", "out", "--to"])
        .arg(to);
    if newer {
        lab.args(["--kernel", "new"]);
    }
    lab
}

/// Runs it; what it says is an error unless all went well.
pub(crate) fn run(lab: &mut Command) -> Result<(), Failed> {
    let ended = lab.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&ended.stderr);
    match ended.status.code() {
        Some(0) => Ok(()),
        code => Err(format!("{lab:?} ended with {code:?}: {text}").into()),
    }
}

/// What ran in the machine and how it ended.
pub(crate) struct Boot {
    pub(crate) built: Built,
    pub(crate) cases: Vec<Case>,
    pub(crate) impossible: Option<Impossible>,
    pub(crate) tried: Tried,
    /// Pages of each private heap and of the shared one: multiples of all that they are to be divided by.
    pub(crate) private_pages: u64,
    shared_pages: u64,
    folder: tempfile::TempDir,
}

/// One row of a CSV by its columns.
pub(crate) type Row = BTreeMap<String, String>;

impl Boot {
    /// Boots or restores a machine, and runs the script in it within so many seconds.
    pub(crate) fn of(built: Built, tried: Tried, seconds: u32) -> Result<Boot, Failed> {
        let (tried_name, (_, newer)) = (tried.name, machine(tried.name));
        let cases = cases(&built, newer);
        let rounds = [2, weights(&built).len() as u64, weights(&built).iter().map(|(_, weight)| weight).sum()];
        let unit = rounds.into_iter().take(if newer { 3 } else { 2 }).fold(1, least_common_multiple);
        let for_all = tried.procs.iter().map(|&procs| procs.into()).fold(unit, least_common_multiple);
        let boot = Boot {
            private_pages: PRIVATE_PAGES.next_multiple_of(unit),
            shared_pages: SHARED_PAGES.next_multiple_of(for_all),
            folder: tempfile::tempdir()?,
            impossible: impossible(&built),
            cases,
            built,
            tried,
        };
        let experiments = boot.folder.path().join("lab");
        fs::create_dir(&experiments)?;
        fs::write(experiments.join("placement.toml"), boot.placement())?;
        fs::write(experiments.join("time.toml"), boot.time())?;
        let script = format!("{set_weights}{SCRIPT}", set_weights = if newer { boot.weights() } else { String::new() });
        let mut lab = lab(tried_name, seconds, boot.folder.path());
        run(lab.arg("--file").arg(&experiments).args(["--", &script]))?;
        Ok(boot)
    }

    /// Shell lines that set the weights of the nodes.
    fn weights(&self) -> String {
        let line =
            |(node, weight)| format!("echo {weight} > /sys/kernel/mm/mempolicy/weighted_interleave/node{node}\n");
        weights(&self.built).into_iter().map(line).collect()
    }

    /// An experiment of this name, with these lines in its `[sweep]`.
    fn experiment(&self, name: &str, sweep: &str) -> String {
        EXPERIMENT
            .replace("NAME", name)
            .replace("SWEEP", sweep)
            .replace("PRIVATE", &(self.private_pages * PAGE_BYTES).to_string())
            .replace("SHARED", &(self.shared_pages * PAGE_BYTES).to_string())
    }

    /// Every arm at every number of workers and every mix of touches.
    fn placement(&self) -> String {
        let factor = format!("shared_ratio = {:?}", self.tried.shared_ratios);
        let mut text = self.experiment("lab-placement", &format!("procs = {:?}\n{factor}", self.tried.procs));
        let impossible = self.impossible.as_ref().map(|impossible| (impossible.name, &impossible.toml));
        for (name, toml) in self.cases.iter().map(|case| (case.name, &case.toml)).chain(impossible) {
            writeln!(text, "[[arm]]\nname = \"{name}\"\n{toml}").expect("a string takes every line");
        }
        text
    }

    /// Claims about time, of one arm whose samples are as good as any.
    fn time(&self) -> String {
        let own = format!("[[arm]]\nname = \"own\"\n{toml}\n", toml = self.cases[0].toml);
        self.experiment("lab-time", "procs = [1, 2]") + &own + CLAIMS
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

fn least_common_multiple(a: u64, b: u64) -> u64 {
    (a..).step_by(a as usize).find(|multiple| multiple % b == 0).expect("a x b is one")
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
private_bytes = PRIVATE
shared_bytes = SHARED
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
