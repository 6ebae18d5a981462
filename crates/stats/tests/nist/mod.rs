//! The nonlinear sets of the NIST Statistical Reference Datasets: data, certified values, models, and how many digits
//! a solution has right. Used by the tests and by `examples/validate.rs`.

pub(crate) mod dual;

use dual::{Dual, MOST};
use serde_json::Value;
use stats::nonlinear::{Minimum, Task, solve};
use std::f64::consts::PI;
use std::path::PathBuf;

/// Digits that NIST prints of a parameter.
pub(crate) const CERTIFIED_DIGITS: f64 = 11.0;

/// A model: value and derivatives from the parameters and the predictors of one observation.
pub(crate) type Formula = fn(&[Dual], &[f64]) -> Dual;

/// One set.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) formula: Formula,
    pub(crate) y: Vec<f64>,
    /// Predictors of each observation.
    pub(crate) x: Vec<Vec<f64>>,
    pub(crate) starts: [Vec<f64>; 2],
    pub(crate) parameters: Vec<f64>,
    pub(crate) std_errors: Vec<f64>,
    pub(crate) rss: f64,
}

/// Digits of a solution that are right, the least over the parameters; at most those certified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits {
    pub(crate) parameters: f64,
    pub(crate) std_errors: f64,
    pub(crate) rss: f64,
}

fn c(value: f64) -> Dual {
    Dual::constant(value)
}

/// b[0] + b[1] x + b[2] x² + …
fn polynomial(b: &[Dual], x: f64) -> Dual {
    b.iter().rev().fold(c(0.0), |sum, b| sum * c(x) + *b)
}

/// A polynomial over 1 + b x + …
fn rational(above: &[Dual], below: &[Dual], x: f64) -> Dual {
    polynomial(above, x) / (c(1.0) + c(x) * polynomial(below, x))
}

fn bell(height: Dual, middle: Dual, width: Dual, x: f64) -> Dual {
    height * (-((c(x) - middle) / width).squared()).exp()
}

fn wave(cosine: Dual, sine: Dual, period: Dual, x: f64) -> Dual {
    let angle = c(2.0 * PI * x) / period;
    cosine * angle.cos() + sine * angle.sin()
}

fn three_exponentials(b: &[Dual], x: &[f64]) -> Dual {
    let part = |at: usize| b[at] * (-b[at + 1] * c(x[0])).exp();
    part(0) + part(2) + part(4)
}

fn two_bells(b: &[Dual], x: &[f64]) -> Dual {
    b[0] * (-b[1] * c(x[0])).exp() + bell(b[2], b[3], b[4], x[0]) + bell(b[5], b[6], b[7], x[0])
}

fn chwirut(b: &[Dual], x: &[f64]) -> Dual {
    (-b[0] * c(x[0])).exp() / (b[1] + b[2] * c(x[0]))
}

fn box_or_misra(b: &[Dual], x: &[f64]) -> Dual {
    b[0] * (c(1.0) - (-b[1] * c(x[0])).exp())
}

/// Every set with its model, as certified.json writes them.
const FORMULAS: [(&str, Formula); 27] = [
    ("Misra1a", box_or_misra),
    ("Chwirut2", chwirut),
    ("Chwirut1", chwirut),
    ("Lanczos3", three_exponentials),
    ("Gauss1", two_bells),
    ("Gauss2", two_bells),
    ("DanWood", |b, x| b[0] * c(x[0]).pow(b[1])),
    ("Misra1b", |b, x| b[0] * (c(1.0) - (c(1.0) + b[1] * c(x[0] / 2.0)).pow(c(-2.0)))),
    ("Kirby2", |b, x| rational(&b[..3], &b[3..], x[0])),
    ("Hahn1", |b, x| rational(&b[..4], &b[4..], x[0])),
    ("Nelson", |b, x| b[0] - b[1] * c(x[0]) * (-b[2] * c(x[1])).exp()),
    ("MGH17", |b, x| b[0] + b[1] * (-b[3] * c(x[0])).exp() + b[2] * (-b[4] * c(x[0])).exp()),
    ("Lanczos1", three_exponentials),
    ("Lanczos2", three_exponentials),
    ("Gauss3", two_bells),
    ("Misra1c", |b, x| b[0] * (c(1.0) - (c(1.0) + c(2.0 * x[0]) * b[1]).pow(c(-0.5)))),
    ("Misra1d", |b, x| b[0] * b[1] * c(x[0]) / (c(1.0) + b[1] * c(x[0]))),
    ("Roszman1", |b, x| b[0] - b[1] * c(x[0]) - (b[2] / (c(x[0]) - b[3])).atan() * c(1.0 / PI)),
    ("ENSO", |b, x| {
        let year = wave(b[1], b[2], c(12.0), x[0]);
        b[0] + year + wave(b[4], b[5], b[3], x[0]) + wave(b[7], b[8], b[6], x[0])
    }),
    ("MGH09", |b, x| b[0] * (c(x[0] * x[0]) + c(x[0]) * b[1]) / (c(x[0] * x[0]) + c(x[0]) * b[2] + b[3])),
    ("Thurber", |b, x| rational(&b[..4], &b[4..], x[0])),
    ("BoxBOD", box_or_misra),
    ("Rat42", |b, x| b[0] / (c(1.0) + (b[1] - b[2] * c(x[0])).exp())),
    ("MGH10", |b, x| b[0] * (b[1] / (c(x[0]) + b[2])).exp()),
    ("Eckerle4", |b, x| (b[0] / b[1]) * (c(-0.5) * ((c(x[0]) - b[2]) / b[1]).squared()).exp()),
    ("Rat43", |b, x| b[0] / (c(1.0) + (b[1] - b[2] * c(x[0])).exp()).pow(c(1.0) / b[3])),
    ("Bennett5", |b, x| b[0] * (b[1] + c(x[0])).pow(c(-1.0) / b[2])),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/nist")
}

/// Title line and rows of a set.
pub(crate) fn rows(name: &str) -> Vec<Vec<f64>> {
    let path = folder().join(format!("{}.csv", name.to_lowercase()));
    let mut reader = csv::Reader::from_path(path).expect("every set has its file");
    let number = |cell: &str| cell.parse().expect("every cell is a number");
    reader.records().map(|row| row.expect("every row reads").iter().map(number).collect()).collect()
}

/// All sets, from the lower to the higher level of difficulty.
pub(crate) fn sets() -> Vec<Set> {
    let text = std::fs::read_to_string(folder().join("certified.json")).expect("the certified values are there");
    let certified: Value = serde_json::from_str(&text).expect("they are JSON");
    let number = |value: &Value| value.as_f64().expect("a number");
    let set = |(name, formula): (&'static str, Formula)| {
        let of = &certified[name];
        let parameters = of["params"].as_object().expect("parameters by name");
        let all = |key: &str| parameters.values().map(|parameter| number(&parameter[key])).collect::<Vec<f64>>();
        let rows = rows(name);
        assert_eq!(rows.len() as u64, of["nobs"].as_u64().expect("a count"), "{name}");
        // Nelson's model is of ln y.
        let response = |row: &Vec<f64>| if name == "Nelson" { row[0].ln() } else { row[0] };
        Set {
            name,
            formula,
            y: rows.iter().map(response).collect(),
            x: rows.iter().map(|row| row[1..].to_vec()).collect(),
            starts: [all("start1"), all("start2")],
            parameters: all("value"),
            std_errors: all("sd"),
            rss: number(&of["rss"]),
        }
    };
    FORMULAS.map(set).into_iter().collect()
}

impl Task for Set {
    fn n_points(&self) -> usize {
        self.y.len()
    }

    fn evaluate(&self, parameters: &[f64], residuals: &mut [f64], mut columns: Option<&mut [Vec<f64>]>) {
        let duals: Vec<Dual> = parameters.iter().enumerate().map(|(j, value)| Dual::parameter(*value, j)).collect();
        for (i, residual) in residuals.iter_mut().enumerate() {
            let f = (self.formula)(&duals, &self.x[i]);
            *residual = self.y[i] - f.value;
            for (column, by) in columns.iter_mut().flat_map(|columns| columns.iter_mut()).zip(f.by) {
                column[i] = by;
            }
        }
    }
}

impl Set {
    /// Solved from start 1 or 2.
    pub(crate) fn solve(&self, start: usize) -> Option<Minimum> {
        let p = self.parameters.len();
        assert!(p <= MOST);
        solve(self, &self.starts[start - 1], &vec![(-f64::MAX, f64::MAX); p], &vec![false; p])
    }

    pub(crate) fn digits(&self, minimum: &Minimum) -> Digits {
        let errors: Vec<f64> = minimum.std_errors(self).into_iter().map(|error| error.unwrap_or(f64::NAN)).collect();
        Digits {
            parameters: least_digits(&minimum.parameters, &self.parameters),
            std_errors: least_digits(&errors, &self.std_errors),
            rss: digits(minimum.rss, self.rss),
        }
    }
}

/// Right digits of the worst of several figures.
pub(crate) fn least_digits(found: &[f64], certified: &[f64]) -> f64 {
    found.iter().zip(certified).map(|(found, certified)| digits(*found, *certified)).fold(CERTIFIED_DIGITS, f64::min)
}

/// -log10 of the relative error (NIST's LRE), between 0 and the digits certified; 0 for no number.
pub(crate) fn digits(found: f64, certified: f64) -> f64 {
    let error = ((found - certified) / certified).abs();
    if error.is_nan() { 0.0 } else { (-error.log10()).clamp(0.0, CERTIFIED_DIGITS) }
}
