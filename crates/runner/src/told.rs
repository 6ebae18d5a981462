//! What facts.csv tells of single samples, under names such as `sample_17_wall_ns`: written by a run, and taken up again by
//! the one that goes on with it.

use crate::recover::Committed;
use plan::record::{FactRow, SampleRow};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time that the run spent on a sample: from the one before, or the start of the run, to its committed row.
pub(crate) const WALL_NS: &str = "wall_ns";

/// Age of the sample's process when its timed part began, from the start of its main function.
pub(crate) const PROCESS_AGE_NS: &str = "process_age_ns";

/// Whether NUMA balancing's migrations had died down by then, in arms that wait for it.
pub(crate) const SETTLED: &str = "settled";

/// What the subject counted, where it is a scheduler: `polls=…, from_local=…`.
pub(crate) const SUBJECT_COUNTS: &str = "subject_counts";

/// Name of a fact about one sample: its number, then what it is.
pub(crate) fn fact_name(sample_id: u64, what: &str) -> String {
    format!("sample_{sample_id}_{what}")
}

/// What a run needs of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    wall_ns: BTreeMap<u64, u64>,
    /// Their sum.
    spent_ns: u64,
    settled: BTreeMap<u64, bool>,
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
        match what {
            WALL_NS => {
                let ns = value.parse().unwrap_or(0);
                let before = self.wall_ns.insert(sample_id, ns).unwrap_or(0);
                self.spent_ns = self.spent_ns.saturating_sub(before).saturating_add(ns);
            }
            SETTLED => self.settled.extend(value.parse().map(|settled: bool| (sample_id, settled))),
            _ => {}
        }
    }

    /// A note on the points that were measured before migrations had died down, with how many samples of each; `None`
    /// where all had settled that wait for it.
    pub(crate) fn unsettled(&self, committed: &[Committed]) -> Option<String> {
        let mut points: BTreeMap<&str, (&SampleRow, usize, usize)> = BTreeMap::new();
        for Committed { row, .. } in committed {
            if let Some(settled) = self.settled.get(&row.sample_id) {
                let (_, not, all) = points.entry(&row.point_id).or_insert((row, 0, 0));
                (*not, *all) = (*not + usize::from(!settled), *all + 1);
            }
        }
        let words = |(id, (row, not, all)): (&str, (&SampleRow, usize, usize))| {
            (not > 0)
                .then(|| format!("{id} ({arm} at {procs}) in {not} of {all} samples", arm = row.arm, procs = row.procs))
        };
        let points: Vec<String> = points.into_iter().filter_map(words).collect();
        let listed = points.join(", ");
        (!points.is_empty())
            .then(|| format!("not settled when the timed part began, so pages may still have moved: {listed}"))
    }

    /// Time spent on all samples, of every call that made some of them.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent_ns)
    }

    /// Time per sample; `None` before the first.
    pub(crate) fn per_sample(&self) -> Option<Duration> {
        self.spent().checked_div(self.wall_ns.len() as u32)
    }
}
