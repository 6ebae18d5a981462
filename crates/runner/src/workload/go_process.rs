//! A workload without heaps on Go: what every such job and every answer has, whatever the workload. subjects/README.md has
//! the keys.

use crate::heapless::{Ground, bind_to_places};
use crate::subject::go::PROGRAM;
use crate::subject::program::{Tells, ask};
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

    /// What does not add up was not measured.
    fn check(&self, asked: (u32, i64)) -> Result<(), String> {
        let Found { operations, elapsed_ns, procs: had, gogc: has, .. } = self;
        if *operations == 0 || *elapsed_ns == 0 {
            return Err(format!("go-subject: {operations} operations in {elapsed_ns} ns do not add up"));
        }
        if (*had, *has) != asked {
            let (procs, gogc) = asked;
            return Err(format!("go-subject: GOMAXPROCS {procs} and GOGC {gogc} asked, {had} and {has} found"));
        }
        Ok(())
    }

    /// As facts.csv has it.
    pub(super) fn counts(&self) -> Option<String> {
        let Found { go, gogc, .. } = self;
        Some(format!("go={go}, gogc={gogc}"))
    }
}

/// Runs the job in a process of Go's own that is placed as a whole, GOMAXPROCS being the point's procs.
///
/// # Errors
/// One line: what the program said, or what does not add up.
pub(super) fn run<J: Serialize, S: DeserializeOwned>(
    ground: &Ground<'_>,
    workload: &'static str,
    own: &J,
) -> Result<(Found<S>, Usage), String> {
    run_watched(ground, workload, own, None, &mut |_| Ok(()))
}

/// [`run`] for who looks on: `tells` hears what Go's runtime is asked to tell, `running` is told its pid when its timed part
/// begins, and `None` when that is over.
///
/// # Errors
/// Those of [`run`] and of `running`.
pub(super) fn run_watched<J: Serialize, S: DeserializeOwned>(
    ground: &Ground<'_>,
    workload: &'static str,
    own: &J,
    tells: Option<Tells>,
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
    let found: Found<S> = ask(&program, &asked, tells, &mut |phase, pid| {
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
    found.check((procs, gogc))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_add_up_is_refused() {
        let check = |operations: u64, elapsed_ns: u64, (procs, gogc): (u32, i64)| {
            let text = format!(
                r#"{{"go": "go1", "procs": {procs}, "gogc": {gogc}, "elapsed_ns": {elapsed_ns}, "operations": {operations},
                "usage": {{"user_ns": 1, "system_ns": 2, "minor_faults": 0, "major_faults": 0, "voluntary_switches": 0,
                "involuntary_switches": 0}}, "notes": []}}"#
            );
            let found: Found<()> = serde_json::from_str(&text).expect("an answer");
            found.check((2, -1))
        };
        assert_eq!(check(150, 300, (2, -1)), Ok(()));
        let cause = |cause: &str| Err(format!("go-subject: {cause}"));
        assert_eq!(check(0, 300, (2, -1)), cause("0 operations in 300 ns do not add up"));
        assert_eq!(check(150, 0, (2, -1)), cause("150 operations in 0 ns do not add up"));
        assert_eq!(check(150, 300, (4, -1)), cause("GOMAXPROCS 2 and GOGC -1 asked, 4 and -1 found"));
        assert_eq!(check(150, 300, (2, 100)), cause("GOMAXPROCS 2 and GOGC -1 asked, 2 and 100 found"));
    }
}
