//! Which of several curves the data speak for, if they do.
//!
//! Rivals are the adequate fits on the same data (statistics notes, section 8); a fit that ended on a bound is another,
//! simpler curve and no rival. The lowest AICc wins where it leads every rival by [`DECISIVE_LEAD`]. A curve that is a
//! special case of every rival nearer than that also wins, if it lies within [`NESTED_LEAD`] of the lowest: a parameter
//! more always fits a little better. Otherwise the data do not decide, and the answer says why.

use crate::error::StatsError;
use crate::fit::model::{Family, Model};
use crate::fit::quality::{akaike_weights, group_by_x, means_by_x};
use crate::fit::result::{Fit, FitStatus};
use crate::fit::{FitSettings, IntervalKind, MIN_DISTINCT_X, fit_weighted};

/// AICc by which a curve must lead every rival.
pub const DECISIVE_LEAD: f64 = 6.0;

/// Whether the lower AICc is ahead of the other by as much as decides.
pub(crate) fn leads(ahead: f64, behind: f64) -> bool {
    behind - ahead >= DECISIVE_LEAD
}

/// AICc by which a special case may lie behind the curve that contains it.
pub const NESTED_LEAD: f64 = 2.0;

/// Means without replicates, up to this many, decide nothing: AICc then prefers saturation on data that visibly fall.
pub const FEW_MEANS: usize = 7;

/// The comparison of several curves on one set of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Every candidate, the rivals by ascending AICc first, then what is inadequate or ended on a bound, then what was
    /// refused.
    pub candidates: Vec<Candidate>,
    /// What the data decide.
    pub verdict: ChoiceVerdict,
}

/// One curve of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The curve.
    pub model: Model,
    /// Its fit, or why it was refused.
    pub fit: Result<Fit, StatsError>,
    /// Share of the evidence among the rivals; `None` for what is no rival.
    pub weight: Option<f64>,
}

/// What a comparison decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChoiceVerdict {
    /// This curve.
    Chosen(Model),
    /// No candidate is adequate.
    NoneAdequate,
    /// No replicates and too few means.
    FewMeans {
        /// How many there are.
        found: usize,
    },
    /// The second is too near.
    Close {
        /// Lowest AICc.
        best: Model,
        /// The next that decides against a verdict.
        rival: Model,
        /// Its AICc above the lowest.
        lead: f64,
    },
}

/// Curves that rise and then fall.
const HUMPS: [Model; 3] = [Model::Usl, Model::Quadratic, Model::QuadraticGrowth];

/// The models that `auto` compares for these data: decays where y is lower at the last x than at the first, else
/// throughputs and growths; where y is higher in between than at both ends, those with a peak whichever end is lower. Only
/// those whose formula takes the data. The knee model is compared only on request: with F = 1 it is the USL, and Gustafson's
/// law is a straight line.
pub fn candidates(x: &[f64], y: &[f64]) -> Vec<Model> {
    let (_, means) = means_by_x(x, y);
    let ends = means.first().zip(means.last());
    let falls = ends.is_some_and(|(first, last)| last < first);
    let has_peak = ends.is_some_and(|(first, last)| means.iter().any(|mean| *mean > first.max(*last)));
    let positive = |values: &[f64]| values.iter().all(|value| *value > 0.0);
    let (positive_x, positive_y) = (positive(x), positive(y));
    let suits = |model: &Model| match model {
        Model::Gustafson => false,
        Model::Power | Model::BrokenLine | Model::Logistic => true,
        hump if has_peak && HUMPS.contains(hump) => true,
        _ if falls => model.spec().family == Family::Decay,
        _ => matches!(model.spec().family, Family::Throughput | Family::Growth),
    };
    let takes = |model: &Model| (positive_x || !model.needs_positive_x()) && (positive_y || !model.needs_positive_y());
    Model::all().filter(suits).filter(takes).collect()
}

/// Compares `models` on the same data; the model in `settings` does not matter, and the intervals are those of the
/// delta method, which cost nothing: fit the chosen one once more for its profile. A refused candidate carries its error.
pub fn choose(settings: &FitSettings, models: &[Model], x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Choice {
    let fit = |model: &Model| {
        fit_weighted(&FitSettings { model: *model, interval: IntervalKind::Delta, ..*settings }, x, y, weights)
    };
    let fits: Vec<(Model, Result<Fit, StatsError>)> = models.iter().map(|model| (*model, fit(model))).collect();
    let rival_aicc = |fit: &Result<Fit, StatsError>| {
        fit.as_ref().ok().filter(|fit| fit.is_adequate() && !is_simpler(fit)).and_then(|fit| fit.aicc)
    };
    let aicc: Vec<Option<f64>> = fits.iter().map(|(_, fit)| rival_aicc(fit)).collect();
    let weights = akaike_weights(&aicc);
    let weights = aicc.iter().zip(weights).map(|(aicc, weight)| aicc.map(|_| weight));
    let mut candidates: Vec<Candidate> =
        fits.into_iter().zip(weights).map(|((model, fit), weight)| Candidate { model, fit, weight }).collect();
    let rank = |candidate: &Candidate| match (&candidate.fit, candidate.weight) {
        (Ok(fit), Some(_)) => (0, fit.aicc.unwrap_or(f64::INFINITY)),
        (Ok(fit), None) => (1, fit.aicc.unwrap_or(f64::INFINITY)),
        (Err(_), _) => (2, 0.0),
    };
    candidates.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal));
    let distinct = group_by_x(x).len();
    let verdict = if distinct == x.len() && distinct <= FEW_MEANS.max(MIN_DISTINCT_X) {
        ChoiceVerdict::FewMeans { found: distinct }
    } else {
        verdict(&candidates)
    };
    Choice { candidates, verdict }
}

/// Whether a fit ended on a bound: then it is another, simpler curve.
fn is_simpler(fit: &Fit) -> bool {
    fit.status == FitStatus::Undetermined || fit.parameters.iter().any(|parameter| parameter.at_bound)
}

fn verdict(candidates: &[Candidate]) -> ChoiceVerdict {
    let rivals: Vec<(Model, f64)> = candidates
        .iter()
        .filter(|candidate| candidate.weight.is_some())
        .filter_map(|candidate| Some((candidate.model, candidate.fit.as_ref().ok()?.aicc?)))
        .collect();
    let Some(&(best, least)) = rivals.first() else { return ChoiceVerdict::NoneAdequate };
    let near: Vec<(Model, f64)> = rivals.iter().copied().filter(|(_, aicc)| !leads(least, *aicc)).collect();
    let is_special_case = |(model, aicc): &(Model, f64)| {
        aicc - least <= NESTED_LEAD
            && near.iter().all(|(other, _)| other == model || special_cases(*other).contains(model))
    };
    match near.iter().find(|near| is_special_case(near)) {
        Some((model, _)) => ChoiceVerdict::Chosen(*model),
        None => ChoiceVerdict::Close { best, rival: near[1].0, lead: near[1].1 - least },
    }
}

/// Models that a model becomes at some value of its parameters, or in a limit of them.
fn special_cases(model: Model) -> &'static [Model] {
    match model {
        Model::Usl => &[Model::Amdahl, Model::Proportional],
        Model::Amdahl | Model::Linear | Model::Power | Model::ExponentialSaturation => &[Model::Proportional],
        Model::Quadratic => &[Model::Proportional],
        Model::QuadraticGrowth => &[Model::Linear, Model::Quadratic, Model::Proportional],
        Model::BrokenLine => &[Model::Linear, Model::Proportional],
        Model::Stretched | Model::Logistic => &[Model::ExponentialDecay],
        Model::Lomax => &[Model::ExponentialDecay, Model::Hyperbolic],
        Model::BiExponential => &[Model::ExponentialDecay],
        Model::Hill => &[Model::Hyperbolic],
        Model::Knee | Model::KneeAdditive | Model::KneeUseful => &[Model::Usl, Model::Amdahl, Model::Proportional],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::Response;

    const X: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];

    /// Three runs at each x, 1 % apart.
    fn runs(of: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let wobble = [0.99, 1.0, 1.01];
        X.iter().flat_map(|x| wobble.map(|wobble| (*x, wobble * of(*x)))).unzip()
    }

    fn chosen(of: impl Fn(f64) -> f64) -> ChoiceVerdict {
        let (x, y) = runs(of);
        choose(&FitSettings::new(Model::Usl), &candidates(&x, &y), &x, &y, None).verdict
    }

    #[test]
    fn the_truth_is_chosen_where_the_data_speak_for_it() {
        let usl = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.002 * n * (n - 1.0));
        assert_eq!(chosen(usl), ChoiceVerdict::Chosen(Model::Usl));
        // Past its peak it falls below where it began.
        let below_its_start = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.03 * n * (n - 1.0));
        assert!(below_its_start(64.0) < below_its_start(1.0));
        assert_eq!(chosen(below_its_start), ChoiceVerdict::Chosen(Model::Usl));
        assert_eq!(chosen(|n| 1000.0 * n / (1.0 + 0.05 * (n - 1.0))), ChoiceVerdict::Chosen(Model::Amdahl));
        assert_eq!(chosen(|n| 20.0 + 3.0 * n), ChoiceVerdict::Chosen(Model::Linear));
        assert_eq!(chosen(|n| 1000.0 * (-n / 30.0).exp()), ChoiceVerdict::Chosen(Model::ExponentialDecay));
        assert_eq!(chosen(|n| 10.0 + 5.0 * n - 4.9 * (n - 16.0).max(0.0)), ChoiceVerdict::Chosen(Model::BrokenLine));
    }

    #[test]
    fn what_the_data_do_not_decide_is_said() {
        // Steps: no curve of ours.
        assert_eq!(
            chosen(|n| if n < 10.0 {
                1.0
            } else if n < 30.0 {
                5.0
            } else {
                2.0
            }),
            ChoiceVerdict::NoneAdequate
        );
        let x = &X[..7];
        let y: Vec<f64> = x.iter().map(|n| 3.0 * n).collect();
        let few = choose(&FitSettings::new(Model::Usl), &candidates(x, &y), x, &y, None);
        assert_eq!(few.verdict, ChoiceVerdict::FewMeans { found: 7 });
        // Between Lomax and Hill at one range of x, with 20 % noise, nothing decides.
        let (x, y): (Vec<f64>, Vec<f64>) = X
            .iter()
            .flat_map(|x| [0.8, 1.0, 1.2].map(|wobble| (*x, wobble * 1000.0 * (1.0 + x / 30.0).powf(-1.5))))
            .unzip();
        let close = choose(&FitSettings::new(Model::Usl), &[Model::Lomax, Model::Stretched], &x, &y, None);
        assert!(matches!(close.verdict, ChoiceVerdict::Close { .. }), "{:?}", close.verdict);
    }

    /// A curve follows its special cases exactly, or as near as its bounds let it come to the limit.
    #[test]
    fn special_cases_are_some() {
        let curve = |model: Model| -> fn(f64) -> f64 {
            match model {
                Model::Proportional => |n| 3.0 * n,
                Model::Linear => |n| 20.0 + 3.0 * n,
                Model::Quadratic => |n| 100.0 * n - 0.8 * n * n,
                Model::Amdahl => |n| 1000.0 * n / (1.0 + 0.05 * (n - 1.0)),
                Model::Usl => |n| 1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.002 * n * (n - 1.0)),
                Model::ExponentialDecay => |n| 1000.0 * (-n / 30.0).exp(),
                Model::Hyperbolic => |n| 1000.0 / (1.0 + n / 30.0),
                other => panic!("no curve for {other}"),
            }
        };
        let misfit = |model: Model, case: &Model| {
            let y = X.map(curve(*case));
            fit_weighted(&FitSettings::new(model), &X, &y, None).map_or(f64::NAN, |fit| fit.misfit_ratio)
        };
        let of = |model: Model| special_cases(model).iter().map(move |case| (model, *case, misfit(model, case)));
        let wrong: Vec<_> =
            Model::all().flat_map(of).filter(|(.., misfit)| misfit.is_nan() || *misfit >= 1e-3).collect();
        assert!(wrong.is_empty(), "(curve, what is no special case of it, misfit): {wrong:?}");
    }

    #[test]
    fn candidates_take_the_data() {
        let falls = candidates(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]);
        assert!(falls.contains(&Model::Lomax) && !falls.contains(&Model::Usl) && falls.contains(&Model::BrokenLine));
        let hump = candidates(&[1.0, 2.0, 3.0], &[3.0, 4.0, 2.0]);
        assert!(HUMPS.iter().all(|model| hump.contains(model)) && hump.contains(&Model::Lomax));
        assert!(!hump.contains(&Model::Amdahl) && !hump.contains(&Model::Knee));
        let rises = candidates(&[0.0, 2.0, 3.0], &[1.0, 2.0, 3.0]);
        assert!(rises.contains(&Model::Linear) && !rises.contains(&Model::Usl) && !rises.contains(&Model::Power));
        assert!(!rises.contains(&Model::Gustafson) && !rises.contains(&Model::Knee));
        let raw = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
        let none = choose(&raw, &[Model::Usl], &[1.0, 2.0], &[1.0, 2.0], None);
        assert!(matches!(none.candidates[0].fit, Err(StatsError::FitRefused { found: 2, .. })));
    }
}
