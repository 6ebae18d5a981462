//! manifest.json: who measured what, where and with what. Written at the start of a run, before the first sample.

use crate::record::{Seed, Timing};
use crate::session::Session;
use crate::topology::Conditions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the results folder's format; a reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// Fact of [`Manifest::machine`]: where hwloc and /sys disagree about the topology, or what of it cannot be read.
pub const TOPOLOGY_UNSURE: &str = "topology_unsure";

/// manifest.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// Run, `<utc>-<id>`, the folder's name.
    pub run_id: String,
    /// Experiment.
    pub experiment: String,
    /// Start, UTC.
    pub started_utc: String,
    /// Host name.
    pub host: String,
    /// `live` or `modelled`.
    pub source: String,
    /// Seed of the run.
    pub seed: Seed,
    /// How far times can be believed …
    pub timing: Timing,
    /// … and the evidence for it, one sentence each.
    pub timing_evidence: Vec<String>,
    /// Version, commit and toolchain of the program whose samples these are.
    pub program: Program,
    /// Kernel, processor, memory, libraries, settings: name -> value.
    pub machine: BTreeMap<String, String>,
    /// What the host granted.
    pub conditions: Conditions,
    /// SHA-256 of plan.toml, hex.
    pub plan_sha256: String,
    /// SHA-256 of what does not change about the machine (topology without sizes of memory, kernel, processor), hex.
    pub machine_sha256: String,
    /// Command line, as typed.
    pub command: Vec<String>,
    /// What a model assumed, parameters with their sources, calibration, noise; `None` where samples were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<serde_json::Value>,
    /// Which session of which series it is, where two builds are measured in turn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<Session>,
}

/// This program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Version of the package.
    pub version: String,
    /// Commit, with `-dirty` where the tree was changed; `unknown` outside a repository.
    pub commit: String,
    /// rustc's version.
    pub rustc: String,
    /// SHA-256 of the executable, hex.
    pub sha256: String,
}
