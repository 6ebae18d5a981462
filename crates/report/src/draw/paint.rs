//! Strokes on plotters' SVG backend; the only module that knows plotters.
//!
//! plotters counts whole pixels, so everything is drawn at twice the size and shown at half.

use super::Shape;
use super::palette::{Colour, rgb};
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBAColor, ShapeStyle, TextStyle};

const FINE: f64 = 2.0;
// What plotters-svg 0.3 divides font sizes by before it writes them.
const PLOTTERS_FONT_FACTOR: f64 = 1.24;

/// A sheet of `width` x `height` pixels, painted in order.
pub(super) struct Sheet<'a> {
    backend: SVGBackend<'a>,
}

/// A colour with the share of ground that it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) colour: Colour,
    pub(super) alpha: f64,
}

/// Which edge of a text lies at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

impl From<Colour> for Ink {
    fn from(colour: Colour) -> Ink {
        Ink { colour, alpha: 1.0 }
    }
}

/// Paints on a sheet and returns the elements, without the enclosing `<svg>`.
pub(super) fn paint(width: f64, height: f64, strokes: impl FnOnce(&mut Sheet<'_>)) -> String {
    let mut text = String::new();
    let mut sheet = Sheet { backend: SVGBackend::with_string(&mut text, (fine(width) as u32, fine(height) as u32)) };
    strokes(&mut sheet);
    sheet.backend.present().expect(IN_MEMORY);
    drop(sheet);
    let body = text.trim_end().strip_suffix("</svg>").unwrap_or(&text);
    body.split_once(">\n").map_or("", |(_, elements)| elements).to_string()
}

/// Width and height of the drawing's own coordinates, for `viewBox`.
pub(super) fn view_box(width: f64, height: f64) -> String {
    format!("0 0 {width} {height}", width = fine(width), height = fine(height))
}

const IN_MEMORY: &str = "plotters writes an SVG into memory, which cannot fail";

impl Sheet<'_> {
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, thick: f64) {
        self.backend.draw_line(point(from), point(to), &stroke(ink, thick)).expect(IN_MEMORY);
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], ink: Ink, thick: f64) {
        self.backend.draw_path(points.iter().map(|&at| point(at)), &stroke(ink, thick)).expect(IN_MEMORY);
    }

    /// A dashed path; the dashes run on round corners.
    pub(super) fn dashed(&mut self, points: &[(f64, f64)], ink: Ink, thick: f64, dash: f64, gap: f64) {
        let mut walked = 0.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let at = |along: f64| (x0 + (x1 - x0) * along / length, y0 + (y1 - y0) * along / length);
            let mut along = 0.0;
            while along < length {
                let phase = (walked + along) % (dash + gap);
                let drawn = phase < dash;
                let end = (along + if drawn { dash - phase } else { dash + gap - phase }.max(0.01)).min(length);
                if drawn {
                    self.line(at(along), at(end), ink, thick);
                }
                along = end;
            }
            walked += length;
        }
    }

    pub(super) fn rectangle(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.backend.draw_rect(point(from), point(to), &stroke(ink, 1.0), true).expect(IN_MEMORY);
    }

    pub(super) fn text(&mut self, text: &str, at: (f64, f64), anchor: Anchor, height: f64, colour: Colour, bold: bool) {
        let size = height * FINE * PLOTTERS_FONT_FACTOR;
        let font = ("sans-serif", size, if bold { FontStyle::Bold } else { FontStyle::Normal }).into_font();
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let ink = rgb(colour);
        let style = TextStyle::from(font).color(&ink).pos(Pos::new(horizontal, VPos::Center));
        self.backend.draw_text(text, &style, point(at)).expect(IN_MEMORY);
    }

    /// A symbol of about `size` pixels across.
    pub(super) fn symbol(&mut self, shape: Shape, (x, y): (f64, f64), size: f64, ink: Ink) {
        let half = size / 2.0;
        let mut polygon = |corners: &[(f64, f64)]| {
            let points = corners.iter().map(|&(dx, dy)| point((x + dx * half, y + dy * half)));
            self.backend.fill_polygon(points, &stroke(ink, 1.0)).expect(IN_MEMORY);
        };
        match shape {
            Shape::Circle => {
                self.backend.draw_circle(point((x, y)), fine(half) as u32, &stroke(ink, 1.0), true).expect(IN_MEMORY);
            }
            Shape::Hollow => {
                let radius = fine(half * 1.1) as u32;
                self.backend.draw_circle(point((x, y)), radius, &stroke(ink, 1.5), false).expect(IN_MEMORY);
            }
            Shape::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Shape::Triangle => polygon(&[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)]),
            Shape::TriangleDown => polygon(&[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)]),
            Shape::Diamond => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::Plus => {
                self.line((x - half, y), (x + half, y), ink, 1.5);
                self.line((x, y - half), (x, y + half), ink, 1.5);
            }
        }
    }

    /// A diagonal cross of `size` pixels across.
    pub(super) fn cross(&mut self, (x, y): (f64, f64), size: f64, ink: Ink) {
        let half = size / 2.0;
        self.line((x - half, y - half), (x + half, y + half), ink, 2.5);
        self.line((x - half, y + half), (x + half, y - half), ink, 2.5);
    }

    /// An arrow head at the end of a vertical bar; `up` is towards the top of the sheet.
    pub(super) fn arrow(&mut self, (x, y): (f64, f64), up: bool, ink: Ink) {
        let back = if up { 6.0 } else { -6.0 };
        self.path(&[(x - 4.0, y + back), (x, y), (x + 4.0, y + back)], ink, 1.5);
    }
}

fn fine(pixels: f64) -> f64 {
    (pixels * FINE).round()
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (fine(x) as i32, fine(y) as i32)
}

fn stroke(ink: Ink, thick: f64) -> ShapeStyle {
    let color: RGBAColor = rgb(ink.colour).mix(ink.alpha);
    ShapeStyle { color, filled: true, stroke_width: fine(thick).max(1.0) as u32 }
}
