//! `[knee]`: the article's model of a knee with its printed constants, and which sweeps of an experiment measure them.
//!
//! S(n) = alpha n^2 + beta n is what a unit of work costs more with n workers for being switched, F(n) = 1 - exp(-gamma n / c)
//! the share of units that fault. `report::knee` fits and compares.

use serde::{Deserialize, Serialize};

/// `[knee]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KneeModel {
    /// Of the square in S, as printed.
    pub alpha: f64,
    /// Of the linear part of S, as printed.
    pub beta: f64,
    /// In the exponent of F, as printed.
    pub gamma: f64,
    /// Cores, as printed.
    pub cores: f64,
    /// The knee as printed.
    pub printed: f64,
    /// Arm whose sweeps are used.
    pub arm: String,
    /// Levels of the further factors of the sweep that gives S, such as `shared_ratio=0.0`.
    pub switches: String,
    /// The same for F, and for the measured knee.
    pub faults: String,
}
