//! What samples.csv says of the pauses of a sample, made anew from pauses.csv. Its rows come sample by sample, so that
//! only the pauses of one are held.

use super::samples::Note;
use plan::record::{PauseRow, SampleRow};
use stats::quantile::{MIN_VALUES_FOR_P99, quantile};
use stats::summary::summarize;
use stats::variance::MIN_VALUES_FOR_VARIANCE;

/// The pauses of the sample that is being read.
#[derive(Debug)]
pub(crate) struct Pauses {
    totals_ns: Vec<f64>,
    /// `None` once one does not tell it.
    stopping_ns: Option<u64>,
}

/// What follows from them; nothing from none.
#[derive(Debug, Default)]
pub(crate) struct PauseFigures {
    variance_ns2: Option<f64>,
    p50_ns: Option<f64>,
    p99_ns: Option<f64>,
    stopping_mean_ns: Option<f64>,
}

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses { totals_ns: Vec::new(), stopping_ns: Some(0) }
    }
}

impl Pauses {
    /// One more pause.
    pub(crate) fn take(&mut self, row: &PauseRow) {
        self.totals_ns.push(row.total_ns as f64);
        self.stopping_ns = self.stopping_ns.zip(row.stopping_ns).map(|(sum, more)| sum.saturating_add(more));
    }

    /// The figures of those taken; afterwards there is none.
    pub(crate) fn close(&mut self) -> PauseFigures {
        let (totals, stopping_ns) = (&self.totals_ns, self.stopping_ns.replace(0));
        let n = totals.len();
        let figures = summarize(totals).map_or_else(
            |_| PauseFigures::default(),
            |summary| PauseFigures {
                variance_ns2: summary.variance.filter(|_| n >= MIN_VALUES_FOR_VARIANCE),
                p50_ns: Some(summary.median),
                p99_ns: quantile(totals, 0.99).ok().filter(|_| n >= MIN_VALUES_FOR_P99),
                stopping_mean_ns: stopping_ns.map(|sum| sum as f64 / n as f64),
            },
        );
        self.totals_ns.clear();
        figures
    }
}

/// Compares a row with what follows from its pauses.
pub(crate) fn check_figures(row: &SampleRow, figures: &PauseFigures, note: &mut Note<'_>) {
    for (what, found, expected) in [
        ("pause_variance_ns2", row.pause_variance_ns2, figures.variance_ns2),
        ("pause_p50_ns", row.pause_p50_ns, figures.p50_ns),
        ("pause_p99_ns", row.pause_p99_ns, figures.p99_ns),
        ("stopping_mean_ns", row.stopping_mean_ns, figures.stopping_mean_ns),
    ] {
        note.not_close_or_empty(what, found, expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of pauses of 1, 2 … n ns: variance n (n + 1) / 12, median (n + 1) / 2; stopping is said to take twice as long.
    fn check(n: u64, variance: Option<f64>, p99: Option<f64>) {
        let mut pauses = Pauses::default();
        let row = |total_ns: u64| PauseRow {
            run_id: String::new(),
            sample_id: 0,
            pause: 0,
            due_ns: Some(0),
            late_ns: Some(0),
            stopping_ns: Some(2 * total_ns),
            stopped_ns: Some(0),
            resuming_ns: Some(0),
            total_ns,
            steal_ticks: None,
            involuntary_switches: None,
            warmup: false,
        };
        (1..=n).for_each(|total_ns| pauses.take(&row(total_ns)));
        let figures = pauses.close();
        let mean = (n > 0).then(|| (n + 1) as f64 / 2.0);
        assert_eq!((figures.variance_ns2, figures.p99_ns), (variance, p99), "{n}");
        assert_eq!((figures.p50_ns, figures.stopping_mean_ns), (mean, mean.map(|mean| 2.0 * mean)), "{n}");
        assert!(pauses.totals_ns.is_empty() && pauses.stopping_ns == Some(0));
    }

    #[test]
    fn few_pauses_have_no_variance_and_no_p99() {
        check(0, None, None);
        check(29, None, None);
        check(30, Some(77.5), None);
        check(367, Some(11254.666666666666), None);
        // 1 + .99 x 400 of 401.
        check(401, Some(13433.5), Some(397.0));
    }
}
