//! Which figures a results folder gives: throughput, local hit ratio and pauses against procs.
//!
//! Every sample is a dot; the point's estimate and interval stand on it; fits, the machine's boundaries and the printed values lie over
//! them. What a reader could take wrongly (emulated times, ratios by construction, oversubscribed points) is marked in
//! the figure itself.

mod fitted;
mod subject;

use crate::boundaries::boundaries;
use crate::curves::{Curve, Summaries, curves, unit_of};
use crate::draw::{Axis, Band, Figure, Mark, Scale, Series, Shape, Style};
use crate::results::{Derived, Results};
use crate::samples::Metric;
use crate::series::series;
use crate::show::{count, plain};
use crate::tables::published::OTHER_PROGRAM;
use crate::tables::{centre_of, has_heaps};
use fitted::{Drawn, Knees, fits_of, is_drawn, knees_of};
use plan::place::Regime;
use plan::published::{Published, PublishedRow};
use plan::record::Timing;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use subject::{Subject, subjects};

/// A figure and the name of its file, without folder and ending.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// `throughput`, `local_hit_ratio`, `pause_p50`, …; of a metric of the workload its name.
    pub name: String,
    /// The figure.
    pub figure: Figure,
    /// The same, drawn.
    pub svg: String,
}

/// The figures of a results folder, in the order of the report; `published` adds the printed values.
pub fn figures(results: &Results, derived: &Derived, published: Option<&Published>) -> Vec<Named> {
    let curves = curves(&results.plan);
    let heaps = has_heaps(results);
    let wanted = |subject: &&Subject<'_>| {
        let in_samples = results.samples.metric(subject.metric).is_some_and(Metric::is_measured);
        subject.always && heaps || in_samples || derived.summary.iter().any(|line| line.row.metric == subject.estimate)
    };
    let drawn = |subject: &Subject<'_>| {
        let figure = Drawing { results, derived, published, curves: &curves, subject }.figure();
        Named { name: subject.name.into(), svg: figure.svg(), figure }
    };
    subjects(results).par_iter().filter(wanted).map(drawn).collect()
}

#[derive(Default)]
struct Estimates {
    points: Vec<(f64, f64)>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Estimates {
    fn push(&mut self, procs: f64, mean: f64, (low, high): (f64, f64)) {
        self.points.push((procs, mean));
        self.low.push(low);
        self.high.push(high);
    }
}

// Printed figures up to this factor apart are drawn as they are.
const ALIKE: f64 = 5.0;

struct PrintedScale {
    factor: f64,
    level: String,
}

// Up to here equal steps of procs are equal lengths, as a knee is best seen.
const LINEAR_PROCS: f64 = 128.0;

struct Drawing<'a> {
    results: &'a Results,
    derived: &'a Derived,
    published: Option<&'a Published>,
    curves: &'a [Curve],
    subject: &'a Subject<'a>,
}

impl Drawing<'_> {
    fn figure(&self) -> Figure {
        let mut series: Vec<Series> = Vec::new();
        for (at, curve) in self.curves.iter().enumerate() {
            let shift = self.shift(at);
            series.extend(self.samples(at, curve, shift));
            series.extend(self.fits(curve).into_iter().map(|fit| line(at, fit)));
            series.extend(self.estimates(at, curve, shift));
        }
        let printed = self.printed();
        series.extend(printed);
        let y_values: Vec<f64> =
            series.iter().filter(|one| is_data(one)).flat_map(|one| &one.points).map(|p| p.1).collect();
        let procs = self.procs();
        let marks = marks(self.results);
        Figure {
            title: self.title(),
            description: self.description(),
            x: Axis {
                label: self.axis_label(),
                unit: crate::show::Unit::Plain,
                scale: self.x_scale(&procs),
                ticks: procs.clone(),
                include: Vec::new(),
            },
            y: self.y_axis(&y_values),
            series,
            bands: self.bands(&procs),
            marks: marks.into_iter().filter(|mark| procs.last().is_some_and(|&most| mark.x <= most)).collect(),
            knees: self.knees().into_iter().map(|(_, knees)| knees.drawn).filter(is_drawn).collect(),
            notes: self.notes(),
        }
    }

    fn title(&self) -> String {
        let manifest = &self.results.manifest;
        let timing = match manifest.timing {
            Timing::Hardware => String::new(),
            Timing::Modelled => " (modelled, not measured)".into(),
            Timing::Emulated if self.subject.is_time => " (emulated: no time is true)".into(),
            Timing::Emulated => " (emulated)".into(),
            Timing::Virtual if self.subject.is_time => " (virtual machine)".into(),
            _ => String::new(),
        };
        let nodes = count(self.results.topology.nodes.len() as u64, "node");
        let pus = count(self.results.topology.pus.len() as u64, "PU");
        let (title, host, axis) = (self.subject.title, &manifest.host, &self.results.plan.axis);
        format!("{title} against {axis} on {host}, {nodes}, {pus}{timing}")
    }

    fn axis_label(&self) -> String {
        let plan = &self.results.plan;
        if plan.is_over_procs() { "procs (workers)".into() } else { plan.axis.clone() }
    }

    fn description(&self) -> String {
        format!(
            "{title} of experiment {experiment} by {axis}, one colour and symbol for each arm: {arms}. Run {run}.",
            title = self.subject.title,
            experiment = self.results.manifest.experiment,
            arms = self.curves.iter().map(Curve::name).collect::<Vec<_>>().join("; "),
            run = self.results.manifest.run_id,
            axis = if self.results.plan.is_over_procs() { "number of workers" } else { &self.results.plan.axis },
        )
    }

    // All procs of the plan and, for printed values, of the published table.
    fn procs(&self) -> Vec<f64> {
        let planned = self.results.plan.points.iter().map(|point| point.x());
        let printed = self.printed_points();
        let mut procs: Vec<u32> = planned.chain(printed.iter().map(|point| point.0 as u32)).collect();
        procs.sort_unstable();
        procs.dedup();
        procs.into_iter().map(f64::from).collect()
    }

    // Also where printed values lie so far beyond all that is planned that it would be pressed into an edge.
    fn x_scale(&self, procs: &[f64]) -> Scale {
        let planned = self.results.plan.points.iter().map(|point| point.x()).max().unwrap_or(0);
        let most = procs.last().copied().unwrap_or(0.0);
        if most > LINEAR_PROCS || most > 8.0 * f64::from(planned) { Scale::Log } else { Scale::Linear }
    }

    fn y_axis(&self, values: &[f64]) -> Axis {
        let unit = unit_of(self.subject.metric, self.results);
        let positive = values.iter().copied().filter(|&value| value > 0.0 && value.is_finite());
        let (low, high) =
            positive.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let ratio = unit == crate::show::Unit::Ratio;
        // Beyond a factor of 20 a linear axis would press the small ones to the ground.
        let scale = if !ratio && high > 20.0 * low { Scale::Log } else { Scale::Linear };
        let include = match (ratio, scale) {
            (true, _) => vec![0.0, 1.0],
            (false, Scale::Linear) => vec![0.0],
            (false, Scale::Log) => Vec::new(),
        };
        Axis { label: self.subject.label.into(), unit, scale, ticks: Vec::new(), include }
    }

    // Arms stand side by side around their procs, closer where procs are close.
    fn shift(&self, at: usize) -> f64 {
        const WIDEST: f64 = 9.0;
        let step = (2.0 * WIDEST / self.curves.len() as f64).min(7.0);
        (at as f64 - (self.curves.len() as f64 - 1.0) / 2.0) * step
    }

    fn shape(&self, at: usize, point: usize) -> Shape {
        let point = &self.results.plan.points[point];
        if self.subject.metric == "local_hit_ratio" && point.hit_ratio_by_construction.is_some() {
            Shape::Hollow
        } else if point.regime == Regime::Oversubscribed {
            Shape::Plus
        } else {
            Shape::of_arm(at)
        }
    }

    // Dots by symbol; only the first kind is named, in the legend the estimate carries the arm's name.
    fn samples(&self, at: usize, curve: &Curve, shift: f64) -> Vec<Series> {
        let Some(metric) = self.results.samples.metric(self.subject.metric) else { return Vec::new() };
        let mut by_shape: Vec<(Shape, Vec<(f64, f64)>)> = Vec::new();
        for &index in &curve.points {
            let procs = f64::from(self.results.plan.points[index].x());
            let shape = self.shape(at, index);
            let points = thin(self.results.samples.values(metric, index)).into_iter().map(|value| (procs, value));
            match by_shape.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, all)) => all.extend(points),
                None => by_shape.push((shape, points.collect())),
            }
        }
        let series = |(shape, points)| Series {
            name: String::new(),
            colour: Some(at),
            points,
            style: Style::Dots(shape),
            shift,
        };
        by_shape.into_iter().map(series).collect()
    }

    // One series for each symbol; the arm's name stands in the legend beside its own symbol, else beside the first.
    fn estimates(&self, at: usize, curve: &Curve, shift: f64) -> Vec<Series> {
        let summaries = Summaries::of(self.derived);
        let mut by_shape: Vec<(Shape, Estimates)> = Vec::new();
        for &index in &curve.points {
            let point = &self.results.plan.points[index];
            let estimate = match self.subject.estimate {
                "local_hit_ratio" => summaries.hit_ratio(point),
                metric => summaries.estimate(point, metric),
            };
            let Some((mean, interval)) = estimate else { continue };
            let shape = self.shape(at, index);
            let known = by_shape.iter().position(|(known, _)| *known == shape);
            let known = known.unwrap_or_else(|| {
                by_shape.push((shape, Estimates::default()));
                by_shape.len() - 1
            });
            by_shape[known].1.push(f64::from(point.x()), mean, interval.unwrap_or((mean, mean)));
        }
        by_shape.sort_by_key(|(shape, _)| *shape != Shape::of_arm(at));
        let series = |(nth, (shape, Estimates { points, low, high })): (usize, (Shape, Estimates))| Series {
            name: if nth == 0 { curve.name() } else { String::new() },
            colour: Some(at),
            points,
            style: Style::Interval { low, high, shape },
            shift,
        };
        by_shape.into_iter().enumerate().map(series).collect()
    }

    fn fits(&self, curve: &Curve) -> Vec<Drawn> {
        fits_of(&self.derived.fits, self.subject.metric, curve, &self.results.plan.points)
    }

    fn knees(&self) -> Vec<(String, Knees)> {
        let of_curve = |(at, curve): (usize, &Curve)| {
            let knees = knees_of(&self.derived.fits, self.subject.metric, curve, at)?;
            Some((curve.name(), knees))
        };
        self.curves.iter().enumerate().filter_map(of_curve).collect()
    }

    fn knees_notes(&self) -> Vec<String> {
        let knees = self.knees();
        let mut notes = Vec::new();
        if knees.iter().any(|(_, knees)| is_drawn(&knees.drawn)) {
            notes.push(
                "Below the curves, for each arm: the knee of the fitted curve (dot) with its 95 % interval (broad bar), and \
                 the best procs without a model (ring) with its interval (thin bar); an arrow goes on out of view."
                    .into(),
            );
        }
        let without =
            knees.iter().filter_map(|(arm, knees)| Some(format!("{arm}: {why}", why = knees.why_no_knee.as_ref()?)));
        let without = without.collect::<Vec<_>>().join("; ");
        if !without.is_empty() {
            notes.push(format!("No fitted knee is drawn for {without}."));
        }
        notes
    }

    // "unbound usl; close amdahl, misfit": which model each line is.
    fn fits_note(&self) -> Option<String> {
        let fits = self.curves.iter().flat_map(|curve| {
            self.fits(curve).into_iter().map(|fit| format!("{arm}: {model}", arm = curve.name(), model = fit.name))
        });
        let fits: Vec<String> = fits.collect();
        (!fits.is_empty()).then(|| format!("Lines are fits. {fits}.", fits = fits.join("; ")))
    }

    fn printed_points(&self) -> Vec<(f64, f64)> {
        let rows = self.published.map_or(&[][..], |published| published.rows.as_slice());
        let value = |row: &PublishedRow| match self.subject.metric {
            "throughput_per_s" => row.throughput_per_s,
            "local_hit_ratio" => row.local_hit_ratio,
            _ => None,
        };
        rows.iter().filter_map(|row| Some((f64::from(row.procs), value(row)?))).collect()
    }

    /// Where printed rates are of another magnitude they are drawn level with the first arm that has one of their
    /// procs: their shape can be compared, and they do not press the curves flat.
    fn printed_scale(&self) -> Option<PrintedScale> {
        if self.subject.metric != "throughput_per_s" {
            return None;
        }
        let (summaries, points) = (Summaries::of(self.derived), self.printed_points());
        self.curves.iter().find_map(|curve| {
            let of_curve = || curve.points.iter().map(|&at| &self.results.plan.points[at]);
            points.iter().find_map(|&(procs, printed)| {
                let point = of_curve().find(|point| f64::from(point.x()) == procs)?;
                let (measured, _) = summaries.estimate(point, self.subject.metric)?;
                let factor = measured / printed;
                let far = factor.is_finite() && !(1.0 / ALIKE..=ALIKE).contains(&factor);
                far.then(|| PrintedScale { factor, level: format!("{arm} at {procs}", arm = curve.name()) })
            })
        })
    }

    fn printed(&self) -> Option<Series> {
        let mut points = self.printed_points();
        let mut name = "printed in the article, on its machine".to_string();
        if let Some(PrintedScale { factor, level }) = self.printed_scale() {
            points.iter_mut().for_each(|point| point.1 *= factor);
            name = format!("printed in the article, times {factor} (level with {level})", factor = plain(factor));
        }
        (!points.is_empty()).then_some(Series { name, colour: None, points, style: Style::Cross, shift: 0.0 })
    }

    // From the first oversubscribed procs on, where that holds for all arms alike.
    fn bands(&self, procs: &[f64]) -> Vec<Band> {
        let points = &self.results.plan.points;
        let crowded = |point: &&plan::point::Point| point.regime == Regime::Oversubscribed;
        let lowest = points.iter().filter(crowded).map(|point| point.x()).min();
        let highest_free = points.iter().filter(|point| !crowded(point)).map(|point| point.x()).max().unwrap_or(0);
        let Some(lowest) = lowest.filter(|&lowest| lowest > highest_free) else { return Vec::new() };
        let before = procs.iter().copied().rfind(|&value| value < f64::from(lowest));
        let from = before.map_or(f64::from(lowest), |before| (before + f64::from(lowest)) / 2.0);
        vec![Band { low: from, high: f64::INFINITY, label: "oversubscribed: more workers than PUs".into() }]
    }

    fn notes(&self) -> Vec<String> {
        let centre = || format!("{} with its 95 % interval", centre_of(self.subject.estimate, self.derived));
        let mut notes = vec![format!(
            "Small symbols are single samples; large ones are {centre}; an arrow is an end out of view or unbounded.",
            centre = self.subject.pooled.map_or_else(centre, String::from)
        )];
        notes.extend(self.fits_note());
        notes.extend(self.knees_notes());
        if self.printed_scale().is_some() {
            let unit = unit_of(self.subject.metric, self.results);
            let printed = self.printed_points();
            let printed = printed.iter().map(|(procs, value)| format!("{value} at {procs}", value = unit.show(*value)));
            let printed = printed.collect::<Vec<_>>().join(", ");
            notes.push(format!("As printed: {printed} procs."));
        }
        if self.subject.metric == "throughput_per_s" && !self.printed_points().is_empty() {
            notes.push(format!("Of the printed marks only the shape can be compared: {OTHER_PROGRAM}."));
        }
        let shapes: Vec<Shape> = self
            .curves
            .iter()
            .enumerate()
            .flat_map(|(at, curve)| curve.points.iter().map(move |&point| self.shape(at, point)).collect::<Vec<_>>())
            .collect();
        if shapes.contains(&Shape::Hollow) {
            notes.push(
                "Hollow: by construction, it follows from the plan alone and says nothing about a runtime.".into(),
            );
        }
        if shapes.contains(&Shape::Plus) {
            notes.push("Upright crosses: oversubscribed, more workers than the arm has PUs.".into());
        }
        let manifest = &self.results.manifest;
        let time = self.subject.is_time && manifest.timing != Timing::Hardware;
        if time || manifest.timing == Timing::Modelled {
            let words = crate::tables::timing_words(manifest.timing);
            notes.push(format!("Timing is {timing}: {words}.", timing = manifest.timing));
        }
        notes
    }
}

// Of very many samples of one point those that would fall on the same pixel are one dot; least and largest stay.
fn thin(values: Vec<f64>) -> Vec<f64> {
    const MANY: usize = 5000;
    const STEPS: usize = 2000;
    if values.len() <= MANY {
        return values;
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let step = (largest - least) / STEPS as f64;
    let mut taken = [false; STEPS + 1];
    let first_of_its_step = |value: &f64| !std::mem::replace(&mut taken[((value - least) / step) as usize], true);
    [least, largest].into_iter().chain(values).filter(first_of_its_step).collect()
}

fn line(at: usize, fit: Drawn) -> Series {
    let style = Style::Line { dashed: at % 2 == 1 };
    Series { name: String::new(), colour: Some(at), points: fit.points, style, shift: 0.0 }
}

fn is_data(series: &Series) -> bool {
    !matches!(series.style, Style::Line { .. })
}

// The machine's boundaries as all curves of the plan meet them; equal ones are one mark.
fn marks(results: &Results) -> Vec<Mark> {
    let mut names: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for curve in series(&results.plan) {
        for boundary in boundaries(&results.topology, &results.plan, &curve) {
            names.entry(boundary.procs).or_default().insert(boundary.name);
        }
    }
    let order = |name: &str| ["core", "llc", "node", "package"].iter().position(|known| *known == name);
    let mark = |(procs, names): (u32, BTreeSet<&str>)| {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by_key(|name| order(name));
        let names = names.join(" = ").replace("llc", "LLC");
        Mark { x: f64::from(procs), label: format!("{names}: {procs} workers") }
    };
    // One worker fills a core on most machines: no boundary that a curve could show.
    names.into_iter().filter(|&(procs, _)| procs > 1).map(mark).collect()
}

#[cfg(test)]
mod tests;
