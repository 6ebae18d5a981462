//! Curves through rates: fit, standard errors, profile intervals, knees, adequacy.
//!
//! One call: [`fit`]. All replicates go in (the run is the datum, not the mean over runs); the response is ln y
//! unless said otherwise. Bounds are an active set done right: where kappa ends at 0 the USL *is* Amdahl's law, its
//! standard errors and degrees of freedom are those of two parameters, and the peak is reported as infinite.
//! Below [`MIN_DISTINCT_X`] distinct x a fit is refused; [`solve_exactly`] gives bare estimates for printed tables.
//!
//! Not here: choosing a model (see [`akaike_weights`] and [`crate::decide::decide_preference`]), a curve without a
//! formula ([`crate::argmax`]).

mod knee;
mod linear;
mod model;
mod profile;
mod quality;
mod solve;
mod start;

pub use knee::peak_of;
pub use model::Model;
pub use quality::{ADEQUATE_MISFIT, LACK_OF_FIT_ALPHA, akaike_weights};
pub use solve::Response;

pub(crate) use quality::group_by_x;

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use crate::error::{StatsError, check_pairs, check_positive, check_unit};
use crate::interval::Interval;
use crate::variance::TestResult;
use profile::profile_parameter;
use quality::{aicc, lack_of_fit, misfit_ratio};
use solve::{Minimum, Problem, solve};

/// Fewest distinct x of a fit whose knee is to be believed (statistics notes, section 3.4).
pub const MIN_DISTINCT_X: usize = 6;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalMethod {
    /// All values for which the refitted curve stays within the F threshold; may be one-sided or unbounded.
    Profile,
    /// Covariance of the parameters, propagated to the ln of the figure.
    LnDelta,
}

impl std::fmt::Display for IntervalMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            IntervalMethod::Profile => "profile",
            IntervalMethod::LnDelta => "ln_delta",
        })
    }
}

/// A parameter, or a figure that follows from the parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedValue {
    /// Name as in fits.csv: `lambda`, `knee_peak`, …
    pub name: &'static str,
    /// Point estimate; infinite for the peak of a curve without one.
    pub estimate: f64,
    /// sqrt(diag((JᵀJ)⁻¹) s²); `None` at a bound, and for the peak, whose profile says more.
    pub std_error: Option<f64>,
    /// Interval at the level asked; a side is infinite where the data do not bound it.
    pub interval: Option<Interval>,
    /// How the interval was made.
    pub method: IntervalMethod,
    /// Whether the estimate sits on a bound of the model.
    pub at_bound: bool,
}

/// The one thing to know about a fit first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitStatus {
    /// Inside its bounds, adequate, the peak (if any) bounded on both sides.
    Ok,
    /// The curve misses the data: lack-of-fit p < .05 (intervals then come from the means), or without replicates a
    /// misfit above 2 %.
    Misfit,
    /// A parameter ended at a bound: for kappa there is no peak.
    Bound,
    /// The peak's interval has an infinite side.
    Unbounded,
}

impl std::fmt::Display for FitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            FitStatus::Ok => "ok",
            FitStatus::Misfit => "misfit",
            FitStatus::Bound => "bound",
            FitStatus::Unbounded => "unbounded",
        })
    }
}

/// A curve fitted to data, with all that is needed to judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The curve.
    pub model: Model,
    /// What the residuals are taken of.
    pub response: Response,
    /// In the order of [`Model::parameter_names`].
    pub parameters: Vec<FittedValue>,
    /// Knees and peak rate; empty for decay models.
    pub knees: Vec<FittedValue>,
    /// Observations.
    pub n: usize,
    /// Distinct x.
    pub n_distinct: usize,
    /// Degrees of freedom of the intervals: n - free parameters, or m - free parameters where status is `misfit`
    /// because of lack of fit.
    pub df: usize,
    /// Residual sum of squares on the scale of the response, over all observations.
    pub rss: f64,
    /// AICc with k = free parameters + 1; `None` where n <= k + 1 or the fit is exact.
    pub aicc: Option<f64>,
    /// F test against pure error; `None` without replicates.
    pub lack_of_fit: Option<TestResult>,
    /// rms over distinct x of the relative distance between mean and curve.
    pub misfit_ratio: f64,
    /// Level of the intervals.
    pub level: f64,
    /// The one thing to know first.
    pub status: FitStatus,
}

impl Fit {
    /// Whether lack-of-fit p >= .05 or the misfit is at most 2 %. Where it is not, no knee claim is decided.
    pub fn is_adequate(&self) -> bool {
        self.lack_of_fit.is_some_and(|test| test.p >= LACK_OF_FIT_ALPHA) || self.misfit_ratio <= ADEQUATE_MISFIT
    }

    /// The parameter or knee of that name.
    pub fn value(&self, name: &str) -> Option<&FittedValue> {
        self.parameters.iter().chain(&self.knees).find(|value| value.name == name)
    }

    /// The curve's value at x.
    pub fn predict(&self, x: f64) -> f64 {
        let parameters: Vec<f64> = self.parameters.iter().map(|parameter| parameter.estimate).collect();
        self.model.value(&parameters, x)
    }
}

/// What to fit, and how sure to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitSettings {
    /// The curve.
    pub model: Model,
    /// What the residuals are taken of.
    pub response: Response,
    /// Level of the intervals, 0..1.
    pub level: f64,
}

impl FitSettings {
    /// ln response, 95 %.
    pub fn new(model: Model) -> FitSettings {
        FitSettings { model, response: Response::Ln, level: 0.95 }
    }
}

/// Fits a curve to all observations, `y[i]` at `x[i]`; equal x are replicates.
///
/// # Errors
/// `FitRefused` below [`MIN_DISTINCT_X`] distinct x; `LengthMismatch`; `NotPositive` and `NotFinite` for x or y;
/// `OutOfRange` for the level; `NoConvergence`.
pub fn fit(settings: &FitSettings, x: &[f64], y: &[f64]) -> Result<Fit, StatsError> {
    let FitSettings { model, response, level } = *settings;
    check_unit("level", level)?;
    check_observations(model, x, y, MIN_DISTINCT_X)?;
    let problem = Problem::new(model, response, x, y);
    let minimum = solve(&problem).ok_or(StatsError::NoConvergence { model })?;
    let (n, n_distinct, n_free) = (problem.n, problem.x.len(), minimum.n_free());
    let misfit_ratio = misfit_ratio(&problem, &minimum.parameters);
    let lack_of_fit = lack_of_fit(&problem, minimum.rss, misfit_ratio, n_free);
    let is_lacking = lack_of_fit.is_some_and(|test| test.p < LACK_OF_FIT_ALPHA);
    let rss = minimum.rss + problem.pure_error;
    let (squares, df) = if is_lacking { (minimum.rss, n_distinct - n_free) } else { (rss, n - n_free) };
    let precision = Precision::new(&problem, &minimum, squares / df as f64, df as f64, level);
    let parameters = fitted_parameters(&problem, &minimum, precision.as_ref());
    let knees = knee::knees(&problem, &minimum, &parameters, precision.as_ref(), level);
    let is_unbounded =
        |value: &FittedValue| value.name == "knee_peak" && value.interval.is_none_or(|interval| !interval.is_bounded());
    let status = if is_lacking || (lack_of_fit.is_none() && misfit_ratio > ADEQUATE_MISFIT) {
        FitStatus::Misfit
    } else if minimum.fixed.contains(&true) {
        FitStatus::Bound
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
        aicc: aicc(rss, n, n_free),
        lack_of_fit,
        misfit_ratio,
        level,
        status,
    })
}

/// Estimates alone, without interval or test, from as few distinct x as there are parameters: for printed tables.
///
/// Three points determine a USL exactly and test nothing. In the order of [`Model::parameter_names`].
///
/// # Errors
/// As [`fit`], with the number of parameters in place of [`MIN_DISTINCT_X`].
pub fn solve_exactly(model: Model, response: Response, x: &[f64], y: &[f64]) -> Result<Vec<f64>, StatsError> {
    check_observations(model, x, y, model.parameter_names().len())?;
    let minimum = solve(&Problem::new(model, response, x, y)).ok_or(StatsError::NoConvergence { model })?;
    Ok(minimum.parameters)
}

fn check_observations(model: Model, x: &[f64], y: &[f64], needed: usize) -> Result<(), StatsError> {
    check_pairs("x and y", x.len(), y.len())?;
    check_positive("x", x, 0)?;
    check_positive("y", y, 0)?;
    match group_by_x(x).len() {
        found if found < needed => Err(StatsError::FitRefused { model, found, needed }),
        _ => Ok(()),
    }
}

fn fitted_parameters(problem: &Problem, minimum: &Minimum, precision: Option<&Precision>) -> Vec<FittedValue> {
    // A decay whose scale or power ran to the edge of the solver's map is a limit curve: what remains of the two is
    // not bounded above by the data, only by that edge.
    let is_limit = matches!(problem.model, Model::Lomax | Model::Hill) && minimum.fixed[1..].contains(&true);
    let interval = |j: usize, precision: &Precision| {
        let interval = profile_parameter(problem, minimum, j, precision.threshold);
        if is_limit && j > 0 { Interval { high: f64::INFINITY, ..interval } } else { interval }
    };
    let value = |(j, name): (usize, &&'static str)| FittedValue {
        name,
        estimate: minimum.parameters[j],
        std_error: precision.and_then(|precision| precision.std_error(j)),
        interval: precision.map(|precision| interval(j, precision)),
        method: IntervalMethod::Profile,
        at_bound: minimum.fixed[j],
    };
    problem.model.parameter_names().iter().enumerate().map(value).collect()
}

/// Covariance of the free parameters, and the sum of squares up to which a profile counts as inside.
pub(crate) struct Precision {
    /// Index of each free parameter among all.
    free: Vec<usize>,
    covariance: Vec<Vec<f64>>,
    df: f64,
    /// RSS_min + s² F_{level; 1, df}.
    threshold: f64,
}

impl Precision {
    /// `None` where the data do not determine the free parameters: then there is no honest interval.
    fn new(problem: &Problem, minimum: &Minimum, s2: f64, df: f64, level: f64) -> Option<Precision> {
        let gram_inverse = problem.linearize(minimum)?.gram_inverse;
        let covariance = gram_inverse.iter().map(|row| row.iter().map(|entry| entry * s2).collect()).collect();
        let f = FisherSnedecor::new(1.0, df).ok()?.inverse_cdf(level);
        let free = (0..minimum.fixed.len()).filter(|j| !minimum.fixed[*j]).collect();
        Some(Precision { free, covariance, df, threshold: minimum.rss + s2 * f })
    }

    fn std_error(&self, j: usize) -> Option<f64> {
        let position = self.free.iter().position(|free| *free == j)?;
        Some(self.covariance[position][position].sqrt())
    }

    /// Standard error of a figure of all parameters, by central differences over the free ones.
    pub(crate) fn delta_error(&self, of: impl Fn(&[f64]) -> f64, parameters: &[f64]) -> f64 {
        let slope = |j: &usize| {
            let step = 1e-6 * parameters[*j].abs();
            let at = |value: f64| {
                let mut moved = parameters.to_vec();
                moved[*j] = value;
                of(&moved)
            };
            (at(parameters[*j] + step) - at(parameters[*j] - step)) / (2.0 * step)
        };
        let gradient: Vec<f64> = self.free.iter().map(slope).collect();
        let row = |row: &Vec<f64>| row.iter().zip(&gradient).map(|(entry, slope)| entry * slope).sum::<f64>();
        self.covariance.iter().zip(&gradient).map(|(entries, slope)| row(entries) * slope).sum::<f64>().sqrt()
    }
}
