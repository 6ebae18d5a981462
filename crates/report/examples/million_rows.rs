//! Writes a results folder of a million samples into a temporary folder and times what `report` does with it.
//!
//! `cargo run --release -p report --example million_rows [rows]` prints for each phase its seconds, the seconds of all
//! processors (they tell more on a busy machine) and the most memory held so far.
//! The target is 2 s and 200 MB for 10^6 rows, linear in rows.

use report::{derive, open, update};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

/// Kept small: what is timed is the reading, not the drawing.
const ROWS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(ROWS), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let bytes = write_folder(dir.path(), rows)?;
    println!("rows {rows}");
    println!("bytes {bytes}");
    // First, as in a process of its own: what an earlier phase leaves behind would count as its memory.
    timed("update", || update(dir.path()))??;
    let results = timed("open", || open(dir.path()))??;
    timed("derive", || derive(&results))?;
    Ok(())
}

/// Runs one phase and prints what it cost.
fn timed<T>(phase: &str, run: impl FnOnce() -> T) -> Result<T, Box<dyn std::error::Error>> {
    let (start, busy) = (Instant::now(), busy_seconds()?);
    let done = run();
    let (seconds, busy, peak) = (start.elapsed().as_secs_f64(), busy_seconds()? - busy, peak_bytes()? / 1e6);
    println!("{phase} seconds {seconds:.3} busy_seconds {busy:.2} peak_mb {peak:.0}");
    Ok(done)
}

/// User and system time of this process, from `/proc/self/stat`, whose clock ticks are 10 ms.
fn busy_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().ok_or("no name in /proc/self/stat")?;
    let ticks = |at: usize| after_name.split_whitespace().nth(at).unwrap_or("0").parse::<f64>();
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// The golden folder with its samples repeated, each block under its own number and each figure a little different.
fn write_folder(dir: &Path, rows: usize) -> Result<u64, Box<dyn std::error::Error>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
    for name in ["manifest.json", "plan.toml", "topology.json", "points.csv"] {
        fs::copy(golden.join(name), dir.join(name))?;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(golden.join("samples.csv"))?;
    let mut golden_rows = reader.records().collect::<Result<Vec<_>, _>>()?;
    let titles = golden_rows.remove(0);
    let at = |name: &str| titles.iter().position(|title| title == name).ok_or(format!("no column {name}"));
    let (sample_id, block) = (at("sample_id")?, at("block")?);
    let noisy = ["throughput_per_s", "bandwidth_gb_per_s", "pause_mean_ns", "pause_variance_ns2", "stopping_mean_ns"];
    let noisy = noisy.iter().map(|name| at(name)).collect::<Result<Vec<_>, _>>()?;
    let path = dir.join("samples.csv");
    let mut writer = csv::Writer::from_writer(BufWriter::new(File::create(&path)?));
    writer.write_record(&titles)?;
    let per_block = golden_rows.len() / 3;
    for row in 0..rows {
        let mut cells: Vec<String> = golden_rows[row % golden_rows.len()].iter().map(String::from).collect();
        cells[sample_id] = row.to_string();
        cells[block] = (row / per_block).to_string();
        // A cheap sequence that fills +-1 % evenly (golden ratio), so that no two rows are alike.
        let wobble = 0.99 + 0.02 * (row as f64 * 0.618_033_988_749_895).fract();
        for &column in &noisy {
            if let Ok(value) = cells[column].parse::<f64>() {
                cells[column] = (value * wobble).to_string();
            }
        }
        writer.write_record(&cells)?;
    }
    writer.into_inner().map_err(|error| error.to_string())?.flush()?;
    write_sums(dir)?;
    Ok(fs::metadata(path)?.len())
}

/// As of a complete run, so that a report checks them.
fn write_sums(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for name in ["manifest.json", "plan.toml", "points.csv", "samples.csv", "topology.json"] {
        let mut digest = Sha256::new();
        let mut file = File::open(dir.join(name))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
        let sum: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{sum}  {name}\n");
    }
    Ok(fs::write(dir.join("SHA256SUMS"), text)?)
}

/// Most memory this process ever held, from `/proc/self/status`.
fn peak_bytes() -> Result<f64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? * 1024.0)
}
