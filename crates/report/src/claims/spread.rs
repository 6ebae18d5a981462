//! What else is said of two spreads of pauses: tests and intervals that take the pauses as independent.
//!
//! The run is the datum, and Welch's t over runs decides (statistics notes, section 4, item 5). Pauses of one run depend
//! on each other, so that what is here is narrower than the runs allow; it is printed and decides nothing.

use super::Question;
use super::evidence::shown;
use super::gate::Testable;
use stats::Estimate;
use stats::decide::Region;
use stats::equivalence::equivalence_p;
use stats::pooled::pooled_variance_ratio;
use stats::variance::{TestResult, brown_forsythe, fligner_killeen};

/// Equivalence of the ratio over runs, then the pooled figures; `clean` leaves flagged samples out.
pub(super) fn secondary(
    question: &Question<'_>,
    testable: &Testable,
    clean: bool,
    ratio: &Estimate,
    region: &Region,
) -> String {
    let equivalence = equivalence_p(ratio, region).map_or_else(|_| "no p".into(), p_of);
    let mut said = format!("two one-sided tests that the ratio lies in R: {equivalence}");
    let side = |at: usize| -> Vec<f64> {
        let rows = question.results.samples.used_rows(testable.points[at].1, clean);
        let of = |row: usize| question.results.compared_pauses.get(&(row as u32));
        rows.filter_map(of).flatten().copied().collect()
    };
    let (above, below) = (side(0), side(1));
    if above.is_empty() || below.is_empty() {
        return said;
    }
    let (count_above, count_below) = (above.len(), below.len());
    let pooled = pooled_variance_ratio(&below, &above, question.level);
    let pooled = pooled.map_or_else(|why| format!("none, {why}"), |pooled| shown(&pooled));
    let raw = [above, below];
    let positive = raw.iter().flatten().all(|pause| *pause > 0.0);
    let ln = positive.then(|| raw.each_ref().map(|side| side.iter().map(|pause| pause.ln()).collect::<Vec<f64>>()));
    let test = |of: fn(&[Vec<f64>]) -> Result<TestResult, stats::StatsError>| {
        let p = |groups: &[Vec<f64>]| of(groups).map_or_else(|_| "no p".into(), |test| p_of(test.p));
        let on_ln = ln.as_ref().map_or_else(|| "no ln".into(), |ln| p(ln));
        format!("{} raw and {on_ln} on ln", p(&raw))
    };
    said += &format!(
        "; with {count_above} and {count_below} pauses taken as independent: Bonett's ratio {pooled}, equal spread by \
         Brown-Forsythe {}, by Fligner-Killeen {}",
        test(brown_forsythe),
        test(fligner_killeen)
    );
    said
}

/// `p = 0.031`, `p = 2.1e-5`.
fn p_of(p: f64) -> String {
    if p < 0.001 { format!("p = {p:.1e}") } else { format!("p = {p:.3}") }
}
