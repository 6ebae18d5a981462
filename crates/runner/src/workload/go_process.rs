//! A workload without heaps on Go: what every such job and every answer has, whatever the workload. subjects/README.md has
//! the keys.

use super::storm::bind_to_places;
use crate::heapless::Ground;
use crate::subject::go::PROGRAM;
use crate::subject::program::ask;
use host::thread::Usage;
use plan::experiment::Extent;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A job.
#[derive(Debug, Serialize)]
struct Asked<'a, J> {
    v: u32,
    workload: &'static str,
    parent_pid: u32,
    procs: u32,
    gogc: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<u64>,
    #[serde(flatten)]
    own: &'a J,
}

/// An answer, with what only its workload has.
#[derive(Debug, Deserialize)]
pub(super) struct Found<S> {
    go: String,
    procs: u32,
    gogc: i64,
    pub(super) elapsed_ns: u64,
    pub(super) operations: u64,
    usage: FoundUsage,
    pub(super) notes: Vec<String>,
    #[serde(flatten)]
    pub(super) own: S,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct FoundUsage {
    user_ns: u64,
    system_ns: u64,
    minor_faults: u64,
    major_faults: u64,
    voluntary_switches: u64,
    involuntary_switches: u64,
}

impl<S> Found<S> {
    /// CPU time of the process.
    pub(super) fn cpu_ns(&self) -> u64 {
        self.usage.user_ns + self.usage.system_ns
    }

    /// As facts.csv has it.
    pub(super) fn counts(&self) -> Option<String> {
        let Found { go, gogc, .. } = self;
        Some(format!("go={go}, gogc={gogc}"))
    }
}

/// Runs the job in a process of Go's own that is placed as a whole, GOMAXPROCS being the point's procs. `running` is told its
/// pid when its timed part begins, and `None` when that is over.
///
/// # Errors
/// One line: what the program said, or what does not add up.
pub(super) fn run<J: Serialize, S: DeserializeOwned>(
    ground: &Ground<'_>,
    workload: &'static str,
    own: &J,
    running: &mut dyn FnMut(Option<u32>) -> Result<(), String>,
) -> Result<(Found<S>, Usage), String> {
    let job = ground.job;
    bind_to_places(ground)?;
    let program = PROGRAM.find()?;
    let (seconds, operations) = match job.extent {
        Extent::Seconds(seconds) => (Some(seconds), None),
        Extent::Operations(operations) => (None, Some(operations)),
    };
    let go = job.point.go.ok_or("a point of Go that does not say how it collects")?;
    let (procs, gogc) = (job.point.procs, go.gogc.map_or(-1, i64::from));
    let asked = Asked { v: 1, workload, parent_pid: std::process::id(), procs, gogc, seconds, operations, own };
    let (mut began, mut ended) = (None, None);
    let found: Found<S> = ask(&program, &asked, &mut |phase, pid| {
        match phase {
            "run" => {
                began = host::thread::run_delay_ns_of(pid);
                running(Some(pid))?;
            }
            "check" => {
                running(None)?;
                ended = host::thread::run_delay_ns_of(pid);
            }
            _ => {}
        }
        Ok(())
    })?;
    if found.operations == 0 || found.elapsed_ns == 0 {
        let Found { operations, elapsed_ns, .. } = found;
        return Err(format!("go-subject: {operations} operations in {elapsed_ns} ns do not add up"));
    }
    if (found.procs, found.gogc) != (procs, gogc) {
        let Found { procs: had, gogc: has, .. } = found;
        return Err(format!("go-subject: GOMAXPROCS {procs} and GOGC {gogc} asked, {had} and {has} found"));
    }
    let kernel = found.usage;
    let usage = Usage {
        involuntary: kernel.involuntary_switches,
        voluntary: kernel.voluntary_switches,
        minor_faults: kernel.minor_faults,
        major_faults: kernel.major_faults,
        // Unknown where it had ended before its threads were looked at.
        run_delay_ns: ended.zip(began).map(|(ended, began): (u64, u64)| ended.saturating_sub(began)),
    };
    Ok((found, usage))
}
