//! `counters`: threads that each bump a counter of their own and read one of all, as a scheduler's hot path does, with them
//! packed on one cache line, past seven workers on adjacent ones, or each on its own (article, section 4.3). Keys and columns; `runner/src/workload/counters/` runs it.

use super::heapless::{check_ranges, metric, no_heaps};
use super::{Scope, Spec};
use crate::PlanError;
use crate::experiment::THREADS;
use crate::record::Column;
use crate::text::words;
use serde::{Deserialize, Serialize};

const TURNS_MOST: i64 = 1_000_000_000;
/// A bump of a line that others write, for `numalab plan`: the slow end.
const BUMP_SECONDS: f64 = 200e-9;

words! {
    /// Where the counters lie.
    Layout {
        /// Eight bytes apart: the common one and seven workers' on the first line of 64 bytes, eight workers' on each further one.
        Packed = "packed",
        /// 128 bytes apart, since x86 fetches lines in pairs and some Arm lines are that long.
        Padded = "padded",
    }
}

/// `[workload]` of kind `counters` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountersFile {
    /// Where the counters lie.
    pub layout: Layout,
    /// Bumps of a round, each worker's own counter.
    pub turns: i64,
    /// Share of turns that also read the counter of all, which nobody writes.
    pub reads_ratio: f64,
}

impl Default for CountersFile {
    fn default() -> Self {
        CountersFile { layout: Layout::Packed, turns: 10_000, reads_ratio: 1.0 }
    }
}

/// `counters` with every key resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Where the counters lie.
    pub layout: Layout,
    /// Bumps of a round.
    pub turns: u64,
    /// Share of turns that also read the counter of all.
    pub reads_ratio: f64,
}

impl CountersFile {
    /// What it is measured by, in the order in which `runner` fills it in.
    pub const METRICS: &'static [Column] = &[
        metric(
            "bump_ns",
            "ns",
            "Time of one turn of one worker: of a worker's rounds / turns, the median over all rounds.",
        ),
        metric(
            "l1_miss_ratio",
            "ratio",
            "Loads that missed the L1 data cache / all loads of the workers' own code, by the PMU; empty where it may not be read.",
        ),
        metric("cache_miss_ratio", "ratio", "The PMU's cache misses / cache references (of the last level), likewise."),
    ];

    /// # Errors
    /// As [`CountersFile::check`].
    pub fn resolve(&self, _: Scope<'_>) -> Result<Counters, PlanError> {
        self.check()?;
        Ok(Counters { layout: self.layout, turns: self.turns.unsigned_abs(), reads_ratio: self.reads_ratio })
    }

    /// Refuses values that can work on no machine.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub fn check(&self) -> Result<(), PlanError> {
        check_ranges(&[("turns", self.turns, 1..=TURNS_MOST)])?;
        if !(0.0..=1.0).contains(&self.reads_ratio) {
            let (key, found, must) = ("reads_ratio".into(), self.reads_ratio.to_string(), "be from 0 to 1".into());
            return Err(PlanError::Impossible { section: "workload", key, found, must });
        }
        Ok(())
    }
}

impl Spec for Counters {
    no_heaps!(CountersFile::METRICS);

    fn whole_seconds(&self, _: u32) -> f64 {
        self.turns as f64 * BUMP_SECONDS
    }

    fn refuses(&self, subject: &str) -> Option<String> {
        (subject != THREADS).then(|| "counters of a scheduler without one: the workers are threads".into())
    }
}
