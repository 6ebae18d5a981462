//! Figures show every sample, the boundaries, the fits, the printed values, and mark what could mislead.

use super::*;
use crate::fixture::{derived, golden};
use crate::tables::published::numa_binding;

fn drawn(published: bool) -> Vec<Named> {
    let results = golden();
    let derived = derived(&results);
    figures(&results, &derived, published.then(numa_binding).as_ref())
}

fn figure(name: &str, published: bool) -> Figure {
    drawn(published).into_iter().find(|named| named.name == name).expect(name).figure
}

#[test]
fn figures_are_drawn_for_what_was_measured() {
    let names: Vec<String> = drawn(false).into_iter().map(|named| named.name).collect();
    assert_eq!(names, ["throughput", "local_hit_ratio", "pause_p50", "pause_max", "pause_variance"]);
}

#[test]
fn printed_values_far_beyond_a_small_machine_do_not_press_it_into_an_edge() {
    let check = |most: u32, published: bool, expect: Scale| {
        let mut results = golden();
        results.plan.points.retain(|point| point.procs <= most);
        let derived = derived(&results);
        let all = figures(&results, &derived, published.then(numa_binding).as_ref());
        assert_eq!(all[0].figure.x.scale, expect, "up to {most} procs");
    };
    check(8, true, Scale::Linear);
    check(4, true, Scale::Log);
    check(4, false, Scale::Linear);
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
fn large_symbols_say_what_they_are() {
    let check = |name: &str, words: &str| {
        let notes = figure(name, false).notes;
        assert!(notes[0].contains(&format!("large ones are {words};")), "{name}: {notes:?}");
    };
    check("throughput", "the geometric mean with its 95 % interval");
    check("local_hit_ratio", "the mean with its 95 % interval");
    check("pause_p50", "the median of all pauses of a point together with its 95 % interval");
    check("pause_max", "the longest pause of a point");
    let longest = figure("pause_max", false);
    let large = longest.series.iter().find(|one| one.name == "unbound").expect("the first arm");
    // The fixture's longest, not the mean of the dots.
    assert!((large.points[0].1 - 14.0e3).abs() < 20.0, "{:?}", large.points);
}

#[test]
fn boundaries_fits_and_printed_values_are_there() {
    let throughput = figure("throughput", true);
    let marks: Vec<(f64, &str)> = throughput.marks.iter().map(|mark| (mark.x, mark.label.as_str())).collect();
    assert!(marks.iter().any(|(x, label)| *x == 4.0 && label.contains("node")), "{marks:?}");
    let printed = throughput.series.iter().find(|series| series.style == Style::Cross).expect("printed values");
    // Level with the first arm at 8 procs, and in the article's proportions.
    let measured = throughput.series.iter().find(|one| one.name == "unbound").expect("the first arm");
    let level = measured.points.iter().find(|point| point.0 == 8.0).expect("8 procs").1;
    let factor = level / 42_100.0;
    for ((procs, value), (expect, printed)) in
        printed.points.iter().zip([(8.0, 42.1e3), (32.0, 68.9e3), (64.0, 51.3e3)])
    {
        assert!(*procs == expect && (value - factor * printed).abs() < 1e-6, "{printed} at {procs}");
    }
    assert!(printed.name.contains("times 10.9 (level with unbound at 8)"), "{}", printed.name);
    assert!(throughput.notes.iter().any(|note| note.starts_with("As printed: 42.1 k/s at 8, 68.9 k/s at 32")));
    let fit = throughput.series.iter().find(|series| matches!(series.style, Style::Line { .. })).expect("a fit");
    assert_eq!(fit.points.len(), 101);
    assert!(throughput.notes.iter().any(|note| note.contains("close: usl")), "{:?}", throughput.notes);
    // lambda x / (1 + sigma (x-1) + kappa x (x-1)) at 1.
    assert!((fit.points[0].1 - 1e5).abs() < 1e-6);
    assert!(
        throughput.title.contains("2 nodes, 8 PUs (modelled, not measured)")
            && throughput.svg().contains("Timing is modelled")
    );
    assert!(!figure("local_hit_ratio", true).title.contains("timing"));
}

#[test]
fn a_knee_inside_the_grid_stands_against_the_node() {
    use crate::samples::made::{Made, samples};
    let mut results = golden();
    let template = results.plan.points.iter().find(|point| point.arm == "close").expect("the arm").clone();
    let point = |procs: u32| plan::point::Point { id: format!("p{procs}"), procs, ..template.clone() };
    results.plan.points = (1..=8).map(point).collect();
    // USL with its peak at 4, the node's PUs.
    let rate = |n: f64| 1000.0 * n / (1.0 + 0.04 * (n - 1.0) + 0.06 * n * (n - 1.0));
    let figures_at = |block: u32| {
        let wobble = [0.999, 1.001, 0.9995, 1.0005][block as usize];
        (0..8).map(move |at: usize| (at, block, [("throughput_per_s", wobble * rate(at as f64 + 1.0))]))
    };
    let all: Vec<_> = (0..4).flat_map(figures_at).collect();
    let made = |(point, block, metrics): &'_ (usize, u32, [(&'static str, f64); 1])| (*point, *block, metrics.to_vec());
    let all: Vec<_> = all.iter().map(made).collect();
    let rows: Vec<Made<'_>> = all
        .iter()
        .map(|(point, block, metrics)| Made { point: *point, block: *block, flagged: false, failed: false, metrics })
        .collect();
    results.samples = samples(&results.plan, &rows);
    let derived = crate::derive::derive(&results);
    let throughput = figures(&results, &derived, None).remove(0).figure;
    let [knee] = throughput.knees.as_slice() else { panic!("one arm: {:?}", throughput.knees) };
    let (at, low, high) = knee.fitted.expect("an adequate fit");
    assert!((at - 4.0).abs() < 0.05 && 3.5 < low && low < at && at < high && high < 4.5, "{knee:?}");
    assert_eq!(knee.measured.expect("a peak").0, 4.0);
    assert_eq!(knee.label, format!("close: knee {at:.2}, best procs 4"));
    assert!(throughput.marks.iter().any(|mark| mark.x == 4.0), "{:?}", throughput.marks);
    assert!(throughput.svg().contains("close: knee"));
    // A fit that misses has no knee to show, and says so.
    let mut missed = derived;
    missed.fits.iter_mut().filter(|row| row.model == "usl").for_each(|row| row.status = "misfit".into());
    // The best procs go on to the right where nothing bounds them.
    missed.fits.iter_mut().filter(|row| row.parameter == "argmax").for_each(|row| {
        (row.ci_high, row.status) = (Some(f64::INFINITY), "unbounded".into());
    });
    let throughput = figures(&results, &missed, None).remove(0).figure;
    assert_eq!(throughput.knees[0].fitted, None);
    assert_eq!(throughput.knees[0].measured.expect("a peak").2, f64::INFINITY);
    let note = "No fitted knee is drawn for close: misfit.";
    assert!(throughput.notes.iter().any(|line| line == note), "{:?}", throughput.notes);
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
