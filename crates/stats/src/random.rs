//! Seeded resampling whose answer does not depend on the number of threads.
//!
//! Each resample has a stream of its own, made from the seed and its index, so rayon may run them in any order.
//! SplitMix64 is written out (ten lines) because its output is part of what a seed in a results folder means:
//! a generator of a library may change with its version.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{StatsError, check_unit};
use crate::interval::Interval;
use crate::quantile::quantile_of_sorted;

/// Fewest resamples accepted: below, a 2.5 % tail rests on two of them.
pub(crate) const MIN_RESAMPLES: usize = 100;

/// One stream of SplitMix64 (Steele, Lea, Flood 2014; constants of Vigna's public-domain splitmix64.c).
#[derive(Debug, Clone)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of resample `index` under `seed`.
    pub fn new(seed: u64, index: u64) -> Stream {
        let mut outer = Stream { state: seed };
        let mixed = outer.next();
        let mut inner = Stream { state: mixed ^ index.wrapping_mul(0xd134_2543_de82_ef95) };
        Stream { state: inner.next() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uniform number in (0, 1): the middle of one of 2^53 equal steps.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A standard normal number, by the inverse of its distribution.
    pub fn normal(&mut self) -> f64 {
        Normal::standard().inverse_cdf(self.uniform())
    }

    /// A uniform index below `n` (multiply-shift; bias below n / 2^64).
    pub fn index(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// `statistic` on `resamples` independent streams, in order of their index.
pub(crate) fn resample<T: Send>(
    statistic: impl Fn(&mut Stream) -> T + Sync,
    resamples: usize,
    seed: u64,
) -> Result<Vec<T>, StatsError> {
    if resamples < MIN_RESAMPLES {
        return Err(StatsError::TooFew { what: "resamples", found: resamples, needed: MIN_RESAMPLES });
    }
    Ok((0..resamples as u64).into_par_iter().map(|index| statistic(&mut Stream::new(seed, index))).collect())
}

/// Percentile interval of `statistic` over the resamples.
pub(crate) fn resample_quantiles(
    statistic: impl Fn(&mut Stream) -> f64 + Sync,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Result<Interval, StatsError> {
    check_unit("level", level)?;
    let mut values = resample(statistic, resamples, seed)?;
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Ok(Interval { low: quantile_of_sorted(&values, tail), high: quantile_of_sorted(&values, 1.0 - tail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs of splitmix64.c for state 1234567 (as listed with Vigna's code on Rosetta Code).
    #[test]
    fn splitmix_reference() {
        let mut stream = Stream { state: 1234567 };
        assert_eq!(stream.next(), 6457827717110365317);
        assert_eq!(stream.next(), 3203168211198807973);
    }

    #[test]
    fn uniform_and_normal_numbers_have_their_moments() {
        let mut stream = Stream::new(1, 0);
        let uniform: Vec<f64> = (0..20_000).map(|_| stream.uniform()).collect();
        let normal: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let moments = |values: &[f64]| (crate::summary::mean_of(values), crate::summary::variance_of(values));
        let (mean, variance) = moments(&uniform);
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.002, "{mean} {variance}");
        let (mean, variance) = moments(&normal);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn same_seed_same_answer_at_any_number_of_threads() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| resample(|stream| stream.index(1000), 500, 42).unwrap())
        };
        assert_eq!(run(1), run(3));
        assert_ne!(run(1), resample(|stream| stream.index(1000), 500, 43).unwrap());
        assert!(run(1).iter().all(|index| *index < 1000));
    }
}
