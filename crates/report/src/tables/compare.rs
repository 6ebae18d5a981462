//! What a comparison found: on a terminal, in Markdown, as CSV.

use super::grid::{Align, Grid};
use super::{Look, Paint, wrap};
use crate::compare::{Comparison, Named};
use crate::show::{Unit, count};
use plan::record::{ContrastRow, Judgement, Replicate, Row, titles};
use std::collections::BTreeSet;

/// For a terminal: by metric and candidate one table, what its figures mean, and why what is undecided is so.
pub fn compare_text(comparison: &Comparison, look: impl Into<Look>) -> String {
    let look = look.into();
    let mut text = wrap(&title(comparison), 0, look.columns());
    for rows in tables_of(comparison) {
        let mut grid = Grid::default()
            .column("procs", Align::Right, 0)
            .column("baseline", Align::Right, 1)
            .column("candidate", Align::Right, 1)
            .column("change", Align::Right, 0)
            .column("verdict", Align::Left, 0)
            .column("would decide", Align::Left, 2);
        for of_arm in rows.chunk_by(|a, b| (&a.arm, &a.group) == (&b.arm, &b.group)) {
            grid.heading(arm_of(&of_arm[0]));
            for row in of_arm {
                let [procs, baseline, candidate, change, verdict, needed] = cells(row);
                grid.row(vec![procs, baseline, candidate, change, verdict, needed]);
            }
        }
        text += "\n";
        for line in wrap(&heading(&rows[0]), 0, look.columns()).lines() {
            text += &format!("{line}\n", line = look.paint(line, Paint::Bold));
        }
        text += &coloured(&grid.text(look).0, look);
    }
    text += "\n";
    for line in explained(comparison).iter().chain(&comparison.notes).chain([&summary(comparison)]) {
        // Further lines hang below the first.
        text += &wrap(line, 2, look.columns())[2..];
    }
    text
}

/// For a pull request.
pub fn compare_markdown(comparison: &Comparison) -> String {
    let mut text = format!("**{title}**: {summary}\n", title = title(comparison), summary = summary(comparison));
    for rows in tables_of(comparison) {
        text += &format!("\n{heading}\n\n", heading = heading(&rows[0]));
        text +=
            "| arm | procs | baseline | candidate | change | verdict | would decide |\n|---|--:|--:|--:|--:|---|---|\n";
        for row in rows {
            let [procs, baseline, candidate, change, verdict, needed] = cells(row);
            let verdict = match row.verdict {
                Judgement::Faster | Judgement::Slower => format!("**{verdict}**"),
                _ => verdict,
            };
            let cells = [arm_of(row), procs, baseline, candidate, change, verdict, needed];
            text += &format!("| {cells} |\n", cells = cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
    }
    text += "\n";
    for line in explained(comparison).iter().chain(&comparison.notes) {
        text += &format!("- {line}\n");
    }
    text
}

/// Every column of [`ContrastRow`].
pub fn compare_csv(comparison: &Comparison) -> String {
    super::csv_text(&titles::<ContrastRow>(), comparison.rows.iter().map(Row::cells))
}

/// `2 of 6 contrasts slower, 3 the same, 1 undecided`.
pub fn summary(comparison: &Comparison) -> String {
    let parts = Judgement::ALL.iter().filter_map(|&judgement| {
        let number = comparison.count(judgement);
        (number > 0).then(|| format!("{number} {judgement}"))
    });
    let all = count(comparison.rows.len() as u64, "contrast");
    format!("{all}: {parts}", parts = parts.collect::<Vec<_>>().join(", "))
}

/// Rows of one metric and one candidate.
fn tables_of(comparison: &Comparison) -> impl Iterator<Item = &[ContrastRow]> {
    comparison.rows.chunk_by(|a, b| {
        (&a.metric, &a.candidate) == (&b.metric, &b.candidate) || is_arms(a) && is_arms(b) && a.metric == b.metric
    })
}

fn is_arms(row: &ContrastRow) -> bool {
    row.replicate == Replicate::Block
}

/// `small: b (numalab 0.1.0 of c0ffee (ab12), 5 sessions) against a (…)`.
fn title(comparison: &Comparison) -> String {
    let shown = |side: &Named| match side.program.as_str() {
        "" => side.name.clone(),
        program => format!("{name} ({program}, {n})", name = side.name, n = count(side.sessions as u64, "session")),
    };
    let (baseline, others) = comparison.sides.split_first().expect("a comparison has a baseline");
    let others = others.iter().map(shown).collect::<Vec<_>>().join(" and ");
    format!("{name}: {others} against {baseline}", name = comparison.experiment, baseline = shown(baseline))
}

/// `throughput_per_s, more is better: b …`.
fn heading(row: &ContrastRow) -> String {
    let candidate = if is_arms(row) { String::new() } else { format!(": {candidate}", candidate = row.candidate) };
    format!("{metric}, {better} is better{candidate}", metric = row.metric, better = row.better)
}

fn arm_of(row: &ContrastRow) -> String {
    [&row.arm, &row.group].into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}

/// Procs, means of both sides, change with its interval, verdict, what would decide.
fn cells(row: &ContrastRow) -> [String; 6] {
    let unit = Unit::of(&row.unit);
    let mean = |mean: Option<f64>| mean.map_or_else(|| "none".into(), |mean| unit.show(mean));
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let change = match (row.ratio, row.ci_low, row.ci_high) {
        (Some(ratio), Some(low), Some(high)) => {
            let decimals = if percent(high) - percent(low) < 0.2 { 2 } else { 1 };
            let [ratio, low, high] = [ratio, low, high].map(|ratio| signed(percent(ratio), decimals));
            format!("{ratio} % [{low}, {high}]")
        }
        (Some(ratio), ..) => format!("{ratio} %", ratio = signed(percent(ratio), 1)),
        _ => String::new(),
    };
    let mark = if row.marks.is_some() { " *" } else { "" };
    let needed = row
        .needed_n
        .as_ref()
        .map_or_else(String::new, |needed| format!("{needed} {replicate}s", replicate = row.replicate));
    let verdict = format!("{verdict}{mark}", verdict = row.verdict);
    [row.procs.to_string(), mean(row.baseline_mean), mean(row.candidate_mean), change, verdict, needed]
}

/// `+4.2`, `-0.3`, `0.0` without a sign.
fn signed(number: f64, decimals: usize) -> String {
    let text = format!("{number:+.decimals$}");
    if text.bytes().all(|byte| matches!(byte, b'+' | b'-' | b'0' | b'.')) { text[1..].into() } else { text }
}

/// What the figures mean, and the reasons of what is undecided, each with the points that share it.
fn explained(comparison: &Comparison) -> Vec<String> {
    let row = &comparison.rows[0];
    let noise = 100.0 * row.noise;
    let together = match row.contrasts {
        1 => String::new(),
        of => format!(", at which all {of} contrasts hold together at 95 %"),
    };
    let mut lines = vec![format!(
        "change: candidate / baseline, {method}; [ ]: its interval at {level:.2} %{together}; faster or slower: beyond ± {noise} %; \
same: the 90 % interval within it",
        method = row.method,
        level = 100.0 * row.level,
    )];
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for row in comparison.rows.iter().filter(|row| row.verdict == Judgement::Undecided) {
        let at = format!("{arm} {procs}", arm = arm_of(row), procs = row.procs);
        match reasons.iter_mut().find(|(reason, _)| *reason == row.reason) {
            Some((_, places)) => places.push(at),
            None => reasons.push((&row.reason, vec![at])),
        }
    }
    lines.extend(reasons.into_iter().map(|(reason, at)| format!("undecided: {reason}: {at}", at = at.join(", "))));
    let marks: BTreeSet<&str> = comparison.rows.iter().filter_map(|row| row.marks.as_deref()).collect();
    lines.extend(marks.into_iter().map(|marks| format!("*: compared all the same: {marks}")));
    lines
}

/// Colours the verdicts; a column cannot be coloured before it is aligned.
fn coloured(text: &str, look: Look) -> String {
    let paint = |line: &str| {
        let found =
            Judgement::ALL.iter().find(|judgement| line.contains(&format!("  {word}", word = judgement.word())));
        match found {
            Some(&judgement) => line.replacen(judgement.word(), &look.paint(judgement.word(), paint_of(judgement)), 1),
            None => line.into(),
        }
    };
    text.lines().map(|line| format!("{line}\n", line = paint(line))).collect()
}

fn paint_of(judgement: Judgement) -> Paint {
    match judgement {
        Judgement::Faster => Paint::Good,
        Judgement::Slower => Paint::Bad,
        Judgement::Same => Paint::Dim,
        Judgement::Undecided => Paint::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(procs: u32, ratio: f64, verdict: Judgement, reason: &str, needed: Option<&str>) -> ContrastRow {
        ContrastRow {
            metric: "throughput_per_s".into(),
            unit: "1/s".into(),
            better: "more".into(),
            baseline: "a".into(),
            candidate: "b".into(),
            arm: "close".into(),
            subject: "threads".into(),
            procs,
            group: String::new(),
            regime: "core".into(),
            baseline_mean: Some(1e6),
            candidate_mean: Some(1e6 * ratio),
            ratio: Some(ratio),
            ci_low: Some(ratio - 0.01),
            ci_high: Some(ratio + 0.01),
            level: 0.975,
            same_low: None,
            same_high: None,
            noise: 0.02,
            contrasts: 2,
            replicate: Replicate::Session,
            n_baseline: 5,
            n_candidate: 5,
            df: Some(8.0),
            method: "Welch's t".into(),
            permutation_p: None,
            n_contaminated: 0,
            verdict,
            reason: reason.into(),
            needed_n: needed.map(String::from),
            marks: None,
        }
    }

    fn comparison() -> Comparison {
        let side = |name: &str| Named { name: name.into(), program: format!("numalab 1 of {name}{name}"), sessions: 5 };
        let rows = vec![
            row(1, 0.95, Judgement::Slower, "beyond", None),
            row(2, 1.0, Judgement::Undecided, "across the edge", Some("> 1000")),
        ];
        Comparison { experiment: "small".into(), sides: vec![side("a"), side("b")], rows, notes: vec!["a note".into()] }
    }

    #[test]
    fn a_terminal_sees_what_changed_by_how_much_and_why_not() {
        let expect = "small: b (numalab 1 of bb, 5 sessions) against a (numalab 1 of aa, 5 sessions)

throughput_per_s, more is better: b
  procs  baseline  candidate               change  verdict    would decide
close
      1  1.00 M/s   950 k/s   -5.0 % [-6.0, -4.0]  slower
      2  1.00 M/s  1.00 M/s     0.0 % [-1.0, +1.0]  undecided  > 1000 sessions

change: candidate / baseline, Welch's t; [ ]: its interval at 97.50 %, at which all 2 contrasts
  hold together at 95 %; faster or slower: beyond ± 2 %; same: the 90 % interval within it
undecided: across the edge: close 2
a note
2 contrasts: 1 slower, 1 undecided
";
        assert_eq!(squeezed(&compare_text(&comparison(), 100)), squeezed(expect));
        let colour = compare_text(&comparison(), Look { width: 100, colour: true });
        assert!(colour.contains("\x1b[31mslower\x1b[0m") && colour.contains("\x1b[33mundecided\x1b[0m"), "{colour}");
    }

    /// Blanks between columns do not matter here.
    fn squeezed(text: &str) -> Vec<String> {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_pull_request_gets_tables_and_bold_verdicts() {
        let text = compare_markdown(&comparison());
        assert!(text.starts_with("**small: b (numalab 1 of bb, 5 sessions) against a"), "{text}");
        assert!(text.contains("| close | 1 | 1.00 M/s | 950 k/s | -5.0 % [-6.0, -4.0] | **slower** |  |\n"), "{text}");
        assert!(text.contains("| undecided | > 1000 sessions |\n") && text.contains("- a note\n"), "{text}");
    }

    #[test]
    fn csv_reads_back() {
        let text = compare_csv(&comparison());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<ContrastRow> = reader
            .records()
            .map(|record| {
                let record = record.expect("a row");
                ContrastRow::read(&|at| record.get(at).unwrap_or("")).expect("what was written")
            })
            .collect();
        assert_eq!(rows, comparison().rows);
    }

    #[test]
    fn a_change_that_rounds_to_none_has_no_sign() {
        assert_eq!([-0.04, 0.04, 0.06, -12.34].map(|number| signed(number, 1)), ["0.0", "0.0", "+0.1", "-12.3"]);
    }
}
