//! Maths on slices.

pub mod argmax;
pub mod changepoint;
pub mod decide;
mod error;
pub mod fit;
pub mod interval;
pub mod multiplicity;
pub mod quantile;
mod random;
pub mod stopping;
pub mod summary;
pub mod variance;

pub use error::StatsError;
pub use interval::{Estimate, Interval};
