//! Numbers that carry their derivatives: a formula written once gives value and gradient, both exact.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// Most parameters of any set (ENSO).
pub(crate) const MOST: usize = 9;

/// A value with its derivative by each parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dual {
    pub(crate) value: f64,
    pub(crate) by: [f64; MOST],
}

impl Dual {
    pub(crate) fn constant(value: f64) -> Dual {
        Dual { value, by: [0.0; MOST] }
    }

    /// The j-th parameter.
    pub(crate) fn parameter(value: f64, j: usize) -> Dual {
        let mut by = [0.0; MOST];
        by[j] = 1.0;
        Dual { value, by }
    }

    /// The chain rule.
    fn chain(self, value: f64, slope: f64) -> Dual {
        Dual { value, by: self.by.map(|by| slope * by) }
    }

    pub(crate) fn exp(self) -> Dual {
        self.chain(self.value.exp(), self.value.exp())
    }

    pub(crate) fn ln(self) -> Dual {
        self.chain(self.value.ln(), 1.0 / self.value)
    }

    pub(crate) fn sin(self) -> Dual {
        self.chain(self.value.sin(), self.value.cos())
    }

    pub(crate) fn cos(self) -> Dual {
        self.chain(self.value.cos(), -self.value.sin())
    }

    pub(crate) fn atan(self) -> Dual {
        self.chain(self.value.atan(), 1.0 / (1.0 + self.value * self.value))
    }

    pub(crate) fn squared(self) -> Dual {
        self * self
    }

    /// self to a power that is itself a number with derivatives; self above 0.
    pub(crate) fn pow(self, power: Dual) -> Dual {
        (power * self.ln()).exp()
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual { value: self.value + other.value, by: std::array::from_fn(|j| self.by[j] + other.by[j]) }
    }
}

impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        self.chain(-self.value, -1.0)
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        self + -other
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        let by = |j: usize| self.value.mul_add(other.by[j], self.by[j] * other.value);
        Dual { value: self.value * other.value, by: std::array::from_fn(by) }
    }
}

impl Div for Dual {
    type Output = Dual;
    fn div(self, other: Dual) -> Dual {
        self * other.chain(1.0 / other.value, -1.0 / (other.value * other.value))
    }
}
