//! Figures that independent programs printed, against ours. Data and sources: `tests/data/README.md`.

#![allow(clippy::unwrap_used)]

mod reference;

mod curves;
mod series;
mod spread;
