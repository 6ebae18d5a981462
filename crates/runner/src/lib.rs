//! Runs a plan: worker pools, workloads, the child process of each sample, the loop over points, journal and resume.
//!
//! It decides nothing: a [`plan::point::Point`] says where each worker runs and where each heap lies. It writes the raw
//! files of a results folder and never reads what `report` derives from them.
//!
//! The parent: [`run`] makes a folder and goes through blocks and slots; an [`executor::Executor`] makes a sample of each,
//! [`rows`] turns it into rows, and the row of samples.csv, written last and synced, commits it. [`resume`] cuts a folder
//! back to what is committed and goes on. The child, one process for each sample: [`child::run`].
//!
//! ```text
//! let here = Here::live(&machine, program, command);
//! let mut live = live::Live::new(&machine, child);             // or modelled::Modelled::new(topology, parameters, noise)
//! let summary = run(root, &plan, &here, &mut live, &mut progress, &interrupt)?;
//! ```

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
mod heapless;
mod heaps;
pub mod hits;
mod journal;
pub mod live;
pub mod lock;
mod looks;
pub mod manifest;
mod measured;
pub mod modelled;
pub mod node_traffic;
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
mod session;
mod settle;
mod stages;
mod subject;
mod timer;
mod told;
mod trace;
mod when_moved;
mod windows;
pub mod workload;

pub use admit::{ModelledMachine, modelled_machine, read_plan};
pub use campaign::{ResumeOptions, RunSummary, resume, run};
pub use error::{RunError, Stop};
pub use manifest::Here;
pub use session::{new_series, root_of, session_of, sessions_in};
pub use subject::{all_programs, programs, unmodelled_programs};
