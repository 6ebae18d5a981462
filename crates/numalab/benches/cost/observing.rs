//! Looking at a worker between its requests, and replaying what it touched, against the loop alone.

use crate::pairs::{Failed, Line, Pairs, Unit, measure};
use plan::policy::MemoryPolicy;
use plan::workload::{Pages, Serve, Touches};
use runner::cost::{fill, replay, run_observed, run_unobserved};
use runner::workload::Seat;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Length of one run of one worker.
const RUN: Duration = Duration::from_millis(100);
/// Pairs of the loops: their target is 1 %, and a run varies by several times that.
const PAIRS: usize = 201;
/// Pairs of runs and replays.
const REPLAY_PAIRS: usize = 41;
/// Requests of the run that finds how many fit into [`RUN`].
const TRIAL: u64 = 20_000;

/// `experiments/numa-binding.toml` with the smallest heaps that `auto` gives a server: larger ones only make the loop
/// slower, and so every ratio here better.
const SERVE: Serve = Serve {
    private_bytes: 16 << 20,
    shared_bytes: 32 << 20,
    shared_ratio: 0.25,
    write_ratio: 0.1,
    lines_per_request: 64,
    touches: Touches::Independent,
    pages: Pages::Base,
};

pub(crate) fn lines() -> Result<Vec<Line>, Failed> {
    let machine = host::probe()?;
    let granted = machine.granted();
    let region = |bytes| host::Region::new(granted, bytes, SERVE.pages, &MemoryPolicy::FirstTouch);
    let (private, shared) = (region(SERVE.private_bytes)?, region(SERVE.shared_bytes)?);
    let seat = Seat { key: 7, heaps: [private.words(), shared.words()] };
    fill(&SERVE, &seat);
    let requests = requests_of_a_run(&seat);
    let touches = requests as f64 * f64::from(SERVE.lines_per_request);
    let plain = || Ok(run_unobserved(&SERVE, &seat, requests).ns as f64 / touches);
    let watched = || Ok(run_observed(&SERVE, &seat, requests, RUN).ns as f64 / touches);
    let twice = measure(PAIRS, plain, plain)?;
    let looking = measure(PAIRS, watched, plain)?;
    let busy = measure(PAIRS, || busy_ns(watched, touches), || busy_ns(plain, touches))?;
    let mut lines = vec![
        twice.line("noise: the loop of serve against itself, a touch", Unit::Ns, None)?,
        looking.line("PU record, flag poll, windows: with / without, a touch", Unit::Ns, Some(1.01))?,
        busy.line("the same in PU time of the worker, whoever else runs", Unit::Ns, None)?,
    ];
    for (mixed, name) in [(false, "heaps each on one node"), (true, "pages on two nodes")] {
        let what = format!("replay / run on every PU in parallel, {name}, a touch");
        lines.push(in_parallel(granted, mixed, requests)?.line(&what, Unit::Ns, Some(0.15))?);
    }
    Ok(lines)
}

/// PU time of the calling thread over a run, a touch: what others took of the PU is not in it.
fn busy_ns(run: impl Fn() -> Result<f64, Failed>, touches: f64) -> Result<f64, Failed> {
    let spent = || -> Result<f64, Failed> {
        // The kernel brings the figure up to date when it looks for something else to run.
        std::thread::yield_now();
        let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
        Ok(text.split(' ').next().unwrap_or("").parse()?)
    };
    let before = spent()?;
    run()?;
    Ok((spent()? - before) / touches)
}

fn requests_of_a_run(seat: &Seat<'_>) -> u64 {
    let trial = run_unobserved(&SERVE, seat, TRIAL).ns;
    (TRIAL as f64 * RUN.as_nanos() as f64 / trial as f64) as u64
}

/// A worker on each PU runs, and then all replay, each its own touches: as in a sample. Time of the slowest of each.
///
/// A worker's replay is as long as its own run makes it, whatever the number of workers: replay / sample is the ratio of
/// the two times per touch. 64 workers on 64 PUs differ from as many as there are PUs here only in that the loop's misses
/// share more memory controllers and links, which slows the loop and not the replay (its table of pages is a few KiB).
fn in_parallel(granted: &host::Granted, mixed: bool, requests: u64) -> Result<Pairs, Failed> {
    let pus: Vec<u32> = granted.allowed_pus().iter().collect();
    let shared = host::Region::new(granted, SERVE.shared_bytes, SERVE.pages, &MemoryPolicy::FirstTouch)?;
    let barrier = Barrier::new(pus.len());
    let touches = requests as f64 * f64::from(SERVE.lines_per_request);
    let worker = |(key, &pu): (u64, &u32)| -> Result<Vec<(f64, f64)>, host::HostError> {
        // Nobody may stay behind at the barrier, so errors wait until the end.
        let ready = host::bind::pin(granted, pu)
            .and_then(|_| host::Region::new(granted, SERVE.private_bytes, SERVE.pages, &MemoryPolicy::FirstTouch));
        let times = |seat: Option<Seat<'_>>| {
            if let Some(seat) = &seat {
                fill(&SERVE, seat);
            }
            (0..REPLAY_PAIRS)
                .map(|_| {
                    let timed = |work: &dyn Fn(&Seat<'_>)| {
                        barrier.wait();
                        let start = Instant::now();
                        if let Some(seat) = &seat {
                            work(seat);
                        }
                        start.elapsed().as_nanos() as f64 / touches
                    };
                    // The order is that of a sample, always: a replay follows what it replays.
                    let run = timed(&|seat| _ = run_observed(&SERVE, seat, requests, RUN));
                    let again = timed(&|seat| _ = replay(&SERVE, seat.key, requests, mixed));
                    (again, run)
                })
                .collect()
        };
        match &ready {
            Ok(private) => Ok(times(Some(Seat { key, heaps: [private.words(), shared.words()] }))),
            Err(_) => {
                let _: Vec<(f64, f64)> = times(None);
                ready.map(|_| Vec::new())
            }
        }
    };
    let worker = &worker;
    let found: Result<Vec<_>, host::HostError> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..).zip(&pus).map(|place| scope.spawn(move || worker(place))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker has nothing to panic about")).collect()
    });
    let found = found?;
    let slowest =
        |pair: usize, pick: fn(&(f64, f64)) -> f64| found.iter().map(|times| pick(&times[pair])).fold(0.0, f64::max);
    Ok(Pairs::of((0..REPLAY_PAIRS).map(|pair| (slowest(pair, |times| times.0), slowest(pair, |times| times.1)))))
}
