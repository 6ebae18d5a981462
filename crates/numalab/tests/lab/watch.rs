//! Runs that are looked at from outside while they run: by /proc, by numastat, and by a program that only knows move_pages(2).

use crate::machine::{Row, lab, number, rows, run};
use crate::program::only_folder;
use crate::trial::ensure;
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Most time of one machine with all its runs.
const SECONDS: u32 = 400;

/// What the scripts of these tests have in common.
const SHELL: &str = include_str!("watch.sh");

/// One run: its experiment has one arm.
pub(crate) struct Watched {
    pub(crate) name: &'static str,
    pub(crate) procs: u32,
    /// Pages of 4 KiB.
    pub(crate) private_pages: u64,
    pub(crate) shared_pages: u64,
    pub(crate) shared_ratio: f64,
    /// `seconds = 3`, or `operations = 1000`.
    pub(crate) extent: &'static str,
    /// Lines of the arm.
    pub(crate) arm: &'static str,
}

impl Watched {
    /// All heaps together.
    pub(crate) fn pages(&self) -> u64 {
        u64::from(self.procs) * self.private_pages + self.shared_pages
    }

    fn toml(&self) -> String {
        let Watched { name, procs, shared_ratio, extent, arm, .. } = self;
        let (private_bytes, shared_bytes) = (4096 * self.private_pages, 4096 * self.shared_pages);
        format!(
            "name = \"{name}\"\nquestion = \"What is seen from outside?\"\n[workload]\nkind = \"serve\"\n\
             private_bytes = {private_bytes}\nshared_bytes = {shared_bytes}\nshared_ratio = {shared_ratio:?}\n\
             [pauses]\nevery = \"never\"\n[sweep]\nprocs = {procs}\n[measure]\n{extent}\nrepetitions = 1\n\
             [[arm]]\nname = \"{name}\"\n{arm}\n"
        )
    }
}

/// What came out of a machine in which several runs were looked at.
pub(crate) struct Seen {
    folder: tempfile::TempDir,
}

/// Boots a machine and runs a script in it, which finds the experiments in `lab`, and the functions of watch.sh.
pub(crate) fn watch(machine: &'static str, runs: &[&Watched], script: &str) -> Result<Seen, Failed> {
    let seen = Seen { folder: tempfile::tempdir()? };
    let experiments = seen.folder.path().join("lab");
    fs::create_dir(&experiments)?;
    for run in runs {
        fs::write(experiments.join(format!("{}.toml", run.name)), run.toml())?;
    }
    seen.run(machine, script)?;
    Ok(seen)
}

/// Compiles the witness.
fn outside(at: PathBuf) -> Result<PathBuf, Failed> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/outside.c");
    let compiled = Command::new("cc").args(["-O1", "-o"]).arg(&at).arg(source).output()?;
    ensure(compiled.status.success(), || String::from_utf8_lossy(&compiled.stderr).into())?;
    Ok(at)
}

impl Seen {
    /// Runs a further script; what it writes to `out` is added to what is there.
    pub(crate) fn run(&self, machine: &'static str, script: &str) -> Result<(), Failed> {
        let folder = self.folder.path();
        let mut lab = lab(machine, SECONDS, folder);
        lab.arg("--file").arg(folder.join("lab")).arg("--bin").arg(outside(folder.join("outside"))?);
        run(lab.args(["--", &format!("{SHELL}\n{script}")]))
    }

    /// A file for the next script, in the folder of the experiments.
    pub(crate) fn put(&self, name: &str, text: &str) -> Result<(), Failed> {
        Ok(fs::write(self.folder.path().join("lab").join(name), text)?)
    }

    /// A file that came out.
    pub(crate) fn text(&self, path: &str) -> Result<String, Failed> {
        let path = self.folder.path().join("out").join(path);
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}", path = path.display()).into())
    }

    /// The results folder of a run.
    pub(crate) fn results(&self, name: &str) -> Result<PathBuf, Failed> {
        only_folder(&self.folder.path().join("out").join(name).join("results"))
            .map_err(|failed| format!("{failed:?}; {}", self.text(&format!("{name}/err")).unwrap_or_default()).into())
    }

    /// The one row of a run's samples.csv.
    pub(crate) fn sample(&self, name: &str) -> Result<Row, Failed> {
        let mut rows = rows(&self.results(name)?.join("samples.csv"))?;
        ensure(rows.len() == 1, || format!("{name}: {} samples", rows.len()))?;
        Ok(rows.remove(0))
    }

    /// The mappings of a run's child, by their start, as numa_maps tells.
    pub(crate) fn numa_maps(&self, name: &str) -> Result<BTreeMap<u64, Mapping>, Failed> {
        self.text(&format!("{name}/numa_maps"))?.lines().map(Mapping::read).collect()
    }

    /// The same as move_pages(2) tells: pages on each node.
    pub(crate) fn outside(&self, name: &str) -> Result<BTreeMap<u64, OnNodes>, Failed> {
        let line = |line: &str| {
            let start = line.split(' ').next().unwrap_or_default();
            Ok((u64::from_str_radix(start, 16)?, on_nodes(line)))
        };
        self.text(&format!("{name}/outside"))?.lines().map(line).collect()
    }

    /// The threads of a run's child as /proc tells: `(name, PUs it may use, PU it was on)`.
    pub(crate) fn tasks(&self, name: &str) -> Result<Vec<(String, String, String)>, Failed> {
        let task = |line: &str| {
            let mut words = line.split(' ').map(String::from);
            let mut next = || words.next().unwrap_or_default();
            (next(), next(), next())
        };
        let tasks: Vec<_> = self.text(&format!("{name}/tasks"))?.lines().map(task).collect();
        ensure(!tasks.is_empty(), || format!("{name}: its sample was over before it was looked at"))?;
        Ok(tasks)
    }

    /// Pages of each node as numastat's last line tells them, in MB with two decimals.
    pub(crate) fn numastat(&self, name: &str) -> Result<Vec<f64>, Failed> {
        let text = self.text(&format!("{name}/numastat"))?;
        let total = text.lines().rev().find(|line| line.starts_with("Total"));
        let total = total.ok_or_else(|| format!("{name}: numastat says \"{text}\""))?;
        let numbers = total.split_ascii_whitespace().skip(1).map(str::parse);
        Ok(numbers.collect::<Result<_, _>>()?)
    }
}

/// Pages on each node.
pub(crate) type OnNodes = BTreeMap<usize, u64>;

/// One line of numa_maps.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    /// `bind:0`, `local`, `weighted interleave:0-1`.
    pub(crate) policy: String,
    pub(crate) on: OnNodes,
}

impl Mapping {
    fn read(line: &str) -> Result<(u64, Mapping), Failed> {
        let mut words = line.split(' ');
        let start = u64::from_str_radix(words.next().unwrap_or_default(), 16)?;
        let of_policy = |word: &&str| !word.contains('=') && !matches!(*word, "heap" | "stack" | "huge");
        let policy = words.take_while(of_policy).collect::<Vec<_>>().join(" ");
        Ok((start, Mapping { policy, on: on_nodes(line) }))
    }
}

/// The sum of `N0=24 N1=2` in a line.
fn on_nodes(line: &str) -> OnNodes {
    let mut on = OnNodes::new();
    for word in line.split_ascii_whitespace() {
        let pair = word.strip_prefix('N').and_then(|rest| rest.split_once('='));
        if let Some((Ok(node), Ok(pages))) = pair.map(|(node, pages)| (node.parse(), pages.parse::<u64>())) {
            *on.entry(node).or_default() += pages;
        }
    }
    on
}

/// Pages on each node of all mappings with a policy.
pub(crate) fn with_policy(maps: &BTreeMap<u64, Mapping>, policy: &str) -> OnNodes {
    let mut on = OnNodes::new();
    for mapping in maps.values().filter(|mapping| mapping.policy == policy) {
        mapping.on.iter().for_each(|(&node, pages)| *on.entry(node).or_default() += pages);
    }
    on
}

/// Whether a sample failed, or says that it was disturbed; with what it says.
pub(crate) fn marks(row: &Row) -> String {
    format!("{}{}", row["error"], row["contaminated_reason"])
}

pub(crate) fn migrated(row: &Row) -> Result<f64, Failed> {
    number(row, "pages_migrated")
}
