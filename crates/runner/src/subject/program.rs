//! A program of another runtime as the subject of a sample: found, asked what it is, handed a job, listened to.
//! What both sides say: subjects/README.md.

use crate::sample::Failure;
use host::Root;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Version of its frames.
const VERSION: u32 = 1;

/// What `about` may take: it starts, and prints one line.
const ABOUT_MOST: Duration = Duration::from_secs(10);

/// A line of frames longer than this is no frame: a sample of 4096 workers is far shorter.
const LINE_MOST: u64 = 256 << 20;

/// Bytes of stderr that are kept, the first ones: a runtime that gives up says why before it prints its stacks.
const STDERR_KEPT: usize = 4096;

/// A line of stderr longer than this is heard in parts.
const STDERR_LINE_MOST: u64 = 1 << 20;

/// How long the last of stderr is waited for when the program has ended; a grandchild may hold the pipe open.
const STDERR_LATE: Duration = Duration::from_millis(200);

/// A program of another runtime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// Name of its file.
    pub(crate) name: &'static str,
    /// Key of its runtime in what `about` says.
    pub(crate) runtime: &'static str,
    /// Variable of the environment that names it instead.
    pub(crate) variable: &'static str,
    /// How to get it.
    pub(crate) remedy: &'static str,
}

impl Program {
    /// Where it is: as the environment says, beside this executable, or in `../subjects` from there.
    pub(crate) fn find(&self) -> Result<PathBuf, String> {
        if let Some(named) = std::env::var_os(self.variable).filter(|named| !named.is_empty()) {
            return Ok(named.into());
        }
        let executable = std::env::current_exe().map_err(|cause| format!("cannot read /proc/self/exe: {cause}"))?;
        let folder = executable.parent().unwrap_or(Path::new("/"));
        let places = [folder.join(self.name), folder.join("../subjects").join(self.name)];
        let found = places.into_iter().find(|place| place.is_file());
        found.ok_or_else(|| format!("no {name}: {remedy}", name = self.name, remedy = self.remedy))
    }

    /// Version of its runtime, as the program itself says.
    pub(crate) fn version(&self, program: &Path) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Answer {
            v: u32,
            about: BTreeMap<String, serde_json::Value>,
        }
        let wrong = |why: String| {
            format!("{name} does not say what it is: {why}; {remedy}", name = self.name, remedy = self.remedy)
        };
        let said = about(program).map_err(wrong)?;
        let answer: Answer = serde_json::from_slice(&said)
            .map_err(|_| wrong(format!("it printed \"{said}\"", said = shorten(&said))))?;
        match answer.about.get(self.runtime).and_then(serde_json::Value::as_str) {
            Some(version) if answer.v == VERSION => Ok(version.into()),
            _ if answer.v != VERSION => {
                Err(wrong(format!("it speaks version {v}, this program {VERSION}", v = answer.v)))
            }
            _ => Err(wrong(format!("it does not name its {runtime}", runtime = self.runtime))),
        }
    }
}

/// What `program about` prints.
fn about(program: &Path) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    command.arg("about").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Started(command.spawn().map_err(|cause| format!("cannot start it: {cause}"))?);
    let mut stdout = child.0.stdout.take().expect("it was piped");
    let (says, said) = channel();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(LINE_MOST).read_to_end(&mut line);
        // Nobody listens any more where it came too late.
        let _ = says.send(read.map(|_| line));
    });
    let deadline = Instant::now() + ABOUT_MOST;
    match said.recv_timeout(ABOUT_MOST) {
        Ok(Ok(line)) => match child.end_until(deadline) {
            Some(status) if status.success() => Ok(line),
            Some(status) => Err(format!("it ended with {status}")),
            None => Err(format!("it did not end within {most} s", most = ABOUT_MOST.as_secs())),
        },
        Ok(Err(cause)) => Err(format!("its answer cannot be read: {cause}")),
        Err(_) => Err(format!("no answer within {most} s", most = ABOUT_MOST.as_secs())),
    }
}

/// What a runtime is asked to tell of itself on stderr, beside its complaints.
pub(crate) struct Tells {
    /// The value of GODEBUG that has it tell.
    pub(crate) godebug: &'static str,
    /// Hears each line as it comes; `false` for one that is a complaint.
    pub(crate) hears: Box<dyn FnMut(&str) -> bool + Send>,
}

/// A frame from it.
#[derive(Deserialize)]
struct Frame<S> {
    v: u32,
    #[serde(flatten)]
    says: Says<S>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Says<S> {
    Phase(String),
    Sample(S),
    Failure(Failure),
}

/// Starts a program, hands it a job and waits for its sample. `tells` hears what its runtime is asked to tell; `phase` is told
/// each phase as it begins, with the program's pid. However this ends, the program has ended; it dies with the calling thread
/// if the job tells it to.
///
/// Nothing here has a deadline: whoever gave this process its job has one for both.
///
/// # Errors
/// One line that names the program: what it said, or how it died.
pub(crate) fn ask<J: Serialize, S: DeserializeOwned>(
    program: &Path,
    job: &J,
    tells: Option<Tells>,
    phase: &mut dyn FnMut(&str, u32) -> Result<(), String>,
) -> Result<S, String> {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let named = |cause: String| format!("{name}: {cause}");
    let kills = OomKills::now();
    let mut command = Command::new(program);
    // Switches of a runtime that the environment turns would change what is measured, unseen.
    command.env_remove("GODEBUG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let hears = tells.map(|tells| {
        command.env("GODEBUG", tells.godebug);
        tells.hears
    });
    let mut child = Started(command.spawn().map_err(|cause| named(format!("cannot start it: {cause}")))?);
    let complaints = complaints(&mut child.0, hears.unwrap_or_else(|| Box::new(|_| false)))?;
    let mut line = serde_json::to_vec(job).map_err(|cause| named(format!("its job: {cause}")))?;
    line.push(b'\n');
    // Where it has closed its end, whatever it says next tells why.
    let _ = child.0.stdin.take().expect("it was piped").write_all(&line);
    let pid = child.0.id();
    let stdout = BufReader::new(child.0.stdout.take().expect("it was piped"));
    let last = listen(stdout, &mut |name| phase(name, pid)).map_err(named)?;
    let status = child.0.wait().map_err(|cause| named(format!("cannot wait for it: {cause}")))?;
    let stderr = || complaints.recv_timeout(STDERR_LATE).unwrap_or_default();
    match last {
        Some(Ok(sample)) if status.success() => Ok(sample),
        Some(Err(failure)) if status.signal().is_none() => Err(named(failure.cause)),
        _ => Err(named(death(status, &stderr(), kills))),
    }
}

/// Hears its frames; the last, where it said one.
fn listen<S: DeserializeOwned>(
    mut stdout: impl BufRead,
    phase: &mut dyn FnMut(&str) -> Result<(), String>,
) -> Result<Option<Result<S, Failure>>, String> {
    let mut last = None;
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(LINE_MOST).read_until(b'\n', &mut line);
        if read.map_err(|cause| format!("its frames cannot be read: {cause}"))? == 0 {
            return Ok(last);
        }
        match serde_json::from_slice::<Frame<S>>(&line) {
            _ if last.is_some() => {
                return Err(format!("wrote more after its last frame: \"{line}\"", line = shorten(&line)));
            }
            Ok(Frame { v: VERSION, says: Says::Phase(name) }) => phase(&name)?,
            Ok(Frame { v: VERSION, says: Says::Sample(sample) }) => last = Some(Ok(sample)),
            Ok(Frame { v: VERSION, says: Says::Failure(failure) }) => last = Some(Err(failure)),
            Ok(Frame { v, .. }) => return Err(format!("wrote a frame of version {v}, {VERSION} expected")),
            Err(cause) => return Err(format!("wrote what is no frame: \"{line}\" ({cause})", line = shorten(&line))),
        }
    }
}

/// Reads its stderr to the end, so that it never waits for us; the first of what nobody `hears` comes when it ends.
fn complaints(child: &mut Child, mut hears: Box<dyn FnMut(&str) -> bool + Send>) -> Result<Receiver<String>, String> {
    let mut stderr = BufReader::new(child.stderr.take().expect("it was piped"));
    let (says, said) = channel();
    let read = move || {
        let mut kept = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = stderr.by_ref().take(STDERR_LINE_MOST).read_until(b'\n', &mut line);
            if !read.is_ok_and(|bytes| bytes > 0) {
                break;
            }
            if !hears(&String::from_utf8_lossy(&line)) {
                let room = STDERR_KEPT - kept.len();
                kept.extend(line.into_iter().take(room));
            }
        }
        let _ = says.send(String::from_utf8_lossy(&kept).into_owned());
    };
    let thread = std::thread::Builder::new().name("complaints".into()).spawn(read);
    thread.map_err(|cause| crate::pool::no_thread("the thread that reads stderr", &cause))?;
    Ok(said)
}

/// How it ended, without a sample or after it.
fn death(status: ExitStatus, stderr: &str, kills: OomKills) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(libc::SIGKILL), _) if kills.more_now() => "killed by the OOM killer".into(),
        (Some(libc::SIGKILL), _) => "killed by SIGKILL, and not by the OOM killer: another process did it".into(),
        (Some(signal), _) => format!("killed by signal {signal}"),
        (_, Some(0)) => "ended without figures and without an error".into(),
        (_, code) => format!("ended with exit code {code}", code = code.unwrap_or_default()),
    };
    match stderr.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!("{how}: {line}"),
        None => how,
    }
}

/// Kills by the OOM killer so far: on the machine, and in this control group.
#[derive(Clone, Copy)]
struct OomKills {
    machine: Option<u64>,
    group: Option<u64>,
}

impl OomKills {
    fn now() -> OomKills {
        let root = Root::system();
        OomKills { machine: crate::death::oom_kills(&root), group: host::proc::group_oom_kills_in(&root) }
    }

    fn more_now(self) -> bool {
        let now = OomKills::now();
        now.machine > self.machine || now.group > self.group
    }
}

/// A child that does not outlive its owner.
struct Started(Child);

impl Started {
    /// How it ended; `None` where it did not by then.
    fn end_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
                _ => return None,
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Of one that has ended and was waited for, neither does anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The start of a line, for a message.
fn shorten(line: &[u8]) -> String {
    let start = &line[..line.len().min(320)];
    String::from_utf8_lossy(start).trim_end().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::os::unix::fs::PermissionsExt;

    /// A program that is this script.
    fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fake");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    fn played(text: &str) -> (Vec<String>, Result<Value, String>) {
        let (_folder, path) = script(text);
        let mut phases = Vec::new();
        let mut begin = |name: &str, pid: u32| {
            assert!(pid > 0);
            phases.push(name.to_string());
            Ok(())
        };
        let answer = ask(&path, &json!({"v": 1, "seed": 7}), None, &mut begin);
        (phases, answer)
    }

    #[test]
    fn a_job_goes_in_and_phases_and_a_sample_come_out() {
        let (phases, answer) = played(
            r#"read job; echo '{"v":1,"phase":"touch"}'; echo '{"v":1,"phase":"run"}'; echo "{\"v\":1,\"sample\":$job}""#,
        );
        assert_eq!((phases, answer), (vec!["touch".into(), "run".into()], Ok(json!({"v": 1, "seed": 7}))));
    }

    #[test]
    fn every_death_is_told_in_one_line() {
        let check = |text: &str, expect: &str| assert_eq!(played(text).1, Err(format!("fake: {expect}")), "{text}");
        check("exit 3", "ended with exit code 3");
        check("echo 'fatal error: why' >&2; echo stack >&2; exit 2", "ended with exit code 2: fatal error: why");
        check("kill -9 $$", "killed by SIGKILL, and not by the OOM killer: another process did it");
        check("kill -SEGV $$", "killed by signal 11");
        check("exit 0", "ended without figures and without an error");
        check(r#"echo '{"v":1,"sample":{}}'; exit 4"#, "ended with exit code 4");
        check(r#"echo '{"v":1,"failure":{"phase":"touch","cause":"no room"}}'; exit 1"#, "no room");
        check(r#"echo '{"v":2,"phase":"run"}'"#, "wrote a frame of version 2, 1 expected");
        check(r#"echo '{"v":1,"sample":{}}'; echo more"#, "wrote more after its last frame: \"more\"");
        // Far more than a pipe holds, on both sides; what is garbage is not waited for.
        check(
            "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2; exit 0 | head -c 1",
            &format!("ended without figures and without an error: {}", "x".repeat(STDERR_KEPT)),
        );
        let (phases, answer) = played(r#"echo '{"v":1,"phase":"run"}'; echo nonsense; tail -f /dev/null"#);
        assert_eq!(phases, ["run"]);
        assert!(answer.unwrap_err().starts_with("fake: wrote what is no frame: \"nonsense\" ("));
    }

    #[test]
    fn whoever_is_told_a_phase_may_end_it() {
        let (_folder, path) = script(r#"echo '{"v":1,"phase":"run"}'; exec tail -f /dev/null"#);
        let mut pid = 0;
        let mut begin = |_: &str, of: u32| {
            pid = of;
            Err("nobody listens".to_string())
        };
        let answer: Result<Value, String> = ask(&path, &json!({}), None, &mut begin);
        assert_eq!(answer, Err("fake: nobody listens".into()));
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn what_it_is_asked_to_tell_is_no_complaint() {
        let (_folder, path) = script("echo told $GODEBUG >&2; echo fatal: why >&2; echo told more >&2; exit 2");
        let (says, said) = channel();
        let hears = Box::new(move |line: &str| line.starts_with("told") && says.send(line.to_string()).is_ok());
        let tells = Tells { godebug: "some=1", hears };
        let answer: Result<Value, String> = ask(&path, &json!({}), Some(tells), &mut |_, _| Ok(()));
        assert_eq!(answer, Err("fake: ended with exit code 2: fatal: why".into()));
        assert_eq!(said.into_iter().collect::<Vec<_>>(), ["told some=1\n", "told more\n"]);
    }

    const FAKE: Program = Program { name: "fake", runtime: "go", variable: "NUMALAB_NO_SUCH", remedy: "build it" };

    #[test]
    fn a_program_says_what_it_is() {
        let check = |text: &str, expect: Result<&str, &str>| {
            let (_folder, path) = script(text);
            let expect =
                expect.map(String::from).map_err(|why| format!("fake does not say what it is: {why}; build it"));
            assert_eq!(FAKE.version(&path), expect, "{text}");
        };
        check(r#"[ $1 = about ] && echo '{"v":1,"about":{"go":"go1.27.3","missing":[]}}'"#, Ok("go1.27.3"));
        check("exit 3", Err("it ended with exit status: 3"));
        check("echo hello", Err("it printed \"hello\""));
        check(r#"echo '{"v":2,"about":{"go":"go9"}}'"#, Err("it speaks version 2, this program 1"));
        check(r#"echo '{"v":1,"about":{"rust":"9"}}'"#, Err("it does not name its go"));
        let gone = FAKE.version(Path::new("/no/such/program")).unwrap_err();
        assert!(gone.contains("cannot start it: No such file"), "{gone}");
    }

    #[test]
    fn a_program_that_is_nowhere_is_missed_in_words() {
        assert_eq!(FAKE.find(), Err("no fake: build it".into()));
    }
}
