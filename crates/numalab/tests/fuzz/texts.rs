//! Texts that need no folder: experiments, audits, gathered machines, calibrations.

use crate::mutate::{Draws, mutate};
use crate::{Outcome, Parser};
use model::Parameters;
use plan::experiment::{ExperimentFile, Overrides, StoppedWork, parse_audit, parse_experiment};
use plan::gathered;
use plan::manifest::Program;
use plan::point::Plan;
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
[printed]
table = "../../experiments/published/numa_binding.csv"
by = "procs"
levels = { lines_per_request = 8 }
[printed.columns]
local_hit_percent = { metric = "local_hit_ratio", per = 0.01 }
throughput_req_per_s = { metric = "throughput_per_s" }
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
[[claim]]
id = "s"
text = "t"
arm = "close"
type = "slope"
metric = "throughput_per_s"
from = 1
to = 2
printed = 0.5
tolerance = 0.1
[[claim]]
id = "m"
text = "t"
arm = "close"
type = "monotone"
metric = "throughput_per_s"
trend = "rising"
delta = 0.01
[[claim]]
id = "o"
text = "t"
arm = "close"
type = "model"
metric = "throughput_per_s"
model = "usl"
rivals = ["amdahl"]
to = 8
[[claim]]
id = "h"
text = "t"
arm = "close"
type = "threshold"
metric = "throughput_per_s"
near = "node"
trend = "falling"
factor = 1.5
from = 1
[[claim]]
id = "r"
text = "t"
arm = "close"
type = "relation"
procs = 2
over_procs = 1
of = "all"
range = [1.4, 3.5]
[[claim]]
id = "l"
text = "t"
arm = "close"
type = "limit"
metric = "throughput_per_s"
procs = 2
at_most = "2 procs"
"#;

/// One of a scheduler, with all its switches.
const STORM: &str = r#"name = "storm"
question = "Does it run?"
[workload]
kind = "storm"
yields = 10
[sweep]
procs = [1, 2]
subject = ["gmp", "tokio", "go"]
tasks = [1, 10, 20000]
loop_ns = [0, 100]
gogc = [100, "off"]
axis = "tasks"
[scheduler]
ring = 256
overflow = 0.5
local_order = "lifo"
run_next = true
run_next_most = 64
steal_order = "reverse"
yield_to = "global"
steal_amount = "one"
global_tick = 61
spin_rounds = 4
numa_aware = false
[printed]
table = "../../experiments/published/task_storm.csv"
by = "tasks"
levels = { procs = 2, loop_ns = 100 }
[printed.columns]
mean_time_ms = { metric = "first_storm_ns", per = 1e6 }
[[arm]]
name = "unbound"
[measure]
seconds = 0.02
repetitions = 5
seed = 1
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
        for text in [EXPERIMENT, STORM, &own] {
            parse_experiment("seed", text).expect("a seed is sound");
        }
        let machines = ["pack:1 core:2 pu:1", "pack:2 numa:1 core:4 pu:2"].map(described);
        // The small ones are cheaper by far, and have every key.
        let small = [EXPERIMENT; 10].into_iter().chain([STORM; 5]).map(String::from);
        let seeds = small.chain([own]).collect();
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

const AUDIT: &str = r#"name = "made"
article = "none"
[table.t]
file = "t.csv"
exact = ["x"]
[[claim]]
number = 1
id = "c"
place = "page 1"
text = "It is so."
[[claim.reading]]
text = "as it says"
compute = "steps"
table = "t"
y = "1000 * y / (x + 1) ^ 2"
result = "100 * (v - 1)"
labels = ["first", "second"]
printed = ["30 %", "40"]
fails = "contradicted"
[[claim.reading]]
text = "or so"
compute = "values"
values = ["t.y[2] / t.y[1]", "ln(t.x[2]) + sqrt(2)"]
within = [1.4, 3.5]
[[claim.reading.beside]]
compute = "fit"
table = "t"
y = "y"
model = "power"
figures = ["exp(-b)"]
[[claim.reading]]
text = "or"
compute = "maximum"
value = "n * (3 - n)"
from = 0
to = 10
above = 1
"#;
const TABLE: &str = "x,y,word\n1,2.0,a\n2,8.50,b\n4,1200,47 %\n";

/// An audit, the table that it names, or both.
pub(crate) struct Audits;

impl Audits {
    pub(crate) fn new() -> Audits {
        assert!(parse_audit("own", AUDIT, &|_| Ok(("t.csv".into(), TABLE.into()))).is_ok());
        Audits
    }
}

impl Parser for Audits {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate([AUDIT, TABLE][draws.below(2)].as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], _: &mut Draws) -> Outcome {
        let Ok(text) = std::str::from_utf8(text) else { return Outcome::Refused };
        let is_audit = text.contains("[[claim");
        let (audit, table) = if is_audit { (text, TABLE) } else { (AUDIT, text) };
        match parse_audit("fuzz.toml", audit, &|_| Ok(("t.csv".into(), table.into()))) {
            Ok(audit) => {
                // Whatever it holds, it is computed, written and saved.
                report::tables::audit_csv(&report::audit::audit(&audit));
                toml::to_string(&audit).expect("an audit can be saved");
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

/// Calibrations, compared with the machine and used for a prediction where they are accepted.
pub(crate) struct Calibrations {
    seed: String,
    machine: Topology,
    plan: Plan,
}

impl Calibrations {
    pub(crate) fn new() -> Calibrations {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/machines/breniac.csv");
        let seed = std::fs::read_to_string(example).expect("a calibration of the project");
        assert!(model::calibration::parse("own", &seed, None).is_ok());
        let machine = described("pack:2 [numa] l3:1 core:2 pu:1");
        let experiment = parse_experiment("small", EXPERIMENT).expect("the experiment is sound");
        let plan = plan::plan(&experiment, &Overrides::default(), &machine, &Conditions::ideal());
        Calibrations { seed, machine, plan: plan.expect("the machine holds it") }
    }
}

impl Parser for Calibrations {
    fn write(&self, draws: &mut Draws) -> Vec<u8> {
        mutate(self.seed.as_bytes(), draws)
    }

    fn read(&mut self, text: &[u8], draws: &mut Draws) -> Outcome {
        let Ok(text) = std::str::from_utf8(text) else { return Outcome::Refused };
        let calibration = match model::calibration::parse("fuzz.csv", text, None) {
            Ok(calibration) => calibration,
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains('\n'), "more than one line: {line:?}");
                return Outcome::Refused;
            }
        };
        model::consistency::check(&calibration, &self.machine);
        if calibration.check(&self.machine).is_ok() {
            let parameters = Parameters { calibration: Some(calibration), ..Parameters::DEFAULT };
            let point = &self.plan.points[draws.below(self.plan.points.len())];
            let found = model::predict(point, &self.machine, 0, StoppedWork::None, &parameters);
            assert!(found.expect("the queues settle").throughput_per_s > 0.0);
        }
        Outcome::Accepted
    }
}
