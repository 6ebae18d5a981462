//! What the residuals of a fit say: order, signs, and what each x does to the answer.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::fit::davies::{Davies, davies};
use crate::fit::knee::figures;
use crate::fit::model::Model;
use crate::fit::quality::means_by_x;
use crate::fit::result::Fit;
use crate::fit::solve::{Problem, Response, solve_from};
use crate::nonlinear::Minimum;

/// Residuals of the means over ascending x, weighted as they were fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// Sum of squared differences of neighbours over the sum of squares: about 2 where neighbours are independent, near
    /// 0 where the curve runs past the data in long stretches. `None` for an exact fit.
    pub durbin_watson: Option<f64>,
    /// Wald and Wolfowitz's test on the signs; `None` where all have the same sign.
    pub runs: Option<Runs>,
    /// What each x does, ascending in x.
    pub influence: Vec<Influence>,
    /// Of a broken line: is a straight one rejected? Where residuals are of ln y, they are weighted by 1/mean² here.
    pub davies: Option<Davies>,
}

/// How often the residuals change their sign, against what chance would do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Runs {
    /// Stretches of one sign.
    pub runs: usize,
    /// Residuals above 0.
    pub above: usize,
    /// Residuals below 0.
    pub below: usize,
    /// Runs against their expectation in standard deviations; negative: too few.
    pub z: f64,
    /// Two-sided probability of such a z, by the normal.
    pub p: f64,
}

/// The fit without all observations at one x.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// The x that is left out.
    pub x: f64,
    /// Mean over curve - 1 at this x.
    pub misfit_ratio: f64,
    /// Cook's distance: how far the fitted means move, in units of p s²; above 1 the answer hangs on this x. `None`
    /// where the rest does not determine the curve.
    pub cook: Option<f64>,
    /// The first knee of the model, found without this x; `None` where it has none.
    pub knee_without: Option<f64>,
}

/// Looks at the residuals of `fit`, which came from these very observations.
pub fn diagnose(fit: &Fit, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Diagnostics {
    let problem = Problem::new(fit.model, fit.response, x, y, weights);
    let minimum = fit.minimum();
    let residuals = problem.residuals(&minimum.parameters);
    let influence = (0..problem.x.len()).map(|at| influence(&problem, &minimum, fit, at)).collect();
    let davies = (fit.model == Model::BrokenLine).then(|| davies_of(fit, x, y, weights)).flatten();
    Diagnostics { durbin_watson: durbin_watson(&residuals), runs: sign_runs(&residuals), influence, davies }
}

/// A straight line in y also where residuals are of ln y: that is the line of which the fit asks whether it breaks.
fn davies_of(fit: &Fit, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Option<Davies> {
    if fit.response == Response::Raw {
        return davies(x, y, weights).ok();
    }
    let (distinct, means) = means_by_x(x, y);
    let weight = |(i, x): (usize, &f64)| {
        let at = distinct.partition_point(|distinct| distinct < x);
        weights.map_or(1.0, |weights| weights[i]) / means[at].powi(2)
    };
    davies(x, y, Some(&x.iter().enumerate().map(weight).collect::<Vec<f64>>())).ok()
}

fn durbin_watson(residuals: &[f64]) -> Option<f64> {
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let apart: f64 = residuals.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    (squares > 0.0).then(|| apart / squares)
}

fn sign_runs(residuals: &[f64]) -> Option<Runs> {
    let signs: Vec<bool> = residuals.iter().filter(|residual| **residual != 0.0).map(|r| *r > 0.0).collect();
    let above = signs.iter().filter(|sign| **sign).count();
    let below = signs.len() - above;
    if above == 0 || below == 0 {
        return None;
    }
    let runs = 1 + signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let (a, b, n) = (above as f64, below as f64, signs.len() as f64);
    let expected = 2.0 * a * b / n + 1.0;
    let variance = 2.0 * a * b * (2.0 * a * b - n) / (n * n * (n - 1.0));
    let z = if variance > 0.0 { (runs as f64 - expected) / variance.sqrt() } else { 0.0 };
    Some(Runs { runs, above, below, z, p: 2.0 * Normal::standard().sf(z.abs()) })
}

fn influence(problem: &Problem, minimum: &Minimum, fit: &Fit, at: usize) -> Influence {
    let p = minimum.n_free() as f64;
    // Without this x a parameter may leave the bound on which it sits.
    let free = vec![false; minimum.parameters.len()];
    let without = solve_from(&problem.without(at), &minimum.parameters, &free);
    let without = without.filter(|_| problem.x.len() > minimum.n_free());
    let moved = without.as_ref().map(|without| {
        let square = |i: usize| {
            let of = |parameters: &[f64]| fit.response.of(fit.model.value(parameters, problem.x[i]));
            (problem.weights[i] * (of(&minimum.parameters) - of(&without.parameters))).powi(2)
        };
        (0..problem.x.len()).map(square).sum::<f64>()
    });
    let s2 = fit.rss / (fit.n as f64 - p);
    let f = fit.model.value(&minimum.parameters, problem.x[at]);
    let knee = figures(fit.model).first().zip(without.as_ref());
    Influence {
        x: problem.x[at],
        misfit_ratio: fit.response.inverse(problem.means[at]) / f - 1.0,
        cook: moved.map(|moved| moved / (p * s2)).filter(|cook| cook.is_finite()),
        knee_without: knee.map(|((_, of), without)| of(fit.model, &without.parameters)),
    }
}
