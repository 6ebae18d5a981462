//! `make coverage`: how often the suite's intervals hold what they promise, by simulation.
//!
//! Every simulated data set has a stream of random numbers of its own, made from one seed and its index: the table is
//! the same on every machine, at any number of threads. A share of R sets is known to ± 2 sqrt(p (1-p) / R). The rows
//! say what was simulated, with which errors, and the band in which the figure must lie; one outside is marked. Only a row
//! of something that is promised has a band, and the promise sets it, not the figure: else it could not be broken.

mod contrasts;
mod knees;
mod pauses;
mod stopping;

use rayon::prelude::*;
use stats::random::Stream;
use std::process::ExitCode;

/// Seed of all streams.
const SEED: u64 = 20261127;

/// Where an interval of 95 % must cover.
const COVERS_95: (f64, f64) = (0.93, 0.97);

/// Where what may err in 5 % of cases must lie, two standard errors of the simulation allowed.
fn at_most_5(sets: usize) -> (f64, f64) {
    (0.0, 0.05 + 2.0 * (0.05 * 0.95 / sets as f64).sqrt())
}

/// One line of the table.
struct Line {
    /// What was simulated.
    what: String,
    /// What is counted.
    counted: &'static str,
    /// Data sets.
    sets: usize,
    /// Share of them for which it holds.
    share: f64,
    /// Where the share must lie; `None` where nothing is promised.
    band: Option<(f64, f64)>,
    /// What else there is to say.
    note: String,
}

fn main() -> ExitCode {
    let mut outside = 0;
    for (title, errors, lines) in [
        ("Profile interval of the USL's peak, 95 %", knees::ERRORS, knees::lines as fn() -> Vec<Line>),
        ("Profile interval of the USL's rate at its peak, the same sets, 95 %", knees::ERRORS, knees::rate_lines),
        ("Bootstraps of runs, 12 points to 64, 95 %", knees::ERRORS, knees::bootstrap_lines),
        ("Stopping rules, interval of the mean, 95 %", stopping::ERRORS, stopping::lines),
        ("Nothing differs: families of contrasts that find something, 5 %", contrasts::ERRORS, contrasts::lines),
        ("Threshold at x and Davies' test on curves without one", knees::ERRORS, knees::threshold_lines),
        ("Pauses: a true variance ratio of 3.8 is confirmed within x/÷ 1.5", pauses::ERRORS, pauses::lines),
        ("Pauses: intervals of a variance ratio, 95 %", pauses::ERRORS, pauses::coverage_lines),
        ("Pauses: bootstrap over runs of pooled quantiles, 95 %", pauses::OF_RUNS, pauses::quantile_lines),
    ] {
        println!("**{title}.** {errors}\n");
        println!("| simulated | counted | sets | share | band | |\n|---|---|---|---|---|---|");
        for line in lines() {
            let inside = line.band.is_none_or(|(low, high)| (low..=high).contains(&line.share));
            let band = line.band.map_or("none".into(), |(low, high)| format!("{low:.3}-{high:.3}"));
            outside += usize::from(!inside);
            let mark = if inside { "" } else { " **outside**" };
            let Line { what, counted, sets, share, note, .. } = line;
            println!("| {what} | {counted} | {sets} | {share:.3}{mark} | {band} | {note} |");
        }
        println!();
    }
    println!("{outside} figures outside their band.");
    if outside == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// Share of `sets` streams for which `holds` is true; `label` keeps the streams of one line from those of another.
fn share(label: u64, sets: usize, holds: impl Fn(&mut Stream) -> bool + Sync) -> f64 {
    shares(label, sets, |stream| [holds(stream)])[0]
}

/// The same for several statements about one data set.
fn shares<const N: usize>(label: u64, sets: usize, hold: impl Fn(&mut Stream) -> [bool; N] + Sync) -> [f64; N] {
    let counts = (0..sets as u64)
        .into_par_iter()
        .map(|index| hold(&mut Stream::new(SEED ^ label.wrapping_mul(0x9e37_79b9_7f4a_7c15), index)).map(u64::from))
        .reduce(|| [0; N], |a, b| std::array::from_fn(|i| a[i] + b[i]));
    counts.map(|count| count as f64 / sets as f64)
}

/// A band of ± 3 standard errors round a share, for figures that must equal a published one.
fn near(share: f64, sets: usize, published_sets: usize) -> (f64, f64) {
    // A published 0.004 of 2000 sets rests on 8 of them: at least 3 sets' worth of doubt.
    let variance = (share * (1.0 - share)).max(3e-3);
    let half = 3.0 * (variance * (1.0 / sets as f64 + 1.0 / published_sets as f64)).sqrt() + 0.005;
    ((share - half).max(0.0), (share + half).min(1.0))
}
