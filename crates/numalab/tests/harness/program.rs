//! Starting the program and looking at what came out.

use libtest_mimic::Failed;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary under test.
pub(crate) fn numalab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_numalab"));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it with these arguments.
pub(crate) fn run(args: &[&str]) -> Answer {
    answer(numalab().args(args).output().expect("the binary was just built"))
}

/// An output as text.
pub(crate) fn answer(output: Output) -> Answer {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints text");
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Answer {
    /// Fails unless it ended with this code.
    pub(crate) fn expect_code(&self, code: i32) -> Result<&Answer, Failed> {
        match self.code {
            Some(found) if found == code => Ok(self),
            found => Err(format!("code {found:?}, expected {code}\nstdout: {}\nstderr: {}", self.out, self.err).into()),
        }
    }
}

/// The one results folder below `results`.
pub(crate) fn only_folder(results: &Path) -> Result<PathBuf, Failed> {
    let mut found = Vec::new();
    find_folders(results, &mut found);
    match found.as_slice() {
        [one] => Ok(one.clone()),
        several => Err(format!("{} results folders below {}", several.len(), results.display()).into()),
    }
}

fn find_folders(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("manifest.json").exists() {
        found.push(folder.to_path_buf());
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        // A folder that was only being made when its run was killed has a name with a dot.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            find_folders(&entry.path(), found);
        }
    }
}

/// Rows of a CSV of a folder, title line left out.
pub(crate) fn rows(path: &Path) -> Result<Vec<Vec<String>>, Failed> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let rows = reader.records().map(|row| row.map(|row| row.iter().map(String::from).collect()));
    Ok(rows.collect::<Result<_, _>>()?)
}
