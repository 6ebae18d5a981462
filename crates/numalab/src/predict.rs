//! `numalab predict`: what the queueing model expects of a plan. Nothing is bound, nothing is measured, nothing is written.

use crate::args::{Calibration as Args, Format, Predict};
use crate::exit::{Exit, FAILED, USAGE, WithCode, print};
use crate::report::look;
use model::{Calibration, Parameters, Prediction, consistency, predict as model_of};
use plan::point::{Plan, Point};
use plan::record::{PredictionRow, Row, Timing, titles};
use plan::topology::Topology;
use report::show::Unit;
use report::tables::{csv_text, wrap};
use runner::modelled::{Assumed, Noise};
use serde_json::{Value, json};

pub(crate) fn predict(args: &Predict) -> Result<(), Exit> {
    // The files first: a mistake in them needs no machine to be told.
    let file = plan::experiment::read_experiment(&args.file).code(USAGE)?;
    let calibration = args.calibration.read()?;
    let machine = crate::machine::read(&args.input)?;
    let (topology, mut conditions) = (machine.topology(), machine.conditions()?);
    conditions.programs = runner::unmodelled_programs();
    let parameters = parameters(calibration, topology)?;
    let plan = crate::planning::plan_on(&file, &args.changes.overrides(), topology, &conditions)?;
    let (every, work) = (plan.measure.pause_every_ns, plan.measure.stopped_work);
    let predicted = |point| {
        model_of(point, topology, every, work, &parameters)
            .map(|prediction| (point, prediction))
            .map_err(|error| Exit::new(FAILED, format!("point {id}: {error}", id = point.id)))
    };
    let all = plan.points.iter().map(predicted).collect::<Result<Vec<_>, Exit>>()?;
    match args.format {
        Format::Text => print(&text(&plan, topology, &parameters, &all)),
        Format::Csv => print(&csv(&plan, &all)),
        Format::Json => print(&format!("{:#}\n", document(&plan, &parameters, topology, &all))),
    }
}

impl Args {
    /// Reads the calibration that the command line names.
    pub(crate) fn read(&self) -> Result<Option<Calibration>, Exit> {
        let read = |path| model::calibration::read(path, self.calibrate_host.as_deref()).code(USAGE);
        self.calibrate.as_deref().map(read).transpose()
    }
}

/// The constants, or what a calibration of this machine has instead.
pub(crate) fn parameters(calibration: Option<Calibration>, topology: &Topology) -> Result<Parameters, Exit> {
    if let Some(calibration) = &calibration {
        calibration.check(topology).code(USAGE)?;
    }
    Ok(Parameters { calibration, ..Parameters::DEFAULT })
}

/// What the model assumes of the machine, and whether the parts of a calibration agree, one line each.
pub(crate) fn assumptions(parameters: &Parameters, topology: &Topology) -> Vec<String> {
    let Some(calibration) = &parameters.calibration else {
        let constants = "constants of a two-package Skylake server, distances of this machine's firmware";
        return vec![format!("model: {constants}; --calibrate FILE.csv takes what was measured on it")];
    };
    let source = &calibration.source;
    let mut lines = vec![match calibration.bandwidth_gb_per_s {
        Some(_) => format!("model: latencies and bandwidths of {source}"),
        None => format!("model: latencies of {source}; it has no bandwidths: those of a two-package Skylake server"),
    }];
    lines.extend(consistency::check(calibration, topology).into_iter().map(|check| {
        let verdict = if check.holds { "consistent" } else { "NOT consistent: is this file of this machine?" };
        format!("model: {text}: {verdict}", text = check.text)
    }));
    lines
}

fn text(plan: &Plan, topology: &Topology, parameters: &Parameters, all: &[(&Point, Prediction)]) -> String {
    let width = look().width;
    let title = format!("{name}: predicted by a model (modelled, not measured)", name = plan.experiment);
    let mut out = wrap(&title, 0, width);
    out += &wrap(&format!("machine: {shape}", shape = crate::topo::shape(topology)), 0, width);
    for line in assumptions(parameters, topology) {
        out += &wrap(&line, 0, width);
    }
    out += &format!(
        "\n {:>5} {:>9} {:>11} {:>20} {:>9} {:>9}  {:<16} {:>6}\n",
        "procs", "hit ratio", "throughput", "between", "latency", "pause", "busiest queue", "from",
    );
    // What an arm's points share stands above them, once.
    for alike in all.chunk_by(|(a, _), (b, _)| a.arm == b.arm && a.memory_policy == b.memory_policy) {
        let (first, _) = &alike[0];
        out += &wrap(&format!("{arm}: {policy}", arm = first.arm, policy = first.memory_policy), 0, width);
        for (point, prediction) in alike {
            out += &line(point, prediction);
        }
    }
    out += &wrap(
        "between: all touches queue at once, and none ever waits; less than the lower one is not explained by queueing. \
         pause: mean of request, stop and resume. busiest queue: which, and how much of the time; from: so many workers \
         somebody waits for it for certain. What the model leaves out: caches, prefetching, page migration (crates/model)",
        0,
        width,
    );
    if !plan.skipped.is_empty() {
        let skipped = report::show::count(plan.skipped.len() as u64, "point");
        out += &wrap(&format!("{skipped} skipped; numalab plan says why"), 0, width);
    }
    out
}

fn line(point: &Point, prediction: &Prediction) -> String {
    let (rate, time) = (Unit::PerSecond, Unit::Nanoseconds);
    let between = rate.show_interval(prediction.throughput_per_s, prediction.slowest_per_s, prediction.fastest_per_s);
    let busiest = prediction.busiest;
    format!(
        " {:>5} {:>9} {:>11} {between:>20} {:>9} {:>9}  {:<11} {:>4} {:>6.1}\n",
        point.procs,
        Unit::Ratio.show(prediction.local_hit_ratio),
        rate.show(prediction.throughput_per_s),
        time.show(prediction.latency_ns),
        prediction.pause.map_or("-".into(), |pause| time.show(pause.total_ns())),
        busiest.station,
        format!("{:.0}%", 100.0 * busiest.utilization_ratio),
        busiest.saturation_procs,
    )
}

fn row(plan: &Plan, point: &Point, prediction: &Prediction) -> PredictionRow {
    let touches_per_s = prediction.throughput_per_s * point.workload.touches_per_operation() as f64;
    let (busiest, pause) = (prediction.busiest, prediction.pause);
    PredictionRow {
        experiment: plan.experiment.clone(),
        point_id: point.id.clone(),
        timing: Timing::Modelled,
        arm: point.arm.clone(),
        workload: point.workload.kind().into(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: point.regime,
        placement: point.placement_name.clone(),
        memory_policy: point.memory_policy.clone(),
        nodes_spanned: point.nodes_spanned,
        throughput_per_s: prediction.throughput_per_s,
        slowest_per_s: prediction.slowest_per_s,
        fastest_per_s: prediction.fastest_per_s,
        bandwidth_gb_per_s: touches_per_s * model::LINE_BYTES / 1e9,
        local_hit_ratio: prediction.local_hit_ratio,
        latency_ns: prediction.latency_ns,
        busiest: busiest.station.to_string(),
        utilization_ratio: busiest.utilization_ratio,
        saturation_procs: busiest.saturation_procs,
        stopping_ns: pause.map(|pause| pause.stopping_ns),
        stopped_ns: pause.map(|pause| pause.stopped_ns),
        resuming_ns: pause.map(|pause| pause.resuming_ns),
        pause_ns: pause.map(|pause| pause.total_ns()),
    }
}

fn csv(plan: &Plan, all: &[(&Point, Prediction)]) -> String {
    let titles: Vec<&str> =
        titles::<PredictionRow>().into_iter().chain(plan.factors.iter().map(String::as_str)).collect();
    let cells = |(point, prediction): &(&Point, Prediction)| {
        let levels = plan.factors.iter().map(|factor| point.factors.get(factor).cloned().unwrap_or_default());
        row(plan, point, prediction).cells().into_iter().chain(levels).collect()
    };
    csv_text(&titles, all.iter().map(cells))
}

fn document(plan: &Plan, parameters: &Parameters, topology: &Topology, all: &[(&Point, Prediction)]) -> Value {
    let titles = titles::<PredictionRow>();
    let points: Vec<Value> = all
        .iter()
        .map(|(point, prediction)| {
            let cells = row(plan, point, prediction).cells();
            let mut object = crate::report::object(&titles, cells.iter().map(String::as_str));
            object["factors"] = json!(point.factors);
            object
        })
        .collect();
    let checks = parameters.calibration.as_ref().map(|calibration| consistency::check(calibration, topology));
    let check = |check: &consistency::Consistency| json!({ "text": check.text, "holds": check.holds });
    json!({
        "title": "modelled, not measured",
        "experiment": plan.experiment,
        "timing": "modelled",
        "model": Assumed::new(parameters.clone(), Noise::NONE),
        "checks": checks.iter().flatten().map(check).collect::<Vec<_>>(),
        "points": points,
    })
}
