//! What one cell of a CSV can hold, and how it is written.

use crate::text::words;
use std::fmt;
use std::str::FromStr;

words! {
    /// What the cells of a column hold; the words of Frictionless' table schema.
    Kind {
        /// Text without line breaks.
        Text = "string",
        /// A whole number.
        Integer = "integer",
        /// A number; `INF` and `-INF` are unbounded.
        Number = "number",
        /// `true` or `false`.
        Boolean = "boolean",
    }
}

impl Kind {
    /// "a whole number", for messages.
    pub const fn expected(self) -> &'static str {
        match self {
            Kind::Text => "one of the words of this column",
            Kind::Integer => "a whole number",
            Kind::Number => "a number",
            Kind::Boolean => "true or false",
        }
    }
}

/// A value that fits one cell.
pub trait Cell: Sized {
    /// What the column's table says.
    const KIND: Kind;
    /// Whether the cell may be empty.
    const OPTIONAL: bool = false;

    /// Its text.
    fn write(&self) -> String;

    /// Reads its text; `None` where it is something else.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! whole_cells {
    ($($type:ty),+) => {
        $(impl Cell for $type {
            const KIND: Kind = Kind::Integer;

            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })+
    };
}
whole_cells!(u32, u64, i64);

impl Cell for f64 {
    const KIND: Kind = Kind::Number;

    fn write(&self) -> String {
        // A NaN here would be our own bug: it must not reach a paper as a number.
        assert!(!self.is_nan(), "a NaN must not be written; not measured is None");
        match *self {
            f64::INFINITY => "INF".into(),
            f64::NEG_INFINITY => "-INF".into(),
            value => value.to_string(),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "INF" => Some(f64::INFINITY),
            "-INF" => Some(f64::NEG_INFINITY),
            // `parse` would also take "nan", "inf" and "infinity", and what is too large as infinite.
            _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
        }
    }
}

impl Cell for bool {
    const KIND: Kind = Kind::Boolean;

    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cell for String {
    const KIND: Kind = Kind::Text;

    fn write(&self) -> String {
        // One row is one line, so that a torn tail can be told from a row.
        self.replace(['\n', '\r'], " ")
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }

    fn read(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::read(text).map(Some) }
    }
}

/// Gives a `words!` enum its cell.
macro_rules! word_cells {
    ($($type:ty),+ $(,)?) => {
        $(impl $crate::record::Cell for $type {
            const KIND: $crate::record::Kind = $crate::record::Kind::Text;

            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })+
    };
}
pub(crate) use word_cells;
word_cells!(crate::place::Regime, Seed);

/// The seed of a run or a sample; hex text in every file, since a spreadsheet would round the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{seed:016x}", seed = self.0)
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Seed)
    }
}

crate::text::serde_as_text!(Seed);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Cell + PartialEq + fmt::Debug>(value: T, text: &str) {
        assert_eq!(value.write(), text);
        assert_eq!(T::read(text), Some(value));
    }

    #[test]
    fn cells_are_read_as_written() {
        check(None::<u64>, "");
        check(Some(3u64), "3");
        check(0.1f64, "0.1");
        check(1e300f64, &1e300f64.to_string());
        check(f64::INFINITY, "INF");
        check(true, "true");
        check(Seed(0xabc), "0000000000000abc");
        assert_eq!(f64::read("nan"), None);
        assert_eq!(f64::read("infinity"), None);
        assert_eq!(f64::read(""), None);
        assert_eq!(Option::<f64>::read("x"), None);
        assert_eq!("two\nlines".to_string().write(), "two lines");
    }
}
