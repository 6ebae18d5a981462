//! What a container, a control group, a filter or a parent process keeps from us.

use super::{Finding, Verdict, finding, unknown};
use crate::errno::{Errno, is_filtered};
use crate::{Machine, Root, proc};
use plan::quantity::show_bytes;

pub(super) fn examine(root: &Root) -> Vec<Finding> {
    vec![
        quota(root),
        throttling(root),
        memory_limit(root),
        oom_group(root),
        seccomp(root),
        perf(root),
        scheduling(root),
    ]
}

/// What probing found out.
pub(super) fn of_machine(machine: &Machine) -> Vec<Finding> {
    let (topology, conditions) = (machine.topology(), machine.conditions());
    let online = topology.pu_set();
    let cpuset = match topology.allowed_pus == online && topology.allowed_nodes.len() == count_with_memory(machine) {
        true => finding(
            "cpuset",
            format!("all PUs {online}, nodes {nodes}", nodes = topology.allowed_nodes),
            Verdict::Good,
            None,
        ),
        false => finding(
            "cpuset",
            format!("PUs {pus} of {online}, nodes {nodes}", pus = topology.allowed_pus, nodes = topology.allowed_nodes),
            Verdict::Notice,
            Some(
                "claims about the whole host cannot be tested from here; run outside the container, or widen its cpuset",
            ),
        ),
    };
    let policies = match &conditions.policies_refused {
        Some(why) => finding(
            "memory policies",
            why.clone(),
            Verdict::Forbidden,
            Some(
                "run with --cap-add SYS_NICE or --security-opt seccomp=unconfined; without, workers are bound and pages are not",
            ),
        ),
        None => finding("memory policies", conditions.policies.join(", "), Verdict::Good, None),
    };
    let affinity = match &conditions.inherited_cpus {
        None => finding("inherited affinity", "none", Verdict::Good, None),
        Some(pus) => finding(
            "inherited affinity",
            pus.to_string(),
            Verdict::Notice,
            Some("it is respected; start without taskset or numactl to use all PUs"),
        ),
    };
    let policy = match &conditions.inherited_policy {
        None => finding("inherited policy", "none", Verdict::Good, None),
        Some(policy) => finding(
            "inherited policy",
            policy.clone(),
            Verdict::Notice,
            Some("unbound arms are not unbound under it; start without numactl or srun --mem-bind"),
        ),
    };
    let lines = machine.disagreements();
    let agreement = match lines.is_empty() {
        true => finding("hwloc and /sys", "they agree", Verdict::Good, None),
        false => finding("hwloc and /sys", lines.join("; "), Verdict::Notice, None),
    };
    vec![cpuset, affinity, policy, policies, agreement, counters(&Root::system())]
}

fn count_with_memory(machine: &Machine) -> usize {
    machine.topology().nodes.iter().filter(|node| node.has_memory()).count()
}

/// The scheduler's class that the workers inherit.
fn scheduling(root: &Root) -> Finding {
    const NAME: &str = "scheduling policy";
    match proc::scheduling_policy_in(root) {
        None => unknown(NAME),
        Some("other") => finding(NAME, "other", Verdict::Good, None),
        Some(policy) if proc::is_real_time(policy) => {
            const REMEDY: &str = "no timer gets a PU that a worker holds, so nothing would end; start without chrt";
            finding(NAME, policy, Verdict::Forbidden, Some(REMEDY))
        }
        Some(policy) => finding(NAME, policy, Verdict::Disturbs, Some("all others go first; start without chrt")),
    }
}

/// The tightest quota of this group and those above it, in PUs.
fn quota(root: &Root) -> Finding {
    const NAME: &str = "CPU quota";
    const REMEDY: &str =
        "threads are stopped for the rest of each period; remove the quota (docker --cpus, Kubernetes limits)";
    let v2 = proc::cgroup_files(root, "cpu", "cpu.max");
    let v1_quota = proc::cgroup_files(root, "cpu", "cpu.cfs_quota_us");
    let v1_period = proc::cgroup_files(root, "cpu", "cpu.cfs_period_us");
    if v2.is_empty() && v1_quota.is_empty() {
        return unknown(NAME);
    }
    let v2_pus = v2.iter().filter_map(|text| {
        let (quota, period) = text.split_once(' ')?;
        ratio(quota, period)
    });
    let v1_pus = v1_quota.iter().zip(&v1_period).filter_map(|(quota, period)| ratio(quota, period));
    match v2_pus.chain(v1_pus).min_by(f64::total_cmp) {
        None => finding(NAME, "none", Verdict::Good, None),
        Some(pus) => finding(NAME, format!("{pus:.2} PUs"), Verdict::Disturbs, Some(REMEDY)),
    }
}

/// `None` for `max` and for -1, which both say no quota.
fn ratio(quota: &str, period: &str) -> Option<f64> {
    let quota: u64 = quota.trim().parse().ok()?;
    let period: u64 = period.trim().parse().ok().filter(|&period| period > 0)?;
    Some(quota as f64 / period as f64)
}

fn throttling(root: &Root) -> Finding {
    match proc::throttled_periods_in(root) {
        None => unknown("throttling"),
        Some(0) => finding("throttling", "none so far", Verdict::Good, None),
        Some(periods) => finding(
            "throttling",
            format!("{periods} periods"),
            Verdict::Disturbs,
            Some("the quota has already stopped this group; see CPU quota"),
        ),
    }
}

fn memory_limit(root: &Root) -> Finding {
    const NAME: &str = "memory limit";
    if proc::memory_limits(root).is_empty() {
        return unknown(NAME);
    }
    match proc::memory_limit_in(root) {
        None => finding(NAME, "none", Verdict::Good, None),
        Some(bytes) => finding(
            NAME,
            show_bytes(bytes),
            Verdict::Notice,
            Some("a sample that needs more is killed; shrink private_bytes or raise the limit"),
        ),
    }
}

fn oom_group(root: &Root) -> Finding {
    const NAME: &str = "memory.oom.group";
    let values = proc::cgroup_files(root, "memory", "memory.oom.group");
    match values.iter().any(|value| value == "1") {
        _ if values.is_empty() => unknown(NAME),
        false => finding(NAME, "0", Verdict::Good, None),
        true => finding(
            NAME,
            "1",
            Verdict::Disturbs,
            Some(
                "a child that runs out of memory takes the whole run with it; write 0 to memory.oom.group, then --resume",
            ),
        ),
    }
}

fn seccomp(root: &Root) -> Finding {
    match root.field("proc/self/status", "Seccomp:").as_deref() {
        None => unknown("seccomp"),
        Some("0") => finding("seccomp", "none", Verdict::Good, None),
        Some(_) => finding(
            "seccomp",
            "a filter is in force",
            Verdict::Notice,
            Some("see memory policies; where pages lie is read from numa_maps if move_pages is blocked"),
        ),
    }
}

fn perf(root: &Root) -> Finding {
    const NAME: &str = "perf_event_paranoid";
    match root.text("proc/sys/kernel/perf_event_paranoid") {
        None => unknown(NAME),
        Some(level) if may_open_counters(root) => {
            finding(NAME, format!("{level}, this process may open counters all the same"), Verdict::Good, None)
        }
        // 3 is Debian's and Android's addition, 4 Ubuntu's: all events are closed to users without CAP_PERFMON.
        Some(level) => match level.parse::<i32>() {
            Ok(3..) => finding(
                NAME,
                level,
                Verdict::Forbidden,
                Some("sysctl kernel.perf_event_paranoid=2, or run with CAP_PERFMON"),
            ),
            Ok(2) => finding(
                NAME,
                level,
                Verdict::Notice,
                Some("own processes only, no kernel; sysctl kernel.perf_event_paranoid=1"),
            ),
            Ok(_) => finding(NAME, level, Verdict::Good, None),
            Err(_) => unknown(NAME),
        },
    }
}

/// Whether counters can really be opened, which no file tells.
fn counters(root: &Root) -> Finding {
    let level = root.text("proc/sys/kernel/perf_event_paranoid").unwrap_or_else(|| "unknown".into());
    counters_in_words(crate::perf::open_counter(), &level, is_filtered(root))
}

/// Four ways to be forbidden, and four things to do about it.
fn counters_in_words(opened: Result<(), Errno>, level: &str, filtered: bool) -> Finding {
    const NAME: &str = "hardware counters";
    let Err(errno) = opened else { return finding(NAME, "can be opened", Verdict::Good, None) };
    let said = |why: &str| format!("perf_event_open: {errno}: {why}");
    match (errno.0, level.parse::<i32>()) {
        (libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP, _) => finding(
            NAME,
            said("no PMU here, or a hypervisor that hides it"),
            Verdict::Notice,
            Some("run on bare metal, or have the hypervisor show its PMU"),
        ),
        (libc::EACCES, Ok(3..)) => finding(
            NAME,
            said(&format!("perf_event_paranoid is {level}, which closes all events")),
            Verdict::Forbidden,
            Some("sysctl kernel.perf_event_paranoid=2, or run with CAP_PERFMON"),
        ),
        (libc::EACCES, _) => finding(
            NAME,
            said(&format!("this process lacks the right, perf_event_paranoid is {level}")),
            Verdict::Forbidden,
            Some("run with CAP_PERFMON, or sysctl kernel.perf_event_paranoid=1"),
        ),
        _ if filtered => finding(
            NAME,
            said("blocked by a seccomp filter"),
            Verdict::Forbidden,
            Some("run with --security-opt seccomp=unconfined, or a profile that allows perf_event_open"),
        ),
        _ => finding(
            NAME,
            said("this kernel or container does not give them"),
            Verdict::Forbidden,
            Some("run outside it"),
        ),
    }
}

/// CAP_PERFMON (38) or CAP_SYS_ADMIN (21) in the effective set (capabilities(7)).
fn may_open_counters(root: &Root) -> bool {
    let mask = root.field("proc/self/status", "CapEff:").and_then(|hex| u64::from_str_radix(&hex, 16).ok());
    mask.is_some_and(|mask| mask & (1 << 38 | 1 << 21) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_forbidden_in_four_ways() {
        let check = |errno, level: &str, filtered, verdict: Verdict, value: &str| {
            let found = counters_in_words(Err(Errno(errno)), level, filtered);
            assert_eq!((found.verdict, found.value.as_str()), (verdict, value), "{errno} {level} {filtered}");
            assert!(found.remedy.is_some());
        };
        let pmu = "perf_event_open: ENOENT: no PMU here, or a hypervisor that hides it";
        check(libc::ENOENT, "2", true, Verdict::Notice, pmu);
        let paranoid = "perf_event_open: EACCES: this process lacks the right, perf_event_paranoid is 2";
        check(libc::EACCES, "2", false, Verdict::Forbidden, paranoid);
        let closed = "perf_event_open: EACCES: perf_event_paranoid is 3, which closes all events";
        check(libc::EACCES, "3", false, Verdict::Forbidden, closed);
        let filtered = "perf_event_open: EPERM: blocked by a seccomp filter";
        check(libc::EPERM, "2", true, Verdict::Forbidden, filtered);
        assert_eq!(counters_in_words(Ok(()), "2", false).verdict, Verdict::Good);
    }
}
