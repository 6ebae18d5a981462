//! What was measured: a line for each arm and procs.

use super::grid::{Align, Grid};
use super::{Look, Paint, wrap};
use crate::curves::{Summaries, curves, unit_of};
use crate::mean::GEOMETRIC;
use crate::results::{Derived, Results};
use crate::show::{Unit, count};
use crate::summary::{POOLED_MAX, POOLED_P50, POOLED_P99};
use plan::place::Regime;
use plan::point::Point;
use plan::record::Timing;

/// A column of the main table.
pub(super) struct Column {
    pub(super) title: String,
    pub(super) align: Align,
    // As Grid::column has it.
    spare: u8,
    holds: Holds,
}

/// What a column of the main table holds of a point.
#[derive(Clone, Copy)]
enum Holds {
    X,
    HitRatio,
    Throughput,
    P50,
    P50Interval,
    P99,
    Longest,
    PauseSd,
    /// The workload's own metric of this number.
    Own(usize),
    N,
    Flags,
}

/// The columns of the main table. A workload without heaps has no hit ratio; its pauses are shown where there are any.
pub(super) fn columns(results: &Results, derived: &Derived) -> Vec<Column> {
    let plan = &results.plan;
    let of = |title: &str, align, spare, holds| Column { title: title.into(), align, spare, holds };
    let mut columns = vec![of(&plan.axis, Align::Right, 0, Holds::X)];
    let heaps = has_heaps(results);
    if heaps {
        columns.push(of("local hit ratio", Align::Left, 0, Holds::HitRatio));
    }
    columns.push(of("throughput", Align::Left, 0, Holds::Throughput));
    // Those that come first say most: in a narrow table the last go first.
    let own = plan.metrics.iter().zip(0..);
    columns.extend(own.map(|(metric, at)| of(&title_of(metric), Align::Left, 5 + at, Holds::Own(usize::from(at)))));
    if heaps || derived.summary.iter().any(|line| line.row.metric == POOLED_MAX) {
        columns.extend([
            of("pause p50", Align::Right, 0, Holds::P50),
            of("p50 interval", Align::Left, 1, Holds::P50Interval),
            of("p99", Align::Right, 4, Holds::P99),
            of("max", Align::Right, 3, Holds::Longest),
            of("pause sd", Align::Right, 2, Holds::PauseSd),
        ]);
    }
    columns.extend([of("n", Align::Right, 0, Holds::N), of("flags", Align::Left, 0, Holds::Flags)]);
    columns
}

/// A metric without the unit that its values are shown with: `first storm` of `first_storm_ns`.
fn title_of(metric: &str) -> String {
    metric.strip_suffix("_ns").unwrap_or(metric).replace('_', " ")
}

/// Whether any point's workload touches memory that a hit ratio could be about.
pub(crate) fn has_heaps(results: &Results) -> bool {
    results.plan.points.iter().any(|point| point.workload.has_heaps())
}

/// The table that a run ends with: local hit ratio, throughput and pauses by arm and procs, each with its interval.
///
/// No line is longer than the width. What could not be measured is said below the table with its reason.
pub fn main_text(results: &Results, derived: &Derived, look: impl Into<Look>) -> String {
    let look = look.into();
    let grid = grid(results, derived);
    let (table, dropped) = grid.text(look);
    let mut text = wrap(&headline(results), 0, look.columns());
    text += &table;
    for line in legend(results, derived, &table, &dropped) {
        text += &paint_lines(&wrap(&line, 0, look.columns()), look);
    }
    text
}

/// What the table means, line by line; nothing is left out of it.
pub(super) fn whole_legend(results: &Results, derived: &Derived) -> Vec<String> {
    let (table, _) = grid(results, derived).text(Look { width: usize::MAX, colour: false });
    legend(results, derived, &table, &[])
}

fn grid(results: &Results, derived: &Derived) -> Grid {
    let summaries = Summaries::of(derived);
    let columns = columns(results, derived);
    let add = |grid: Grid, column: &Column| grid.column(&column.title, column.align, column.spare);
    let mut grid = columns.iter().fold(Grid::default(), add);
    for curve in curves(&results.plan) {
        let points = || curve.points.iter().map(|&at| &results.plan.points[at]);
        grid.heading(format!("{name}: {place}", name = curve.name(), place = places(points())));
        points().for_each(|point| grid.row(cells(&columns, results, &summaries, point)));
    }
    grid
}

/// How far the times of a run can be believed, one sentence.
pub(crate) fn timing_words(timing: Timing) -> &'static str {
    match timing {
        Timing::Hardware => "times are those of a machine of its own",
        Timing::Virtual => "times are those of a virtual machine: real, but with neighbours",
        Timing::Emulated => "the machine is emulated: placement is true, no time is",
        Timing::Modelled => "computed by a model, not measured",
    }
}

pub(super) fn headline(results: &Results) -> String {
    let manifest = &results.manifest;
    format!(
        "{experiment} on {host}: {points}, {samples}; {timing}",
        experiment = manifest.experiment,
        host = manifest.host,
        points = count(results.plan.points.len() as u64, "point"),
        samples = count(results.samples.len() as u64, "sample"),
        timing = timing_words(manifest.timing),
    )
}

// Placement and policies, which are the same along most curves; else those of the first point and "…".
pub(super) fn places<'a>(mut points: impl Iterator<Item = &'a Point>) -> String {
    let place = |point: &Point| format!("placement {}, {}", point.placement_name, point.memory_policy);
    let Some(first) = points.next().map(place) else { return String::new() };
    let same = points.all(|point| place(point) == first);
    if same { first } else { format!("{first} (at the first point)") }
}

pub(super) fn cells(columns: &[Column], results: &Results, summaries: &Summaries<'_>, point: &Point) -> Vec<String> {
    columns.iter().map(|column| cell(column.holds, results, summaries, point)).collect()
}

fn cell(holds: Holds, results: &Results, summaries: &Summaries<'_>, point: &Point) -> String {
    let show = |metric: &'static str| match summaries.estimate(point, metric) {
        Some((value, _)) => format!("{}{}", Unit::Nanoseconds.show(value), summaries.of_n(point, metric)),
        None => String::new(),
    };
    match holds {
        Holds::X => point.x().to_string(),
        Holds::HitRatio => hit_ratio(summaries, point),
        Holds::Throughput => summaries
            .estimate(point, "throughput_per_s")
            .map_or("not measured".into(), |(mean, interval)| Unit::PerSecond.show_with_interval(mean, interval)),
        Holds::P50 => show(POOLED_P50),
        Holds::P50Interval => summaries.estimate(point, POOLED_P50).map_or_else(String::new, |(p50, interval)| {
            interval.map_or_else(String::new, |(low, high)| Unit::Nanoseconds.show_interval(p50, low, high))
        }),
        Holds::P99 => show(POOLED_P99),
        Holds::Longest => show(POOLED_MAX),
        Holds::PauseSd => summaries.estimate(point, "pause_variance_ns2").map_or_else(String::new, |(variance, _)| {
            format!("{}{}", Unit::Nanoseconds.show(variance.sqrt()), summaries.of_n(point, "pause_variance_ns2"))
        }),
        Holds::Own(at) => own_metric(results, summaries, point, &results.plan.metrics[at]),
        Holds::N => summaries.n(point),
        Holds::Flags => flags(results, summaries, point),
    }
}

/// A metric of the workload with its interval; empty where its subject does not tell.
pub(crate) fn own_metric<'a>(
    results: &'a Results,
    summaries: &Summaries<'a>,
    point: &'a Point,
    metric: &'a str,
) -> String {
    summaries.estimate(point, metric).map_or_else(String::new, |(mean, interval)| {
        let known = interval.filter(|(low, high)| low < high);
        format!("{}{}", unit_of(metric, results).show_with_interval(mean, known), summaries.of_n(point, metric))
    })
}

fn hit_ratio(summaries: &Summaries<'_>, point: &Point) -> String {
    let by_construction = point.hit_ratio_by_construction.is_some();
    match summaries.hit_ratio(point) {
        Some((mean, interval)) => {
            let known = interval.filter(|(low, high)| high - low > 5e-5);
            let of_n = summaries.of_n(point, "local_hit_ratio");
            let shown = format!("{}{of_n}", Unit::Ratio.show_with_interval(mean, known));
            if by_construction { format!("{shown} (c)") } else { shown }
        }
        None if !point.workload.has_heaps() => String::new(),
        None => "not measured".into(),
    }
}

/// Letters of a point's flags: O oversubscribed, S siblings used, N noisy, D and F with their number, W with its percent.
pub(crate) fn flags(results: &Results, summaries: &Summaries<'_>, point: &Point) -> String {
    let mut flags = Vec::new();
    match point.regime {
        Regime::Core => {}
        Regime::Smt => flags.push("S".to_string()),
        Regime::Oversubscribed => flags.push("O".to_string()),
    }
    if let Some(line) = summaries.get(point, "throughput_per_s") {
        let numbered = [("D", line.row.n_contaminated), ("F", line.row.n_failed)];
        flags.extend(line.row.noisy.then(|| "N".to_string()));
        flags.extend(numbered.iter().filter(|(_, number)| *number > 0).map(|(flag, number)| format!("{flag}{number}")));
    }
    let warmups = results.plan.points.iter().zip(&results.warmups);
    let warmup = warmups.filter(|(other, _)| other.id == point.id).find_map(|(_, warmup)| *warmup);
    flags.extend(warmup.map(|warmup| format!("W{percent:.0}", percent = 100.0 * warmup.ratio)));
    flags.join(" ")
}

/// Which mean the values of a metric are: the mean, or, of times, rates and variances, the geometric mean.
pub(crate) fn centre_of(metric: &str, derived: &Derived) -> &'static str {
    let lines = derived.summary.iter().filter(|line| line.row.metric == metric && line.row.ci_low.is_some());
    let (geometric, other): (Vec<_>, Vec<_>) = lines.partition(|line| line.row.ci_method == GEOMETRIC);
    match (geometric.is_empty(), other.is_empty()) {
        (false, true) => "the geometric mean",
        (false, false) => "the geometric mean or the mean (summary.csv says which)",
        _ => "the mean",
    }
}

fn legend(results: &Results, derived: &Derived, table: &str, dropped: &[&str]) -> Vec<String> {
    let centre = centre_of("throughput_per_s", derived);
    let mut lines = vec![match has_heaps(results) {
        true => format!(
            "throughput: {centre} of the samples; local hit ratio: the mean; [ ]: its 95 % interval, of a hit ratio widened by \
             touches whose page or PU is unknown; none where all samples agree"
        ),
        false => format!(
            "times and rates: {centre} of the samples; ratios and counts: the mean; [ ]: its 95 % interval, none where all \
             samples agree; empty: its subject does not tell"
        ),
    }];
    let mut say = |wanted: bool, text: &str| {
        if wanted {
            lines.push(text.into());
        }
    };
    say(table.contains("latency max"), "latency max: the longest of all samples of a point");
    say(table.contains(" of "), "k of n: only so many samples have a value");
    say(table.contains("(c)"), "(c): by construction: it follows from the plan alone and says nothing about a runtime");
    let flagged =
        |flag: &str| table.lines().any(|line| line.split_whitespace().rev().take(4).any(|word| is_flag(word, flag)));
    say(
        flagged("O"),
        "O: oversubscribed, more workers than PUs: waiting for a PU belongs to it, so that neighbours who take PUs are not \
         seen (such a point looks clean on a loaded host)",
    );
    say(flagged("S"), "S: siblings of a core share it");
    say(flagged("N"), "N: noisy, half of the samples or more were disturbed: no claim about time is decided here");
    say(flagged("D"), "D: so many samples were disturbed from outside; they are used all the same");
    say(flagged("F"), "F: so many samples failed; samples.csv says how");
    say(
        flagged("W"),
        "W: so many percent at the start of each sample are warm-up, by change point over all samples of the point, and \
         are not in the throughput; summary.csv has that of whole samples, too",
    );
    let has = |metric: &str| derived.summary.iter().any(|line| line.row.metric == metric && line.row.mean.is_some());
    say(
        has(POOLED_P50),
        "pause p50, p99: of all pauses of a point together, their 95 % intervals by bootstrap over its samples, too narrow \
         below 20 of these (that of p99 is in report.html and summary.csv); max: the longest of them",
    );
    let has_pauses = has(POOLED_MAX);
    say(has_pauses && !has(POOLED_P50), "no p50 of pauses: pauses.csv is not in the folder");
    say(
        has(POOLED_P50) && !has(POOLED_P99),
        "no p99 of pauses: a point needs 368 of them for it, over all its samples",
    );
    say(
        has("pause_variance_ns2"),
        "pause sd: standard deviation of the pauses of a sample that has 30 or more, over samples the geometric mean",
    );
    say(has_pauses && !has("pause_variance_ns2"), "no pause sd: a sample needs 30 pauses for it, and none has so many");
    if !dropped.is_empty() {
        lines.push(format!("left out in this width (report.html and summary.csv have it): {}", dropped.join(", ")));
    }
    if !results.plan.skipped.is_empty() {
        let skipped = count(results.plan.skipped.len() as u64, "point");
        let first = &results.plan.skipped[0];
        lines.push(format!(
            "{skipped} skipped, for instance {arm} at {procs} {axis}: {reason}",
            arm = first.arm,
            procs = first.x(),
            axis = results.plan.axis,
            reason = first.reason
        ));
    }
    lines
}

fn is_flag(word: &str, flag: &str) -> bool {
    word.strip_prefix(flag).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn paint_lines(text: &str, look: Look) -> String {
    text.lines().map(|line| format!("{}\n", look.paint(line, Paint::Dim))).collect()
}
