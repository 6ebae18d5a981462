//! The knees of a curve. There are several, they differ, and each says which it is.

use crate::fit::model::Model;
use crate::fit::precision::Precision;
use crate::fit::profile::{profile_quadratic_peak, profile_rate, profile_usl_peak};
use crate::fit::solve::Problem;
use crate::fit::{FittedValue, IntervalKind, IntervalMethod};
use crate::interval::Interval;
use crate::nonlinear::Minimum;

/// A figure of all parameters.
pub(crate) type Figure = fn(Model, &[f64]) -> f64;

/// Which knees a model has, by name, each with its formula.
///
/// - `knee_peak`: where the curve is largest: n* = sqrt((1-sigma)/kappa) of a USL, -a/2b of a parabola, the root of
///   the derivative of a knee model; infinite where it only rises
/// - `knee_kleinrock`: where rate² / x is largest (USL, Amdahl)
/// - `knee_inverse_sigma`: 1 / sigma (USL, Amdahl)
/// - `knee_breakpoint`: psi of a broken line
/// - `peak_rate`: the rate at the peak; the limit that is never reached (lambda / sigma, m) where there is none
pub(crate) fn figures(model: Model) -> &'static [(&'static str, Figure)] {
    match model {
        Model::Usl => &[
            ("knee_peak", peak),
            ("knee_inverse_sigma", inverse_sigma),
            ("knee_kleinrock", kleinrock),
            ("peak_rate", peak_rate),
        ],
        Model::Amdahl => {
            &[("knee_inverse_sigma", inverse_sigma), ("knee_kleinrock", kleinrock), ("peak_rate", peak_rate)]
        }
        Model::ExponentialSaturation => &[("peak_rate", |_, p| p[0])],
        Model::Quadratic | Model::Knee | Model::KneeAdditive | Model::KneeUseful => {
            &[("knee_peak", peak), ("peak_rate", peak_rate)]
        }
        Model::BrokenLine => &[("knee_breakpoint", |_, p| p[3])],
        _ => &[],
    }
}

/// The knees of a fit, each with an interval; `fitted` holds the parameters.
///
/// The intervals by the delta method rest on the free parameters alone: at a bound they say nothing about the
/// possibility that the bound is not the truth.
pub(crate) fn knees(
    problem: &Problem,
    minimum: &Minimum,
    fitted: &[FittedValue],
    precision: Option<&Precision>,
    kind: IntervalKind,
) -> Vec<FittedValue> {
    let knee = |&(name, of): &(&'static str, Figure)| {
        let estimate = of(problem.model, &minimum.parameters);
        let by_profile = |profile: &dyn Fn(&Precision) -> Interval| FittedValue {
            name,
            estimate,
            std_error: None,
            interval: precision.map(profile),
            method: IntervalMethod::Profile,
            at_bound: estimate.is_infinite(),
        };
        match (problem.model, name) {
            (_, "knee_breakpoint") => FittedValue { name, ..fitted[3] },
            (Model::ExponentialSaturation, _) => FittedValue { name, ..fitted[0] },
            (_, "knee_inverse_sigma") => reciprocal(name, &fitted[1]),
            _ if kind == IntervalKind::Delta => delta(name, of, problem.model, minimum, precision),
            (Model::Usl, "knee_peak") => {
                by_profile(&|precision| profile_usl_peak(problem, minimum, precision.threshold))
            }
            // Steeper than any worker below 1 could be fast: the formula has a pole there, and no highest value.
            (Model::Usl, "peak_rate") if estimate.is_infinite() && peak_of(&minimum.parameters).is_finite() => {
                by_profile(&|_| Interval { low: 0.0, high: f64::INFINITY })
            }
            (Model::Quadratic, "peak_rate") => ln_delta(name, of, problem.model, minimum, precision),
            (_, "peak_rate") => by_profile(&|precision| profile_rate(problem, minimum, estimate, precision.threshold)),
            (Model::Quadratic, "knee_peak") => {
                by_profile(&|precision| profile_quadratic_peak(problem, minimum, precision))
            }
            _ => ln_delta(name, of, problem.model, minimum, precision),
        }
    };
    figures(problem.model).iter().map(knee).collect()
}

/// n* of (lambda, sigma, kappa): sqrt((1-sigma)/kappa).
pub fn peak_of(parameters: &[f64]) -> f64 {
    let [sigma, kappa] = [parameters[1], parameters[2]];
    if kappa > 0.0 { ((1.0 - sigma) / kappa).sqrt() } else { f64::INFINITY }
}

fn peak(model: Model, parameters: &[f64]) -> f64 {
    match model {
        Model::Usl => peak_of(parameters),
        Model::Quadratic if parameters[1] < 0.0 => -parameters[0] / (2.0 * parameters[1]),
        Model::Quadratic => f64::INFINITY,
        _ => peak_by_slope(model, parameters),
    }
}

/// Where a knee model is highest, of whose one peak there is a proof: the highest of a grid over ln x, then halving where
/// the slope changes its sign; infinite where it still rises ten million times beyond x = 1.
fn peak_by_slope(model: Model, parameters: &[f64]) -> f64 {
    let at = |ln: f64| model.value(parameters, ln.exp());
    let (first, last) = (-7.0_f64, 16.0);
    let steps = 230;
    let place = |step: usize| first + (last - first) * step as f64 / steps as f64;
    let top = (0..=steps).max_by(|a, b| at(place(*a)).total_cmp(&at(place(*b)))).unwrap_or(steps);
    if top == steps {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (place(top.saturating_sub(1)), place(top + 1));
    // Where the slope by differences changes its sign.
    let slope = |ln: f64| at(ln + 1e-5) - at(ln - 1e-5);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

fn kappa_of(parameters: &[f64]) -> f64 {
    parameters.get(2).copied().unwrap_or(0.0)
}

/// Positive root of 3 kappa N² + (sigma - kappa) N - (1 - sigma) = 0, written so that kappa = 0 needs no case.
fn kleinrock(_: Model, parameters: &[f64]) -> f64 {
    let (sigma, kappa) = (parameters[1], kappa_of(parameters));
    let difference = sigma - kappa;
    2.0 * (1.0 - sigma) / (difference + (difference.powi(2) + 12.0 * kappa * (1.0 - sigma)).sqrt())
}

fn inverse_sigma(_: Model, parameters: &[f64]) -> f64 {
    1.0 / parameters[1]
}

fn peak_rate(model: Model, parameters: &[f64]) -> f64 {
    if !matches!(model, Model::Usl | Model::Amdahl) {
        let peak = peak(model, parameters);
        return match model {
            _ if peak.is_finite() => model.value(parameters, peak),
            // Without alpha the time for each is beta's alone in the end.
            Model::Knee | Model::KneeAdditive if parameters[1] == 0.0 => parameters[0] / parameters[2],
            _ => f64::INFINITY,
        };
    }
    let (sigma, kappa) = (parameters[1], kappa_of(parameters));
    let time = sigma - kappa + 2.0 * (kappa * (1.0 - sigma)).sqrt();
    // Below 0 the formula has a pole between 0 and 1 workers: it is highest nowhere.
    if time > 0.0 { parameters[0] / time } else { f64::INFINITY }
}

/// The reciprocal of sigma and of its interval; infinite where sigma may be 0.
fn reciprocal(name: &'static str, sigma: &FittedValue) -> FittedValue {
    let estimate = 1.0 / sigma.estimate;
    // An interval by the delta method may reach below 0: then 1/sigma has no upper end.
    let of = |value: f64| if value > 0.0 { 1.0 / value } else { f64::INFINITY };
    FittedValue {
        name,
        estimate,
        std_error: sigma.std_error.map(|error| error * estimate.powi(2)),
        interval: sigma.interval.map(|sigma| Interval { low: of(sigma.high), high: of(sigma.low) }),
        ..*sigma
    }
}

/// estimate ± t · standard error, from the covariance of the free parameters.
fn delta(
    name: &'static str,
    of: Figure,
    model: Model,
    minimum: &Minimum,
    precision: Option<&Precision>,
) -> FittedValue {
    let estimate = of(model, &minimum.parameters);
    let error = precision.map(|precision| precision.delta_error(|p| of(model, p), &minimum.parameters));
    let error = error.filter(|error| error.is_finite() && estimate.is_finite());
    FittedValue {
        name,
        estimate,
        std_error: error,
        interval: precision.zip(error).map(|(precision, error)| precision.around(estimate, error)),
        method: IntervalMethod::Delta,
        at_bound: estimate.is_infinite(),
    }
}

/// estimate · exp(± t · standard error of its ln), from the covariance of the free parameters.
fn ln_delta(
    name: &'static str,
    of: Figure,
    model: Model,
    minimum: &Minimum,
    precision: Option<&Precision>,
) -> FittedValue {
    let estimate = of(model, &minimum.parameters);
    let ln_error = precision.map(|precision| precision.delta_error(|p| of(model, p).ln(), &minimum.parameters));
    let finite = ln_error.filter(|error| error.is_finite() && estimate.is_finite() && estimate > 0.0);
    let interval = precision.zip(finite).map(|(precision, error)| {
        let around = precision.around(0.0, error);
        Interval { low: estimate * around.low.exp(), high: estimate * around.high.exp() }
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
