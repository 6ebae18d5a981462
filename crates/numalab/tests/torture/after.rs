//! What must hold whatever happened to a run: a listed exit code, words, no folder that looks whole and is not.

use crate::bench::{Bench, check_whole};
use crate::bounded;
use crate::calls::{Fault, is_before_main};
use crate::program::{Answer, numalab, only_folder};
use crate::trial::ensure;
use libtest_mimic::Failed;
use plan::topology::Topology;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Codes of `numalab --help`.
const LISTED: &[i32] = &[0, 1, 2, 3, 77];

/// How a run took a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    Refused,
    DidWithout,
    BeforeMain,
}

/// Looks at what a run with a fault left: `calls` are the calls that were failed.
pub(crate) fn look(bench: &Bench, ended: &Answer, fault: Fault, calls: &[String]) -> Result<Took, Failed> {
    let dirs = results_folders(&bench.results);
    ensure(dirs.len() <= 1, || format!("several folders: {dirs:?}"))?;
    if is_before_main(ended.code, &ended.err) {
        ensure(dirs.is_empty(), || "a folder of a program that never began".into())?;
        return Ok(Took::BeforeMain);
    }
    let aborted = ended.code.is_none() && is_out_of_memory(&ended.err);
    ensure(aborted || !ended.err.contains("panicked at"), || "it panicked".into())?;
    ensure(aborted || ended.code.is_some_and(|code| LISTED.contains(&code)), || "no listed exit code".into())?;
    no_leftovers(&bench.results, aborted)?;
    let complete = dirs.first().is_some_and(|dir| dir.join("SHA256SUMS").exists());
    let whole = dirs.iter().map(|dir| is_whole(bench, dir)).collect::<Result<Vec<_>, _>>()?;
    if ended.code == Some(0) {
        ensure(whole == [true], || "it says that it is done, and is not".into())?;
        check_whole(bench, 1)?;
        right_machine(&dirs[0], &ended.err)?;
        return Ok(Took::DidWithout);
    }
    if !aborted && !calls.iter().any(|call| call.contains("write(2<")) {
        words(&ended.err, fault)?;
    }
    recovers(bench, complete)?;
    Ok(Took::Refused)
}

/// Memory that Rust's library cannot do without, on the heap or for a new thread: it says so and aborts, whoever asked. That is
/// the "ended by signal n" of `--help`.
pub(crate) fn is_out_of_memory(err: &str) -> bool {
    err.contains("memory allocation of") || err.contains("failed to allocate an alternative stack")
}

/// The last line says what failed, with which answer, and after a semicolon what to do.
pub(crate) fn words(err: &str, fault: Fault) -> Result<(), Failed> {
    let line = err.lines().rfind(|line| line.starts_with("numalab: ")).unwrap_or_default();
    ensure(!line.is_empty(), || "no message".into())?;
    // Where every sample failed, their causes are told above.
    // What /sys and hwloc do not agree on is told before, with what was seen.
    if err.lines().any(|line| line.starts_with("numalab: ") && line.contains(": /sys gives it ")) {
        return Ok(());
    }
    let of_samples = line.contains("all 2 samples failed");
    let causes: Vec<&str> = err.lines().filter(|line| line.starts_with("failed: ")).collect();
    if of_samples { causes.iter().try_for_each(|cause| says(cause, fault)) } else { says(line, fault) }
}

/// A line names the system's answer, and what to do about it.
pub(crate) fn says(line: &str, fault: Fault) -> Result<(), Failed> {
    ensure(says_answer(line, fault), || format!("the system's answer is not told: {line}"))?;
    ensure(["; ", " see ", " check ", "are /proc and /sys"].iter().any(|word| line.contains(word)), || {
        format!("it does not say what to do: {line}")
    })
}

/// Whether some text names an error of the kernel, by name or in the C library's words.
fn says_answer(text: &str, fault: Fault) -> bool {
    let words = match fault.errno {
        "ENOMEM" => "Cannot allocate memory",
        "EPERM" => "Operation not permitted",
        "ENOSYS" => "Function not implemented",
        "EINVAL" => "Invalid argument",
        "EAGAIN" => "Resource temporarily unavailable",
        "EMFILE" => "Too many open files",
        "ENOSPC" => "No space left on device",
        "EDQUOT" => "Disk quota exceeded",
        "EIO" => "Input/output error",
        other => other,
    };
    // pthread_create(3) makes EAGAIN of the ENOMEM that it got for a stack.
    let of_thread = fault.call == "mmap" && text.contains("Resource temporarily unavailable");
    text.contains(fault.errno) || text.contains(words) || of_thread
}

/// Folders that look like results.
fn results_folders(results: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let hosts = list(results).flat_map(|experiment| list(&experiment).collect::<Vec<_>>());
    let runs = hosts.flat_map(|host| list(&host).collect::<Vec<_>>());
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    runs.filter(|path| !hidden(path)).collect()
}

/// A run that ended by itself leaves no half-made file, no half-made folder and no lock.
fn no_leftovers(results: &Path, aborted: bool) -> Result<(), Failed> {
    let mut folders = vec![results.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let left = name.ends_with(".part") || name.ends_with(".new") || name == ".lock";
            ensure(aborted || !left, || format!("{name} was left in {folder}", folder = folder.display()))?;
            if entry.path().is_dir() && !left {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Whether `verify` takes a folder for whole; one that is not must have no mismatch all the same, and say what is missing.
pub(crate) fn is_whole(bench: &Bench, dir: &Path) -> Result<bool, Failed> {
    let verify = bounded::run(numalab().arg("verify").arg(dir), bench.folder.path())?;
    let (whole, part) = (verify.out.contains("everything follows"), verify.out.contains("not finished"));
    ensure(verify.code == Some(0) && whole != part, || format!("verify: {verify:?}"))?;
    ensure(!whole || dir.join("report.html").exists(), || "verify takes a folder without a report for whole".into())?;
    Ok(whole)
}

/// The machine in the folder is this one, unless it was said that something about it could not be read.
fn right_machine(dir: &Path, err: &str) -> Result<(), Failed> {
    static MACHINE: OnceLock<Topology> = OnceLock::new();
    let undisturbed = || {
        let told = crate::program::run(&["topo", "--format", "json"]);
        shape(serde_json::from_str(&told.out).expect("this host's topology"))
    };
    let found = shape(serde_json::from_str(&fs::read_to_string(dir.join("topology.json"))?)?);
    let expect = MACHINE.get_or_init(undisturbed);
    ensure(found == *expect || err.contains("numalab: "), || format!("silently another machine: {found:?}"))
}

/// What a measurement rests on: which PUs and nodes there are, what belongs to what, and what is allowed.
fn shape(mut topology: Topology) -> Topology {
    // A size that is not known says so.
    topology.llcs.iter_mut().for_each(|llc| llc.bytes = None);
    for node in &mut topology.nodes {
        (node.free_bytes, node.reclaimable_bytes, node.reserved_bytes) = (None, None, None);
    }
    topology
}

/// Without the fault the run goes on where it stopped, and is then whole.
fn recovers(bench: &Bench, complete: bool) -> Result<(), Failed> {
    if only_folder(&bench.results).is_err() {
        return Ok(());
    }
    let mut command = if complete { report(bench)? } else { bench.resume()? };
    let ended = bounded::run(&mut command, bench.folder.path())?;
    ensure(matches!(ended.code, Some(0 | 1)), || format!("it does not go on: {ended:?}"))?;
    check_whole(bench, 1)
}

fn report(bench: &Bench) -> Result<std::process::Command, Failed> {
    let mut command = numalab();
    command.arg("report").arg(only_folder(&bench.results)?);
    Ok(command)
}
