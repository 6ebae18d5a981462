//! From an arm and a number of workers to one place for each worker.

use crate::set::CpuSet;

/// Why an arm cannot place its workers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// More workers than PUs.
    #[error("placement {placement}: {workers} workers asked, cpuset {cpus} has {pus} PUs; ask for fewer or set oversubscribe = true")]
    TooFewPus {
        /// close, spread, …
        placement: String,
        /// Workers asked.
        workers: u32,
        /// The arm's cpuset.
        cpus: CpuSet,
        /// PUs in it that this arm may use.
        pus: u32,
    },
}
