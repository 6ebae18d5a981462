//! Profile intervals: all values of one parameter for which the rest can still fit within the threshold.
//!
//! A profile may end at a bound or never: then the side is the bound, or an infinity. That is the reason to prefer it
//! to value ± t · standard error, which always looks bounded.

use crate::fit::model::{Model, Range};
use crate::fit::precision::Precision;
use crate::fit::solve::{Problem, solve_from};
use crate::interval::Interval;
use crate::nonlinear::Minimum;

/// Farthest a scale is followed, as a factor of where the search began.
const FARTHEST: f64 = 1e12;

/// Values of parameter `j` whose profiled sum of squares stays within the threshold.
pub(crate) fn profile_parameter(problem: &Problem, minimum: &Minimum, j: usize, precision: &Precision) -> Interval {
    let (low, high) = problem.bounds()[j];
    let value = minimum.parameters[j];
    let curve = Profile { problem, start: &minimum.parameters, j, threshold: precision.threshold };
    // Steps on the plain scale, up to the bounds; `ends` is what a side is that never leaves the threshold.
    let within = |step: f64, ends: (f64, f64)| Interval {
        low: curve.limit(value, |k| (value - step * (k.exp2() - 1.0)).max(low), ends.0),
        high: curve.limit(value, |k| (value + step * (k.exp2() - 1.0)).min(high), ends.1),
    };
    match problem.model.spec().ranges[j] {
        // Bounds with a meaning are ends.
        Range::Share => within(if value > 0.0 { 0.05 * value } else { 1e-3 / problem.x_max() }, (low, high)),
        // 0 has a meaning, the largest number has none.
        Range::NotNegative { power } => {
            let step = if value > 0.0 { 0.05 * value } else { 1e-3 / problem.x_max().powi(power) };
            within(step, (low, f64::INFINITY))
        }
        Range::Break => within(0.01 * (high - low), (low, high)),
        // Any number: steps of half a standard error.
        Range::Free | Range::Place => {
            let step = precision.std_error(j).map_or(0.05 * value.abs(), |error| 0.5 * error);
            let step = step.max(1e-12 * value.abs()).max(f64::MIN_POSITIVE);
            within(step, (f64::NEG_INFINITY, f64::INFINITY))
        }
        // Below 0 the other way round.
        Range::Amplitude if value < 0.0 => Interval {
            low: curve.limit(value, |k| (value * factor(k)).max(low), f64::NEG_INFINITY),
            high: curve.limit(value, |k| (value / factor(k)).min(high), 0.0),
        },
        // Scales, amplitudes and powers: factors; beyond the solver's map is beyond all bounds.
        Range::Amplitude | Range::Scale | Range::Rate | Range::Power | Range::Positive => Interval {
            low: curve.limit(value, |k| (value / factor(k)).max(low), 0.0),
            high: curve.limit(value, |k| (value * factor(k)).min(high), f64::INFINITY),
        },
    }
}

/// Profile interval of the USL's peak n* by kappa = (1-sigma)/n*²; `minimum` is the USL's.
///
/// The upper side is infinite where kappa = 0 (no peak at all) still fits within the threshold.
pub(crate) fn profile_usl_peak(problem: &Problem, minimum: &Minimum, threshold: f64) -> Interval {
    let [lambda, sigma, kappa] = [minimum.parameters[0], minimum.parameters[1], minimum.parameters[2]];
    let without_peak = solve_from(problem, &[lambda, sigma, 0.0], &[false, false, true]);
    let unbounded = kappa == 0.0 || without_peak.is_none_or(|amdahl| amdahl.rss <= threshold);
    let x_max = problem.x_max();
    let peak = if kappa > 0.0 { ((1.0 - sigma) / kappa).sqrt() } else { f64::INFINITY };
    // A peak far beyond the data is no peak to start a search from.
    let begin = peak.clamp(1e-3, 1e4 * x_max);
    let mut by_peak = problem.clone();
    by_peak.model = Model::UslPeak;
    let start = [lambda, sigma, begin];
    let curve = Profile { problem: &by_peak, start: &start, j: 2, threshold };
    let high = if unbounded { f64::INFINITY } else { curve.limit(begin, |k| begin * factor(k), f64::INFINITY) };
    let low = if peak < begin { 0.0 } else { curve.limit(begin, |k| begin / factor(k), 0.0) };
    Interval { low, high }
}

/// Profile interval of the rate at the peak, or of the limit where there is none, of a USL, Amdahl's law and the knee
/// models; `minimum` is that of `problem`.
///
/// The upper side is infinite where a curve without any limit still fits within the threshold.
pub(crate) fn profile_rate(problem: &Problem, minimum: &Minimum, rate: f64, threshold: f64) -> Interval {
    // Each by its rate, and which parameters are least where there is no limit.
    let (model, costs) = match problem.model {
        Model::Usl => (Model::UslRate, 1..=2),
        Model::Amdahl => (Model::AmdahlRate, 1..=1),
        Model::Knee => (Model::KneeRate, 1..=2),
        Model::KneeAdditive => (Model::KneeAdditiveRate, 1..=2),
        _ => (Model::KneeUsefulRate, 1..=3),
    };
    let found = &minimum.parameters;
    let (mut line, mut held) = (found.clone(), vec![false; found.len()]);
    costs.for_each(|j| (line[j], held[j]) = (problem.bounds()[j].0, true));
    let without_limit = solve_from(problem, &line, &held);
    let unbounded = rate.is_infinite() || without_limit.is_none_or(|line| line.rss <= threshold);
    // A limit far beyond the data is no limit to start a search from.
    let begin = rate.min(1e4 * found[0] * problem.x_max());
    let mut start = found.clone();
    start[0] = begin;
    match model {
        Model::UslRate => (start[1], start[2]) = (found[1].max(1e-9), found[2].sqrt()),
        Model::AmdahlRate => start[1] = found[1].max(1e-9),
        _ => start[1] = found[1].sqrt().max(1e-6 / problem.x_max()),
    }
    let mut by_rate = problem.clone();
    by_rate.model = model;
    let curve = Profile { problem: &by_rate, start: &start, j: 0, threshold };
    let high = if unbounded { f64::INFINITY } else { curve.limit(begin, |k| begin * factor(k), f64::INFINITY) };
    Interval { low: curve.limit(begin, |k| begin / factor(k), 0.0), high }
}

/// Profile interval of a parabola's peak -a/2b; infinite on the side where a straight line still fits.
pub(crate) fn profile_quadratic_peak(problem: &Problem, minimum: &Minimum, precision: &Precision) -> Interval {
    let [a, b] = [minimum.parameters[0], minimum.parameters[1]];
    let straight = solve_from(problem, &[a, 0.0], &[false, true]);
    let unbounded = b >= 0.0 || straight.is_none_or(|line| line.rss <= precision.threshold);
    let begin = if b < 0.0 { (-a / (2.0 * b)).clamp(1e-3, 1e4 * problem.x_max()) } else { 1e4 * problem.x_max() };
    let mut by_peak = problem.clone();
    by_peak.model = Model::QuadraticPeak;
    let curve = Profile { problem: &by_peak, start: &[a, begin], j: 1, threshold: precision.threshold };
    let high = if unbounded { f64::INFINITY } else { curve.limit(begin, |k| begin * factor(k), f64::INFINITY) };
    Interval { low: curve.limit(begin, |k| begin / factor(k), 0.0), high }
}

/// Growing factors: 1.05, 1.16, 1.41, 2.08, 4.5, 21 ...
fn factor(k: f64) -> f64 {
    1.05_f64.powf(k.exp2() - 1.0).min(FARTHEST)
}

/// The profiled sum of squares of one parameter.
struct Profile<'a> {
    problem: &'a Problem,
    start: &'a [f64],
    j: usize,
    threshold: f64,
}

impl Profile<'_> {
    /// Excess over the threshold with the parameter held at `value`, and where the rest ended. Infinite where nothing
    /// fits.
    fn excess(&self, value: f64, warm: &[f64]) -> (f64, Vec<f64>) {
        let mut fixed = vec![false; warm.len()];
        fixed[self.j] = true;
        let from = |start: &[f64]| {
            let mut start = start.to_vec();
            start[self.j] = value;
            solve_from(self.problem, &start, &fixed)
        };
        // A warm start may end in another valley: what then lies outside is tried once more, from the estimate.
        let warmed = from(warm);
        let best = match warmed {
            Some(minimum) if minimum.rss <= self.threshold => Some(minimum),
            _ => [warmed, from(self.start)].into_iter().flatten().min_by(|a, b| a.rss.total_cmp(&b.rss)),
        };
        match best {
            Some(minimum) => (minimum.rss - self.threshold, minimum.parameters),
            None => (f64::INFINITY, warm.to_vec()),
        }
    }

    /// Walks out along `step(1), step(2), ...` until the threshold is crossed, then closes in; `end` where it never
    /// is: at the last step that still moves.
    fn limit(&self, value: f64, step: impl Fn(f64) -> f64, end: f64) -> f64 {
        let mut inside = value;
        let mut warm = self.start.to_vec();
        for k in 1..64 {
            let next = step(f64::from(k));
            if next == inside {
                break;
            }
            let (excess, parameters) = self.excess(next, &warm);
            if excess > 0.0 {
                return self.close_in(inside, next, &warm);
            }
            (inside, warm) = (next, parameters);
        }
        end
    }

    /// The crossing between a value within and one beyond the threshold: regula falsi (Illinois), else bisection.
    fn close_in(&self, mut inside: f64, mut outside: f64, warm: &[f64]) -> f64 {
        let mut warm = warm.to_vec();
        let (mut below, mut above) = (self.excess(inside, &warm).0.min(0.0), self.excess(outside, &warm).0);
        let mut last_side = 0;
        for _ in 0..200 {
            if (outside - inside).abs() <= 1e-11 * inside.abs().max(outside.abs()) {
                break;
            }
            let share = if above.is_finite() { below / (below - above) } else { 0.5 };
            let share = if share.is_nan() { 0.5 } else { share.clamp(1e-3, 1.0 - 1e-3) };
            let middle = inside + share * (outside - inside);
            let (excess, parameters) = self.excess(middle, &warm);
            let side = if excess > 0.0 { 1 } else { -1 };
            if side == 1 {
                (outside, above) = (middle, excess);
                below /= if last_side == 1 { 2.0 } else { 1.0 };
            } else {
                (inside, below, warm) = (middle, excess, parameters);
                above /= if last_side == -1 { 2.0 } else { 1.0 };
            }
            last_side = side;
        }
        (inside + outside) / 2.0
    }
}
