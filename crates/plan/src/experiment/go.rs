//! `[go]`: what only a Go process has, its collector and what it collects.

use crate::PlanError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// GOGC that is written; above, a collector that never runs is meant, and "off" says so.
const GOGC_MOST: u32 = 1_000_000;

/// What a request may allocate, as subjects/go/subject has it.
const GARBAGE_BYTES_MOST: u64 = 1 << 30;

/// How Go collects, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GoSettings {
    /// GOGC: the percentage by which the heap grows until the next cycle; `None`: off.
    #[serde(serialize_with = "write_gogc", deserialize_with = "read_gogc")]
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

impl GoSettings {
    /// Refuses values that Go cannot have.
    ///
    /// # Errors
    /// `Impossible` with the key and its range.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        let refuse = |key: &str, found: String, must: String| {
            Err(PlanError::Impossible { section: "go", key: key.into(), found, must })
        };
        match self {
            GoSettings { gogc: Some(gogc), .. } if !(1..=GOGC_MOST).contains(gogc) => {
                refuse("gogc", gogc.to_string(), format!("be from 1 to {GOGC_MOST}, or \"off\""))
            }
            GoSettings { garbage_bytes, .. } if *garbage_bytes > GARBAGE_BYTES_MOST => {
                refuse("garbage_bytes", garbage_bytes.to_string(), format!("be at most {GARBAGE_BYTES_MOST}"))
            }
            _ => Ok(()),
        }
    }
}

/// A percentage, or `off`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Gogc {
    Percent(u32),
    Word(String),
}

fn write_gogc<S: Serializer>(gogc: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    gogc.map_or_else(|| Gogc::Word("off".into()), Gogc::Percent).serialize(serializer)
}

fn read_gogc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let must = || serde::de::Error::custom("it must be a percentage such as 100, or \"off\"");
    match Gogc::deserialize(deserializer).map_err(|_| must())? {
        Gogc::Percent(percent) => Ok(Some(percent)),
        Gogc::Word(word) if word == "off" => Ok(None),
        Gogc::Word(_) => Err(must()),
    }
}
