//! One conversation with a child: job in, frames and stderr out, until it ends or its time is over.
//!
//! One thread, which sleeps in poll(2) until something happens: nothing here wakes up while a sample is measured.

use crate::error::Stop;
use crate::frame::{Frame, Says, VERSION};
use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Descriptor on which the child finds its frames' pipe.
const FRAMES_FD: i32 = 3;

/// Bytes of stderr that are kept, the last ones.
const STDERR_KEPT: usize = 4096;

/// A line of frames longer than this is no frame: a sample of 4096 workers is far shorter.
const LINE_MOST: usize = 256 << 20;

/// How often a child is looked after where the kernel has no descriptors for processes (before Linux 5.3).
const WITHOUT_PIDFD: Duration = Duration::from_millis(100);

/// How a child ended and what it had said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The last phase it named; "start" before the first.
    pub(crate) phase: String,
    /// Its last word, a sample or a failure.
    pub(crate) says: Option<Says>,
    /// What it wrote that is no frame.
    pub(crate) garbage: Option<String>,
    /// The last of its stderr.
    pub(crate) stderr: String,
    /// It did not end in time and was killed.
    pub(crate) timed_out: bool,
    /// How the process ended.
    pub(crate) status: ExitStatus,
}

/// Has `command` started by `start`, hands it `job`, and waits until it ends, at most `limit`.
///
/// # Errors
/// `Stop` where it cannot be started or watched: the next one could not either.
pub(crate) fn converse(
    mut command: Command,
    start: impl FnOnce(&mut Command) -> io::Result<Child>,
    job: &[u8],
    limit: Duration,
) -> Result<Ended, Stop> {
    let deadline = Instant::now() + limit;
    let program = command.get_program().to_string_lossy().into_owned();
    let channel = |doing| move |source| Stop::Channel { doing, source };
    let (frames, frames_end) = io::pipe().map_err(channel("make the pipe"))?;
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mapping = FdMapping { parent_fd: OwnedFd::from(frames_end), child_fd: FRAMES_FD };
    command
        .fd_mappings(vec![mapping])
        .map_err(|error| Stop::Channel { doing: "map the pipe", source: io::Error::other(error) })?;
    let child = start(&mut command).map_err(|source| Stop::Start { program, source })?;
    // It holds the pipe's other end, which must close with the child.
    drop(command);
    let mut talk = Talk::new(child, frames, job).map_err(channel("open the pipes"))?;
    let timed_out = match talk.until_end(deadline) {
        Ok(in_time) => !in_time,
        Err(source) => {
            talk.kill();
            return Err(Stop::Channel { doing: "watch the pipes", source });
        }
    };
    let status = talk.child.wait().map_err(channel("wait for the end"))?;
    talk.drain();
    Ok(talk.ended(timed_out, status))
}

/// A child and its open pipes.
struct Talk<'a> {
    child: Child,
    pidfd: Option<OwnedFd>,
    stdin: Option<ChildStdin>,
    stdin_left: &'a [u8],
    stderr: Option<ChildStderr>,
    stderr_tail: Vec<u8>,
    frames: Option<PipeReader>,
    line: Vec<u8>,
    phase: String,
    says: Option<Says>,
    garbage: Option<String>,
}

impl<'a> Talk<'a> {
    fn new(mut child: Child, frames: PipeReader, job: &'a [u8]) -> io::Result<Talk<'a>> {
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let quiet = |fd: BorrowedFd<'_>| rustix::io::ioctl_fionbio(fd, true);
        quiet(frames.as_fd())?;
        stdin.as_ref().map_or(Ok(()), |stdin| quiet(stdin.as_fd()))?;
        stderr.as_ref().map_or(Ok(()), |stderr| quiet(stderr.as_fd()))?;
        Ok(Talk {
            pidfd: pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok(),
            child,
            stdin,
            stdin_left: job,
            stderr,
            stderr_tail: Vec::new(),
            frames: Some(frames),
            line: Vec::new(),
            phase: "start".into(),
            says: None,
            garbage: None,
        })
    }

    /// Moves bytes until the child has ended; `false` where it was killed since its time was over.
    fn until_end(&mut self, deadline: Instant) -> io::Result<bool> {
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // What is no frame cannot become one: there is nothing to wait for.
            if left.is_zero() || self.garbage.is_some() {
                self.kill();
                return Ok(self.garbage.is_some());
            }
            self.wait(if self.pidfd.is_some() { left } else { left.min(WITHOUT_PIDFD) })?;
            self.feed();
            self.hear();
        }
    }

    /// Sleeps until a pipe or the child has something to say.
    fn wait(&self, at_most: Duration) -> io::Result<()> {
        let mut fds = Vec::with_capacity(4);
        fds.extend(self.frames.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(self.stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(self.stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        fds.extend(self.pidfd.as_ref().map(|child| PollFd::new(child, PollFlags::IN)));
        let timeout = Timespec::try_from(at_most).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands over more of the job; its end closes the pipe.
    fn feed(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(self.stdin_left) {
            Ok(written) => self.stdin_left = &self.stdin_left[written..],
            Err(error) if is_later(&error) => return,
            // It closed its end: whatever it says next tells why.
            Err(_) => self.stdin_left = &[],
        }
        if self.stdin_left.is_empty() {
            self.stdin = None;
        }
    }

    /// Takes what frames and stderr hold.
    fn hear(&mut self) {
        let mut buffer = [0; 1 << 16];
        while let Some(read) = take(&mut self.frames, &mut buffer) {
            self.line.extend_from_slice(&buffer[..read]);
            self.frames_of_line();
        }
        while let Some(read) = take(&mut self.stderr, &mut buffer) {
            self.stderr_tail.extend_from_slice(&buffer[..read]);
            let surplus = self.stderr_tail.len().saturating_sub(STDERR_KEPT);
            self.stderr_tail.drain(..surplus);
        }
    }

    fn frames_of_line(&mut self) {
        while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            match serde_json::from_slice::<Frame>(&line) {
                Ok(Frame { v: VERSION, says: Says::Phase(phase) }) => self.phase = phase,
                Ok(Frame { v: VERSION, says }) => self.says = Some(says),
                Ok(Frame { v, .. }) => self.garbage = Some(format!("a frame of version {v}, {VERSION} expected")),
                Err(_) => self.garbage = Some(shorten(&String::from_utf8_lossy(&line))),
            }
        }
        if self.line.len() > LINE_MOST {
            self.garbage = Some("a line without end".into());
        }
    }

    /// What is left in the pipes of a child that ended; a grandchild may hold them open, so nothing is waited for.
    fn drain(&mut self) {
        self.hear();
        if !self.line.is_empty() && self.says.is_none() && self.garbage.is_none() {
            self.garbage = Some(shorten(&String::from_utf8_lossy(&self.line)));
        }
    }

    /// Kills the child and what it started.
    fn kill(&mut self) {
        // It is not waited for yet, so its pid, which names its group, is not another's.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.kill();
    }

    fn ended(self, timed_out: bool, status: ExitStatus) -> Ended {
        let stderr = String::from_utf8_lossy(&self.stderr_tail).into_owned();
        Ended { phase: self.phase, says: self.says, garbage: self.garbage, stderr, timed_out, status }
    }
}

/// Reads once; `None` when there is nothing now. A pipe at its end is closed.
fn take(pipe: &mut Option<impl Read>, buffer: &mut [u8]) -> Option<usize> {
    match pipe.as_mut()?.read(buffer) {
        Ok(read) if read > 0 => Some(read),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        _ => {
            *pipe = None;
            None
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The start of a line, for a message.
fn shorten(line: &str) -> String {
    line.trim_end().chars().take(80).collect()
}
