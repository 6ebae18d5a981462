//! Does the spread differ? Contrasts of variances between two points, and tests of equal spread over groups.
//!
//! The unit of replication is the run: one ln variance per run, then Welch's t over the runs. Pauses inside one run
//! depend on each other, and their distribution is skewed, so the F test and Bartlett's are deliberately absent
//! (they reject equal spread for skewed values). Brown-Forsythe and Fligner-Killeen pool the values and are
//! secondary.

use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal};

use crate::error::{StatsError, check_pairs, check_positive, check_unit, check_values};
use crate::fit::group_by_x;
use crate::interval::{Estimate, ln_of, welch_difference};
use crate::linear::least_squares;
use crate::quantile::quantile_of_sorted;
use crate::summary::{mean_of, variance_of};

/// Fewest values of a run from which a variance is taken; below, its own error swamps the contrast.
pub const MIN_VALUES_FOR_VARIANCE: usize = 30;

/// The three ratios b / a of a contrast of spread; all are printed, the first decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadContrast {
    /// Ratio of raw variances, from run-level ln s². A pure change of scale moves it.
    pub variance_ratio: Estimate,
    /// Ratio of coefficients of variation, from run-level ln CV. A pure change of scale does not move it.
    pub cv_ratio: Estimate,
    /// Ratio of variances of ln values, from run-level ln s². Shape only.
    pub ln_variance_ratio: Estimate,
}

/// Ratio of geometric means b / a of one positive figure per run, by Welch's t on its ln.
///
/// Given each run's variance this is the primary variance contrast; given CVs, the CV ratio.
///
/// # Errors
/// `TooFew` below 2 runs on either side, `NotPositive` (a run whose values are all equal), `NotFinite`, `OutOfRange`.
pub fn run_ratio(a: &[f64], b: &[f64], level: f64) -> Result<Estimate, StatsError> {
    let (a, b) = (ln_of("first side's runs", a, 2)?, ln_of("second side's runs", b, 2)?);
    Ok(welch_difference(&a, &b, level)?.exp())
}

/// All three contrasts of spread between runs `a` and runs `b`; each run holds raw positive values.
///
/// # Errors
/// `TooFew` below 2 runs on a side or below [`MIN_VALUES_FOR_VARIANCE`] values in a run; as [`run_ratio`].
pub fn spread_contrast(a: &[Vec<f64>], b: &[Vec<f64>], level: f64) -> Result<SpreadContrast, StatsError> {
    let (a, b) = (run_spreads(a)?, run_spreads(b)?);
    Ok(SpreadContrast {
        variance_ratio: run_ratio(&a.variances, &b.variances, level)?,
        cv_ratio: run_ratio(&a.cvs, &b.cvs, level)?,
        ln_variance_ratio: run_ratio(&a.ln_variances, &b.ln_variances, level)?,
    })
}

struct RunSpreads {
    variances: Vec<f64>,
    cvs: Vec<f64>,
    ln_variances: Vec<f64>,
}

fn run_spreads(runs: &[Vec<f64>]) -> Result<RunSpreads, StatsError> {
    let mut spreads = RunSpreads { variances: Vec::new(), cvs: Vec::new(), ln_variances: Vec::new() };
    for run in runs {
        let ln_values = ln_of("values of a run", run, MIN_VALUES_FOR_VARIANCE)?;
        let variance = variance_of(run);
        spreads.variances.push(variance);
        spreads.cvs.push(variance.sqrt() / mean_of(run));
        spreads.ln_variances.push(variance_of(&ln_values));
    }
    Ok(spreads)
}

/// Power q of the variance function s² ~ mean^q over the x with replicates: q about 2 asks for ln y, about 0 for plain
/// least squares, else for weights mean^-q (statistics notes, section 3.5).
///
/// Least squares of ln s² on ln mean, each x weighted by its df.
///
/// # Errors
/// `TooFew` below 3 distinct x with two values or more and some spread; `NotPositive`, `LengthMismatch`, `NotFinite`.
pub fn variance_power(x: &[f64], y: &[f64], level: f64) -> Result<Estimate, StatsError> {
    check_pairs("x and y", x.len(), y.len())?;
    check_values("x", x, 0)?;
    check_positive("y", y, 0)?;
    check_unit("level", level)?;
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for group in group_by_x(x) {
        let values: Vec<f64> = group.iter().map(|index| y[*index]).collect();
        let variance = variance_of(&values);
        if values.len() >= 2 && variance > 0.0 {
            points.push((mean_of(&values).ln(), variance.ln(), ((values.len() - 1) as f64).sqrt()));
        }
    }
    if points.len() < 3 {
        return Err(StatsError::TooFew { what: "distinct x with replicates", found: points.len(), needed: 3 });
    }
    let columns =
        [points.iter().map(|(_, _, w)| *w).collect::<Vec<f64>>(), points.iter().map(|(mean, _, w)| w * mean).collect()];
    let target: Vec<f64> = points.iter().map(|(_, variance, w)| w * variance).collect();
    let Some(solved) = least_squares(&columns, &target) else {
        return Err(StatsError::NoSpread { what: "means" });
    };
    let [q0, q1] = [solved.coefficients[0], solved.coefficients[1]];
    let rss: f64 = points.iter().map(|(mean, variance, w)| (w * (variance - q0 - q1 * mean)).powi(2)).sum();
    let df = (points.len() - 2) as f64;
    let std_error = (solved.gram_inverse[1][1] * rss / df).sqrt();
    Ok(Estimate::from_t(q1, std_error, df, points.len(), level))
}

/// A test statistic with its degrees of freedom and p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// F or chi-square.
    pub statistic: f64,
    /// Numerator degrees of freedom, groups - 1.
    pub df1: f64,
    /// Denominator degrees of freedom; infinite for a chi-square.
    pub df2: f64,
    /// Upper tail probability.
    pub p: f64,
}

/// Brown-Forsythe: Levene's test of equal spread with the median as centre (1974).
///
/// # Errors
/// `TooFew` below 2 groups or 2 values in a group, `NotFinite`, `NoSpread` where no group varies.
pub fn brown_forsythe(groups: &[Vec<f64>]) -> Result<TestResult, StatsError> {
    let deviations = deviations_from_medians(groups)?;
    let all: Vec<f64> = deviations.concat();
    let grand = mean_of(&all);
    let between: f64 = deviations.iter().map(|group| group.len() as f64 * (mean_of(group) - grand).powi(2)).sum();
    let within: f64 = deviations.iter().map(|group| variance_of(group) * (group.len() - 1) as f64).sum();
    if within == 0.0 {
        return Err(StatsError::NoSpread { what: "distances from the group medians" });
    }
    let (df1, df2) = ((groups.len() - 1) as f64, (all.len() - groups.len()) as f64);
    let statistic = (between / df1) / (within / df2);
    Ok(TestResult { statistic, df1, df2, p: f_upper_tail(statistic, df1, df2) })
}

/// Fligner-Killeen's rank test of equal spread, median centred (1976; as R's `fligner.test`).
///
/// # Errors
/// As [`brown_forsythe`].
pub fn fligner_killeen(groups: &[Vec<f64>]) -> Result<TestResult, StatsError> {
    let deviations = deviations_from_medians(groups)?;
    let all: Vec<f64> = deviations.concat();
    let n = all.len() as f64;
    let normal = Normal::standard();
    let scores: Vec<f64> =
        mid_ranks(&all).iter().map(|rank| normal.inverse_cdf(0.5 + rank / (2.0 * (n + 1.0)))).collect();
    let (grand, variance) = (mean_of(&scores), variance_of(&scores));
    if variance == 0.0 {
        return Err(StatsError::NoSpread { what: "distances from the group medians" });
    }
    let mut start = 0;
    let mut between = 0.0;
    for group in &deviations {
        between += group.len() as f64 * (mean_of(&scores[start..start + group.len()]) - grand).powi(2);
        start += group.len();
    }
    let (statistic, df1) = (between / variance, (groups.len() - 1) as f64);
    let p = ChiSquared::new(df1).map_or(f64::NAN, |chi2| chi2.sf(statistic));
    Ok(TestResult { statistic, df1, df2: f64::INFINITY, p })
}

/// Upper tail of F(df1, df2); 0 for an infinite statistic.
pub(crate) fn f_upper_tail(statistic: f64, df1: f64, df2: f64) -> f64 {
    if statistic == f64::INFINITY {
        return 0.0;
    }
    FisherSnedecor::new(df1, df2).map_or(f64::NAN, |f| f.sf(statistic))
}

fn deviations_from_medians(groups: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StatsError> {
    if groups.len() < 2 {
        return Err(StatsError::TooFew { what: "groups", found: groups.len(), needed: 2 });
    }
    let from_median = |group: &Vec<f64>| {
        check_values("values of a group", group, 2)?;
        let mut sorted = group.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = quantile_of_sorted(&sorted, 0.5);
        Ok(group.iter().map(|value| (value - median).abs()).collect())
    };
    groups.iter().map(from_median).collect()
}

/// Ranks from 1; equal values share the mean of their ranks (equal in binary, as R's `rank`).
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        order[start..end].iter().for_each(|index| ranks[*index] = (start + 1 + end) as f64 / 2.0);
        start = end;
    }
    ranks
}
