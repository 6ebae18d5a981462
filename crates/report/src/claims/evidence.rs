//! The rule of each type of claim: estimate, interval C, region R, verdict, and the samples that would decide.

use super::gate::Testable;
use super::spread::secondary;
use super::{Halt, Question, region_of, what_it_needs};
use crate::boundaries::boundaries;
use crate::fits::{Observations, in_words, observations};
use crate::mean::mean_of;
use crate::pauses::ln_variance;
use crate::ratios::{bounds_of, reader};
use crate::series::Series;
use crate::show::Unit;
use plan::claim::{ClaimRule, Side, times_procs};
use plan::record::Verdict;
use stats::argmax::argmax;
use stats::decide::{
    KNEE_FACTOR, Region, decide, decide_knee, decide_peak, needed_n, needed_n_of_ratio, not_beaten, open_at_end,
};
use stats::fit::{Model, fit};
use stats::interval::paired_ln_ratio;
use stats::summary::mean;
use stats::variance::run_ratio;
use stats::{Estimate, Interval, StatsError};
use std::collections::BTreeMap;

/// What the samples say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) estimate: f64,
    pub(crate) interval: Interval,
    pub(crate) region: Region,
    pub(crate) n: usize,
    /// Of the interval; `None` where it has no degrees of freedom of its own.
    pub(crate) df: Option<f64>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
    /// Other estimands of the same contrast, in words: they are printed and decide nothing.
    pub(crate) beside: Option<String>,
    pub(crate) needed_n: Option<String>,
}

/// Applies the claim's rule; `clean` leaves flagged samples out.
pub(crate) fn evidence(question: &Question<'_>, testable: &Testable, clean: bool) -> Result<Evidence, Halt> {
    let data = Data { question, testable, clean };
    let found = match &question.claim.rule {
        ClaimRule::Value { metric, .. } => data.value(metric),
        ClaimRule::Ratio { metric, .. } => data.ratio(metric),
        ClaimRule::Limit { metric, over_procs, side, limit, in_procs, .. } => {
            data.limit(metric, over_procs.is_some(), *side, data.limit_of(*limit, *in_procs))
        }
        ClaimRule::Peak { metric, procs } => data.peak(metric, *procs),
        ClaimRule::Knee { metric, near } => data.knee(metric, near),
        ClaimRule::VarianceRatio { .. } => data.variance_ratio(),
        ClaimRule::Slope { metric, .. } => data.slope(metric),
        ClaimRule::Monotone { metric, trend, delta, .. } => data.monotone(metric, *trend, *delta),
        ClaimRule::Model { metric, model, rivals, .. } => data.preference(metric, model, rivals),
        ClaimRule::Threshold { metric, near, trend, factor, .. } => data.threshold(metric, near, trend.zip(*factor)),
        ClaimRule::Relation { of, .. } => data.relation(*of),
    };
    found.and_then(|found| data.not_alike_by_chance(found))
}

pub(super) struct Data<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) testable: &'a Testable,
    pub(super) clean: bool,
}

impl Data<'_> {
    /// Values of a metric at a point by block, in block order.
    pub(super) fn by_block(&self, metric: &str, point: usize) -> Result<BTreeMap<u32, f64>, Halt> {
        let samples = &self.question.results.samples;
        let Some(value) = reader(samples, metric) else {
            return Err(Halt::NotTestable(format!("{metric} is no metric of this experiment")));
        };
        let rows = samples.used_rows(point, self.clean);
        Ok(rows.filter_map(|row| Some((samples.block[row], value(row)?))).collect())
    }

    pub(super) fn values(&self, metric: &str, at: usize) -> Result<Vec<f64>, Halt> {
        let (procs, point) = self.testable.points[at];
        let values: Vec<f64> = self.by_block(metric, point)?.into_values().collect();
        if values.is_empty() {
            let needs = what_it_needs(metric).map_or_else(String::new, |needs| format!("; it needs {needs}"));
            return Err(Halt::NotTestable(format!(
                "{metric} was not measured at {procs} {axis}{needs}",
                axis = self.question.axis()
            )));
        }
        Ok(values)
    }

    pub(super) fn region(&self) -> Region {
        region_of(&self.question.claim.rule).expect("only called for types with a printed figure")
    }

    fn value(&self, metric: &str) -> Result<Evidence, Halt> {
        let estimate = self.mean_within_bounds(metric, 0, self.question.level)?;
        Ok(decided_value(estimate, self.region()))
    }

    /// A limit in units of procs is that of the point, or of a ratio's numerator.
    fn limit_of(&self, limit: f64, in_procs: bool) -> f64 {
        let (_, point) = self.testable.points[0];
        if in_procs { limit * f64::from(self.question.results.plan.points[point].procs) } else { limit }
    }

    fn limit(&self, metric: &str, is_ratio: bool, side: Side, limit: f64) -> Result<Evidence, Halt> {
        // Where all samples agree, an interval is one point, which may be the limit itself: that is at least and at most it, and
        // neither above nor below, whatever a mean of logarithms made of its last digits.
        let rounding = (1e-12 * limit.abs()).max(f64::MIN_POSITIVE);
        let (region, edge) = match side {
            Side::Above => (Region::above(limit), Region::above(limit + rounding)),
            Side::AtLeast => (Region::above(limit), Region::above(limit - rounding)),
            Side::Below => (Region::below(limit), Region::below(limit - rounding)),
            Side::AtMost => (Region::below(limit), Region::below(limit + rounding)),
        };
        let found = match is_ratio {
            true => decided_ratio(self.ratio_within_bounds(metric)?, edge),
            false => decided_value(self.mean_within_bounds(metric, 0, self.question.level)?, edge),
        };
        Ok(Evidence { region, ..found })
    }

    /// The mean at one of the points; its interval holds those of the bounds that touches of unknown place leave.
    pub(super) fn mean_within_bounds(&self, metric: &str, at: usize, level: f64) -> Result<Estimate, Halt> {
        let repetitions = &self.question.results.plan.measure.repetitions;
        let estimate_of = |metric: &str| {
            self.values(metric, at)?;
            let runs: Vec<(u32, f64)> = self.by_block(metric, self.testable.points[at].1)?.into_iter().collect();
            mean_of(metric, &runs, level, repetitions).map(|mean| mean.estimate).map_err(undecided)
        };
        let mut estimate = estimate_of(metric)?;
        if let Some((low, high)) = bounds_of(metric) {
            for bound in [low, high] {
                estimate.interval = estimate.interval.hull(&estimate_of(bound)?.interval);
            }
        }
        Ok(estimate)
    }

    /// Where a metric is 0 it has no ratio and no logarithm: `what` there is not is said in words.
    pub(super) fn above_0(&self, metric: &str, at: usize, what: &str) -> Result<(), Halt> {
        let (procs, point) = self.testable.points[at];
        let blocks = self.by_block(metric, point)?;
        let zeros = blocks.values().filter(|value| **value <= 0.0).count();
        if zeros == 0 {
            return Ok(());
        }
        let metric = match metric {
            "remote_ratio" => "the remote share",
            "local_hit_ratio" => "the local hit ratio",
            other => other,
        };
        let n = blocks.len();
        let reason = format!(
            "{metric} is 0 in {zeros} of {n} blocks at {procs} {axis}, so that there is no {what}",
            axis = self.question.axis()
        );
        Err(Halt::Undecided(reason))
    }

    /// A shape or a rank would depend on where within its bounds each ratio lies: such claims take a ratio that is known.
    pub(super) fn known(&self, metric: &str) -> Result<(), Halt> {
        let Some((low, high)) = bounds_of(metric) else { return Ok(()) };
        for &(_, point) in &self.testable.points {
            if self.by_block(low, point)? != self.by_block(high, point)? {
                return Err(Halt::Undecided(format!("{metric} is known within bounds only: {low} and {high} differ")));
            }
        }
        Ok(())
    }

    fn ratio(&self, metric: &str) -> Result<Evidence, Halt> {
        Ok(decided_ratio(self.ratio_within_bounds(metric)?, self.region()))
    }

    /// The metric at the first of the points over that at the second; its interval holds what the bounds admit.
    fn ratio_within_bounds(&self, metric: &str) -> Result<Estimate, Halt> {
        for at in [0, 1] {
            self.values(metric, at)?;
            self.above_0(metric, at, "ratio")?;
        }
        let level = self.question.level;
        let mut estimate = self.paired_ratio((metric, 0), (metric, 1), level)?.map_err(undecided)?;
        if let Some((low, high)) = bounds_of(metric) {
            // The truth lies between the bounds on either side: the extremes are low over high and high over low. A bound
            // that reaches 0 has no logarithm and leaves its side open.
            let Interval { low: least, high: most } = estimate.interval;
            let least = match self.paired_ratio((low, 0), (high, 1), level)? {
                Err(StatsError::NotPositive { .. }) => 0.0,
                extreme => extreme.map_or(least, |extreme| least.min(extreme.interval.low)),
            };
            let most = match self.paired_ratio((high, 0), (low, 1), level)? {
                Err(StatsError::NotPositive { .. }) => f64::INFINITY,
                extreme => extreme.map_or(most, |extreme| most.max(extreme.interval.high)),
            };
            estimate.interval = Interval { low: least, high: most };
        }
        Ok(estimate)
    }

    /// One metric at one of the points over one at another, paired by block.
    pub(super) fn paired_ratio(
        &self,
        above: (&str, usize),
        below: (&str, usize),
        level: f64,
    ) -> Result<Result<Estimate, StatsError>, Halt> {
        let of = |(metric, at): (&str, usize)| self.by_block(metric, self.testable.points[at].1);
        let (above, below) = (of(above)?, of(below)?);
        let pairs = above.iter().filter_map(|(block, above)| Some((*above, *below.get(block)?)));
        let (above, below): (Vec<f64>, Vec<f64>) = pairs.unzip();
        Ok(paired_ln_ratio(&above, &below, level).map(Estimate::exp))
    }

    fn variance_ratio(&self) -> Result<Evidence, Halt> {
        let metric = "pause_variance_ns2";
        let (above, below) = (self.values(metric, 0)?, self.values(metric, 1)?);
        [0, 1].iter().try_for_each(|at| self.above_0(metric, *at, "ratio"))?;
        let estimate = run_ratio(&below, &above, self.question.level).map_err(undecided)?;
        let region = self.region();
        let more = secondary(self.question, self.testable, self.clean, &estimate, &region);
        let beside = format!("{}; {more}", self.other_spreads());
        Ok(Evidence { beside: Some(beside), ..decided_ratio(estimate, region) })
    }

    /// The two estimands of the spread of pauses that a pure change of scale leaves alone (statistics notes, section 8).
    fn other_spreads(&self) -> String {
        let samples = &self.question.results.samples;
        let cv = |row: usize| {
            let of = |name: &str| samples.metric(name).and_then(|metric| metric.get(row));
            Some(of("pause_variance_ns2")?.sqrt() / of("pause_mean_ns")?)
        };
        let ln = |row: usize| ln_variance(self.question.results.compared_pauses.get(&(row as u32))?);
        let ratio = |figure: &dyn Fn(usize) -> Option<f64>| {
            let side = |at: usize| {
                samples.used_rows(self.testable.points[at].1, self.clean).filter_map(figure).collect::<Vec<f64>>()
            };
            run_ratio(&side(1), &side(0), self.question.level)
                .map_or_else(|_| "not measured".into(), |ratio| shown(&ratio))
        };
        format!(
            "beside it, deciding nothing: CV ratio {}, ratio of the variances of ln pauses {}",
            ratio(&cv),
            ratio(&ln)
        )
    }

    fn peak(&self, metric: &str, claimed: u32) -> Result<Evidence, Halt> {
        let grid: Vec<f64> = self.testable.points.iter().map(|&(procs, _)| f64::from(procs)).collect();
        let values = self.complete_blocks(metric)?;
        let unbeaten = not_beaten(&values, 1.0 - self.question.level).map_err(undecided)?;
        let verdict = decide_peak(&grid, &unbeaten, f64::from(claimed)).map_err(undecided)?;
        let ln_mean =
            |values: &Vec<f64>| mean(&values.iter().map(|value| value.ln()).collect::<Vec<_>>()).unwrap_or(f64::NAN);
        let means: Vec<f64> = values.iter().map(ln_mean).collect();
        let top = (0..grid.len()).max_by(|&a, &b| means[a].total_cmp(&means[b])).expect("a grid of 2 or more");
        let kept: Vec<f64> = grid.iter().zip(&unbeaten).filter(|(_, kept)| **kept).map(|(procs, _)| *procs).collect();
        let interval = open_at_end(&grid, &Interval { low: kept[0], high: kept[kept.len() - 1] });
        let list = kept.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        let end = if interval.high.is_finite() { String::new() } else { end_of_sweep(&grid, grid[top]) };
        let region = neighbours(&grid, f64::from(claimed));
        // What would have to be beaten by the highest: those outside of the region if it lies in it, else those inside.
        let is_in = |at: usize| (region.low..=region.high).contains(&grid[at]);
        // Of the last inside of it none would do: what lies beyond was not measured.
        let last = grid.len() - 1;
        let is_open = is_in(top) && top == last;
        let beaten = |at: &usize| unbeaten[*at] && !is_open && (is_in(*at) != is_in(top) || is_in(top) && *at == last);
        // At the level of the first and strictest of Holm's comparisons.
        let pairs = grid.len() * (grid.len() - 1) / 2;
        let strictest = 1.0 - (1.0 - self.question.level) / pairs as f64;
        let needed = |at: usize| {
            let lead = paired_ln_ratio(&values[top], &values[at], strictest).ok()?;
            needed_n(lead.n, lead.value, lead.interval.half_width(), &Region::below(0.0)).ok()
        };
        let needed = (0..grid.len()).filter(beaten).filter_map(needed).max();
        Ok(Evidence {
            estimate: grid[top],
            interval,
            region,
            // Each comparison is of paired blocks, whatever the number of points.
            n: values[top].len(),
            df: Some(values[top].len() as f64 - 1.0),
            verdict: verdict_of(verdict),
            reason: format!("{end}not beaten: {list}"),
            beside: None,
            needed_n: needed.map(|needed| needed.to_string()),
        })
    }

    /// Values above 0 of every point in the blocks that have them all: shape `[points][blocks]`.
    pub(super) fn complete_blocks(&self, metric: &str) -> Result<Vec<Vec<f64>>, Halt> {
        let mut by_point = Vec::new();
        for (at, &(_, point)) in self.testable.points.iter().enumerate() {
            self.values(metric, at)?;
            self.above_0(metric, at, "logarithm")?;
            by_point.push(self.by_block(metric, point)?);
        }
        self.known(metric)?;
        let first = by_point.first().cloned().unwrap_or_default();
        let complete = |block: &&u32| by_point.iter().all(|values| values.contains_key(block));
        let blocks: Vec<u32> = first.keys().filter(complete).copied().collect();
        Ok(by_point.iter().map(|values| blocks.iter().map(|block| values[block]).collect()).collect())
    }

    /// The curve of one regime.
    pub(super) fn curve(&self) -> &Series {
        self.testable.curve.as_ref().expect("the gate gives every claim about a curve one")
    }

    /// What a curve is fitted to.
    pub(super) fn observations(&self, metric: &str) -> Result<Observations, Halt> {
        (0..self.testable.points.len()).try_for_each(|at| self.above_0(metric, at, "logarithm"))?;
        self.known(metric)?;
        Ok(observations(self.question.results, self.curve(), metric, self.clean))
    }

    /// Procs of a boundary of the machine, so many times the curve's procs, or the number itself.
    pub(super) fn boundary(&self, near: &str) -> Result<f64, Halt> {
        if let Ok(procs) = near.parse::<f64>() {
            return Ok(procs);
        }
        let results = self.question.results;
        if let (Some(factor), Some(&(_, point))) = (times_procs(near), self.curve().points.first()) {
            return Ok(factor * f64::from(results.plan.points[point].procs));
        }
        let mut known = boundaries(&results.topology, &results.plan, self.curve()).into_iter();
        let named = known.find(|boundary| boundary.name == near);
        named
            .map(|boundary| f64::from(boundary.procs))
            .ok_or_else(|| Halt::NotTestable(format!("this machine names no {near}")))
    }

    fn knee(&self, metric: &str, near: &str) -> Result<Evidence, Halt> {
        let results = self.question.results;
        let boundary = self.boundary(near)?;
        let data = self.observations(metric)?;
        let level = self.question.level;
        let usl = fit(&self.settings(Model::Usl), &data.x, &data.y)
            .map_err(|why| no_fit("knee", self.question.axis(), why))?;
        let resamples = resamples_for(level);
        let free = argmax(&data.x, &data.y, level, resamples, results.plan.measure.seed.0)
            .map_err(|why| no_fit("knee", self.question.axis(), why))?;
        if !usl.is_adequate() {
            let percent = 100.0 * usl.misfit_ratio;
            return Err(Halt::Undecided(format!(
                "the USL misses the means by {percent:.1} %; beyond 2 % no knee is decided"
            )));
        }
        let knee = usl.value("knee_peak").expect("the USL has a peak, finite or not");
        let profile = knee.interval.ok_or_else(|| Halt::Undecided("the samples do not determine the USL".into()))?;
        let region = Region::within_factor(boundary, KNEE_FACTOR);
        let free_interval = open_at_end(&data.x, &free.interval);
        let interval = profile.hull(&free_interval);
        let end = if free_interval.high.is_finite() { String::new() } else { end_of_sweep(&data.x, free.x) };
        let verdict = verdict_of(decide_knee(&profile, &free_interval, boundary));
        let bounded =
            Estimate { value: knee.estimate, interval, std_error: f64::NAN, df: usl.df as f64, n: usl.n, level };
        Ok(Evidence {
            estimate: knee.estimate,
            interval,
            region,
            n: usl.n,
            df: Some(usl.df as f64),
            verdict,
            reason: format!("{end}USL knee, model-free peak at {free}; boundary {boundary}", free = free.x),
            beside: None,
            needed_n: needed_n_of_ratio(&bounded, &region).ok().map(|needed| needed.to_string()),
        })
    }
}

/// 40 resamples in each tail of the interval, 2000 at least.
fn resamples_for(level: f64) -> usize {
    ((80.0 / (1.0 - level)).ceil() as usize).clamp(2000, 20_000)
}

/// Why the peak has no upper limit, before what else is said.
fn end_of_sweep(procs: &[f64], top: f64) -> String {
    let highest = if procs.iter().all(|at| *at <= top) { "the highest is" } else { "the highest may be" };
    format!("{highest} the last of the sweep; ")
}

/// From one step below the claimed procs to one step above, on the grid.
fn neighbours(grid: &[f64], claimed: f64) -> Region {
    let below = grid.iter().copied().filter(|&procs| procs < claimed).fold(claimed.min(grid[0]), f64::max);
    let above = grid.iter().copied().filter(|&procs| procs > claimed).fold(f64::INFINITY, f64::min);
    Region { low: below, high: if above.is_finite() { above } else { claimed } }
}

pub(super) fn decided(estimate: Estimate, region: Region, needed_n: Option<String>) -> Evidence {
    let verdict = verdict_of(decide(&estimate.interval, &region));
    let reason = match verdict {
        Verdict::Supported => "the interval lies inside the region",
        Verdict::Refuted => "the interval lies outside the region",
        _ => "the interval lies across an edge of the region",
    };
    let Estimate { n, value, interval, df, .. } = estimate;
    Evidence {
        estimate: value,
        interval,
        region,
        n,
        df: Some(df),
        verdict,
        reason: reason.into(),
        beside: None,
        needed_n,
    }
}

fn decided_value(estimate: Estimate, region: Region) -> Evidence {
    let needed = needed_n(estimate.n, estimate.value, estimate.interval.half_width(), &region);
    decided(estimate, region, needed.ok().map(|needed| needed.to_string()))
}

fn decided_ratio(estimate: Estimate, region: Region) -> Evidence {
    let needed = needed_n_of_ratio(&estimate, &region).ok().map(|needed| needed.to_string());
    decided(estimate, region, needed)
}

/// `1.95 [1.80, 2.11]`
pub(super) fn shown(ratio: &Estimate) -> String {
    Unit::Plain.show_with_interval(ratio.value, Some((ratio.interval.low, ratio.interval.high)))
}

pub(super) fn verdict_of(verdict: stats::decide::Verdict) -> Verdict {
    match verdict {
        stats::decide::Verdict::Supported => Verdict::Supported,
        stats::decide::Verdict::Refuted => Verdict::Refuted,
        stats::decide::Verdict::Undecided => Verdict::Undecided,
    }
}

pub(super) fn undecided(why: StatsError) -> Halt {
    Halt::Undecided(why.to_string())
}

/// Too few procs is a matter of the sweep, not of the samples; `what` is the knee, the curve or what else there is not.
pub(super) fn no_fit(what: &str, axis: &str, why: StatsError) -> Halt {
    match why {
        StatsError::FitRefused { .. } | StatsError::TooFew { what: "distinct x", .. } => {
            Halt::NotTestable(format!("no {what}: {why}", why = in_words(&why, axis)))
        }
        other => Halt::Undecided(other.to_string()),
    }
}
