//! What is measured, and how a repetition becomes a line.

use std::{str::FromStr, time::Duration};

/// Yields of each task of a storm.
pub const YIELDS: usize = 100;
/// Operations of the others.
pub const OPERATIONS: usize = 100_000;
/// Waiting tasks that are woken at once.
pub const WOKEN: usize = 20_000;
/// Repetitions, after one that is not counted.
pub const REPETITIONS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `tasks` tasks yield `YIELDS` times each: time a yield.
    Storm,
    /// Two tasks send a number to and fro: time a round trip.
    PingPong,
    /// A task is made and awaited, one after another.
    SpawnJoin,
    /// All are made, then all awaited.
    Spawn,
    /// Tasks wait at a gate; it opens: time a task until all have ended.
    Wake,
    /// Bytes of resident memory for each waiting task.
    Memory,
    /// The world is stopped while every processor is busy: p50 and p99 of stopping.
    Stop,
}

impl FromStr for Operation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "storm" => Self::Storm,
            "pingpong" => Self::PingPong,
            "spawnjoin" => Self::SpawnJoin,
            "spawn" => Self::Spawn,
            "wake" => Self::Wake,
            "memory" => Self::Memory,
            "stop" => Self::Stop,
            _ => return Err(()),
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub operation: Operation,
    pub processors: usize,
    pub tasks: usize,
}

pub fn per(elapsed: Duration, operations: usize) -> f64 {
    elapsed.as_nanos() as f64 / operations as f64
}

/// Runs one repetition that does not count and those that do.
pub fn repeat(mut once: impl FnMut() -> f64) -> Vec<String> {
    once();
    (0..REPETITIONS).map(|_| format!("{:.3}", once())).collect()
}

/// Bytes of this process that are in memory.
pub fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("proc(5)");
    pages * 4096.0
}
