//! How many runs are enough, without peeking: Stein's two stages.
//!
//! A fixed number of runs is the default of the suite and needs nothing from here. Stopping as soon as an interval
//! looks narrow is deliberately absent: it covers .87-.93 where .95 is promised and biases the variance down
//! (statistics notes, section 8, "Stopping").

use crate::error::{StatsError, check_range, check_unit, check_values};
use crate::interval::{Estimate, t_quantile};
use crate::summary::{mean_of, variance_of};

/// Fewest pilot runs; from here on the two stages cover what they promise (simulated .950).
pub const MIN_PILOT: usize = 10;

/// What the pilot decided. Nothing in it is looked at again until all runs are done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteinPlan {
    /// Pilot runs, n0.
    pub pilot: usize,
    /// sd of the pilot, the only spread that enters the interval.
    pub pilot_sd: f64,
    /// Runs in all that reach the half width, pilot included: max(n0, ceil((t s0 / (h mean))²)).
    pub needed: usize,
    /// Runs in all to be made: `needed`, at most the cap.
    pub total: usize,
    /// Level of the interval, 0..1.
    pub level: f64,
}

impl SteinPlan {
    /// Whether the cap cut the plan, so that the asked half width will not be reached.
    pub fn is_capped(&self) -> bool {
        self.total < self.needed
    }
}

/// First stage: from the pilot runs to the number of runs in all.
///
/// `relative_half_width` is h of "± h of the mean" (0.02 for "2%"); `cap` bounds the total.
///
/// # Errors
/// `TooFew` below [`MIN_PILOT`] pilot runs or for a cap below them, `NotFinite`, `OutOfRange`, and `NotPositive` for
/// a mean of 0, of which no half width is a fraction.
pub fn stein_plan(pilot: &[f64], relative_half_width: f64, level: f64, cap: usize) -> Result<SteinPlan, StatsError> {
    check_values("pilot runs", pilot, MIN_PILOT)?;
    check_unit("level", level)?;
    check_range("relative half width", relative_half_width, 0.0, f64::INFINITY)?;
    if cap < pilot.len() {
        return Err(StatsError::TooFew { what: "runs allowed", found: cap, needed: pilot.len() });
    }
    let mean = mean_of(pilot).abs();
    if mean == 0.0 {
        return Err(StatsError::NotPositive { what: "mean of the pilot", index: 0, value: mean });
    }
    let pilot_sd = variance_of(pilot).sqrt();
    let t = t_quantile(0.5 + level / 2.0, (pilot.len() - 1) as f64);
    // A saturating cast: an absurd request becomes usize::MAX and is capped.
    let needed = ((t * pilot_sd / (relative_half_width * mean)).powi(2).ceil() as usize).max(pilot.len());
    Ok(SteinPlan { pilot: pilot.len(), pilot_sd, needed, total: needed.min(cap), level })
}

/// Second stage: the interval of the mean of all runs (pilot first), ± t_{n0-1} s0 / sqrt N.
///
/// It uses the pilot's sd and df, whatever the later runs say: that is what makes its coverage exact.
///
/// # Errors
/// `TooFew` for fewer runs than the pilot had, `NotFinite`.
pub fn stein_interval(plan: &SteinPlan, all: &[f64]) -> Result<Estimate, StatsError> {
    check_values("runs", all, plan.pilot)?;
    let std_error = plan.pilot_sd / (all.len() as f64).sqrt();
    Ok(Estimate::from_t(mean_of(all), std_error, (plan.pilot - 1) as f64, all.len(), plan.level))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PILOT: [f64; 10] = [98.0, 102.0, 101.0, 99.0, 100.0, 103.0, 97.0, 100.0, 104.0, 96.0];

    #[test]
    fn two_stages() {
        // sd² = 60/9, t_.975,9 = 2.26216: (2.26216 · 2.58199 / (h · 100))² = .341154e-2 / h².
        for (h, cap, needed, total) in [
            (0.02, 40, 10, 10),
            (0.01, 40, 35, 35),
            (0.01, 20, 35, 20),
            (0.01, 10, 35, 10),
            (0.0001, 1000, 341157, 1000),
        ] {
            let plan = stein_plan(&PILOT, h, 0.95, cap).unwrap();
            assert!(plan.needed.abs_diff(needed) <= needed / 10_000, "{plan:?}");
            assert_eq!((plan.total, plan.is_capped()), (total, total < needed));
        }
    }

    #[test]
    fn the_interval_keeps_the_pilots_spread() {
        let plan = stein_plan(&PILOT, 0.01, 0.95, 40).unwrap();
        let all: Vec<f64> = PILOT.iter().copied().chain(std::iter::repeat_n(100.0, plan.total - 10)).collect();
        let estimate = stein_interval(&plan, &all).unwrap();
        assert_eq!((estimate.df, estimate.n), (9.0, 35));
        assert!((estimate.interval.half_width() - 2.2621571628 * plan.pilot_sd / 35_f64.sqrt()).abs() < 1e-9);
        assert!(estimate.interval.half_width() <= 1.0);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            stein_plan(&PILOT[..9], 0.02, 0.95, 40),
            Err(StatsError::TooFew { what: "pilot runs", found: 9, needed: 10 })
        );
        assert!(stein_plan(&PILOT, 0.0, 0.95, 40).is_err());
        assert!(stein_plan(&PILOT, 0.02, 0.95, 5).is_err());
        assert!(stein_plan(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0], 0.02, 0.95, 40).is_err());
        let plan = stein_plan(&PILOT, 0.02, 0.95, 40).unwrap();
        assert!(stein_interval(&plan, &PILOT[..5]).is_err());
    }
}
