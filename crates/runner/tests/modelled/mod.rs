//! A small plan, the literal machine of two nodes that it runs on, and the modelled executor that runs it.

#![allow(dead_code, reason = "each test uses some of them")]

use plan::experiment::{Measure, Repetitions};
use plan::manifest::Program;
use plan::point::{Plan, Point};
use plan::record::{Row, SampleRow, Seed};
use plan::topology::Topology;
use runner::executor::Executor;
use runner::modelled::{Modelled, Noise};
use runner::progress::Silent;
use runner::sample::{Failure, Outcome, Sample};
use runner::{Here, ResumeOptions, RunError, RunSummary, Stop, resume, run};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder in memory where there is one: runs sync every row, which a disk takes its time for.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn golden<T>(name: &str, parse: impl Fn(&str) -> T) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
    parse(&fs::read_to_string(folder.join(name)).unwrap())
}

pub(crate) fn topology() -> Topology {
    golden("topology.json", |text| serde_json::from_str(text).unwrap())
}

/// Two arms at 1, 2 and 8 workers, two blocks of short samples.
pub(crate) fn plan() -> Plan {
    let mut plan: Plan = golden("plan.toml", |text| toml::from_str(text).unwrap());
    plan.points.retain(|point| [1, 2, 8].contains(&point.procs));
    plan.measure.repetitions = Repetitions::Fixed(2);
    plan.measure.windows = 4;
    plan.measure.extent = plan::experiment::Extent::Seconds(0.02);
    plan.measure.pause_every_ns = 5_000_000;
    plan
}

pub(crate) fn here() -> Here {
    let program =
        Program { version: "0".into(), commit: "c0ffee".into(), rustc: "rustc".into(), sha256: "ab".repeat(32) };
    Here::modelled(topology(), "<topology/>".into(), program, vec!["numalab".into(), "run".into()])
}

pub(crate) fn modelled() -> Modelled {
    Modelled::new(topology(), model::Parameters::DEFAULT, Noise::DEFAULT)
}

/// Runs `plan` under `root` without any interruption.
pub(crate) fn run_all(root: &Path, plan: &Plan) -> RunSummary {
    run(root, plan, &here(), &mut modelled(), &mut Silent, &AtomicBool::new(false)).unwrap()
}

pub(crate) fn resume_all(dir: &Path) -> Result<RunSummary, RunError> {
    resume_with(dir, ResumeOptions::default(), &here(), &mut modelled())
}

pub(crate) fn resume_with(
    dir: &Path,
    options: ResumeOptions<'_>,
    here: &Here,
    executor: &mut dyn Executor,
) -> Result<RunSummary, RunError> {
    resume(dir, options, here, executor, &mut Silent, &AtomicBool::new(false))
}

pub(crate) fn samples(dir: &Path) -> Vec<SampleRow> {
    let mut reader = csv::Reader::from_path(dir.join("samples.csv")).unwrap();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.unwrap();
        SampleRow::read(&|at| record.get(at).unwrap()).unwrap()
    };
    reader.records().map(row).collect()
}

/// Passes on to the model, and does something before the third sample.
pub(crate) struct Meddled<'a> {
    pub(crate) inner: Modelled,
    pub(crate) made: u32,
    pub(crate) meddle: &'a dyn Fn(),
}

impl Executor for Meddled<'_> {
    fn source(&self) -> &'static str {
        "modelled"
    }

    fn assumes(&self) -> Option<serde_json::Value> {
        self.inner.assumes()
    }

    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop> {
        if self.made == 2 {
            (self.meddle)();
        }
        self.made += 1;
        self.inner.sample(point, measure, seed)
    }

    fn facts(&mut self) -> Vec<(String, Option<String>)> {
        Vec::new()
    }
}

/// Passes on to the model, and raises the interrupt after some samples, or fails some points.
pub(crate) struct Wayward<'a> {
    pub(crate) inner: Modelled,
    pub(crate) interrupt: &'a AtomicBool,
    pub(crate) left: u32,
    pub(crate) fails: Option<&'static str>,
}

impl Executor for Wayward<'_> {
    fn source(&self) -> &'static str {
        "modelled"
    }

    fn assumes(&self) -> Option<serde_json::Value> {
        self.inner.assumes()
    }

    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop> {
        self.left = self.left.saturating_sub(1);
        self.interrupt.store(self.left == 0, Ordering::Relaxed);
        let mut sample = self.inner.sample(point, measure, seed)?;
        if self.fails == Some(point.id.as_str()) {
            sample.outcome = Outcome::Failed(Failure { phase: "touch".into(), cause: "no memory".into() });
        }
        Ok(sample)
    }

    fn facts(&mut self) -> Vec<(String, Option<String>)> {
        vec![("load_1min".into(), Some("0.5".into()))]
    }
}
