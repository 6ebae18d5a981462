//! Why points are not run: one line each, in points.csv and on the terminal.

use crate::PlacementError;
use crate::quantity::show_bytes;
use crate::set::{CpuSet, NodeSet};

/// Why a point is skipped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Reason {
    #[error(transparent)]
    Placement(#[from] PlacementError),
    #[error(
        "placement {placement}: {workers} workers asked for {pus} PUs; oversubscribe = \"next\" runs only {first}, the first beyond"
    )]
    BeyondNext { placement: String, workers: u32, pus: u32, first: u32 },
    #[error(
        "numa_balancing is off, so there is nothing to settle; sysctl kernel.numa_balancing=1 on a host of two nodes or more"
    )]
    NoBalancing,
    #[error(
        "this process was started with PUs {cpus} only, so unbound is not the kernel's own placement; start it without taskset, numactl or a narrower cpuset"
    )]
    InheritedCpus { cpus: CpuSet },
    #[error(
        "this process was started with memory policy {policy}, so first-touch is not the kernel's own; start it without numactl"
    )]
    InheritedPolicy { policy: String },
    #[error("bind to node {nodes}: {need} needed and a tenth to spare, {have} available there; shrink the heaps or free node {nodes}", need = show_bytes(*need), have = show_bytes(*have))]
    NodesTooSmall { nodes: NodeSet, need: u64, have: u64 },
    #[error("memory: {need} needed and a tenth to spare, {have} available on all nodes it may use; shrink the heaps", need = show_bytes(*need), have = show_bytes(*have))]
    MachineTooSmall { need: u64, have: u64 },
    #[error("pages hugetlb:{size}: this kernel has no such page size; it has {known}", size = crate::quantity::print_bytes(*size))]
    NoSuchPages { size: u64, known: String },
    #[error("pages hugetlb:{size}: {need} needed {place}, {free} free; reserve more in /sys/kernel/mm/hugepages", size = crate::quantity::print_bytes(*size))]
    TooFewPages { size: u64, need: u64, free: u64, place: String },
    #[error("left out to fit the budget of {budget_seconds:.0} s: {least} blocks of all points take about {all:.0} s; give it more (--budget)", all = block_seconds * f64::from(*least))]
    Budget { budget_seconds: f64, block_seconds: f64, least: u32 },
    #[error(
        "subject {subject}: nobody works while its world is stopped; take stopped_work out of [pauses], or run it with subject threads"
    )]
    NoStoppedWork { subject: String },
    #[error(
        "subject gmp: numa_aware and steal_order near-first need processors that sit on one node each; take an arm that places workers"
    )]
    NoSeats,
    #[error("{0}")]
    NoProgram(String),
    #[error(
        "subject {subject}: its memory is its runtime's, and {heap} cannot be {policy}; give the arm process = {{ memory = … }}, or leave private and shared at first-touch"
    )]
    NoHeapPolicy { subject: String, heap: &'static str, policy: String },
    #[error(
        "subject {subject}: its memory is its runtime's, so pages {pages} cannot be asked for; take pages = \"base\""
    )]
    NoPages { subject: String, pages: String },
    #[error("subject {subject}: it cannot be warmed up before its run, so nothing settles; take an arm without settle")]
    NoSettling { subject: String },
    #[error("pages thp: transparent huge pages are off on this host; see /sys/kernel/mm/transparent_hugepage/enabled")]
    NoThp,
    #[error("workload {workload}, subject {subject}: {why}")]
    Refused { workload: &'static str, subject: String, why: String },
    #[error("workload {workload} has no heaps whose pages could settle; take settle out of the arm")]
    NothingSettles { workload: &'static str },
}
