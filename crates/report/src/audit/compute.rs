//! Figures from printed tables, and what each of them may be, given what was rounded in print.
//!
//! C of a figure: where at most [`CORNERS_MOST`] printed cells enter the computation, the extremes over all corners of what
//! they may have been rounded from, exact where the figure is monotone in each; else, and for fits, the sum of what each
//! cell alone changes. A fit with `noise` has the middle 95 % of refits to disturbed values instead.

use plan::audit::{Audit, Columns, Computation, Figures, Name, PrintedTable};
use stats::Interval;
use stats::fit::{Model, Response, solve_exactly};
use stats::random::Stream;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// 1024 evaluations.
const CORNERS_MOST: usize = 10;

/// Refits of a fit with noise.
const REFITS: u64 = 2000;
/// Seed of their noise.
const SEED: u64 = 1;

/// A figure with its name and C.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) interval: Interval,
}

/// A cell of a table: table, row, column.
type Cell = (usize, usize, usize);

/// The tables, read with each cell moved by `moved` half units of its last digit.
struct World<'a> {
    audit: &'a Audit,
    moved: BTreeMap<Cell, f64>,
    /// Cells that were read and that may have been rounded.
    read: RefCell<BTreeSet<Cell>>,
}

/// All figures of a computation.
pub(crate) fn figures(audit: &Audit, figures: &Figures) -> Result<Vec<Figure>, String> {
    let world = World { audit, moved: BTreeMap::new(), read: RefCell::default() };
    let values = world.figures(figures).and_then(all_numbers)?;
    let cells: Vec<Cell> = world.read.into_inner().into_iter().collect();
    let moved = |moved: BTreeMap<Cell, f64>| {
        let figures = World { audit, moved, read: RefCell::default() }.figures(figures).and_then(all_numbers);
        figures.map_err(|why| format!("with what a printed figure may have been rounded from: {why}"))
    };
    let intervals = match &figures.compute {
        Computation::Fit { noise: Some(noise), .. } => refitted(audit, figures, *noise)?,
        compute if is_fit(compute) || cells.len() > CORNERS_MOST => one_by_one(&values, &cells, &moved)?,
        _ => corners(&values, &cells, &moved)?,
    };
    let labels = match figures.labels.is_empty() {
        true => labels(audit, &figures.compute),
        false => figures.labels.clone(),
    };
    let figure = |((label, value), interval)| Figure { label, value, interval };
    Ok(labels.into_iter().zip(values).zip(intervals).map(figure).collect())
}

/// How C is made, in words.
pub(crate) fn interval_in_words(figures: &Figures) -> String {
    match &figures.compute {
        Computation::Fit { noise: Some(_), .. } => format!("C: middle 95 % of {REFITS} refits with the noise named"),
        compute if is_fit(compute) => "C: what rounding of each printed figure alone changes, added up".into(),
        _ => "C: all that the printed figures may have been rounded from".into(),
    }
}

fn is_fit(compute: &Computation) -> bool {
    matches!(compute, Computation::Fit { .. } | Computation::Misfit { .. } | Computation::LeaveOneOut { .. })
}

/// Refuses what is not a number. An infinite figure is one, such as the peak of a fit without a peak.
fn all_numbers(figures: Vec<f64>) -> Result<Vec<f64>, String> {
    let nan = figures.iter().any(|figure| figure.is_nan());
    if nan { Err("a figure that is no number".into()) } else { Ok(figures) }
}

type Moved<'a> = &'a dyn Fn(BTreeMap<Cell, f64>) -> Result<Vec<f64>, String>;

/// Where the computation fails at one end of what was rounded, there is no interval rather than a shorter one.
fn corners(values: &[f64], cells: &[Cell], moved: Moved<'_>) -> Result<Vec<Interval>, String> {
    let mut intervals: Vec<Interval> = values.iter().map(|&value| Interval { low: value, high: value }).collect();
    for corner in 0..1u32 << cells.len() {
        let side = |at: usize| if corner >> at & 1 == 0 { -1.0 } else { 1.0 };
        let corner = cells.iter().enumerate().map(|(at, cell)| (*cell, side(at))).collect();
        for (interval, value) in intervals.iter_mut().zip(moved(corner)?) {
            *interval = Interval { low: interval.low.min(value), high: interval.high.max(value) };
        }
    }
    Ok(intervals)
}

/// As [`corners`] where it fails.
fn one_by_one(values: &[f64], cells: &[Cell], moved: Moved<'_>) -> Result<Vec<Interval>, String> {
    let mut intervals: Vec<Interval> = values.iter().map(|&value| Interval { low: value, high: value }).collect();
    for cell in cells {
        let end = |side: f64| moved(BTreeMap::from([(*cell, side)]));
        let (low, high) = (end(-1.0)?, end(1.0)?);
        for (at, interval) in intervals.iter_mut().enumerate() {
            let changes = [low[at] - values[at], high[at] - values[at]];
            interval.low += changes[0].min(changes[1]).min(0.0);
            interval.high += changes[0].max(changes[1]).max(0.0);
        }
    }
    Ok(intervals)
}

/// A refit that fails, or has no figure, would leave an interval of those that went well: then there is none.
fn refitted(audit: &Audit, figures: &Figures, noise: f64) -> Result<Vec<Interval>, String> {
    let world = World { audit, moved: BTreeMap::new(), read: RefCell::default() };
    let refit = |index: u64| {
        let mut stream = Stream::new(SEED, index);
        let row = world.fitted(&figures.compute, &mut || (noise * stream.normal()).exp())?;
        all_numbers(row)
    };
    let refits: Vec<Result<Vec<f64>, String>> = (0..REFITS).map(refit).collect();
    let failed = refits.iter().filter(|refit| refit.is_err()).count();
    let rows = refits.into_iter().collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|why| format!("{failed} of {REFITS} refits failed, the first with: {why}"))?;
    let middle = |at: usize| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[at]).collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        Interval { low: at(0.025), high: at(0.975) }
    };
    Ok((0..rows[0].len()).map(middle).collect())
}

impl World<'_> {
    fn table(&self, name: &str) -> Result<(usize, &PrintedTable), String> {
        self.audit.table(name).ok_or_else(|| format!("there is no table {name}"))
    }

    fn cell(&self, table: usize, row: usize, column: usize) -> Result<f64, String> {
        let printed = self.audit.tables[table].figure(row, column);
        let printed = printed.ok_or_else(|| format!("row {row} holds no figure", row = row + 1))?;
        if printed.half > 0.0 {
            self.read.borrow_mut().insert((table, row, column));
        }
        Ok(printed.value + printed.half * self.moved.get(&(table, row, column)).copied().unwrap_or(0.0))
    }

    /// The value of a name: one that is given, or a cell.
    fn look(
        &self,
        name: &Name,
        row: Option<(usize, usize)>,
        given: &dyn Fn(&str) -> Option<f64>,
    ) -> Result<f64, String> {
        let bare = name.table.is_none() && name.key.is_none();
        if let Some(value) = given(&name.name).filter(|_| bare) {
            return Ok(value);
        }
        let table = match (&name.table, row) {
            (Some(table), _) => self.table(table)?.0,
            (None, Some((table, _))) => table,
            (None, None) => return Err(format!("{name} is not known")),
        };
        let printed = &self.audit.tables[table];
        let column = printed.column(&name.name).ok_or_else(|| format!("{name} is not known"))?;
        let row = match (&name.key, row) {
            (Some(key), _) => printed.row(key),
            (None, row) => row.map(|(_, row)| row),
        };
        self.cell(table, row.ok_or_else(|| format!("{name} is not known"))?, column)
    }

    fn rows(&self, columns: &Columns) -> Result<(Vec<f64>, Vec<f64>), String> {
        let (at, table) = self.table(&columns.table)?;
        let value = |formula: &plan::audit::Formula, row: usize| {
            formula.value(&mut |name| self.look(name, Some((at, row)), &|_| None))
        };
        let rows = (0..table.rows.len()).map(|row| Ok((value(&columns.x, row)?, value(&columns.y, row)?)));
        Ok(rows.collect::<Result<Vec<_>, String>>()?.into_iter().unzip())
    }

    fn y(&self, columns: &Columns) -> Result<Vec<f64>, String> {
        // x may be a column of words, which such computations do not look at.
        let zero = "0".parse().expect("0 is a formula");
        Ok(self.rows(&Columns { x: zero, ..columns.clone() })?.1)
    }

    fn figures(&self, figures: &Figures) -> Result<Vec<f64>, String> {
        let values = self.computed(&figures.compute)?;
        let Some(result) = &figures.result else { return Ok(values) };
        let made =
            |value: f64| result.value(&mut |name| self.look(name, None, &|given| (given == "v").then_some(value)));
        values.into_iter().map(made).collect()
    }

    fn computed(&self, compute: &Computation) -> Result<Vec<f64>, String> {
        let over_n = |formula: &plan::audit::Formula, n: f64| {
            formula.value(&mut |name| self.look(name, None, &|given| (given == "n").then_some(n)))
        };
        Ok(match compute {
            Computation::Values { values } => {
                let value =
                    |formula: &plan::audit::Formula| formula.value(&mut |name| self.look(name, None, &|_| None));
                values.iter().map(value).collect::<Result<_, _>>()?
            }
            Computation::Column(columns) => self.y(columns)?,
            Computation::Ratios { columns, base } => {
                let y = self.y(columns)?;
                let base = self.table(&columns.table)?.1.row(base).ok_or("the base row is not there")?;
                y.iter().map(|value| value / y[base]).collect()
            }
            Computation::Steps(columns) => self.y(columns)?.windows(2).map(|pair| pair[1] / pair[0]).collect(),
            Computation::Slopes(columns) => self.between(columns, |x| x.ln())?,
            Computation::Rates(columns) => self.between(columns, |x| x)?,
            Computation::Count { columns, from, to } => {
                let inside = self.y(columns)?.into_iter().filter(|value| (*from..=*to).contains(value));
                vec![inside.count() as f64]
            }
            Computation::Curve { value, at } => at.iter().map(|n| over_n(value, *n)).collect::<Result<_, _>>()?,
            Computation::Maximum(range) => vec![top(range.from, range.to, &|n| over_n(&range.value, n))?],
            Computation::Minimum(range) => {
                vec![top(range.from, range.to, &|n| over_n(&range.value, n).map(|value| -value))?]
            }
            Computation::Fit { .. } => self.fitted(compute, &mut || 1.0)?,
            Computation::Misfit { columns, models } => {
                let (x, y) = self.rows(columns)?;
                let misfit = |model: &String| {
                    let curve = solved(model, true, &x, &y)?;
                    Ok(rms(x.iter().zip(&y).map(|(x, y)| (y / curve(*x)).ln())))
                };
                models.iter().map(misfit).collect::<Result<_, String>>()?
            }
            Computation::LeaveOneOut { columns, models } => {
                let (x, y) = self.rows(columns)?;
                models.iter().map(|model| left_out(model, &x, &y)).collect::<Result<_, _>>()?
            }
            Computation::Command { command } => vec![f64::from(u8::from(runs_a_program(command)))],
        })
    }

    fn between(&self, columns: &Columns, scale: fn(f64) -> f64) -> Result<Vec<f64>, String> {
        let (x, y) = self.rows(columns)?;
        let slope = |at: usize| (y[at + 1] / y[at]).ln() / (scale(x[at + 1]) - scale(x[at]));
        Ok((0..x.len().saturating_sub(1)).map(slope).collect())
    }

    /// Parameters of a fit and what follows from them; each y is multiplied by what `disturb` gives.
    fn fitted(&self, compute: &Computation, disturb: &mut dyn FnMut() -> f64) -> Result<Vec<f64>, String> {
        let Computation::Fit { columns, model, ln, figures, .. } = compute else {
            return Err("only a fit is refitted".into());
        };
        let (x, mut y) = self.rows(columns)?;
        y.iter_mut().for_each(|y| *y *= disturb());
        let model = model_named(model)?;
        let parameters = solve_exactly(model, response(*ln), &x, &y).map_err(|error| error.to_string())?;
        let parameter =
            |given: &str| model.parameter_names().iter().position(|name| *name == given).map(|at| parameters[at]);
        figures.iter().map(|figure| figure.value(&mut |name| self.look(name, None, &parameter))).collect()
    }
}

fn response(ln: bool) -> Response {
    if ln { Response::Ln } else { Response::Raw }
}

fn model_named(name: &str) -> Result<Model, String> {
    Model::by_name(name).ok_or_else(|| format!("{name} is no model"))
}

/// A fitted curve.
fn solved(model: &str, ln: bool, x: &[f64], y: &[f64]) -> Result<impl Fn(f64) -> f64 + use<>, String> {
    let model = model_named(model)?;
    let parameters = solve_exactly(model, response(ln), x, y).map_err(|error| error.to_string())?;
    Ok(move |x| model.value(&parameters, x))
}

fn left_out(model: &str, x: &[f64], y: &[f64]) -> Result<f64, String> {
    let missed = |out: usize| {
        let without = |values: &[f64]| [&values[..out], &values[out + 1..]].concat();
        let predicted = solved(model, true, &without(x), &without(y))?(x[out]);
        // A line that predicts a cost below 0 has no place here: the one through 0 takes it.
        let predicted = match model == "linear" && predicted <= 0.0 {
            true => solved("proportional", true, &without(x), &without(y))?(x[out]),
            false => predicted,
        };
        Ok((y[out] / predicted).ln())
    };
    let missed = (0..x.len()).map(missed).collect::<Result<Vec<f64>, String>>()?;
    Ok(rms(missed.into_iter()).exp())
}

fn rms(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    (values.map(|value| value * value).sum::<f64>() / n).sqrt()
}

/// The n of the greatest value: the best of a grid, then golden sections beside it, then the root of the slope there, since
/// values alone tell a flat maximum's place to half of an f64's digits only. At an end of the range it is that end.
fn top(from: f64, to: f64, value: &dyn Fn(f64) -> Result<f64, String>) -> Result<f64, String> {
    const STEPS: usize = 1000;
    let at = |step: usize| from + (to - from) * step as f64 / STEPS as f64;
    let values = (0..=STEPS).map(|step| value(at(step))).collect::<Result<Vec<f64>, String>>()?;
    let best = (0..=STEPS).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap_or(0);
    if best == 0 || best == STEPS {
        return Ok(at(best));
    }
    let (mut low, mut high) = (at(best - 1), at(best + 1));
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    while high - low > 1e-9 * (to - from) {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if value(left)? < value(right)? { low = left } else { high = right }
    }
    let found = 0.5 * (low + high);
    let refined = root_of_slope(found, (to - from) / STEPS as f64, value)?;
    // A corner has no root to find: there the golden section's answer is higher.
    let (at_found, at_refined) = (value(found)?, value(refined)?);
    Ok(if at_refined >= at_found - 4.0 * f64::EPSILON * at_found.abs() { refined } else { found })
}

/// Where the slope falls through 0 near a maximum, by central differences of six points within `step`.
fn root_of_slope(near: f64, step: f64, value: &dyn Fn(f64) -> Result<f64, String>) -> Result<f64, String> {
    // Weights of f(n + kh) - f(n - kh), exact for polynomials up to the 6th power (Fornberg 1988, table 1).
    const WEIGHTS: [f64; 3] = [0.75, -0.15, 1.0 / 60.0];
    let h = step / 8.0;
    let slope = |n: f64| -> Result<f64, String> {
        let part = |(weight, k): (f64, f64)| Ok(weight * (value(n + k * h)? - value(n - k * h)?));
        WEIGHTS.into_iter().zip([1.0, 2.0, 3.0]).map(part).sum()
    };
    let (mut low, mut high) = (near - step / 8.0, near + step / 8.0);
    if !(slope(low)? > 0.0 && slope(high)? < 0.0) {
        return Ok(near);
    }
    while high - low > 4.0 * f64::EPSILON * near.abs() {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if slope(middle)? > 0.0 { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

/// Whether the first word behind a wrapper's options can be a program: `NAME=value` before a command is a shell's grammar,
/// and behind a wrapper it is the name of what shall be executed.
fn runs_a_program(command: &str) -> bool {
    let program = command.split_whitespace().skip(1).find(|word| !word.starts_with('-'));
    program.is_some_and(|program| !program.contains('='))
}

/// Names that the figures give themselves.
fn labels(audit: &Audit, compute: &Computation) -> Vec<String> {
    let keys: Vec<&str> = compute
        .columns()
        .and_then(|columns| Some(audit.table(&columns.table)?.1))
        .map_or(Vec::new(), |table| table.rows.iter().map(|row| row[0].as_str()).collect());
    let texts = |formulas: &[plan::audit::Formula]| formulas.iter().map(ToString::to_string).collect();
    match compute {
        Computation::Values { values } => texts(values),
        Computation::Column(_) => keys.iter().map(ToString::to_string).collect(),
        Computation::Ratios { base, .. } => keys.iter().map(|key| format!("{key} over {base}")).collect(),
        Computation::Steps(_) => keys.windows(2).map(|pair| format!("{} over {}", pair[1], pair[0])).collect(),
        Computation::Slopes(_) | Computation::Rates(_) => {
            keys.windows(2).map(|pair| format!("{} to {}", pair[0], pair[1])).collect()
        }
        Computation::Count { .. } => vec!["rows".into()],
        Computation::Curve { at, .. } => at.iter().map(|n| format!("n = {n}")).collect(),
        Computation::Maximum(_) => vec!["n of the greatest".into()],
        Computation::Minimum(_) => vec!["n of the least".into()],
        Computation::Fit { figures, .. } => texts(figures),
        Computation::Misfit { models, .. } => {
            models.iter().map(|model| format!("rms of ln residuals, {model}")).collect()
        }
        Computation::LeaveOneOut { models, .. } => {
            models.iter().map(|model| format!("factor that a row left out is missed by, {model}")).collect()
        }
        Computation::Command { .. } => vec!["can be executed".into()],
    }
}
