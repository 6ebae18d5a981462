//! The article's knee model: what its forms predict from the printed constants and from constants measured here, beside the
//! knee that was measured.
//!
//! S comes from a sweep in which nothing is shared: n workers that are always active complete X = lambda n / (1 + S), which
//! is the USL with alpha = kappa / (1 - sigma), beta = (sigma - kappa) / (1 - sigma). F is the share of operations with a page
//! fault in the sweep over a shared heap: -ln(1 - F) = g n by least squares. All regimes go into one curve, since the model
//! speaks of more workers than cores. The measured knee is the model-free one of the second sweep.

use crate::results::Results;
use crate::samples::WHOLE;
use crate::series::{group_of, is_arm};
use crate::summary::Counts;
use plan::experiment::Extent;
use plan::knee::KneeModel;
use plan::record::KneeRow;
use stats::Interval;
use stats::argmax::argmax;
use stats::decide::{Region, Verdict, decide, open_at_end};
use stats::fit::{FitSettings, KneeConstants, KneeForm, Model, fit};

const LEVEL: f64 = 0.95;
const RESAMPLES: usize = 2000;

/// Every form, its name and how people write it. phi = 1 in the additive one.
const FORMS: [(KneeForm, &str, &str); 9] = [
    (KneeForm::Kappa, "kappa", "S F"),
    (KneeForm::Coupled, "coupled", "n / (1 + S F)"),
    (KneeForm::Additive { phi: 1.0 }, "additive", "n / (1 + S + F)"),
    (KneeForm::Useful, "useful", "n (1 - F) / (1 + S)"),
    (KneeForm::NoFaults, "no-faults", "n / (1 + S)"),
    (KneeForm::Usl, "usl", "n / (1 + beta (n-1) + alpha n (n-1))"),
    (KneeForm::UslWithFaults, "usl-with-faults", "n / (1 + (beta (n-1) + alpha n (n-1)) F)"),
    (KneeForm::Capacity, "capacity", "c (1 - exp(-n/c)) / (1 + S F)"),
    (KneeForm::NetBenefit, "net-benefit", "n - S F"),
];

/// A knee with its interval.
type Knee = (f64, Interval);

/// Where a set of constants comes from, the constants as far as they are known, and what must be said of them.
struct Source<'a> {
    word: &'a str,
    alpha_beta: Option<(f64, f64)>,
    gamma: Option<f64>,
    cores: f64,
    note: String,
}

/// All rows; none where the experiment has no `[knee]`.
pub fn knee(results: &Results) -> Vec<KneeRow> {
    let Some(model) = &results.plan.knee else { return Vec::new() };
    let found = knee_of(results, model);
    let doubt = noisy(results, model);
    let printed = Source {
        word: "printed",
        alpha_beta: Some((model.alpha, model.beta)),
        gamma: Some(model.gamma),
        cores: model.cores,
        note: String::new(),
    };
    let of_samples = of_samples(results, model);
    [printed, of_samples]
        .iter()
        .flat_map(|source| {
            FORMS.iter().map(|form| row(source, form, model, &found, doubt.as_deref())).collect::<Vec<_>>()
        })
        .collect()
}

fn row(
    source: &Source<'_>,
    (form, name, formula): &(KneeForm, &str, &str),
    model: &KneeModel,
    found: &Result<Knee, String>,
    doubt: Option<&str>,
) -> KneeRow {
    let needs_faults = !matches!(form, KneeForm::NoFaults | KneeForm::Usl);
    // Where no F is in the form, any gamma gives the same.
    let gamma = if needs_faults { source.gamma } else { Some(1.0) };
    let constants = source.alpha_beta.zip(gamma).map(|((alpha, beta), gamma)| KneeConstants {
        alpha,
        beta,
        gamma,
        c: source.cores,
    });
    let predicted = constants.and_then(|constants| form.peak(&constants));
    let outcome = match (constants, predicted, found) {
        (None, ..) => "its constants are not known".to_string(),
        (Some(_), None, _) => "it only rises: no optimum".to_string(),
        (Some(_), Some(_), Err(why)) => format!("no measured knee: {why}"),
        (Some(_), Some(_), Ok(_)) if doubt.is_some() => {
            format!("undecided: {doubt}", doubt = doubt.unwrap_or_default())
        }
        (Some(_), Some(predicted), Ok((_, interval))) => {
            match decide(interval, &Region::within_factor(predicted, 1.25)) {
                Verdict::Supported => "the measured knee lies within x/÷ 1.25 of it",
                Verdict::Refuted => "the measured knee lies elsewhere",
                Verdict::Undecided => "the interval of the measured knee lies across x/÷ 1.25 of it",
            }
            .to_string()
        }
    };
    let found = found.as_ref().ok();
    KneeRow {
        source: source.word.into(),
        form: (*name).into(),
        formula: (*formula).into(),
        alpha: source.alpha_beta.map(|(alpha, _)| alpha),
        beta: source.alpha_beta.map(|(_, beta)| beta),
        gamma: source.gamma,
        cores: source.cores,
        predicted,
        printed: model.printed,
        measured: found.map(|(peak, _)| *peak),
        measured_low: found.map(|(_, interval)| interval.low),
        measured_high: found.map(|(_, interval)| interval.high),
        note: [outcome.as_str(), &source.note]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// Where half of the samples of a point were disturbed, nothing about its time is decided.
fn noisy(results: &Results, model: &KneeModel) -> Option<String> {
    let points = results.plan.points.iter().enumerate();
    let mut of_arm = points.filter(|(_, point)| is_arm(&point.arm, &model.arm));
    let (_, point) = of_arm.find(|(at, _)| Counts::of(results, *at).is_noisy())?;
    Some(format!("half of the samples or more at {procs} procs were disturbed", procs = point.procs))
}

/// Procs and row of every sample of the arm at some levels of the further factors.
fn rows<'a>(results: &'a Results, model: &'a KneeModel, group: &'a str) -> impl Iterator<Item = (f64, usize)> + 'a {
    let plan = &results.plan;
    let points = plan.points.iter().enumerate();
    points
        .filter(move |(_, point)| is_arm(&point.arm, &model.arm) && group_of(plan, point) == group)
        .flat_map(|(at, point)| results.samples.used_rows(at, false).map(|row| (f64::from(point.procs), row)))
}

/// The throughput of one sweep, all regimes.
fn sweep(results: &Results, model: &KneeModel, group: &str) -> (Vec<f64>, Vec<f64>) {
    let Some(rate) = results.samples.metric("throughput_per_s") else { return (Vec::new(), Vec::new()) };
    rows(results, model, group).filter_map(|(procs, row)| Some((procs, rate.get(row)?))).unzip()
}

/// The highest of the sweep, and where it lies or beyond.
fn knee_of(results: &Results, model: &KneeModel) -> Result<Knee, String> {
    if results.modelled().is_some() {
        return Err("throughputs of this folder were computed by a model".into());
    }
    let (x, y) = sweep(results, model, &model.faults);
    let peak = argmax(&x, &y, LEVEL, RESAMPLES, results.plan.measure.seed.0).map_err(|why| why.to_string())?;
    Ok((peak.x, open_at_end(&x, &peak.interval)))
}

/// The constants that the samples give, and how well they describe them.
fn of_samples<'a>(results: &Results, model: &KneeModel) -> Source<'a> {
    let topology = &results.topology;
    let cores = topology.pu_set().intersection(&topology.allowed_pus).len() as f64;
    let word = if results.modelled().is_some() { "modelled" } else { "measured" };
    let (alpha_beta, of_s) = match switching(results, model) {
        Ok((constants, note)) => (Some(constants), note),
        Err(why) => (None, why),
    };
    let (gamma, of_f) = match fault_shares(results, model) {
        Ok((shares, faults)) => {
            let above: f64 = shares.iter().map(|(n, share)| -n * (-share).ln_1p()).sum();
            let below: f64 = shares.iter().map(|(n, _)| n * n).sum();
            let most = shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
            let group = &model.faults;
            let note =
                format!("F from {group}: {faults} page faults in all, at most {most:.2e} of a sample's operations");
            (Some(above / below * cores), note)
        }
        Err(why) => (None, why),
    };
    Source { word, alpha_beta, gamma, cores, note: format!("{of_s}; {of_f}") }
}

/// alpha and beta of S.
fn switching(results: &Results, model: &KneeModel) -> Result<((f64, f64), String), String> {
    let (x, y) = sweep(results, model, &model.switches);
    let usl = fit(&FitSettings { level: LEVEL, ..FitSettings::new(Model::Usl) }, &x, &y)
        .map_err(|why| format!("S cannot be fitted: {why}"))?;
    let (sigma, kappa) = (usl.parameters[1].estimate, usl.parameters[2].estimate);
    if sigma >= 1.0 {
        return Err("S cannot be fitted: no more is done with more workers".into());
    }
    let misfit = 100.0 * usl.misfit_ratio;
    let adequate = if usl.is_adequate() { "adequate" } else { "not adequate, so that S has not this form here" };
    let note = format!("S from {switches}: USL {adequate}, misfit {misfit:.1} %", switches = model.switches);
    Ok(((kappa / (1.0 - sigma), (sigma - kappa) / (1.0 - sigma)), note))
}

/// Share of operations with a page fault of each sample, by procs, and all faults. Operations are throughput times the
/// planned length of a sample, which it has but for the last request of each worker.
fn fault_shares(results: &Results, model: &KneeModel) -> Result<(Vec<(f64, f64)>, f64), String> {
    let (mut shares, mut all) = (Vec::new(), 0.0);
    for (procs, row) in rows(results, model, &model.faults) {
        let value = |name: &str| results.samples.metric(name).and_then(|metric| metric.get(row));
        let faults = value("minor_faults").zip(value("major_faults")).map(|(minor, major)| minor + major);
        let rate = value(WHOLE).or_else(|| value("throughput_per_s"));
        let Some((faults, rate)) = faults.zip(rate) else {
            return Err(format!("F cannot be measured: page faults of a sample at {procs} procs are not known"));
        };
        let operations = match results.plan.measure.extent {
            Extent::Seconds(seconds) => rate * seconds,
            Extent::Operations(each) => each as f64 * procs,
        };
        let share = faults / operations;
        if share.is_nan() || share >= 1.0 {
            return Err(format!("F cannot be fitted: a fault for each operation at {procs} procs"));
        }
        shares.push((procs, share));
        all += faults;
    }
    if shares.is_empty() { Err("F cannot be measured: no sample".into()) } else { Ok((shares, all)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::samples::made::{Made, samples};
    use plan::place::Regime;
    use plan::point::Point;

    const PROCS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

    /// Two sweeps of one arm: rates by `rate`, of which a share 1 - exp(-g n) of the operations faults in the second.
    fn made(rate: impl Fn(f64) -> f64, g: f64) -> Results {
        let mut results = golden();
        let template = results.plan.points[0].clone();
        results.manifest.timing = plan::record::Timing::Hardware;
        results.manifest.source = "live".into();
        results.plan.factors = vec!["shared_ratio".into()];
        results.plan.points = Vec::new();
        for level in ["0.0", "1.0"] {
            for procs in PROCS {
                let factors = [("shared_ratio".to_string(), level.to_string())].into();
                let regime = if procs > 8 { Regime::Oversubscribed } else { Regime::Core };
                let id = format!("p{at:02}", at = results.plan.points.len());
                results.plan.points.push(Point {
                    id,
                    procs,
                    factors,
                    regime,
                    arm: "unbound".into(),
                    ..template.clone()
                });
            }
        }
        results.plan.knee = Some(KneeModel {
            alpha: 0.02,
            beta: 0.3,
            gamma: 0.8,
            cores: 8.0,
            printed: 12.7,
            arm: "unbound".into(),
            switches: "shared_ratio=0.0".into(),
            faults: "shared_ratio=1.0".into(),
        });
        let figures: Vec<_> = (0..5u32)
            .flat_map(|block| (0..2 * PROCS.len()).map(move |point| (block, point)))
            .map(|(block, point)| {
                let n = f64::from(PROCS[point % PROCS.len()]);
                let wobble = 1.0 + 0.001 * (f64::from((block + point as u32) % 5) - 2.0);
                let rate = wobble * rate(n);
                // The golden plan has samples of 0.1 s.
                let faults = -(-g * n).exp_m1() * rate * 0.1;
                let metrics = [("throughput_per_s", rate), ("minor_faults", faults), ("major_faults", 0.0)];
                (block, point, metrics)
            })
            .collect();
        let made: Vec<Made<'_>> = figures
            .iter()
            .map(|(block, point, metrics)| Made {
                point: *point,
                block: *block,
                flagged: false,
                failed: false,
                metrics,
            })
            .collect();
        results.samples = samples(&results.plan, &made);
        results
    }

    fn of<'a>(rows: &'a [KneeRow], source: &str, form: &str) -> &'a KneeRow {
        rows.iter().find(|row| row.source == source && row.form == form).expect("every form has a row of each source")
    }

    /// Statistics notes, section 2.
    #[test]
    fn printed_constants_predict_what_the_notes_have() {
        let rows = knee(&made(|n| 1000.0 * n / (1.0 + 0.05 * n + 0.02 * n * n), 0.0));
        assert_eq!(rows.len(), 2 * FORMS.len());
        let coupled = of(&rows, "printed", "coupled");
        assert!((coupled.predicted.unwrap() - 5.580504156467723).abs() < 1e-12);
        assert_eq!((coupled.printed, of(&rows, "printed", "kappa").predicted), (12.7, None));
        assert!(of(&rows, "printed", "kappa").note.starts_with("it only rises: no optimum"));
        assert!((of(&rows, "printed", "no-faults").predicted.unwrap() - 50f64.sqrt()).abs() < 1e-12);
    }

    /// Throughput as the form without faults has it, and faults by their law: the constants come back, and so does the knee.
    #[test]
    fn measured_constants_are_those_of_the_samples() {
        let (alpha, beta, g) = (0.02, 0.05, 0.01);
        let rows = knee(&made(|n| 1000.0 * n / (1.0 + beta * n + alpha * n * n), g));
        let row = of(&rows, "measured", "no-faults");
        let near = |found: Option<f64>, expect: f64| found.is_some_and(|found| (found - expect).abs() < 0.02 * expect);
        assert!(near(row.alpha, alpha) && near(row.beta, beta) && near(row.gamma, g * row.cores), "{row:#?}");
        assert!(near(row.predicted, 50f64.sqrt()), "{row:#?}");
        // The grid has 6 and 8 beside 7.07.
        assert!(row.measured.is_some_and(|peak| peak == 6.0 || peak == 8.0), "{row:#?}");
        assert!(
            row.note.starts_with("the measured knee lies within x/÷ 1.25 of it; S from shared_ratio=0.0: USL adequate")
        );
        // With F small switches hardly count: the coupled form puts its knee far beyond.
        let coupled = of(&rows, "measured", "coupled");
        assert!(
            coupled.predicted.unwrap() > 12.0 && coupled.note.starts_with("the measured knee lies elsewhere"),
            "{coupled:#?}"
        );
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let flat = knee(&made(|n| 1000.0 * n.min(2.0), 0.0));
        let row = of(&flat, "measured", "no-faults");
        assert!(row.note.contains("not adequate") || row.note.contains("no more is done"), "{row:#?}");
        // The highest is the last: the knee lies there or beyond.
        let rising = knee(&made(|n| 1000.0 * n, 0.0));
        let row = of(&rising, "printed", "coupled");
        assert_eq!((row.measured, row.measured_high), (Some(16.0), Some(f64::INFINITY)));
        let mut none = made(|n| 1000.0 * n / (1.0 + 0.05 * n + 0.02 * n * n), 0.0);
        none.plan.knee.as_mut().expect("there").faults = "shared_ratio=0.5".into();
        let rows = knee(&none);
        let row = of(&rows, "measured", "coupled");
        assert!(row.gamma.is_none() && row.predicted.is_none() && row.measured.is_none(), "{row:#?}");
        assert!(row.note.starts_with("its constants are not known; ") && row.note.ends_with("no sample"), "{row:#?}");
        // What needs no F is predicted all the same.
        assert!((of(&rows, "measured", "no-faults").predicted.unwrap() - 50f64.sqrt()).abs() < 0.2);
        let mut disturbed = made(|n| 1000.0 * n / (1.0 + 0.05 * n + 0.02 * n * n), 0.0);
        disturbed.samples.contaminated.fill(true);
        let note = &of(&knee(&disturbed), "printed", "coupled").note.clone();
        assert_eq!(note, "undecided: half of the samples or more at 1 procs were disturbed");
        assert!(of(&rows, "printed", "coupled").note.starts_with("no measured knee: "));
        none.plan.knee = None;
        assert!(knee(&none).is_empty());
    }

    #[test]
    fn what_a_model_computed_is_not_called_measured() {
        let mut results = made(|n| 1000.0 * n / (1.0 + 0.05 * n + 0.02 * n * n), 0.01);
        results.manifest.source = "modelled".into();
        let rows = knee(&results);
        assert!(rows.iter().all(|row| row.measured.is_none() && row.source != "measured"), "{rows:#?}");
    }
}
