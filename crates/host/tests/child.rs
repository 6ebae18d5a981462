//! A child as a run starts it: this test program again, with one test of it alone.

use host::{HostError, child};
use plan::set::{CpuSet, NodeSet};
use std::process::Command;

const PARENT: &str = "HOST_TEST_PARENT";

/// Runs `name` of this program in a process of its own, and returns what it printed.
fn run(name: &str, parent: u32) -> String {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", name, "--ignored", "--nocapture", "--test-threads=1"];
    let output = Command::new(program).args(arguments).env(PARENT, parent.to_string()).output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {text} {errors}", errors = String::from_utf8_lossy(&output.stderr));
    text
}

fn allowed() -> (CpuSet, NodeSet) {
    let machine = host::probe().expect("this machine");
    (machine.granted().allowed_pus().clone(), machine.granted().allowed_nodes().clone())
}

fn parent() -> Option<u32> {
    std::env::var(PARENT).ok()?.parse().ok()
}

#[test]
fn a_child_may_be_killed_in_its_parents_place_and_can_bind() {
    let text = run("inside_enters_and_binds", std::process::id());
    assert!(text.contains("entered"), "{text}");
}

#[test]
fn a_child_of_nobody_ends() {
    // Pid 1 has other children, but never this one.
    let text = run("inside_is_an_orphan", 1);
    assert!(text.contains("refused"), "{text}");
}

#[test]
#[ignore = "runs inside a child"]
fn inside_enters_and_binds() {
    let Some(parent) = parent() else { return };
    let (pus, nodes) = allowed();
    let granted = child::enter(parent, &pus, &nodes).expect("a child of its parent");
    let score = std::fs::read_to_string("/proc/self/oom_score_adj").expect("a score");
    assert_eq!(score.trim(), "1000");
    let pu = pus.first().expect("a PU");
    assert_eq!(host::bind::pin(&granted, pu), Ok(CpuSet::of(pu)));
    println!("entered");
}

#[test]
#[ignore = "runs inside a child"]
fn inside_is_an_orphan() {
    let Some(parent) = parent() else { return };
    let (pus, nodes) = allowed();
    let error = child::enter(parent, &pus, &nodes).expect_err("another's child");
    assert!(matches!(error, HostError::Orphan { expected: 1, found } if found != 1), "{error}");
    println!("refused");
}
