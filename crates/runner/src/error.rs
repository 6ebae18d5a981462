//! Why a run cannot start or go on. A sample that fails is no error: it is a row.

use plan::remedy::{of_writing, remedy};
use std::io;
use std::path::PathBuf;

/// Why a run cannot start or go on. Rows that were committed before stay.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file or folder of the results cannot be made, read, written or synced.
    #[error("{path}: cannot {doing}: {source}{advice}", path = path.display(), advice = advice(of_writing(source)))]
    File {
        /// The file.
        path: PathBuf,
        /// create, read, write, sync, …
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Something that is no folder is where one must be.
    #[error("{path}: it is there and is no folder; name another with --results", path = path.display())]
    NoFolder {
        /// What is in the way.
        path: PathBuf,
    },
    /// Somebody took the folder away.
    #[error("{dir}: the results folder is gone, with what was measured; start again", dir = dir.display())]
    Gone {
        /// Where it was.
        dir: PathBuf,
    },
    /// Somebody took a raw file away, put another in its place (as an editor does that saves it), or wrote into it.
    #[error("{path}: taken away or changed while the run went on, samples may be lost; restore it and resume, or start again", path = path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Another run works in this folder.
    #[error("{path}: {holder} is writing here; wait for it, or end it; if it is gone, remove this file", path = path.display())]
    Locked {
        /// The lock file in the results folder.
        path: PathBuf,
        /// Process and host, in words.
        holder: String,
    },
    /// The folder holds no run that could go on.
    #[error("{dir}: {why}; start a new run", dir = dir.display())]
    NoRun {
        /// The folder.
        dir: PathBuf,
        /// What is missing.
        why: String,
    },
    /// The folder belongs to another plan, machine, program or version of the format.
    #[error("{dir}: cannot resume, {what} is another: {differs}", dir = dir.display())]
    Other {
        /// The results folder.
        dir: PathBuf,
        /// the plan, the machine, the program.
        what: &'static str,
        /// What differs, then and now.
        differs: String,
    },
    /// Raw files are not what they were when the run was complete.
    #[error("{path}: changed since the run was complete (SHA256SUMS says {expected}, found {found}); restore it", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The sum then, shortened.
        expected: String,
        /// The sum now, shortened, or "no such file".
        found: String,
    },
    /// A row in the middle of a file cannot be read, so it is no torn tail.
    #[error("{path}:{line}: {what}, and good rows follow; this is no torn tail, restore the file", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A file of the folder cannot be understood.
    #[error("{path}: {what}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// `until` names a column that samples.csv does not have, or one that holds no numbers.
    #[error("repetitions until {metric}: samples.csv has no column of numbers of that name")]
    NoMetric {
        /// The name.
        metric: String,
    },
    /// No sample can be made any more.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

/// Why an executor can make no sample at all: the run ends, and can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The child's program cannot be started.
    #[error("cannot start {program}: {source}{advice}", advice = advice(remedy(source)))]
    Start {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The channels to a child cannot be made or watched.
    #[error("cannot {doing} of a child: {source}{advice}", advice = advice(remedy(source)))]
    Channel {
        /// What failed.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The model has no answer.
    #[error("cannot predict point {point}: {source}")]
    Model {
        /// The point.
        point: String,
        /// Why.
        source: model::ModelError,
    },
}

impl RunError {
    /// The exit code of a program that ends with it: 2 where the folder given is not one that can be used, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::File { .. } | RunError::Gone { .. } | RunError::Taken { .. } => 1,
            RunError::Stopped(_) | RunError::Locked { .. } => 1,
            _ => 2,
        }
    }
}

/// What to do about a system's answer, with its semicolon; empty where there is nothing to say.
fn advice(remedy: Option<&str>) -> String {
    remedy.map(|remedy| format!("; {remedy}, then resume or start again")).unwrap_or_default()
}
