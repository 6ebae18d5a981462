//! A storm of goroutines, in a process of Go's own that inherits where this one is bound. GOMAXPROCS is the point's procs.

use super::{Ground, Ran, Storm, Storms, TOLD, bind_to_places};
use crate::subject::go::PROGRAM;
use crate::subject::program::ask;
use host::thread::Usage;
use plan::experiment::Extent;
use serde::{Deserialize, Serialize};

/// What it is asked to do; subjects/README.md has the keys.
#[derive(Debug, Serialize)]
struct Asked {
    v: u32,
    workload: &'static str,
    parent_pid: u32,
    procs: u32,
    gogc: i64,
    tasks: u64,
    yields: u64,
    loop_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<u64>,
}

/// What it found.
#[derive(Debug, Deserialize)]
struct Found {
    go: String,
    procs: u32,
    gogc: i64,
    storms: u64,
    elapsed_ns: u64,
    operations: u64,
    times_ns: Vec<u64>,
    gc_cycles: u64,
    gc_stopped_ns: u64,
    usage: FoundUsage,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct FoundUsage {
    minor_faults: u64,
    major_faults: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
}

pub(super) fn run(storm: &Storm, ground: &Ground<'_>) -> Result<Ran, String> {
    let job = ground.job;
    bind_to_places(ground)?;
    let program = PROGRAM.find()?;
    let (seconds, operations) = match job.extent {
        Extent::Seconds(seconds) => (Some(seconds), None),
        Extent::Operations(storms) => (None, Some(storms)),
    };
    let &Storm { tasks, yields, loop_ns } = storm;
    let procs = job.point.procs;
    let go = job.point.go.ok_or("a point of Go that does not say how it collects")?;
    let gogc = go.gogc.map_or(-1, i64::from);
    let asked = Asked {
        v: 1,
        workload: "storm",
        parent_pid: std::process::id(),
        procs,
        gogc,
        tasks,
        yields,
        loop_ns,
        seconds,
        operations,
    };
    let (mut began, mut ended) = (None, None);
    let found: Found = ask(&program, &asked, &mut |phase, pid| {
        match phase {
            "run" => began = host::thread::run_delay_ns_of(pid),
            "check" => ended = host::thread::run_delay_ns_of(pid),
            _ => {}
        }
        Ok(())
    })?;
    check(storm, (procs, gogc), &found)?;
    let mut told = [None; TOLD];
    told[0] = Some(found.gc_stopped_ns as f64 / found.elapsed_ns as f64);
    let usage = Usage {
        involuntary: found.usage.involuntary_switches,
        voluntary: found.usage.voluntary_switches,
        minor_faults: found.usage.minor_faults,
        major_faults: found.usage.major_faults,
        // Unknown where it had ended before its threads were looked at.
        run_delay_ns: ended.zip(began).map(|(ended, began): (u64, u64)| ended.saturating_sub(began)),
    };
    let storms = Storms { extent: job.extent, times_ns: found.times_ns, count: found.storms, sum_ns: found.elapsed_ns };
    let (go, gogc, cycles) = (found.go, found.gogc, found.gc_cycles);
    let counts = Some(format!("go={go}, gogc={gogc}, gc_cycles={cycles}"));
    Ok(Ran { counts, notes: found.notes, ..storms.ran(storm, told, usage) })
}

/// What does not add up was not measured.
fn check(storm: &Storm, asked: (u32, i64), found: &Found) -> Result<(), String> {
    let adds_up = found.storms > 0
        && found.elapsed_ns > 0
        && !found.times_ns.is_empty()
        && found.operations == found.storms * storm.yields_of_all();
    if !adds_up {
        let Found { storms, operations, elapsed_ns, .. } = found;
        return Err(format!("go-subject: {storms} storms with {operations} yields in {elapsed_ns} ns do not add up"));
    }
    if (found.procs, found.gogc) != asked {
        let (Found { procs: had, gogc: has, .. }, (procs, gogc)) = (found, asked);
        return Err(format!("go-subject: GOMAXPROCS {procs} and GOGC {gogc} asked, {had} and {has} found"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_add_up_is_refused() {
        let storm = Storm { tasks: 10, yields: 5, loop_ns: 0 };
        let found = |change: fn(&mut Found)| {
            let usage = FoundUsage { minor_faults: 0, major_faults: 0, voluntary_switches: 0, involuntary_switches: 0 };
            let mut found = Found {
                go: "go1".into(),
                procs: 2,
                gogc: 100,
                storms: 3,
                elapsed_ns: 300,
                operations: 150,
                times_ns: vec![100; 3],
                gc_cycles: 0,
                gc_stopped_ns: 0,
                usage,
                notes: Vec::new(),
            };
            change(&mut found);
            check(&storm, (2, 100), &found)
        };
        assert_eq!(found(|_| {}), Ok(()));
        let cause = "go-subject: 3 storms with 149 yields in 300 ns do not add up";
        assert_eq!(found(|found| found.operations = 149), Err(cause.into()));
        let cause = "go-subject: GOMAXPROCS 2 and GOGC 100 asked, 4 and 100 found";
        assert_eq!(found(|found| found.procs = 4), Err(cause.into()));
        assert!(found(|found| found.elapsed_ns = 0).is_err());
        assert!(found(|found| found.times_ns.clear()).is_err());
    }
}
