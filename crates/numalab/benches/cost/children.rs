//! The child of a sample: what it costs beyond touching memory, running and replaying, and how long replaying takes.

use crate::pairs::{Failed, Line, Pairs, Unit};
use plan::experiment::{Extent, Overrides, Oversubscribe, Procs};
use plan::point::{Plan, Slot};
use plan::schedule::sample_seed;
use runner::executor::Executor;
use runner::live::Live;
use runner::sample::{Measured, Outcome};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const SAMPLES: usize = 15;
const SECONDS: f64 = 0.5;
/// Promised for a child, in ms.
pub(crate) const LIMIT_MS: f64 = 20.0;
/// Workers of the largest host of the article.
const MANY: u32 = 64;

/// What samples cost here.
pub(crate) struct Children {
    pub(crate) lines: Vec<Line>,
    /// Of [`MANY`] workers.
    pub(crate) child_ms: Pairs,
    /// Replay / run of [`MANY`] workers.
    pub(crate) replay: Pairs,
    /// Time of touching a sample's memory, ms.
    pub(crate) touch_ms: Pairs,
    /// Bytes touched by the one who touches most.
    pub(crate) touched_bytes: f64,
}

/// Times of one sample, in ms.
struct Spent {
    child_ms: f64,
    /// Of it: asking where pages lie, and freeing them; in proportion to memory.
    pages_ms: f64,
    touch_ms: f64,
    replay_ms: f64,
    run_ms: f64,
}

pub(crate) fn children() -> Result<Children, Failed> {
    let machine = host::probe()?;
    let pus = machine.granted().allowed_pus().len() as u32;
    let few = plan_of(&machine, pus)?;
    let many = plan_of(&machine, MANY)?;
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        let both: [(&Plan, &mut Vec<Spent>); 2] = [(&few, &mut of_few), (&many, &mut of_many)];
        let order: &[usize] = if sample % 2 == 0 { &[0, 1] } else { &[1, 0] };
        let mut both = both.map(Some);
        for &at in order {
            let (plan, spent) = both[at].take().expect("each once");
            spent.push(sample_of(&machine, plan, sample as u32)?);
        }
    }
    let child = |spent: &[Spent]| Pairs::against(LIMIT_MS, spent.iter().map(|spent| spent.child_ms));
    let pages = |spent: &[Spent]| Pairs::against(LIMIT_MS, spent.iter().map(|spent| spent.pages_ms));
    let replay = |spent: &[Spent]| Pairs::of(spent.iter().map(|spent| (spent.replay_ms, spent.run_ms)));
    let lines = vec![
        child(&of_few).line(&format!("child of a sample beyond memory, {pus} workers"), Unit::Ms, Some(1.0))?,
        child(&of_many).line(&format!("child of a sample beyond memory, {MANY} workers"), Unit::Ms, Some(1.0))?,
        pages(&of_few).line(&format!("of it locating and freeing pages, {pus} workers"), Unit::Ms, None)?,
        pages(&of_many).line(&format!("of it locating and freeing pages, {MANY} workers"), Unit::Ms, None)?,
        replay(&of_few).line(&format!("replay / run of whole samples, {pus} workers"), Unit::Ms, Some(0.15))?,
        replay(&of_many).line(&format!("replay / run of whole samples, {MANY} workers"), Unit::Ms, Some(0.15))?,
    ];
    let need = many.points[0].workload.need();
    Ok(Children {
        lines,
        child_ms: child(&of_many),
        replay: replay(&of_many),
        touch_ms: Pairs::against(1.0, of_few.iter().map(|spent| spent.touch_ms)),
        touched_bytes: need.private_bytes as f64 + need.shared_bytes as f64 / f64::from(pus),
    })
}

/// The arm `close` of the experiment that `make run` runs, with so many workers, on this host.
fn plan_of(machine: &host::Machine, workers: u32) -> Result<Plan, Failed> {
    let file = plan::experiment::read_experiment(&experiment())?;
    let overrides = Overrides {
        extent: Some(Extent::Seconds(SECONDS)),
        procs: Some(Procs::List(vec![workers])),
        arms: vec!["close".into()],
        oversubscribe: Some(Oversubscribe::All),
        ..Overrides::default()
    };
    let plan = plan::plan(&file, &overrides, machine.topology(), machine.conditions())?;
    match plan.points.len() {
        1 => Ok(plan),
        _ => Err(format!("{workers} workers do not fit this host: {reasons:?}", reasons = plan.skipped).into()),
    }
}

pub(crate) fn experiment() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/numa-binding.toml")
}

fn sample_of(machine: &host::Machine, plan: &Plan, block: u32) -> Result<Spent, Failed> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_numalab"));
    child.arg("__sample");
    let mut live = Live::new(machine, child);
    // The only point of its plan.
    let slot = Slot { point: 0, block, order: block };
    let start = Instant::now();
    let sample = live.sample(&plan.points[slot.point], &plan.measure, sample_seed(plan, slot))?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    match sample.outcome {
        Outcome::Measured(measured) => spent(&measured, wall_ms),
        Outcome::Failed(failure) => {
            Err(format!("{phase}: {cause}", phase = failure.phase, cause = failure.cause).into())
        }
    }
}

fn spent(measured: &Measured, wall_ms: f64) -> Result<Spent, Failed> {
    let phase_ms = |name: &str| {
        let found = measured.overhead_ns.iter().find(|(phase, _)| phase == name);
        found.map(|(_, ns)| *ns as f64 / 1e6).ok_or(format!("the child named no phase {name}"))
    };
    let run_ms = measured.workers.iter().map(|worker| worker.wall_ns).max().unwrap_or(0) as f64 / 1e6;
    let (touch_ms, replay_ms) = (phase_ms("touch")?, phase_ms("replay")?);
    let pages_ms = phase_ms("locate")? + phase_ms("release")?;
    Ok(Spent { pages_ms, child_ms: wall_ms - run_ms - touch_ms - replay_ms, touch_ms, replay_ms, run_ms })
}
