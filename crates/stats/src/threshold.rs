//! Is there a threshold at x? Only where a broken line beats every smooth curve, by the rule of the statistics notes,
//! section 8 ([`decide_threshold`]); Davies' test alone ([`crate::fit::davies`]) rejects a straight line, so any smooth curve "has" a break.

use crate::decide::{Break, Standing, Verdict, decide_threshold};
use crate::error::{StatsError, check_range};
use crate::fit::{Fit, FitSettings, FitStatus, Model, fit, means_by_x};
use crate::interval::Interval;

/// Broken line against smooth rivals.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The broken line, with the profile interval of its break.
    pub broken: Fit,
    /// The smooth rivals that could be fitted.
    pub smooth: Vec<Fit>,
}

/// Fits a broken line and the smooth rivals to the same observations; rivals that are refused are left out.
///
/// # Errors
/// As [`fit`] for the broken line.
pub fn fit_threshold(settings: &FitSettings, rivals: &[Model], x: &[f64], y: &[f64]) -> Result<Threshold, StatsError> {
    let of = |model: Model| fit(&FitSettings { model, ..*settings }, x, y);
    let smooth = rivals.iter().filter(|model| **model != Model::BrokenLine).filter_map(|model| of(*model).ok());
    Ok(Threshold { broken: of(Model::BrokenLine)?, smooth: smooth.collect() })
}

/// Distinct x below a claimed threshold and above it.
pub fn sides(x: &[f64], claimed: f64) -> (usize, usize) {
    let (grid, _) = means_by_x(x, x);
    (grid.iter().filter(|at| **at < claimed).count(), grid.iter().filter(|at| **at > claimed).count())
}

impl Threshold {
    /// The verdict of [`decide_threshold`]; undecided where the data do not determine the broken line.
    ///
    /// `x` as in [`fit_threshold`].
    ///
    /// # Errors
    /// `OutOfRange` for a claimed threshold that is not above 0.
    pub fn decide(&self, x: &[f64], claimed: f64) -> Result<Verdict, StatsError> {
        check_range("claimed threshold", claimed, 0.0, f64::INFINITY)?;
        let Some(psi) = self.place() else { return Ok(Verdict::Undecided) };
        let found = Break {
            psi,
            broken_line: Standing::of(&self.broken),
            smooth: self.smooth.iter().map(Standing::of).collect(),
            sides: sides(x, claimed),
        };
        Ok(decide_threshold(&found, claimed))
    }

    /// Profile interval of the break; `None` where the data do not determine the line.
    pub fn place(&self) -> Option<Interval> {
        if self.broken.status == FitStatus::Undetermined {
            return None;
        }
        self.broken.value("knee_breakpoint")?.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];
    const SMOOTH: [Model; 5] = [Model::Usl, Model::Amdahl, Model::ExponentialSaturation, Model::Power, Model::Linear];

    fn verdict(claimed: f64, of: impl Fn(f64) -> f64) -> Verdict {
        let wobble = [0.99, 1.0, 1.01];
        let (x, y): (Vec<f64>, Vec<f64>) = GRID.iter().flat_map(|x| wobble.map(|w| (*x, w * of(*x)))).unzip();
        fit_threshold(&FitSettings::new(Model::BrokenLine), &SMOOTH, &x, &y).unwrap().decide(&x, claimed).unwrap()
    }

    #[test]
    fn a_break_is_supported_where_it_is_and_refuted_elsewhere() {
        let broken = |n: f64| 10.0 + 5.0 * n - 4.9 * (n - 16.0).max(0.0);
        assert_eq!(verdict(16.0, broken), Verdict::Supported);
        assert_eq!(verdict(32.0, broken), Verdict::Refuted);
        // Two x below 4: too few to say that it is straight there.
        assert_eq!(verdict(4.0, |n| 10.0 + 5.0 * n - 4.9 * (n - 4.0).max(0.0)), Verdict::Undecided);
    }

    #[test]
    fn a_smooth_curve_has_no_threshold() {
        let usl = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.002 * n * (n - 1.0));
        for claimed in [8.0, 12.0, 16.0, 24.0] {
            assert_eq!(verdict(claimed, usl), Verdict::Refuted, "{claimed}");
        }
        let data: Vec<f64> = GRID.to_vec();
        let line = fit_threshold(&FitSettings::new(Model::BrokenLine), &[], &data, &data.clone()).unwrap();
        assert!(line.decide(&data, 0.0).is_err());
    }
}
