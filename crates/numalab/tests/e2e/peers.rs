//! Read against the tools that people already trust.

use crate::program::{answer, numalab, only_folder, run};
use crate::trial::{Needs, ensure, test_with};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A wait that takes longer than this is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        test_with("topo against numactl -H", Needs::Numactl, against_numactl),
        test_with("topo against lstopo", Needs::Lstopo, against_lstopo),
        test_with("a sample against numastat -p, numa_maps and a stopwatch", Needs::Numactl, against_numastat),
    ]
}

fn topo() -> Result<serde_json::Value, Failed> {
    let answer = run(&["topo", "--format", "json"]);
    answer.expect_code(0)?;
    Ok(serde_json::from_str(&answer.out)?)
}

/// Node, PUs, MB of memory and distances, as numactl prints them.
fn against_numactl() -> Result<(), Failed> {
    let topology = topo()?;
    let hardware = answer(Command::new("numactl").arg("-H").output()?);
    let field = |name: &str| {
        let line = hardware.out.lines().find(|line| line.starts_with(name));
        line.map(|line| line[name.len()..].trim().to_string()).unwrap_or_default()
    };
    for node in topology["nodes"].as_array().expect("nodes is a list") {
        let index = node["os_index"].as_u64().expect("an index is a number");
        let pus: plan::set::CpuSet = node["pus"].as_str().expect("a set is text").parse()?;
        let ours: Vec<String> = pus.iter().map(|pu| pu.to_string()).collect();
        let theirs = field(&format!("node {index} cpus:"));
        ensure(ours.join(" ") == theirs, || format!("node {index}: PUs {ours:?}, numactl says {theirs}"))?;
        let ours = node["memory_bytes"].as_u64().unwrap_or(0) >> 20;
        let theirs = field(&format!("node {index} size:"));
        ensure(theirs == format!("{ours} MB"), || format!("node {index}: {ours} MB, numactl says {theirs}"))?;
        let row = field(&format!("{index:>3}:"));
        let distances = topology["distances"]["values"][0].as_array();
        if let (1, Some(distances)) = (topology["nodes"].as_array().map_or(0, Vec::len), distances) {
            let ours = distances[0].to_string();
            ensure(ours == row, || format!("distance {distances:?}, numactl says {row:?}"))?;
        }
    }
    Ok(())
}

fn against_lstopo() -> Result<(), Failed> {
    let topology = topo()?;
    let summary = answer(Command::new("lstopo-no-graphics").args(["--no-io", "--only", "pu", "-p"]).output()?);
    let ours = topology["pus"].as_array().expect("pus is a list").len();
    let theirs = summary.out.lines().filter(|line| line.trim_start().starts_with("PU")).count();
    ensure(ours == theirs, || format!("{ours} PUs, lstopo says {theirs}"))
}

/// One worker, a private heap and a shared one of different sizes, half a second. Bound, so that its pages are told apart.
const SAMPLE: &str = r#"
name = "peers"
question = "what do others see of one sample?"
expect = "the same"
[workload]
kind = "serve"
private_bytes = "12MiB"
shared_bytes = "20MiB"
[sweep]
procs = [1]
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
[measure]
seconds = 0.5
repetitions = 1
"#;
const PRIVATE_PAGES: u64 = (12 << 20) / 4096;
const SHARED_PAGES: u64 = (20 << 20) / 4096;

/// While a sample runs, numastat and the kernel see its heaps; afterwards samples.csv says the same, and the clock agrees.
fn against_numastat() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (experiment, results) = (folder.path().join("peers.toml"), folder.path().join("results"));
    std::fs::write(&experiment, SAMPLE)?;
    let mut command = numalab();
    command.arg("run").arg(&experiment).arg("--results").arg(&results);
    let started = Instant::now();
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let seen = while_it_runs(&mut run);
    let status = run.wait()?;
    let wall = started.elapsed();
    let (heaps, numastat_mb) = seen?;
    ensure(status.success(), || format!("the run ended with {status}"))?;

    let mut wanted = [PRIVATE_PAGES, SHARED_PAGES];
    wanted.sort_unstable();
    ensure(heaps == wanted, || format!("numa_maps has heaps of {heaps:?} pages, {wanted:?} expected"))?;
    let least = ((PRIVATE_PAGES + SHARED_PAGES) * 4096) as f64 / f64::from(1 << 20);
    ensure((least..least + 32.0).contains(&numastat_mb), || format!("numastat -p: {numastat_mb} MB, heaps {least}"))?;
    let made = only_folder(&results)?;
    let cell = |name: &str| only_row(&made.join("samples.csv"), name);
    let pages = (cell("pages_local")?, cell("pages_remote")?);
    ensure(pages == (PRIVATE_PAGES.to_string(), "0".into()), || format!("samples.csv has private pages {pages:?}"))?;
    let elapsed = Duration::from_nanos(cell("elapsed_ns")?.parse()?);
    ensure(elapsed >= Duration::from_millis(500) && elapsed < wall, || {
        format!("half a second was asked, {elapsed:?} measured, {wall:?} by the clock on the wall")
    })
}

/// Pages of the two heaps in ascending order by numa_maps, and private MB in all by numastat, once both heaps are written.
fn while_it_runs(run: &mut Child) -> Result<([u64; 2], f64), Failed> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && run.try_wait()?.is_none() {
        let Some(sample) = child_of(run.id()) else { continue };
        let maps = std::fs::read_to_string(sample.join("numa_maps")).unwrap_or_default();
        let mut largest: Vec<u64> = maps.lines().filter_map(anonymous_pages).collect();
        largest.sort_unstable();
        if let [.., private, shared] = largest[..]
            && private + shared == PRIVATE_PAGES + SHARED_PAGES
        {
            let pid = sample.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let numastat = answer(Command::new("numastat").args(["-p", &pid]).output()?);
            let line = numastat.out.lines().find(|line| line.starts_with("Private")).unwrap_or_default();
            let total = line.split_whitespace().last().unwrap_or_default();
            return Ok(([private, shared], total.parse().map_err(|_| format!("numastat -p says {:?}", numastat.out))?));
        }
    }
    Err("the sample was never seen with both heaps written".into())
}

/// Folder below /proc of the process of a sample.
fn child_of(parent: u32) -> Option<PathBuf> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let found = match children {
        Ok(children) => children.split_whitespace().map(String::from).collect::<Vec<_>>(),
        Err(_) => Vec::new(),
    };
    let folders = found.into_iter().map(|pid| Path::new("/proc").join(pid));
    folders.into_iter().find(|folder| {
        std::fs::read(folder.join("cmdline")).is_ok_and(|line| line.windows(8).any(|word| word == b"__sample"))
    })
}

/// `anon=N` of a line of numa_maps.
fn anonymous_pages(line: &str) -> Option<u64> {
    line.split_whitespace().find_map(|word| word.strip_prefix("anon="))?.parse().ok()
}

/// A cell of a CSV of one row.
fn only_row(path: &Path, column: &str) -> Result<String, Failed> {
    let mut reader = csv::Reader::from_path(path)?;
    let at = reader.headers()?.iter().position(|title| title == column).ok_or(format!("no column {column}"))?;
    let row = reader.records().next().ok_or("no row")??;
    Ok(row[at].to_string())
}
