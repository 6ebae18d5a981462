//! The article's knee model, repaired: kappa = S F is a cost, so it belongs into the time of a completed unit.
//!
//! S = alpha x² + beta x is the cost of switches, F = 1 - exp(-g x) the share of faults, g = gamma/c. By Little's law
//! x always-active workers complete X(x) = x / R(x); with R = t0 (1 + S F) a switch is expensive only where it faults
//! (statistics notes, section 2). kappa itself rises without end: it has no optimum.

use super::{Gradient, gradient};
use crate::fit::model::Model;
use crate::fit::start::Points;

/// S and F at x, with their derivatives by x.
struct Costs {
    s: f64,
    s_slope: f64,
    f: f64,
    f_slope: f64,
}

fn costs(alpha: f64, beta: f64, g: f64, x: f64) -> Costs {
    let left = (-g * x).exp();
    Costs { s: (alpha * x + beta) * x, s_slope: 2.0 * alpha * x + beta, f: -(-g * x).exp_m1(), f_slope: g * left }
}

/// lambda x / (1 + S F).
pub(super) fn coupled(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, alpha, beta, g] = [p[0], p[1], p[2], p[3]];
    let Costs { s, f, .. } = costs(alpha, beta, g, x);
    let d = 1.0 + s * f;
    let by_cost = -lambda * x / d.powi(2);
    let by_g = by_cost * s * x * (-g * x).exp();
    (lambda * x / d, gradient([x / d, by_cost * x * x * f, by_cost * x * f, by_g]))
}

/// lambda x / (1 + S + phi F).
pub(super) fn additive(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, alpha, beta, g, phi] = [p[0], p[1], p[2], p[3], p[4]];
    let Costs { s, f, .. } = costs(alpha, beta, g, x);
    let d = 1.0 + s + phi * f;
    let by_cost = -lambda * x / d.powi(2);
    let by_g = by_cost * phi * x * (-g * x).exp();
    (lambda * x / d, gradient([x / d, by_cost * x * x, by_cost * x, by_g, by_cost * f]))
}

/// lambda x (1-F) / (1 + S): each faulting unit is lost.
pub(super) fn useful(p: &[f64], x: f64) -> (f64, Gradient) {
    let [lambda, alpha, beta, g] = [p[0], p[1], p[2], p[3]];
    let d = 1.0 + costs(alpha, beta, g, x).s;
    let share = x * (-g * x).exp() / d;
    let by_cost = -lambda * share / d;
    (lambda * share, gradient([share, by_cost * x * x, by_cost * x, -lambda * share * x]))
}

/// The three in (peak rate, sqrt(alpha), …): where alpha is 0 the peak rate has no derivative by it, by its root it has.
pub(super) fn coupled_rate(p: &[f64], x: f64) -> (f64, Gradient) {
    by_rate(coupled, p, x)
}

pub(super) fn additive_rate(p: &[f64], x: f64) -> (f64, Gradient) {
    by_rate(additive, p, x)
}

pub(super) fn useful_rate(p: &[f64], x: f64) -> (f64, Gradient) {
    by_rate(useful, p, x)
}

/// A curve divided by its own highest value, times the peak rate. Where it is highest its slope by x is 0, so that moving
/// that place changes nothing, and the gradient needs none of it.
fn by_rate(curve: fn(&[f64], f64) -> (f64, Gradient), p: &[f64], x: f64) -> (f64, Gradient) {
    let mut shape = p.to_vec();
    (shape[0], shape[1]) = (1.0, p[1].powi(2));
    let top = highest(|x| curve(&shape, x).0);
    let ((h, by), (h_top, by_top)) = (curve(&shape, x), curve(&shape, top));
    let f = p[0] * h / h_top;
    let mut gradient: Gradient =
        std::array::from_fn(|j| f * (by[j] / h.max(f64::MIN_POSITIVE) - by_top[j] / h_top.max(f64::MIN_POSITIVE)));
    gradient[0] = h / h_top;
    gradient[1] *= 2.0 * p[1];
    (f, gradient)
}

/// x of the highest value: the best of a grid over ln x, then golden sections; the last of the grid where it still rises.
fn highest(value: impl Fn(f64) -> f64) -> f64 {
    let at = |ln: f64| value(ln.exp());
    let place = |step: usize| -7.0 + 0.5 * step as f64;
    let last = 46;
    let top = (0..=last).map(|step| (step, at(place(step)))).fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a }).0;
    if top == last {
        return place(last).exp();
    }
    let (mut low, mut high) = (place(top) - 0.5, place(top) + 0.5);
    let golden = (5_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..32 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if at(left) > at(right) { high = right } else { low = left }
    }
    (0.5 * (low + high)).exp()
}

/// S F, the article's joint penalty itself.
pub(super) fn kappa(p: &[f64], x: f64) -> (f64, Gradient) {
    let [alpha, beta, g] = [p[0], p[1], p[2]];
    let Costs { s, f, .. } = costs(alpha, beta, g, x);
    (s * f, gradient([x * x * f, x * f, s * x * (-g * x).exp()]))
}

/// With g held, x/y = (1 + S F) / lambda is linear in 1/lambda, beta/lambda and alpha/lambda.
pub(super) fn coupled_starts(points: &Points) -> Vec<Vec<f64>> {
    let start = |g: f64| {
        let f = move |x: f64| -(-g * x).exp_m1();
        let columns: [&dyn Fn(f64) -> f64; 3] = [&|_| 1.0, &|x| x * f(x), &|x| x * x * f(x)];
        let c = points.reciprocal(columns)?;
        Some(vec![1.0 / c[0], c[2] / c[0], c[1] / c[0], g])
    };
    points.best(Model::Knee, points.rates().filter_map(start).map(inside), 4)
}

pub(super) fn additive_starts(points: &Points) -> Vec<Vec<f64>> {
    let start = |g: f64| {
        let columns: [&dyn Fn(f64) -> f64; 4] = [&|_| 1.0, &|x| x, &|x| x * x, &|x| -(-g * x).exp_m1()];
        let c = points.reciprocal(columns)?;
        Some(vec![1.0 / c[0], c[2] / c[0], c[1] / c[0], g, c[3] / c[0]])
    };
    points.best(Model::KneeAdditive, points.rates().filter_map(start).map(inside), 4)
}

pub(super) fn useful_starts(points: &Points) -> Vec<Vec<f64>> {
    let start = |g: f64| {
        let left = move |x: f64| (-g * x).exp();
        let columns: [&dyn Fn(f64) -> f64; 3] = [&|x| left(x), &|x| x * left(x), &|x| x * x * left(x)];
        let c = points.reciprocal(columns)?;
        Some(vec![1.0 / c[0], c[2] / c[0], c[1] / c[0], g])
    };
    points.best(Model::KneeUseful, points.rates().filter_map(start).map(inside), 4)
}

/// With g held, kappa is linear in alpha and beta.
pub(super) fn kappa_starts(points: &Points) -> Vec<Vec<f64>> {
    let start = |g: f64| {
        let f = move |x: f64| -(-g * x).exp_m1();
        let columns: [&dyn Fn(f64) -> f64; 2] = [&|x| x * x * f(x), &|x| x * f(x)];
        let c = points.linear(&columns)?;
        Some(vec![c[0], c[1], g])
    };
    let least = 1e-6 * points.y_max() / points.x_max().powi(2);
    let inside = |start: Vec<f64>| vec![start[0].max(least), start[1].max(least), start[2]];
    points.best(Model::KneeKappa, points.rates().filter_map(start).map(inside), 4)
}

/// Costs below 0 start as next to nothing.
fn inside(start: Vec<f64>) -> Vec<f64> {
    start.into_iter().map(|value| if value.is_finite() { value.max(1e-9) } else { 1e-9 }).collect()
}

/// The article's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KneeConstants {
    /// Of the square in S.
    pub alpha: f64,
    /// Of the linear part of S.
    pub beta: f64,
    /// Fault rate in the exponent.
    pub gamma: f64,
    /// Cores.
    pub c: f64,
}

/// Ways of putting S and F into a throughput; all in units of 1/t0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KneeForm {
    /// x / (1 + S F): the repair.
    Coupled,
    /// x / (1 + S + phi F).
    Additive {
        /// Service time of a fault over t0.
        phi: f64,
    },
    /// x (1-F) / (1 + S).
    Useful,
    /// x / (1 + S).
    NoFaults,
    /// x / (1 + beta (x-1) + alpha x (x-1)).
    Usl,
    /// x / (1 + (beta (x-1) + alpha x (x-1)) F).
    UslWithFaults,
    /// c (1 - exp(-x/c)) / (1 + S F).
    Capacity,
    /// x - S F.
    NetBenefit,
    /// S F itself, a cost.
    Kappa,
}

impl KneeForm {
    /// Throughput at x, and its derivative.
    pub fn value_and_slope(&self, constants: &KneeConstants, x: f64) -> (f64, f64) {
        let KneeConstants { alpha, beta, gamma, c } = *constants;
        let Costs { s, s_slope, f, f_slope } = costs(alpha, beta, gamma / c, x);
        let (kappa, kappa_slope) = (s * f, s_slope * f + s * f_slope);
        let (usl, usl_slope) = ((x - 1.0) * (beta + alpha * x), beta + alpha * (2.0 * x - 1.0));
        // (above, its slope, below, its slope)
        let (n, dn, d, dd) = match self {
            KneeForm::Coupled => (x, 1.0, 1.0 + kappa, kappa_slope),
            KneeForm::Additive { phi } => (x, 1.0, 1.0 + s + phi * f, s_slope + phi * f_slope),
            KneeForm::Useful => (x * (1.0 - f), 1.0 - f - x * f_slope, 1.0 + s, s_slope),
            KneeForm::NoFaults => (x, 1.0, 1.0 + s, s_slope),
            KneeForm::Usl => (x, 1.0, 1.0 + usl, usl_slope),
            KneeForm::UslWithFaults => (x, 1.0, 1.0 + usl * f, usl_slope * f + usl * f_slope),
            KneeForm::Capacity => (-c * (-x / c).exp_m1(), (-x / c).exp(), 1.0 + kappa, kappa_slope),
            KneeForm::NetBenefit => (x - kappa, 1.0 - kappa_slope, 1.0, 0.0),
            KneeForm::Kappa => (kappa, kappa_slope, 1.0, 0.0),
        };
        (n / d, (dn * d - n * dd) / d.powi(2))
    }

    /// x of the highest throughput; `None` where it only rises (kappa itself, or nothing that costs).
    pub fn peak(&self, constants: &KneeConstants) -> Option<f64> {
        let slope = |x: f64| self.value_and_slope(constants, x).1;
        let value = |x: f64| self.value_and_slope(constants, x).0;
        // Steps of 1 %, from far below one worker to far beyond every machine.
        let steps = (0..3000).map(|step| 1e-3 * 1.01_f64.powi(step));
        let pairs = steps.clone().zip(steps.skip(1));
        let tops = pairs.filter(|(low, high)| slope(*low) > 0.0 && slope(*high) <= 0.0).map(|(mut low, mut high)| {
            while high - low > 1e-15 * high {
                let middle = 0.5 * (low + high);
                if middle <= low || middle >= high {
                    break;
                }
                if slope(middle) > 0.0 { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        });
        tops.max_by(|a, b| value(*a).total_cmp(&value(*b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statistics notes, section 2: n* and X(n*) by mpmath.
    #[test]
    fn peaks_of_every_form() {
        let constants = KneeConstants { alpha: 0.02, beta: 0.3, gamma: 0.8, c: 8.0 };
        for (form, peak, highest) in [
            (KneeForm::Coupled, 5.580504156467723, 2.8150686198412),
            (KneeForm::Additive { phi: 1.0 }, 7.680390470134656, 1.5299694795781),
            (KneeForm::Additive { phi: 10.0 }, 17.73920044031998, 0.848007681807141),
            (KneeForm::Useful, 3.406653218024887, 1.0749922984591),
            (KneeForm::NoFaults, 7.071067811865475, 1.7157287525381),
            (KneeForm::Usl, 5.916079783099616, 1.9355718158935),
            (KneeForm::UslWithFaults, 5.589355149387837, 3.089414903131),
            (KneeForm::Capacity, 4.345993937447234, 2.1053077400198),
            (KneeForm::NetBenefit, 17.0055570340655, 8.1075974923748),
        ] {
            let found = form.peak(&constants).unwrap();
            assert!((found - peak).abs() < 1e-12 * peak, "{form:?}: {found} instead of {peak}");
            let top = form.value_and_slope(&constants, found).0;
            assert!((top - highest).abs() < 1e-12 * highest, "{form:?}: {top} instead of {highest}");
        }
        assert_eq!(KneeForm::Kappa.peak(&constants), None);
        let kappa = KneeForm::Kappa.value_and_slope(&constants, 12.7).0;
        assert!((kappa - 5.059924875491676).abs() < 1e-14 * kappa, "{kappa}");
        // With F = 1 throughout the repair is the curve without faults.
        let at_once = KneeConstants { gamma: 1e6, ..constants };
        assert!((KneeForm::Coupled.peak(&at_once).unwrap() - 50f64.sqrt()).abs() < 1e-9);
    }
}
