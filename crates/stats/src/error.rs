//! Everything that can be wrong with numbers handed to this crate.

use crate::fit::Model;

/// Why a figure was refused. Nothing here is repaired silently: no value is dropped, no zero is invented.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Fewer values than an honest answer needs.
    #[error("too few {what}: {found} found, {needed} needed")]
    TooFew {
        /// What was counted, in the plural.
        what: &'static str,
        /// How many there were.
        found: usize,
        /// The least number that is accepted.
        needed: usize,
    },
    /// Fewer distinct x than a curve with a knee needs.
    #[error("cannot fit {model}: {found} distinct x, {needed} needed")]
    FitRefused {
        /// The curve that was asked for.
        model: Model,
        /// Distinct x found.
        found: usize,
        /// Distinct x needed.
        needed: usize,
    },
    /// NaN or an infinity among the values.
    #[error("{what}[{index}] is {value}; finite values needed")]
    NotFinite {
        /// Which slice.
        what: &'static str,
        /// Position in it, from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// Zero or less where a logarithm is taken.
    #[error("{what}[{index}] is {value}; values above 0 needed")]
    NotPositive {
        /// Which slice.
        what: &'static str,
        /// Position in it, from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// Slices that must pair element by element do not.
    #[error("{what}: lengths {left} and {right} differ")]
    LengthMismatch {
        /// What was to be paired.
        what: &'static str,
        /// Length of the first.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// A setting outside its open range: a level, a probability, a margin.
    #[error("{what} is {value}; it must lie between {low} and {high}")]
    OutOfRange {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Lower end of the range.
        low: f64,
        /// Upper end of the range.
        high: f64,
    },
    /// The values do not differ, so the asked ratio or test does not exist.
    #[error("all {what} are equal; a contrast needs spread")]
    NoSpread {
        /// What does not vary.
        what: &'static str,
    },
    /// No starting point led the solver to a finite minimum.
    #[error("the {model} fit did not converge")]
    NoConvergence {
        /// The curve that was asked for.
        model: Model,
    },
}

/// Refuses NaN and infinities, and fewer than `needed` values.
pub(crate) fn check_values(what: &'static str, values: &[f64], needed: usize) -> Result<(), StatsError> {
    if values.len() < needed {
        return Err(StatsError::TooFew { what, found: values.len(), needed });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { what, index, value: values[index] }),
        None => Ok(()),
    }
}

/// As [`check_values`], and refuses values of zero or less.
pub(crate) fn check_positive(what: &'static str, values: &[f64], needed: usize) -> Result<(), StatsError> {
    check_values(what, values, needed)?;
    match values.iter().position(|value| *value <= 0.0) {
        Some(index) => Err(StatsError::NotPositive { what, index, value: values[index] }),
        None => Ok(()),
    }
}

/// Refuses a level, probability or ratio outside (0, 1).
pub(crate) fn check_unit(what: &'static str, value: f64) -> Result<(), StatsError> {
    check_range(what, value, 0.0, 1.0)
}

/// Refuses a setting outside the open range (low, high), NaN included.
pub(crate) fn check_range(what: &'static str, value: f64, low: f64, high: f64) -> Result<(), StatsError> {
    if value > low && value < high { Ok(()) } else { Err(StatsError::OutOfRange { what, value, low, high }) }
}

/// Refuses two slices of different lengths.
pub(crate) fn check_pairs(what: &'static str, left: usize, right: usize) -> Result<(), StatsError> {
    if left == right { Ok(()) } else { Err(StatsError::LengthMismatch { what, left, right }) }
}
