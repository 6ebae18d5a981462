//! The frames that a child writes on fd 3, one JSON line each: the phases as they begin, then the sample or the failure.
//!
//! `{"v":1,"phase":"bind"}` … `{"v":1,"sample":{…}}`, or `{"v":1,"failure":{"phase":"touch","cause":"…"}}`. A child that
//! dies without a word died in the last phase it named.

use crate::sample::{Failure, Measured};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// Version of the frames; both ends are the same binary, so another version is a mixed-up installation.
pub const VERSION: u32 = 1;

/// One line from the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// [`VERSION`].
    pub v: u32,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// This phase begins: start, bind, allocate, touch, locate, settle, run, replay, check.
    Phase(String),
    /// The figures; the last frame.
    Sample(Box<Measured>),
    /// Why there are none; the last frame.
    Failure(Failure),
}

/// Writes one frame and flushes it.
///
/// # Errors
/// What the descriptor answers; the parent is then gone.
pub fn write(frames: &mut impl Write, says: Says) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Frame { v: VERSION, says })?;
    line.push(b'\n');
    frames.write_all(&line)?;
    frames.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(says: Says, expect: &str) {
        let mut line = Vec::new();
        write(&mut line, says.clone()).expect("a vector takes everything");
        assert_eq!(String::from_utf8_lossy(&line), format!("{expect}\n"));
        assert_eq!(serde_json::from_slice::<Frame>(&line).expect("it was written here"), Frame { v: VERSION, says });
    }

    #[test]
    fn a_ratio_read_back_is_the_ratio_written() {
        for local in 0..10_000u32 {
            let ratio = f64::from(local) / 384_001.0;
            let read: f64 = serde_json::from_str(&ratio.to_string()).expect("a number");
            assert_eq!(read.to_bits(), ratio.to_bits(), "{local} of 384001");
        }
    }

    #[test]
    fn frames_are_one_line_and_read_back() {
        check(Says::Phase("bind".into()), r#"{"v":1,"phase":"bind"}"#);
        check(
            Says::Failure(Failure { phase: "touch".into(), cause: "two\nlines".into() }),
            r#"{"v":1,"failure":{"phase":"touch","cause":"two\nlines"}}"#,
        );
    }
}
