//! The knee: coverage of the profile intervals of the peak and of the rate there, and thresholds on curves without one.

use crate::{COVERS_95, Line, at_most_5, share, shares};
use stats::argmax::argmax;
use stats::decide::Verdict;
use stats::fit::{FitSettings, FitStatus, MIN_DISTINCT_X, Model, Resampling, bootstrap, candidates, davies, fit};
use stats::interval::paired_ln_ratio;
use stats::random::Stream;
use stats::threshold::{Sought, Way, ends, fit_threshold};

pub(crate) const ERRORS: &str = "Errors: ln y = ln f + cv z, z standard normal, each run by itself; fitted on ln y.";

/// The Cisco curve's parameters, rounded: n* = sqrt((1 - sigma) / kappa) = 35.58 (statistics notes, section 3.4).
const SIGMA: f64 = 0.0267;
const KAPPA: f64 = 7.69e-4;

/// The designs of the statistics notes, section 3.4.
const DESIGNS: [(&str, &[f64]); 6] = [
    ("7 points to 64", &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
    ("7 points to 32", &[1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0]),
    ("5 points to 64", &[1.0, 4.0, 16.0, 32.0, 64.0]),
    ("4 points to 64", &[1.0, 8.0, 32.0, 64.0]),
    ("12 points to 64, the paper's", &PAPER),
    ("13 points to 64", &[1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0]),
];
const PAPER: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0];

const SETS: usize = 2000;

fn usl(n: f64) -> f64 {
    1000.0 * n / (1.0 + SIGMA * (n - 1.0) + KAPPA * n * (n - 1.0))
}

/// `runs` values at each x, one after the other.
fn draw(stream: &mut Stream, grid: &[f64], runs: usize, cv: f64, of: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
    grid.iter().flat_map(|x| std::iter::repeat_n(*x, runs)).map(|x| (x, of(x) * (cv * stream.normal()).exp())).unzip()
}

/// The peak, at every design; those with too few points are refused.
pub(crate) fn lines() -> Vec<Line> {
    let truth = ((1.0 - SIGMA) / KAPPA).sqrt();
    let refused = |at: usize, (design, grid): (&str, &[f64])| {
        let refused = share(100 + 10 * at as u64, 100, |stream| {
            let (x, y) = draw(stream, grid, 5, 0.03, usl);
            fit(&FitSettings::new(Model::Usl), &x, &y).is_err()
        });
        let note = format!("{MIN_DISTINCT_X} distinct x are needed");
        Line { sets: 100, ..line(design.into(), "refused", refused, Some((1.0, 1.0)), note) }
    };
    let of_design = |(at, design): (usize, (&'static str, &'static [f64]))| match design.1.len() < MIN_DISTINCT_X {
        true => vec![refused(at, design)],
        false => covering(at, design, "knee_peak", "covers n*", truth),
    };
    DESIGNS.into_iter().enumerate().flat_map(of_design).collect()
}

/// The rate at the peak, of the same data sets.
pub(crate) fn rate_lines() -> Vec<Line> {
    let truth = usl(((1.0 - SIGMA) / KAPPA).sqrt());
    let designs = DESIGNS.into_iter().enumerate().filter(|(_, (_, grid))| grid.len() >= MIN_DISTINCT_X);
    designs.flat_map(|(at, design)| covering(at, design, "peak_rate", "covers X(n*)", truth)).collect()
}

/// How often the profile interval of one knee holds the truth at a design, for two spreads and two numbers of runs.
fn covering(at: usize, (design, grid): (&str, &[f64]), knee: &str, counted: &'static str, truth: f64) -> Vec<Line> {
    let cell = |(cell, (cv, runs)): (usize, (f64, usize))| {
        let [covered, misfit, unbounded] = shares(100 + (10 * at + cell) as u64, SETS, |stream| {
            let (x, y) = draw(stream, grid, runs, cv, usl);
            let fit = fit(&FitSettings::new(Model::Usl), &x, &y).expect("positive rates at 6 x or more");
            let knee = fit.value(knee).and_then(|knee| knee.interval);
            let covered = knee.is_some_and(|knee| knee.contains(truth));
            [covered, fit.status == FitStatus::Misfit, knee.is_none_or(|knee| !knee.is_bounded())]
        });
        let note = format!("misfit {:.1} %, unbounded {:.1} %", 100.0 * misfit, 100.0 * unbounded);
        let what = format!("{design}, cv {:.0} %, {runs} runs", 100.0 * cv);
        line(what, counted, covered, Some(COVERS_95), note)
    };
    [(0.01, 5), (0.01, 10), (0.03, 5), (0.03, 10)].into_iter().enumerate().map(cell).collect()
}

fn line(what: String, counted: &'static str, share: f64, band: Option<(f64, f64)>, note: String) -> Line {
    Line { what, counted, sets: SETS, share, band, note }
}

/// Resamples of each bootstrap: 25 in each tail.
const RESAMPLES: usize = 1000;

/// Bootstraps that draw runs within each x, on the paper's grid: few runs are where they are weakest.
pub(crate) fn bootstrap_lines() -> Vec<Line> {
    let truth = ((1.0 - SIGMA) / KAPPA).sqrt();
    let highest = PAPER.into_iter().max_by(|a, b| usl(*a).total_cmp(&usl(*b))).unwrap_or(f64::NAN);
    let mut lines = Vec::new();
    // Percentiles know no t quantile. By Welch and Satterthwaite the delta method's variance of this peak has 5.8, 11.7
    // and 23.4 degrees of freedom at 2, 3 and 5 runs a point, of which ± 1.96 covers .90, .93 and .94: so 95 % are promised
    // from 5 runs on, those of argmax, whose ends are points of the grid, from 3 on.
    for (at, runs) in [2, 3, 5].into_iter().enumerate() {
        let [stratified, bca, unimodal] = shares(250 + at as u64, SETS, |stream| {
            let (x, y) = draw(stream, &PAPER, runs, 0.03, usl);
            let seed = stream.index(usize::MAX) as u64;
            let fit = fit(&FitSettings::new(Model::Usl), &x, &y).expect("positive rates at 6 x or more");
            let covers = |resampling: Resampling| {
                let drawn = bootstrap(&fit, &x, &y, None, resampling, RESAMPLES, seed).expect("two runs and more");
                drawn.value("knee_peak").and_then(|peak| peak.interval).is_some_and(|peak| peak.contains(truth))
            };
            let free = argmax(&x, &y, 0.95, RESAMPLES, seed).expect("two runs and more");
            [covers(Resampling::Stratified), covers(Resampling::Bca), free.interval.contains(highest)]
        });
        let of_curve = (runs >= 5).then_some(COVERS_95);
        let of_grid = (runs >= 3).then_some((COVERS_95.0, 1.0));
        let highest_is = format!("{highest} is the highest of the grid");
        for (what, counted, share, band, note) in [
            ("stratified", "covers n*", stratified, of_curve, String::new()),
            ("BCa", "covers n*", bca, of_curve, String::new()),
            ("argmax", "covers the highest point", unimodal, of_grid, highest_is),
        ] {
            lines.push(line(format!("{what}, cv 3 %, {runs} runs"), counted, share, band, note));
        }
    }
    lines
}

/// The claim that y turns at 16, either way, and ends a twentieth beyond what it was well before.
fn threshold_at_16(x: &[f64], y: &[f64]) -> Verdict {
    let (before, last) = ends(&PAPER, 16.0).expect("x on both sides");
    let runs_at =
        |at: usize| -> Vec<f64> { x.iter().zip(y).filter(|(x, _)| **x == PAPER[at]).map(|(_, y)| *y).collect() };
    let change = paired_ln_ratio(&runs_at(last), &runs_at(before), 0.95).expect("runs of one number").exp().interval;
    let found = fit_threshold(0.95, &candidates(x, y), x, y).expect("six x and more");
    let verdict = |way| {
        found.decide(x, &change, &Sought { near: 16.0, way, factor: 1.05 }).map_or(Verdict::Undecided, |found| found.0)
    };
    let both = [verdict(Way::Falls), verdict(Way::Rises)];
    match both {
        _ if both.contains(&Verdict::Supported) => Verdict::Supported,
        [Verdict::Refuted, Verdict::Refuted] => Verdict::Refuted,
        _ => Verdict::Undecided,
    }
}

type Curve = fn(f64) -> f64;

/// Curves that have no threshold, rising, falling and both.
const SMOOTH: [(&str, Curve); 7] = [
    ("USL, n* = 35.6", usl),
    ("USL, n* = 5.6, ends below its start", |n| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.03 * n * (n - 1.0))),
    ("Amdahl, sigma .05", |n| 1000.0 * n / (1.0 + 0.05 * (n - 1.0))),
    ("power, b = .7", |n| 1000.0 * n.powf(0.7)),
    ("straight, 10 + 5 n", |n| 10.0 + 5.0 * n),
    ("Lomax, n0 = 20, p = 1.5", |n| 1000.0 * (1.0 + n / 20.0).powf(-1.5)),
    ("exponential, tau = 20", |n| 1000.0 * (-n / 20.0).exp()),
];

/// Data sets of each line about a threshold.
const THRESHOLD_SETS: usize = 500;

/// A threshold is asked for at 16 of the paper's grid, with the smooth rivals that claims take; the curves are smooth, or broken there.
pub(crate) fn threshold_lines() -> Vec<Line> {
    let broken: Curve = |n| 10.0 + 5.0 * n - 6.0 * (n - 16.0).max(0.0);
    let curves = SMOOTH.into_iter().chain([("broken at 16, slope 5 to -1", broken)]);
    let mut lines = Vec::new();
    for (at, (what, curve)) in curves.enumerate() {
        for (row, cv) in [0.02, 0.05, 0.2].into_iter().enumerate() {
            let [supported, refuted] = shares(700 + (10 * at + row) as u64, THRESHOLD_SETS, |stream| {
                let (x, y) = draw(stream, &PAPER, 5, cv, curve);
                let verdict = threshold_at_16(&x, &y);
                [verdict == Verdict::Supported, verdict == Verdict::Refuted]
            });
            let band = match (at < SMOOTH.len(), cv) {
                (true, _) => Some((0.0, 0.05)),
                (false, 0.02) => Some((0.95, 1.0)),
                // What noise hides is undecided.
                (false, _) => None,
            };
            let what = format!("{what}, cv {percent:.0} %, 5 runs, claimed at 16", percent = 100.0 * cv);
            let line = line(what, "threshold supported", supported, band, format!("refuted {:.1} %", 100.0 * refuted));
            lines.push(Line { sets: THRESHOLD_SETS, ..line });
        }
    }
    let rejects = |label: u64, of: fn(f64) -> f64, sd: f64| {
        share(label, SETS, |stream| {
            let (x, _): (Vec<f64>, Vec<f64>) = draw(stream, &PAPER, 5, 0.0, of);
            let y: Vec<f64> = x.iter().map(|x| of(*x) + sd * stream.normal()).collect();
            davies(&x, &y, None).is_ok_and(|davies| davies.p < 0.05)
        })
    };
    let straight = rejects(220, |n| 10.0 + 5.0 * n, 3.0);
    lines.push(line(
        "straight, y = 10 + 5 n + 3 z".into(),
        "Davies' p < .05",
        straight,
        Some(at_most_5(SETS)),
        "p is an upper bound: less than .05 is right".into(),
    ));
    let smooth = rejects(221, usl, 100.0);
    lines.push(line(
        "USL, y = f + 100 z".into(),
        "Davies' p < .05",
        smooth,
        None,
        "no threshold there: why it is no threshold test".into(),
    ));
    lines
}
