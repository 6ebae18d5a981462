//! From hwloc and /sys to [`plan::topology`]'s plain data.
use crate::{Granted, HostError, Input};
use plan::topology::{Conditions, Topology};

/// The running machine.
#[derive(Debug)]
pub struct Machine { topology: Topology, conditions: Conditions, disagreements: Vec<String>, granted: Granted, xml: String }
impl Machine {
    /// t
    pub fn topology(&self) -> &Topology { &self.topology }
    /// c
    pub fn conditions(&self) -> &Conditions { &self.conditions }
    /// d
    pub fn disagreements(&self) -> &[String] { &self.disagreements }
    /// g
    pub fn granted(&self) -> &Granted { &self.granted }
    /// x
    pub fn xml(&self) -> &str { &self.xml }
}
/// What was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// t
    pub topology: Topology,
    /// c
    pub conditions: Conditions,
    /// x
    pub xml: String,
    /// d
    pub disagreements: Vec<String>,
}
/// Probes.
pub fn probe() -> Result<Machine, HostError> { unimplemented!() }
/// Reads.
pub fn read_topology(input: &Input) -> Result<Read, HostError> { let _ = input; unimplemented!() }
