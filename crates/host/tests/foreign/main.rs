//! Machines that are not this one: read, planned on, or refused in words.
//!
//! Some need the machines that people stored, kept beside the project where there is room and no part of it. Without them
//! these report NOT TESTABLE, counted as ignored.

mod machines;
mod plans;

use libtest_mimic::{Arguments, Completion, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let trials = vec![
        plain("descriptions_become_machines", machines::descriptions_become_machines),
        plain("what_is_not_a_topology_is_refused_in_one_line", machines::what_is_not_a_topology_is_refused_in_one_line),
        stored("stored_machines_load_or_are_refused_in_words", machines::stored_machines_load_or_are_refused_in_words),
        stored("special_nodes_are_told_apart", machines::special_nodes_are_told_apart),
        stored("every_experiment_is_placed_where_it_may_be", plans::every_experiment_is_placed_where_it_may_be),
        stored("siblings_come_when_they_were_asked_for", plans::siblings_come_when_they_were_asked_for),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn plain(name: &str, body: fn()) -> Trial {
    Trial::test(name, move || {
        body();
        Ok(())
    })
}

/// A test on the folder of stored machines.
fn stored(name: &str, body: fn(&Path)) -> Trial {
    Trial::ignorable_test(name, move || {
        let folder = root().join("../shared/hwloc-xml");
        if !folder.join("index.csv").exists() {
            return Ok(Completion::ignored_with("NOT TESTABLE: no folder of stored machines beside the project"));
        }
        body(&folder);
        Ok(Completion::Completed)
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
