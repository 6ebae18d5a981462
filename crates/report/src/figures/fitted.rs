//! Fitted curves as points of a figure: of the rivals in fits.csv the one with the most weight.

use crate::curves::Curve;
use plan::point::Point;
use plan::record::FitRow;
use stats::fit::Model;

/// A fitted curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    /// Model as fits.csv names it, with its status unless that is ok: `usl`, `amdahl, misfit`.
    pub(super) name: String,
    /// `(procs, response)`, evenly spaced on a log axis.
    pub(super) points: Vec<(f64, f64)>,
}

const WHOLE: [Model; 2] = [Model::Usl, Model::Amdahl];
const DECAY: [Model; 3] = [Model::ExponentialDecay, Model::Lomax, Model::Hill];
const STEPS: u32 = 100;

/// What is drawn for one curve: the best model of all its procs, and of the decay past the peak where there is one.
pub(super) fn fits_of(fits: &[FitRow], response: &str, curve: &Curve, points: &[Point]) -> Vec<Drawn> {
    let about = |row: &&FitRow| row.response == response && curve.is_of_arm(&row.arm) && row.group == curve.levels;
    let rows: Vec<&FitRow> = fits.iter().filter(about).filter(|row| row.estimate.is_some()).collect();
    let mut drawn = Vec::new();
    for (models, past_peak) in [(&WHOLE[..], false), (&DECAY[..], true)] {
        let Some((best, model)) = best(&rows, models) else { continue };
        let same = |row: &&&FitRow| row.model == best.model && row.arm == best.arm && row.regime == best.regime;
        let parameter = |name: &&str| rows.iter().filter(same).find(|row| row.parameter == *name)?.estimate;
        let Some(parameters) = model.parameter_names().iter().map(parameter).collect::<Option<Vec<f64>>>() else {
            continue;
        };
        let of_regime = curve.points.iter().map(|&at| &points[at]).filter(|point| point.regime == best.regime);
        let procs: Vec<f64> = of_regime.map(|point| f64::from(point.procs)).collect();
        let peak = || rows.iter().find(|row| row.parameter == "argmax" && row.regime == best.regime)?.estimate;
        let (Some(&first), Some(&last)) = (procs.first(), procs.last()) else { continue };
        let from = if past_peak { peak().unwrap_or(first) } else { first };
        let at = |step: u32| from * (last / from).powf(f64::from(step) / f64::from(STEPS));
        let name = if best.status == "ok" { best.model.clone() } else { format!("{}, {}", best.model, best.status) };
        drawn.push(Drawn {
            name,
            points: (0..=STEPS).map(|step| (at(step), model.value(&parameters, at(step)))).collect(),
        });
    }
    drawn
}

// Most Akaike weight first, which only adequate fits have; then the lowest AICc.
fn best<'a>(rows: &[&'a FitRow], models: &[Model]) -> Option<(&'a FitRow, Model)> {
    let model = |row: &FitRow| models.iter().copied().find(|model| model.name() == row.model);
    let rank = |row: &FitRow| (row.akaike_weight.unwrap_or(-1.0), -row.aicc.unwrap_or(f64::INFINITY));
    let candidates = rows.iter().filter_map(|row| Some((*row, model(row)?)));
    candidates.max_by(|one, other| {
        let (one, other) = (rank(one.0), rank(other.0));
        one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
    })
}
