//! Throughput over processors.

use super::{Gradient, gradient};
use crate::fit::model::Model;
use crate::fit::start::Points;

/// Universal scalability law; Gunther, Guerrilla Capacity Planning, 2007.
pub(super) fn usl(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, sigma, kappa] = [p[0], p[1], p[2]];
    let d = 1.0 + (x - 1.0) * (sigma + kappa * x);
    let by_lambda = x / d;
    let by_sigma = -lambda * x * (x - 1.0) / d.powi(2);
    (lambda * by_lambda, gradient([by_lambda, by_sigma, by_sigma * x]))
}

/// Amdahl's law as a rate: the USL without kappa; Michaelis-Menten with Vmax = lambda/sigma, Km = (1-sigma)/sigma.
pub(super) fn amdahl(p: &[f64], x: f64) -> (f64, Gradient) {
    let (f, by) = usl(&[p[0], p[1], 0.0], x);
    (f, gradient([by[0], by[1]]))
}

/// The USL in (lambda, sigma, n*) with kappa = (1-sigma)/n*².
pub(super) fn usl_peak(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, sigma, peak] = [p[0], p[1], p[2]];
    let (f, by) = usl(&[lambda, sigma, (1.0 - sigma) / peak.powi(2)], x);
    let by_peak = -2.0 * (1.0 - sigma) / peak.powi(3) * by[2];
    (f, gradient([by[0], by[1] - by[2] / peak.powi(2), by_peak]))
}

/// The USL in (peak rate, sigma, sqrt(kappa)): at kappa = 0 the peak rate has no derivative by kappa, by its root it has.
pub(super) fn usl_rate(p: &[f64], x: f64) -> (f64, Gradient) {
    let [rate, sigma, root] = [p[0], p[1], p[2]];
    let rest = (1.0 - sigma).max(f64::MIN_POSITIVE).sqrt();
    let share = sigma - root.powi(2) + 2.0 * root * rest;
    let (f, by) = usl(&[rate * share, sigma, root.powi(2)], x);
    let by_sigma = by[0] * rate * (1.0 - root / rest) + by[1];
    let by_root = by[0] * rate * 2.0 * (rest - root) + by[2] * 2.0 * root;
    (f, gradient([by[0] * share, by_sigma, by_root]))
}

/// The same at kappa = 0, where the peak rate is the limit.
pub(super) fn amdahl_rate(p: &[f64], x: f64) -> (f64, Gradient) {
    let (f, by) = usl_rate(&[p[0], p[1], 0.0], x);
    (f, gradient([by[0], by[1]]))
}

/// Gustafson's scaled speedup as a rate: a straight line.
pub(super) fn gustafson(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, sigma] = [p[0], p[1]];
    let speedup = sigma + (1.0 - sigma) * x;
    (lambda * speedup, gradient([speedup, lambda * (1.0 - x)]))
}

/// Approaches m; tau is where 63 % of it are reached.
pub(super) fn saturation(p: &[f64], x: f64) -> (f64, Gradient) {
    let [m, tau] = [p[0], p[1]];
    // 1 - e^-u without loss of digits at small u.
    let share = -(-x / tau).exp_m1();
    (m * share, gradient([share, -m * x * (-x / tau).exp() / tau.powi(2)]))
}

/// A parabola through the origin; its peak is at -a/2b.
pub(super) fn quadratic(p: &[f64], x: f64) -> (f64, Gradient) {
    (p[0] * x + p[1] * x * x, gradient([x, x * x]))
}

/// The same with its peak as a parameter: b = -a / (2 n*).
pub(super) fn quadratic_peak(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, peak] = [p[0], p[1]];
    let shape = x - x * x / (2.0 * peak);
    (a * shape, gradient([shape, a * x * x / (2.0 * peak * peak)]))
}

pub(super) fn usl_starts(points: &Points) -> Vec<Vec<f64>> {
    let mut starts = vec![vec![points.steepest(), 0.05, 1.0 / points.x_max().powi(2)]];
    starts.extend(rational(points, 3));
    starts
}

pub(super) fn amdahl_starts(points: &Points) -> Vec<Vec<f64>> {
    let mut starts = vec![vec![points.steepest(), 0.05]];
    starts.extend(rational(points, 2));
    starts
}

/// x / y = a + b x + c x² is linear: weights (y²/x)² make it the first step towards least squares in y
/// (statistics notes, section 3.2). Then lambda = 1/(a+b+c), sigma = (b+c) lambda, kappa = c lambda.
fn rational(points: &Points, terms: i32) -> Option<Vec<f64>> {
    let c = points.reciprocal((0..terms).map(|power| move |x: f64| x.powi(power)))?;
    let lambda = 1.0 / c.iter().sum::<f64>();
    if !(lambda > 0.0 && lambda.is_finite()) {
        return None;
    }
    let mut start = vec![lambda, (c[1..].iter().sum::<f64>() * lambda).clamp(1e-4, 0.999)];
    start.extend(c.get(2).map(|c| (c * lambda).max(1e-9)));
    Some(start)
}

pub(super) fn gustafson_starts(points: &Points) -> Vec<Vec<f64>> {
    let line = points.linear::<fn(f64) -> f64>(&[|_| 1.0, |x| x]);
    let start = |line: Vec<f64>| vec![line[0] + line[1], (line[0] / (line[0] + line[1])).clamp(1e-4, 0.999)];
    line.map(start).into_iter().chain([vec![points.steepest(), 0.05]]).collect()
}

pub(super) fn saturation_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::ExponentialSaturation, points.scales().map(|tau| vec![tau]), 3)
}

pub(super) fn quadratic_starts(points: &Points) -> Vec<Vec<f64>> {
    points.linear_or(&[|x| x, |x| x * x], &[1.0, 0.0])
}

/// A curve that is only ever solved from the end of another's.
pub(super) fn no_starts(_: &Points) -> Vec<Vec<f64>> {
    Vec::new()
}
