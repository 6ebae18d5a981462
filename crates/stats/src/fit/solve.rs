//! One curve and its data as a least-squares task, solved on every face of its box.

use crate::fit::model::{Model, Range};
use crate::fit::quality::group_by_x;
use crate::fit::start::Points;
use crate::linear::LeastSquares;
use crate::nonlinear::{self, Minimum, Task, linearize};

/// What the residuals are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Response {
    /// ln y - ln f: a constant relative error, the default for rates.
    #[default]
    Ln,
    /// y - f: a constant absolute error (ordinary least squares).
    Raw,
}

impl Response {
    pub(crate) fn of(&self, y: f64) -> f64 {
        if *self == Response::Ln { y.ln() } else { y }
    }

    pub(crate) fn inverse(&self, response: f64) -> f64 {
        if *self == Response::Ln { response.exp() } else { response }
    }
}

/// Curve, response, and the data as one weighted mean for each distinct x.
///
/// The sum of squares over all replicates is that of the means, each with the sum of its weights, plus the pure error,
/// which no parameter changes: so the solver sees m points in place of n, and finds the same minimum.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) model: Model,
    pub(crate) response: Response,
    /// Distinct x, ascending.
    pub(crate) x: Vec<f64>,
    /// Mean response at each x.
    pub(crate) means: Vec<f64>,
    /// Square root of the sum of weights at each x; each replicate weighs 1 unless told otherwise.
    pub(crate) weights: Vec<f64>,
    /// Sum of squares within the groups of equal x.
    pub(crate) pure_error: f64,
    /// Sum of ln of the weights, for the likelihood.
    pub(crate) ln_weights: f64,
    /// All observations.
    pub(crate) n: usize,
}

impl Problem {
    /// Groups checked observations by x; at least one, equally many x and y, and weights above 0 where there are any.
    pub(crate) fn new(model: Model, response: Response, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Problem {
        let mut problem = Problem {
            model,
            response,
            x: Vec::new(),
            means: Vec::new(),
            weights: Vec::new(),
            pure_error: 0.0,
            ln_weights: weights.map_or(0.0, |weights| weights.iter().map(|weight| weight.ln()).sum()),
            n: x.len(),
        };
        let weight = |index: &usize| weights.map_or(1.0, |weights| weights[*index]);
        for group in group_by_x(x) {
            let value = |index: &usize| response.of(y[*index]);
            let total: f64 = group.iter().map(weight).sum();
            let mean = group.iter().map(|index| weight(index) * value(index)).sum::<f64>() / total;
            problem.x.push(x[group[0]]);
            problem.means.push(mean);
            problem.weights.push(total.sqrt());
            problem.pure_error += group.iter().map(|index| weight(index) * (value(index) - mean).powi(2)).sum::<f64>();
        }
        problem
    }

    pub(crate) fn x_max(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    /// -1 where an amplitude must be negative to reach the data, else 1.
    fn sign(&self) -> f64 {
        if self.response == Response::Raw && self.means.iter().sum::<f64>() < 0.0 { -1.0 } else { 1.0 }
    }

    pub(crate) fn bounds(&self) -> Vec<(f64, f64)> {
        self.model.spec().ranges.iter().map(|range| range.bounds(&self.x, self.sign())).collect()
    }

    /// Sum of squares of the response itself, the scale on which rounding is judged.
    pub(crate) fn rss_of_nothing(&self) -> f64 {
        self.means.iter().zip(&self.weights).map(|(mean, weight)| (mean * weight).powi(2)).sum()
    }

    /// Weighted residuals of the means, ascending in x.
    pub(crate) fn residuals(&self, parameters: &[f64]) -> Vec<f64> {
        let mut residuals = vec![0.0; self.x.len()];
        self.evaluate(parameters, &mut residuals, None);
        residuals
    }

    /// The same problem without the observations at one distinct x.
    pub(crate) fn without(&self, at: usize) -> Problem {
        let mut rest = self.clone();
        rest.x.remove(at);
        rest.means.remove(at);
        rest.weights.remove(at);
        rest
    }

    /// Gauss-Newton step and inverse Gram matrix for the free parameters.
    pub(crate) fn linearize(&self, minimum: &Minimum) -> Option<LeastSquares> {
        linearize(self, minimum)
    }

    /// The model's starting values, amplitudes with the sign of the data.
    fn starts(&self) -> Vec<Vec<f64>> {
        let spec = self.model.spec();
        let sign = if spec.ranges[0] == Range::Amplitude { self.sign() } else { 1.0 };
        let rates: Vec<f64> = self.means.iter().map(|mean| sign * self.response.inverse(*mean)).collect();
        let mut starts = (spec.starts)(&Points::new(&self.x, &rates, &self.weights, self.response));
        for start in &mut starts {
            let amplitudes = start.iter_mut().zip(spec.ranges).filter(|(_, range)| **range == Range::Amplitude);
            amplitudes.for_each(|(value, _)| *value *= sign);
        }
        starts
    }
}

impl Task for Problem {
    fn n_points(&self) -> usize {
        self.x.len()
    }

    fn evaluate(&self, parameters: &[f64], residuals: &mut [f64], mut columns: Option<&mut [Vec<f64>]>) {
        for (i, residual) in residuals.iter_mut().enumerate() {
            let (f, gradient) = self.model.value_and_gradient(parameters, self.x[i]);
            *residual = self.weights[i] * (self.means[i] - self.response.of(f));
            let scale = match self.response {
                Response::Ln => self.weights[i] / f,
                Response::Raw => self.weights[i],
            };
            for (column, entry) in columns.iter_mut().flat_map(|columns| columns.iter_mut()).zip(gradient) {
                column[i] = scale * entry;
            }
        }
    }
}

/// The least minimum within the bounds, over all starts and all faces where a parameter sits on a bound that means
/// something.
///
/// A face that fits as well as the inside wins: fewer free parameters, so the right degrees of freedom.
pub(crate) fn solve(problem: &Problem) -> Option<Minimum> {
    let free = vec![false; problem.model.parameter_names().len()];
    let starts = problem.starts();
    let mut minima: Vec<Minimum> = Vec::new();
    for start in &starts {
        minima.extend(solve_from(problem, start, &free));
    }
    for face in faces(problem.model) {
        for start in &starts {
            let mut start = start.clone();
            let mut fixed = free.clone();
            face.iter().for_each(|(j, value)| (start[*j], fixed[*j]) = (*value, true));
            minima.extend(solve_from(problem, &start, &fixed));
        }
    }
    let pegged: Vec<Minimum> = minima.iter().filter_map(|minimum| solve_pegged(problem, minimum)).collect();
    minima.extend(pegged);
    let least = minima.iter().map(|minimum| minimum.rss).min_by(f64::total_cmp)?;
    // Equal but for rounding; the second part is for exact fits, whose sums of squares are rounding alone.
    let tie = least * (1.0 + 1e-10) + 1e-26 * problem.rss_of_nothing();
    minima
        .into_iter()
        .filter(|minimum| minimum.rss <= tie)
        .min_by(|a, b| (a.n_free(), a.rss).partial_cmp(&(b.n_free(), b.rss)).unwrap_or(std::cmp::Ordering::Equal))
        .map(|minimum| in_order(problem.model, minimum))
}

/// The faster of two exponentials first.
fn in_order(model: Model, mut minimum: Minimum) -> Minimum {
    if model == Model::BiExponential && minimum.parameters[1] > minimum.parameters[3] {
        minimum.parameters.rotate_left(2);
        minimum.fixed.rotate_left(2);
    }
    minimum
}

/// Every set of (parameter, value) that puts a model on edges with a meaning; the empty one left out.
fn faces(model: Model) -> Vec<Vec<(usize, f64)>> {
    let mut faces = vec![Vec::new()];
    for (j, range) in model.spec().ranges.iter().enumerate() {
        let on_edge = |edge: &f64| {
            let with = |face: &Vec<(usize, f64)>| face.iter().copied().chain([(j, *edge)]).collect();
            faces.iter().map(with).collect::<Vec<_>>()
        };
        let more: Vec<Vec<(usize, f64)>> = range.edges().iter().flat_map(on_edge).collect();
        faces.extend(more);
    }
    faces.split_off(1)
}

/// Solves once more with the parameters that ended on a bound fixed there; `None` where none did.
fn solve_pegged(problem: &Problem, minimum: &Minimum) -> Option<Minimum> {
    let on_bound = |(value, (low, high)): (&f64, &(f64, f64))| value <= low || value >= high;
    let ranges = problem.model.spec().ranges;
    // A break at an x of the data is no bound: the line may break there.
    let bounds = problem.bounds();
    let places = minimum.parameters.iter().zip(&bounds).zip(ranges);
    let pegged: Vec<bool> = places.map(|(at, range)| *range != Range::Break && on_bound(at)).collect();
    if pegged == minimum.fixed { None } else { solve_from(problem, &minimum.parameters, &pegged) }
}

/// The minimum reached from `start` with some parameters held; `None` where the solver fails.
pub(crate) fn solve_from(problem: &Problem, start: &[f64], fixed: &[bool]) -> Option<Minimum> {
    nonlinear::solve(problem, start, &problem.bounds(), fixed)
}
