//! One slice in, its usual figures out: mean, variance, CV, median, extremes.
//!
//! No interval here: those are in [`crate::interval`]. Variances are sample variances (divisor n - 1), by two
//! passes, so values of 1e9 ns with a spread of 1 ns keep their digits.

use crate::error::{StatsError, check_positive, check_values};
use crate::quantile::quantile_of;

/// Mean, spread and extremes of one slice, in the unit of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample variance (divisor n - 1), unit squared; `None` for one value.
    pub variance: Option<f64>,
    /// Square root of the variance; `None` for one value.
    pub sd: Option<f64>,
    /// sd / |mean|; `None` for one value or a mean of 0.
    pub cv: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Median (type 7, as all quantiles of this crate).
    pub median: f64,
    /// Largest value.
    pub max: f64,
}

/// Summarizes a slice.
///
/// # Errors
/// `TooFew` for an empty slice, `NotFinite` for NaN or an infinity.
pub fn summarize(values: &[f64]) -> Result<Summary, StatsError> {
    check_values("values", values, 1)?;
    let mean = mean_of(values);
    let variance = (values.len() > 1).then(|| variance_of(values));
    let sd = variance.map(f64::sqrt);
    Ok(Summary {
        n: values.len(),
        mean,
        variance,
        sd,
        cv: sd.filter(|_| mean != 0.0).map(|sd| sd / mean.abs()),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        median: quantile_of(&mut values.to_vec(), 0.5),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}

/// Arithmetic mean, corrected once for rounding.
///
/// # Errors
/// `TooFew` for an empty slice, `NotFinite` for NaN or an infinity.
pub fn mean(values: &[f64]) -> Result<f64, StatsError> {
    check_values("values", values, 1)?;
    Ok(mean_of(values))
}

/// Geometric mean.
///
/// # Errors
/// As [`mean`], and `NotPositive` for a value of 0 or less.
pub fn geometric_mean(values: &[f64]) -> Result<f64, StatsError> {
    check_positive("values", values, 1)?;
    Ok(mean_of(&values.iter().map(|value| value.ln()).collect::<Vec<f64>>()).exp())
}

/// Sample variance (divisor n - 1), unit squared.
///
/// # Errors
/// `TooFew` below 2 values, `NotFinite` for NaN or an infinity.
pub fn variance(values: &[f64]) -> Result<f64, StatsError> {
    check_values("values", values, 2)?;
    Ok(variance_of(values))
}

/// Mean of a checked, non-empty slice.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    mean + values.iter().map(|value| value - mean).sum::<f64>() / n
}

/// Sample variance of a checked slice of at least two values.
pub(crate) fn variance_of(values: &[f64]) -> f64 {
    let mean = mean_of(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expect: [f64; 4]) {
        let summary = summarize(values).unwrap();
        let found = [summary.mean, summary.variance.unwrap(), summary.median, summary.cv.unwrap()];
        for (found, expect) in found.iter().zip(expect) {
            assert!((found - expect).abs() <= 1e-12 * expect.abs(), "{values:?}: {found} instead of {expect}");
        }
    }

    #[test]
    fn summaries() {
        check(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], [5.0, 32.0 / 7.0, 4.5, (32.0_f64 / 7.0).sqrt() / 5.0]);
        check(&[3.0, 1.0, 2.0], [2.0, 1.0, 2.0, 0.5]);
        // A large offset keeps its digits: NIST StRD NumAcc4 has sd 0.1 on 1e7; here 1 on 1e9.
        check(&[1e9 + 1.0, 1e9, 1e9 - 1.0], [1e9, 1.0, 1e9, 1e-9]);
        // Ten times .1 add up to a little less than 1.
        assert_eq!(mean(&[0.1; 10]).unwrap(), 0.1);
        assert_eq!((variance(&[1.0, 2.0, 3.0, 6.0]), variance(&[1.0]).is_err()), (Ok(14.0 / 3.0), true));
    }

    #[test]
    fn geometric_means() {
        assert!((geometric_mean(&[1.0, 2.0, 4.0]).unwrap() - 2.0).abs() < 1e-15);
        assert!(matches!(geometric_mean(&[1.0, 0.0]), Err(StatsError::NotPositive { index: 1, .. })));
        assert!(geometric_mean(&[]).is_err());
    }

    #[test]
    fn what_does_not_exist_is_none() {
        let one = summarize(&[7.0]).unwrap();
        assert_eq!((one.variance, one.cv, one.median), (None, None, 7.0));
        assert_eq!(summarize(&[-1.0, 1.0]).unwrap().cv, None);
        assert_eq!(summarize(&[]), Err(StatsError::TooFew { what: "values", found: 0, needed: 1 }));
        assert!(matches!(summarize(&[1.0, f64::NAN]), Err(StatsError::NotFinite { index: 1, .. })));
    }
}
