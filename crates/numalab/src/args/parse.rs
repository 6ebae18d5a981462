//! Values of flags from their text; what is wrong with one is said after clap's own words.

use super::PauseEvery;
use plan::experiment::Procs;
use plan::record::Timing;
use runner::modelled::Noise;

/// `2%` or `0.02`.
fn share(text: &str) -> Option<f64> {
    match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.trim().parse().ok(),
    }
}

pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let within = share(text).filter(|share| *share > 0.0 && *share < 1.0);
    within.ok_or("must be above 0 and below 1, such as 2%".into())
}

pub(crate) fn parse_margin(text: &str) -> Result<f64, String> {
    let within = share(text).filter(|noise| (0.0..1.0).contains(noise));
    within.ok_or("must be a share from 0 and below 1, such as 2% or 0.02".into())
}

pub(super) fn parse_sessions(text: &str) -> Result<u32, String> {
    let (least, most) = (plan::session::SESSIONS.start(), plan::session::SESSIONS.end());
    match text.parse() {
        Ok(sessions) if plan::session::SESSIONS.contains(&sessions) => Ok(sessions),
        _ => Err(format!("must be a whole number from {least} to {most}: fewer decide nothing")),
    }
}

pub(super) fn parse_level(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(level) if level > 0.0 && level < 1.0 => Ok(level),
        _ => Err("must lie between 0 and 1, such as 0.95".into()),
    }
}

pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("must be a number of seconds above 0, at most 86400".into()),
    }
}

pub(super) fn parse_budget(text: &str) -> Result<f64, String> {
    plan::quantity::parse_duration(text).map(|budget| budget.as_secs_f64())
}

pub(super) fn parse_pauses(text: &str) -> Result<PauseEvery, String> {
    if text == "never" {
        return Ok(PauseEvery(None));
    }
    let every = plan::quantity::parse_duration(text)?;
    u64::try_from(every.as_nanos()).map(|ns| PauseEvery(Some(ns))).map_err(|_| format!("\"{text}\" is too long"))
}

pub(super) fn parse_noise(text: &str) -> Result<Noise, String> {
    let within = share(text).filter(|sd| (0.0..=1.0).contains(sd));
    let noise = within.map(|sd| Noise { throughput_sd: sd, ..Noise::DEFAULT });
    noise.ok_or("must be a standard deviation from 0 to 1, such as 0.02 or 2%".into())
}

pub(super) fn parse_timing(text: &str) -> Result<Timing, String> {
    match text.parse() {
        Ok(timing @ (Timing::Hardware | Timing::Virtual | Timing::Emulated)) => Ok(timing),
        _ => Err("must be hardware, virtual or emulated; what is modelled is asked for with --modelled".into()),
    }
}

pub(super) fn parse_procs(text: &str) -> Result<Procs, String> {
    text.parse().map_err(|error| format!("{error}"))
}
