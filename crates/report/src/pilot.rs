//! What a pilot says about the run to come: how many samples, of which length, and how many where pauses are contrasted.
//!
//! Two levels in the sense of Kalibera and Jones: slices of a sample (windows.csv) and samples. A point whose samples
//! differ by more than their slices explain needs more samples; one whose samples do not needs longer ones at most. The
//! interval rests on samples alone. Slices of a sample depend on each other: how many independent ones they are worth is
//! said beside it, and no figure takes them as independent but the best length, which is a hint.

use crate::claims::level_of;
use crate::error::ReportError;
use crate::results::Results;
use crate::table::{Table, column};
use crate::warmup::{Slice, each_sample};
use plan::claim::ClaimRule;
use plan::experiment::Extent;
use plan::point::{Plan, Point};
use plan::record::{FactRow, Row, WindowRow, titles};
use stats::StatsError;
use stats::decide::{NeededN, VARIANCE_FACTOR};
use stats::equivalence::runs_to_confirm;
use stats::levels::{Levels, levels};
use stats::quantile::quantile;
use stats::series::worth;
use stats::summary::variance;
use std::collections::HashMap;

/// Level of the intervals of throughput that are planned; a claim has that of [`level_of`].
const LEVEL: f64 = 0.95;
/// Chance with which a claim about pauses that is true is to be confirmed.
const POWER: f64 = 0.8;

/// What the pilot says of one point of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotPoint {
    /// Index into the points of the plan that is made now.
    pub point: usize,
    /// Samples of the pilot that it rests on.
    pub samples: usize,
    /// Samples of it that are flagged as disturbed; used all the same.
    pub disturbed: usize,
    /// The two levels, in operations per second; or why there are none.
    pub levels: Result<PilotLevels, StatsError>,
}

/// Spread within and between the samples of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotLevels {
    /// Relative standard deviation between samples.
    pub cv: f64,
    /// Share of the variance between samples that is their own, and not that of their slices; below 0: none.
    pub own_share: f64,
    /// Slices of each sample: as many as the one with the fewest has.
    pub slices: usize,
    /// Independent slices that those are worth (Geyer), the median over samples.
    pub worth: Option<f64>,
    /// Samples that reach the asked half width.
    pub needed: NeededN,
    /// Length of a sample that gives the narrowest interval for the time spent; `None`: samples do not differ beyond their
    /// slices, so that longer ones do as well as more; or what a sample costs beside its length is not known.
    pub best_seconds: Option<f64>,
}

/// Samples of each side after which a claim about the variance of pauses would be confirmed, were it true.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotContrast {
    /// The claim.
    pub id: String,
    /// The arm.
    pub arm: String,
    /// The printed ratio.
    pub printed: f64,
    /// The level at which the claim will be judged, 1 - .05 / (claims x arms of the plan).
    pub level: f64,
    /// How many; or why that cannot be told.
    pub needed: Result<NeededN, StatsError>,
}

/// Points of `plan` that the pilot measured, with what it says of them; ± `within` of the mean is asked for.
///
/// # Errors
/// What reading windows.csv or facts.csv says.
pub fn pilot(results: &Results, plan: &Plan, within: f64) -> Result<Vec<PilotPoint>, ReportError> {
    let rates = rates(results)?;
    let beyond = seconds_beyond(results)?;
    let found = plan.points.iter().enumerate().filter_map(|(index, point)| {
        let of_pilot = same_point(&results.plan, point)?;
        let rows: Vec<usize> = results.samples.used_rows(of_pilot, false).collect();
        let runs: Vec<&[f64]> = rows.iter().filter_map(|row| rates.get(row)).map(Vec::as_slice).collect();
        let costs: Vec<f64> = rows.iter().filter_map(|row| beyond.get(row)).copied().collect();
        let cost = quantile(&costs, 0.5).ok().filter(|seconds| *seconds > 0.0);
        let disturbed =
            rows.iter().filter(|row| results.samples.contaminated[**row] && rates.contains_key(row)).count();
        let levels = of_point(results, &runs, cost, within);
        Some(PilotPoint { point: index, samples: runs.len(), disturbed, levels })
    });
    Ok(found.collect())
}

/// The contrasts of pauses that `plan` claims, as far as the pilot measured both sides in two samples or more.
pub fn pilot_contrasts(results: &Results, plan: &Plan) -> Vec<PilotContrast> {
    let level = level_of(plan);
    let mut found = Vec::new();
    for claim in &plan.claims {
        let ClaimRule::VarianceRatio { procs, over_procs, printed } = claim.rule else { continue };
        for arm in &claim.arms {
            let runs = |procs: u32| -> Option<Vec<f64>> {
                let named = |point: &&Point| point.x() == procs && point.is_of_arm(arm);
                let of_pilot = same_point(&results.plan, plan.points.iter().find(named)?)?;
                let metric = results.samples.metric("pause_variance_ns2")?;
                Some(results.samples.values(metric, of_pilot).into_iter().map(f64::ln).collect())
            };
            let (Some(above), Some(below)) = (runs(procs), runs(over_procs)) else { continue };
            let needed = variance(&above)
                .and_then(|above| Ok((above, variance(&below)?)))
                .and_then(|(above, below)| runs_to_confirm(above, below, VARIANCE_FACTOR, level, POWER));
            found.push(PilotContrast { id: claim.id.clone(), arm: arm.clone(), printed, level, needed });
        }
    }
    found
}

/// The same point in the pilot's plan: names of points may differ, what they are may not.
fn same_point(pilot: &Plan, point: &Point) -> Option<usize> {
    pilot.points.iter().position(|other| other.is_alike(point))
}

fn of_point(
    results: &Results,
    runs: &[&[f64]],
    cost_seconds: Option<f64>,
    within: f64,
) -> Result<PilotLevels, StatsError> {
    let slices = runs.iter().map(|run| run.len()).min().unwrap_or(0);
    if runs.len() < 2 {
        return Err(StatsError::TooFew { what: "samples", found: runs.len(), needed: 2 });
    }
    let values: Vec<f64> = runs.iter().flat_map(|run| &run[..slices]).copied().collect();
    let of: Levels = levels(&values, &[slices, runs.len()], LEVEL)?;
    let (between, mean) = (of.of_means[1], of.mean.value);
    let worths = runs.iter().filter_map(|run| worth(&run[..slices]).ok()).map(|worth| worth.geyer);
    let worths: Vec<f64> = worths.collect();
    let slice_seconds = match results.plan.measure.extent {
        // A crowded timer merges slices: what counts is how many there are.
        Extent::Seconds(seconds) => seconds * runs.len() as f64 / runs.iter().map(|run| run.len() as f64).sum::<f64>(),
        Extent::Operations(_) => 0.0,
    };
    let best = cost_seconds.filter(|_| slice_seconds > 0.0).map(|cost| of.best_repetitions(&[slice_seconds, cost]));
    let best = best.transpose()?.and_then(|best| best[0]);
    Ok(PilotLevels {
        cv: between.sqrt() / mean,
        own_share: if between > 0.0 { of.own[1] / between } else { 0.0 },
        slices,
        worth: quantile(&worths, 0.5).ok(),
        needed: NeededN::of(of.needed(within)?),
        best_seconds: best.map(|slices| slices as f64 * slice_seconds),
    })
}

/// Rates of the whole slices of each sample after the warm-up of its point, by row of samples.csv.
fn rates(results: &Results) -> Result<HashMap<usize, Vec<f64>>, ReportError> {
    let mut rates = HashMap::new();
    let path = results.dir.join(WindowRow::FILE);
    if !path.is_file() {
        return Ok(rates);
    }
    each_sample(&path, |sample, slices| {
        let Some(&point) = results.samples.point.get(sample) else { return };
        let from_ns = results.warmups[point as usize].map_or(0, |warmup| warmup.length_ns);
        // The last slice ends with the sample and may be short.
        let whole = slices.split_last().map_or(slices, |(_, whole)| whole);
        let steady = whole.iter().filter(|slice| slice.start_ns >= from_ns && slice.length_ns > 0);
        let rate = |slice: &Slice| slice.operations as f64 * 1e9 / slice.length_ns as f64;
        rates.insert(sample, steady.map(rate).collect());
    })?;
    Ok(rates)
}

/// Seconds that each sample took beyond its timed part, by row of samples.csv, as facts.csv tells.
fn seconds_beyond(results: &Results) -> Result<HashMap<usize, f64>, ReportError> {
    let mut beyond = HashMap::new();
    let path = results.dir.join(FactRow::FILE);
    let Extent::Seconds(seconds) = results.plan.measure.extent else { return Ok(beyond) };
    if !path.is_file() {
        return Ok(beyond);
    }
    let (fact, value) = (column::<FactRow>("fact"), column::<FactRow>("value"));
    Table::open(&path, &titles::<FactRow>())?.summed(false).read(
        |block| {
            let mut found: Vec<(usize, f64)> = Vec::new();
            block.each_row(|row| {
                let named = row.text(fact).strip_prefix("sample_").and_then(|rest| rest.strip_suffix("_wall_ns"));
                let wall_ns = row.text(value).parse::<f64>().ok();
                found.extend(named.and_then(|id| id.parse().ok()).zip(wall_ns));
                Ok(())
            })?;
            Ok(found)
        },
        |found, _| beyond.extend(found.into_iter().map(|(row, wall_ns)| (row, wall_ns / 1e9 - seconds))),
    )?;
    Ok(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use plan::claim::{Claim, NodeCores};

    fn of(runs: &[Vec<f64>], cost: Option<f64>) -> Result<PilotLevels, StatsError> {
        let mut results = golden();
        results.plan.measure.extent = Extent::Seconds(0.04);
        of_point(&results, &runs.iter().map(Vec::as_slice).collect::<Vec<_>>(), cost, 0.02)
    }

    /// Kalibera and Jones's two-level example, with a slice of 10 ms and a start that costs 66.7.
    #[test]
    fn the_worked_example() {
        let runs = [vec![9.0, 5.0, 8.0, 3.0], vec![10.0, 6.0, 7.0, 11.0], vec![1.0, 12.0, 2.0, 4.0]];
        let found = of(&runs, Some(0.01 * 20.0 / 3.0)).unwrap();
        assert!((found.cv - 3.5625_f64.sqrt() / 6.5).abs() < 1e-12, "{found:?}");
        assert!((found.own_share - 0.3819444444444442 / 3.5625).abs() < 1e-12, "{found:?}");
        // 15 slices, and the least n with t(.975, n - 1) sqrt(3.5625 / n) <= .13 (scipy).
        assert!((found.best_seconds.unwrap() - 0.15).abs() < 1e-12, "{found:?}");
        assert_eq!((found.slices, found.needed, found.worth), (4, NeededN::Samples(813), None));
    }

    #[test]
    fn samples_that_do_not_differ_need_no_best_length() {
        let run = |turn: usize| (0..40).map(|at| 100.0 + ((at * 7 + turn) % 10) as f64).collect::<Vec<f64>>();
        let found = of(&[run(0), run(1), run(2)], Some(0.1)).unwrap();
        assert!(
            found.own_share <= 0.0 && found.best_seconds.is_none() && found.needed == NeededN::Samples(2),
            "{found:?}"
        );
        // One sample with fewer slices shortens all: no more than those can be worth anything.
        let short = of(&[run(0), run(1), run(2)[..25].to_vec()], Some(0.1)).unwrap();
        assert!(short.slices == 25 && short.worth.is_some_and(|worth| worth <= 25.0), "{short:?}");
        assert_eq!(of(&[run(0)], None), Err(StatsError::TooFew { what: "samples", found: 1, needed: 2 }));
    }

    #[test]
    fn the_pilot_of_a_folder_is_of_its_points() {
        let results = golden();
        let mut plan = results.plan.clone();
        plan.points.truncate(3);
        plan.points[1].procs = 4000;
        let found = pilot(&results, &plan, 0.02).unwrap();
        assert_eq!(found.iter().map(|point| point.point).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(found[0].samples, results.samples.used_rows(0, false).count());
        assert_eq!((found[0].disturbed, found[1].disturbed), (0, 0));
        // What is placed or settled in another way is another point.
        let mut moved = plan.clone();
        moved.points[0].settle = !moved.points[0].settle;
        moved.points[2].placement.workers.pop();
        moved.points[1] = results.plan.points[1].clone();
        let of = |plan: &Plan| pilot(&results, plan, 0.02).unwrap().iter().map(|point| point.point).collect::<Vec<_>>();
        assert_eq!(of(&moved), [1]);
        let mut flagged = results.clone();
        let row = flagged.samples.used_rows(2, false).next().unwrap();
        flagged.samples.contaminated[row] = true;
        let found = pilot(&flagged, &plan, 0.02).unwrap();
        assert_eq!((found[0].disturbed, found[1].disturbed), (0, 1));
    }

    /// Nobody makes thousands of samples: the pilot's spread is then what must change.
    #[test]
    fn more_than_a_thousand_samples_are_not_counted() {
        let run = |rate: f64| vec![rate, rate + 1.0, rate - 1.0, rate];
        let found = of(&[run(10.0), run(40.0), run(90.0)], None).unwrap();
        assert_eq!(found.needed.to_string(), "> 1000");
    }

    /// Samples are planned for the level at which the claim will be judged, among all questions of the file.
    #[test]
    fn contrasts_are_planned_at_the_level_of_their_claims() {
        let results = golden();
        let contrast = |arms: &[&str]| {
            let mut plan = results.plan.clone();
            let rule = ClaimRule::VarianceRatio { procs: 8, over_procs: 2, printed: 16.0 };
            let arms = arms.iter().map(|arm| arm.to_string()).collect();
            let (id, text) = ("v".to_string(), "t".to_string());
            plan.claims = vec![Claim {
                id,
                text,
                arms,
                subjects: Vec::new(),
                levels: std::collections::BTreeMap::new(),
                over: plan::claim::Over::default(),
                nodes_least: 1,
                node_cores: NodeCores::default(),
                untestable: None,
                rule,
            }];
            let mut found = pilot_contrasts(&results, &plan);
            let PilotContrast { level, needed, .. } = found.remove(0);
            (level, needed.unwrap())
        };
        let spread = |procs: u32| {
            let at =
                results.plan.points.iter().position(|point| point.procs == procs && point.arm == "unbound").unwrap();
            let metric = results.samples.metric("pause_variance_ns2").unwrap();
            variance(&results.samples.values(metric, at).into_iter().map(f64::ln).collect::<Vec<f64>>()).unwrap()
        };
        let expect = |level: f64| runs_to_confirm(spread(8), spread(2), VARIANCE_FACTOR, level, POWER).unwrap();
        let (level, alone) = contrast(&["unbound"]);
        assert!((level - 0.95).abs() < 1e-12 && alone == expect(0.95), "{level} {alone}");
        // Twenty questions more: none of them can be planned, all of them share the 5 %.
        let others = ["unbound"].into_iter().chain([""; 20]).collect::<Vec<_>>();
        let (level, among) = contrast(&others);
        assert!((level - (1.0 - 0.05 / 21.0)).abs() < 1e-12 && among == expect(level), "{level} {among}");
        assert!(among > alone, "{among} {alone}");
    }
}
