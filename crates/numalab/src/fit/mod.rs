//! `numalab fit`: two columns of a CSV file in, the curve through them out. The maths is `stats`'; here are the file,
//! the words and the order of things.
//!
//! read (file -> [`Group`]s) -> [`analyse`] (one [`Analysis`] for each) -> text, CSV or JSON, and perhaps a figure.

mod document;
mod plot;
mod read;
mod text;

use crate::args::{self, Fit as Args, Format, IntervalMade};
use crate::exit::{Exit, FAILED, USAGE, print};
use read::{Group, read};
use stats::argmax::{Argmax, argmax, argmax_point};
use stats::decide::open_at_end;
use stats::fit::{
    Choice, ChoiceVerdict, Diagnostics, Fit, FitSettings, IntervalKind, MIN_DISTINCT_X, Model, Resampling, Response,
    bootstrap, candidates, choose, diagnose, fit_weighted, means_by_x, solve_exactly,
};
use stats::kneedle::{USUAL_SENSITIVITY, kneedle};
use stats::{Estimate, StatsError};
use std::collections::BTreeMap;

/// Which model was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    One(Model),
    Auto,
}

/// How the squared residuals are weighted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Weights {
    None,
    /// mean^-power, the mean being that of y at each x.
    Power(f64),
    /// The same with the power that the replicates show.
    Estimated,
    Column(String),
}

/// Everything that is said about one group.
struct Analysis {
    group: Group,
    /// The fit, or why there is none, or bare estimates.
    outcome: Outcome,
    /// What was compared, with --model auto.
    choice: Option<Choice>,
    /// The model-free peak, with its interval where there are replicates; unbounded above where it reaches the last x.
    argmax: Option<PeakOfMeans>,
    /// For display only.
    kneedle: Option<f64>,
    /// Power of the variance function, where the replicates show one.
    variance_power: Option<Estimate>,
    /// How the residuals were weighted, in words.
    weights: String,
}

enum Outcome {
    Fitted(Box<Fit>, Diagnostics),
    /// Fewer than 6 distinct x: estimates, and nothing that would have to be believed.
    Estimates(Model, Vec<f64>),
    /// `auto` chose none.
    Undecided,
}

enum PeakOfMeans {
    WithInterval(Argmax),
    Point(f64),
}

pub(crate) fn fit(args: &Args) -> Result<(), Exit> {
    let table = read(args)?;
    let analyses = table.into_iter().map(|group| analyse(args, group)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = &args.plot {
        let svg = plot::figure(args, &analyses).svg();
        std::fs::write(path, svg)
            .map_err(|error| Exit::new(FAILED, format!("{path}: {error}", path = path.display())))?;
    }
    print(&match args.format {
        Format::Text => text::text(args, &analyses),
        Format::Csv => document::csv(args, &analyses),
        Format::Json => document::json(args, &analyses),
    })
}

fn analyse(args: &Args, group: Group) -> Result<Analysis, Exit> {
    let name = group.name(args);
    let refused = |error: StatsError| Exit::new(USAGE, format!("{name}: {}", in_words(args, &group, &error)));
    let (x, y) = (&group.x[..], &group.y[..]);
    let variance_power = stats::variance::variance_power(x, y, args.level).ok();
    let (weights, in_text) = weights(args, &group, variance_power)?;
    let weights = weights.as_deref();
    let settings = |model: Model| FitSettings {
        response: response(args),
        level: args.level,
        interval: if args.interval == IntervalMade::Delta { IntervalKind::Delta } else { IntervalKind::Profile },
        ..FitSettings::new(model)
    };
    let (model, choice) = match args.model {
        Asked::One(model) => (Some(model), None),
        Asked::Auto => {
            let choice = choose(&settings(Model::Usl), &candidates(x, y), x, y, weights);
            let chosen = if let ChoiceVerdict::Chosen(model) = choice.verdict { Some(model) } else { None };
            (chosen, Some(choice))
        }
    };
    let outcome = match model {
        None => Outcome::Undecided,
        Some(model) => match fit_weighted(&settings(model), x, y, weights) {
            Ok(fit) => {
                let diagnostics = diagnose(&fit, x, y, weights);
                Outcome::Fitted(Box::new(with_intervals(args, fit, &group, weights).map_err(refused)?), diagnostics)
            }
            Err(StatsError::FitRefused { found, .. })
                if found >= model.parameter_names().len() && weights.is_none() =>
            {
                Outcome::Estimates(model, solve_exactly(model, response(args), x, y).map_err(refused)?)
            }
            Err(error) => return Err(refused(error)),
        },
    };
    let open = |peak: Argmax| Argmax { interval: open_at_end(x, &peak.interval), ..peak };
    let with_interval = argmax(x, y, args.level, args.resamples as usize, args.seed).ok().map(open);
    let with_interval = with_interval.map(PeakOfMeans::WithInterval);
    let argmax = with_interval.or_else(|| argmax_point(x, y).ok().map(PeakOfMeans::Point));
    let (distinct, means) = means_by_x(x, y);
    let kneedle = kneedle(&distinct, &means, USUAL_SENSITIVITY);
    Ok(Analysis { outcome, choice, argmax, kneedle, variance_power, weights: in_text, group })
}

/// Replaces the intervals by those of a bootstrap, where one was asked for.
fn with_intervals(args: &Args, fit: Fit, group: &Group, weights: Option<&[f64]>) -> Result<Fit, StatsError> {
    let resampling = match args.interval {
        IntervalMade::Profile | IntervalMade::Delta => return Ok(fit),
        IntervalMade::Residual => Resampling::Residual,
        IntervalMade::Stratified => Resampling::Stratified,
        IntervalMade::Bca => Resampling::Bca,
    };
    bootstrap(&fit, &group.x, &group.y, weights, resampling, args.resamples as usize, args.seed)
}

fn response(args: &Args) -> Response {
    match args.response {
        args::Response::Raw => Response::Raw,
        args::Response::Ln => Response::Ln,
    }
}

/// Weights of each observation, and the words for them.
fn weights(args: &Args, group: &Group, variance_power: Option<Estimate>) -> Result<(Option<Vec<f64>>, String), Exit> {
    let power = match &args.weights {
        Weights::None => return Ok((None, "unweighted".into())),
        Weights::Column(column) => return Ok((group.weights.clone(), format!("weighted by {column}"))),
        Weights::Power(power) => *power,
        Weights::Estimated => match variance_power {
            Some(estimate) => estimate.value,
            None => {
                let name = group.name(args);
                let why =
                    "1/mean^q takes q from the replicates, and there are 2 runs or more at fewer than 3 distinct x";
                return Err(Exit::new(USAGE, format!("{name}: {why}; name the power, such as 1/mean^2")));
            }
        },
    };
    let (distinct, means) = means_by_x(&group.x, &group.y);
    if let Some(mean) = means.iter().find(|mean| **mean <= 0.0) {
        let name = group.name(args);
        return Err(Exit::new(
            USAGE,
            format!("{name}: a mean of {} is {mean}; 1/mean^{power} needs means above 0", args.y),
        ));
    }
    let weight = |x: &f64| {
        let at = distinct.iter().position(|distinct| distinct == x).expect("every x has its mean");
        means[at].powf(-power)
    };
    Ok((Some(group.x.iter().map(weight).collect()), format!("weighted by 1/mean^{power:.3}")))
}

/// An error of `stats` in the words of the file.
fn in_words(args: &Args, group: &Group, error: &StatsError) -> String {
    let (x, y) = (&args.x, &args.y);
    match error {
        StatsError::FitRefused { model, found, .. } => {
            let least = model.parameter_names().len();
            format!(
                "cannot fit {model}: {found} distinct {x}, {least} needed for estimates and {MIN_DISTINCT_X} for intervals"
            )
        }
        StatsError::NotPositive { what, index, value } => {
            let column = if *what == "x" { x } else { y };
            let line = group.lines[*index];
            let model = if *what == "y" && args.response == args::Response::Ln {
                "ln needs values above 0"
            } else {
                "this model needs values above 0"
            };
            format!("line {line}: {column} is {value}; {model}")
        }
        StatsError::TooFew { what: "runs at an x", found, needed } => {
            format!(
                "{found} row at one {x}, {needed} needed at every one for this bootstrap; --interval residual needs none"
            )
        }
        other => other.to_string(),
    }
}

/// For clap: a model's name.
pub(crate) fn parse_model(text: &str) -> Result<Asked, String> {
    if text == "auto" {
        return Ok(Asked::Auto);
    }
    Model::by_name(text).map(Asked::One).ok_or_else(|| {
        let names: Vec<&str> = Model::all().map(|model| model.name()).collect();
        format!("no such model; there are auto, {}", names.join(", "))
    })
}

/// For clap: none, 1/mean^…, or a column.
pub(crate) fn parse_weights(text: &str) -> Result<Weights, String> {
    match text.strip_prefix("1/mean^") {
        _ if text == "none" => Ok(Weights::None),
        None => Ok(Weights::Column(text.into())),
        Some("q") => Ok(Weights::Estimated),
        Some(power) => match power.parse::<f64>() {
            Ok(power) if power.is_finite() && power.abs() <= 10.0 => Ok(Weights::Power(power)),
            _ => Err("after 1/mean^ comes q or a number from -10 to 10".into()),
        },
    }
}

/// The table of models, for --help.
pub(crate) fn models_help() -> String {
    let mut families: BTreeMap<usize, String> = BTreeMap::new();
    for model in Model::all() {
        let spec = model.spec();
        let (at, title) = match spec.family {
            stats::fit::Family::Throughput => (0, "Throughput over processors:"),
            stats::fit::Family::Decay => (1, "Decay (logistic, power and broken-line also rise):"),
            stats::fit::Family::Growth => (2, "Growth of time or cost:"),
            _ => (3, "The knee model; S = alpha x^2 + beta x of switches, F = 1 - exp(-g x) of faults, g = gamma/c:"),
        };
        let lines = families.entry(at).or_insert_with(|| format!("{title}\n"));
        let (name, parameters) = (spec.name, spec.parameters.join(", "));
        // S and F are in the title of their family.
        let formula = spec.formula.split(", S =").next().unwrap_or_default();
        lines.push_str(&format!("  {name:<22} {parameters:<27} {formula}\n"));
    }
    let all: String = families.into_values().collect();
    format!(
        "Models, their parameters and formulas:\n{all}\nAmplitudes (a, a1, a2) share one sign, that of the data. Fewer than \
         {MIN_DISTINCT_X} distinct x give estimates alone. Exit codes: 0 done, 1 a figure cannot be written, 2 usage or a bad \
         file."
    )
}

/// Reading a table is the caller's to mend.
fn bad_file(path: &std::path::Path, error: &std::io::Error) -> Exit {
    Exit::new(USAGE, format!("{path}: {error}", path = path.display()))
}

/// The level in percent, without digits that say nothing: `95 %`.
fn percent(level: f64) -> String {
    let percent = format!("{:.6}", 100.0 * level);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}
