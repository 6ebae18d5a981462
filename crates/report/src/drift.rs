//! Whether throughput moved while the run went on: a note for the reader, since every interval is the wider for it.

use crate::samples::Samples;
use stats::drift::{Placed, drift};

/// A note is wrong in one run of a hundred where nothing else makes neighbouring samples alike; else in more, and it says so.
const LEVEL: f64 = 0.99;
/// From here on neighbouring blocks are said to be alike.
const ALIKE: f64 = 0.5;

/// One line where the throughput of all points together rose or fell over the order of samples; `None` where it did not,
/// or where there are too few samples to tell.
pub(crate) fn drift_note(samples: &Samples) -> Option<String> {
    let throughput = samples.metric("throughput_per_s")?;
    let placed = |row: usize| {
        let value = throughput.get(row).filter(|value| *value > 0.0 && !samples.failed[row])?;
        // Rows are in the order of time.
        Some(Placed { order: row as f64, point: samples.point[row] as usize, block: samples.block[row], value })
    };
    // A million grown by doubling would hold twice the memory.
    let mut values = Vec::with_capacity(samples.len());
    values.extend((0..samples.len()).filter_map(placed));
    let found = drift(&values, LEVEL).ok()?;
    let (ratio, interval) = (found.over_run.value, found.over_run.interval);
    if interval.contains(1.0) {
        return None;
    }
    let (low, high) = (interval.low, interval.high);
    let alike = found.lag1_of_blocks.filter(|lag1| *lag1 > ALIKE);
    let alike = alike.map_or(String::new(), |lag1| format!("; neighbouring blocks are alike (r = {lag1:.2})"));
    let percent = 100.0 * LEVEL;
    Some(format!(
        "drift: throughput at the end of the run is {ratio:.3} [{low:.3}, {high:.3}] of that at its start, over all points \
         ({percent} %); blocks keep it out of comparisons within the run, not out of the means{alike}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::samples::made::{Made, samples};

    fn note(slope: f64) -> Option<String> {
        let plan = golden().plan;
        let metrics: Vec<_> = (0..40)
            .map(|row| {
                [(
                    "throughput_per_s",
                    1e6 * (1.0 + 0.001 * f64::from(row * 7 % 11 - 5)) * (1.0 + slope * f64::from(row)),
                )]
            })
            .collect();
        let made = |row: usize| Made {
            point: row % 4,
            block: row as u32 / 4,
            flagged: false,
            failed: false,
            metrics: &metrics[row],
        };
        drift_note(&samples(&plan, &(0..40).map(made).collect::<Vec<_>>()))
    }

    #[test]
    fn only_a_drift_is_noted() {
        assert_eq!(note(0.0), None);
        let falls = note(-0.002).expect("8 % less at the end");
        assert!(falls.starts_with("drift: throughput at the end of the run is 0.92"), "{falls}");
        assert!(falls.contains("neighbouring blocks are alike"), "{falls}");
    }
}
