//! Does a metric turn at x, in the direction and by the size that a sentence says? Decided by three questions, the rule of the
//! statistics notes, section 8, with a direction and a size added to it:
//!
//! *By how much?* The ratio of y at the last x to y at the last one well before the claimed place ([`ends`]); its interval is the
//! caller's, who knows what is paired with what. *Where?* The best curve with a break ([`crate::breaks`]), and which way it turns
//! there. *Is there one at all?* Smooth curves, the straight line on ln and ln among them, must be led by it. Davies' test alone
//! ([`crate::fit::davies`]) rejects a straight line, so any smooth curve "has" a break.

use crate::breaks::{BreakFit, fit_breaks};
use crate::decide::{KNEE_FACTOR, Region, Standing, Verdict, decide};
use crate::error::{StatsError, check_range};
use crate::fit::{Fit, FitSettings, IntervalKind, Model, fit, means_by_x};
use crate::interval::Interval;

/// Fewest grid points on each side of a threshold.
pub const THRESHOLD_SIDE: usize = 3;

/// Which way a metric goes past the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Down.
    Falls,
    /// Up.
    Rises,
}

/// What a sentence says of a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sought {
    /// Where; a break within x/÷ [`KNEE_FACTOR`] is there.
    pub near: f64,
    /// Which way it goes from there.
    pub way: Way,
    /// By which factor at least, above 1.
    pub factor: f64,
}

impl Sought {
    /// Where the break must lie.
    pub fn region(&self) -> Region {
        Region::within_factor(self.near, KNEE_FACTOR)
    }

    /// What y past the threshold over y before it must be.
    pub fn change(&self) -> Region {
        match self.way {
            Way::Falls => Region::below(1.0 / self.factor),
            Way::Rises => Region::above(self.factor),
        }
    }
}

/// Curves with a break against smooth ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The best first.
    pub breaks: Vec<BreakFit>,
    /// The smooth rivals that could be fitted.
    pub smooth: Vec<Fit>,
}

/// Why the verdict is what it is; the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Past the threshold y is not as much lower, or higher.
    NoSuchChange,
    /// No curve with a break is determined.
    Undetermined,
    /// A smooth curve leads.
    Smooth,
    /// The break lies elsewhere.
    Elsewhere,
    /// There it turns the other way.
    OtherWay,
    /// No curve with a break fits.
    NotAdequate,
    /// A smooth curve is about as good, or better where the change is not certain.
    Close,
    /// The interval of the break lies across an edge of where it must be.
    Across,
    /// Fewer than [`THRESHOLD_SIDE`] x on one side.
    FewPoints,
    /// The interval of the change lies across its edge.
    ChangeAcross,
    /// All of it holds.
    Holds,
}

/// Fits all curves to the same observations; rivals that are refused, and the broken line, which is no rival, are left out.
///
/// # Errors
/// As [`fit_breaks`].
pub fn fit_threshold(level: f64, rivals: &[Model], x: &[f64], y: &[f64]) -> Result<Threshold, StatsError> {
    let breaks = fit_breaks(level, x, y)?;
    let settings = |model| FitSettings { level, interval: IntervalKind::Delta, ..FitSettings::new(model) };
    let of = |model: &Model| fit(&settings(*model), x, y).ok();
    let smooth = rivals.iter().filter(|model| **model != Model::BrokenLine).filter_map(of);
    Ok(Threshold { breaks, smooth: smooth.collect() })
}

/// Distinct x below a claimed threshold and above it.
pub fn sides(x: &[f64], claimed: f64) -> (usize, usize) {
    let (grid, _) = means_by_x(x, x);
    (grid.iter().filter(|at| **at < claimed).count(), grid.iter().filter(|at| **at > claimed).count())
}

/// Indexes into an ascending grid of what the change is taken between: the last x before where the break must lie, and the last
/// of all, if it lies past that.
pub fn ends(grid: &[f64], near: f64) -> Option<(usize, usize)> {
    let region = Region::within_factor(near, KNEE_FACTOR);
    let (before, last) = (grid.iter().rposition(|x| *x <= region.low)?, grid.len() - 1);
    (grid[last] >= region.high).then_some((before, last))
}

impl Threshold {
    /// The best curve with a break.
    pub fn best(&self) -> Option<&BreakFit> {
        self.breaks.first()
    }

    /// Where the break lies: the hull over the best curve and those that it does not lead.
    pub fn place(&self) -> Option<Interval> {
        let best = self.best()?;
        let close = |fit: &&BreakFit| !standing(best).leads(&standing(fit));
        self.breaks.iter().filter(close).map(|fit| fit.place).reduce(|a, b| a.hull(&b))
    }

    /// The adequate smooth curve of least AICc.
    pub fn best_smooth(&self) -> Option<&Fit> {
        let rank = |fit: &&Fit| fit.aicc.unwrap_or(f64::INFINITY);
        self.smooth.iter().filter(|fit| fit.is_adequate()).min_by(|a, b| rank(a).total_cmp(&rank(b)))
    }

    /// The verdict on observations at these `x`, with the interval of the change between [`ends`].
    ///
    /// # Errors
    /// `OutOfRange` for a claimed threshold that is not above 0 or a factor that is not above 1.
    pub fn decide(&self, x: &[f64], change: &Interval, sought: &Sought) -> Result<(Verdict, Why), StatsError> {
        check_range("claimed threshold", sought.near, 0.0, f64::INFINITY)?;
        check_range("factor", sought.factor, 1.0, f64::INFINITY)?;
        let size = decide(change, &sought.change());
        if size == Verdict::Refuted {
            return Ok((Verdict::Refuted, Why::NoSuchChange));
        }
        let Some((best, place)) = self.best().zip(self.place()) else {
            return Ok((Verdict::Undecided, Why::Undetermined));
        };
        let rivals = || self.smooth.iter().filter(|fit| fit.is_adequate()).map(Standing::of);
        let own = standing(best);
        if rivals().any(|rival| rival.leads(&own)) {
            // Of few points the criterion's price for parameters alone makes that lead: then the change must be certain.
            return Ok(match size {
                Verdict::Supported => (Verdict::Refuted, Why::Smooth),
                _ => (Verdict::Undecided, Why::Close),
            });
        }
        if !best.adequate {
            return Ok((Verdict::Undecided, Why::NotAdequate));
        }
        let place = decide(&place, &sought.region());
        if place == Verdict::Refuted {
            return Ok((Verdict::Refuted, Why::Elsewhere));
        }
        if !rivals().all(|rival| own.leads(&rival)) {
            return Ok((Verdict::Undecided, Why::Close));
        }
        let (below, above) = sides(x, sought.near);
        let turns = if best.turn < 0.0 { Way::Falls } else { Way::Rises };
        Ok(match (place, size) {
            (Verdict::Undecided, _) => (Verdict::Undecided, Why::Across),
            _ if below.min(above) < THRESHOLD_SIDE => (Verdict::Undecided, Why::FewPoints),
            _ if turns != sought.way => (Verdict::Refuted, Why::OtherWay),
            (_, Verdict::Undecided) => (Verdict::Undecided, Why::ChangeAcross),
            _ => (Verdict::Supported, Why::Holds),
        })
    }
}

fn standing(fit: &BreakFit) -> Standing {
    Standing { aicc: fit.aicc, adequate: fit.adequate, wrong: false }
}

#[cfg(test)]
mod tests;
