//! From the folders that are named to the sides that are compared.

use super::CompareError;
use crate::results::{Results, open, read_manifest};
use plan::manifest::{Manifest, Program};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below a named one are looked for this deep: results/<experiment>/<host>/<run>.
const DEEPEST: usize = 4;

/// What is compared with what.
#[derive(Debug)]
pub enum Compared {
    /// The arms of one run, block by block.
    Arms(Box<Results>),
    /// Sides, the first with each other one; each holds sessions, in the order of their start.
    Sides(Vec<Side>),
}

/// One side: what it is called, and its sessions.
#[derive(Debug)]
pub struct Side {
    /// As typed, or the letter of the build.
    pub name: String,
    /// Its runs, in the order of their start.
    pub sessions: Vec<Results>,
}

/// Opens what is named: one results folder (its arms, or the whole series of which it is a session), one folder above those
/// of two programs or more, or sides: each a results folder, several joined with commas, or a folder above them. `arms` asks
/// for the arms of one folder whatever series it belongs to.
///
/// # Errors
/// `CompareError` where there is nothing to compare; `Report` for a folder that cannot be read.
pub fn sides(named: &[String], arms: bool) -> Result<Compared, CompareError> {
    let found: Vec<Vec<Found>> = named.iter().map(|name| find_all(name)).collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    for run in found.iter().flatten() {
        if !seen.insert(run.dir.canonicalize().unwrap_or_else(|_| run.dir.clone())) {
            return Err(CompareError::Twice { dir: run.dir.clone() });
        }
    }
    let sides = match (named, found.as_slice()) {
        ([], _) | (_, []) => return Err(CompareError::Nothing),
        ([_], [runs]) => match runs.as_slice() {
            [run] => match &run.manifest.session {
                Some(session) if !arms => by_program(beside(&run.dir, &session.series)?),
                _ => return Ok(Compared::Arms(Box::new(open(&run.dir)?))),
            },
            _ => by_program(runs.clone()),
        },
        _ => named.iter().map(|name| name.trim_end_matches('/').to_string()).zip(found).collect(),
    };
    if let [(_, runs)] = sides.as_slice() {
        return Err(CompareError::OneProgram { dir: runs[0].dir.clone(), runs: runs.len() });
    }
    let open_side = |(name, mut runs): (String, Vec<Found>)| {
        // The name of a run begins with its start, and tells two of one second apart.
        runs.sort_by(|a, b| a.started().cmp(&b.started()));
        let sessions = runs.iter().map(|run| open(&run.dir)).collect::<Result<_, _>>()?;
        Ok(Side { name, sessions })
    };
    sides.into_iter().map(open_side).collect::<Result<_, CompareError>>().map(Compared::Sides)
}

/// A results folder, not read yet.
#[derive(Debug, Clone)]
struct Found {
    dir: PathBuf,
    manifest: Manifest,
}

impl Found {
    /// Sessions of a series start one after the other, some within a second.
    fn started(&self) -> (&str, u32, &str) {
        let place = self.manifest.session.as_ref().map_or(0, |session| session.place);
        (&self.manifest.started_utc, place, &self.manifest.run_id)
    }
}

/// A path as it is, or several joined with commas.
fn find_all(name: &str) -> Result<Vec<Found>, CompareError> {
    if Path::new(name).exists() {
        return find(Path::new(name));
    }
    let parts = name.split(',').map(str::trim).filter(|part| !part.is_empty());
    let found: Vec<Vec<Found>> = parts.map(|part| find(Path::new(part))).collect::<Result<_, _>>()?;
    match found.is_empty() {
        true => Err(CompareError::NoRun { dir: name.into() }),
        false => Ok(found.concat()),
    }
}

/// A results folder, or those below a folder.
fn find(dir: &Path) -> Result<Vec<Found>, CompareError> {
    let mut dirs = Vec::new();
    walk(dir, DEEPEST, &mut dirs);
    if dirs.is_empty() {
        return Err(CompareError::NoRun { dir: dir.into() });
    }
    let found = |dir: PathBuf| Ok(Found { manifest: read_manifest(&dir.join("manifest.json"))?, dir });
    dirs.into_iter().map(found).collect()
}

fn walk(dir: &Path, deep: usize, found: &mut Vec<PathBuf>) {
    if dir.join("manifest.json").is_file() {
        found.push(dir.into());
    } else if deep > 0 {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        // A run that is only being made has a name with a dot.
        let seen = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        let mut below: Vec<PathBuf> = seen.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        below.sort();
        below.iter().for_each(|dir| walk(dir, deep - 1, found));
    }
}

/// All sessions of a series, which lie beside each other.
fn beside(dir: &Path, series: &str) -> Result<Vec<Found>, CompareError> {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.into());
    let mut found = find(dir.parent().unwrap_or(&dir))?;
    found.retain(|run| run.manifest.session.as_ref().is_some_and(|session| session.series == series));
    Ok(found)
}

/// Runs by the build of their session, else by their program; the one that is build a, or that started first, comes first.
fn by_program(mut runs: Vec<Found>) -> Vec<(String, Vec<Found>)> {
    runs.sort_by(|a, b| a.started().cmp(&b.started()));
    let key = |run: &Found| {
        let build = run.manifest.session.as_ref().map(|session| session.build);
        (build, run.manifest.program.sha256.clone())
    };
    let mut sides: Vec<Vec<Found>> = Vec::new();
    let mut keys = Vec::new();
    for run in runs {
        let key = key(&run);
        match keys.iter().position(|known| *known == key) {
            Some(at) => sides[at].push(run),
            None => {
                sides.push(vec![run]);
                keys.push(key);
            }
        }
    }
    let mut sides: Vec<_> = keys.into_iter().map(|(build, _)| build).zip(sides).collect();
    sides.sort_by_key(|(build, _)| *build);
    // Sessions of one series have the letters of their builds: a and b.
    let letter = |at: usize| char::from(b'a' + (at % 26) as u8).to_string();
    sides.into_iter().enumerate().map(|(at, (_, runs))| (letter(at), runs)).collect()
}

/// `numalab 0.1.0 of c0ffee123456 (ab12cd34)`: version, commit, the first digits of the executable's sum.
pub(super) fn program_name(program: &Program) -> String {
    let sum: String = program.sha256.chars().take(8).collect();
    format!("numalab {version} of {commit} ({sum})", version = program.version, commit = program.commit)
}
