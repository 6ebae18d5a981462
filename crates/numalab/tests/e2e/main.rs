//! The program as a user runs it: real processes, real files, real signals, the peers' own tools beside it.
//!
//! A test that needs a tool which is not here reports NOT TESTABLE with the reason; where `NUMALAB_REQUIRE` names the
//! tool (`make test` does), it fails instead. libtest has no such outcome, hence libtest-mimic.

mod against;
mod bad_input;
#[path = "../harness/bench.rs"]
#[allow(dead_code, reason = "the torture harness uses the rest")]
mod bench;
mod blocking;
mod compare;
mod costs;
mod crash;
mod fits;
mod gather;
mod go;
mod heapless;
mod libraries;
mod model;
mod peers;
#[path = "../harness/program.rs"]
mod program;
mod requests;
mod runs;
mod schedulers;
mod storms;
mod strategies;
mod traces;
#[path = "../harness/trial.rs"]
#[allow(dead_code, reason = "the lab's harness uses the rest")]
mod trial;

use libtest_mimic::Arguments;

fn main() {
    let tests = [
        against::trials(),
        compare::trials(),
        bad_input::trials(),
        requests::trials(),
        runs::trials(),
        schedulers::trials(),
        crash::trials(),
        fits::trials(),
        gather::trials(),
        go::trials(),
        heapless::trials(),
        libraries::trials(),
        model::trials(),
        peers::trials(),
        storms::trials(),
        costs::trials(),
        blocking::trials(),
        strategies::trials(),
        traces::trials(),
    ]
    .concat_trials();
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

trait ConcatTrials {
    fn concat_trials(self) -> Vec<libtest_mimic::Trial>;
}

impl<const N: usize> ConcatTrials for [Vec<libtest_mimic::Trial>; N] {
    fn concat_trials(self) -> Vec<libtest_mimic::Trial> {
        self.into_iter().flatten().collect()
    }
}
