//! What schedules the work. `threads` runs each worker's closed loop on an OS thread of its own. `gmp`, `tokio` and `rayon` are
//! runtimes of this process (`runtime.rs`), on which each worker is a task that yields after each request (`tasks.rs`). `go`
//! is a process of Go's own, which this one places and hears.

pub(crate) mod gmp;
pub(crate) mod go;
pub(crate) mod program;
pub(crate) mod rayon;
pub(crate) mod runtime;
pub(crate) mod tasks;
pub(crate) mod threads;
pub(crate) mod tokio;

use plan::topology::RuntimeProgram;
use program::Program;
use std::collections::BTreeMap;

/// Subjects that are programs of other runtimes.
const PROGRAMS: &[(&str, Program)] = &[(plan::experiment::GO, go::PROGRAM)];

/// Subjects that are libraries of others, with their versions.
const LIBRARIES: &[(&str, &str)] =
    &[(plan::experiment::TOKIO, tokio::VERSION), (plan::experiment::RAYON, rayon::VERSION)];

/// What is known of these subjects' runtimes here, programs asked what they are; the suite's own have none.
pub fn programs<'a>(subjects: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, RuntimeProgram> {
    let known = |subject: &'a str| {
        let program = PROGRAMS.iter().find(|(name, _)| *name == subject);
        let looked_for = program.map(|(_, program)| look(program).unwrap_or_else(RuntimeProgram::Absent));
        let library = LIBRARIES.iter().find(|(name, _)| *name == subject);
        let built_in = library.map(|(_, version)| RuntimeProgram::BuiltIn { version: (*version).into() });
        Some((subject.to_string(), looked_for.or(built_in)?))
    };
    subjects.into_iter().filter_map(known).collect()
}

/// The same of every subject that is such a program.
pub fn all_programs() -> BTreeMap<String, RuntimeProgram> {
    programs(PROGRAMS.iter().map(|(subject, _)| *subject))
}

/// The same where nothing is measured: no model of theirs is known.
pub fn unmodelled_programs() -> BTreeMap<String, RuntimeProgram> {
    let absent = |subject: &str| format!("subject {subject}: the model knows no other runtime; run it on a machine");
    let others = PROGRAMS.iter().map(|(subject, _)| subject).chain(LIBRARIES.iter().map(|(subject, _)| subject));
    others.map(|subject| (subject.to_string(), RuntimeProgram::Absent(absent(subject)))).collect()
}

fn look(program: &Program) -> Result<RuntimeProgram, String> {
    let path = program.find()?;
    let version = program.version(&path)?;
    let sum = std::fs::File::open(&path).and_then(|mut file| crate::manifest::sha256_of(&mut file));
    let sha256 = sum.map_err(|cause| format!("{name}: cannot be read: {cause}", name = program.name))?;
    Ok(RuntimeProgram::Found { version, sha256 })
}

#[cfg(test)]
mod tests {
    use super::LIBRARIES;

    #[test]
    fn libraries_are_of_the_versions_that_they_are_said_to_be() {
        let lock = include_str!("../../../../Cargo.lock");
        for (subject, version) in LIBRARIES {
            let (name, number) = version.split_once(' ').expect("a name and a number");
            assert_eq!(name, *subject);
            let locked = format!("name = \"{name}\"\nversion = \"{number}\"\n");
            assert!(lock.contains(&locked), "{version} is not what Cargo.lock has");
        }
    }
}
