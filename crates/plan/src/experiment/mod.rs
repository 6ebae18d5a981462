//! An experiment file, as written and checked for itself; what it means on one machine is `crate::planning`'s to say.
//!
//! Reading gives exact lines: `experiments/numa-binding.toml:8: unknown key "thread" in [sweep]; known keys: …`.

mod arms;
mod audit;
mod claims;
mod curve;
mod go;
mod knee;
mod measure;
mod printed;
mod reach;
mod read;
mod settings;
mod sweep;
mod table;

pub use arms::ArmError;
pub use audit::{TableReader, parse_audit, read_audit};
pub use go::GoSettings;
pub use measure::{PILOT_LEAST, REPETITIONS_MOST};
pub use read::{FileError, parse_experiment, read_experiment, read_text};
pub use settings::Settings;
pub use sweep::ProcsError;
pub(crate) use sweep::level_on_axis;

use crate::audit::Audit;
use crate::claim::Claim;
use crate::knee::KneeModel;
use crate::place::Toucher;
use crate::printed::Beside;
use crate::published::Published;
use crate::record::Seed;
use crate::text::words;
use crate::workload::WorkloadFile;
use serde::{Deserialize, Serialize};

/// An experiment as its author wrote it, every value checked for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFile {
    /// Where it was read from, for messages.
    pub path: String,
    /// Its name: letters, digits, `-` and `_`; results are filed under it.
    pub name: String,
    /// What it asks, one sentence.
    pub question: String,
    /// What its author expects to see.
    pub expect: String,
    /// The published table it names, as read.
    pub published: Option<Published>,
    /// `[printed]`, with its table as read.
    pub printed: Option<Beside>,
    /// The audit it names, as read: what the article it tests says of itself.
    pub audit: Option<Audit>,
    /// `[workload]`, with the keys that `[sweep]` varies left at their first level.
    pub workload: WorkloadFile,
    /// `[pauses]`.
    pub pauses: PausesFile,
    /// `[scheduler]` and `[go]`, with the keys that `[sweep]` varies left at their first level.
    pub settings: Settings,
    /// `[sweep]`.
    pub sweep: SweepFile,
    /// `[[arm]]`, at least one, names unique.
    pub arms: Vec<ArmFile>,
    /// `[measure]`.
    pub measure: MeasureFile,
    /// `[[claim]]`, ids unique.
    pub claims: Vec<Claim>,
    /// `[knee]`.
    pub knee: Option<KneeModel>,
}

/// `[pauses]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PausesFile {
    /// Mean time between two requests; `None`: the world is never stopped.
    pub every_ns: Option<u64>,
    /// What is touched while the world is stopped.
    pub stopped_work: StoppedWork,
    /// Line of the file that says so, for messages; 0 where none does.
    pub stopped_work_line: usize,
}

/// What all workers do while the world is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoppedWork {
    /// Nothing.
    None,
    /// They read this many bytes of the heaps, each worker its part, as a collector's mark would.
    Scan {
        /// Bytes read in one pause, all workers together.
        bytes: u64,
    },
}

/// `[sweep]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepFile {
    /// Numbers of workers.
    pub procs: Procs,
    /// Points beyond the PUs of their arm.
    pub oversubscribe: Oversubscribe,
    /// What schedules the work; at least one.
    pub subjects: Vec<String>,
    /// Further factors, in file order: keys of the workload or of a subject's settings.
    pub factors: Vec<Factor>,
    /// The factor that curves go over: `procs`, or one of `factors`, whose levels are then whole numbers from 1.
    pub axis: String,
}

/// A key of the workload, or of a subject's settings, that is swept.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The key.
    pub key: String,
    /// Its levels as the file writes them.
    pub levels: Vec<toml::Value>,
}

/// What can schedule the work, as `subject` of `[sweep]` names it; the first is the default.
pub const SUBJECTS: &[&str] = &[THREADS, GMP, GO, TOKIO, RAYON];

/// The subject whose workers are OS threads, which stay where they are put.
pub const THREADS: &str = "threads";

/// The suite's scheduler.
pub const GMP: &str = "gmp";

/// The subject that is Go: goroutines in a process of Go's own, whose collector stops the world when it must.
pub const GO: &str = "go";

/// The subject that is tokio's scheduler of several threads.
pub const TOKIO: &str = "tokio";

/// The subject that is a pool of rayon: each turn of a task is a job of its own.
pub const RAYON: &str = "rayon";

/// Numbers of workers to sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Procs {
    /// 1 2 4 8 12 16 24 32 40 48 56 64, all integers up to 16 on machines of up to 16 PUs, and these besides.
    Paper(Vec<u32>),
    /// As listed, ascending, without repeats.
    List(Vec<u32>),
}

/// The grid of the paper: statistics of 12 distinct procs identify rise, knee and decay on 64 PUs.
pub const PAPER_PROCS: &[u32] = &[1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 64];

/// More than this on an axis other than procs are a typing error.
pub const AXIS_MOST: u32 = 100_000_000;

/// More workers than this are a typing error: Linux's default pid_max is 32,768 on small machines.
pub const PROCS_MOST: u32 = 4096;

words! {
    /// What to do with points that have more workers than their arm has PUs.
    Oversubscribe {
        /// They are skipped, with the reason.
        No = "no",
        /// The first of them in each arm runs, marked; the others are skipped.
        Next = "next",
        /// All run, marked.
        All = "all",
    }
}

/// `[[arm]]`: how workers and memory are placed. What is not written stays at the kernel's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmFile {
    /// Its name.
    pub name: String,
    /// Line of the file, for messages.
    pub line: usize,
    /// What numactl would set for the whole process.
    pub process: Option<ProcessFile>,
    /// Which PU each worker runs on.
    pub cpus: CpusFile,
    /// Policy of private heaps.
    pub private: PolicyFile,
    /// Policy of the shared heap; never `Local`.
    pub shared: PolicyFile,
    /// Who touches the shared heap first.
    pub shared_toucher: Toucher,
    /// Use of sibling PUs.
    pub smt: Smt,
    /// Runs only where NUMA balancing is on, warmed up until migrations die down.
    pub settle: bool,
}

/// `process = { cpus = "node:0", memory = "bind:0" }`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessFile {
    /// Where the process may run.
    pub cpus: Option<CpusFile>,
    /// Its memory policy.
    pub memory: Option<PolicyFile>,
}

/// Where workers run, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpusFile {
    /// Not bound.
    Unbound,
    /// Nodes filled one by one, one PU each.
    Close,
    /// Nodes in turn, one PU each.
    Spread,
    /// On the PUs of these nodes (numactl's grammar), floating among them.
    Nodes(String),
    /// On these PUs (numactl's grammar), floating among them.
    Pus(String),
}

/// A policy as written; its list is resolved against the machine and, for `workers`, against the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its name.
    pub name: PolicyName,
    /// `None` for `first-touch` and `local`; else a node list in numactl's grammar, `all`, or `workers`: the nodes that
    /// the point's workers run on.
    pub nodes: Option<String>,
}

words! {
    /// Names of policies in experiment files.
    PolicyName {
        /// See [`crate::policy::MemoryPolicy::FirstTouch`].
        FirstTouch = "first-touch",
        /// See [`crate::policy::MemoryPolicy::Local`].
        Local = "local",
        /// See [`crate::policy::MemoryPolicy::Bind`].
        Bind = "bind",
        /// See [`crate::policy::MemoryPolicy::Preferred`].
        Preferred = "preferred",
        /// See [`crate::policy::MemoryPolicy::PreferredMany`].
        PreferredMany = "preferred-many",
        /// See [`crate::policy::MemoryPolicy::Interleave`].
        Interleave = "interleave",
        /// See [`crate::policy::MemoryPolicy::WeightedInterleave`].
        WeightedInterleave = "weighted-interleave",
    }
}

words! {
    /// Whether and when sibling PUs of a core are used.
    Smt {
        /// Only the first PU of each core; more workers than cores are oversubscribed.
        Off = "off",
        /// Siblings of a node when its cores are used up, before the next node.
        LastInNode = "last-in-node",
        /// Siblings when all cores of the machine are used up.
        Last = "last",
        /// Both siblings of a core before the next core.
        Pack = "pack",
    }
}

/// `[measure]` as written, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureFile {
    /// When a sample ends.
    pub extent: Extent,
    /// How many samples of each point.
    pub repetitions: Repetitions,
    /// How many samples of the points whose pauses a claim contrasts, where that is more.
    pub pause_repetitions: Option<u32>,
    /// Most time the whole run may take; `None`: as long as it needs.
    pub budget_seconds: Option<f64>,
    /// Seed of orders, addresses and pauses.
    pub seed: u64,
    /// Deadline of one sample beyond its expected time, in seconds.
    pub grace_seconds: f64,
}

/// How a plan is measured, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// When a sample ends.
    pub extent: Extent,
    /// How many samples of each point.
    pub repetitions: Repetitions,
    /// Blocks of the points whose pauses a claim contrasts: the whole blocks, then more that hold only these.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pause_repetitions: Option<u32>,
    /// Most time the whole run may take.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub budget_seconds: Option<f64>,
    /// `random-blocks`: complete blocks, each a random permutation of all points.
    pub order: String,
    /// Seed of orders, addresses and pauses.
    pub seed: Seed,
    /// Mean time between two requests to stop the world; 0: never.
    pub pause_every_ns: u64,
    /// What is touched while the world is stopped.
    pub stopped_work: StoppedWork,
    /// Slices of a sample in windows.csv.
    pub windows: u32,
    /// Disturbance thresholds, fixed before anything is measured.
    pub thresholds: Thresholds,
    /// Deadline of one sample beyond its expected time, in seconds.
    pub grace_seconds: f64,
}

/// When a sample ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// After this time.
    Seconds(f64),
    /// When each worker has done this many operations: where no time can be believed.
    Operations(u64),
}

/// How many samples of each point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repetitions {
    /// This many.
    Fixed(u32),
    /// Stein's two stages: `min` samples, then as many as make the interval's half width `until` of the mean, at most `max`.
    Until {
        /// Pilot, >= 10.
        min: u32,
        /// Cap.
        max: u32,
        /// Relative half width, 0.02 for 2 %.
        until: f64,
        /// Column of samples.csv it is about.
        metric: String,
    },
}

/// Limits above which a sample is flagged as disturbed. Only causes outside the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Time runnable without a PU / wall time, where PUs are not oversubscribed.
    pub run_delay_ratio: f64,
    /// Steal / wall time …
    pub steal_ratio: f64,
    /// … and at least this many clock ticks of it, since one tick is 10 ms.
    pub steal_ticks: u64,
    /// Periods in which the cgroup's quota stopped us; plans from before it was written had 0, too.
    #[serde(default)]
    pub throttled_periods: u64,
    /// Page faults of workers that waited for swap or disk; plans from before it was written had no limit.
    #[serde(default = "Thresholds::any_count")]
    pub major_faults: u64,
    /// Pages outside the nodes of their policy / all pages that belong to some; likewise.
    #[serde(default = "Thresholds::any_ratio")]
    pub pages_spilled_ratio: f64,
}

impl Thresholds {
    /// 2 % of run delay; 2 % and 3 ticks of steal; no throttled period, each of which takes the PU for up to 100 ms; no page
    /// from swap or disk; 5 % of the pages elsewhere. Source: measured beside noisy neighbours, 9-18 % of run delay where
    /// steal showed 0-3 ticks; quiet runs stay below 1 %.
    pub const DEFAULT: Thresholds = Thresholds {
        run_delay_ratio: 0.02,
        steal_ratio: 0.02,
        steal_ticks: 3,
        throttled_periods: 0,
        major_faults: 0,
        pages_spilled_ratio: 0.05,
    };

    fn any_count() -> u64 {
        // The most that TOML can write.
        i64::MAX as u64
    }

    fn any_ratio() -> f64 {
        1.0
    }
}

/// What the command line changes about an experiment before it is planned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--seconds` / `--operations`.
    pub extent: Option<Extent>,
    /// `--repetitions`: of every point, in place of both the file's `repetitions` and its `pause_repetitions`.
    pub repetitions: Option<u32>,
    /// `--budget`.
    pub budget_seconds: Option<f64>,
    /// `--procs`.
    pub procs: Option<Procs>,
    /// `--arm`, repeated: only these.
    pub arms: Vec<String>,
    /// `--subject`, repeated: only these.
    pub subjects: Vec<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--oversubscribe`.
    pub oversubscribe: Option<Oversubscribe>,
    /// `--no-pauses` and `--pauses-every`: `Some(None)` is never.
    pub pause_every_ns: Option<Option<u64>>,
}
