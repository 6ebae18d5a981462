//! A queueing model of a NUMA machine: what a point would measure if the machine were a few queues.
//!
//! Every figure it gives is computed, none measured: files mark them `modelled`, and no claim about a runtime rests on
//! them. It serves three ends: a known truth that the pipeline must recover, a picture of a plan before a machine is
//! booked, and the loss that queueing alone explains (only the excess may be called the scheduler's).
//!
//! What it knows: where workers run and pages lie by plain rules ([`traffic`]), a memory controller for each node and a
//! directed link for each pair of nodes as queues ([`amva`]), latencies from the firmware's distances, and pauses as the
//! time to the slowest worker's request boundary ([`predict`]). What it does not know: caches, TLBs, page migration,
//! spilling from full nodes, prefetching, frequency. Pure queueing is monotone in the number of workers: a falling curve
//! comes only from remote traffic past a link's saturation, from [`Parameters::coherence_ns`], or oversubscription.
//!
//! ```text
//! predict(&point, &topology, pause_every_ns, stopped_work, &Parameters::DEFAULT) -> Prediction
//! ```

pub mod amva;
pub mod mva;
mod parameters;
mod prediction;
pub mod traffic;

pub use parameters::Parameters;
pub use prediction::{PausePrediction, Prediction, predict};

/// Why a point cannot be modelled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// A worker may run on no PU of a known node.
    #[error("worker {worker} may run on PUs {cpus}, none of which lies on a node of this topology")]
    Nowhere {
        /// The worker.
        worker: u32,
        /// Where it may run.
        cpus: plan::set::CpuSet,
    },
    /// The fixed point of the queues was not reached.
    #[error("the queues did not settle within {rounds} rounds; the last change was {change:e}")]
    Unsettled {
        /// Rounds made.
        rounds: usize,
        /// Largest relative change of a queue in the last one.
        change: f64,
    },
}
