//! Where a curve that rises and then falls is highest, without a formula.
//!
//! The means at each x get the unimodal fit of least squares (isotonic up to the peak, antitonic after it; pool
//! adjacent violators). Its interval is a bootstrap that resamples runs within each x, never points. Report it beside
//! the peak of a formula: on real data a formula with R² = .997 can put its peak a third too far out.

use crate::error::{StatsError, check_pairs, check_positive, check_unit};
use crate::fit::{group_by_x, widening};
use crate::interval::Interval;
use crate::quantile::rank;
use crate::random::resample;
use crate::summary::mean_of;

/// The model-free peak.
#[derive(Debug, Clone, PartialEq)]
pub struct Argmax {
    /// x of the highest mean within the top plateau of the unimodal fit.
    pub x: f64,
    /// Ends of that plateau: x that the unimodal fit cannot tell apart.
    pub plateau: Interval,
    /// Percentile interval of x over the resamples, ends on the grid.
    pub interval: Interval,
    /// Share of resamples with their peak at each distinct x, ascending in x; sums to 1.
    pub shares: Vec<(f64, f64)>,
    /// How many resamples.
    pub resamples: usize,
}

/// The model-free peak of rates y at x (equal x are replicates), on the scale of ln y.
///
/// Same seed, same answer at any number of threads. Runs are drawn as in a stratified bootstrap, their deviations scaled
/// by sqrt(r/(r-1)) for r runs an x. 2 are needed at every x, 5 and more are advised: percentiles know no t quantile.
///
/// # Errors
/// `TooFew` below 3 distinct x, below 2 runs at any x or below 100 resamples; `LengthMismatch`, `NotPositive`,
/// `NotFinite`, `OutOfRange`.
pub fn argmax(x: &[f64], y: &[f64], level: f64, resamples: usize, seed: u64) -> Result<Argmax, StatsError> {
    check_unit("level", level)?;
    let groups = replicates(x, y)?;
    if let Some((_, few)) = groups.iter().find(|(_, values)| values.len() < 2) {
        return Err(StatsError::TooFew { what: "runs at an x", found: few.len(), needed: 2 });
    }
    let weights: Vec<f64> = groups.iter().map(|(_, values)| values.len() as f64).collect();
    let means: Vec<f64> = groups.iter().map(|(_, values)| mean_of(values)).collect();
    let (top, plateau) = peak_of_means(&means, &weights);
    let mut tops = resample(
        |stream| {
            let draw = |((_, values), mean): (&(f64, Vec<f64>), &f64)| {
                let r = values.len();
                let drawn = (0..r).map(|_| values[stream.index(r)]).sum::<f64>() / r as f64;
                mean + widening(r) * (drawn - mean)
            };
            peak_of_means(&groups.iter().zip(&means).map(draw).collect::<Vec<f64>>(), &weights).0
        },
        resamples,
        seed,
    )?;
    tops.sort_unstable();
    // Type-1 quantiles: the answer is a point of the grid.
    let end = |p: f64| groups[tops[rank(p, resamples) - 1]].0;
    let tail = (1.0 - level) / 2.0;
    let share = |i: usize| tops.iter().filter(|top| **top == i).count() as f64 / resamples as f64;
    Ok(Argmax {
        x: groups[top].0,
        plateau: Interval { low: groups[plateau.0].0, high: groups[plateau.1].0 },
        interval: Interval { low: end(tail), high: end(1.0 - tail) },
        shares: groups.iter().enumerate().map(|(i, (x, _))| (*x, share(i))).collect(),
        resamples,
    })
}

/// The model-free peak without an interval: one run an x is enough.
///
/// # Errors
/// As [`argmax`], replicates apart.
pub fn argmax_point(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    let groups = replicates(x, y)?;
    let weights: Vec<f64> = groups.iter().map(|(_, values)| values.len() as f64).collect();
    let means: Vec<f64> = groups.iter().map(|(_, values)| mean_of(values)).collect();
    Ok(groups[peak_of_means(&means, &weights).0].0)
}

/// ln y of each distinct x, ascending in x.
fn replicates(x: &[f64], y: &[f64]) -> Result<Vec<(f64, Vec<f64>)>, StatsError> {
    check_pairs("x and y", x.len(), y.len())?;
    check_positive("x", x, 0)?;
    check_positive("y", y, 0)?;
    let groups: Vec<(f64, Vec<f64>)> =
        group_by_x(x).iter().map(|group| (x[group[0]], group.iter().map(|index| y[*index].ln()).collect())).collect();
    if groups.len() < 3 {
        return Err(StatsError::TooFew { what: "distinct x", found: groups.len(), needed: 3 });
    }
    Ok(groups)
}

/// Index of the highest mean within the top plateau of the best unimodal fit, and the ends of that plateau.
fn peak_of_means(means: &[f64], weights: &[f64]) -> (usize, (usize, usize)) {
    let n = means.len();
    let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
    let rising = Isotonic::prefixes(means, weights);
    let falling = Isotonic::prefixes(&reversed(means), &reversed(weights));
    // Split k: rise over the first k means, fall over the rest; the peak is next to the split.
    let cost = |k: usize| rising.costs[k] + falling.costs[n - k];
    let split = (0..=n).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(n);
    let mut fitted = Isotonic::fitted(&means[..split], &weights[..split]);
    fitted.extend(Isotonic::fitted(&reversed(&means[split..]), &reversed(&weights[split..])).into_iter().rev());
    let highest = fitted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let on_top = |i: &usize| highest - fitted[*i] <= 1e-12 * highest.abs().max(1.0);
    let low = (0..n).find(on_top).unwrap_or(0);
    let high = (low..n).take_while(on_top).last().unwrap_or(low);
    let top = (low..=high).fold(low, |best, i| if means[i] > means[best] { i } else { best });
    (top, (low, high))
}

/// A block of pooled means: sum of weights, weighted mean, sum of squares about it, how many.
#[derive(Clone, Copy)]
struct Block {
    weight: f64,
    mean: f64,
    squares: f64,
    len: usize,
}

/// Isotonic regressions of every prefix, by pool adjacent violators.
struct Isotonic {
    /// Weighted residual sum of squares of the first k means, k = 0..=n.
    costs: Vec<f64>,
}

impl Isotonic {
    fn prefixes(means: &[f64], weights: &[f64]) -> Isotonic {
        let mut blocks: Vec<Block> = Vec::new();
        let mut costs = vec![0.0];
        for (mean, weight) in means.iter().zip(weights) {
            push(&mut blocks, *mean, *weight);
            costs.push(blocks.iter().map(|block| block.squares).sum());
        }
        Isotonic { costs }
    }

    fn fitted(means: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut blocks: Vec<Block> = Vec::new();
        means.iter().zip(weights).for_each(|(mean, weight)| push(&mut blocks, *mean, *weight));
        blocks.iter().flat_map(|block| std::iter::repeat_n(block.mean, block.len)).collect()
    }
}

/// Appends a mean and pools while a block lies below the one before it.
fn push(blocks: &mut Vec<Block>, mean: f64, weight: f64) {
    let mut block = Block { weight, mean, squares: 0.0, len: 1 };
    while let Some(before) = blocks.pop_if(|before| before.mean >= block.mean) {
        let weight = before.weight + block.weight;
        let apart = before.mean - block.mean;
        block = Block {
            weight,
            mean: (before.weight * before.mean + block.weight * block.mean) / weight,
            squares: before.squares + block.squares + before.weight * block.weight / weight * apart * apart,
            len: before.len + block.len,
        };
    }
    blocks.push(block);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The running cost is the weighted sum of squares about the fit, and the fit rises.
        #[test]
        fn isotonic_costs_are_those_of_the_fit(points in proptest::collection::vec((-5.0..5.0_f64, 1.0..9.0_f64), 1..20)) {
            let (means, weights): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            let costs = Isotonic::prefixes(&means, &weights).costs;
            for k in 0..=means.len() {
                let fitted = Isotonic::fitted(&means[..k], &weights[..k]);
                prop_assert!(fitted.is_sorted());
                let cost: f64 = (0..k).map(|i| weights[i] * (means[i] - fitted[i]).powi(2)).sum();
                prop_assert!((cost - costs[k]).abs() < 1e-9, "{k}: {cost} {}", costs[k]);
            }
        }
    }

    #[test]
    fn the_best_unimodal_fit() {
        for (means, top, plateau) in [
            (vec![1.0, 2.0, 3.0, 2.0, 1.0], 2, (2, 2)),
            (vec![1.0, 2.0, 3.0], 2, (2, 2)),
            (vec![3.0, 2.0, 1.0], 0, (0, 0)),
            // A dip inside the top: 5 and 4 beside 6 pool or not, the peak stays at 6.
            (vec![1.0, 5.0, 4.0, 6.0, 2.0], 3, (3, 3)),
            (vec![2.0, 2.0, 2.0], 0, (0, 2)),
        ] {
            assert_eq!(peak_of_means(&means, &vec![1.0; means.len()]), (top, plateau), "{means:?}");
        }
    }

    #[test]
    fn a_sharp_peak_has_a_narrow_interval_and_a_flat_one_does_not() {
        let x: Vec<f64> = (0..40).map(|i| f64::from(1 << (i / 5))).collect();
        let y = |bend: f64| -> Vec<f64> {
            (0..40)
                .map(|i| (20.0 - bend * f64::from(i / 5 - 4).powi(2)) * (1.0 + 0.01 * f64::from(i % 5 - 2)))
                .collect()
        };
        let sharp = argmax(&x, &y(1.0), 0.95, 500, 1).unwrap();
        assert_eq!((sharp.x, sharp.interval), (16.0, Interval { low: 16.0, high: 16.0 }));
        let flat = argmax(&x, &y(0.01), 0.95, 500, 1).unwrap();
        assert!(flat.interval.low <= 8.0 && flat.interval.high >= 32.0, "{flat:?}");
        assert!((flat.shares.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(flat, argmax(&x, &y(0.01), 0.95, 500, 1).unwrap());
        assert_eq!(argmax_point(&x, &y(1.0)).unwrap(), 16.0);
        assert!(matches!(
            argmax(&x[..36], &y(1.0)[..36], 0.95, 500, 1),
            Err(StatsError::TooFew { what: "runs at an x", found: 1, needed: 2 })
        ));
        assert!(argmax(&x[..10], &y(1.0)[..10], 0.95, 500, 1).is_err());
    }

    /// Runs 0 and 2 give the means 0, 1 and 2 when drawn, and 1 ± sqrt 2 with the factor: in a quarter above 2.2.
    #[test]
    fn two_runs_spread_as_far_as_their_mean_does() {
        let x = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0];
        let y = [-10.0, -10.0, 0.0, 2.0, 2.2, 2.2_f64].map(f64::exp);
        let shares = argmax(&x, &y, 0.95, 4000, 1).unwrap().shares;
        assert!((shares[1].1 - 0.25).abs() < 0.03, "{shares:?}");
    }
}
