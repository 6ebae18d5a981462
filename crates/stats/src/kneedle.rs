//! Kneedle (Satopaa et al. 2011): the bend of a rising, flattening curve, for display only.
//!
//! The answer is a point of the grid, has no interval, and moves with the sensitivity S: no verdict rests on it. As
//! the Python package kneed computes it, offline, concave and increasing.

/// The sensitivity of the paper's own examples.
pub const USUAL_SENSITIVITY: f64 = 1.0;

/// x of the knee of y over ascending distinct x; `None` where the curve does not bend enough for this sensitivity.
pub fn kneedle(x: &[f64], y: &[f64], sensitivity: f64) -> Option<f64> {
    let n = x.len();
    if n < 3 || y.len() != n {
        return None;
    }
    let (x_unit, y_unit) = (to_unit(x)?, to_unit(y)?);
    let above: Vec<f64> = x_unit.iter().zip(&y_unit).map(|(x, y)| y - x).collect();
    let step = (x_unit[n - 1] - x_unit[0]) / (n - 1) as f64;
    // At the ends a point counts as its own neighbour.
    let neighbours = |i: usize| [above[i.saturating_sub(1)], above[(i + 1).min(n - 1)]];
    let is_top = |i: usize| neighbours(i).iter().all(|beside| above[i] >= *beside);
    let is_bottom = |i: usize| neighbours(i).iter().all(|beside| above[i] <= *beside);
    let first = (0..n).find(|i| is_top(*i))?;
    let (mut top, mut threshold) = (first, f64::NEG_INFINITY);
    for i in first..n - 1 {
        if is_top(i) {
            (top, threshold) = (i, above[i] - sensitivity * step);
        }
        if is_bottom(i) {
            threshold = 0.0;
        }
        if above[i + 1] < threshold {
            return Some(x[top]);
        }
    }
    None
}

fn to_unit(values: &[f64]) -> Option<Vec<f64>> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let breadth = high - low;
    (breadth > 0.0 && breadth.is_finite()).then(|| values.iter().map(|value| (value - low) / breadth).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The package's own examples.
    #[test]
    fn as_kneed() {
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let concave = [0.0, 60.0, 80.0, 85.0, 90.0, 95.0, 96.0, 97.0, 98.0, 99.0];
        assert_eq!(kneedle(&x, &concave, 1.0), Some(2.0));
        let figure_2: Vec<f64> = x.iter().map(|x| x / 9.0).collect();
        let bend: Vec<f64> = figure_2.iter().map(|x| -1.0 / (x + 0.1) + 5.0).collect();
        assert_eq!(kneedle(&figure_2, &bend, 1.0), Some(2.0 / 9.0));
        assert_eq!(kneedle(&x, &x, 1.0), None);
        assert_eq!(kneedle(&x[..2], &x[..2], 1.0), None);
        assert_eq!(kneedle(&x, &[1.0; 10], 1.0), None);
    }

    /// By hand, on the unit square: how far y lies above x, and below what it must fall.
    #[test]
    fn bends_by_hand() {
        let x = [5.0, 6.0, 7.0, 8.0, 9.0];
        for (n, y, sensitivity, expect) in [
            // 0 1/2 0; below 1/2 - S/2: 0 is not, 0 < 1/4 is.
            (3, &[0.0, 2.0, 2.0][..], 1.0, None),
            (3, &[0.0, 2.0, 2.0], 0.5, Some(6.0)),
            // 0 .1 -.1 -.05 0; .1 - 1/4 is never reached, but the bottom makes it 0.
            (5, &[0.0, 0.35, 0.4, 0.7, 1.0], 1.0, Some(6.0)),
            // Two points have no bend, whichever way they go.
            (2, &[1.0, 0.0], 0.5, None),
            (4, &[0.0, 2.0, 2.0], 0.5, None),
        ] {
            assert_eq!(kneedle(&x[..n], y, sensitivity), expect, "{y:?}");
        }
    }
}
