//! Runs a plan: worker pools, workloads, the child process of each sample, the loop over points, journal and resume.
//!
//! It decides nothing: a [`plan::point::Point`] says where each worker runs and where each heap lies. It writes the raw
//! files of a results folder and never reads what `report` derives from them.

mod admit;
mod campaign;
pub mod child;
mod child_io;
pub mod cost;
mod death;
mod disturbance;
mod error;
pub mod executor;
pub mod folder;
pub mod frame;
mod gate;
mod heaps;
pub mod hits;
mod journal;
pub mod live;
pub mod lock;
pub mod manifest;
mod measured;
pub mod modelled;
pub mod observe;
pub mod pages;
mod pauses;
mod pool;
pub mod progress;
mod recover;
pub mod replay;
pub mod rows;
pub mod sample;
mod sampling;
mod settle;
mod stages;
mod subject;
mod timer;
mod windows;
pub mod workload;

pub use admit::{modelled_machine, read_plan};
pub use campaign::{ResumeOptions, RunSummary, resume, run};
pub use error::{RunError, Stop};
pub use manifest::Here;
