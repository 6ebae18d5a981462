//! Which calls are failed, how, and in which order; and what a trace says of it.

use crate::is_long;
use libtest_mimic::Failed;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A system call and the answer it is made to give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) call: &'static str,
    pub(crate) errno: &'static str,
}

const fn fault(call: &'static str, errno: &'static str) -> Fault {
    Fault { call, errno }
}

/// Those that numalab makes and that can fail on a healthy host; `strace -f -c numalab run` lists them.
pub(crate) const FAULTS: &[Fault] = &[
    fault("mmap", "ENOMEM"),
    fault("mbind", "ENOMEM"),
    fault("set_mempolicy", "EPERM"),
    fault("get_mempolicy", "EPERM"),
    fault("move_pages", "ENOSYS"),
    fault("sched_setaffinity", "EINVAL"),
    fault("clone", "EAGAIN"),
    fault("clone3", "EAGAIN"),
    fault("openat", "EMFILE"),
    fault("write", "ENOSPC"),
    fault("fsync", "EIO"),
    fault("fdatasync", "EIO"),
    // A disk of the network that is full says so no earlier.
    fault("fsync", "EDQUOT"),
    fault("fdatasync", "ENOSPC"),
    fault("mkdir", "ENOSPC"),
    fault("rename", "EIO"),
    fault("pipe2", "EMFILE"),
    fault("socketpair", "EMFILE"),
];

/// strace in front of a program, failing the `nth` of these calls in each of its threads and in each thread of its children.
pub(crate) fn strace(fault: Fault, nth: u32, trace: &Path) -> Command {
    let Fault { call, errno } = fault;
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-o"]).arg(trace);
    command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:error={errno}:when={nth}")]);
    command
}

/// The calls of a trace that were failed, a line each.
pub(crate) fn injected(trace: &Path) -> Result<Vec<String>, Failed> {
    let text = fs::read(trace)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(text.lines().filter(|line| line.contains("(INJECTED)")).map(String::from).collect())
}

/// Over all tests: calls that were failed, and those of them that were survived.
static TRIED: AtomicUsize = AtomicUsize::new(0);
static SURVIVED: AtomicUsize = AtomicUsize::new(0);

/// The sum of all figures so far; `None` where no call was failed.
pub(crate) fn in_all() -> Option<String> {
    let (tried, survived) = (TRIED.load(Ordering::Relaxed), SURVIVED.load(Ordering::Relaxed));
    (tried > 0).then(|| format!("in all: {tried} calls failed one by one, {survived} survived"))
}

/// How often each kind of end was seen.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// It said what failed and ended.
    pub(crate) refused: u32,
    /// It did without.
    pub(crate) did_without: u32,
    /// The dynamic loader or the C library gave up before `main`.
    pub(crate) before_main: u32,
    /// What went wrong.
    pub(crate) wrong: Vec<String>,
}

/// Fails the first, second, … call until none is left to fail. The short tier leaves out more and more of them.
pub(crate) fn until_none_fails(mut one: impl FnMut(u32, &mut Count) -> Result<bool, Failed>) -> Result<Count, Failed> {
    let (mut nth, mut last) = (1, 1);
    let mut count = Count::default();
    while one(nth, &mut count)? {
        (nth, last) = if is_long() { (nth + 1, nth) } else { (nth + last, nth) };
    }
    Ok(count)
}

impl Count {
    /// The line for the end, and the test's answer.
    pub(crate) fn conclude(self, what: &str, fault: Fault) -> Result<(), Failed> {
        let Fault { call, errno } = fault;
        let Count { refused, did_without, before_main, wrong } = self;
        let survived = refused + did_without + before_main;
        let tried = survived as usize + wrong.len();
        TRIED.fetch_add(tried, Ordering::Relaxed);
        SURVIVED.fetch_add(survived as usize, Ordering::Relaxed);
        crate::figure(&format!(
            "{what}: {call} {errno}: {tried} calls failed one by one, {survived} survived \
             ({refused} refused, {did_without} done without, {before_main} before main)"
        ));
        match wrong.as_slice() {
            [] if tried == 0 => Err(format!("{call} is never called").into()),
            [] => Ok(()),
            _ => Err(wrong.join("\n").into()),
        }
    }
}

/// Whether a program ended before its `main`: the words are those of the dynamic loader, of the C library and of Rust's own
/// start; the first of all mmaps is the loader's, which then dies without a word.
pub(crate) fn is_before_main(code: Option<i32>, err: &str) -> bool {
    let words = ["error while loading shared libraries", "cannot allocate TLS data structures for initial thread"];
    let loader = code == Some(127) && words.iter().any(|words| err.contains(words));
    let first = err.lines().next().unwrap_or_default();
    let start = code.is_none() && (first.is_empty() && err.lines().nth(1).is_none_or(|line| line.contains("main")));
    loader || start
}
