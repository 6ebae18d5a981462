//! What this host grants beyond its shape.

use crate::bind::{affinity, restore_affinity, set_affinity};
use crate::errno::Errno;
use crate::{Granted, HostError, Root, memory, policy};
use core::ffi::c_void;
use plan::policy::MemoryPolicy;
use plan::set::{CpuSet, NodeSet};
use plan::topology::{Conditions, Topology};
use std::collections::BTreeMap;

/// Reads it; policies by calling them on a page of our own.
pub(super) fn read(root: &Root, topology: &Topology, granted: &Granted) -> Result<Conditions, HostError> {
    let (policies, policies_refused) = policies(granted);
    let inherited_policy = match policy::thread() {
        Ok(MemoryPolicy::FirstTouch) | Err(_) => None,
        Ok(policy) => Some(policy.to_string()),
    };
    Ok(Conditions {
        numa_balancing: crate::moves::is_balancing(root) && topology.nodes.len() > 1,
        policies,
        policies_refused,
        huge_pages: huge_pages(root, topology),
        thp: thp(root),
        inherited_cpus: inherited_cpus(root, granted)?,
        inherited_policy,
        // Whoever needs one looks for it.
        programs: BTreeMap::new(),
    })
}

/// Names of policies that work, and why the others do not where the calls as such are refused.
fn policies(granted: &Granted) -> (Vec<String>, Option<String>) {
    let mut names = vec!["first-touch".to_owned()];
    let Some(node) = granted.allowed_nodes().first() else {
        return (names, Some("no node with memory is allowed; check the container's cpuset.mems".into()));
    };
    // Reading back is part of every policy: where it is refused, none can be trusted.
    if let Err(error) = policy::thread() {
        return (names, Some(error.to_string()));
    }
    let nodes = NodeSet::of(node);
    let candidates = [
        MemoryPolicy::Local,
        MemoryPolicy::Bind(nodes.clone()),
        MemoryPolicy::Preferred(node),
        MemoryPolicy::PreferredMany(nodes.clone()),
        MemoryPolicy::Interleave(nodes.clone()),
        MemoryPolicy::WeightedInterleave(nodes),
    ];
    let mut refused = None;
    for candidate in &candidates {
        match try_policy(candidate) {
            Ok(()) => names.push(candidate.name().to_owned()),
            Err(HostError::UnknownPolicy { .. } | HostError::Call { errno: Errno(libc::EINVAL), .. }) => {}
            Err(error @ HostError::Refused { .. }) => refused = Some(error.to_string()),
            // Not for lack of the policy: what else is short is told, or a full machine would pass for an old kernel.
            Err(error) => refused = Some(format!("{error}; mend that, then try again")),
        }
    }
    (names, refused)
}

fn try_policy(policy: &MemoryPolicy) -> Result<(), HostError> {
    let page = crate::region::ScratchPage::new()?;
    let start: *mut c_void = page.start();
    // SAFETY: the page was mapped for this alone and is unmapped after.
    unsafe { policy::set_range_unchecked(start, page.bytes(), policy) }
}

fn huge_pages(root: &Root, topology: &Topology) -> Vec<(u64, Vec<(u32, u64)>)> {
    let free = |page_bytes| {
        let on_node = |node: u32| Some((node, memory::free_huge_pages(root, node, page_bytes)?));
        topology.nodes.iter().filter_map(|node| on_node(node.os_index)).collect()
    };
    memory::huge_page_sizes(root).into_iter().map(|page_bytes| (page_bytes, free(page_bytes))).collect()
}

/// Since Linux 6.8 each size has its own switch, which may say "inherit" (Documentation/admin-guide/mm/transhuge.rst).
fn thp(root: &Root) -> bool {
    const THP: &str = "sys/kernel/mm/transparent_hugepage";
    let allows = |word: &str| word == "always" || word == "madvise";
    let all = root.chosen(format!("{THP}/enabled")).is_some_and(|word| allows(&word));
    let kib = memory::thp_bytes(root) / 1024;
    match root.chosen(format!("{THP}/hugepages-{kib}kB/enabled")) {
        Some(word) if word != "inherit" => allows(&word),
        _ => all,
    }
}

/// The affinity this process started with, where somebody narrowed it: less than the cpuset allows, and not merely
/// without the PUs that the kernel keeps from everyone (isolcpus).
fn inherited_cpus(root: &Root, granted: &Granted) -> Result<Option<CpuSet>, HostError> {
    let own = affinity()?;
    let isolated = root.cpus("sys/devices/system/cpu/isolated").unwrap_or_default();
    let widest = widest_affinity(&granted.online_pus)?;
    restore_affinity(&own)?;
    Ok(narrowed(&own, &widest, &isolated))
}

fn narrowed(own: &CpuSet, widest: &CpuSet, isolated: &CpuSet) -> Option<CpuSet> {
    (own != widest && *own != widest.difference(isolated)).then(|| own.clone())
}

/// What a thread may have at most, left in force: the kernel cuts what is asked to the cpuset, and a `taskset` is no fence.
fn widest_affinity(online: &CpuSet) -> Result<CpuSet, HostError> {
    match set_affinity(online) {
        Ok(()) => affinity(),
        // Where even that is forbidden, nothing could have been narrowed by us or be widened again.
        Err(_) => affinity(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_affinity_is_told_from_cpuset_and_isolation() {
        let check = |own: &str, widest: &str, isolated: &str, expect: Option<&str>| {
            let set = |list: &str| list.parse::<CpuSet>().expect("a list");
            let found = narrowed(&set(own), &set(widest), &set(isolated));
            assert_eq!(found.map(|pus| pus.to_string()).as_deref(), expect, "{own} of {widest} without {isolated}");
        };
        check("0-3", "0-3", "", None);
        check("0-1", "0-3", "2-3", None);
        check("0-3", "0-3", "2-3", None);
        check("0", "0-3", "", Some("0"));
        check("0", "0-3", "2-3", Some("0"));
        check("2-3", "0-3", "2-3", Some("2-3"));
    }

    #[test]
    fn thp_switches_are_read() {
        let check = |files: &[(&str, &str)], expect| {
            let folder = tempfile::tempdir().expect("a folder");
            for (path, text) in files {
                let path = folder.path().join("sys/kernel/mm/transparent_hugepage").join(path);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
                std::fs::write(path, text).expect("a file");
            }
            assert_eq!(thp(&Root::at(folder.path())), expect, "{files:?}");
        };
        check(&[], false);
        check(&[("enabled", "always [madvise] never\n")], true);
        check(&[("enabled", "always madvise [never]\n")], false);
        let size = "hugepages-2048kB/enabled";
        check(&[("enabled", "always madvise [never]"), (size, "always inherit [madvise] never")], true);
        check(&[("enabled", "[always] madvise never"), (size, "always [inherit] madvise never")], true);
        check(&[("enabled", "[always] madvise never"), (size, "always inherit madvise [never]")], false);
    }
}
