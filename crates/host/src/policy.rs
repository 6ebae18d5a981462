//! Memory policies of threads and of ranges of addresses, each setter reading back what the kernel made of it.
//!
//! mbind(2) and set_mempolicy(2) drop nodes that do not exist or have no memory without a word where others remain; so
//! nodes are checked before the call and the policy is read back after. [`MemoryPolicy::FirstTouch`] is MPOL_DEFAULT:
//! for a thread the kernel's default, for a region no policy of its own.

use crate::errno::{Errno, is_filtered};
use crate::mask::NodeMask;
use crate::{Granted, HostError, Root};
use core::ffi::{c_int, c_long, c_ulong, c_void};
use libnuma_sys as numa;
use plan::policy::MemoryPolicy;
use plan::set::NodeSet;

/// Flags that the kernel adds to a policy's number: static, relative nodes, balancing (linux/mempolicy.h, bits 13-15).
const MODE_FLAGS: c_int = 0b111 << 13;

/// Sets the calling thread's memory policy; returns what was read back. Threads it starts inherit it.
///
/// # Errors
/// `NoSuchNode`, `NodeWithoutMemory`, `NodeNotAllowed`; `Refused` under seccomp; `UnknownPolicy` on an older kernel;
/// `PolicyElsewhere` where the kernel made something else of it.
pub fn set_thread(granted: &Granted, policy: &MemoryPolicy) -> Result<MemoryPolicy, HostError> {
    granted.check_nodes(&policy.nodes())?;
    set_thread_unchecked(policy)?;
    compare(policy, thread()?)
}

/// The calling thread's memory policy.
///
/// # Errors
/// `Refused` under seccomp or without NUMA in the kernel.
pub fn thread() -> Result<MemoryPolicy, HostError> {
    ask(std::ptr::null_mut(), 0)
}

/// Puts the calling thread's memory policy back when it goes out of scope, also on panic.
pub struct PolicyGuard(MemoryPolicy);

impl PolicyGuard {
    /// Remembers the present policy.
    ///
    /// # Errors
    /// As [`thread`].
    pub fn keep() -> Result<PolicyGuard, HostError> {
        thread().map(PolicyGuard)
    }
}

impl Drop for PolicyGuard {
    fn drop(&mut self) {
        // It was in force a moment ago, so nothing can be said against it.
        let _ = set_thread_unchecked(&self.0);
    }
}

/// Sets the calling thread's policy until the guard goes out of scope, for a process that it starts in between: what that
/// process writes before its first line lies by this policy, too, as numactl has it.
///
/// `None` where it cannot be set: the process, which sets it again, says why.
pub fn lend(policy: &MemoryPolicy) -> Option<PolicyGuard> {
    let kept = PolicyGuard::keep().ok()?;
    set_thread_unchecked(policy).ok().map(|()| kept)
}

/// The policy of the mapping at `address`, not of the thread. It brings no page into memory.
pub(crate) fn at(address: *mut c_void) -> Result<MemoryPolicy, HostError> {
    ask(address, numa::MPOL_F_ADDR)
}

/// Sets the policy of a range that is mapped and starts on a page; returns what was read back.
///
/// # Safety
/// `start..start + bytes` is a mapping of the caller's own.
pub(crate) unsafe fn set_range(
    granted: &Granted,
    start: *mut c_void,
    bytes: usize,
    policy: &MemoryPolicy,
) -> Result<MemoryPolicy, HostError> {
    granted.check_nodes(&policy.nodes())?;
    // SAFETY: the caller's promise is passed on.
    unsafe { set_range_unchecked(start, bytes, policy) }?;
    compare(policy, at(start)?)
}

/// As [`set_range`], without checks or reading back; also what probing by call uses.
///
/// # Safety
/// As [`set_range`].
pub(crate) unsafe fn set_range_unchecked(
    start: *mut c_void,
    bytes: usize,
    policy: &MemoryPolicy,
) -> Result<(), HostError> {
    let mask = NodeMask::of(&policy.nodes());
    let (nodes, maxnode) = arguments(policy, &mask);
    // SAFETY:
    // - the range is the caller's own mapping (this function's promise); only where its pages will lie changes.
    // - `mask` lives until after the call and has `maxnode - 1` bits.
    let answer = unsafe { numa::mbind(start, bytes as c_ulong, mode_of(policy), nodes, maxnode, 0) };
    judge("mbind", policy, answer)
}

/// Nodes whose memory this thread may use, from the kernel itself.
pub(crate) fn allowed_nodes() -> Result<NodeSet, HostError> {
    let mut mask = NodeMask::empty();
    let maxnode = mask.maxnode();
    let flags = c_ulong::from(numa::MPOL_F_MEMS_ALLOWED);
    // SAFETY:
    // - `mask` is writable for `maxnode - 1` bits.
    // - mode and address are null, as MPOL_F_MEMS_ALLOWED wants (get_mempolicy(2)).
    let answer =
        unsafe { numa::get_mempolicy(std::ptr::null_mut(), mask.as_mut_ptr(), maxnode, std::ptr::null_mut(), flags) };
    match answer {
        0 => Ok(mask.nodes()),
        _ => Err(refusal("get_mempolicy", "allowed nodes", Errno::last())),
    }
}

fn set_thread_unchecked(policy: &MemoryPolicy) -> Result<(), HostError> {
    let mask = NodeMask::of(&policy.nodes());
    let (nodes, maxnode) = arguments(policy, &mask);
    // SAFETY:
    // - `mask` lives until after the call and has `maxnode - 1` bits.
    // - a memory policy decides where future pages lie, nothing about those that are mapped.
    let answer = unsafe { numa::set_mempolicy(mode_of(policy), nodes, maxnode) };
    judge("set_mempolicy", policy, answer)
}

fn arguments(policy: &MemoryPolicy, mask: &NodeMask) -> (*const c_ulong, c_ulong) {
    // Policies without nodes want no mask at all: with an empty one older kernels answer EINVAL to MPOL_LOCAL.
    match policy {
        MemoryPolicy::FirstTouch | MemoryPolicy::Local => (std::ptr::null(), 0),
        _ => (mask.as_ptr(), mask.maxnode()),
    }
}

fn mode_of(policy: &MemoryPolicy) -> c_int {
    match policy {
        MemoryPolicy::FirstTouch => numa::MPOL_DEFAULT,
        MemoryPolicy::Local => numa::MPOL_LOCAL,
        MemoryPolicy::Bind(_) => numa::MPOL_BIND,
        MemoryPolicy::Preferred(_) => numa::MPOL_PREFERRED,
        MemoryPolicy::PreferredMany(_) => numa::MPOL_PREFERRED_MANY,
        MemoryPolicy::Interleave(_) => numa::MPOL_INTERLEAVE,
        MemoryPolicy::WeightedInterleave(_) => numa::MPOL_WEIGHTED_INTERLEAVE,
    }
}

fn ask(address: *mut c_void, flags: u32) -> Result<MemoryPolicy, HostError> {
    let mut mode: c_int = 0;
    let mut mask = NodeMask::empty();
    let maxnode = mask.maxnode();
    // SAFETY:
    // - `mode` and `mask` are writable, the mask for `maxnode - 1` bits.
    // - `address` is only looked up: the kernel answers EFAULT where nothing is mapped, and without MPOL_F_NODE it
    //   faults nothing in (get_mempolicy(2)).
    let answer = unsafe { numa::get_mempolicy(&mut mode, mask.as_mut_ptr(), maxnode, address, c_ulong::from(flags)) };
    if answer != 0 {
        return Err(refusal("get_mempolicy", "the policy in force", Errno::last()));
    }
    let nodes = mask.nodes();
    match mode & !MODE_FLAGS {
        numa::MPOL_DEFAULT => Ok(MemoryPolicy::FirstTouch),
        numa::MPOL_LOCAL => Ok(MemoryPolicy::Local),
        numa::MPOL_BIND => Ok(MemoryPolicy::Bind(nodes)),
        // Before Linux 5.14 MPOL_LOCAL is told as preferred without a node.
        numa::MPOL_PREFERRED => Ok(nodes.first().map_or(MemoryPolicy::Local, MemoryPolicy::Preferred)),
        numa::MPOL_PREFERRED_MANY => Ok(MemoryPolicy::PreferredMany(nodes)),
        numa::MPOL_INTERLEAVE => Ok(MemoryPolicy::Interleave(nodes)),
        numa::MPOL_WEIGHTED_INTERLEAVE => Ok(MemoryPolicy::WeightedInterleave(nodes)),
        mode => Err(HostError::ForeignPolicy { mode }),
    }
}

fn judge(call: &'static str, policy: &MemoryPolicy, answer: c_long) -> Result<(), HostError> {
    if answer == 0 {
        return Ok(());
    }
    // The nodes are there and have memory (checked), so EINVAL can only mean the policy.
    let since = match policy {
        MemoryPolicy::PreferredMany(_) => Some("5.15"),
        MemoryPolicy::WeightedInterleave(_) => Some("6.9"),
        _ => None,
    };
    match (Errno::last(), since) {
        (Errno(libc::EINVAL), Some(since)) => Err(HostError::UnknownPolicy { policy: policy.name(), since }),
        (errno, _) => Err(refusal(call, &policy.to_string(), errno)),
    }
}

/// EPERM and ENOSYS get the words of a refusal, anything else its name.
pub(crate) fn refusal(call: &'static str, asked: &str, errno: Errno) -> HostError {
    match errno.0 {
        libc::EPERM | libc::ENOSYS => HostError::Refused { call, errno, filtered: is_filtered(&Root::system()) },
        _ => HostError::Call { call, asked: asked.to_owned(), errno },
    }
}

fn compare(asked: &MemoryPolicy, found: MemoryPolicy) -> Result<MemoryPolicy, HostError> {
    // One preferred node may come back as a set of one; both say the same.
    let same = match (asked, &found) {
        (MemoryPolicy::Preferred(node), MemoryPolicy::PreferredMany(nodes)) => *nodes == NodeSet::of(*node),
        (MemoryPolicy::PreferredMany(nodes), MemoryPolicy::Preferred(node)) => *nodes == NodeSet::of(*node),
        _ => *asked == found,
    };
    match same {
        true => Ok(found),
        false => Err(HostError::PolicyElsewhere { asked: asked.clone(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_policies_go_round() {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let node = granted.allowed_nodes().first().expect("a node with memory");
        let before = thread().expect("a policy");
        for name in [
            "first-touch",
            "local",
            "bind:N",
            "preferred:N",
            "preferred-many:N",
            "interleave:N",
            "weighted-interleave:N",
        ] {
            let policy: MemoryPolicy = name.replace('N', &node.to_string()).parse().expect("a policy");
            let _guard = PolicyGuard::keep().expect("a policy");
            match set_thread(&granted, &policy) {
                Ok(found) => assert_eq!(found, policy),
                Err(HostError::UnknownPolicy { policy: unknown, .. }) => assert_eq!(unknown, policy.name()),
                Err(other) => panic!("{policy}: {other}"),
            }
        }
        assert_eq!(thread(), Ok(before));
    }

    #[test]
    fn a_process_that_is_started_inherits_what_is_lent() {
        let granted = Granted::read(&Root::system()).expect("the live host");
        let node = granted.allowed_nodes().first().expect("a node with memory");
        let before = thread().expect("a policy");
        let lent = lend(&format!("bind:{node}").parse().expect("a policy")).expect("it can be set");
        let maps = std::process::Command::new("cat").arg("/proc/self/numa_maps").output().expect("cat");
        drop(lent);
        let maps = String::from_utf8(maps.stdout).expect("text");
        let others: Vec<&str> = maps.lines().filter(|line| !line.contains(&format!(" bind:{node}"))).collect();
        assert!(!maps.is_empty() && others.is_empty(), "{others:?}");
        assert_eq!(thread(), Ok(before));
        assert!(lend(&MemoryPolicy::Bind(NodeSet::new())).is_none());
    }

    #[test]
    fn nodes_that_cannot_be_are_refused_in_words() {
        let mut granted = Granted::read(&Root::system()).expect("the live host");
        granted.nodes = "0-2".parse().expect("a list");
        granted.memory_nodes = "0,2".parse().expect("a list");
        granted.allowed_nodes = "0".parse().expect("a list");
        let check = |text: &str, expect: &str| {
            let found = set_thread(&granted, &text.parse().expect("a policy"));
            assert_eq!(found.expect_err(text).to_string(), expect);
        };
        check("bind:0,9", "no node 9: this host has nodes 0-2");
        check("bind:1", "node 1 has no memory; nodes with memory: 0,2");
        check(
            "preferred:2",
            "memory of node 2 is not in this process's allowed nodes 0; check the container's cpuset.mems",
        );
    }

    #[test]
    fn what_the_kernel_drops_is_seen() {
        let mut granted = Granted::read(&Root::system()).expect("the live host");
        // A kernel drops node 900 without a word; believing it there shows that reading back catches this.
        for set in [&mut granted.nodes, &mut granted.memory_nodes, &mut granted.allowed_nodes] {
            set.insert(900);
        }
        let _guard = PolicyGuard::keep().expect("a policy");
        let asked: MemoryPolicy = "bind:0,900".parse().expect("a policy");
        let found = "bind:0".parse().expect("a policy");
        assert_eq!(set_thread(&granted, &asked), Err(HostError::PolicyElsewhere { asked, found }));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let check = |errno, filtered, expect: &str| {
            let text = HostError::Refused { call: "mbind", errno: Errno(errno), filtered }.to_string();
            assert!(text.starts_with(expect), "{text}");
            assert!(!text.contains('\n'));
        };
        check(
            libc::EPERM,
            true,
            "mbind: EPERM: blocked by a seccomp filter (Seccomp: 2 in /proc/self/status); run with --cap-add SYS_NICE",
        );
        check(libc::EPERM, false, "mbind: EPERM: this process lacks the right");
        check(libc::ENOSYS, false, "mbind: ENOSYS: this kernel was built without it");
        check(libc::ENOSYS, true, "mbind: ENOSYS: this sandbox or container does not have the call");
    }
}
