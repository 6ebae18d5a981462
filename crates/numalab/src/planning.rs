//! `numalab plan`: what an experiment would do on a machine. Nothing is bound, nothing is measured.

use crate::args::{Format, Planning};
use crate::exit::{Exit, NOT_TESTABLE, USAGE, WithCode, print};
use crate::machine::Machine;
use crate::report::look;
use plan::PlanError;
use plan::experiment::{ExperimentFile, Extent, Overrides};
use plan::point::{Plan, Point, Skipped};
use plan::quantity::show_bytes;
use plan::schedule::{Costs, block_seconds, blocks_expected, contrasted, pause_block_seconds, pause_blocks_expected};
use plan::topology::{Conditions, Topology};
use report::group_of;
use report::tables::wrap;
use runner::Here;
use std::path::Path;

pub(crate) fn planning(args: &Planning) -> Result<(), Exit> {
    // The file first: a mistake in it needs no machine to be told.
    let file = plan::experiment::read_experiment(&args.file).code(USAGE)?;
    let machine = crate::machine::read(&args.input)?;
    let (topology, mut conditions) = (machine.topology(), machine.conditions()?);
    if let Machine::Read(_) = &machine {
        conditions.programs = runner::programs(subjects(&file, &args.changes.overrides()));
    }
    let plan = plan_on(&file, &args.changes.overrides(), topology, &conditions)?;
    if let Some(dir) = &args.pilot {
        return crate::pilot::pilot(dir, &plan, topology, args.within, args.format);
    }
    match args.format {
        Format::Text => print(&text(&plan, topology)),
        Format::Json => {
            let json = serde_json::to_string_pretty(&plan).expect("a plan has text keys only");
            print(&format!("{json}\n"))
        }
        Format::Csv => print(&String::from_utf8_lossy(&runner::folder::points_csv(&plan))),
    }
}

/// Reads an experiment and plans it here, where the programs that it needs are looked for.
pub(crate) fn plan_file(path: &Path, overrides: &Overrides, here: &mut Here) -> Result<Plan, Exit> {
    let file = plan::experiment::read_experiment(path).code(USAGE)?;
    here.look_for_programs(subjects(&file, overrides));
    plan_on(&file, overrides, &here.topology, &here.conditions)
}

/// Those that are asked for.
fn subjects<'a>(file: &'a ExperimentFile, overrides: &Overrides) -> Vec<&'a str> {
    let only = &overrides.subjects;
    let asked = file.sweep.subjects.iter().filter(|subject| only.is_empty() || only.contains(subject));
    asked.map(String::as_str).collect()
}

pub(crate) fn plan_on(
    file: &ExperimentFile,
    overrides: &Overrides,
    topology: &Topology,
    conditions: &Conditions,
) -> Result<Plan, Exit> {
    plan::plan(file, overrides, topology, conditions).map_err(|error| match error {
        PlanError::NothingToRun { .. } => Exit::of(NOT_TESTABLE, &error),
        _ => Exit::of(USAGE, &error),
    })
}

fn text(plan: &Plan, topology: &Topology) -> String {
    let width = look().width;
    let mut out = wrap(&format!("{name}: {question}", name = plan.experiment, question = plan.question), 0, width);
    let mut labelled = |label: &str, text: &str| {
        // Further lines of a text stand below its first.
        let lines = wrap(text, INDENT, width);
        out += &format!("{label:INDENT$}{lines}", lines = lines.trim_start());
    };
    labelled("machine", &crate::topo::shape(topology));
    plan.notes.iter().for_each(|note| labelled("note", note));
    labelled("time", &time(plan));
    let heaps = |point: &Point| if point.workload.has_heaps() { show_bytes(point.bytes) } else { String::new() };
    let title = if plan.points.iter().any(|point| point.workload.has_heaps()) { "heaps" } else { "" };
    let title = format!("\n  {:<5} {:>6}  {:<14} {:>5} {title:>10}", "point", "procs", "regime", "nodes");
    out += &format!("{title}\n", title = title.trim_end());
    // What an arm's points share stands above them, once.
    for alike in plan.points.chunk_by(|a, b| a.arm == b.arm && a.memory_policy == b.memory_policy) {
        out += &wrap(&format!("{arm}: {policy}", arm = alike[0].arm, policy = alike[0].memory_policy), 0, width);
        for point in alike {
            let (id, procs, regime, nodes) = (&point.id, point.procs, point.regime, point.nodes_spanned);
            // Over another axis than procs a point is told from others by its place there.
            let at = point.axis_level.map(|level| format!("{axis}={level}", axis = plan.axis));
            let levels = at.into_iter().chain([group_of(plan, point)]).filter(|words| !words.is_empty());
            let (heaps, levels) = (heaps(point), levels.collect::<Vec<_>>().join(", "));
            let line = format!("  {id:<5} {procs:>6}  {regime:<14} {nodes:>5} {heaps:>10}  {levels}");
            out += &format!("{line}\n", line = line.trim_end());
        }
    }
    if !plan.skipped.is_empty() {
        out += "\nskipped\n";
    }
    // Neighbours of one arm that are skipped for one reason share a line.
    for alike in plan.skipped.chunk_by(|a, b| a.arm == b.arm && reason(a) == reason(b)) {
        let mut at: Vec<String> = alike.iter().map(|skipped| skipped.x().to_string()).collect();
        at.dedup();
        let axis = if plan.is_over_procs() { String::new() } else { format!(" {axis}", axis = plan.axis) };
        let reason = if alike.len() > 1 { reason(&alike[0]) } else { alike[0].reason.clone() };
        let line = format!("{arm} x {at}{axis}: {reason}", arm = alike[0].arm, at = at.join(", "));
        out += &wrap(&line, 2, width);
    }
    out
}

/// Letters that a label takes.
const INDENT: usize = 10;

/// Why a point is skipped, without its own number of workers.
fn reason(skipped: &Skipped) -> String {
    skipped.reason.replacen(&format!("{procs} workers asked", procs = skipped.procs), "so many workers asked", 1)
}

fn time(plan: &Plan) -> String {
    let costs = Costs::EXPECTED;
    let blocks = blocks_expected(plan, &costs);
    let points = plan.points.len();
    let extent = match plan.measure.extent {
        Extent::Seconds(seconds) => format!("{seconds} s"),
        Extent::Operations(operations) => format!("{operations} operations a worker"),
    };
    let further = pause_blocks_expected(plan, &costs);
    let seconds = f64::from(blocks) * block_seconds(plan, &costs);
    let seconds = seconds + f64::from(further) * pause_block_seconds(plan, &costs);
    let more = match further {
        0 => String::new(),
        _ => format!(" and {further} of the {} whose pauses are contrasted", contrasted(plan).len()),
    };
    let s = if blocks == 1 { "" } else { "s" };
    format!("{blocks} block{s} of {points} points{more}, samples of {extent}: about {seconds:.0} s")
}
