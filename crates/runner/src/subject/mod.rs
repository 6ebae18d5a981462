//! What schedules the work. `threads` runs each worker's closed loop on an OS thread of its own; `gmp` as a task of the
//! suite's scheduler, with as many processors as workers, which yields after each request.

pub(crate) mod gmp;
#[allow(dead_code, reason = "its first user comes next")]
pub(crate) mod program;
pub(crate) mod threads;
