//! Programs under seccomp filters like those of container runtimes.
//!
//! A filter holds for a process and all that it starts, so this test's own executable is the launcher: called with
//! [`LAUNCHER`] it puts the filter on itself and becomes the program.

use libc::c_long;
use libtest_mimic::Failed;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

const LAUNCHER: &str = "--under-filter";

/// Calls that set or tell a memory policy; `docker run` blocks them without CAP_SYS_NICE (moby, profiles/seccomp).
const POLICY: &[c_long] =
    &[libc::SYS_mbind, libc::SYS_set_mempolicy, libc::SYS_get_mempolicy, libc::SYS_set_mempolicy_home_node];
/// Calls that move or find pages; Docker and Podman block them in any case (containers/common, pkg/seccomp).
const MOVING: &[c_long] = &[libc::SYS_move_pages, libc::SYS_migrate_pages];
const COUNTERS: &[c_long] = &[libc::SYS_perf_event_open];

/// Calls with the number of the argument that is the policy's.
const POLICY_SETTERS: &[(c_long, u8)] = &[(libc::SYS_mbind, 2), (libc::SYS_set_mempolicy, 0)];
/// MPOL_PREFERRED_MANY and MPOL_WEIGHTED_INTERLEAVE (linux/mempolicy.h).
const NEW_POLICIES: [u64; 2] = [5, 6];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// A filter by its name: the calls, and what becomes of them.
fn profile(name: &str) -> (Rules, SeccompAction) {
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let (calls, action) = match name {
        "docker" => (vec![POLICY, MOVING, COUNTERS], errno(libc::EPERM)),
        "podman" => (vec![MOVING, COUNTERS], errno(libc::EPERM)),
        "nosys" => (vec![POLICY, MOVING, COUNTERS], errno(libc::ENOSYS)),
        "kill" => (vec![POLICY, MOVING, COUNTERS], SeccompAction::KillProcess),
        "kill-moving" => (vec![MOVING], SeccompAction::KillProcess),
        "counters-eacces" => (vec![COUNTERS], errno(libc::EACCES)),
        "counters-enoent" => (vec![COUNTERS], errno(libc::ENOENT)),
        "old-kernel" => return (new_policies(), errno(libc::EINVAL)),
        _ => panic!("no filter \"{name}\""),
    };
    (calls.concat().into_iter().map(|call| (call, Vec::new())).collect(), action)
}

/// The policies that an older kernel answers EINVAL to.
fn new_policies() -> Rules {
    let is = |argument, number| {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number);
        SeccompRule::new(vec![condition.expect("an argument of a call")]).expect("a condition")
    };
    let rules = |&(call, argument)| (call, NEW_POLICIES.map(|number| is(argument, number)).to_vec());
    POLICY_SETTERS.iter().map(rules).collect()
}

/// Words before a program that start it under a filter.
pub(crate) fn under(profile: &str) -> Result<[String; 3], Failed> {
    Ok([std::env::current_exe()?.to_string_lossy().into_owned(), LAUNCHER.into(), profile.into()])
}

/// Where this process was started by the words of [`under`]: becomes the program, or says why it cannot.
pub(crate) fn become_filtered() {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(LAUNCHER) {
        return;
    }
    let (Some(name), Some(program)) = (words.next(), words.next()) else { panic!("{LAUNCHER} PROFILE PROGRAM ARGS") };
    let (rules, action) = profile(&name);
    let arch = std::env::consts::ARCH.try_into().expect("an architecture with filters");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).expect("a filter");
    let filter: BpfProgram = filter.try_into().expect("a filter of few rules");
    seccompiler::apply_filter(&filter).expect("a process may filter itself");
    panic!("{program}: {}", Command::new(&program).args(words).exec());
}
