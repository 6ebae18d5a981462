//! Proof of placement, in machines of many nodes that a host with one node emulates (`scripts/lab`).
//!
//! For each machine x policy x placement the local hit ratio that numalab counts is held against what a few plain rules
//! compute from the machine's shape ([`rules`]). Time means nothing there, and the last test is that numalab says so.
//!
//! One boot a machine, whatever the number of tests. They run where `NUMALAB_REQUIRE` names `lab` (`make test`).

mod checks;
#[allow(dead_code, reason = "the other harness uses the rest")]
#[path = "../harness/program.rs"]
mod program;
#[allow(dead_code, reason = "the other harness uses the rest")]
#[path = "../harness/trial.rs"]
mod trial;

mod machine;
mod rules;

use libtest_mimic::{Arguments, Failed, Trial};
use machine::{Boot, Grid};
use rules::Built;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use trial::{Needs, test_with};

/// Private heaps alone, the article's mix, the shared heap alone.
const MIXES: &[f64] = &[0.0, 0.25, 1.0];

/// Machines, and what every arm is tried with: within one node, beyond it, all PUs. A sample of 64 workers takes seconds.
const MACHINES: &[(&str, Grid)] = &[
    ("2x2", Grid { procs: &[3, 4], shared_ratios: MIXES }),
    ("cxl", Grid { procs: &[1, 4], shared_ratios: &[0.0, 1.0] }),
    ("memless", Grid { procs: &[1, 2], shared_ratios: MIXES }),
    ("2x32", Grid { procs: &[4, 64], shared_ratios: &[0.25] }),
];

/// What is looked at in each.
type Check = fn(&Boot) -> Result<(), Failed>;
const CHECKS: &[(&str, Check)] = &[
    ("topo counts what was built", checks::topology),
    ("every arm that fits ran, and no other", checks::points),
    ("local hit ratios are those of the rules", checks::hit_ratios),
    ("private pages are where the rules say, to the page", checks::private_pages),
    ("traffic.csv adds up to the hits", checks::traffic),
    ("the results folder verifies", checks::verified),
    ("its times are emulated by evidence, and no claim about time has a verdict", checks::no_time),
];

fn main() {
    let machines = MACHINES.iter().map(|&(name, grid)| Arc::new(Machine { name, grid, boot: OnceLock::new() }));
    let tests = machines.flat_map(|machine| {
        let one = move |(what, check): &(&str, Check)| -> Trial {
            let (machine, check) = (machine.clone(), *check);
            test_with(format!("{name}: {what}", name = machine.name), Needs::Lab, move || check(machine.boot()?))
        };
        CHECKS.iter().map(one).collect::<Vec<_>>()
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit();
}

/// A machine that is booted when the first of its tests asks.
struct Machine {
    name: &'static str,
    grid: Grid,
    boot: OnceLock<Result<Boot, String>>,
}

impl Machine {
    fn boot(&self) -> Result<&Boot, Failed> {
        let boot = || Boot::of(built(self.name)?, self.grid);
        let booted =
            self.boot.get_or_init(|| boot().map_err(|failed| failed.message().unwrap_or_default().to_string()));
        booted.as_ref().map_err(|error| error.clone().into())
    }
}

/// The lab's own table.
fn built(name: &str) -> Result<Built, Failed> {
    let listed = Command::new(program::root().join("scripts/lab")).args(["list", "--format", "json"]).output()?;
    let table: Vec<Built> = serde_json::from_slice(&listed.stdout)?;
    let found = table.into_iter().find(|built| built.name == name);
    found.ok_or_else(|| format!("scripts/lab list has no {name}").into())
}
