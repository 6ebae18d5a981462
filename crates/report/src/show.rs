//! Numbers as people read them: sensible digits, a unit of fitting size, interval ends with the digits of their estimate.
//!
//! Files keep full numbers; only terminals, HTML, figures and papers see these.

/// What a number counts; decides the units it is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Plain,
    /// Per second: `1.23 M/s`.
    PerSecond,
    /// Nanoseconds: `1.23 µs`.
    Nanoseconds,
    /// Squared nanoseconds, a variance: `1.23 µs²`.
    Nanoseconds2,
    /// 0..1, shown in percent: `92.3 %`.
    Ratio,
    /// 1e9 bytes per second.
    GbPerSecond,
}

/// A unit of fitting size: a shown number is the number divided by `size`, followed by `name`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled {
    /// What to divide by.
    pub size: f64,
    /// What to write behind it; may be empty.
    pub name: &'static str,
}

impl Unit {
    /// The unit of a column, by the unit text of its column table in `plan::record`.
    pub fn of(text: &str) -> Unit {
        match text {
            "1/s" => Unit::PerSecond,
            "ns" => Unit::Nanoseconds,
            "ns2" => Unit::Nanoseconds2,
            "ratio" => Unit::Ratio,
            "GB/s" => Unit::GbPerSecond,
            _ => Unit::Plain,
        }
    }

    /// The unit in which a number of this magnitude is shown.
    pub fn scaled(self, magnitude: f64) -> Scaled {
        let sizes: &[(f64, &str)] = match self {
            Unit::Plain => &[(1.0, "")],
            Unit::PerSecond => &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s"), (1e12, "T/s")],
            Unit::Nanoseconds => &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
            Unit::Nanoseconds2 => &[(1.0, "ns²"), (1e6, "µs²"), (1e12, "ms²"), (1e18, "s²")],
            Unit::Ratio => &[(0.01, "%")],
            Unit::GbPerSecond => &[(1.0, "GB/s")],
        };
        // 999.6 k/s would be written with four digits, where 1.00 M/s is meant.
        let fits = |&&(size, _): &&(f64, &str)| magnitude.abs() >= 0.9995 * size;
        let &(size, name) = sizes.iter().rev().find(fits).unwrap_or(&sizes[0]);
        Scaled { size, name }
    }

    /// A number with its unit: `1.23 M/s`, `0 ns`, `unbounded`.
    pub fn show(self, value: f64) -> String {
        let scaled = self.scaled(value);
        let shown = value / scaled.size;
        self.with_name(self.digits(shown, self.decimals(shown, f64::INFINITY)), scaled)
    }

    /// Estimate and interval in one unit: `1.23 M/s [1.20, 1.26]`; without the interval where there is none.
    pub fn show_with_interval(self, estimate: f64, interval: Option<(f64, f64)>) -> String {
        let Some((low, high)) = interval else { return self.show(estimate) };
        let (value, low, high, scaled) = self.parts(estimate, low, high);
        format!("{value} [{low}, {high}]", value = self.with_name(value, scaled))
    }

    /// The ends of an interval with their unit, in the unit of the estimate: `1.20 to 1.26 M/s`.
    pub fn show_interval(self, estimate: f64, low: f64, high: f64) -> String {
        let (_, low, high, scaled) = self.parts(estimate, low, high);
        self.with_name(format!("{low} to {high}"), scaled)
    }

    fn parts(self, estimate: f64, low: f64, high: f64) -> (String, String, String, Scaled) {
        let scaled = self.scaled(estimate);
        let [estimate, low, high] = [estimate, low, high].map(|value| value / scaled.size);
        let decimals = self.decimals(estimate, high - low);
        (self.digits(estimate, decimals), self.digits(low, decimals), self.digits(high, decimals), scaled)
    }

    // Three digits, more where the interval is narrower than the last of them (at most five in all).
    fn decimals(self, shown: f64, width: f64) -> usize {
        let digits = |digits: i32| (digits - 1 - exponent(shown)).max(0);
        let of_width = if width.is_finite() && width > 0.0 { -exponent(width) } else { 0 };
        let decimals = of_width.clamp(digits(3), digits(5));
        match self {
            Unit::Ratio => of_width.clamp(1, 3) as usize,
            _ => decimals as usize,
        }
    }

    // Exactly all is said without decimals: 100.0 % could be 99.96 %.
    fn digits(self, shown: f64, decimals: usize) -> String {
        if self == Unit::Ratio && shown == 100.0 { "100".into() } else { number(shown, decimals) }
    }

    fn with_name(self, number: String, scaled: Scaled) -> String {
        if scaled.name.is_empty() { number } else { format!("{number} {name}", name = scaled.name) }
    }
}

/// A number without a unit, three significant digits: `1.23`, `12.3`, `123`, `1234`, `1.2e12`; `unbounded` for INF.
pub fn plain(value: f64) -> String {
    Unit::Plain.show(value)
}

/// A number of things with the right ending: `1 sample`, `3 samples`.
pub fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

fn exponent(value: f64) -> i32 {
    // 9.996 is written 10.0: rounding to three digits may add one before the point.
    if value == 0.0 || !value.is_finite() { 0 } else { (value.abs() * 1.000_5).log10().floor() as i32 }
}

fn number(value: f64, decimals: usize) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "unbounded" } else { "-unbounded" }.into();
    }
    if value == 0.0 {
        return "0".into();
    }
    if value.abs() >= 1e6 || value.abs() < 1e-4 {
        return format!("{value:.2e}");
    }
    // "-0.0" would be read as a measured negative.
    let text = format!("{value:.decimals$}");
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) { text.replace('-', "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_three_digits_and_a_unit() {
        let check = |unit: Unit, value: f64, expect: &str| assert_eq!(unit.show(value), expect);
        check(Unit::PerSecond, 1.234e6, "1.23 M/s");
        check(Unit::PerSecond, 999_700.0, "1.00 M/s");
        check(Unit::PerSecond, 42_100.0, "42.1 k/s");
        check(Unit::PerSecond, 0.5, "0.500 /s");
        check(Unit::PerSecond, 1e300, "1.00e288 T/s");
        check(Unit::Nanoseconds, 1500.0, "1.50 µs");
        check(Unit::Nanoseconds, 0.0, "0 ns");
        check(Unit::Nanoseconds2, 2.5e7, "25.0 µs²");
        check(Unit::Ratio, 0.923, "92.3 %");
        check(Unit::Ratio, 1.0, "100 %");
        check(Unit::Plain, 35.57, "35.6");
        check(Unit::Plain, f64::INFINITY, "unbounded");
        check(Unit::Plain, 7.7e-6, "7.70e-6");
    }

    #[test]
    fn intervals_share_the_unit_and_digits_of_their_estimate() {
        let check = |unit: Unit, [estimate, low, high]: [f64; 3], expect: &str| {
            assert_eq!(unit.show_with_interval(estimate, Some((low, high))), expect);
        };
        check(Unit::PerSecond, [1.23e6, 0.99e6, 1.47e6], "1.23 M/s [0.99, 1.47]");
        check(Unit::PerSecond, [1.2341e6, 1.2339e6, 1.2343e6], "1.2341 M/s [1.2339, 1.2343]");
        check(Unit::Plain, [26.06, 23.5, f64::INFINITY], "26.1 [23.5, unbounded]");
        check(Unit::Ratio, [0.9997, 0.9996, 0.9998], "99.97 % [99.96, 99.98]");
        check(Unit::Ratio, [0.76, 0.75, 0.77], "76.0 % [75.0, 77.0]");
        assert_eq!(Unit::PerSecond.show_interval(1e6, 0.5e6, 2e6), "0.50 to 2.00 M/s");
    }
}
