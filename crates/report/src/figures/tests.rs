//! Figures show every sample, the boundaries, the fits, the printed values, and mark what could mislead.

use super::*;
use crate::fixture::{derived, golden};

fn drawn(published: bool) -> Vec<Named> {
    let results = golden();
    let derived = derived(&results);
    figures(&results, &derived, published.then(Published::numa_binding).as_ref())
}

fn figure(name: &str, published: bool) -> Figure {
    drawn(published).into_iter().find(|named| named.name == name).expect(name).figure
}

#[test]
fn figures_are_drawn_for_what_was_measured() {
    let names: Vec<&str> = drawn(false).iter().map(|named| named.name).collect();
    assert_eq!(names, ["throughput", "local_hit_ratio", "pause_p50", "pause_max", "pause_variance"]);
}

#[test]
fn every_sample_is_a_dot() {
    for named in drawn(false) {
        let dots = |series: &&Series| matches!(series.style, Style::Dots(_));
        let points: usize = named.figure.series.iter().filter(dots).map(|series| series.points.len()).sum();
        assert_eq!(points, 36, "{}", named.name);
    }
}

#[test]
fn boundaries_fits_and_printed_values_are_there() {
    let throughput = figure("throughput", true);
    let marks: Vec<(f64, &str)> = throughput.marks.iter().map(|mark| (mark.x, mark.label.as_str())).collect();
    assert!(marks.iter().any(|(x, label)| *x == 4.0 && label.contains("node")), "{marks:?}");
    let printed = throughput.series.iter().find(|series| series.style == Style::Cross).expect("printed values");
    assert_eq!(printed.points, [(8.0, 42_100.0), (32.0, 68_900.0), (64.0, 51_300.0)]);
    let fit = throughput.series.iter().find(|series| matches!(series.style, Style::Line { .. })).expect("a fit");
    assert_eq!(fit.points.len(), 101);
    assert!(throughput.notes.iter().any(|note| note.contains("close: usl")), "{:?}", throughput.notes);
    // lambda x / (1 + sigma (x-1) + kappa x (x-1)) at 1.
    assert!((fit.points[0].1 - 1e5).abs() < 1e-6);
    assert!(throughput.title.contains("modelled timing") && throughput.svg().contains("Timing is modelled"));
    assert!(!figure("local_hit_ratio", true).title.contains("timing"));
}

#[test]
fn ratios_by_construction_are_hollow_and_oversubscribed_points_are_marked() {
    let ratio = figure("local_hit_ratio", false);
    let shapes = |figure: &Figure| -> Vec<Shape> {
        figure
            .series
            .iter()
            .filter_map(|one| if let Style::Dots(shape) = one.style { Some(shape) } else { None })
            .collect()
    };
    assert_eq!(shapes(&ratio), [Shape::Circle, Shape::Hollow]);
    let mut results = golden();
    let last = results.plan.points.len() - 1;
    results.plan.points[last].regime = Regime::Oversubscribed;
    results.plan.points[5].regime = Regime::Oversubscribed;
    let derived = derived(&results);
    let throughput = figures(&results, &derived, None).remove(0).figure;
    assert!(shapes(&throughput).contains(&Shape::Plus));
    assert_eq!(throughput.bands.len(), 1);
    assert_eq!(throughput.bands[0].low, 7.0);
}

#[test]
fn very_many_samples_are_thinned_without_losing_the_ends() {
    let check = |values: Vec<f64>, most: usize| {
        let (least, largest) = (values[0], values[values.len() - 1]);
        let thinned = thin(values);
        assert!(thinned.len() <= most, "{} dots", thinned.len());
        assert!(thinned.contains(&least) && thinned.contains(&largest));
    };
    check((0..5000).map(f64::from).collect(), 5000);
    check((0..100_000).map(f64::from).collect(), 2002);
    check(vec![7.0; 100_000], 100_000);
}
