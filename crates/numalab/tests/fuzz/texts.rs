//! Texts that need no folder: experiments and gathered machines.

use crate::mutate::{Draws, mutate};
use crate::{Outcome, Parser};
use plan::experiment::{ExperimentFile, Overrides, parse_experiment};
use plan::gathered;
use plan::manifest::Program;
use plan::record::Timing;
use plan::topology::{Conditions, Topology};
use std::path::Path;

/// The machine of a description.
pub(crate) fn described(text: &str) -> Topology {
    let input = format!("synthetic:{text}").parse().expect("an input");
    host::read_topology(&input).expect("a machine that hwloc can describe").topology
}

/// A small experiment that has every section and key.
pub(crate) const EXPERIMENT: &str = r#"name = "small"
question = "Does it run?"
expect = "yes"
[workload]
kind = "serve"
private_bytes = "256KiB"
shared_bytes = "256KiB"
shared_ratio = 0.25
touches = "independent"
pages = "base"
[pauses]
every = "5ms"
stopped_work = "scan:64KiB"
[sweep]
procs = [1, 2]
oversubscribe = "no"
lines_per_request = [8, 64]
[[arm]]
name = "strict"
process = { cpus = "node:0", memory = "bind:0" }
[[arm]]
name = "close"
cpus = "close"
private = "local"
shared = "interleave:workers"
shared_toucher = "all"
smt = "last"
[measure]
seconds = 0.02
repetitions = 5
budget = "15m"
seed = 1
[[claim]]
id = "c"
text = "t"
arm = "close"
type = "peak"
metric = "throughput_per_s"
procs = 2
[[claim]]
id = "v"
text = "t"
arm = "close"
type = "variance-ratio"
procs = 2
over_procs = 1
printed = 2.0
"#;

/// Experiments, and the plans that those which are accepted make.
pub(crate) struct Experiment {
    seeds: Vec<String>,
    machines: Vec<Topology>,
}

impl Experiment {
    pub(crate) fn new() -> Experiment {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let own =
            std::fs::read_to_string(root.join("experiments/numa-binding.toml")).expect("an experiment of the project");
        let own = own.replace("published/", &format!("{}/experiments/published/", root.display()));
        assert!(parse_experiment("own", &own).is_ok() && parse_experiment("small", EXPERIMENT).is_ok());
        let machines = ["pack:1 core:2 pu:1", "pack:2 numa:1 core:4 pu:2"].map(described);
        // The small one is cheaper by far, and has every key.
        let seeds = std::iter::repeat_n(EXPERIMENT.to_string(), 15).chain([own]).collect();
        Experiment { seeds, machines: machines.into() }
    }
}

impl Parser for Experiment {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(self.seeds[draws.below(self.seeds.len())].as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], draws: &mut Draws) -> Outcome {
        let Ok(text) = std::str::from_utf8(text) else { return Outcome::Refused };
        match parse_experiment("fuzz.toml", text) {
            Ok(file) => {
                let topology = &self.machines[draws.below(self.machines.len())];
                // Whatever it holds, it becomes a plan, which can be saved, or is refused.
                if let Ok(plan) = plan::plan(&file, &Overrides::default(), topology, &Conditions::ideal()) {
                    toml::to_string(&plan).expect("a plan can be saved");
                    plan::schedule::blocks_expected(&plan, &plan::schedule::Costs::EXPECTED);
                }
                Outcome::Accepted
            }
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains('\n'), "more than one line: {line:?}");
                Outcome::Refused
            }
        }
    }
}

/// Files of `gather`, and plans on the machines of those that are accepted.
pub(crate) struct Gathered {
    seeds: Vec<String>,
    experiment: ExperimentFile,
}

impl Gathered {
    pub(crate) fn new() -> Gathered {
        let seeds = ["pack:2 [numa] l3:1 core:2 pu:2", "numa:3 pu:1"].map(|text| {
            let mut conditions = Conditions::ideal();
            conditions.huge_pages = vec![(2 << 20, vec![(0, 64), (1, 16)])];
            let program = Program { version: "0".into(), commit: "c".into(), rustc: "r".into(), sha256: "s".into() };
            let gathered = gathered::Gathered {
                gathered: gathered::FORMAT,
                host: None,
                program,
                timing: Timing::Virtual,
                timing_evidence: vec!["it says so".into()],
                topology: described(text),
                conditions,
                disagreements: Vec::new(),
                facts: [("kernel".to_string(), "6.1".to_string())].into(),
                findings: Vec::new(),
                xml: vec!["<topology>".into()],
            };
            serde_json::to_string_pretty(&gathered).expect("a machine has text keys only")
        });
        let pages = EXPERIMENT.replacen("pages = \"base\"", "pages = \"hugetlb:2MiB\"", 1);
        let experiment = parse_experiment("small", &pages).expect("the experiment is sound");
        Gathered { seeds: seeds.into(), experiment }
    }
}

impl Parser for Gathered {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(self.seeds[draws.below(self.seeds.len())].as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], _: &mut Draws) -> Outcome {
        let read = serde_json::from_slice::<gathered::Gathered>(text);
        if let Ok(gathered) = &read {
            // A machine that holds nothing of it is refused in words.
            let _ = plan::plan(&self.experiment, &Overrides::default(), &gathered.topology, &gathered.conditions);
        }
        Outcome::of(read.is_ok())
    }
}
