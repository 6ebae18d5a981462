//! How many blocks a run has: fixed, or decided in two stages; and what it costs when a budget cuts it short.

use crate::error::RunError;
use crate::recover::Committed;
use plan::experiment::Repetitions;
use plan::point::Plan;
use plan::record::{Cell, Kind, Row, SampleRow};
use plan::schedule::{blocks_asked, pause_blocks};
use stats::interval::t_quantile;
use stats::stopping::stein_plan;

/// Level of the interval that `until` is about.
const LEVEL: f64 = 0.95;

/// Number of whole blocks, as far as it is known.
#[derive(Debug)]
pub(crate) struct Stages<'a> {
    plan: &'a Plan,
    blocks: u32,
    /// Column of the metric, while the second stage is not decided.
    pilot: Option<usize>,
}

impl<'a> Stages<'a> {
    /// Refuses a plan whose `until` names no column of numbers.
    pub(crate) fn check(plan: &Plan) -> Result<(), RunError> {
        Stages::new(plan).map(|_| ())
    }

    pub(crate) fn new(plan: &'a Plan) -> Result<Stages<'a>, RunError> {
        match &plan.measure.repetitions {
            Repetitions::Fixed(blocks) => Ok(Stages { plan, blocks: *blocks + pause_blocks(plan), pilot: None }),
            Repetitions::Until { min, metric, .. } => {
                let column =
                    metric_column(plan, metric).ok_or_else(|| RunError::NoMetric { metric: metric.clone() })?;
                Ok(Stages { plan, blocks: *min, pilot: Some(column) })
            }
        }
    }

    /// Blocks in all, as known now.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// After the pilot, decides how many blocks there will be, once; a note on what was decided. `None`: all are done.
    ///
    /// Whole blocks only: the point that needs most decides for all. The same samples give the same answer, so a resumed
    /// run decides as the first one did.
    pub(crate) fn second_stage(&mut self, committed: &[Committed]) -> Option<String> {
        let column = self.pilot.take()?;
        let Repetitions::Until { min, max, until, metric } = &self.plan.measure.repetitions else { return None };
        let mut needed = (*min as usize, String::new());
        let (mut capped, mut undecided) = (false, Vec::new());
        for point in &self.plan.points {
            let of_point = |sample: &&Committed| sample.row.point_id == point.id && sample.row.block < *min;
            let values: Vec<f64> =
                committed.iter().filter(of_point).filter_map(|sample| metric_value(sample, column)).collect();
            match stein_plan(&values, *until, LEVEL, *max as usize) {
                Ok(stage) => {
                    capped |= stage.is_capped();
                    if stage.total > needed.0 {
                        needed = (stage.total, point.id.clone());
                    }
                }
                Err(error) => undecided.push(format!("{id} ({error})", id = point.id)),
            }
        }
        let (blocks, by) = needed;
        self.blocks = blocks as u32;
        let percent = 100.0 * until;
        let why = if by.is_empty() { "the pilot suffices".into() } else { format!("point {by} needs most") };
        let cap = if capped { "; the cap cuts it, so the half width is not reached everywhere" } else { "" };
        let skipped = match undecided.is_empty() {
            true => String::new(),
            false => format!("; not asked: {}", undecided.join(", ")),
        };
        Some(format!("after {min} blocks, {blocks} in all for {metric} within {percent} %: {why}{cap}{skipped}"))
    }

    /// The note on a run that a budget ends after `done` whole blocks.
    pub(crate) fn cut_short(&self, done: u32, budget_seconds: f64, block_seconds: f64) -> String {
        let asked = self.blocks;
        let beyond =
            if block_seconds > budget_seconds { "; the first one, which always runs, is beyond it" } else { "" };
        let head = format!(
            "budget of {budget_seconds} s: {done} of {asked} blocks, since one more takes about {block_seconds:.1} s{beyond}"
        );
        // Half width of a mean's interval over its standard deviation.
        let half_width = |n: u32| t_quantile(0.5 + LEVEL / 2.0, f64::from(n - 1)) / f64::from(n).sqrt();
        if let Some(further) = done.checked_sub(blocks_asked(&self.plan.measure).1).filter(|_| done < asked) {
            return format!("{head}; all points have theirs, those whose pauses are contrasted {further} more");
        }
        if done < 2 || asked < 2 {
            return format!("{head}; one sample a point gives no interval");
        }
        let wider = half_width(done) / half_width(asked);
        format!("{head}; intervals of means keep their coverage and are about {wider:.1} times as wide")
    }
}

/// Column of a metric among the fixed and further ones, if it holds numbers.
fn metric_column(plan: &Plan, metric: &str) -> Option<usize> {
    let number = |kind: Kind| matches!(kind, Kind::Number | Kind::Integer);
    let fixed = SampleRow::COLUMNS.iter().position(|column| column.name == metric && number(column.kind));
    let metrics_start = SampleRow::COLUMNS.len() + plan.factors.len();
    fixed.or_else(|| Some(metrics_start + plan.metrics.iter().position(|name| name == metric)?))
}

fn metric_value(sample: &Committed, column: usize) -> Option<f64> {
    let fixed = SampleRow::COLUMNS.len();
    let text = match column.checked_sub(fixed) {
        None => sample.row.cells().swap_remove(column),
        Some(at) => sample.extra.get(at)?.clone(),
    };
    Option::<f64>::read(&text).flatten()
}
