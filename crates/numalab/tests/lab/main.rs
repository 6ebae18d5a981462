//! Proof of placement, in machines of many nodes that a host with one node emulates (`scripts/lab`).
//!
//! For each machine x policy x placement the local hit ratio that numalab counts is held against what a few plain rules
//! compute from the machine's shape ([`rules`], [`cases`]). Time means nothing there, and numalab must say so.
//!
//! One boot a machine, whatever the number of tests; [`usage`] has a few more. Four machines where `NUMALAB_REQUIRE` names `lab` (`make test`), all
//! of them where it names `lab-all` (`make lab-test`).

mod cases;
mod checks;
#[allow(dead_code, reason = "the other harness uses the rest")]
#[path = "../harness/program.rs"]
mod program;
#[allow(dead_code, reason = "the other harness uses the rest")]
#[path = "../harness/trial.rs"]
mod trial;

mod machine;
mod moving;
mod outside;
mod rules;
mod usage;
mod watch;

use checks::Proved;
use libtest_mimic::{Arguments, Failed, Trial};
use machine::{Boot, Tried};
use rules::{Built, Listed};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use trial::{Needs, test_with};

/// Private heaps alone, the article's mix, the shared heap alone.
const MIXES: &[f64] = &[0.0, 0.25, 1.0];
/// A sample of many workers takes seconds.
const MIX: &[f64] = &[0.25];

/// Machines, and what every arm is tried with: within one node, beyond it, all PUs.
fn machines() -> Vec<(Needs, Tried)> {
    let quick = |name, procs: &[u32], mixes| (Needs::Lab, Tried { name, procs: procs.into(), shared_ratios: mixes });
    let long = |name, procs: &[u32], mixes| (Needs::LabAll, Tried { name, procs: procs.into(), shared_ratios: mixes });
    vec![
        quick("2x2", &[2, 3, 4], MIXES),
        quick("cxl", &[1, 4], &[0.0, 1.0]),
        quick("memless", &[1, 2], MIXES),
        quick("2x32", &[4, 64], MIX),
        long("1x2", &[1, 2], MIXES),
        long("2x8", &[8, 9, 16], MIX),
        long("2x32smt", &[16, 32], MIX),
        long("2die", &[8, 16], MIX),
        long("4asym", &[2, 3, 8], MIX),
        long("8ring", &[1, 2, 8], MIX),
        long("8x4", &[4, 32], MIX),
        long("mixed", &[1, 2], MIXES),
        long("sparse", &[1, 4], MIXES),
        long("offline", &[2, 5, 6], MIX),
        long("2x40", &[40, 80], MIX),
        long("64x1", &[1, 64], MIX),
        long("65x1", &[1, 65], MIX),
        long("hmat", &[2, 4], MIXES),
        long("tiny", &[2, 4], MIX),
        long("huge", &[2, 4], MIX),
        long("nonuma", &[1, 4], MIXES),
        long("2x2 new", &[2, 4], MIXES),
        long("4asym new", &[2, 8], MIX),
        long("cxl new", &[2, 4], MIX),
        long("hmat new", &[2, 4], MIX),
        long("2x8 new", &[8, 16], MIX),
    ]
}

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

/// What is looked at from outside, and what moves.
type Scene = fn() -> Result<(), Failed>;
const SCENES: &[(&str, Scene)] = &[
    ("numa_maps, numastat and move_pages(2) agree on pages and hit ratios", outside::pages_agree),
    ("and on weighted interleave", outside::weights_agree),
    ("a preferred node that is too small spills, as witnesses see it", outside::spill_agrees),
    ("each of 64 workers is on its own PU, as /proc sees it", outside::many_pus_agree),
    ("strict is what the real numactl does", outside::strict_is_numactl),
    ("pages that NUMA balancing moves are counted and marked", moving::balancing),
    ("a cpuset that changes in mid-run is noticed by every arm", moving::cpuset_changes),
    ("a PU that goes offline under a worker is noticed", moving::pu_goes_offline),
    ("a node that another process filled is refused or marked", moving::node_is_full),
    ("a bystander survives when a sample is killed for memory", moving::bystander_survives),
];

fn main() {
    let machine = |(needs, tried)| Arc::new(Machine { needs, tried, boot: OnceLock::new() });
    let machines: Vec<Arc<Machine>> = machines().into_iter().map(machine).collect();
    let tests = machines.iter().flat_map(|machine| {
        let one = move |(what, check): &(&str, Check)| -> Trial {
            let (machine, check) = (machine.clone(), *check);
            test_with(format!("{name}: {what}", name = machine.tried.name), machine.needs, move || {
                check(machine.boot()?)
            })
        };
        CHECKS.iter().map(one).collect::<Vec<_>>()
    });
    let scenes = SCENES.iter().map(|&(name, scene)| test_with(name, Needs::LabAll, scene));
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests.chain(scenes).chain(usage::trials()).collect());
    say_what_was_proved(&machines);
    conclusion.exit();
}

/// Counts machines whose pages and hits all agree with the rules.
fn say_what_was_proved(machines: &[Arc<Machine>]) {
    let agree = |boot: &Boot| checks::hit_ratios(boot).and_then(|()| checks::private_pages(boot));
    let proved = |machine: &Arc<Machine>| {
        let boot = machine.boot.get()?.as_ref().ok()?;
        agree(boot).and_then(|()| checks::proved(boot)).ok()
    };
    let proved: Vec<Proved> = machines.iter().filter_map(proved).collect();
    let policies: usize = proved.iter().map(|proved| proved.policies).sum();
    let points: usize = proved.iter().map(|proved| proved.points).sum();
    if points > 0 {
        println!(
            "proved to the page: {machines} machines, {policies} machine x policy, {points} machine x policy x workers x \
             share of shared touches",
            machines = proved.len()
        );
    }
}

/// A machine that is booted when the first of its tests asks.
struct Machine {
    needs: Needs,
    tried: Tried,
    boot: OnceLock<Result<Boot, String>>,
}

impl Machine {
    fn boot(&self) -> Result<&Boot, Failed> {
        let boot = || Boot::of(built(machine::machine(self.tried.name).0)?, self.tried.clone(), seconds(self.needs));
        let booted =
            self.boot.get_or_init(|| boot().map_err(|failed| failed.message().unwrap_or_default().to_string()));
        booted.as_ref().map_err(|error| error.clone().into())
    }
}

/// Most time of a machine; where others use the lab too, waiting for them does not count.
fn seconds(needs: Needs) -> u32 {
    if needs == Needs::Lab { 400 } else { 900 }
}

/// The lab's own table.
fn built(name: &str) -> Result<Built, Failed> {
    let listed = Command::new(program::root().join("scripts/lab")).args(["list", "--format", "json"]).output()?;
    let table: Vec<Listed> = serde_json::from_slice(&listed.stdout)?;
    let found = table.into_iter().find(|listed| listed.name == name);
    found.map(Listed::built).ok_or_else(|| format!("scripts/lab list has no {name}").into())
}
