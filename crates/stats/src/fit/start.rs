//! Starting values from the data.

use crate::fit::linear::least_squares;
use crate::fit::model::Model;

/// Parameter vectors to start the solver from, each inside the model's bounds; the best end wins.
///
/// `x` and `y` are raw and above 0.
pub(crate) fn starts(model: Model, x: &[f64], y: &[f64]) -> Vec<Vec<f64>> {
    let x_max = x.iter().copied().fold(0.0, f64::max);
    let rate = x.iter().zip(y).map(|(x, y)| y / x).fold(0.0, f64::max);
    let mut starts = match model {
        Model::Usl => vec![vec![rate, 0.05, 1.0 / x_max.powi(2)]],
        Model::UslPeak => vec![vec![rate, 0.05, x_max]],
        Model::Amdahl => vec![vec![rate, 0.05]],
        Model::ExponentialDecay => vec![exponential_start(x, y)],
        Model::Lomax | Model::Hill => decay_starts(model, x, y),
    };
    match model {
        Model::Usl => starts.extend(rational_start(x, y, 3)),
        Model::Amdahl => starts.extend(rational_start(x, y, 2)),
        _ => {}
    }
    starts
}

/// x / y = a + b x + c x² is linear: weights (y²/x)² make it the first step towards least squares in y
/// (statistics notes, section 3.2). Then lambda = 1/(a+b+c), sigma = (b+c) lambda, kappa = c lambda.
fn rational_start(x: &[f64], y: &[f64], terms: i32) -> Option<Vec<f64>> {
    let weights: Vec<f64> = x.iter().zip(y).map(|(x, y)| y * y / x).collect();
    let column = |power: i32| x.iter().zip(&weights).map(|(x, w)| w * x.powi(power)).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = (0..terms).map(column).collect();
    let target: Vec<f64> = x.iter().zip(y).zip(&weights).map(|((x, y), w)| w * x / y).collect();
    let c = least_squares(&columns, &target)?.coefficients;
    let lambda = 1.0 / c.iter().sum::<f64>();
    if !(lambda > 0.0 && lambda.is_finite()) {
        return None;
    }
    let mut start = vec![lambda, (c[1..].iter().sum::<f64>() * lambda).clamp(1e-4, 0.999)];
    start.extend(c.get(2).map(|c| (c * lambda).max(1e-9)));
    Some(start)
}

/// The straight line through ln y; where it does not fall, a slow decay.
fn exponential_start(x: &[f64], y: &[f64]) -> Vec<f64> {
    let x_max = x.iter().copied().fold(0.0, f64::max);
    let ln_y: Vec<f64> = y.iter().map(|y| y.ln()).collect();
    match least_squares(&[vec![1.0; x.len()], x.to_vec()], &ln_y).map(|solved| solved.coefficients) {
        Some(line) if line[1] < 0.0 => vec![line[0].exp(), (-1.0 / line[1]).min(1e5 * x_max)],
        _ => vec![y.iter().sum::<f64>() / y.len() as f64, 100.0 * x_max],
    }
}

/// n0 where y has halved and round the ends of x, p the last log-log slope and round it, A through the first point.
fn decay_starts(model: Model, x: &[f64], y: &[f64]) -> Vec<Vec<f64>> {
    let mut points: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (points[0], points[points.len() - 1]);
    let before = points.iter().rev().find(|point| point.0 < last.0).copied().unwrap_or(first);
    let slope = if before.0 < last.0 { -(last.1 / before.1).ln() / (last.0 / before.0).ln() } else { 1.0 };
    let halved = points.iter().find(|point| point.1 <= first.1 / 2.0).map_or(last.0, |point| point.0);
    let mut starts = Vec::new();
    for n0 in [halved, first.0, last.0, 10.0 * last.0] {
        for p in [slope.clamp(0.1, 10.0), 1.0, 3.0] {
            let shape = model.value(&[1.0, n0, p], first.0);
            starts.push(vec![first.1 / shape, n0, p]);
        }
    }
    starts
}
