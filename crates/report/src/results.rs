//! A results folder as data: what the runner wrote, and what follows from it.
//!
//! [`open`] reads the small files whole and samples.csv by column; windows and pauses are read
//! and only figures of them kept, and workers and traffic are left on disk. [`Derived`] is what `derive` makes of it; figures and tables are drawn
//! from these two and nothing else.

use crate::drift::drift_note;
use crate::error::ReportError;
use crate::pauses::{Pauses, PooledPauses, read_pauses};
use crate::samples::{MODELLED, Samples, read_samples};
use crate::sums::{check_sum, read_sums, same_sum};
use crate::table::{Block, Ended, Table, column};
use crate::threads::with_threads;
use crate::update::raw_names;
use crate::warmup::{Warmup, cut_warmups};
use plan::manifest::{FORMAT, Manifest, TOPOLOGY_UNSURE};
use plan::point::Plan;
use plan::record::{
    AuditRow, ClaimRow, FactRow, FitRow, KneeRow, PrintedRow, Row, SampleRow, SummaryRow, Timing, titles,
};
use plan::topology::Topology;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A results folder, read.
#[derive(Debug, Clone)]
pub struct Results {
    /// Where it is.
    pub dir: PathBuf,
    /// Who measured what, where and with what.
    pub manifest: Manifest,
    /// What was to be measured.
    pub plan: Plan,
    /// The machine.
    pub topology: Topology,
    /// samples.csv, by column; throughput and bandwidth without the warm-up of their point.
    pub samples: Samples,
    /// What was cut from them, shape `[points]`; `None` where a point has no warm-up.
    pub warmups: Vec<Option<Warmup>>,
    /// The pauses of the samples whose pauses a claim compares, by row of samples.csv, in ns.
    pub(crate) compared_pauses: Arc<HashMap<u32, Vec<f64>>>,
    /// Quantiles of all pauses of a point, shape `[points]`; empty without pauses.csv.
    pub(crate) pooled_pauses: Vec<PooledPauses>,
    /// Whether the run came to its end: then SHA256SUMS covers the raw files.
    pub complete: bool,
    /// What a reader of the report should know about the folder itself, one line each.
    pub notes: Vec<String>,
}

/// What follows from a [`Results`], and what its derived files hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// summary.csv.
    pub summary: Vec<SummaryLine>,
    /// fits.csv.
    pub fits: Vec<FitRow>,
    /// claims.csv.
    pub claims: Vec<ClaimRow>,
    /// tables/audit.csv; none where the plan has no audit.
    pub audit: Vec<AuditRow>,
    /// tables/knee.csv; none where the plan has no knee.
    pub knee: Vec<KneeRow>,
    /// tables/printed.csv; none where the plan has no `[printed]`.
    pub printed: Vec<PrintedRow>,
}

impl Results {
    /// Why nothing of this folder says anything about a machine, where that is so: the manifest says it, or any row does. A
    /// modelled row among measured ones takes part in fits and means, so that it spoils all and not only its point.
    pub fn modelled(&self) -> Option<String> {
        let (manifest, rows, all) = (&self.manifest, self.samples.modelled, self.samples.len());
        if manifest.timing == Timing::Modelled || manifest.source == MODELLED || rows == all && all > 0 {
            return Some("computed by the model, not measured".into());
        }
        let verb = if rows == 1 { "was" } else { "were" };
        (rows > 0).then(|| format!("{rows} of {all} samples {verb} computed by the model, not measured"))
    }

    /// How far times of this folder can be believed: what the manifest says, or the sample that is believed least.
    pub(crate) fn timing(&self) -> Timing {
        match self.modelled() {
            Some(_) => Timing::Modelled,
            None => self.samples.timing.map_or(self.manifest.timing, |least| least.max(self.manifest.timing)),
        }
    }

    /// The same with the throughput of whole samples, warm-up included.
    pub(crate) fn with_whole_samples(&self) -> Results {
        let mut results = self.clone();
        results.samples.restore_throughput();
        results
    }
}

/// A row of summary.csv with the levels of the plan's further factors.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryLine {
    /// The fixed columns.
    pub row: SummaryRow,
    /// One level for each of [`Plan::factors`], in their order.
    pub factors: Vec<String>,
}

/// Reads a results folder. The raw files of a complete run must be what SHA256SUMS says; an unfinished one has no sums yet.
///
/// # Errors
/// `Changed` for a raw file that is not what it was; else which file, which line, what was found there and what was
/// expected.
pub fn open(dir: &Path) -> Result<Results, ReportError> {
    with_threads(|| open_checked(dir))
}

fn open_checked(dir: &Path) -> Result<Results, ReportError> {
    let sums = read_sums(dir)?;
    let Some(of_samples) = sums.get(SampleRow::FILE) else { return Ok(read(dir)?.0) };
    let others = raw_names().filter(|name| *name != SampleRow::FILE);
    let others: Vec<_> = others.filter_map(|name| Some((name, sums.get(name)?))).collect();
    let check_others = || others.par_iter().try_for_each(|(name, sum)| check_sum(dir, name, sum));
    // samples.csv is read once: its sum is made on the way.
    let (results, checked) = rayon::join(|| read(dir), check_others);
    checked?;
    match results {
        Ok((results, sum)) => same_sum(dir, SampleRow::FILE, sum.as_deref(), of_samples).map(|()| results),
        // A line that cannot be read says less than that the file was changed.
        Err(error) => check_sum(dir, SampleRow::FILE, of_samples).and(Err(error)),
    }
}

/// As [`open`], whatever the sums are: for `verify`, which tells them all.
pub(crate) fn open_unchecked(dir: &Path) -> Result<Results, ReportError> {
    Ok(read(dir)?.0)
}

/// Reads a folder; also the sum of samples.csv where the run is complete.
fn read(dir: &Path) -> Result<(Results, Option<String>), ReportError> {
    for file in ["manifest.json", "plan.toml", "topology.json", SampleRow::FILE] {
        if !dir.join(file).is_file() {
            return Err(ReportError::NotAResultsFolder { dir: dir.into(), file });
        }
    }
    let manifest = read_manifest(&dir.join("manifest.json"))?;
    let plan = read_plan(&dir.join("plan.toml"))?;
    let topology = read_json(&dir.join("topology.json"))?;
    let complete = read_sums(dir)?.contains_key(SampleRow::FILE);
    let (mut samples, Ended { torn, sum }) = read_samples(&dir.join(SampleRow::FILE), &plan, complete)?;
    let (warmups, unsteady) = cut_warmups(dir, &plan, &mut samples)?;
    let Pauses { compared, pooled: pooled_pauses } = read_pauses(dir, &plan, &samples)?;
    let compared_pauses = Arc::new(compared);
    let mut notes = Vec::new();
    if let Some(session) = &manifest.session {
        let (number, of, build, series) = (session.number, session.sessions, session.build, &session.series);
        notes.push(format!(
            "session {number} of {of} of build {build}, series {series}; numalab compare compares both builds"
        ));
    }
    if let Some(unsure) = manifest.machine.get(TOPOLOGY_UNSURE) {
        notes.push(format!("topology: {unsure}"));
    }
    if !complete {
        notes.push("the run is unfinished: SHA256SUMS does not cover its raw files yet".into());
    }
    if let Some(line) = torn {
        notes.push(format!("samples.csv:{line}: torn last line left out; resuming the run cuts it off"));
    }
    notes.extend(drift_note(&samples));
    if samples.modelled > 0 && manifest.source != MODELLED {
        let (rows, all) = (samples.modelled, samples.len());
        notes.push(format!(
            "samples.csv: {rows} of {all} samples say that a model computed them, in a run that was measured"
        ));
    }
    notes.extend(unsteady);
    notes.extend(run_notes(&dir.join(FactRow::FILE))?);
    let dir = dir.into();
    let results =
        Results { dir, manifest, plan, topology, samples, warmups, compared_pauses, pooled_pauses, complete, notes };
    Ok((results, sum))
}

/// What the run had to say about itself: what a budget did, which points did not settle.
fn run_notes(path: &Path) -> Result<Vec<String>, ReportError> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let (fact, value) = (column::<FactRow>("fact"), column::<FactRow>("value"));
    let notes_in = |block: Block<'_>| {
        let mut notes = Vec::new();
        block.each_row(|row| {
            if row.text(fact) == "note" {
                notes.push(row.text(value).to_string());
            }
            Ok(())
        })?;
        Ok(notes)
    };
    let mut notes = Vec::new();
    Table::open(path, &titles::<FactRow>())?.summed(false).read(notes_in, |found, _| notes.extend(found))?;
    Ok(notes)
}

pub(crate) fn read_manifest(path: &Path) -> Result<Manifest, ReportError> {
    /// Enough of any version's manifest to tell its format.
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = read_json(path)?;
    if format > FORMAT {
        return Err(ReportError::NewerFormat { path: path.into(), found: format, known: FORMAT });
    }
    read_json(path)
}

pub(crate) fn read_plan(path: &Path) -> Result<Plan, ReportError> {
    let text = read_text(path)?;
    toml::from_str(&text).map_err(|source| ReportError::Toml { path: path.into(), source: Box::new(source) })
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|source| ReportError::Json { path: path.into(), source })
}

fn read_text(path: &Path) -> Result<String, ReportError> {
    fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.into(), source })
}
