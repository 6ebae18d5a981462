//! Starting the program and looking at what came out.

use libtest_mimic::Failed;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary under test.
pub fn numalab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_numalab"));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run gave.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs it with these arguments.
pub fn run(args: &[&str]) -> Answer {
    answer(numalab().args(args).output().expect("the binary was just built"))
}

/// An output as text.
pub fn answer(output: Output) -> Answer {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints text");
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Answer {
    /// Fails unless it ended with this code.
    pub fn expect_code(&self, code: i32) -> Result<&Answer, Failed> {
        match self.code {
            Some(found) if found == code => Ok(self),
            found => Err(format!("code {found:?}, expected {code}\nstdout: {}\nstderr: {}", self.out, self.err).into()),
        }
    }
}

/// The one results folder below `results`.
pub fn only_folder(results: &Path) -> Result<PathBuf, Failed> {
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
        find_folders(&entry.path(), found);
    }
}

/// Rows of a CSV of a folder, title line left out.
pub fn rows(path: &Path) -> Result<Vec<Vec<String>>, Failed> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().skip(1).map(|line| line.split(',').map(String::from).collect()).collect())
}
