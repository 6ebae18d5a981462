//! `make bench-stats`: bootstrap refits of a USL of 60 points, in turn with scipy doing the same.
//!
//! Ours: [`stats::fit::bootstrap`] with residuals on all threads. Theirs: `examples/refits.py`, one process for each
//! measurement, on the same data. Each round measures all, so that what slows a round slows all of them; the ratio is
//! the median over rounds. Without python3 or scipy: ours alone, and 77.

use stats::fit::{Fit, FitSettings, Model, Resampling, Response, bootstrap, fit};
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const POINTS: u32 = 60;
const ROUNDS: usize = 5;
const OURS: usize = 10_000;

/// Ways of scipy and numpy, and how many refits of each are timed: `refits.py` says what they are.
const THEIRS: [(&str, usize); 3] = [("curve_fit", 1_000), ("leastsq", 1_000), ("batch", 10_000)];

fn main() -> ExitCode {
    // lambda 1000, sigma .03, kappa .0004, errors of 3 % from a fixed sequence.
    let x: Vec<f64> = (1..=POINTS).map(f64::from).collect();
    let curve = |x: f64| 1000.0 * x / (1.0 + 0.03 * (x - 1.0) + 4e-4 * x * (x - 1.0));
    let error = |x: f64| 0.03 * 1.7 * (((x * 7919.0) % 101.0) / 50.0 - 1.0);
    let y: Vec<f64> = x.iter().map(|x| curve(*x) * (1.0 + error(*x))).collect();
    let settings = FitSettings { response: Response::Raw, ..FitSettings::new(Model::Usl) };
    let fit = fit(&settings, &x, &y).expect("sixty points of a USL");
    let input: String = x.iter().zip(&y).map(|(x, y)| format!("{x} {y}\n")).collect();
    let _ = ours(&fit, &x, &y, 0);
    let mut measured: Vec<[f64; 4]> = Vec::new();
    let mut missing = None;
    for round in 0..ROUNDS {
        let mut row = [ours(&fit, &x, &y, round as u64), f64::NAN, f64::NAN, f64::NAN];
        for (at, (mode, refits)) in THEIRS.iter().enumerate() {
            match theirs(mode, *refits, &input) {
                Ok(microseconds) => row[at + 1] = microseconds,
                Err(why) => missing = Some(why),
            }
            if missing.is_some() {
                break;
            }
        }
        measured.push(row);
    }
    let threads = rayon::current_num_threads();
    println!("| refit of a USL of {POINTS} points | us a refit | times ours, paired |");
    println!("|---|---|---|");
    println!("| ours, {threads} threads | {:.2} | 1 |", median(measured.iter().map(|row| row[0])));
    if let Some(why) = missing {
        println!("not testable: {why}");
        return ExitCode::from(77);
    }
    for (at, (mode, _)) in THEIRS.iter().enumerate() {
        let microseconds = median(measured.iter().map(|row| row[at + 1]));
        let ratio = median(measured.iter().map(|row| row[at + 1] / row[0]));
        println!("| scipy/numpy {mode} | {microseconds:.2} | {ratio:.0} |");
    }
    ExitCode::SUCCESS
}

/// Microseconds a refit.
fn ours(fit: &Fit, x: &[f64], y: &[f64], seed: u64) -> f64 {
    let start = Instant::now();
    let drawn = bootstrap(fit, x, y, None, Resampling::Residual, OURS, seed).expect("enough resamples");
    let elapsed = start.elapsed().as_secs_f64();
    std::hint::black_box(drawn);
    1e6 * elapsed / OURS as f64
}

fn theirs(mode: &str, refits: usize, input: &str) -> Result<f64, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/refits.py");
    let refits = refits.to_string();
    let child = Command::new("python3")
        .args([script, mode, &refits])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("python3: {error}"))?;
    // A script that has ended already says why on stderr.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| format!("python3: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("python3 with numpy and scipy needed; it says: {}", said.lines().last().unwrap_or("nothing"))
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
