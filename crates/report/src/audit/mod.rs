//! The audit of an article from its printed tables alone: figures computed again, each against its region, and a verdict.
//!
//! A claim is refuted only if every reading of it is. The verdicts of a claim are those of its readings, each once:
//! `supported / refuted` holds in one reading and fails in another.

mod compute;
#[cfg(test)]
mod tests;

use crate::show::Unit;
use compute::{Figure, interval_in_words};
use plan::audit::{Audit, AuditClaim, Figures, Printed, Reading, Test};
use plan::experiment::parse_audit;
use plan::record::{AuditRow, Verdict};
use rayon::prelude::*;
use stats::decide::{Region, Verdict as Decided, decide};

/// The audit of the article that this project tests, and its tables, as they were when this program was built.
const ARTICLE: &str = include_str!("../../../../experiments/published/audit.toml");
const TABLES: &[(&str, &str)] = &[
    ("task_storm.csv", include_str!("../../../../experiments/published/task_storm.csv")),
    ("task_costs.csv", include_str!("../../../../experiments/published/task_costs.csv")),
    ("numa_binding.csv", include_str!("../../../../experiments/published/numa_binding.csv")),
    ("knee_model.csv", include_str!("../../../../experiments/published/knee_model.csv")),
    ("throughput_cliff.csv", include_str!("../../../../experiments/published/throughput_cliff.csv")),
    ("cache_line.csv", include_str!("../../../../experiments/published/cache_line.csv")),
    ("serving.csv", include_str!("../../../../experiments/published/serving.csv")),
];

/// The audit of the article, which the program carries with it.
///
/// # Panics
/// Never: a test reads it.
pub fn article() -> Audit {
    let table = |named: &str| {
        let known = TABLES.iter().find(|(name, _)| *name == named);
        known.map(|(name, text)| (name.to_string(), text.to_string())).ok_or(plan::experiment::FileError {
            path: named.into(),
            line: None,
            message: "is not built in".into(),
        })
    };
    parse_audit("audit.toml", ARTICLE, &table).expect("the audit built in is read by a test")
}

/// Every figure of every reading of every claim, in the order of the file.
pub fn audit(audit: &Audit) -> Vec<AuditRow> {
    audit.claims.par_iter().flat_map_iter(|claim| rows_of(audit, claim)).collect()
}

/// The verdict of a reading, with why.
#[derive(Debug, Clone, PartialEq)]
struct Judged {
    verdict: Verdict,
    reason: String,
    figures: Vec<Figure>,
    /// One for each figure, where it has one.
    regions: Vec<Option<Region>>,
    printed: Vec<Option<f64>>,
}

fn rows_of(audit: &Audit, claim: &AuditClaim) -> Vec<AuditRow> {
    let judged: Vec<Judged> = claim.readings.iter().map(|reading| judge(audit, reading)).collect();
    let mut verdicts: Vec<&str> = Vec::new();
    for verdict in judged.iter().map(|judged| judged.verdict.word()) {
        if !verdicts.contains(&verdict) {
            verdicts.push(verdict);
        }
    }
    let verdict = verdicts.join(" / ");
    let mut rows = Vec::new();
    for (at, (reading, judged)) in claim.readings.iter().zip(&judged).enumerate() {
        let row = AuditRow {
            number: claim.number,
            id: claim.id.clone(),
            place: claim.place.clone(),
            text: claim.text.clone(),
            reading: at as u32 + 1,
            reading_text: reading.text.clone(),
            compute: String::new(),
            figure: String::new(),
            estimate: None,
            ci_low: None,
            ci_high: None,
            region_low: None,
            region_high: None,
            printed: None,
            decides: true,
            rule: rule_in_words(reading),
            reading_verdict: judged.verdict,
            verdict: verdict.clone(),
            reason: judged.reason.clone(),
        };
        let decides = !matches!(reading.test, Test::Missing { .. } | Test::ContradictedBy { .. });
        match &reading.figures {
            Some(figures) if !judged.figures.is_empty() => {
                let regions = judged.regions.iter().zip(&judged.printed);
                for (figure, (region, printed)) in judged.figures.iter().zip(regions) {
                    rows.push(AuditRow {
                        region_low: region.map(|region| region.low),
                        region_high: region.map(|region| region.high),
                        printed: *printed,
                        decides,
                        ..with_figure(&row, figures, figure)
                    });
                }
            }
            _ => rows.push(row.clone()),
        }
        for figures in &reading.beside {
            match compute::figures(audit, figures) {
                Ok(found) => rows.extend(
                    found.iter().map(|figure| AuditRow { decides: false, ..with_figure(&row, figures, figure) }),
                ),
                Err(why) => rows.push(AuditRow {
                    decides: false,
                    compute: figures.compute.word().into(),
                    figure: format!("none: {why}"),
                    ..row.clone()
                }),
            }
        }
    }
    rows
}

fn with_figure(row: &AuditRow, figures: &Figures, figure: &Figure) -> AuditRow {
    let known = |value: f64| (!value.is_nan()).then_some(value);
    AuditRow {
        compute: figures.compute.word().into(),
        figure: figure.label.clone(),
        estimate: known(figure.value),
        ci_low: known(figure.interval.low),
        ci_high: known(figure.interval.high),
        ..row.clone()
    }
}

fn judge(audit: &Audit, reading: &Reading) -> Judged {
    let figures = reading.figures.as_ref().map(|figures| compute::figures(audit, figures)).transpose();
    let figures = match figures {
        Ok(figures) => figures.unwrap_or_default(),
        Err(why) => {
            return Judged {
                verdict: Verdict::Uncheckable,
                reason: format!("cannot be computed: {why}"),
                figures: Vec::new(),
                regions: Vec::new(),
                printed: Vec::new(),
            };
        }
    };
    let (none, no_region) = (|| vec![None; figures.len()], || vec![None; figures.len()]);
    let (decided, reason, regions, printed): (Decided, String, Vec<Option<Region>>, Vec<Option<f64>>) =
        match &reading.test {
            Test::Missing { what } => return stated(Verdict::Uncheckable, format!("not printed: {what}"), figures),
            Test::ContradictedBy { what } => {
                return stated(Verdict::Contradicted, format!("said elsewhere: {what}"), figures);
            }
            Test::Printed { printed } => {
                let printed: Vec<Option<Printed>> = printed.iter().map(|text| Printed::parse(text)).collect();
                let region = |printed: &Option<Printed>| {
                    printed.as_ref().map(Printed::interval).map(|(low, high)| Region { low, high })
                };
                let regions: Vec<Option<Region>> = printed.iter().map(region).collect();
                let (decided, reason) = as_printed(&figures, &regions);
                (decided, reason, regions, printed.iter().map(|printed| printed.map(|printed| printed.value)).collect())
            }
            Test::Within { low, high } => {
                let region = Region { low: *low, high: *high };
                let (decided, reason) = all_within(&figures, &region);
                (decided, reason, vec![Some(region); figures.len()], none())
            }
            Test::Common => {
                let low = figures.iter().map(|figure| figure.interval.low).fold(f64::NEG_INFINITY, f64::max);
                let high = figures.iter().map(|figure| figure.interval.high).fold(f64::INFINITY, f64::min);
                // Exact figures agree but for their last bits.
                let slack = 1e-12 * low.abs().max(high.abs());
                let (decided, reason) = match low <= high + slack {
                    true => {
                        let range = Unit::Plain.show_interval(0.5 * (low + high), low.min(high), high.max(low));
                        (Decided::Supported, format!("one value lies in every interval: {range}"))
                    }
                    false => (Decided::Refuted, "no value lies in every interval".to_string()),
                };
                (decided, reason, no_region(), none())
            }
            Test::Rising => {
                let (decided, reason) = ordered(&figures, "rising", |before, after| (before, after));
                (decided, reason, no_region(), none())
            }
            Test::Falling => {
                let (decided, reason) = ordered(&figures, "falling", |before, after| (after, before));
                (decided, reason, no_region(), none())
            }
            Test::Least => {
                let (decided, reason) = first_is_least(&figures);
                (decided, reason, no_region(), none())
            }
        };
    let verdict = match decided {
        Decided::Supported => reading.holds,
        Decided::Refuted => reading.fails,
        Decided::Undecided => Verdict::Undecided,
    };
    Judged { verdict, reason, figures, regions, printed }
}

fn stated(verdict: Verdict, reason: String, figures: Vec<Figure>) -> Judged {
    let none = vec![None; figures.len()];
    Judged { verdict, reason, regions: vec![None; figures.len()], printed: none, figures }
}

fn as_printed(figures: &[Figure], regions: &[Option<Region>]) -> (Decided, String) {
    let pairs = figures.iter().zip(regions).filter_map(|(figure, region)| Some((figure, region.as_ref()?)));
    let differ: Vec<&str> = pairs
        .filter(|(figure, region)| decide(&figure.interval, region) == Decided::Refuted)
        .map(|(figure, _)| figure.label.as_str())
        .collect();
    match differ.is_empty() {
        true => (Decided::Supported, "every printed figure follows from the printed ones within their rounding".into()),
        false => (Decided::Refuted, format!("not as printed: {differ}", differ = differ.join(", "))),
    }
}

fn all_within(figures: &[Figure], region: &Region) -> (Decided, String) {
    let with = |verdict: Decided| -> Vec<&str> {
        let found = figures.iter().filter(|figure| decide(&figure.interval, region) == verdict);
        found.map(|figure| figure.label.as_str()).collect()
    };
    let (outside, across) = (with(Decided::Refuted), with(Decided::Undecided));
    match (outside.is_empty(), across.is_empty()) {
        (false, _) => (Decided::Refuted, format!("outside the region: {outside}", outside = outside.join(", "))),
        (true, false) => (Decided::Undecided, format!("across an edge: {across}", across = across.join(", "))),
        (true, true) => (Decided::Supported, "inside the region".into()),
    }
}

fn ordered<'a>(
    figures: &'a [Figure],
    word: &str,
    order: fn(&'a Figure, &'a Figure) -> (&'a Figure, &'a Figure),
) -> (Decided, String) {
    let pairs = || figures.windows(2).map(|pair| order(&pair[0], &pair[1]));
    let against = pairs().find(|(less, more)| more.interval.high < less.interval.low);
    match against {
        Some((less, more)) => {
            (Decided::Refuted, format!("not {word}: {more} < {less}", more = more.label, less = less.label))
        }
        None if pairs().all(|(less, more)| less.interval.high < more.interval.low) => {
            (Decided::Supported, format!("{word} throughout"))
        }
        None => (Decided::Undecided, "neighbours cannot be told apart".into()),
    }
}

fn first_is_least(figures: &[Figure]) -> (Decided, String) {
    let Some((first, others)) = figures.split_first() else { return (Decided::Undecided, "no figure".into()) };
    let less = others.iter().find(|other| other.interval.high < first.interval.low);
    match less {
        Some(other) => {
            (Decided::Refuted, format!("{other} is less than {first}", other = other.label, first = first.label))
        }
        None if others.iter().all(|other| first.interval.high < other.interval.low) => {
            (Decided::Supported, format!("{first} is the least", first = first.label))
        }
        None => (Decided::Undecided, "the least cannot be told apart".into()),
    }
}

fn rule_in_words(reading: &Reading) -> String {
    let test = match &reading.test {
        Test::Printed { .. } => {
            "R: what the printed figure may have been rounded from; holds where every C meets its R"
        }
        Test::Within { .. } => "holds where every C lies inside R, fails where one lies outside",
        Test::Common => "holds where one value lies in every C",
        Test::Rising => "holds where every C lies above the one before",
        Test::Falling => "holds where every C lies below the one before",
        Test::Least => "holds where the first C lies below all others",
        Test::Missing { .. } => return "what would decide is not printed".into(),
        Test::ContradictedBy { .. } => return "two statements of the article exclude each other".into(),
    };
    let interval = reading.figures.as_ref().map_or_else(String::new, interval_in_words);
    let (holds, fails) = (reading.holds, reading.fails);
    let usual = holds == Verdict::Supported && fails == Verdict::Refuted;
    let verdicts = if usual { String::new() } else { format!("; holds: {holds}, fails: {fails}") };
    format!("{interval}; {test}{verdicts}")
}
