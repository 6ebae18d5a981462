//! fits.csv: curves over the plan's axis, one arm, group and regime at a time.
//!
//! Over procs, of the throughput: USL and Amdahl over all procs; where the curve falls again, both on the rise alone (`usl-rise`, `amdahl-rise`) and the
//! decays from the peak on; where samples are flagged both without these (`usl-clean`, `amdahl-clean`), the sensitivity
//! line; beside them the model-free argmax (`unimodal`). Over any axis the curves that claims name. What cannot be fitted says why in `status`.

use crate::ratios::reader;
use crate::results::Results;
use crate::series::{Series, series};
use crate::summary::Counts;
use plan::claim::ClaimRule;
use plan::reach::Reach;
use plan::record::{FitRow, Timing};
use rayon::prelude::*;
use stats::argmax::{Argmax, argmax};
use stats::decide::open_at_end;
use stats::fit::{Fit, FitSettings, FittedValue, Model, akaike_weights, fit};
use stats::{Interval, StatsError};
use std::collections::BTreeMap;

/// The metric whose logarithm is fitted.
const METRIC: &str = "throughput_per_s";
/// What `response` says before the name of a column whose logarithm is fitted.
const LN: &str = "ln ";
/// Level of the intervals in fits.csv.
const LEVEL: f64 = 0.95;
/// Resamples of the model-free argmax at 95 %: 50 of them in each tail.
const RESAMPLES: usize = 2000;
/// Most observations of one fit. Beyond it neighbouring runs of a point are averaged on ln, which keeps the standard
/// error of its mean and the tests' meaning; a profile over a million samples would take minutes.
const OBSERVATIONS_MOST: usize = 3000;

/// Observations of one curve, `(level of the axis, value)` as two slices; equal levels are replicates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observations {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
}

/// All fits of a folder, curves in plan order.
pub(crate) fn fits(results: &Results) -> Vec<FitRow> {
    let (curves, timing) = (series(&results.plan), results.timing());
    let claimed = models_claimed(results);
    let of_curve = |curve: &Series| {
        let mut rows = if results.plan.is_over_procs() { fits_of(results, curve) } else { Vec::new() };
        rows.extend(
            claimed.iter().flat_map(|((metric, reach), models)| claimed_fits(results, curve, metric, reach, models)),
        );
        rows
    };
    let rows = curves.par_iter().map(of_curve).collect::<Vec<_>>().concat();
    rows.into_iter().map(|row| FitRow { timing, x: results.plan.axis.clone(), ..row }).collect()
}

/// The curves that claims hold against each other, by metric and the part of the axis, each once.
fn models_claimed(results: &Results) -> BTreeMap<(&str, &Reach), Vec<Model>> {
    let mut claimed: BTreeMap<(&str, &Reach), Vec<Model>> = BTreeMap::new();
    for claim in &results.plan.claims {
        let ClaimRule::Model { metric, model, rivals, reach } = &claim.rule else { continue };
        let known = claimed.entry((metric, reach)).or_default();
        for model in [model].into_iter().chain(rivals).filter_map(|name| Model::by_name(name)) {
            if !known.contains(&model) {
                known.push(model);
            }
        }
    }
    claimed
}

fn claimed_fits(results: &Results, curve: &Series, metric: &str, reach: &Reach, models: &[Model]) -> Vec<FitRow> {
    let axis = results.plan.axis.as_str();
    let curve = &curve.within(&results.plan, reach);
    let data = observations(results, curve, metric, false);
    // Of a part of the curve the name says which.
    let part = if reach.is_all() { String::new() } else { format!(" {}", reach.in_words(axis)) };
    let named: Vec<(Model, String)> = models.iter().map(|model| (*model, format!("{model}{part}"))).collect();
    let models: Vec<(Model, &str)> = named.iter().map(|(model, name)| (*model, name.as_str())).collect();
    let rows = match data.y.iter().all(|value| *value > 0.0) && !data.y.is_empty() {
        true => model_rows(axis, curve, &data, &models),
        // Its subject does not tell it, or there is no logarithm.
        false => Vec::new(),
    };
    rows.into_iter().map(|row| FitRow { response: format!("{LN}{metric}"), ..row }).collect()
}

/// The values of one metric along a curve; `clean` leaves flagged samples out.
pub(crate) fn observations(results: &Results, curve: &Series, metric: &str, clean: bool) -> Observations {
    let mut all = Observations { x: Vec::new(), y: Vec::new() };
    let Some(value) = reader(&results.samples, metric) else { return all };
    let most = OBSERVATIONS_MOST / curve.points.len().max(1);
    for &(procs, point) in &curve.points {
        let values: Vec<f64> = results.samples.used_rows(point, clean).filter_map(&value).collect();
        for value in average_neighbours(&values, most) {
            all.x.push(f64::from(procs));
            all.y.push(value);
        }
    }
    all
}

impl Observations {
    fn filter(&self, keep: impl Fn(f64) -> bool) -> Observations {
        let (x, y) = self.x.iter().zip(&self.y).filter(|(x, _)| keep(**x)).unzip();
        Observations { x, y }
    }

    fn x_max(&self) -> f64 {
        self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Geometric means of runs of neighbours, where there are more than `most` values.
fn average_neighbours(values: &[f64], most: usize) -> Vec<f64> {
    if values.len() <= most || values.iter().any(|&value| value <= 0.0) {
        return values.to_vec();
    }
    let size = values.len().div_ceil(most);
    let mean = |run: &[f64]| (run.iter().map(|value| value.ln()).sum::<f64>() / run.len() as f64).exp();
    values.chunks_exact(size).map(mean).collect()
}

fn fits_of(results: &Results, curve: &Series) -> Vec<FitRow> {
    let axis = results.plan.axis.as_str();
    let all = observations(results, curve, METRIC, false);
    if all.x.is_empty() {
        return vec![refused(curve, "usl", "no completed sample")];
    }
    let peak = argmax(&all.x, &all.y, LEVEL, RESAMPLES, results.plan.measure.seed.0);
    let mut rows = model_rows(axis, curve, &all, &[(Model::Usl, "usl"), (Model::Amdahl, "amdahl")]);
    if let Ok(peak) = peak.as_ref().map(|peak| peak.x) {
        let decays = [(Model::ExponentialDecay, "exponential"), (Model::Lomax, "lomax"), (Model::Hill, "hill")];
        if peak < all.x_max() {
            let rise = all.filter(|x| x <= peak);
            rows.extend(model_rows(axis, curve, &rise, &[(Model::Usl, "usl-rise"), (Model::Amdahl, "amdahl-rise")]));
            rows.extend(model_rows(axis, curve, &all.filter(|x| x >= peak), &decays));
        } else {
            let reason = format!("no decay: the highest throughput is at the last procs, {peak}");
            rows.extend(decays.map(|(_, name)| refused(curve, name, &reason)));
        }
    }
    let flagged = |&(_, point): &(u32, usize)| Counts::of(results, point).contaminated > 0;
    if curve.points.iter().any(flagged) {
        // The sensitivity line: what the samples say that nothing disturbed.
        let clean = observations(results, curve, METRIC, true);
        rows.extend(model_rows(axis, curve, &clean, &[(Model::Usl, "usl-clean"), (Model::Amdahl, "amdahl-clean")]));
    }
    rows.push(match peak {
        Ok(peak) => argmax_row(curve, &all, &peak),
        Err(why) => refused(curve, "unimodal", &in_words(&why, axis)),
    });
    rows
}

/// Rivals on the same observations: their rows, with Akaike weights among the adequate.
fn model_rows(axis: &str, curve: &Series, data: &Observations, models: &[(Model, &str)]) -> Vec<FitRow> {
    let fitted: Vec<Result<Fit, StatsError>> = models
        .iter()
        .map(|(model, _)| fit(&FitSettings { level: LEVEL, ..FitSettings::new(*model) }, &data.x, &data.y))
        .collect();
    let aicc =
        |fit: &Result<Fit, StatsError>| fit.as_ref().ok().filter(|fit| fit.is_adequate()).and_then(|fit| fit.aicc);
    let aicc: Vec<Option<f64>> = fitted.iter().map(aicc).collect();
    let weights = akaike_weights(&aicc);
    let weights = aicc.iter().zip(weights).map(|(aicc, weight)| aicc.map(|_| weight));
    let mut rows = Vec::new();
    for ((fit, (_, name)), weight) in fitted.iter().zip(models).zip(weights) {
        match fit {
            Ok(fit) => {
                let values = fit.parameters.iter().chain(&fit.knees);
                rows.extend(values.map(|value| value_row(curve, name, fit, value, weight)));
            }
            Err(why) => rows.push(refused(curve, name, &in_words(why, axis))),
        }
    }
    rows
}

fn value_row(curve: &Series, model: &str, fit: &Fit, value: &FittedValue, weight: Option<f64>) -> FitRow {
    FitRow {
        parameter: value.name.into(),
        estimate: written(value.estimate),
        std_error: value.std_error.and_then(written),
        ci_low: value.interval.and_then(|interval| written(interval.low)),
        ci_high: value.interval.and_then(|interval| written(interval.high)),
        level: value.interval.map(|_| fit.level),
        ci_method: fit.method_of(value),
        n: fit.n as u64,
        df: Some(fit.df as u64),
        rss: written(fit.rss),
        aicc: fit.aicc.and_then(written),
        akaike_weight: weight.and_then(written),
        lack_of_fit_p: fit.lack_of_fit.and_then(|test| written(test.p)),
        misfit_ratio: written(fit.misfit_ratio),
        status: fit.status.to_string(),
        ..empty_row(curve, model)
    }
}

fn argmax_row(curve: &Series, data: &Observations, peak: &Argmax) -> FitRow {
    let Interval { low, high } = open_at_end(&data.x, &peak.interval);
    let status = if high.is_finite() { "ok" } else { "unbounded" };
    FitRow {
        parameter: "argmax".into(),
        estimate: Some(peak.x),
        ci_low: Some(low),
        ci_high: Some(high),
        level: Some(LEVEL),
        ci_method: "bootstrap".into(),
        n: data.x.len() as u64,
        status: status.into(),
        ..empty_row(curve, "unimodal")
    }
}

fn refused(curve: &Series, model: &str, reason: &str) -> FitRow {
    FitRow { status: format!("refused: {reason}"), ..empty_row(curve, model) }
}

fn empty_row(curve: &Series, model: &str) -> FitRow {
    FitRow {
        response: format!("{LN}{METRIC}"),
        // That of the plan is put in last.
        x: String::new(),
        group: curve.group.clone(),
        arm: curve.arm.clone(),
        regime: curve.regime,
        // That of the folder is put in last.
        timing: Timing::Modelled,
        model: model.into(),
        parameter: String::new(),
        estimate: None,
        std_error: None,
        ci_low: None,
        ci_high: None,
        level: None,
        ci_method: String::new(),
        n: 0,
        df: None,
        rss: None,
        aicc: None,
        akaike_weight: None,
        lack_of_fit_p: None,
        misfit_ratio: None,
        status: String::new(),
    }
}

/// Whether a row is about the logarithm of a metric.
pub(crate) fn is_of(row: &FitRow, metric: &str) -> bool {
    row.response.strip_prefix(LN) == Some(metric)
}

/// Why a fit was refused, in the words of the sweep over this axis.
pub(crate) fn in_words(why: &StatsError, axis: &str) -> String {
    match why {
        StatsError::FitRefused { found, needed, .. } | StatsError::TooFew { what: "distinct x", found, needed } => {
            format!("{found} distinct {axis}, {needed} needed; add values to sweep.{axis}")
        }
        other => other.to_string(),
    }
}

/// A NaN is no figure: the cell stays empty.
fn written(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::samples::made::{Made, samples};

    /// The fits of one curve: 4 runs at each procs, within ± .1 % of `rate`.
    fn fits_of_curve(procs: &[u32], rate: impl Fn(f64) -> f64) -> Vec<FitRow> {
        fits_of_flagged(procs, rate, |_, _| false)
    }

    /// The same, with samples flagged by point and block; these are a tenth slower.
    fn fits_of_flagged(procs: &[u32], rate: impl Fn(f64) -> f64, flagged: impl Fn(usize, u32) -> bool) -> Vec<FitRow> {
        let mut results = golden();
        let template = results.plan.points[0].clone();
        let point = |&procs: &u32| plan::point::Point { id: format!("p{procs}"), procs, ..template.clone() };
        results.plan.points = procs.iter().map(point).collect();
        let wobble = [0.999, 1.001, 0.9995, 1.0005];
        let mut figures = Vec::new();
        for (block, wobble) in (0..).zip(wobble) {
            for (point, &procs) in procs.iter().enumerate() {
                let slow = if flagged(point, block) { 0.9 } else { 1.0 };
                figures.push((point, block, [("throughput_per_s", slow * wobble * rate(f64::from(procs)))]));
            }
        }
        let rows: Vec<Made<'_>> = figures
            .iter()
            .map(|(point, block, metrics)| Made {
                point: *point,
                block: *block,
                flagged: flagged(*point, *block),
                failed: false,
                metrics,
            })
            .collect();
        results.samples = samples(&results.plan, &rows);
        fits(&results)
    }

    fn usl(n: f64) -> f64 {
        1000.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.01 * n * (n - 1.0))
    }

    fn find<'a>(rows: &'a [FitRow], model: &str, parameter: &str) -> &'a FitRow {
        rows.iter()
            .find(|row| row.model == model && row.parameter == parameter)
            .unwrap_or_else(|| panic!("no {model} {parameter} in {rows:#?}"))
    }

    #[test]
    fn the_truth_is_recovered_on_both_sides_of_the_peak() {
        let procs = [1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32];
        let rows = fits_of_curve(&procs, usl);
        for (parameter, truth) in [("lambda", 1000.0), ("sigma", 0.05), ("kappa", 0.01), ("knee_peak", 95f64.sqrt())] {
            let row = find(&rows, "usl", parameter);
            let (low, high) = (row.ci_low.unwrap(), row.ci_high.unwrap());
            assert!(low <= truth && truth <= high && high / low < 1.2, "{truth} in {row:#?}");
            assert_eq!((row.status.as_str(), row.n), ("ok", 44));
        }
        let peak = find(&rows, "unimodal", "argmax");
        assert_eq!((peak.estimate, peak.status.as_str()), (Some(10.0), "ok"));
        assert!(peak.ci_low >= Some(8.0) && peak.ci_high <= Some(12.0), "{peak:#?}");
        // Amdahl has no peak, so it misses the fall: no weight.
        assert_eq!(find(&rows, "amdahl", "sigma").akaike_weight, None);
        assert_eq!(find(&rows, "usl", "sigma").akaike_weight, Some(1.0));
        assert_eq!(find(&rows, "usl-rise", "sigma").n, 24);
        assert_eq!(find(&rows, "lomax", "p").n, 24);
    }

    #[test]
    fn rows_say_what_their_figures_rest_on() {
        let procs = [1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32];
        let good = fits_of_curve(&procs, usl);
        let row = find(&good, "usl", "sigma");
        assert_eq!((row.response.as_str(), row.level, row.df), ("ln throughput_per_s", Some(0.95), Some(44 - 3)));
        assert_eq!((row.ci_method.as_str(), find(&good, "unimodal", "argmax").level), ("profile", Some(0.95)));
        // A corner is no USL: 11 means, not 44 samples, carry the intervals.
        let kinked = fits_of_curve(&procs, |n| 1000.0 * n.min(8.0));
        let row = find(&kinked, "usl", "sigma");
        assert_eq!((row.status.as_str(), row.n, row.df), ("misfit", 44, Some(11 - 3)));
        assert_eq!((row.ci_method.as_str(), row.level), ("profile, of the means", Some(0.95)));
        assert!(good.iter().chain(&kinked).all(|row| row.level.is_some() == row.ci_low.is_some()));
    }

    #[test]
    fn flagged_samples_count_and_the_clean_fit_is_beside_them() {
        let procs = [1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32];
        let none = fits_of_curve(&procs, usl);
        assert!(none.iter().all(|row| !row.model.ends_with("-clean")));
        // All first runs are flagged and slow: the clean three give the truth back.
        let rows = fits_of_flagged(&procs, usl, |_, block| block == 0);
        let (all, clean) = (find(&rows, "usl", "lambda"), find(&rows, "usl-clean", "lambda"));
        assert_eq!((all.n, clean.n), (44, 33));
        let of = |row: &FitRow| row.estimate.unwrap();
        assert!(of(all) < 0.98 * of(clean) && (of(clean) / 1000.0 - 1.0).abs() < 2e-3, "{all:?} {clean:?}");
    }

    #[test]
    fn too_few_procs_and_no_decay_are_refused_with_the_reason() {
        let short = fits_of_curve(&[1, 2, 4], usl);
        for model in ["usl", "amdahl"] {
            let refused = &find(&short, model, "").status;
            assert_eq!(refused, "refused: 3 distinct procs, 6 needed; add values to sweep.procs");
        }
        assert_eq!(
            find(&short, "hill", "").status,
            "refused: no decay: the highest throughput is at the last procs, 4"
        );
        // At the last procs the true peak may lie beyond them.
        let peak = find(&short, "unimodal", "argmax");
        assert_eq!((peak.ci_low, peak.ci_high), (Some(4.0), Some(f64::INFINITY)));
        assert_eq!(peak.status, "unbounded");
        let two = fits_of_curve(&[1, 2], usl);
        assert_eq!(find(&two, "unimodal", "").status, "refused: 2 distinct procs, 3 needed; add values to sweep.procs");
        // Six procs, four of them past the peak: the rise and the decay are refused each for itself.
        let late = fits_of_curve(&[4, 8, 10, 16, 24, 32], usl);
        assert_eq!(find(&late, "lomax", "").status, "refused: 4 distinct procs, 6 needed; add values to sweep.procs");
        assert_eq!(
            find(&late, "usl-rise", "").status,
            "refused: 3 distinct procs, 6 needed; add values to sweep.procs"
        );
        assert!(find(&late, "usl", "kappa").estimate.is_some());
    }

    #[test]
    fn many_runs_are_averaged_with_their_neighbours() {
        assert_eq!(average_neighbours(&[1.0, 4.0, 9.0, 4.0], 2), [2.0, 6.0]);
        assert_eq!(average_neighbours(&[1.0, 4.0], 2), [1.0, 4.0]);
        assert_eq!(average_neighbours(&[0.0, 4.0, 1.0], 2), [0.0, 4.0, 1.0]);
    }
}
