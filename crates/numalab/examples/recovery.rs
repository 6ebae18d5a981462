//! A known truth through the whole pipeline: does it come back inside its intervals?
//!
//! `cargo run --release -p numalab --example recovery [SEEDS]`. For each seed the model runs two experiments into results
//! folders, as `numalab run --modelled --noise` does, and `report` reads them. What it says is held against what the model
//! was told. Every row has a band of what was promised, a 95 % interval 93 to 97 % of the seeds; outside it ends with 1.
//!
//! Errors: ln throughput is normal, 2 % between samples; each part of a pause is log-normal, sd of ln 0.5; a local hit ratio
//! r is normal, sd 0.005 x 4 r (1 - r). All are drawn from the seed of the run, so that the table is the same everywhere.

use model::{Parameters, Queueing, predict};
use plan::experiment::{Overrides, StoppedWork, parse_experiment};
use plan::manifest::Program;
use plan::point::{Plan, Point};
use plan::record::Seed;
use plan::topology::{Conditions, Topology};
use report::{Derived, derive, open};
use runner::Here;
use runner::modelled::{Modelled, Noise};
use runner::progress::Silent;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// One node, all touches queueing at once: a USL whose peak lies at 16 workers.
const KNEE: &str = r#"
name = "knee"
question = "Does a USL come back?"
[workload]
kind = "serve"
private_bytes = "1MiB"
shared_bytes = "1MiB"
[pauses]
every = "never"
[sweep]
procs = [1, 2, 4, 8, 12, 16, 20, 24, 28, 32]
[[arm]]
name = "one-node"
process = { cpus = "node:0", memory = "bind:0" }
[measure]
seconds = 0.1
repetitions = 10
"#;

/// Both nodes, workers free to float, the world stopped about a hundred times a sample.
const PAUSES: &str = r#"
name = "pauses"
question = "Do hit ratios and pauses come back?"
[workload]
kind = "serve"
private_bytes = "1MiB"
shared_bytes = "1MiB"
[pauses]
every = "1ms"
[sweep]
procs = [8, 64]
[[arm]]
name = "unbound"
[measure]
seconds = 0.1
repetitions = 10
[[claim]]
id = "variance"
text = "The variance of pauses with 64 workers against 8."
arm = "unbound"
type = "variance-ratio"
procs = 64
over_procs = 8
printed = 3.8
"#;

/// Where the peak of [`KNEE`] lies.
const PEAK: f64 = 16.0;

/// Where the share of the seeds that are right must lie.
type Band = std::ops::RangeInclusive<f64>;

/// For an interval of 95 %.
const COVERS_95: Band = 0.93..=0.97;

/// For a set of points: it is never narrower than one of them, so that it may hold the truth always.
const OF_POINTS: Band = 0.93..=1.0;

/// For a knee that no USL has: one may be decided in 5 %, as by any test.
const REFUSED: Band = 0.95..=1.0;

fn main() -> ExitCode {
    let seeds = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse::<u64>());
    let Ok(seeds @ 1..) = seeds else {
        eprintln!("recovery: the number of seeds must be a number from 1");
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    let input = "synthetic:pack:2 numa:1 l3:1 core:32 pu:1".parse().expect("a description that hwloc reads");
    let topology = host::read_topology(&input).expect("hwloc reads it").topology;
    let cases = [Case::knee(&topology), Case::no_usl(&topology), Case::pauses(&topology)];
    let (next, found) = (AtomicU64::new(1), Mutex::new(BTreeMap::<&str, Counts>::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return;
            }
            for case in &cases {
                let derived = case.run(seed);
                let mut found = found.lock().expect("no other thread panicked");
                for truth in &case.truths {
                    found.entry(truth.name).or_default().add(truth, (truth.interval)(&derived));
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let found = found.into_inner().expect("no thread panicked");
    println!("| what | truth | right | share | band | below | above | none |\n|---|---|---|---|---|---|---|---|");
    let mut all_within = true;
    for truth in cases.iter().flat_map(|case| &case.truths) {
        let Counts { right, below, above, none } = found[truth.name];
        let share = right as f64 / seeds as f64;
        let within = truth.band.contains(&share);
        all_within &= within;
        let (name, value) = (truth.name, truth.value.map_or("none".into(), |value| format!("{value:.6}")));
        let (percent, mark) = (100.0 * share, if within { "" } else { " **outside**" });
        let (least, most) = (100.0 * truth.band.start(), 100.0 * truth.band.end());
        println!(
            "| {name} | {value} | {right} of {seeds} | {percent:.1} %{mark} | {least:.0}-{most:.0} % | {below} | {above} | {none} |"
        );
    }
    eprintln!("{seeds} seeds in {:.0} s", begun.elapsed().as_secs_f64());
    ExitCode::from(u8::from(!all_within))
}

/// How often the report was right, how often the truth lay below its interval, above it, and how often there was none.
#[derive(Default, Clone, Copy)]
struct Counts {
    right: u64,
    below: u64,
    above: u64,
    none: u64,
}

impl Counts {
    fn add(&mut self, truth: &Truth, interval: Option<(f64, f64)>) {
        let Some((low, high)) = interval else {
            self.none += 1;
            self.right += u64::from(truth.value.is_none());
            return;
        };
        // An interval of what does not exist is neither above nor below.
        let Some(value) = truth.value else { return };
        let count = if value < low {
            &mut self.below
        } else if value > high {
            &mut self.above
        } else {
            &mut self.right
        };
        *count += 1;
    }
}

type Find = Box<dyn Fn(&Derived) -> Option<(f64, f64)> + Sync>;

/// One figure that the model was told, and where the report has its interval.
struct Truth {
    name: &'static str,
    /// `None` where there is no such thing and the report must have no interval.
    value: Option<f64>,
    interval: Find,
    band: Band,
}

/// A figure of fits.csv. Of a fit that is not adequate (lack of fit, and the means missed by more than 2 %) no knee is
/// decided: then it has no interval.
fn of_fit(name: &'static str, value: Option<f64>, parameter: &'static str, band: Band) -> Truth {
    let interval: Find = Box::new(move |derived| {
        let mut rows = derived.fits.iter().filter(|row| row.response == "ln throughput_per_s");
        let row = rows.find(|row| row.parameter == parameter && ["usl", "unimodal"].contains(&row.model.as_str()))?;
        let inadequate = row.lack_of_fit_p.is_some_and(|p| p < 0.05) && row.misfit_ratio.is_some_and(|rms| rms > 0.02);
        if inadequate { None } else { Some((row.ci_low?, row.ci_high?)) }
    });
    Truth { name, value, interval, band }
}

/// An experiment with its truths.
struct Case {
    plan: Plan,
    here: Here,
    parameters: Parameters,
    truths: Vec<Truth>,
}

impl Case {
    fn new(text: &str, topology: &Topology, parameters: Parameters) -> Case {
        let experiment = parse_experiment("recovery", text).expect("the experiment is sound");
        let plan = plan::plan(&experiment, &Overrides::default(), topology, &Conditions::ideal());
        let program = Program { version: "0".into(), commit: "0".into(), rustc: "0".into(), sha256: "0".into() };
        let here = Here::modelled(topology.clone(), String::new(), program, Vec::new());
        Case { plan: plan.expect("the machine holds it"), here, parameters, truths: Vec::new() }
    }

    /// A USL: everybody queues at once.
    fn knee(topology: &Topology) -> Case {
        // A worker has m lines in flight and gets a line each (Z + m n D + m n c (n - 1)) / (m n) ns.
        let base = Parameters { queueing: Queueing::Synchronous, ..Parameters::DEFAULT };
        let service = model::LINE_BYTES / base.controller_bytes_per_ns;
        let think = base.compute_ns + base.local_latency_ns - service;
        let cycle = think / base.lines_in_flight + service;
        let sigma = service / cycle;
        let kappa = (1.0 - sigma) / (PEAK * PEAK);
        // Written shared lines are .25 x .1 of the touches, 64 touches are a request.
        let parameters = Parameters { coherence_ns: kappa * cycle / (0.25 * 0.1), ..base };
        let mut case = Case::new(KNEE, topology, parameters);
        case.truths = vec![
            of_fit("USL lambda, 1/s", Some(1e9 / cycle / 64.0), "lambda", COVERS_95),
            of_fit("USL sigma", Some(sigma), "sigma", COVERS_95),
            of_fit("USL kappa", Some(kappa), "kappa", COVERS_95),
            of_fit("knee: peak of the USL, workers", Some(PEAK), "knee_peak", COVERS_95),
            of_fit("the same: model-free peak, workers", Some(PEAK), "argmax", OF_POINTS),
        ];
        case
    }

    /// The same machine, but everybody queues as he comes: a sharper peak than any USL has.
    fn no_usl(topology: &Topology) -> Case {
        let parameters = Parameters { queueing: Queueing::Mean, ..Case::knee(topology).parameters };
        let mut case = Case::new(KNEE, topology, parameters);
        let throughput = |point: &Point| {
            let found = predict(point, topology, 0, StoppedWork::None, &case.parameters);
            found.expect("the queues settle").throughput_per_s
        };
        // Of the points: what lies between two of them nobody measured.
        let highest = case.plan.points.iter().max_by(|a, b| throughput(a).total_cmp(&throughput(b)));
        let highest = highest.map(|point| f64::from(point.procs));
        case.truths = vec![
            of_fit("no USL: no peak by an adequate USL", None, "knee_peak", REFUSED),
            of_fit("no USL: model-free peak, workers", highest, "argmax", OF_POINTS),
        ];
        case
    }

    fn pauses(topology: &Topology) -> Case {
        let mut case = Case::new(PAUSES, topology, Parameters::DEFAULT);
        let predicted = |procs| {
            let point = case.plan.points.iter().find(|point| point.procs == procs).expect("in the plan");
            let every = case.plan.measure.pause_every_ns;
            predict(point, topology, every, StoppedWork::None, &case.parameters).expect("the queues settle")
        };
        let [few, many] = [8, 64].map(predicted);
        // Each part is log-normal with one sd of ln, so that its variance goes with the square of its mean.
        let variance = |prediction: &model::Prediction| {
            let pause = prediction.pause.expect("the world is stopped");
            [pause.stopping_ns, pause.stopped_ns, pause.resuming_ns].iter().map(|mean| mean * mean).sum::<f64>()
        };
        let of_point = |name, value, metric: &'static str, procs| {
            let interval: Find = Box::new(move |derived| {
                let mut rows = derived.summary.iter().map(|line| &line.row);
                let row = rows.find(|row| row.metric == metric && row.procs == procs)?;
                Some((row.ci_low?, row.ci_high?))
            });
            Truth { name, value: Some(value), interval, band: COVERS_95 }
        };
        let of_claim: Find = Box::new(|derived| Some((derived.claims[0].ci_low?, derived.claims[0].ci_high?)));
        case.truths = vec![
            of_point("local hit ratio, 8 workers", few.local_hit_ratio, "local_hit_ratio", 8),
            of_point("local hit ratio, 64 workers", many.local_hit_ratio, "local_hit_ratio", 64),
            of_point("throughput, 8 workers, 1/s", few.throughput_per_s, "throughput_per_s", 8),
            of_point("throughput, 64 workers, 1/s", many.throughput_per_s, "throughput_per_s", 64),
            Truth {
                name: "variance of pauses, 64 over 8 workers",
                value: Some(variance(&many) / variance(&few)),
                interval: of_claim,
                band: COVERS_95,
            },
        ];
        case
    }

    /// Runs it with a seed, in a folder that goes again, and reads what came of it.
    fn run(&self, seed: u64) -> Derived {
        let mut plan = self.plan.clone();
        plan.measure.seed = Seed(seed);
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder can be made");
        let mut executor = Modelled::new(self.here.topology.clone(), self.parameters.clone(), Noise::DEFAULT);
        let going_on = AtomicBool::new(false);
        let root: &Path = folder.path();
        let done = runner::run(root, &plan, &self.here, &mut executor, &mut Silent, &going_on);
        let results = open(&done.expect("a modelled run cannot fail").dir).expect("the run wrote it");
        derive(&results)
    }
}
