//! Counters of the whole machine: steal, what the kernel did about NUMA, throttling by a quota.

use crate::Root;
use plan::set::CpuSet;
use std::collections::BTreeMap;

/// Clock ticks that a hypervisor took from these PUs, and all ticks that passed on them, since boot; `None` where
/// /proc/stat lists none of them. A tick is 10 ms on nearly every kernel: too coarse for a short sample alone.
pub fn steal_ticks(pus: &CpuSet) -> Option<(u64, u64)> {
    steal_ticks_in(&Root::system(), pus)
}

/// As [`steal_ticks`], from elsewhere.
pub fn steal_ticks_in(root: &Root, pus: &CpuSet) -> Option<(u64, u64)> {
    let text = root.text("proc/stat")?;
    let mut found = None;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let pu = words.next().and_then(|word| word.strip_prefix("cpu")?.parse::<u32>().ok());
        if !pu.is_some_and(|pu| pus.contains(pu)) {
            continue;
        }
        // user nice system idle iowait irq softirq steal; guest time is counted in user already (proc(5)).
        let ticks: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
        let (steal, total) = found.unwrap_or((0, 0));
        found = Some((steal + ticks.get(7)?, total + ticks.iter().sum::<u64>()));
    }
    found
}

/// The scheduling policy of this process, as chrt calls it; `None` where /proc does not tell.
pub fn scheduling_policy() -> Option<&'static str> {
    scheduling_policy_in(&Root::system())
}

/// As [`scheduling_policy`], from elsewhere.
pub fn scheduling_policy_in(root: &Root) -> Option<&'static str> {
    let text = root.text("proc/self/stat")?;
    // The name of the program stands in brackets and may hold anything; `policy` is field 41, the 39th behind it (proc(5)).
    let policy = text.rsplit_once(')')?.1.split_ascii_whitespace().nth(38)?;
    // include/uapi/linux/sched.h
    match policy {
        "0" => Some("other"),
        "1" => Some("fifo"),
        "2" => Some("rr"),
        "3" => Some("batch"),
        "5" => Some("idle"),
        "6" => Some("deadline"),
        _ => None,
    }
}

/// Whether threads of this policy keep a PU until they give it up or a more urgent one comes.
pub fn is_real_time(policy: &str) -> bool {
    matches!(policy, "fifo" | "rr" | "deadline")
}

/// Minor faults of this process so far, by /proc/self/stat; `None` where nobody tells.
pub fn minor_faults() -> Option<u64> {
    minor_faults_in(&Root::system())
}

/// The same of another root.
pub fn minor_faults_in(root: &Root) -> Option<u64> {
    let text = root.text("proc/self/stat")?;
    // The name in brackets may hold anything; minflt is the tenth field, the eighth behind it (proc(5)).
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(7)?.parse().ok()
}

/// Counters of /proc/vmstat by name, those that are there: `numa_hint_faults`, `numa_pages_migrated`, …
pub fn vmstat(names: &[&str]) -> BTreeMap<String, u64> {
    vmstat_in(&Root::system(), names)
}

/// As [`vmstat`], from elsewhere.
pub fn vmstat_in(root: &Root, names: &[&str]) -> BTreeMap<String, u64> {
    let text = root.text("proc/vmstat").unwrap_or_default();
    let entry = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        names.contains(&name).then_some((name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

/// Periods in which a quota of this process's control group, or of one above it, stopped its threads, since the groups
/// were made; `None` where no group tells. Groups of both versions are read.
pub fn throttled_periods() -> Option<u64> {
    throttled_periods_in(&Root::system())
}

/// As [`throttled_periods`], from elsewhere.
pub fn throttled_periods_in(root: &Root) -> Option<u64> {
    let counts = cgroup_files(root, "cpu", "cpu.stat");
    counts
        .iter()
        .filter_map(|text| crate::root::find_field(text, "nr_throttled ")?.parse::<u64>().ok())
        .reduce(|a, b| a + b)
}

/// Kills by the OOM killer in this process's control group since it was made; `None` where none tells. Both versions.
pub fn group_oom_kills_in(root: &Root) -> Option<u64> {
    let mut counts = cgroup_files(root, "memory", "memory.events");
    counts.extend(cgroup_files(root, "memory", "memory.oom_control"));
    // The innermost group is the one that this process is in.
    crate::root::find_field(counts.first()?, "oom_kill ")?.parse().ok()
}

/// Bytes that this process's control group and those above it may have at most; `None` where there is no limit.
pub fn memory_limit_in(root: &Root) -> Option<u64> {
    // Version 1 writes "no limit" as the largest multiple of a page.
    memory_limits(root).iter().filter_map(|text| text.parse::<u64>().ok()).filter(|&bytes| bytes < 1 << 60).min()
}

/// What the files of the limit say, `max` for none.
pub(crate) fn memory_limits(root: &Root) -> Vec<String> {
    let mut limits = cgroup_files(root, "memory", "memory.max");
    limits.extend(cgroup_files(root, "memory", "memory.limit_in_bytes"));
    limits
}

/// A file of this process's control group and of each one above it, innermost first, those that are there.
///
/// `controller` chooses the hierarchy of version 1. Source: cgroups(7), /proc/pid/cgroup.
pub(crate) fn cgroup_files(root: &Root, controller: &str, file: &str) -> Vec<String> {
    let Some(text) = root.text("proc/self/cgroup") else { return Vec::new() };
    let mut found = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let base = match controllers {
            "" if root.has("sys/fs/cgroup/unified") => "sys/fs/cgroup/unified".to_owned(),
            "" => "sys/fs/cgroup".to_owned(),
            _ if controllers.split(',').any(|name| name == controller) => {
                let joined = format!("sys/fs/cgroup/{controllers}");
                if root.has(&joined) { joined } else { format!("sys/fs/cgroup/{controller}") }
            }
            _ => continue,
        };
        // In a group namespace the path may start with "/..", which names groups that cannot be seen from here.
        let parts: Vec<&str> = group.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
        for depth in (0..=parts.len()).rev() {
            let folder = [&[base.as_str()], &parts[..depth]].concat().join("/");
            found.extend(root.text(format!("{folder}/{file}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::fixture;

    #[test]
    fn steal_is_summed_over_the_pus_asked() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 0 50 800 0 0 0 50 20 0\ncpu1 0 0 0 990 0 0 0 10 0 0\nintr 1\n";
        let (_folder, root) = fixture(&[("proc/stat", stat)]);
        let check = |list: &str, expect| {
            assert_eq!(steal_ticks_in(&root, &list.parse().expect("a list")), expect, "{list}");
        };
        check("0", Some((50, 1000)));
        check("0-1", Some((60, 2000)));
        check("7", None);
        check("", None);
    }

    #[test]
    fn throttling_is_found_in_both_versions() {
        let check = |files: &[(&str, &str)], expect| {
            let (_folder, root) = fixture(files);
            assert_eq!(throttled_periods_in(&root), expect, "{files:?}");
        };
        let stat = "nr_periods 10\nnr_throttled 3\nthrottled_usec 5\n";
        check(&[("proc/self/cgroup", "0::/a/b\n"), ("sys/fs/cgroup/a/b/cpu.stat", stat)], Some(3));
        check(
            &[
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/b/cpu.stat", stat),
                ("sys/fs/cgroup/a/cpu.stat", stat),
            ],
            Some(6),
        );
        check(
            &[
                ("proc/self/cgroup", "4:cpu,cpuacct:/x\n1:name=systemd:/\n"),
                ("sys/fs/cgroup/cpu,cpuacct/x/cpu.stat", stat),
            ],
            Some(3),
        );
        check(&[("proc/self/cgroup", "4:cpu:/../..\n"), ("sys/fs/cgroup/cpu/cpu.stat", stat)], Some(3));
        check(&[("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/cpu.stat", "usage_usec 1\n")], None);
        check(&[], None);
    }

    #[test]
    fn kills_and_limits_of_a_group_are_found_in_both_versions() {
        let check = |files: &[(&str, &str)], expect| {
            let (_folder, root) = fixture(files);
            assert_eq!((group_oom_kills_in(&root), memory_limit_in(&root)), expect, "{files:?}");
        };
        check(
            &[
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/b/memory.events", "oom 9\noom_kill 2\noom_group_kill 7\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("sys/fs/cgroup/a/memory.events", "oom_kill 5\n"),
                ("sys/fs/cgroup/a/memory.max", "4096\n"),
            ],
            (Some(2), Some(4096)),
        );
        check(
            &[
                ("proc/self/cgroup", "4:memory:/x\n0::/\n"),
                ("sys/fs/cgroup/memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
                ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "8192\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ],
            (Some(3), Some(8192)),
        );
        check(&[], (None, None));
    }

    #[test]
    fn vmstat_gives_what_is_there() {
        let (_folder, root) = fixture(&[("proc/vmstat", "nr_free_pages 5\nnuma_hint_faults 7\n")]);
        let found = vmstat_in(&root, &["numa_hint_faults", "numa_pages_migrated"]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("numa_hint_faults".to_owned(), 7)]);
    }
}
