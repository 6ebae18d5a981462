//! What one sample is: the job that the parent hands to a child, and what comes back.

use plan::experiment::{Extent, StoppedWork};
use plan::point::Point;
use plan::record::{HitSource, Seed, StopReason};
use plan::set::{CpuSet, NodeSet};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything a child needs, one JSON line on its stdin. The child decides nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The point, with its resolved places.
    pub point: Point,
    /// Seed of addresses and of the jitter of pauses.
    pub seed: Seed,
    /// When to stop.
    pub extent: Extent,
    /// Mean time between two requests to stop the world; 0: never.
    pub pause_every_ns: u64,
    /// What is touched while the world is stopped.
    pub stopped_work: StoppedWork,
    /// Slices in windows.csv.
    pub windows: u32,
    /// PU -> node of the machine, `(pu, node)`, so that the child needs no hwloc.
    pub node_of_pu: Vec<(u32, u32)>,
    /// PU -> package, for `local_package_ratio`: `(node, package)`.
    pub package_of_node: Vec<(u32, u32)>,
    /// PUs and nodes the parent saw as allowed; a child that sees others refuses.
    pub allowed_pus: CpuSet,
    /// See `allowed_pus`.
    pub allowed_nodes: NodeSet,
    /// File for what the scheduler did, where that is asked for and the subject has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_to: Option<PathBuf>,
    /// Pid of the parent; a child with another parent has lost it and ends.
    pub parent_pid: u32,
}

/// One sample, measured or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it started, UTC, RFC 3339.
    pub started_utc: String,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Figures.
    Measured(Box<Measured>),
    /// A cause. The run goes on with the next sample.
    Failed(Failure),
}

/// Why a sample failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The phase it died in: start, bind, allocate, touch, locate, run, replay.
    pub phase: String,
    /// The cause, one line: "killed by the OOM killer: node 1 had 201 MiB free, 400 MiB were needed".
    pub cause: String,
}

/// The figures of one sample. `None` is not measured. Times are ns after the common release of the workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Why it ended.
    pub stop_reason: StopReason,
    /// Length of what this sample alone shows as warm-up, by change point; nothing is cut by it. 0: none.
    pub warmup_ns: u64,
    /// From the common release to the last worker's stop, stopped time included.
    pub elapsed_ns: u64,
    /// Operations in that time.
    pub operations: u64,
    /// Local hit ratio by replay.
    pub hits: Option<Hits>,
    /// Pages of private heaps `(on their owner's node, elsewhere)` at the end.
    pub private_pages: Option<(u64, u64)>,
    /// Heap pages that changed node between the maps before and after.
    pub pages_migrated: Option<u64>,
    /// Heap pages that lay outside the nodes of their policy when the run began, and all whose policy has such nodes.
    pub pages_spilled: Option<(u64, u64)>,
    /// Share of the heaps' bytes in huge pages.
    pub huge_ratio: Option<f64>,
    /// One for each slice, in order, warm-up included.
    pub windows: Vec<Window>,
    /// One for each stop of the world, in order, warm-up included.
    pub pauses: Vec<PauseTimes>,
    /// Due times that passed during a pause; `None` where there are none.
    pub pauses_missed: Option<u64>,
    /// One for each worker, in order.
    pub workers: Vec<WorkerFigures>,
    /// Faults of the whole process while running `(minor, major)`.
    pub faults: Option<(u64, u64)>,
    /// Time that the process's threads were runnable without a PU, together, where workers are no threads.
    #[serde(default)]
    pub process_delay_ns: Option<u64>,
    /// Context switches `(voluntary, involuntary)` of the process, where no workers are told apart.
    #[serde(default)]
    pub process_switches: Option<(u64, u64)>,
    /// NUMA hinting faults of the host meanwhile.
    pub hint_faults: Option<u64>,
    /// Steal of the PUs used meanwhile, in clock ticks, and the ticks that passed on them.
    pub steal_ticks: Option<(u64, u64)>,
    /// cgroup throttling meanwhile: periods throttled.
    pub throttled_periods: Option<u64>,
    /// Time the child spent outside running and settling, ns by phase; "touch" is writing the heaps for the first time.
    pub overhead_ns: Vec<(String, u64)>,
    /// What could not be measured and why; what was read back otherwise than asked.
    pub notes: Vec<String>,
    /// Further facts about it for facts.csv, by name: the process's age, whether its migrations had died down.
    pub facts: Vec<(String, String)>,
    /// Values of the workload's own metrics, in its column order.
    pub metrics: Vec<Option<f64>>,
}

/// Touches, counted by replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hits {
    /// How they were counted.
    pub source: HitSource,
    /// All touches looked at.
    pub touches: u64,
    /// Local, of PUs and pages that did not move.
    pub local: u64,
    /// Remote, likewise.
    pub remote: u64,
    /// Local share of the known touches; of what moved, the expected number.
    pub ratio: f64,
    /// Lower bound of it: unknown and moved ones counted remote.
    pub low: f64,
    /// Upper bound: unknown and moved ones counted local.
    pub high: f64,
    /// Share of the known touches whose page lies in the toucher's package; `None` where packages are not known.
    pub package_ratio: Option<f64>,
    /// All touches by node.
    pub traffic: Vec<TrafficCell>,
}

/// Touches from one node to one node; `None` where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrafficCell {
    /// Node of the PU.
    pub pu_node: Option<u32>,
    /// Node of the page.
    pub memory_node: Option<u32>,
    /// Touches, of PUs and pages that did not move.
    pub touches: u64,
    /// Expected number of those of workers or pages that moved.
    pub moved: f64,
}

impl TrafficCell {
    /// Both.
    pub fn expected(&self) -> f64 {
        self.touches as f64 + self.moved
    }
}

/// One slice of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Start.
    pub start_ns: u64,
    /// Length.
    pub length_ns: u64,
    /// Operations of all workers in it.
    pub operations: u64,
}

/// One stop of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseTimes {
    /// Due time.
    pub due_ns: Option<u64>,
    /// Due time to request.
    pub late_ns: Option<u64>,
    /// Request to last worker parked.
    pub stopping_ns: Option<u64>,
    /// World stopped.
    pub stopped_ns: Option<u64>,
    /// Release to last worker running.
    pub resuming_ns: Option<u64>,
    /// What a runtime tells of its own pauses instead of all that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholePause>,
    /// Steal ticks of that moment.
    pub steal_ticks: Option<u64>,
    /// Involuntary switches of that moment, all workers.
    pub involuntary_switches: Option<u64>,
}

/// A pause of which only its end and its length are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholePause {
    /// When its last stop was over.
    pub end_ns: u64,
    /// All its stops together.
    pub total_ns: u64,
}

impl PauseTimes {
    /// How long the world stood still, as told or as the sum of the parts.
    pub fn total_ns(&self) -> u64 {
        let parts = [self.stopping_ns, self.stopped_ns, self.resuming_ns];
        self.whole.map_or_else(|| parts.iter().flatten().sum(), |whole| whole.total_ns)
    }

    /// When it was requested, or else when it was over.
    pub fn moment_ns(&self) -> Option<u64> {
        let requested = self.due_ns.zip(self.late_ns).map(|(due, late)| due + late);
        requested.or(self.whole.map(|whole| whole.end_ns))
    }
}

/// One worker of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFigures {
    /// Worker.
    pub worker: u32,
    /// PU at the end.
    pub pu: Option<u32>,
    /// Its operations.
    pub operations: u64,
    /// Runnable without a PU, whole sample.
    pub run_delay_ns: Option<u64>,
    /// Wall time of the whole sample as this worker saw it.
    pub wall_ns: u64,
    /// Context switches `(voluntary, involuntary)`, whole sample.
    pub switches: Option<(u64, u64)>,
    /// Times its PU changed, whole sample.
    pub migrations: Option<u64>,
}
