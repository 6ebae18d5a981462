//! Curves with one break: a step, and three kinks, fitted to ln y over every place that the break may have.
//!
//! At a given place each is linear in its three coefficients, on ln y or on y itself, so that no start has to be guessed: all
//! places are tried, and the profile of the sum of squares over them is the interval. At least two distinct x lie on each side.

use crate::error::{StatsError, check_pairs, check_positive, check_unit};
use crate::fit::{ADEQUATE_MISFIT, LACK_OF_FIT_ALPHA, MIN_DISTINCT_X, Model, aicc, group_by_x};
use crate::interval::{Interval, t_quantile};
use crate::linear::least_squares;
use crate::variance::f_upper_tail;

/// Places that are tried between two neighbouring x.
const PLACES: usize = 24;
/// Parameters: three coefficients and the place.
const FREE: usize = 4;
/// Gauss-Newton steps of a curve that is linear in y and fitted to ln y; from weighted least squares two or three suffice.
const STEPS: usize = 8;

/// How a curve breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakKind {
    /// ln y = a + b ln x, and h more past the break.
    Step,
    /// ln y = a + b ln x + d ln(x / psi) past the break: one power of x before it and another past it, 1/x among these.
    KinkOfLn,
    /// y = a + b x + d (x - psi) past the break.
    Kink,
    /// x y = a + b x + d (x - psi) past the break: of a mean cost y, what each further one costs changes.
    KinkOfTotal,
}

impl BreakKind {
    /// All of them.
    pub const ALL: [BreakKind; 4] = [BreakKind::Step, BreakKind::KinkOfLn, BreakKind::Kink, BreakKind::KinkOfTotal];
}

impl std::fmt::Display for BreakKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            BreakKind::Step => "step",
            BreakKind::KinkOfLn => "kink of ln on ln",
            BreakKind::Kink => "kink",
            BreakKind::KinkOfTotal => "kink of the total",
        })
    }
}

/// A curve with one break, fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakFit {
    /// Which.
    pub kind: BreakKind,
    /// Where it breaks: of a step the geometric mean of the two x around it.
    pub psi: f64,
    /// Profile interval of the place; of a step from an x before it to an x past it.
    pub place: Interval,
    /// What is added past the break: below 0 it turns down, above 0 up.
    pub turn: f64,
    /// Observations.
    pub n: usize,
    /// Degrees of freedom of the interval.
    pub df: usize,
    /// As of [`crate::fit::Fit`], of ln y.
    pub aicc: Option<f64>,
    /// rms of the means' relative distance from the curve.
    pub misfit_ratio: f64,
    /// Lack-of-fit p >= .05, or misfit at most 2 %.
    pub adequate: bool,
}

/// Means of ln y over the distinct x, and what lies within these.
struct Means {
    x: Vec<f64>,
    ln_y: Vec<f64>,
    counts: Vec<f64>,
    n: usize,
    /// Sum of squares within equal x.
    within: f64,
}

impl Means {
    fn of(x: &[f64], y: &[f64]) -> Means {
        let groups = group_by_x(x);
        let ln: Vec<f64> = y.iter().map(|y| y.ln()).collect();
        let mean = |group: &Vec<usize>| group.iter().map(|at| ln[*at]).sum::<f64>() / group.len() as f64;
        let ln_y: Vec<f64> = groups.iter().map(mean).collect();
        let apart = |(group, mean): (&Vec<usize>, &f64)| group.iter().map(|at| (ln[*at] - mean).powi(2)).sum::<f64>();
        Means {
            within: groups.iter().zip(&ln_y).map(apart).sum(),
            x: groups.iter().map(|group| x[group[0]]).collect(),
            counts: groups.iter().map(|group| group.len() as f64).collect(),
            ln_y,
            n: x.len(),
        }
    }

    /// Weighted sum of squares of the means about a curve, and the coefficient of what is added past the break; `None` where the
    /// data do not determine it or it is not above 0.
    fn about(&self, kind: BreakKind, psi: f64) -> Option<(f64, f64)> {
        match kind {
            BreakKind::Step => self.linear_in_ln(|x| f64::from(x > psi)),
            BreakKind::KinkOfLn => self.linear_in_ln(|x| (x / psi).ln().max(0.0)),
            BreakKind::Kink => self.linear_in_y([&|_| 1.0, &|x| x, &|x| (x - psi).max(0.0)]),
            BreakKind::KinkOfTotal => self.linear_in_y([&|x| 1.0 / x, &|_| 1.0, &|x| (1.0 - psi / x).max(0.0)]),
        }
    }

    fn linear_in_ln(&self, past: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
        let column = |of: &dyn Fn(f64) -> f64| self.weighted(self.x.iter().map(|x| of(*x)));
        let columns = [column(&|_| 1.0), column(&|x: f64| x.ln()), column(&past)];
        let coefficients = least_squares(&columns, &self.weighted(self.ln_y.iter().copied()))?.coefficients;
        let curve = |x: f64| coefficients[0] + coefficients[1] * x.ln() + coefficients[2] * past(x);
        Some((self.squares(curve), coefficients[2]))
    }

    /// From least squares of y, weighted so that errors are relative, by Gauss and Newton to those of ln y.
    fn linear_in_y(&self, basis: [&dyn Fn(f64) -> f64; 3]) -> Option<(f64, f64)> {
        let row = |x: f64| basis.map(|of| of(x));
        let value = |coefficients: &[f64], x: f64| row(x).iter().zip(coefficients).map(|(of, c)| of * c).sum::<f64>();
        let squares = |coefficients: &[f64]| match self.x.iter().all(|x| value(coefficients, *x) > 0.0) {
            true => self.squares(|x| value(coefficients, x).ln()),
            false => f64::INFINITY,
        };
        // Columns over the curve so far are d ln f; over the data they are the relative errors of the first step.
        let columns = |over: &dyn Fn(usize) -> f64| -> Vec<Vec<f64>> {
            let column = |j: usize| self.weighted((0..self.x.len()).map(|at| row(self.x[at])[j] / over(at)));
            (0..3).map(column).collect()
        };
        let of_data = columns(&|at| self.ln_y[at].exp());
        let mut best = least_squares(&of_data, &self.weighted(self.x.iter().map(|_| 1.0)))?.coefficients;
        let mut least = squares(&best);
        if !least.is_finite() {
            return None;
        }
        for _ in 0..STEPS {
            let residuals = self.weighted((0..self.x.len()).map(|at| self.ln_y[at] - value(&best, self.x[at]).ln()));
            let Some(step) = least_squares(&columns(&|at| value(&best, self.x[at])), &residuals) else { break };
            let moved: Vec<f64> = best.iter().zip(&step.coefficients).map(|(c, step)| c + step).collect();
            let found = squares(&moved);
            if found >= least {
                break;
            }
            (best, least) = (moved, found);
        }
        Some((least, best[2]))
    }

    fn weighted(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        values.zip(&self.counts).map(|(value, count)| value * count.sqrt()).collect()
    }

    fn squares(&self, ln_curve: impl Fn(f64) -> f64) -> f64 {
        let apart = |((x, ln_y), count): ((&f64, &f64), &f64)| count * (ln_y - ln_curve(*x)).powi(2);
        self.x.iter().zip(&self.ln_y).zip(&self.counts).map(apart).sum()
    }

    /// Places to try, and what each stands for: a kink lies there, a step between two x.
    fn places(&self, kind: BreakKind) -> Vec<(f64, Interval)> {
        let gaps = self.x.windows(2).enumerate().filter(|(at, _)| *at >= 1 && at + 3 <= self.x.len());
        let mut places = Vec::new();
        for (_, gap) in gaps {
            let (low, high) = (gap[0], gap[1]);
            if kind == BreakKind::Step {
                places.push(((low * high).sqrt(), Interval { low, high }));
                continue;
            }
            let at = |step: usize| low * (high / low).powf(step as f64 / PLACES as f64);
            // Between two places that are tried none is told from them.
            let around = |step: usize| Interval { low: at(step.saturating_sub(1)), high: at((step + 1).min(PLACES)) };
            places.extend((0..=PLACES).map(|step| (at(step), around(step))));
        }
        places
    }
}

/// Fits one kind at every place; `None` where no place determines it.
fn fit_break(means: &Means, kind: BreakKind, level: f64) -> Option<BreakFit> {
    let tried: Vec<(f64, Interval, f64, f64)> = means
        .places(kind)
        .into_iter()
        .filter_map(|(psi, around)| means.about(kind, psi).map(|(squares, turn)| (psi, around, squares, turn)))
        .collect();
    let best = tried.iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
    let &(psi, _, between, turn) = best;
    let (n, m) = (means.n, means.x.len());
    let misfit_ratio = means.misfit_of(kind, psi)?;
    let rss = between + means.within;
    // Replicates without any spread have no pure error to test with: there the misfit alone says it, as for smooth curves.
    let test = (n > m && means.within > 0.0).then(|| {
        f_upper_tail(between / (m - FREE) as f64 / (means.within / (n - m) as f64), (m - FREE) as f64, (n - m) as f64)
    });
    let is_lacking = test.is_some_and(|p| p < LACK_OF_FIT_ALPHA);
    let (squares, df) = if is_lacking { (between, m - FREE) } else { (rss, n - FREE) };
    // F(1, df) is the square of t(df).
    let most = between + squares / df as f64 * t_quantile(0.5 + level / 2.0, df as f64).powi(2);
    let inside = tried.iter().filter(|(_, _, squares, _)| *squares <= most).map(|(_, around, ..)| *around);
    Some(BreakFit {
        kind,
        psi,
        place: inside.reduce(|a, b| a.hull(&b))?,
        turn,
        n,
        df,
        aicc: aicc(rss, n, FREE, 0.0),
        misfit_ratio,
        adequate: test.is_some_and(|p| p >= LACK_OF_FIT_ALPHA) || misfit_ratio <= ADEQUATE_MISFIT,
    })
}

impl Means {
    /// Each x counts alike, however many observations it has.
    fn misfit_of(&self, kind: BreakKind, psi: f64) -> Option<f64> {
        let alike = Means { counts: vec![1.0; self.x.len()], x: self.x.clone(), ln_y: self.ln_y.clone(), ..*self };
        let (squares, _) = alike.about(kind, psi)?;
        Some((squares / self.x.len() as f64).sqrt())
    }
}

/// Every kind that the data determine, on the same observations; the best comes first: an adequate one before others, then by
/// AICc.
///
/// # Errors
/// `LengthMismatch`, `NotPositive`, `OutOfRange` for the level, `FitRefused` below [`MIN_DISTINCT_X`] distinct x.
pub fn fit_breaks(level: f64, x: &[f64], y: &[f64]) -> Result<Vec<BreakFit>, StatsError> {
    check_unit("level", level)?;
    check_pairs("x and y", x.len(), y.len())?;
    check_positive("x", x, 0)?;
    check_positive("y", y, 0)?;
    let means = Means::of(x, y);
    let found = means.x.len();
    if found < MIN_DISTINCT_X {
        return Err(StatsError::FitRefused { model: Model::BrokenLine, found, needed: MIN_DISTINCT_X });
    }
    let mut fits: Vec<BreakFit> = BreakKind::ALL.iter().filter_map(|kind| fit_break(&means, *kind, level)).collect();
    let rank = |fit: &BreakFit| fit.aicc.unwrap_or(f64::INFINITY);
    fits.sort_by(|a, b| b.adequate.cmp(&a.adequate).then(rank(a).total_cmp(&rank(b))));
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: [f64; 9] = [4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 25.0, 50.0, 100.0];

    /// The best curve through three runs a place, 1 % apart.
    fn best(of: impl Fn(f64) -> f64) -> BreakFit {
        let (x, y): (Vec<f64>, Vec<f64>) = GRID
            .iter()
            .enumerate()
            .flat_map(|(i, x)| [0, 1, 2].map(|j| (*x, of(*x) * [0.99, 1.0, 1.01][(i + j) % 3])))
            .unzip();
        fit_breaks(0.95, &x, &y).unwrap()[0]
    }

    #[test]
    fn each_kind_is_found_where_it_is() {
        let check = |kind: Option<BreakKind>, of: fn(f64) -> f64, low: f64, high: f64, turn: f64| {
            let found = best(of);
            assert!(kind.is_none_or(|kind| found.kind == kind) && found.adequate, "{found:?}");
            assert!(low <= found.place.low && found.place.high <= high && found.turn.signum() == turn, "{found:?}");
            assert!(found.place.contains(found.psi), "{found:?}");
        };
        check(Some(BreakKind::Step), |x| if x <= 10.0 { 100.0 } else { 50.0 }, 10.0, 12.0, -1.0);
        // From level to 1/x is a kink of the total, too: at x it adds nothing any more.
        check(None, |x| if x <= 10.0 { 100.0 } else { 1000.0 / x }, 9.5, 10.5, -1.0);
        check(
            Some(BreakKind::KinkOfLn),
            |x| if x <= 12.0 { x } else { 12.0 * (x / 12.0).powf(-0.4) },
            11.5,
            12.5,
            -1.0,
        );
        check(Some(BreakKind::Kink), |x| 100.0 + 9.0 * (x - 16.0).max(0.0), 15.0, 17.0, 1.0);
        // Ten tasks of 50, and 500 for each further one.
        check(Some(BreakKind::KinkOfTotal), |x| 50.0 + 450.0 * (1.0 - 10.0 / x).max(0.0), 9.5, 10.5, 1.0);
    }

    /// Of a curve of another form the best is not adequate, and its place rests on the means.
    #[test]
    fn two_breaks_are_none_of_these() {
        let found = best(|x| {
            if x <= 8.0 {
                100.0
            } else if x <= 25.0 {
                50.0
            } else {
                80.0
            }
        });
        assert!(!found.adequate && found.df == GRID.len() - FREE && found.misfit_ratio > 0.05, "{found:?}");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let five = &GRID[..5];
        assert!(matches!(fit_breaks(0.95, five, five), Err(StatsError::FitRefused { found: 5, needed: 6, .. })));
        assert!(fit_breaks(0.95, &GRID, five).is_err() && fit_breaks(1.5, &GRID, &GRID).is_err());
        assert!(fit_breaks(0.95, &GRID, &[0.0; 9]).is_err());
        // A straight line without any spread: some curve meets it, wherever it breaks.
        assert!(fit_breaks(0.95, &GRID, &GRID).unwrap()[0].adequate);
    }
}
