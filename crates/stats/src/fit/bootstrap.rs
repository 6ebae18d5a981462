//! Intervals by refitting to resampled data, for every parameter and knee of a fit.
//!
//! Each resample has a stream of its own, so the number of threads changes no figure. A USL is refitted by
//! [`crate::fit::gauss_newton`] and by the general solver where that meets a bound; the other curves by the latter.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::StatsError;
use crate::fit::gauss_newton::{LANES, UslRefit};
use crate::fit::knee::figures;
use crate::fit::model::Model;
use crate::fit::quality::group_by_x;
use crate::fit::result::{Fit, FittedValue, IntervalMethod};
use crate::fit::solve::{Problem, solve, solve_from};
use crate::interval::Interval;
use crate::quantile::rank;
use crate::random::{MIN_RESAMPLES, Stream};

/// What is drawn with replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// Residuals of all observations, scaled by sqrt(n/df): the spread must be the same at every x.
    Residual,
    /// Runs within each x, their deviations from its mean scaled by sqrt(r/(r-1)) for r runs; every x needs two.
    Stratified,
    /// Runs where every x has two, else residuals; percentiles corrected for bias and acceleration.
    Bca,
}

/// Largest share of refits that may fail before there is no interval.
const MOST_FAILED: f64 = 0.01;

/// The same fit with intervals over `resamples` refits, at the level of the fit; standard errors stay as they were.
///
/// # Errors
/// `TooFew` below 100 resamples, or where runs are to be drawn and an x has only one.
pub fn bootstrap(
    fit: &Fit,
    x: &[f64],
    y: &[f64],
    weights: Option<&[f64]>,
    resampling: Resampling,
    resamples: usize,
    seed: u64,
) -> Result<Fit, StatsError> {
    if resamples < MIN_RESAMPLES {
        return Err(StatsError::TooFew { what: "resamples", found: resamples, needed: MIN_RESAMPLES });
    }
    let fewest = group_by_x(x).iter().map(Vec::len).min().unwrap_or(0);
    if resampling == Resampling::Stratified && fewest < 2 {
        return Err(StatsError::TooFew { what: "runs at an x", found: fewest, needed: 2 });
    }
    let draw_runs = resampling == Resampling::Stratified || (resampling == Resampling::Bca && fewest >= 2);
    let data = Data::new(fit, x, y, weights);
    let figures: Vec<Vec<f64>> = (0..resamples as u64)
        .into_par_iter()
        .map_init(
            || Scratch::new(&data),
            |scratch, index| {
                let mut stream = Stream::new(seed, index);
                if draw_runs {
                    data.draw_runs(&mut stream, scratch)
                } else {
                    data.draw_residuals(&mut stream, scratch)
                }
                data.refit(scratch).unwrap_or_default()
            },
        )
        .collect();
    let method = match resampling {
        Resampling::Residual => IntervalMethod::Residual,
        Resampling::Stratified => IntervalMethod::Stratified,
        Resampling::Bca => IntervalMethod::Bca,
    };
    let left_out = if resampling == Resampling::Bca { data.leave_one_out() } else { Vec::new() };
    let values = fit.parameters.iter().chain(&fit.knees).enumerate();
    let mut renewed = values.map(|(at, value)| {
        let mut drawn: Vec<f64> = figures.iter().filter_map(|figures| figures.get(at).copied()).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let enough = drawn.len() as f64 >= (1.0 - MOST_FAILED) * resamples as f64;
        let interval = enough.then(|| match resampling {
            Resampling::Bca => {
                let left_out: Vec<f64> = left_out.iter().filter_map(|figures| figures.get(at).copied()).collect();
                bca(&drawn, value.estimate, acceleration(&left_out), fit.level)
            }
            _ => percentiles(&drawn, (1.0 - fit.level) / 2.0, (1.0 + fit.level) / 2.0),
        });
        FittedValue { interval, method, ..*value }
    });
    let parameters: Vec<FittedValue> = renewed.by_ref().take(fit.parameters.len()).collect();
    let knees = renewed.collect();
    Ok(Fit { parameters, knees, ..fit.clone() })
}

/// Of the mean of `runs` drawn from as many, about their own mean: their variance as drawn is (r-1)/r of the unbiased.
pub(crate) fn widening(runs: usize) -> f64 {
    (runs as f64 / (runs as f64 - 1.0)).sqrt()
}

/// The interval between two quantiles of type 1, which are values themselves and so may be infinite.
fn percentiles(sorted: &[f64], low: f64, high: f64) -> Interval {
    let n = sorted.len();
    Interval { low: sorted[rank(low, n) - 1], high: sorted[rank(high, n) - 1] }
}

/// Efron 1987: percentiles moved by the bias z0, counted with half of the ties, and by the acceleration.
fn bca(sorted: &[f64], estimate: f64, acceleration: f64, level: f64) -> Interval {
    let below = sorted.iter().filter(|value| **value < estimate).count() as f64;
    let equal = sorted.iter().filter(|value| **value == estimate).count() as f64;
    let normal = Normal::standard();
    let n = sorted.len() as f64;
    let z0 = normal.inverse_cdf(((below + 0.5 * equal) / n).clamp(0.5 / n, 1.0 - 0.5 / n));
    let moved = |p: f64| {
        let z = z0 + normal.inverse_cdf(p);
        normal.cdf(z0 + z / (1.0 - acceleration * z))
    };
    percentiles(sorted, moved((1.0 - level) / 2.0), moved((1.0 + level) / 2.0))
}

/// Sum of cubes over 6 times the sum of squares to 3/2, of the estimates without each observation; 0 where one of them
/// is infinite or all are equal.
fn acceleration(left_out: &[f64]) -> f64 {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |k: i32| left_out.iter().map(|value| (mean - value).powi(k)).sum::<f64>();
    let acceleration = power(3) / (6.0 * power(2).powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}

/// The observations on the scale of the response, grouped by x, and what is drawn from them.
struct Data {
    problem: Problem,
    parameters: Vec<f64>,
    at_bound: bool,
    /// Values and weights of each x.
    groups: Vec<Vec<(f64, f64)>>,
    /// Square roots of the same weights.
    roots: Vec<Vec<f64>>,
    /// Fitted response at each x.
    fitted: Vec<f64>,
    /// Residuals times the square root of their weight, centred and scaled.
    residuals: Vec<f64>,
    usl: Option<UslRefit>,
}

/// What one resample is made in.
struct Scratch {
    problem: Problem,
    /// Squares of the problem's weights.
    totals: Vec<f64>,
    means_in_lanes: Vec<[f64; LANES]>,
    totals_in_lanes: Vec<[f64; LANES]>,
}

impl Scratch {
    fn new(data: &Data) -> Scratch {
        Scratch {
            problem: data.problem.clone(),
            totals: data.problem.weights.iter().map(|weight| weight * weight).collect(),
            means_in_lanes: Vec::new(),
            totals_in_lanes: Vec::new(),
        }
    }
}

impl Data {
    fn new(fit: &Fit, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Data {
        let problem = Problem::new(fit.model, fit.response, x, y, weights);
        let parameters = fit.minimum().parameters;
        let of = |index: &usize| (fit.response.of(y[*index]), weights.map_or(1.0, |weights| weights[*index]));
        let groups: Vec<Vec<(f64, f64)>> = group_by_x(x).iter().map(|group| group.iter().map(of).collect()).collect();
        let fitted: Vec<f64> = problem.x.iter().map(|x| fit.response.of(fit.model.value(&parameters, *x))).collect();
        let weighted = |(group, fitted): (&Vec<(f64, f64)>, &f64)| {
            group.iter().map(|(value, weight)| weight.sqrt() * (value - fitted)).collect::<Vec<f64>>()
        };
        let mut residuals: Vec<f64> = groups.iter().zip(&fitted).flat_map(weighted).collect();
        let n = residuals.len() as f64;
        let mean = residuals.iter().sum::<f64>() / n;
        let free = fit.minimum().n_free() as f64;
        let scale = if n > free { (n / (n - free)).sqrt() } else { 1.0 };
        residuals.iter_mut().for_each(|residual| *residual = scale * (*residual - mean));
        let at_bound = fit.parameters.iter().any(|parameter| parameter.at_bound);
        let usl = if fit.model == Model::Usl { UslRefit::new(&problem, &fit.minimum()) } else { None };
        let roots = groups.iter().map(|group| group.iter().map(|(_, weight)| weight.sqrt()).collect()).collect();
        Data { problem, parameters, at_bound, groups, roots, fitted, residuals, usl }
    }

    fn draw_residuals(&self, stream: &mut Stream, scratch: &mut Scratch) {
        for (i, roots) in self.roots.iter().enumerate() {
            let mut sum = 0.0;
            for root in roots {
                sum += root * self.residuals[stream.index(self.residuals.len())];
            }
            scratch.problem.means[i] = self.fitted[i] + sum / scratch.totals[i];
        }
    }

    fn draw_runs(&self, stream: &mut Stream, scratch: &mut Scratch) {
        for (i, group) in self.groups.iter().enumerate() {
            let (mut sum, mut total) = (0.0, 0.0);
            for _ in group {
                let (value, weight) = group[stream.index(group.len())];
                sum += weight * value;
                total += weight;
            }
            let mean = self.problem.means[i];
            scratch.problem.means[i] = mean + widening(group.len()) * (sum / total - mean);
            scratch.problem.weights[i] = total.sqrt();
            scratch.totals[i] = total;
        }
    }

    /// Parameters and knees of the data in `scratch`; `None` where the solver fails.
    fn refit(&self, scratch: &mut Scratch) -> Option<Vec<f64>> {
        let parameters = match &self.usl {
            Some(usl) => {
                usl.lanes(&scratch.problem.means, 0.0, &mut scratch.means_in_lanes);
                usl.lanes(&scratch.totals, 0.0, &mut scratch.totals_in_lanes);
                let start = usl.start(&scratch.problem.means);
                let near = usl.solve(&scratch.means_in_lanes, &scratch.totals_in_lanes, start);
                match near {
                    Some(parameters) => parameters.to_vec(),
                    None => solve(&scratch.problem)?.parameters,
                }
            }
            None if self.at_bound => solve(&scratch.problem)?.parameters,
            None => {
                let free = vec![false; self.parameters.len()];
                solve_from(&scratch.problem, &self.parameters, &free)?.parameters
            }
        };
        let model = self.problem.model;
        let knees = figures(model).iter().map(|(_, of)| of(model, &parameters)).collect::<Vec<f64>>();
        Some(parameters.iter().copied().chain(knees).collect())
    }

    /// Parameters and knees without each observation.
    fn leave_one_out(&self) -> Vec<Vec<f64>> {
        let places: Vec<(usize, usize)> =
            self.groups.iter().enumerate().flat_map(|(i, group)| (0..group.len()).map(move |j| (i, j))).collect();
        let without = |&(i, j): &(usize, usize)| {
            let mut scratch = Scratch::new(self);
            let rest: Vec<(f64, f64)> =
                self.groups[i].iter().enumerate().filter(|(at, _)| *at != j).map(|(_, pair)| *pair).collect();
            let total: f64 = rest.iter().map(|(_, weight)| weight).sum();
            // An x whose only observation goes weighs nothing.
            scratch.problem.weights[i] = total.sqrt();
            scratch.totals[i] = total;
            if total > 0.0 {
                scratch.problem.means[i] = rest.iter().map(|(value, weight)| weight * value).sum::<f64>() / total;
            }
            self.refit(&mut scratch).unwrap_or_default()
        };
        places.par_iter().map(without).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{FitSettings, Response};

    /// All 6^6 resamples of six values: statistics notes, section 5.
    #[test]
    fn exhaustive_resamples_of_six_values() {
        let values = [3.1, 4.7, 2.2, 9.8, 5.0, 3.9];
        let mut means = Vec::new();
        for code in 0..6_usize.pow(6) {
            // Sums of sorted draws, so that equal resamples have equal means.
            let mut drawn: Vec<f64> = (0..6).map(|place| values[code / 6_usize.pow(place) % 6]).collect();
            drawn.sort_unstable_by(f64::total_cmp);
            means.push((drawn.iter().sum::<f64>() / 6.0 * 1e9).round() / 1e9);
        }
        means.sort_unstable_by(f64::total_cmp);
        let close = |found: f64, expect: f64| assert!((found - expect).abs() < 2e-9, "{found} instead of {expect}");
        let plain = percentiles(&means, 0.025, 0.975);
        close(plain.low, 3.1833333333333336);
        close(plain.high, 6.9333333333333345);
        let sum: f64 = values.iter().sum();
        let left_out: Vec<f64> = values.iter().map(|value| (sum - value) / 5.0).collect();
        let a = acceleration(&left_out);
        close(a, 0.0815762988290024);
        let corrected = bca(&means, (sum / 6.0 * 1e9).round() / 1e9, a, 0.95);
        close(corrected.low, 3.3833333333333333);
        close(corrected.high, 7.7);
        assert_eq!(acceleration(&[1.0, f64::INFINITY]), 0.0);
    }

    /// The mean of r drawn runs has the variance s²/r, with the unbiased s², as the mean of r runs has.
    #[test]
    fn drawn_means_spread_as_means_do() {
        let x: Vec<f64> = (1..=6).map(f64::from).collect();
        for errors in [vec![-1.0, 1.0], vec![-1.0, -0.5, 1.5], vec![-2.0, -0.5, 0.0, 0.5, 2.0]] {
            let r = errors.len();
            let (x, y): (Vec<f64>, Vec<f64>) =
                x.iter().flat_map(|x| errors.iter().map(move |error| (*x, 100.0 + 50.0 * x + error))).unzip();
            let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Linear) };
            let fit = crate::fit::fit(&settings, &x, &y).unwrap();
            let data = Data::new(&fit, &x, &y, None);
            let mut scratch = Scratch::new(&data);
            let deviations = (0..40_000).map(|index| {
                data.draw_runs(&mut Stream::new(1, index), &mut scratch);
                scratch.problem.means[0] - 150.0
            });
            let variance = deviations.map(|deviation| deviation.powi(2)).sum::<f64>() / 40_000.0;
            let expect = crate::summary::variance_of(&errors) / r as f64;
            assert!((variance / expect - 1.0).abs() < 0.03, "{r} runs: {variance} instead of {expect}");
        }
    }
}
