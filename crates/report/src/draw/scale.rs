//! From numbers to lengths: the range in view, round ticks, positions.

use super::{Axis, Scale};
use crate::show::Scaled;

// Beyond these a difference of two numbers would overflow; nothing measured comes near.
const LARGEST: f64 = 1e300;
const SMALLEST_POSITIVE: f64 = 1e-300;

/// One axis with its range, laid over pixels.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    low: f64,
    high: f64,
    scale: Scale,
    /// Pixel of `low`.
    pub(super) first: f64,
    /// Pixel of `high`.
    pub(super) last: f64,
}

/// Where a number lies on a ruler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Position {
    /// In view, at this pixel.
    At(f64),
    /// Below the range.
    Below,
    /// Above the range.
    Above,
}

/// A labelled tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Ruler {
    /// A ruler over `core` numbers, which are all in view, and `fringe` ones (ends of intervals, curves), which may
    /// widen the range to three times that of the core.
    pub(super) fn over(axis: &Axis, core: &[f64], fringe: &[f64]) -> Ruler {
        let usable = |value: &f64| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0);
        let to = |value: &f64| forward(value.clamp(-LARGEST, LARGEST), axis.scale);
        let inner = extent(core.iter().chain(&axis.include).filter(|value| usable(value)).map(to));
        let outer = extent(fringe.iter().filter(|value| usable(value)).map(to));
        let (mut low, mut high) = match (inner, outer) {
            (Some((low, high)), Some(outer)) if high > low => {
                let span = high - low;
                (low.min(outer.0.max(low - span)), high.max(outer.1.min(high + span)))
            }
            (Some(inner), Some(outer)) => (inner.0.min(outer.0), inner.1.max(outer.1)),
            (Some(range), None) | (None, Some(range)) => range,
            (None, None) => (0.0, 1.0),
        };
        if high - low <= f64::EPSILON * high.abs().max(low.abs()) {
            let half = if axis.scale == Scale::Log { 0.5 } else { (high.abs() * 0.1).max(0.5) };
            let from_zero = axis.scale == Scale::Linear && low == 0.0;
            (low, high) = if from_zero { (0.0, 1.0) } else { (low - half, high + half) };
        }
        let pad = (high - low) * 0.05;
        let stays = |edge: f64| axis.include.iter().filter(|value| usable(value)).any(|value| to(value) == edge);
        let low = if stays(low) { low } else { low - pad };
        let high = if stays(high) && axis.scale == Scale::Linear { high + pad * 0.4 } else { high + pad };
        Ruler { low, high, scale: axis.scale, first: 0.0, last: 1.0 }
    }

    /// The same range over these pixels.
    pub(super) fn lay(self, first: f64, last: f64) -> Ruler {
        Ruler { first, last, ..self }
    }

    /// Where a number lies.
    pub(super) fn position(&self, value: f64) -> Position {
        if self.scale == Scale::Log && value <= 0.0 {
            return Position::Below;
        }
        let at = forward(value, self.scale);
        // Ticks computed from the ends may miss them by a rounding error.
        let slack = (self.high - self.low) * 1e-9;
        if at < self.low - slack {
            Position::Below
        } else if at > self.high + slack {
            Position::Above
        } else {
            Position::At(self.first + (at - self.low) / (self.high - self.low) * (self.last - self.first))
        }
    }

    /// The pixel of a number in view.
    pub(super) fn pixel(&self, value: f64) -> Option<f64> {
        match self.position(value) {
            Position::At(pixel) => Some(pixel),
            Position::Below | Position::Above => None,
        }
    }

    /// Ticks in view with their labels, and the unit that the axis label must name (empty where each label has its own).
    pub(super) fn ticks(&self, axis: &Axis) -> (Vec<Tick>, &'static str) {
        let largest = backward(self.high, self.scale).abs().max(backward(self.low, self.scale).abs());
        let common = axis.unit.scaled(largest);
        let values = if axis.ticks.is_empty() { self.round_values(common) } else { axis.ticks.clone() };
        let values: Vec<f64> = values.into_iter().filter(|&value| self.pixel(value).is_some()).collect();
        let own_units = self.scale == Scale::Log && self.high - self.low > 2.0;
        let step = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
        let label = |&value: &f64| {
            let scaled = if own_units { axis.unit.scaled(value) } else { common };
            let number = tick_number(value / scaled.size, step / scaled.size);
            if own_units && !scaled.name.is_empty() { format!("{number} {name}", name = scaled.name) } else { number }
        };
        let ticks = values.iter().map(|value| Tick { value: *value, label: label(value) }).collect();
        (ticks, if own_units { "" } else { common.name })
    }

    fn round_values(&self, common: Scaled) -> Vec<f64> {
        let (low, high) = (backward(self.low, self.scale), backward(self.high, self.scale));
        if self.scale == Scale::Linear || self.high - self.low < 0.7 {
            return linear_values(low / common.size, high / common.size).map(|value| value * common.size).collect();
        }
        let decades = self.high - self.low;
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let factors: &[f64] = if decades <= 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = ((decades / 7.0).ceil() as usize).max(1);
        (first..=last)
            .step_by(every)
            .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
            .collect()
    }
}

fn forward(value: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log => value.max(SMALLEST_POSITIVE).log10(),
    }
}

fn backward(at: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Linear => at,
        Scale::Log => 10f64.powf(at),
    }
}

fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

// Multiples of 1, 2 or 5 times a power of ten, about six of them.
fn linear_values(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let rough = (high - low) / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step).ceil();
    let count = ((high - low) / step) as usize + 1;
    (0..=count).map(move |at| (first + at as f64) * step).take_while(move |&value| value <= high + step * 1e-9)
}

fn tick_number(shown: f64, step: f64) -> String {
    if shown != 0.0 && (shown.abs() >= 1e5 || shown.abs() < 1e-3) {
        return format!("{shown:.0e}");
    }
    let decimals =
        if step.is_finite() && step > 0.0 { (-(step * 1.0001).log10().floor()).clamp(0.0, 3.0) as usize } else { 0 };
    let text = format!("{shown:.decimals$}");
    // Log axes mix 0.5 and 20: no trailing zeros.
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::Unit;

    fn axis(unit: Unit, scale: Scale, include: &[f64]) -> Axis {
        Axis { label: String::new(), unit, scale, ticks: Vec::new(), include: include.to_vec() }
    }

    #[test]
    fn ticks_are_round_and_cover_the_data() {
        let check = |axis: &Axis, data: &[f64], expect: &[&str], unit: &str| {
            let (ticks, found_unit) = Ruler::over(axis, data, &[]).lay(0.0, 100.0).ticks(axis);
            let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
            assert_eq!((labels.as_slice(), found_unit), (expect, unit), "{data:?}");
        };
        check(&axis(Unit::PerSecond, Scale::Linear, &[0.0]), &[1.1e6, 2.3e6], &["0", "0.5", "1", "1.5", "2"], "M/s");
        check(&axis(Unit::Ratio, Scale::Linear, &[0.0, 1.0]), &[0.4], &["0", "20", "40", "60", "80", "100"], "%");
        check(&axis(Unit::Nanoseconds, Scale::Log, &[]), &[500.0, 3e6], &["1 µs", "10 µs", "100 µs", "1 ms"], "");
        check(&axis(Unit::Plain, Scale::Linear, &[]), &[], &["0", "0.2", "0.4", "0.6", "0.8", "1"], "");
    }

    #[test]
    fn any_data_give_a_finite_ruler() {
        let check = |scale: Scale, data: &[f64]| {
            let axis = axis(Unit::Plain, scale, &[]);
            let ruler = Ruler::over(&axis, data, &[f64::INFINITY, f64::NEG_INFINITY]).lay(0.0, 100.0);
            assert!(ruler.low.is_finite() && ruler.high > ruler.low, "{data:?}: {ruler:?}");
            let (ticks, _) = ruler.ticks(&axis);
            assert!(ticks.len() < 40, "{data:?}: {} ticks", ticks.len());
        };
        for scale in [Scale::Linear, Scale::Log] {
            for data in [&[][..], &[5.0], &[0.0], &[-1.0, -1.0], &[f64::INFINITY], &[1e308, -1e308], &[1e-320, 1e308]] {
                check(scale, data);
            }
        }
    }

    #[test]
    fn a_wild_interval_does_not_crush_the_points() {
        let axis = axis(Unit::Plain, Scale::Linear, &[]);
        let ruler = Ruler::over(&axis, &[1.0, 2.0], &[1e9]).lay(0.0, 100.0);
        assert_eq!(ruler.position(1e9), Position::Above);
        assert!(ruler.pixel(2.0).expect("in view") - ruler.pixel(1.0).expect("in view") > 30.0);
    }
}
