//! The warm-up of a point, found in windows.csv over all its samples and cut from their throughput.
//!
//! One sample's slices are noisy, and a cut that each sample chose for itself would choose by the outcome. So the samples
//! of a point are laid over each other: their median rate over time has a change point or not, and one cut holds for all
//! of them. (The mean would still show each dip of a busy neighbour.) It is only made where the samples agree that the
//! start is slower, and never beyond a quarter of a sample. Hits and pauses keep the whole sample; so does
//! `throughput_whole_per_s`, the sensitivity line beside the throughput.

use crate::error::ReportError;
use crate::samples::Samples;
use crate::table::{Table, column};
use plan::experiment::Extent;
use plan::point::Plan;
use plan::record::{Row, WindowRow, titles};
use stats::changepoint::{Warmup as Class, warmup_end};
use stats::interval::mean_interval;
use stats::quantile::quantile;
use std::collections::BTreeMap;
use std::path::Path;

/// Steps of a curve of rates: as many as a sample has slices at least.
const STEPS: usize = 100;
/// A longer start is no warm-up: what comes after it would be too short to be called steady.
const STEPS_MOST: usize = STEPS / 4;
/// Samples of a point below which nothing is cut.
const SAMPLES_LEAST: usize = 5;
/// Samples of a point, the first ones, that are laid over each other: more would only take memory.
const SAMPLES_MOST: usize = 200;
/// Points that a note names.
const NAMED_MOST: usize = 4;
/// Relative difference of rates that counts as none.
const ALIKE: f64 = 0.01;
/// Level at which the samples must agree that their start is slower.
const LEVEL: f64 = 0.99;

/// The warm-up of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup {
    /// Its length after the common release, in ns.
    pub length_ns: u64,
    /// The same as a share of a sample, 0..1.
    pub ratio: f64,
}

/// Finds the warm-up of each point and cuts it from the throughput and bandwidth of its samples, shape `[points]`; and says
/// at which points the rate does something else than to warm up and stay.
///
/// Samples of so many operations have none: there workers end one after the other.
pub(crate) fn cut_warmups(
    dir: &Path,
    plan: &Plan,
    samples: &mut Samples,
) -> Result<(Vec<Option<Warmup>>, Vec<String>), ReportError> {
    let mut warmups = vec![None; plan.points.len()];
    let path = dir.join(WindowRow::FILE);
    let Extent::Seconds(seconds) = plan.measure.extent else { return Ok((warmups, Vec::new())) };
    if !path.is_file() {
        return Ok((warmups, Vec::new()));
    }
    let length_ns = seconds * 1e9;
    let mut curves = vec![Curves::default(); plan.points.len()];
    each_sample(&path, |sample, slices| {
        if let Some(&point) = samples.point.get(sample) {
            curves[point as usize].add(slices, length_ns);
        }
    })?;
    let classes: Vec<Option<Class>> = curves.iter().map(Curves::class).collect();
    for (warmup, class) in warmups.iter_mut().zip(&classes) {
        *warmup = slow_start(*class).map(|ratio| Warmup { length_ns: (ratio * length_ns) as u64, ratio });
    }
    let mut disagree = vec![false; plan.points.len()];
    let notes =
        |disagree: &[bool]| tally(&classes, disagree).into_iter().chain(unsteady(plan, &classes, disagree)).collect();
    if warmups.iter().all(Option::is_none) {
        return Ok((warmups, notes(&disagree)));
    }
    let mut parts: BTreeMap<usize, Vec<(usize, Parts)>> = BTreeMap::new();
    each_sample(&path, |sample, slices| {
        let Some(point) = samples.point.get(sample).map(|&point| point as usize) else { return };
        if let Some(parts_of_sample) = warmups[point].and_then(|warmup| Parts::of(slices, warmup.length_ns)) {
            parts.entry(point).or_default().push((sample, parts_of_sample));
        }
    })?;
    for (point, warmup) in warmups.iter_mut().enumerate().filter(|(_, warmup)| warmup.is_some()) {
        match parts.remove(&point).filter(|parts| agree(parts)) {
            Some(parts) => {
                parts.iter().for_each(|&(sample, parts)| samples.cut_throughput(sample, parts.steady_per_s));
            }
            None => (*warmup, disagree[point]) = (None, true),
        }
    }
    Ok((warmups, notes(&disagree)))
}

/// A warm-up that may be cut, as a share of a sample.
fn slow_start(class: Option<Class>) -> Option<f64> {
    match class? {
        Class::Warmup { end } if end <= STEPS_MOST => Some(end as f64 / STEPS as f64),
        _ => None,
    }
}

/// How many points have each of the four classes (Barrett et al. 2017), and at how many the samples disagree with the class of
/// their median; `None` where all are flat or none is known.
fn tally(classes: &[Option<Class>], disagree: &[bool]) -> Option<String> {
    let count = |is: fn(&Class) -> bool| classes.iter().flatten().filter(|class| is(class)).count();
    let flat = count(|class| matches!(class, Class::Flat));
    let doubtful = disagree.iter().filter(|disagrees| **disagrees).count();
    let warmup = count(|class| matches!(class, Class::Warmup { .. })) - doubtful;
    let slowdown = count(|class| matches!(class, Class::Slowdown { .. }));
    let unsteady = count(|class| matches!(class, Class::NoSteadyState));
    let unknown = classes.len() - flat - warmup - doubtful - slowdown - unsteady;
    let doubted = if doubtful > 0 { format!(", {doubtful} whose samples disagree") } else { String::new() };
    let more =
        if unknown > 0 { format!(", {unknown} not told by fewer than {SAMPLES_LEAST} samples") } else { String::new() };
    (warmup + doubtful + slowdown + unsteady > 0).then(|| {
        format!(
            "rates over a sample, points by class: {flat} flat, {warmup} warm up, {slowdown} slow down, {unsteady} without \
             steady state{doubted}{more}"
        )
    })
}

/// One line for each of the other ways in which rates are not the same throughout, with the points.
fn unsteady(plan: &Plan, classes: &[Option<Class>], disagree: &[bool]) -> Vec<String> {
    type Is = fn(&Class) -> bool;
    let ways: [(&str, Is); 3] = [
        (
            "slower for more than a quarter of a sample",
            |class| matches!(class, Class::Warmup { end } if *end > STEPS_MOST),
        ),
        ("faster at first than later (slowdown)", |class| matches!(class, Class::Slowdown { .. })),
        ("no steady state", |class| matches!(class, Class::NoSteadyState)),
    ];
    let line = |what: &str, is: &dyn Fn(usize) -> bool| {
        let found = plan.points.iter().enumerate().filter(|(at, _)| is(*at));
        let points: Vec<String> =
            found.map(|(_, point)| format!("{arm} {procs}", arm = point.arm, procs = point.x())).collect();
        let named = points.iter().take(NAMED_MOST).cloned().collect::<Vec<_>>().join(", ");
        let more = points.len().saturating_sub(NAMED_MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!points.is_empty()).then(|| format!("rates over a sample, {what}, nothing cut: {named}{more}"))
    };
    let lines = ways.into_iter().map(|(what, is)| line(what, &|at| classes[at].as_ref().is_some_and(is)));
    let doubted = "slower at first in the median of the samples, which disagree";
    lines.chain([line(doubted, &|at| disagree[at])]).flatten().collect()
}

/// One slice of a sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) start_ns: u64,
    pub(crate) length_ns: u64,
    pub(crate) operations: u64,
}

/// Calls `take` with the slices of each sample. Those of one sample follow each other in the file.
pub(crate) fn each_sample(path: &Path, mut take: impl FnMut(usize, &[Slice]) + Send) -> Result<(), ReportError> {
    let [sample, start, length, operations] =
        ["sample_id", "start_ns", "length_ns", "operations"].map(column::<WindowRow>);
    let (mut current, mut slices) = (0, Vec::new());
    Table::open(path, &titles::<WindowRow>())?.summed(false).read(
        |block| {
            let mut rows: Vec<(usize, Slice)> = Vec::new();
            block.each_row(|row| {
                let (start_ns, length_ns, operations) = (row.cell(start)?, row.cell(length)?, row.cell(operations)?);
                rows.push((row.cell::<u64>(sample)? as usize, Slice { start_ns, length_ns, operations }));
                Ok(())
            })?;
            Ok(rows)
        },
        |rows, _| {
            for (sample, slice) in rows {
                if sample != current {
                    take(current, &slices);
                    slices.clear();
                    current = sample;
                }
                slices.push(slice);
            }
        },
    )?;
    take(current, &slices);
    Ok(())
}

/// Rates over time of a point's samples, each divided by its own median.
#[derive(Debug, Clone, Default)]
struct Curves(Vec<[f64; STEPS]>);

impl Curves {
    fn add(&mut self, slices: &[Slice], length_ns: f64) {
        if self.0.len() == SAMPLES_MOST {
            return;
        }
        let done = operations_by_step(slices, length_ns / STEPS as f64);
        let mut rates: [f64; STEPS] = std::array::from_fn(|step| done[step + 1] - done[step]);
        let usual = median(&rates);
        if usual > 0.0 {
            rates.iter_mut().for_each(|rate| *rate /= usual);
            self.0.push(rates);
        }
    }

    /// What the rate does over a sample; `None` of too few samples, or where it cannot be told.
    fn class(&self) -> Option<Class> {
        if self.0.len() < SAMPLES_LEAST {
            return None;
        }
        let of_step = |step: usize| self.0.iter().map(|rates| rates[step]).collect::<Vec<_>>();
        let medians: Vec<f64> = (0..STEPS).map(|step| median(&of_step(step))).collect();
        warmup_end(&medians, ALIKE).ok()
    }
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).expect("rates are finite, and there is one at least")
}

/// Operations until the end of each step, from 0 on; those of the slice it falls into in proportion.
fn operations_by_step(slices: &[Slice], step_ns: f64) -> [f64; STEPS + 1] {
    let mut done = [0.0; STEPS + 1];
    let (mut whole, mut rest) = (0.0, slices);
    for (step, done) in done.iter_mut().enumerate() {
        let moment_ns = step as f64 * step_ns;
        while let [first, others @ ..] = rest
            && first.start_ns.saturating_add(first.length_ns) as f64 <= moment_ns
        {
            whole += first.operations as f64;
            rest = others;
        }
        let share = |slice: &Slice| ((moment_ns - slice.start_ns as f64) / slice.length_ns as f64).max(0.0);
        *done = whole + rest.first().map_or(0.0, |slice| slice.operations as f64 * share(slice));
    }
    done
}

/// The rates of a sample before and after a cut.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Parts {
    start_per_s: f64,
    steady_per_s: f64,
}

impl Parts {
    /// Whole slices only: the cut is at the first slice that begins at it or later.
    fn of(slices: &[Slice], cut_ns: u64) -> Option<Parts> {
        let cut = slices.iter().position(|slice| slice.start_ns >= cut_ns)?;
        let rate = |slices: &[Slice]| {
            let (first, last) = (slices.first()?, slices.last()?);
            let operations: f64 = slices.iter().map(|slice| slice.operations as f64).sum();
            Some(operations * 1e9 / last.start_ns.saturating_add(last.length_ns).saturating_sub(first.start_ns) as f64)
        };
        Some(Parts { start_per_s: rate(&slices[..cut])?, steady_per_s: rate(&slices[cut..])? })
    }
}

/// Whether the samples agree that their start is slower.
fn agree(parts: &[(usize, Parts)]) -> bool {
    let differences: Vec<f64> = parts.iter().map(|(_, parts)| parts.start_per_s / parts.steady_per_s - 1.0).collect();
    mean_interval(&differences, LEVEL).is_ok_and(|mean| mean.interval.high < -ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::golden;
    use crate::samples::WHOLE;
    use crate::samples::made::{Made, samples};
    use plan::random::split;

    /// Noise of a busy neighbour: each slice within 5 %, and now and then a dip of half the rate for up to 20 slices.
    fn slices(seed: u64, slow: usize, share: f64) -> Vec<Slice> {
        let uniform = |label: u64| (split(seed, label) >> 11) as f64 / (1u64 << 53) as f64;
        let (dip, long) = (uniform(1000) * 150.0, uniform(1001) * 20.0);
        let rate = |at: usize| {
            let dipped = (dip..dip + long).contains(&(at as f64));
            let noise = 0.95 + 0.1 * uniform(at as u64);
            noise * if dipped { 0.5 } else { 1.0 } * if at < slow { share } else { 1.0 }
        };
        let slice =
            |at: usize| Slice { start_ns: at as u64 * 1000, length_ns: 1000, operations: (1000.0 * rate(at)) as u64 };
        (0..101).map(slice).collect()
    }

    /// Length of the warm-up of a point, in slices.
    fn found(seed: u64, samples: u64, slow: usize, share: f64) -> Option<u64> {
        let samples: Vec<Vec<Slice>> = (0..samples).map(|at| slices(split(seed, at), slow, share)).collect();
        let mut curves = Curves::default();
        samples.iter().for_each(|slices| curves.add(slices, 100_000.0));
        let cut_ns = (slow_start(curves.class())? * 100_000.0).round() as u64;
        let parts: Vec<(usize, Parts)> =
            samples.iter().enumerate().filter_map(|(at, slices)| Some((at, Parts::of(slices, cut_ns)?))).collect();
        agree(&parts).then_some(cut_ns / 1000)
    }

    #[test]
    fn a_slow_start_that_the_samples_share_is_found() {
        let check = |samples, slow, share, expect| {
            let wrong = (0..40).filter(|&seed| found(seed, samples, slow, share) != expect).count();
            assert!(wrong <= 2, "{samples} samples, {slow} slices at {share}: {wrong} of 40 are not {expect:?}");
        };
        check(10, 10, 0.6, Some(10));
        check(10, 20, 0.8, Some(20));
        // Too few samples, too long a start, a start that is faster.
        check(4, 10, 0.6, None);
        check(10, 40, 0.6, None);
        check(10, 10, 1.5, None);
    }

    #[test]
    fn samples_must_agree_that_their_start_is_slower() {
        let check = |starts: &[f64], expect: bool| {
            let parts: Vec<(usize, Parts)> =
                starts.iter().map(|&start| (0, Parts { start_per_s: start * 1e6, steady_per_s: 1e6 })).collect();
            assert_eq!(agree(&parts), expect, "{starts:?}");
        };
        check(&[0.7, 0.72, 0.69, 0.71, 0.7], true);
        // Slower by a tenth on average, but two of five are not.
        check(&[0.8, 0.82, 1.0, 0.85, 1.02], false);
        // All agree on half a percent, which counts as none.
        check(&[0.995, 0.9951, 0.9949, 0.995, 0.995], false);
        check(&[0.5], false);
    }

    #[test]
    fn what_is_no_warm_up_is_said() {
        let plan = golden().plan;
        let mut classes = vec![Some(Class::Flat); plan.points.len()];
        let mut disagree = vec![false; plan.points.len()];
        assert_eq!(unsteady(&plan, &classes, &disagree), Vec::<String>::new());
        classes[0] = Some(Class::Slowdown { end: 3 });
        classes[1] = Some(Class::Warmup { end: STEPS_MOST });
        classes[2..].fill(Some(Class::NoSteadyState));
        let name = |at: usize| format!("{} {}", plan.points[at].arm, plan.points[at].procs);
        let steady = format!(
            "rates over a sample, no steady state, nothing cut: {}, {}, {}, {} and {} more",
            name(2),
            name(3),
            name(4),
            name(5),
            plan.points.len() - 6
        );
        let slowdown = format!("rates over a sample, faster at first than later (slowdown), nothing cut: {}", name(0));
        assert_eq!(unsteady(&plan, &classes, &disagree), [slowdown.clone(), steady.clone()]);
        disagree[1] = true;
        classes[1] = Some(Class::Warmup { end: 9 });
        let doubted = format!(
            "rates over a sample, slower at first in the median of the samples, which disagree, nothing cut: {}",
            name(1)
        );
        assert_eq!(unsteady(&plan, &classes, &disagree), [slowdown, steady, doubted]);
    }

    #[test]
    fn points_are_counted_by_class() {
        assert_eq!(tally(&[Some(Class::Flat), None], &[false, false]), None);
        let all = [Some(Class::Flat), Some(Class::Warmup { end: 9 }), Some(Class::NoSteadyState), None];
        let expect = "rates over a sample, points by class: 1 flat, 1 warm up, 0 slow down, 1 without steady state, 1 not \
                      told by fewer than 5 samples";
        assert_eq!(tally(&all, &[false; 4]).as_deref(), Some(expect));
        let doubted = "rates over a sample, points by class: 1 flat, 0 warm up, 0 slow down, 1 without steady state, 1 whose \
                       samples disagree, 1 not told by fewer than 5 samples";
        assert_eq!(tally(&all, &[false, true, false, false]).as_deref(), Some(doubted));
    }

    #[test]
    fn of_noise_nothing_is_cut() {
        let cut = (0..500).filter(|&seed| found(seed, 10, 0, 1.0).is_some()).count();
        assert!(cut <= 5, "{cut} of 500 points without a warm-up were cut");
    }

    #[test]
    fn operations_of_a_slice_are_shared_between_steps() {
        let slice = |start_ns, length_ns, operations| Slice { start_ns, length_ns, operations };
        let done = operations_by_step(&[slice(0, 150, 30), slice(150, 50, 10), slice(200, 10_000, 10_000)], 100.0);
        assert_eq!(done[..4], [0.0, 20.0, 40.0, 140.0]);
        assert_eq!(done[STEPS], 40.0 + 9800.0);
    }

    #[test]
    fn the_cut_is_at_a_whole_slice() {
        let slice = |at: u64, operations| Slice { start_ns: at * 1000, length_ns: 1000, operations };
        let slices = [slice(0, 1), slice(1, 2), slice(2, 4), slice(3, 6)];
        let parts = Parts { start_per_s: 1.5e6, steady_per_s: 5e6 };
        assert_eq!((Parts::of(&slices, 1500), Parts::of(&slices, 2000)), (Some(parts), Some(parts)));
        assert_eq!((Parts::of(&slices, 0), Parts::of(&slices, 3001)), (None, None));
    }

    #[test]
    fn the_throughput_of_a_point_loses_its_warm_up() {
        let mut plan = golden().plan;
        plan.measure.extent = Extent::Seconds(1e-4);
        let dir = tempfile::tempdir().unwrap();
        let metrics = [("throughput_per_s", 9e8), ("bandwidth_gb_per_s", 3.0)];
        let made =
            |at: u32| Made { point: at as usize % 2, block: at / 2, flagged: false, failed: false, metrics: &metrics };
        let mut samples = samples(&plan, &(0..12).map(made).collect::<Vec<_>>());
        let mut text: String = titles::<WindowRow>().join(",");
        for sample in 0..12u64 {
            // The first point starts slowly, the second in four samples of six.
            let slow = sample % 2 == 0 || sample < 8;
            for (at, slice) in slices(sample, 10, if slow { 0.5 } else { 1.0 }).into_iter().enumerate() {
                let Slice { start_ns, length_ns, operations } = slice;
                text += &format!("\nrun,{sample},{at},{start_ns},{length_ns},{operations},false");
            }
        }
        std::fs::write(dir.path().join(WindowRow::FILE), text + "\n").unwrap();
        let (warmups, notes) = cut_warmups(dir.path(), &plan, &mut samples).unwrap();
        let (arm, procs) = (&plan.points[1].arm, plan.points[1].x());
        let doubted =
            format!("slower at first in the median of the samples, which disagree, nothing cut: {arm} {procs}");
        assert!(notes[0].contains("0 flat, 1 warm up") && notes[0].contains(", 1 whose samples disagree"), "{notes:?}");
        assert!(notes[1..].iter().any(|note| note.ends_with(&doubted)), "{notes:?}");
        assert_eq!(warmups[..2], [Some(Warmup { length_ns: 10_000, ratio: 0.1 }), None]);
        let get = |name: &str, row: usize| samples.metric(name).unwrap().get(row);
        let steady = Parts::of(&slices(4, 10, 0.5), 10_000).unwrap().steady_per_s;
        assert_eq!((get("throughput_per_s", 4), get(WHOLE, 4)), (Some(steady), Some(9e8)));
        assert_eq!(get("bandwidth_gb_per_s", 4), Some(3.0 * steady / 9e8));
        assert_eq!((get("throughput_per_s", 5), get(WHOLE, 5)), (Some(9e8), None));
        samples.restore_throughput();
        let get = |name: &str, row: usize| samples.metric(name).unwrap().get(row);
        assert_eq!((get("throughput_per_s", 4), get("throughput_per_s", 5)), (Some(9e8), Some(9e8)));
    }
}
