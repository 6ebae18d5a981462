//! What schedules the work. `threads` runs each worker's closed loop on an OS thread of its own.

pub(crate) mod threads;

/// Subjects that are built in.
pub(crate) const SUBJECTS: &[&str] = &["threads"];
