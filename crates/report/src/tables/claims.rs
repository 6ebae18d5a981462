//! What became of the claims, each with its reason.

use super::{Look, Paint, wrap};
use crate::curves::unit_of;
use crate::results::{Derived, Results};
use crate::show::Unit;
use plan::claim::ClaimRule;
use plan::record::{ClaimRow, Verdict};

/// The claims with verdict, what was measured, the region that would support them, and why; wrapped to the width.
pub fn claims_text(results: &Results, derived: &Derived, look: impl Into<Look>) -> String {
    let look = look.into();
    if derived.claims.is_empty() {
        return "this experiment makes no claims\n".into();
    }
    derived.claims.iter().map(|claim| claim_text(results, claim, look)).collect()
}

fn claim_text(results: &Results, claim: &ClaimRow, look: Look) -> String {
    let verdict = look.paint(claim.verdict.word(), verdict_paint(claim.verdict));
    let title = wrap(&format!("{id}, {arm}", id = claim.id, arm = claim.arm), 0, look.columns().saturating_sub(15));
    let mut text = format!("{title}: {verdict}\n", title = title.trim_end());
    let mut say = |line: &str| {
        if !line.is_empty() {
            text += &wrap(line, 4, look.columns());
        }
    };
    say(&format!("\"{text}\"", text = claim.text));
    say(&numbers(results, claim));
    say(&claim.reason);
    if let Some(needed) = &claim.needed_n {
        say(&format!("samples that would decide it: {needed}"));
    }
    text
}

fn verdict_paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Supported => Paint::Good,
        Verdict::Refuted => Paint::Bad,
        Verdict::Undecided => Paint::Open,
        Verdict::NotTestable => Paint::Dim,
    }
}

/// What was measured against what would support the claim: `measured 92.3 % [91, 93], n = 10; supported by 91 to 93 %`.
pub(crate) fn numbers(results: &Results, claim: &ClaimRow) -> String {
    let unit = claim_unit(results, claim);
    let estimate = claim.estimate.map(|estimate| {
        let value = unit.show_with_interval(estimate, claim.ci_low.zip(claim.ci_high));
        let level = claim.level.map_or(String::new(), |level| format!(" at {level:.1} %", level = level * 100.0));
        format!("measured {value}{level}, n = {n}", n = claim.n)
    });
    let region = claim.region_low.zip(claim.region_high).map(|(low, high)| {
        let middle = if high.is_finite() { high } else { low };
        format!("supported by {region}", region = unit.show_interval(middle, low, high))
    });
    estimate.into_iter().chain(region).collect::<Vec<_>>().join("; ")
}

// Values have the unit of their metric; every other type is a ratio or a number of procs.
fn claim_unit(results: &Results, row: &ClaimRow) -> Unit {
    let rule = results.plan.claims.iter().find(|claim| claim.id == row.id).map(|claim| &claim.rule);
    match rule {
        Some(ClaimRule::Value { metric, .. }) => unit_of(metric, results),
        _ => Unit::Plain,
    }
}
