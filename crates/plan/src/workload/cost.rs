//! `cost`: what one operation of a scheduler costs, one operation at a time (article, section 2.3). It has no heaps.
//! Keys and columns; `runner/src/workload/cost/` runs it.

use super::heapless::{metric, no_heaps};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::{GO, RAYON, THREADS, TOKIO};
use crate::record::Column;
use crate::text::words;
use serde::{Deserialize, Serialize};

/// Where no cache says how large it is: more than most.
const SWEPT_BYTES: u64 = 64 << 20;
/// A buffer of this many times the last-level cache leaves nothing else in it.
const SWEPT_LLCS: u64 = 2;
/// Bytes that one thread writes in a second, for `numalab plan`: the slow end of what hosts do.
const SWEPT_PER_SECOND: f64 = 4e9;
/// What an operation takes with all around it, for `numalab plan`; of threads. Source: reference values of
/// crates/gmp/README.md, "Speed of the scheduler", and the thread's spawn and join measured there.
const OPERATION_SECONDS: f64 = 100e-6;

words! {
    /// What is timed.
    Operation {
        /// A task is spawned and its end awaited.
        Create = "create",
        /// A waiting task is woken and runs.
        Wake = "wake",
        /// A task begins to wait and the next one runs.
        Block = "block",
        /// A task yields and the other one runs.
        Switch = "switch",
        /// A task that is ready runs on another processor, whose own is busy.
        Steal = "steal",
        /// The same, thief and victim on cores that share a last-level cache, wherever the arm places workers.
        StealSameLlc = "steal-same-llc",
        /// On one node, under different last-level caches.
        StealSameNode = "steal-same-node",
        /// On two nodes: the first core and the nearest to it.
        StealOtherNode = "steal-other-node",
        /// A task begins a blocking section and another thread runs the next task of its processor.
        HandOff = "hand-off",
    }
}

/// How far the thief of a task is from its victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// They share a last-level cache.
    SameLlc,
    /// They share a node and no such cache.
    SameNode,
    /// They are on two nodes.
    OtherNode,
}

impl Distance {
    /// What is measured over it.
    pub(crate) fn what(self) -> Operation {
        match self {
            Distance::SameLlc => Operation::StealSameLlc,
            Distance::SameNode => Operation::StealSameNode,
            Distance::OtherNode => Operation::StealOtherNode,
        }
    }
}

impl Operation {
    /// Over which distance it steals, where its PUs are chosen for one.
    pub fn distance(self) -> Option<Distance> {
        match self {
            Operation::StealSameLlc => Some(Distance::SameLlc),
            Operation::StealSameNode => Some(Distance::SameNode),
            Operation::StealOtherNode => Some(Distance::OtherNode),
            _ => None,
        }
    }

    /// Whether it is a steal, over whatever distance.
    pub fn is_steal(self) -> bool {
        self == Operation::Steal || self.distance().is_some()
    }
}

words! {
    /// What is in the caches when an operation begins.
    Warmth {
        /// What the operation before left there.
        Warm = "warm",
        /// Nothing of ours: a buffer larger than the last-level cache was written, outside of the timed part.
        Cold = "cold",
    }
}

/// `[workload]` of kind `cost` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostFile {
    /// What is timed.
    pub operation: Operation,
    /// What is in the caches when it begins.
    pub warmth: Warmth,
}

impl Default for CostFile {
    fn default() -> Self {
        CostFile { operation: Operation::Create, warmth: Warmth::Warm }
    }
}

/// `cost` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// What is timed.
    pub operation: Operation,
    /// Bytes written before each operation; 0: none.
    pub swept_bytes: u64,
}

impl CostFile {
    /// What an operation is measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric("cost_ns", "ns", "Time of one operation, the clock's own cost subtracted; the median."),
        metric(
            "call_ns",
            "ns",
            "Of create and wake: the call alone, until it returns to its caller; of the others cost_ns; the median.",
        ),
        metric(
            "cost_cycles",
            "cycles",
            "cost_ns in ticks of an invariant TSC: reference cycles, not those of the core.",
        ),
        metric("cost_p10_ns", "ns", "Of all operations of the sample, a tenth took no longer."),
        metric("cost_p99_ns", "ns", "Of all operations of the sample, one in a hundred took longer."),
        metric(
            "clock_ns",
            "ns",
            "What one reading of the clock costs, the median; subtracted once for each reading in between.",
        ),
        metric(
            "steal_same_llc_ns",
            "ns",
            "Of the steals between processors that sit under one last-level cache, or on one node where caches are not known; the median.",
        ),
        metric(
            "steal_same_node_ns",
            "ns",
            "Of the steals between processors of one node under different last-level caches; the median.",
        ),
        metric("steal_other_node_ns", "ns", "Of the steals between processors of two nodes; the median."),
    ];

    /// # Errors
    /// None.
    pub fn resolve(&self, scope: Scope<'_>) -> Result<Cost, PlanError> {
        let swept_bytes = match self.warmth {
            Warmth::Warm => 0,
            Warmth::Cold => scope.topology.llc_bytes().map_or(SWEPT_BYTES, |bytes| bytes.saturating_mul(SWEPT_LLCS)),
        };
        Ok(Cost { operation: self.operation, swept_bytes })
    }

    /// Every word that is known can be.
    ///
    /// # Errors
    /// None.
    pub fn check(&self) -> Result<(), PlanError> {
        Ok(())
    }
}

impl Spec for Cost {
    no_heaps!(CostFile::METRICS);

    fn whole_seconds(&self, _: u32) -> f64 {
        OPERATION_SECONDS + self.swept_bytes as f64 / SWEPT_PER_SECOND
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        let steals = self.operation.is_steal();
        let why = match (subject, self.operation) {
            (GO, _) if steals => "Go does not tell which P runs a goroutine",
            (GO, Operation::HandOff) => {
                "a P is taken from a call only by Go's monitor, which looks every 20 us to 10 ms; workload blocking has that"
            }
            (TOKIO | RAYON, _) if steals => "it does not tell which of its threads runs a task",
            (TOKIO, Operation::Switch) => {
                "tasks that yielded are put back together, so that the same one may be the next"
            }
            (RAYON, Operation::HandOff) => "nobody takes over from a thread that is blocked",
            (THREADS, Operation::Block) => "which thread runs when one waits is the kernel's choice, not one of ours",
            (THREADS, operation) if steals || operation == Operation::HandOff => "threads have no processors",
            _ => return None,
        };
        Some(format!("no {operation} there: {why}", operation = self.operation))
    }

    fn distance(&self) -> Option<Distance> {
        self.operation.distance()
    }

    fn refuses_procs(&self, procs: u32) -> Option<String> {
        match self.operation {
            Operation::StealSameLlc | Operation::StealSameNode | Operation::StealOtherNode => {
                (procs != 2).then(|| format!("a {operation} is between two processors; take procs = 2", operation = self.operation))
            }
            Operation::Create => None,
            Operation::Steal => (procs < 2).then(|| "a steal needs a second processor; take procs from 2 on".into()),
            Operation::Wake | Operation::Block | Operation::Switch | Operation::HandOff => (procs > 1).then(|| {
                format!(
                    "with several processors the next task may run on another, and no {operation} is timed; take procs = 1",
                    operation = self.operation
                )
            }),
        }
    }
}
