//! What facts.csv tells of single samples, and what a run makes of it: time that is spent, and points that had not settled.

#![allow(clippy::unwrap_used, reason = "tests")]

mod modelled;

use modelled::{Wayward, folder, here, modelled, plan, resume_all, run_all, samples};
use plan::experiment::{Measure, Repetitions};
use plan::point::Point;
use plan::record::Seed;
use runner::executor::Executor;
use runner::modelled::Modelled;
use runner::progress::Silent;
use runner::sample::{Outcome, Sample};
use runner::{Stop, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The facts of samples, `(sample, what, value)`, as a script reads them.
fn sample_facts(dir: &Path) -> Vec<(u64, String, String)> {
    let mut reader = csv::Reader::from_path(dir.join("facts.csv")).unwrap();
    let fact = |record: csv::StringRecord| {
        let (id, what) = record[3].strip_prefix("sample_")?.split_once('_')?;
        Some((id.parse().unwrap(), what.into(), record[4].into()))
    };
    reader.records().filter_map(|record| fact(record.unwrap())).collect()
}

/// Passes on to the model, and says something of each sample; the first of `p00` and all of `p01` had not settled.
struct Talking {
    inner: Modelled,
    seen: BTreeSet<String>,
}

fn talking() -> Talking {
    Talking { inner: modelled(), seen: BTreeSet::new() }
}

impl Executor for Talking {
    fn source(&self) -> &'static str {
        "modelled"
    }

    fn assumes(&self) -> Option<serde_json::Value> {
        self.inner.assumes()
    }

    fn sample(&mut self, point: &Point, measure: &Measure, seed: Seed) -> Result<Sample, Stop> {
        let mut sample = self.inner.sample(point, measure, seed)?;
        let Outcome::Measured(measured) = &mut sample.outcome else { panic!("the model does not fail") };
        measured.notes = vec!["huge pages not counted, \"EACCES\"".into(), format!("of {id}", id = point.id)];
        let settled = point.id != "p01" && (!self.seen.insert(point.id.clone()) || point.id != "p00");
        measured.facts = vec![("settled".into(), settled.to_string())];
        Ok(sample)
    }

    fn facts(&mut self) -> Vec<(String, Option<String>)> {
        Vec::new()
    }
}

#[test]
fn samples_that_had_not_settled_are_counted_by_point() {
    let (root, never) = (folder(), AtomicBool::new(false));
    let summary = run(root.path(), &plan(), &here(), &mut talking(), &mut Silent, &never).unwrap();
    let expect = "not settled when the timed part began, so pages may still have moved: p00 (unbound at 1) in 1 of 2 samples, \
                  p01 (unbound at 2) in 2 of 2 samples";
    assert_eq!(summary.notes, [expect]);
    let settled = sample_facts(&summary.dir).into_iter().filter(|(_, what, _)| what == "settled");
    assert_eq!(settled.filter(|(_, _, value)| value == "false").count(), 3);
    // Gone on with, after its last sample: what was told before counts.
    fs::remove_file(summary.dir.join("SHA256SUMS")).unwrap();
    assert_eq!(resume_all(&summary.dir).unwrap().notes, [expect]);
}

#[test]
fn every_note_names_its_sample() {
    let root = folder();
    let never = AtomicBool::new(false);
    let dir = run(root.path(), &plan(), &here(), &mut talking(), &mut Silent, &never).unwrap().dir;
    let notes = sample_facts(&dir).into_iter().filter(|(_, what, _)| what == "note");
    let notes: BTreeSet<(u64, String)> = notes.map(|(id, _, value)| (id, value)).collect();
    let expect = samples(&dir).into_iter().flat_map(|row| {
        let of = [format!("of {id}", id = row.point_id), "huge pages not counted, \"EACCES\"".into()];
        of.map(|note| (row.sample_id, note))
    });
    assert_eq!(notes, expect.collect::<BTreeSet<_>>());
}

#[test]
fn a_budget_ends_whole_blocks_and_says_so() {
    let root = folder();
    let mut plan = plan();
    plan.measure.repetitions = Repetitions::Fixed(10);
    // Less than any block takes: the first is made all the same.
    plan.measure.budget_seconds = Some(1e-9);
    let summary = run_all(root.path(), &plan);
    assert_eq!((summary.blocks, summary.samples, summary.complete), (1, 6, true));
    assert!(summary.notes[0].contains("1 of 10 blocks"), "{:?}", summary.notes);
    assert!(summary.notes[0].contains("the first one, which always runs, is beyond it"), "{:?}", summary.notes);
    let facts = fs::read_to_string(summary.dir.join("facts.csv")).unwrap();
    assert!(facts.contains("1 of 10 blocks"), "{facts}");
}

#[test]
fn a_budget_is_for_the_run_in_all() {
    let root = folder();
    let mut plan = plan();
    plan.measure.budget_seconds = Some(1000.0);
    plan.measure.repetitions = Repetitions::Fixed(4);
    // A run of blocks of 6 that was ended after `made` samples of `seconds` each. On resume a block that was begun is made
    // whole, since part of one is of no use; then there are as many more as fit what is left.
    let check = |seconds: u64, made: u32, expect: u32, note: Option<&str>| {
        let interrupt = AtomicBool::new(false);
        let mut executor = Wayward { inner: modelled(), interrupt: &interrupt, left: made, fails: None };
        let dir = run(root.path(), &plan, &here(), &mut executor, &mut Silent, &interrupt).unwrap().dir;
        let told = sample_facts(&dir);
        assert_eq!(told.iter().filter(|(_, what, _)| what == "wall_ns").count(), made as usize);
        let mut facts = fs::read_to_string(dir.join("facts.csv")).unwrap();
        for (id, _, _) in told.iter().filter(|(_, what, _)| what == "wall_ns") {
            let ns = seconds * 1_000_000_000;
            facts += &format!("x,0,2026-01-02T03:04:05Z,sample_{id}_wall_ns,{ns}\n");
        }
        fs::write(dir.join("facts.csv"), facts).unwrap();
        let summary = resume_all(&dir).unwrap();
        assert!(summary.complete);
        assert_eq!((summary.blocks, summary.notes.first().map(|note| &note[..34])), (expect, note), "{seconds} s each");
    };
    check(1, 8, 4, None);
    // 800 s are spent; the last four of the second block take no time, and so a block about 400 s.
    check(100, 8, 2, Some("budget of 1000 s: 2 of 4 blocks, s"));
    check(100, 6, 1, Some("budget of 1000 s: 1 of 4 blocks, s"));
}
