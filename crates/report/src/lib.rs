//! A results folder in; summary, fits, claims, verify, figures, tables and HTML out. It never touches a machine.
//!
//! One call goes: [`update`] opens the folder ([`open`]), derives everything from its samples, and replaces each derived
//! file by rename; SHA256SUMS comes last. [`verify`] checks that a folder says what its samples say.

pub mod curves;
pub mod draw;
mod boundaries;
mod claims;
mod derive;
mod fits;
mod mean;
mod series;
mod summary;
mod datapackage;
mod schema;
mod update;
mod verify;
mod error;
pub mod figures;
#[cfg(test)]
mod fixture;
pub mod html;
mod newest;
mod present;
mod results;
mod samples;
pub mod show;
mod sums;
mod table;
pub mod tables;

pub use boundaries::{Boundary, boundaries};
pub use derive::derive;
pub use error::ReportError;
pub use newest::newest;
pub use results::{Derived, Results, SummaryLine, open};
pub use samples::{Metric, SUMMARISED, Samples};
pub use series::{Series, group_of, is_arm, series};
pub use update::{DerivedFile, Updated, update};
pub use verify::{Mismatch, verify};
