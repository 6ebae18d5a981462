//! A storm of goroutines, in a process of Go's own.

use super::{Ground, Ran, Storm, Storms, TOLD};
use crate::workload::go_process;
use serde::{Deserialize, Serialize};

/// What it is asked to do; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    tasks: u64,
    yields: u64,
    loop_ns: u64,
}

/// What it found.
#[derive(Debug, Deserialize)]
struct Own {
    storms: u64,
    times_ns: Vec<u64>,
    gc_cycles: u64,
    gc_stopped_ns: u64,
}

pub(super) fn run(storm: &Storm, ground: &Ground<'_>) -> Result<Ran, String> {
    let &Storm { tasks, yields, loop_ns } = storm;
    let asked = Asked { tasks, yields, loop_ns };
    let (found, usage) = go_process::run::<_, Own>(ground, "storm", &asked)?;
    check(storm, found.operations, &found.own)?;
    let mut told = [None; TOLD];
    told[0] = pause_ratio(&found.own, found.elapsed_ns);
    let counts = found.counts().map(|counts| format!("{counts}, gc_cycles={cycles}", cycles = found.own.gc_cycles));
    let Own { storms: count, times_ns, .. } = found.own;
    let storms = Storms { extent: ground.job.extent, times_ns, count, sum_ns: found.elapsed_ns };
    Ok(Ran { counts, notes: found.notes, ..storms.ran(storm, told, usage) })
}

/// What share the collector's stops have is not measured where it ran not even one cycle to its end: such a storm says nothing of it.
fn pause_ratio(found: &Own, elapsed_ns: u64) -> Option<f64> {
    (found.gc_cycles > 0).then(|| found.gc_stopped_ns as f64 / elapsed_ns as f64)
}

/// What does not add up was not measured.
fn check(storm: &Storm, operations: u64, found: &Own) -> Result<(), String> {
    let Own { storms, times_ns, .. } = found;
    match !times_ns.is_empty() && operations == storms * storm.yields_of_all() {
        true => Ok(()),
        false => Err(format!("go-subject: {storms} storms with {operations} yields do not add up")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_cycle_there_is_no_share_of_pauses() {
        let ratio = |gc_cycles, gc_stopped_ns| {
            let found = Own { storms: 1, times_ns: vec![1000], gc_cycles, gc_stopped_ns };
            pause_ratio(&found, 1000)
        };
        assert_eq!((ratio(0, 0), ratio(2, 250), ratio(1, 0)), (None, Some(0.25), Some(0.0)));
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let storm = Storm { tasks: 10, yields: 5, loop_ns: 0 };
        let found = |times_ns: &[u64]| Own { storms: 3, times_ns: times_ns.to_vec(), gc_cycles: 0, gc_stopped_ns: 0 };
        assert_eq!(check(&storm, 150, &found(&[100; 3])), Ok(()));
        let cause = "go-subject: 3 storms with 149 yields do not add up";
        assert_eq!(check(&storm, 149, &found(&[100; 3])), Err(cause.into()));
        assert!(check(&storm, 150, &found(&[])).is_err());
    }
}
