//! Maths on slices: summaries, intervals, tests, fits, knees, decision rules.
//!
//! Level 0 of the suite: numbers in, numbers out. It knows nothing of machines, files or experiments, prints nothing
//! and draws no random number without a seed. Every refusal is a [`StatsError`] that carries what was found; a side
//! that the data cannot bound is an infinity; what does not exist is `None`, never 0.
//!
//! | module | answers |
//! |---|---|
//! | [`summary`] | mean, variance, CV, median of one slice |
//! | [`interval`] | t intervals of means, geometric means, paired ln ratios, Welch differences |
//! | [`quantile`] | type-7 quantiles, distribution-free intervals, quantiles pooled over runs |
//! | [`variance`] | variance, CV and ln-variance ratios over runs; Brown-Forsythe, Fligner-Killeen |
//! | [`pooled`] | Bonett's interval of a variance ratio, values pooled over runs |
//! | [`equivalence`] | is a ratio the printed one, give or take: two one-sided tests |
//! | [`changepoint`] | PELT on mean and variance; where the warm-up ends |
//! | [`stopping`] | Stein's two stages |
//! | [`levels`] | builds, runs, iterations: where the spread comes from, what to repeat (Kalibera and Jones) |
//! | [`series`] | what a series inside one run is worth: effective sample size, batch means |
//! | [`drift`] | whether rates move over the order of samples |
//! | [`fit`] | the table of models (USL, Amdahl, decays, growths, the knee model); intervals, knees, lack of fit, AICc |
//! | [`nonlinear`] | least squares of any function, within bounds |
//! | [`kneedle`] | the bend of a curve, for display |
//! | [`argmax`] | the model-free peak with its bootstrap interval |
//! | [`contrast`] | higher, lower, the same or undecided: two sides, a margin, a family of contrasts |
//! | [`decide`] | interval and region to verdict; monotone, peak, knee, preference; samples needed |
//! | [`breaks`] | curves with one break: a step, kinks |
//! | [`threshold`] | is there a break at x, which way and how large: against smooth curves |
//! | [`multiplicity`] | Holm, Bonferroni |
//! | [`random`] | streams of random numbers, one for each seed and index |
//!
//! From replicated rates to a verdict about the knee:
//! ```
//! use stats::argmax::argmax;
//! use stats::decide::{Verdict, decide_knee, open_at_end};
//! use stats::fit::{FitSettings, Model, fit};
//!
//! // Three runs each at eight processor counts, 1 % apart; the peak of this curve lies at sqrt(.98 / .001) = 31.3.
//! let grid = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0_f64];
//! let rate = |n: f64| 1e6 * n / (1.0 + 0.02 * (n - 1.0) + 1e-3 * n * (n - 1.0));
//! let runs = |n: f64| [0.99, 1.0, 1.01].map(|slow| (n, slow * rate(n)));
//! let (x, y): (Vec<f64>, Vec<f64>) = grid.iter().flat_map(|n| runs(*n)).unzip();
//!
//! let fit = fit(&FitSettings::new(Model::Usl), &x, &y)?;
//! let peak = fit.value("knee_peak").and_then(|peak| peak.interval).expect("the data determine all three parameters");
//! assert!(fit.is_adequate() && peak.contains(31.305));
//!
//! let model_free = argmax(&x, &y, 0.95, 1000, 1)?;
//! assert_eq!(model_free.x, 32.0);
//! let model_free = open_at_end(&grid, &model_free.interval);
//! assert_eq!(decide_knee(&peak, &model_free, 32.0), Verdict::Supported);
//! assert_eq!(decide_knee(&peak, &model_free, 12.7), Verdict::Refuted);
//! # Ok::<(), stats::StatsError>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod argmax;
pub mod breaks;
pub mod changepoint;
pub mod contrast;
pub mod decide;
pub mod drift;
pub mod equivalence;
mod error;
pub mod fit;
pub mod interval;
pub mod kneedle;
pub mod levels;
mod linear;
pub mod multiplicity;
pub mod nonlinear;
pub mod pooled;
pub mod quantile;
pub mod random;
pub mod series;
pub mod stopping;
pub mod summary;
pub mod threshold;
pub mod variance;

pub use error::StatsError;
pub use interval::{Estimate, Interval};
