//! The curves: values, gradients, parameter names and bounds.

/// A curve f(x) of throughput or of what is left of it, x = processors or tasks, x > 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Universal scalability law: lambda x / (1 + sigma (x-1) + kappa x (x-1)); Gunther 2007.
    Usl,
    /// Amdahl's law as a rate: lambda x / (1 + sigma (x-1)).
    Amdahl,
    /// A exp(-x / tau).
    ExponentialDecay,
    /// A (1 + x/n0)^-p; p = 1 is the hyperbola.
    Lomax,
    /// A / (1 + (x/n0)^p), log-logistic.
    Hill,
    /// The USL in (lambda, sigma, n*) with kappa = (1-sigma)/n*²: for the profile of the peak.
    UslPeak,
}

/// Most parameters of any model.
pub(crate) const MAX_PARAMETERS: usize = 3;

impl Model {
    /// Names of the parameters, in the order of every slice of parameters.
    pub fn parameter_names(&self) -> &'static [&'static str] {
        match self {
            Model::Usl => &["lambda", "sigma", "kappa"],
            Model::UslPeak => &["lambda", "sigma", "n_star"],
            Model::Amdahl => &["lambda", "sigma"],
            Model::ExponentialDecay => &["amplitude", "tau"],
            Model::Lomax | Model::Hill => &["amplitude", "n0", "p"],
        }
    }

    /// Name as in fits.csv and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Model::Usl => "usl",
            Model::UslPeak => "usl_peak",
            Model::Amdahl => "amdahl",
            Model::ExponentialDecay => "exponential",
            Model::Lomax => "lomax",
            Model::Hill => "hill",
        }
    }

    /// f(x) and its gradient; one gradient entry for each parameter, the rest 0.
    ///
    /// `parameters` in the order of [`Model::parameter_names`].
    pub fn value_and_gradient(&self, parameters: &[f64], x: f64) -> (f64, [f64; MAX_PARAMETERS]) {
        match self {
            Model::Usl => usl(parameters[0], parameters[1], parameters[2], x),
            Model::Amdahl => {
                let (f, gradient) = usl(parameters[0], parameters[1], 0.0, x);
                (f, [gradient[0], gradient[1], 0.0])
            }
            Model::UslPeak => {
                let [lambda, sigma, peak] = [parameters[0], parameters[1], parameters[2]];
                let (f, [by_lambda, by_sigma, by_kappa]) = usl(lambda, sigma, (1.0 - sigma) / peak.powi(2), x);
                let by_peak = -2.0 * (1.0 - sigma) / peak.powi(3) * by_kappa;
                (f, [by_lambda, by_sigma - by_kappa / peak.powi(2), by_peak])
            }
            Model::ExponentialDecay => {
                let [amplitude, tau] = [parameters[0], parameters[1]];
                let f = amplitude * (-x / tau).exp();
                (f, [f / amplitude, f * x / tau.powi(2), 0.0])
            }
            Model::Lomax => {
                let [amplitude, n0, p] = [parameters[0], parameters[1], parameters[2]];
                let ln = (x / n0).ln_1p();
                let f = amplitude * (-p * ln).exp();
                (f, [f / amplitude, f * p * x / (n0 * (n0 + x)), -f * ln])
            }
            Model::Hill => {
                let [amplitude, n0, p] = [parameters[0], parameters[1], parameters[2]];
                let ln = (x / n0).ln();
                let w = 1.0 / (1.0 + (-p * ln).exp());
                let f = amplitude * (1.0 - w);
                (f, [f / amplitude, f * p * w / n0, -f * w * ln])
            }
        }
    }

    /// f(x).
    pub fn value(&self, parameters: &[f64], x: f64) -> f64 {
        self.value_and_gradient(parameters, x).0
    }

    /// Lower and upper bound of each parameter, for data with x in `x_min..=x_max`.
    ///
    /// sigma and kappa have real bounds. The others only keep the solver on the map: a scale a million times beyond
    /// the data is the limit curve (a constant, an exponential, a power law) and is reported as a bound.
    pub(crate) fn bounds(&self, x_min: f64, x_max: f64) -> Vec<(f64, f64)> {
        let amplitude = (f64::MIN_POSITIVE, f64::MAX);
        let scale = (x_min * 1e-6, x_max * 1e6);
        let power = (1e-6, 1e6);
        match self {
            Model::Usl => vec![amplitude, (0.0, 1.0), (0.0, f64::MAX)],
            Model::Amdahl => vec![amplitude, (0.0, 1.0)],
            Model::UslPeak => vec![amplitude, (0.0, 1.0), (f64::MIN_POSITIVE, f64::MAX)],
            Model::ExponentialDecay => vec![amplitude, scale],
            Model::Lomax => vec![amplitude, scale, power],
            Model::Hill => vec![amplitude, scale, power],
        }
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

fn usl(lambda: f64, sigma: f64, kappa: f64, x: f64) -> (f64, [f64; MAX_PARAMETERS]) {
    let d = 1.0 + (x - 1.0) * (sigma + kappa * x);
    let by_lambda = x / d;
    let by_sigma = -lambda * x * (x - 1.0) / d.powi(2);
    (lambda * by_lambda, [by_lambda, by_sigma, by_sigma * x])
}
