//! A printed table beside what this folder says: each printed row of each column that has a metric, beside each arm, subject
//! and level of the other factors.
//!
//! Measured figures are those of summary.csv, in the printed unit. Where there is none the row says why.

use crate::curves::{Curve, Summaries, curves_over};
use crate::results::{Derived, Results};
use crate::series::group_over;
use crate::show::count;
use plan::point::{PROCS, Plan, Point, Skipped};
use plan::printed::{Beside, BesideColumn};
use plan::record::PrintedRow;
use std::collections::BTreeMap;

/// All rows; none where the experiment has no `[printed]`.
pub(crate) fn printed(results: &Results, derived: &Derived) -> Vec<PrintedRow> {
    let Some(beside) = &results.plan.printed else { return Vec::new() };
    let summaries = Summaries::of(derived);
    let mut rows = Vec::new();
    for group in groups(&results.plan, beside) {
        for column in &beside.columns {
            let row = |at| row(results, &summaries, beside, (&group, column, at));
            rows.extend((0..beside.table.rows.len()).map(row));
        }
    }
    rows
}

/// Points, or in their place points that were skipped, which `by` alone tells apart.
struct Group {
    curve: Curve,
    subject: String,
}

// At the levels that it names; one that ran nowhere is a group too, so that its reason is told.
fn groups(plan: &Plan, beside: &Beside) -> Vec<Group> {
    let is_at = |procs: u32, factors: &BTreeMap<String, String>| {
        beside.levels.iter().all(|(key, level)| match key.as_str() {
            PROCS => procs.to_string() == *level,
            // Another subject's factor says nothing about this one.
            key => factors.get(key).is_none_or(|own| own == level),
        })
    };
    let mut groups = Vec::new();
    for curve in curves_over(plan, &beside.by) {
        let first = &plan.points[curve.points[0]];
        if is_at(first.procs, &first.factors) {
            groups.push(Group { subject: first.subject.clone(), curve });
        }
    }
    for skipped in plan.skipped.iter().filter(|skipped| is_at(skipped.procs, &skipped.factors)) {
        let levels = levels_of(plan, beside, skipped);
        let is_same = |group: &Group| group.curve.is_of_arm(&skipped.arm) && group.curve.levels == levels;
        if !groups.iter().any(is_same) {
            let curve = Curve { arm: skipped.arm.clone(), levels, points: Vec::new() };
            groups.push(Group { subject: skipped.subject.clone(), curve });
        }
    }
    groups
}

fn levels_of(plan: &Plan, beside: &Beside, skipped: &Skipped) -> String {
    group_over(plan, &beside.by, (&skipped.subject, skipped.procs, &skipped.factors))
}

fn row(
    results: &Results,
    summaries: &Summaries<'_>,
    beside: &Beside,
    (group, column, at): (&Group, &BesideColumn, usize),
) -> PrintedRow {
    let (plan, level) = (&results.plan, &beside.table.rows[at][0]);
    let is_level = |procs: u32, factors: &BTreeMap<String, String>| match beside.by.as_str() {
        PROCS => procs.to_string() == *level,
        by => factors.get(by) == Some(level),
    };
    let mut points = group.curve.points.iter().map(|&at| &plan.points[at]);
    let point = points.find(|point| is_level(point.procs, &point.factors));
    let line = point.and_then(|point| summaries.get(point, &column.metric));
    // Touches whose page or PU is unknown widen the interval of a hit ratio.
    let estimate = point.and_then(|point| match column.metric.as_str() {
        "local_hit_ratio" => summaries.hit_ratio(point),
        metric => summaries.estimate(point, metric),
    });
    let measured = estimate.map(|(mean, _)| mean / column.per);
    let interval = estimate.and_then(|(_, interval)| interval);
    let printed = beside.printed(at, column);
    let (n_all, n_failed) = point.map_or((0, 0), |point| samples(summaries, point));
    let note = match point {
        Some(_) if measured.is_some() => String::new(),
        Some(_) => {
            let failed = if n_failed == 0 { String::new() } else { format!(", {n_failed} of which failed") };
            format!("no {metric} in {all}{failed}", metric = column.metric, all = count(n_all, "sample"))
        }
        None => {
            let is_here = |skipped: &&Skipped| {
                group.curve.is_of_arm(&skipped.arm)
                    && is_level(skipped.procs, &skipped.factors)
                    && levels_of(plan, beside, skipped) == group.curve.levels
            };
            let skipped = plan.skipped.iter().find(is_here);
            skipped.map_or_else(|| "not in this run".into(), |skipped| skipped.reason.clone())
        }
    };
    PrintedRow {
        arm: group.curve.arm.clone(),
        subject: group.subject.clone(),
        group: group.curve.levels.clone(),
        timing: results.timing(),
        column: column.title.clone(),
        metric: column.metric.clone(),
        per: column.per,
        by: beside.by.clone(),
        level: level.clone(),
        printed,
        measured,
        ci_low: interval.map(|(low, _)| low / column.per),
        ci_high: interval.map(|(_, high)| high / column.per),
        ratio: measured.zip(printed.filter(|&printed| printed != 0.0)).map(|(here, printed)| here / printed),
        n: line.map_or(0, |line| line.row.n),
        n_all,
        regime: point.map(|point| point.regime),
        by_construction: line.is_some_and(|line| line.row.by_construction),
        note,
    }
}

/// How many a point has, and how many of these failed.
fn samples<'a>(summaries: &Summaries<'a>, point: &'a Point) -> (u64, u64) {
    let line = summaries.get(point, "throughput_per_s");
    line.map_or((0, 0), |line| (line.row.n + line.row.n_failed, line.row.n_failed))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fixture::{derived, golden};
    use plan::audit::PrintedTable;

    /// A table by its first column, with metrics beside its columns.
    pub(crate) fn beside(table: &str, columns: &[(&str, &str, f64)]) -> Beside {
        let table = PrintedTable::parse("tasks & costs_1", "t.csv", "t.csv", table).expect("a table");
        let column = |&(title, metric, per): &(&str, &str, f64)| {
            let (title, metric) = (title.into(), metric.into());
            BesideColumn { title, metric, per }
        };
        let columns = columns.iter().map(column).collect();
        Beside { by: table.titles[0].clone(), levels: BTreeMap::new(), columns, table }
    }

    /// The golden folder, in which what differs is no number of workers but a size, all with one worker: 1, 2, 3 … and one that
    /// was skipped; the second arm is another subject.
    fn by_size(table: &str) -> Results {
        let mut results = golden();
        results.plan.factors = vec!["size".into(), "gogc".into()];
        for point in &mut results.plan.points {
            point.factors = [("size".into(), point.procs.to_string())].into();
            point.procs = 1;
            if point.arm == "close" {
                (point.arm, point.subject) = ("unbound".into(), "go".into());
                point.factors.insert("gogc".into(), "100".into());
            }
        }
        for skipped in &mut results.plan.skipped {
            skipped.factors = [("size".into(), skipped.procs.to_string())].into();
            (skipped.arm, skipped.procs, skipped.reason) = ("unbound".into(), 1, "no room".into());
        }
        results.plan.printed = Some(beside(table, &[("rate", "throughput_per_s", 1e3)]));
        results
    }

    fn rows(results: &Results) -> Vec<PrintedRow> {
        printed(results, &derived(results))
    }

    #[test]
    fn each_printed_row_stands_beside_each_subject_and_level() {
        let results = by_size("size,rate\n2,100\n12,50\n77,\n");
        let rows = rows(&results);
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.subject.as_str(), row.group.as_str(), row.level.as_str(), row.note.as_str()))
            .collect();
        let (threads, go) = ("subject=threads", "subject=go, gogc=100");
        let expect = [
            ("threads", threads, "2", ""),
            ("threads", threads, "12", "no room"),
            ("threads", threads, "77", "not in this run"),
            ("go", go, "2", ""),
            ("go", go, "12", "not in this run"),
            ("go", go, "77", "not in this run"),
        ];
        assert_eq!(found, expect);
        let point = results.plan.points.iter().find(|point| point.factors["size"] == "2").expect("it is there");
        let derived = derived(&results);
        let (mean, (low, high)) = Summaries::of(&derived)
            .estimate(point, "throughput_per_s")
            .map(|(mean, interval)| (mean, interval.expect("it has one")))
            .expect("it was measured");
        let first = &rows[0];
        assert_eq!((first.printed, first.measured), (Some(100.0), Some(mean / 1e3)));
        assert_eq!((first.ci_low, first.ci_high), (Some(low / 1e3), Some(high / 1e3)));
        assert_eq!((first.ratio, first.n, first.n_all), (Some(mean / 1e3 / 100.0), 3, 3));
        assert_eq!((rows[1].measured, rows[1].ratio, rows[1].n), (None, None, 0));
        assert_eq!((rows[2].printed, rows[2].ratio), (None, None));
    }

    #[test]
    fn levels_that_are_named_leave_the_others_out() {
        let mut results = by_size("size,rate\n2,100\n");
        let mut check = |key: &str, level: &str, expect: &[&str]| {
            let beside = results.plan.printed.as_mut().expect("there");
            beside.levels = [(key.into(), level.into())].into();
            let rows = rows(&results);
            let found: Vec<&str> = rows.iter().map(|row| row.subject.as_str()).collect();
            assert_eq!(found, expect, "{key} {level}");
        };
        check("procs", "1", &["threads", "go"]);
        check("procs", "4", &[]);
        // What another subject's factor is says nothing about this one.
        check("gogc", "100", &["threads", "go"]);
        check("gogc", "off", &["threads"]);
    }

    #[test]
    fn a_subject_that_ran_nowhere_says_why() {
        let mut results = by_size("size,rate\n2,100\n12,50\n");
        results.plan.skipped[0].subject = "tokio".into();
        let rows = rows(&results);
        let found: Vec<_> = rows.iter().skip(4).map(|row| (row.subject.as_str(), row.note.as_str())).collect();
        assert_eq!(found, [("tokio", "not in this run"), ("tokio", "no room")]);
    }

    #[test]
    fn a_metric_that_no_sample_has_is_told_from_samples_that_are_not_there() {
        let results = by_size("size,rate\n2,100\n");
        let mut derived = derived(&results);
        for line in derived.summary.iter_mut().filter(|line| line.row.metric == "throughput_per_s") {
            (line.row.mean, line.row.n, line.row.n_failed) = (None, 0, 3);
        }
        assert_eq!(printed(&results, &derived)[0].note, "no throughput_per_s in 3 samples, 3 of which failed");
        derived.summary.clear();
        assert_eq!(printed(&results, &derived)[0].note, "no throughput_per_s in 0 samples");
    }

    #[test]
    fn an_experiment_without_a_table_has_no_rows() {
        assert_eq!(rows(&golden()), []);
    }
}
