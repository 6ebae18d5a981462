//! Is a ratio the printed one, give or take? Two one-sided tests (Schuirmann 1987).
//!
//! Equivalence at 5 % is the same as a 90 % interval inside the region. A claim asks for more, the interval at the
//! claims' own level ([`crate::decide::decide`]); this p is printed beside it.

use crate::decide::{NeededN, Region};
use crate::error::{StatsError, check_positive, check_range, check_unit};
use crate::interval::{Estimate, t_quantile, t_upper_tail};

/// The larger of the p-values of "the ratio lies at the lower edge or below" and "at the upper edge or above".
///
/// `ratio` as [`Estimate::exp`] leaves it: value and edges above 0, its standard error that of the ln.
///
/// # Errors
/// `NotPositive` for a ratio or an edge that has no ln.
pub fn equivalence_p(ratio: &Estimate, region: &Region) -> Result<f64, StatsError> {
    check_positive("ratio and edges", &[ratio.value, region.low, region.high], 3)?;
    let below = (ratio.value / region.low).ln();
    let above = (region.high / ratio.value).ln();
    let nearest = below.min(above);
    if ratio.std_error == 0.0 {
        return Ok(if nearest > 0.0 { 0.0 } else { 1.0 });
    }
    Ok(t_upper_tail(nearest / ratio.std_error, ratio.df))
}

/// Runs of each side after which the interval at `level` lies within `factor` of the printed ratio with a chance of
/// `power`, were it true: t (1 + level)/2 + t (1 + power)/2 standard errors fit into ln factor.
///
/// `spread_a`, `spread_b`: variances of the runs' ln figure on either side, as a pilot shows them.
///
/// # Errors
/// `OutOfRange` for a negative spread, a factor of 1 or less, a level or power outside (0, 1).
pub fn runs_to_confirm(
    spread_a: f64,
    spread_b: f64,
    factor: f64,
    level: f64,
    power: f64,
) -> Result<NeededN, StatsError> {
    for spread in [spread_a, spread_b] {
        check_range("spread of the runs", spread, -f64::MIN_POSITIVE, f64::INFINITY)?;
    }
    check_range("factor", factor, 1.0, f64::INFINITY)?;
    check_unit("level", level)?;
    check_unit("power", power)?;
    let fits = |n: &usize| {
        let std_error = ((spread_a + spread_b) / *n as f64).sqrt();
        let df = 2.0 * (*n as f64 - 1.0);
        (t_quantile(0.5 + level / 2.0, df) + t_quantile(0.5 + power / 2.0, df)) * std_error <= factor.ln()
    };
    Ok((2..=1000).find(fits).map_or(NeededN::MoreThan1000, NeededN::Samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::{Interval, t_quantile};
    use crate::variance::run_ratio;
    use statrs::distribution::{ContinuousCDF, StudentsT};

    /// `make coverage`: of two sides of lognormal pauses, s .5, 100 a run (variance of ln s² .079), .79 are confirmed at
    /// 10 runs; with runs that differ by .2 (.239), .78 at 30; with s 1 (.39), .52 at 30.
    #[test]
    fn runs_to_confirm_as_simulated() {
        let needed = |spread: f64| runs_to_confirm(spread, spread, 1.5, 0.95, 0.8).unwrap();
        assert!(matches!(needed(0.079), NeededN::Samples(10..=14)), "{}", needed(0.079));
        assert!(matches!(needed(0.239), NeededN::Samples(30..=36)), "{}", needed(0.239));
        assert!(matches!(needed(0.39), NeededN::Samples(40..=60)), "{}", needed(0.39));
        assert_eq!((needed(0.0), needed(100.0)), (NeededN::Samples(2), NeededN::MoreThan1000));
        assert!(runs_to_confirm(-1.0, 0.1, 1.5, 0.95, 0.8).is_err());
        assert!(runs_to_confirm(0.1, 0.1, 1.0, 0.95, 0.8).is_err());
    }

    #[test]
    fn five_percent_is_where_the_90_percent_interval_touches_the_edge() {
        let region = Region::within_factor(3.8, 1.5);
        let ratio = |value: f64, std_error: f64| {
            let half = t_quantile(0.975, 18.0) * std_error;
            let interval = Interval { low: value * (-half).exp(), high: value * half.exp() };
            Estimate { value, interval, std_error, df: 18.0, n: 20, level: 0.95 }
        };
        let touching = 1.5_f64.ln() / t_quantile(0.95, 18.0);
        assert!((equivalence_p(&ratio(3.8, touching), &region).unwrap() - 0.05).abs() < 1e-9);
        assert!(equivalence_p(&ratio(3.8, 0.9 * touching), &region).unwrap() < 0.05);
        assert!(equivalence_p(&ratio(7.0, 0.01), &region).unwrap() > 0.999);
        assert_eq!(equivalence_p(&ratio(3.8, 0.0), &region), Ok(0.0));
        assert!(equivalence_p(&ratio(3.8, 0.1), &Region::above(0.0)).is_err());
        // On the side of runs: ratio 4 with standard error .2^.5 ln 2 at 8 df, 1.85 of them from ln 5.7.
        let runs = run_ratio(&[1.0, 2.0, 4.0, 2.0, 2.0], &[8.0, 8.0, 16.0, 4.0, 8.0], 0.95).unwrap();
        let t = (5.7_f64 / 4.0).ln() / (0.2_f64.sqrt() * std::f64::consts::LN_2);
        let expect = StudentsT::new(0.0, 1.0, 8.0).unwrap().sf(t);
        assert!((equivalence_p(&runs, &region).unwrap() - expect).abs() < 1e-9);
    }
}
