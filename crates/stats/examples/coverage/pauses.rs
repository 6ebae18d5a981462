//! Contrasts of the spread of pauses: power of the claim's rule, coverage of the intervals.

use crate::{COVERS_95, Line, near, share, shares};
use statrs::distribution::{ContinuousCDF, Normal};
use stats::decide::{Region, Verdict, decide};
use stats::equivalence::equivalence_p;
use stats::multiplicity::bonferroni_level;
use stats::pooled::pooled_variance_ratio;
use stats::quantile::{pooled_quantile, quantile_interval};
use stats::random::Stream;
use stats::summary::variance;
use stats::variance::run_ratio;

pub(crate) const ERRORS: &str = "Pauses: 100 a run, exp(s z + tau u), z for each pause, u for each run; the second side \
                                 is sqrt(3.8) times as long.";

/// Sets of the simulation behind the statistics notes, section 8, at least.
const PUBLISHED_SETS: usize = 1500;
const SETS: usize = 2000;
const RUNS: [usize; 4] = [5, 10, 20, 30];
/// s, tau, and the power that the notes print for 5, 10, 20 and 30 runs a side.
const TABLE: [(f64, f64, [f64; 4]); 3] = [
    (0.5, 0.0, [0.22, 0.79, 0.95, 0.95]),
    (0.5, 0.2, [0.004, 0.06, 0.47, 0.78]),
    (1.0, 0.0, [0.001, 0.02, 0.22, 0.52]),
];

/// Claims x arms of experiments/numa-binding.toml.
const QUESTIONS: usize = 21;
/// s, tau, runs. No power is promised at that level: no band.
const MANY: [(f64, f64, usize); 7] =
    [(0.5, 0.0, 10), (0.5, 0.0, 20), (0.5, 0.0, 30), (0.5, 0.2, 20), (0.5, 0.2, 40), (0.5, 0.2, 50), (0.5, 0.2, 60)];

fn pauses(stream: &mut Stream, n: usize, s: f64, tau: f64, scale: f64) -> Vec<f64> {
    let run = if tau > 0.0 { tau * stream.normal() } else { 0.0 };
    (0..n).map(|_| scale * (s * stream.normal() + run).exp()).collect()
}

fn variances(stream: &mut Stream, runs: usize, s: f64, tau: f64, scale: f64) -> Vec<f64> {
    (0..runs).map(|_| variance(&pauses(stream, 100, s, tau, scale)).expect("a hundred pauses")).collect()
}

pub(crate) fn lines() -> Vec<Line> {
    let region = Region::within_factor(3.8, 1.5);
    let mut lines = Vec::new();
    for (row, (s, tau, published)) in TABLE.into_iter().enumerate() {
        for (column, runs) in RUNS.into_iter().enumerate() {
            let label = 500 + (10 * row + column) as u64;
            let [supported, and_covers, equivalent] = shares(label, SETS, |stream| {
                let a = variances(stream, runs, s, tau, 1.0);
                let b = variances(stream, runs, s, tau, 3.8_f64.sqrt());
                let ratio = run_ratio(&a, &b, 0.95).expect("five runs and more");
                let supported = decide(&ratio.interval, &region) == Verdict::Supported;
                let equivalent = equivalence_p(&ratio, &region).is_ok_and(|p| p < 0.05);
                [supported, supported && ratio.interval.contains(3.8), equivalent]
            });
            let note = format!("supported {supported:.3}, equivalent at 5 % {equivalent:.3}");
            let band = Some(near(published[column], SETS, PUBLISHED_SETS));
            let what = format!("s {s}, tau {tau}, {runs} runs a side");
            lines.push(Line { what, counted: "supported, 3.8 inside C", sets: SETS, share: and_covers, band, note });
        }
    }
    lines.extend(lines_at_level(&region));
    lines
}

/// The same at the level at which each claim of a file with [`QUESTIONS`] of them is judged.
fn lines_at_level(region: &Region) -> impl Iterator<Item = Line> {
    let level = bonferroni_level(0.95, QUESTIONS).expect("more than none");
    MANY.into_iter().enumerate().map(move |(at, (s, tau, runs))| {
        let supported = share(550 + at as u64, SETS, |stream| {
            let a = variances(stream, runs, s, tau, 1.0);
            let b = variances(stream, runs, s, tau, 3.8_f64.sqrt());
            run_ratio(&a, &b, level).is_ok_and(|ratio| decide(&ratio.interval, region) == Verdict::Supported)
        });
        let what = format!("s {s}, tau {tau}, {runs} runs a side, one of {QUESTIONS} questions");
        Line { what, counted: "supported", sets: SETS, share: supported, band: None, note: format!("level {level:.4}") }
    })
}

pub(crate) fn coverage_lines() -> Vec<Line> {
    let mut lines = Vec::new();
    let cases = [(0.5, 0.0, 10), (0.5, 0.2, 10), (1.0, 0.0, 10), (1.0, 0.0, 20)];
    for (at, (s, tau, runs)) in cases.into_iter().enumerate() {
        let covered = share(600 + at as u64, SETS, |stream| {
            let a = variances(stream, runs, s, tau, 1.0);
            let b = variances(stream, runs, s, tau, 3.8_f64.sqrt());
            run_ratio(&a, &b, 0.95).is_ok_and(|ratio| ratio.interval.contains(3.8))
        });
        lines.push(line(
            format!("Welch of run-level ln s², s {s}, tau {tau}, {runs} runs"),
            covered,
            Some(COVERS_95),
            "",
        ));
    }
    for (at, (s, tau, band, note)) in [
        (0.5, 0.0, Some(COVERS_95), "the notes have .96 at n = 240"),
        (1.0, 0.0, Some(COVERS_95), "the notes have .935 at n = 240"),
        (0.5, 0.2, None, "runs differ: too narrow, so it decides nothing"),
    ]
    .into_iter()
    .enumerate()
    {
        let covered = share(610 + at as u64, SETS, |stream| {
            // As many values as the notes took; with tau in runs of 24.
            let mut side = |scale: f64| (0..10).flat_map(|_| pauses(stream, 24, s, tau, scale)).collect::<Vec<f64>>();
            let (a, b) = (side(1.0), side(3.8_f64.sqrt()));
            pooled_variance_ratio(&a, &b, 0.95).is_ok_and(|ratio| ratio.interval.contains(3.8))
        });
        lines.push(line(format!("Bonett, pooled, s {s}, tau {tau}, 240 pauses a side"), covered, band, note));
    }
    let p99 = share(620, SETS, |stream| {
        let values = pauses(stream, 1000, 1.0, 0.0, 1.0);
        // ln of the 99th percentile is z(.99).
        quantile_interval(&values, 0.99, 0.95).is_ok_and(|found| found.contains(2.3263478740408408_f64.exp()))
    });
    lines.push(line(
        "order statistics of p99, s 1, 1000 pauses".into(),
        p99,
        Some((0.95, 1.0)),
        "at least .95; exact: .976",
    ));
    lines
}

/// Resamples of each bootstrap: 25 in each tail.
const RESAMPLES: usize = 1000;

pub(crate) const OF_RUNS: &str = "Pauses: 100 a run, exp(s z + tau u), z for each pause, u for each run.";

/// Quantiles of the pauses of all runs together.
pub(crate) fn quantile_lines() -> Vec<Line> {
    let (s, tau) = (0.5_f64, 0.2);
    let cases = [(5, 0.5), (10, 0.5), (20, 0.5), (30, 0.5), (5, 0.99), (10, 0.99), (20, 0.99), (30, 0.99)];
    let line = |(at, (runs, p)): (usize, (usize, f64))| {
        // ln of a pause is normal with variance s² + tau².
        let truth = (Normal::standard().inverse_cdf(p) * s.hypot(tau)).exp();
        let [covered, as_drawn] = shares(640 + at as u64, SETS, |stream| {
            let runs: Vec<Vec<f64>> = (0..runs).map(|_| pauses(stream, 100, s, tau, 1.0)).collect();
            let seed = stream.index(usize::MAX) as u64;
            let found = pooled_quantile(&runs, p, 0.95, RESAMPLES, seed).expect("two runs and more");
            let widening = (runs.len() as f64 / (runs.len() as f64 - 1.0)).sqrt();
            let drawn = |end: f64| found.value + (end - found.value) / widening;
            let (low, high) = (drawn(found.interval.low), drawn(found.interval.high));
            [found.interval.contains(truth), low <= truth && truth <= high]
        });
        let what = format!("p{p:.0} of all pauses, s {s}, tau {tau}, {runs} runs", p = 100.0 * p);
        line(what, covered, None, &format!("as drawn, without sqrt(r/(r-1)): {as_drawn:.3}"))
    };
    cases.into_iter().enumerate().map(line).collect()
}

fn line(what: String, covered: f64, band: Option<(f64, f64)>, note: &str) -> Line {
    Line { what, counted: "covers the truth", sets: SETS, share: covered, band, note: note.into() }
}
