//! From what the observers saw to series of scheduling latency, and from these to the planted change.

use super::Truth;
use gmp::scheduler::{Did, Event, PollEnd};
use stats::changepoint::change_points;
use std::collections::{HashMap, HashSet};

/// Length of a window.
pub(super) const WINDOW_NS: u64 = 10_000_000;

/// One look of the sampler; counts go up from the beginning of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) at_ns: u64,
    pub(super) runnable: u64,
    pub(super) live: u64,
    pub(super) turns: u64,
    /// Run delay in ns and time slices of all threads; `None` where the kernel keeps none.
    pub(super) slices: Option<(u64, u64)>,
}

/// The workload's columns, in their order. Times of events count from the scheduler's epoch, `from_ns` before the beginning.
pub(super) fn figures(
    events: &[Event],
    from_ns: u64,
    looks: &[Look],
    faults: Option<(u64, u64)>,
    truth: &Truth,
) -> Vec<Option<f64>> {
    let windows = (truth.end_ns / WINDOW_NS) as usize;
    let all = [traced(events, from_ns, windows), sampled(looks, windows), of_kernel(looks, windows)];
    let [trace, sample, kernel] = all.each_ref().map(|series| before(series, truth));
    let found = all.each_ref().map(|series| find(series, truth));
    let after = looks.iter().filter(|look| look.at_ns > truth.change_ns + WINDOW_NS).map(|look| look.live as f64);
    let live = mean(after).map(|live| live / truth.live_after as f64);
    let faults = faults.filter(|(_, of_proc)| *of_proc > 0).map(|(usage, of_proc)| usage as f64 / of_proc as f64);
    let agreement = sample.zip(trace).filter(|(_, trace)| *trace > 0.0).map(|(sample, trace)| sample / trace);
    let mut figures = vec![trace, sample, kernel, agreement];
    figures.extend(found.iter().map(|found| found.and_then(|(after_ms, _)| after_ms)));
    figures.extend(found.iter().map(|found| found.map(|(_, early)| early)));
    figures.extend([live, traced_live(events, from_ns, truth), faults]);
    figures
}

/// Mean wait in each window of a task that yielded until it ran again; windows without one are `None`.
fn traced(events: &[Event], from_ns: u64, windows: usize) -> Vec<Option<f64>> {
    let mut polls: Vec<(u64, u64, u32, PollEnd)> = Vec::new();
    for event in events {
        if let Did::Ran { task, end } = event.did {
            polls.push((event.from_ns, event.to_ns, task, end));
        }
    }
    // Events of one processor are in order, those of several are not.
    polls.sort_unstable_by_key(|poll| poll.0);
    let mut yielded_at: HashMap<u32, u64> = HashMap::new();
    let mut waits = vec![(0.0, 0_u64); windows];
    for (began, ended, task, end) in polls {
        if let Some(since) = yielded_at.remove(&task) {
            let window = (began.saturating_sub(from_ns) / WINDOW_NS) as usize;
            if let Some((sum, count)) = waits.get_mut(window) {
                *sum += began.saturating_sub(since) as f64;
                *count += 1;
            }
        }
        if end == PollEnd::Yielded {
            yielded_at.insert(task, ended);
        }
    }
    waits.into_iter().map(|(sum, count)| (count > 0).then(|| sum / count as f64)).collect()
}

/// Tasks that ran in a window, the mean of whole windows after the change and until the trace was full, over as many as there are.
fn traced_live(events: &[Event], from_ns: u64, truth: &Truth) -> Option<f64> {
    let traced_ns = events.iter().map(|event| event.to_ns.saturating_sub(from_ns)).max()?;
    let windows = (truth.change_ns / WINDOW_NS + 1) as usize..(truth.end_ns.min(traced_ns) / WINDOW_NS) as usize;
    let mut ran = vec![HashSet::new(); windows.end];
    for event in events {
        let window = (event.from_ns.saturating_sub(from_ns) / WINDOW_NS) as usize;
        if let (Did::Ran { task, .. }, Some(ran)) = (event.did, ran.get_mut(window)) {
            ran.insert(task);
        }
    }
    mean(ran.get(windows)?.iter().map(|tasks| tasks.len() as f64)).map(|live| live / truth.live_after as f64)
}

/// Little's law in each window: mean number of runnable tasks over the rate of turns.
fn sampled(looks: &[Look], windows: usize) -> Vec<Option<f64>> {
    by_window(looks, windows, |first, last, looks| {
        let turns = last.turns.checked_sub(first.turns).filter(|turns| *turns > 0)?;
        let runnable = mean(looks.iter().map(|look| look.runnable as f64))?;
        Some(runnable * (last.at_ns - first.at_ns) as f64 / turns as f64)
    })
}

/// Run delay for each time slice.
fn of_kernel(looks: &[Look], windows: usize) -> Vec<Option<f64>> {
    by_window(looks, windows, |first, last, _| {
        let ((delay, slices), (delay_before, slices_before)) = (last.slices?, first.slices?);
        let slices = slices.checked_sub(slices_before).filter(|slices| *slices > 0)?;
        Some(delay.saturating_sub(delay_before) as f64 / slices as f64)
    })
}

fn by_window(
    looks: &[Look],
    windows: usize,
    figure: impl Fn(&Look, &Look, &[Look]) -> Option<f64>,
) -> Vec<Option<f64>> {
    let of_window = |window: usize| {
        let (low, high) = (window as u64 * WINDOW_NS, (window as u64 + 1) * WINDOW_NS);
        let from = looks.partition_point(|look| look.at_ns < low);
        // Its own looks only: the next window's first one may lie behind the change.
        let to = looks.partition_point(|look| look.at_ns < high);
        match looks.get(from..to)? {
            inside @ [first, .., last] => figure(first, last, inside),
            _ => None,
        }
    };
    (0..windows).map(of_window).collect()
}

/// Mean of the windows that ended before the change.
fn before(series: &[Option<f64>], truth: &Truth) -> Option<f64> {
    let whole = (truth.change_ns / WINDOW_NS) as usize;
    mean(series.iter().take(whole).flatten().copied())
}

/// How long after the planted change the first change point lies, if one does and none was before; and how many were: who has
/// cried before has not found it. A change within the window that holds the planted one is found at its end.
fn find(series: &[Option<f64>], truth: &Truth) -> Option<(Option<f64>, f64)> {
    let (at, values): (Vec<u64>, Vec<f64>) =
        (0..).zip(series).filter_map(|(window, value)| Some((window, (*value)?))).unzip();
    let found = change_points(&values, 15.0 * (values.len() as f64).ln()).ok()?;
    let ends: Vec<u64> = found.ends.iter().map(|&end| at[end - 1] + 1).collect();
    let holds_it = truth.change_ns / WINDOW_NS;
    let early = ends.iter().filter(|end| **end < holds_it).count();
    let first = ends.iter().find(|end| **end >= holds_it).filter(|_| early == 0);
    let after_ms = first.map(|end| ((end + 1) * WINDOW_NS).saturating_sub(truth.change_ns) as f64 / 1e6);
    Some((after_ms, early as f64))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second with the change about half-time: one processor, tasks in turn, each turn 1 ms; 4 tasks, then 8.
    fn made(change_ms: u64) -> (Vec<Event>, Vec<Look>, Truth) {
        let mut events = Vec::new();
        let mut looks = Vec::new();
        for ms in 0..1000_u64 {
            let tasks = if ms < change_ms { 4 } else { 8 };
            let (from_ns, to_ns) = (7 + ms * 1_000_000, 7 + (ms + 1) * 1_000_000);
            let did = Did::Ran { task: (ms % tasks) as u32, end: PollEnd::Yielded };
            events.push(Event { processor: 0, thread: 0, from_ns, to_ns, did });
            let slices = Some((100 * ms + ms % 3, ms));
            // A series without any noise has a change wherever its last digit changes.
            let late_ns = ms * 7919 % 1000 * 10;
            looks.push(Look { at_ns: ms * 1_000_000 + late_ns, runnable: tasks - 1, live: tasks, turns: ms, slices });
        }
        (events, looks, Truth { change_ns: change_ms * 1_000_000, end_ns: 1_000_000_000, live_after: 8 })
    }

    #[test]
    fn observers_agree_where_the_truth_is_known() {
        let (events, looks, truth) = made(505);
        let figures = figures(&events, 7, &looks, Some((30, 20)), &truth);
        // 4 tasks in turn: each waits 3 ms.
        assert_eq!(figures[0], Some(3e6));
        assert!((figures[1].expect("sampled") / 3e6 - 1.0).abs() < 0.01, "{figures:?}");
        assert!((figures[3].expect("agreement") - 1.0).abs() < 0.01, "{figures:?}");
        for found in &figures[4..6] {
            assert!((0.0..=20.0).contains(&found.expect("found")), "{figures:?}");
        }
        assert_eq!(figures[6], None, "nothing changes for the kernel: {figures:?}");
        assert_eq!(figures[7..9], [Some(0.0); 2], "{figures:?}");
        assert_eq!(figures[10..], [Some(1.0), Some(1.0), Some(1.5)]);
        assert_eq!(figures.len(), plan::workload::ObservedFile::METRICS.len());
    }

    #[test]
    fn a_change_between_two_windows_is_not_seen_before_it() {
        let (events, looks, truth) = made(500);
        let figures = figures(&events, 7, &looks, None, &truth);
        assert_eq!(figures[7..9], [Some(0.0); 2], "{figures:?}");
        assert!(figures[4].is_some() && figures[5].is_some(), "{figures:?}");
    }

    #[test]
    fn who_cried_before_has_not_found_it() {
        let truth = Truth { change_ns: 500_000_000, end_ns: 1_000_000_000, live_after: 8 };
        let check = |before: [f64; 2], found: bool, early: f64| {
            let level = |window: i32| {
                if window < 20 {
                    before[0]
                } else if window < 50 {
                    before[1]
                } else {
                    9.0
                }
            };
            let series: Vec<_> = (0..100).map(|window| Some(level(window) + 0.01 * f64::from(window % 7))).collect();
            let (after_ms, cried) = find(&series, &truth).expect("a hundred windows");
            assert_eq!((after_ms.is_some(), cried), (found, early), "{before:?}");
        };
        check([2.0, 2.0], true, 0.0);
        check([1.0, 2.0], false, 1.0);
    }

    #[test]
    fn what_nobody_saw_is_not_measured() {
        let truth = Truth { change_ns: 500_000_000, end_ns: 1_000_000_000, live_after: 8 };
        assert_eq!(figures(&[], 0, &[], Some((0, 0)), &truth), vec![None; plan::workload::ObservedFile::METRICS.len()]);
    }
}
