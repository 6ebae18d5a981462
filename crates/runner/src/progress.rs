//! What a run tells while it goes: data, not text; the program draws the bar.

use plan::point::Point;
use std::time::Duration;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A sample begins.
    Started(Step<'a>),
    /// A sample is committed; `error` where it failed.
    Finished {
        /// Which.
        step: Step<'a>,
        /// Phase and cause, where it failed.
        error: Option<&'a str>,
        /// Operations per second, where measured.
        throughput_per_s: Option<f64>,
    },
    /// Something to know about the run: what a budget did, what stage two asks for.
    Note(&'a str),
}

/// A sample and how far the run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// Its point.
    pub point: &'a Point,
    /// Its block, from 0.
    pub block: u32,
    /// Samples done, those of earlier parts of a resumed run included.
    pub done: u64,
    /// Samples in all, as far as known now.
    pub total: u64,
    /// Time to the end, from the samples made so far; `None` before the first.
    pub left: Option<Duration>,
}

/// Who is told.
pub trait Progress {
    /// Takes one event; must return soon, a sample waits.
    fn tell(&mut self, event: &Event<'_>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn tell(&mut self, _: &Event<'_>) {}
}
