//! The golden results folder with summaries, fits and claims made by hand, for the tests of tables, figures and HTML:
//! they must not change when a statistic does.

use crate::audit::audit;
use crate::mean::{ARITHMETIC, GEOMETRIC};
use crate::results::{Derived, Results, SummaryLine, open};
use crate::summary::{POOLED_MAX, POOLED_P50};
use plan::claim::NEVER_AVERAGED;
use plan::place::Regime;
use plan::record::{ClaimRow, FitRow, SummaryRow, Timing, Verdict};
use std::path::{Path, PathBuf};

/// `results/golden-2n8p`, read.
pub(crate) fn golden() -> Results {
    open(&workspace().join("results/golden-2n8p")).expect("the golden folder can be read")
}

/// The workspace's root.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Means of all samples with +-2 % as interval, the longest pause twice the mean of the longest, one fit, and a claim of each
/// verdict but the last two, which only an audit gives.
pub(crate) fn derived(results: &Results) -> Derived {
    let points = results.plan.points.iter().enumerate();
    let lines = points.flat_map(|(at, point)| {
        results.samples.metrics().iter().map(move |metric| {
            let values = results.samples.values(metric, at);
            let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
            let row = SummaryRow {
                point_id: point.id.clone(),
                arm: point.arm.clone(),
                subject: point.subject.clone(),
                procs: point.procs,
                regime: point.regime,
                timing: Timing::Modelled,
                metric: metric.name.clone(),
                unit: metric.unit.clone(),
                n: values.len() as u64,
                n_failed: 0,
                n_contaminated: u64::from(at == 1),
                mean,
                sd: None,
                median: mean,
                ci_low: mean.map(|mean| mean * 0.98),
                ci_high: mean.map(|mean| mean * 1.02),
                ci_method: if metric.name == "throughput_per_s" { GEOMETRIC } else { ARITHMETIC }.into(),
                clean_mean: mean,
                clean_ci_low: None,
                clean_ci_high: None,
                noisy: at == 1,
                by_construction: point.hit_ratio_by_construction.is_some() && metric.name == "local_hit_ratio",
            };
            SummaryLine { row, factors: Vec::new() }
        })
    });
    let mut summary: Vec<SummaryLine> = lines.collect();
    for (of_samples, pooled, times) in [("pause_p50_ns", POOLED_P50, 1.0), ("pause_max_ns", POOLED_MAX, 2.0)] {
        let of_samples = summary.iter().filter(|line| line.row.metric == of_samples);
        let pool = |SummaryLine { row, factors }: &SummaryLine| SummaryLine {
            row: SummaryRow { metric: pooled.into(), mean: row.mean.map(|mean| times * mean), ..row.clone() },
            factors: factors.clone(),
        };
        let pooled: Vec<SummaryLine> = of_samples.map(pool).collect();
        summary.extend(pooled);
    }
    summary.retain(|line| !NEVER_AVERAGED.contains(&line.row.metric.as_str()));
    let claims = Verdict::ALL[..4].iter().map(|&verdict| claim(verdict)).collect();
    let audit = results.plan.audit.as_ref().map_or_else(Vec::new, audit);
    Derived { summary, fits: fits(), claims, audit, knee: Vec::new(), printed: Vec::new() }
}

fn fits() -> Vec<FitRow> {
    let row = |parameter: &str, estimate: f64, high: f64| FitRow {
        response: "ln throughput_per_s".into(),
        x: "procs".into(),
        group: String::new(),
        arm: "close".into(),
        regime: Regime::Core,
        timing: Timing::Modelled,
        model: "usl".into(),
        parameter: parameter.into(),
        estimate: Some(estimate),
        std_error: None,
        ci_low: Some(estimate * 0.5),
        ci_high: Some(high),
        level: Some(0.95),
        ci_method: "profile".into(),
        n: 18,
        df: Some(15),
        rss: Some(0.01),
        aicc: Some(-12.0),
        akaike_weight: Some(0.9),
        lack_of_fit_p: Some(0.4),
        misfit_ratio: Some(0.01),
        status: "ok".into(),
    };
    vec![
        row("lambda", 1e5, 1.1e5),
        row("sigma", 0.05, 0.07),
        row("kappa", 0.004, 0.006),
        row("knee_peak", 15.4, f64::INFINITY),
    ]
}

fn claim(verdict: Verdict) -> ClaimRow {
    let open = verdict == Verdict::NotTestable;
    ClaimRow {
        id: "hit-ratio-8".into(),
        text: "local hits reach 76 % at 8 processors".into(),
        r#type: "value".into(),
        arm: if open { "unbound".into() } else { "close".into() },
        subject: "threads".into(),
        timing: Timing::Modelled,
        theta: "local_hit_ratio at 8 procs".into(),
        estimate: (!open).then_some(0.875),
        ci_low: (!open).then_some(0.87),
        ci_high: (!open).then_some(0.88),
        level: Some(0.975),
        n: 3,
        df: (!open).then_some(2.0),
        region_low: Some(0.75),
        region_high: Some(0.77),
        printed: Some(0.76),
        rule: "value".into(),
        verdict,
        reason: format!(
            "because this is the {verdict} one, with a reason long enough that a terminal of 100 columns must wrap it"
        ),
        needed_n: (verdict == Verdict::Undecided).then(|| "> 1000".into()),
    }
}
