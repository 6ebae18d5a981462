//! `numalab run`: plans, runs, reports; and `--resume`.

use crate::args::Run;
use crate::exit::{Exit, FAILED, NOT_TESTABLE, USAGE, WithCode, as_called, print, say};
use crate::machine::Source;
use crate::planning::plan_file;
use crate::progress::progress;
use crate::signals::Signals;
use plan::manifest::Program;
use plan::topology::Topology;
use runner::executor::Executor;
use runner::live::Live;
use runner::modelled::{Assumed, Modelled, Noise};
use runner::{Here, ModelledMachine, ResumeOptions, RunError, RunSummary};
use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) fn run(args: &Run) -> Result<ExitCode, Exit> {
    if args.calibration.calibrate.is_some() && !args.modelled {
        return Err(Exit::new(USAGE, "--calibrate is for what is modelled; add --modelled"));
    }
    let signals = Signals::listen()?;
    if let Some(series) = crate::against::series(args)? {
        return crate::against::run(args, &signals, series);
    }
    let mut stage = match args.resume.as_deref() {
        Some(dir) => stage_of(dir)?,
        None if args.modelled => modelled(args)?,
        None => live(args.trace.as_deref())?,
    };
    if let Some(asked) = args.timing {
        stage.here.lower_timing(asked);
    }
    let Stage { here, executor } = &mut stage;
    let (executor, interrupt) = (executor.as_mut(), &*signals.interrupt);
    let mut progress = progress();
    let done = match (&args.resume, &args.file) {
        (Some(dir), _) => {
            say_disturbing(here);
            let options = ResumeOptions { plan: None, retry_failed: args.retry_failed };
            runner::resume(dir, options, here, executor, progress.as_mut(), interrupt)
        }
        (None, Some(file)) => {
            let plan = plan_file(file, &args.changes.overrides(), here)?;
            introduce(&plan, here);
            runner::run(&args.results, &plan, here, executor, progress.as_mut(), interrupt)
        }
        (None, None) => return Err(Exit::new(USAGE, "an experiment file or --resume DIR is needed")),
    };
    drop(progress);
    conclude(args, &signals, done)
}

/// The machine a run is about, and what makes its samples.
struct Stage {
    here: Here,
    executor: Box<dyn Executor>,
}

/// Measures here; `traces` is the folder of --trace.
fn live(traces: Option<&Path>) -> Result<Stage, Exit> {
    let machine = probed()?;
    let here = Here::live(&machine, program()?, command());
    let mut executor = Live::new(&machine, child("/proc/self/exe"));
    if let Some(dir) = traces {
        let cannot = |error: std::io::Error| {
            let advice = plan::remedy::advice(plan::remedy::of_writing(&error));
            Exit::new(FAILED, format!("{dir}: cannot be made for traces: {error}{advice}", dir = dir.display()))
        };
        std::fs::create_dir_all(dir).map_err(cannot)?;
        executor = executor.tracing(dir.canonicalize().map_err(cannot)?);
    }
    Ok(Stage { here, executor: Box::new(executor) })
}

/// This machine; what its sources disagree on is told.
pub(crate) fn probed() -> Result<host::Machine, Exit> {
    if let Some(policy) = host::proc::scheduling_policy().filter(|policy| host::proc::is_real_time(policy)) {
        let why = format!("under the scheduling policy {policy} no timer gets a PU that a worker holds");
        return Err(Exit::new(NOT_TESTABLE, format!("{why}, so nothing would end; start without chrt")));
    }
    let machine = host::probe().code(FAILED)?;
    for disagreement in machine.disagreements() {
        say(&format!("numalab: {disagreement}"));
    }
    Ok(machine)
}

/// What starts the process of one sample.
pub(crate) fn child(program: &str) -> Command {
    let mut child = Command::new(program);
    child.arg("__sample");
    child
}

fn modelled(args: &Run) -> Result<Stage, Exit> {
    // The file first: a mistake in it needs no machine to be told.
    let calibration = args.calibration.read()?;
    let machine = crate::machine::read(args.input.as_ref().unwrap_or(&Source::default()))?;
    let topology = machine.topology().clone();
    let parameters = crate::predict::parameters(calibration, &topology)?;
    crate::predict::assumptions(&parameters, &topology).iter().for_each(|line| say(line));
    modelled_on(topology, machine.xml(), Assumed::new(parameters, args.noise.unwrap_or(Noise::NONE)))
}

fn modelled_on(topology: Topology, xml: String, assumed: Assumed) -> Result<Stage, Exit> {
    let executor = Modelled::assuming(topology.clone(), assumed);
    Ok(Stage { here: Here::modelled(topology, xml, program()?, command()), executor: Box::new(executor) })
}

/// A resumed run goes on as it began: on this host, or modelled on the machine that its folder holds.
fn stage_of(dir: &Path) -> Result<Stage, Exit> {
    match runner::modelled_machine(dir).map_err(|error| Exit::of(error.exit_code(), &error))? {
        Some(ModelledMachine { topology, xml, assumed }) => modelled_on(topology, xml, assumed),
        None => live(None),
    }
}

/// This program, as manifests name it.
pub(crate) fn program() -> Result<Program, Exit> {
    let sha256 = runner::manifest::executable_sha256();
    Ok(Program {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("NUMALAB_COMMIT").into(),
        rustc: env!("NUMALAB_RUSTC").into(),
        sha256: sha256.map_err(|error| {
            let remedy = plan::remedy::of_reading(&error).unwrap_or("samples are started from it: mount /proc");
            Exit::new(FAILED, format!("cannot read /proc/self/exe: {error}; {remedy}"))
        })?,
    })
}

pub(crate) fn command() -> Vec<String> {
    std::env::args().collect()
}

/// What this machine is and what is about to happen, on stderr before the first sample.
pub(crate) fn introduce(plan: &plan::point::Plan, here: &Here) {
    let model = here.topology.cpu_model.as_deref().unwrap_or("processor not named");
    say(&format!("{model}: {shape}", shape = crate::topo::shape(&here.topology)));
    say(&format!("times here are {timing}: {why}", timing = here.timing, why = here.timing_evidence.join("; ")));
    say_disturbing(here);
    say(&plan.question);
    for note in &plan.notes {
        say(&format!("note: {note}"));
    }
}

fn say_disturbing(here: &Here) {
    if let Some(disturbing) = here.machine.get(runner::manifest::DISTURBING) {
        say(&format!("disturbing here: {disturbing}; see {program} doctor", program = as_called()));
    }
}

/// Reports what there is, whole or not, and gives the exit code.
fn conclude(args: &Run, signals: &Signals, done: Result<RunSummary, RunError>) -> Result<ExitCode, Exit> {
    let done = done.map_err(|error| Exit::of(error.exit_code(), &error))?;
    if done.interrupted {
        let message = format!(
            "stopped after {samples} samples; go on with: {program} run --resume {dir}",
            samples = done.samples,
            program = as_called(),
            dir = done.dir.display(),
        );
        return Err(Exit::new(signals.exit_code(), message));
    }
    for note in &done.notes {
        say(&format!("note: {note}"));
    }
    let text = crate::report::update_and_show(&done.dir, args.format)?;
    print(&text)?;
    if done.samples > 0 && done.failed == done.samples {
        return Err(Exit::new(
            FAILED,
            format!("all {failed} samples failed; the causes are in samples.csv", failed = done.failed),
        ));
    }
    Ok(ExitCode::SUCCESS)
}
