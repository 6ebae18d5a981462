//! Sizes and durations as people write them: `16MiB`, `10ms`, `15m`, and plain numbers.

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A size that may be left to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// Found from the machine.
    Auto,
    /// This many bytes.
    Exactly(u64),
}

impl Bytes {
    /// The size, or the one found.
    pub fn or_auto(self, auto: u64) -> u64 {
        match self {
            Bytes::Auto => auto,
            Bytes::Exactly(bytes) => bytes,
        }
    }
}

/// Reads `4096`, `64KiB`, `16 MiB`, `1GiB`, `1GB`.
///
/// # Errors
/// A line that says what a size looks like, or that it does not fit 64 bits.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let number_end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, _) = text.split_at(number_end);
    // bytesize works in f64 and saturates; a size beyond 2^63 is a typing error that must be said.
    let wrong = || format!("\"{text}\" is not a size such as 64KiB, 16MiB, 1GiB, or a number of bytes");
    let size: bytesize::ByteSize = text.parse().map_err(|_| wrong())?;
    if number.is_empty() {
        return Err(wrong());
    }
    if size.as_u64() > i64::MAX as u64 {
        return Err(format!("\"{text}\" is more than the 8 EiB that a size may be"));
    }
    Ok(size.as_u64())
}

/// Writes a size so that [`parse_bytes`] reads the same number: `2MiB`, or bytes where no unit divides it.
pub fn print_bytes(bytes: u64) -> String {
    for (unit, name) in [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{count}{name}", count = bytes / unit);
        }
    }
    bytes.to_string()
}

/// Writes a size for people, three digits: `1.37 GiB`.
pub fn show_bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..1_048_576 => (1u64 << 10, "KiB"),
        1_048_576..1_073_741_824 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let value = bytes as f64 / unit as f64;
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {name}")
}

/// Reads `10ms`, `1.5s`, `15m`, `500us`; a bare number is refused, since its unit would be a guess.
///
/// # Errors
/// A line that says what a duration looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a duration such as 10ms, 0.5s, 15m");
    // humantime takes whole numbers only; a fraction in front of one unit is the common other form.
    if let Ok(duration) = humantime::parse_duration(text) {
        return if text.trim() == "0" { Err(wrong()) } else { Ok(duration) };
    }
    let unit_start = text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_start);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let unit = humantime::parse_duration(&format!("1{unit}")).map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * unit.as_secs_f64()).map_err(|_| wrong())
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Bytes::Auto => serializer.serialize_str("auto"),
            Bytes::Exactly(bytes) => serializer.serialize_u64(*bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// A size as a file has it: a number or a text.
struct Written;

impl Visitor<'_> for Written {
    type Value = Bytes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a size such as \"16MiB\", a number of bytes, or \"auto\"")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bytes, E> {
        Ok(Bytes::Exactly(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Bytes, E> {
        let unsigned = u64::try_from(bytes);
        unsigned.map(Bytes::Exactly).map_err(|_| E::invalid_value(Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        match text {
            "auto" => Ok(Bytes::Auto),
            _ => parse_bytes(text).map(Bytes::Exactly).map_err(E::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(parse_bytes(text).ok(), expect, "{text:?}");
        check("4096", Some(4096));
        check("64KiB", Some(65536));
        check("16 MiB", Some(16 << 20));
        check("1GB", Some(1_000_000_000));
        check("", None);
        check("MiB", None);
        check("-1MiB", None);
        check("99999999999999GiB", None);
        check("16 apples", None);
        assert!(parse_bytes("99999999999999GiB").is_err_and(|why| why.contains("more than the 8 EiB")));
        assert_eq!(print_bytes(2 << 20), "2MiB");
        assert_eq!(print_bytes(1500), "1500");
        assert_eq!(show_bytes(1_471_000_000), "1.37 GiB");
    }

    #[test]
    fn durations_are_read() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse_duration(text).ok().map(|found| found.as_nanos() as u64), expect, "{text:?}");
        };
        check("10ms", Some(10_000_000));
        check("0.5s", Some(500_000_000));
        check("15m", Some(900_000_000_000));
        check("10", None);
        check("0", None);
        check("-1s", None);
        check("NaNs", None);
        check("soon", None);
    }
}
