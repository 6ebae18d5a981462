//! One run in a folder at a time: a file that names the process, held by the kernel's lock for as long as it lives.
//!
//! The kernel's lock goes with the process, so a killed run leaves nothing in the way, not even as a zombie. Where a file
//! system has no locks, the process named in the file decides: it is stale when this host has booted since, or no live
//! process of that pid started at that time. What another host wrote is never stale: its locks may not reach this host.

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
    host: String,
}

/// What the kernel says of the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KernelLock {
    /// It is ours now.
    Taken,
    /// A process has it.
    Held,
    /// The file system has no locks.
    Missing,
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
            let kernel = match file.try_lock() {
                Ok(()) => KernelLock::Taken,
                Err(TryLockError::WouldBlock) => KernelLock::Held,
                Err(TryLockError::Error(_)) => KernelLock::Missing,
            };
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(failed("read"))?;
            let holder = Holder::parse(&text);
            if is_held(kernel, holder.as_ref(), &Holder::this()) {
                let name = |Holder { pid, host, .. }| format!("process {pid} on {host}");
                return Err(RunError::Locked { path, holder: holder.map_or("another process".into(), name) });
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
            // Made before it is known to be written, so that it is taken away where it is not.
            let lock = Lock { path: path.clone(), _file: file };
            return written.map(|()| lock).map_err(failed("write"));
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Taken away before the kernel's lock goes; a leftover would be found stale anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether the holder that the file names keeps `this` process out.
fn is_held(kernel: KernelLock, holder: Option<&Holder>, this: &Holder) -> bool {
    let Some(holder) = holder else { return kernel == KernelLock::Held };
    let here = holder.boot == this.boot || holder.host == this.host;
    match kernel {
        KernelLock::Held => true,
        KernelLock::Taken => !here,
        KernelLock::Missing => !here || (holder.boot == this.boot && holder != this && holder.is_alive()),
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
        let started = process(pid).map(|process| process.started).unwrap_or_default();
        Holder { pid, started, boot: kernel_text("random/boot_id"), host: kernel_text("hostname") }
    }

    /// Only on the boot it names.
    fn is_alive(&self) -> bool {
        process(self.pid).is_some_and(|process| process.started == self.started && !process.ended)
    }

    fn print(&self) -> String {
        let Holder { pid, started, boot, host } = self;
        format!("pid {pid} started {started} boot {boot} host {host}\n")
    }

    fn parse(text: &str) -> Option<Holder> {
        let mut words = text.split_ascii_whitespace();
        let mut value = |name| (words.next() == Some(name)).then(|| words.next()).flatten().map(String::from);
        let pid = value("pid")?.parse().ok()?;
        Some(Holder { pid, started: value("started")?, boot: value("boot")?, host: value("host")? })
    }
}

fn kernel_text(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().into()
}

/// What /proc/PID/stat says of a process.
struct Process {
    started: String,
    /// Dead, but its parent has not asked for it yet.
    ended: bool,
}

fn process(pid: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses; after the last one comes field 3, the state.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Process { started: fields.nth(22 - 4)?.into(), ended })
}

#[cfg(test)]
mod tests {
    use super::*;
    use KernelLock::{Held, Missing, Taken};
    use std::process::Command;

    #[test]
    fn a_lock_is_stale_only_where_its_holder_is_known_to_be_gone() {
        let this = Holder::this();
        let check = |holder: Option<&Holder>, expect: [bool; 3], what: &str| {
            assert_eq!([Taken, Held, Missing].map(|kernel| is_held(kernel, holder, &this)), expect, "{what}");
        };
        let init = Holder { pid: 1, started: process(1).unwrap().started, ..this.clone() };
        check(Some(&init), [false, true, true], "alive: the kernel's lock would be its");
        check(Some(&this), [false, true, false], "this process, in an earlier attempt");
        check(Some(&Holder { started: "7".into(), ..init.clone() }), [false, true, false], "the pid was given again");
        check(Some(&Holder { pid: 4_194_305, ..init.clone() }), [false, true, false], "no such pid can be");
        check(Some(&Holder { boot: "another".into(), ..init.clone() }), [false, true, false], "before this boot");
        let elsewhere = Holder { boot: "another".into(), host: "elsewhere".into(), ..init.clone() };
        check(Some(&elsewhere), [true, true, true], "another host's");
        check(
            Some(&Holder { host: "container".into(), ..init }),
            [false, true, true],
            "another container of this host",
        );
        check(None, [false, true, false], "its maker died before it wrote");
    }

    #[test]
    fn a_zombie_holds_nothing() {
        let mut child = Command::new("true").spawn().unwrap();
        let holder = Holder { pid: child.id(), started: process(child.id()).unwrap().started, ..Holder::this() };
        while !process(holder.pid).unwrap().ended {
            std::thread::yield_now();
        }
        assert!(!holder.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_lock_is_taken_over() {
        for text in ["", "\0\0\0\0", "pid 1"] {
            assert_eq!(Holder::parse(text), None);
        }
        assert_eq!(Holder::parse(&Holder::this().print()), Some(Holder::this()));
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        let error = Lock::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        assert!(!dir.path().join(FILE).exists());
        drop(Lock::take(dir.path()).unwrap());
    }
}
