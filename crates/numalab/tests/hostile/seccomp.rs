//! 1 seccomp filters, 9 counters that are forbidden, 12 kernels without the newer policies: what a filter can make of us.

use crate::filter::under;
use crate::host;
use crate::ran::{EXPERIMENT, Ran, doctor, expect_finding, run_behind};
use crate::trial::ensure;
use libtest_mimic::{Failed, Trial};

const BLOCKED: &str = "blocked by a seccomp filter (Seccomp: 2 in /proc/self/status); run with --cap-add SYS_NICE or \
                       --security-opt seccomp=unconfined, or accept placement = thread only";
const ABSENT: &str = "this sandbox or container does not have the call (Seccomp: 2 in /proc/self/status); run outside it, \
                      or accept placement = thread only";
const KILLED: &str = "killed by SIGSYS: this container's seccomp profile kills on a system call that placement needs; run \
                      with --security-opt seccomp=unconfined or --cap-add SYS_NICE";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        host(1, "seccomp like Docker: pages are not bound, the rest is measured", None, || {
            no_policies("docker", "EPERM", BLOCKED)
        }),
        host(1, "seccomp like Podman: pages are found in another way", None, like_podman),
        host(1, "seccomp that answers ENOSYS", None, || no_policies("nosys", "ENOSYS", ABSENT)),
        host(1, "seccomp that kills: no figure, no folder", None, killed_at_once),
        host(1, "seccomp that kills a sample: a row with the cause each", None, killed_in_a_sample),
        host(9, "counters blocked by a container", None, || {
            counters("docker", "forbidden", "EPERM: blocked by a seccomp filter")
        }),
        host(9, "counters forbidden by a level", None, || {
            let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")?;
            let why = match level.trim().parse::<i32>()? {
                level @ 3.. => format!("perf_event_paranoid is {level}, which closes all events"),
                level => format!("this process lacks the right, perf_event_paranoid is {level}"),
            };
            counters("counters-eacces", "forbidden", &format!("EACCES: {why}"))
        }),
        host(9, "counters of a machine without a PMU", None, || {
            counters("counters-enoent", "notice", "ENOENT: no PMU here, or a hypervisor that hides it")
        }),
        host(12, "a kernel without preferred-many and weighted interleave", None, old_kernel),
    ]
}

fn filtered(profile: &str, experiment: &str) -> Result<Ran, Failed> {
    run_behind(&under(profile)?.each_ref().map(String::as_str), experiment)
}

/// Nothing can be bound to nodes; what needs no policy is measured.
fn no_policies(profile: &str, errno: &str, why: &str) -> Result<(), Failed> {
    let ran = filtered(profile, EXPERIMENT)?;
    ran.expect(0, &["points skipped: 1"])?;
    let refused = format!("get_mempolicy: {errno}: {why}");
    ran.expect_skip("bound", &format!("memory policy bind: {refused}"))?;
    ran.measured("unbound")?;
    ran.measured("pinned")?;
    expect_finding(doctor(&under(profile)?.each_ref().map(String::as_str), "memory policies")?, "forbidden", &refused)
}

fn like_podman() -> Result<(), Failed> {
    let ran = filtered("podman", EXPERIMENT)?;
    ran.expect(0, &[])?;
    for arm in ["unbound", "pinned", "bound"] {
        let row = ran.measured(arm)?;
        let pages = row["pages_local"].parse::<u64>()? + row["pages_remote"].parse::<u64>()?;
        ensure(pages == 64, || format!("{arm}: {pages} of 64 private pages were found"))?;
    }
    Ok(())
}

/// libnuma asks for a policy before our first line runs, so not a word of ours can come; the shell says "Bad system call".
fn killed_at_once() -> Result<(), Failed> {
    let filter = under("kill")?;
    let words = ["sh", "-c", "\"$@\"; exit $?", "sh", &filter[0], &filter[1], &filter[2]];
    let ran = run_behind(&words, EXPERIMENT)?;
    ran.expect(128 + libc::SIGSYS, &["Bad system call"])?;
    ran.left_nothing()
}

fn killed_in_a_sample() -> Result<(), Failed> {
    let ran = filtered("kill-moving", EXPERIMENT)?;
    ran.expect(1, &["numalab: all 3 samples failed; the causes are in samples.csv"])?;
    for arm in ["unbound", "pinned", "bound"] {
        ran.expect_error(arm, &format!("locate: {KILLED}"))?;
    }
    Ok(())
}

fn counters(profile: &str, verdict: &str, why: &str) -> Result<(), Failed> {
    let found = doctor(&under(profile)?.each_ref().map(String::as_str), "hardware counters")?;
    expect_finding(found, verdict, &format!("perf_event_open: {why}"))
}

fn old_kernel() -> Result<(), Failed> {
    let arm = |policy: &str| format!("[[arm]]\nname = \"{policy}\"\nprivate = \"{policy}:0\"\n[measure]");
    let with_both =
        EXPERIMENT.replace("[measure]", &arm("weighted-interleave")).replace("[measure]", &arm("preferred-many"));
    let ran = filtered("old-kernel", &with_both)?;
    ran.expect(0, &["points skipped: 2"])?;
    for policy in ["weighted-interleave", "preferred-many"] {
        let has = "first-touch, local, bind, preferred, interleave";
        ran.expect_skip(policy, &format!("memory policy {policy}: this kernel lacks it; it has {has}"))?;
    }
    ran.measured("bound").map(|_| ())
}
