//! The knees of a rising curve. There are several, they differ, and each says which it is.

use crate::fit::model::Model;
use crate::fit::profile::profile_peak;
use crate::fit::solve::{Minimum, Problem};
use crate::fit::{FittedValue, IntervalMethod, Precision};
use crate::interval::{Interval, t_quantile};

/// Knees and peak rate of a USL or Amdahl fit; empty for the decay models.
///
/// - `knee_peak`: n* = sqrt((1-sigma)/kappa), where the rate is largest; infinite where kappa = 0
/// - `knee_kleinrock`: where rate² / x is largest
/// - `knee_inverse_sigma`: 1 / sigma
/// - `peak_rate`: the rate at n*, lambda / (sigma - kappa + 2 sqrt(kappa (1-sigma))); lambda / sigma, the limit that
///   is never reached, where kappa = 0
///
/// The intervals of `knee_kleinrock` and `peak_rate` rest on the free parameters alone: at a bound they say nothing
/// about the possibility that the bound is not the truth. `fitted` holds the parameters.
pub(crate) fn knees(
    problem: &Problem,
    minimum: &Minimum,
    fitted: &[FittedValue],
    precision: Option<&Precision>,
    level: f64,
) -> Vec<FittedValue> {
    let mut knees = Vec::new();
    match problem.model {
        Model::Usl => knees.push(peak(problem, minimum, precision)),
        Model::Amdahl => {}
        _ => return knees,
    }
    knees.push(inverse_sigma(&fitted[1]));
    for (name, of) in [("knee_kleinrock", kleinrock_knee as fn(&[f64]) -> f64), ("peak_rate", peak_rate)] {
        knees.push(delta_on_ln(name, of, &minimum.parameters, precision, level));
    }
    knees
}

/// n* of (lambda, sigma, kappa): sqrt((1-sigma)/kappa).
pub fn peak_of(parameters: &[f64]) -> f64 {
    let [sigma, kappa] = [parameters[1], parameters[2]];
    if kappa > 0.0 { ((1.0 - sigma) / kappa).sqrt() } else { f64::INFINITY }
}

fn kappa_of(parameters: &[f64]) -> f64 {
    parameters.get(2).copied().unwrap_or(0.0)
}

/// Positive root of 3 kappa N² + (sigma - kappa) N - (1 - sigma) = 0, written so that kappa = 0 needs no case.
fn kleinrock_knee(parameters: &[f64]) -> f64 {
    let (sigma, kappa) = (parameters[1], kappa_of(parameters));
    let difference = sigma - kappa;
    2.0 * (1.0 - sigma) / (difference + (difference.powi(2) + 12.0 * kappa * (1.0 - sigma)).sqrt())
}

fn peak_rate(parameters: &[f64]) -> f64 {
    let (sigma, kappa) = (parameters[1], kappa_of(parameters));
    parameters[0] / (sigma - kappa + 2.0 * (kappa * (1.0 - sigma)).sqrt())
}

fn peak(problem: &Problem, minimum: &Minimum, precision: Option<&Precision>) -> FittedValue {
    let estimate = peak_of(&minimum.parameters);
    FittedValue {
        name: "knee_peak",
        estimate,
        std_error: None,
        interval: precision.map(|precision| profile_peak(problem, minimum, precision.threshold)),
        method: IntervalMethod::Profile,
        at_bound: estimate.is_infinite(),
    }
}

/// The reciprocal of sigma and of its profile interval; infinite where sigma may be 0.
fn inverse_sigma(sigma: &FittedValue) -> FittedValue {
    let estimate = 1.0 / sigma.estimate;
    FittedValue {
        name: "knee_inverse_sigma",
        estimate,
        std_error: sigma.std_error.map(|error| error * estimate.powi(2)),
        interval: sigma.interval.map(|sigma| Interval { low: 1.0 / sigma.high, high: 1.0 / sigma.low }),
        ..*sigma
    }
}

/// estimate · exp(± t · standard error of its ln), from the covariance of the free parameters.
fn delta_on_ln(
    name: &'static str,
    of: fn(&[f64]) -> f64,
    parameters: &[f64],
    precision: Option<&Precision>,
    level: f64,
) -> FittedValue {
    let estimate = of(parameters);
    let ln_error = precision.map(|precision| precision.delta_error(|parameters| of(parameters).ln(), parameters));
    let finite = ln_error.filter(|error| error.is_finite() && estimate.is_finite() && estimate > 0.0);
    let interval = precision.zip(finite).map(|(precision, error)| {
        let factor = (t_quantile(0.5 + level / 2.0, precision.df) * error).exp();
        Interval { low: estimate / factor, high: estimate * factor }
    });
    FittedValue {
        name,
        estimate,
        std_error: finite.map(|error| error * estimate),
        interval,
        method: IntervalMethod::LnDelta,
        at_bound: estimate.is_infinite(),
    }
}
