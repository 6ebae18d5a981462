//! Hosts that only the emulated lab has: one boot of a machine, whose script tries one hostile host after the other.

use crate::host;
use crate::program::{Answer, root};
use crate::ran::Ran;
use crate::trial::Needs;
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

/// A machine of the lab, and what is tried in it.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    /// Further options of `scripts/lab run`, given a folder for files that they name.
    pub(crate) options: fn(&Path) -> Result<Vec<String>, Failed>,
    /// Experiment files by their names.
    pub(crate) experiments: Vec<(&'static str, String)>,
    /// Runs each case by the words of [`PREAMBLE`].
    pub(crate) script: &'static str,
}

/// Kind and name of a hostile host, and what is looked at after its machine was shut down.
pub(crate) type Case = (usize, &'static str, fn(&Boot) -> Result<(), Failed>);

/// What came out of a machine.
pub(crate) struct Boot {
    folder: tempfile::TempDir,
}

/// `try CASE CMD`, `run CASE EXPERIMENT`, `in_group GROUP CMD`. Balancing would move pages in mid-run.
const PREAMBLE: &str = r#"
echo 0 > /proc/sys/kernel/numa_balancing
mkdir out
groups=/sys/fs/cgroup
echo "+memory +cpuset +cpu +hugetlb" > $groups/cgroup.subtree_control
try() { name=$1; shift; "$@" > out/$name.out 2> out/$name.err; echo $? > out/$name.code; }
run() { try $1 numalab run lab/$2.toml --results out/$1; }
in_group() { group=$1; shift; sh -c "echo \$\$ > $groups/$group/cgroup.procs && exec \"\$@\"" sh "$@"; }
run_in() { try $2 in_group $1 numalab run lab/$3.toml --results out/$2; }
"#;

/// An experiment with one heap of this size for each worker.
pub(crate) fn experiment(private_bytes: &str, further: &str, arms: &[(&str, &str)]) -> String {
    let arms: String = arms.iter().map(|(name, lines)| format!("[[arm]]\nname = \"{name}\"\n{lines}\n")).collect();
    format!(
        "name = \"hostile\"\nquestion = \"What is left to measure here?\"\n[workload]\nkind = \"serve\"\n\
         private_bytes = \"{private_bytes}\"\nshared_bytes = \"64KiB\"\n{further}\n[sweep]\nprocs = [1]\n{arms}\
         [measure]\noperations = 50\nrepetitions = 1\nseed = 1\n"
    )
}

/// All on one node.
pub(crate) const ON_NODE_0: &str = "cpus = \"node:0\"\nprivate = \"bind:0\"\nshared = \"bind:0\"";
pub(crate) const ON_NODE_1: &str = "cpus = \"node:1\"\nprivate = \"bind:1\"\nshared = \"bind:1\"";

/// The cases of a machine, which is booted when the first of them is looked at.
pub(crate) fn trials(machine: Machine, cases: &'static [Case]) -> Vec<Trial> {
    let booted = Arc::new((machine, OnceLock::<Result<Boot, String>>::new()));
    let trial = |&(kind, name, check): &Case| {
        let booted = booted.clone();
        let machine = booted.0.name;
        host(kind, &format!("{machine}: {name}"), Some(Needs::LabAll), move || {
            let (machine, boot) = &*booted;
            let text = |failed: Failed| failed.message().unwrap_or_default().to_string();
            check(boot.get_or_init(|| Boot::of(machine).map_err(text)).as_ref().map_err(String::clone)?)
        })
    };
    cases.iter().map(trial).collect()
}

impl Boot {
    fn of(machine: &Machine) -> Result<Boot, Failed> {
        let folder = tempfile::tempdir()?;
        let experiments = folder.path().join("lab");
        fs::create_dir(&experiments)?;
        for (name, text) in &machine.experiments {
            fs::write(experiments.join(name).with_extension("toml"), text)?;
        }
        let mut lab = Command::new(root().join("scripts/lab"));
        lab.args(["run", machine.name, "--quiet", "--timeout", "280", "--get", "out", "--to"]).arg(folder.path());
        lab.args((machine.options)(folder.path())?).args(["--numalab", "--file"]).arg(&experiments);
        lab.arg("--").arg(format!("{PREAMBLE}{}", machine.script));
        let ended = lab.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        match ended.status.code() {
            Some(0) => Ok(Boot { folder }),
            code => Err(format!("scripts/lab run {} ended with {code:?}: {said}", machine.name).into()),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    /// A file that came out.
    pub(crate) fn text(&self, name: &str) -> Result<String, Failed> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}", path = path.display()).into())
    }

    /// What a case left.
    pub(crate) fn ran(&self, case: &str) -> Result<Ran, Failed> {
        let code = self.text(&format!("{case}.code"))?.trim().parse().ok();
        let (out, err) = (self.text(&format!("{case}.out"))?, self.text(&format!("{case}.err"))?);
        Ok(Ran::out_of(Answer { code, out, err }, self.path(case)))
    }
}
