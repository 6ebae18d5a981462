//! `burst`: groups of tasks that are started one after the other and all at once, with a rest after each group. Each has an
//! object of 1 KiB from a pool, into which it writes when it was started, ran and ended, and which it gives back.
//!
//! Groups follow each other until the sample's seconds are over, rests included, at least one; of `operations`, so many. The
//! measured time is that of the groups alone, from before the first start to the end of the last task.

mod go;
mod tasks;

use super::latency::Quantiles;
use crate::heapless::{Ground, Heapless, Ran};
use crate::workload::on_subject;
use host::thread::Usage;
use plan::workload::Burst;

impl Heapless for Burst {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go)
    }
}

/// What came out of the groups of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    groups: u64,
    /// All groups together, without the rests.
    elapsed_ns: u64,
    /// Tasks as they counted themselves.
    ran: u64,
    /// Objects that did not come from the pool; of the first group, which finds it empty, and of all others.
    made_first: u64,
    made: u64,
    starts: Quantiles,
    pause_ratio: Option<f64>,
}

/// The figures of a sample.
fn ran(burst: &Burst, found: Found, usage: Usage, counts: Option<String>, notes: Vec<String>) -> Result<Ran, String> {
    let Found { groups, elapsed_ns, ran, made_first, made, starts, pause_ratio } = found;
    let due = groups * burst.tasks;
    let later = due.saturating_sub(burst.tasks);
    if (ran, starts.count) != (due, due) || made_first > burst.tasks || made > later || due == 0 || elapsed_ns == 0 {
        let count = starts.count;
        return Err(format!(
            "{groups} groups have {due} tasks; {ran} ran, {count} have a start, {made_first} objects were made in the first and \
             {made} later"
        ));
    }
    // How many groups there are, and so which part the first one is, follows from the sample's length.
    let reuse_ratio = (later > 0).then(|| (later - made) as f64 / later as f64);
    let metrics = vec![reuse_ratio, starts.p50_ns, starts.p99_ns, pause_ratio];
    Ok(Ran { elapsed_ns, operations: due, windows: Vec::new(), metrics, counts, usage, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_did_not_all_run_are_refused() {
        let burst = Burst { tasks: 100, isolation_ms: 1, work_ns: 0 };
        let starts = Quantiles { count: 400, p50_ns: Some(1.0), p99_ns: Some(2.0), ..Quantiles::default() };
        let found = Found { groups: 4, elapsed_ns: 9, ran: 400, made_first: 90, made: 75, starts, pause_ratio: None };
        let check = |found: Found| ran(&burst, found, Usage::default(), None, Vec::new());
        let sound = check(found).expect("all ran");
        assert_eq!((sound.operations, &sound.metrics), (400, &vec![Some(0.75), Some(1.0), Some(2.0), None]));
        assert_eq!(sound.metrics.len(), plan::workload::BurstFile::METRICS.len());
        let cause =
            "4 groups have 400 tasks; 399 ran, 400 have a start, 90 objects were made in the first and 75 later";
        assert_eq!(check(Found { ran: 399, ..found }).err(), Some(cause.into()));
        assert!(check(Found { made: 301, ..found }).is_err() && check(Found { made_first: 101, ..found }).is_err());
        // The first group alone reuses nothing that another left.
        let alone = Found { groups: 1, ran: 100, made: 0, starts: Quantiles { count: 100, ..starts }, ..found };
        assert_eq!(check(alone).expect("all ran").metrics[0], None);
    }
}
