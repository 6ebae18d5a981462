//! `numalab plan FILE --pilot DIR`: how many samples the run to come needs, and of which length. `report` has the figures.

use crate::args::Format;
use crate::exit::{Exit, NOT_TESTABLE, USAGE, print};
use crate::report::{look, refused};
use plan::experiment::Extent;
use plan::point::Plan;
use plan::schedule::blocks_asked;
use report::tables::wrap;
use report::{PilotContrast, PilotLevels, PilotPoint, Results};
use serde_json::{Value, json};
use stats::decide::NeededN;
use std::path::Path;

pub(crate) fn pilot(dir: &Path, plan: &Plan, within: f64, format: Format) -> Result<(), Exit> {
    let results = report::open(dir).map_err(refused)?;
    if results.plan.experiment != plan.experiment {
        let (is, asked) = (&results.plan.experiment, &plan.experiment);
        return Err(Exit::new(USAGE, format!("{dir}: a run of {is}, not of {asked}", dir = dir.display())));
    }
    let points = report::pilot(&results, plan, within).map_err(refused)?;
    if points.is_empty() {
        let message = format!("{dir}: no point of this plan was measured there", dir = dir.display());
        return Err(Exit::new(NOT_TESTABLE, message));
    }
    let contrasts = report::pilot_contrasts(&results, plan);
    match format {
        Format::Text => print(&text(&results, plan, &points, &contrasts, within)),
        Format::Json => print(&json_of(plan, &points, &contrasts, within)),
        Format::Csv => print(&csv_of(plan, &points)),
    }
}

/// Samples that the point which needs most asks for; `None` where no point tells.
fn most(points: &[PilotPoint]) -> Option<(&PilotPoint, usize)> {
    let needed = points.iter().filter_map(|point| Some((point, point.levels.as_ref().ok()?.needed)));
    needed.max_by_key(|(_, needed)| *needed)
}

fn text(results: &Results, plan: &Plan, points: &[PilotPoint], contrasts: &[PilotContrast], within: f64) -> String {
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
    let missing = plan.points.len() - points.len();
    if missing > 0 {
        out += &wrap(&format!("{missing} of {} points are not in the pilot", plan.points.len()), 0, width);
    }
    if let Some((found, needed)) = most(points) {
        let (asked, id) = (blocks_asked(&plan.measure).1, &plan.points[found.point].id);
        let compared = if needed <= asked as usize { "suffice" } else { "do not suffice" };
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

fn json_of(plan: &Plan, points: &[PilotPoint], contrasts: &[PilotContrast], within: f64) -> String {
    let point = |found: &PilotPoint| {
        let point = &plan.points[found.point];
        let mut value =
            json!({ "point_id": point.id, "arm": point.arm, "procs": point.procs, "samples": found.samples });
        match &found.levels {
            Ok(of) => {
                value["cv"] = json!(of.cv);
                value["own_share"] = json!(of.own_share);
                value["slices"] = json!(of.slices);
                value["worth"] = json!(of.worth);
                value["needed"] = json!(of.needed);
                value["best_seconds"] = json!(of.best_seconds);
            }
            Err(why) => value["none"] = json!(why.to_string()),
        }
        value
    };
    let contrast = |found: &PilotContrast| {
        let needed = match &found.needed {
            Ok(NeededN::Samples(runs)) => json!(runs),
            Ok(needed) => json!(needed.to_string()),
            Err(_) => Value::Null,
        };
        json!({ "claim": found.id, "arm": found.arm, "printed": found.printed, "level": found.level, "needed": needed })
    };
    let document = json!({
        "within": within, "repetitions": most(points).map(|(_, needed)| needed),
        "points": points.iter().map(point).collect::<Vec<Value>>(),
        "contrasts": contrasts.iter().map(contrast).collect::<Vec<Value>>(),
    });
    format!("{document:#}\n")
}

fn csv_of(plan: &Plan, points: &[PilotPoint]) -> String {
    let mut out = "point_id,arm,procs,samples,cv,own_share,slices,worth,needed,best_seconds\n".to_string();
    for found in points {
        let point = &plan.points[found.point];
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let levels = match &found.levels {
            Ok(of) => {
                let (cv, own, slices, needed) = (of.cv, of.own_share, of.slices, of.needed);
                format!("{cv},{own},{slices},{},{needed},{}", number(of.worth), number(of.best_seconds))
            }
            Err(_) => ",,,,,".into(),
        };
        out += &format!("{},{},{},{},{levels}\n", point.id, point.arm, point.procs, found.samples);
    }
    out
}
