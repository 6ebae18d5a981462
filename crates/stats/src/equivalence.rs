//! Is a ratio the printed one, give or take? Two one-sided tests (Schuirmann 1987).
//!
//! Equivalence at 5 % is the same as a 90 % interval inside the region. A claim asks for more, the interval at the
//! claims' own level ([`crate::decide::decide`]); this p is printed beside it.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::decide::Region;
use crate::error::{StatsError, check_positive};
use crate::interval::Estimate;

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
    // Beyond 1e5 df t is normal to 5 digits, and statrs takes no infinity.
    let t = StudentsT::new(0.0, 1.0, ratio.df.min(1e5));
    Ok(t.map_or(f64::NAN, |t| t.sf(nearest / ratio.std_error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::{Interval, t_quantile};
    use crate::variance::run_ratio;

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
