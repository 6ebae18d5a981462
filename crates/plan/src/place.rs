//! Where one worker runs and where its memory lies: the last thing that is decided. After this, others only obey.

use crate::policy::MemoryPolicy;
use crate::set::CpuSet;
use crate::text::words;
use serde::{Deserialize, Serialize};

/// Everything that is resolved about the placement of one point.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// What is set for the whole process before its first thread and allocation, as numactl does.
    pub process: ProcessPlace,
    /// One per worker, in worker order.
    pub workers: Vec<Place>,
    /// The heap that all workers share.
    pub shared: SharedPlace,
}

/// What numactl would set: for the whole process, inherited by every thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessPlace {
    /// `--cpunodebind` / `--physcpubind`; `None`: left as inherited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpus: Option<CpuSet>,
    /// `--membind` and its kin; `None`: left as inherited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<MemoryPolicy>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// 0..procs; worker 0 is the stopper.
    pub worker: u32,
    /// PUs the worker is bound to; `None`: it floats where the process may run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpus: Option<CpuSet>,
    /// The node of all its PUs; `None` where it may run on PUs of several nodes, or of none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub node: Option<u32>,
    /// Policy of its private heap.
    pub private: MemoryPolicy,
}

/// The shared heap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SharedPlace {
    /// Its policy; never `local`.
    pub policy: MemoryPolicy,
    /// Who touches it first.
    pub toucher: Toucher,
}

words! {
    /// Who writes a heap first, and thereby decides where first-touch pages lie.
    Toucher {
        /// Every worker its own slice, in parallel.
        All = "all",
        /// Worker 0 alone.
        FirstWorker = "first-worker",
    }
}

words! {
    /// How crowded the PUs are. One fit uses one regime.
    Regime {
        /// At most one worker for each core of the arm's cpuset.
        Core = "core",
        /// More workers than cores, at most one for each PU.
        Smt = "smt",
        /// More workers than PUs.
        Oversubscribed = "oversubscribed",
    }
}
