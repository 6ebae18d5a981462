//! What became of the claims, each with its reason.

use super::{Look, Paint, wrap};
use crate::curves::unit_of;
use crate::results::{Derived, Results};
use crate::show::Unit;
use plan::claim::ClaimRule;
use plan::record::{ClaimRow, Verdict};

/// First the claims with an answer, each with what was measured, the region that would support it, and why; then those
/// that are not testable, a line each below the reason that they share. Wrapped to the width.
pub fn claims_text(results: &Results, derived: &Derived, look: impl Into<Look>) -> String {
    let look = look.into();
    if derived.claims.is_empty() {
        return "this experiment makes no claims\n".into();
    }
    let mut text: String = answered(&derived.claims).map(|claim| answered_text(results, claim, look)).collect();
    for group in not_testable(&derived.claims) {
        let verdict = Verdict::NotTestable.word();
        for line in wrap(&format!("{verdict}: {reason}", reason = group.reason), 0, look.columns()).lines() {
            text += &format!("{}\n", look.paint(line, verdict_paint(Verdict::NotTestable)));
        }
        for claim in &group.claims {
            let arms = claim.arms(results).join(", ");
            let line = format!("{id} ({arms}): {text}", id = claim.id, text = claim.text);
            // The first line hangs over.
            text += &wrap(&line, 4, look.columns())[2..];
        }
    }
    text
}

/// Claims with one and the same reason why they cannot be tested.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NotTestable<'a> {
    pub(crate) reason: &'a str,
    pub(crate) claims: Vec<OnArms<'a>>,
}

/// One claim on all arms that share a reason.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnArms<'a> {
    pub(crate) id: &'a str,
    pub(crate) text: &'a str,
    pub(crate) rows: Vec<&'a ClaimRow>,
}

impl OnArms<'_> {
    /// Its arms, each with what was found there, if anything: `strict`, `close 87.5 % [87.0, 88.0]`.
    pub(crate) fn arms(&self, results: &Results) -> Vec<String> {
        let found = |row: &ClaimRow| {
            let unit = claim_unit(results, row);
            row.estimate.map(|estimate| unit.show_with_interval(estimate, row.ci_low.zip(row.ci_high)))
        };
        let arm = |row: &&ClaimRow| {
            let found = found(row).map_or_else(String::new, |found| format!(" {found}"));
            format!("{on}{found}", on = tested_on(results, row))
        };
        self.rows.iter().map(arm).collect()
    }
}

/// The arm of a row, and its subject where the run has several: `unbound/go`.
pub(crate) fn tested_on(results: &Results, row: &ClaimRow) -> String {
    let several = results.plan.points.iter().any(|point| point.subject != row.subject);
    if several { format!("{arm}/{subject}", arm = row.arm, subject = row.subject) } else { row.arm.clone() }
}

/// Claims with an answer, if only "undecided".
pub(crate) fn answered(claims: &[ClaimRow]) -> impl Iterator<Item = &ClaimRow> {
    claims.iter().filter(|claim| claim.verdict != Verdict::NotTestable)
}

/// Claims without one, by reason, in the order of the file.
pub(crate) fn not_testable(claims: &[ClaimRow]) -> Vec<NotTestable<'_>> {
    let mut groups: Vec<NotTestable<'_>> = Vec::new();
    for row in claims.iter().filter(|claim| claim.verdict == Verdict::NotTestable) {
        let at = groups.iter().position(|group| group.reason == row.reason).unwrap_or_else(|| {
            groups.push(NotTestable { reason: &row.reason, claims: Vec::new() });
            groups.len() - 1
        });
        let known = &mut groups[at].claims;
        match known.iter_mut().find(|claim| claim.id == row.id) {
            Some(claim) => claim.rows.push(row),
            None => known.push(OnArms { id: &row.id, text: &row.text, rows: vec![row] }),
        }
    }
    groups
}

fn answered_text(results: &Results, claim: &ClaimRow, look: Look) -> String {
    let verdict = look.paint(claim.verdict.word(), verdict_paint(claim.verdict));
    let title = wrap(
        &format!("{id} ({on})", id = claim.id, on = tested_on(results, claim)),
        0,
        look.columns().saturating_sub(15),
    );
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
        say(&format!("n that would decide it: {needed}"));
    }
    text
}

pub(super) fn verdict_paint(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Supported => Paint::Good,
        Verdict::Refuted | Verdict::Contradicted => Paint::Bad,
        Verdict::Undecided => Paint::Open,
        Verdict::NotTestable | Verdict::Uncheckable => Paint::Dim,
    }
}

/// What was measured against what would support the claim:
/// `measured 92.3 % [91, 93] at 97.5 %, n = 10; printed 92.0 %; supported by 91 to 93 %`.
pub(crate) fn numbers(results: &Results, claim: &ClaimRow) -> String {
    let unit = claim_unit(results, claim);
    let estimate = claim.estimate.map(|estimate| {
        let value = unit.show_with_interval(estimate, claim.ci_low.zip(claim.ci_high));
        let level = claim.level.map_or(String::new(), |level| format!(" at {level:.1} %", level = level * 100.0));
        format!("measured {value}{level}, n = {n}", n = claim.n)
    });
    estimate.into_iter().chain(asked(results, claim)).collect::<Vec<_>>().join("; ")
}

/// `printed 92.0 %` and `supported by 91 to 93 %`, as far as the claim has them.
pub(crate) fn asked(results: &Results, claim: &ClaimRow) -> Vec<String> {
    let unit = claim_unit(results, claim);
    let rule = results.plan.claims.iter().find(|known| known.id == claim.id).map(|known| &known.rule);
    if let Some(ClaimRule::Limit { side, .. }) = rule {
        // The region is the limit, which is what is printed.
        let limit = claim.region_low.into_iter().chain(claim.region_high).find(|edge| edge.is_finite());
        let words = |limit| format!("supported where {side} {limit}", side = side.in_words(), limit = unit.show(limit));
        return limit.map(words).into_iter().collect();
    }
    let is_procs = rule.is_some_and(is_about_procs);
    let show = |printed: f64| if is_procs { printed.to_string() } else { unit.show(printed) };
    let printed = claim.printed.map(|printed| format!("printed {value}", value = show(printed)));
    let region = claim.region_low.zip(claim.region_high).map(|(low, high)| match (low.is_finite(), high.is_finite()) {
        (true, false) => format!("supported from {low} on", low = unit.show(low)),
        (false, true) => format!("supported up to {high}", high = unit.show(high)),
        _ => format!("supported by {region}", region = unit.show_interval(high, low, high)),
    });
    printed.into_iter().chain(region).collect()
}

fn is_about_procs(rule: &ClaimRule) -> bool {
    matches!(rule, ClaimRule::Peak { .. } | ClaimRule::Knee { .. } | ClaimRule::Threshold { .. })
}

// Values have the unit of their metric; every other type is a ratio or a number of procs.
fn claim_unit(results: &Results, row: &ClaimRow) -> Unit {
    let rule = results.plan.claims.iter().find(|claim| claim.id == row.id).map(|claim| &claim.rule);
    match rule {
        Some(ClaimRule::Value { metric, .. } | ClaimRule::Limit { metric, over_procs: None, .. }) => {
            unit_of(metric, results)
        }
        _ => Unit::Plain,
    }
}
