//! The child: runs cases of one parser within a limit of memory, and tells what happened.

use crate::mutate::Draws;
use crate::{IN_C, Outcome, PARSERS};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// Address space of a child: program, libraries, stacks of threads and all it allocates.
pub(crate) const MEMORY_MOST: u64 = 1 << 30;

/// Variable that makes this program a child.
pub(crate) const VARIABLE: &str = "NUMALAB_FUZZ_CHILD";

/// What a child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) parser: String,
    pub(crate) seed: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Its own folder.
    pub(crate) folder: PathBuf,
}

/// What it did so far; the file `state` holds it while it runs, for who finds this child dead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    /// The case that runs.
    pub(crate) case: u64,
    pub(crate) accepted: u64,
    pub(crate) panics: u64,
    /// Panics of hwloc's binding on what hwloc made: they are hwloc's, as its crashes are.
    pub(crate) binding_panics: u64,
    pub(crate) slowest_ms: u64,
    pub(crate) slowest_case: u64,
    pub(crate) peak_mib: u64,
}

impl State {
    /// As bytes of the file.
    fn bytes(self) -> Vec<u8> {
        let State { case, accepted, panics, binding_panics, slowest_ms, slowest_case, peak_mib } = self;
        let numbers = [case, accepted, panics, binding_panics, slowest_ms, slowest_case, peak_mib];
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Of the file; `None` where the child has not begun.
    pub(crate) fn read(folder: &Path) -> Option<State> {
        let bytes = std::fs::read(folder.join("state")).ok().filter(|bytes| bytes.len() == 56)?;
        let mut numbers = bytes.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
        let mut next = || numbers.next().expect("seven numbers");
        let (case, accepted, panics, binding_panics) = (next(), next(), next(), next());
        Some(State {
            case,
            accepted,
            panics,
            binding_panics,
            slowest_ms: next(),
            slowest_case: next(),
            peak_mib: next(),
        })
    }
}

/// Panics of a child that are told one by one.
const PANICS_TOLD_MOST: u64 = 8;

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// What the environment orders; `None` in the parent.
pub(crate) fn order() -> Option<Order> {
    let text = std::env::var(VARIABLE).ok()?;
    Some(serde_json::from_str(&text).expect("the parent wrote it"))
}

/// Runs the cases. The file `panics` tells of the first panics, a line each; `done` says that all cases are.
pub(crate) fn run(order: &Order) {
    let limit = Rlimit { current: Some(MEMORY_MOST), maximum: Some(MEMORY_MOST) };
    setrlimit(Resource::As, limit).expect("a process may lower its own limit");
    std::panic::set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().expect("nothing panics while it holds this") = panic.to_string();
    }));
    let (_, _, make) = PARSERS.iter().find(|(name, ..)| *name == order.parser).expect("the parent knows the names");
    let mut parser = make(&order.folder);
    let state_file = File::create(order.folder.join("state")).expect("the parent made the folder");
    let mut panics = File::create(order.folder.join("panics")).expect("the parent made the folder");
    let only = order.to - order.from == 1;
    let mut state = State::default();
    for case in order.from..order.to {
        state.case = case;
        if case % 64 == 0 {
            state.peak_mib = peak_mib();
        }
        state_file.write_all_at(&state.bytes(), 0).expect("the disk holds some bytes");
        let begun = Instant::now();
        let mut draws = Draws::new(&order.parser, order.seed, case);
        let text = parser.write(&mut draws);
        if only {
            eprintln!("{text}", text = text.escape_ascii());
        }
        match catch_unwind(AssertUnwindSafe(|| parser.read(&text, &mut draws))) {
            Ok(Outcome::Accepted) => state.accepted += 1,
            Ok(Outcome::Refused) => {}
            Err(_) => {
                let message = LAST_PANIC.lock().expect("nothing panics while it holds this").replace('\n', " ");
                if IN_C.contains(&order.parser.as_str()) && message.contains("/hwlocality-") {
                    state.binding_panics += 1;
                    continue;
                }
                state.panics += 1;
                if state.panics <= PANICS_TOLD_MOST {
                    writeln!(panics, "{case}: {message}").expect("the disk holds a line");
                }
            }
        }
        let took_ms = begun.elapsed().as_millis() as u64;
        if took_ms > state.slowest_ms {
            (state.slowest_ms, state.slowest_case) = (took_ms, case);
        }
    }
    state.peak_mib = peak_mib();
    state_file.write_all_at(&state.bytes(), 0).expect("the disk holds some bytes");
    std::fs::write(order.folder.join("done"), "").expect("the disk holds an empty file");
}

/// The most memory that this process ever had resident.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}
