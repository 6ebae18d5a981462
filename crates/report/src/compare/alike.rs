//! Whether runs may be compared at all: one machine, one timing class, one experiment; and sessions that took turns.

use super::Side;
use super::sides::program_name;
use crate::results::Results;
use plan::experiment::Measure;
use plan::point::{Plan, Point};
use serde_json::Value;

/// Differences between two points that are named; the rest is counted.
const NAMED_MOST: usize = 2;

/// What forbids a plain comparison, one line each; the first session of the first side is what others are held against.
pub(super) fn differences(sides: &[Side]) -> Vec<String> {
    let Some(first) = sides.first().and_then(|side| side.sessions.first()) else { return Vec::new() };
    let mut lines = Vec::new();
    for side in sides {
        let own = &side.sessions[0];
        for session in &side.sessions {
            let dir = session.dir.display();
            lines.extend(against(first, session).into_iter().map(|(what, how)| (what, format!("{dir}: {what} {how}"))));
            if session.manifest.program.sha256 != own.manifest.program.sha256 {
                let [then, now] = [own, session].map(|session| program_name(&session.manifest.program));
                lines.push(("program", format!("{dir}: a side of two programs: {then}, and here {now}")));
            }
        }
    }
    // One session says it for all that differ in the same way.
    let mut said: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    for (what, line) in &lines {
        if !said.contains(what) {
            said.push(what);
            let more = lines.iter().filter(|(other, _)| other == what).count() - 1;
            kept.push(if more > 0 { format!("{line} (and {more} more of these)") } else { line.clone() });
        }
    }
    kept
}

fn against(first: &Results, other: &Results) -> Vec<(&'static str, String)> {
    let (then, now) = (&first.manifest, &other.manifest);
    let mut found = Vec::new();
    let mut differ = |what: &'static str, then: String, now: String| {
        if then != now {
            found.push((what, format!("is another: {then} and {now}")));
        }
    };
    differ("the experiment", then.experiment.clone(), now.experiment.clone());
    differ("the timing class", then.timing.to_string(), now.timing.to_string());
    differ("the source", then.source.clone(), now.source.clone());
    if then.machine_sha256 != now.machine_sha256 {
        let facts = |results: &Results| {
            let fact = |name: &str| results.manifest.machine.get(name).cloned().unwrap_or_else(|| "unknown".into());
            let (host, pus) = (&results.manifest.host, &results.topology.allowed_pus);
            format!("{host} (PUs {pus}, kernel {kernel})", kernel = fact("kernel"))
        };
        found.push(("the machine", format!("is another: {then} and {now}", then = facts(first), now = facts(other))));
    }
    if then.experiment == now.experiment
        && let Some(how) = plans_differ(&first.plan, &other.plan)
    {
        found.push(("the plan", how));
    }
    found
}

/// What is measured at points that both have, and how; seeds, repetitions and what a budget cuts may differ.
fn plans_differ(then: &Plan, now: &Plan) -> Option<String> {
    let how = |measure: &Measure| {
        serde_json::json!([measure.extent, measure.pause_every_ns, measure.stopped_work, measure.thresholds])
    };
    let mut found = Vec::new();
    compare("measure".into(), &how(&then.measure), &how(&now.measure), &mut found);
    for point in &then.points {
        if let Some(other) = now.points.iter().find(|other| point.same_point(other)) {
            let what = |point: &Point| serde_json::json!([point.workload, point.placement, point.settle]);
            let at = format!("{arm} {procs}", arm = point.arm, procs = point.procs);
            compare(at, &what(point), &what(other), &mut found);
        }
    }
    let more = found.len().saturating_sub(NAMED_MOST);
    found.truncate(NAMED_MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!found.is_empty()).then(|| format!("is another: {found}{rest}", found = found.join(", ")))
}

fn compare(path: String, then: &Value, now: &Value, found: &mut Vec<String>) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) if then.keys().eq(now.keys()) => {
            then.iter().for_each(|(key, value)| compare(format!("{path} {key}"), value, &now[key], found));
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            then.iter().zip(now).for_each(|(then, now)| compare(path.clone(), then, now, found));
        }
        _ if then != now => found.push(format!("{path}: {then} and {now}")),
        _ => {}
    }
}

/// Why the sessions of two sides did not take turns; `None` where they did. Three of one side in a row leave the host time to
/// change under one side alone.
pub(super) fn not_in_turn(a: &Side, b: &Side) -> Option<String> {
    let of = |side: usize, sessions: &[Results]| {
        let started = |session: &Results| {
            let place = session.manifest.session.as_ref().map_or(0, |session| session.place);
            // Which of one second came first is not known: as if one side had gone before the other.
            (session.manifest.started_utc.clone(), place, side)
        };
        sessions.iter().map(started).collect::<Vec<_>>()
    };
    let mut starts = [of(0, &a.sessions), of(1, &b.sessions)].concat();
    starts.sort_unstable();
    let in_a_row = starts.chunk_by(|one, next| one.2 == next.2).map(<[_]>::len).max().unwrap_or(0);
    (in_a_row > 2)
        .then(|| format!("sessions not in turn: {in_a_row} of one side in a row, and the host drifts meanwhile"))
}
