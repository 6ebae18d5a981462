//! Curves through rates and costs: fit, standard errors, intervals, knees, adequacy.
//!
//! One call: [`fit`]. All replicates go in (the run is the datum, not the mean over runs); the response is ln y
//! unless said otherwise. Bounds are an active set done right: where kappa ends at 0 the USL *is* Amdahl's law, its
//! standard errors and degrees of freedom are those of two parameters, and the peak is reported as infinite.
//! Below [`MIN_DISTINCT_X`] distinct x a fit is refused; [`solve_exactly`] gives bare estimates for printed tables.
//! [`bootstrap`] replaces the intervals by resampled ones, [`diagnose`] looks at the residuals, [`choose`] compares
//! models, [`davies`] tests a straight line. The table of all models is [`SPECS`].
//!
//! Not here: a curve without a formula ([`crate::argmax`]), verdicts ([`crate::decide`]).

mod bootstrap;
mod choose;
mod davies;
mod diagnose;
mod gauss_newton;
mod knee;
mod model;
mod precision;
mod profile;
mod quality;
mod result;
mod solve;
mod start;

pub use bootstrap::{Resampling, bootstrap};
pub(crate) use choose::leads;
pub use choose::{Candidate, Choice, ChoiceVerdict, DECISIVE_LEAD, FEW_MEANS, NESTED_LEAD, candidates, choose};
pub use davies::{DAVIES_PLACES, Davies, davies};
pub use diagnose::{Diagnostics, Influence, Runs, diagnose};
pub use knee::peak_of;
pub use model::{Family, KneeConstants, KneeForm, Model, SPECS, Spec};
pub use quality::{ADEQUATE_MISFIT, LACK_OF_FIT_ALPHA, akaike_weights, means_by_x};
pub use result::{Fit, FitStatus, FittedValue, IntervalMethod};
pub use solve::Response;

pub(crate) use bootstrap::widening;
pub(crate) use quality::{aicc, group_by_x};

use crate::error::{StatsError, check_pairs, check_positive, check_unit, check_values};
use crate::interval::Interval;
use crate::nonlinear::Minimum;
use precision::Precision;
use profile::profile_parameter;
use quality::{lack_of_fit, misfit_ratio};
use solve::{Problem, solve};

/// Fewest distinct x of a fit whose knee is to be believed (statistics notes, section 3.4).
pub const MIN_DISTINCT_X: usize = 6;

/// What to fit, and how sure to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitSettings {
    /// The curve.
    pub model: Model,
    /// What the residuals are taken of.
    pub response: Response,
    /// Level of the intervals, 0..1.
    pub level: f64,
    /// How the intervals are made.
    pub interval: IntervalKind,
}

/// How the intervals of a fit are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntervalKind {
    /// By profile where there is one, else by the delta method on ln.
    #[default]
    Profile,
    /// Estimate ± t · standard error throughout; always looks bounded.
    Delta,
}

impl FitSettings {
    /// ln response, 95 %, profile intervals.
    pub fn new(model: Model) -> FitSettings {
        FitSettings { model, response: Response::Ln, level: 0.95, interval: IntervalKind::Profile }
    }
}

/// Fits a curve to all observations, `y[i]` at `x[i]`; equal x are replicates.
///
/// # Errors
/// `FitRefused` below [`MIN_DISTINCT_X`] distinct x; `LengthMismatch`; `NotFinite`, and `NotPositive` where ln is taken
/// or the model needs it;
/// `OutOfRange` for the level; `NoConvergence`.
pub fn fit(settings: &FitSettings, x: &[f64], y: &[f64]) -> Result<Fit, StatsError> {
    fit_weighted(settings, x, y, None)
}

/// The same, each squared residual multiplied by its weight; a weight is the reciprocal of a variance but for scale.
///
/// # Errors
/// As [`fit`], and for weights as for y.
pub fn fit_weighted(settings: &FitSettings, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Result<Fit, StatsError> {
    let FitSettings { model, response, level, interval } = *settings;
    check_unit("level", level)?;
    check_observations(settings, x, y, weights, MIN_DISTINCT_X)?;
    let problem = Problem::new(model, response, x, y, weights);
    let minimum = solve(&problem).ok_or(StatsError::NoConvergence { model })?;
    let (n, n_distinct, n_free) = (problem.n, problem.x.len(), minimum.n_free());
    let misfit_ratio = misfit_ratio(&problem, &minimum.parameters);
    let lack_of_fit = lack_of_fit(&problem, minimum.rss, misfit_ratio, n_free);
    let is_lacking = lack_of_fit.is_some_and(|test| test.p < LACK_OF_FIT_ALPHA);
    let rss = minimum.rss + problem.pure_error;
    let (squares, df) = if is_lacking { (minimum.rss, n_distinct - n_free) } else { (rss, n - n_free) };
    let precision = match is_merged(model, &minimum) {
        true => None,
        false => Precision::new(&problem, &minimum, squares / df as f64, df as f64, level),
    };
    let parameters = fitted_parameters(&problem, &minimum, precision.as_ref(), interval);
    let knees = knee::knees(&problem, &minimum, &parameters, precision.as_ref(), interval);
    let is_unbounded =
        |value: &FittedValue| value.name == "knee_peak" && value.interval.is_none_or(|interval| !interval.is_bounded());
    let status = if is_merged(model, &minimum) {
        // Before a misfit: what has no interval is no parameter to speak of.
        FitStatus::Undetermined
    } else if is_lacking || (lack_of_fit.is_none() && misfit_ratio > ADEQUATE_MISFIT) {
        FitStatus::Misfit
    } else if minimum.fixed.contains(&true) {
        FitStatus::Bound
    } else if precision.is_none() {
        FitStatus::Undetermined
    } else if knees.iter().any(is_unbounded) {
        FitStatus::Unbounded
    } else {
        FitStatus::Ok
    };
    Ok(Fit {
        model,
        response,
        parameters,
        knees,
        n,
        n_distinct,
        df,
        rss,
        aicc: aicc(rss, n, n_free, problem.ln_weights),
        lack_of_fit,
        misfit_ratio,
        level,
        status,
    })
}

/// Whether two exponentials became one: then only the sum of their amplitudes is determined.
fn is_merged(model: Model, minimum: &Minimum) -> bool {
    // Beyond a part in a thousand the data tell the two scales apart by more than rounding.
    let together = |fast: f64, slow: f64| slow <= fast * (1.0 + 1e-3);
    model == Model::BiExponential && together(minimum.parameters[1], minimum.parameters[3])
}

/// Estimates alone, without interval or test, from as few distinct x as there are parameters: for printed tables.
///
/// Three points determine a USL exactly and test nothing. In the order of [`Model::parameter_names`].
///
/// # Errors
/// As [`fit`], with the number of parameters in place of [`MIN_DISTINCT_X`].
pub fn solve_exactly(model: Model, response: Response, x: &[f64], y: &[f64]) -> Result<Vec<f64>, StatsError> {
    let settings = FitSettings { response, ..FitSettings::new(model) };
    check_observations(&settings, x, y, None, model.parameter_names().len())?;
    let minimum = solve(&Problem::new(model, response, x, y, None)).ok_or(StatsError::NoConvergence { model })?;
    Ok(minimum.parameters)
}

fn check_observations(
    settings: &FitSettings,
    x: &[f64],
    y: &[f64],
    weights: Option<&[f64]>,
    needed: usize,
) -> Result<(), StatsError> {
    let model = settings.model;
    check_pairs("x and y", x.len(), y.len())?;
    let check_x = if model.needs_positive_x() { check_positive } else { check_values };
    let positive_y = settings.response == Response::Ln || model.needs_positive_y();
    let check_y = if positive_y { check_positive } else { check_values };
    check_x("x", x, 0)?;
    check_y("y", y, 0)?;
    if let Some(weights) = weights {
        check_pairs("x and weights", x.len(), weights.len())?;
        check_positive("weights", weights, 0)?;
    }
    match group_by_x(x).len() {
        found if found < needed => Err(StatsError::FitRefused { model, found, needed }),
        _ => Ok(()),
    }
}

fn fitted_parameters(
    problem: &Problem,
    minimum: &Minimum,
    precision: Option<&Precision>,
    kind: IntervalKind,
) -> Vec<FittedValue> {
    let ranges = problem.model.spec().ranges;
    // A curve whose scale or power ran to the edge of the solver's map is a limit curve: what remains of its scales
    // and powers is not bounded above by the data, only by that edge.
    let is_limit = ranges.iter().zip(&minimum.fixed).any(|(range, fixed)| *fixed && range.is_limit());
    let profile = |j: usize, precision: &Precision| {
        let interval = profile_parameter(problem, minimum, j, precision);
        let open = is_limit && ranges[j].is_limit();
        if open { Interval { high: f64::INFINITY, ..interval } } else { interval }
    };
    let delta = |j: usize, precision: &Precision| {
        precision.std_error(j).map(|error| precision.around(minimum.parameters[j], error))
    };
    let value = |(j, name): (usize, &&'static str)| FittedValue {
        name,
        estimate: minimum.parameters[j],
        std_error: precision.and_then(|precision| precision.std_error(j)),
        interval: precision.and_then(|precision| match kind {
            IntervalKind::Profile => Some(profile(j, precision)),
            IntervalKind::Delta => delta(j, precision),
        }),
        method: if kind == IntervalKind::Profile { IntervalMethod::Profile } else { IntervalMethod::Delta },
        at_bound: minimum.fixed[j],
    };
    problem.model.parameter_names().iter().enumerate().map(value).collect()
}
