//! The article's knee model: what its forms predict from the printed constants and from constants measured here, beside the
//! knee that was measured.
//!
//! S comes from a sweep in which nothing is shared: n workers that are always active complete X = lambda n / (1 + S), which
//! is the USL with alpha = kappa / (1 - sigma), beta = (sigma - kappa) / (1 - sigma). F is the share of operations with a page
//! fault in the sweep over a shared heap: -ln(1 - F) = g n by least squares. All regimes go into one curve, since the model
//! speaks of more workers than cores. The measured knee is the model-free one of the second sweep.
//!
//! What the measured constants predict is an interval: the least and the greatest peak at the ends of the 95 % intervals of
//! sigma and kappa, gamma as it is. A kappa whose interval holds 0 bounds no knee from above. Where S has not the USL's form,
//! or F was never seen, its constants decide nothing.

use crate::results::Results;
use crate::samples::WHOLE;
use crate::series::group_of;
use crate::show::plain;
use crate::summary::Counts;
use plan::experiment::Extent;
use plan::knee::KneeModel;
use plan::record::KneeRow;
use stats::Interval;
use stats::argmax::argmax;
use stats::decide::{KNEE_FACTOR, Region, Verdict, decide, open_at_end};
use stats::fit::{FitSettings, FittedValue, KneeConstants, KneeForm, Model, fit};

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
    /// alpha and beta at the ends of their intervals; empty where they are exact, as in print.
    ends: Vec<(f64, f64)>,
    /// Why constants that are known decide nothing.
    doubt: Option<String>,
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
        ends: Vec::new(),
        doubt: None,
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
    let peak =
        |(alpha, beta): (f64, f64), gamma: f64| form.peak(&KneeConstants { alpha, beta, gamma, c: source.cores });
    let known = source.alpha_beta.zip(gamma);
    let predicted = known.and_then(|(alpha_beta, gamma)| peak(alpha_beta, gamma));
    // No peak at all is one beyond every number of workers.
    let beyond = |peak: Option<f64>| peak.unwrap_or(f64::INFINITY);
    let range = known.map(|(_, gamma)| {
        let at_ends = source.ends.iter().map(|end| beyond(peak(*end, gamma)));
        let start = Interval { low: beyond(predicted), high: beyond(predicted) };
        at_ends.fold(start, |range, at| range.hull(&Interval { low: at, high: at }))
    });
    let no_faults = (needs_faults && source.gamma == Some(0.0))
        .then(|| "no page fault was seen, so that F is only known to be small".to_string());
    let of_constants = source.doubt.clone().or(no_faults);
    let outcome = match (range, of_constants, found, doubt) {
        (None, ..) => "its constants are not known".to_string(),
        (Some(_), Some(doubt), ..) => format!("undecided: {doubt}"),
        (Some(range), ..) if range.low == f64::INFINITY => "it only rises: no optimum".to_string(),
        (_, _, Err(why), _) => format!("no measured knee: {why}"),
        (_, _, Ok(_), Some(doubt)) => format!("undecided: {doubt}"),
        (Some(range), _, Ok((_, measured)), None) => judged(&range, measured),
    };
    let range = range.filter(|_| !source.ends.is_empty());
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
        predicted_low: range.map(|range| range.low),
        predicted_high: range.map(|range| range.high),
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

/// Supported where all that is measured lies within x/÷ [`KNEE_FACTOR`] of all that is predicted, refuted where nothing does.
fn judged(predicted: &Interval, measured: &Interval) -> String {
    let near = |end: f64| decide(measured, &Region::within_factor(end, KNEE_FACTOR)) == Verdict::Supported;
    if near(predicted.low) && near(predicted.high) {
        return format!("the measured knee lies within x/÷ {KNEE_FACTOR} of it");
    }
    let around = Region { low: predicted.low / KNEE_FACTOR, high: predicted.high * KNEE_FACTOR };
    match decide(measured, &around) {
        Verdict::Refuted => "the measured knee lies elsewhere".into(),
        _ => format!(
            "undecided: the intervals of the measured knee and of the prediction lie across x/÷ {KNEE_FACTOR} of each other"
        ),
    }
}

/// Where half of the samples of a point were disturbed, nothing about its time is decided.
fn noisy(results: &Results, model: &KneeModel) -> Option<String> {
    let points = results.plan.points.iter().enumerate();
    let mut of_arm = points.filter(|(_, point)| point.is_of_arm(&model.arm));
    let (_, point) = of_arm.find(|(at, _)| Counts::of(results, *at).is_noisy())?;
    Some(format!("half of the samples or more at {procs} procs were disturbed", procs = point.procs))
}

/// Procs and row of every sample of the arm at some levels of the further factors.
fn rows<'a>(results: &'a Results, model: &'a KneeModel, group: &'a str) -> impl Iterator<Item = (f64, usize)> + 'a {
    let plan = &results.plan;
    let points = plan.points.iter().enumerate();
    points
        .filter(move |(_, point)| point.is_of_arm(&model.arm) && group_of(plan, point) == group)
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
    let (alpha_beta, ends, doubt, of_s) = match switching(results, model) {
        Ok(Switching { alpha_beta, ends, doubt, note }) => (Some(alpha_beta), ends, doubt, note),
        Err(why) => (None, Vec::new(), None, why),
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
    Source { word, alpha_beta, gamma, cores, ends, doubt, note: format!("{of_s}; {of_f}") }
}

/// S as a sweep has it.
struct Switching {
    alpha_beta: (f64, f64),
    ends: Vec<(f64, f64)>,
    doubt: Option<String>,
    note: String,
}

/// alpha and beta of S, at their estimates and at the ends of the intervals of sigma and kappa.
fn switching(results: &Results, model: &KneeModel) -> Result<Switching, String> {
    let (x, y) = sweep(results, model, &model.switches);
    let usl = fit(&FitSettings { level: LEVEL, ..FitSettings::new(Model::Usl) }, &x, &y)
        .map_err(|why| format!("S cannot be fitted: {why}"))?;
    let (sigma, kappa) = (&usl.parameters[1], &usl.parameters[2]);
    if sigma.estimate >= 1.0 {
        return Err("S cannot be fitted: no more is done with more workers".into());
    }
    let (Some(of_sigma), Some(of_kappa)) = (sigma.interval, kappa.interval) else {
        return Err("S cannot be fitted: the samples do not determine sigma and kappa".into());
    };
    let constants = |sigma: f64, kappa: f64| (kappa / (1.0 - sigma), (sigma - kappa) / (1.0 - sigma));
    // At sigma = 1 nothing is gained from the second worker on: as near to it as a peak can be computed.
    let high = of_sigma.high.min(1.0 - 1e-6);
    let pairs =
        [(of_sigma.low, of_kappa.low), (of_sigma.low, of_kappa.high), (high, of_kappa.low), (high, of_kappa.high)];
    let misfit = 100.0 * usl.misfit_ratio;
    let doubt = (!usl.is_adequate()).then(|| "S has not this form here".to_string());
    let adequate = if doubt.is_none() { "adequate" } else { "not adequate, so that S has not this form here" };
    let shown = |value: &FittedValue, Interval { low, high }: Interval| {
        let bound = if value.at_bound { " at its bound" } else { "" };
        let [low, high] = [low, high].map(plain);
        format!("{name} {estimate}{bound} [{low}, {high}]", name = value.name, estimate = plain(value.estimate))
    };
    let note = format!(
        "S from {switches}: USL {adequate}, misfit {misfit:.1} %, {sigma}, {kappa}",
        switches = model.switches,
        sigma = shown(sigma, of_sigma),
        kappa = shown(kappa, of_kappa)
    );
    Ok(Switching {
        alpha_beta: constants(sigma.estimate, kappa.estimate),
        ends: pairs.map(|(sigma, kappa)| constants(sigma, kappa)).to_vec(),
        doubt,
        note,
    })
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
        made_of([&rate, &rate], g, 0.001)
    }

    /// The same with a rate for each sweep, and samples that far from each other.
    fn made_of(rates: [&dyn Fn(f64) -> f64; 2], g: f64, spread: f64) -> Results {
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
                let wobble = 1.0 + spread * (f64::from((block + point as u32) % 5) - 2.0);
                let rate = wobble * rates[point / PROCS.len()](n);
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

    /// S without a square: kappa's interval reaches 0, so that no knee is bounded from above.
    #[test]
    fn constants_at_a_bound_decide_only_what_their_intervals_do() {
        let straight = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0));
        let peaked = |n: f64| 1000.0 * n / (1.0 + 0.007 * n * n);
        let row = of(&knee(&made_of([&straight, &peaked], 0.01, 0.05)), "measured", "no-faults").clone();
        let (low, high) = (row.predicted_low.unwrap(), row.predicted_high.unwrap());
        assert!(low > 1.0 && low / 1.25 < row.measured_high.unwrap() && high == f64::INFINITY, "{row:#?}");
        assert!(row.note.starts_with("undecided: the intervals of") && row.note.contains("kappa"), "{row:#?}");
        // Quiet samples hold kappa so near to 0 that a knee at 4 is excluded, bound or not.
        let early = |n: f64| 1000.0 * n / (1.0 + n * n / 16.0);
        let rows = knee(&made_of([&straight, &early], 0.01, 0.0001));
        let row = of(&rows, "measured", "no-faults");
        assert!(row.predicted_low.unwrap() > 20.0 && row.predicted_high == Some(f64::INFINITY), "{row:#?}");
        assert!(row.note.starts_with("the measured knee lies elsewhere"), "{row:#?}");
        // What is printed is exact.
        assert_eq!(of(&rows, "printed", "coupled").predicted_low, None);
        // Below the straight line of more workers kappa ends at its bound, which is said.
        let bent = |n: f64| 1000.0 * n / (1.0 + 0.05 * (n - 1.0)) * (1.0 + 0.001 * n);
        let row = of(&knee(&made_of([&bent, &early], 0.01, 0.0001)), "measured", "coupled").clone();
        assert!(row.note.contains("kappa 0 at its bound [0, "), "{row:#?}");
    }

    #[test]
    fn constants_of_an_s_of_another_form_decide_nothing() {
        let early = |n: f64| 1000.0 * n / (1.0 + n * n / 16.0);
        let rows = knee(&made_of([&|n| 1000.0 * n.min(6.0), &early], 0.01, 0.001));
        let mut measured = rows.iter().filter(|row| row.source == "measured");
        assert!(measured.all(|row| row.note.starts_with("undecided: S has not this form here; ")), "{rows:#?}");
        // Without faults a form that needs them is not known, the others are.
        let rows = knee(&made_of([&early, &early], 0.0, 0.001));
        for form in ["coupled", "useful"] {
            assert!(of(&rows, "measured", form).note.starts_with("undecided: no page fault was seen"), "{rows:#?}");
        }
        assert!(of(&rows, "measured", "no-faults").note.starts_with("the measured knee lies within"), "{rows:#?}");
    }

    #[test]
    fn a_prediction_is_as_wide_as_its_interval() {
        let check = |predicted: (f64, f64), measured: (f64, f64), expect: &str| {
            let interval = |(low, high)| Interval { low, high };
            let found = judged(&interval(predicted), &interval(measured));
            assert!(found.contains(expect), "{predicted:?}, {measured:?}: {found}");
        };
        check((4.0, 4.5), (4.0, 5.0), "lies within");
        check((4.0, 5.5), (4.0, 5.0), "undecided");
        check((4.0, f64::INFINITY), (4.0, f64::INFINITY), "undecided");
        check((8.0, f64::INFINITY), (2.0, 2.0), "elsewhere");
        check((4.0, 5.0), (1.0, 3.1), "elsewhere");
        check((4.0, 5.0), (1.0, 3.3), "undecided");
    }

    #[test]
    fn what_a_model_computed_is_not_called_measured() {
        let mut results = made(|n| 1000.0 * n / (1.0 + 0.05 * n + 0.02 * n * n), 0.01);
        results.manifest.source = "modelled".into();
        let rows = knee(&results);
        assert!(rows.iter().all(|row| row.measured.is_none() && row.source != "measured"), "{rows:#?}");
    }
}
