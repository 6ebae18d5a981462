//! The answer for people.

use super::{Analysis, Outcome, PeakOfMeans, Weights, percent};
use crate::args::{Fit as Args, Response};
use stats::Interval;
use stats::fit::{ChoiceVerdict, DECISIVE_LEAD, Diagnostics, Fit, FitStatus, FittedValue, MIN_DISTINCT_X, Model};
use std::fmt::Write;

pub(super) fn text(args: &Args, analyses: &[Analysis]) -> String {
    analyses.iter().map(|analysis| one(args, analysis)).collect::<Vec<_>>().join("\n")
}

fn one(args: &Args, analysis: &Analysis) -> String {
    let group = &analysis.group;
    let (name, rows) = (group.name(args), group.x.len());
    let (x, y) = (&args.x, &args.y);
    let residuals = if args.response == Response::Ln { format!("ln {y}") } else { y.clone() };
    let mut out =
        format!("{name}: {y} over {x}, {rows} rows; residuals of {residuals}, {how}\n", how = analysis.weights);
    if let Some(power) = &analysis.variance_power {
        let (q, interval) = (short(power.value), ends(&power.interval));
        let advice = match (&args.weights, args.response) {
            (Weights::None, Response::Raw) if power.interval.low > 0.0 => {
                "; 0 is what unweighted residuals assume: --response ln, or --weights 1/mean^q"
            }
            _ => "",
        };
        let _ = writeln!(out, "variance of the replicates ~ mean^{q} {interval}{advice}");
    }
    if let Some(choice) = &analysis.choice {
        comparison(&mut out, choice);
    }
    match &analysis.outcome {
        Outcome::Fitted(fit, diagnostics) => fitted(&mut out, args, fit, diagnostics),
        Outcome::Estimates(model, values) => estimates(&mut out, *model, values),
        Outcome::Undecided => {}
    }
    model_free(&mut out, args, analysis);
    out
}

fn comparison(out: &mut String, choice: &stats::fit::Choice) {
    out.push_str("\n  compared                     AICc     weight   misfit   status\n");
    for candidate in &choice.candidates {
        let model = candidate.model.name();
        match &candidate.fit {
            Ok(fit) => {
                let aicc = fit.aicc.map_or("-".into(), |aicc| format!("{aicc:.2}"));
                let weight = candidate.weight.map_or("-".into(), |weight| format!("{weight:.3}"));
                let status = if fit.is_adequate() { fit.status.to_string() } else { "inadequate".into() };
                let misfit = format!("{:.2} %", 100.0 * fit.misfit_ratio);
                let _ = writeln!(out, "  {model:<23} {aicc:>11} {weight:>9} {misfit:>9}   {status}");
            }
            Err(why) => {
                let _ = writeln!(out, "  {model:<23} refused: {why}");
            }
        }
    }
    let verdict = match choice.verdict {
        ChoiceVerdict::Chosen(model) => format!("chosen: {model}"),
        ChoiceVerdict::NoneAdequate => {
            "not decidable: no model is adequate (lack-of-fit p >= .05, or the means missed by at most 2 %)".into()
        }
        ChoiceVerdict::FewMeans { found } => {
            format!(
                "not decidable: {found} rows without replicates cannot tell models apart; measure each x several times"
            )
        }
        ChoiceVerdict::Close { best, rival, lead } => format!(
            "not decidable: {best} leads {rival} by {lead:.2} AICc, {DECISIVE_LEAD} needed; --model NAME fits one of them"
        ),
    };
    let _ = writeln!(out, "  {verdict}");
}

fn fitted(out: &mut String, args: &Args, fit: &Fit, diagnostics: &Diagnostics) {
    let (model, formula) = (fit.model, fit.model.spec().formula);
    let _ = writeln!(out, "\n{model}: {formula}");
    let level = percent(fit.level);
    let _ = writeln!(out, "  {:<19} {:>14} {:>13}   {level} interval", "", "estimate", "std. error");
    for value in fit.parameters.iter().chain(&fit.knees) {
        let error = value.std_error.map_or("-".into(), |error| significant(error, 6));
        let interval = value.interval.as_ref().map_or("-".into(), ends);
        let bound = if value.at_bound { ", at its bound" } else { "" };
        let (name, estimate) = (value.name, estimate(value));
        let _ = writeln!(out, "  {name:<19} {estimate:>14} {error:>13}   {interval} {}{bound}", fit.method_of(value));
    }
    let knees = knee_words(fit);
    if !knees.is_empty() {
        let _ = writeln!(out, "  {knees}");
    }
    let _ = writeln!(out, "\n  status        {}", status_words(fit));
    let _ = writeln!(
        out,
        "  residuals     RSS {rss}, {df} df of {n} rows at {m} distinct {x}{aicc}",
        rss = significant(fit.rss, 10),
        df = fit.df,
        n = fit.n,
        m = fit.n_distinct,
        x = args.x,
        aicc = fit.aicc.map_or(String::new(), |aicc| format!(", AICc {aicc:.3}")),
    );
    let lack = match fit.lack_of_fit {
        Some(test) => format!("F({}, {}) = {}, p = {}", test.df1, test.df2, short(test.statistic), probability(test.p)),
        None => "not testable without replicates".into(),
    };
    let _ = writeln!(out, "  lack of fit   {lack}; the means are missed by {:.2} % (rms)", 100.0 * fit.misfit_ratio);
    let durbin_watson = diagnostics.durbin_watson.map_or("-".into(), |dw| format!("{dw:.4}"));
    let runs = diagnostics.runs.map_or("all of one sign".into(), |runs| {
        let (n, above, below) = (runs.runs, runs.above, runs.below);
        format!("{n} runs of signs, {above} above and {below} below, z = {:.2}, p = {}", runs.z, probability(runs.p))
    });
    let _ = writeln!(out, "  order         Durbin-Watson {durbin_watson}; {runs}");
    if let Some(davies) = diagnostics.davies {
        let (p, place, x) = (probability(davies.p), short(davies.place), &args.x);
        let _ = writeln!(
            out,
            "  not straight  Davies' test p = {p}, steepest change near {x} = {place}; any smooth curve is not straight: no test of a threshold"
        );
    }
    if let Some(most) =
        diagnostics.influence.iter().max_by(|a, b| a.cook.partial_cmp(&b.cook).unwrap_or(std::cmp::Ordering::Equal))
    {
        let cook = most.cook.map_or("-".into(), short);
        let knee = fit.knees.first().zip(most.knee_without);
        let knee =
            knee.map_or(String::new(), |(knee, without)| format!("; without it {} = {}", knee.name, short(without)));
        let _ = writeln!(out, "  influence     most by {} = {}: Cook's distance {cook}{knee}", args.x, short(most.x));
    }
}

fn estimates(out: &mut String, model: Model, values: &[f64]) {
    let _ = writeln!(out, "\n{model}: {formula}", formula = model.spec().formula);
    for (name, value) in model.parameter_names().iter().zip(values) {
        let _ = writeln!(out, "  {name:<19} {:>14}", significant(*value, 8));
    }
    let _ = writeln!(
        out,
        "  estimates alone: fewer than {MIN_DISTINCT_X} distinct x test no curve, so no interval, no knee, no adequacy"
    );
}

/// What is said beside every formula.
fn model_free(out: &mut String, args: &Args, analysis: &Analysis) {
    let x = &args.x;
    match &analysis.argmax {
        Some(PeakOfMeans::WithInterval(peak)) => {
            let level = percent(args.level);
            let (at, interval) = (short(peak.x), ends(&peak.interval));
            let _ = writeln!(out, "  model-free    highest at {x} = {at} {interval} ({level}, bootstrap of runs)");
        }
        Some(PeakOfMeans::Point(at)) => {
            let _ = writeln!(out, "  model-free    highest at {x} = {} (no interval without replicates)", short(*at));
        }
        None => {}
    }
    if let Some(at) = analysis.kneedle {
        let _ = writeln!(
            out,
            "  Kneedle       bends at {x} = {} (for display: no interval, moves with its setting)",
            short(at)
        );
    }
}

fn knee_words(fit: &Fit) -> &'static str {
    match fit.model {
        Model::Usl => {
            "knee_peak: the curve is highest; knee_kleinrock: rate^2/x is highest; knee_inverse_sigma: 1/sigma"
        }
        Model::Amdahl => {
            "no peak: the curve only rises, towards peak_rate; knee_kleinrock: rate^2/x is highest; knee_inverse_sigma: 1/sigma"
        }
        Model::ExponentialSaturation => "no peak: the curve only rises, towards peak_rate",
        Model::Quadratic | Model::Knee | Model::KneeAdditive | Model::KneeUseful => "knee_peak: the curve is highest",
        Model::BrokenLine => {
            "knee_breakpoint: the slope changes; any smooth curve has one, so it is no test of a threshold"
        }
        Model::KneeKappa => "a cost: it rises throughout and has no optimum",
        _ => "",
    }
}

fn status_words(fit: &Fit) -> String {
    let words = match fit.status {
        FitStatus::Ok => "ok",
        FitStatus::Misfit if fit.lack_of_fit.is_some() => "misfit: lack of fit p < .05, intervals are from the means",
        FitStatus::Misfit => "misfit: the means are missed by more than 2 %",
        FitStatus::Bound => "bound: a parameter ended at its bound",
        FitStatus::Unbounded => "unbounded: the data do not bound the peak on both sides",
        FitStatus::Undetermined => "undetermined: the data do not determine all parameters",
    };
    let no_peak = fit.knees.iter().any(|knee| knee.name == "knee_peak" && knee.estimate.is_infinite());
    let peak = if no_peak { "; no peak" } else { "" };
    let adequate = if fit.is_adequate() { "" } else { "; inadequate, so its knees decide nothing" };
    format!("{words}{peak}{adequate}")
}

fn estimate(value: &FittedValue) -> String {
    if value.estimate.is_infinite() { "none".into() } else { significant(value.estimate, 8) }
}

/// `[32.4, unbounded]`
fn ends(interval: &Interval) -> String {
    let end = |value: f64| if value.is_infinite() { "unbounded".into() } else { significant(value, 6) };
    format!("[{}, {}]", end(interval.low), end(interval.high))
}

fn short(value: f64) -> String {
    if value.is_infinite() { "none".into() } else { significant(value, 4) }
}

fn probability(p: f64) -> String {
    if p < 1e-3 { format!("{p:.1e}") } else { format!("{p:.3}") }
}

/// So many significant digits, without the zeros at the end that say nothing; published fits can be held against them.
fn significant(value: f64, digits: usize) -> String {
    let size = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if !(-4..12).contains(&size) {
        return format!("{value:.*e}", digits - 1);
    }
    let decimals = (digits as i32 - 1 - size).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_say_something() {
        for (value, digits, expect) in [
            (995.6487859290531, 8, "995.64879"),
            (0.0267159450357, 8, "0.026715945"),
            (7.69093920610e-4, 8, "0.00076909392"),
            (1e-9, 4, "1.000e-9"),
            (12.0, 6, "12"),
            (1023849.52467, 10, "1023849.525"),
            (0.0, 4, "0"),
            (-2.5, 4, "-2.5"),
        ] {
            assert_eq!(significant(value, digits), expect);
        }
    }
}
