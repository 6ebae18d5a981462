//! One table of the claims of several results folders: what became of each, in a line or two; what is not testable, by reason.

use super::claims::{answered, not_testable, numbers, tested_on, verdict_paint};
use super::{Look, Paint, wrap};
use crate::results::{Derived, Results};
use plan::record::{ClaimRow, Verdict};
use std::collections::BTreeMap;

/// Every claim of every folder, experiment by experiment, then how many there are of each verdict.
pub fn claims_overview(folders: &[(Results, Derived)], look: Look) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (results, derived) in folders {
        let name = &results.plan.experiment;
        text += &format!("{heading}\n", heading = look.paint(name, Paint::Bold));
        if derived.claims.is_empty() {
            text += "  no claims: its table speaks\n";
        }
        for row in &derived.claims {
            *counts.entry(row.verdict.word()).or_default() += 1;
        }
        answered(&derived.claims).for_each(|row| text += &line(results, row, look));
        for group in not_testable(&derived.claims) {
            let claims: Vec<&str> = group.claims.iter().map(|claim| claim.id).collect();
            text += &told(
                Verdict::NotTestable,
                &format!("{why}: {claims}", why = group.reason, claims = claims.join(", ")),
                look,
            );
        }
    }
    let words = [Verdict::Supported, Verdict::Refuted, Verdict::Undecided, Verdict::NotTestable].map(Verdict::word);
    let all: usize = counts.values().sum();
    let parts = words.map(|word| format!("{count} {word}", count = counts.get(word).copied().unwrap_or(0)));
    text += &format!("{all} verdicts: {parts}\n", parts = parts.join(", "));
    text
}

/// `  refuted       storm-knee (unbound/go): measured …`, what follows below it.
fn line(results: &Results, row: &ClaimRow, look: Look) -> String {
    let why = match row.verdict {
        Verdict::Supported | Verdict::Refuted if row.estimate.is_some() => numbers(results, row),
        _ => row.reason.clone(),
    };
    told(row.verdict, &format!("{id} ({on}): {why}", id = row.id, on = tested_on(results, row)), look)
}

fn told(verdict: Verdict, what: &str, look: Look) -> String {
    const WIDTH: usize = 14;
    let what = wrap(what, 2 + WIDTH, look.columns());
    let verdict = look.paint(&format!("{word:WIDTH$}", word = verdict.word()), verdict_paint(verdict));
    format!("  {verdict}{what}", what = &what[2 + WIDTH..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{derived, golden};

    #[test]
    fn claims_of_folders_are_counted_together() {
        let folder = || {
            let results = golden();
            let derived = derived(&results);
            (results, derived)
        };
        let text = claims_overview(&[folder(), folder()], Look { width: 100, colour: false });
        let claims = folder().1.claims.len();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert_eq!(text.lines().filter(|line| *line == "golden").count(), 2, "{text}");
        assert!(text.contains(": hit-ratio-8\n") && text.contains("\n  not testable  "), "{text}");
        assert!(text.contains(&format!("{all} verdicts: ", all = 2 * claims)), "{text}");
    }

    /// Where nothing stands beside what is claimed, its reason does.
    #[test]
    fn a_refuted_claim_without_a_figure_has_its_reason() {
        let results = golden();
        let mut derived = derived(&results);
        derived.claims.truncate(1);
        derived.claims[0] = ClaimRow {
            verdict: Verdict::Refuted,
            estimate: None,
            reason: "no such change".into(),
            ..derived.claims[0].clone()
        };
        let text = claims_overview(&[(results, derived)], Look { width: 100, colour: false });
        assert!(text.contains("): no such change\n"), "{text}");
    }
}
