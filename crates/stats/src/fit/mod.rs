//! Curves through throughput.
mod model;
pub use model::Model;
