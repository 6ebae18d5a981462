//! The answer as a figure: every row a dot, the curve, the peak with its interval.

use super::{Analysis, Outcome, PeakOfMeans};
use crate::args::Fit as Args;
use report::draw::{Axis, Figure, Knee, Scale, Series, Shape, Style};
use report::show::Unit;
use stats::fit::{Fit, Model};

/// Points of a curve.
const STEPS: u32 = 200;

pub(super) fn figure(args: &Args, analyses: &[Analysis]) -> Figure {
    let mut series = Vec::new();
    let mut knees = Vec::new();
    let mut notes = Vec::new();
    for (at, analysis) in analyses.iter().enumerate() {
        let group = &analysis.group;
        let by = if group.by.is_empty() { args.y.clone() } else { group.by.clone() };
        let points: Vec<(f64, f64)> = group.x.iter().copied().zip(group.y.iter().copied()).collect();
        series.push(Series {
            name: by.clone(),
            colour: Some(at),
            points,
            style: Style::Dots(Shape::of_arm(at)),
            shift: 0.0,
        });
        let (model, parameters, fit) = match &analysis.outcome {
            Outcome::Fitted(fit, _) => {
                (fit.model, fit.parameters.iter().map(|parameter| parameter.estimate).collect(), Some(fit))
            }
            Outcome::Estimates(model, values) => (*model, values.clone(), None),
            Outcome::Undecided => {
                notes.push(format!("{by}: no curve, the data do not decide between the models"));
                continue;
            }
        };
        let status = fit.map_or("estimates alone".into(), |fit| fit.status.to_string());
        let name = if status == "ok" { format!("{by}: {model}") } else { format!("{by}: {model}, {status}") };
        let curve = curve(model, &parameters, &group.x);
        series.push(Series { name, colour: Some(at), points: curve, style: Style::Line { dashed: false }, shift: 0.0 });
        knees.extend(fit.and_then(|fit| knee(&by, at, fit, analysis)));
    }
    let axis = |label: &str| Axis {
        label: label.into(),
        unit: Unit::Plain,
        scale: Scale::Linear,
        ticks: Vec::new(),
        include: Vec::new(),
    };
    let (x, y) = (&args.x, &args.y);
    Figure {
        title: format!("{y} over {x}"),
        description: format!("{y} over {x} of {file}: each row is a dot, lines are fits", file = args.file.display()),
        x: axis(x),
        y: Axis { include: vec![0.0], ..axis(y) },
        series,
        bands: Vec::new(),
        marks: Vec::new(),
        knees,
        notes,
    }
}

fn curve(model: Model, parameters: &[f64], x: &[f64]) -> Vec<(f64, f64)> {
    let first = x.iter().copied().fold(f64::INFINITY, f64::min);
    let last = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = |step: u32| first + (last - first) * f64::from(step) / f64::from(STEPS);
    (0..=STEPS).map(|step| (at(step), model.value(parameters, at(step)))).collect()
}

/// The fit's knee, where it is adequate and inside the world, above the model-free peak.
fn knee(by: &str, colour: usize, fit: &Fit, analysis: &Analysis) -> Option<Knee> {
    let knee = fit.knees.iter().find(|knee| matches!(knee.name, "knee_peak" | "knee_breakpoint"));
    let knee = knee.filter(|knee| knee.estimate.is_finite() && fit.is_adequate());
    let fitted = knee.map(|knee| {
        let ends = knee.interval.map_or((knee.estimate, knee.estimate), |interval| (interval.low, interval.high));
        (knee.estimate, ends.0, ends.1)
    });
    let measured = analysis.argmax.as_ref().map(|peak| match peak {
        PeakOfMeans::WithInterval(peak) => (peak.x, peak.interval.low, peak.interval.high),
        PeakOfMeans::Point(at) => (*at, *at, *at),
    });
    let name = knee.map_or("", |knee| knee.name);
    let words = [
        fitted.map(|(at, ..)| format!("{name} {at:.4}")),
        measured.map(|(at, ..)| format!("highest measured at {at}")),
    ];
    let label = format!("{by}: {}", words.into_iter().flatten().collect::<Vec<_>>().join(", "));
    (fitted.is_some() || measured.is_some()).then_some(Knee { label, colour, fitted, measured })
}
