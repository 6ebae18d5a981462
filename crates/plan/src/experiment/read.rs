//! Reads an experiment file and tells where exactly it is wrong.

use super::ExperimentFile;
use std::path::Path;

/// What is wrong with an experiment file, with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {message}")]
pub struct FileError {
    /// Path as given.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What was found and what is known.
    pub message: String,
}

/// Reads and checks one experiment file.
///
/// # Errors
/// One line: where, what was found, what is known.
pub fn read_experiment(path: &Path) -> Result<ExperimentFile, FileError> {
    let _ = path;
    unimplemented!()
}
