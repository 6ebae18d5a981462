//! Did it change? Two sides of one positive figure, the margin that counts as noise, and a verdict by fixed rules.
//!
//! Higher or lower iff the simultaneous interval of the ratio lies wholly beyond the margin, the same iff its 90 %
//! interval lies wholly within, else undecided. All on the ln scale, where a ratio and its inverse are as far from 1.
//! Intervals are by t. The exact sign-flip permutation stands beside a paired one, and only where it could reach the level
//! of the family at all; it decides nothing. Source: the suite's statistics notes, section 8, "compare".

use crate::decide::{NeededN, Region, needed_n};
use crate::error::{StatsError, check_pairs, check_range};
use crate::interval::{Estimate, ln_of, paired_ln_ratio, welch_difference};
use crate::multiplicity::bonferroni_level;

/// Pairs up to which all sign flips are gone through: half a million sums.
const FLIPPED_MOST: usize = 20;
/// Level of the interval that must lie within the margin: two one-sided tests at 5 %.
const SAME_LEVEL: f64 = 0.90;
/// What is promised for all contrasts of a family together.
const FAMILY_LEVEL: f64 = 0.95;

/// What became of a figure from one side to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// More than the margin above.
    Higher,
    /// More than the margin below.
    Lower,
    /// Within the margin.
    Same,
    /// The data admit more than one of these.
    Undecided,
}

/// One contrast of a family, second side over first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// The ratio with its simultaneous interval: at 1 - .05 / m.
    pub ratio: Estimate,
    /// The same at 90 %, for "the same".
    pub same: Estimate,
    /// The verdict.
    pub change: Change,
    /// Blocks, or runs on each side, that would decide; `None` where it is decided.
    pub needed: Option<NeededN>,
    /// Two-sided p of no difference by all sign flips of the pairs; `None` for unpaired sides, and where its least value,
    /// 2^(1 - pairs), is above .05 / m or the pairs are too many to go through.
    pub permutation_p: Option<f64>,
}

/// What all contrasts of a family share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    /// How many contrasts it has, m.
    pub contrasts: usize,
    /// The relative change that counts as noise: 0.02 is a ratio from 1 / 1.02 to 1.02.
    pub noise: f64,
}

impl Family {
    /// `b[i] / a[i]`, paired: both of one block.
    ///
    /// # Errors
    /// `TooFew` below 2 pairs, `LengthMismatch`, `NotPositive`, `NotFinite`, `OutOfRange` for the noise.
    pub fn paired(&self, a: &[f64], b: &[f64]) -> Result<Contrast, StatsError> {
        let wide = paired_ln_ratio(b, a, self.level()?)?;
        let narrow = paired_ln_ratio(b, a, SAME_LEVEL)?;
        let reaches = 2f64.powi(1 - a.len() as i32) <= (1.0 - FAMILY_LEVEL) / self.contrasts as f64;
        let permutation_p = match reaches && a.len() <= FLIPPED_MOST {
            true => Some(sign_flip_p(a, b)?),
            false => None,
        };
        Ok(Contrast { permutation_p, ..self.judged(wide, narrow, a.len())? })
    }

    /// Ratio of the geometric means of `b` and `a`, unpaired, by Welch's t: each value is a session of its own.
    ///
    /// # Errors
    /// As [`Family::paired`].
    pub fn unpaired(&self, a: &[f64], b: &[f64]) -> Result<Contrast, StatsError> {
        let (ln_a, ln_b) = (ln_of("first side", a, 2)?, ln_of("second side", b, 2)?);
        let wide = welch_difference(&ln_a, &ln_b, self.level()?)?;
        let narrow = welch_difference(&ln_a, &ln_b, SAME_LEVEL)?;
        self.judged(wide, narrow, a.len().max(b.len()))
    }

    /// Level of each simultaneous interval, 1 - .05 / m.
    ///
    /// # Errors
    /// `TooFew` for a family without contrasts.
    pub fn level(&self) -> Result<f64, StatsError> {
        bonferroni_level(FAMILY_LEVEL, self.contrasts)
    }

    /// By the two intervals of the ln ratio; `n` as the number that would decide counts it.
    fn judged(&self, wide: Estimate, narrow: Estimate, n: usize) -> Result<Contrast, StatsError> {
        if self.noise != 0.0 {
            check_range("noise", self.noise, 0.0, 1.0)?;
        }
        let delta = self.noise.ln_1p();
        let change = decide_change(&wide, &narrow, delta);
        // What it looks like is what more of it would show.
        let half_width = if wide.value.abs() > delta { wide } else { narrow }.interval.half_width();
        let needed = match change {
            Change::Undecided => Some(needed_n(n, wide.value, half_width, &Region::around(0.0, delta))?),
            _ => None,
        };
        Ok(Contrast { ratio: wide.exp(), same: narrow.exp(), change, needed, permutation_p: None })
    }
}

/// From the simultaneous and the 90 % interval of an ln ratio to a verdict; the margin is ± `delta`.
fn decide_change(wide: &Estimate, narrow: &Estimate, delta: f64) -> Change {
    if wide.interval.low > delta {
        Change::Higher
    } else if wide.interval.high < -delta {
        Change::Lower
    } else if -delta <= narrow.interval.low && narrow.interval.high <= delta {
        Change::Same
    } else {
        Change::Undecided
    }
}

/// Two-sided p of "no difference" for paired ratios: the share of all sign flips of the ln ratios whose sum is as far from 0
/// as the one observed. Exact; equal up to rounding counts as equal.
///
/// # Errors
/// `TooFew` without a pair, `LengthMismatch`, `NotPositive`, `OutOfRange` above 20 pairs.
pub fn sign_flip_p(a: &[f64], b: &[f64]) -> Result<f64, StatsError> {
    check_pairs("paired values", a.len(), b.len())?;
    check_range("number of pairs", a.len() as f64, 0.0, FLIPPED_MOST as f64 + 1.0)?;
    let (a, b) = (ln_of("first side", a, 1)?, ln_of("second side", b, 1)?);
    let differences: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - a).collect();
    let observed = differences.iter().sum::<f64>().abs();
    let rounding = 1e-12 * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    // The sign of the last one is fixed: flipping all of them changes no distance from 0.
    let (last, free) = differences.split_last().expect("one pair or more");
    let extreme = (0u32..1 << free.len()).filter(|flips| {
        let flipped = |(at, difference): (usize, &f64)| if flips >> at & 1 == 1 { -difference } else { *difference };
        let sum = last + free.iter().enumerate().map(flipped).sum::<f64>();
        sum.abs() >= observed - rounding
    });
    Ok(extreme.count() as f64 / f64::from(1u32 << free.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family = Family { contrasts: 1, noise: 0.02 };

    /// A side of which the geometric mean is `mean`, with a fixed spread in percent.
    fn side(mean: f64, spread: f64) -> Vec<f64> {
        [-1.5, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 1.5].map(|step: f64| mean * (step * spread / 100.0).exp()).to_vec()
    }

    #[test]
    fn one_of_four_verdicts() {
        let check = |ratio: f64, spread: f64, expect: Change| {
            let found = FAMILY.unpaired(&side(100.0, spread), &side(100.0 * ratio, spread)).unwrap();
            assert_eq!(found.change, expect, "{ratio} {spread}: {found:?}");
            assert_eq!(found.needed.is_some(), expect == Change::Undecided);
            assert!((found.ratio.value - ratio).abs() < 1e-12);
        };
        check(1.0, 1.0, Change::Same);
        check(1.05, 1.0, Change::Higher);
        check(0.95, 1.0, Change::Lower);
        check(1.02, 1.0, Change::Undecided);
        check(1.0, 3.0, Change::Undecided);
        check(1.05, 5.0, Change::Undecided);
    }

    #[test]
    fn a_ratio_and_its_inverse_are_judged_alike() {
        for ratio in [1.019, 1.0201, 1.03, 1.04, 1.1] {
            let (one, two) = (side(100.0, 1.0), side(100.0 * ratio, 1.0));
            let (up, down) = (FAMILY.unpaired(&one, &two).unwrap(), FAMILY.unpaired(&two, &one).unwrap());
            let mirrored = match down.change {
                Change::Lower => Change::Higher,
                Change::Higher => Change::Lower,
                other => other,
            };
            assert_eq!(up.change, mirrored, "{ratio}");
            assert!((up.ratio.interval.low * down.ratio.interval.high - 1.0).abs() < 1e-12);
        }
    }

    /// By hand: half width t(.975; 14) x sqrt(2 x var / 8), var of the ln values = 7 / 7 x (spread / 100)².
    #[test]
    fn the_number_that_would_decide_is_that_of_the_nearest_edge() {
        let check = |ratio: f64, t: f64| {
            let found = FAMILY.unpaired(&side(100.0, 3.0), &side(100.0 * ratio, 3.0)).unwrap();
            let half = t * 0.03 * 0.5;
            let distance = (ratio.ln().abs() - 1.02_f64.ln()).abs();
            let expect = (8.0 * (half / distance).powi(2)).ceil();
            assert_eq!(found.needed, Some(NeededN::Samples(expect as usize)), "{ratio}");
        };
        // Within the margin the 90 % interval would have to shrink, beyond it the simultaneous one.
        check(1.0, 1.761310135774891);
        check(1.05, 2.144786687916927);
    }

    #[test]
    fn a_larger_family_needs_more() {
        let (one, two) = (side(100.0, 1.0), side(104.0, 1.0));
        assert_eq!(FAMILY.unpaired(&one, &two).unwrap().change, Change::Higher);
        let family = Family { contrasts: 1000, ..FAMILY };
        let found = family.unpaired(&one, &two).unwrap();
        assert_eq!(found.change, Change::Undecided);
        assert!((found.ratio.level - 0.99995).abs() < 1e-12 && found.same.level == 0.9);
    }

    #[test]
    fn pairs_take_out_what_a_block_shares() {
        let blocks = [1.0, 2.0, 0.5, 1.5, 0.7, 1.2, 3.0, 0.9_f64];
        let (one, two): (Vec<f64>, Vec<f64>) =
            blocks.iter().zip(side(1.05, 0.5)).map(|(block, side)| (100.0 * block, 100.0 * block * side)).unzip();
        assert_eq!(FAMILY.paired(&one, &two).unwrap().change, Change::Higher);
        assert_eq!(FAMILY.unpaired(&one, &two).unwrap().change, Change::Undecided);
    }

    /// R: exactly 2 of the 2^6 sign patterns are as extreme as six differences of one sign; by hand for the other.
    #[test]
    fn sign_flips_are_counted_exactly() {
        let p = |differences: &[f64]| {
            let (a, b): (Vec<f64>, Vec<f64>) = differences.iter().map(|difference| (1.0, difference.exp())).unzip();
            sign_flip_p(&a, &b).unwrap()
        };
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 2.0 / 64.0);
        // |1 + 2 - 3| = 0: every pattern is as extreme.
        assert_eq!(p(&[1.0, 2.0, -3.0]), 1.0);
        // Sums of ±1 ±2 ±4: 5 or more in distance are ±7 and ±5.
        assert_eq!(p(&[-1.0, 2.0, 4.0]), 4.0 / 8.0);
        assert_eq!(p(&[0.1]), 1.0);
        assert!(sign_flip_p(&[1.0; 21], &[1.0; 21]).is_err() && sign_flip_p(&[], &[]).is_err());
    }

    #[test]
    fn the_permutation_stands_beside_only_where_it_could_reach_the_level() {
        let check = |pairs: usize, contrasts: usize, expect: bool| {
            let (one, two) = (vec![1.0; pairs], (0..pairs).map(|at| 1.1 + at as f64 / 1e3).collect::<Vec<_>>());
            let found = Family { contrasts, noise: 0.02 }.paired(&one, &two).unwrap();
            assert_eq!(found.permutation_p.is_some(), expect, "{pairs} {contrasts}");
        };
        // 2^-5 = .031 <= .05, 2^-4 = .0625 is not; 2^-9 = .00195 <= .05 / 25 = .002, and not .05 / 26.
        check(6, 1, true);
        check(5, 1, false);
        check(10, 25, true);
        check(10, 26, false);
        check(20, 1, true);
        check(21, 1, false);
    }

    #[test]
    fn refusals() {
        assert!(Family { contrasts: 0, noise: 0.02 }.unpaired(&side(1.0, 1.0), &side(1.0, 1.0)).is_err());
        assert!(Family { contrasts: 1, noise: 1.0 }.unpaired(&side(1.0, 1.0), &side(1.0, 1.0)).is_err());
        assert!(FAMILY.unpaired(&[1.0], &[1.0, 2.0]).is_err() && FAMILY.paired(&[1.0], &[1.0]).is_err());
        assert!(matches!(FAMILY.unpaired(&[1.0, 0.0], &[1.0, 2.0]), Err(StatsError::NotPositive { index: 1, .. })));
        // Sides without any spread are decided; those on the edge of the margin never are.
        assert_eq!(FAMILY.unpaired(&[1.0, 1.0], &[1.0, 1.0]).unwrap().change, Change::Same);
        assert_eq!(Family { contrasts: 1, noise: 0.0 }.unpaired(&[1.0; 3], &[1.0; 3]).unwrap().change, Change::Same);
    }
}
