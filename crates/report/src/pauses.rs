//! What is made of pauses.csv: quantiles of all pauses of a point, and how far the pauses of a sample spread on the ln scale.
//!
//! The longest file of a folder is read once, sample by sample; afterwards only figures are kept, and the pauses that a
//! claim compares. Quantiles of samples
//! are never averaged (statistics notes, section 4, item 8): those of a point are of its pauses together, and their
//! interval comes from resampling whole samples, since the pauses of one depend on each other.

use crate::error::ReportError;
use crate::samples::Samples;
use crate::summary::LEVEL;
use crate::table::{Block, Table, column};
use plan::point::Plan;
use plan::record::{PauseRow, Row, titles};
use plan::schedule::contrasted;
use rayon::prelude::*;
use stats::quantile::{MIN_VALUES_FOR_P99, MIN_VALUES_FOR_P999, pooled_quantile, quantile, quantile_interval};
use stats::summary::variance;
use stats::variance::MIN_VALUES_FOR_VARIANCE;
use stats::{Interval, StatsError};
use std::collections::HashMap;
use std::path::Path;

/// As many as the model-free peak has.
const RESAMPLES: usize = 2000;

/// What pauses.csv gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pauses {
    /// Those of the samples whose pauses a claim compares, by row of samples.csv, in ns.
    pub(crate) compared: HashMap<u32, Vec<f64>>,
    /// Of all pauses of a point, shape `[points]`; empty without the file.
    pub(crate) pooled: Vec<PooledPauses>,
}

/// Quantiles of all pauses of one point, those of failed samples left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PooledPauses {
    /// Of all samples.
    pub(crate) all: Quantiles,
    /// Of the samples that are not flagged.
    pub(crate) clean: Quantiles,
}

/// Median, 99th percentile, 99.9th; `None` below one pause, 368, 3688.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Quantiles {
    pub(crate) p50: Option<Pooled>,
    pub(crate) p99: Option<Pooled>,
    pub(crate) p999: Option<Pooled>,
}

/// One quantile of pooled pauses, in ns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pooled {
    pub(crate) value: f64,
    /// Samples that have pauses.
    pub(crate) runs: usize,
    /// By bootstrap over samples; of one alone by order statistics, which take its pauses as independent.
    pub(crate) interval: Result<Interval, StatsError>,
}

/// A row of samples.csv and total_ns of its pauses, as far as they are neighbours in pauses.csv.
type Run = (u32, Vec<f64>);

/// Reads pauses.csv; without the file there is nothing.
pub(crate) fn read_pauses(dir: &Path, plan: &Plan, samples: &Samples) -> Result<Pauses, ReportError> {
    let (path, compared) = (dir.join(PauseRow::FILE), contrasted(plan));
    if !path.is_file() {
        return Ok(Pauses::default());
    }
    let mut kept = HashMap::new();
    let mut runs_of: Vec<Vec<Run>> = vec![Vec::new(); plan.points.len()];
    let mut close = |(row, totals_ns): Run| {
        // Samples are numbered in the order of their rows, which `verify` holds them to. Pauses without a row are those of
        // a sample that was not committed.
        let Some(&point) = samples.point.get(row as usize) else { return };
        if compared.contains(&(point as usize)) {
            kept.insert(row, totals_ns.clone());
        }
        if !totals_ns.is_empty() && !samples.failed[row as usize] {
            runs_of[point as usize].push((row, totals_ns));
        }
    };
    let mut last: Run = (0, Vec::new());
    Table::open(&path, &titles::<PauseRow>())?.summed(false).read(runs, |runs, _| {
        for run in runs {
            if run.0 == last.0 {
                last.1.extend(run.1);
            } else {
                close(std::mem::replace(&mut last, run));
            }
        }
    })?;
    close(last);
    let seed = plan.measure.seed.0;
    let pooled = runs_of.into_par_iter().map(|runs| pool(runs, &samples.contaminated, seed)).collect();
    Ok(Pauses { compared: kept, pooled })
}

fn runs(block: Block<'_>) -> Result<Vec<Run>, ReportError> {
    let (sample_id, total_ns) = (column::<PauseRow>("sample_id"), column::<PauseRow>("total_ns"));
    let mut runs: Vec<Run> = Vec::new();
    block.each_row(|row| {
        let (sample, total_ns) = (row.cell(sample_id)?, row.cell::<u64>(total_ns)? as f64);
        match runs.last_mut() {
            Some((last, totals_ns)) if *last == sample => totals_ns.push(total_ns),
            _ => runs.push((sample, vec![total_ns])),
        }
        Ok(())
    })?;
    Ok(runs)
}

/// Variance of ln total_ns; `None` below 30 pauses, and for a sample with a pause of 0 ns, whose ln is no number.
pub(crate) fn ln_variance(totals_ns: &[f64]) -> Option<f64> {
    let ln: Vec<f64> = totals_ns.iter().map(|total_ns| total_ns.ln()).collect();
    variance(&ln).ok().filter(|_| ln.len() >= MIN_VALUES_FOR_VARIANCE)
}

fn pool(runs: Vec<Run>, contaminated: &[bool], seed: u64) -> PooledPauses {
    let (flagged, clean): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(row, _)| contaminated[*row as usize]);
    let totals = |runs: Vec<Run>| runs.into_iter().map(|(_, totals_ns)| totals_ns);
    let undisturbed = flagged.is_empty();
    let mut runs: Vec<Vec<f64>> = totals(clean).collect();
    let clean = quantiles(&runs, seed);
    runs.extend(totals(flagged));
    PooledPauses { all: if undisturbed { clean.clone() } else { quantiles(&runs, seed) }, clean }
}

fn quantiles(runs: &[Vec<f64>], seed: u64) -> Quantiles {
    let pauses: usize = runs.iter().map(Vec::len).sum();
    let at = |p: f64| {
        let pooled = pooled_quantile(runs, p, LEVEL, RESAMPLES, seed);
        let (value, interval) = match (pooled, runs) {
            (Ok(pooled), _) => (pooled.value, Ok(pooled.interval)),
            (Err(_), [alone]) => (quantile(alone, p).ok()?, quantile_interval(alone, p, LEVEL)),
            (Err(why), _) => (quantile(&runs.concat(), p).ok()?, Err(why)),
        };
        // No pause is shorter than nothing.
        let interval = interval.map(|interval| Interval { low: interval.low.max(0.0), ..interval });
        Some(Pooled { value, runs: runs.len(), interval })
    };
    let from = |least: usize, p: f64| if pauses >= least { at(p) } else { None };
    Quantiles { p50: at(0.5), p99: from(MIN_VALUES_FOR_P99, 0.99), p999: from(MIN_VALUES_FOR_P999, 0.999) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{golden, workspace};
    use plan::claim::{Claim, ClaimRule, NodeCores};

    /// One claim compares the variances of close at two procs.
    fn read(procs: u32, over_procs: u32) -> (Samples, Pauses) {
        let mut results = golden();
        let rule = ClaimRule::VarianceRatio { procs, over_procs, printed: 1.0 };
        let arms = vec!["close".into()];
        results.plan.claims = vec![Claim {
            id: "v".into(),
            text: "v".into(),
            arms,
            subjects: Vec::new(),
            levels: std::collections::BTreeMap::new(),
            over: plan::claim::Over::default(),
            nodes_least: 1,
            node_cores: NodeCores::default(),
            untestable: None,
            rule,
        }];
        let dir = workspace().join("results/golden-2n8p");
        let found = read_pauses(&dir, &results.plan, &results.samples).unwrap();
        (results.samples, found)
    }

    #[test]
    fn only_what_is_compared_is_kept() {
        let (samples, found) = read(8, 2);
        let mut rows: Vec<usize> = found.compared.keys().map(|&row| row as usize).collect();
        rows.sort_unstable();
        let plan = golden().plan;
        let compared = |&row: &usize| {
            let point = &plan.points[samples.point[row] as usize];
            point.arm == "close" && [2, 8].contains(&point.procs)
        };
        assert_eq!(rows, (0..samples.len()).filter(compared).collect::<Vec<_>>());
        assert!(read(8, 5).1.compared.is_empty(), "5 procs are not in the golden plan: nothing is contrasted");
    }

    #[test]
    fn the_variance_is_that_of_the_logarithms() {
        let text = std::fs::read_to_string(workspace().join("results/golden-2n8p/pauses.csv")).unwrap();
        // Sample 0 is close at 2 procs; total_ns is the ninth cell.
        let of_sample_0 = text.lines().filter(|line| line.split(',').nth(1) == Some("0"));
        let ln = |line: &str| line.split(',').nth(8).and_then(|cell| cell.parse::<f64>().ok()).unwrap().ln();
        let expect = variance(&of_sample_0.map(ln).collect::<Vec<_>>()).unwrap();
        assert_eq!(ln_variance(&read(8, 2).1.compared[&0]), Some(expect));
    }

    #[test]
    fn quantiles_are_of_all_pauses_of_a_point() {
        let (samples, Pauses { pooled, .. }) = read(8, 2);
        let text = std::fs::read_to_string(workspace().join("results/golden-2n8p/pauses.csv")).unwrap();
        let of_point_0 = |line: &&str| {
            let sample = line.split(',').nth(1).and_then(|cell| cell.parse::<usize>().ok());
            sample.is_some_and(|sample| samples.point[sample] == 0)
        };
        let totals: Vec<f64> =
            text.lines().filter(of_point_0).map(|line| line.split(',').nth(8).unwrap().parse().unwrap()).collect();
        let Pooled { value, runs, interval } = pooled[0].all.p50.clone().unwrap();
        assert_eq!((totals.len(), runs, value), (96, 3, quantile(&totals, 0.5).unwrap()));
        assert!(interval.unwrap().contains(value));
    }

    #[test]
    fn pauses_of_a_failed_sample_do_not_count() {
        let mut results = golden();
        let row = results.samples.rows_of(0)[1];
        results.samples.failed[row as usize] = true;
        let found = read_pauses(&results.dir, &results.plan, &results.samples).unwrap();
        let runs = |point: usize| found.pooled[point].all.p50.as_ref().map(|p50| p50.runs);
        assert_eq!((runs(0), runs(1)), (Some(2), Some(3)));
    }

    #[test]
    fn few_pauses_have_no_p99_and_one_sample_order_statistics() {
        let run = |row: u32, pauses: usize| (row, (1..=pauses).map(|total| total as f64).collect::<Vec<_>>());
        let check = |runs: &[Run], p50: Option<f64>, p99: Option<f64>, has_interval: bool| {
            let PooledPauses { all, clean } = pool(runs.to_vec(), &[false; 2], 1);
            assert_eq!((all.p50.as_ref().map(|p50| p50.value), all.p99.as_ref().map(|p99| p99.value)), (p50, p99));
            assert_eq!(all.p50.as_ref().is_some_and(|p50| p50.interval.is_ok()), has_interval);
            assert_eq!(all, clean);
        };
        check(&[], None, None, false);
        check(&[run(0, 3)], Some(2.0), None, true);
        check(&[run(0, 301), run(1, 66)], Some(118.0), None, true);
        // Pooled they suffice: 1 .. 67 twice, so that rank 1 + .99 x 367 is the 297.33 of the longer.
        check(&[run(0, 301), run(1, 67)], Some(117.5), Some(297.33), true);
        // Of two far apart the widened interval would begin below 0.
        let apart = pool(vec![(0, vec![1.0]), (1, vec![99.0])], &[false; 2], 1).all.p50.unwrap();
        assert_eq!((apart.value, apart.interval.unwrap().low), (50.0, 0.0));
        // One sample's interval is of ranks: for the median of 100 the 40th and the 61st; three bound it on no side.
        let interval = |pauses: usize| pool(vec![run(0, pauses)], &[false], 1).all.p50.unwrap().interval.unwrap();
        assert_eq!(interval(100), Interval { low: 40.0, high: 61.0 });
        assert_eq!(interval(3), Interval { low: 0.0, high: f64::INFINITY });
        // The 99.9th from 3688 pauses on, the number from which it has an upper limit.
        let p999 = |pauses: usize| pool(vec![run(0, pauses)], &[false], 1).all.p999;
        assert!(p999(3687).is_none() && p999(3688).unwrap().interval.unwrap().is_bounded());
    }

    #[test]
    fn flagged_samples_count_and_clean_ones_are_beside_them() {
        let pooled = pool(vec![(0, vec![1.0]), (1, vec![9.0, 9.0])], &[false, true], 1);
        let of = |quantiles: Quantiles| quantiles.p50.map(|p50| (p50.value, p50.runs));
        assert_eq!((of(pooled.all), of(pooled.clean)), (Some((9.0, 2)), Some((1.0, 1))));
    }
}
