//! What schedules the work. `threads` runs each worker's closed loop on an OS thread of its own; `gmp` as a task of the
//! suite's scheduler, with as many processors as workers, which yields after each request. `go` is a process
//! of Go's own, which this one places and hears.

pub(crate) mod gmp;
pub(crate) mod go;
pub(crate) mod program;
pub(crate) mod threads;

use plan::topology::RuntimeProgram;
use program::Program;
use std::collections::BTreeMap;

/// Subjects that are programs of other runtimes.
const PROGRAMS: &[(&str, Program)] = &[(plan::experiment::GO, go::PROGRAM)];

/// What is known of the programs of these subjects here, each asked what it is; subjects of this program have none.
pub fn programs<'a>(subjects: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, RuntimeProgram> {
    let known = |subject: &'a str| {
        let (_, program) = PROGRAMS.iter().find(|(name, _)| *name == subject)?;
        Some((subject.to_string(), look(program).unwrap_or_else(RuntimeProgram::Absent)))
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
    PROGRAMS.iter().map(|(subject, _)| (subject.to_string(), RuntimeProgram::Absent(absent(subject)))).collect()
}

fn look(program: &Program) -> Result<RuntimeProgram, String> {
    let path = program.find()?;
    let version = program.version(&path)?;
    let sum = std::fs::File::open(&path).and_then(|mut file| crate::manifest::sha256_of(&mut file));
    let sha256 = sum.map_err(|cause| format!("{name}: cannot be read: {cause}", name = program.name))?;
    Ok(RuntimeProgram::Found { version, sha256 })
}
