//! How far the pauses of a sample spread around each other on the ln scale, from pauses.csv.
//!
//! samples.csv has the variance of pauses, not that of their logarithms. Only claims about the variance of pauses ask
//! for it, so that pauses.csv, the longest file, is read for them alone, and of it only the samples they compare.

use crate::error::ReportError;
use crate::samples::Samples;
use crate::series::is_arm;
use crate::table::{Block, Table, column};
use plan::claim::ClaimRule;
use plan::point::Plan;
use plan::record::{PauseRow, Row, titles};
use stats::summary::variance;
use stats::variance::MIN_VALUES_FOR_VARIANCE;
use std::collections::HashMap;
use std::path::Path;

/// Variance of ln total_ns of the pauses, by row of samples.csv; samples with fewer than 30 of them have none.
pub(crate) type LnVariances = HashMap<u32, f64>;

/// ln total_ns of neighbouring rows of one sample.
type Run = (u32, Vec<f64>);

/// Reads what the plan's claims compare. Without such a claim, or without the file, there is nothing.
pub(crate) fn read_ln_variances(dir: &Path, plan: &Plan, samples: &Samples) -> Result<LnVariances, ReportError> {
    let (path, wanted) = (dir.join(PauseRow::FILE), compared_points(plan));
    let mut found = LnVariances::new();
    if !wanted.contains(&true) || !path.is_file() {
        return Ok(found);
    }
    // Samples are numbered in the order of their rows, which `verify` holds them to.
    let is_wanted = |row: u32| samples.point.get(row as usize).is_some_and(|&point| wanted[point as usize]);
    let mut last: Run = (0, Vec::new());
    let mut close = |(row, values): Run| {
        // The ln of a pause of 0 ns is no number: such a sample has no variance here.
        if let (true, Ok(variance)) = (values.len() >= MIN_VALUES_FOR_VARIANCE, variance(&values)) {
            found.insert(row, variance);
        }
    };
    Table::open(&path, &titles::<PauseRow>())?.summed(false).read(
        |block| runs(block, is_wanted),
        |runs, _| {
            for run in runs {
                if run.0 == last.0 {
                    last.1.extend(run.1);
                } else {
                    close(std::mem::replace(&mut last, run));
                }
            }
        },
    )?;
    close(last);
    Ok(found)
}

/// Whether a point is compared by a claim about the variance of pauses, by its index.
fn compared_points(plan: &Plan) -> Vec<bool> {
    let compared = |point: &plan::point::Point| {
        plan.claims.iter().any(|claim| match claim.rule {
            ClaimRule::VarianceRatio { procs, over_procs, .. } => {
                [procs, over_procs].contains(&point.procs) && claim.arms.iter().any(|arm| is_arm(&point.arm, arm))
            }
            _ => false,
        })
    };
    plan.points.iter().map(compared).collect()
}

fn runs(block: Block<'_>, is_wanted: impl Fn(u32) -> bool) -> Result<Vec<Run>, ReportError> {
    let (sample_id, total_ns) = (column::<PauseRow>("sample_id"), column::<PauseRow>("total_ns"));
    let mut runs: Vec<Run> = Vec::new();
    block.each_row(|row| {
        let sample: u32 = row.cell(sample_id)?;
        if !is_wanted(sample) {
            return Ok(());
        }
        let value = (row.cell::<u64>(total_ns)? as f64).ln();
        match runs.last_mut() {
            Some((last, values)) if *last == sample => values.push(value),
            _ => runs.push((sample, vec![value])),
        }
        Ok(())
    })?;
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{golden, workspace};
    use plan::claim::{Claim, NodeCores};

    fn read(procs: u32, over_procs: u32) -> (Samples, LnVariances) {
        let mut results = golden();
        let rule = ClaimRule::VarianceRatio { procs, over_procs, printed: 1.0 };
        let arms = vec!["close".into()];
        results.plan.claims = vec![Claim {
            id: "v".into(),
            text: "v".into(),
            arms,
            nodes_least: 1,
            node_cores: NodeCores::default(),
            rule,
        }];
        let dir = workspace().join("results/golden-2n8p");
        let found = read_ln_variances(&dir, &results.plan, &results.samples).unwrap();
        (results.samples, found)
    }

    #[test]
    fn only_what_is_compared_is_read() {
        let (samples, found) = read(8, 2);
        let mut rows: Vec<usize> = found.keys().map(|&row| row as usize).collect();
        rows.sort_unstable();
        let plan = golden().plan;
        let compared = |&row: &usize| {
            let point = &plan.points[samples.point[row] as usize];
            point.arm == "close" && [2, 8].contains(&point.procs)
        };
        assert_eq!(rows, (0..samples.len()).filter(compared).collect::<Vec<_>>());
        assert!(read(7, 5).1.is_empty(), "no point of the golden plan");
    }

    #[test]
    fn the_variance_is_that_of_the_logarithms() {
        let text = std::fs::read_to_string(workspace().join("results/golden-2n8p/pauses.csv")).unwrap();
        // Sample 0 is close at 2 procs; total_ns is the ninth cell.
        let of_sample_0 = text.lines().filter(|line| line.split(',').nth(1) == Some("0"));
        let ln = |line: &str| line.split(',').nth(8).and_then(|cell| cell.parse::<f64>().ok()).unwrap().ln();
        let expect = variance(&of_sample_0.map(ln).collect::<Vec<_>>()).unwrap();
        assert_eq!(read(8, 2).1[&0], expect);
    }
}
