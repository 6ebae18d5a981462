//! One contrast: its figures on both sides, the verdict of the rules, and what forbids one.

use super::SESSIONS_LEAST;
use super::metrics::{Asked, Better};
use crate::ratios::bounds_of;
use crate::results::Results;
use crate::samples::Metric;
use crate::series::group_of;
use crate::summary::{Counts, is_by_construction};
use plan::point::Point;
use plan::record::{ContrastRow, Judgement, Replicate, Timing};
use stats::StatsError;
use stats::contrast::{Change, Contrast, Family};
use stats::summary::geometric_mean;
use std::collections::BTreeMap;

/// A point in one run.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) results: &'a Results,
    /// Index into the run's points.
    pub(super) point: usize,
}

/// One contrast that is to be judged.
pub(super) struct Question<'a> {
    pub(super) metric: &'a Asked,
    pub(super) replicate: Replicate,
    pub(super) family: Family,
    pub(super) baseline_name: &'a str,
    pub(super) candidate_name: &'a str,
    /// The point in each session; one alone for arms.
    pub(super) baseline: Vec<Place<'a>>,
    pub(super) candidate: Vec<Place<'a>>,
    pub(super) not_in_turn: Option<String>,
    pub(super) marks: &'a [String],
    pub(super) anyway: bool,
}

/// Which samples, and what of them, a contrast is made of.
#[derive(Clone, Copy, PartialEq)]
enum View {
    /// What decides.
    All,
    /// Without flagged samples.
    Clean,
    /// With the warm-up.
    Whole,
    /// The lower bound of the baseline against the upper one of the candidate.
    BoundsUp,
    /// The other way round.
    BoundsDown,
}

/// One figure by block, or by the number of its session.
type Figures = BTreeMap<u32, f64>;

/// The row of a contrast.
pub(super) fn answer(question: &Question<'_>) -> ContrastRow {
    let row = blank(question);
    let sides = question.sides(View::All);
    let [n_baseline, n_candidate] = match (&sides, question.replicate) {
        (Ok((a, b)), Replicate::Session) => [a.len() as u64, b.len() as u64],
        (Ok((a, b)), Replicate::Block) => [paired(a, b).0.len() as u64; 2],
        _ => [0; 2],
    };
    let centre = |side: &Figures| geometric_mean(&side.values().copied().collect::<Vec<_>>()).ok();
    let [baseline_mean, candidate_mean] =
        sides.as_ref().map_or([None; 2], |(baseline, candidate)| [centre(baseline), centre(candidate)]);
    let contrast = sides.and_then(|sides| question.contrast(sides));
    let row = ContrastRow { n_baseline, n_candidate, baseline_mean, candidate_mean, ..row };
    // Two single sessions have a ratio, but nothing to tell its error by.
    let few = question.few_sessions();
    let row = match &contrast {
        Ok(contrast) if few.is_none() => with_figures(row, contrast),
        _ => ContrastRow { ratio: candidate_mean.zip(baseline_mean).map(|(b, a)| b / a), ..row },
    };
    let marks = question.marks_of();
    let marked = ContrastRow { marks: (!marks.is_empty()).then(|| marks.join("; ")), ..row };
    let forbidden = few.or_else(|| question.forbidden()).or_else(|| question.doubt_of_samples());
    let (verdict, reason) = match (forbidden, contrast) {
        (Some(reason), _) => (Judgement::Undecided, reason),
        (None, Err(why)) => (Judgement::Undecided, no_contrast(&why)),
        (None, Ok(contrast)) => match question.says_otherwise(contrast.change) {
            Some(reason) => (Judgement::Undecided, reason),
            None => {
                let judgement = judgement_of(contrast.change, question.metric.better);
                let needed_n = contrast.needed.map(|needed| needed.to_string());
                return ContrastRow { verdict: judgement, reason: reason_of(question, &contrast), needed_n, ..marked };
            }
        },
    };
    ContrastRow { verdict, reason, ..marked }
}

/// Why there is no contrast, in words of what was measured.
fn no_contrast(why: &StatsError) -> String {
    match why {
        StatsError::NotPositive { value, .. } => format!("a sample has {value}, so that there is no ratio"),
        why => why.to_string(),
    }
}

/// More is better: higher is faster. Less is better: higher is slower.
fn judgement_of(change: Change, better: Better) -> Judgement {
    match (change, better) {
        (Change::Higher, Better::More) | (Change::Lower, Better::Less) => Judgement::Faster,
        (Change::Higher, Better::Less) | (Change::Lower, Better::More) => Judgement::Slower,
        (Change::Same, _) => Judgement::Same,
        (Change::Undecided, _) => Judgement::Undecided,
    }
}

fn reason_of(question: &Question<'_>, contrast: &Contrast) -> String {
    let noise = format!("± {noise} %", noise = trimmed(100.0 * question.family.noise));
    let level = trimmed(100.0 * contrast.ratio.level);
    match contrast.change {
        Change::Higher | Change::Lower => format!("the {level} % interval lies beyond {noise}"),
        Change::Same => format!("the 90 % interval lies within {noise}"),
        Change::Undecided => format!("the intervals lie across the edge of {noise}"),
    }
}

/// `97.5`, `99.17`, `2`.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

fn with_figures(row: ContrastRow, contrast: &Contrast) -> ContrastRow {
    ContrastRow {
        ratio: Some(contrast.ratio.value),
        ci_low: Some(contrast.ratio.interval.low),
        ci_high: Some(contrast.ratio.interval.high),
        same_low: Some(contrast.same.interval.low),
        same_high: Some(contrast.same.interval.high),
        df: Some(contrast.ratio.df),
        permutation_p: contrast.permutation_p,
        ..row
    }
}

/// Values of both sides in the blocks that both have.
fn paired(a: &Figures, b: &Figures) -> (Vec<f64>, Vec<f64>) {
    a.iter().filter_map(|(block, a)| Some((*a, *b.get(block)?))).unzip()
}

impl Question<'_> {
    /// Figures of the baseline and of the candidate.
    fn sides(&self, view: View) -> Result<(Figures, Figures), StatsError> {
        Ok((self.values(&self.baseline, view, true)?, self.values(&self.candidate, view, false)?))
    }

    fn contrast(&self, (a, b): (Figures, Figures)) -> Result<Contrast, StatsError> {
        match self.replicate {
            Replicate::Block => {
                let (a, b) = paired(&a, &b);
                self.family.paired(&a, &b)
            }
            Replicate::Session => {
                let [a, b] = [a, b].map(|side| side.into_values().collect::<Vec<f64>>());
                self.family.unpaired(&a, &b)
            }
        }
    }

    /// Values of a side by block, or geometric means of its sessions by their number.
    fn values(&self, side: &[Place<'_>], view: View, is_baseline: bool) -> Result<Figures, StatsError> {
        let mut values = Figures::new();
        for (number, place) in (0..).zip(side) {
            let runs = self.runs(place, view, is_baseline);
            match self.replicate {
                Replicate::Block => values.extend(runs),
                Replicate::Session if runs.is_empty() => {}
                Replicate::Session => {
                    let runs: Vec<f64> = runs.into_iter().map(|(_, value)| value).collect();
                    values.insert(number, geometric_mean(&runs)?);
                }
            }
        }
        Ok(values)
    }

    /// `(block, value)` of the samples of a point that did not fail and have one.
    fn runs(&self, place: &Place<'_>, view: View, is_baseline: bool) -> Vec<(u32, f64)> {
        let name = match (view, bounds_of(&self.metric.name)) {
            (View::BoundsUp, Some((low, high))) => {
                if is_baseline {
                    low
                } else {
                    high
                }
            }
            (View::BoundsDown, Some((low, high))) => {
                if is_baseline {
                    high
                } else {
                    low
                }
            }
            _ => &self.metric.name,
        };
        let samples = &place.results.samples;
        let Some(metric) = samples.metric(name) else { return Vec::new() };
        let value = |row: usize| if view == View::Whole { samples.whole(metric, row) } else { metric.get(row) };
        let rows = samples.used_rows(place.point, view == View::Clean);
        rows.filter_map(|row| Some((samples.block[row], value(row)?))).collect()
    }

    fn places(&self) -> impl Iterator<Item = &Place<'_>> {
        self.baseline.iter().chain(&self.candidate)
    }

    /// Fewer sessions than tell a build from an hour: no flag waves that through.
    fn few_sessions(&self) -> Option<String> {
        if self.replicate == Replicate::Block {
            return None;
        }
        let fewest = self.baseline.len().min(self.candidate.len());
        let words = ["no session", "one session", "two sessions"];
        let found = words.get(fewest).filter(|_| fewest < SESSIONS_LEAST)?;
        Some(format!("{found}; {SESSIONS_LEAST} or more of each side that take turns are needed"))
    }

    /// What --anyway waved through.
    fn marks_of(&self) -> Vec<String> {
        if !self.anyway {
            return Vec::new();
        }
        let time = self.time_not_believed();
        self.marks.iter().cloned().chain(self.not_in_turn.clone()).chain(time).collect()
    }

    /// What forbids a verdict unless it is waved through.
    fn forbidden(&self) -> Option<String> {
        let follows =
            |place: &Place<'_>| is_by_construction(&self.metric.name, &place.results.plan.points[place.point]);
        if self.places().any(follows) {
            return Some("it follows from the plan alone (by construction), whatever runs".into());
        }
        if self.anyway {
            return None;
        }
        self.time_not_believed().or_else(|| self.not_in_turn.clone())
    }

    /// No time of an emulated or a modelled machine says anything about one.
    fn time_not_believed(&self) -> Option<String> {
        if let Some(why) = self.places().find_map(|place| place.results.modelled()) {
            return Some(why);
        }
        let emulated = self.places().any(|place| place.results.manifest.timing == Timing::Emulated);
        (emulated && self.metric.time).then(|| "times of these runs are emulated".into())
    }

    /// Failed samples, missing values, and disturbed ones where it is about time; of each side.
    fn doubt_of_samples(&self) -> Option<String> {
        [(self.baseline_name, &self.baseline), (self.candidate_name, &self.candidate)].into_iter().find_map(
            |(name, side)| {
                let counts = side.iter().map(|place| Counts::of(place.results, place.point));
                let (mut completed, mut failed, mut contaminated) = (0, 0, 0);
                for count in counts {
                    completed += count.completed;
                    failed += count.failed;
                    contaminated += count.contaminated;
                }
                let total = completed + failed;
                let measured = side.iter().map(|place| self.runs(place, View::All, true).len()).sum::<usize>();
                if total == 0 {
                    Some(format!("{name}: no sample yet"))
                } else if failed > 0 {
                    Some(format!("{name}: {failed} of {total} samples failed"))
                } else if measured < completed {
                    Some(format!("{name}: measured in {measured} of {completed} samples"))
                } else if self.metric.time && (Counts { completed, failed, contaminated }).is_noisy() {
                    Some(format!("noisy: {name}: {contaminated} of {total} samples were disturbed"))
                } else {
                    None
                }
            },
        )
    }

    /// The sensitivity lines: where the same rule says something else of the clean samples alone, of whole samples where a
    /// warm-up was cut, or somewhere within the bounds of a ratio, nothing is decided.
    fn says_otherwise(&self, change: Change) -> Option<String> {
        let flagged = self.places().any(|place| Counts::of(place.results, place.point).contaminated > 0);
        let cut = self.metric.time && self.places().any(|place| place.results.warmups[place.point].is_some());
        let bounded = bounds_of(&self.metric.name).is_some();
        let views = [
            (flagged, View::Clean, "clean samples alone"),
            (cut, View::Whole, "whole samples, warm-up included"),
            (bounded, View::BoundsUp, "one end of its bounds"),
            (bounded, View::BoundsDown, "the other end of its bounds"),
        ];
        let word = |change| judgement_of(change, self.metric.better);
        views.into_iter().filter(|(applies, _, _)| *applies).find_map(|(_, view, of)| {
            match self.sides(view).and_then(|sides| self.contrast(sides)) {
                Ok(other) if other.change == change => None,
                Ok(other) => Some(format!("all samples: {}; {of}: {}", word(change), word(other.change))),
                Err(why) => Some(format!("{of} cannot decide: {why}", why = no_contrast(&why))),
            }
        })
    }
}

/// The row before anything was looked at.
fn blank(question: &Question<'_>) -> ContrastRow {
    let place = question.candidate.first().expect("a contrast has a point on either side");
    let point = |place: &Place<'_>| -> Point { place.results.plan.points[place.point].clone() };
    let (of_candidate, of_baseline) = (point(place), question.baseline.first().map(point));
    let regimes = match of_baseline {
        Some(other) if other.regime != of_candidate.regime => format!("{} and {}", other.regime, of_candidate.regime),
        _ => of_candidate.regime.to_string(),
    };
    let unit = place.results.samples.metric(&question.metric.name).map_or("", Metric::unit);
    let flagged = question.places().map(|place| Counts::of(place.results, place.point).contaminated).sum::<usize>();
    ContrastRow {
        metric: question.metric.name.clone(),
        unit: unit.into(),
        better: question.metric.better.word().into(),
        baseline: question.baseline_name.into(),
        candidate: question.candidate_name.into(),
        group: group_of(&place.results.plan, &of_candidate),
        arm: of_candidate.arm,
        subject: of_candidate.subject,
        procs: of_candidate.procs,
        regime: regimes,
        baseline_mean: None,
        candidate_mean: None,
        ratio: None,
        ci_low: None,
        ci_high: None,
        level: question.family.level().expect("a family has the contrast that is judged"),
        same_low: None,
        same_high: None,
        noise: question.family.noise,
        contrasts: question.family.contrasts as u64,
        replicate: question.replicate,
        n_baseline: 0,
        n_candidate: 0,
        df: None,
        method: match question.replicate {
            Replicate::Block => "t of the ln ratio, paired by block".into(),
            Replicate::Session => "Welch's t of the ln means of sessions".into(),
        },
        permutation_p: None,
        n_contaminated: flagged as u64,
        verdict: Judgement::Undecided,
        reason: String::new(),
        needed_n: None,
        marks: None,
    }
}
