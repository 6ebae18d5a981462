//! A results folder: there with all its files or not at all, never used by two runs, summed when the run is complete.
//!
//! It is made under a name that no reader looks at, and takes its own by rename when everything is in it.

use crate::error::RunError;
use crate::executor::Executor;
use crate::journal::{csv_lines, further_columns, title_line};
use crate::manifest::{Here, folder_name, sha256, sha256_of};
use plan::point::Plan;
use plan::record::{FactRow, PauseRow, PointRow, Row, SampleRow, TrafficRow, WindowRow, WorkerRow};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The plan of the run: the truth when it is resumed.
pub const PLAN: &str = "plan.toml";
/// Who measured what, where and with what.
pub const MANIFEST: &str = "manifest.json";
/// The machine as plain data.
pub const TOPOLOGY: &str = "topology.json";
/// The machine as hwloc wrote it.
pub const TOPOLOGY_XML: &str = "topology.xml";
/// Sums of the raw files; its presence says that the run is complete.
pub const SUMS: &str = "SHA256SUMS";

/// The raw files: what this crate writes and nobody changes.
pub const RAW: &[&str] = &[
    FactRow::FILE,
    MANIFEST,
    PauseRow::FILE,
    PLAN,
    PointRow::FILE,
    SampleRow::FILE,
    TOPOLOGY,
    TOPOLOGY_XML,
    TrafficRow::FILE,
    WindowRow::FILE,
    WorkerRow::FILE,
];

/// Makes `root/<experiment>/<host>/<run_id>/` with every file that a run starts with, and gives its path.
///
/// # Errors
/// `File` where a folder or file cannot be made, or the folder is there already.
pub(crate) fn create(
    root: &Path,
    plan: &Plan,
    here: &Here,
    run_id: &str,
    executor: &dyn Executor,
) -> Result<PathBuf, RunError> {
    let parent = root.join(folder_name(&plan.experiment)).join(folder_name(&here.host));
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| RunError::File { path, doing: "create", source }
    };
    make_folders(&parent, &mut sync_dir)?;
    let (dir, part) = (parent.join(run_id), parent.join(format!(".{run_id}.part")));
    fs::create_dir(&part).map_err(failed(&part))?;
    let made = write_start(&part, plan, here, run_id, executor);
    if let Err(error) = made.and_then(|()| fs::rename(&part, &dir).map_err(failed(&dir))) {
        // The error that is returned says more than one about the leftover, whose name no reader looks at.
        let _ = fs::remove_dir_all(&part);
        return Err(error);
    }
    sync_dir(&parent)?;
    Ok(dir)
}

/// Makes a folder and those above it that are missing, and has each that got a new name in it synced: a results folder that
/// survives a power failure is of no use below one that did not.
fn make_folders(path: &Path, sync: &mut dyn FnMut(&Path) -> Result<(), RunError>) -> Result<(), RunError> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    let above = path.parent().unwrap_or(Path::new(""));
    make_folders(above, sync)?;
    match fs::create_dir(path) {
        // Another run may make it at the same moment.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(RunError::NoFolder { path: path.into() });
        }
        made => made.map_err(|source| RunError::File { path: path.into(), doing: "create", source })?,
    }
    sync(if above.as_os_str().is_empty() { Path::new(".") } else { above })
}

/// A name for a run that starts now: sorts by time, and differs between runs of one second.
pub(crate) fn new_run_id() -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let id = sha256(format!("{pid} {nanos}", pid = std::process::id()).as_bytes());
    format!("{stamp}-{id}", stamp = host::clock::utc_stamp(), id = &id[..6])
}

/// Writes every file that a run starts with into an empty folder.
pub(crate) fn write_start(
    dir: &Path,
    plan: &Plan,
    here: &Here,
    run_id: &str,
    executor: &dyn Executor,
) -> Result<(), RunError> {
    let plan_toml = print_plan(dir, plan)?;
    let manifest = here.manifest(plan, &plan_toml, run_id, &host::clock::utc_now(), executor);
    if !here.xml.is_empty() {
        write_whole(dir, TOPOLOGY_XML, here.xml.as_bytes())?;
    }
    write_whole(dir, TOPOLOGY, &json(&here.topology))?;
    write_whole(dir, MANIFEST, &json(&manifest))?;
    write_whole(dir, PLAN, plan_toml.as_bytes())?;
    write_whole(dir, PointRow::FILE, &points_csv(plan))?;
    write_whole(dir, PauseRow::FILE, &title_line::<PauseRow>(&[]))?;
    write_whole(dir, WindowRow::FILE, &title_line::<WindowRow>(&[]))?;
    write_whole(dir, WorkerRow::FILE, &title_line::<WorkerRow>(&[]))?;
    write_whole(dir, TrafficRow::FILE, &title_line::<TrafficRow>(&[]))?;
    write_whole(dir, FactRow::FILE, &title_line::<FactRow>(&[]))?;
    write_whole(dir, SampleRow::FILE, &title_line::<SampleRow>(&further_columns(plan)))
}

/// A plan as TOML that reads back as the same plan.
pub(crate) fn print_plan(dir: &Path, plan: &Plan) -> Result<String, RunError> {
    let unreadable = |what: String| RunError::Unreadable { path: dir.join(PLAN), what };
    let text = toml::to_string(plan).map_err(|error| unreadable(format!("the plan cannot be written: {error}")))?;
    match toml::from_str::<Plan>(&text) {
        Ok(back) if back == *plan => Ok(text),
        _ => Err(unreadable("the plan would not read back as it is".into())),
    }
}

/// Replaces a file whole: written beside it, synced, renamed, the folder synced.
pub(crate) fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), RunError> {
    let path = dir.join(name);
    let beside = dir.join(format!("{name}.part"));
    let written = || -> Result<(), (&'static str, io::Error)> {
        let mut file = File::create(&beside).map_err(|error| ("create", error))?;
        file.write_all(bytes).map_err(|error| ("write", error))?;
        file.sync_all().map_err(|error| ("sync", error))?;
        fs::rename(&beside, &path).map_err(|error| ("rename", error))
    };
    if let Err((doing, source)) = written() {
        // Its own failure adds nothing; a .part file is never read.
        let _ = fs::remove_file(&beside);
        return Err(RunError::File { path, doing, source });
    }
    sync_dir(dir)
}

/// Writes SHA256SUMS over the raw files, `sum  name`, sorted by name: the run is complete.
///
/// # Errors
/// `Taken` for a raw file that is not there, `File`.
pub(crate) fn write_sums(dir: &Path) -> Result<(), RunError> {
    let mut text = String::new();
    for name in RAW {
        match sum(dir, name)? {
            Some(sum) => text.push_str(&format!("{sum}  {name}\n")),
            // Only of machines that hwloc read is there an XML.
            None if *name == TOPOLOGY_XML => {}
            None => return Err(RunError::Taken { path: dir.join(name) }),
        }
    }
    write_whole(dir, SUMS, text.as_bytes())
}

/// Whether the run is complete: SHA256SUMS names samples.csv. Its raw files are then what they were.
///
/// # Errors
/// `Changed` for a raw file that is not, `File`.
pub(crate) fn check_sums(dir: &Path) -> Result<bool, RunError> {
    let path = dir.join(SUMS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(RunError::File { path, doing: "read", source }),
    };
    let short = |sum: &str| format!("{}…", sum.chars().take(12).collect::<String>());
    let mut complete = false;
    for (expected, name) in text.lines().filter_map(|line| line.split_once("  ")) {
        // `report` adds the lines of derived files, which are not the run's.
        if RAW.contains(&name) {
            complete |= name == SampleRow::FILE;
            let found = sum(dir, name)?;
            if found.as_deref() != Some(expected) {
                let found = found.map_or_else(|| "no such file".into(), |sum| short(&sum));
                return Err(RunError::Changed { path: dir.join(name), expected: short(expected), found });
            }
        }
    }
    Ok(complete)
}

/// Sum of a file; `None` where it is not there.
fn sum(dir: &Path, name: &str) -> Result<Option<String>, RunError> {
    let path = dir.join(name);
    match File::open(&path).and_then(|mut file| sha256_of(&mut file)) {
        Ok(sum) => Ok(Some(sum)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RunError::File { path, doing: "read", source }),
    }
}

/// Makes names in a folder survive a power failure.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), RunError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| RunError::File { path: dir.into(), doing: "sync", source })
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data becomes JSON");
    bytes.push(b'\n');
    bytes
}

/// points.csv of a plan.
pub fn points_csv(plan: &Plan) -> Vec<u8> {
    let mut csv = title_line::<PointRow>(&plan.factors);
    csv.extend(csv_lines(plan.point_cells()));
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_that_got_a_new_name_is_synced() {
        let root = tempfile::tempdir().unwrap();
        let check = |path: &str, expect: &[&str]| {
            let mut synced = Vec::new();
            let mut sync = |dir: &Path| {
                synced.push(dir.strip_prefix(root.path()).unwrap().to_string_lossy().into_owned());
                Ok(())
            };
            make_folders(&root.path().join(path), &mut sync).unwrap();
            assert_eq!(synced, expect, "{path}");
            assert!(root.path().join(path).is_dir(), "{path}");
        };
        check("results/binding/host", &["", "results", "results/binding"]);
        check("results/binding/host", &[]);
        check("results/other/host", &["results", "results/other"]);
        check("", &[]);
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("results"), "").unwrap();
        let error = make_folders(&root.path().join("results/binding"), &mut sync_dir).unwrap_err().to_string();
        assert!(error.contains("results: it is there and is no folder"), "{error}");
    }
}
