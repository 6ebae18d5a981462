//! How well a curve fits: lack of fit against replicates, misfit of the means, AICc and Akaike weights.

use crate::fit::solve::{Problem, Response};
use crate::variance::{TestResult, f_upper_tail};

/// Largest rms misfit of the means, relative, that counts as adequate whatever the lack-of-fit test says.
pub const ADEQUATE_MISFIT: f64 = 0.02;

/// Lack-of-fit p below which a curve counts as wrong and intervals come from the means.
pub const LACK_OF_FIT_ALPHA: f64 = 0.05;

/// Indices of the observations, grouped by equal x, groups ascending in x.
pub(crate) fn group_by_x(x: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    order.chunk_by(|a, b| x[*a] == x[*b]).map(<[usize]>::to_vec).collect()
}

/// Distinct x, ascending, and the mean of y at each. Both slices have one length.
pub fn means_by_x(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mean = |group: &Vec<usize>| group.iter().map(|at| y[*at]).sum::<f64>() / group.len() as f64;
    group_by_x(x).iter().map(|group| (x[group[0]], mean(group))).unzip()
}

/// rms over the distinct x of the relative distance between mean and curve.
pub(crate) fn misfit_ratio(problem: &Problem, parameters: &[f64]) -> f64 {
    let distance = |(x, mean): (&f64, &f64)| {
        let f = problem.model.value(parameters, *x);
        match problem.response {
            Response::Ln => mean - f.ln(),
            Response::Raw if *mean == f => 0.0,
            Response::Raw => mean / f - 1.0,
        }
    };
    let squares: f64 = problem.x.iter().zip(&problem.means).map(|point| distance(point).powi(2)).sum();
    (squares / problem.x.len() as f64).sqrt()
}

/// F = [(RSS - SSpe)/(m - p)] / [SSpe/(n - m)] with p free parameters; `None` without replicates or where m <= p.
///
/// `between` is RSS - SSpe.
pub(crate) fn lack_of_fit(problem: &Problem, between: f64, misfit_ratio: f64, n_free: usize) -> Option<TestResult> {
    let (n, m) = (problem.n, problem.x.len());
    if n <= m || m <= n_free {
        return None;
    }
    let (df1, df2) = ((m - n_free) as f64, (n - m) as f64);
    let within = problem.pure_error / df2;
    // Replicates without any spread but rounding (a deterministic source): the curve meets them to rounding, or is wrong.
    let differ = problem.pure_error > 1e-26 * problem.rss_of_nothing();
    let statistic = match (differ, misfit_ratio < 1e-6) {
        (true, _) => between / df1 / within,
        (false, true) => 0.0,
        (false, false) => f64::INFINITY,
    };
    Some(TestResult { statistic, df1, df2, p: f_upper_tail(statistic, df1, df2) })
}

/// AICc with k = free parameters + 1 for the error variance; `None` where n <= k + 1 or the fit is exact.
///
/// logL = -n/2 (ln 2 pi + ln(RSS/n) + 1) + half the sum of ln weights, as R's `AIC(nls)`. Comparable only for the same
/// data, response and weights.
pub(crate) fn aicc(rss: f64, n: usize, n_free: usize, ln_weights: f64) -> Option<f64> {
    let (n_values, k) = (n as f64, (n_free + 1) as f64);
    if n <= n_free + 2 || rss <= 0.0 {
        return None;
    }
    let log_likelihood =
        -n_values / 2.0 * ((2.0 * std::f64::consts::PI).ln() + (rss / n_values).ln() + 1.0) + ln_weights / 2.0;
    Some(2.0 * k - 2.0 * log_likelihood + 2.0 * k * (k + 1.0) / (n_values - k - 1.0))
}

/// Akaike weights of rival models; 0 for a model without AICc. They sum to 1 where any has one.
///
/// Pass `None` for models that failed their adequacy: weights among wrong models mean nothing.
pub fn akaike_weights(aicc: &[Option<f64>]) -> Vec<f64> {
    let least = aicc.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let relative: Vec<f64> = aicc.iter().map(|aicc| aicc.map_or(0.0, |aicc| ((least - aicc) / 2.0).exp())).collect();
    let total: f64 = relative.iter().sum();
    if total > 0.0 { relative.iter().map(|weight| weight / total).collect() } else { relative }
}
