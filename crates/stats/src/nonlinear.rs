//! Least squares of any function of its parameters, within bounds: rmpfit, then Gauss-Newton to the last digits.
//!
//! The curves of [`crate::fit`] are solved by it; anything else that has residuals and a gradient can be, as the NIST
//! sets of `examples/validate.rs` are. One call: [`solve`].

use rmpfit::{MPConfig, MPFitter, MPMaxFev, MPPar, MPResult, MPSide};

use crate::linear::{LeastSquares, least_squares};

/// Residuals and their gradient as functions of the parameters.
pub trait Task {
    /// How many residuals.
    fn n_points(&self) -> usize;

    /// Writes observed minus fitted; with `columns` also the derivative of the *fitted* by each parameter, one column
    /// for each.
    fn evaluate(&self, parameters: &[f64], residuals: &mut [f64], columns: Option<&mut [Vec<f64>]>);
}

/// A minimum of the sum of squares.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// Where it is.
    pub parameters: Vec<f64>,
    /// Which parameters sit on a bound or were held.
    pub fixed: Vec<bool>,
    /// Sum of the squared residuals.
    pub rss: f64,
}

impl Minimum {
    /// Parameters that are neither on a bound nor held.
    pub fn n_free(&self) -> usize {
        self.fixed.iter().filter(|fixed| !**fixed).count()
    }

    /// sqrt(diag((JᵀJ)⁻¹) RSS/(n-p)) of the free parameters, `None` for the others; all `None` where the data do not
    /// determine them.
    pub fn std_errors(&self, task: &impl Task) -> Vec<Option<f64>> {
        let df = task.n_points() as f64 - self.n_free() as f64;
        let mut diagonal = linearize(task, self).into_iter().flat_map(|solved| {
            let inverse = solved.gram_inverse;
            (0..inverse.len()).map(move |j| inverse[j][j]).collect::<Vec<f64>>()
        });
        let error = |entry: f64| (entry * self.rss / df).sqrt();
        self.fixed.iter().map(|fixed| if *fixed { None } else { diagonal.next().map(error) }).collect()
    }
}

/// What stands for a residual that is no number: a curve outside its domain is as far away as can be.
const FAR: f64 = 1e100;

/// How far from a stationary point a minimum may be: the share of the residuals, for each free parameter against each
/// degree of freedom, that a step would still take away (Bates and Watts 1981).
const STATIONARY: f64 = 1e-7;

/// First step of the search in units of rmpfit's scale: long ones are quick, short ones stay in the valley they are in.
const STEP_BOUNDS: [f64; 4] = [100.0, 1.0, 0.1, 0.01];

/// The minimum reached from `start` within `bounds`, with some parameters held; `None` where none was reached.
///
/// A search that ends where the sum of squares still falls is begun again with shorter steps. The answer's `fixed` is
/// that which was handed in: who needs the parameters on a bound as held asks again with those fixed.
pub fn solve(task: &impl Task, start: &[f64], bounds: &[(f64, f64)], fixed: &[bool]) -> Option<Minimum> {
    let start: Vec<f64> = start.iter().zip(bounds).map(|(value, (low, high))| value.clamp(*low, *high)).collect();
    if fixed.iter().all(|fixed| *fixed) {
        let rss = sum_of_squares(task, &start);
        return rss.is_finite().then(|| Minimum { parameters: start, fixed: fixed.to_vec(), rss });
    }
    let mut best: Option<Minimum> = None;
    for step_bound in STEP_BOUNDS {
        let Some(minimum) = search(task, &start, bounds, fixed, step_bound) else { continue };
        let stationary = is_stationary(task, bounds, &minimum);
        if best.as_ref().is_none_or(|best| minimum.rss < best.rss) {
            best = Some(minimum);
        }
        if stationary {
            break;
        }
    }
    best
}

fn search(task: &impl Task, start: &[f64], bounds: &[(f64, f64)], fixed: &[bool], step_bound: f64) -> Option<Minimum> {
    let mut parameters = start.to_vec();
    Fitter::new(task, bounds, fixed, step_bound).mpfit(&mut parameters).ok()?;
    let rss = sum_of_squares(task, &parameters);
    let minimum = Minimum { parameters, fixed: fixed.to_vec(), rss };
    rss.is_finite().then(|| polish(task, bounds, minimum))
}

/// Sum of the squared residuals; not finite where a residual is none.
pub(crate) fn sum_of_squares(task: &impl Task, parameters: &[f64]) -> f64 {
    let mut residuals = vec![0.0; task.n_points()];
    task.evaluate(parameters, &mut residuals, None);
    residuals.iter().map(|residual| residual * residual).sum()
}

/// Gauss-Newton step and inverse Gram matrix for the free parameters; `None` where their columns are dependent.
pub(crate) fn linearize(task: &impl Task, minimum: &Minimum) -> Option<LeastSquares> {
    let (residuals, columns) = free_columns(task, &minimum.parameters, &minimum.fixed);
    least_squares(&columns, &residuals)
}

fn free_columns(task: &impl Task, parameters: &[f64], fixed: &[bool]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut residuals = vec![0.0; task.n_points()];
    let mut columns = vec![vec![0.0; task.n_points()]; parameters.len()];
    task.evaluate(parameters, &mut residuals, Some(&mut columns));
    let columns = columns.into_iter().zip(fixed).filter(|(_, fixed)| !**fixed).map(|(column, _)| column).collect();
    (residuals, columns)
}

/// Whether next to nothing of the residuals lies along the gradient of the parameters inside their bounds.
fn is_stationary(task: &impl Task, bounds: &[(f64, f64)], minimum: &Minimum) -> bool {
    let on_edge = |(value, (low, high)): (&f64, &(f64, f64))| value <= low || value >= high;
    let held = minimum.parameters.iter().zip(bounds).zip(&minimum.fixed).map(|(at, fixed)| *fixed || on_edge(at));
    let held: Vec<bool> = held.collect();
    let (residuals, columns) = free_columns(task, &minimum.parameters, &held);
    let (n, p) = (residuals.len(), columns.len());
    if p == 0 || n <= p {
        return true;
    }
    let Some(solved) = least_squares(&columns, &residuals) else { return false };
    let along = |i: usize| -> f64 { columns.iter().zip(&solved.coefficients).map(|(column, c)| c * column[i]).sum() };
    let along: f64 = (0..n).map(|i| along(i).powi(2)).sum();
    let left = minimum.rss - along;
    along / p as f64 <= (STATIONARY * STATIONARY) * left.max(0.0) / (n - p) as f64 || minimum.rss == 0.0
}

/// Gauss-Newton steps while they lower the sum of squares and stay inside: rmpfit stops some digits early.
fn polish(task: &impl Task, bounds: &[(f64, f64)], mut minimum: Minimum) -> Minimum {
    for _ in 0..60 {
        let Some(solved) = linearize(task, &minimum) else { break };
        let mut steps = solved.coefficients.iter();
        let mut next = minimum.clone();
        let mut largest: f64 = 0.0;
        for (value, _) in next.parameters.iter_mut().zip(&minimum.fixed).filter(|(_, fixed)| !**fixed) {
            let step = steps.next().copied().unwrap_or(0.0);
            *value += step;
            largest = largest.max((step / *value).abs());
        }
        let inside = next.parameters.iter().zip(bounds).all(|(value, (low, high))| (low..=high).contains(&value));
        next.rss = sum_of_squares(task, &next.parameters);
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

struct Fitter<'a, T: Task> {
    task: &'a T,
    parameters: Vec<MPPar>,
    config: MPConfig,
    columns: Vec<Vec<f64>>,
}

impl<'a, T: Task> Fitter<'a, T> {
    fn new(task: &'a T, bounds: &[(f64, f64)], fixed: &[bool], step_factor: f64) -> Fitter<'a, T> {
        let parameter = |((low, high), fixed): (&(f64, f64), &bool)| MPPar {
            fixed: *fixed,
            limited_low: *low > -f64::MAX,
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
            step_factor,
            max_iter: 500,
            max_fev: MPMaxFev::Limited(2_000),
            ..MPConfig::new()
        };
        let parameters = bounds.iter().zip(fixed).map(parameter).collect();
        Fitter { task, parameters, config, columns: vec![vec![0.0; task.n_points()]; bounds.len()] }
    }
}

fn bring_near(values: &mut [f64]) {
    values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = FAR);
}

impl<T: Task> MPFitter for Fitter<'_, T> {
    fn eval(&mut self, params: &[f64], deviates: &mut [f64]) -> MPResult<()> {
        self.task.evaluate(params, deviates, None);
        bring_near(deviates);
        Ok(())
    }

    fn number_of_points(&self) -> usize {
        self.task.n_points()
    }

    fn config(&self) -> &MPConfig {
        &self.config
    }

    fn parameters(&self) -> &[MPPar] {
        &self.parameters
    }

    fn jacobian(&mut self, params: &[f64], deviates: &mut [f64], derivs: &mut [Option<Vec<f64>>]) -> MPResult<()> {
        self.task.evaluate(params, deviates, Some(&mut self.columns));
        bring_near(deviates);
        for (wanted, column) in derivs.iter_mut().zip(&self.columns) {
            if let Some(wanted) = wanted {
                // The residual is observed minus fitted, hence the sign.
                wanted.iter_mut().zip(column).for_each(|(out, entry)| {
                    *out = if entry.is_finite() { -entry } else { 0.0 };
                });
            }
        }
        Ok(())
    }
}
