//! What this host allows and what will disturb a measurement.
use crate::Machine;
/// One thing examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub value: String,
    /// What it means.
    pub verdict: Verdict,
    /// What to do about it; `None` where there is nothing to do.
    pub remedy: Option<String>,
}
/// What a finding means for a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// To be known; recorded.
    Notice,
    /// It will show in the figures.
    Disturbs,
    /// The host refuses it.
    Forbidden,
    /// The host does not tell.
    Unknown,
}
/// Looks.
pub fn examine(machine: &Machine) -> Vec<Finding> { let _ = machine; Vec::new() }
