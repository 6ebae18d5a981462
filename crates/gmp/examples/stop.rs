//! Measures the world: `cargo run --release -p gmp --example stop -- [workers] [stops] [gap_us]`.
//!
//! Every worker, the stopper too, makes requests of about 1 us and polls after each; when `gap_us` have passed the stopper
//! stops the world. Prints quantiles of the parts of a pause without and with stopped work, and what a poll costs when
//! there is no news. Run it on an idle machine.

use gmp::world::{AtPause, Member, Notice, Pause, StoppedWork, World};
use std::{
    env,
    error::Error,
    hint::black_box,
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

const POLLS: u32 = 100_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<usize> = env::args().skip(1).map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    let or = |index: usize, default: usize| given.get(index).copied().unwrap_or(default);
    let workers = NonZeroUsize::new(or(0, 2)).ok_or("workers must be 1 or more")?;
    let (stops, gap) = (or(1, 5_000), Duration::from_micros(u64::try_from(or(2, 200))?));
    let spins = calibrate();
    println!("workers {workers}, {stops} stops, {gap:?} apart, a request is {spins} spins");
    println!("poll without news: {poll_ns:.2} ns", poll_ns = time_polls());
    for work in [StoppedWork::None, StoppedWork::All] {
        println!("stopped work {work:?}");
        print_pauses(&run(workers, stops, gap, spins, work));
    }
    Ok(())
}

fn request(spins: u32) {
    (0..spins).for_each(|spin| {
        black_box(spin);
    });
}

/// How many spins take about 1 us.
fn calibrate() -> u32 {
    let spins = 10_000_000;
    let start = Instant::now();
    request(spins);
    let elapsed_us = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
    (spins / elapsed_us.max(1)).max(1)
}

fn time_polls() -> f64 {
    let World { mut members, .. } = World::new(NonZeroUsize::MIN.saturating_add(1), Instant::now());
    let member = &mut members[0];
    let start = Instant::now();
    let news = (0..POLLS).filter(|_| black_box(member.poll()).is_some()).count();
    assert_eq!(news, 0);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(POLLS)
}

/// Stopped work of about 1 us.
struct Spin(u32);

impl AtPause for Spin {
    fn stopped(&mut self, _worker: usize) {
        request(self.0);
    }
}

fn run_member(mut member: Member, spins: u32) {
    loop {
        request(spins);
        match member.poll() {
            None => {}
            Some(Notice::Stop) => member.park(&mut Spin(spins)),
            Some(Notice::Look) => return,
        }
    }
}

fn run(workers: NonZeroUsize, stops: usize, gap: Duration, spins: u32, work: StoppedWork) -> Vec<Pause> {
    let World { mut stopper, members, bell } = World::new(workers, Instant::now());
    thread::scope(|scope| {
        for member in members {
            scope.spawn(move || run_member(member, spins));
        }
        for _ in 0..stops {
            let start = Instant::now();
            while start.elapsed() < gap {
                request(spins);
                black_box(stopper.poll());
            }
            stopper.stop(work, &mut Spin(spins));
        }
        bell.ring();
        stopper.finish()
    })
}

fn print_pauses(pauses: &[Pause]) {
    type Part = (&'static str, fn(&Pause) -> u64);
    let parts: [Part; 4] = [
        ("stopping", |pause| pause.stopping_ns),
        ("stopped", |pause| pause.stopped_ns),
        ("resuming", |pause| pause.resuming_ns),
        ("total", |pause| pause.total_ns),
    ];
    for (name, part) in parts {
        let mut sorted: Vec<u64> = pauses.iter().map(part).collect();
        sorted.sort_unstable();
        let us = |per_mille: usize| {
            let rank = sorted.len().saturating_sub(1) * per_mille / 1000;
            sorted.get(rank).map_or(f64::NAN, |ns| Duration::from_nanos(*ns).as_secs_f64() * 1e6)
        };
        let (p50_us, p99_us, max_us) = (us(500), us(990), us(1000));
        println!("  {name:<9} p50 {p50_us:>9.1} us   p99 {p99_us:>9.1} us   max {max_us:>9.1} us");
    }
}
