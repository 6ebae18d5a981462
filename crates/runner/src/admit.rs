//! Whether a results folder may be gone on with: the same plan, machine, program and kind of executor, in words where not.

use crate::error::RunError;
use crate::executor::Executor;
use crate::folder::{MANIFEST, PLAN, TOPOLOGY, TOPOLOGY_XML};
use crate::manifest::{Here, sha256};
use crate::modelled::{Assumed, MODELLED};
use plan::manifest::{FORMAT, Manifest};
use plan::point::Plan;
use plan::topology::{Conditions, RuntimeProgram, Topology};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Differences that a message names; the rest is counted.
const NAMED_MOST: usize = 3;

/// The plan of a folder: the truth, whatever the experiment file says by now.
///
/// # Errors
/// `NoRun` where there is none, `Unreadable`, `File`.
pub fn read_plan(dir: &Path) -> Result<Plan, RunError> {
    let text = read(dir, PLAN)?.ok_or_else(|| missing(dir, PLAN))?;
    toml::from_str(&text).map_err(|error| RunError::Unreadable { path: dir.join(PLAN), what: error.message().into() })
}

/// The machine of a modelled run and what the model assumed, so that it can be resumed anywhere.
#[derive(Debug, Clone)]
pub struct ModelledMachine {
    /// The machine.
    pub topology: Topology,
    /// hwloc's XML of it; empty where there is none.
    pub xml: String,
    /// What the model assumed.
    pub assumed: Assumed,
}

/// The machine of a modelled run; `None` for a live run.
///
/// # Errors
/// `NoRun` where the folder does not say, `Unreadable`, `File`.
pub fn modelled_machine(dir: &Path) -> Result<Option<ModelledMachine>, RunError> {
    let manifest = manifest_of(dir)?;
    if manifest.source != MODELLED {
        return Ok(None);
    }
    let topology = read_json(dir, TOPOLOGY)?.ok_or_else(|| missing(dir, TOPOLOGY))?;
    let model = manifest.model.ok_or_else(|| RunError::NoRun {
        dir: dir.into(),
        why: format!("its {MANIFEST} does not say what the model assumed"),
    })?;
    let assumed = serde_json::from_value(model);
    let assumed =
        assumed.map_err(|error| RunError::Unreadable { path: dir.join(MANIFEST), what: format!("model: {error}") })?;
    let xml = read(dir, TOPOLOGY_XML)?.unwrap_or_default();
    Ok(Some(ModelledMachine { topology, xml, assumed }))
}

/// The manifest of a folder that must have one.
///
/// # Errors
/// `NoRun` where there is none, `Unreadable`, `File`.
pub(crate) fn manifest_of(dir: &Path) -> Result<Manifest, RunError> {
    read_manifest(dir)?.ok_or_else(|| missing(dir, MANIFEST))
}

fn missing(dir: &Path, file: &str) -> RunError {
    let why = if dir.is_dir() { format!("it holds no {file}") } else { "no such results folder".into() };
    RunError::NoRun { dir: dir.into(), why }
}

/// The manifest of a folder; `None` where the run was cut off before it was written.
///
/// # Errors
/// `Unreadable`, `File`.
pub(crate) fn read_manifest(dir: &Path) -> Result<Option<Manifest>, RunError> {
    read_json(dir, MANIFEST)
}

/// Refuses a plan that is not the folder's.
///
/// # Errors
/// `Other` names the first differences.
pub(crate) fn check_plan(dir: &Path, then: &Plan, now: &Plan) -> Result<(), RunError> {
    let value = |plan: &Plan| {
        // Notes are for people; they may tell of free memory.
        let plan = Plan { notes: Vec::new(), ..plan.clone() };
        serde_json::to_value(plan).expect("plain data becomes JSON")
    };
    match differences(&value(then), &value(now)) {
        None => Ok(()),
        Some(differs) => Err(RunError::Other { dir: dir.into(), what: "the plan", differs }),
    }
}

/// Refuses a plan.toml that is not the one the run began with: samples of two plans would be taken together.
///
/// # Errors
/// `Other`, `File`.
pub(crate) fn check_plan_file(dir: &Path, manifest: &Manifest) -> Result<(), RunError> {
    let found = sha256(read(dir, PLAN)?.unwrap_or_default().as_bytes());
    if found == manifest.plan_sha256 {
        return Ok(());
    }
    let differs = format!("{PLAN} was changed after the run began; restore it, or start a new run");
    Err(RunError::Other { dir: dir.into(), what: "the plan", differs })
}

/// Refuses another machine, program, format or kind of executor than the manifest's.
///
/// # Errors
/// `Other` says what differs, then and now.
pub(crate) fn check_here(
    dir: &Path,
    manifest: &Manifest,
    here: &Here,
    executor: &dyn Executor,
) -> Result<(), RunError> {
    let other = |what, differs| Err(RunError::Other { dir: dir.into(), what, differs });
    if manifest.format != FORMAT {
        let differs = format!("the folder has format {then}, this program writes {FORMAT}", then = manifest.format);
        return other("the format", differs);
    }
    if manifest.source != executor.source() {
        let (then, now) = (&manifest.source, executor.source());
        return other("the source", format!("it was {then} and is {now}"));
    }
    let model = |model: &Option<Value>| model.clone().unwrap_or_default();
    if let Some(differs) = differences(&model(&manifest.model), &model(&executor.assumes())) {
        return other("the model", differs);
    }
    if manifest.machine_sha256 != here.machine_sha256() {
        let then: Option<Topology> = read_json(dir, TOPOLOGY)?;
        return other("the machine", here.differs_from(manifest, then.as_ref()));
    }
    let grants = |conditions: &Conditions| {
        // How many huge pages are free changes by itself.
        let lasting = Conditions { huge_pages: Vec::new(), programs: BTreeMap::new(), ..conditions.clone() };
        serde_json::to_value(lasting).expect("plain data becomes JSON")
    };
    if let Some(differs) = differences(&grants(&manifest.conditions), &grants(&here.conditions)) {
        return other("what the host grants", differs);
    }
    let programs = |programs: &BTreeMap<String, RuntimeProgram>| serde_json::to_value(programs).unwrap_or_default();
    let then = &manifest.conditions.programs;
    let now = crate::subject::programs(then.keys().map(String::as_str));
    if let Some(differs) = differences(&programs(then), &programs(&now)) {
        return other("the program of another runtime", differs);
    }
    if manifest.timing != here.timing {
        let differs = format!("it was {then} and is {now}", then = manifest.timing, now = here.timing);
        return other("the trust in times", differs);
    }
    if manifest.program.sha256 != here.program.sha256 {
        let name = |program: &plan::manifest::Program| {
            let sum: String = program.sha256.chars().take(12).collect();
            format!("{version} of commit {commit} ({sum}…)", version = program.version, commit = program.commit)
        };
        let (then, now) = (name(&manifest.program), name(&here.program));
        return other("the program", format!("it was {then} and is {now}"));
    }
    Ok(())
}

/// The first differences between two trees, `path was THEN and is NOW`; `None` for equal ones.
pub(crate) fn differences(then: &Value, now: &Value) -> Option<String> {
    let mut found = Vec::new();
    compare(String::new(), then, now, &mut found);
    let more = found.len().saturating_sub(NAMED_MOST);
    found.truncate(NAMED_MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!found.is_empty()).then(|| format!("{named}{rest}", named = found.join(", ")))
}

fn compare(path: String, then: &Value, now: &Value, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let keys = then.keys().chain(now.keys().filter(|key| !then.contains_key(*key)));
            for key in keys {
                let of = |tree: &serde_json::Map<String, Value>| tree.get(key).cloned().unwrap_or_default();
                compare(below(key), &of(then), &of(now), found);
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.for_each(|(at, (then, now))| compare(below(&at.to_string()), then, now, found));
        }
        (Value::Array(then), Value::Array(now)) => {
            found.push(format!("{path} had {then} entries and has {now}", then = then.len(), now = now.len()));
        }
        (then, now) if then != now => found.push(format!("{path} was {then} and is {now}")),
        _ => {}
    }
}

fn read(dir: &Path, name: &str) -> Result<Option<String>, RunError> {
    let path = dir.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(RunError::File { path, doing: "read", source }),
    }
}

fn read_json<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>, RunError> {
    let Some(text) = read(dir, name)? else { return Ok(None) };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| RunError::Unreadable { path: dir.join(name), what: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_and_counted() {
        let check = |then: Value, now: Value, expect: Option<&str>| {
            assert_eq!(differences(&then, &now).as_deref(), expect);
        };
        check(json!({"a": 1}), json!({"a": 1}), None);
        check(json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), Some("a.b was 1 and is 2"));
        check(json!({"a": [1, 2]}), json!({"a": [1]}), Some("a had 2 entries and has 1"));
        check(json!({"a": 1}), json!({}), Some("a was 1 and is null"));
        check(
            json!([1, 2, 3, 4, 5]),
            json!([0, 0, 0, 0, 0]),
            Some("0 was 1 and is 0, 1 was 2 and is 0, 2 was 3 and is 0 and 2 more"),
        );
    }
}
