//! Hosts that fight back: containers, control groups, missing files, full nodes, old kernels, bad neighbours.
//!
//! Each test is one hostile host, on this machine or in the emulated lab, with the words and the exit code expected. On
//! each a run measures what can be measured and marks it, or refuses with the reason; it never silently succeeds. Faults
//! in single system calls and in files are other tests' matter.
//!
//! At the end it says how many hosts of how many kinds were survived. The kinds: 1 seccomp, 2 cpuset, 3 quota and memory
//! limit, 4 a node too small, 5 huge pages, 6 memlock, 7 no rights, 8 no /sys or /proc, 9 no counters, 10 PUs that are
//! not for us, 11 inherited placement, 12 old kernels, settings, clocks and neighbours.

mod bare;
mod filter;
mod groups;
mod huge;
mod inherited;
mod lab;
mod neighbours;
#[path = "../harness/program.rs"]
#[allow(dead_code, reason = "the other harnesses use the rest")]
mod program;
mod ran;
mod seccomp;
mod settings;
mod tiny;
#[path = "../harness/trial.rs"]
#[allow(dead_code, reason = "the other harnesses use the rest")]
mod trial;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use trial::{Needs, test, test_with};

/// Kinds of hosts there are.
const KINDS: usize = 12;

/// Kinds of which a host was survived.
static SURVIVED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

fn main() {
    filter::become_filtered();
    let tests = [
        seccomp::trials(),
        groups::trials(),
        bare::trials(),
        inherited::trials(),
        neighbours::trials(),
        tiny::trials(),
        huge::trials(),
        settings::trials(),
    ];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests.into_iter().flatten().collect());
    let (survived, untried, failed) = (conclusion.num_passed, conclusion.num_ignored, conclusion.num_failed);
    if survived + untried + failed > 0 {
        let kinds = SURVIVED.lock().unwrap_or_else(PoisonError::into_inner).len();
        println!(
            "hostile hosts: {survived} survived, {failed} not survived, {untried} not testable here; \
             of {kinds} of {KINDS} kinds\n"
        );
    }
    conclusion.exit();
}

/// One hostile host, of this kind.
pub(crate) fn host(
    kind: usize,
    name: &str,
    needs: Option<Needs>,
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let name = format!("{kind:>2} {name}");
    let noted = move || {
        body()?;
        SURVIVED.lock().unwrap_or_else(PoisonError::into_inner).insert(kind);
        Ok(())
    };
    match needs {
        None => test(name, noted),
        Some(needs) => test_with(name, needs, noted),
    }
}
