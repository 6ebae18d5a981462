//! The strip below the curves: knees and best procs, a row for each arm, against the lines of the machine's boundaries.

use super::layout::{LINE, TEXT, width};
use super::paint::{Anchor, Ink, Sheet};
use super::palette::{self, of_series};
use super::scale::{Position, Ruler};
use super::{Knee, Shape};

// A line of text, and below it the two bars.
const BARS: f64 = 16.0;
const ROW: f64 = LINE + BARS;
const GAP: f64 = 6.0;
const SYMBOL: f64 = 7.0;

/// Height of the strip; nothing for no knees.
pub(super) fn strip_height(knees: &[Knee]) -> f64 {
    if knees.is_empty() { 0.0 } else { knees.len() as f64 * ROW + GAP }
}

/// Draws the strip from `top` on.
pub(super) fn draw_knees(sheet: &mut Sheet<'_>, x: &Ruler, top: f64, knees: &[Knee]) {
    for (row, knee) in knees.iter().enumerate() {
        let y = top + row as f64 * ROW + GAP;
        let (fitted_y, measured_y) = (y + LINE + 3.0, y + LINE + 11.0);
        let ink = |alpha| Ink { colour: of_series(Some(knee.colour)), alpha };
        if let Some((at, low, high)) = knee.fitted {
            let (from, to) = ends(x, low, high);
            sheet.rectangle((from, fitted_y - 3.5), (to.max(from + 1.0), fitted_y + 3.5), ink(0.3));
            beyond(sheet, x, (low, high), fitted_y, ink(1.0));
            symbol(sheet, x, at, fitted_y, Shape::Circle, ink(1.0));
        }
        if let Some((at, low, high)) = knee.measured {
            let (from, to) = ends(x, low, high);
            sheet.line((from, measured_y), (to.max(from + 1.0), measured_y), ink(1.0), 1.5);
            beyond(sheet, x, (low, high), measured_y, ink(1.0));
            symbol(sheet, x, at, measured_y, Shape::Hollow, ink(1.0));
        }
        // Above its bars, as far left as it must be to fit.
        let lowest = knee.fitted.iter().chain(&knee.measured).map(|&(_, low, _)| ends(x, low, low).0);
        let left = lowest.fold(x.last, f64::min).min(x.last - width(&knee.label, TEXT)).max(x.first);
        sheet.text(&knee.label, (left, y + LINE / 2.0), Anchor::Left, TEXT, palette::INK, false);
    }
}

fn ends(x: &Ruler, low: f64, high: f64) -> (f64, f64) {
    let edge = |value| match x.position(value) {
        Position::At(pixel) => pixel,
        Position::Below => x.first,
        Position::Above => x.last,
    };
    (edge(low), edge(high))
}

fn symbol(sheet: &mut Sheet<'_>, x: &Ruler, at: f64, y: f64, shape: Shape, ink: Ink) {
    if let Some(pixel) = x.pixel(at) {
        sheet.symbol(shape, (pixel, y), SYMBOL, ink);
    }
}

// Heads of arrows where the interval goes on out of view.
fn beyond(sheet: &mut Sheet<'_>, x: &Ruler, (low, high): (f64, f64), y: f64, ink: Ink) {
    let mut head = |tip: f64, back: f64| sheet.path(&[(back, y - 4.0), (tip, y), (back, y + 4.0)], ink, 1.5);
    if x.position(high) == Position::Above {
        head(x.last, x.last - 6.0);
    }
    if x.position(low) == Position::Below {
        head(x.first, x.first + 6.0);
    }
}
