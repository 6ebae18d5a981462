//! The curves: one row for each in [`SPECS`], with its name, formula, parameters, gradient and starting values.
//!
//! To add one: write its formula and gradient and its starting values beside those of its family
//! (`throughput.rs`, `decay.rs`, `growth.rs`, `knee.rs`), add a row to `table.rs` and a name to [`Model`]. The tests
//! then compare its gradient with differences, and `numalab fit --model NAME` knows it.

mod decay;
mod growth;
mod knee;
mod table;
mod throughput;

pub use knee::{KneeConstants, KneeForm};
pub use table::SPECS;

use crate::fit::start::Points;

/// A curve f(x) of throughput, or of what is left of it, or of a cost; x = processors or tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table below says what each is")]
pub enum Model {
    Usl,
    Amdahl,
    Gustafson,
    ExponentialSaturation,
    Quadratic,
    ExponentialDecay,
    BiExponential,
    Stretched,
    Hyperbolic,
    Lomax,
    Hill,
    Logistic,
    Power,
    BrokenLine,
    Proportional,
    Linear,
    NLogN,
    QuadraticGrowth,
    ExponentialGrowth,
    Knee,
    KneeAdditive,
    KneeUseful,
    KneeKappa,
    UslPeak,
    UslRate,
    AmdahlRate,
    KneeRate,
    KneeAdditiveRate,
    KneeUsefulRate,
    QuadraticPeak,
}

/// What a curve is a curve of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Throughput over processors; x and y above 0.
    Throughput,
    /// What is left of a throughput past its peak.
    Decay,
    /// Time or cost over tasks.
    Growth,
    /// The article's joint penalty of switches S and faults F, x and y above 0.
    Knee,
    /// Another curve in other parameters, for the profile of its peak; not offered by name.
    Reparametrised,
}

/// Most parameters of any model.
pub(crate) const MAX_PARAMETERS: usize = 5;

/// Derivatives by each parameter; beyond the last parameter 0.
pub(crate) type Gradient = [f64; MAX_PARAMETERS];

/// What a parameter may be, and so how its profile is walked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Range {
    /// Not 0, with the sign of the data.
    Amplitude,
    /// 0..1, and both ends mean something.
    Share,
    /// 0 and more, and 0 means something; of the order of x^-power.
    NotNegative {
        /// Over which power of x it counts.
        power: i32,
    },
    /// An x: a scale a million times beyond the data is the limit curve, and is reported as a bound.
    Scale,
    /// The reciprocal of an x, within the same limits.
    Rate,
    /// An exponent above 0.
    Power,
    /// An x of any sign, within a hundred times the breadth of the data.
    Place,
    /// An x with at least two distinct x of the data on either side or at it.
    Break,
    /// Above 0 without end.
    Positive,
    /// Any number.
    Free,
}

/// One row of the table of models.
pub struct Spec {
    /// Which it is.
    pub model: Model,
    /// Name as in fits.csv and on the command line.
    pub name: &'static str,
    /// What it is a curve of.
    pub family: Family,
    /// The curve, as people write it.
    pub formula: &'static str,
    /// Names of the parameters, in the order of every slice of parameters.
    pub parameters: &'static [&'static str],
    pub(crate) ranges: &'static [Range],
    /// Formula and gradient.
    pub(crate) curve: fn(&[f64], f64) -> (f64, Gradient),
    /// Parameter vectors to start the solver from; the best end wins.
    pub(crate) starts: fn(&Points) -> Vec<Vec<f64>>,
}

impl Model {
    /// Its row of the table.
    pub fn spec(&self) -> &'static Spec {
        &SPECS[*self as usize]
    }

    /// All models that can be asked for by name.
    pub fn all() -> impl Iterator<Item = Model> {
        SPECS.iter().filter(|spec| spec.family != Family::Reparametrised).map(|spec| spec.model)
    }

    /// The model of that name; `_` counts as `-`.
    pub fn by_name(name: &str) -> Option<Model> {
        Model::all().find(|model| model.name() == name.replace('_', "-"))
    }

    /// Names of the parameters, in the order of every slice of parameters.
    pub fn parameter_names(&self) -> &'static [&'static str] {
        self.spec().parameters
    }

    /// Name as in fits.csv and on the command line.
    pub fn name(&self) -> &'static str {
        self.spec().name
    }

    /// f(x) and its gradient; one gradient entry for each parameter, the rest 0.
    ///
    /// `parameters` in the order of [`Model::parameter_names`].
    pub fn value_and_gradient(&self, parameters: &[f64], x: f64) -> (f64, [f64; MAX_PARAMETERS]) {
        (self.spec().curve)(parameters, x)
    }

    /// f(x).
    pub fn value(&self, parameters: &[f64], x: f64) -> f64 {
        self.value_and_gradient(parameters, x).0
    }

    /// Whether x must lie above 0.
    pub fn needs_positive_x(&self) -> bool {
        let by_formula = matches!(self, Model::Power | Model::NLogN);
        by_formula || matches!(self.spec().family, Family::Throughput | Family::Knee | Family::Reparametrised)
    }

    /// Whether y must lie above 0 also where residuals are taken of y itself.
    pub fn needs_positive_y(&self) -> bool {
        matches!(self.spec().family, Family::Throughput | Family::Knee | Family::Reparametrised)
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Gradient entries, padded with 0.
fn gradient<const N: usize>(entries: [f64; N]) -> Gradient {
    let mut gradient = [0.0; MAX_PARAMETERS];
    gradient[..N].copy_from_slice(&entries);
    gradient
}

/// Bounds of one parameter, for the distinct x of the data, ascending; `sign` is that of the data.
impl Range {
    pub(crate) fn bounds(&self, x: &[f64], sign: f64) -> (f64, f64) {
        let last = x[x.len() - 1];
        // The least distance between x and 0 that the data know.
        let near = x.iter().map(|x| x.abs()).filter(|x| *x > 0.0).fold(f64::INFINITY, f64::min);
        let near = if near.is_finite() { near } else { 1.0 };
        let far = x[0].abs().max(last.abs()).max(near);
        let breadth = last - x[0];
        match self {
            Range::Amplitude if sign < 0.0 => (-f64::MAX, -f64::MIN_POSITIVE),
            Range::Amplitude | Range::Positive => (f64::MIN_POSITIVE, f64::MAX),
            Range::Share => (0.0, 1.0),
            Range::NotNegative { .. } => (0.0, f64::MAX),
            Range::Scale => (near * 1e-6, far * 1e6),
            Range::Rate => (1e-6 / far, 1e6 / near),
            Range::Power => (1e-6, 1e6),
            Range::Place => (x[0] - 100.0 * breadth, last + 100.0 * breadth),
            Range::Break if x.len() > 3 => (x[1], x[x.len() - 2]),
            Range::Break => (x[0], last),
            Range::Free => (-f64::MAX, f64::MAX),
        }
    }

    /// Values on the edge of the range that mean something: a simpler law.
    pub(crate) fn edges(&self) -> &'static [f64] {
        match self {
            Range::Share => &[0.0, 1.0],
            Range::NotNegative { .. } => &[0.0],
            _ => &[],
        }
    }

    /// Whether the edge of the range only keeps the solver on the map.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Range::Scale | Range::Rate | Range::Power | Range::Place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters at which a curve of this kind bends within x = 1..64.
    fn usual(range: &Range, name: &str) -> f64 {
        match (range, name) {
            (_, "tau1") => 3.0,
            (_, "h") => -8.0,
            (Range::Amplitude | Range::Free, _) => 1.7,
            (Range::Share, _) => 0.07,
            (Range::NotNegative { power }, _) => 0.4 / 20_f64.powi(*power),
            (Range::Rate, _) => 0.05,
            (Range::Power, _) => 1.4,
            _ => 20.5,
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_names() {
        for (at, spec) in SPECS.iter().enumerate() {
            let model = spec.model;
            assert_eq!(model as usize, at);
            assert_eq!(spec.parameters.len(), spec.ranges.len(), "{model}");
            assert!(spec.parameters.len() <= MAX_PARAMETERS, "{model}");
            let offered = spec.family != Family::Reparametrised;
            assert_eq!(Model::by_name(model.name()), offered.then_some(model));
        }
        assert_eq!(Model::by_name("broken_line"), Some(Model::BrokenLine));
        assert_eq!(Model::by_name("no-such"), None);
    }

    /// Every gradient against central differences, which agree to their own error.
    #[test]
    fn gradients_are_those_of_the_formulas() {
        for spec in &SPECS {
            let model = spec.model;
            let mut parameters: Vec<f64> =
                spec.ranges.iter().zip(spec.parameters).map(|(range, name)| usual(range, name)).collect();
            if model == Model::ExponentialGrowth {
                parameters[1] = 0.03;
            }
            for x in [1.0, 2.0, 7.5, 32.0, 64.0] {
                let (f, gradient) = model.value_and_gradient(&parameters, x);
                assert!(f.is_finite(), "{model} at {x}");
                for j in 0..parameters.len() {
                    let step = 1e-5 * parameters[j];
                    let at = |value: f64| {
                        let mut moved = parameters.clone();
                        moved[j] = value;
                        model.value(&moved, x)
                    };
                    let slope = (at(parameters[j] + step) - at(parameters[j] - step)) / (2.0 * step);
                    // Rounding of f over the step, and the third derivative.
                    let error = 1e-7 * (gradient[j].abs() + f.abs() / parameters[j].abs());
                    assert!((gradient[j] - slope).abs() <= error, "{model} {j} at {x}: {} {slope}", gradient[j]);
                }
            }
        }
    }

    /// At x = 0, where a formula takes it, neither value nor gradient is lost in ln 0.
    #[test]
    fn x_of_0_is_no_hole() {
        for spec in SPECS.iter().filter(|spec| !spec.model.needs_positive_x()) {
            let model = spec.model;
            let parameters: Vec<f64> =
                spec.ranges.iter().zip(spec.parameters).map(|(range, name)| usual(range, name)).collect();
            let (f, gradient) = model.value_and_gradient(&parameters, 0.0);
            assert!(f.is_finite() && gradient.iter().all(|entry| entry.is_finite()), "{model}: {f} {gradient:?}");
        }
    }
}
