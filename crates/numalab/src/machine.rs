//! A machine by what `--input` names: this host, hwloc's XML, a synthetic description, or what was gathered elsewhere.
//!
//! XML and descriptions are read by a child process: libhwloc is C, and some texts make it crash, loop or take all memory
//! (`make fuzz` counts them). Then the child dies, and this program says so.

use crate::apart::{text_of, wait};
use crate::exit::{Exit, FAILED, USAGE, WithCode, print};
use host::{HostError, Input, Read};
use plan::gathered::{FORMAT, Gathered};
use plan::topology::{Conditions, Topology, TopologySource};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::Duration;

/// What such a child may take; a machine of 2,048 PUs takes less than a second and some ten MiB.
const CHILD_MOST: Duration = Duration::from_secs(60);
const CHILD_ADDRESSES_MOST: u64 = 2 << 30;

/// A gathered file of 2,048 PUs has a few MiB; whatever is larger is another file.
const GATHERED_BYTES_MOST: u64 = 64 << 20;

/// What `--input` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// What hwloc reads.
    Hwloc(Input),
    /// What `numalab gather` or `numalab topo --format json` wrote.
    Json(PathBuf),
}

impl FromStr for Source {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Source, HostError> {
        match text.ends_with(".json") {
            true => Ok(Source::Json(text.into())),
            false => text.parse().map(Source::Hwloc),
        }
    }
}

impl Default for Source {
    fn default() -> Source {
        Source::Hwloc(Input::Host)
    }
}

/// A machine to plan on, not to bind to.
pub(crate) enum Machine {
    /// Read by hwloc in this process.
    Read(Box<Read>),
    /// Told by somebody else.
    Told(Box<Told>),
}

/// What a child, or a file, says of a machine.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Told {
    topology: Topology,
    conditions: Conditions,
    disagreements: Vec<String>,
    /// Empty where there is none.
    xml: String,
}

/// Reads it.
pub(crate) fn read(source: &Source) -> Result<Machine, Exit> {
    match source {
        Source::Hwloc(Input::Host) => {
            host::read_topology(&Input::Host).code(FAILED).map(|read| Machine::Read(Box::new(read)))
        }
        Source::Hwloc(Input::Xml(path)) => read_apart(&path.to_string_lossy(), &path.display().to_string()),
        Source::Hwloc(Input::Synthetic(text)) => {
            read_apart(&format!("synthetic:{text}"), &format!("synthetic:\"{text}\""))
        }
        Source::Json(path) => read_json(path).map(|told| Machine::Told(Box::new(told))),
    }
}

impl Machine {
    pub(crate) fn topology(&self) -> &Topology {
        match self {
            Machine::Read(read) => &read.topology,
            Machine::Told(told) => &told.topology,
        }
    }

    pub(crate) fn disagreements(&self) -> &[String] {
        match self {
            Machine::Read(read) => &read.disagreements,
            Machine::Told(told) => &told.disagreements,
        }
    }

    pub(crate) fn conditions(&self) -> Result<Conditions, Exit> {
        match self {
            Machine::Read(read) => read.conditions().code(FAILED),
            Machine::Told(told) => Ok(told.conditions.clone()),
        }
    }

    /// hwloc's description; empty where there is none.
    pub(crate) fn xml(&self) -> String {
        match self {
            Machine::Read(read) => read.xml(),
            Machine::Told(told) => told.xml.clone(),
        }
    }
}

/// The child's part, `numalab __topology INPUT`: reads within its limits and prints what it found.
pub(crate) fn topology_child(input: &Input) -> Result<(), Exit> {
    let limit = Rlimit { current: Some(CHILD_ADDRESSES_MOST), maximum: Some(CHILD_ADDRESSES_MOST) };
    setrlimit(Resource::As, limit).map_err(|error| Exit::new(FAILED, format!("setrlimit: {error}")))?;
    let read = host::read_topology(input).code(USAGE)?;
    let (conditions, xml) = (read.conditions().code(FAILED)?, read.xml());
    let told = Told { topology: read.topology, conditions, disagreements: read.disagreements, xml };
    print(&serde_json::to_string(&told).expect("plain data becomes JSON"))
}

/// Reads `input`, which messages call `name`, in a child.
fn read_apart(input: &str, name: &str) -> Result<Machine, Exit> {
    let failed =
        |error: std::io::Error| Exit::new(FAILED, format!("{name}: cannot be read by a child process: {error}"));
    let mut command = Command::new("/proc/self/exe");
    command.args(["__topology", "--", input]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    // Both pipes are read while it runs: a full one would stop it.
    let reading = std::thread::spawn(move || text_of(out.as_mut()));
    let complaining = std::thread::spawn(move || text_of(err.as_mut()));
    let status = wait(&mut child, CHILD_MOST).map_err(failed)?;
    let out = reading.join().expect("reading a pipe does not panic");
    let err = complaining.join().expect("reading a pipe does not panic");
    match status {
        Some(status) if status.success() => serde_json::from_str(&out)
            .map(|told| Machine::Told(Box::new(told)))
            .map_err(|error| Exit::new(USAGE, format!("{name}: hwloc makes no sound machine of it: {error}"))),
        // What it said of itself is the message.
        Some(status) if status.code().is_some_and(|code| [i32::from(USAGE), i32::from(FAILED)].contains(&code)) => {
            let message = err.lines().rev().find_map(|line| line.strip_prefix("numalab: ")).unwrap_or(&err);
            Err(Exit::new(USAGE, message))
        }
        status => {
            Err(Exit::new(USAGE, format!("{name}: {how}; see whether lstopo reads it: lstopo -i", how = died(status))))
        }
    }
}

fn died(status: Option<ExitStatus>) -> String {
    let within = CHILD_ADDRESSES_MOST >> 20;
    match status {
        None => format!("libhwloc was not done with it after {most} s", most = CHILD_MOST.as_secs()),
        Some(status) => match status.signal() {
            Some(signal) => format!("libhwloc died of it (signal {signal}, within {within} MiB)"),
            None => format!("libhwloc died of it ({status}, within {within} MiB)"),
        },
    }
}

fn read_json(path: &Path) -> Result<Told, Exit> {
    let name = path.display();
    let refuse = |why: String| Exit::new(USAGE, format!("{name}: {why}"));
    if path.is_dir() {
        return Err(refuse("a folder, not a file; name a file that numalab gather wrote".into()));
    }
    let file = std::fs::File::open(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    let read = file.take(GATHERED_BYTES_MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > GATHERED_BYTES_MOST {
        return Err(refuse(format!("larger than {GATHERED_BYTES_MOST} bytes; that is no gathered machine")));
    }
    told_by(&bytes, &name.to_string()).map_err(refuse)
}

/// The machine of a gathered file, or of a bare topology.json, whose conditions nobody knows.
fn told_by(bytes: &[u8], name: &str) -> Result<Told, String> {
    /// Enough of any version's file to tell what it is.
    #[derive(serde::Deserialize)]
    struct Format {
        gathered: Option<u32>,
    }
    let wrong = |error: serde_json::Error| match error.is_eof() {
        true => format!("cut short: {error}; copy it again, or write it again with numalab gather"),
        false => format!("not a machine as numalab gather writes it: {error}"),
    };
    let Format { gathered } = serde_json::from_slice(bytes).map_err(wrong)?;
    let source = TopologySource::Xml(name.into());
    let Some(format) = gathered else {
        let topology: Topology = serde_json::from_slice(bytes).map_err(wrong)?;
        let topology = Topology { source, ..topology };
        return Ok(Told { topology, conditions: Conditions::ideal(), disagreements: Vec::new(), xml: String::new() });
    };
    if format > FORMAT {
        return Err(format!("has format {format}, this program knows up to {FORMAT}; use the numalab that wrote it"));
    }
    let Gathered { topology, conditions, disagreements, xml, .. } = serde_json::from_slice(bytes).map_err(wrong)?;
    let topology = Topology { source, ..topology };
    Ok(Told { topology, conditions, disagreements, xml: xml.join("\n") + "\n" })
}
