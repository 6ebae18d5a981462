//! Standard errors, and the threshold of the profiles.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use crate::fit::solve::Problem;
use crate::interval::{Interval, t_quantile};
use crate::nonlinear::Minimum;

/// Covariance of the free parameters, and the sum of squares up to which a profile counts as inside.
pub(crate) struct Precision {
    /// Index of each free parameter among all.
    free: Vec<usize>,
    covariance: Vec<Vec<f64>>,
    pub(crate) df: f64,
    level: f64,
    /// RSS_min + s² F_{level; 1, df}.
    pub(crate) threshold: f64,
}

impl Precision {
    /// `None` where the data do not determine the free parameters: then there is no honest interval.
    pub(crate) fn new(problem: &Problem, minimum: &Minimum, s2: f64, df: f64, level: f64) -> Option<Precision> {
        let gram_inverse = problem.linearize(minimum)?.gram_inverse;
        let covariance = gram_inverse.iter().map(|row| row.iter().map(|entry| entry * s2).collect()).collect();
        let f = FisherSnedecor::new(1.0, df).ok()?.inverse_cdf(level);
        let free = (0..minimum.fixed.len()).filter(|j| !minimum.fixed[*j]).collect();
        Some(Precision { free, covariance, df, level, threshold: minimum.rss + s2 * f })
    }

    pub(crate) fn std_error(&self, j: usize) -> Option<f64> {
        let position = self.free.iter().position(|free| *free == j)?;
        Some(self.covariance[position][position].sqrt())
    }

    /// value ± t · its standard error.
    pub(crate) fn around(&self, value: f64, std_error: f64) -> Interval {
        let half = t_quantile(0.5 + self.level / 2.0, self.df) * std_error;
        Interval { low: value - half, high: value + half }
    }

    /// Standard error of a figure of all parameters, by central differences over the free ones.
    pub(crate) fn delta_error(&self, of: impl Fn(&[f64]) -> f64, parameters: &[f64]) -> f64 {
        let slope = |j: &usize| {
            let step = 1e-6 * parameters[*j].abs();
            let at = |value: f64| {
                let mut moved = parameters.to_vec();
                moved[*j] = value;
                of(&moved)
            };
            (at(parameters[*j] + step) - at(parameters[*j] - step)) / (2.0 * step)
        };
        let gradient: Vec<f64> = self.free.iter().map(slope).collect();
        let row = |row: &Vec<f64>| row.iter().zip(&gradient).map(|(entry, slope)| entry * slope).sum::<f64>();
        self.covariance.iter().zip(&gradient).map(|(entries, slope)| row(entries) * slope).sum::<f64>().sqrt()
    }
}
