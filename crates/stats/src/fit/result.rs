//! What a fit gives back.

use crate::fit::model::Model;
use crate::fit::quality::{ADEQUATE_MISFIT, LACK_OF_FIT_ALPHA};
use crate::fit::solve::Response;
use crate::interval::Interval;
use crate::nonlinear::Minimum;
use crate::variance::TestResult;

/// How an interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalMethod {
    /// All values for which the refitted curve stays within the F threshold; may be one-sided or unbounded.
    Profile,
    /// Estimate ± t · standard error, from the covariance of the parameters.
    Delta,
    /// The same on the ln of the figure.
    LnDelta,
    /// Percentiles over refits to the curve plus residuals drawn with replacement.
    Residual,
    /// Percentiles over refits to runs drawn with replacement within each x.
    Stratified,
    /// Percentiles of the stratified or residual refits, corrected for bias and acceleration (Efron 1987).
    Bca,
}

impl std::fmt::Display for IntervalMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            IntervalMethod::Profile => "profile",
            IntervalMethod::Delta => "delta",
            IntervalMethod::LnDelta => "ln_delta",
            IntervalMethod::Residual => "residual_bootstrap",
            IntervalMethod::Stratified => "stratified_bootstrap",
            IntervalMethod::Bca => "bca_bootstrap",
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
    /// The data do not determine all free parameters: no interval is honest.
    Undetermined,
}

impl std::fmt::Display for FitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            FitStatus::Ok => "ok",
            FitStatus::Misfit => "misfit",
            FitStatus::Bound => "bound",
            FitStatus::Unbounded => "unbounded",
            FitStatus::Undetermined => "undetermined",
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
    /// Residual sum of squares on the scale of the response, over all observations, weighted where there are weights.
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

    /// Whether lack of fit is significant and beyond 2 %: then the curve is not the data's, whatever other curves are.
    pub fn is_wrong(&self) -> bool {
        self.is_of_means() && self.misfit_ratio > ADEQUATE_MISFIT
    }

    /// Whether lack of fit is significant: then the intervals rest on the means at each x, and so does `df`.
    pub fn is_of_means(&self) -> bool {
        self.lack_of_fit.is_some_and(|test| test.p < LACK_OF_FIT_ALPHA)
    }

    /// How the interval of a value of this fit was made: `profile`, or `profile, of the means`.
    pub fn method_of(&self, value: &FittedValue) -> String {
        // A bootstrap refits what it draws, whatever the fit's own variance.
        let is_by_variance =
            matches!(value.method, IntervalMethod::Profile | IntervalMethod::Delta | IntervalMethod::LnDelta);
        let of_means = if is_by_variance && self.is_of_means() { ", of the means" } else { "" };
        format!("{method}{of_means}", method = value.method)
    }

    /// The parameter or knee of that name.
    pub fn value(&self, name: &str) -> Option<&FittedValue> {
        self.parameters.iter().chain(&self.knees).find(|value| value.name == name)
    }

    /// Where the solver ended: the parameters and which of them sit on a bound.
    pub(crate) fn minimum(&self) -> Minimum {
        Minimum {
            parameters: self.parameters.iter().map(|parameter| parameter.estimate).collect(),
            fixed: self.parameters.iter().map(|parameter| parameter.at_bound).collect(),
            rss: self.rss,
        }
    }

    /// The curve's value at x.
    pub fn predict(&self, x: f64) -> f64 {
        let parameters: Vec<f64> = self.parameters.iter().map(|parameter| parameter.estimate).collect();
        self.model.value(&parameters, x)
    }
}
