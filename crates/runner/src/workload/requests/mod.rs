//! `requests`: as many live tasks as the point says serve requests that are an empty loop each, and yield after each.
//!
//! All tasks are there before the clock runs. Closed loop: a task's next request is there when it has served the one before.
//! Open loop: a dispatcher, a task of the subject itself, sleeps until the next arrival and puts all that are due into a
//! queue that the tasks wait at. Its lateness is part of the latency, which counts from the intended arrival. A sample ends
//! with the first request that ends after its seconds; those in service then are counted too, those in the queue are not.
//! Of `operations` each task serves so many, of an open loop all of them together so many times their number.

mod go;
mod tasks;
mod threads;

use super::latency::{Quantiles, Sum, Tally};
use crate::heapless::{Ground, Heapless, Ran};
use crate::workload::on_subject;
use host::thread::Usage;
use plan::experiment::Extent;
use plan::random::{draw, split};
use plan::workload::Requests;

impl Heapless for Requests {
    fn run(&self, ground: &Ground<'_>) -> Result<Ran, String> {
        on_subject!(self, ground, tasks, go, threads)
    }
}

/// Label of the stream of arrivals that is split from the sample's seed.
const ARRIVALS: u64 = 3;

/// Arrivals in memory, 8 bytes each, twice: as a list and in the queue.
const ARRIVALS_MOST: f64 = 1e8;

/// When the sample is over.
fn end_ns(extent: Extent) -> Option<u64> {
    if let Extent::Seconds(seconds) = extent { Some((seconds * 1e9) as u64) } else { None }
}

/// Requests after which a task of a closed loop stops by itself.
fn limit(extent: Extent) -> u64 {
    if let Extent::Operations(operations) = extent { operations } else { u64::MAX }
}

fn tally(ground: &Ground<'_>) -> Tally {
    Tally::new(ground.job.point.procs as usize, end_ns(ground.job.extent), ground.job.windows)
}

/// Intended arrivals of an open loop, ns after the release: a Poisson stream, the same for the same seed, of every subject
/// but for the last bit (its logarithm). None of a closed loop.
fn arrivals(requests: &Requests, ground: &Ground<'_>) -> Result<Vec<u64>, String> {
    let Some(rate) = requests.rate_per_s else { return Ok(Vec::new()) };
    let (end_ns, most) = match ground.job.extent {
        Extent::Seconds(seconds) => (seconds * 1e9, u64::MAX),
        Extent::Operations(operations) => (f64::INFINITY, operations.saturating_mul(requests.tasks)),
    };
    let expected = (rate * end_ns / 1e9).min(most as f64);
    if expected > ARRIVALS_MOST {
        return Err(format!(
            "{expected:.0} arrivals in a sample; at most {ARRIVALS_MOST:.0}, take a lower rate_per_s or load, or fewer seconds"
        ));
    }
    Ok(stream(split(ground.job.seed.0, ARRIVALS), rate, end_ns, most))
}

fn stream(key: u64, rate: f64, end_ns: f64, most: u64) -> Vec<u64> {
    let (mut found, mut at_ns) = (Vec::new(), 0.0);
    for number in 0..most {
        // From 2^-53 to 1: never 0, which has no logarithm.
        let uniform = ((draw(key, number) >> 11) + 1) as f64 * (0.5f64).powi(53);
        at_ns -= uniform.ln() * 1e9 / rate;
        if at_ns >= end_ns {
            break;
        }
        found.push(at_ns as u64);
    }
    found
}

/// What a subject tells beyond the tally's figures.
#[derive(Debug, Default)]
struct Told {
    pause_ratio: Option<f64>,
    gc_ratio: Option<f64>,
    counts: Option<String>,
    notes: Vec<String>,
}

/// The figures of a sample. `by_tasks` is what the tasks themselves counted, `idle` how many of them served nothing, `due`
/// how many requests arrived.
fn ran(requests: &Requests, sum: Sum, tasks: ByTasks, due: u64, usage: Usage, told: Told) -> Result<Ran, String> {
    let Sum { served, elapsed_ns, latencies, windows } = sum;
    let Quantiles { count, p50_ns, p99_ns, p999_ns, longest_ns } = latencies;
    if (served, served) != (tasks.served, count) {
        return Err(format!(
            "{by_tasks} requests served as the tasks counted, {served} as their slices, {count} latencies",
            by_tasks = tasks.served
        ));
    }
    if served == 0 || elapsed_ns == 0 {
        return Err(
            "no request was served: none arrived in this time; take more seconds, or a higher rate_per_s or load"
                .into(),
        );
    }
    let open = requests.rate_per_s.is_some();
    if open && served > due {
        return Err(format!("{served} requests served, {due} arrived"));
    }
    let Told { pause_ratio, gc_ratio, counts, mut notes } = told;
    if tasks.idle > 0 && !open {
        notes.push(format!(
            "{idle} of {all} tasks served no request in this time: latencies are those of requests that were served",
            idle = tasks.idle,
            all = requests.tasks
        ));
    }
    let served_ratio = open.then(|| served as f64 / due as f64);
    let unserved_ratio = (!open).then(|| tasks.idle as f64 / requests.tasks as f64);
    let metrics = vec![p50_ns, p99_ns, p999_ns, longest_ns, pause_ratio, gc_ratio, served_ratio, unserved_ratio];
    Ok(Ran { elapsed_ns, operations: served, windows, metrics, counts, usage, notes })
}

/// What the tasks of a sample counted, each its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ByTasks {
    served: u64,
    /// Tasks that served nothing.
    idle: u64,
}

impl ByTasks {
    fn add(&mut self, served: u64) {
        self.served += served;
        self.idle += u64::from(served == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_a_poisson_stream_that_its_seed_decides() {
        let first = stream(7, 1e6, 1e9, u64::MAX);
        assert_eq!(first, stream(7, 1e6, 1e9, u64::MAX));
        assert_ne!(first[..9], stream(8, 1e6, 1e9, u64::MAX)[..9]);
        assert!(first.is_sorted() && first.last().is_some_and(|&last| last < 1_000_000_000));
        // 1e6 +- 5 sd of a Poisson count; gaps longer than their mean are e^-1 of all, +- 5 sd of a binomial share.
        assert!((first.len() as f64 - 1e6).abs() < 5e3, "{}", first.len());
        let long = first.windows(2).filter(|pair| pair[1] - pair[0] > 1000).count() as f64 / first.len() as f64;
        assert!((long - (-1f64).exp()).abs() < 2.5e-3, "{long}");
        assert_eq!(stream(7, 1e6, f64::INFINITY, 9), first[..9]);
        // As TestArrivals of subjects/go has them.
        assert_eq!(stream(7, 1e6, 1e9, 3), EXPECTED);
    }

    const EXPECTED: [u64; 3] = [2617, 3559, 7646];

    #[test]
    fn what_does_not_add_up_is_refused() {
        let requests = Requests { tasks: 3, work_ns: 0, rate_per_s: Some(1.0), load: None };
        let tally = Tally::new(1, None, 1);
        (1..=5).for_each(|at| tally.ended(at, 10 * at as u64, 10));
        let check =
            |tasks: ByTasks, due: u64| ran(&requests, tally.sum(), tasks, due, Usage::default(), Told::default());
        let found = check(ByTasks { served: 5, idle: 0 }, 10).expect("it adds up");
        assert_eq!((found.operations, found.elapsed_ns, found.metrics[6]), (5, 50, Some(0.5)));
        assert_eq!(found.metrics.len(), plan::workload::RequestsFile::METRICS.len());
        let cause = "6 requests served as the tasks counted, 5 as their slices, 5 latencies";
        assert_eq!(check(ByTasks { served: 6, idle: 0 }, 10).err(), Some(cause.into()));
        assert_eq!(check(ByTasks { served: 5, idle: 0 }, 4).err(), Some("5 requests served, 4 arrived".into()));
        let none =
            ran(&requests, Tally::new(1, None, 1).sum(), ByTasks::default(), 0, Usage::default(), Told::default());
        assert!(none.is_err_and(|cause| cause.starts_with("no request was served")));
    }
}
