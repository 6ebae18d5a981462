//! What workers do, as data. A workload is two files and two match arms: `plan/src/workload/NAME.rs` (its keys, the bytes
//! it needs, the columns it adds) with an arm here, and `runner/src/workload/NAME.rs` (`setup`, `run`, `check`) with one there.

mod serve;

pub use serve::{Pages, Serve, ServeFile, Touches};

use crate::place::Placement;
use crate::record::Column;
use crate::topology::Topology;
use serde::{Deserialize, Serialize};

/// The kinds, as `[workload] kind = "…"` names them.
pub const KINDS: &[&str] = &["serve"];

/// A workload with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Workload {
    /// A closed loop of requests over private and shared heaps.
    Serve(Serve),
}

/// A workload as written in an experiment file.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkloadFile {
    /// See [`ServeFile`].
    Serve(ServeFile),
}

/// What a key of a workload resolves to may depend on the machine and on the largest point, never on the point itself.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The machine.
    pub topology: &'a Topology,
    /// The most workers any point of the sweep has.
    pub procs_max: u32,
}

/// Bytes that a workload needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// For each worker's private heap.
    pub private_bytes: u64,
    /// For the heap that all share.
    pub shared_bytes: u64,
}

impl Workload {
    /// `serve`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Workload::Serve(_) => "serve",
        }
    }

    /// Bytes of its heaps.
    pub fn need(&self) -> Need {
        match self {
            Workload::Serve(serve) => serve.need(),
        }
    }

    /// Columns that it adds to samples.csv.
    pub fn metrics(&self) -> &'static [Column] {
        match self {
            Workload::Serve(_) => Serve::METRICS,
        }
    }

    /// Touches (accesses of a cache line) of one operation.
    pub fn touches_per_operation(&self) -> u64 {
        match self {
            Workload::Serve(serve) => u64::from(serve.lines_per_request),
        }
    }

    /// Local hit ratio where it follows from the placement alone; `None` where the kernel or the run decides.
    pub fn hit_ratio_by_construction(&self, placement: &Placement) -> Option<f64> {
        match self {
            Workload::Serve(serve) => serve.hit_ratio_by_construction(placement),
        }
    }
}

impl WorkloadFile {
    /// Replaces `auto` by numbers for this machine.
    ///
    /// # Errors
    /// A line that says what is impossible here and what to change.
    pub fn resolve(&self, scope: Scope<'_>) -> Result<Workload, crate::PlanError> {
        match self {
            WorkloadFile::Serve(file) => file.resolve(scope).map(Workload::Serve),
        }
    }
}
