//! A figure as data, and as SVG.
//!
//! [`Figure`] says what is to be seen: series, bands, vertical marks, notes. [`Figure::svg`] draws it with plotters' SVG
//! backend; that is the only place that knows plotters, so another library can take its place. The same figure gives the
//! same bytes. The SVG needs nothing but itself: no script, no font file, no link; it follows the reader's light or dark
//! scheme. It does not decide what is worth drawing: [`crate::figures`] does.

mod knees;
mod layout;
mod paint;
mod palette;
mod scale;
mod svg;

pub use palette::COLOURS;

use crate::show::Unit;

/// What is to be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// One line above the figure.
    pub title: String,
    /// What a reader who cannot see the figure should know.
    pub description: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn, first at the back.
    pub series: Vec<Series>,
    /// Ranges of x with a tinted ground.
    pub bands: Vec<Band>,
    /// Vertical lines with a label.
    pub marks: Vec<Mark>,
    /// Bars in a strip of their own below the curves, so that they can be held against the marks.
    pub knees: Vec<Knee>,
    /// Lines of text below the legend.
    pub notes: Vec<String>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it counts; the unit is added.
    pub label: String,
    /// Unit of the data; the axis picks a size that fits them.
    pub unit: Unit,
    /// How numbers become lengths.
    pub scale: Scale,
    /// Where labels stand; empty: round numbers.
    pub ticks: Vec<f64>,
    /// Numbers that must be in view beside the data, for instance 0 or 1.
    pub include: Vec<f64>,
}

/// How numbers become lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences.
    Linear,
    /// Equal ratios. Numbers up to 0 cannot be drawn on it; how many is said in a note.
    Log,
}

/// Points of one kind and colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend; empty for none.
    pub name: String,
    /// Which of [`COLOURS`]; beyond the last they start again. `None`: the colour of text.
    pub colour: Option<usize>,
    /// `(x, y)` in the units of the axes. What is not finite is not drawn and counted in a note.
    pub points: Vec<(f64, f64)>,
    /// How they look.
    pub style: Style,
    /// Sideways shift in pixels, so that arms at the same x stand side by side.
    pub shift: f64,
}

/// How the points of a series look.
#[derive(Debug, Clone, PartialEq)]
pub enum Style {
    /// One small symbol for each point.
    Dots(Shape),
    /// A line through the points, in the order given; `true`: dashed.
    Line {
        /// Whether it is dashed.
        dashed: bool,
    },
    /// A symbol with a bar from `low[i]` to `high[i]` for point `i`; an infinite end is drawn as an arrow.
    Interval {
        /// Lower ends, one for each point.
        low: Vec<f64>,
        /// Upper ends, one for each point.
        high: Vec<f64>,
        /// Symbol of the estimate.
        shape: Shape,
    },
    /// A large cross: a value that was printed, not measured.
    Cross,
}

/// Symbols; each arm has its own, so that colour is never the only difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    /// Not filled: a value that follows from the plan alone.
    Hollow,
    /// An upright cross: more workers than PUs.
    Plus,
}

/// A range of x with a tinted ground and a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Left end.
    pub low: f64,
    /// Right end; may be INF.
    pub high: f64,
    /// What it is.
    pub label: String,
}

/// A vertical line with a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What is there: `node: 32 PUs`.
    pub label: String,
}

/// Places on the horizontal axis, each with its interval, in one row of the strip below the curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Knee {
    /// What they are: `close: knee 30.3, best measured 32`.
    pub label: String,
    /// Which of [`COLOURS`].
    pub colour: usize,
    /// `(x, low, high)`, drawn as a dot on a broad bar; ends may be INF.
    pub fitted: Option<(f64, f64, f64)>,
    /// `(x, low, high)`, drawn as a ring on a thin bar; ends may be INF.
    pub measured: Option<(f64, f64, f64)>,
}

impl Shape {
    /// The symbol of the `at`-th arm.
    pub fn of_arm(at: usize) -> Shape {
        const SHAPES: [Shape; 5] = [Shape::Circle, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::TriangleDown];
        SHAPES[at % SHAPES.len()]
    }
}

impl Figure {
    /// The figure as a self-contained SVG document, without XML declaration so that it can stand inside HTML.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }
}

#[cfg(test)]
mod tests;
