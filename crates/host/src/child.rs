//! What a sample's process does before anything else. It never loads hwloc, which costs 3-24 ms.

use crate::errno::Errno;
use crate::{Granted, HostError, Root};
use plan::set::{CpuSet, NodeSet};
use std::path::PathBuf;

/// Makes this process a child that can be killed in its parent's place and dies with it, and says what it may bind to.
///
/// In this order: 1000 to its oom_score_adj, since the kernel may else kill a bystander when a bound node is full;
/// SIGKILL at the death of the parent's *thread* that started it (so that thread must live as long as the run); is that
/// parent still there; are the allowed PUs and nodes those that the plan was made for.
///
/// # Errors
/// `Write`, `Call`, `Orphan`, `AllowedChanged`.
pub fn enter(parent_pid: u32, allowed_pus: &CpuSet, allowed_nodes: &NodeSet) -> Result<Granted, HostError> {
    let path = PathBuf::from("/proc/self/oom_score_adj");
    std::fs::write(&path, "1000").map_err(|error| HostError::Write { path, errno: Errno::of(&error) })?;
    die_with_parent()?;
    let found = std::os::unix::process::parent_id();
    if found != parent_pid {
        return Err(HostError::Orphan { expected: parent_pid, found });
    }
    let granted = Granted::read(&Root::system())?;
    compare(&granted, allowed_pus, allowed_nodes)?;
    Ok(granted)
}

/// Refuses a process whose allowed nodes are no longer those of its start: when a cpuset changes the kernel migrates pages
/// and rewrites every memory policy, without a word.
///
/// # Errors
/// `AllowedChanged`.
pub fn check_still_allowed(granted: &Granted) -> Result<(), HostError> {
    // PUs are each worker's own matter: it was bound since.
    let now = Granted::read(&Root::system())?;
    compare(&now, &now.allowed_pus, &granted.allowed_nodes)
}

fn die_with_parent() -> Result<(), HostError> {
    // SAFETY:
    // - PR_SET_PDEATHSIG takes a signal number and touches no memory (prctl(2)).
    let answer = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    match answer {
        0 => Ok(()),
        _ => Err(HostError::Call { call: "prctl", asked: "PR_SET_PDEATHSIG".into(), errno: Errno::last() }),
    }
}

fn compare(granted: &Granted, pus: &CpuSet, nodes: &NodeSet) -> Result<(), HostError> {
    if granted.allowed_pus() != pus {
        let found = granted.allowed_pus().to_string();
        return Err(HostError::AllowedChanged { what: "PUs", expected: pus.to_string(), found });
    }
    if granted.allowed_nodes() != nodes {
        let found = granted.allowed_nodes().to_string();
        return Err(HostError::AllowedChanged { what: "nodes", expected: nodes.to_string(), found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_another_or_with_other_sets_refuses() {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let (pus, nodes) = (granted.allowed_pus().clone(), granted.allowed_nodes().clone());
        assert_eq!(compare(&granted, &pus, &nodes), Ok(()));
        assert_eq!(check_still_allowed(&granted), Ok(()));
        let other: CpuSet = "0-31".parse().expect("a list");
        let error = compare(&granted, &other, &nodes).expect_err("other PUs").to_string();
        assert!(error.starts_with("allowed PUs changed since the run began: 0-31 then, "), "{error}");
        let then = Granted { allowed_nodes: "0-7".parse().expect("a list"), ..granted.clone() };
        let error = check_still_allowed(&then).expect_err("other nodes").to_string();
        assert!(error.starts_with("allowed nodes changed since the run began: 0-7 then, "), "{error}");
    }
}
