//! A command that may hang, and may leave processes behind: it is given a minute, and looked for by a mark in its environment.

use crate::bench::PATIENCE;
use crate::program::Answer;
use libtest_mimic::Failed;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Variable that marks a command and all it starts.
const MARK: &str = "NUMALAB_TORTURE_MARK";

/// How long a process may live on after what started it: the kernel kills it at once, and takes its memory down later.
const LEFTOVERS_GONE: Duration = Duration::from_secs(5);

/// Runs a command to its end; its output goes through files in `folder`, since an orphan would hold pipes open.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Result<Answer, Failed> {
    run_for(command, folder, PATIENCE)
}

/// As [`run`], with less or more patience.
pub(crate) fn run_for(command: &mut Command, folder: &Path, patience: Duration) -> Result<Answer, Failed> {
    let (out, err) = (folder.join("stdout"), folder.join("stderr"));
    let mark = mark();
    command.env(MARK, &mark).stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    let mut child = command.process_group(0).spawn()?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > patience => {
                Command::new("kill").args(["-9", "--", &format!("-{pid}", pid = child.id())]).status()?;
                child.wait()?;
                return Err(format!("it hung for {patience:?}: {err}", err = fs::read_to_string(&err)?).into());
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    nothing_left(&mark)?;
    let text = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Answer { code: status.code(), out: text(out)?, err: text(err)? })
}

/// A mark that no other command has.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{pid}-{next}", pid = std::process::id(), next = NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Marks a command that is started elsewhere.
pub(crate) fn marked<'a>(command: &'a mut Command, mark: &str) -> &'a mut Command {
    command.env(MARK, mark)
}

/// Fails where a marked process still lives after a while.
pub(crate) fn nothing_left(mark: &str) -> Result<(), Failed> {
    let start = Instant::now();
    loop {
        let left = living(mark);
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > LEFTOVERS_GONE {
            return Err(format!("orphans: {left:?}").into());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Command lines of the processes that carry a mark; a zombie has no environment.
pub(crate) fn living(mark: &str) -> Vec<String> {
    let marked = format!("{MARK}={mark}").into_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let carries = |path: &Path| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == marked)
    };
    let line =
        |path: &Path| fs::read(path.join("cmdline")).map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    processes.filter(|path| carries(path)).filter_map(|path| line(&path).ok()).collect()
}
