//! What the figures are about, as a table.

use crate::results::Results;
use crate::summary::{POOLED_MAX, POOLED_P50, POOLED_P99};

/// What one figure is about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    /// Column of samples.csv whose values are the dots.
    pub(super) metric: &'a str,
    /// Metric of summary.csv that stands on them.
    pub(super) estimate: &'a str,
    /// What that is, in words, where it is no mean of samples.
    pub(super) pooled: Option<&'static str>,
    pub(super) title: &'a str,
    pub(super) label: &'a str,
    /// Drawn without data, too, where the workload has heaps; the others only where something was measured.
    pub(super) always: bool,
    pub(super) is_time: bool,
}

/// In the order of the report.
pub(super) const SUBJECTS: [Subject<'static>; 6] = [
    Subject {
        name: "throughput",
        metric: "throughput_per_s",
        estimate: "throughput_per_s",
        pooled: None,
        title: "Throughput",
        label: "operations per second",
        always: true,
        is_time: true,
    },
    Subject {
        name: "local_hit_ratio",
        metric: "local_hit_ratio",
        estimate: "local_hit_ratio",
        pooled: None,
        title: "Local hit ratio",
        label: "touches of pages on the toucher's own node",
        always: true,
        is_time: false,
    },
    Subject {
        name: "pause_p50",
        metric: "pause_p50_ns",
        estimate: POOLED_P50,
        pooled: Some("the median of all pauses of a point together with its 95 % interval"),
        title: "Stop-the-world pauses, median",
        label: "median pause of a sample",
        always: true,
        is_time: true,
    },
    Subject {
        name: "pause_p99",
        metric: "pause_p99_ns",
        estimate: POOLED_P99,
        pooled: Some("the p99 of all pauses of a point together with its 95 % interval"),
        title: "Stop-the-world pauses, 99th percentile",
        label: "p99 of the pauses of a sample",
        always: false,
        is_time: true,
    },
    Subject {
        name: "pause_max",
        metric: "pause_max_ns",
        estimate: POOLED_MAX,
        pooled: Some("the longest pause of a point"),
        title: "Stop-the-world pauses, longest",
        label: "longest pause of a sample",
        always: false,
        is_time: true,
    },
    Subject {
        name: "pause_variance",
        metric: "pause_variance_ns2",
        estimate: "pause_variance_ns2",
        pooled: None,
        title: "Stop-the-world pauses, variance",
        label: "variance of the pauses of a sample",
        always: false,
        is_time: true,
    },
];

/// Those, and one for each metric of the workload.
pub(super) fn subjects(results: &Results) -> Vec<Subject<'_>> {
    SUBJECTS.into_iter().chain(results.plan.metrics.iter().map(|metric| own(metric))).collect()
}

fn own(metric: &str) -> Subject<'_> {
    Subject {
        name: metric,
        metric,
        estimate: metric,
        pooled: (metric == "latency_max_ns").then_some("the longest of all samples of a point"),
        title: metric,
        label: metric,
        always: false,
        is_time: true,
    }
}
