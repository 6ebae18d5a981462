//! Where a series changes its mean or variance, and whether it has settled.
//!
//! PELT (Killick, Fearnhead, Eckley 2012) with the Gaussian mean-and-variance cost of R's `changepoint`. Warm-up is
//! classified as by Barrett et al. 2017, with one difference: two segments are alike when their means differ by at
//! most `delta` of the last one's, a relative margin that the caller states. Their code adds a variance to a mean,
//! which depends on the unit. Outliers are not masked.

use crate::error::{StatsError, check_range, check_values};
use crate::summary::mean_of;

/// Fewest values of a segment: with one, the variance would be zero and every value its own segment.
const MIN_SEGMENT: usize = 2;

/// Least variance of a segment as a share of the whole series' variance, so that tied values keep a finite cost.
/// R's `changepoint` has an absolute 1e-11, so what it finds round ties depends on the unit: in the Nile's flow two
/// equal values in a row become a segment of their own at 6 ln n.
const VARIANCE_FLOOR: f64 = 1e-11;

/// What [`change_points`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePoints {
    /// Lengths of the series before each change, ascending: a change at 28 lies between values 28 and 29.
    pub ends: Vec<usize>,
    /// Cost of the segments plus one penalty for each change.
    pub total: f64,
}

/// The segmentation of least total cost, each segment n (ln 2 pi + ln var_ML + 1), each change `penalty`.
///
/// `15 ln n` is the penalty for warm-up (Barrett et al. 2017). The answer does not depend on the unit.
///
/// # Errors
/// `TooFew` below 4 values, `NotFinite`, `OutOfRange` for a penalty that is not positive.
pub fn change_points(values: &[f64], penalty: f64) -> Result<ChangePoints, StatsError> {
    check_values("values", values, 2 * MIN_SEGMENT)?;
    let mean = mean_of(values);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    let floor = VARIANCE_FLOOR * variance;
    change_points_above(values, penalty, if floor > 0.0 { floor } else { f64::MIN_POSITIVE })
}

/// [`change_points`] with the least variance of a segment stated, in unit squared.
///
/// With 1e-11 these are the ends of R's `cpt.meanvar(method = "PELT")`.
///
/// # Errors
/// As [`change_points`], and `OutOfRange` for a floor that is not positive.
pub fn change_points_above(values: &[f64], penalty: f64, variance_floor: f64) -> Result<ChangePoints, StatsError> {
    check_values("values", values, 2 * MIN_SEGMENT)?;
    check_range("penalty", penalty, 0.0, f64::INFINITY)?;
    check_range("variance floor", variance_floor, 0.0, f64::INFINITY)?;
    let cost = SegmentCost::new(values, variance_floor);
    let n = values.len();
    // best[s]: least total of the first s values, counting one penalty too few (Killick's F(0) = -penalty).
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last_change = vec![0; n + 1];
    best[0] = -penalty;
    // Possible last changes before s, and the s from which each can no longer win.
    let mut candidates: Vec<(usize, usize)> = vec![(0, usize::MAX)];
    for s in MIN_SEGMENT..=n {
        for (start, _) in &candidates {
            let total = best[*start] + cost.of(*start, s) + penalty;
            if total < best[s] {
                (best[s], last_change[s]) = (total, *start);
            }
        }
        for (start, dead_from) in &mut candidates {
            // From s + MIN_SEGMENT on, a change at s beats a change at `start`: splitting never costs more.
            if best[*start] + cost.of(*start, s) >= best[s] {
                *dead_from = (*dead_from).min(s + MIN_SEGMENT);
            }
        }
        candidates.retain(|(_, dead_from)| *dead_from > s + 1);
        candidates.push((s + 1 - MIN_SEGMENT, usize::MAX));
        candidates.retain(|(start, _)| *start == 0 || *start >= MIN_SEGMENT);
    }
    let mut ends = Vec::new();
    let mut end = last_change[n];
    while end > 0 {
        ends.push(end);
        end = last_change[end];
    }
    ends.reverse();
    Ok(ChangePoints { ends, total: best[n] })
}

/// Sums of the centred values and their squares, for the cost of any segment in constant time.
struct SegmentCost {
    sums: Vec<f64>,
    squares: Vec<f64>,
    floor: f64,
}

impl SegmentCost {
    fn new(values: &[f64], floor: f64) -> SegmentCost {
        let mean = mean_of(values);
        let (mut sums, mut squares) = (vec![0.0], vec![0.0]);
        let (mut sum, mut square) = (0.0, 0.0);
        for value in values {
            sum += value - mean;
            square += (value - mean).powi(2);
            sums.push(sum);
            squares.push(square);
        }
        SegmentCost { sums, squares, floor }
    }

    /// Cost of the values `start..end`.
    fn of(&self, start: usize, end: usize) -> f64 {
        let n = (end - start) as f64;
        let mean = (self.sums[end] - self.sums[start]) / n;
        let variance = ((self.squares[end] - self.squares[start]) / n - mean * mean).max(self.floor);
        n * ((2.0 * std::f64::consts::PI).ln() + variance.ln() + 1.0)
    }
}

/// What a series of rates does before it settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmup {
    /// All segments are alike: nothing to cut.
    Flat,
    /// Slower before; steady from index `end` on.
    Warmup {
        /// Length of the warm-up, in values.
        end: usize,
    },
    /// Some earlier segment was faster than the steady state that starts at `end`.
    Slowdown {
        /// Length of what comes before the steady state, in values.
        end: usize,
    },
    /// A segment unlike the last one ends inside the last quarter of the series.
    NoSteadyState,
}

/// Classifies a series of rates (higher is faster; pass 1 / t for times) by its change points at 15 ln n.
///
/// `delta` is the relative difference of segment means that counts as none, 0.01 by default of the suite. Barrett et
/// al. look at the last 500 of 2000 iterations for "no steady state"; here it is the last quarter of any length.
/// What comes before the steady state is reported, never a fixed number of values to drop.
///
/// # Errors
/// `TooFew` below 20 values, `NotFinite`, `OutOfRange` for a rate below 0 (0 is a stall, and allowed), for a last
/// segment of nothing but stalls, and for delta outside (0, 1).
pub fn warmup_end(rates: &[f64], delta: f64) -> Result<Warmup, StatsError> {
    check_values("rates", rates, 20)?;
    check_range("delta", delta, 0.0, 1.0)?;
    if let Some(value) = rates.iter().copied().find(|rate| *rate < 0.0) {
        return Err(StatsError::OutOfRange { what: "rate", value, low: 0.0, high: f64::INFINITY });
    }
    let n = rates.len();
    let mut ends = change_points(rates, 15.0 * (n as f64).ln())?.ends;
    ends.push(n);
    let mut start = 0;
    let mut segments = Vec::with_capacity(ends.len());
    for end in ends {
        segments.push((end, mean_of(&rates[start..end])));
        start = end;
    }
    let steady = segments[segments.len() - 1].1;
    check_range("rate of the last segment", steady, 0.0, f64::INFINITY)?;
    let unlike = |mean: f64| (mean - steady).abs() > delta * steady;
    let Some((end, _)) = segments.iter().rev().find(|(_, mean)| unlike(*mean)) else {
        return Ok(Warmup::Flat);
    };
    if *end > n - n / 4 {
        return Ok(Warmup::NoSteadyState);
    }
    let was_faster = segments.iter().any(|(_, mean)| unlike(*mean) && *mean > steady);
    Ok(if was_faster { Warmup::Slowdown { end: *end } } else { Warmup::Warmup { end: *end } })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Least total over all segmentations, without pruning.
    fn optimal_partition(values: &[f64], penalty: f64) -> f64 {
        let cost = SegmentCost::new(values, 1e-11);
        let mut best = vec![f64::INFINITY; values.len() + 1];
        best[0] = -penalty;
        for s in MIN_SEGMENT..=values.len() {
            for start in (0..=s - MIN_SEGMENT).filter(|start| *start == 0 || *start >= MIN_SEGMENT) {
                best[s] = f64::min(best[s], best[start] + cost.of(start, s) + penalty);
            }
        }
        best[values.len()]
    }

    proptest! {
        #[test]
        fn pruning_loses_nothing(
            values in proptest::collection::vec(-5.0..5.0_f64, 4..60),
            shift in 0.0..20.0_f64,
            penalty in 0.5..30.0_f64,
        ) {
            let half = values.len() / 2;
            let shifted: Vec<f64> =
                values.iter().enumerate().map(|(i, v)| if i < half { v + shift } else { *v }).collect();
            let found = change_points_above(&shifted, penalty, 1e-11).unwrap();
            prop_assert!((found.total - optimal_partition(&shifted, penalty)).abs() < 1e-6);
        }
    }
}
