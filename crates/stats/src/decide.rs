//! From an interval and a region to a verdict, by fixed rules, so that two people reach the same one.
//!
//! Source: the suite's statistics notes, section 8, but for [`decide_peak`] (the last of the grid must be beaten) and
//! [`decide_preference`] (who refutes); README.md of this crate lists every difference with its reason. Not decided here:
//! whether the data exist and are good enough (the caller's "not testable"), and what a printed table contradicts. Give
//! intervals at [`crate::multiplicity::bonferroni_level`] where a file makes several claims.

use crate::error::{StatsError, check_positive, check_range, check_values};
use crate::fit::{Fit, leads};
use crate::interval::{Estimate, Interval, paired_ln_ratio, t_two_sided_p};
use crate::multiplicity::{bonferroni_level, holm};

/// A ratio is as printed within this factor (statistics notes, section 8, as the two below).
pub const RATIO_FACTOR: f64 = 1.1;
/// A knee or a break is where it is claimed within this factor.
pub const KNEE_FACTOR: f64 = 1.25;
/// A ratio of variances is as printed within this factor.
pub const VARIANCE_FACTOR: f64 = 1.5;

/// The values for which a claim counts as true; a side may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
}

impl Region {
    /// printed ± tolerance.
    pub fn around(printed: f64, tolerance: f64) -> Region {
        Region { low: printed - tolerance, high: printed + tolerance }
    }

    /// From printed / factor to printed · factor.
    pub fn within_factor(printed: f64, factor: f64) -> Region {
        Region { low: printed / factor, high: printed * factor }
    }

    /// Everything above `edge`: the direction alone.
    pub fn above(edge: f64) -> Region {
        Region { low: edge, high: f64::INFINITY }
    }

    /// Everything below `edge`.
    pub fn below(edge: f64) -> Region {
        Region { low: f64::NEG_INFINITY, high: edge }
    }
}

/// What the data say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every value that the data admit makes the claim true.
    Supported,
    /// No value that the data admit makes the claim true.
    Refuted,
    /// The data admit both.
    Undecided,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Verdict::Supported => "supported",
            Verdict::Refuted => "refuted",
            Verdict::Undecided => "undecided",
        })
    }
}

/// Supported iff the interval lies inside the region, refuted iff they are disjoint. NaN anywhere: undecided.
pub fn decide(interval: &Interval, region: &Region) -> Verdict {
    if region.low <= interval.low && interval.high <= region.high && interval.low <= interval.high {
        Verdict::Supported
    } else if interval.high < region.low || region.high < interval.low {
        Verdict::Refuted
    } else {
        Verdict::Undecided
    }
}

/// Rising along the grid: supported iff every lower limit of the adjacent differences is above -delta, refuted iff
/// any upper limit is below -delta.
///
/// The intervals must hold simultaneously ([`adjacent_ln_ratios`]). For "falling" pass them negated.
///
/// # Errors
/// `TooFew` without any difference, `OutOfRange` for a negative delta.
pub fn decide_rising(differences: &[Interval], delta: f64) -> Result<Verdict, StatsError> {
    if differences.is_empty() {
        return Err(StatsError::TooFew { what: "adjacent differences", found: 0, needed: 1 });
    }
    if !(delta >= 0.0 && delta.is_finite()) {
        return Err(StatsError::OutOfRange { what: "delta", value: delta, low: 0.0, high: f64::INFINITY });
    }
    Ok(if differences.iter().all(|difference| difference.low > -delta) {
        Verdict::Supported
    } else if differences.iter().any(|difference| difference.high < -delta) {
        Verdict::Refuted
    } else {
        Verdict::Undecided
    })
}

/// `ln(y[i+1] / y[i])` of neighbouring grid points, paired by block, at a level that holds for all of them together.
///
/// Shape of `points`: `[n_points][n_blocks]`, all values above 0, block j at the same place in every point.
///
/// # Errors
/// `TooFew` below 2 points or 2 blocks, `LengthMismatch`, `NotPositive`, `OutOfRange`.
pub fn adjacent_ln_ratios(points: &[Vec<f64>], level: f64) -> Result<Vec<Estimate>, StatsError> {
    if points.len() < 2 {
        return Err(StatsError::TooFew { what: "grid points", found: points.len(), needed: 2 });
    }
    let each = bonferroni_level(level, points.len() - 1)?;
    points.windows(2).map(|pair| paired_ln_ratio(&pair[1], &pair[0], each)).collect()
}

/// Which grid points no other point beats significantly: the set in which the peak lies.
///
/// All pairs are compared by a paired t of ln y over the blocks, Holm-adjusted over the pairs; a point is beaten by
/// one with a higher mean and adjusted p <= alpha. Shape of `points`: `[n_points][n_blocks]`.
///
/// # Errors
/// As [`adjacent_ln_ratios`].
pub fn not_beaten(points: &[Vec<f64>], alpha: f64) -> Result<Vec<bool>, StatsError> {
    check_range("alpha", alpha, 0.0, 1.0)?;
    if points.len() < 2 {
        return Err(StatsError::TooFew { what: "grid points", found: points.len(), needed: 2 });
    }
    let (mut losers, mut p) = (Vec::new(), Vec::new());
    for i in 0..points.len() {
        for j in i + 1..points.len() {
            let ratio = paired_ln_ratio(&points[i], &points[j], 1.0 - alpha)?;
            losers.push(if ratio.value < 0.0 { i } else { j });
            p.push(p_of(&ratio));
        }
    }
    let mut kept = vec![true; points.len()];
    for (loser, p) in losers.into_iter().zip(holm(&p)?) {
        if p <= alpha {
            kept[loser] = false;
        }
    }
    Ok(kept)
}

/// Two-sided p of "the difference is 0"; blocks that agree exactly leave no doubt either way.
fn p_of(difference: &Estimate) -> f64 {
    match (difference.value == 0.0, difference.std_error == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => t_two_sided_p(difference.value / difference.std_error, difference.df),
    }
}

/// Peak at `x`: supported iff all unbeaten grid points lie within one grid step of it and the last of the grid is beaten,
/// refuted iff it and both its neighbours are beaten.
///
/// Where the last is unbeaten the peak may lie beyond it, where nothing was measured. `grid` ascending; `x` need not be on
/// it: then its two neighbours stand for it.
///
/// # Errors
/// `LengthMismatch`, `TooFew` for an empty grid, `OutOfRange` for an `x` outside the grid: nothing was measured there.
pub fn decide_peak(grid: &[f64], unbeaten: &[bool], x: f64) -> Result<Verdict, StatsError> {
    check_values("grid points", grid, 1)?;
    crate::error::check_pairs("grid and its unbeaten points", grid.len(), unbeaten.len())?;
    let (low, high) = (grid[0], grid[grid.len() - 1]);
    if !(low..=high).contains(&x) {
        return Err(StatsError::OutOfRange { what: "claimed peak", value: x, low, high });
    }
    let at_or_above = grid.partition_point(|point| *point < x);
    let last_near = if grid[at_or_above] == x { at_or_above + 1 } else { at_or_above };
    let near = at_or_above.saturating_sub(1)..=last_near;
    let (mut inside, mut outside) = (false, false);
    for (index, _) in unbeaten.iter().enumerate().filter(|(_, unbeaten)| **unbeaten) {
        if near.contains(&index) { inside = true } else { outside = true }
    }
    let is_open = unbeaten[unbeaten.len() - 1];
    Ok(match (inside, outside) {
        (true, false) if !is_open => Verdict::Supported,
        (false, true) => Verdict::Refuted,
        _ => Verdict::Undecided,
    })
}

/// The interval of a peak, without upper limit where it reaches the last of the grid: the peak lies there or beyond, where
/// nothing was measured.
pub fn open_at_end(grid: &[f64], peak: &Interval) -> Interval {
    let last = grid.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Interval { low: peak.low, high: if peak.high < last { peak.high } else { f64::INFINITY } }
}

/// Knee near `printed`: the hull of the profile interval of n* and the model-free one against printed x/÷ [`KNEE_FACTOR`].
///
/// The model-free one is that of [`open_at_end`]. Only for an adequate fit; beyond 2 % misfit the caller says undecided.
pub fn decide_knee(profile: &Interval, model_free: &Interval, printed: f64) -> Verdict {
    decide(&profile.hull(model_free), &Region::within_factor(printed, KNEE_FACTOR))
}

/// A model's standing in a choice among models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// AICc, of the same response and data for all; `None` where it does not exist.
    pub aicc: Option<f64>,
    /// Whether its fit is adequate.
    pub adequate: bool,
    /// Whether it misses the means by more than an adequate curve may, and significantly, which only replicates can tell.
    pub wrong: bool,
}

impl Standing {
    /// That of a fit.
    pub fn of(fit: &Fit) -> Standing {
        Standing { aicc: fit.aicc, adequate: fit.is_adequate(), wrong: fit.is_wrong() }
    }

    /// Whether it is ahead by [`DECISIVE_LEAD`](crate::fit::DECISIVE_LEAD) AICc; who has none cannot be led, nor lead.
    pub fn leads(&self, behind: &Standing) -> bool {
        self.aicc.zip(behind.aicc).is_some_and(|(ahead, behind)| leads(ahead, behind))
    }
}

/// Model preferred: supported iff adequate and leading every rival, refuted iff it is wrong itself and a rival leads it.
///
/// Whether that rival is adequate does not matter: that no curve is perfect does not save a worse one. Nor does noise make the
/// model wrong: what it hides is undecided.
pub fn decide_preference(model: &Standing, rivals: &[Standing]) -> Verdict {
    if model.wrong && rivals.iter().any(|rival| rival.leads(model)) {
        Verdict::Refuted
    } else if model.adequate && !rivals.is_empty() && rivals.iter().all(|rival| model.leads(rival)) {
        Verdict::Supported
    } else {
        Verdict::Undecided
    }
}

/// Samples that would decide an undecided claim; ordered by how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeededN {
    /// So many in all.
    Samples(usize),
    /// More than anyone will make.
    MoreThan1000,
}

impl NeededN {
    /// A number of samples, up to 1000.
    pub fn of(samples: usize) -> NeededN {
        if samples <= 1000 { NeededN::Samples(samples) } else { NeededN::MoreThan1000 }
    }
}

impl std::fmt::Display for NeededN {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NeededN::Samples(n) => f.pad(&n.to_string()),
            NeededN::MoreThan1000 => f.pad("> 1000"),
        }
    }
}

/// ceil(n (h / d)²): h the half width that n samples gave, d the distance from the estimate to the region's nearest
/// edge. Give all on the scale on which the interval is symmetric (ln for ratios).
///
/// # Errors
/// `TooFew` for n = 0, `NotFinite` for a half width or estimate that is none.
pub fn needed_n(n: usize, estimate: f64, half_width: f64, region: &Region) -> Result<NeededN, StatsError> {
    if n == 0 {
        return Err(StatsError::TooFew { what: "samples", found: 0, needed: 1 });
    }
    check_values("estimate and half width", &[estimate, half_width], 2)?;
    let distance = (estimate - region.low).abs().min((estimate - region.high).abs());
    let needed = (n as f64 * (half_width / distance).powi(2)).ceil();
    // 0 / 0: no spread, on the edge: no number of samples decides.
    Ok(if needed <= 1000.0 { NeededN::Samples((needed as usize).max(1)) } else { NeededN::MoreThan1000 })
}

/// The half width and distance of a ratio's claim on the ln scale: [`needed_n`] for values above 0.
///
/// # Errors
/// As [`needed_n`], and `NotPositive`.
pub fn needed_n_of_ratio(estimate: &Estimate, region: &Region) -> Result<NeededN, StatsError> {
    check_positive("ratio and its limits", &[estimate.value, estimate.interval.low, estimate.interval.high], 3)?;
    let half_width = (estimate.interval.high / estimate.interval.low).ln() / 2.0;
    // An edge at or below 0 is infinitely far on the ln scale.
    let ln_edge = |edge: f64| if edge > 0.0 { edge.ln() } else { f64::NEG_INFINITY };
    let region = Region { low: ln_edge(region.low), high: ln_edge(region.high) };
    needed_n(estimate.n, estimate.value.ln(), half_width, &region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFINITY: f64 = f64::INFINITY;

    #[test]
    fn inside_disjoint_neither() {
        let region = Region::within_factor(2.0, 1.1);
        for (low, high, expect) in [
            (1.9, 2.1, Verdict::Supported),
            (1.9, 2.3, Verdict::Undecided),
            (2.3, 2.4, Verdict::Refuted),
            (0.1, 1.8, Verdict::Refuted),
            (1.0, INFINITY, Verdict::Undecided),
            (2.3, INFINITY, Verdict::Refuted),
            (f64::NAN, 2.0, Verdict::Undecided),
            (f64::NAN, f64::NAN, Verdict::Undecided),
        ] {
            assert_eq!(decide(&Interval { low, high }, &region), expect, "{low} {high}");
        }
        assert_eq!(decide(&Interval { low: 0.1, high: INFINITY }, &Region::above(0.0)), Verdict::Supported);
        assert_eq!(decide(&Interval { low: 0.1, high: 0.3 }, &Region::below(0.0)), Verdict::Refuted);
    }

    #[test]
    fn rising() {
        let check = |lows: &[(f64, f64)], expect| {
            let differences: Vec<Interval> =
                lows.iter().map(|(low, high)| Interval { low: *low, high: *high }).collect();
            assert_eq!(decide_rising(&differences, 0.02).unwrap(), expect, "{lows:?}");
        };
        check(&[(0.1, 0.3), (-0.01, 0.1)], Verdict::Supported);
        check(&[(0.1, 0.3), (-0.05, 0.1)], Verdict::Undecided);
        check(&[(0.1, 0.3), (-0.05, -0.03)], Verdict::Refuted);
        assert!(decide_rising(&[], 0.02).is_err() && decide_rising(&[], -1.0).is_err());
    }

    #[test]
    fn adjacent_ratios_hold_together() {
        let points = [vec![1.0, 2.0, 4.0], vec![2.0, 5.0, 8.0], vec![2.0, 5.0, 8.0]];
        let ratios = adjacent_ln_ratios(&points, 0.95).unwrap();
        let expect = paired_ln_ratio(&points[1], &points[0], 0.975).unwrap();
        assert_eq!((ratios.len(), ratios[0], ratios[1].value), (2, expect, 0.0));
        assert!(ratios[0].value > 0.0 && adjacent_ln_ratios(&points[..1], 0.95).is_err());
    }

    #[test]
    fn the_peak_set_and_its_verdict() {
        let noise = [0.01, -0.01, 0.005, -0.005, 0.0, 0.008, -0.008, 0.002];
        let point = |mean: f64, turn: usize| (0..8).map(|i| mean * (1.0 + noise[(i + turn) % 8])).collect::<Vec<f64>>();
        let points = [point(50.0, 0), point(90.0, 1), point(100.0, 2), point(100.1, 3), point(70.0, 4)];
        let unbeaten = not_beaten(&points, 0.05).unwrap();
        assert_eq!(unbeaten, [false, false, true, true, false]);
        let grid = [8.0, 16.0, 32.0, 48.0, 64.0];
        for (x, expect) in [
            (32.0, Verdict::Supported),
            (48.0, Verdict::Supported),
            (40.0, Verdict::Supported),
            (16.0, Verdict::Undecided),
            (64.0, Verdict::Undecided),
            (8.0, Verdict::Refuted),
            (12.0, Verdict::Refuted),
        ] {
            assert_eq!(decide_peak(&grid, &unbeaten, x).unwrap(), expect, "{x}");
        }
        // A curve that only rises has its peak at the end of the sweep or beyond it.
        let rising = [false, false, false, false, true];
        assert_eq!(decide_peak(&grid, &rising, 64.0), Ok(Verdict::Undecided));
        assert_eq!(decide_peak(&grid, &[false, false, false, true, true], 48.0), Ok(Verdict::Undecided));
        assert_eq!(decide_peak(&grid, &rising, 16.0), Ok(Verdict::Refuted));
        assert!(matches!(decide_peak(&grid, &unbeaten, 65.0), Err(StatsError::OutOfRange { .. })));
        assert!(decide_peak(&grid, &unbeaten[1..], 8.0).is_err());
    }

    #[test]
    fn a_peak_at_the_end_of_the_grid_has_no_upper_limit() {
        let grid = [8.0, 64.0, 32.0, 64.0];
        let check = |high: f64, expect: f64| {
            let peak = Interval { low: 8.0, high };
            assert_eq!(open_at_end(&grid, &peak), Interval { low: 8.0, high: expect });
        };
        check(32.0, 32.0);
        check(64.0, INFINITY);
    }

    #[test]
    fn knees_need_both_intervals_inside() {
        let (narrow, wide) = (Interval { low: 30.0, high: 35.0 }, Interval { low: 27.0, high: INFINITY });
        assert_eq!(decide_knee(&narrow, &narrow, 32.0), Verdict::Supported);
        assert_eq!(decide_knee(&narrow, &wide, 32.0), Verdict::Undecided);
        assert_eq!(decide_knee(&narrow, &wide, 16.0), Verdict::Refuted);
    }

    #[test]
    fn preference_needs_six_and_adequacy() {
        let standing = |aicc, adequate, wrong| Standing { aicc, adequate, wrong };
        let (good, poor) = (standing(Some(-20.0), true, false), standing(Some(-13.0), true, false));
        let wrong = standing(Some(-13.0), false, true);
        assert_eq!(decide_preference(&good, &[poor]), Verdict::Supported);
        assert_eq!(decide_preference(&good, &[wrong]), Verdict::Supported);
        assert_eq!(decide_preference(&standing(Some(-20.0), false, false), &[poor]), Verdict::Undecided);
        // Led, and wrong by itself: however wrong the one that leads is.
        assert_eq!(decide_preference(&wrong, &[good]), Verdict::Refuted);
        assert_eq!(decide_preference(&wrong, &[standing(Some(-20.0), false, true), poor]), Verdict::Refuted);
        // Led but not wrong, wrong but not led.
        assert_eq!(decide_preference(&poor, &[good]), Verdict::Undecided);
        assert_eq!(decide_preference(&wrong, &[poor]), Verdict::Undecided);
        assert_eq!(decide_preference(&good, &[standing(Some(-15.0), true, false)]), Verdict::Undecided);
        assert_eq!(decide_preference(&good, &[standing(None, true, false)]), Verdict::Undecided);
        assert_eq!(decide_preference(&good, &[]), Verdict::Undecided);
    }

    #[test]
    fn samples_that_would_decide() {
        for (estimate, half, region, expect) in [
            (0.0, 0.2, Region::around(0.0, 0.1), "40"),
            (0.1875, 0.125, Region::around(0.0, 0.125), "40"),
            (0.1, 0.1, Region::around(0.0, 0.1), "> 1000"),
            (0.1, 0.0, Region::around(0.0, 0.1), "> 1000"),
            (0.0, 2.0, Region::around(0.0, 0.1), "> 1000"),
            (0.5, 1.0, Region::above(0.0), "40"),
        ] {
            assert_eq!(needed_n(10, estimate, half, &region).unwrap().to_string(), expect, "{estimate} {half}");
        }
        let ratio = Estimate::from_t(0.0, 0.1, 9.0, 10, 0.95).exp();
        let expect = (10.0 * (0.22621571628 / 1.1_f64.ln()).powi(2)).ceil() as usize;
        assert_eq!(needed_n_of_ratio(&ratio, &Region::within_factor(1.0, 1.1)).unwrap(), NeededN::Samples(expect));
        assert!(needed_n(0, 0.0, 1.0, &Region::above(0.0)).is_err());
        assert!(needed_n(5, 0.0, INFINITY, &Region::above(0.0)).is_err());
    }
}
