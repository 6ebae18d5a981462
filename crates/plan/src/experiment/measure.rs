//! `[measure]`: how long, how often, in which order.

use super::table::{Section, number};
use super::{Extent, FileError, MeasureFile, Repetitions};
use crate::claim::{Claim, ClaimRule, NEVER_AVERAGED};
use crate::quantity::parse_duration;
use crate::record::{Column, Kind, Row, SampleRow};
use crate::workload::WorkloadFile;
use toml::de::DeValue;

const KEYS: &[&str] =
    &["seconds", "operations", "repetitions", "pause_repetitions", "budget", "order", "seed", "grace"];

/// A sample of more than a day is a typing error.
const SECONDS_MOST: f64 = 86_400.0;
/// More samples of one point than this are a typing error.
pub const REPETITIONS_MOST: u64 = 100_000;
/// Stein's first stage needs this many: statistics of `s` with fewer are too wide to choose a second stage by.
pub const PILOT_LEAST: u64 = 10;

pub(super) fn read_measure(
    section: Option<&Section<'_>>,
    workload: &WorkloadFile,
    claims: &[Claim],
) -> Result<MeasureFile, FileError> {
    let mut measure = MeasureFile {
        extent: Extent::Seconds(1.0),
        repetitions: Repetitions::Fixed(10),
        pause_repetitions: None,
        budget_seconds: None,
        seed: 1,
        grace_seconds: 30.0,
    };
    let Some(section) = section else { return Ok(measure) };
    section.allow(KEYS)?;
    let seconds = section.number("seconds", 0.001..=SECONDS_MOST, "be a number from 0.001 to 86400")?;
    let operations = section.whole("operations", 1..=1 << 50)?;
    measure.extent = match (seconds, operations) {
        (Some(_), Some(_)) => {
            return Err(section.error_at("operations", "a sample ends by seconds or by operations, not both"));
        }
        (_, Some(operations)) => Extent::Operations(operations),
        (Some(seconds), _) => Extent::Seconds(seconds),
        (None, None) => measure.extent,
    };
    if let Some(repetitions) = read_repetitions(section, workload)? {
        measure.repetitions = repetitions;
    }
    measure.pause_repetitions = read_pause_repetitions(section, &measure.repetitions, claims)?;
    measure.budget_seconds = read_duration(section, "budget")?;
    measure.grace_seconds = read_duration(section, "grace")?.unwrap_or(measure.grace_seconds);
    measure.seed = section.whole("seed", 0..=i64::MAX as u64)?.unwrap_or(measure.seed);
    match section.text("order")?.as_deref() {
        None | Some("random-blocks") => Ok(measure),
        Some(order) => Err(section.error_at("order", format!("\"{order}\" is not known; known: random-blocks"))),
    }
}

fn read_duration(section: &Section<'_>, key: &str) -> Result<Option<f64>, FileError> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    let duration = parse_duration(&text).map_err(|error| section.error_at(key, error))?;
    match duration.is_zero() {
        true => Err(section.error_at(key, format!("\"{text}\" cannot be; it must be longer than nothing"))),
        false => Ok(Some(duration.as_secs_f64())),
    }
}

fn read_repetitions(section: &Section<'_>, workload: &WorkloadFile) -> Result<Option<Repetitions>, FileError> {
    let Some(item) = section.get("repetitions") else { return Ok(None) };
    if !item.get_ref().is_table() {
        let fixed = section.whole_of("repetitions", item, 1..=REPETITIONS_MOST)?;
        return Ok(Some(Repetitions::Fixed(fixed as u32)));
    }
    let until = section.section("repetitions", "repetitions of [measure]")?;
    let Some(until) = until else { return Ok(None) };
    until.allow(&["min", "max", "until", "metric"])?;
    let min = until.whole("min", PILOT_LEAST..=REPETITIONS_MOST)?.unwrap_or(PILOT_LEAST);
    let max = until.required("max", until.whole("max", min..=REPETITIONS_MOST)?)?;
    let metric = until.required("metric", until.text("metric")?)?;
    check_metric(&metric, workload).map_err(|error| until.error_at("metric", error))?;
    check_averaged(&metric).map_err(|error| until.error_at("metric", error))?;
    let repetitions = Repetitions::Until { min: min as u32, max: max as u32, until: read_until(&until)?, metric };
    Ok(Some(repetitions))
}

/// More samples of contrasted points: a variance needs more than a mean (statistics notes, section 8, "Pauses").
fn read_pause_repetitions(
    section: &Section<'_>,
    repetitions: &Repetitions,
    claims: &[Claim],
) -> Result<Option<u32>, FileError> {
    let Some(more) = section.whole("pause_repetitions", 1..=REPETITIONS_MOST)? else { return Ok(None) };
    let error = |message: String| Err(section.error_at("pause_repetitions", message));
    match repetitions {
        Repetitions::Until { .. } => error("needs a fixed number of repetitions, such as repetitions = 10".into()),
        Repetitions::Fixed(all) if more < u64::from(*all) => {
            error(format!("{more} is less than repetitions, {all}, which every point has"))
        }
        _ if !claims.iter().any(|claim| matches!(claim.rule, ClaimRule::VarianceRatio { .. })) => {
            error("no [[claim]] of type \"variance-ratio\" names points whose pauses are contrasted".into())
        }
        _ => Ok(Some(more as u32)),
    }
}

fn read_until(section: &Section<'_>) -> Result<f64, FileError> {
    let item = section.required("until", section.get("until"))?;
    let value = match item.get_ref() {
        DeValue::String(text) => text
            .trim()
            .strip_suffix('%')
            .and_then(|percent| percent.trim().parse::<f64>().ok())
            .map(|percent| percent / 100.0),
        value => number(value),
    };
    let must = "be a share above 0 and below 1, such as \"2%\" or 0.02";
    value.filter(|until| *until > 0.0 && *until < 1.0).ok_or_else(|| section.refuse("until", item, must))
}

/// Refuses what a mean over samples says nothing of.
pub(super) fn check_averaged(metric: &str) -> Result<(), String> {
    let why = "pauses' quantiles, and extremes, are never averaged; use pause_mean_ns or pause_variance_ns2";
    if NEVER_AVERAGED.contains(&metric) { Err(format!("\"{metric}\": {why}")) } else { Ok(()) }
}

/// Whether samples.csv has a column of numbers with this name.
pub(super) fn check_metric(metric: &str, workload: &WorkloadFile) -> Result<(), String> {
    // Identifiers and settings of a sample are numbers in the file, but nothing that was measured.
    const SETTINGS: &[&str] = &["sample_id", "procs", "nodes_spanned", "block", "repetition", "order"];
    let is_metric =
        |column: &&Column| matches!(column.kind, Kind::Integer | Kind::Number) && !SETTINGS.contains(&column.name);
    let columns = || SampleRow::COLUMNS.iter().chain(workload.metrics()).filter(is_metric);
    if columns().any(|column| column.name == metric) {
        return Ok(());
    }
    let known: Vec<_> = columns().map(|column| column.name).collect();
    Err(format!("\"{metric}\" is no measured number of samples.csv; known: {known}", known = known.join(", ")))
}
