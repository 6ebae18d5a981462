//! `[[arm]]`: how workers and memory are placed.

use super::table::Section;
use super::{ArmFile, CpusFile, FileError, PolicyFile, PolicyName, ProcessFile, Smt};
use crate::numactl::{self, NumactlError};
use crate::place::Toucher;
use crate::text::UnknownWord;
use std::fmt;
use std::str::FromStr;

const KEYS: &[&str] = &["name", "process", "cpus", "private", "shared", "shared_toucher", "smt", "settle"];

/// The kernel's own: a page lies where it is first written.
const FIRST_TOUCH: PolicyFile = PolicyFile { name: PolicyName::FirstTouch, nodes: None };

pub(super) fn read_arm(section: &Section<'_>) -> Result<ArmFile, FileError> {
    section.allow(KEYS)?;
    let name = section.name("name")?;
    let section = section.titled(format!("[[arm]] \"{name}\""));
    let cpus = section.parsed("cpus")?.unwrap_or(CpusFile::Unbound);
    let smt: Option<Smt> = section.parsed("smt")?;
    if smt.is_some() && !matches!(cpus, CpusFile::Close | CpusFile::Spread) {
        let message = format!("has no effect with cpus = \"{cpus}\", where workers float; take it out");
        return Err(section.error_at("smt", message));
    }
    let shared: PolicyFile = section.parsed("shared")?.unwrap_or(FIRST_TOUCH);
    if shared.name == PolicyName::Local {
        let message = "\"local\" cannot be: a heap that all share is local to nobody; known here: first-touch, bind:L, \
                       preferred:N, preferred-many:L, interleave:L, weighted-interleave:L";
        return Err(section.error_at("shared", message));
    }
    Ok(ArmFile {
        line: section.line(),
        process: read_process(&section)?,
        cpus,
        private: section.parsed("private")?.unwrap_or(FIRST_TOUCH),
        shared,
        shared_toucher: section.parsed("shared_toucher")?.unwrap_or(Toucher::All),
        smt: smt.unwrap_or(Smt::Off),
        settle: section.truth("settle")?.unwrap_or(false),
        name,
    })
}

fn read_process(arm: &Section<'_>) -> Result<Option<ProcessFile>, FileError> {
    let title = arm.title.replacen("[[arm]]", "process of [[arm]]", 1);
    let Some(section) = arm.section("process", &title)? else { return Ok(None) };
    section.allow(&["cpus", "memory"])?;
    let cpus: Option<CpusFile> = section.parsed("cpus")?;
    if let Some(cpus @ (CpusFile::Close | CpusFile::Spread)) = &cpus {
        let message =
            format!("\"{cpus}\" places workers, not a process; write it as cpus of the arm, or node:L or pus:L here");
        return Err(section.error_at("cpus", message));
    }
    let process =
        ProcessFile { cpus: cpus.filter(|cpus| *cpus != CpusFile::Unbound), memory: section.parsed("memory")? };
    Ok((process != ProcessFile::default()).then_some(process))
}

impl fmt::Display for CpusFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpusFile::Unbound => out.write_str("unbound"),
            CpusFile::Close => out.write_str("close"),
            CpusFile::Spread => out.write_str("spread"),
            CpusFile::Nodes(list) => write!(out, "node:{list}"),
            CpusFile::Pus(list) => write!(out, "pus:{list}"),
        }
    }
}

/// Why `cpus` or a policy could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmError {
    /// No such placement.
    #[error("\"{found}\" is none of close, spread, unbound, node:LIST, pus:LIST")]
    Cpus {
        /// What was read.
        found: String,
    },
    /// No such policy.
    #[error("memory policy: {0}")]
    Policy(#[from] UnknownWord),
    /// A list is missing, or given to a policy that takes none.
    #[error("memory policy \"{found}\": {name} takes {takes}")]
    Nodes {
        /// What was read.
        found: String,
        /// The policy.
        name: PolicyName,
        /// What it takes.
        takes: &'static str,
    },
    /// The list cannot be read.
    #[error(transparent)]
    List(#[from] NumactlError),
}

impl FromStr for CpusFile {
    type Err = ArmError;

    fn from_str(text: &str) -> Result<Self, ArmError> {
        match text.split_once(':') {
            None if text == "unbound" => Ok(CpusFile::Unbound),
            None if text == "close" => Ok(CpusFile::Close),
            None if text == "spread" => Ok(CpusFile::Spread),
            Some(("node", list)) => numactl::check(list).map(|()| CpusFile::Nodes(list.into())).map_err(ArmError::from),
            Some(("pus", list)) => numactl::check(list).map(|()| CpusFile::Pus(list.into())).map_err(ArmError::from),
            _ => Err(ArmError::Cpus { found: text.into() }),
        }
    }
}

impl fmt::Display for PolicyFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nodes {
            None => write!(out, "{}", self.name),
            Some(nodes) => write!(out, "{name}:{nodes}", name = self.name),
        }
    }
}

impl FromStr for PolicyFile {
    type Err = ArmError;

    fn from_str(text: &str) -> Result<Self, ArmError> {
        let (name, nodes) = match text.split_once(':') {
            Some((name, nodes)) => (name.parse::<PolicyName>()?, Some(nodes)),
            None => (text.parse::<PolicyName>()?, None),
        };
        let refuse = |takes| Err(ArmError::Nodes { found: text.into(), name, takes });
        match (name, nodes) {
            (PolicyName::FirstTouch | PolicyName::Local, Some(_)) => refuse("no nodes"),
            (PolicyName::FirstTouch | PolicyName::Local, None) => Ok(PolicyFile { name, nodes: None }),
            (_, None | Some("")) => refuse("nodes: a list such as 0-1, \"all\", or \"workers\""),
            (_, Some("workers")) => Ok(PolicyFile { name, nodes: Some("workers".into()) }),
            (_, Some(nodes)) => {
                numactl::check(nodes)?;
                Ok(PolicyFile { name, nodes: Some(nodes.into()) })
            }
        }
    }
}
