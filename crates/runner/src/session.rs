//! The folders of a series: sessions of two builds, each a run of its own, filed beside each other.

use crate::admit::{manifest_of, read_manifest};
use crate::error::RunError;
use crate::folder;
use plan::session::Session;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A name for a series that starts now.
pub fn new_series() -> String {
    folder::new_run_id()
}

/// Which session a folder holds; `None` for a run of its own.
///
/// # Errors
/// `NoRun` where the folder does not say, `Unreadable`, `File`.
pub fn session_of(dir: &Path) -> Result<Option<Session>, RunError> {
    Ok(manifest_of(dir)?.session)
}

/// Folders of a series beside each other in `parent`, by their place in its order.
///
/// # Errors
/// `File` where the folder cannot be listed, `Unreadable`.
pub fn sessions_in(parent: &Path, series: &str) -> Result<BTreeMap<u32, PathBuf>, RunError> {
    let failed = |source| RunError::File { path: parent.into(), doing: "list", source };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(parent).map_err(failed)? {
        let dir = entry.map_err(failed)?.path();
        // One that was only being made when its run was killed has a name with a dot.
        let made = dir.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
        if made
            && dir.is_dir()
            && let Some(session) = read_manifest(&dir)?.and_then(|manifest| manifest.session)
            && session.series == series
        {
            found.insert(session.place, dir);
        }
    }
    Ok(found)
}

/// The folder under which a results folder `root/<experiment>/<host>/<run>` is filed.
///
/// # Errors
/// `NoRun` where it lies elsewhere by now, `File`.
pub fn root_of(dir: &Path) -> Result<PathBuf, RunError> {
    let whole = dir.canonicalize().map_err(|source| RunError::File { path: dir.into(), doing: "find", source })?;
    whole.ancestors().nth(3).map(Path::to_path_buf).ok_or_else(|| RunError::NoRun {
        dir: dir.into(),
        why: "it does not lie in a folder of its experiment and host, where its series goes on".into(),
    })
}
