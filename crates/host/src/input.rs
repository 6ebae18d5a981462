//! What `--input` names: this host, a file of hwloc's, or a synthetic description.

use crate::HostError;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a topology is read from: `host`, `FILE.xml`, `synthetic:pack:2 numa:1 core:4 pu:2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// This machine.
    Host,
    /// A file that hwloc wrote (`lstopo --of xml`).
    Xml(PathBuf),
    /// hwloc's synthetic description.
    Synthetic(String),
}

impl FromStr for Input {
    type Err = HostError;

    /// Quotes around a description are dropped. A name that is no other word must end in `.xml` or hold a `/`, so that
    /// a misspelt `hots` is not taken for a file.
    fn from_str(text: &str) -> Result<Input, HostError> {
        if text == "host" {
            return Ok(Input::Host);
        }
        if let Some(description) = text.strip_prefix("synthetic:") {
            let bare = description.trim().trim_matches('"').trim();
            return Ok(Input::Synthetic(bare.to_owned()));
        }
        match text.ends_with(".xml") || text.contains('/') {
            true => Ok(Input::Xml(PathBuf::from(text))),
            false => Err(HostError::NoSuchInput { text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read() {
        let check = |text: &str, expect: Option<Input>| assert_eq!(text.parse::<Input>().ok(), expect, "{text:?}");
        check("host", Some(Input::Host));
        check("box.xml", Some(Input::Xml("box.xml".into())));
        check("dir/box", Some(Input::Xml("dir/box".into())));
        check("synthetic:\"pack:2 pu:2\"", Some(Input::Synthetic("pack:2 pu:2".into())));
        check("synthetic:pu:2", Some(Input::Synthetic("pu:2".into())));
        check("hots", None);
        check("", None);
    }
}
