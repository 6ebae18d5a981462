//! Reads an experiment file and tells where exactly it is wrong.

use super::audit::read_audit;
use super::table::{Section, Source};
use super::{ArmFile, ExperimentFile, PausesFile, StoppedWork, arms, claims, knee, measure, printed, sweep};
use crate::audit::Audit;
use crate::published::Published;
use crate::quantity::{parse_bytes, parse_duration};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::DeTable;

/// Experiment files and published tables are a page long; whatever is larger is another file.
const FILE_BYTES_MOST: u64 = 1 << 20;

/// What is wrong with an experiment file or one that is read beside it, with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{line}: {message}", line = Line(*line))]
pub struct FileError {
    /// Path as given.
    pub path: String,
    /// Line, from 1; `None` where it is about the file as a whole.
    pub line: Option<usize>,
    /// What was found and what is known.
    pub message: String,
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(out, ":{line}"))
    }
}

/// Reads and checks one experiment file.
///
/// # Errors
/// One line: where, what was found, what is known.
pub fn read_experiment(path: &Path) -> Result<ExperimentFile, FileError> {
    let name = path.display().to_string();
    let text = read_text(path, "experiment file", "experiments/numa-binding.toml")?;
    parse_experiment(&name, &text)
}

/// Checks the text of an experiment file; `path` is what messages call it, and a published table that it names lies
/// relative to it.
///
/// # Errors
/// As [`read_experiment`].
pub fn parse_experiment(path: &str, text: &str) -> Result<ExperimentFile, FileError> {
    let source = Source { path, text };
    let root = root_of(source, "experiments/README.md tells what an experiment holds")?;
    read_root(&Section::new(source, "the file", 0, root.get_ref()))
}

/// The tables of a file's text; `help` is said of an empty one.
pub(super) fn root_of<'a>(source: Source<'a>, help: &str) -> Result<Spanned<DeTable<'a>>, FileError> {
    let Source { path, text } = source;
    if text.trim().is_empty() {
        return Err(FileError { path: path.into(), line: None, message: format!("the file is empty; {help}") });
    }
    DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let found = text.get(span.clone()).filter(|found| !found.is_empty() && found.len() < 64);
        let found = found.map_or(String::new(), |found| format!(": {found}", found = found.escape_debug()));
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        source.error(span.start, format!("{message}{found}"))
    })
}

fn read_root(root: &Section<'_>) -> Result<ExperimentFile, FileError> {
    root.allow(&[
        "name",
        "question",
        "expect",
        "published",
        "printed",
        "audit",
        "workload",
        "pauses",
        "sweep",
        "arm",
        "measure",
        "claim",
        "knee",
        "scheduler",
        "go",
    ])?;
    let name = root.name("name")?;
    let workload = root.section("workload", "[workload]")?;
    let workload = root.required("[workload]", workload)?;
    let written_sweep = root.section("sweep", "[sweep]")?;
    let written_sweep = root.required("[sweep]", written_sweep)?;
    let (workload, settings, sweep) = sweep::read_sweep(root, &workload, &written_sweep)?;
    let arms = read_arms(root)?;
    let claims = claims::read_claims(root, &arms, &workload, &sweep)?;
    Ok(ExperimentFile {
        path: root.source.path.into(),
        name,
        question: root.sentence("question")?,
        expect: root.text("expect")?.unwrap_or_default(),
        printed: printed::read_printed(root, &workload, &sweep)?,
        published: read_published(root)?,
        audit: read_audit_named(root)?,
        pauses: read_pauses(root)?,
        settings,
        measure: measure::read_measure(root.section("measure", "[measure]")?.as_ref(), &workload, &claims)?,
        knee: knee::read_knee(root, &arms, &sweep)?,
        workload,
        sweep,
        arms,
        claims,
    })
}

fn read_published(root: &Section<'_>) -> Result<Option<Published>, FileError> {
    let Some(named) = root.text("published")? else { return Ok(None) };
    let (path, text) = read_beside(root, "published", &named, "published table", "published/numa_binding.csv")?;
    Published::parse(&path, &text).map(Some)
}

/// Path and text of a table that a key names relative to the file. That it cannot be read is about the line that names it;
/// what is wrong in it has lines of its own.
pub(super) fn read_beside(
    section: &Section<'_>,
    key: &str,
    named: &str,
    what: &str,
    such_as: &str,
) -> Result<(String, String), FileError> {
    let path = beside(section, named);
    let text = read_text(&path, what, such_as).map_err(|error| section.error_at(key, error))?;
    Ok((path.display().to_string(), text))
}

fn beside(section: &Section<'_>, named: &str) -> PathBuf {
    Path::new(section.source.path).parent().unwrap_or(Path::new("")).join(named)
}

/// The audit that an experiment belongs to; what is wrong in it has lines of its own.
fn read_audit_named(root: &Section<'_>) -> Result<Option<Audit>, FileError> {
    let Some(named) = root.text("audit")? else { return Ok(None) };
    match read_audit(&beside(root, &named)) {
        Err(error) if error.line.is_none() => Err(root.error_at("audit", error)),
        read => read.map(Some),
    }
}

/// The text of a small file that people write, which is `what`; a message names one `such_as` it.
///
/// # Errors
/// One line: the path, and why it cannot be such a file.
pub fn read_text(path: &Path, what: &str, such_as: &str) -> Result<String, FileError> {
    let name = path.display().to_string();
    let whole = |message: String| FileError { path: name.clone(), line: None, message };
    let cannot = |error: std::io::Error| {
        let advice = crate::remedy::advice(crate::remedy::of_reading(&error));
        whole(format!("cannot read the {what}: {error}{advice}"))
    };
    let kind = std::fs::metadata(path).map_err(cannot)?;
    if kind.is_dir() {
        return Err(whole(format!("is a directory; name a file such as {such_as}")));
    }
    let too_large = || whole(format!("is larger than {FILE_BYTES_MOST} bytes; that is no {what}"));
    if kind.len() > FILE_BYTES_MOST {
        return Err(too_large());
    }
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    // A pipe or a device tells no length: the limit must hold while reading, too.
    file.take(FILE_BYTES_MOST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > FILE_BYTES_MOST {
        return Err(too_large());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        let message = format!("byte {valid} of the file is not UTF-8; save it as UTF-8 text");
        FileError { path: name.clone(), line: Some(line), message }
    })
}

fn read_arms(root: &Section<'_>) -> Result<Vec<ArmFile>, FileError> {
    let sections = root.sections("arm")?;
    if sections.is_empty() {
        let message = "no [[arm]]; at least one is needed, and [[arm]] with name = \"unbound\" alone is the kernel's own placement";
        return Err(root.error(message));
    }
    let mut arms: Vec<ArmFile> = Vec::new();
    for section in &sections {
        let arm = arms::read_arm(section)?;
        if let Some(first) = arms.iter().find(|first| first.name == arm.name) {
            let message = format!("\"{name}\" is the arm of line {line} already", name = arm.name, line = first.line);
            return Err(section.error_at("name", message));
        }
        arms.push(arm);
    }
    Ok(arms)
}

fn read_pauses(root: &Section<'_>) -> Result<PausesFile, FileError> {
    let mut pauses = PausesFile { every_ns: Some(10_000_000), stopped_work: StoppedWork::None, stopped_work_line: 0 };
    let Some(section) = root.section("pauses", "[pauses]")? else { return Ok(pauses) };
    section.allow(&["every", "stopped_work"])?;
    if let Some(every) = section.text("every")? {
        pauses.every_ns = match every.as_str() {
            "never" => None,
            _ => {
                let duration = parse_duration(&every).map_err(|error| section.error_at("every", error))?;
                // Below this the world would be stopped most of the time; above, no sample sees a pause.
                let range = 100_000..=3_600_000_000_000u128;
                if !range.contains(&duration.as_nanos()) {
                    let message = format!("\"{every}\" cannot be; it must be from 100us to 1h, or \"never\"");
                    return Err(section.error_at("every", message));
                }
                Some(duration.as_nanos() as u64)
            }
        };
    }
    if let Some(work) = section.text("stopped_work")? {
        pauses.stopped_work_line = section.line_of("stopped_work");
        pauses.stopped_work = match work.split_once(':') {
            None if work == "none" => StoppedWork::None,
            Some(("scan", size)) => {
                let bytes = parse_bytes(size).map_err(|error| section.error_at("stopped_work", error))?;
                match bytes {
                    0 => return Err(section.error_at("stopped_work", "a scan of 0 bytes cannot be; write \"none\"")),
                    _ => StoppedWork::Scan { bytes },
                }
            }
            _ => {
                let message = format!("\"{work}\" is none of none, scan:SIZE (such as scan:16MiB)");
                return Err(section.error_at("stopped_work", message));
            }
        };
    }
    Ok(pauses)
}
