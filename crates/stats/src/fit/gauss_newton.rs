//! The USL refitted from nearby, for bootstraps: Gauss-Newton on 3x3 normal equations, a few hundred nanoseconds a step.
//!
//! Only for a start near the minimum and data of the same x; where a step leaves the bounds or the steps do not die
//! down the answer is `None`, and the general solver is asked.

use crate::fit::solve::{Problem, Response};
use crate::nonlinear::{Minimum, Task};

/// Points that are summed side by side: the compiler makes vector instructions of it, and the nine sums of two lanes
/// stay in the registers that every x86-64 has.
pub(crate) const LANES: usize = 2;

/// Steps, then the general solver: each gains one to one and a half digits (measured on cisco and raytracer).
const MOST_STEPS: usize = 25;

/// Relative step below which the minimum is reached: what is left is a tenth of it, far below any standard error.
const SMALL_STEP: f64 = 1e-6;

/// Share of a column that the others leave, below which the normal equations have lost their digits.
const DEPENDENT: f64 = 1e-12;

/// The x of a problem, filled up to whole lanes with points of weight 0, and the first step from its minimum.
pub(crate) struct UslRefit {
    x: Vec<[f64; LANES]>,
    response: Response,
    /// Where the problem's own data have their minimum.
    estimate: [f64; 3],
    /// Response of the curve at the estimate.
    fitted: Vec<f64>,
    /// (JᵀWJ)⁻¹ JᵀW at the estimate: how the minimum moves with each mean, to first order.
    moves: Vec<[f64; 3]>,
}

/// Sums of products over all points: JᵀJ (upper triangle) and Jᵀr.
struct Sums {
    gram: [f64; 6],
    along: [f64; 3],
}

impl UslRefit {
    /// `None` where the data do not determine the parameters, or hold one at a bound.
    pub(crate) fn new(problem: &Problem, minimum: &Minimum) -> Option<UslRefit> {
        let estimate = <[f64; 3]>::try_from(minimum.parameters.as_slice()).ok()?;
        if minimum.fixed.contains(&true) {
            return None;
        }
        let inverse = problem.linearize(minimum)?.gram_inverse;
        let mut residuals = vec![0.0; problem.x.len()];
        let mut columns = vec![vec![0.0; problem.x.len()]; 3];
        problem.evaluate(&estimate, &mut residuals, Some(&mut columns));
        let fitted_at = |i: usize| problem.means[i] - residuals[i] / problem.weights[i];
        let moves_at = |i: usize| -> [f64; 3] {
            let along = |j: usize| (0..3).map(|k| inverse[j][k] * columns[k][i]).sum::<f64>();
            std::array::from_fn(|j| along(j) * problem.weights[i])
        };
        let points = 0..problem.x.len();
        Some(UslRefit {
            x: lanes(&problem.x, 1.0),
            response: problem.response,
            estimate,
            fitted: points.clone().map(fitted_at).collect(),
            moves: points.map(moves_at).collect(),
        })
    }

    /// The first step from the estimate towards the minimum of other means.
    pub(crate) fn start(&self, means: &[f64]) -> [f64; 3] {
        let mut at = self.estimate;
        for ((mean, fitted), moves) in means.iter().zip(&self.fitted).zip(&self.moves) {
            let apart = mean - fitted;
            at.iter_mut().zip(moves).for_each(|(value, by)| *value += apart * by);
        }
        at
    }

    /// Means or weights in the layout of the x; what fills up is `filler`.
    pub(crate) fn lanes(&self, values: &[f64], filler: f64, into: &mut Vec<[f64; LANES]>) {
        into.clear();
        into.extend(values.chunks(LANES).map(|chunk| filled(chunk, filler)));
    }

    /// Minimum of the sum of weight · (mean - response of the curve)², from `start`; `None` unless it lies inside.
    pub(crate) fn solve(&self, means: &[[f64; LANES]], weights: &[[f64; LANES]], start: [f64; 3]) -> Option<[f64; 3]> {
        let mut at = start;
        for _ in 0..MOST_STEPS {
            let sums = match self.response {
                Response::Raw => self.sums_raw(means, weights, at),
                Response::Ln => self.sums_ln(means, weights, at),
            };
            let step = solve_3x3(&sums)?;
            let mut largest: f64 = 0.0;
            for (value, step) in at.iter_mut().zip(step) {
                *value += step;
                largest = largest.max((step / *value).abs());
            }
            let [lambda, sigma, kappa] = at;
            if !(lambda > 0.0 && sigma > 0.0 && sigma < 1.0 && kappa > 0.0) {
                return None;
            }
            if largest < SMALL_STEP {
                return Some(at);
            }
        }
        None
    }

    fn sums_raw(&self, means: &[[f64; LANES]], weights: &[[f64; LANES]], at: [f64; 3]) -> Sums {
        let [lambda, sigma, kappa] = at;
        let mut lanes = [[0.0; LANES]; 9];
        for ((x, mean), weight) in self.x.iter().zip(means).zip(weights) {
            for i in 0..LANES {
                let (x, w) = (x[i], weight[i]);
                let before = x - 1.0;
                let over_d = 1.0 / (1.0 + before * (sigma + kappa * x));
                let by_lambda = x * over_d;
                let f = lambda * by_lambda;
                let by_sigma = -f * before * over_d;
                let by_kappa = by_sigma * x;
                add(&mut lanes, i, w, [by_lambda, by_sigma, by_kappa], mean[i] - f);
            }
        }
        Sums::of(&lanes)
    }

    fn sums_ln(&self, means: &[[f64; LANES]], weights: &[[f64; LANES]], at: [f64; 3]) -> Sums {
        let [lambda, sigma, kappa] = at;
        let mut lanes = [[0.0; LANES]; 9];
        for ((x, mean), weight) in self.x.iter().zip(means).zip(weights) {
            for i in 0..LANES {
                let (x, w) = (x[i], weight[i]);
                let before = x - 1.0;
                let over_d = 1.0 / (1.0 + before * (sigma + kappa * x));
                let by_sigma = -before * over_d;
                let residual = mean[i] - (lambda * x * over_d).ln();
                add(&mut lanes, i, w, [1.0 / lambda, by_sigma, by_sigma * x], residual);
            }
        }
        Sums::of(&lanes)
    }
}

fn lanes(values: &[f64], filler: f64) -> Vec<[f64; LANES]> {
    values.chunks(LANES).map(|chunk| filled(chunk, filler)).collect()
}

fn filled(chunk: &[f64], filler: f64) -> [f64; LANES] {
    let mut lane = [filler; LANES];
    lane[..chunk.len()].copy_from_slice(chunk);
    lane
}

#[inline(always)]
fn add(lanes: &mut [[f64; LANES]; 9], i: usize, weight: f64, by: [f64; 3], residual: f64) {
    let [a, b, c] = by;
    let [wa, wb, wc] = [weight * a, weight * b, weight * c];
    lanes[0][i] += wa * a;
    lanes[1][i] += wa * b;
    lanes[2][i] += wa * c;
    lanes[3][i] += wb * b;
    lanes[4][i] += wb * c;
    lanes[5][i] += wc * c;
    lanes[6][i] += wa * residual;
    lanes[7][i] += wb * residual;
    lanes[8][i] += wc * residual;
}

impl Sums {
    fn of(lanes: &[[f64; LANES]; 9]) -> Sums {
        let sum = |at: usize| lanes[at].iter().sum::<f64>();
        Sums { gram: std::array::from_fn(sum), along: std::array::from_fn(|at| sum(6 + at)) }
    }
}

/// Cholesky on columns scaled to unit length; `None` where they are dependent.
fn solve_3x3(sums: &Sums) -> Option<[f64; 3]> {
    let [aa, ab, ac, bb, bc, cc] = sums.gram;
    let scale = [aa.sqrt(), bb.sqrt(), cc.sqrt()];
    if !scale.iter().all(|scale| *scale > 0.0 && scale.is_finite()) {
        return None;
    }
    let l10 = ab / (scale[0] * scale[1]);
    let l20 = ac / (scale[0] * scale[2]);
    let d1 = 1.0 - l10 * l10;
    if d1.is_nan() || d1 <= DEPENDENT {
        return None;
    }
    let l11 = d1.sqrt();
    let l21 = (bc / (scale[1] * scale[2]) - l20 * l10) / l11;
    let d2 = 1.0 - l20 * l20 - l21 * l21;
    if d2.is_nan() || d2 <= DEPENDENT {
        return None;
    }
    let l22 = d2.sqrt();
    let [ga, gb, gc] = [sums.along[0] / scale[0], sums.along[1] / scale[1], sums.along[2] / scale[2]];
    let y0 = ga;
    let y1 = (gb - l10 * y0) / l11;
    let y2 = (gc - l20 * y0 - l21 * y1) / l22;
    let z2 = y2 / l22;
    let z1 = (y1 - l21 * z2) / l11;
    let z0 = y0 - l10 * z1 - l20 * z2;
    Some([z0 / scale[0], z1 / scale[1], z2 / scale[2]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::model::Model;
    use crate::fit::solve::solve;

    /// From 5 % away, on noisy data: the minimum of the general solver.
    #[test]
    fn the_minimum_of_the_general_solver() {
        let x: Vec<f64> = (1..=59).map(f64::from).collect();
        let noise = |i: usize| 1.0 + 0.03 * ((i * 7919 % 101) as f64 / 50.0 - 1.0);
        let curve = |x: f64| 1000.0 * x / (1.0 + 0.03 * (x - 1.0) + 4e-4 * x * (x - 1.0));
        let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| curve(*x) * noise(i)).collect();
        for response in [Response::Raw, Response::Ln] {
            let weights: Vec<f64> = (0..59).map(|i| 1.0 + f64::from(i % 3)).collect();
            let problem = Problem::new(Model::Usl, response, &x, &y, Some(&weights));
            let minimum = solve(&problem).unwrap();
            let expect = minimum.parameters.clone();
            let refit = UslRefit::new(&problem, &minimum).unwrap();
            let (mut means, mut in_lanes) = (Vec::new(), Vec::new());
            refit.lanes(&problem.means, 0.0, &mut means);
            refit.lanes(&weights, 0.0, &mut in_lanes);
            let start = [1.05 * expect[0], 0.95 * expect[1], 1.05 * expect[2]];
            let found = refit.solve(&means, &in_lanes, start).unwrap();
            for (found, expect) in found.iter().zip(expect) {
                assert!((found - expect).abs() < 1e-6 * expect, "{response:?}: {found} instead of {expect}");
            }
        }
        // Means that the curve cannot follow but with kappa below 0 are not for this solver.
        let problem = Problem::new(Model::Usl, Response::Raw, &x, &y, None);
        let refit = UslRefit::new(&problem, &solve(&problem).unwrap()).unwrap();
        let rising: Vec<f64> = x.iter().map(|x| x.powf(1.1)).collect();
        assert_eq!(refit.solve(&lanes(&rising, 0.0), &lanes(&[1.0; 59], 0.0), [1.0, 0.01, 1e-5]), None);
        // At its own means the first step goes nowhere.
        let start = refit.start(&problem.means);
        assert!(start.iter().zip(refit.estimate).all(|(start, estimate)| (start / estimate - 1.0).abs() < 1e-8));
    }
}
