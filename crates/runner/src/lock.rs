//! One run in a folder at a time: a file that names the process, held by the kernel's lock for as long as it lives.
//!
//! The kernel's lock goes with the process, so a killed run leaves nothing in the way. Where a file system has no locks
//! (or another host of a shared one does not see them), the process named in the file decides: it is stale when it comes
//! from another boot, or no process of that pid started at that time.

use crate::error::RunError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Name of the file in a results folder.
pub const FILE: &str = ".lock";

/// Holds a folder; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

/// A process of one boot of one machine, so that a pid that was given again is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: u32,
    /// Clock ticks from boot to its start: field 22 of /proc/PID/stat.
    started: String,
    boot: String,
}

impl Lock {
    /// Takes the folder for this process.
    ///
    /// # Errors
    /// `Locked` while another run has it, `File` where the lock file cannot be made.
    pub fn take(dir: &Path) -> Result<Lock, RunError> {
        let path = dir.join(FILE);
        let failed = |doing| {
            let path = path.clone();
            move |source| RunError::File { path, doing, source }
        };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed("create"))?;
            let held = match file.try_lock() {
                Ok(()) => false,
                Err(TryLockError::WouldBlock) => true,
                // A file system without locks: the process named inside decides alone.
                Err(TryLockError::Error(_)) => false,
            };
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(failed("read"))?;
            let holder = Holder::parse(&text);
            if held || holder.as_ref().is_some_and(|holder| holder.is_alive() && *holder != Holder::this()) {
                return Err(RunError::Locked { dir: dir.into(), pid: holder.map_or(0, |holder| holder.pid) });
            }
            // Between open and lock, the one before may have taken its file away: then this one guards nothing.
            if !is_at(&file, &path).map_err(failed("read"))? {
                continue;
            }
            let written = file
                .set_len(0)
                .and_then(|()| file.seek(io::SeekFrom::Start(0)))
                .and_then(|_| file.write_all(Holder::this().print().as_bytes()))
                .and_then(|()| file.sync_all());
            written.map_err(failed("write"))?;
            return Ok(Lock { path, _file: file });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Taken away before the kernel's lock goes; a leftover would be found stale anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let here = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Holder {
    fn this() -> Holder {
        let pid = std::process::id();
        Holder { pid, started: start_of(pid).unwrap_or_default(), boot: boot_id() }
    }

    fn is_alive(&self) -> bool {
        self.boot == boot_id() && start_of(self.pid).is_some_and(|started| started == self.started)
    }

    fn print(&self) -> String {
        format!("pid {pid} started {started} boot {boot}\n", pid = self.pid, started = self.started, boot = self.boot)
    }

    fn parse(text: &str) -> Option<Holder> {
        let mut words = text.split_ascii_whitespace();
        let mut value = |name| (words.next() == Some(name)).then(|| words.next()).flatten();
        let (pid, started, boot) = (value("pid")?.parse().ok()?, value("started")?.into(), value("boot")?.into());
        Some(Holder { pid, started, boot })
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().into()
}

fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses; after the last one comes field 3.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(22 - 3).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked_by(text: &str) -> Option<u32> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        match Lock::take(dir.path()) {
            Ok(_) => None,
            Err(RunError::Locked { pid, .. }) => Some(pid),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn stale_locks_are_taken_over() {
        let boot = boot_id();
        let init = Holder { pid: 1, started: start_of(1).unwrap(), boot: boot.clone() };
        assert_eq!(locked_by(&init.print()), Some(1), "a live process keeps its lock without the kernel's");
        assert_eq!(locked_by(&Holder { boot: "another".into(), ..init.clone() }.print()), None);
        assert_eq!(locked_by(&Holder { started: "7".into(), ..init.clone() }.print()), None, "the pid was given again");
        assert_eq!(locked_by(&Holder { pid: 4_194_305, ..init }.print()), None, "no such pid can be");
        assert_eq!(locked_by(""), None, "its maker died before it wrote");
        assert_eq!(locked_by("\0\0\0\0"), None);
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        let error = Lock::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on this host", std::process::id())), "{error}");
        drop(first);
        assert!(!dir.path().join(FILE).exists());
        drop(Lock::take(dir.path()).unwrap());
    }
}
