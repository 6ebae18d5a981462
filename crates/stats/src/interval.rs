//! Intervals of means: arithmetic, geometric, and the ratio of paired values.
//!
//! Student's t throughout. Rates and times are treated on the ln scale, where a ratio is a difference; `Estimate::exp`
//! brings the answer back. A side that the data cannot bound is an infinity, never a large number.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal, StudentsT};

use crate::error::{StatsError, check_pairs, check_positive, check_unit, check_values};
use crate::summary::{mean_of, variance_of};

/// A closed range; a side is infinite where the data do not bound it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Half of its length; infinite where a side is unbounded.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether both sides are finite.
    pub fn is_bounded(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    /// The smallest interval that holds both.
    pub fn hull(&self, other: &Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// A value with its interval and what the interval rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its interval at `level`.
    pub interval: Interval,
    /// Standard error on the scale on which the interval was computed (ln after [`Estimate::exp`]).
    pub std_error: f64,
    /// Degrees of freedom of the t quantile; Welch's are fractional.
    pub df: f64,
    /// How many values, pairs or runs went in.
    pub n: usize,
    /// Level of the interval, 0..1.
    pub level: f64,
}

impl Estimate {
    /// From the ln scale back to the scale of the values; a difference becomes a ratio.
    pub fn exp(self) -> Estimate {
        let interval = Interval { low: self.interval.low.exp(), high: self.interval.high.exp() };
        Estimate { value: self.value.exp(), interval, ..self }
    }

    /// value ± t(level, df) · std_error.
    pub(crate) fn from_t(value: f64, std_error: f64, df: f64, n: usize, level: f64) -> Estimate {
        let half = if std_error == 0.0 { 0.0 } else { t_quantile(0.5 + level / 2.0, df) * std_error };
        Estimate { value, interval: Interval { low: value - half, high: value + half }, std_error, df, n, level }
    }
}

/// Quantile of Student's t; the normal quantile above 1e5 degrees of freedom.
///
/// Source: statrs; its t quantile is off by 6e-5 at df 1e6, hence the switch (the two differ by 2e-5 at df 1e5).
/// `p` in (0, 1) and `df` above 0, else NaN.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if !(p > 0.0 && p < 1.0 && df > 0.0) {
        return f64::NAN;
    }
    match StudentsT::new(0.0, 1.0, df) {
        Ok(t) if df <= 1e5 => t.inverse_cdf(p),
        _ => Normal::standard().inverse_cdf(p),
    }
}

/// Quantile of the chi-squared distribution.
///
/// Source: statrs, whose search ends once a step is short (1.7e-10 off at p .95, df 2), and one more step of Newton's.
/// `p` in (0, 1) and `df` above 0, else NaN.
pub fn chi2_quantile(p: f64, df: f64) -> f64 {
    match ChiSquared::new(df) {
        Ok(chi2) if p > 0.0 && p < 1.0 && df.is_finite() => {
            let near = chi2.inverse_cdf(p);
            let step = (chi2.cdf(near) - p) / chi2.pdf(near);
            // Where p is so small that its quantile is 0 there is no density to divide by.
            if step.is_finite() { near - step } else { near }
        }
        _ => f64::NAN,
    }
}

/// P(T > t) of Student's t; the normal's above 1e5 degrees of freedom, infinity among them, as of [`t_quantile`].
pub(crate) fn t_upper_tail(t: f64, df: f64) -> f64 {
    if df > 1e5 {
        return Normal::standard().sf(t);
    }
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |distribution| distribution.sf(t))
}

/// Two-sided p-value of a t statistic.
pub(crate) fn t_two_sided_p(t: f64, df: f64) -> f64 {
    2.0 * t_upper_tail(t.abs(), df)
}

/// Mean and its t interval. The values must be independent: process runs, not iterations of one run.
///
/// # Errors
/// `TooFew` below 2 values, `NotFinite`, `OutOfRange` for a level outside (0, 1).
pub fn mean_interval(values: &[f64], level: f64) -> Result<Estimate, StatsError> {
    check_values("values", values, 2)?;
    check_unit("level", level)?;
    let n = values.len();
    let std_error = (variance_of(values) / n as f64).sqrt();
    Ok(Estimate::from_t(mean_of(values), std_error, (n - 1) as f64, n, level))
}

/// Geometric mean and its interval, by t on ln of the values.
///
/// # Errors
/// As [`mean_interval`], and `NotPositive` for a value of 0 or less.
pub fn geometric_mean_interval(values: &[f64], level: f64) -> Result<Estimate, StatsError> {
    Ok(mean_interval(&ln_of("values", values, 2)?, level)?.exp())
}

/// ln(a / b) paired by block and its t interval; `.exp()` of it is the ratio.
///
/// `a[i]` and `b[i]` come from the same block, so whatever slows a whole block cancels
/// (statistics notes, section 5, "Order and drift").
///
/// # Errors
/// `LengthMismatch`, `NotPositive`, and as [`mean_interval`].
pub fn paired_ln_ratio(a: &[f64], b: &[f64], level: f64) -> Result<Estimate, StatsError> {
    check_pairs("paired values", a.len(), b.len())?;
    let (a, b) = (ln_of("a", a, 2)?, ln_of("b", b, 2)?);
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    mean_interval(&differences, level)
}

/// mean(b) - mean(a) of two independent groups by Welch's t (unequal variances, Satterthwaite's df).
///
/// # Errors
/// `TooFew` below 2 values in either group, `NotFinite`, `OutOfRange` for the level.
pub fn welch_difference(a: &[f64], b: &[f64], level: f64) -> Result<Estimate, StatsError> {
    check_values("first group's values", a, 2)?;
    check_values("second group's values", b, 2)?;
    check_unit("level", level)?;
    let (part_a, part_b) = (variance_of(a) / a.len() as f64, variance_of(b) / b.len() as f64);
    let square = part_a + part_b;
    let df = if square > 0.0 {
        square.powi(2) / (part_a.powi(2) / (a.len() - 1) as f64 + part_b.powi(2) / (b.len() - 1) as f64)
    } else {
        (a.len() + b.len() - 2) as f64
    };
    Ok(Estimate::from_t(mean_of(b) - mean_of(a), square.sqrt(), df, a.len() + b.len(), level))
}

/// ln of every value, after checking that it exists.
pub(crate) fn ln_of(what: &'static str, values: &[f64], needed: usize) -> Result<Vec<f64>, StatsError> {
    check_positive(what, values, needed)?;
    Ok(values.iter().map(|value| value.ln()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expect: f64, tolerance: f64) {
        assert!((found - expect).abs() <= tolerance * expect.abs(), "{found} instead of {expect}");
    }

    /// t_.975 by scipy 1.17.1 (tests/data/reference.json, distributions).
    /// tests/data/reference.json, and the closed form at df 2.
    #[test]
    fn chi2_quantiles() {
        let close = |p: f64, df: f64, expect: f64| {
            let found = chi2_quantile(p, df);
            assert!((found / expect - 1.0).abs() < 1e-12, "p {p}, df {df}: {found} instead of {expect}");
        };
        for (df, expect) in
            [(1.0, 3.841458820694124), (2.0, 5.991464547107979), (3.0, 7.814727903251179), (9.0, 16.918977604620448)]
        {
            close(0.95, df, expect);
        }
        for p in [0.001, 0.05, 0.5, 0.9, 0.99, 0.999] {
            close(p, 2.0, -2.0 * (-p).ln_1p());
        }
        for (p, df) in [(0.0, 2.0), (1.0, 2.0), (f64::NAN, 2.0), (0.5, 0.0), (0.5, f64::NAN), (0.5, f64::INFINITY)] {
            assert!(chi2_quantile(p, df).is_nan(), "p {p}, df {df}");
        }
        assert!(chi2_quantile(1e-300, 9.0) >= 0.0);
    }

    #[test]
    fn t_quantiles() {
        for (df, expect) in [
            (1.0, 12.706204736174694),
            (3.0, 3.1824463052837078),
            (9.0, 2.2621571627409915),
            (29.0, 2.045229642132703),
            (1000.0, 1.9623390808264083),
            (1e6, 1.959966),
        ] {
            close(t_quantile(0.975, df), expect, if df > 1e5 { 2e-6 } else { 1e-10 });
        }
        assert!(t_quantile(0.975, 0.0).is_nan() && t_quantile(1.0, 3.0).is_nan());
        // The tail beyond a quantile, on both sides of the switch and where statrs takes no df.
        for df in [3.0, 29.0, 1e6, f64::INFINITY] {
            close(t_upper_tail(t_quantile(0.975, df), df), 0.025, 1e-9);
        }
        assert!(t_upper_tail(1.0, 0.0).is_nan() && t_upper_tail(1.0, f64::NAN).is_nan());
    }

    /// Student 1908: extra sleep, R 4.2.2 datasets::sleep; t.test(paired = TRUE): -2.4598858 .. -0.7001142.
    #[test]
    fn paired_and_welch_on_sleep() {
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0_f64];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4_f64];
        let ratio =
            paired_ln_ratio(&first.map(f64::exp), &second.map(f64::exp), 0.95).expect("positive values, equal lengths");
        close(ratio.value, -1.58, 1e-12);
        close(ratio.interval.low, -2.4598858, 1e-7);
        close(ratio.interval.high, -0.7001142, 1e-7);
        // t.test(extra ~ group): df 17.776, mean difference 1.58, interval -0.2054832 .. 3.3654832.
        let welch = welch_difference(&first, &second, 0.95).unwrap();
        close(welch.df, 17.77647, 1e-6);
        close(welch.interval.low, -0.2054832, 1e-6);
        close(welch.interval.high, 3.3654832, 1e-7);
    }

    #[test]
    fn geometric_mean_is_scale_free() {
        let one = geometric_mean_interval(&[1.0, 2.0, 4.0], 0.95).unwrap();
        let ten = geometric_mean_interval(&[10.0, 20.0, 40.0], 0.95).unwrap();
        close(one.value, 2.0, 1e-14);
        close(ten.interval.high, 10.0 * one.interval.high, 1e-12);
        assert!(matches!(geometric_mean_interval(&[1.0, 0.0], 0.95), Err(StatsError::NotPositive { index: 1, .. })));
        assert!(matches!(mean_interval(&[1.0, 2.0], 1.0), Err(StatsError::OutOfRange { what: "level", .. })));
        assert!(matches!(
            paired_ln_ratio(&[1.0], &[1.0, 2.0], 0.95),
            Err(StatsError::LengthMismatch { left: 1, right: 2, .. })
        ));
    }
}
