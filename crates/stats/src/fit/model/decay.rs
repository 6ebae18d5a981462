//! What is left of a throughput past its peak; power and logistic also rise, a broken line does either.

use super::{Gradient, gradient};
use crate::fit::model::Model;
use crate::fit::start::Points;

pub(super) fn exponential(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, tau] = [p[0], p[1]];
    let share = (-x / tau).exp();
    (a * share, gradient([share, a * share * x / tau.powi(2)]))
}

pub(super) fn bi_exponential(p: &[f64], x: f64) -> (f64, Gradient) {
    let (fast, by_fast) = exponential(&p[..2], x);
    let (slow, by_slow) = exponential(&p[2..], x);
    (fast + slow, gradient([by_fast[0], by_fast[1], by_slow[0], by_slow[1]]))
}

/// Kohlrausch's; b = 1 is the exponential.
pub(super) fn stretched(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, tau, b] = [p[0], p[1], p[2]];
    let power = (x / tau).powf(b);
    let share = (-power).exp();
    (a * share, gradient([share, a * share * b * power / tau, -a * share * times_ln(power, x / tau)]))
}

pub(super) fn hyperbolic(p: &[f64], x: f64) -> (f64, Gradient) {
    let (f, by) = lomax(&[p[0], p[1], 1.0], x);
    (f, gradient([by[0], by[1]]))
}

/// Also called the generalised hyperbola.
pub(super) fn lomax(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, n0, p] = [p[0], p[1], p[2]];
    let ln = (x / n0).ln_1p();
    let share = (-p * ln).exp();
    let f = a * share;
    (f, gradient([share, f * p * x / (n0 * (n0 + x)), -f * ln]))
}

/// Log-logistic.
pub(super) fn hill(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, n0, p] = [p[0], p[1], p[2]];
    let power = (x / n0).powf(p);
    let share = 1.0 / (1.0 + power);
    // 1 - share, also where the power is beyond all numbers.
    let w = if power.is_finite() { power * share } else { 1.0 };
    let f = a * share;
    (f, gradient([share, f * p * w / n0, -f * times_ln(w, x / n0)]))
}

pub(super) fn logistic(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, n0, h] = [p[0], p[1], p[2]];
    let z = (x - n0) / h;
    let share = 1.0 / (1.0 + z.exp());
    let w = 1.0 / (1.0 + (-z).exp());
    let f = a * share;
    (f, gradient([share, f * w / h, f * times(w, z) / h]))
}

pub(super) fn power(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, b] = [p[0], p[1]];
    let power = x.powf(b);
    (a * power, gradient([power, a * times_ln(power, x)]))
}

/// Continuous, with another slope beyond psi.
pub(super) fn broken_line(p: &[f64], x: f64) -> (f64, Gradient) {
    let [a, b, d, psi] = [p[0], p[1], p[2], p[3]];
    let beyond = (x - psi).max(0.0);
    let by_psi = if x > psi { -d } else { 0.0 };
    (a + b * x + d * beyond, gradient([1.0, x, beyond, by_psi]))
}

/// w ln x with its limit 0 where w is 0.
fn times_ln(w: f64, x: f64) -> f64 {
    times(w, x.ln())
}

fn times(w: f64, factor: f64) -> f64 {
    if w == 0.0 { 0.0 } else { w * factor }
}

/// Exponents of a decay, from a slow to a nearly vertical one.
const POWERS: [f64; 9] = [0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0];

pub(super) fn exponential_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::ExponentialDecay, points.scales().map(|tau| vec![tau]), 3)
}

pub(super) fn hyperbolic_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::Hyperbolic, points.scales().map(|n0| vec![n0]), 3)
}

pub(super) fn stretched_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::Stretched, scale_and_power(points), 6)
}

pub(super) fn lomax_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::Lomax, scale_and_power(points), 6)
}

pub(super) fn hill_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::Hill, scale_and_power(points), 6)
}

fn scale_and_power(points: &Points) -> impl Iterator<Item = Vec<f64>> {
    points.scales().flat_map(|scale| POWERS.map(|power| vec![scale, power]))
}

/// Two scales, their amplitudes by linear least squares.
pub(super) fn bi_exponential_starts(points: &Points) -> Vec<Vec<f64>> {
    let scales: Vec<f64> = points.scales().collect();
    let mut starts = Vec::new();
    for (at, &fast) in scales.iter().enumerate() {
        for &slow in &scales[at + 1..] {
            let columns: [&dyn Fn(f64) -> f64; 2] = [&|x| (-x / fast).exp(), &|x| (-x / slow).exp()];
            // A part of the other sign is no decay: it starts as next to nothing.
            let least = 1e-3 * points.y_max();
            let amplitudes = points.linear(&columns).map(|a| [a[0], a[1]].map(|a| a.max(least)));
            starts.extend(amplitudes.map(|[a1, a2]| vec![a1, fast, a2, slow]));
        }
    }
    points.best(Model::BiExponential, starts, 6)
}

/// Middle and breadth; falling and rising.
pub(super) fn logistic_starts(points: &Points) -> Vec<Vec<f64>> {
    let (first, breadth) = (points.x[0], points.breadth());
    let middles = (-8..=16).map(move |step| first + breadth * f64::from(step) / 8.0);
    let breadths = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0].map(|share| share * breadth);
    let shapes = middles.flat_map(|n0| breadths.into_iter().flat_map(move |h| [vec![n0, h], vec![n0, -h]]));
    points.best_of(Model::Logistic, shapes, 6)
}

pub(super) fn power_starts(points: &Points) -> Vec<Vec<f64>> {
    points.best_of(Model::Power, (-24..=24).map(|step| vec![f64::from(step) / 4.0]), 3)
}

/// For each gap between neighbouring x, and each x itself: the best line broken there.
pub(super) fn broken_line_starts(points: &Points) -> Vec<Vec<f64>> {
    let n = points.x.len();
    if n < 4 {
        return Vec::new();
    }
    let gaps = points.x[1..n - 1].windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
    let broken_at = |psi: f64| {
        let columns: [&dyn Fn(f64) -> f64; 3] = [&|_| 1.0, &|x| x, &|x| (x - psi).max(0.0)];
        points.linear(&columns).map(|c| vec![c[0], c[1], c[2], psi])
    };
    gaps.chain(points.x[1..n - 1].iter().copied()).filter_map(broken_at).collect()
}
