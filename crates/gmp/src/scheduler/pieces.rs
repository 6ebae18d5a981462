//! What of the scheduler its model checker walks through: all that threads share without a lock around it, and each
//! protocol between them. The rest uses thread-locals and clocks, which loom has not.

#![expect(dead_code, unreachable_pub, reason = "each model uses some of it")]

mod global;
mod hand_off;
mod idle;
#[cfg(test)]
mod models;
mod next;
mod parker;
mod ring;
mod state;

mod slots {
    /// No task, as in the scheduler.
    pub(crate) const NONE: u32 = 0;
}
