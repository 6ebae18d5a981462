//! summary.csv: every metric at every point, and the pauses of a point's samples together.

use crate::mean::{Mean, clean_mean_of, mean_of};
use crate::pauses::Pooled;
use crate::results::{Results, SummaryLine};
use crate::samples::Metric;
use plan::claim::NEVER_AVERAGED;
use plan::point::Point;
use plan::record::SummaryRow;
use rayon::prelude::*;
use stats::StatsError;
use stats::summary::summarize;

/// Level of every interval in summary.csv.
pub(crate) const LEVEL: f64 = 0.95;
/// How the intervals of pooled quantiles are made …
const OVER_RUNS: &str = "bootstrap over runs";
/// … and where there is one run.
const OF_ONE_RUN: &str = "order statistics, pauses of one run taken as independent";

/// Median of all pauses of a point together.
pub(crate) const POOLED_P50: &str = "pause_pooled_p50_ns";
/// Their 99th percentile.
pub(crate) const POOLED_P99: &str = "pause_pooled_p99_ns";
/// Their 99.9th percentile.
pub(crate) const POOLED_P999: &str = "pause_pooled_p999_ns";
/// The longest of them.
pub(crate) const POOLED_MAX: &str = "pause_pooled_max_ns";

/// Points in plan order, their metrics in column order, what is pooled last. Metrics that no sample has are left out,
/// except throughput.
pub(crate) fn summarise(results: &Results) -> Vec<SummaryLine> {
    let metrics: Vec<&Metric> = results.samples.metrics().iter().filter(|metric| is_summarised(metric)).collect();
    let points: Vec<usize> = (0..results.plan.points.len()).collect();
    let lines = |&index: &usize| {
        let point = Sampled::new(results, index);
        let mut lines: Vec<_> = metrics.par_iter().map(|metric| point.line(metric)).collect();
        lines.extend(point.pooled_lines());
        lines
    };
    points.par_iter().map(lines).collect::<Vec<_>>().concat()
}

/// Samples of a point, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that did not fail.
    pub(crate) completed: usize,
    /// Those that failed.
    pub(crate) failed: usize,
    /// Those that did not fail and are flagged as disturbed.
    pub(crate) contaminated: usize,
}

impl Counts {
    /// Counts the samples of one point.
    pub(crate) fn of(results: &Results, point: usize) -> Counts {
        let (samples, rows) = (&results.samples, results.samples.rows_of(point));
        let failed = rows.iter().filter(|&&row| samples.failed[row as usize]).count();
        let flagged = |row: usize| samples.contaminated[row] && !samples.failed[row];
        let contaminated = rows.iter().filter(|&&row| flagged(row as usize)).count();
        Counts { completed: rows.len() - failed, failed, contaminated }
    }

    /// Half of the samples or more are flagged: claims about time are undecided.
    pub(crate) fn is_noisy(self) -> bool {
        self.contaminated > 0 && 2 * self.contaminated >= self.completed
    }
}

/// Whether the value of a metric at a point follows from the plan alone.
pub(crate) fn is_by_construction(metric: &str, point: &Point) -> bool {
    let follows = matches!(
        metric,
        "local_hit_ratio" | "local_hit_low" | "local_hit_high" | "local_package_ratio" | "remote_ratio"
    );
    follows && point.hit_ratio_by_construction.is_some()
}

/// Quantiles of a sample's pauses have no mean over samples: those of a point are of all its pauses together.
fn is_summarised(metric: &Metric) -> bool {
    let is_of_pauses = metric.name.starts_with("pause_") && NEVER_AVERAGED.contains(&metric.name.as_str());
    metric.name == "throughput_per_s" || metric.is_measured() && !is_of_pauses
}

/// A point with those of its samples that did not fail, looked up once for all metrics: of a million samples that is dear.
struct Sampled<'a> {
    results: &'a Results,
    index: usize,
    counts: Counts,
    used: Vec<Used>,
}

/// A sample that did not fail.
struct Used {
    row: usize,
    block: u32,
    contaminated: bool,
}

impl<'a> Sampled<'a> {
    fn new(results: &'a Results, index: usize) -> Sampled<'a> {
        let samples = &results.samples;
        let used = |row| Used { row, block: samples.block[row], contaminated: samples.contaminated[row] };
        let used = samples.used_rows(index, false).map(used).collect();
        Sampled { results, index, counts: Counts::of(results, index), used }
    }

    fn line(&self, metric: &Metric) -> SummaryLine {
        // What is left of these is the longest request of a sample.
        if NEVER_AVERAGED.contains(&metric.name.as_str()) {
            return self.with_factors(self.longest_row(metric, &metric.name));
        }
        let runs = self.runs_of(metric, false);
        let summary = summarize(&values_of(&runs)).ok();
        let repetitions = &self.results.plan.measure.repetitions;
        let interval = mean_of(&metric.name, &runs, LEVEL, repetitions);
        // One value alone has no interval, and is all of its means.
        let centre = |mean: &Result<Mean, StatsError>, runs: &[(u32, f64)]| match mean {
            Ok(mean) => Some(mean.estimate.value),
            Err(_) => stats::summary::mean(&values_of(runs)).ok(),
        };
        let ends = |mean: &Result<Mean, StatsError>| mean.as_ref().ok().map(|mean| mean.estimate.interval);
        let (mean, whole) = (centre(&interval, &runs), ends(&interval));
        let (clean_mean, clean) = if self.counts.contaminated == 0 {
            (mean, whole)
        } else {
            let runs = self.runs_of(metric, true);
            let clean = clean_mean_of(interval.as_ref().ok(), &metric.name, &runs, LEVEL, repetitions);
            (centre(&clean, &runs), ends(&clean))
        };
        let row = SummaryRow {
            n: runs.len() as u64,
            mean,
            sd: summary.and_then(|summary| summary.sd),
            median: summary.map(|summary| summary.median),
            ci_low: whole.map(|interval| interval.low),
            ci_high: whole.map(|interval| interval.high),
            ci_method: match &interval {
                Ok(mean) => mean.method.into(),
                Err(why) => format!("none: {why}"),
            },
            clean_mean,
            clean_ci_low: clean.map(|interval| interval.low),
            clean_ci_high: clean.map(|interval| interval.high),
            ..self.empty_row(&metric.name, &metric.unit)
        };
        self.with_factors(row)
    }

    /// What is said of all pauses of a point together: their quantiles from pauses.csv, the longest from samples.csv.
    fn pooled_lines(&self) -> Vec<SummaryLine> {
        let quantile = |metric: &str, all: &Option<Pooled>, clean: &Option<Pooled>| {
            let all = all.as_ref()?;
            let ends = |pooled: &Pooled| pooled.interval.as_ref().ok().map(|interval| (interval.low, interval.high));
            let (interval, clean_interval) = (ends(all), clean.as_ref().and_then(ends));
            Some(SummaryRow {
                n: all.runs as u64,
                mean: Some(all.value),
                ci_low: interval.map(|(low, _)| low),
                ci_high: interval.map(|(_, high)| high),
                ci_method: match &all.interval {
                    Ok(_) if all.runs == 1 => OF_ONE_RUN.into(),
                    Ok(_) => OVER_RUNS.into(),
                    Err(why) => format!("none: {why}"),
                },
                clean_mean: clean.as_ref().map(|clean| clean.value),
                clean_ci_low: clean_interval.map(|(low, _)| low),
                clean_ci_high: clean_interval.map(|(_, high)| high),
                ..self.empty_row(metric, "ns")
            })
        };
        let longest = self.results.samples.metric("pause_max_ns").map(|metric| self.longest_row(metric, POOLED_MAX));
        let longest = longest.filter(|row| row.mean.is_some());
        let pooled = self.results.pooled_pauses.get(self.index);
        let quantiles = pooled.map(|pooled| {
            let (all, clean) = (&pooled.all, &pooled.clean);
            [
                quantile(POOLED_P50, &all.p50, &clean.p50),
                quantile(POOLED_P99, &all.p99, &clean.p99),
                quantile(POOLED_P999, &all.p999, &clean.p999),
            ]
        });
        let rows = quantiles.into_iter().flatten().chain([longest]).flatten();
        rows.map(|row| self.with_factors(row)).collect()
    }

    /// The longest of all samples; it has no interval.
    fn longest_row(&self, metric: &Metric, name: &str) -> SummaryRow {
        let longest = |clean| values_of(&self.runs_of(metric, clean)).into_iter().reduce(f64::max);
        SummaryRow {
            n: self.runs_of(metric, false).len() as u64,
            mean: longest(false),
            ci_method: "none: the longest that was seen".into(),
            clean_mean: longest(true),
            ..self.empty_row(name, &metric.unit)
        }
    }

    /// A row that knows its point and metric, but no value.
    fn empty_row(&self, metric: &str, unit: &str) -> SummaryRow {
        let (results, counts) = (self.results, self.counts);
        let point = &results.plan.points[self.index];
        SummaryRow {
            point_id: point.id.clone(),
            arm: point.arm.clone(),
            subject: point.subject.clone(),
            procs: point.procs,
            regime: point.regime,
            timing: results.timing(),
            metric: metric.into(),
            unit: unit.into(),
            n: 0,
            n_failed: counts.failed as u64,
            n_contaminated: counts.contaminated as u64,
            mean: None,
            sd: None,
            median: None,
            ci_low: None,
            ci_high: None,
            ci_method: String::new(),
            clean_mean: None,
            clean_ci_low: None,
            clean_ci_high: None,
            noisy: counts.is_noisy(),
            by_construction: is_by_construction(metric, point),
        }
    }

    fn with_factors(&self, row: SummaryRow) -> SummaryLine {
        let plan = &self.results.plan;
        let level = |factor: &String| plan.points[self.index].factors.get(factor).cloned().unwrap_or_default();
        SummaryLine { row, factors: plan.factors.iter().map(level).collect() }
    }

    /// `(block, value)` of the samples that did not fail, in file order; `clean` leaves flagged ones out.
    fn runs_of(&self, metric: &Metric, clean: bool) -> Vec<(u32, f64)> {
        let used = self.used.iter().filter(|used| !(clean && used.contaminated));
        used.filter_map(|used| Some((used.block, metric.get(used.row)?))).collect()
    }
}

fn values_of(runs: &[(u32, f64)]) -> Vec<f64> {
    runs.iter().map(|(_, value)| *value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::samples::made::{Made, samples};

    /// One point, samples `(throughput, flagged, failed)`; the row of throughput.
    fn check(given: &[(f64, bool, bool)], check: impl Fn(&SummaryRow)) {
        let mut results = golden();
        results.plan.points.truncate(1);
        let metrics: Vec<_> = given.iter().map(|(rate, _, _)| [("throughput_per_s", *rate)]).collect();
        let made = |(block, (_, flagged, failed)): (usize, &(f64, bool, bool))| Made {
            point: 0,
            block: block as u32,
            flagged: *flagged,
            failed: *failed,
            metrics: &metrics[block],
        };
        let made: Vec<Made<'_>> = given.iter().enumerate().map(made).collect();
        results.samples = samples(&results.plan, &made);
        results.pooled_pauses.clear();
        let lines = summarise(&results);
        assert_eq!(lines.len(), 1, "metrics that no sample has are left out");
        check(&lines[0].row);
    }

    #[test]
    fn all_completed_samples_count_and_clean_ones_are_beside_them() {
        check(&[(1.0, false, false), (2.0, false, false), (6.0, true, false), (9.0, false, true)], |row| {
            assert_eq!((row.n, row.n_failed, row.n_contaminated, row.noisy), (3, 1, 1, false));
            // Geometric, as the interval: the cube root of 12, and the root of 2.
            let near = |found: Option<f64>, expect: f64| assert!((found.unwrap() - expect).abs() < 1e-12, "{found:?}");
            near(row.mean, 12f64.cbrt());
            near(row.clean_mean, 2f64.sqrt());
            assert_eq!(row.median, Some(2.0));
            assert!(
                row.ci_low.unwrap() < row.clean_ci_high.unwrap()
                    && row.clean_ci_high < row.ci_high.map(|high| high * 1e3)
            );
            assert_eq!(row.ci_method, "t of ln, geometric mean");
        });
        check(&[(1.0, true, false), (2.0, false, false)], |row| assert!(row.noisy));
        check(&[(1.0, false, true), (2.0, true, true)], |row| {
            assert_eq!((row.n, row.n_failed, row.n_contaminated, row.noisy), (0, 2, 0, false));
            assert_eq!((row.mean, row.ci_low), (None, None));
            assert_eq!(row.ci_method, "none: too few values: 0 found, 2 needed");
        });
    }

    #[test]
    fn what_follows_from_the_plan_is_marked() {
        let results = golden();
        let marked: Vec<SummaryLine> =
            summarise(&results).into_iter().filter(|line| line.row.by_construction).collect();
        assert!(
            !marked.is_empty()
                && marked.iter().all(|line| line.row.arm == "close" && line.row.metric.starts_with("local_"))
        );
    }

    #[test]
    fn pauses_of_a_point_stand_together_and_the_longest_is_no_mean() {
        let results = golden();
        let lines = summarise(&results);
        let row = |metric: &str| {
            let of_point_0 = |line: &&SummaryLine| line.row.point_id == "p00" && line.row.metric == metric;
            &lines.iter().find(of_point_0).expect(metric).row
        };
        let median = row(POOLED_P50);
        assert_eq!((median.n, median.ci_method.as_str()), (3, OVER_RUNS));
        assert_eq!(median.mean, results.pooled_pauses[0].all.p50.as_ref().map(|p50| p50.value));
        assert!(median.ci_low <= median.mean && median.mean <= median.ci_high && median.ci_low.is_some());
        let longest = results.samples.values(results.samples.metric("pause_max_ns").unwrap(), 0);
        assert_eq!(row(POOLED_MAX).mean, longest.iter().copied().reduce(f64::max));
        for never in NEVER_AVERAGED {
            assert!(results.samples.metric(never).is_none() || !lines.iter().any(|line| line.row.metric == *never));
        }
        assert!(results.samples.metric("pause_p50_ns").is_some_and(Metric::is_measured), "or this shows nothing");
        assert!(!lines.iter().any(|line| line.row.metric == POOLED_P99), "96 pauses have no p99");
    }

    #[test]
    fn every_mean_lies_in_its_own_interval() {
        // One sample in ten is a hundred times as slow: the arithmetic mean lies beyond the geometric one's interval.
        let rates: Vec<_> =
            (0..10).map(|at| (if at == 9 { 1e5 } else { 1e3 + f64::from(at) }, at == 3, false)).collect();
        check(&rates, |row| {
            assert!(row.ci_low < row.mean && row.mean < row.ci_high, "{row:?}");
            assert!(row.clean_ci_low < row.clean_mean && row.clean_mean < row.clean_ci_high, "{row:?}");
        });
        for SummaryLine { row, .. } in summarise(&golden()) {
            let holds = |mean, low: Option<f64>, high| low.is_none() || low <= mean && mean <= high;
            assert!(holds(row.mean, row.ci_low, row.ci_high), "{row:?}");
            assert!(holds(row.clean_mean, row.clean_ci_low, row.clean_ci_high), "{row:?}");
        }
    }
}
