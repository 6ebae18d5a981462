//! Several questions of one data set: Holm's and Bonferroni's corrections.

use crate::error::{StatsError, check_unit};

/// Level of each of `m` intervals that together keep `level`: 1 - (1 - level) / m (Bonferroni).
///
/// # Errors
/// `TooFew` for m = 0, `OutOfRange` for a level outside (0, 1).
pub fn bonferroni_level(level: f64, m: usize) -> Result<f64, StatsError> {
    check_unit("level", level)?;
    if m == 0 {
        return Err(StatsError::TooFew { what: "claims", found: 0, needed: 1 });
    }
    Ok(1.0 - (1.0 - level) / m as f64)
}

/// Holm's adjusted p-values (1979), in the order given; reject those at or below alpha.
///
/// As R's `p.adjust(p, "holm")`.
///
/// # Errors
/// `OutOfRange` for a p outside 0..1.
pub fn holm(p: &[f64]) -> Result<Vec<f64>, StatsError> {
    if let Some(value) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::OutOfRange { what: "p-value", value: *value, low: 0.0, high: 1.0 });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: p.adjust(c(.01, .04, .03, .005), "holm") = .03 .06 .06 .02.
    #[test]
    fn holm_as_r() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
        for (found, expect) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expect).abs() < 1e-15, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]).unwrap(), [1.0, 1.0]);
        assert!(holm(&[0.5, f64::NAN]).is_err());
    }

    #[test]
    fn bonferroni() {
        assert!((bonferroni_level(0.95, 10).unwrap() - 0.995).abs() < 1e-15);
        assert!(bonferroni_level(0.95, 0).is_err() && bonferroni_level(1.0, 2).is_err());
    }
}
