//! The parent: starts children until all cases of a parser are done, watches that they go on, and counts.

use crate::IN_C;
use crate::child::{Order, State, VARIABLE};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A case that takes longer hangs.
const CASE_MOST: Duration = Duration::from_secs(20);

/// Things that went wrong after which a parser is given up.
const WRONG_MOST: usize = 20;

/// What a parser did over all its children.
#[derive(Default)]
struct Total {
    accepted: u64,
    panics: u64,
    binding_panics: u64,
    peak_mib: u64,
    /// Of a case, with its number.
    slowest_ms: (u64, u64),
    /// What went wrong, `case: what`.
    wrong: Vec<String>,
    /// Deaths by signal or exit code: how many, and the first case.
    deaths: BTreeMap<String, (u64, u64)>,
}

/// Runs a parser's cases: `cases` of them, or as many as `NUMALAB_FUZZ_CASES` says.
pub(crate) fn run(parser: &str, cases: u64) -> Result<(), Failed> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("NUMALAB_FUZZ_SEED").unwrap_or(1);
    let (from, to) = match number("NUMALAB_FUZZ_CASE") {
        Some(case) => (case, case + 1),
        None => (0, number("NUMALAB_FUZZ_CASES").unwrap_or(cases)),
    };
    // Files in memory: a million times eleven of them would wear out a disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let (begun, mut next, mut total) = (Instant::now(), from, Total::default());
    while next < to && total.wrong.len() < WRONG_MOST {
        let order = Order { parser: parser.into(), seed, from: next, to, folder: folder.path().into() };
        next = one_child(&order, &mut total)?;
    }
    let Total { accepted, panics, binding_panics, peak_mib, slowest_ms, wrong, deaths } = total;
    println!(
        "{parser}: cases {count}, seconds {seconds:.1}, panics {panics}, crashes and hangs {died}, accepted {accepted}, \
         slowest {ms} ms (case {slowest}), peak {peak_mib} MiB",
        count = next - from,
        seconds = begun.elapsed().as_secs_f64(),
        died = deaths.values().map(|(times, _)| times).sum::<u64>(),
        ms = slowest_ms.0,
        slowest = slowest_ms.1,
    );
    for (how, (times, first)) in &deaths {
        println!("{parser}: {times} x {how}, first in case {first}");
    }
    if binding_panics > 0 {
        println!("{parser}: {binding_panics} x panic in hwlocality, on what hwloc made of it");
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let repeat = format!(
        "one case again: NUMALAB_FUZZ_SEED={seed} NUMALAB_FUZZ_CASE=N cargo test --profile fuzz -p numalab --test fuzz -- \
         --exact '{parser}'"
    );
    Err(format!("{wrong}\n{repeat}", wrong = wrong.join("\n")).into())
}

/// Runs one child to its end; the case to go on with.
fn one_child(order: &Order, total: &mut Total) -> Result<u64, Failed> {
    let (folder, errors) = (&order.folder, order.folder.join("errors"));
    for name in ["state", "panics", "done"] {
        // Of the child before, or none.
        let _ = fs::remove_file(folder.join(name));
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.env(VARIABLE, serde_json::to_string(order)?).stdin(Stdio::null()).stdout(Stdio::null());
    // Threads of ours are not what is tested.
    command.env("RAYON_NUM_THREADS", "1").stderr(File::create(&errors)?);
    let mut child = command.spawn()?;
    let (mut seen, mut since, mut hung) = (None, Instant::now(), false);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
        let case = State::read(folder).map(|state| state.case);
        if case != seen {
            (seen, since) = (case, Instant::now());
        } else if since.elapsed() > CASE_MOST {
            hung = true;
            child.kill()?;
        }
    };
    let told = fs::read_to_string(&errors).unwrap_or_default();
    if order.to - order.from == 1 {
        println!("{told}");
    }
    let state = State::read(folder).ok_or_else(|| format!("the child died before its first case: {told}"))?;
    total.accepted += state.accepted;
    total.panics += state.panics;
    total.binding_panics += state.binding_panics;
    total.peak_mib = total.peak_mib.max(state.peak_mib);
    total.slowest_ms = total.slowest_ms.max((state.slowest_ms, state.slowest_case));
    let panics = fs::read_to_string(folder.join("panics")).unwrap_or_default();
    total.wrong.extend(panics.lines().map(String::from));
    if folder.join("done").exists() {
        return Ok(order.to);
    }
    let how = if hung { format!("hung for {} s", CASE_MOST.as_secs()) } else { format!("died: {status}") };
    if !IN_C.contains(&order.parser.as_str()) {
        let last = told.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        total.wrong.push(format!("{case}: {how}: {last}", case = state.case));
    }
    total.deaths.entry(how).or_insert((0, state.case)).0 += 1;
    Ok(state.case + 1)
}
