//! Time or cost over tasks.

use super::{Gradient, gradient};
use crate::fit::model::Model;
use crate::fit::start::Points;

pub(super) fn proportional(p: &[f64], x: f64) -> (f64, Gradient) {
    (p[0] * x, gradient([x]))
}

pub(super) fn linear(p: &[f64], x: f64) -> (f64, Gradient) {
    (p[0] + p[1] * x, gradient([1.0, x]))
}

pub(super) fn n_log_n(p: &[f64], x: f64) -> (f64, Gradient) {
    (p[0] + p[1] * x * x.ln(), gradient([1.0, x * x.ln()]))
}

pub(super) fn quadratic(p: &[f64], x: f64) -> (f64, Gradient) {
    (p[0] + p[1] * x + p[2] * x * x, gradient([1.0, x, x * x]))
}

pub(super) fn exponential(p: &[f64], x: f64) -> (f64, Gradient) {
    let power = (p[1] * x).exp();
    (p[0] * power, gradient([power, p[0] * power * x]))
}

pub(super) fn proportional_starts(points: &Points) -> Vec<Vec<f64>> {
    points.linear_or(&[|x| x], &[1.0])
}

pub(super) fn linear_starts(points: &Points) -> Vec<Vec<f64>> {
    points.linear_or(&[|_| 1.0, |x| x], &[0.0, 1.0])
}

pub(super) fn n_log_n_starts(points: &Points) -> Vec<Vec<f64>> {
    points.linear_or(&[|_| 1.0, |x| x * x.ln()], &[0.0, 1.0])
}

pub(super) fn quadratic_starts(points: &Points) -> Vec<Vec<f64>> {
    points.linear_or(&[|_| 1.0, |x| x, |x| x * x], &[0.0, 1.0, 0.0])
}

pub(super) fn exponential_starts(points: &Points) -> Vec<Vec<f64>> {
    let far = points.x_max().max(f64::MIN_POSITIVE);
    let rates = points.scales().flat_map(move |scale| [scale, -scale]);
    points.best_of(Model::ExponentialGrowth, rates.map(move |scale| vec![1.0 / scale.clamp(-1e3 * far, 1e3 * far)]), 3)
}
