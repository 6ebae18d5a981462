//! One table of the claims of several results folders: what became of each, in a line or two.

use super::claims::{numbers, tested_on, verdict_paint};
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
            text += &line(results, row, look);
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
    const WIDTH: usize = 14;
    let why = match row.verdict {
        Verdict::Supported | Verdict::Refuted => numbers(results, row),
        _ => row.reason.clone(),
    };
    let told = format!("{id} ({on}): {why}", id = row.id, on = tested_on(results, row));
    let told = wrap(&told, 2 + WIDTH, look.columns());
    let verdict = look.paint(&format!("{word:WIDTH$}", word = row.verdict.word()), verdict_paint(row.verdict));
    format!("  {verdict}{told}", told = &told[2 + WIDTH..])
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
        assert!(text.contains("  not testable  hit-ratio-8 ("), "{text}");
        assert!(text.contains(&format!("{all} verdicts: ", all = 2 * claims)), "{text}");
    }
}
