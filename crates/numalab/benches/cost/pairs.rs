//! Pairs of measurements, their ratios, and the line of the table that they make.

use stats::quantile::{quantile, quantile_interval};

pub(crate) type Failed = Box<dyn std::error::Error>;

/// Level of every interval.
const LEVEL: f64 = 0.95;

/// What was measured in one run, pair by pair.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// Measures both in turn; every other pair the other way round, so that a drift cancels.
pub(crate) fn measure(
    pairs: usize,
    mut ours: impl FnMut() -> Result<f64, Failed>,
    mut theirs: impl FnMut() -> Result<f64, Failed>,
) -> Result<Pairs, Failed> {
    let mut found = Pairs::default();
    for pair in 0..pairs {
        if pair % 2 == 0 {
            found.ours.push(ours()?);
            found.theirs.push(theirs()?);
        } else {
            found.theirs.push(theirs()?);
            found.ours.push(ours()?);
        }
    }
    Ok(found)
}

impl Pairs {
    /// Pairs that were measured elsewhere, `(ours, theirs)`.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Pairs {
        let (ours, theirs) = pairs.into_iter().unzip();
        Pairs { ours, theirs }
    }

    /// Against a limit instead of another measurement.
    pub(crate) fn against(limit: f64, ours: impl IntoIterator<Item = f64>) -> Pairs {
        Pairs::of(ours.into_iter().map(|ours| (ours, limit)))
    }

    /// Median of the ratios ours / theirs with its interval by order statistics.
    pub(crate) fn ratio(&self) -> Result<Ratio, Failed> {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect();
        let interval = quantile_interval(&ratios, 0.5, LEVEL)?;
        Ok(Ratio { median: quantile(&ratios, 0.5)?, low: interval.low, high: interval.high })
    }

    /// A line of the table: it passes when the upper limit of the ratio's interval is below `target`.
    pub(crate) fn line(&self, what: &str, unit: Unit, target: Option<f64>) -> Result<Line, Failed> {
        Ok(Line {
            what: what.into(),
            ours: unit.show(quantile(&self.ours, 0.5)?),
            theirs: unit.show(quantile(&self.theirs, 0.5)?),
            pairs: self.ours.len(),
            ratio: self.ratio()?,
            target,
        })
    }
}

/// A ratio ours / theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// In what a line is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Ns,
    Ms,
    Seconds,
    Megabytes,
    #[allow(dead_code, reason = "of the tasks' bench")]
    Bytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Ns => format!("{value:.2} ns"),
            Unit::Ms => format!("{value:.2} ms"),
            Unit::Seconds => format!("{value:.3} s"),
            Unit::Megabytes => format!("{value:.0} MB"),
            Unit::Bytes => format!("{value:.0} B"),
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) pairs: usize,
    pub(crate) ratio: Ratio,
    /// `None`: for comparison only.
    pub(crate) target: Option<f64>,
}

/// Widest name of a line.
const WIDTH: usize = 72;

impl Line {
    pub(crate) fn fails(&self) -> bool {
        // An interval that is not a number must not pass.
        self.target.is_some_and(|target| self.ratio.high.is_nan() || self.ratio.high >= target)
    }

    pub(crate) fn print(&self) {
        let Ratio { median, low, high } = self.ratio;
        let target = self.target.map_or("-".into(), |target| format!("{target:.2}"));
        let verdict = match (self.target, self.fails()) {
            (None, _) => "-",
            (Some(_), false) => "pass",
            (Some(_), true) => "FAIL",
        };
        println!(
            "{what:<WIDTH$} | {ours:>10} | {theirs:>11} | {ratio:<23} | {pairs:>5} | {target:>6} | {verdict}",
            what = self.what,
            ours = self.ours,
            theirs = self.theirs,
            ratio = format!("{median:.4} [{low:.4}, {high:.4}]"),
            pairs = self.pairs,
        );
    }
}

pub(crate) fn print_titles() {
    println!(
        "{what:<WIDTH$} | {ours:>10} | {theirs:>11} | {ratio:<23} | pairs | target | verdict",
        what = "what",
        ours = "ours",
        theirs = "theirs/limit",
        ratio = "ratio [95 % interval]",
    );
}
