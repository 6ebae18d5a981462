//! Keys of claims about a curve: a place on the axis, and the part of it that the claim is about.

use super::FileError;
use super::claims::most_of;
use super::table::{Section, whole};
use crate::claim::{ClaimRule, Trend, times_procs};
use crate::point::PROCS;
use crate::reach::{Reach, level_of};
use toml::de::DeValue;

/// Boundaries of a machine that a knee can be near.
const BOUNDARIES: &[&str] = &["core", "llc", "node", "package"];

pub(super) fn read_threshold(section: &Section<'_>, metric: String, axis: &str) -> Result<ClaimRule, FileError> {
    let (near, reach) = (read_near(section, axis)?, read_reach(section, axis)?);
    // A boundary of the machine has no number before one is there.
    let inside = |procs| level_of(&near, procs).is_none_or(|near| reach.holds(near.round() as u32, procs));
    if !inside(1000) && !inside(1) {
        let words = reach.in_words(axis);
        return Err(section.error_at("near", format!("{near} does not lie {words}, where the claim looks")));
    }
    let trend = section.required("trend", section.parsed::<Trend>("trend")?)?;
    let factor = section.number("factor", 1.0..=f64::MAX, "be a number above 1")?;
    match section.required("factor", factor)? {
        1.0 => Err(section.error_at("factor", "must be above 1: so many times lower or higher past the threshold")),
        factor => Ok(ClaimRule::Threshold { metric, near, reach, trend: Some(trend), factor: Some(factor) }),
    }
}

pub(super) fn read_reach(section: &Section<'_>, axis: &str) -> Result<Reach, FileError> {
    let end = |key| section.get(key).map(|_| read_level(section, key, axis, &[])).transpose();
    let reach = Reach { from: end("from")?, to: end("to")? };
    let (Some(from), Some(to)) = (&reach.from, &reach.to) else { return Ok(reach) };
    // In one unit they can be compared; in two they cannot before there are procs.
    let is_of_procs = times_procs(from).is_some();
    if is_of_procs == times_procs(to).is_some() && level_of(from, 1) >= level_of(to, 1) {
        return Err(section.error_at("to", format!("{to} is not above from, {from}")));
    }
    Ok(reach)
}

pub(super) fn read_near(section: &Section<'_>, axis: &str) -> Result<String, FileError> {
    read_level(section, "near", axis, BOUNDARIES)
}

/// A place on the axis: of `named`, a number, or, over another axis than procs, so many times procs.
fn read_level(section: &Section<'_>, key: &str, axis: &str, named: &[&str]) -> Result<String, FileError> {
    let item = section.required(key, section.get(key))?;
    let over_procs = axis == PROCS;
    let number = match item.get_ref() {
        DeValue::String(text) if over_procs && named.contains(&text.as_ref()) => return Ok(text.to_string()),
        DeValue::String(text) if !over_procs && times_procs(text).is_some() => return Ok(text.to_string()),
        DeValue::String(text) => text.parse().ok(),
        value => whole(value),
    };
    let must = || match (over_procs, named) {
        (true, []) => "be a number of workers".into(),
        (true, named) => format!("be one of {known}, or a number of workers", known = named.join(", ")),
        (false, _) => format!("be a number of {axis}, or so many times procs, such as \"2.5 procs\""),
    };
    let number = number.filter(|number| (1..=most_of(axis)).contains(number));
    number.map(|number| number.to_string()).ok_or_else(|| section.refuse(key, item, must()))
}
