//! `numalab plan FILE --pilot DIR`: how many samples the run to come needs, and of which length. `report` has the figures.

use crate::args::Format;
use crate::exit::{Exit, NOT_TESTABLE, USAGE, print, say};
use crate::report::{look, refused};
use crate::topo::shape;
use plan::experiment::{Extent, PILOT_LEAST};
use plan::point::Plan;
use plan::record::{PilotRow, Row, titles};
use plan::schedule::blocks_asked;
use plan::topology::{Topology, TopologySource};
use report::tables::{csv_text, wrap};
use report::{PilotContrast, PilotLevels, PilotPoint, Results};
use runner::manifest::host_name;
use serde_json::{Value, json};
use stats::decide::NeededN;
use std::path::Path;

pub(crate) fn pilot(dir: &Path, plan: &Plan, topology: &Topology, within: f64, format: Format) -> Result<(), Exit> {
    let results = report::open(dir).map_err(refused)?;
    if results.plan.experiment != plan.experiment {
        let (is, asked) = (&results.plan.experiment, &plan.experiment);
        return Err(Exit::new(USAGE, format!("{dir}: a run of {is}, not of {asked}", dir = dir.display())));
    }
    if let Some(why) = results.modelled() {
        let message = format!(
            "{dir}: {why}: it says nothing of how samples differ; pilot with a run that was measured",
            dir = dir.display()
        );
        return Err(Exit::new(NOT_TESTABLE, message));
    }
    let points = report::pilot(&results, plan, within).map_err(refused)?;
    if points.is_empty() {
        let message = format!("{dir}: no point of this plan was measured there", dir = dir.display());
        return Err(Exit::new(NOT_TESTABLE, message));
    }
    let contrasts = report::pilot_contrasts(&results, plan);
    let doubts: Vec<String> =
        another_machine(&results, topology).into_iter().chain(doubts_of_samples(&points)).collect();
    match format {
        Format::Text => print(&text(&results, plan, &points, &contrasts, &doubts, within)),
        Format::Json => print(&json_of(plan, &points, &contrasts, &doubts, within)),
        Format::Csv => {
            doubts.iter().for_each(|doubt| say(doubt));
            print(&csv_of(plan, &points))
        }
    }
}

/// What is said where the pilot ran elsewhere than what is planned: samples need not differ alike there.
fn another_machine(results: &Results, planned: &Topology) -> Option<String> {
    let host = &results.manifest.host;
    let here = host_name();
    // What comes from a file has no name.
    let is_named_otherwise = planned.source == TopologySource::Host && *host != here;
    if results.topology.lasting() == planned.lasting() && !is_named_otherwise {
        return None;
    }
    let (then, now) = (shape(&results.topology), shape(planned));
    let now = if is_named_otherwise { format!("{here} ({now})") } else { now };
    Some(format!("pilot of another machine: {host} ({then}); this plan is for {now}"))
}

/// Samples that are few or disturbed: what they need is hardly known.
fn doubts_of_samples(points: &[PilotPoint]) -> Vec<String> {
    let mut doubts = Vec::new();
    let fewest = points.iter().map(|point| point.samples as u64).min().unwrap_or(0);
    if fewest < PILOT_LEAST {
        doubts.push(format!(
            "pilot of fewer than {PILOT_LEAST} samples: a point has {fewest}, whose spread tells little"
        ));
    }
    let (samples, disturbed) = points.iter().fold((0, 0), |(n, k), point| (n + point.samples, k + point.disturbed));
    if disturbed > 0 {
        doubts.push(format!("{disturbed} of {samples} samples disturbed: a quiet host may need fewer"));
    }
    doubts
}

/// Samples that the point which needs most asks for; `None` where no point tells.
fn most(points: &[PilotPoint]) -> Option<(&PilotPoint, NeededN)> {
    let needed = points.iter().filter_map(|point| Some((point, point.levels.as_ref().ok()?.needed)));
    needed.max_by_key(|(_, needed)| *needed)
}

fn text(
    results: &Results,
    plan: &Plan,
    points: &[PilotPoint],
    contrasts: &[PilotContrast],
    doubts: &[String],
    within: f64,
) -> String {
    let percent = 100.0 * within;
    let dir = results.dir.display();
    let mut out = format!("pilot {dir}\nthroughput of each point within ± {percent} % (95 %)\n\n");
    out += &format!(
        "  {:<5} {:>6}  {:>7} {:>8} {:>7} {:>6} {:>8} {:>7}  arm\n",
        "point", "procs", "samples", "cv", "own", "worth", "needed", "best s"
    );
    for found in points {
        let point = &plan.points[found.point];
        let (id, procs, arm, samples) = (&point.id, point.procs, &point.arm, found.samples);
        out += &match &found.levels {
            Ok(PilotLevels { cv, own_share, slices, worth, needed, best_seconds }) => {
                let worth = worth.map_or("-".into(), |worth| format!("{worth:.0}/{slices}"));
                let best = best_seconds.map_or("-".into(), |seconds| format!("{seconds:.2}"));
                format!(
                    "  {id:<5} {procs:>6}  {samples:>7} {:>6.2} % {:>5.0} % {worth:>6} {needed:>8} {best:>7}  {arm}\n",
                    100.0 * cv,
                    100.0 * own_share.max(0.0),
                )
            }
            Err(why) => format!("  {id:<5} {procs:>6}  {samples:>7}  {why}  {arm}\n"),
        };
    }
    let width = look().width;
    out += "\n";
    out += &wrap(
        "own: share of the variance between samples that their slices do not explain; worth: independent slices that those \
         of a sample are worth; best s: length of a sample with the narrowest interval for the time, - where own is 0 (longer \
         samples do as well as more) or where what a sample costs beside its length is not known",
        0,
        width,
    );
    doubts.iter().for_each(|doubt| out += &wrap(doubt, 0, width));
    let missing = plan.points.len() - points.len();
    if missing > 0 {
        out += &wrap(&format!("{missing} of {} points are not in the pilot", plan.points.len()), 0, width);
    }
    if let Some((found, needed)) = most(points) {
        let (asked, id) = (blocks_asked(&plan.measure).1, &plan.points[found.point].id);
        let compared = if needed <= NeededN::Samples(asked as usize) { "suffice" } else { "do not suffice" };
        let length = match plan.measure.extent {
            Extent::Seconds(seconds) => format!("samples of {seconds} s"),
            Extent::Operations(operations) => format!("samples of {operations} operations a worker"),
        };
        let line = format!(
            "repetitions = {needed}, of {length}: point {id} needs most, and the {asked} of the file {compared}"
        );
        out += &wrap(&line, 0, width);
    }
    for PilotContrast { id, arm, printed, level, needed } in contrasts {
        let line = match needed {
            Ok(needed) => format!(
                "pause_repetitions = {needed}: claim {id}, {arm}, a true ratio of {printed} confirmed in 4 of 5 runs, at level {level:.4}"
            ),
            Err(why) => format!("pause_repetitions for claim {id}, {arm}: not told by this pilot, {why}"),
        };
        out += &wrap(&line, 0, width);
    }
    out
}

fn json_of(plan: &Plan, points: &[PilotPoint], contrasts: &[PilotContrast], doubts: &[String], within: f64) -> String {
    let number = |needed: NeededN| match needed {
        NeededN::Samples(samples) => json!(samples),
        NeededN::MoreThan1000 => json!(needed.to_string()),
    };
    let point = |found: &PilotPoint| {
        let point = &plan.points[found.point];
        let mut value = json!({ "point_id": point.id, "arm": point.arm, "procs": point.procs, "samples": found.samples, "disturbed": found.disturbed });
        match &found.levels {
            Ok(of) => {
                value["cv"] = json!(of.cv);
                value["own_share"] = json!(of.own_share);
                value["slices"] = json!(of.slices);
                value["worth"] = json!(of.worth);
                value["needed"] = number(of.needed);
                value["best_seconds"] = json!(of.best_seconds);
            }
            Err(why) => value["none"] = json!(why.to_string()),
        }
        value
    };
    let contrast = |found: &PilotContrast| {
        let needed = found.needed.as_ref().map_or(Value::Null, |needed| number(*needed));
        json!({ "claim": found.id, "arm": found.arm, "printed": found.printed, "level": found.level, "needed": needed })
    };
    let document = json!({
        "within": within, "repetitions": most(points).map(|(_, needed)| number(needed)), "doubts": doubts,
        "points": points.iter().map(point).collect::<Vec<Value>>(),
        "contrasts": contrasts.iter().map(contrast).collect::<Vec<Value>>(),
    });
    format!("{document:#}\n")
}

fn csv_of(plan: &Plan, points: &[PilotPoint]) -> String {
    let row = |found: &PilotPoint| {
        let point = &plan.points[found.point];
        let levels = found.levels.as_ref().ok();
        PilotRow {
            point_id: point.id.clone(),
            arm: point.arm.clone(),
            procs: point.procs,
            samples: found.samples as u64,
            disturbed: found.disturbed as u64,
            cv: levels.map(|of| of.cv),
            own_share: levels.map(|of| of.own_share),
            slices: levels.map(|of| of.slices as u64),
            worth: levels.and_then(|of| of.worth),
            needed: levels.map(|of| of.needed.to_string()),
            best_seconds: levels.and_then(|of| of.best_seconds),
        }
        .cells()
    };
    csv_text(&titles::<PilotRow>(), points.iter().map(row))
}
