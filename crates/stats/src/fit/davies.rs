//! Davies' test: is a straight line broken somewhere? Not a test of a threshold.
//!
//! The place of the break exists only where there is one, so the usual F test with a fitted psi rejects too often.
//! Davies (2002) bounds the tail of the largest |t| over a grid of places. What it rejects is a straight line: any
//! smooth curve is none, so a small p says "not straight" and never "a threshold". For that a broken line must beat the
//! smooth curves ([`crate::decide`]).

use statrs::function::gamma::ln_gamma;

use crate::error::{StatsError, check_pairs, check_positive, check_values};
use crate::fit::quality::group_by_x;
use crate::interval::t_upper_tail;
use crate::linear::least_squares;

/// Places that are tried, equally spaced from the second distinct x to the last but one. Other grids give other p: the
/// raytracer's moves from 1.1e-4 to 2.3e-4 (statistics notes, section 8).
pub const DAVIES_PLACES: usize = 10;

/// Fewest distinct x: two on either side of a break, and one to spare.
const MIN_DISTINCT: usize = 5;

/// What [`davies`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Davies {
    /// Upper bound of the probability of such a |t| on a straight line, 0..1.
    pub p: f64,
    /// Place of the grid with the largest |t| of a change of slope.
    pub place: f64,
    /// That |t|.
    pub statistic: f64,
    /// Its degrees of freedom, n - 3.
    pub df: usize,
}

/// Tests y against a straight line in x; squared residuals are multiplied by their weight.
///
/// # Errors
/// `TooFew` below 5 distinct x; `LengthMismatch`, `NotFinite`, `NotPositive` for weights, `NoSpread` where the line
/// leaves no residual.
pub fn davies(x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Result<Davies, StatsError> {
    check_pairs("x and y", x.len(), y.len())?;
    check_values("x", x, 0)?;
    check_values("y", y, 0)?;
    if let Some(weights) = weights {
        check_pairs("x and weights", x.len(), weights.len())?;
        check_positive("weights", weights, 0)?;
    }
    let distinct: Vec<f64> = group_by_x(x).iter().map(|group| x[group[0]]).collect();
    if distinct.len() < MIN_DISTINCT {
        return Err(StatsError::TooFew { what: "distinct x", found: distinct.len(), needed: MIN_DISTINCT });
    }
    let roots: Vec<f64> = (0..x.len()).map(|i| weights.map_or(1.0, |weights| weights[i].sqrt())).collect();
    let column = |of: &dyn Fn(f64) -> f64| x.iter().zip(&roots).map(|(x, root)| root * of(*x)).collect::<Vec<f64>>();
    let target: Vec<f64> = y.iter().zip(&roots).map(|(y, root)| root * y).collect();
    let (first, last) = (distinct[1], distinct[distinct.len() - 2]);
    let df = x.len() - 3;
    let mut tried = Vec::with_capacity(DAVIES_PLACES);
    for step in 0..DAVIES_PLACES {
        let place = first + (last - first) * step as f64 / (DAVIES_PLACES - 1) as f64;
        let columns = [column(&|_| 1.0), column(&|x| x), column(&|x| (x - place).max(0.0))];
        let solved = least_squares(&columns, &target).ok_or(StatsError::NoSpread { what: "x" })?;
        let fitted = |i: usize| (0..3).map(|j| solved.coefficients[j] * columns[j][i]).sum::<f64>();
        let rss: f64 = target.iter().enumerate().map(|(i, y)| (y - fitted(i)).powi(2)).sum();
        // The square of Z is what the break takes off the sum of squares.
        let z2 = solved.coefficients[2].powi(2) / solved.gram_inverse[2][2];
        if z2 + rss <= 0.0 {
            return Err(StatsError::NoSpread { what: "residuals of a straight line" });
        }
        tried.push((place, (z2 / rss * df as f64).sqrt(), (z2 / (z2 + rss)).sqrt().asin()));
    }
    let (place, statistic, _) =
        tried.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).expect("the grid has ten places");
    let variation: f64 = tried.windows(2).map(|pair| (pair[1].2 - pair[0].2).abs()).sum();
    Ok(Davies { p: tail(statistic, variation, df as f64), place, statistic, df })
}

/// 2 [P(T > M) + V (1-u)^((df-1)/2) G(df/2 + 1/2) / (2 G(df/2) sqrt(pi))], u = M²/(df + M²), at most 1.
fn tail(most: f64, variation: f64, df: f64) -> f64 {
    let beyond = t_upper_tail(most, df);
    // 1 - u, without the cancellation.
    let ln_rest = (df / (df + most * most)).ln();
    let ln_factor = 0.5 * (df - 1.0) * ln_rest + ln_gamma(0.5 * df + 0.5) - ln_gamma(0.5 * df);
    (2.0 * (beyond + variation * ln_factor.exp() / (2.0 * std::f64::consts::PI.sqrt()))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_lines_stay_and_any_curve_goes() {
        let x: Vec<f64> = (1..=20).map(f64::from).collect();
        let wobble = |x: f64| 0.1 * ((x * 7919.0) % 11.0 - 5.0);
        let line: Vec<f64> = x.iter().map(|x| 3.0 + 2.0 * x + wobble(*x)).collect();
        assert!(davies(&x, &line, None).unwrap().p > 0.2);
        // A parabola has no threshold, and is rejected all the same.
        let smooth: Vec<f64> = x.iter().map(|x| 3.0 + 0.2 * x * x + wobble(*x)).collect();
        assert!(davies(&x, &smooth, None).unwrap().p < 1e-9);
        // Twice the rows with half the weight are the same sums of squares, with more df.
        let (two_x, two_y) = ([x.clone(), x.clone()].concat(), [line.clone(), line.clone()].concat());
        let (one, two) = (davies(&x, &line, None).unwrap(), davies(&two_x, &two_y, Some(&[0.5; 40])).unwrap());
        assert_eq!((one.df, two.df, one.place), (17, 37, two.place));
        assert!((two.statistic / one.statistic - (37.0_f64 / 17.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn refusals() {
        let few = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(davies(&few, &few, None), Err(StatsError::TooFew { what: "distinct x", found: 4, needed: 5 }));
        assert!(davies(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5], None).is_err());
        assert!(davies(&few, &few[..3], None).is_err());
    }
}
