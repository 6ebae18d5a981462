//! Where the spread comes from, and so what to repeat: builds, process runs, iterations (Kalibera and Jones 2013).
//!
//! The suite measures two levels: process runs of a point, and windows of a run. A level whose own variance is 0 or
//! less needs no repetition; the interval of the mean comes from the top level alone.

use crate::error::{StatsError, check_range, check_unit, check_values};
use crate::interval::{Estimate, t_quantile};
use crate::summary::{mean_of, variance_of};

/// Variances of a balanced design, lowest level first.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// S²: mean, over the groups of a level, of the variance of what they hold (values, then means of values).
    pub of_means: Vec<f64>,
    /// T²: the level's own variance, T1² = S1², Ti² = Si² - S(i-1)² / r(i-1); below 0 where the level adds nothing.
    pub own: Vec<f64>,
    /// Repetitions of each level that were made.
    pub repetitions: Vec<usize>,
    /// Mean of all and its interval, ± t(r - 1) sqrt(S² / r) of the top level.
    pub mean: Estimate,
}

/// Splits the variance of values in the order of a balanced design, the lowest level fastest.
///
/// `repetitions`, lowest level first: `[4, 3]` is 3 runs of 4 iterations, the 4 of one run side by side.
///
/// # Errors
/// `LengthMismatch` where the values do not fill the design, `TooFew` below 2 repetitions of any level, `NotFinite`,
/// `OutOfRange`.
pub fn levels(values: &[f64], repetitions: &[usize], level: f64) -> Result<Levels, StatsError> {
    check_values("values", values, 2)?;
    check_unit("level", level)?;
    let needed: usize = repetitions.iter().product();
    if needed != values.len() {
        return Err(StatsError::LengthMismatch { what: "values and design", left: values.len(), right: needed });
    }
    if let Some(few) = repetitions.iter().copied().find(|made| *made < 2) {
        return Err(StatsError::TooFew { what: "repetitions of a level", found: few, needed: 2 });
    }
    let mut means = values.to_vec();
    let (mut of_means, mut own) = (Vec::new(), Vec::new());
    for (at, made) in repetitions.iter().enumerate() {
        let variances: Vec<f64> = means.chunks(*made).map(variance_of).collect();
        let s2 = mean_of(&variances);
        own.push(if at == 0 { s2 } else { s2 - of_means[at - 1] / repetitions[at - 1] as f64 });
        of_means.push(s2);
        if at + 1 < repetitions.len() {
            means = means.chunks(*made).map(mean_of).collect();
        }
    }
    let (top, n) = (of_means[of_means.len() - 1], means.len());
    let mean = Estimate::from_t(mean_of(&means), (top / n as f64).sqrt(), (n - 1) as f64, n, level);
    Ok(Levels { of_means, own, repetitions: repetitions.to_vec(), mean })
}

impl Levels {
    /// Repetitions of each level below the top that give the narrowest interval for the time spent:
    /// r_i = ceil sqrt((c(i+1) / c_i) (T_i² / T(i+1)²)), at least 1.
    ///
    /// `costs`, lowest level first: what one more of each costs by itself (an iteration, a process start, a build).
    /// `None` where the level above adds no variance: then the lower level is all there is to repeat.
    ///
    /// # Errors
    /// `LengthMismatch` for another number of costs than levels, `OutOfRange` for a cost that is not above 0.
    pub fn best_repetitions(&self, costs: &[f64]) -> Result<Vec<Option<usize>>, StatsError> {
        if costs.len() != self.own.len() {
            return Err(StatsError::LengthMismatch {
                what: "costs and levels",
                left: costs.len(),
                right: self.own.len(),
            });
        }
        for cost in costs {
            check_range("cost of a level", *cost, 0.0, f64::INFINITY)?;
        }
        let best = |i: usize| {
            let (own, above) = (self.own[i].max(0.0), self.own[i + 1]);
            (above > 0.0).then(|| ((costs[i + 1] / costs[i] * own / above).sqrt().ceil() as usize).max(1))
        };
        Ok((0..self.own.len() - 1).map(best).collect())
    }

    /// Least n of at least 2 for which t(n - 1) sqrt(S² / n) of the top level is ± `relative_half_width` of the mean, at
    /// the level of this interval: what a run of n would show if it spread as this one did.
    ///
    /// # Errors
    /// `OutOfRange` for a half width that is not above 0, `NotPositive` for a mean of 0.
    pub fn needed(&self, relative_half_width: f64) -> Result<usize, StatsError> {
        check_range("relative half width", relative_half_width, 0.0, f64::INFINITY)?;
        let mean = self.mean.value.abs();
        if mean == 0.0 {
            return Err(StatsError::NotPositive { what: "mean", index: 0, value: mean });
        }
        // Standard deviations that fit into the half width.
        let fit = relative_half_width * mean / self.of_means[self.of_means.len() - 1].sqrt();
        let p = 0.5 + self.mean.level / 2.0;
        // Student's t exceeds the normal quantile, so that n is no less than with that; it is a few more.
        let mut n = ((t_quantile(p, f64::INFINITY) / fit).powi(2).ceil() as usize).max(2);
        while t_quantile(p, (n - 1) as f64) / (n as f64).sqrt() > fit {
            n += 1;
        }
        Ok(n)
    }
}
