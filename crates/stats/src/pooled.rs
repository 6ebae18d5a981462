//! The ratio of two variances from values pooled over runs: secondary beside Welch's t over runs ([`crate::variance`]).
//!
//! Bonett's interval (2006) with the kurtosis pooled over both sides. With a kurtosis for each side it covers .925 and
//! .875 where .95 is promised (lognormal s .5 and 1, n = 240); pooled .96 and .935 (statistics notes, section 8). It
//! takes the values as independent, which pauses of one run are not: it is narrower than the runs allow.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{StatsError, check_unit, check_values};
use crate::interval::{Estimate, Interval};
use crate::summary::{mean_of, variance_of};
use crate::variance::MIN_VALUES_FOR_VARIANCE;

/// Variance of `b` over that of `a`, with Bonett's interval; `std_error` is that of its ln, df is infinite.
///
/// # Errors
/// `TooFew` below 30 values on a side, `NotFinite`, `OutOfRange` for the level, `NoSpread` where a side does not vary.
pub fn pooled_variance_ratio(a: &[f64], b: &[f64], level: f64) -> Result<Estimate, StatsError> {
    check_values("values of the first side", a, MIN_VALUES_FOR_VARIANCE)?;
    check_values("values of the second side", b, MIN_VALUES_FOR_VARIANCE)?;
    check_unit("level", level)?;
    let (variance_a, variance_b) = (variance_of(a), variance_of(b));
    if variance_a <= 0.0 || variance_b <= 0.0 {
        return Err(StatsError::NoSpread { what: "values of a side" });
    }
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let squares = variance_a * (n_a - 1.0) + variance_b * (n_b - 1.0);
    let kurtosis = (n_a + n_b) * (fourth_powers(a) + fourth_powers(b)) / squares.powi(2);
    let part = |n: f64| (kurtosis - (n - 3.0) / n) / (n - 1.0);
    let std_error = (part(n_a) + part(n_b)).max(0.0).sqrt();
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    // Bonett's correction for sides of different length; 1 where they are equal.
    let correction = n_b / (n_b - z) / (n_a / (n_a - z));
    let ratio = variance_b / variance_a;
    let at = |half: f64| correction * ratio * half.exp();
    let interval = Interval { low: at(-z * std_error), high: at(z * std_error) };
    Ok(Estimate { value: ratio, interval, std_error, df: f64::INFINITY, n: a.len() + b.len(), level })
}

/// Sum of fourth powers about the mean that leaves out the share 1 / (2 sqrt(n - 4)) at either end.
fn fourth_powers(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let cut = (n as f64 / (2.0 * ((n - 4) as f64).sqrt())) as usize;
    let centre = mean_of(&sorted[cut..n - cut]);
    values.iter().map(|value| (value - centre).powi(4)).sum()
}
