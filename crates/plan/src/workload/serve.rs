//! `serve`: a closed loop of requests. Each touches `lines_per_request` lines, some in the worker's private heap, some in
//! the heap that all share. Keys, bytes and what follows from a placement; `runner/src/workload/serve.rs` runs it.

use super::heapless::metric;
use super::{Need, Scope, Spec};
use crate::PlanError;
use crate::place::{Placement, Toucher};
use crate::policy::MemoryPolicy;
use crate::quantity::Bytes;
use crate::record::Column;
use crate::set::NodeSet;
use crate::text::words;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bytes of a cache line, the unit of a touch. 64 on every x86 and on the Arm servers we know.
pub const LINE_BYTES: u64 = 64;

/// Private heaps are at least this large under `auto`, so that pages, not the TLB's first entries, are what is touched.
const PRIVATE_BYTES_LEAST: u64 = 4 << 20;
/// … and at most this large, so that touching them stays short against a sample.
const PRIVATE_BYTES_MOST: u64 = 32 << 20;
/// The shared heap under `auto`, least and most.
const SHARED_BYTES_LEAST: u64 = 16 << 20;
const SHARED_BYTES_MOST: u64 = 256 << 20;

/// What one process can map with four-level page tables, 2^48 bytes.
const HEAP_BYTES_MOST: u64 = 1 << 48;

/// `[workload]` of kind `serve` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeFile {
    /// Bytes of each worker's heap: "auto", a number, or text such as "16MiB".
    pub private_bytes: Bytes,
    /// Bytes of the heap that all share.
    pub shared_bytes: Bytes,
    /// Share of touches that go to the shared heap.
    pub shared_ratio: f64,
    /// Share of touches that write.
    pub write_ratio: f64,
    /// Lines that one request touches.
    pub lines_per_request: u32,
    /// Whether a touch waits for the one before.
    pub touches: Touches,
    /// Size of pages.
    pub pages: Pages,
}

impl Default for ServeFile {
    fn default() -> Self {
        ServeFile {
            private_bytes: Bytes::Auto,
            shared_bytes: Bytes::Auto,
            shared_ratio: 0.25,
            write_ratio: 0.1,
            lines_per_request: 64,
            touches: Touches::Independent,
            pages: Pages::Base,
        }
    }
}

/// `serve` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Serve {
    /// Bytes of each worker's heap.
    pub private_bytes: u64,
    /// Bytes of the heap that all share; 0: none.
    pub shared_bytes: u64,
    /// Share of touches that go to the shared heap.
    pub shared_ratio: f64,
    /// Share of touches that write.
    pub write_ratio: f64,
    /// Lines that one request touches.
    pub lines_per_request: u32,
    /// Whether a touch waits for the one before.
    pub touches: Touches,
    /// Size of pages.
    pub pages: Pages,
}

words! {
    /// Whether a touch waits for the one before.
    Touches {
        /// Addresses are known in advance: the core overlaps the misses.
        Independent = "independent",
        /// Each address depends on the value loaded before: one miss at a time.
        Dependent = "dependent",
    }
}

/// Size of the pages of a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pages {
    /// The base page size, huge ones refused (MADV_NOHUGEPAGE).
    Base,
    /// Transparent huge pages asked for (MADV_HUGEPAGE); how many came is `huge_ratio`.
    Thp,
    /// hugetlb pages of this many bytes.
    Hugetlb(u64),
}

impl Spec for Serve {
    fn need(&self) -> Need {
        Need { private_bytes: self.private_bytes, shared_bytes: self.shared_bytes }
    }

    fn metrics(&self) -> &'static [Column] {
        ServeFile::METRICS
    }

    fn touches_per_operation(&self) -> u64 {
        u64::from(self.lines_per_request)
    }

    fn pages(&self) -> Pages {
        self.pages
    }

    fn touches_uniformly(&self) -> bool {
        true
    }

    /// Where the placement fixes both the node of every worker and of every page, and all workers have the same share:
    /// otherwise the ratio depends on how fast each of them runs.
    fn hit_ratio_by_construction(&self, placement: &Placement) -> Option<f64> {
        let nodes: Vec<u32> = placement.workers.iter().map(|place| place.node).collect::<Option<_>>()?;
        let touchers = match placement.shared.toucher {
            Toucher::All => &nodes[..],
            Toucher::FirstWorker => nodes.get(..1)?,
        };
        let inherited = placement.process.memory.as_ref();
        let weighted = |weight: f64, policy: &MemoryPolicy, node: u32, touchers: &[u32]| match weight > 0.0 {
            true => local_share(policy, inherited, node, touchers).map(|share| weight * share),
            false => Some(0.0),
        };
        let mut known: Vec<(u32, &MemoryPolicy)> = Vec::new();
        let mut ratio = None;
        for (place, &node) in placement.workers.iter().zip(&nodes) {
            if known.contains(&(node, &place.private)) {
                continue;
            }
            known.push((node, &place.private));
            let private = weighted(1.0 - self.shared_ratio, &place.private, node, &[node])?;
            let share = private + weighted(self.shared_ratio, &placement.shared.policy, node, touchers)?;
            match ratio {
                Some(first) if first != share => return None,
                _ => ratio = Some(share),
            }
        }
        ratio
    }
}

/// Share of a heap's pages on `node`, given its policy and the nodes of those who touch it first.
fn local_share(policy: &MemoryPolicy, inherited: Option<&MemoryPolicy>, node: u32, touchers: &[u32]) -> Option<f64> {
    let share_of = |nodes: &NodeSet| if nodes.contains(node) { 1.0 / nodes.len() as f64 } else { 0.0 };
    match (policy, inherited) {
        (MemoryPolicy::FirstTouch, Some(process)) if *process != MemoryPolicy::FirstTouch => {
            local_share(process, None, node, touchers)
        }
        (MemoryPolicy::FirstTouch | MemoryPolicy::Local, _) => {
            Some(touchers.iter().filter(|&&toucher| toucher == node).count() as f64 / touchers.len() as f64)
        }
        (MemoryPolicy::Bind(nodes), _) if nodes.len() == 1 => Some(share_of(nodes)),
        (MemoryPolicy::Interleave(nodes), _) => Some(share_of(nodes)),
        // Bind to several nodes, preferred and weighted leave the choice to the kernel and its free memory.
        _ => None,
    }
}

impl ServeFile {
    /// What the suite's scheduler counts of its tasks' places, in the order in which `runner` fills it in; columns of a plan in
    /// which it is a subject.
    pub const METRICS: &'static [Column] = &[
        metric(
            "steals_other_node_per_1000",
            "tasks",
            "Tasks stolen from a processor of another node for each 1000 polls; of gmp.",
        ),
        metric("away_from_home_ratio", "ratio", "Polls of a task on another node than its heap's / all polls; of gmp."),
        metric(
            "sent_home_per_1000",
            "tasks",
            "Wake-ups and yields that gave a task to an idle processor of its heap's node for each 1000 polls; of gmp.",
        ),
    ];

    /// Replaces `auto`: a heap for each worker of its share of the last-level cache, doubled; a shared heap of the cache.
    ///
    /// The same at every point of the sweep, so that only placement and procs differ between points.
    ///
    /// # Errors
    /// As [`ServeFile::check`].
    pub fn resolve(&self, scope: Scope<'_>) -> Result<Serve, PlanError> {
        self.check()?;
        let llc_bytes = scope.topology.llc_bytes().unwrap_or(PRIVATE_BYTES_MOST);
        let sharers = scope.topology.llcs.iter().map(|llc| llc.pus.len() as u64).max().unwrap_or(1).max(1);
        let private_auto = (llc_bytes.saturating_mul(2) / sharers).clamp(PRIVATE_BYTES_LEAST, PRIVATE_BYTES_MOST);
        let shared_auto = llc_bytes.clamp(SHARED_BYTES_LEAST, SHARED_BYTES_MOST);
        let (private_auto, shared_auto) = fit_memory(scope, private_auto, shared_auto);
        Ok(Serve {
            private_bytes: self.private_bytes.or_auto(private_auto),
            shared_bytes: self.shared_bytes.or_auto(shared_auto),
            shared_ratio: self.shared_ratio,
            write_ratio: self.write_ratio,
            lines_per_request: self.lines_per_request,
            touches: self.touches,
            pages: self.pages,
        })
    }

    /// Refuses what can work on no machine.
    ///
    /// # Errors
    /// `Impossible` where a ratio is outside 0..1, or a heap that is touched holds not even one line, or nobody can map it.
    pub fn check(&self) -> Result<(), PlanError> {
        let impossible = |key: &'static str, found: String, must: &'static str| {
            Err(PlanError::Impossible { section: "workload", key: key.into(), found, must: must.into() })
        };
        for (key, ratio) in [("shared_ratio", self.shared_ratio), ("write_ratio", self.write_ratio)] {
            if !(0.0..=1.0).contains(&ratio) {
                return impossible(key, ratio.to_string(), "be a number from 0 to 1");
            }
        }
        if !(1..=65_536).contains(&self.lines_per_request) {
            return impossible("lines_per_request", self.lines_per_request.to_string(), "be from 1 to 65536");
        }
        let heaps = [
            ("private_bytes", self.private_bytes, self.shared_ratio < 1.0),
            ("shared_bytes", self.shared_bytes, self.shared_ratio > 0.0),
        ];
        for (key, bytes, touched) in heaps {
            let bytes = bytes.or_auto(LINE_BYTES);
            if touched && bytes < LINE_BYTES {
                return impossible(key, bytes.to_string(), "hold at least one line of 64 bytes");
            }
            if bytes > HEAP_BYTES_MOST {
                return impossible(key, bytes.to_string(), "be at most 256TiB, the most that a process can map");
            }
        }
        Ok(())
    }
}

/// Halves both heaps until all of them fit a quarter of the smallest node that is used by default.
fn fit_memory(scope: Scope<'_>, mut private_bytes: u64, mut shared_bytes: u64) -> (u64, u64) {
    let nodes = scope.topology.default_nodes();
    let memory = |node| scope.topology.node(node).and_then(|node| node.available_bytes().or(node.memory_bytes));
    let Some(smallest) = nodes.iter().filter_map(memory).min() else { return (private_bytes, shared_bytes) };
    let all = |private: u64, shared: u64| private.saturating_mul(u64::from(scope.procs_max)).saturating_add(shared);
    while all(private_bytes, shared_bytes) > smallest / 4 && private_bytes > (64 << 10) {
        private_bytes /= 2;
        shared_bytes /= 2;
    }
    (private_bytes, shared_bytes)
}

impl fmt::Display for Pages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pages::Base => out.write_str("base"),
            Pages::Thp => out.write_str("thp"),
            Pages::Hugetlb(bytes) => write!(out, "hugetlb:{}", crate::quantity::print_bytes(*bytes)),
        }
    }
}

impl FromStr for Pages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "base" => Ok(Pages::Base),
            None if text == "thp" => Ok(Pages::Thp),
            Some(("hugetlb", size)) => match crate::quantity::parse_bytes(size) {
                Ok(bytes) if bytes.is_power_of_two() => Ok(Pages::Hugetlb(bytes)),
                _ => Err(format!("\"{text}\": a page size is a power of two such as 2MiB")),
            },
            _ => Err(format!("\"{text}\" is none of base, thp, hugetlb:SIZE (such as hugetlb:2MiB)")),
        }
    }
}

crate::text::serde_as_text!(Pages);
