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
        /// A task begins a blocking section and another thread runs the next task of its processor.
        HandOff = "hand-off",
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
        let why = match (subject, self.operation) {
            (GO, Operation::Steal) => "Go does not tell which P runs a goroutine",
            (GO, Operation::HandOff) => {
                "a P is taken from a call only by Go's monitor, which looks every 20 us to 10 ms; workload blocking has that"
            }
            (TOKIO | RAYON, Operation::Steal) => "it does not tell which of its threads runs a task",
            (TOKIO, Operation::Switch) => {
                "tasks that yielded are put back together, so that the same one may be the next"
            }
            (RAYON, Operation::HandOff) => "nobody takes over from a thread that is blocked",
            (THREADS, Operation::Block) => "which thread runs when one waits is the kernel's choice, not one of ours",
            (THREADS, Operation::Steal | Operation::HandOff) => "threads have no processors",
            _ => return None,
        };
        Some(format!("no {operation} there: {why}", operation = self.operation))
    }

    fn refuses_procs(&self, procs: u32) -> Option<String> {
        match self.operation {
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
