//! `[[claim]]`: statements to test, each of a type with its own keys.

use super::curve::known_model;
use super::measure::{check_averaged, check_metric};
use super::reach::{read_near, read_reach, read_threshold};
use super::table::{Section, number};
use super::{AXIS_MOST, ArmFile, FileError, PROCS_MOST, SweepFile};
use crate::claim::{Claim, ClaimRule, NodeCores, Over, Share, Side, Span, Trend, times_procs};
use crate::keys::level_text;
use crate::point::PROCS;
use crate::workload::WorkloadFile;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Keys of every claim.
const COMMON: &[&str] = &["id", "text", "arm", "subject", "levels", "nodes", "node_cores", "untestable", "type"];

/// Types with the keys that are theirs; `procs` and `over_procs` bear the name of the axis.
const TYPES: &[(&str, &[&str])] = &[
    ("value", &["metric", "procs", "printed", "tolerance"]),
    ("ratio", &["metric", "procs", "over_procs", "over", "printed", "printed_percent", "direction_only"]),
    ("limit", &["metric", "procs", "over_procs", "over", "above", "at_least", "below", "at_most"]),
    ("peak", &["metric", "procs"]),
    ("knee", &["metric", "near"]),
    ("variance-ratio", &["procs", "over_procs", "printed"]),
    ("slope", &["metric", "from", "to", "printed", "tolerance"]),
    ("monotone", &["metric", "from", "to", "trend", "delta"]),
    ("model", &["metric", "model", "rivals", "from", "to"]),
    ("threshold", &["metric", "near", "from", "to", "trend", "factor"]),
    ("relation", &["procs", "over_procs", "of", "range"]),
];

pub(super) fn read_claims(
    root: &Section<'_>,
    arms: &[ArmFile],
    workload: &WorkloadFile,
    sweep: &SweepFile,
) -> Result<Vec<Claim>, FileError> {
    let mut claims: Vec<Claim> = Vec::new();
    for section in root.sections("claim")? {
        let claim = read_claim(&section, arms, workload, sweep)?;
        if claims.iter().any(|first| first.id == claim.id) {
            return Err(section.error_at("id", format!("\"{id}\" is the id of another claim already", id = claim.id)));
        }
        claims.push(claim);
    }
    Ok(claims)
}

fn read_claim(
    section: &Section<'_>,
    arms: &[ArmFile],
    workload: &WorkloadFile,
    sweep: &SweepFile,
) -> Result<Claim, FileError> {
    let id = section.name("id")?;
    let section = &section.titled(format!("[[claim]] \"{id}\""));
    let written = section.required("type", section.text("type")?)?;
    let Some((_, keys)) = TYPES.iter().find(|(name, _)| *name == written) else {
        let known: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
        let message = format!("\"{written}\" is not known; known: {known}", known = known.join(", "));
        return Err(section.error_at("type", message));
    };
    let keys: Vec<String> = keys.iter().map(|key| on_axis(key, &sweep.axis)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    section.allow(&[COMMON, &keys].concat())?;
    Ok(Claim {
        text: section.sentence("text")?,
        arms: read_arms(section, arms)?,
        subjects: read_subjects(section, sweep)?,
        levels: read_levels(section, "levels", &[], &sweep.axis, sweep)?,
        over: read_over(section, &id, arms, sweep)?,
        nodes_least: section.whole("nodes", 1..=1024)?.unwrap_or(1) as u32,
        node_cores: read_node_cores(section, &id)?,
        untestable: section.get("untestable").map(|_| section.sentence("untestable")).transpose()?,
        rule: read_rule(section, &written, workload, &sweep.axis)?,
        id,
    })
}

fn read_node_cores(section: &Section<'_>, id: &str) -> Result<NodeCores, FileError> {
    let Some(section) = section.section("node_cores", "{ min = 32, max = 63 }")? else {
        return Ok(NodeCores::default());
    };
    let section = section.titled(format!("node_cores of [[claim]] \"{id}\""));
    section.allow(&["min", "max"])?;
    let cores = |key| Ok(section.whole(key, 1..=u64::from(PROCS_MOST))?.map(|cores| cores as u32));
    let found = NodeCores { min: cores("min")?, max: cores("max")? };
    match (found.min, found.max) {
        (None, None) => Err(section.error(format!("{title} is empty; write min, max or both", title = section.title))),
        (Some(min), Some(max)) if max < min => Err(section.error_at("max", format!("{max} is less than min, {min}"))),
        _ => Ok(found),
    }
}

fn read_arms(section: &Section<'_>, arms: &[ArmFile]) -> Result<Vec<String>, FileError> {
    let named = section.required("arm", section.texts("arm")?)?;
    if named.is_empty() {
        return Err(section.error_at("arm", "the list is empty; it must name at least one arm"));
    }
    for (at, name) in named.iter().enumerate() {
        if named[..at].contains(name) {
            return Err(section.error_at("arm", format!("\"{name}\" is listed twice")));
        }
        if !arms.iter().any(|arm| arm.name == *name) {
            let known: Vec<_> = arms.iter().map(|arm| arm.name.as_str()).collect();
            let message = format!("\"{name}\" is no [[arm]] of this file; known: {known}", known = known.join(", "));
            return Err(section.error_at("arm", message));
        }
    }
    Ok(named)
}

/// `procs` and `over_procs` of a sweep over another axis: `tasks`, `over_tasks`.
fn on_axis(key: &str, axis: &str) -> String {
    key.replace(PROCS, axis)
}

/// The largest level that an axis may have.
pub(super) fn most_of(axis: &str) -> u64 {
    u64::from(if axis == PROCS { PROCS_MOST } else { AXIS_MOST })
}

/// Those that it names of the sweep's; all of them where it names none.
fn read_subjects(section: &Section<'_>, sweep: &SweepFile) -> Result<Vec<String>, FileError> {
    let Some(named) = section.texts("subject")? else { return Ok(sweep.subjects.clone()) };
    match named.iter().find(|name| !sweep.subjects.contains(name)) {
        Some(name) => {
            let message =
                format!("\"{name}\" is no subject of [sweep]; it has {known}", known = sweep.subjects.join(", "));
            Err(section.error_at("subject", message))
        }
        None if named.is_empty() => Err(section.error_at("subject", "the list is empty; it must name at least one")),
        None => Ok(named),
    }
}

/// `over = { numa_aware = false, arm = "unbound", subject = "gmp" }`: what the denominator of a ratio has else.
fn read_over(section: &Section<'_>, id: &str, arms: &[ArmFile], sweep: &SweepFile) -> Result<Over, FileError> {
    const BESIDE: &[&str] = &["arm", "subject"];
    let levels = read_levels(section, "over", BESIDE, &sweep.axis, sweep)?;
    let Some(section) = section.section("over", "{ numa_aware = false }")? else { return Ok(Over::default()) };
    let section = section.titled(format!("over of [[claim]] \"{id}\""));
    let one = |key: &str, known: Vec<&str>| match section.text(key)? {
        Some(name) if !known.contains(&name.as_str()) => {
            let message = format!("\"{name}\" is not known; known: {known}", known = known.join(", "));
            Err(section.error_at(key, message))
        }
        name => Ok(name),
    };
    let arm = one("arm", arms.iter().map(|arm| arm.name.as_str()).collect())?;
    let subject = one("subject", sweep.subjects.iter().map(String::as_str).collect())?;
    Ok(Over { arm, subject, levels })
}

/// `levels = { loop_ns = 100 }`: at which levels of the factors that tell curves over an axis apart.
pub(super) fn read_levels(
    section: &Section<'_>,
    named: &str,
    beside: &[&str],
    axis: &str,
    sweep: &SweepFile,
) -> Result<BTreeMap<String, String>, FileError> {
    let title = format!("{named} of {title}", title = section.title);
    let Some(section) = section.section(named, "{ loop_ns = 100 }")? else { return Ok(BTreeMap::new()) };
    let section = section.titled(title);
    let swept = sweep.factors.iter().map(|factor| factor.key.as_str());
    let known: Vec<&str> = [PROCS].into_iter().chain(swept).filter(|key| *key != axis).collect();
    section.allow(&[&known, beside].concat())?;
    let mut levels = BTreeMap::new();
    for (key, item) in section.items().into_iter().filter(|(key, _)| !beside.contains(key)) {
        let level = match item.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(truth) => truth.to_string(),
            _ => return Err(section.refuse(key, item, "be a text, a number or a truth")),
        };
        let factor = sweep.factors.iter().find(|factor| factor.key == key);
        let is_level = |value: &toml::Value| level_text(value) == level;
        if factor.is_some_and(|factor| !factor.levels.iter().any(is_level)) {
            return Err(section.error_at(key, format!("{level} is no level of {key} in [sweep]")));
        }
        levels.insert(key.into(), level);
    }
    Ok(levels)
}

fn read_rule(
    section: &Section<'_>,
    written: &str,
    workload: &WorkloadFile,
    axis: &str,
) -> Result<ClaimRule, FileError> {
    let procs = |key: &str| -> Result<u32, FileError> {
        let key = on_axis(key, axis);
        Ok(section.required(&key, section.whole(&key, 1..=most_of(axis))?)? as u32)
    };
    let over_procs = || match (procs("procs")?, procs("over_procs")?) {
        (procs, over) if procs == over => {
            Err(section.error_at(&on_axis("over_procs", axis), format!("{over} is {axis} itself")))
        }
        (_, over) => Ok(over),
    };
    // Where the denominator is elsewhere it is at the same place on the axis, unless another is named.
    let denominator = || match (section.get("over"), section.get(&on_axis("over_procs", axis))) {
        (Some(_), None) => procs("procs").map(Some),
        (Some(_), Some(_)) => procs("over_procs").map(Some),
        (None, Some(_)) => over_procs().map(Some),
        (None, None) => Ok(None),
    };
    let any = || section.number("printed", f64::MIN..=f64::MAX, "be a number");
    let above_0 = |key| section.number(key, f64::MIN_POSITIVE..=f64::MAX, "be a number above 0");
    let metric = || -> Result<String, FileError> {
        let metric = section.required("metric", section.text("metric")?)?;
        check_averaged(&metric).map_err(|error| section.error_at("metric", error))?;
        if metric != "remote_ratio" {
            check_metric(&metric, workload).map_err(|error| section.error_at("metric", error))?;
        }
        Ok(metric)
    };
    Ok(match written {
        "value" => ClaimRule::Value {
            metric: metric()?,
            procs: procs("procs")?,
            printed: section.required("printed", any()?)?,
            tolerance: section.required("tolerance", above_0("tolerance")?)?,
        },
        "ratio" => ClaimRule::Ratio {
            metric: metric()?,
            procs: procs("procs")?,
            over_procs: match denominator()? {
                Some(over) => over,
                None => over_procs()?,
            },
            printed: read_ratio(section)?,
            direction_only: read_direction(section)?,
        },
        "limit" => {
            let over_procs = denominator()?;
            let (side, limit, in_procs) = read_limit(section, over_procs.is_some())?;
            ClaimRule::Limit { metric: metric()?, procs: procs("procs")?, over_procs, side, limit, in_procs }
        }
        "peak" => ClaimRule::Peak { metric: metric()?, procs: procs("procs")? },
        "knee" => ClaimRule::Knee { metric: metric()?, near: read_near(section, axis)? },
        "variance-ratio" => ClaimRule::VarianceRatio {
            procs: procs("procs")?,
            over_procs: over_procs()?,
            printed: section.required("printed", above_0("printed")?)?,
        },
        "slope" => ClaimRule::Slope {
            metric: metric()?,
            span: read_span(section, axis)?,
            printed: section.required("printed", any()?)?,
            tolerance: section.required("tolerance", above_0("tolerance")?)?,
        },
        "monotone" => ClaimRule::Monotone {
            metric: metric()?,
            span: read_span(section, axis)?,
            trend: section.required("trend", section.parsed::<Trend>("trend")?)?,
            // The noise of a comparison, as for `compare`.
            delta: section.number("delta", 0.0..=1.0, "be a share from 0 to 1")?.unwrap_or(0.02),
        },
        "model" => {
            let model = section.sentence("model")?;
            let rivals = section.required("rivals", section.texts("rivals")?)?;
            known_model(section, "model", &model)?;
            for rival in &rivals {
                known_model(section, "rivals", rival)?;
            }
            if rivals.is_empty() || rivals.contains(&model) {
                let message = "must name at least one other curve, and not the claim's own";
                return Err(section.error_at("rivals", message));
            }
            ClaimRule::Model { metric: metric()?, model, rivals, reach: read_reach(section, axis)? }
        }
        "threshold" => read_threshold(section, metric()?, axis)?,
        _ => {
            let (procs, over_procs) = (procs("procs")?, over_procs()?);
            let of = section.parsed::<Share>("of")?.unwrap_or(Share::Each);
            let range = section.required("range", section.numbers("range")?)?;
            match range[..] {
                [low, high] if 0.0 < low && low <= high => ClaimRule::Relation { procs, over_procs, of, low, high },
                _ => {
                    let message = "must be two numbers above 0, the lower one first, such as [1.4, 3.5]";
                    return Err(section.error_at("range", message));
                }
            }
        }
    })
}

/// `printed`, or `printed_percent`: so many percent above (or, below 0, below) the other.
fn read_ratio(section: &Section<'_>) -> Result<f64, FileError> {
    let printed = section.number("printed", f64::MIN_POSITIVE..=f64::MAX, "be a number above 0")?;
    let percent = section.number("printed_percent", -99.999..=f64::MAX, "be a number above -100")?;
    match (printed, percent) {
        (Some(_), Some(_)) => Err(section.error_at("printed_percent", "stands beside printed; write one of them")),
        (printed, percent) => section.required("printed", printed.or(percent.map(|percent| 1.0 + percent / 100.0))),
    }
}

/// 1 has no side that a ratio could lie on.
fn read_direction(section: &Section<'_>) -> Result<bool, FileError> {
    let direction_only = section.truth("direction_only")?.unwrap_or(false);
    match direction_only && read_ratio(section)? == 1.0 {
        true => Err(section.error_at("direction_only", "needs a printed ratio above or below 1")),
        false => Ok(direction_only),
    }
}

/// `above = 0.9`, `at_most = "2 procs"`: one side, its limit, and whether that is in units of procs.
fn read_limit(section: &Section<'_>, is_ratio: bool) -> Result<(Side, f64, bool), FileError> {
    let mut written = Side::ALL.iter().filter(|side| section.get(side.word()).is_some());
    let (side, other) = (written.next(), written.next());
    let Some(&side) = side else {
        let known = Side::ALL.iter().map(|side| side.word()).collect::<Vec<_>>().join(", ");
        return Err(section.error(format!("{title} has no limit; write one of {known}", title = section.title)));
    };
    let key = side.word();
    if let Some(other) = other {
        return Err(section.error_at(other.word(), format!("stands beside {key}; write one of them")));
    }
    let item = section.required(key, section.get(key))?;
    let found = match item.get_ref() {
        // A ratio is a plain number, whatever it is of.
        DeValue::String(text) if !is_ratio => times_procs(text).map(|factor| (factor, true)),
        value => number(value).map(|limit| (limit, false)),
    };
    let fits = |limit: f64| limit.is_finite() && (!is_ratio || limit > 0.0);
    match found {
        Some((limit, in_procs)) if fits(limit) => Ok((side, limit, in_procs)),
        _ if is_ratio => Err(section.refuse(key, item, "be a number above 0, as a ratio is")),
        _ => Err(section.refuse(key, item, "be a number, or so many times procs, such as \"2 procs\"")),
    }
}

fn read_span(section: &Section<'_>, axis: &str) -> Result<Span, FileError> {
    let end = |key| Ok(section.whole(key, 1..=most_of(axis))?.map(|x| x as u32));
    let span = Span { from: end("from")?, to: end("to")? };
    match (span.from, span.to) {
        (Some(from), Some(to)) if from >= to => Err(section.error_at("to", format!("{to} is not above from, {from}"))),
        _ => Ok(span),
    }
}
