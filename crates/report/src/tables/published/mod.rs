//! An article's table beside what this machine says: printed, measured, interval, ratio, verdict.
//!
//! [`compare`] puts the two side by side as data; [`text()`], [`markdown()`], [`csv()`] and [`latex()`] write it. Where nothing
//! was measured, the reason stands in the row, with what would have to be done.

pub(super) mod latex;
pub(super) mod markup;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod text;

pub use latex::latex;
pub use markup::{csv, markdown};
pub use text::text;

use crate::curves::{Curve, Summaries, curves};
use crate::results::{Derived, Results};
use plan::claim::ClaimRule;
use plan::point::Point;
use plan::published::{Published, PublishedRow};
use plan::record::Verdict;
use std::fmt;

/// `experiments/published/numa_binding.csv` as it was when this program was built: what is shown where there are no
/// results. Those of an experiment are shown beside the table that its plan holds.
const NUMA_BINDING: &str = include_str!("../../../../../experiments/published/numa_binding.csv");

/// The article's table of section 2.4, which the program carries with it.
///
/// # Panics
/// Never: a test reads it.
pub fn numa_binding() -> Published {
    Published::parse("numa_binding.csv", NUMA_BINDING).expect("the table built in is read by a test")
}

/// A results folder and what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// The folder.
    pub results: &'a Results,
    /// What follows from it.
    pub derived: &'a Derived,
}

/// The published rows beside one arm of the measured ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Arm (and further levels); empty where nothing at all was measured.
    pub arm: String,
    /// One for each published row, in its order.
    pub rows: Vec<ComparedRow>,
}

/// Why a ratio of throughputs says nothing by itself.
pub(crate) const OTHER_PROGRAM: &str = "the printed requests are another program's, on another machine";

/// One published row beside what was measured at its procs.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRow {
    /// Number of workers.
    pub procs: u32,
    /// Local hit ratio, 0..1.
    pub hit_ratio: Compared,
    /// Requests per second.
    pub throughput: Compared,
    /// Claims about this procs in this arm, with their verdicts.
    pub verdicts: Vec<(String, Verdict)>,
    /// Why nothing was measured, and what to do.
    pub missing: Option<Missing>,
}

/// Why nothing was measured at some procs; displayed, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// More workers than PUs that this process may use.
    TooFewPus {
        /// Workers asked for.
        procs: u32,
        /// PUs that may be used.
        pus: usize,
    },
    /// The plan has no such point.
    NotPlanned {
        /// Workers asked for.
        procs: u32,
    },
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::TooFewPus { procs, pus } => write!(
                out,
                "not measured here: procs {procs} needs {procs} PUs, this host has {pus}; run `make paper` on a host that \
                 has them"
            ),
            Missing::NotPlanned { procs } => {
                write!(out, "not measured here: procs {procs} is not in this plan; run `make paper`")
            }
            Missing::Other(why) => write!(out, "not measured here: {why}"),
        }
    }
}

/// One printed figure beside the measured one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Compared {
    /// As printed.
    pub printed: Option<f64>,
    /// Mean of the samples.
    pub measured: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// It follows from the plan alone and says nothing about a runtime.
    pub by_construction: bool,
}

impl Compared {
    /// measured / printed.
    pub fn ratio(&self) -> Option<f64> {
        let printed = self.printed.filter(|&printed| printed != 0.0)?;
        Some(self.measured? / printed)
    }

    /// Its interval; the printed figure is taken as exact.
    pub fn ratio_interval(&self) -> Option<(f64, f64)> {
        let printed = self.printed.filter(|&printed| printed > 0.0)?;
        self.interval.map(|(low, high)| (low / printed, high / printed))
    }
}

/// Puts a published table beside each arm of a results folder, in plan order.
///
/// Without results there is one comparison, without an arm, that says in each row what to do.
pub fn compare(published: &Published, measured: Option<Measured<'_>>) -> Vec<Comparison> {
    let Some(measured) = measured else {
        let most = published.rows.iter().map(|row| row.procs).max().unwrap_or(1);
        let row = |row: &PublishedRow| bare(row, no_results(most));
        return vec![Comparison { arm: String::new(), rows: published.rows.iter().map(row).collect() }];
    };
    let summaries = Summaries::of(measured.derived);
    let of_curve = |curve: &Curve| Comparison {
        arm: curve.name(),
        rows: published.rows.iter().map(|row| compare_row(row, curve, measured, &summaries)).collect(),
    };
    curves(&measured.results.plan).iter().map(of_curve).collect()
}

fn compare_row(row: &PublishedRow, curve: &Curve, measured: Measured<'_>, summaries: &Summaries<'_>) -> ComparedRow {
    let plan = &measured.results.plan;
    let verdicts = verdicts(row.procs, curve, measured);
    let Some(point) = curve.points.iter().map(|&at| &plan.points[at]).find(|point| point.procs == row.procs) else {
        return ComparedRow { verdicts, ..bare(row, not_measured(row.procs, curve, measured.results)) };
    };
    let hit_ratio = beside(row.local_hit_ratio, summaries.hit_ratio(point));
    let throughput = beside(row.throughput_per_s, summaries.estimate(point, "throughput_per_s"));
    let nothing = hit_ratio.measured.is_none() && throughput.measured.is_none();
    ComparedRow {
        procs: row.procs,
        hit_ratio: Compared { by_construction: point.hit_ratio_by_construction.is_some(), ..hit_ratio },
        throughput,
        verdicts,
        missing: nothing.then(|| no_samples(point)),
    }
}

fn beside(printed: Option<f64>, estimate: Option<(f64, Option<(f64, f64)>)>) -> Compared {
    let (measured, interval) = estimate.map_or((None, None), |(mean, interval)| (Some(mean), interval));
    Compared { printed, measured, interval, by_construction: false }
}

fn bare(row: &PublishedRow, missing: Missing) -> ComparedRow {
    ComparedRow {
        procs: row.procs,
        hit_ratio: Compared { printed: row.local_hit_ratio, ..Compared::default() },
        throughput: Compared { printed: row.throughput_per_s, ..Compared::default() },
        verdicts: Vec::new(),
        missing: Some(missing),
    }
}

// Every claim whose figures stand in this row, or are a ratio whose numerator does.
fn verdicts(procs: u32, curve: &Curve, measured: Measured<'_>) -> Vec<(String, Verdict)> {
    let about = |rule: &ClaimRule| match rule {
        ClaimRule::Value { procs, .. }
        | ClaimRule::Ratio { procs, .. }
        | ClaimRule::Limit { procs, .. }
        | ClaimRule::Peak { procs, .. }
        | ClaimRule::VarianceRatio { procs, .. }
        | ClaimRule::Relation { procs, .. } => Some(*procs),
        ClaimRule::Knee { .. }
        | ClaimRule::Slope { .. }
        | ClaimRule::Monotone { .. }
        | ClaimRule::Model { .. }
        | ClaimRule::Threshold { .. } => None,
    };
    let claims = measured.results.plan.claims.iter().filter(|claim| about(&claim.rule) == Some(procs));
    let rows = claims.flat_map(|claim| measured.derived.claims.iter().filter(move |row| row.id == claim.id));
    let subject = curve.points.first().map(|&at| measured.results.plan.points[at].subject.as_str());
    rows.filter(|row| curve.is_of_arm(&row.arm) && subject == Some(row.subject.as_str()))
        .map(|row| (row.id.clone(), row.verdict))
        .collect()
}

fn no_results(most: u32) -> Missing {
    Missing::Other(format!(
        "no results yet; run `make paper` on a host with {most} PUs, or `make run` for what this one holds"
    ))
}

fn no_samples(point: &Point) -> Missing {
    let procs = point.procs;
    Missing::Other(format!("no sample of procs {procs} succeeded; samples.csv says how each failed"))
}

fn not_measured(procs: u32, curve: &Curve, results: &Results) -> Missing {
    let pus = results.topology.pus.iter().filter(|pu| results.topology.allowed_pus.contains(pu.os_index)).count();
    if procs as usize > pus {
        return Missing::TooFewPus { procs, pus };
    }
    match results.plan.skipped.iter().find(|skipped| skipped.procs == procs && curve.is_of_arm(&skipped.arm)) {
        Some(skipped) => Missing::Other(skipped.reason.clone()),
        None => Missing::NotPlanned { procs },
    }
}
