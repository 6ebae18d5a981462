//! The article's scheduler, Gs on Ms through Ps, and the suite's only stop-the-world.
//!
//! [`world`] stops workers, the runner's pools and the scheduler's processors alike. [`scheduler`] runs tasks, every part
//! of it a switch. Neither knows a machine: no hwloc, no binding, no memory policy, so that loom can walk through their
//! interleavings, and shuttle through whole programs. README.md has the protocols: words, orderings, and why they cannot deadlock.

#[cfg(not(loom))]
pub mod scheduler;
#[cfg(loom)]
#[path = "scheduler/pieces.rs"]
mod scheduler;
mod sync;
pub mod world;
