//! A queueing model of a NUMA machine: what a point would measure if the machine were a few queues.
//!
//! Every figure it gives is computed, none measured: files mark them `modelled`, and no claim about a runtime rests on
//! them. It serves three ends: a known truth that the pipeline must recover, a picture of a plan before a machine is
//! booked, and the loss that queueing alone explains (only the excess may be called the scheduler's).
//!
//! What it knows: where workers run and pages lie by plain rules ([`traffic`]), a memory controller for each node and a
//! directed link for each pair of nodes as queues ([`amva`]), latencies and bandwidths as measured on a machine
//! ([`calibration`]) or from the firmware's distances, and pauses as the time to the slowest worker's request boundary
//! ([`predict`]). What it does not know: caches, TLBs, page migration, spilling from full nodes, prefetching, frequency.
//! Pure queueing is monotone in the number of workers: a falling curve comes only from remote traffic past a link's
//! saturation, from [`Parameters::coherence_ns`], or oversubscription. Its equations and their sources: README.md.
//!
//! ```text
//! predict(&point, &topology, pause_every_ns, stopped_work, &Parameters::DEFAULT) -> Prediction
//! ```

pub mod amva;
pub mod bounds;
pub mod calibration;
pub mod consistency;
pub mod loaded;
pub mod mva;
mod parameters;
mod prediction;
mod stations;
pub mod traffic;

pub use calibration::Calibration;
pub use parameters::{Parameters, Queueing};
pub use prediction::{Busiest, PausePrediction, Prediction, predict};
pub use stations::Station;

/// Bytes of a cache line.
pub const LINE_BYTES: f64 = 64.0;

/// Why a point cannot be modelled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// A workload whose workers touch no heaps of ours.
    #[error(
        "workload {kind} has no heaps, and the model knows only touches of memory; it cannot be predicted, only run"
    )]
    NoHeaps {
        /// The workload.
        kind: &'static str,
    },
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
    /// A calibration was measured on a machine of other nodes.
    #[error("{source_name}: measured on another machine: {differs}; --input names the machine")]
    OtherMachine {
        /// File and host.
        source_name: String,
        /// The first node or pair that only one of the two has.
        differs: String,
    },
    /// A curve of loaded latencies has fewer loads below its wall than it has parameters to find.
    #[error("{found} loads below 0.96 of the highest bandwidth, {needed} needed to fit a curve")]
    TooFewLoads {
        /// Loads on the curve.
        found: usize,
        /// Loads needed.
        needed: usize,
    },
    /// The solver found no minimum.
    #[error("no curve of loaded latency fits")]
    NoCurve,
}
