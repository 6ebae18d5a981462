//! samples.csv by column: of a million rows only the columns that are summarised stay in memory.

use crate::error::ReportError;
use crate::table::{Block, Ended, Table};
use plan::point::Plan;
use plan::record::{Column as ColumnSpec, Kind, Row, SampleRow, StopReason, Timing};
use std::collections::HashMap;
use std::path::Path;

/// Columns of samples.csv that are summarised, in the order of summary.csv; the workload's metrics follow them.
pub const SUMMARISED: &[&str] = &[
    THROUGHPUT,
    BANDWIDTH,
    "local_hit_ratio",
    "local_hit_low",
    "local_hit_high",
    "local_package_ratio",
    "dram_local_ratio",
    "huge_ratio",
    "pause_mean_ns",
    "pause_variance_ns2",
    "pause_p50_ns",
    "pause_p99_ns",
    "pause_max_ns",
    "stopping_mean_ns",
    "minor_faults",
    "major_faults",
    "voluntary_switches",
    "involuntary_switches",
    "run_delay_ratio",
    "worker_migrations",
    "pages_migrated",
    "hint_faults",
    "steal_ratio",
];

/// What `source`, `timing` and `hit_source` hold of a sample that a model computed.
pub(crate) const MODELLED: &str = "modelled";

const THROUGHPUT: &str = "throughput_per_s";
const BANDWIDTH: &str = "bandwidth_gb_per_s";
/// Throughput of a whole sample, where the warm-up of its point was cut: the sensitivity line.
pub(crate) const WHOLE: &str = "throughput_whole_per_s";

/// The rows of samples.csv by column, in file order. Row `i` of every column belongs to the same sample.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// Index into `plan.points`.
    pub point: Vec<u32>,
    /// Block.
    pub block: Vec<u32>,
    /// Whether the sample failed.
    pub failed: Vec<bool>,
    /// Whether a later row has the same order: this one failed, and the slot was run again.
    pub retried: Vec<bool>,
    /// Whether causes outside the experiment disturbed it.
    pub contaminated: Vec<bool>,
    /// How many rows a model computed, by what they say of themselves.
    pub modelled: usize,
    /// The least that a row says of its times; `None` without rows.
    pub(crate) timing: Option<Timing>,
    metrics: Vec<Metric>,
    rows_of: Vec<Vec<u32>>,
    // Failed rows so far, by order.
    failed_at: HashMap<u32, u32>,
}

/// One summarised column.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Its name in samples.csv.
    pub name: String,
    /// Its unit.
    pub unit: String,
    values: Values,
}

/// Many columns hold one value throughout, most often none, and counts and short decimals fit `f32` without loss: a
/// million rows fit memory thereby. The first value that does not fit widens the column. NaN stands for an empty cell: no
/// cell can hold one.
#[derive(Debug, Clone)]
enum Values {
    Same { value: f64, rows: usize },
    Narrow(Vec<f32>),
    Wide(Vec<f64>),
}

impl Samples {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.point.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.point.is_empty()
    }

    /// The summarised columns, [`SUMMARISED`] and then the workload's.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// A summarised column by name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// Rows of one point (index into `plan.points`), in file order; those that were retried are left out.
    pub fn rows_of(&self, point: usize) -> &[u32] {
        self.rows_of.get(point).map_or(&[], Vec::as_slice)
    }

    /// Replaces the throughput of one sample by that of its steady part, and its bandwidth in proportion; the throughput of
    /// the whole sample stays as [`WHOLE`].
    pub(crate) fn cut_throughput(&mut self, row: usize, steady_per_s: f64) {
        let Some(whole) = self.throughput(row) else { return };
        if self.metric(WHOLE).is_none() {
            let unit = self.metric(THROUGHPUT).map_or(String::new(), |metric| metric.unit.clone());
            let values = Values::Same { value: f64::NAN, rows: self.len() };
            self.metrics.insert(1, Metric { name: WHOLE.into(), unit, values });
        }
        self.metrics[1].set(row, whole);
        self.set_throughput(row, steady_per_s);
    }

    /// The value of one row as it was before [`Samples::cut_throughput`].
    pub(crate) fn whole(&self, metric: &Metric, row: usize) -> Option<f64> {
        let value = metric.get(row)?;
        let whole = self.metric(WHOLE).and_then(|whole| whole.get(row));
        match (whole, self.throughput(row)) {
            (Some(whole), Some(cut)) if [THROUGHPUT, BANDWIDTH].contains(&metric.name.as_str()) => {
                Some(value * whole / cut)
            }
            _ => Some(value),
        }
    }

    /// Undoes every [`Samples::cut_throughput`].
    pub(crate) fn restore_throughput(&mut self) {
        for row in 0..self.len() {
            if let Some(whole) = self.metric(WHOLE).and_then(|metric| metric.get(row)) {
                self.set_throughput(row, whole);
            }
        }
    }

    fn throughput(&self, row: usize) -> Option<f64> {
        self.metric(THROUGHPUT)?.get(row)
    }

    fn set_throughput(&mut self, row: usize, per_s: f64) {
        let Some(before) = self.throughput(row) else { return };
        for metric in self.metrics.iter_mut().filter(|metric| [THROUGHPUT, BANDWIDTH].contains(&metric.name.as_str())) {
            match (metric.name.as_str(), metric.get(row)) {
                (THROUGHPUT, _) => metric.set(row, per_s),
                (_, Some(value)) => metric.set(row, value * per_s / before),
                (_, None) => {}
            }
        }
    }

    /// Rows of one point that did not fail, in file order; `clean` leaves flagged ones out.
    pub fn used_rows(&self, point: usize, clean: bool) -> impl Iterator<Item = usize> {
        let rows = self.rows_of(point).iter().map(|&row| row as usize);
        rows.filter(move |&row| !(self.failed[row] || clean && self.contaminated[row]))
    }

    /// Values of one metric at one point, failed and unmeasured samples left out.
    pub fn values(&self, metric: &Metric, point: usize) -> Vec<f64> {
        self.used_rows(point, false).filter_map(|row| metric.get(row)).collect()
    }
}

impl Metric {
    /// The value of one row; `None` where it was not measured.
    pub fn get(&self, row: usize) -> Option<f64> {
        let value = match &self.values {
            Values::Same { value, .. } => *value,
            Values::Narrow(values) => f64::from(values[row]),
            Values::Wide(values) => values[row],
        };
        (!value.is_nan()).then_some(value)
    }

    /// Whether any sample has it.
    pub fn is_measured(&self) -> bool {
        match &self.values {
            Values::Same { value, rows } => *rows > 0 && !value.is_nan(),
            Values::Narrow(values) => values.iter().any(|value| !value.is_nan()),
            Values::Wide(values) => values.iter().any(|value| !value.is_nan()),
        }
    }

    /// Its unit.
    pub(crate) fn unit(&self) -> &str {
        &self.unit
    }

    fn set(&mut self, row: usize, value: f64) {
        let rows = match &self.values {
            Values::Same { rows, .. } => *rows,
            Values::Narrow(values) => values.len(),
            Values::Wide(values) => values.len(),
        };
        if !matches!(self.values, Values::Wide(_)) {
            self.values = Values::Wide((0..rows).map(|row| self.get(row).unwrap_or(f64::NAN)).collect());
        }
        if let Values::Wide(values) = &mut self.values {
            values[row] = value;
        }
    }
}

impl Values {
    /// `rows_expected` in all: to grow by doubling would need one and a half times the memory for a moment.
    fn extend(&mut self, more: &[f64], rows_expected: usize) {
        match self {
            Values::Same { rows: 0, value } => {
                *value = more.first().copied().unwrap_or(f64::NAN);
                self.extend_same(more, rows_expected);
            }
            Values::Same { .. } => self.extend_same(more, rows_expected),
            Values::Wide(values) => values.extend_from_slice(more),
            Values::Narrow(values) => {
                let lossless = |value: &f64| value.is_nan() || f64::from(*value as f32) == *value;
                if more.iter().all(lossless) {
                    values.extend(more.iter().map(|&value| value as f32));
                } else {
                    let mut wide = Vec::with_capacity(values.capacity());
                    wide.extend(values.iter().map(|&value| f64::from(value)));
                    wide.extend_from_slice(more);
                    *self = Values::Wide(wide);
                }
            }
        }
    }

    fn extend_same(&mut self, more: &[f64], rows_expected: usize) {
        let Values::Same { value, rows } = self else { return };
        let (same, value) = (value.to_bits(), *value);
        if more.iter().all(|value| value.to_bits() == same) {
            *rows += more.len();
            return;
        }
        let before = vec![value; *rows];
        *self = Values::Narrow(Vec::with_capacity(rows_expected.max(*rows + more.len())));
        self.extend(&before, rows_expected);
        self.extend(more, rows_expected);
    }
}

/// Names of samples.csv's columns for this plan: the fixed ones, its factors, its workload's metrics.
pub(crate) fn sample_titles(plan: &Plan) -> Vec<&str> {
    let fixed = SampleRow::COLUMNS.iter().map(|column| column.name);
    fixed.chain(plan.factors.iter().map(String::as_str)).chain(plan.metrics.iter().map(String::as_str)).collect()
}

/// Reads samples.csv; also the line of a torn last row that was left out, which only an unfinished run may have, and for
/// a complete one the file's sum.
pub(crate) fn read_samples(path: &Path, plan: &Plan, complete: bool) -> Result<(Samples, Ended), ReportError> {
    let columns = Wanted::new(plan);
    let mut samples = Samples { metrics: columns.metrics.iter().map(empty_metric).collect(), ..Samples::default() };
    let ended = Table::open(path, &sample_titles(plan))?
        .summed(complete)
        .read(|block| columns.parse(block), |part, rows_expected| samples.append(part, rows_expected))?;
    if let (Some(line), true) = (ended.torn, complete) {
        return Err(ReportError::TornLine { path: path.into(), line });
    }
    samples.sort_by_point(plan.points.len());
    Ok((samples, ended))
}

fn empty_metric((_, spec): &(usize, MetricSpec)) -> Metric {
    Metric { name: spec.name.clone(), unit: spec.unit.clone(), values: Values::Same { value: f64::NAN, rows: 0 } }
}

/// Rows of one block of the file.
#[derive(Default)]
struct Part {
    point: Vec<u32>,
    block: Vec<u32>,
    order: Vec<u32>,
    failed: Vec<bool>,
    contaminated: Vec<bool>,
    modelled: usize,
    timing: Option<Timing>,
    /// Shape `[metrics][rows]`.
    metrics: Vec<Vec<f64>>,
}

impl Samples {
    fn append(&mut self, part: Part, rows_expected: usize) {
        if self.is_empty() {
            // Once and for all, as in `Values::extend`.
            self.point.reserve_exact(rows_expected);
            self.block.reserve_exact(rows_expected);
            self.failed.reserve_exact(rows_expected);
            self.retried.reserve_exact(rows_expected);
            self.contaminated.reserve_exact(rows_expected);
        }
        for (&order, &failed) in part.order.iter().zip(&part.failed) {
            let row = row_number(self.retried.len());
            self.retried.push(false);
            // Only failed slots are run again, so that only these are kept in mind.
            let earlier = if failed { self.failed_at.insert(order, row) } else { self.failed_at.remove(&order) };
            if let Some(earlier) = earlier {
                self.retried[earlier as usize] = true;
            }
        }
        self.point.extend(part.point);
        self.block.extend(part.block);
        self.failed.extend(part.failed);
        self.contaminated.extend(part.contaminated);
        self.modelled += part.modelled;
        self.timing = self.timing.max(part.timing);
        for (metric, values) in self.metrics.iter_mut().zip(&part.metrics) {
            metric.values.extend(values, rows_expected);
        }
    }

    fn sort_by_point(&mut self, points: usize) {
        self.failed_at = HashMap::new();
        self.rows_of = vec![Vec::new(); points];
        for (row, (&point, &retried)) in self.point.iter().zip(&self.retried).enumerate() {
            if !retried {
                self.rows_of[point as usize].push(row_number(row));
            }
        }
    }
}

fn row_number(row: usize) -> u32 {
    u32::try_from(row).expect("fewer than 2^32 samples fit memory")
}

/// What is read of a row, and where: indexes into [`sample_titles`].
struct Wanted {
    points: HashMap<String, u32>,
    point: usize,
    block: usize,
    order: usize,
    stop_reason: usize,
    contaminated: usize,
    /// Where a row says that a model computed it; the second is its timing.
    marks: [usize; 3],
    metrics: Vec<(usize, MetricSpec)>,
}

struct MetricSpec {
    name: String,
    unit: String,
    kind: Kind,
}

impl Wanted {
    fn new(plan: &Plan) -> Wanted {
        let titles = sample_titles(plan);
        let at = |name: &str| titles.iter().position(|title| *title == name).expect("a fixed column of SampleRow");
        let fixed = SampleRow::COLUMNS;
        let specs = SUMMARISED.iter().map(|name| spec_of(fixed, name));
        let own: &[ColumnSpec] = plan.points.first().map_or(&[], |point| point.workload.metrics());
        let metrics = specs.chain(plan.metrics.iter().map(|name| spec_of(own, name)));
        Wanted {
            points: plan.points.iter().map(|point| point.id.clone()).zip(0..).collect(),
            point: at("point_id"),
            block: at("block"),
            order: at("order"),
            stop_reason: at("stop_reason"),
            contaminated: at("contaminated"),
            marks: [at("source"), at("timing"), at("hit_source")],
            metrics: metrics.map(|spec| (at(&spec.name), spec)).collect(),
        }
    }

    fn parse(&self, block: Block<'_>) -> Result<Part, ReportError> {
        let metrics = self.metrics.iter().map(|_| Vec::with_capacity(block.rows()));
        let mut part = Part { metrics: metrics.collect(), ..Part::default() };
        block.each_row(|row| {
            let id = row.text(self.point);
            let point = self.points.get(id).ok_or_else(|| ReportError::UnknownPoint {
                path: row.path().into(),
                line: row.line(),
                point: id.into(),
            })?;
            part.point.push(*point);
            part.block.push(row.cell(self.block)?);
            part.order.push(row.cell(self.order)?);
            part.failed.push(row.cell::<StopReason>(self.stop_reason)? == StopReason::Failed);
            part.contaminated.push(row.cell(self.contaminated)?);
            part.timing = part.timing.max(Some(row.cell(self.marks[1])?));
            // One mark is enough: whoever mixes rows by hand may change one of them.
            part.modelled += usize::from(self.marks.iter().any(|&at| row.text(at) == MODELLED));
            for (values, (at, spec)) in part.metrics.iter_mut().zip(&self.metrics) {
                let value = match spec.kind {
                    Kind::Integer => row.cell::<Option<u64>>(*at)?.map(|count| count as f64),
                    _ => row.cell::<Option<f64>>(*at)?,
                };
                values.push(value.unwrap_or(f64::NAN));
            }
            Ok(())
        })?;
        Ok(part)
    }
}

/// Unit and kind of a column; a metric that this version's workload does not know is a number without a unit.
fn spec_of(columns: &[ColumnSpec], name: &str) -> MetricSpec {
    let known = columns.iter().find(|column| column.name == name);
    MetricSpec {
        name: name.into(),
        unit: known.map_or(String::new(), |column| column.unit.into()),
        kind: known.map_or(Kind::Number, |column| column.kind),
    }
}

/// Samples made by hand, for the tests of what is derived from them.
#[cfg(test)]
pub(crate) mod made {
    use super::*;

    /// One sample: point, block, whether it is flagged, whether it failed, and its metrics by name.
    pub(crate) struct Made<'a> {
        pub(crate) point: usize,
        pub(crate) block: u32,
        pub(crate) flagged: bool,
        pub(crate) failed: bool,
        pub(crate) metrics: &'a [(&'static str, f64)],
    }

    /// As if read from samples.csv of this plan; a second sample of a point in a block is a retry.
    pub(crate) fn samples(plan: &Plan, rows: &[Made<'_>]) -> Samples {
        let columns = Wanted::new(plan);
        let mut samples = Samples { metrics: columns.metrics.iter().map(empty_metric).collect(), ..Samples::default() };
        let value = |row: &Made<'_>, name: &str| {
            row.metrics.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| *value)
        };
        let column = |(_, spec): &(usize, MetricSpec)| rows.iter().map(|row| value(row, &spec.name)).collect();
        let part = Part {
            point: rows.iter().map(|row| row.point as u32).collect(),
            block: rows.iter().map(|row| row.block).collect(),
            order: rows.iter().map(|row| row.block * plan.points.len() as u32 + row.point as u32).collect(),
            failed: rows.iter().map(|row| row.failed).collect(),
            contaminated: rows.iter().map(|row| row.flagged).collect(),
            metrics: columns.metrics.iter().map(column).collect(),
            ..Part::default()
        };
        samples.append(part, rows.len());
        samples.sort_by_point(plan.points.len());
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::made::{Made, samples};
    use super::*;
    use crate::fixture::golden;

    /// Blocks of values come back as they were, however the column is kept.
    #[test]
    fn a_column_keeps_every_value() {
        let check = |blocks: &[&[f64]], kept: fn(&Values) -> bool| {
            let mut values = Values::Same { value: f64::NAN, rows: 0 };
            blocks.iter().for_each(|block| values.extend(block, 4));
            assert!(kept(&values), "{values:?} of {blocks:?}");
            let metric = Metric { name: String::new(), unit: String::new(), values };
            let expect: Vec<Option<f64>> =
                blocks.concat().iter().map(|value| (!value.is_nan()).then_some(*value)).collect();
            assert_eq!((0..expect.len()).map(|row| metric.get(row)).collect::<Vec<_>>(), expect);
        };
        let (same, narrow) =
            (|values: &_| matches!(values, Values::Same { .. }), |values: &_| matches!(values, Values::Narrow(_)));
        check(&[&[f64::NAN, f64::NAN], &[f64::NAN]], same);
        check(&[&[], &[0.1, 0.1], &[0.1]], same);
        check(&[&[f64::NAN, f64::NAN], &[f64::NAN, 2.0]], narrow);
        check(&[&[1.0, 1.0], &[2.0], &[f64::NAN]], narrow);
        check(&[&[0.1, 0.1], &[2.0]], |values| matches!(values, Values::Wide(_)));
        check(&[&[1.0], &[2.0], &[0.1]], |values| matches!(values, Values::Wide(_)));
    }

    #[test]
    fn a_failed_sample_that_was_run_again_is_left_out() {
        let plan = golden().plan;
        let row = |point, block, failed| Made { point, block, flagged: false, failed, metrics: &[] };
        let rows = [
            row(0, 0, true),
            row(1, 0, true),
            row(0, 1, false),
            row(2, 0, true),
            // Retries, in a second session.
            row(0, 0, false),
            row(1, 0, true),
            row(1, 0, true),
        ];
        let samples = samples(&plan, &rows);
        assert_eq!(samples.retried, [true, true, false, false, false, true, false]);
        assert_eq!([0, 1, 2].map(|point| samples.rows_of(point).to_vec()), [vec![2, 4], vec![6], vec![3]]);
    }
}
