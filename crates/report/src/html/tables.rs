//! The tables of the report: what was measured, the article's figures beside it, fits, skipped points.

use super::Parts;
use super::markup::{Cell, Page};
use crate::curves::{Summaries, curves};
use crate::results::Results;
use crate::show::{Unit, plain};
use crate::summary::{POOLED_MAX, POOLED_P50, POOLED_P99};
use crate::tables::published::{Compared, Measured, compare};
use crate::tables::{centre_of, flags, has_heaps, own_metric};
use crate::tables::{printed_blocks, printed_cells, printed_heading, printed_notes};
use plan::point::Point;
use plan::record::{FitRow, Timing};

/// What was measured, by curve and its axis.
pub(super) fn measured(page: &mut Page, parts: Parts<'_>) {
    let modelled = parts.results.manifest.timing == Timing::Modelled;
    page.heading(if modelled { "What the model computed" } else { "What was measured" });
    let plan = &parts.results.plan;
    let axis = format!(">{axis}", axis = plan.axis);
    let mut titles = vec![axis.as_str()];
    if has_heaps(parts.results) {
        titles.extend([">local hit ratio", "interval"]);
    }
    titles.extend([">throughput", "95 % interval"]);
    titles.extend(plan.metrics.iter().map(String::as_str));
    titles.extend([">pause p50", "95 % interval", ">p99", "95 % interval", ">max", ">pause sd", ">n", "flags"]);
    page.table(&titles);
    let summaries = Summaries::of(parts.derived);
    for curve in curves(plan) {
        let points: Vec<&Point> = curve.points.iter().map(|&at| &plan.points[at]).collect();
        let place =
            points.first().map_or(String::new(), |point| format!("{}, {}", point.placement_name, point.memory_policy));
        page.table_heading(titles.len(), &format!("{name}: {place}", name = curve.name()));
        points.iter().for_each(|point| page.row(&cells(parts.results, &summaries, point)));
    }
    page.end_table();
    page.element(
        "p",
        "note",
        &format!(
        "Throughput is {centre} of the samples, a hit ratio the mean. Intervals are 95 %, that of a hit ratio widened by touches whose \
         page or PU is unknown. (c) by construction: it follows from the plan alone. Flags: O oversubscribed (waiting for a PU belongs to it, so that neighbours who take PUs are not seen: it looks clean on a loaded host), S siblings of a core used, N noisy, \
         D and F: so many samples disturbed or failed. k of n: only so many samples have a value. Pause p50 and p99 are of all pauses of a \
         point together, their intervals by bootstrap over its samples, too narrow below 20 of these; max is the longest of them. Pause sd is the standard \
         deviation of the pauses of a sample, over samples the geometric mean. Empty: not measured; an sd needs 30 pauses in a \
         sample, a p99 368 in all samples of the point.",
        centre = centre_of("throughput_per_s", parts.derived)),
    );
}

fn cells(results: &Results, summaries: &Summaries<'_>, point: &Point) -> Vec<Cell> {
    let number = |unit: Unit, value: Option<f64>, metric: &'static str| {
        let shown = |value| format!("{}{}", unit.show(value), summaries.of_n(point, metric));
        Cell::Number(value.map_or_else(String::new, shown))
    };
    let pause = |metric: &'static str| summaries.estimate(point, metric);
    let quantile = |metric: &'static str| {
        let interval = |(value, interval): (f64, Option<(f64, f64)>)| {
            interval.map(|(low, high)| Unit::Nanoseconds.show_interval(value, low, high))
        };
        let shown = pause(metric);
        let value = number(Unit::Nanoseconds, shown.map(|(value, _)| value), metric);
        [value, Cell::Whole(shown.and_then(interval).unwrap_or_default())]
    };
    let ([p50, p50_interval], [p99, p99_interval]) = (quantile(POOLED_P50), quantile(POOLED_P99));
    let variance = "pause_variance_ns2";
    let with_interval = |unit: Unit, estimate: Option<(f64, Option<(f64, f64)>)>, mark: &str| match estimate {
        Some((mean, interval)) => {
            let interval = interval.map_or_else(String::new, |(low, high)| unit.show_interval(mean, low, high));
            [Cell::Number(format!("{value}{mark}", value = unit.show(mean))), Cell::Whole(interval)]
        }
        None => [Cell::Number("not measured".into()), Cell::Whole(String::new())],
    };
    let by_construction = if point.hit_ratio_by_construction.is_some() { " (c)" } else { "" };
    let mark = format!("{of_n}{by_construction}", of_n = summaries.of_n(point, "local_hit_ratio"));
    // Where all samples agree to the last digit shown there is nothing between the ends.
    let known = |(mean, interval): (f64, Option<(f64, f64)>)| (mean, interval.filter(|(low, high)| high - low > 5e-5));
    let [hit, hit_interval] = with_interval(Unit::Ratio, summaries.hit_ratio(point).map(known), &mark);
    let throughput = summaries.estimate(point, "throughput_per_s");
    let [throughput, interval] = with_interval(Unit::PerSecond, throughput, "");
    let mut cells = vec![Cell::Number(point.x().to_string())];
    if has_heaps(results) {
        cells.extend([hit, hit_interval]);
    }
    cells.extend([throughput, interval]);
    let own = results.plan.metrics.iter().map(|metric| own_metric(results, summaries, point, metric));
    cells.extend(own.map(Cell::Whole));
    cells.extend([
        p50,
        p50_interval,
        p99,
        p99_interval,
        number(Unit::Nanoseconds, pause(POOLED_MAX).map(|(longest, _)| longest), POOLED_MAX),
        number(Unit::Nanoseconds, pause(variance).map(|(variance, _)| variance.sqrt()), variance),
        Cell::Number(summaries.n(point)),
        Cell::Whole(flags(results, summaries, point)),
    ]);
    cells
}

/// The article's figures beside the measured ones.
pub(super) fn published(page: &mut Page, parts: Parts<'_>) {
    let Some(published) = parts.published else { return };
    page.heading("Printed beside measured");
    let titles = [
        ">procs",
        ">hit printed",
        ">here [95 %]",
        ">ratio",
        ">throughput printed",
        ">here [95 %]",
        ">ratio",
        "verdict, or why there is none",
    ];
    page.table(&titles);
    for comparison in compare(published, Some(Measured { results: parts.results, derived: parts.derived })) {
        page.table_heading(titles.len(), &comparison.arm);
        for row in comparison.rows {
            let verdicts = row.verdicts.iter().map(|(claim, verdict)| format!("{verdict}: {claim}"));
            let missing = row.missing.as_ref().map(ToString::to_string);
            let words: Vec<String> = verdicts.chain(missing).collect();
            let mut cells = vec![Cell::Number(row.procs.to_string())];
            cells.extend(half(Unit::Ratio, &row.hit_ratio));
            cells.extend(half(Unit::PerSecond, &row.throughput));
            cells.push(Cell::Words(if words.is_empty() { "no claim".into() } else { words.join("; ") }));
            page.row(&cells);
        }
    }
    page.end_table();
}

/// The printed table of `[printed]` beside the measured figures.
pub(super) fn printed(page: &mut Page, parts: Parts<'_>) {
    let rows = &parts.derived.printed;
    let Some(first) = rows.first() else { return };
    page.heading("Printed beside measured");
    let by = format!(">{by}", by = first.by);
    let here = if parts.results.modelled().is_some() { ">computed" } else { ">here" };
    let titles = [by.as_str(), ">printed", here, "95 % interval", ">ratio", ">n"];
    page.table(&titles);
    for block in printed_blocks(rows) {
        page.table_heading(titles.len(), &printed_heading(&block[0]));
        block.iter().for_each(|row| page.row(&printed_cells(row).into_iter().map(Cell::Number).collect::<Vec<_>>()));
    }
    page.end_table();
    printed_notes(rows).iter().for_each(|note| page.element("p", "note", note));
}

fn half(unit: Unit, compared: &Compared) -> [Cell; 3] {
    let none = || "–".to_string();
    let here = compared.measured.map_or_else(none, |value| unit.show_with_interval(value, compared.interval));
    let mark = if compared.by_construction && compared.measured.is_some() { " (c)" } else { "" };
    [
        Cell::Number(compared.printed.map_or_else(none, |value| unit.show(value))),
        Cell::Number(format!("{here}{mark}")),
        Cell::Number(compared.ratio().map_or_else(none, plain)),
    ]
}

/// Every fit with its status, parameters and knees with their intervals.
pub(super) fn fits(page: &mut Page, parts: Parts<'_>) {
    page.heading("Fits");
    if parts.derived.fits.is_empty() {
        return page.element("p", "", "Nothing was fitted.");
    }
    let titles = ["model", "parameter", ">estimate", "95 % interval", ">n", ">weight", ">misfit", "status"];
    page.table(&titles);
    let mut about = String::new();
    for row in &parts.derived.fits {
        let now = subject_of(row);
        if now != about {
            page.table_heading(titles.len(), &now);
            about = now;
        }
        page.row(&fit_cells(row));
    }
    page.end_table();
    page.element(
        "p",
        "note",
        "Fitted to the logarithm of the metric, one regime at a time. knee_peak is where the fitted curve is highest, \
         knee_kleinrock where throughput squared over procs is; argmax is the best measured procs, without a model. \
         Weight: Akaike's, among adequate models. Misfit: root mean square of ln mean - ln model.",
    );
}

fn subject_of(row: &FitRow) -> String {
    let group = if row.group.is_empty() { String::new() } else { format!(", {}", row.group) };
    format!(
        "{response} against {x}, {arm}{group}, regime {regime}",
        response = row.response,
        x = row.x,
        arm = row.arm,
        regime = row.regime
    )
}

fn fit_cells(row: &FitRow) -> [Cell; 8] {
    let show = |value: Option<f64>| value.map_or_else(String::new, plain);
    let interval = row.ci_low.zip(row.ci_high).map(|(low, high)| {
        format!("{low} to {high} ({method})", low = plain(low), high = plain(high), method = row.ci_method)
    });
    [
        Cell::Whole(row.model.clone()),
        Cell::Whole(row.parameter.clone()),
        Cell::Number(show(row.estimate)),
        Cell::Whole(interval.unwrap_or_default()),
        Cell::Number(row.n.to_string()),
        Cell::Number(show(row.akaike_weight)),
        Cell::Number(row.misfit_ratio.map_or_else(String::new, |misfit| Unit::Ratio.show(misfit))),
        Cell::Words(row.status.clone()),
    ]
}

/// Points that did not run.
pub(super) fn skipped(page: &mut Page, results: &Results) {
    if results.plan.skipped.is_empty() {
        return;
    }
    page.heading("Skipped points");
    page.table(&["arm", &format!(">{axis}", axis = results.plan.axis), "why"]);
    for skipped in &results.plan.skipped {
        page.row(&[
            Cell::Whole(skipped.arm.clone()),
            Cell::Number(skipped.x().to_string()),
            Cell::Words(skipped.reason.clone()),
        ]);
    }
    page.end_table();
}
