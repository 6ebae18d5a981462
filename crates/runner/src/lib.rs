//! Runs a plan: worker pools, workloads, the child process of each sample, the loop over points, journal and resume.
//!
//! It decides nothing: a [`plan::point::Point`] says where each worker runs and where each heap lies. It writes the raw
//! files of a results folder and never reads what `report` derives from them.

pub mod frame;
pub mod sample;
