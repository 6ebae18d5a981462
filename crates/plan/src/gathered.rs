//! What `numalab gather` packs of a host, and what reads it back: one file of JSON that another person can send.
//!
//! Nothing personal: no host name unless it was asked for, no serial number, no user, no process, no path of theirs. hwloc's
//! XML keeps the infos that `INFOS_KEPT` names and no others.

use crate::manifest::Program;
use crate::record::Timing;
use crate::topology::{Conditions, Topology};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the file; a reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// A host, gathered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gathered {
    /// [`FORMAT`] when it was written. Its name tells this file from a bare topology.json.
    pub gathered: u32,
    /// Host name, where it was asked for.
    pub host: Option<String>,
    /// This program.
    pub program: Program,
    /// How far times there can be believed …
    pub timing: Timing,
    /// … and the evidence for it, one sentence each.
    pub timing_evidence: Vec<String>,
    /// Its shape.
    pub topology: Topology,
    /// What it grants.
    pub conditions: Conditions,
    /// Where hwloc and /sys say different things, one line each.
    pub disagreements: Vec<String>,
    /// Kernel, processor, memory, libraries, settings: name -> value.
    pub facts: BTreeMap<String, String>,
    /// What `doctor` found.
    pub findings: Vec<Finding>,
    /// hwloc's description, a line each so that people can read it.
    pub xml: Vec<String>,
}

/// One line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub value: String,
    /// good, notice, disturbs, …
    pub verdict: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Facts that tell one boot of one machine from another and say nothing about it.
const FACTS_LEFT_OUT: &[&str] = &["boot_id"];

/// Infos of hwloc's XML that are kept: what a topology is made from. Left out with all others: HostName, ProcessName,
/// LinuxCgroup (it may name a user), serial numbers and asset tags of the firmware.
const INFOS_KEPT: &[&str] = &[
    "Architecture",
    "Backend",
    "CPUFamilyNumber",
    "CPUModel",
    "CPUModelNumber",
    "CPURevision",
    "CPUStepping",
    "CPUVendor",
    "ClusterMode",
    "CoreType",
    "DAXParent",
    "DAXType",
    "DMIBoardName",
    "DMIBoardVendor",
    "DMIProductName",
    "DMISysVendor",
    "FrequencyBaseMHz",
    "FrequencyMaxMHz",
    "Inclusive",
    "LinuxCapacity",
    "MemoryMode",
    "MemoryTier",
    "OSName",
    "OSRelease",
    "PlatformBoardID",
    "PlatformModel",
    "PlatformName",
    "hwlocVersion",
];

/// Facts without those that say nothing about the machine.
pub fn without_identity(mut facts: BTreeMap<String, String>) -> BTreeMap<String, String> {
    facts.retain(|name, _| !FACTS_LEFT_OUT.contains(&name.as_str()));
    facts
}

/// Lines of hwloc's XML without the infos that are not in `INFOS_KEPT`; hwloc writes each on a line of its own, and where
/// it does not, the line goes as a whole.
pub fn xml_lines(xml: &str) -> Vec<String> {
    let is_kept = |line: &&str| {
        let mut infos = line.split("<info ").skip(1);
        infos.all(|info| INFOS_KEPT.iter().any(|name| info.starts_with(&format!("name=\"{name}\""))))
    };
    xml.lines().filter(is_kept).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infos_that_name_somebody_are_left_out() {
        let check = |line: &str, kept: bool| {
            assert_eq!(xml_lines(&format!("<topology>\n{line}\n")).len(), 1 + usize::from(kept), "{line}");
        };
        check("    <info name=\"CPUModel\" value=\"a processor\"/>", true);
        check("  <object type=\"Machine\" os_index=\"0\">", true);
        check("    <info name=\"HostName\" value=\"box\"/>", false);
        check("    <info name=\"LinuxCgroup\" value=\"/user.slice/user-1000.slice\"/>", false);
        check("    <info name=\"DMIProductSerial\" value=\"1234\"/>", false);
        check("    <info value=\"box\" name=\"HostName\"/>", false);
        check("    <info name=\"Backend\" value=\"Linux\"/><info name=\"HostName\" value=\"box\"/>", false);
    }

    #[test]
    fn a_boot_is_not_told() {
        let facts = [("boot_id", "x"), ("kernel", "6.1")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(without_identity(facts.into()).into_keys().collect::<Vec<_>>(), ["kernel"]);
    }
}
