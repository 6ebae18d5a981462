//! The folder under which /proc and /sys are read: `/`, or a fixture of a test.

use plan::set::{CpuSet, NodeSet};
use std::path::{Path, PathBuf};

/// Where `proc` and `sys` are. Paths given to its methods are relative: `proc/stat`.
///
/// A file that is absent, unreadable or not UTF-8 reads as `None`: what a host does not show is recorded as unknown,
/// and never stops a measurement.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// The running system.
    pub fn system() -> Root {
        Root(PathBuf::from("/"))
    }

    /// A copy of parts of `proc` and `sys` elsewhere.
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root(folder.into())
    }

    /// The path of a file in it.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.join(relative)
    }

    /// Content without the white space around it.
    pub fn text(&self, relative: impl AsRef<Path>) -> Option<String> {
        let bytes = std::fs::read(self.path(relative)).ok()?;
        // Firmware strings are not always UTF-8, and a wrong letter must not hide the rest.
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Content as a number.
    pub fn number(&self, relative: impl AsRef<Path>) -> Option<u64> {
        self.text(relative)?.parse().ok()
    }

    /// Content as a list of PUs, `0-3,8`.
    pub fn cpus(&self, relative: impl AsRef<Path>) -> Option<CpuSet> {
        self.text(relative)?.parse().ok()
    }

    /// Content as a list of nodes.
    pub fn nodes(&self, relative: impl AsRef<Path>) -> Option<NodeSet> {
        self.text(relative)?.parse().ok()
    }

    /// What follows `key` on the first line that starts with it, without white space around it.
    pub fn field(&self, relative: impl AsRef<Path>, key: &str) -> Option<String> {
        find_field(&self.text(relative)?, key).map(str::to_owned)
    }

    /// The word in brackets of a file such as `always [madvise] never`.
    pub fn chosen(&self, relative: impl AsRef<Path>) -> Option<String> {
        let text = self.text(relative)?;
        let start = text.find('[')? + 1;
        let length = text[start..].find(']')?;
        Some(text[start..start + length].to_owned())
    }

    /// Names in a folder, sorted; empty where there is none.
    pub fn names(&self, relative: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(relative)) else { return Vec::new() };
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Whether there is such a file or folder.
    pub fn has(&self, relative: impl AsRef<Path>) -> bool {
        self.path(relative).exists()
    }
}

/// What follows `key` on the first line that starts with it.
pub(crate) fn find_field<'text>(text: &'text str, key: &str) -> Option<&'text str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix(key)).map(str::trim)
}

/// A root of these files, for tests; it goes with its folder.
#[cfg(test)]
pub(crate) fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    let root = Root::at(folder.path());
    (folder, root)
}
