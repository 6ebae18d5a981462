//! Does everything get slower while a run goes on? The slope of the residuals over the order of samples.
//!
//! Points are measured in complete blocks, so a drift hits all of them alike and no contrast of a run; what it does is to
//! widen every interval, and to make two folders differ. Not cured here, only said.

use crate::error::{StatsError, check_positive, check_unit, check_values};
use crate::interval::Estimate;
use crate::series::lag1;
use std::collections::BTreeMap;

/// Fewest values beyond one for each point; below, a slope is noise.
const MIN_DF: usize = 8;

/// How the ln of a rate moves over the order of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Last over first, as a ratio, with its interval: 0.98 is 2 % less at the end.
    pub over_run: Estimate,
    /// Lag-1 autocorrelation of the block means; far from 0 where neighbouring blocks share what disturbs them.
    pub lag1_of_blocks: Option<f64>,
}

/// One value in the order of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Place in the whole order.
    pub order: f64,
    /// Which point it is of, from 0.
    pub point: usize,
    /// Its block.
    pub block: u32,
    /// The rate, above 0.
    pub value: f64,
}

/// Fits ln value = its point's mean + slope x order, by least squares.
///
/// # Errors
/// `TooFew` below 8 degrees of freedom, `NotPositive`, `NotFinite`, `OutOfRange`, `NoSpread` where all have one order.
pub fn drift(values: &[Placed], level: f64) -> Result<Drift, StatsError> {
    check_unit("level", level)?;
    let mut x: Vec<f64> = values.iter().map(|one| one.order).collect();
    let mut y: Vec<f64> = values.iter().map(|one| one.value).collect();
    check_values("orders", &x, 1)?;
    check_positive("rates", &y, 1)?;
    let least = x.iter().copied().fold(f64::INFINITY, f64::min);
    let length = x.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    y.iter_mut().for_each(|rate| *rate = rate.ln());
    let n_points = values.iter().map(|one| one.point).max().map_or(0, |most| most + 1);
    let kept = centre_points(values, &mut x, n_points);
    centre_points(values, &mut y, n_points);
    let df = values.len().saturating_sub(kept + 1);
    if df < MIN_DF {
        return Err(StatsError::TooFew { what: "samples beyond one a point", found: df, needed: MIN_DF });
    }
    let xx: f64 = x.iter().map(|x| x * x).sum();
    if !(xx > 0.0 && xx.is_finite()) {
        return Err(StatsError::NoSpread { what: "orders" });
    }
    let slope = x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>() / xx;
    let rss: f64 = x.iter().zip(&y).map(|(x, y)| (y - slope * x).powi(2)).sum();
    let std_error = (rss / df as f64 / xx).sqrt();
    let over_run = Estimate::from_t(slope * length, std_error * length, df as f64, values.len(), level).exp();
    Ok(Drift { over_run, lag1_of_blocks: lag1_of_blocks(values, &y) })
}

/// Takes the mean of its point from each, and returns how many points there are.
fn centre_points(values: &[Placed], of: &mut [f64], n_points: usize) -> usize {
    let mut sums = vec![(0.0, 0_usize); n_points];
    for (one, value) in values.iter().zip(&*of) {
        sums[one.point].0 += value;
        sums[one.point].1 += 1;
    }
    for (one, value) in values.iter().zip(of) {
        *value -= sums[one.point].0 / sums[one.point].1 as f64;
    }
    sums.iter().filter(|(_, count)| *count > 0).count()
}

fn lag1_of_blocks(values: &[Placed], residuals: &[f64]) -> Option<f64> {
    let mut blocks: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
    for (one, residual) in values.iter().zip(residuals) {
        let (sum, count) = blocks.entry(one.block).or_default();
        *sum += residual;
        *count += 1;
    }
    let means: Vec<f64> = blocks.values().map(|(sum, count)| sum / *count as f64).collect();
    if means.len() >= MIN_DF { lag1(&means) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three points in ten blocks, in another order in each block.
    fn run(slope: f64) -> Vec<Placed> {
        let sample = |block: usize, place: usize| {
            let (point, order) = ((place + block) % 3, (3 * block + place) as f64);
            let wobble = 0.002 * (((block * 7 + place * 5) % 11) as f64 - 5.0);
            let value = [10.0, 200.0, 3000.0][point] * (wobble + slope * order).exp();
            Placed { order, point, block: block as u32, value }
        };
        (0..10).flat_map(|block| (0..3).map(move |place| sample(block, place))).collect()
    }

    #[test]
    fn a_drift_is_found_and_none_is_not() {
        let none = drift(&run(0.0), 0.95).unwrap();
        assert!(none.over_run.interval.contains(1.0), "{none:?}");
        // A fiftieth less from the first sample to the last.
        let slower = drift(&run(0.98_f64.ln() / 29.0), 0.95).unwrap();
        let moved = slower.over_run.value / none.over_run.value;
        assert!((moved - 0.98).abs() < 1e-12, "{moved}");
        assert!(!slower.over_run.interval.contains(1.0) && slower.over_run.df == 26.0, "{slower:?}");
        // The wobble alternates; a steep drift makes neighbouring blocks alike.
        let steep = drift(&run(-0.01), 0.95).unwrap().lag1_of_blocks.unwrap();
        assert!(steep > 0.6 && none.lag1_of_blocks.unwrap() < 0.3, "{steep} {none:?}");
    }

    /// Least squares of ln value on its point and the order, by the textbook sums in Python.
    #[test]
    fn a_drift_by_its_sums() {
        let rates = [
            [10.0, 205.0],
            [10.3, 198.0],
            [9.9, 199.0],
            [9.8, 196.0],
            [10.1, 197.0],
            [9.6, 190.0],
            [9.7, 194.0],
            [9.5, 191.0],
        ];
        let sample = |block: usize, place: usize| {
            let point = (place + block) % 2;
            // The order starts at 3: only distances in it count.
            Placed { order: (3 + 2 * block + place) as f64, point, block: block as u32, value: rates[block][point] }
        };
        let run: Vec<Placed> = (0..8).flat_map(|block| (0..2).map(move |place| sample(block, place))).collect();
        let found = drift(&run, 0.95).unwrap();
        for (what, found, expect) in [
            ("last over first", found.over_run.value, 0.9389637844516353),
            ("standard error", found.over_run.std_error, 0.01279311948039223),
            ("low", found.over_run.interval.low, 0.9133681732782581),
            ("high", found.over_run.interval.high, 0.9652766696997015),
            ("df", found.over_run.df, 13.0),
            ("lag 1", found.lag1_of_blocks.unwrap(), 0.3472642859382995),
        ] {
            assert!((found - expect).abs() < 1e-9 * expect, "{what}: {found} instead of {expect}");
        }
        assert_eq!(drift(&run[..14], 0.95).unwrap().lag1_of_blocks, None);
        // A point of which there is nothing is none; 8 degrees of freedom are enough.
        let gap: Vec<Placed> = run.iter().map(|one| Placed { point: 2 * one.point, ..*one }).collect();
        assert_eq!(drift(&gap, 0.95), Ok(found));
        assert_eq!(drift(&run[..11], 0.95).unwrap().over_run.df, 8.0);
    }

    #[test]
    fn refusals() {
        let at_once: Vec<Placed> = run(0.0).iter().map(|one| Placed { order: 5.0, ..*one }).collect();
        assert!(matches!(drift(&at_once, 0.95), Err(StatsError::NoSpread { .. })));
        let few = &run(0.0)[..11];
        assert!(matches!(drift(few, 0.95), Err(StatsError::TooFew { found: 7, needed: 8, .. })));
        assert!(drift(&[], 0.95).is_err());
        let mut bad = run(0.0);
        bad[3].value = 0.0;
        assert!(matches!(drift(&bad, 0.95), Err(StatsError::NotPositive { index: 3, .. })));
    }
}
