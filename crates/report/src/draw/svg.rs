//! Puts a figure together: title, flags, axes, series, legend, notes, from top to bottom; its height follows from them.

use super::knees::{draw_knees, strip_height};
use super::layout::{Flag, LINE, TEXT, flags, flow, width, wrap};
use super::paint::{Anchor, Ink, Sheet, paint, view_box};
use super::palette::{self, Colour, of_series};
use super::scale::{Position, Ruler, Tick};
use super::{Axis, Figure, Scale, Series, Shape, Style};
use std::collections::HashSet;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 14.0;
const TITLE: f64 = 16.0;
const PLOT_HEIGHT: f64 = 360.0;
const LEGEND_SYMBOL: f64 = 26.0;
const LEGEND_GAP: f64 = 18.0;
const DOT: f64 = 4.5;
const ESTIMATE: f64 = 7.5;
const CROSS: f64 = 11.0;
// Sideways places of dots at one x, in pixels.
const SPREAD: [f64; 6] = [-4.0, 4.0, -2.5, 2.5, -5.0, 5.0];

/// Everything that is placed before the first stroke.
struct Layout<'a> {
    figure: &'a Figure,
    x: Ruler,
    y: Ruler,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    x_label: String,
    y_label: String,
    title: Vec<String>,
    flags: Vec<(Flag, &'a str)>,
    notes: Vec<String>,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    // Below the strip of knees; the horizontal axis stands here.
    floor: f64,
    height: f64,
}

/// See [`Figure::svg`].
pub(super) fn draw(figure: &Figure) -> String {
    let layout = Layout::of(figure);
    let body = paint(WIDTH, layout.height, |sheet| {
        sheet.rectangle((0.0, 0.0), (WIDTH, layout.height), palette::GROUND.into());
        draw_heading(sheet, &layout);
        draw_axes(sheet, &layout);
        draw_knees(sheet, &layout.x, layout.bottom, &figure.knees);
        figure.series.iter().for_each(|series| draw_series(sheet, &layout, series));
        draw_legend_and_notes(sheet, &layout);
    });
    let mut text = String::new();
    let _ = write!(
        text,
        "<svg class=\"numalab\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"{view_box}\">\n<title>{title}</title>\n<desc>{description}</desc>\n<style>{style}</style>\n{body}</svg>\n",
        height = layout.height,
        view_box = view_box(WIDTH, layout.height),
        title = escape(&figure.title),
        description = escape(&figure.description),
        style = palette::style_sheet(),
    );
    text
}

impl<'a> Layout<'a> {
    fn of(figure: &'a Figure) -> Layout<'a> {
        let (x_core, y_core, y_fringe) = numbers(figure);
        let x = Ruler::over(&figure.x, &x_core, &[]);
        let y = Ruler::over(&figure.y, &y_core, &y_fringe);
        let (y_ticks, y_unit) = y.ticks(&figure.y);
        let widest = y_ticks.iter().map(|tick| width(&tick.label, TEXT)).fold(0.0, f64::max);
        let (left, right) = (MARGIN + widest + 10.0, WIDTH - MARGIN - 6.0);
        let x = x.lay(left, right);
        let (x_ticks, x_unit) = x.ticks(&figure.x);
        let in_view = figure.marks.iter().filter_map(|mark| Some((x.pixel(mark.x)?, mark.label.as_str())));
        let (places, labels): (Vec<_>, Vec<&str>) =
            in_view.map(|(line, label)| ((line, width(label, TEXT)), label)).unzip();
        let flags: Vec<(Flag, &str)> = flags(&places, 0.0, WIDTH).into_iter().zip(labels).collect();
        let flag_rows = flags.iter().map(|(flag, _)| flag.row + 1).max().unwrap_or(0);
        let title = wrap(&figure.title, TITLE * 1.05, WIDTH - 2.0 * MARGIN);
        let top = MARGIN + title.len() as f64 * (TITLE + 6.0) + LINE + 6.0 + flag_rows as f64 * LINE;
        let notes = notes(figure, &y, &x).iter().flat_map(|note| wrap(note, TEXT, WIDTH - 2.0 * MARGIN)).collect();
        let mut layout = Layout {
            figure,
            y: y.lay(top + PLOT_HEIGHT, top),
            x_ticks: sparse(x_ticks, &x),
            x,
            y_ticks,
            x_label: full_label(&figure.x, x_unit),
            y_label: full_label(&figure.y, y_unit),
            title,
            flags,
            notes,
            left,
            right,
            top,
            bottom: top + PLOT_HEIGHT,
            floor: top + PLOT_HEIGHT + strip_height(&figure.knees),
            height: 0.0,
        };
        let legend_rows = layout.legend().last().map_or(0, |&(_, (_, row))| row + 1);
        let text_rows = (legend_rows + layout.notes.len()) as f64;
        layout.height = (layout.floor + 2.0 * LINE + 14.0 + text_rows * LINE + MARGIN).ceil();
        layout
    }

    // Entries with their left edge and row.
    fn legend(&self) -> Vec<(Entry<'a>, (f64, usize))> {
        let entries = legend_entries(self.figure);
        let widths: Vec<f64> =
            entries.iter().map(|entry| LEGEND_SYMBOL + width(entry.name, TEXT) + LEGEND_GAP).collect();
        entries.into_iter().zip(flow(&widths, WIDTH - 2.0 * MARGIN)).collect()
    }
}

// A line of the legend: a series, or the ground of a band.
struct Entry<'a> {
    name: &'a str,
    series: Option<&'a Series>,
}

fn legend_entries(figure: &Figure) -> Vec<Entry<'_>> {
    let mut seen = HashSet::new();
    let series = figure.series.iter().map(|series| Entry { name: &series.name, series: Some(series) });
    let bands = figure.bands.iter().map(|band| Entry { name: &band.label, series: None });
    series.chain(bands).filter(|entry| !entry.name.is_empty() && seen.insert(entry.name)).collect()
}

// All x, the y that must be in view, and the y that may widen the view.
fn numbers(figure: &Figure) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    // What has a tick is in view, also where nothing was measured.
    let (mut x, mut core, mut fringe) = (figure.x.ticks.clone(), figure.y.ticks.clone(), Vec::new());
    for series in &figure.series {
        x.extend(series.points.iter().map(|point| point.0));
        let y = series.points.iter().map(|point| point.1);
        match &series.style {
            Style::Line { .. } => fringe.extend(y),
            Style::Dots(_) | Style::Cross => core.extend(y),
            Style::Interval { low, high, .. } => {
                core.extend(y);
                fringe.extend(low.iter().chain(high));
            }
        }
    }
    (x, core, fringe)
}

fn notes(figure: &Figure, y: &Ruler, x: &Ruler) -> Vec<String> {
    let drawable = |&&(at, value): &&(f64, f64)| x.pixel(at).is_some() && y.position(value) == Position::Below;
    let kinds = |series: &&Series| !matches!(series.style, Style::Line { .. });
    let points = || figure.series.iter().filter(kinds).flat_map(|series| &series.points);
    let not_finite = points().filter(|point| !point.0.is_finite() || !point.1.is_finite()).count();
    let not_positive = if figure.y.scale == Scale::Log { points().filter(drawable).count() } else { 0 };
    let mut notes = figure.notes.clone();
    if points().next().is_none() {
        notes.insert(0, "nothing was measured that could be drawn here".into());
    }
    if not_finite > 0 {
        notes.push(format!("not drawn: {not_finite} without a finite value"));
    }
    if not_positive > 0 {
        notes.push(format!("not drawn on this logarithmic axis: {not_positive} of value 0"));
    }
    notes
}

fn full_label(axis: &Axis, unit: &str) -> String {
    let log = (axis.scale == Scale::Log).then_some("log scale");
    let extra: Vec<&str> = [unit].into_iter().filter(|unit| !unit.is_empty()).chain(log).collect();
    let label = &axis.label;
    if extra.is_empty() { label.clone() } else { format!("{label} ({extra})", extra = extra.join(", ")) }
}

// Labels that would touch the one before are left out; the tick stays.
fn sparse(mut ticks: Vec<Tick>, ruler: &Ruler) -> Vec<Tick> {
    let mut free_from = f64::NEG_INFINITY;
    for tick in &mut ticks {
        let half = width(&tick.label, TEXT) / 2.0;
        let at = ruler.pixel(tick.value).unwrap_or_default();
        if at - half < free_from {
            tick.label.clear();
        } else {
            free_from = at + half + 3.0;
        }
    }
    ticks
}

fn draw_heading(sheet: &mut Sheet<'_>, layout: &Layout<'_>) {
    let mut y = MARGIN + TITLE / 2.0;
    for line in &layout.title {
        sheet.text(line, (MARGIN, y), Anchor::Left, TITLE, palette::INK, true);
        y += TITLE + 6.0;
    }
    sheet.text(&layout.y_label, (MARGIN, y + 2.0), Anchor::Left, TEXT, palette::MUTED, false);
}

fn draw_axes(sheet: &mut Sheet<'_>, layout: &Layout<'_>) {
    for band in &layout.figure.bands {
        if let Some((from, to)) = band_in_view(&layout.x, band.low, band.high) {
            sheet.rectangle((from, layout.top), (to, layout.bottom), palette::BAND.into());
        }
    }
    for tick in &layout.y_ticks {
        let Some(y) = layout.y.pixel(tick.value) else { continue };
        sheet.line((layout.left, y), (layout.right, y), palette::GRID.into(), 1.0);
        sheet.text(&tick.label, (layout.left - 6.0, y), Anchor::Right, TEXT, palette::MUTED, false);
    }
    for tick in &layout.x_ticks {
        let Some(x) = layout.x.pixel(tick.value) else { continue };
        sheet.line((x, layout.floor), (x, layout.floor + 5.0), palette::AXIS.into(), 1.0);
        sheet.text(&tick.label, (x, layout.floor + 15.0), Anchor::Middle, TEXT, palette::MUTED, false);
    }
    sheet.line((layout.left, layout.bottom), (layout.right, layout.bottom), palette::AXIS.into(), 1.0);
    if layout.floor > layout.bottom {
        sheet.line((layout.left, layout.floor), (layout.right, layout.floor), palette::AXIS.into(), 1.0);
    }
    let label_at = ((layout.left + layout.right) / 2.0, layout.floor + 15.0 + LINE);
    sheet.text(&layout.x_label, label_at, Anchor::Middle, TEXT, palette::MUTED, false);
    for (flag, label) in &layout.flags {
        let y = layout.top - 4.0 - (flag.row as f64 + 0.5) * LINE;
        sheet.dashed(&[(flag.line, layout.floor), (flag.line, y - LINE * 0.4)], palette::AXIS.into(), 1.0, 4.0, 3.0);
        sheet.text(label, (flag.left, y), Anchor::Left, TEXT, palette::MUTED, false);
    }
}

fn band_in_view(x: &Ruler, low: f64, high: f64) -> Option<(f64, f64)> {
    let edge = |value| match x.position(value) {
        Position::At(pixel) => pixel,
        Position::Below => x.first,
        Position::Above => x.last,
    };
    let (from, to) = (edge(low), edge(high));
    (to > from).then_some((from, to))
}

fn draw_series(sheet: &mut Sheet<'_>, layout: &Layout<'_>, series: &Series) {
    let colour = of_series(series.colour);
    let place = |&(x, y): &(f64, f64)| Some((layout.x.pixel(x)? + series.shift, layout.y.pixel(y)?));
    match &series.style {
        Style::Dots(shape) => {
            // Dots that would cover each other exactly are drawn once: a million samples are still a small file.
            let mut seen = HashSet::new();
            let alpha = if matches!(shape, Shape::Hollow | Shape::Plus) { 0.9 } else { 0.5 };
            for (nth, (x, y)) in series.points.iter().filter_map(place).enumerate() {
                // A little to the side, in turn, so that they show beside the symbol of their mean; hollow ones are
                // all equal.
                let aside = if *shape == Shape::Hollow { 0.0 } else { SPREAD[nth % SPREAD.len()] };
                let at = (x + aside, y);
                if seen.insert(((at.0 * 2.0).round() as i64, (at.1 * 2.0).round() as i64)) {
                    sheet.symbol(*shape, at, DOT, Ink { colour, alpha });
                }
            }
        }
        Style::Line { dashed } => {
            for stretch in stretches(&series.points, place) {
                if *dashed {
                    sheet.dashed(&stretch, colour.into(), 1.5, 7.0, 4.0);
                } else {
                    sheet.path(&stretch, colour.into(), 1.5);
                }
            }
        }
        Style::Interval { low, high, shape } => {
            for ((point, &low), &high) in series.points.iter().zip(low).zip(high) {
                let Some(at) = place(point) else { continue };
                draw_interval(sheet, layout, at, (low, high), colour);
                sheet.symbol(*shape, at, ESTIMATE, colour.into());
            }
        }
        Style::Cross => {
            series.points.iter().filter_map(place).for_each(|at| sheet.cross(at, CROSS, colour.into()));
        }
    }
}

// Parts of a curve that are in view, each with two points or more.
fn stretches(points: &[(f64, f64)], place: impl Fn(&(f64, f64)) -> Option<(f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let placed: Vec<Option<(f64, f64)>> = points.iter().map(place).collect();
    let parts = placed.split(Option::is_none).map(|part| part.iter().copied().flatten().collect::<Vec<_>>());
    parts.filter(|part| part.len() > 1).collect()
}

fn draw_interval(sheet: &mut Sheet<'_>, layout: &Layout<'_>, (x, y): (f64, f64), ends: (f64, f64), colour: Colour) {
    for (value, up) in [(ends.0, false), (ends.1, true)] {
        let edge = if up { layout.top } else { layout.bottom };
        match layout.y.position(value) {
            // Shorter than the symbol: a cap would only blot it.
            Position::At(end) if (end - y).abs() < 1.0 => {}
            Position::At(end) => {
                sheet.line((x, y), (x, end), colour.into(), 2.0);
                sheet.line((x - 4.0, end), (x + 4.0, end), colour.into(), 1.5);
            }
            Position::Below | Position::Above => {
                sheet.line((x, y), (x, edge), colour.into(), 2.0);
                sheet.arrow((x, edge), up, colour.into());
            }
        }
    }
}

fn draw_legend_and_notes(sheet: &mut Sheet<'_>, layout: &Layout<'_>) {
    let top = layout.floor + 2.0 * LINE + 14.0;
    let mut rows = 0;
    for (entry, (left, row)) in layout.legend() {
        let (x, y) = (MARGIN + left, top + (row as f64 + 0.5) * LINE);
        draw_legend_symbol(sheet, entry.series, (x + 10.0, y));
        sheet.text(entry.name, (x + LEGEND_SYMBOL, y), Anchor::Left, TEXT, palette::INK, false);
        rows = row + 1;
    }
    for (at, note) in layout.notes.iter().enumerate() {
        let y = top + ((rows + at) as f64 + 0.5) * LINE + 4.0;
        sheet.text(note, (MARGIN, y), Anchor::Left, TEXT, palette::MUTED, false);
    }
}

fn draw_legend_symbol(sheet: &mut Sheet<'_>, series: Option<&Series>, (x, y): (f64, f64)) {
    let Some(series) = series else {
        return sheet.rectangle((x - 10.0, y - 6.0), (x + 10.0, y + 6.0), palette::GRID.into());
    };
    let colour = of_series(series.colour);
    match &series.style {
        Style::Dots(shape) => sheet.symbol(*shape, (x, y), ESTIMATE, colour.into()),
        Style::Line { dashed: true } => sheet.dashed(&[(x - 10.0, y), (x + 10.0, y)], colour.into(), 1.5, 7.0, 4.0),
        Style::Line { dashed: false } => sheet.line((x - 10.0, y), (x + 10.0, y), colour.into(), 1.5),
        Style::Interval { shape, .. } => {
            sheet.line((x, y - 8.0), (x, y + 8.0), colour.into(), 2.0);
            sheet.symbol(*shape, (x, y), ESTIMATE, colour.into());
        }
        Style::Cross => sheet.cross((x, y), CROSS, colour.into()),
    }
}

fn escape(text: &str) -> String {
    // Control characters are not allowed in XML at all.
    let clean = text.chars().filter(|letter| !letter.is_control()).collect::<String>();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
