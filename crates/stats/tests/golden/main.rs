//! Figures that independent programs printed, against ours. Data and sources: `tests/data/README.md`.

#![allow(clippy::unwrap_used)]

mod reference;

#[path = "nist.rs"]
mod certified;
mod curves;
mod levels;
mod models;
#[path = "../nist/mod.rs"]
#[allow(dead_code, reason = "the table of digits uses the rest")]
mod nist;
mod series;
mod spread;
