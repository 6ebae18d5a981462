//! Every noun of numalab, and every decision that needs no machine.
//!
//! From an experiment file and a [`topology::Topology`] comes a [`point::Plan`]: which points run, where each worker runs
//! and where each heap lies. It is pure: the same on a laptop and on the 8-node host, for this host, a foreign hwloc XML
//! or a synthetic string. After it nothing is decided. The rows of every CSV are in [`record`].
//!
//! It does not touch a machine, start a thread or read a clock; the files it reads are an experiment's or an
//! audit's and the printed tables that one names.

pub mod audit;
pub mod claim;
pub mod experiment;
pub mod gathered;
mod keys;
pub mod knee;
pub mod manifest;
pub mod models;
pub mod numactl;
pub mod place;
mod placement;
mod planning;
pub mod point;
pub mod policy;
pub mod printed;
pub mod published;
pub mod quantity;
pub mod random;
pub mod reach;
pub mod record;
pub mod remedy;
pub mod schedule;
pub mod scheduler;
pub mod session;
pub mod set;
mod text;
pub mod topology;
pub mod workload;

pub use placement::PlacementError;
pub use planning::{PlanError, plan};
pub use text::UnknownWord;
