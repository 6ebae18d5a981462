//! The mean of a metric over the samples of one point, with the interval that suits what it is.
//!
//! A sample is one process run, so its values are independent. Times, rates and their variances are skewed and scale:
//! their interval is t on ln, of the geometric mean. Ratios and counts have zeros: t, cut at what is possible.

use plan::experiment::Repetitions;
use stats::interval::{geometric_mean_interval, mean_interval};
use stats::stopping::{stein_interval, stein_plan};
use stats::{Estimate, Interval, StatsError};

/// Interval on ln, of the geometric mean.
pub(crate) const GEOMETRIC: &str = "t of ln, geometric mean";
/// Interval of the arithmetic mean.
pub(crate) const ARITHMETIC: &str = "t";
/// Interval of the arithmetic mean after two stages.
pub(crate) const STEIN: &str = "Stein's two stages, t of the pilot";

/// An interval and its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mean {
    /// Geometric or arithmetic mean with its interval.
    pub(crate) estimate: Estimate,
    /// One of the names above.
    pub(crate) method: &'static str,
}

/// Mean and interval of one metric at one point; `runs` are `(block, value)`, in any order.
pub(crate) fn mean_of(
    metric: &str,
    runs: &[(u32, f64)],
    level: f64,
    repetitions: &Repetitions,
) -> Result<Mean, StatsError> {
    if let Some(estimate) = two_stages(metric, runs, level, repetitions) {
        return Ok(Mean { estimate, method: STEIN });
    }
    let values = values_of(runs.iter());
    let values = values.as_slice();
    if is_scale(metric) && values.iter().all(|&value| value > 0.0) {
        return Ok(Mean { estimate: geometric_mean_interval(values, level)?, method: GEOMETRIC });
    }
    Ok(Mean { estimate: arithmetic(metric, values, level)?, method: ARITHMETIC })
}

/// The same of the samples that are not flagged, for the sensitivity line: the kind of mean that `all` of them have.
///
/// Without the flagged ones zeros may be gone, or too much of a pilot; that must not make another mean of it.
pub(crate) fn clean_mean_of(
    all: Option<&Mean>,
    metric: &str,
    clean: &[(u32, f64)],
    level: f64,
    repetitions: &Repetitions,
) -> Result<Mean, StatsError> {
    let mean = mean_of(metric, clean, level, repetitions)?;
    if mean.method == GEOMETRIC && all.is_some_and(|all| all.method != GEOMETRIC) {
        let values = values_of(clean.iter());
        return Ok(Mean { estimate: arithmetic(metric, &values, level)?, method: ARITHMETIC });
    }
    Ok(mean)
}

/// By t, cut at what is possible.
fn arithmetic(metric: &str, values: &[f64], level: f64) -> Result<Estimate, StatsError> {
    let estimate = mean_interval(values, level)?;
    Ok(Estimate { interval: possible(metric, values, estimate.interval), ..estimate })
}

/// Nothing measured is below 0, and no share above 1; a side beyond which a value lies all the same is not cut.
fn possible(metric: &str, values: &[f64], interval: Interval) -> Interval {
    let (low, high) = (0.0, if is_ratio(metric) { 1.0 } else { f64::INFINITY });
    Interval {
        low: if values.iter().any(|value| *value < low) { interval.low } else { interval.low.max(low) },
        high: if values.iter().any(|value| *value > high) { interval.high } else { interval.high.min(high) },
    }
}

/// Only for the metric that `until` names, and only once the second stage has begun.
///
/// The pilot is the blocks that decided how many there would be, whichever of its samples failed or were run again later.
fn two_stages(metric: &str, runs: &[(u32, f64)], level: f64, repetitions: &Repetitions) -> Option<Estimate> {
    let Repetitions::Until { min, max, until, metric: named } = repetitions else { return None };
    let (pilot, later): (Vec<&(u32, f64)>, Vec<_>) = runs.iter().partition(|(block, _)| block < min);
    if named != metric || later.is_empty() {
        return None;
    }
    let pilot = values_of(pilot.into_iter());
    let plan = stein_plan(&pilot, *until, level, *max as usize).ok()?;
    let values = [pilot, values_of(later.into_iter())].concat();
    let estimate = stein_interval(&plan, &values).ok()?;
    Some(Estimate { interval: possible(metric, &values, estimate.interval), ..estimate })
}

fn values_of<'a>(runs: impl Iterator<Item = &'a (u32, f64)>) -> Vec<f64> {
    runs.map(|(_, value)| *value).collect()
}

/// Whether a share of something, 0..1.
fn is_ratio(metric: &str) -> bool {
    metric.ends_with("_ratio") || metric.starts_with("local_hit_")
}

/// Whether a time, a rate or a variance: positive, and what disturbs it multiplies it.
fn is_scale(metric: &str) -> bool {
    metric.ends_with("_per_s") || metric.ends_with("_ns") || metric.ends_with("_ns2")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_blocks(values: &[f64]) -> Vec<(u32, f64)> {
        (0..).zip(values.iter().copied()).collect()
    }

    fn check(metric: &str, values: &[f64], method: &str, low: f64, high: f64) {
        let found = mean_of(metric, &in_blocks(values), 0.95, &Repetitions::Fixed(3)).unwrap();
        assert_eq!(found.method, method, "{metric}");
        let Interval { low: found_low, high: found_high } = found.estimate.interval;
        assert!(
            (found_low - low).abs() < 1e-6 && (found_high - high).abs() < 1e-6,
            "{metric}: {found_low} {found_high}"
        );
    }

    #[test]
    fn each_metric_has_the_interval_that_suits_it() {
        // t_.975 at 2 df is 4.302652730: on ln, 2 x/÷ exp(4.302653 ln 2 / sqrt 3).
        let factor = (4.302652729749464 * 2f64.ln() / 3f64.sqrt()).exp();
        check("throughput_per_s", &[1.0, 2.0, 4.0], GEOMETRIC, 2.0 / factor, 2.0 * factor);
        check("local_hit_ratio", &[1.0, 1.0, 1.0], ARITHMETIC, 1.0, 1.0);
        // .8 ± 4.302653 x .1 / sqrt 3 = .55159 .. 1.04841, cut at 1.
        check("local_hit_ratio", &[0.7, 0.8, 0.9], ARITHMETIC, 0.8 - 0.2484137, 1.0);
        // One above 1, of two clocks: only that side is open.
        check("busy_ratio", &[0.2, 0.2, 1.1], ARITHMETIC, 0.0, 0.5 + 4.302652729749464 * 0.3);
        check("busy_ratio", &[-0.1, 0.2, 0.8], ARITHMETIC, 0.3 - 1.13837491, 1.0);
        check("major_faults", &[0.0, 0.0, 3.0], ARITHMETIC, 0.0, 1.0 + 4.302652729749464);
        check("pause_mean_ns", &[0.0, 0.0, 3.0], ARITHMETIC, 0.0, 1.0 + 4.302652729749464);
        assert!(mean_of("throughput_per_s", &[(0, 1.0)], 0.95, &Repetitions::Fixed(1)).is_err());
    }

    #[test]
    fn until_gives_its_own_metric_the_interval_of_the_pilot() {
        let until = |metric: &str| Repetitions::Until { min: 10, max: 40, until: 0.02, metric: metric.into() };
        let runs: Vec<(u32, f64)> = (0..20).map(|block| (block, 100.0 + f64::from(block % 5))).collect();
        let method =
            |metric, runs: &[(u32, f64)]| mean_of("throughput_per_s", runs, 0.95, &until(metric)).unwrap().method;
        assert_eq!(method("throughput_per_s", &runs), STEIN);
        assert_eq!(method("throughput_per_s", &runs[..10]), GEOMETRIC);
        assert_eq!(method("local_hit_ratio", &runs), GEOMETRIC);
        // Without one of the pilot's ten there is no pilot that covers what it promises.
        assert_eq!(method("throughput_per_s", &runs[1..]), GEOMETRIC);
    }

    #[test]
    fn clean_samples_have_the_mean_that_all_have() {
        let check = |all: &[f64], clean: &[f64], method: &str, value: f64| {
            let repetitions = Repetitions::Fixed(3);
            let all = mean_of("pause_mean_ns", &in_blocks(all), 0.95, &repetitions).unwrap();
            let found = clean_mean_of(Some(&all), "pause_mean_ns", &in_blocks(clean), 0.95, &repetitions).unwrap();
            assert_eq!(found.method, method);
            assert!((found.estimate.value - value).abs() < 1e-12, "{found:?}");
        };
        check(&[1.0, 4.0, 9.0], &[1.0, 4.0], GEOMETRIC, 2.0);
        check(&[1.0, 4.0, 0.0], &[1.0, 4.0], ARITHMETIC, 2.5);
    }

    /// Blocks 0 to 11 are the pilot; two of them failed, and one of these was run again after all others.
    #[test]
    fn the_pilot_is_its_blocks_and_not_the_first_values() {
        let until = Repetitions::Until { min: 12, max: 40, until: 0.02, metric: "throughput_per_s".into() };
        // The pilot spreads, what comes later does not: its spread tells whose it is.
        let value = |block: u32| if block < 12 { 100.0 + f64::from(block) } else { 105.0 };
        let mut runs: Vec<(u32, f64)> =
            (0..20).filter(|block| ![3, 7].contains(block)).map(|block| (block, value(block))).collect();
        runs.push((7, value(7)));
        let found = mean_of("throughput_per_s", &runs, 0.95, &until).unwrap();
        let pilot: Vec<f64> = (0..12).filter(|&block| block != 3).map(value).collect();
        let sd = stats::summary::variance(&pilot).unwrap().sqrt();
        let half = stats::interval::t_quantile(0.975, 10.0) * sd / 19f64.sqrt();
        assert_eq!((found.method, found.estimate.df), (STEIN, 10.0));
        assert!((found.estimate.interval.half_width() - half).abs() < 1e-12, "{found:?}, expected ± {half}");
    }
}
