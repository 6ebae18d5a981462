//! The answer for programs: rows as in fits.csv, or one JSON document with everything.

use super::{Analysis, Outcome, PeakOfMeans, percent};
use crate::args::{Fit as Args, Response};
use plan::record::{Cell, FitRow, titles};
use serde_json::{Value, json};
use stats::fit::{ChoiceVerdict, Diagnostics, Fit, FittedValue, Model};
use stats::{Estimate, Interval};

/// Cells of a row, by the titles of fits.csv.
type Cells = Vec<(&'static str, String)>;

pub(super) fn csv(args: &Args, analyses: &[Analysis]) -> String {
    let titles = titles::<FitRow>();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: &Cells| {
        let cell = |title: &&str| cells.iter().find(|(name, _)| name == title).map_or("", |(_, text)| text.as_str());
        writer.write_record(titles.iter().map(cell)).expect("a vector takes every byte");
    };
    write(&titles.iter().map(|title| (*title, title.to_string())).collect());
    for analysis in analyses {
        rows(args, analysis).iter().for_each(&mut write);
    }
    let bytes = writer.into_inner().expect("a vector takes every byte");
    String::from_utf8(bytes).expect("cells are text")
}

fn rows(args: &Args, analysis: &Analysis) -> Vec<Cells> {
    let response = match (args.response, analysis.weights.as_str()) {
        (Response::Raw, "unweighted") => args.y.clone(),
        (Response::Raw, weights) => format!("{} {weights}", args.y),
        (Response::Ln, "unweighted") => format!("ln {}", args.y),
        (Response::Ln, weights) => format!("ln {} {weights}", args.y),
    };
    let base = |model: &str| {
        vec![
            ("response", response.clone()),
            ("x", args.x.clone()),
            ("group", analysis.group.by.clone()),
            ("model", model.to_string()),
        ]
    };
    let weight_of = |model: Model| {
        let candidates = analysis.choice.iter().flat_map(|choice| &choice.candidates);
        candidates.filter(|candidate| candidate.model == model).find_map(|candidate| candidate.weight)
    };
    let of_fit = |fit: &Fit| {
        let values = fit.parameters.iter().chain(&fit.knees);
        let row = |value: &FittedValue| {
            let mut cells = base(fit.model.name());
            cells.extend(value_cells(fit, value, weight_of(fit.model)));
            cells
        };
        values.map(row).collect::<Vec<Cells>>()
    };
    let mut rows: Vec<Cells> = Vec::new();
    let mut shown = None;
    match &analysis.outcome {
        Outcome::Fitted(fit, diagnostics) => {
            shown = Some(fit.model);
            rows.extend(of_fit(fit));
            if let Some(davies) = diagnostics.davies {
                let mut cells = base(fit.model.name());
                cells.extend([("parameter", "davies_p".into()), ("estimate", davies.p.write())]);
                cells.extend([("n", fit.n.to_string()), ("df", davies.df.to_string())]);
                cells.push(("status", "p of a straight line; no test of a threshold".into()));
                rows.push(cells);
            }
        }
        Outcome::Estimates(model, values) => {
            for (name, value) in model.parameter_names().iter().zip(values) {
                let mut cells = base(model.name());
                let status = "refused: fewer than 6 distinct x give estimates alone";
                cells.extend([("parameter", name.to_string()), ("estimate", value.write())]);
                cells.extend([("n", analysis.group.x.len().to_string()), ("status", status.into())]);
                rows.push(cells);
            }
        }
        Outcome::Undecided => {}
    }
    for candidate in analysis.choice.iter().flat_map(|choice| &choice.candidates) {
        match &candidate.fit {
            _ if shown == Some(candidate.model) => {}
            Ok(fit) => rows.extend(of_fit(fit)),
            Err(why) => {
                let mut cells = base(candidate.model.name());
                cells.push(("status", format!("refused: {why}")));
                rows.push(cells);
            }
        }
    }
    if let Some(peak) = &analysis.argmax {
        let mut cells = base("unimodal");
        let (at, interval) = match peak {
            PeakOfMeans::WithInterval(peak) => (peak.x, Some(peak.interval)),
            PeakOfMeans::Point(at) => (*at, None),
        };
        cells.extend([("parameter", "argmax".into()), ("estimate", at.write())]);
        cells.extend([("n", analysis.group.x.len().to_string())]);
        if let Some(Interval { low, high }) = interval {
            cells.extend([("ci_low", low.write()), ("ci_high", high.write())]);
            cells.extend([("level", args.level.write()), ("ci_method", "bootstrap".into())]);
        }
        let open = interval.is_none_or(|interval| !interval.is_bounded());
        cells.push(("status", if open { "unbounded" } else { "ok" }.into()));
        rows.push(cells);
    }
    rows
}

fn value_cells(fit: &Fit, value: &FittedValue, weight: Option<f64>) -> Cells {
    // A NaN is no figure: the cell stays empty.
    let number =
        |value: Option<f64>| value.filter(|value| !value.is_nan()).map_or(String::new(), |value| value.write());
    vec![
        ("parameter", value.name.into()),
        ("estimate", number(Some(value.estimate))),
        ("std_error", number(value.std_error)),
        ("ci_low", number(value.interval.map(|interval| interval.low))),
        ("ci_high", number(value.interval.map(|interval| interval.high))),
        ("level", if value.interval.is_some() { fit.level.write() } else { String::new() }),
        ("ci_method", fit.method_of(value)),
        ("n", fit.n.to_string()),
        ("df", fit.df.to_string()),
        ("rss", number(Some(fit.rss))),
        ("aicc", number(fit.aicc)),
        ("akaike_weight", number(weight)),
        ("lack_of_fit_p", number(fit.lack_of_fit.map(|test| test.p))),
        ("misfit_ratio", number(Some(fit.misfit_ratio))),
        ("status", fit.status.to_string()),
    ]
}

pub(super) fn json(args: &Args, analyses: &[Analysis]) -> String {
    let groups: Vec<Value> = analyses.iter().map(|analysis| group(args, analysis)).collect();
    let document = json!({
        "file": args.file,
        "x": args.x,
        "y": args.y,
        "by": args.by,
        "response": if args.response == Response::Ln { "ln" } else { "raw" },
        "level": args.level,
        "resamples": args.resamples,
        "seed": args.seed,
        "fits": groups,
    });
    format!("{document:#}\n")
}

fn group(args: &Args, analysis: &Analysis) -> Value {
    let choice = analysis.choice.as_ref();
    let candidates = choice.map(|choice| {
        let candidate = |candidate: &stats::fit::Candidate| match &candidate.fit {
            Ok(fit) => json!({
                "model": candidate.model.name(), "aicc": fit.aicc, "akaike_weight": candidate.weight,
                "adequate": fit.is_adequate(), "misfit_ratio": number(fit.misfit_ratio), "status": fit.status.to_string(),
            }),
            Err(why) => json!({ "model": candidate.model.name(), "status": format!("refused: {why}") }),
        };
        choice.candidates.iter().map(candidate).collect::<Vec<Value>>()
    });
    let verdict = choice.map(|choice| match choice.verdict {
        ChoiceVerdict::Chosen(model) => json!({ "chosen": model.name() }),
        ChoiceVerdict::NoneAdequate => json!({ "not_decidable": "no model is adequate" }),
        ChoiceVerdict::FewMeans { found } => json!({ "not_decidable": format!("{found} rows without replicates") }),
        ChoiceVerdict::Close { best, rival, lead } => {
            json!({ "not_decidable": format!("{best} leads {rival} by {lead:.2} AICc") })
        }
    });
    let fit = match &analysis.outcome {
        Outcome::Fitted(fit, diagnostics) => fit_value(fit, diagnostics),
        Outcome::Estimates(model, values) => {
            let values = model.parameter_names().iter().zip(values);
            let estimates: serde_json::Map<String, Value> =
                values.map(|(name, value)| (name.to_string(), number(*value))).collect();
            json!({ "model": model.name(), "estimates_alone": estimates })
        }
        Outcome::Undecided => Value::Null,
    };
    let argmax = analysis.argmax.as_ref().map(|peak| match peak {
        PeakOfMeans::WithInterval(peak) => {
            json!({ "x": peak.x, "interval": interval(&peak.interval), "level": percent(args.level) })
        }
        PeakOfMeans::Point(at) => json!({ "x": at }),
    });
    let power = analysis.variance_power.as_ref();
    let power = power.map(|Estimate { value, interval: ends, .. }| json!({ "q": value, "interval": interval(ends) }));
    json!({
        "by": analysis.group.by, "rows": analysis.group.x.len(), "weights": analysis.weights,
        "variance_power": power, "candidates": candidates, "verdict": verdict, "fit": fit,
        "argmax": argmax, "kneedle": analysis.kneedle,
    })
}

fn fit_value(fit: &Fit, diagnostics: &Diagnostics) -> Value {
    let value = |value: &FittedValue| {
        json!({
            "name": value.name, "estimate": number(value.estimate), "std_error": value.std_error.map(number),
            "interval": value.interval.as_ref().map(interval), "method": fit.method_of(value),
            "at_bound": value.at_bound,
        })
    };
    let influence = |at: &stats::fit::Influence| {
        json!({
            "x": at.x, "misfit_ratio": number(at.misfit_ratio), "cook": at.cook,
            "knee_without": at.knee_without.map(number),
        })
    };
    json!({
        "model": fit.model.name(), "formula": fit.model.spec().formula, "status": fit.status.to_string(),
        "adequate": fit.is_adequate(), "n": fit.n, "distinct": fit.n_distinct, "df": fit.df, "rss": number(fit.rss),
        "aicc": fit.aicc, "misfit_ratio": number(fit.misfit_ratio),
        "lack_of_fit": fit.lack_of_fit.map(|test| {
            json!({ "f": number(test.statistic), "df1": test.df1, "df2": test.df2, "p": test.p })
        }),
        "parameters": fit.parameters.iter().map(value).collect::<Vec<Value>>(),
        "knees": fit.knees.iter().map(value).collect::<Vec<Value>>(),
        "durbin_watson": diagnostics.durbin_watson,
        "runs": diagnostics.runs.map(|runs| {
            json!({ "runs": runs.runs, "above": runs.above, "below": runs.below, "z": runs.z, "p": runs.p })
        }),
        "davies": diagnostics.davies.map(|davies| {
            json!({
                "p": davies.p, "place": davies.place, "t": number(davies.statistic), "df": davies.df,
                "rejects": "a straight line; any smooth curve does: no test of a threshold",
            })
        }),
        "influence": diagnostics.influence.iter().map(influence).collect::<Vec<Value>>(),
    })
}

fn interval(interval: &Interval) -> Value {
    json!([number(interval.low), number(interval.high)])
}

/// JSON has no infinity: `INF` as in the CSV files.
fn number(value: f64) -> Value {
    match value {
        f64::INFINITY => "INF".into(),
        f64::NEG_INFINITY => "-INF".into(),
        finite => json!(finite),
    }
}
