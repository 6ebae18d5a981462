//! What this host allows and what will disturb a measurement, each with its value, what that means, and what to do.
//!
//! It only looks: it changes no setting. What the host does not show is `Unknown`, never taken for good.

mod limits;
mod pages;
mod processor;

use crate::{Machine, Root};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub name: String,
    /// What was found; "not available" where the host does not tell.
    pub value: String,
    /// What that means for a measurement.
    pub verdict: Verdict,
    /// What to do, a command where there is one; `None` where nothing is to be done.
    pub remedy: Option<String>,
}

/// What a finding means for a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// To be known when figures are read.
    Notice,
    /// It will show in the figures.
    Disturbs,
    /// The host refuses what a part of the suite needs.
    Forbidden,
    /// The host does not tell.
    Unknown,
}

impl Verdict {
    /// The word that tables use.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Notice => "notice",
            Verdict::Disturbs => "disturbs",
            Verdict::Forbidden => "forbidden",
            Verdict::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.word())
    }
}

/// Examines the running host, in the order in which a reader should see it.
pub fn examine(machine: &Machine) -> Vec<Finding> {
    let mut findings = examine_in(&Root::system(), machine.topology().nodes.len());
    findings.extend(limits::of_machine(machine));
    findings
}

/// The part of [`examine`] that is in files, from elsewhere, for a host of so many nodes.
pub fn examine_in(root: &Root, nodes: usize) -> Vec<Finding> {
    let mut findings = processor::examine(root);
    findings.extend(pages::examine(root, nodes));
    findings.extend(limits::examine(root));
    // Last, since it alone changes from minute to minute.
    findings.push(processor::load(root));
    findings
}

/// What will show in the figures of a run that starts now, as `KSM 1`; where times are emulated is said elsewhere.
pub fn disturbing(machine: &Machine) -> Vec<String> {
    let findings = examine_in(&Root::system(), machine.topology().nodes.len());
    let disturbs =
        |finding: &&Finding| finding.verdict == Verdict::Disturbs && finding.name != processor::VIRTUALISATION;
    findings.iter().filter(disturbs).map(|finding| format!("{} {}", finding.name, finding.value)).collect()
}

/// A finding with a value.
fn finding(name: &str, value: impl Into<String>, verdict: Verdict, remedy: Option<&str>) -> Finding {
    Finding { name: name.into(), value: value.into(), verdict, remedy: remedy.map(str::to_owned) }
}

/// A finding that the host keeps to itself.
fn unknown(name: &str) -> Finding {
    finding(name, "not available", Verdict::Unknown, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(files: &[(&str, &str)]) -> Vec<Finding> {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        examine_in(&Root::at(folder.path()), 2)
    }

    fn check(name: &str, files: &[(&str, &str)], verdict: Verdict, value: &str) {
        let findings = verdicts(files);
        let found = findings.iter().find(|finding| finding.name == name).expect(name);
        assert_eq!((found.verdict, found.value.as_str()), (verdict, value), "{name} {files:?}");
        let needs_remedy = matches!(found.verdict, Verdict::Disturbs | Verdict::Forbidden);
        assert!(found.remedy.is_some() || !needs_remedy, "{name}: what is to be done?");
    }

    #[test]
    fn settings_get_their_verdicts() {
        use Verdict::{Disturbs, Forbidden, Good, Notice};
        let governor = |policy: u32| format!("sys/devices/system/cpu/cpufreq/policy{policy}/scaling_governor");
        check("governor", &[(&governor(0), "performance\n")], Good, "performance");
        check(
            "governor",
            &[(&governor(0), "performance\n"), (&governor(1), "powersave\n")],
            Disturbs,
            "performance, powersave",
        );
        check(
            "SMT",
            &[("sys/devices/system/cpu/smt/control", "on\n"), ("sys/devices/system/cpu/smt/active", "1")],
            Notice,
            "on",
        );
        check("SMT", &[("sys/devices/system/cpu/smt/control", "notsupported\n")], Good, "notsupported");
        let thp = "sys/kernel/mm/transparent_hugepage/enabled";
        check("THP", &[(thp, "[always] madvise never\n")], Notice, "always");
        check("THP", &[(thp, "always [madvise] never\n")], Good, "madvise");
        let mthp = "sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled";
        check("mTHP", &[(mthp, "[always] inherit madvise never\n")], Notice, "64kB always");
        check("mTHP", &[(mthp, "always inherit madvise [never]\n")], Good, "none");
        check("KSM", &[("sys/kernel/mm/ksm/run", "1\n")], Disturbs, "1");
        check("KSM", &[("sys/kernel/mm/ksm/run", "0\n")], Good, "0");
        check("NUMA balancing", &[("proc/sys/kernel/numa_balancing", "1\n")], Notice, "1");
        check("NUMA balancing", &[("proc/sys/kernel/numa_balancing", "0\n")], Good, "0");
        let damon = "sys/kernel/mm/damon/admin/kdamonds";
        let kdamond = format!("{damon}/0/state");
        check("DAMON", &[(&kdamond, "on\n")], Disturbs, "1 running");
        check("DAMON", &[(&kdamond, "off\n")], Good, "none running");
        check("swap", &[("proc/meminfo", "SwapTotal: 0 kB\n")], Good, "none");
        check("swap", &[("proc/meminfo", "SwapTotal: 1048576 kB\n")], Notice, "1.00 GiB");
        let online = ("sys/devices/system/cpu/online", "0-7\n");
        let load = |text| [online, ("proc/loadavg", text)];
        check("load", &load("0.79 0 0 3/9 9\n"), Good, "0.79 of 8 PUs over a minute, 2 other tasks run now");
        check("load", &load("0.8 0 0 3/9 9\n"), Disturbs, "0.8 of 8 PUs over a minute, 2 other tasks run now");
        check("load", &load("0.8 0 0 1/9 9\n"), Notice, "0.8 of 8 PUs over a minute, 0 other tasks run now");
        let stat = |policy: u32| format!("7 (a) b) R {zeros}{policy} 0 0\n", zeros = "0 ".repeat(37));
        check("scheduling policy", &[("proc/self/stat", &stat(0))], Good, "other");
        check("scheduling policy", &[("proc/self/stat", &stat(1))], Forbidden, "fifo");
        check("scheduling policy", &[("proc/self/stat", &stat(5))], Disturbs, "idle");
        let clock = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        check("clock source", &[(clock, "tsc\n")], Good, "tsc");
        check("clock source", &[(clock, "hpet\n")], Disturbs, "hpet");
        check("perf_event_paranoid", &[("proc/sys/kernel/perf_event_paranoid", "4\n")], Forbidden, "4");
        check("perf_event_paranoid", &[("proc/sys/kernel/perf_event_paranoid", "1\n")], Good, "1");
        check("seccomp", &[("proc/self/status", "Seccomp:\t2\n")], Notice, "a filter is in force");
        check("seccomp", &[("proc/self/status", "Seccomp:\t0\n")], Good, "none");
    }

    #[test]
    fn control_groups_get_their_verdicts() {
        use Verdict::{Disturbs, Good, Notice, Unknown};
        let group = ("proc/self/cgroup", "0::/a\n");
        check("CPU quota", &[group, ("sys/fs/cgroup/a/cpu.max", "max 100000\n")], Good, "none");
        check("CPU quota", &[group, ("sys/fs/cgroup/a/cpu.max", "20000 100000\n")], Disturbs, "0.20 PUs");
        check(
            "CPU quota",
            &[group, ("sys/fs/cgroup/cpu.max", "50000 100000\n"), ("sys/fs/cgroup/a/cpu.max", "max 100000")],
            Disturbs,
            "0.50 PUs",
        );
        let v1 = ("proc/self/cgroup", "3:cpu,cpuacct:/x\n");
        let period = ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
        check("CPU quota", &[v1, period, ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n")], Good, "none");
        check(
            "CPU quota",
            &[v1, period, ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "150000\n")],
            Disturbs,
            "1.50 PUs",
        );
        check("CPU quota", &[], Unknown, "not available");
        check("memory.oom.group", &[group, ("sys/fs/cgroup/a/memory.oom.group", "1\n")], Disturbs, "1");
        check("memory.oom.group", &[group, ("sys/fs/cgroup/a/memory.oom.group", "0\n")], Good, "0");
        check("memory limit", &[group, ("sys/fs/cgroup/a/memory.max", "max\n")], Good, "none");
        check("memory limit", &[group, ("sys/fs/cgroup/a/memory.max", "1073741824\n")], Notice, "1.00 GiB");
        check("throttling", &[group, ("sys/fs/cgroup/a/cpu.stat", "nr_throttled 4\n")], Disturbs, "4 periods");
    }

    #[test]
    fn a_host_that_shows_nothing_is_unknown_throughout() {
        for finding in verdicts(&[]) {
            let decided_elsewhere = finding.name == "virtualisation";
            assert!(finding.verdict == Verdict::Unknown || decided_elsewhere, "{finding:?}");
        }
    }

    #[test]
    fn this_host_can_be_examined() {
        let machine = crate::probe().expect("this machine");
        let findings = examine(&machine);
        let mut names: Vec<&str> = findings.iter().map(|finding| finding.name.as_str()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "every name once");
        assert!(names.contains(&"memory policies") && names.contains(&"hwloc and /sys"));
        assert!(findings.iter().all(|finding| !finding.value.is_empty() && !finding.value.contains('\n')));
    }
}
