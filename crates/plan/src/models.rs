//! Names of the curves that `stats` fits, so that a file that names another is refused at its line.
//!
//! A test of `report` holds that they are those of `stats::fit::SPECS`.

/// Name and parameters of every curve that can be asked for.
pub const MODELS: &[(&str, &[&str])] = &[
    ("usl", &["lambda", "sigma", "kappa"]),
    ("amdahl", &["lambda", "sigma"]),
    ("gustafson", &["lambda", "sigma"]),
    ("exponential-saturation", &["m", "tau"]),
    ("quadratic", &["a", "b"]),
    ("exponential", &["a", "tau"]),
    ("bi-exponential", &["a1", "tau1", "a2", "tau2"]),
    ("stretched", &["a", "tau", "b"]),
    ("hyperbolic", &["a", "n0"]),
    ("lomax", &["a", "n0", "p"]),
    ("hill", &["a", "n0", "p"]),
    ("logistic", &["a", "n0", "h"]),
    ("power", &["a", "b"]),
    ("broken-line", &["a", "b", "d", "psi"]),
    ("proportional", &["b"]),
    ("linear", &["a", "b"]),
    ("n-log-n", &["a", "b"]),
    ("quadratic-growth", &["a", "b", "c"]),
    ("exponential-growth", &["a", "b"]),
    ("knee", &["lambda", "alpha", "beta", "g"]),
    ("knee-additive", &["lambda", "alpha", "beta", "g", "phi"]),
    ("knee-useful", &["lambda", "alpha", "beta", "g"]),
    ("knee-kappa", &["alpha", "beta", "g"]),
];

/// Parameters of a curve; `None` for a name that is none.
pub fn parameters_of(name: &str) -> Option<&'static [&'static str]> {
    MODELS.iter().find(|(known, _)| *known == name).map(|(_, parameters)| *parameters)
}
