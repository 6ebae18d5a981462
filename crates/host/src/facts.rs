//! Facts.
use crate::Root;
use std::collections::BTreeMap;
/// a
pub fn machine_facts() -> BTreeMap<String, String> { BTreeMap::new() }
/// b
pub fn moving_facts() -> Vec<(String, Option<String>)> { Vec::new() }
/// The processor's name.
pub(crate) fn cpu_model(root: &Root) -> Option<String> {
    let name = root.field("proc/cpuinfo", "model name")?;
    Some(name.trim_start_matches([':', '\t', ' ']).to_owned())
}
