//! From hwloc and /sys to [`plan::topology`]'s plain data.
//!
//! hwloc tells what is shaped how; on the live host /sys tells what the kernel counts: hwloc hides nodes without memory,
//! and lends PUs to nodes that have none. Where the two disagree, a line says so. A foreign topology is hwloc's alone.

mod conditions;
mod hwloc;
mod sysfs;

use crate::bind::{affinity, restore_affinity};
use crate::{Errno, Granted, HostError, Input, Root};
use hwlocality::topology::builder::{BuildFlags, TopologyBuilder};
use hwlocality::topology::export::xml::XMLExportFlags;
use plan::topology::{Conditions, Topology, TopologySource};
use std::path::Path;
use std::sync::OnceLock;

/// The running machine. Only live probing makes one, and only with one (or a [`Granted`] of its) can anything be bound.
#[derive(Debug)]
pub struct Machine {
    topology: Topology,
    conditions: Conditions,
    disagreements: Vec<String>,
    granted: Granted,
    // Kept for the XML alone, which costs as much as probing and is wanted once a run.
    hwloc: hwlocality::Topology,
    xml: OnceLock<String>,
}

impl Machine {
    /// Its shape.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What it grants.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Where hwloc and /sys say different things, one line each. /sys is believed about nodes, hwloc about the rest.
    pub fn disagreements(&self) -> &[String] {
        &self.disagreements
    }

    /// The right to bind to it, to be handed to threads.
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// hwloc's own description of it, as `lstopo --of xml --no-io` writes it; empty where hwloc could not write one.
    pub fn xml(&self) -> &str {
        self.xml.get_or_init(|| export(&self.hwloc))
    }
}

/// A topology from anywhere: to plan on, not to bind to.
#[derive(Debug)]
pub struct Read {
    /// The shape.
    pub topology: Topology,
    /// Where hwloc and /sys say different things; empty for a foreign machine.
    pub disagreements: Vec<String>,
    // Who looks at a shape wants neither conditions nor XML, which cost as much as the shape.
    granted: Option<Granted>,
    hwloc: hwlocality::Topology,
}

impl Read {
    /// What the host grants, as [`Machine::conditions`]; for a foreign machine [`Conditions::ideal`].
    ///
    /// # Errors
    /// `Unreadable` and those of reading an affinity.
    pub fn conditions(&self) -> Result<Conditions, HostError> {
        match &self.granted {
            Some(granted) => conditions::read(&Root::system(), &self.topology, granted),
            None => Ok(Conditions::ideal()),
        }
    }

    /// hwloc's description, as [`Machine::xml`].
    pub fn xml(&self) -> String {
        export(&self.hwloc)
    }
}

/// Reads the running machine. Call it before threads are bound or policies set: what this thread has, it records as
/// inherited. No page is moved; the calling thread's affinity is widened and put back, to tell a cpuset from a `taskset`.
///
/// # Errors
/// `ForeignByEnvironment`, `Unreadable`, `NoNodes`, `NodesHidden`.
pub fn probe() -> Result<Machine, HostError> {
    let Read { topology, disagreements, granted, hwloc } = read_host()?;
    let granted = granted.expect("reading the host grants");
    let conditions = conditions::read(&Root::system(), &topology, &granted)?;
    Ok(Machine { topology, conditions, disagreements, granted, hwloc, xml: OnceLock::new() })
}

fn read_host() -> Result<Read, HostError> {
    refuse_foreign_environment()?;
    let root = Root::system();
    sysfs::refuse_empty(&root)?;
    let own = affinity()?;
    let variables: &[_] = match sysfs::tells_caches(&root) {
        true => &[WITHOUT_MESSAGES, WITHOUT_PLUGINS, WITHOUT_CPUID],
        false => &[WITHOUT_MESSAGES, WITHOUT_PLUGINS],
    };
    let hwloc = with_variables(variables, build_host)?;
    // To ask each PU about itself hwloc goes from one to the next, and does not look whether it could come back.
    restore_affinity(&own)?;
    let mut topology = hwloc::read(&hwloc, TopologySource::Host);
    let disagreements = sysfs::overlay(&root, &mut topology)?;
    let granted = Granted::read(&root)?;
    topology.allowed_pus = granted.allowed_pus().intersection(&topology.pu_set());
    topology.allowed_nodes = granted.allowed_nodes().intersection(&topology.node_set());
    Ok(Read { topology, disagreements, granted: Some(granted), hwloc })
}

fn build_host() -> Result<hwlocality::Topology, HostError> {
    let builder = TopologyBuilder::new().with_flags(BuildFlags::INCLUDE_DISALLOWED).map_err(|error| match error {
        hwlocality::errors::HybridError::Hwloc(raw) => unreadable(&raw),
        hwlocality::errors::HybridError::Rust(_) => Errno(libc::EINVAL).unreadable(),
    })?;
    builder.build().map_err(|raw| unreadable(&raw))
}

/// Refuses a description of more PUs than a set can hold: hwloc would build them all, for minutes. Attributes, in
/// parentheses, do not count; what is no number is hwloc's to refuse.
fn refuse_oversized(text: &str) -> Result<(), HostError> {
    let outside = text.split('(').enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.split_once(')').map_or("", |(_, rest)| rest),
    });
    let words = outside.flat_map(|part| part.split(|letter: char| !letter.is_ascii_alphanumeric()));
    let counts = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit())).map(count);
    let pus = counts.filter(|&count| count > 0).fold(1u64, u64::saturating_mul);
    let most = u64::from(plan::set::HIGHEST_INDEX) + 1;
    if pus > most { Err(HostError::TooManyPus { text: text.into(), pus, most }) } else { Ok(()) }
}

/// A number as hwloc's strtoul reads it, hexadecimal too; what follows its digits is not looked at.
fn count(word: &str) -> u64 {
    let (digits, radix) = match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (word, 10),
    };
    let digits = digits.chars().map_while(|digit| digit.to_digit(radix));
    digits.fold(0, |number: u64, digit| number.saturating_mul(u64::from(radix)).saturating_add(u64::from(digit)))
}

/// Reads a topology: this host's, a file's, or a description's.
///
/// # Errors
/// Those of [`probe`]; `File`, `Folder`, `NotATopology`; `NotSynthetic`, `TooManyPus`; `Unsound`.
pub fn read_topology(input: &Input) -> Result<Read, HostError> {
    match input {
        Input::Host => read_host(),
        Input::Xml(path) => read_xml(path),
        Input::Synthetic(text) => {
            let refuse = || HostError::NotSynthetic { text: text.clone() };
            refuse_oversized(text)?;
            let builder = with_variables(&[WITHOUT_PLUGINS], TopologyBuilder::new);
            let builder = builder.from_synthetic(text).map_err(|_| refuse())?;
            let hwloc = builder.build().map_err(|_| refuse())?;
            foreign(hwloc, TopologySource::Synthetic(text.clone()))
        }
    }
}

fn read_xml(path: &Path) -> Result<Read, HostError> {
    if path.is_dir() {
        return Err(HostError::Folder { path: path.into() });
    }
    let bytes = std::fs::read(path).map_err(|error| HostError::File { path: path.into(), errno: Errno::of(&error) })?;
    let refuse = |why| HostError::NotATopology { path: path.into(), why };
    let text = String::from_utf8(bytes).map_err(|_| refuse("not UTF-8 text; name an XML file that hwloc wrote"))?;
    if let Some(why) = why_not_a_topology(&text) {
        return Err(refuse(why));
    }
    let hwloc = with_variables(&[WITHOUT_MESSAGES], || build_xml(&text))
        .ok_or_else(|| refuse("hwloc refuses this topology; check it with lstopo -i FILE.xml"))?;
    foreign(hwloc, TopologySource::Xml(path.display().to_string()))
}

fn build_xml(text: &str) -> Option<hwlocality::Topology> {
    // Without this flag an XML of a process in a cpuset would lose what that process was not allowed.
    let builder = TopologyBuilder::new().with_flags(BuildFlags::INCLUDE_DISALLOWED).ok()?;
    builder.from_xml(text).ok()?.build().ok()
}

/// Keeps hwloc from loading its plugins, where it is set while they are looked for (hwloc_topology_init): they find
/// devices, which no topology of ours holds, and bring OpenCL, X11 and ICU along, more than half of all the time it takes.
/// hwloc's own XML writer is built in.
const WITHOUT_PLUGINS: (&str, &str) = ("HWLOC_PLUGINS_PATH", "/dev/null");

/// Keeps hwloc from asking each PU about itself, where it is set while it looks at the machine (hwloc_topology_load): for
/// that it binds itself to one PU after the other, a tenth of a millisecond each and a disturbance of each. Where /sys tells
/// packages and caches, it would add what no topology of ours holds: whether caches are inclusive, and kinds of cores.
const WITHOUT_CPUID: (&str, &str) = ("HWLOC_COMPONENTS", "-x86");

/// Keeps hwloc from printing: boxes of asterisks about files of its ancestors, which load all the same, and that there is
/// no /sys, which [`Machine::disagreements`] says.
const WITHOUT_MESSAGES: (&str, &str) = ("HWLOC_HIDE_ERRORS", "2");

/// Runs a `call` of hwloc's with those variables set that nobody set otherwise. Programs that are started later see the
/// environment as it was.
fn with_variables<T>(variables: &[(&'static str, &str)], call: impl FnOnce() -> T) -> T {
    let is_alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    let mut ours = Variables(Vec::new());
    for (name, value) in variables {
        if is_alone && std::env::var_os(name).is_none() {
            // SAFETY:
            // - no other thread runs that could read the environment meanwhile (above).
            unsafe { std::env::set_var(name, value) };
            ours.0.push(name);
        }
    }
    call()
}

/// Variables that were not set before, and are not afterwards.
struct Variables(Vec<&'static str>);

impl Drop for Variables {
    fn drop(&mut self) {
        for name in &self.0 {
            // SAFETY:
            // - no other thread ran when they were set, and hwloc starts none that outlives a call.
            unsafe { std::env::remove_var(name) };
        }
    }
}

/// hwloc only says "invalid argument", after lines of its XML parser; the text shows the common reasons.
fn why_not_a_topology(text: &str) -> Option<&'static str> {
    let Some(start) = text.find("<topology") else {
        return Some("not an hwloc topology; write one with lstopo --of xml FILE.xml");
    };
    let head = &text[start..text[start..].find('>').map_or(text.len(), |end| start + end)];
    if head.contains("version=\"3") {
        return Some("written by hwloc 3, this program has hwloc 2; write it again with lstopo --of xml of hwloc 2");
    }
    if !text.contains("</topology>") {
        return Some("cut short: it has no </topology>; copy it again");
    }
    // hwloc makes sets that reach up to it: half a GiB each.
    let mut objects = text.split("<object").skip(1).map(|object| object.split('>').next().unwrap_or_default());
    objects.any(index_too_high).then_some("a PU or node has an index above 32767; that is no machine")
}

/// Whether an object, given by its attributes, is a PU or node with an index that no machine has.
fn index_too_high(object: &str) -> bool {
    let value = |name: &str| {
        let (_, rest) = object.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next().unwrap_or_default())
    };
    let is_indexed = value(" type").is_some_and(|kind| kind == "PU" || kind == "NUMANode");
    let in_range = |index: &str| index.parse::<u32>().is_ok_and(|index| index <= plan::set::HIGHEST_INDEX);
    is_indexed && value(" os_index").is_some_and(|index| !in_range(index))
}

/// What hwloc accepts need not fit together.
fn foreign(hwloc: hwlocality::Topology, source: TopologySource) -> Result<Read, HostError> {
    let topology = hwloc::read(&hwloc, source);
    topology.check().map_err(|why| HostError::Unsound { topology: topology.source.clone(), why })?;
    Ok(Read { topology, disagreements: Vec::new(), granted: None, hwloc })
}

fn export(hwloc: &hwlocality::Topology) -> String {
    hwloc.export_xml(XMLExportFlags::empty()).map(|xml| xml.as_str().to_owned()).unwrap_or_default()
}

/// hwloc reads another machine where these are set (hwloc(7), "Environment Variables"), and then binds to nothing.
fn refuse_foreign_environment() -> Result<(), HostError> {
    const VARIABLES: [&str; 5] =
        ["HWLOC_XMLFILE", "HWLOC_SYNTHETIC", "HWLOC_FSROOT", "HWLOC_CPUID_PATH", "HWLOC_THISSYSTEM"];
    match VARIABLES.into_iter().find(|variable| std::env::var_os(variable).is_some()) {
        Some(variable) => Err(HostError::ForeignByEnvironment { variable }),
        None => Ok(()),
    }
}

fn unreadable(raw: &hwlocality::errors::RawHwlocError) -> HostError {
    let errno = raw.errno.map_or(Errno(0), |errno| Errno(errno.0));
    HostError::Unreadable { call: raw.api.to_owned(), errno }
}

impl Errno {
    fn unreadable(self) -> HostError {
        HostError::Unreadable { call: "hwloc_topology_set_flags".into(), errno: self }
    }
}
