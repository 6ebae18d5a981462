//! Fitted curves as points of a figure: of the rivals in fits.csv the one with the most weight.

use crate::curves::Curve;
use crate::draw::Knee;
use crate::fits::is_of;
use crate::show::plain;
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
pub(super) fn fits_of(fits: &[FitRow], metric: &str, curve: &Curve, points: &[Point]) -> Vec<Drawn> {
    let about = |row: &&FitRow| is_of(row, metric) && curve.is_of_arm(&row.arm) && row.group == curve.levels;
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
        let procs: Vec<f64> = of_regime.map(|point| f64::from(point.x())).collect();
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

/// Knee and best procs of one curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Knees {
    pub(super) drawn: Knee,
    /// Why the fit's knee is not drawn: `misfit`, `beyond every procs`.
    pub(super) why_no_knee: Option<String>,
}

/// Whether there is anything to draw.
pub(super) fn is_drawn(knee: &Knee) -> bool {
    knee.fitted.is_some() || knee.measured.is_some()
}

/// The USL's peak where the fit is adequate, and the model-free one; `None` where nothing was fitted. Of the regimes of
/// a curve the first that has either.
pub(super) fn knees_of(fits: &[FitRow], metric: &str, curve: &Curve, colour: usize) -> Option<Knees> {
    let about = |row: &&FitRow| is_of(row, metric) && curve.is_of_arm(&row.arm) && row.group == curve.levels;
    let find = |model: &str, parameter: &str| {
        fits.iter().filter(about).find(|row| row.model == model && row.parameter == parameter && row.estimate.is_some())
    };
    let knee = find(Model::Usl.name(), "knee_peak");
    let best = find("unimodal", "argmax");
    let why_no_knee = knee.and_then(|row| match row.estimate {
        _ if row.status != "ok" => Some(row.status.clone()),
        Some(peak) if peak.is_finite() => None,
        _ => Some("its curve has no peak".into()),
    });
    let place = |row: &FitRow| {
        let at = row.estimate?;
        Some((at, row.ci_low.unwrap_or(at), row.ci_high.unwrap_or(at)))
    };
    let fitted = if why_no_knee.is_none() { knee.and_then(place) } else { None };
    let measured = best.filter(|row| matches!(row.status.as_str(), "ok" | "unbounded"));
    let measured = measured.and_then(place);
    let words = [
        fitted.map(|(at, ..)| format!("knee {at}", at = plain(at))),
        // One of the procs that ran.
        measured.map(|(at, ..)| format!("best procs {at}")),
    ];
    let words = words.into_iter().flatten();
    let label = format!("{arm}: {words}", arm = curve.name(), words = words.collect::<Vec<_>>().join(", "));
    (knee.is_some() || best.is_some()).then_some(Knees { drawn: Knee { label, colour, fitted, measured }, why_no_knee })
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
