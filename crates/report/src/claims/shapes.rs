//! Rules of claims about the shape of a curve: slope, trend, which model, a break; and what its hit ratios would explain.

use super::Halt;
use super::evidence::{Data, Evidence, decided, no_fit, undecided, verdict_of};
use crate::fits::Observations;
use crate::show::plain;
use plan::claim::{Share, Trend};
use plan::record::Verdict;
use stats::decide::{Region, Standing, adjacent_ln_ratios, decide_preference, decide_rising, needed_n};
use stats::fit::{Fit, FitSettings, Model, fit};
use stats::interval::mean_interval;
use stats::{Interval, StatsError};

/// No interval: what decides is a rank, not a place.
pub(super) const NONE: Interval = Interval { low: f64::NAN, high: f64::NAN };

impl Data<'_> {
    /// The mean over blocks of each block's own slope, so that what slows a whole block cancels.
    pub(super) fn slope(&self, metric: &str) -> Result<Evidence, Halt> {
        let values = self.complete_blocks(metric)?;
        let x: Vec<f64> = self.testable.points.iter().map(|&(procs, _)| f64::from(procs).ln()).collect();
        let blocks = values.first().map_or(0, Vec::len);
        let of_block = |block: usize| slope_of(&x, &values.iter().map(|point| point[block].ln()).collect::<Vec<_>>());
        let slopes: Vec<f64> = (0..blocks).map(of_block).collect();
        let estimate = mean_interval(&slopes, self.question.level).map_err(undecided)?;
        let region = self.region();
        let needed = needed_n(estimate.n, estimate.value, estimate.interval.half_width(), &region);
        Ok(decided(estimate, region, needed.ok().map(|needed| needed.to_string())))
    }

    /// The step that lies farthest against the trend is the one shown.
    pub(super) fn monotone(&self, metric: &str, trend: Trend, delta: f64) -> Result<Evidence, Halt> {
        let values = self.complete_blocks(metric)?;
        let steps = adjacent_ln_ratios(&values, self.question.level).map_err(undecided)?;
        let along = |interval: &Interval| match trend {
            Trend::Rising => *interval,
            Trend::Falling => Interval { low: -interval.high, high: -interval.low },
        };
        let differences: Vec<Interval> = steps.iter().map(|step| along(&step.interval)).collect();
        let ln_delta = match trend {
            Trend::Rising => -(1.0 - delta).ln(),
            Trend::Falling => (1.0 + delta).ln(),
        };
        let verdict = verdict_of(decide_rising(&differences, ln_delta).map_err(undecided)?);
        let rank = |at: &usize| if verdict == Verdict::Refuted { differences[*at].high } else { differences[*at].low };
        let worst = (0..steps.len()).min_by(|a, b| rank(a).total_cmp(&rank(b))).expect("two points have a step");
        let (before, after) = (self.testable.points[worst].0, self.testable.points[worst + 1].0);
        let region = self.region();
        let ln_region = match trend {
            Trend::Rising => Region::above(-ln_delta),
            Trend::Falling => Region::below(ln_delta),
        };
        let step = steps[worst];
        let needed = needed_n(step.n, step.value, step.interval.half_width(), &ln_region);
        let shown = step.exp();
        Ok(Evidence {
            estimate: shown.value,
            interval: shown.interval,
            region,
            n: step.n,
            df: Some(step.df),
            verdict,
            reason: format!(
                "the step from {before} to {after} {axis} decides, of {n}",
                axis = self.question.axis(),
                n = steps.len()
            ),
            beside: None,
            needed_n: needed.ok().map(|needed| needed.to_string()),
        })
    }

    /// AICc against AICc, of fits to ln of the metric.
    pub(super) fn preference(&self, metric: &str, model: &str, rivals: &[String]) -> Result<Evidence, Halt> {
        let data = self.observations(metric)?;
        let own = self.fitted(&data, named(model)?).map_err(|why| no_fit("curve", self.question.axis(), why))?;
        let mut others = Vec::new();
        for rival in rivals {
            match self.fitted(&data, named(rival)?) {
                Ok(fit) => others.push(fit),
                // A rival that cannot be fitted is none, and cannot be led.
                Err(StatsError::NoConvergence { .. }) => {
                    return Err(Halt::Undecided(format!("{rival} could not be fitted")));
                }
                Err(why) => return Err(no_fit("curve", self.question.axis(), why)),
            }
        }
        let standings: Vec<Standing> = others.iter().map(Standing::of).collect();
        let verdict = verdict_of(decide_preference(&Standing::of(&own), &standings));
        let lead = standings.iter().filter_map(|rival| Some(rival.aicc? - own.aicc?)).fold(f64::INFINITY, f64::min);
        let words: Vec<String> = [&own].into_iter().chain(&others).map(in_words).collect();
        Ok(Evidence {
            estimate: if lead.is_finite() { lead } else { f64::NAN },
            interval: NONE,
            region: self.region(),
            n: own.n,
            df: None,
            verdict,
            reason: words.join("; "),
            beside: None,
            // Evidence grows with the samples, so that a decisive lead needs so many more; no number makes a curve adequate.
            needed_n: (lead > 0.0 && own.is_adequate()).then(|| more(own.n, lead)),
        })
    }

    /// With a of the accesses local at one point and b at the other, time for an access is a + (1 - a) r there and
    /// b + (1 - b) r here; q times as long here needs r = (q a - b) / (1 - b - q (1 - a)).
    pub(super) fn relation(&self, of: Share) -> Result<Evidence, Halt> {
        let hits = "local_hit_ratio";
        let third = 1.0 - (1.0 - self.question.level) / 3.0;
        let (procs, over) = (f64::from(self.testable.points[0].0), f64::from(self.testable.points[1].0));
        let workers = if of == Share::Each { procs / over } else { 1.0 };
        let rate = "throughput_per_s";
        [0, 1].iter().try_for_each(|at| self.above_0(rate, *at, "ratio"))?;
        let q = self.paired_ratio((rate, 1), (rate, 0), third)?.map_err(undecided)?;
        let (here, there) = (self.mean_within_bounds(hits, 0, third)?, self.mean_within_bounds(hits, 1, third)?);
        let ends = |interval: &Interval| [interval.low.clamp(0.0, 1.0), interval.high.clamp(0.0, 1.0)];
        let times = [q.interval.low * workers, q.interval.high * workers];
        let interval = latencies_needed(times, ends(&there.interval), ends(&here.interval));
        let region = self.region();
        let value = latency_needed(q.value * workers, there.value, here.value);
        let samples = needed_n(q.n, value, interval.half_width(), &region).ok().map(|needed| needed.to_string());
        let found = Evidence {
            estimate: value,
            interval,
            n: q.n,
            // Three intervals went into this one.
            df: None,
            ..decided(stats::Estimate { value, interval, ..q }, region, samples)
        };
        let (a, b) = (plain(there.value), plain(here.value));
        let reason = format!(
            "{why}; {q} times as long with local hit ratios {a} and {b}",
            why = found.reason,
            q = plain(q.value * workers)
        );
        Ok(Evidence { reason, ..found })
    }

    fn fitted(&self, data: &Observations, model: Model) -> Result<Fit, StatsError> {
        fit(&self.settings(model), &data.x, &data.y)
    }

    pub(super) fn settings(&self, model: Model) -> FitSettings {
        FitSettings { level: self.question.level, ..FitSettings::new(model) }
    }
}

/// With local share a, time in units of local latency is a + (1 - a) r; q is the ratio of two of these. Where time and
/// remote share did not move together, or time moved by more, no latency suffices.
fn latency_needed(q: f64, there: f64, here: f64) -> f64 {
    let latency = (q * there - here) / ((1.0 - here) - q * (1.0 - there));
    if latency >= 0.0 { latency } else { f64::INFINITY }
}

/// All latencies that are needed somewhere between these ends.
fn latencies_needed(q: [f64; 2], there: [f64; 2], here: [f64; 2]) -> Interval {
    let corners = || q.into_iter().flat_map(move |q| there.map(|there| here.map(|here| (q, there, here))));
    let excess = |(q, there, here): (f64, f64, f64)| q * there - here;
    let signs = corners().flatten().map(excess);
    let (least, most) =
        signs.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), at| (least.min(at), most.max(at)));
    if least < 0.0 && most > 0.0 {
        // Nothing may have changed at all, and then every latency explains it: no corner shows that.
        return Interval { low: 0.0, high: f64::INFINITY };
    }
    let none = Interval { low: f64::INFINITY, high: f64::NEG_INFINITY };
    corners().flatten().fold(none, |interval, (q, there, here)| {
        let value = latency_needed(q, there, here);
        Interval { low: interval.low.min(value), high: interval.high.max(value) }
    })
}

fn named(model: &str) -> Result<Model, Halt> {
    Model::by_name(model).ok_or_else(|| Halt::NotTestable(format!("{model} is no model of this version")))
}

/// `usl: AICc -120.3, adequate, misfit 0.4 %`
pub(super) fn in_words(fit: &Fit) -> String {
    let aicc = fit.aicc.map_or_else(|| "none".into(), |aicc| format!("{aicc:.1}"));
    let adequate = if fit.is_adequate() { "adequate" } else { "not adequate" };
    let misfit = 100.0 * fit.misfit_ratio;
    format!("{model}: AICc {aicc}, {adequate}, misfit {misfit:.1} %", model = fit.model)
}

/// Samples for a decisive lead, where the lead is in proportion to them.
fn more(n: usize, lead: f64) -> String {
    let needed = (n as f64 * stats::fit::DECISIVE_LEAD / lead).ceil();
    if needed <= 1000.0 { format!("{needed}") } else { "> 1000".into() }
}

/// Least squares.
fn slope_of(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (x_mean, y_mean) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        above += (x - x_mean) * (y - y_mean);
        below += (x - x_mean).powi(2);
    }
    above / below
}
