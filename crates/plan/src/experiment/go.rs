//! `[go]`: what only a Go process has, its collector and what it collects.

use super::table::Section;
use super::{FileError, GO};
use serde::{Deserialize, Serialize};
use toml::de::DeValue;

/// GOGC that is written; above, a collector that never runs is meant, and "off" says so.
const GOGC_MOST: u64 = 1_000_000;

/// What a request may allocate, as subjects/go/subject has it.
const GARBAGE_BYTES_MOST: u64 = 1 << 30;

/// How Go collects, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoSettings {
    /// GOGC: the percentage by which the heap grows until the next cycle; `None`: off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gogc: Option<u32>,
    /// Bytes that each request allocates and leaves to the collector; 0: none.
    pub garbage_bytes: u64,
}

impl Default for GoSettings {
    /// GOGC as Go has it, and enough garbage that it runs: 1 KiB a request is about a GB/s for each worker.
    fn default() -> GoSettings {
        GoSettings { gogc: Some(100), garbage_bytes: 1024 }
    }
}

/// Reads the section; where Go is no subject of the experiment it would say nothing.
pub(super) fn read_go(section: Option<&Section<'_>>, subjects: &[String]) -> Result<GoSettings, FileError> {
    let mut go = GoSettings::default();
    let Some(section) = section else { return Ok(go) };
    section.allow(&["gogc", "garbage_bytes"])?;
    if !subjects.iter().any(|subject| subject == GO) {
        return Err(section.error("[go] is about subject \"go\", which subject in [sweep] does not list"));
    }
    if let Some(item) = section.get("gogc") {
        go.gogc = match item.get_ref() {
            DeValue::String(text) if text == "off" => None,
            DeValue::String(_) => return Err(section.refuse("gogc", item, "be a percentage such as 100, or \"off\"")),
            _ => Some(section.whole_of("gogc", item, 1..=GOGC_MOST)? as u32),
        };
    }
    go.garbage_bytes = section.whole("garbage_bytes", 0..=GARBAGE_BYTES_MOST)?.unwrap_or(go.garbage_bytes);
    Ok(go)
}
