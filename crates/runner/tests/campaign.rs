//! Whole runs by the modelled executor on a literal machine of two nodes: what they write, and how they are gone on with.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod modelled;

use modelled::{Meddled, Wayward, folder, here, modelled, plan, resume_all, resume_with, run_all, samples, topology};
use plan::experiment::{Measure, Repetitions};
use plan::manifest::Manifest;
use plan::point::Plan;
use plan::record::{Row, SampleRow, Seed};
use plan::topology::Topology;
use runner::modelled::{Modelled, Noise};
use runner::progress::Silent;
use runner::{Here, ResumeOptions, RunError, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Files that grow, in the order they are written.
const GROWING: [&str; 5] = ["pauses.csv", "windows.csv", "workers.csv", "traffic.csv", "samples.csv"];

/// Everything a run says of its samples, without its name and when it was: the same for a run that was cut and gone on with.
fn essence(dir: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let started = SampleRow::COLUMNS.iter().position(|column| column.name == "started_utc").unwrap();
    let of_file = |name: &str| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(dir.join(name)).unwrap();
        let lines = reader.records().map(|record| {
            let mut cells: Vec<String> = record.unwrap().iter().map(String::from).collect();
            cells.remove(0);
            if name == "samples.csv" {
                cells.remove(started - 1);
            }
            cells.join(",")
        });
        let all: Vec<String> = lines.collect();
        let set: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(set.len(), all.len(), "{name} holds a row twice");
        (name.to_string(), set)
    };
    GROWING.iter().map(|name| of_file(name)).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_run_writes_a_whole_folder() {
    let root = folder();
    let plan = plan();
    let summary = run_all(root.path(), &plan);
    assert!(summary.complete && !summary.interrupted);
    assert_eq!((summary.samples, summary.failed, summary.blocks, summary.resumed), (12, 0, 2, 0));
    assert_eq!(summary.dir, root.path().join(&plan.experiment).join("model").join(&summary.run_id));

    let text = |name: &str| fs::read_to_string(summary.dir.join(name)).unwrap();
    assert_eq!(toml::from_str::<Plan>(&text("plan.toml")).unwrap(), plan);
    assert_eq!(serde_json::from_str::<Topology>(&text("topology.json")).unwrap(), topology());
    assert_eq!(text("topology.xml"), "<topology/>");
    let manifest: Manifest = serde_json::from_str(&text("manifest.json")).unwrap();
    assert_eq!((manifest.run_id.as_str(), manifest.source.as_str()), (summary.run_id.as_str(), "modelled"));
    assert_eq!(text("points.csv").lines().count(), 1 + plan.points.len() + plan.skipped.len());
    assert_eq!(text("windows.csv").lines().count(), 1 + 12 * 4);
    assert_eq!(text("workers.csv").lines().count(), 1 + 2 * 2 * (1 + 2 + 8));
    let sums = text("SHA256SUMS");
    assert_eq!(sums.lines().count(), 11);
    assert!(sums.lines().is_sorted_by_key(|line| line.split_once("  ").unwrap().1));
    assert!(!summary.dir.join(".lock").exists());

    let rows = samples(&summary.dir);
    let orders: Vec<u32> = rows.iter().map(|row| row.order).collect();
    assert_eq!(orders, (0..12).collect::<Vec<_>>());
    for row in &rows {
        let throughput = row.operations.unwrap() as f64 / row.elapsed_ns.unwrap() as f64 * 1e9;
        assert!((row.throughput_per_s.unwrap() / throughput - 1.0).abs() < 1e-12);
        assert_eq!(row.pause_variance_ns2, None, "fewer than 30 pauses");
    }
}

#[test]
fn contrasted_points_are_sampled_more_often_also_when_resumed() {
    let mut plan = plan();
    let (arm, procs, over_procs) = (plan.points[0].arm.split('+').next().unwrap().to_string(), 8, 2);
    plan.claims = vec![plan::claim::Claim {
        id: "v".into(),
        text: "v".into(),
        arms: vec![arm.clone()],
        subjects: Vec::new(),
        levels: BTreeMap::new(),
        over: plan::claim::Over::default(),
        nodes_least: 1,
        node_cores: plan::claim::NodeCores::default(),
        untestable: None,
        rule: plan::claim::ClaimRule::VarianceRatio { procs, over_procs, printed: 3.8 },
    }];
    plan.measure.pause_repetitions = Some(5);
    let root = folder();
    let whole = run_all(root.path(), &plan);
    assert_eq!((whole.samples, whole.blocks, whole.complete), (12 + 3 * 2, 5, true));
    for row in samples(&whole.dir).iter().filter(|row| row.block >= 2) {
        assert!(row.arm.contains(&arm) && [2, 8].contains(&row.procs), "{row:?}");
    }
    // Ended within a block of contrasted points, it goes on there.
    let interrupt = AtomicBool::new(false);
    let mut wayward = Wayward { inner: modelled(), interrupt: &interrupt, left: 15, fails: None };
    let cut = run(root.path(), &plan, &here(), &mut wayward, &mut Silent, &interrupt).unwrap();
    assert_eq!((cut.samples, cut.blocks, cut.interrupted), (15, 3, true));
    let resumed = resume_all(&cut.dir).unwrap();
    assert_eq!((resumed.samples, resumed.blocks, resumed.complete), (18, 5, true));
    assert_eq!(essence(&cut.dir), essence(&whole.dir));
}

#[test]
fn truth_is_recovered_without_noise() {
    let root = folder();
    let plan = plan();
    let mut exact = Modelled::new(topology(), model::Parameters::DEFAULT, Noise::NONE);
    let summary = run(root.path(), &plan, &here(), &mut exact, &mut Silent, &AtomicBool::new(false)).unwrap();
    for row in samples(&summary.dir) {
        let point = plan.points.iter().find(|point| point.id == row.point_id).unwrap();
        let Measure { pause_every_ns, stopped_work, .. } = plan.measure;
        let truth =
            model::predict(point, &topology(), pause_every_ns, stopped_work, &model::Parameters::DEFAULT).unwrap();
        assert!((row.throughput_per_s.unwrap() / truth.throughput_per_s - 1.0).abs() < 1e-3);
        assert!((row.local_hit_ratio.unwrap() - truth.local_hit_ratio).abs() < 1e-5);
        let pause = truth.pause.unwrap();
        assert!((row.pause_mean_ns.unwrap() - pause.total_ns()).abs() <= 2.0);
    }
}

#[test]
fn cut_anywhere_and_resumed_each_sample_is_there_once() {
    let root = folder();
    let whole = run_all(root.path(), &plan()).dir;
    let truth = essence(&whole);
    let size = |name: &str| fs::read(whole.join(name)).unwrap().len();
    // A crash leaves the other files at most complete, and samples.csv anywhere; every 17th byte of two rows,
    // their ends, then at seeded places. What is behind the cut may be lost, NUL bytes, or garbage.
    let rows = fs::read(whole.join("samples.csv")).unwrap();
    let ends: Vec<usize> = (0..rows.len()).filter(|&at| rows[at] == b'\n').map(|at| at + 1).collect();
    let every_byte = ends[4]..=ends[6];
    let seeded = (0..24u64).map(|at| {
        let first = ends[0] as u64;
        (first + plan::random::below(plan::random::draw(7, at), rows.len() as u64 - first)) as usize
    });
    for (case, cut) in every_byte.step_by(17).chain([ends[5], ends[6] - 1]).chain(seeded).enumerate() {
        let dir = root.path().join(format!("cut-{case}"));
        copy(&whole, &dir);
        fs::remove_file(dir.join("SHA256SUMS")).unwrap();
        let tail: &[u8] = [&b""[..], &[0; 388], b"\xff,garbage\n\0\xff"][case % 3];
        let kept = [&rows[..cut], tail].concat();
        fs::write(dir.join("samples.csv"), kept).unwrap();
        // Orphans: the files before it hold more than is committed, and may be torn themselves.
        let torn = GROWING[case % 4];
        let bytes = fs::read(whole.join(torn)).unwrap();
        fs::write(dir.join(torn), &bytes[..size(torn) - case % 5]).unwrap();

        let committed = ends.iter().filter(|&&end| end <= cut).count() as u64 - 1;
        // The last sample is whole only where its rows in the torn file are.
        if committed == 12 {
            continue;
        }
        let summary = resume_all(&dir).unwrap();
        assert!(summary.complete, "case {case}");
        assert_eq!((summary.resumed, summary.samples), (committed, 12), "case {case}, cut at {cut}");
        assert_eq!(essence(&dir), truth, "case {case}, cut at {cut}");
        let again = resume_all(&dir).unwrap();
        assert_eq!((again.resumed, again.samples, again.complete), (12, 12, true));
    }
}

#[test]
fn a_signal_ends_it_after_the_sample() {
    let root = folder();
    let truth = essence(&run_all(&root.path().join("whole"), &plan()).dir);
    let interrupt = AtomicBool::new(false);
    let mut executor = Wayward { inner: modelled(), interrupt: &interrupt, left: 5, fails: None };
    let summary = run(root.path(), &plan(), &here(), &mut executor, &mut Silent, &interrupt).unwrap();
    assert_eq!((summary.samples, summary.complete, summary.interrupted, summary.blocks), (5, false, true, 0));
    assert!(!summary.dir.join("SHA256SUMS").exists());
    let resumed = resume_all(&summary.dir).unwrap();
    assert_eq!((resumed.samples, resumed.resumed, resumed.complete), (12, 5, true));
    assert_eq!(essence(&summary.dir), truth);
}

#[test]
fn failed_points_are_rows_and_are_retried_only_when_asked() {
    let root = folder();
    let (plan, never) = (plan(), AtomicBool::new(false));
    let failing = plan.points[1].id.clone().leak();
    let mut executor = Wayward { inner: modelled(), interrupt: &never, left: u32::MAX, fails: Some(failing) };
    let summary = run(root.path(), &plan, &here(), &mut executor, &mut Silent, &never).unwrap();
    assert_eq!((summary.samples, summary.failed, summary.complete), (12, 2, true));
    let failed: Vec<SampleRow> = samples(&summary.dir).into_iter().filter(|row| row.error.is_some()).collect();
    assert_eq!(failed[0].error.as_deref(), Some("touch: no memory"));
    assert_eq!((failed[0].operations, failed[0].stop_reason.word()), (None, "failed"));

    assert_eq!(resume_all(&summary.dir).unwrap().samples, 12, "not made again unless asked");
    let retry = ResumeOptions { plan: None, retry_failed: true };
    let retried = resume_with(&summary.dir, retry, &here(), &mut modelled()).unwrap();
    assert_eq!((retried.samples, retried.failed, retried.resumed, retried.complete), (14, 2, 12, true));
    let rows = samples(&summary.dir);
    assert_eq!(rows[12].order, failed[0].order);
    assert_eq!(rows[12].error, None);
}

#[test]
fn what_is_another_is_refused_in_words() {
    let root = folder();
    let dir = run_all(root.path(), &plan()).dir;
    fs::remove_file(dir.join("SHA256SUMS")).unwrap();
    let check = |options: ResumeOptions<'_>, here: &Here, expect: &str| {
        let error = resume_with(&dir, options, here, &mut modelled()).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert_eq!(error.exit_code(), 2);
    };
    let mut other = plan();
    other.measure.seed = Seed(9);
    let options = ResumeOptions { plan: Some(&other), retry_failed: false };
    check(options, &here(), "the plan is another: measure.seed was \"0000000000000001\" and is \"0000000000000009\"");
    let mut program = here();
    program.program.sha256 = "cd".repeat(32);
    program.program.commit = "other".into();
    check(ResumeOptions::default(), &program, "it was 0 of commit c0ffee (abababababab…) and is 0 of commit other");
    let mut machine = here();
    machine.topology.allowed_pus = (0..4).collect();
    check(ResumeOptions::default(), &machine, "the machine is another: allowed PUs was 0-7 and is 0-3");
    let mut caches = here();
    caches.topology.llcs[0].bytes = Some(7);
    check(ResumeOptions::default(), &caches, "the machine is another: llcs.0.bytes was ");
    let mut same = here();
    same.topology.nodes[0].free_bytes = Some(7);
    // As under a hypervisor's balloon.
    same.topology.nodes[0].memory_bytes = same.topology.nodes[0].memory_bytes.map(|bytes| bytes / 2);
    assert!(
        resume_with(&dir, ResumeOptions { plan: Some(&plan()), retry_failed: false }, &same, &mut modelled()).is_ok()
    );
}

/// Parts are synced before the row that commits them: what is missing there no crash took.
#[test]
fn a_committed_sample_without_its_parts_is_refused() {
    for name in ["pauses.csv", "workers.csv", "windows.csv", "traffic.csv"] {
        let root = folder();
        let dir = run_all(root.path(), &plan()).dir;
        fs::remove_file(dir.join("SHA256SUMS")).unwrap();
        let whole = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), &whole[..whole.len() - 3]).unwrap();
        let error = resume_all(&dir).unwrap_err();
        let expect = "expected; restore it, or start a new run";
        assert!(error.to_string().contains(name) && error.to_string().ends_with(expect), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

/// The open files would take rows that nobody ever sees.
#[test]
fn a_file_that_is_taken_or_changed_in_mid_run_ends_it() {
    let check = |name: &str, meddle: &dyn Fn(&Path), left: Option<u64>| {
        let root = folder();
        let dir = || {
            let host = root.path().join(&plan().experiment).join("model");
            fs::read_dir(host).unwrap().next().unwrap().unwrap().path()
        };
        let mut executor = Meddled { inner: modelled(), made: 0, meddle: &|| meddle(&dir().join(name)) };
        let error = run(root.path(), &plan(), &here(), &mut executor, &mut Silent, &AtomicBool::new(false));
        let error = error.expect_err(name);
        let named = format!("{}: taken away or changed while the run went on", dir().join(name).display());
        assert!(error.to_string().starts_with(&named), "{error}");
        assert_eq!(error.exit_code(), 1);
        assert!(!dir().join("SHA256SUMS").exists());
        if let Some(left) = left {
            let resumed = resume_all(&dir()).unwrap();
            assert_eq!((resumed.resumed, resumed.samples, resumed.complete), (left, 12, true), "{name}");
        }
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    ["pauses.csv", "facts.csv", "points.csv", "manifest.json"].into_iter().for_each(|name| check(name, &remove, None));
    // As an editor saves: another file under the same name.
    let save = |path: &Path| {
        let beside = path.with_extension("saved");
        fs::copy(path, &beside).unwrap();
        fs::rename(beside, path).unwrap();
    };
    check("samples.csv", &save, Some(2));
    check("traffic.csv", &save, None);
    let empty = |path: &Path| fs::write(path, "").unwrap();
    check("windows.csv", &empty, None);
}

#[test]
fn a_run_keeps_its_name_wherever_its_folder_goes() {
    let root = folder();
    let began = run_all(root.path(), &plan());
    let moved = root.path().join("moved");
    copy(&began.dir, &moved);
    fs::remove_file(moved.join("SHA256SUMS")).unwrap();
    let rows = fs::read_to_string(moved.join("samples.csv")).unwrap();
    fs::write(moved.join("samples.csv"), rows.split_inclusive('\n').take(5).collect::<String>()).unwrap();
    assert_eq!(resume_all(&moved).unwrap().run_id, began.run_id);
    let rows = samples(&moved);
    assert_eq!((rows.len(), rows.iter().filter(|row| row.run_id == began.run_id).count()), (12, 12));
}

#[test]
fn an_unfinished_run_goes_on_with_the_plan_it_began_with() {
    let root = folder();
    let dir = run_all(root.path(), &plan()).dir;
    fs::remove_file(dir.join("SHA256SUMS")).unwrap();
    let text = fs::read_to_string(dir.join("plan.toml")).unwrap();
    fs::write(dir.join("plan.toml"), text.replacen("seconds = 0.02", "seconds = 0.04", 1)).unwrap();
    let error = resume_all(&dir).unwrap_err();
    assert!(error.to_string().contains("the plan is another: plan.toml was changed after the run began"), "{error}");
    assert_eq!(error.exit_code(), 2);
    fs::write(dir.join("plan.toml"), text).unwrap();
    assert!(resume_all(&dir).is_ok());
}

#[test]
fn folders_that_cannot_be_gone_on_with() {
    let root = folder();
    let whole = run_all(root.path(), &plan()).dir;
    let check = |case: &str, change: &dyn Fn(&Path), expect: &str| {
        let dir = root.path().join(case);
        copy(&whole, &dir);
        change(&dir);
        let error = resume_all(&dir).unwrap_err().to_string();
        assert!(error.contains(expect), "{case}: {error}");
    };
    let edit = |dir: &Path, name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(dir.join(name)).unwrap();
        fs::write(dir.join(name), text.replacen(from, to, 1)).unwrap();
    };
    let unsummed = |dir: &Path| fs::remove_file(dir.join("SHA256SUMS")).unwrap();
    check(
        "changed",
        &|dir| edit(dir, "windows.csv", "false", "true"),
        "windows.csv: changed since the run was complete",
    );
    check("lost", &|dir| fs::remove_file(dir.join("traffic.csv")).unwrap(), "found no such file");
    check("no-plan", &|dir| fs::remove_file(dir.join("plan.toml")).unwrap(), "it holds no plan.toml");
    check(
        "no-manifest",
        &|dir| (unsummed(dir), fs::remove_file(dir.join("manifest.json")).unwrap()).1,
        "no manifest.json",
    );
    check("bad-plan", &|dir| fs::write(dir.join("plan.toml"), "experiment = 3").unwrap(), "plan.toml: ");
    let damage = |dir: &Path| {
        unsummed(dir);
        edit(dir, "samples.csv", ",close,", ",close");
    };
    check("damaged", &damage, "and good rows follow");
    let titles = |dir: &Path| {
        unsummed(dir);
        edit(dir, "pauses.csv", "due_ns", "due_us");
    };
    check("titles", &titles, "pauses.csv: its title line");
    let error = resume_all(&root.path().join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("no such results folder"), "{error}");
}

#[test]
fn a_folder_without_its_rows_is_refused() {
    let root = folder();
    let dir = run_all(root.path(), &plan()).dir;
    fs::remove_file(dir.join("SHA256SUMS")).unwrap();
    fs::remove_file(dir.join("samples.csv")).unwrap();
    let error = resume_all(&dir).unwrap_err();
    assert!(error.to_string().contains("samples.csv"), "{error}");
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing() {
    let root = folder();
    let host = root.path().join(plan().experiment);
    fs::create_dir_all(&host).unwrap();
    // The folder of the host is a file: nothing can be made below it.
    fs::write(host.join("model"), "").unwrap();
    assert!(run(root.path(), &plan(), &here(), &mut modelled(), &mut Silent, &AtomicBool::new(false)).is_err());
    assert_eq!(fs::read_dir(&host).unwrap().count(), 1);
}

#[test]
fn two_runs_cannot_share_a_folder() {
    let root = folder();
    let dir = run_all(root.path(), &plan()).dir;
    let _held = runner::lock::Lock::take(&dir).unwrap();
    assert!(matches!(resume_all(&dir), Err(RunError::Locked { .. })));
}

#[test]
fn until_is_decided_in_two_stages() {
    let root = folder();
    let check = |until: f64, max: u32, sd: f64, expect: std::ops::RangeInclusive<u32>, note: &str| {
        let mut plan = plan();
        plan.points.truncate(2);
        plan.measure.repetitions = Repetitions::Until { min: 10, max, until, metric: "throughput_per_s".into() };
        let mut noisy =
            Modelled::new(topology(), model::Parameters::DEFAULT, Noise { throughput_sd: sd, ..Noise::NONE });
        let summary = run(root.path(), &plan, &here(), &mut noisy, &mut Silent, &AtomicBool::new(false)).unwrap();
        assert!(expect.contains(&summary.blocks), "{} blocks for {until}", summary.blocks);
        assert_eq!(summary.samples, 2 * u64::from(summary.blocks));
        assert!(summary.notes[0].contains(note), "{:?}", summary.notes);
        // Decided from the pilot alone: the same when the run is looked at again from its tenth block on.
        let rows = fs::read_to_string(summary.dir.join("samples.csv")).unwrap();
        let pilot: String = rows.split_inclusive('\n').take(21).collect();
        fs::write(summary.dir.join("samples.csv"), pilot).unwrap();
        fs::remove_file(summary.dir.join("SHA256SUMS")).unwrap();
        let again = resume_with(&summary.dir, ResumeOptions::default(), &here(), &mut noisy).unwrap();
        assert_eq!((again.blocks, &again.notes), (summary.blocks, &summary.notes));
    };
    check(0.5, 40, 0.02, 10..=10, "the pilot suffices");
    // (2.262 x 0.02 / 0.01)² is 20; the pilot's own sd spreads that.
    check(0.01, 60, 0.02, 11..=45, "needs most");
    check(0.001, 12, 0.02, 12..=12, "the cap cuts it");
    let mut plan = plan();
    plan.measure.repetitions = Repetitions::Until { min: 10, max: 20, until: 0.1, metric: "arm".into() };
    let error = run(root.path(), &plan, &here(), &mut modelled(), &mut Silent, &AtomicBool::new(false)).unwrap_err();
    assert!(error.to_string().contains("no column of numbers"), "{error}");
}
