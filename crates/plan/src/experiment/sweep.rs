//! `[workload]` and `[sweep]`: what workers do, and which of its keys, numbers of workers and subjects are varied.

use super::settings::{Settings, read_settings};
use super::table::{Item, Section};
use super::{AXIS_MOST, Factor, FileError, Oversubscribe, PROCS_MOST, Procs, SUBJECTS, SweepFile, THREADS};
use crate::PlanError;
use crate::point::PROCS;
use crate::workload::WorkloadFile;
use std::str::FromStr;
use toml::de::DeValue;

/// More levels of one factor than this are a typing error.
const LEVELS_MOST: usize = 64;

/// Reads all three, since a key that `[sweep]` varies stands at its first level in the workload or the settings.
pub(super) fn read_sweep(
    root: &Section<'_>,
    workload: &Section<'_>,
    sweep: &Section<'_>,
) -> Result<(WorkloadFile, Settings, SweepFile), FileError> {
    let kind = workload.required("kind", workload.text("kind")?)?;
    let mut file = WorkloadFile::of_kind(&kind).map_err(|error| workload.error_at("kind", error))?;
    let keys = file.keys();
    let known = |first: &[&str]| first.iter().map(|&key| String::from(key)).chain(keys.clone()).collect::<Vec<_>>();
    let allow = |section: &Section<'_>, first: &[&str]| {
        let known = known(first);
        section.allow(&known.iter().map(String::as_str).collect::<Vec<_>>())
    };
    allow(workload, &["kind"])?;
    let subjects = read_subjects(sweep)?;
    let of_subjects: Vec<String> = Settings::sections()
        .into_iter()
        .filter(|(_, subject, _)| subjects.iter().any(|listed| listed == subject))
        .flat_map(|(_, _, keys)| keys)
        .collect();
    let own = ["procs", "oversubscribe", "subject", "axis"];
    let known_here: Vec<&str> = own.into_iter().chain(of_subjects.iter().map(String::as_str)).collect();
    allow(sweep, &known_here)?;
    for (key, item) in workload.items().into_iter().filter(|(key, _)| *key != "kind") {
        if sweep.get(key).is_some() {
            let message = format!("is swept in [sweep], line {line}; write it once", line = sweep.line());
            return Err(workload.error_at(key, message));
        }
        file = with_level(workload, &file, key, item)?.0;
    }
    let mut settings = read_settings(root, sweep, &subjects)?;
    let mut factors = Vec::new();
    for (key, item) in sweep.items() {
        if keys.iter().any(|known| known == key) {
            let factor = read_factor(sweep, key, item, |item| Ok(with_level(sweep, &file, key, item)?.1))?;
            file = file.with(key, &factor.levels[0]).map_err(|error| sweep.error_at(key, error))?;
            factors.push(factor);
        } else if of_subjects.iter().any(|known| known == key) {
            let level = |item| {
                let value = sweep.value_of(key, item)?;
                settings.with(key, &value).map_err(|error| sweep.error_at(key, error))?;
                Ok(value)
            };
            let factor = read_factor(sweep, key, item, level)?;
            settings = settings.with(key, &factor.levels[0]).map_err(|error| sweep.error_at(key, error))?;
            factors.push(factor);
        }
    }
    let procs = read_procs(sweep)?;
    let oversubscribe = read_oversubscribe(sweep)?.unwrap_or(Oversubscribe::No);
    let axis = read_axis(sweep, &factors)?;
    Ok((file, settings, SweepFile { procs, oversubscribe, subjects, factors, axis }))
}

/// `procs`, or a factor of the sweep whose levels are numbers that a curve can go over.
fn read_axis(sweep: &Section<'_>, factors: &[Factor]) -> Result<String, FileError> {
    let Some(axis) = sweep.text("axis")?.filter(|axis| axis != PROCS) else { return Ok(PROCS.into()) };
    let Some(factor) = factors.iter().find(|factor| factor.key == axis) else {
        let swept: Vec<&str> = [PROCS].into_iter().chain(factors.iter().map(|factor| factor.key.as_str())).collect();
        let message = format!("\"{axis}\" is not swept; swept: {swept}", swept = swept.join(", "));
        return Err(sweep.error_at("axis", message));
    };
    if let Some(level) = factor.levels.iter().find(|level| level_on_axis(level).is_none()) {
        let message = format!("{axis} has the level {level}; an axis takes whole numbers from 1 to {AXIS_MOST}");
        return Err(sweep.error_at("axis", message));
    }
    Ok(axis)
}

/// A level as a place on an axis.
pub(crate) fn level_on_axis(level: &toml::Value) -> Option<u32> {
    let level = u32::try_from(level.as_integer()?).ok()?;
    (1..=AXIS_MOST).contains(&level).then_some(level)
}

/// The workload with one key replaced, and the key's value as plain TOML; errors at the value's line.
fn with_level<'a>(
    section: &Section<'a>,
    file: &WorkloadFile,
    key: &str,
    item: Item<'a>,
) -> Result<(WorkloadFile, toml::Value), FileError> {
    let at = |error: String| section.source.error(item.span().start, format!("{key} in {}: {error}", section.title));
    let value = section.value_of(key, item)?;
    let file = file.with(key, &value).map_err(at)?;
    file.check().map_err(|error| match error {
        PlanError::Impossible { must, .. } => section.refuse(key, item, must),
        other => at(other.to_string()),
    })?;
    Ok((file, value))
}

fn read_factor<'a>(
    sweep: &Section<'a>,
    key: &str,
    item: Item<'a>,
    level: impl Fn(Item<'a>) -> Result<toml::Value, FileError>,
) -> Result<Factor, FileError> {
    let list = match item.get_ref() {
        DeValue::Array(list) if (1..=LEVELS_MOST).contains(&list.len()) => list,
        _ => return Err(sweep.refuse(key, item, format!("be a list of 1 to {LEVELS_MOST} levels"))),
    };
    let mut levels: Vec<toml::Value> = Vec::new();
    for item in list {
        let value = level(item)?;
        if levels.contains(&value) {
            return Err(sweep.refuse(key, item, "be listed once"));
        }
        levels.push(value);
    }
    Ok(Factor { key: key.into(), levels })
}

fn read_procs(sweep: &Section<'_>) -> Result<Procs, FileError> {
    let item = sweep.required("procs", sweep.get("procs"))?;
    let range = 1..=u64::from(PROCS_MOST);
    let list = match item.get_ref() {
        DeValue::String(text) => return text.parse().map_err(|error: ProcsError| sweep.error_at("procs", error)),
        DeValue::Array(list) if list.is_empty() => {
            return Err(sweep.error_at("procs", "the list is empty; it must hold at least one number of workers"));
        }
        DeValue::Array(list) => {
            list.iter().map(|item| sweep.whole_of("procs", item, range.clone())).collect::<Result<Vec<_>, _>>()?
        }
        _ => vec![sweep.whole_of("procs", item, range)?],
    };
    Ok(Procs::List(ascending(list.into_iter().map(|procs| procs as u32).collect())))
}

fn read_oversubscribe(sweep: &Section<'_>) -> Result<Option<Oversubscribe>, FileError> {
    let Some(item) = sweep.get("oversubscribe") else { return Ok(None) };
    match item.get_ref() {
        DeValue::Boolean(true) => Ok(Some(Oversubscribe::All)),
        DeValue::Boolean(false) => Ok(Some(Oversubscribe::No)),
        DeValue::String(_) => sweep.parsed("oversubscribe"),
        _ => Err(sweep.refuse("oversubscribe", item, "be true, false, \"no\", \"next\" or \"all\"")),
    }
}

fn read_subjects(sweep: &Section<'_>) -> Result<Vec<String>, FileError> {
    let subjects = sweep.texts("subject")?.unwrap_or_else(|| vec![THREADS.into()]);
    if subjects.is_empty() {
        return Err(sweep.error_at("subject", "the list is empty; it must name at least one subject"));
    }
    for (at, subject) in subjects.iter().enumerate() {
        if !SUBJECTS.contains(&subject.as_str()) {
            let message = format!("\"{subject}\" is not known; known: {known}", known = SUBJECTS.join(", "));
            return Err(sweep.error_at("subject", message));
        }
        if subjects[..at].contains(subject) {
            return Err(sweep.error_at("subject", format!("\"{subject}\" is listed twice")));
        }
    }
    Ok(subjects)
}

fn ascending(mut procs: Vec<u32>) -> Vec<u32> {
    procs.sort_unstable();
    procs.dedup();
    procs
}

/// Why numbers of workers could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" cannot be; it must be \"paper\", \"paper,36\", numbers from 1 to {PROCS_MOST}, or a range such as \"1..=64\" or \"4..=64 step 4\""
)]
pub struct ProcsError {
    /// What was read.
    pub text: String,
}

impl FromStr for Procs {
    type Err = ProcsError;

    /// Reads `paper`, numbers and ranges with commas between: `1,2,4..=64 step 4`, `paper,36`.
    fn from_str(text: &str) -> Result<Self, ProcsError> {
        let (mut paper, mut procs) = (false, Vec::new());
        for item in text.split(',').map(str::trim) {
            match parse_range(item) {
                _ if item == "paper" => paper = true,
                Some(range) => procs.extend(range),
                None => return Err(ProcsError { text: text.into() }),
            }
        }
        let procs = ascending(procs);
        Ok(if paper { Procs::Paper(procs) } else { Procs::List(procs) })
    }
}

fn parse_range(item: &str) -> Option<Vec<u32>> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|procs: &u32| digits && (1..=PROCS_MOST).contains(procs))
    };
    let Some((low, rest)) = item.split_once("..=") else { return Some(vec![number(item)?]) };
    let (high, step) = match rest.split_once("step") {
        Some((high, step)) => (high.trim(), number(step.trim())?),
        None => (rest.trim(), 1),
    };
    let (low, high) = (number(low.trim())?, number(high)?);
    (low <= high).then(|| (low..=high).step_by(step as usize).collect())
}
