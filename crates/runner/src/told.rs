//! What facts.csv tells of single samples, under names such as `sample_17_wall_ns`: written by a run, and taken up again by
//! the one that goes on with it.

use plan::record::FactRow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time that the run spent on a sample: from the one before, or the start of the run, to its committed row.
pub(crate) const WALL_NS: &str = "wall_ns";

/// Name of a fact about one sample: its number, then what it is.
pub(crate) fn fact_name(sample_id: u64, what: &str) -> String {
    format!("sample_{sample_id}_{what}")
}

/// What a run needs of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    wall_ns: BTreeMap<u64, u64>,
}

impl Told {
    /// Takes up a row of facts.csv that is about a sample; of two about the same the later holds.
    pub(crate) fn read(&mut self, row: &FactRow) {
        let parts = row.fact.strip_prefix("sample_").and_then(|rest| rest.split_once('_'));
        if let (Some((id, what)), Some(value)) = (parts, &row.value)
            && let Ok(id) = id.parse()
        {
            self.take(id, what, value);
        }
    }

    /// Takes up a fact about a sample.
    pub(crate) fn take(&mut self, sample_id: u64, what: &str, value: &str) {
        if what == WALL_NS {
            self.wall_ns.extend(value.parse().map(|ns: u64| (sample_id, ns)));
        }
    }

    /// Time spent on all samples, of every call that made some of them.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.wall_ns.values().fold(0, |sum, ns| sum.saturating_add(*ns)))
    }

    /// Time per sample; `None` before the first.
    pub(crate) fn per_sample(&self) -> Option<Duration> {
        self.spent().checked_div(self.wall_ns.len() as u32)
    }
}
