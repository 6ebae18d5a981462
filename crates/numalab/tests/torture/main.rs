//! What is promised when the system says no, at every place where it can: the N-th call that fails, files that cannot be
//! written, kill -9 at random moments.
//!
//! Two tiers. `make test` runs the short one, well within a minute; where `NUMALAB_REQUIRE` names `torture` (`make torture`)
//! every call is failed and 200 kills are made. What was really done is counted and printed.

mod after;
#[path = "../harness/bench.rs"]
#[allow(dead_code, reason = "the other harness uses the rest")]
mod bench;
mod bounded;
mod calls;
mod children;
mod files;
mod kills;
#[path = "../harness/program.rs"]
#[allow(dead_code, reason = "the other harness uses the rest")]
mod program;
mod reports;
mod runs;
#[path = "../harness/trial.rs"]
#[allow(dead_code, reason = "the other harness uses the rest")]
mod trial;

use libtest_mimic::Arguments;

fn main() {
    let tests = [runs::trials(), reports::trials(), children::trials(), files::trials(), kills::trials()];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests.into_iter().flatten().collect());
    if let Some(line) = calls::in_all() {
        figure(&line);
    }
    conclusion.exit();
}

/// A line of what was done, as soon as it is done.
fn figure(line: &str) {
    println!("  {line}");
}

/// Whether this is the long tier.
fn is_long() -> bool {
    std::env::var("NUMALAB_REQUIRE").is_ok_and(|names| names.split(',').any(|name| name.trim() == "torture"))
}
