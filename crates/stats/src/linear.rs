//! Linear least squares of at most a few columns, for starting values, the last Gauss-Newton steps and covariances.

/// Columns whose remainder falls below this share of their length count as dependent.
const RANK_TOLERANCE: f64 = 1e-13;

/// Solution of min |target - sum c_j column_j|².
pub(crate) struct LeastSquares {
    /// Coefficients c, one for each column.
    pub(crate) coefficients: Vec<f64>,
    /// Inverse of the matrix of the columns' inner products.
    pub(crate) gram_inverse: Vec<Vec<f64>>,
}

/// Solves by modified Gram-Schmidt, twice over, on columns of unit length; `None` where they are dependent.
pub(crate) fn least_squares(columns: &[Vec<f64>], target: &[f64]) -> Option<LeastSquares> {
    let p = columns.len();
    let lengths: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt()).collect();
    if p > target.len() || lengths.iter().any(|length| !(*length > 0.0 && length.is_finite())) {
        return None;
    }
    let mut q: Vec<Vec<f64>> = Vec::with_capacity(p);
    let mut r = vec![vec![0.0; p]; p];
    for j in 0..p {
        let mut rest: Vec<f64> = columns[j].iter().map(|value| value / lengths[j]).collect();
        for _ in 0..2 {
            for (i, unit) in q.iter().enumerate() {
                let part = dot(unit, &rest);
                r[i][j] += part;
                rest.iter_mut().zip(unit).for_each(|(rest, unit)| *rest -= part * unit);
            }
        }
        r[j][j] = dot(&rest, &rest).sqrt();
        if r[j][j] <= RANK_TOLERANCE || r[j][j].is_nan() {
            return None;
        }
        q.push(rest.into_iter().map(|value| value / r[j][j]).collect());
    }
    let inverse = invert_upper(&r);
    let mut remainder = target.to_vec();
    let mut projections = vec![0.0; p];
    for _ in 0..2 {
        for (unit, projection) in q.iter().zip(&mut projections) {
            let part = dot(unit, &remainder);
            *projection += part;
            remainder.iter_mut().zip(unit).for_each(|(rest, unit)| *rest -= part * unit);
        }
    }
    let coefficients = (0..p).map(|i| dot(&inverse[i], &projections) / lengths[i]).collect();
    let entry = |i: usize, j: usize| dot(&inverse[i], &inverse[j]) / (lengths[i] * lengths[j]);
    let gram_inverse = (0..p).map(|i| (0..p).map(|j| entry(i, j)).collect()).collect();
    Some(LeastSquares { coefficients, gram_inverse })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn invert_upper(r: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let p = r.len();
    let mut inverse = vec![vec![0.0; p]; p];
    for j in 0..p {
        inverse[j][j] = 1.0 / r[j][j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| r[i][k] * inverse[k][j]).sum();
            inverse[i][j] = -sum / r[i][i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_and_its_covariance() {
        let x: Vec<f64> = (0..5).map(f64::from).collect();
        let columns = [vec![1.0; 5], x.clone(), x.iter().map(|x| x * x).collect()];
        let target: Vec<f64> = x.iter().map(|x| 1.0 - 2.0 * x + 0.5 * x * x).collect();
        let solved = least_squares(&columns, &target).unwrap();
        for (found, expect) in solved.coefficients.iter().zip([1.0, -2.0, 0.5]) {
            assert!((found - expect).abs() < 1e-12);
        }
        // (X'X)^-1 of 0..4: [[31/35, -27/35, 1/7], [., 62/49 - 3/49.., .], [., ., 1/14]].
        assert!((solved.gram_inverse[0][0] - 31.0 / 35.0).abs() < 1e-12);
        assert!((solved.gram_inverse[0][2] - 1.0 / 7.0).abs() < 1e-12);
        assert!((solved.gram_inverse[2][2] - 1.0 / 14.0).abs() < 1e-12);
        assert!(least_squares(&[vec![1.0; 5], vec![2.0; 5]], &target).is_none());
    }
}
