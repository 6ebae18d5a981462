//! Least squares within bounds: rmpfit, then Gauss-Newton to the last digits, on every face of the box.

use rmpfit::{MPConfig, MPFitter, MPMaxFev, MPPar, MPResult, MPSide};

use crate::fit::linear::{LeastSquares, least_squares};
use crate::fit::model::Model;
use crate::fit::quality::group_by_x;
use crate::fit::start::starts;
use crate::summary::mean_of;

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
/// The sum of squares over all replicates is that of the means, each weighted by its count, plus the pure error,
/// which no parameter changes: so the solver sees m points in place of n, and finds the same minimum.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) model: Model,
    pub(crate) response: Response,
    /// Distinct x, ascending.
    pub(crate) x: Vec<f64>,
    /// Mean response at each x.
    pub(crate) means: Vec<f64>,
    /// Square root of the number of replicates at each x.
    weights: Vec<f64>,
    /// Sum of squares within the groups of equal x.
    pub(crate) pure_error: f64,
    /// All observations.
    pub(crate) n: usize,
}

/// A minimum of the weighted sum of squares of the means; pure error not included.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Minimum {
    pub(crate) parameters: Vec<f64>,
    /// Which parameters sit on a bound or were fixed.
    pub(crate) fixed: Vec<bool>,
    pub(crate) rss: f64,
}

impl Minimum {
    pub(crate) fn n_free(&self) -> usize {
        self.fixed.iter().filter(|fixed| !**fixed).count()
    }
}

impl Problem {
    /// Groups checked observations by x; at least one, x and y above 0, equally many.
    pub(crate) fn new(model: Model, response: Response, x: &[f64], y: &[f64]) -> Problem {
        let mut problem = Problem {
            model,
            response,
            x: Vec::new(),
            means: Vec::new(),
            weights: Vec::new(),
            pure_error: 0.0,
            n: x.len(),
        };
        for group in group_by_x(x) {
            let values: Vec<f64> = group.iter().map(|index| response.of(y[*index])).collect();
            let mean = mean_of(&values);
            problem.x.push(x[group[0]]);
            problem.means.push(mean);
            problem.weights.push((values.len() as f64).sqrt());
            problem.pure_error += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        }
        problem
    }

    pub(crate) fn x_max(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    pub(crate) fn bounds(&self) -> Vec<(f64, f64)> {
        self.model.bounds(self.x[0], self.x_max())
    }

    /// Observed mean minus fitted, weighted, on the scale of the response.
    fn residuals(&self, parameters: &[f64], residuals: &mut [f64]) {
        for (i, residual) in residuals.iter_mut().enumerate() {
            let f = self.model.value(parameters, self.x[i]);
            *residual = self.weights[i] * (self.means[i] - self.response.of(f));
        }
    }

    pub(crate) fn rss(&self, parameters: &[f64]) -> f64 {
        let mut residuals = vec![0.0; self.x.len()];
        self.residuals(parameters, &mut residuals);
        residuals.iter().map(|residual| residual * residual).sum()
    }

    /// Sum of squares of the response itself, the scale on which rounding is judged.
    fn rss_of_nothing(&self) -> f64 {
        self.means.iter().zip(&self.weights).map(|(mean, weight)| (mean * weight).powi(2)).sum()
    }

    /// Column j of the weighted gradient of the fitted response.
    fn gradient_column(&self, parameters: &[f64], j: usize) -> Vec<f64> {
        let entry = |(x, weight): (&f64, &f64)| {
            let (f, gradient) = self.model.value_and_gradient(parameters, *x);
            match self.response {
                Response::Ln => weight * gradient[j] / f,
                Response::Raw => weight * gradient[j],
            }
        };
        self.x.iter().zip(&self.weights).map(entry).collect()
    }

    /// Gauss-Newton step and inverse Gram matrix for the free parameters.
    pub(crate) fn linearize(&self, minimum: &Minimum) -> Option<LeastSquares> {
        let columns: Vec<Vec<f64>> = (0..minimum.parameters.len())
            .filter(|j| !minimum.fixed[*j])
            .map(|j| self.gradient_column(&minimum.parameters, j))
            .collect();
        let mut residuals = vec![0.0; self.x.len()];
        self.residuals(&minimum.parameters, &mut residuals);
        least_squares(&columns, &residuals)
    }
}

/// The least minimum within the bounds, over all starts and all faces where sigma or kappa sit on a bound.
///
/// A face that fits as well as the inside wins: fewer free parameters, so the right degrees of freedom.
pub(crate) fn solve(problem: &Problem) -> Option<Minimum> {
    let bounds = problem.bounds();
    let free = vec![false; bounds.len()];
    let rates: Vec<f64> = problem.means.iter().map(|mean| problem.response.inverse(*mean)).collect();
    let starts = starts(problem.model, &problem.x, &rates);
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
}

/// Sets of (parameter, value) that put a model on a bound with a meaning.
fn faces(model: Model) -> Vec<Vec<(usize, f64)>> {
    match model {
        Model::Usl => vec![vec![(2, 0.0)], vec![(1, 0.0)], vec![(1, 0.0), (2, 0.0)], vec![(1, 1.0)]],
        Model::Amdahl => vec![vec![(1, 0.0)], vec![(1, 1.0)]],
        _ => Vec::new(),
    }
}

/// Solves once more with the parameters that ended on a bound fixed there; `None` where none did.
fn solve_pegged(problem: &Problem, minimum: &Minimum) -> Option<Minimum> {
    let on_bound = |(value, (low, high)): (&f64, &(f64, f64))| value <= low || value >= high;
    let pegged: Vec<bool> = minimum.parameters.iter().zip(&problem.bounds()).map(on_bound).collect();
    if pegged == minimum.fixed { None } else { solve_from(problem, &minimum.parameters, &pegged) }
}

/// The minimum reached from `start` with some parameters held; `None` where the solver fails.
pub(crate) fn solve_from(problem: &Problem, start: &[f64], fixed: &[bool]) -> Option<Minimum> {
    let bounds = problem.bounds();
    let mut parameters: Vec<f64> =
        start.iter().zip(&bounds).map(|(value, (low, high))| value.clamp(*low, *high)).collect();
    if fixed.iter().any(|fixed| !fixed) {
        let mut fitter = Fitter::new(problem, &bounds, fixed);
        fitter.mpfit(&mut parameters).ok()?;
    }
    let rss = problem.rss(&parameters);
    let minimum = Minimum { parameters, fixed: fixed.to_vec(), rss };
    rss.is_finite().then(|| polish(problem, &bounds, minimum))
}

/// Gauss-Newton steps while they lower the sum of squares and stay inside: rmpfit stops some digits early.
fn polish(problem: &Problem, bounds: &[(f64, f64)], mut minimum: Minimum) -> Minimum {
    for _ in 0..60 {
        let Some(solved) = problem.linearize(&minimum) else { break };
        let mut steps = solved.coefficients.iter();
        let mut next = minimum.clone();
        let mut largest: f64 = 0.0;
        for (value, _) in next.parameters.iter_mut().zip(&minimum.fixed).filter(|(_, fixed)| !**fixed) {
            let step = steps.next().copied().unwrap_or(0.0);
            *value += step;
            largest = largest.max((step / *value).abs());
        }
        let inside = next.parameters.iter().zip(bounds).all(|(value, (low, high))| (low..=high).contains(&value));
        next.rss = problem.rss(&next.parameters);
        // At the end the sum of squares is flat to rounding: a step may raise it by that much.
        if !inside || next.rss.is_nan() || next.rss > minimum.rss * (1.0 + 1e-12) {
            break;
        }
        minimum = next;
        if largest < 1e-14 {
            break;
        }
    }
    minimum
}

struct Fitter<'a> {
    problem: &'a Problem,
    parameters: Vec<MPPar>,
    config: MPConfig,
}

impl<'a> Fitter<'a> {
    fn new(problem: &'a Problem, bounds: &[(f64, f64)], fixed: &[bool]) -> Fitter<'a> {
        let parameter = |((low, high), fixed): (&(f64, f64), &bool)| MPPar {
            fixed: *fixed,
            limited_low: true,
            limit_low: *low,
            limited_up: *high < f64::MAX,
            limit_up: *high,
            side: MPSide::User,
            ..MPPar::new()
        };
        let config = MPConfig {
            ftol: 1e-15,
            xtol: 1e-15,
            gtol: 1e-15,
            max_iter: 500,
            max_fev: MPMaxFev::Limited(2_000),
            ..MPConfig::new()
        };
        Fitter { problem, parameters: bounds.iter().zip(fixed).map(parameter).collect(), config }
    }
}

impl MPFitter for Fitter<'_> {
    fn eval(&mut self, params: &[f64], deviates: &mut [f64]) -> MPResult<()> {
        self.problem.residuals(params, deviates);
        Ok(())
    }

    fn number_of_points(&self) -> usize {
        self.problem.x.len()
    }

    fn config(&self) -> &MPConfig {
        &self.config
    }

    fn parameters(&self) -> &[MPPar] {
        &self.parameters
    }

    fn jacobian(&mut self, params: &[f64], deviates: &mut [f64], derivs: &mut [Option<Vec<f64>>]) -> MPResult<()> {
        self.problem.residuals(params, deviates);
        for (j, column) in derivs.iter_mut().enumerate() {
            if let Some(column) = column {
                // The residual is observed minus fitted, hence the sign.
                let gradient = self.problem.gradient_column(params, j);
                column.iter_mut().zip(gradient).for_each(|(out, gradient)| *out = -gradient);
            }
        }
        Ok(())
    }
}
