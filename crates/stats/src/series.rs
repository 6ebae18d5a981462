//! How much a series of values inside one run is worth: effective sample size, batch means, von Neumann's ratio.
//!
//! Values of one run depend on each other, so n of them say less than n independent ones. The suite's datum is the run
//! and needs none of this; it tells how long a run must be, and whether a longer one would say more.

use crate::error::{StatsError, check_unit, check_values};
use crate::interval::{Estimate, mean_interval};
use crate::summary::mean_of;

/// Fewest values of a series: with fewer, an autocorrelation is noise.
pub const MIN_SERIES: usize = 20;

/// What one series is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// How many values.
    pub n: usize,
    /// Autocorrelation at lag 1.
    pub lag1: f64,
    /// n (1 - r1) / (1 + r1): right where the series is AR(1).
    pub ar1: f64,
    /// n / tau, tau = -1 + 2 x the sum of neighbouring pairs of autocorrelations while they are positive (Geyer 1992);
    /// at most n. Right for any reversible chain, and the one to trust where the two differ.
    pub geyer: f64,
    /// Sum of squared differences of neighbours over the sum of squares; about 2 where the values are independent.
    pub von_neumann: f64,
}

/// Autocorrelations, effective sample sizes and von Neumann's ratio of a series in the order of time.
///
/// # Errors
/// `TooFew` below 20 values, `NotFinite`, `NoSpread` where all are equal.
pub fn worth(values: &[f64]) -> Result<Worth, StatsError> {
    check_values("values of the series", values, MIN_SERIES)?;
    let n = values.len();
    let series = Centred::of(values).ok_or(StatsError::NoSpread { what: "values of the series" })?;
    let pairs = (0..n / 2).map(|pair| series.lag(2 * pair) + series.lag(2 * pair + 1)).take_while(|pair| *pair > 0.0);
    let tau = 2.0 * pairs.sum::<f64>() - 1.0;
    let lag1 = series.lag(1);
    let apart: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let count = n as f64;
    Ok(Worth {
        n,
        lag1,
        ar1: (count * (1.0 - lag1) / (1.0 + lag1)).min(count),
        // Alternating values make the sum small or negative: n of them say as much as n independent ones, at least.
        geyer: if tau > 1.0 { count / tau } else { count },
        von_neumann: apart / series.squares,
    })
}

/// The mean by `batches` batches of equal length, what does not fill one left out at the start; and the lag-1
/// autocorrelation of the batch means, which must be small (below .2) for the interval to be believed.
///
/// # Errors
/// `TooFew` below 2 batches or below 1 value a batch, `NotFinite`, `OutOfRange` for the level.
pub fn batch_means(values: &[f64], batches: usize, level: f64) -> Result<(Estimate, f64), StatsError> {
    check_unit("level", level)?;
    if batches < 2 {
        return Err(StatsError::TooFew { what: "batches", found: batches, needed: 2 });
    }
    check_values("values of the series", values, batches)?;
    let length = values.len() / batches;
    let means: Vec<f64> = values[values.len() - batches * length..].chunks(length).map(mean_of).collect();
    Ok((mean_interval(&means, level)?, lag1(&means).unwrap_or(0.0)))
}

/// Autocorrelation at lag 1; `None` where all values are equal.
pub(crate) fn lag1(values: &[f64]) -> Option<f64> {
    Centred::of(values).map(|series| series.lag(1))
}

/// A series less its mean.
struct Centred {
    values: Vec<f64>,
    /// Sum of squares, above 0.
    squares: f64,
}

impl Centred {
    fn of(values: &[f64]) -> Option<Centred> {
        let mean = mean_of(values);
        let values: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let squares: f64 = values.iter().map(|value| value * value).sum();
        (squares > 0.0).then_some(Centred { values, squares })
    }

    fn lag(&self, k: usize) -> f64 {
        let values = &self.values;
        values.iter().zip(&values[k..]).map(|(a, b)| a * b).sum::<f64>() / self.squares
    }
}
