//! Metrics that are read from columns of samples.csv: a column itself, or the complement of a hit ratio to 1; and the bounds
//! that touches of unknown place leave.

use crate::samples::Samples;

/// The lower and the upper bound of the local hit ratio or of its complement, as metrics; `None` for any other metric.
pub(crate) fn bounds_of(metric: &str) -> Option<(&'static str, &'static str)> {
    match metric {
        "local_hit_ratio" => Some(("local_hit_low", "local_hit_high")),
        "remote_ratio" => Some(("remote_low_ratio", "remote_high_ratio")),
        _ => None,
    }
}

/// The column whose complement to 1 a metric is; `None` where the metric is a column itself.
fn complement_of(metric: &str) -> Option<&'static str> {
    match metric {
        "remote_ratio" => Some("local_hit_ratio"),
        "remote_low_ratio" => Some("local_hit_high"),
        "remote_high_ratio" => Some("local_hit_low"),
        _ => None,
    }
}

/// The value of a metric by row; `None` for what is no metric of these samples.
pub(crate) fn reader<'a>(samples: &'a Samples, metric: &str) -> Option<impl Fn(usize) -> Option<f64> + use<'a>> {
    let complement = complement_of(metric);
    let column = samples.metric(complement.unwrap_or(metric))?;
    Some(move |row| column.get(row).map(|value| if complement.is_some() { 1.0 - value } else { value }))
}
