//! A figure becomes a well-formed, self-contained, repeatable document that shows what it was given.

use super::*;

fn figure(series: Vec<Series>) -> Figure {
    let axis = |label: &str, unit, include: &[f64]| Axis {
        label: label.into(),
        unit,
        scale: Scale::Linear,
        ticks: Vec::new(),
        include: include.to_vec(),
    };
    Figure {
        title: "Throughput <of> \"arms\" & more".into(),
        description: "what\u{1} it shows".into(),
        x: axis("procs", Unit::Plain, &[]),
        y: axis("throughput", Unit::PerSecond, &[0.0]),
        series,
        bands: vec![Band { low: 4.0, high: f64::INFINITY, label: "more workers than PUs".into() }],
        marks: vec![Mark { x: 2.0, label: "node: 2 PUs".into() }, Mark { x: 4.0, label: "package: 4 PUs".into() }],
        knees: Vec::new(),
        notes: vec!["timing is emulated".into()],
    }
}

fn series(points: &[(f64, f64)], style: Style) -> Series {
    Series { name: "close".into(), colour: Some(0), points: points.to_vec(), style, shift: 0.0 }
}

fn count(svg: &str, element: &str) -> usize {
    let document = roxmltree::Document::parse(svg).expect("well-formed");
    document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", element))).count()
}

#[test]
fn any_series_gives_a_well_formed_document() {
    let check = |points: &[(f64, f64)], scale: Scale| {
        let ends = |value: f64| vec![value; points.len()];
        let interval = Style::Interval { low: ends(0.0), high: ends(f64::INFINITY), shape: Shape::Square };
        for style in [Style::Dots(Shape::Circle), Style::Line { dashed: true }, Style::Cross, interval] {
            let mut figure = figure(vec![series(points, style)]);
            figure.y.scale = scale;
            let svg = figure.svg();
            assert_eq!((count(&svg, "title"), count(&svg, "desc"), count(&svg, "script")), (1, 1, 0));
            assert!(!svg.contains("href") && !svg.contains("NaN"), "{points:?}");
            assert_eq!(svg, figure.svg(), "same figure, same bytes");
        }
    };
    for scale in [Scale::Linear, Scale::Log] {
        check(&[], scale);
        check(&[(1.0, 5.0)], scale);
        check(&[(1.0, 0.0), (2.0, -3.0), (4.0, 1.0)], scale);
        check(&[(1.0, f64::INFINITY), (2.0, 1.0)], scale);
        check(&[(1.0, 1e300), (2.0, 1e-300)], scale);
    }
}

#[test]
fn every_sample_is_a_dot_and_a_thousand_equal_ones_are_few() {
    let check = |points: &[(f64, f64)], expect: usize| {
        let svg = figure(vec![Series { name: String::new(), ..series(points, Style::Dots(Shape::Circle)) }]).svg();
        assert_eq!(count(&svg, "circle"), expect);
    };
    let spread: Vec<(f64, f64)> = (0..100).map(|at| (f64::from(at % 5), f64::from(at / 5) * 1e5)).collect();
    check(&spread, 100);
    check(&vec![(1.0, 5.0); 1000], 6);
}

#[test]
fn marks_in_view_are_labelled_and_others_are_not() {
    let text = |points: &[(f64, f64)]| figure(vec![series(points, Style::Dots(Shape::Circle))]).svg();
    let svg = text(&[(1.0, 1.0), (8.0, 2.0)]);
    assert!(svg.contains("node: 2 PUs") && svg.contains("package: 4 PUs") && svg.contains("more workers than PUs"));
    let svg = text(&[(1.0, 1.0), (3.0, 2.0)]);
    assert!(svg.contains("node: 2 PUs") && !svg.contains("package: 4 PUs"));
}

#[test]
fn an_unbounded_end_is_an_arrow() {
    let heads = |high: f64| {
        let style = Style::Interval { low: vec![0.5], high: vec![high], shape: Shape::Circle };
        count(&figure(vec![series(&[(1.0, 1.0)], style)]).svg(), "polyline")
    };
    assert_eq!((heads(2.0), heads(f64::INFINITY)), (0, 1));
}

#[test]
fn knees_have_a_strip_of_their_own() {
    let drawn = |fitted: Option<(f64, f64, f64)>, measured: Option<(f64, f64, f64)>| {
        let mut figure = figure(vec![series(&[(1.0, 1.0), (8.0, 2.0)], Style::Line { dashed: false })]);
        let without = figure.svg();
        figure.knees = vec![Knee { label: "close: knee <3>".into(), colour: 1, fitted, measured }];
        let svg = figure.svg();
        assert!(svg.contains("close: knee &lt;3&gt;") && !svg.contains("NaN"));
        (count(&svg, "circle") - count(&without, "circle"), count(&svg, "polyline") - count(&without, "polyline"))
    };
    // Symbols, and heads of arrows.
    assert_eq!(drawn(Some((3.0, 2.0, 4.0)), Some((3.0, 2.0, 4.0))), (2, 0));
    assert_eq!(drawn(Some((3.0, 2.0, f64::INFINITY)), None), (1, 1));
    assert_eq!(drawn(Some((1e6, 0.0, f64::INFINITY)), None), (0, 2));
    assert_eq!(drawn(None, None), (0, 0));
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let said = |points: &[(f64, f64)], scale: Scale, expect: &str| {
        let mut figure = figure(vec![series(points, Style::Dots(Shape::Circle))]);
        figure.y.scale = scale;
        assert!(figure.svg().contains(expect), "{points:?}");
    };
    said(&[], Scale::Linear, "nothing was measured");
    said(&[(1.0, f64::INFINITY), (1.0, 1.0)], Scale::Linear, "not drawn: 1 without a finite value");
    said(&[(1.0, 0.0), (1.0, 1.0)], Scale::Log, "not drawn on this logarithmic axis: 1 of value 0");
}
