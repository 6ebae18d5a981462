//! Stopping the world, and nothing else: [`world`] is the only stop-the-world of the suite.
//!
//! Knows no machine: no hwloc, no binding, no memory policy, so that loom can walk through its interleavings. The task
//! scheduler that gives the crate its name (Gs, Ms and Ps) is built on it by later work. README.md has the protocol: its
//! words, orderings, and why it cannot deadlock.

mod sync;
pub mod world;
