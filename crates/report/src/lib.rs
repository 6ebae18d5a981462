//! A results folder in; summary, fits, claims, verify, figures, tables and HTML out. It never touches a machine.
//!
//! One call goes: [`update`] opens the folder ([`open`]), derives everything from its samples, and replaces each derived
//! file by rename; SHA256SUMS comes last. [`verify`] checks that a folder says what its samples say.

pub mod audit;
mod boundaries;
mod claims;
pub mod compare;
pub mod curves;
mod datapackage;
mod derive;
pub mod draw;
mod drift;
mod error;
pub mod figures;
mod fits;
#[cfg(test)]
mod fixture;
pub mod html;
pub mod knee;
mod mean;
mod newest;
mod pauses;
mod pilot;
mod present;
mod printed;
mod ratios;
mod results;
mod samples;
mod schema;
mod series;
pub mod show;
mod summary;
mod sums;
mod table;
pub mod tables;
mod threads;
mod update;
mod verify;
mod warmup;

pub use boundaries::{Boundary, boundaries};
pub use derive::derive;
pub use error::ReportError;
pub use newest::newest;
pub use pilot::{PilotContrast, PilotLevels, PilotPoint, pilot, pilot_contrasts};
pub use results::{Derived, Results, SummaryLine, open};
pub use samples::{Metric, SUMMARISED, Samples};
pub use series::{Series, group_of, series};
pub use update::{DerivedFile, Updated, update};
pub use verify::{Mismatch, Verified, verify};
