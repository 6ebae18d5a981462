//! Claims: statements of a published text, typed so that two people come to the same verdict.
//!
//! The rule of each type is `report::claims`'. What is called `procs` here is a place on the axis of the experiment, which
//! another factor may be. A claim about more nodes or procs than the machine has is not testable.

use crate::reach::Reach;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Columns of samples.csv that are quantiles or extremes of a sample's pauses, which are few, or its longest request: their mean
/// over samples is nothing that anyone means, so that no claim and no comparison is about them.
pub const NEVER_AVERAGED: &[&str] = &["pause_p50_ns", "pause_p99_ns", "pause_max_ns", "latency_max_ns"];

/// `[[claim]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Unique in the file.
    pub id: String,
    /// The statement in words.
    pub text: String,
    /// Arms it is tested on, each by itself.
    pub arms: Vec<String>,
    /// Subjects it is tested on, each by itself; those of plans from before it was kept are all the plan has.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subjects: Vec<String>,
    /// Levels of further factors at which it is tested; `procs` among them where that is not the axis.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub levels: BTreeMap<String, String>,
    /// Of a ratio: where the denominator is taken, as far as that is elsewhere.
    #[serde(skip_serializing_if = "Over::is_same", default)]
    pub over: Over,
    /// Nodes the machine must have; 2 for every claim about NUMA.
    pub nodes_least: u32,
    /// Machines that the statement speaks of, by their nodes.
    #[serde(skip_serializing_if = "NodeCores::is_any", default)]
    pub node_cores: NodeCores,
    /// Why nothing that is measured here can test it, in words: then that is its verdict.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub untestable: Option<String>,
    /// What must hold.
    pub rule: ClaimRule,
}

/// What distinguishes the denominator of a ratio from its numerator, beside its place on the axis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Another arm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arm: Option<String>,
    /// Another subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// Other levels of factors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub levels: BTreeMap<String, String>,
}

impl Over {
    /// Whether only the place on the axis differs.
    pub fn is_same(&self) -> bool {
        *self == Over::default()
    }

    /// `numa_aware=false, arm unbound`
    pub fn in_words(&self) -> String {
        let levels = self.levels.iter().map(|(key, level)| format!("{key}={level}"));
        let arm = self.arm.iter().map(|arm| format!("arm {arm}"));
        let subject = self.subject.iter().map(|subject| format!("subject {subject}"));
        levels.chain(arm).chain(subject).collect::<Vec<_>>().join(", ")
    }
}

/// How many cores each node must have, of those nodes that are used by default and of those cores that the process may
/// use. "64 processors, beyond one node" is said of nodes of 32 to 63 and is false of others: nothing there refutes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCores {
    /// At least so many; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<u32>,
    /// At most so many; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<u32>,
}

impl NodeCores {
    /// Whether it asks for nothing.
    pub fn is_any(&self) -> bool {
        *self == NodeCores::default()
    }

    /// Whether a node of so many cores is one of those meant.
    pub fn admit(&self, cores: u32) -> bool {
        self.min.is_none_or(|min| cores >= min) && self.max.is_none_or(|max| cores <= max)
    }
}

/// `nodes of 32 to 63 cores`.
impl fmt::Display for NodeCores {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (None, None) => write!(out, "any nodes"),
            (Some(min), None) => write!(out, "nodes of {min} cores or more"),
            (None, Some(max)) => write!(out, "nodes of {max} cores or fewer"),
            (Some(min), Some(max)) if min == max => write!(out, "nodes of {min} cores"),
            (Some(min), Some(max)) => write!(out, "nodes of {min} to {max} cores"),
        }
    }
}

/// What must hold, by type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ClaimRule {
    /// A metric at one procs is a printed value, give or take.
    Value {
        /// Column of samples.csv, or `remote_ratio` = 1 - local_hit_ratio.
        metric: String,
        /// Where.
        procs: u32,
        /// The printed figure.
        printed: f64,
        /// Absolute tolerance.
        tolerance: f64,
    },
    /// A metric at one procs over the same at another is a printed ratio, within 10 % of it; paired by block.
    Ratio {
        /// Column of samples.csv, or `remote_ratio`.
        metric: String,
        /// Numerator.
        procs: u32,
        /// Denominator.
        over_procs: u32,
        /// The printed ratio.
        printed: f64,
        /// Only whether it is above or below 1, as printed.
        #[serde(default)]
        direction_only: bool,
    },
    /// A metric at one procs, or that over the same at another, lies on one side of a limit: "more than 2 threads a processor".
    Limit {
        /// Column of samples.csv, or `remote_ratio`.
        metric: String,
        /// Where; of a ratio the numerator.
        procs: u32,
        /// Denominator of a ratio; `None`: it is about the metric itself.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        over_procs: Option<u32>,
        /// Which side.
        side: Side,
        /// The printed limit.
        limit: f64,
        /// Whether that is so many times the number of workers, as `2 procs`.
        #[serde(default)]
        in_procs: bool,
    },
    /// A metric is highest at one procs.
    Peak {
        /// Column of samples.csv.
        metric: String,
        /// Where.
        procs: u32,
    },
    /// The fitted knee and the model-free one lie near a boundary of the machine.
    Knee {
        /// Column of samples.csv.
        metric: String,
        /// `core`, `llc`, `node`, `package`: their number of PUs on this machine; a number; or, over another axis, so many
        /// times procs: `2.5 procs`.
        near: String,
    },
    /// The variance of pauses at one procs over that at another is a printed ratio, within a factor of 1.5.
    VarianceRatio {
        /// Numerator.
        procs: u32,
        /// Denominator.
        over_procs: u32,
        /// The printed ratio.
        printed: f64,
    },
    /// The slope of ln metric against ln procs is a printed one, give or take.
    Slope {
        /// Column of samples.csv.
        metric: String,
        /// Where.
        span: Span,
        /// The printed slope.
        printed: f64,
        /// Absolute tolerance.
        tolerance: f64,
    },
    /// A metric rises, or falls, from each procs of the grid to the next.
    Monotone {
        /// Column of samples.csv.
        metric: String,
        /// Where.
        span: Span,
        /// Which way.
        trend: Trend,
        /// A step against it that does not count, as a share.
        delta: f64,
    },
    /// One curve describes a metric over procs better than its rivals.
    Model {
        /// Column of samples.csv.
        metric: String,
        /// Name of the curve.
        model: String,
        /// Names of the others; at least one.
        rivals: Vec<String>,
        /// Where.
        #[serde(skip_serializing_if = "Reach::is_all", default)]
        reach: Reach,
    },
    /// A metric over procs breaks at one procs and falls, or rises, past it, and no smooth curve explains that.
    Threshold {
        /// Column of samples.csv.
        metric: String,
        /// As `near` of a knee.
        near: String,
        /// Where it is looked for.
        #[serde(skip_serializing_if = "Reach::is_all", default)]
        reach: Reach,
        /// Which way it goes past the threshold; `None` in plans from before it was asked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        trend: Option<Trend>,
        /// By which factor at least; likewise.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        factor: Option<f64>,
    },
    /// The local hit ratios at two procs explain their throughputs: the remote over local latency that this needs lies in
    /// the range of real ones.
    Relation {
        /// The slower.
        procs: u32,
        /// The faster.
        over_procs: u32,
        /// Whether each worker is as slow as its accesses, or all of them together.
        of: Share,
        /// Least remote over local latency, measured.
        low: f64,
        /// Greatest.
        high: f64,
    },
}

/// A part of the grid of procs; `None`: to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    /// First procs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<u32>,
    /// Last procs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<u32>,
}

impl Span {
    /// Whether a procs lies in it.
    pub fn holds(&self, x: u32) -> bool {
        self.from.is_none_or(|from| x >= from) && self.to.is_none_or(|to| x <= to)
    }

    /// `from 2 to 8 procs`, `over all procs`.
    pub fn in_words(&self, axis: &str) -> String {
        match (self.from, self.to) {
            (None, None) => format!("over all {axis}"),
            (Some(from), None) => format!("from {from} {axis} on"),
            (None, Some(to)) => format!("up to {to} {axis}"),
            (Some(from), Some(to)) => format!("from {from} to {to} {axis}"),
        }
    }
}

/// The factor of a boundary in units of procs: 2.5 of `2.5 procs`.
pub fn times_procs(near: &str) -> Option<f64> {
    let factor: f64 = near.strip_suffix(" procs")?.parse().ok()?;
    (factor.is_finite() && factor > 0.0).then_some(factor)
}

crate::text::words! {
    /// Which way a metric goes.
    Trend {
        /// Up.
        Rising = "rising",
        /// Down.
        Falling = "falling",
    }
}

crate::text::words! {
    /// On which side of a limit a metric lies; the words are keys of `[[claim]]`.
    Side {
        /// More than it.
        Above = "above",
        /// It, or more.
        AtLeast = "at_least",
        /// Less than it.
        Below = "below",
        /// It, or less.
        AtMost = "at_most",
    }
}

impl Side {
    /// `at least`
    pub fn in_words(self) -> String {
        self.word().replace('_', " ")
    }
}

crate::text::words! {
    /// Whose throughput a relation is about.
    Share {
        /// Throughput / procs.
        Each = "each",
        /// Throughput.
        All = "all",
    }
}

impl ClaimRule {
    /// The type as files write it.
    pub fn type_name(&self) -> &'static str {
        match self {
            ClaimRule::Value { .. } => "value",
            ClaimRule::Ratio { .. } => "ratio",
            ClaimRule::Limit { .. } => "limit",
            ClaimRule::Peak { .. } => "peak",
            ClaimRule::Knee { .. } => "knee",
            ClaimRule::VarianceRatio { .. } => "variance-ratio",
            ClaimRule::Slope { .. } => "slope",
            ClaimRule::Monotone { .. } => "monotone",
            ClaimRule::Model { .. } => "model",
            ClaimRule::Threshold { .. } => "threshold",
            ClaimRule::Relation { .. } => "relation",
        }
    }

    /// The columns of samples.csv it is about; `remote_ratio` is none.
    pub fn metrics(&self) -> Vec<&str> {
        match self {
            ClaimRule::Value { metric, .. }
            | ClaimRule::Ratio { metric, .. }
            | ClaimRule::Limit { metric, .. }
            | ClaimRule::Peak { metric, .. }
            | ClaimRule::Knee { metric, .. }
            | ClaimRule::Slope { metric, .. }
            | ClaimRule::Monotone { metric, .. }
            | ClaimRule::Model { metric, .. }
            | ClaimRule::Threshold { metric, .. } => vec![metric],
            ClaimRule::VarianceRatio { .. } => vec!["pause_variance_ns2"],
            ClaimRule::Relation { .. } => vec!["throughput_per_s", "local_hit_ratio"],
        }
    }

    /// Whether it is about time: then emulated and modelled samples cannot decide it.
    pub fn is_about_time(&self) -> bool {
        const TIMELESS: [&str; 8] = [
            "local_hit_ratio",
            "remote_ratio",
            "local_package_ratio",
            "pages_local",
            "pages_remote",
            "steals_other_node_per_1000",
            "away_from_home_ratio",
            "sent_home_per_1000",
        ];
        self.metrics().iter().any(|metric| !TIMELESS.contains(metric))
    }
}
