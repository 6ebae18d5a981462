//! Wall-clock time as text, and what reading the clock costs.

use std::time::{Duration, Instant, SystemTime};

/// Now, UTC, RFC 3339 to the second: `2026-02-03T04:05:06Z`. For records; durations come from [`Instant`].
pub fn utc_now() -> String {
    utc(SystemTime::now())
}

/// Now, UTC, as a name that sorts and needs no quotes in a shell: `20260203T040506Z`.
pub fn utc_stamp() -> String {
    utc_now().replace(['-', ':'], "")
}

/// Mean cost of one reading of the monotonic clock, ns: about 25 where the clock source is the TSC, 1000 where it is not.
pub fn read_cost_ns() -> f64 {
    const READINGS: u32 = 1000;
    let start = Instant::now();
    let mut last = start;
    for _ in 0..READINGS {
        last = Instant::now();
    }
    (last - start).as_nanos() as f64 / f64::from(READINGS)
}

fn utc(time: SystemTime) -> String {
    // A clock before 1970 is a broken clock; the record then says so by its date.
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written() {
        let at = |seconds| utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(utc_stamp().len(), "20260203T040506Z".len());
        assert!(read_cost_ns() > 0.0);
    }
}
