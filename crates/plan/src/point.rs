//! What will happen: a `Plan` is a list of resolved points and the order of its blocks.
//!
//! A point is a map factor -> level, with everything that follows from it on one machine already decided. Nothing
//! downstream looks at the experiment file or sees an `Option` that means "default".

use crate::audit::Audit;
use crate::claim::Claim;
use crate::experiment::{GO, GoSettings, Measure, RAYON, TOKIO};
use crate::knee::KneeModel;
use crate::place::{Placement, Regime};
use crate::printed::Beside;
use crate::published::Published;
use crate::record::{PointRow, PointState, Row};
use crate::scheduler::Seated;
use crate::workload::Workload;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One experiment on one machine, resolved. Saved as plan.toml beside the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the experiment.
    pub experiment: String,
    /// Its question, one sentence.
    pub question: String,
    /// What its author expects.
    pub expect: String,
    /// The published table it is compared with. Plans from before it was kept have a path under `published`, and no table.
    #[serde(rename = "published_table", skip_serializing_if = "Option::is_none", default)]
    pub published: Option<Published>,
    /// Another printed table, with the metrics that stand beside its columns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub printed: Option<Beside>,
    /// The audit of the article it tests, with its tables.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit: Option<Audit>,
    /// How it is measured, resolved.
    pub measure: Measure,
    /// The factor that curves are drawn, fitted and claimed over: `procs`, or a further factor whose levels are numbers.
    #[serde(skip_serializing_if = "is_procs", default = "procs_axis")]
    pub axis: String,
    /// Factors beyond procs, arm and subject, in column order.
    pub factors: Vec<String>,
    /// Metrics that the workload adds to samples.csv, in column order.
    pub metrics: Vec<String>,
    /// Points that will run.
    pub points: Vec<Point>,
    /// Points that this machine cannot hold, with the reason.
    pub skipped: Vec<Skipped>,
    /// Notes on what was decided, for people ("heaps: 16 MiB private, …").
    pub notes: Vec<String>,
    /// The claims, as written.
    pub claims: Vec<Claim>,
    /// The article's model of a knee and what measures its constants.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub knee: Option<KneeModel>,
}

/// One point: levels of the factors and what follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// `p00`, `p01`, … in plan order.
    pub id: String,
    /// Arm; where several arms come out identical on this machine, their names joined with `+`.
    pub arm: String,
    /// Number of workers.
    pub procs: u32,
    /// What schedules the work.
    pub subject: String,
    /// Levels of the further factors, by name.
    pub factors: BTreeMap<String, String>,
    /// Level of the plan's axis, where that is not `procs`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub axis_level: Option<u32>,
    /// How crowded the PUs are.
    pub regime: Regime,
    /// `close`, `spread`, `unbound`, `node:0`, … as the arm says; for a process-wide arm that of the process.
    pub placement_name: String,
    /// Policy of the heaps in words: `private local, shared interleave:0-1`.
    pub memory_policy: String,
    /// Nodes on which its workers may run.
    pub nodes_spanned: u32,
    /// Where everything goes.
    pub placement: Placement,
    /// What the workers do, resolved.
    pub workload: Workload,
    /// Whether it waits, warmed up, until NUMA balancing has settled.
    pub settle: bool,
    /// The local hit ratio where it follows from the plan alone; such a ratio supports no claim about a runtime.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hit_ratio_by_construction: Option<f64>,
    /// Bytes needed on each node `(node, bytes)`, as far as the plan fixes them.
    pub bytes_on_node: Vec<(u32, u64)>,
    /// Bytes of all heaps together.
    pub bytes: u64,
    /// How Go collects, where it is the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub go: Option<GoSettings>,
    /// The suite's scheduler, where it is the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scheduler: Option<Seated>,
}

/// A point that is not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// Arm.
    pub arm: String,
    /// Number of workers asked.
    pub procs: u32,
    /// What schedules the work.
    pub subject: String,
    /// Levels of the further factors.
    pub factors: BTreeMap<String, String>,
    /// Level of the plan's axis, where that is not `procs`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub axis_level: Option<u32>,
    /// Why, one line.
    pub reason: String,
}

/// One scheduled sample: which point, in which block, at which place in the whole order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Index into [`Plan::points`].
    pub point: usize,
    /// Block, from 0: each block holds every point once.
    pub block: u32,
    /// Place in the whole run, from 0.
    pub order: u32,
}

/// The axis of plans that name none.
pub const PROCS: &str = "procs";

fn is_procs(axis: &str) -> bool {
    axis == PROCS
}

fn procs_axis() -> String {
    PROCS.into()
}

/// Whether an arm's name is among those joined with `+`.
pub fn is_arm(joined: &str, name: &str) -> bool {
    joined.split('+').any(|one| one == name)
}

impl Skipped {
    /// Where it lies on the plan's axis.
    pub fn x(&self) -> u32 {
        self.axis_level.unwrap_or(self.procs)
    }

    /// Whether it is a point of an arm.
    pub fn is_of_arm(&self, name: &str) -> bool {
        is_arm(&self.arm, name)
    }
}

impl Point {
    /// Where it lies on the plan's axis: its number of workers, or its level of another factor.
    pub fn x(&self) -> u32 {
        self.axis_level.unwrap_or(self.procs)
    }

    /// Whether it is a point of an arm.
    pub fn is_of_arm(&self, name: &str) -> bool {
        is_arm(&self.arm, name)
    }

    /// Whether its world is stopped: when somebody asks for it, in Go whenever the collector must, in tokio and rayon never.
    pub fn has_pauses(&self, measure: &Measure) -> bool {
        let stops = match self.subject.as_str() {
            GO => true,
            TOKIO | RAYON => false,
            _ => measure.pause_every_ns > 0,
        };
        self.workload.has_heaps() && stops
    }

    /// Whether the same happens at two points: levels, placement, workload, whether it settles, and how Go collects.
    pub fn is_alike(&self, other: &Point) -> bool {
        self.same_point(other)
            && self.placement == other.placement
            && self.workload == other.workload
            && self.settle == other.settle
            && self.go == other.go
            && self.scheduler == other.scheduler
    }

    /// Whether two points have the same levels of all factors.
    pub fn same_point(&self, other: &Point) -> bool {
        self.arm == other.arm && self.same_levels(other)
    }

    /// The same but for the arm.
    pub fn same_levels(&self, other: &Point) -> bool {
        self.procs == other.procs && self.subject == other.subject && self.factors == other.factors
    }
}

impl Plan {
    /// Whether curves go over the number of workers, which the machine's boundaries are counted in.
    pub fn is_over_procs(&self) -> bool {
        is_procs(&self.axis)
    }

    /// The rows of points.csv: points that run in plan order, then the skipped ones; after the fixed cells one for each
    /// further factor.
    pub fn point_cells(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        let levels = |of: &BTreeMap<String, String>| -> Vec<String> {
            self.factors.iter().map(|factor| of.get(factor).cloned().unwrap_or_default()).collect()
        };
        let planned =
            self.points.iter().map(move |point| [planned_row(point).cells(), levels(&point.factors)].concat());
        let skipped =
            self.skipped.iter().map(move |point| [skipped_row(point).cells(), levels(&point.factors)].concat());
        planned.chain(skipped)
    }
}

fn planned_row(point: &Point) -> PointRow {
    PointRow {
        point_id: Some(point.id.clone()),
        state: PointState::Planned,
        arm: point.arm.clone(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: Some(point.regime),
        placement: Some(point.placement_name.clone()),
        memory_policy: Some(point.memory_policy.clone()),
        nodes_spanned: Some(point.nodes_spanned),
        hit_ratio_by_construction: point.hit_ratio_by_construction,
        bytes: Some(point.bytes),
        reason: None,
    }
}

fn skipped_row(point: &Skipped) -> PointRow {
    PointRow {
        point_id: None,
        state: PointState::Skipped,
        arm: point.arm.clone(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: None,
        placement: None,
        memory_policy: None,
        nodes_spanned: None,
        hit_ratio_by_construction: None,
        bytes: None,
        reason: Some(point.reason.clone()),
    }
}
