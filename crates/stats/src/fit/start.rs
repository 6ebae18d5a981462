//! Starting values from the data: what the solver's starts of every model are made of.

use crate::fit::model::Model;
use crate::fit::solve::Response;
use crate::linear::least_squares;

/// The means at each distinct x, as a model's starts see them.
pub(crate) struct Points {
    /// Distinct x, ascending.
    pub(crate) x: Vec<f64>,
    /// Mean at each x, on the raw scale, with the sign that makes its sum positive.
    y: Vec<f64>,
    /// What multiplies a residual of y.
    weights: Vec<f64>,
    response: Response,
}

/// Steps from the least to the largest scale.
const STEPS_OF_SCALE: i32 = 30;

impl Points {
    /// `weights` multiply residuals on the scale of the response.
    pub(crate) fn new(x: &[f64], y: &[f64], weights: &[f64], response: Response) -> Points {
        let weights = match response {
            Response::Raw => weights.to_vec(),
            // d ln y = dy / y.
            Response::Ln => weights.iter().zip(y).map(|(weight, y)| weight / y).collect(),
        };
        Points { x: x.to_vec(), y: y.to_vec(), weights, response }
    }

    pub(crate) fn x_max(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    pub(crate) fn breadth(&self) -> f64 {
        self.x_max() - self.x[0]
    }

    pub(crate) fn y_max(&self) -> f64 {
        self.y.iter().copied().fold(0.0, f64::max)
    }

    /// The largest y/x.
    pub(crate) fn steepest(&self) -> f64 {
        self.x.iter().zip(&self.y).map(|(x, y)| y / x).fold(0.0, f64::max)
    }

    /// Scales from a tenth of the least |x| to a thousand times the largest, in equal ratios.
    pub(crate) fn scales(&self) -> impl Iterator<Item = f64> + use<> {
        let sizes = self.x.iter().map(|x| x.abs()).filter(|x| *x > 0.0);
        let near = 0.1 * sizes.clone().fold(f64::INFINITY, f64::min);
        let far = 1e3 * sizes.fold(0.0, f64::max);
        let (near, far) = if near.is_finite() { (near, far) } else { (1e-3, 1e3) };
        (0..=STEPS_OF_SCALE).map(move |step| near * (far / near).powf(f64::from(step) / f64::from(STEPS_OF_SCALE)))
    }

    /// Reciprocals of scales.
    pub(crate) fn rates(&self) -> impl Iterator<Item = f64> + use<> {
        self.scales().map(|scale| 1.0 / scale)
    }

    /// Least squares of y in columns of functions of x.
    pub(crate) fn linear<F: Fn(f64) -> f64>(&self, basis: &[F]) -> Option<Vec<f64>> {
        let column = |of: &F| self.x.iter().zip(&self.weights).map(|(x, w)| w * of(*x)).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = basis.iter().map(column).collect();
        let target: Vec<f64> = self.y.iter().zip(&self.weights).map(|(y, w)| w * y).collect();
        Some(least_squares(&columns, &target)?.coefficients)
    }

    /// The same as the one start of a model that is linear in its parameters, and beside it `simple` times the mean
    /// of y, for where the first lies below 0 somewhere and ln is to be taken.
    pub(crate) fn linear_or(&self, basis: &[fn(f64) -> f64], simple: &[f64]) -> Vec<Vec<f64>> {
        let of = |x: f64| basis.iter().zip(simple).map(|(of, share)| share * of(x)).sum::<f64>();
        let level = self.y.iter().sum::<f64>() / self.x.iter().map(|x| of(*x)).sum::<f64>();
        let level = if level.is_finite() { level } else { 1.0 };
        self.linear(basis).into_iter().chain([simple.iter().map(|share| share * level).collect()]).collect()
    }

    /// x/y in columns of functions of x, weighted by (y²/x)² so that it is the first step towards least squares in y.
    pub(crate) fn reciprocal<F: Fn(f64) -> f64>(&self, basis: impl IntoIterator<Item = F>) -> Option<Vec<f64>> {
        let weights: Vec<f64> = self.x.iter().zip(&self.y).map(|(x, y)| y * y / x).collect();
        let column = |of: F| self.x.iter().zip(&weights).map(|(x, w)| w * of(*x)).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = basis.into_iter().map(column).collect();
        let target: Vec<f64> = self.x.iter().zip(&self.y).zip(&weights).map(|((x, y), w)| w * x / y).collect();
        Some(least_squares(&columns, &target)?.coefficients)
    }

    /// The `most` best of a grid of shapes, each with the amplitude, the first parameter, that suits it.
    pub(crate) fn best_of(&self, model: Model, shapes: impl Iterator<Item = Vec<f64>>, most: usize) -> Vec<Vec<f64>> {
        let with_amplitude = |shape: Vec<f64>| {
            let unit: Vec<f64> = [1.0].into_iter().chain(shape.iter().copied()).collect();
            let of: Vec<f64> = self.x.iter().map(|x| model.value(&unit, *x)).collect();
            let amplitude = match self.response {
                Response::Raw => {
                    let along: f64 = of.iter().zip(&self.y).zip(&self.weights).map(|((f, y), w)| w * w * f * y).sum();
                    along / of.iter().zip(&self.weights).map(|(f, w)| w * w * f * f).sum::<f64>()
                }
                Response::Ln => {
                    let apart: f64 = of.iter().zip(&self.y).map(|(f, y)| (y / f).ln()).sum();
                    (apart / of.len() as f64).exp()
                }
            };
            (amplitude > 0.0 && amplitude.is_finite())
                .then(|| [amplitude].into_iter().chain(shape).collect::<Vec<f64>>())
        };
        self.best(model, shapes.filter_map(with_amplitude), most)
    }

    /// The `most` starts from which the curve lies nearest to the data.
    pub(crate) fn best(&self, model: Model, starts: impl IntoIterator<Item = Vec<f64>>, most: usize) -> Vec<Vec<f64>> {
        let distance = |start: &[f64]| -> f64 {
            let apart = |((x, y), w): ((&f64, &f64), &f64)| {
                let f = model.value(start, *x);
                match self.response {
                    Response::Raw => w * (y - f),
                    Response::Ln => w * y * (y / f).ln(),
                }
            };
            self.x.iter().zip(&self.y).zip(&self.weights).map(|point| apart(point).powi(2)).sum()
        };
        let mut ranked: Vec<(f64, Vec<f64>)> =
            starts.into_iter().map(|start| (distance(&start), start)).filter(|(rss, _)| rss.is_finite()).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked.into_iter().take(most).map(|(_, start)| start).collect()
    }
}
