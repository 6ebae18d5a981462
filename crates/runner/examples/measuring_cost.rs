//! What measuring costs on this host, as paired ratios: looking at a worker between its requests, and replaying its touches.
//!
//! `cargo run --release -p runner --example measuring_cost`. Runs alternate, so that a slow minute hits both sides of a
//! pair. Exit 3 where the upper limit of an interval is not below its target.

use plan::policy::MemoryPolicy;
use plan::workload::{Pages, Serve, Touches};
use runner::cost::{fill, replay, run_observed, run_unobserved};
use runner::workload::Seat;
use std::process::ExitCode;
use std::time::Duration;

/// Length of one run.
const RUN: Duration = Duration::from_millis(100);
/// Pairs of each comparison.
const PAIRS: usize = 41;

fn main() -> ExitCode {
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(cause) => {
            eprintln!("measuring_cost: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<bool, Box<dyn std::error::Error>> {
    let machine = host::probe()?;
    let mut all_good = true;
    for touches in [Touches::Independent, Touches::Dependent] {
        let serve = Serve {
            private_bytes: 16 << 20,
            shared_bytes: 32 << 20,
            shared_ratio: 0.25,
            write_ratio: 0.1,
            lines_per_request: 64,
            touches,
            pages: Pages::Base,
        };
        let region = |bytes| host::Region::new(machine.granted(), bytes, serve.pages, &MemoryPolicy::FirstTouch);
        let (private, shared) = (region(serve.private_bytes)?, region(serve.shared_bytes)?);
        let seat = Seat { key: 7, heaps: [private.words(), shared.words()] };
        fill(&serve, &seat);
        let trial = run_unobserved(&serve, &seat, 20_000).ns;
        let requests = (20_000.0 * RUN.as_nanos() as f64 / trial as f64) as u64;
        println!("serve, {touches} touches, 64 a request: {ns:.0} ns a request", ns = trial as f64 / 20_000.0);
        let plain = || run_unobserved(&serve, &seat, requests).ns;
        let watched = || run_observed(&serve, &seat, requests, RUN).ns;
        all_good &= pairs("the same loop twice (how far noise goes)", plain, plain, f64::INFINITY)?;
        all_good &= pairs("PU record, flag poll, slices / none of them", watched, plain, 1.01)?;
        for (mixed, name) in
            [(false, "replay, each heap on one node / run"), (true, "replay, pages on two nodes / run")]
        {
            all_good &= pairs(name, || replay(&serve, seat.key, requests, mixed).ns, watched, 0.15)?;
        }
    }
    Ok(all_good)
}

/// Prints the ratio of `a` to `b` over alternating pairs; whether the upper limit of its 95 % interval is below `target`.
fn pairs(
    name: &str,
    a: impl Fn() -> u64,
    b: impl Fn() -> u64,
    target: f64,
) -> Result<bool, Box<dyn std::error::Error>> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        // Every other pair the other way round: a drift then cancels.
        if pair % 2 == 0 {
            of_a.push(a() as f64);
            of_b.push(b() as f64);
        } else {
            of_b.push(b() as f64);
            of_a.push(a() as f64);
        }
    }
    let mut ratios: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| a / b).collect();
    ratios.sort_by(f64::total_cmp);
    let interval = stats::interval::paired_ln_ratio(&of_a, &of_b, 0.95)?.exp();
    let (low, high) = (interval.interval.low, interval.interval.high);
    let verdict = if high < target { "" } else { "  ABOVE TARGET" };
    println!(
        "  {name}: median {median:.4} [{least:.4} .. {most:.4}], 95 % interval of the mean {low:.4} .. {high:.4}, \
         target {target}{verdict}",
        median = ratios[PAIRS / 2],
        least = ratios[0],
        most = ratios[PAIRS - 1],
    );
    Ok(high < target)
}
