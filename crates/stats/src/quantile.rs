//! Quantiles and their intervals without assuming a distribution.
//!
//! All quantiles are Hyndman and Fan's type 7, the default of R and numpy, so that anyone can recompute them from the
//! raw file. Intervals are order statistics (exact for any continuous distribution), and for values pooled over runs
//! a bootstrap over the runs: values inside one run depend on each other, and percentiles are never averaged.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::error::{StatsError, check_unit, check_values};
use crate::fit::widening;
use crate::interval::Interval;
use crate::random::{Stream, resample_quantiles};

/// Fewest values of which a 99th percentile is given: below, it has no upper limit (statistics notes, section 4, item 7).
pub const MIN_VALUES_FOR_P99: usize = 368;

/// The same for a 99.9th percentile.
pub const MIN_VALUES_FOR_P999: usize = 3688;

/// Type-7 quantile at `p`, 0 <= p <= 1: linear between the order statistics round (n - 1) p + 1.
///
/// # Errors
/// `TooFew` for an empty slice, `NotFinite`, `OutOfRange` for p.
pub fn quantile(values: &[f64], p: f64) -> Result<f64, StatsError> {
    check_values("values", values, 1)?;
    if !(0.0..=1.0).contains(&p) {
        return Err(StatsError::OutOfRange { what: "quantile", value: p, low: 0.0, high: 1.0 });
    }
    Ok(quantile_of(&mut values.to_vec(), p))
}

/// Type-7 quantile of a sorted, non-empty slice.
pub(crate) fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * p;
    between(position, sorted[position.floor() as usize], sorted[position.ceil() as usize])
}

/// Type-7 quantile of a non-empty slice in any order, which it changes: cheaper than to sort it.
pub(crate) fn quantile_of(values: &mut [f64], p: f64) -> f64 {
    let position = (values.len() - 1) as f64 * p;
    let (_, below, larger) = values.select_nth_unstable_by(position.floor() as usize, f64::total_cmp);
    let above = larger.iter().copied().min_by(f64::total_cmp).unwrap_or(*below);
    between(position, *below, above)
}

/// Rank, from 1, of the type-1 quantile at `p` of `n` values: ceil(p n), the quantile is a value itself.
pub(crate) fn rank(p: f64, n: usize) -> usize {
    // Rounding of p n must not move a rank that is whole.
    ((p * n as f64 - 1e-9).ceil() as usize).clamp(1, n)
}

// The part of `position` behind the point says how far from the one to the other.
fn between(position: f64, below: f64, above: f64) -> f64 {
    below + (position - position.floor()) * (above - below)
}

/// Ranks (from 1) of the order statistics that bound a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantileRanks {
    /// Rank of the lower limit; `None` where n is too small to have one.
    pub low: Option<usize>,
    /// Rank of the upper limit; `None` where n is too small to have one.
    pub high: Option<usize>,
}

/// Distribution-free ranks for the p quantile of n values: [x_(low), x_(high)] covers it with at least `level`.
///
/// low is the largest l with P(B <= l-1) <= (1-level)/2, high the smallest u with P(B >= u) <= (1-level)/2,
/// B ~ Binomial(n, p) (statistics notes, section 4, item 7). p99 has an upper limit from n = 368 on, p99.9 from 3688.
///
/// # Errors
/// `TooFew` for n = 0, `OutOfRange` for p or level outside (0, 1).
pub fn quantile_ranks(n: usize, p: f64, level: f64) -> Result<QuantileRanks, StatsError> {
    check_unit("quantile", p)?;
    check_unit("level", level)?;
    if n == 0 {
        return Err(StatsError::TooFew { what: "values", found: 0, needed: 1 });
    }
    let binomial = Binomial::new(p, n as u64).map_err(|_| StatsError::OutOfRange {
        what: "quantile",
        value: p,
        low: 0.0,
        high: 1.0,
    })?;
    let tail = (1.0 - level) / 2.0;
    // P(B <= k) grows with k and P(B >= k) = P(B > k - 1) falls: both ends by bisection over 1..=n.
    let fits_below = partition(1, n + 1, |l| binomial.cdf(l as u64 - 1) <= tail);
    let first_above = partition(1, n + 1, |u| binomial.sf(u as u64 - 1) > tail);
    Ok(QuantileRanks { low: (fits_below > 1).then(|| fits_below - 1), high: (first_above <= n).then_some(first_above) })
}

/// The p quantile's distribution-free interval; a side without a rank is infinite.
///
/// # Errors
/// As [`quantile_ranks`], and `NotFinite`.
pub fn quantile_interval(values: &[f64], p: f64, level: f64) -> Result<Interval, StatsError> {
    check_values("values", values, 1)?;
    let ranks = quantile_ranks(values.len(), p, level)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(Interval {
        low: ranks.low.map_or(f64::NEG_INFINITY, |rank| sorted[rank - 1]),
        high: ranks.high.map_or(f64::INFINITY, |rank| sorted[rank - 1]),
    })
}

/// A quantile of values pooled over runs, with its interval by bootstrap over the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledQuantile {
    /// Quantile of all values together.
    pub value: f64,
    /// Percentile interval over resampled runs, widened.
    pub interval: Interval,
    /// How many runs.
    pub runs: usize,
    /// How many values in all runs.
    pub n: usize,
}

/// The p quantile of all runs' values together; whole runs are resampled, so dependence inside a run is kept.
///
/// Same seed, same answer at any number of threads. The percentiles' distances from the quantile are scaled by sqrt(r/(r-1))
/// for r runs, since a statistic that is a mean over runs to first order varies between resamples by (r-1)/r of what it does
/// between repetitions. An end may then lie beyond all values. Still too narrow below 20 runs, that of p99 at any number: of
/// 95 % .92 remain for a median of 10 runs, .88 for a p99 of 20 (`make coverage`).
///
/// # Errors
/// `TooFew` below 2 runs, for an empty run or below 100 resamples, `NotFinite`, `OutOfRange`.
pub fn pooled_quantile(
    runs: &[Vec<f64>],
    p: f64,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Result<PooledQuantile, StatsError> {
    check_unit("quantile", p)?;
    if runs.len() < 2 {
        return Err(StatsError::TooFew { what: "runs", found: runs.len(), needed: 2 });
    }
    for run in runs {
        check_values("values of a run", run, 1)?;
    }
    let mut tagged: Vec<(f64, usize)> =
        runs.iter().enumerate().flat_map(|(run, values)| values.iter().map(move |value| (*value, run))).collect();
    tagged.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let statistic = |stream: &mut Stream| {
        let mut weights = vec![0_usize; runs.len()];
        (0..runs.len()).for_each(|_| weights[stream.index(runs.len())] += 1);
        weighted_quantile(&tagged, &weights, p)
    };
    let drawn = resample_quantiles(statistic, level, resamples, seed)?;
    let value = weighted_quantile(&tagged, &vec![1; runs.len()], p);
    let widened = |end: f64| value + widening(runs.len()) * (end - value);
    Ok(PooledQuantile {
        value,
        interval: Interval { low: widened(drawn.low), high: widened(drawn.high) },
        runs: runs.len(),
        n: tagged.len(),
    })
}

/// Type-7 quantile where each value counts as often as its run was drawn.
fn weighted_quantile(tagged: &[(f64, usize)], weights: &[usize], p: f64) -> f64 {
    let total: usize = tagged.iter().map(|(_, run)| weights[*run]).sum();
    let position = (total - 1) as f64 * p;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    let mut seen = 0;
    let mut lower = tagged[0].0;
    for (value, run) in tagged {
        let next = seen + weights[*run];
        if seen <= below && below < next {
            lower = *value;
        }
        if seen <= above && above < next {
            return lower + (position - position.floor()) * (value - lower);
        }
        seen = next;
    }
    lower
}

/// First index in `low..high` for which `holds` is false; `holds` must be true, then false.
fn partition(mut low: usize, mut high: usize, holds: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: quantile(x, type = 7).
    #[test]
    fn type_seven() {
        let values = [4.0, 1.0, 3.0, 2.0];
        for (p, expect) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            assert!((quantile(&values, p).unwrap() - expect).abs() < 1e-12, "{p}");
        }
        assert!(quantile(&values, 1.5).is_err() && quantile(&[], 0.5).is_err());
    }

    /// (1 - .95) / 2 x 1000 is a little more than 25 in binary, and is 25.
    #[test]
    fn ranks_of_type_one() {
        let tail = (1.0 - 0.95) / 2.0;
        for (p, n, expect) in
            [(tail, 1000, 25), (1.0 - tail, 1000, 975), (tail, 999, 25), (tail, 1001, 26), (0.0, 5, 1), (1.0, 5, 5)]
        {
            assert_eq!(rank(p, n), expect, "{p} of {n}");
        }
    }

    #[test]
    fn the_upper_limit_appears_at_the_stated_sizes() {
        for (p, n) in [(0.99, MIN_VALUES_FOR_P99), (0.999, MIN_VALUES_FOR_P999)] {
            assert_eq!(quantile_ranks(n - 1, p, 0.95).unwrap().high, None);
            assert_eq!(quantile_ranks(n, p, 0.95).unwrap().high, Some(n));
        }
        let few: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(quantile_interval(&few, 0.99, 0.95).unwrap(), Interval { low: 96.0, high: f64::INFINITY });
    }

    #[test]
    fn pooling_counts_every_value_once_and_ignores_the_order_of_runs() {
        let runs = vec![vec![1.0, 5.0, 9.0], vec![2.0, 3.0], vec![4.0, 8.0, 7.0, 6.0]];
        let pooled = pooled_quantile(&runs, 0.5, 0.95, 400, 7).unwrap();
        assert_eq!((pooled.value, pooled.n, pooled.runs), (5.0, 9, 3));
        assert!(pooled.interval.contains(5.0) && pooled.interval.is_bounded());
        assert_eq!(pooled, pooled_quantile(&runs, 0.5, 0.95, 400, 7).unwrap());
        // 1 to 9, type 7.
        for (p, expect) in [(0.1, 1.8), (0.25, 3.0), (0.3, 3.4), (0.9, 8.2), (0.99, 8.92)] {
            let found = pooled_quantile(&runs, p, 0.95, 400, 7).unwrap().value;
            assert!((found - expect).abs() < 1e-12, "{p}: {found}");
        }
        assert!(pooled_quantile(&runs[..1], 0.5, 0.95, 400, 7).is_err());
        // Of two runs a quarter of the resamples are the one twice, a quarter the other: 1 and 3, widened by sqrt 2.
        let two = pooled_quantile(&[vec![1.0], vec![3.0]], 0.5, 0.95, 400, 7).unwrap();
        let (low, high) = (two.interval.low, two.interval.high);
        assert!((low - (2.0 - 2f64.sqrt())).abs() < 1e-12 && (high - (2.0 + 2f64.sqrt())).abs() < 1e-12, "{two:?}");
    }
}
