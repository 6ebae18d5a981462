//! 2 cpusets and 3 limits of control groups, in whichever version this host has.

use crate::host;
use crate::program::run;
use crate::ran::{EXPERIMENT, Ran, doctor, expect_finding, run_behind};
use crate::trial::{Needs, ensure};
use libtest_mimic::{Failed, Trial};
use plan::set::CpuSet;
use std::path::{Path, PathBuf};

pub(crate) fn trials() -> Vec<Trial> {
    let groups = Some(Needs::Groups);
    vec![
        host(2, "a cpuset of one PU: what is named outside it is refused", groups, cpuset),
        host(3, "a CPU quota: throttled samples are flagged", groups, quota),
        host(3, "a memory limit: the killed sample is a row with its cause", groups, memory_limit),
    ]
}

/// A control group that is removed when it goes out of scope.
struct Group {
    folder: PathBuf,
    join: String,
    version: u32,
}

impl Group {
    fn new(controller: &str) -> Result<Group, Failed> {
        let base = Path::new("/sys/fs/cgroup");
        let (base, tasks, version) = match base.join(controller) {
            first if first.is_dir() => (first, "tasks", 1),
            _ => (base.to_path_buf(), "cgroup.procs", 2),
        };
        let folder = base.join(format!("numalab-{controller}-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        let join = format!("echo $$ > {} && exec \"$@\"", folder.join(tasks).display());
        Ok(Group { folder, join, version })
    }

    /// Writes to a file of the group: `(its name in version 1, what, its name in version 2, what)`.
    fn set(&self, first: (&str, &str), second: (&str, &str)) -> Result<(), Failed> {
        let (name, value) = if self.version == 1 { first } else { second };
        let path = self.folder.join(name);
        std::fs::write(&path, value)
            .map_err(|error| format!("{value} to {path}: {error}", path = path.display()).into())
    }

    /// Words before a program that start it in the group.
    fn words(&self) -> [&str; 4] {
        ["sh", "-c", &self.join, "sh"]
    }

    fn run(&self, experiment: &str) -> Result<Ran, Failed> {
        run_behind(&self.words(), experiment)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes have ended; a group that stays all the same is no reason to fail.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

fn cpuset() -> Result<(), Failed> {
    let topology: plan::topology::Topology = serde_json::from_str(&run(&["topo", "--format", "json"]).out)?;
    let pus = &topology.allowed_pus;
    let (first, last) = pus.first().zip(pus.last()).ok_or("no PU is allowed")?;
    let node = topology.allowed_nodes.first().ok_or("no node is allowed")?.to_string();
    let group = Group::new("cpuset")?;
    group.set(("cpuset.cpus", &last.to_string()), ("cpuset.cpus", &last.to_string()))?;
    group.set(("cpuset.mems", &node), ("cpuset.mems", &node))?;
    let partly: CpuSet = [first, last].into_iter().collect();
    let arm = |name: &str, pus: &str| format!("[[arm]]\nname = \"{name}\"\ncpus = \"pus:{pus}\"\n");
    let head = EXPERIMENT.split("[[arm]]").next().unwrap_or_default();
    let measure = &EXPERIMENT[EXPERIMENT.find("[measure]").unwrap_or_default()..];
    let outside = arm("outside", &first.to_string());
    let arms = [arm("inside", &last.to_string()), arm("partly", &partly.to_string()), outside.clone()].concat();
    let refused = |pus: &str| {
        format!(
            "cpus pus:{pus}: PU {first} is outside this process's cpuset {last}; check the container's cpuset.cpus, \
             taskset and isolcpus"
        )
    };
    let ran = group.run(&[head, &arms, measure].concat())?;
    ran.expect(0, &["points skipped: 2"])?;
    ran.measured("inside")?;
    ran.expect_skip("partly", &refused(&partly.to_string()))?;
    ran.expect_skip("outside", &refused(&first.to_string()))?;
    // Nothing is left to measure.
    let ran = group.run(&[head, &outside, measure].concat())?;
    let nothing =
        format!("numalab: no point of this experiment can run here: outside: {}", refused(&first.to_string()));
    ran.expect(77, &[&nothing])?.left_nothing()?;
    let all = format!("PUs {last} of {online}, nodes {node}", online = topology.pu_set());
    expect_finding(doctor(&group.words(), "cpuset")?, "notice", &all)
}

fn quota() -> Result<(), Failed> {
    let group = Group::new("cpu")?;
    group.set(("cpu.cfs_period_us", "100000"), ("cpu.max", "10000 100000"))?;
    group.set(("cpu.cfs_quota_us", "10000"), ("cpu.max", "10000 100000"))?;
    let ran = group.run(&EXPERIMENT.replace("operations = 500", "seconds = 0.4"))?;
    ran.expect(0, &[])?.expect_disturbing("CPU quota 0.10 PUs")?;
    for arm in ["unbound", "pinned", "bound"] {
        ran.expect_flag(arm, "throttled by the cgroup's quota in # periods (limit 0)")?;
    }
    expect_finding(doctor(&group.words(), "CPU quota")?, "disturbs", "0.10 PUs")
}

fn memory_limit() -> Result<(), Failed> {
    let group = Group::new("memory")?;
    group.set(("memory.limit_in_bytes", "64M"), ("memory.max", "64M"))?;
    // Where there is swap, the group is to be killed rather than slow.
    group.set(("memory.swappiness", "0"), ("memory.swap.max", "0"))?;
    let sweep = "procs = [1]\nprivate_bytes = [\"256KiB\", \"200MiB\"]";
    let large = EXPERIMENT.replace("private_bytes = \"256KiB\"\n", "").replace("procs = [1]", sweep);
    let ran = group.run(&large)?;
    ran.expect(0, &[])?;
    let killed = "touch: killed by the OOM killer of its control group: # MiB were needed, its limit is # MiB; raise \
                  memory.max (version 1: memory.limit_in_bytes)";
    for row in ran.rows("samples.csv")? {
        let fits = row["private_bytes"] == "256KiB";
        let ok = if fits { row["error"].is_empty() } else { crate::ran::is_like(&row["error"], killed) };
        ensure(ok, || format!("{}: {:?}, expected {killed:?}", row["private_bytes"], row["error"]))?;
    }
    expect_finding(doctor(&group.words(), "memory limit")?, "notice", "64.0 MiB")
}
