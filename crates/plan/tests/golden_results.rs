//! The golden results folder `results/golden-2n8p`, made by hand from the types of `plan`: no machine, round figures.
//!
//! Two nodes of four PUs, two arms, six procs, three repetitions. Its curve is a USL by construction (lambda 100,000,
//! sigma 0.05, kappa 0.004, peak at 15.4) for `close`; `unbound` is the same with a lower hit ratio. `report` is tested
//! against it. Refreshed by `NUMALAB_REFRESH=1 cargo test -p plan --test golden_results`; the difference is reviewed.

use plan::claim::{Claim, ClaimRule, NodeCores};
use plan::experiment::{Extent, Measure, Repetitions, StoppedWork, Thresholds};
use plan::manifest::{FORMAT, Manifest, Program};
use plan::place::{Place, Placement, ProcessPlace, Regime, SharedPlace, Toucher};
use plan::point::{Plan, Point, Skipped};
use plan::policy::MemoryPolicy;
use plan::record::*;
use plan::schedule::{block_slots, sample_seed};
use plan::set::CpuSet;
use plan::topology::*;
use plan::workload::{Pages, Serve, Touches, Workload};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PROCS: [u32; 6] = [1, 2, 3, 4, 6, 8];
const REPETITIONS: u32 = 3;
const PAUSES: u64 = 32;
const WINDOWS: u64 = 10;
const ELAPSED_NS: u64 = 100_000_000;
const RUN_ID: &str = "20260102T030405Z-golden";

fn machine() -> Topology {
    let node = |os_index: u32| Node {
        os_index,
        kind: NodeKind::Dram,
        pus: (os_index * 4..os_index * 4 + 4).collect(),
        memory_bytes: Some(8 << 30),
        free_bytes: None,
        reclaimable_bytes: None,
        reserved_bytes: None,
        package: Some(os_index),
    };
    let group = |os_index: u32, pus: CpuSet| Group { os_index, pus };
    let pu = |os_index: u32| Pu {
        os_index,
        core: os_index,
        llc: Some(os_index / 4),
        package: Some(os_index / 4),
        node: Some(os_index / 4),
        smt_rank: 0,
    };
    Topology {
        source: TopologySource::Synthetic("pack:2 numa:1 l3:1 core:4 pu:1".into()),
        cpu_model: None,
        packages: (0..2).map(|at| group(at, (at * 4..at * 4 + 4).collect())).collect(),
        dies: Vec::new(),
        llcs: (0..2).map(|at| Cache { level: 3, bytes: Some(16 << 20), pus: (at * 4..at * 4 + 4).collect() }).collect(),
        cores: (0..8).map(|at| group(at, CpuSet::of(at))).collect(),
        pus: (0..8).map(pu).collect(),
        nodes: (0..2).map(node).collect(),
        distances: Some(Distances { nodes: vec![0, 1], values: vec![vec![10, 21], vec![21, 10]] }),
        allowed_pus: (0..8).collect(),
        allowed_nodes: [0, 1].into_iter().collect(),
        offline_pus: CpuSet::new(),
    }
}

fn point(id: usize, arm: &str, procs: u32) -> Point {
    let close = arm == "close";
    let workers = (0..procs).map(|worker| Place {
        worker,
        cpus: close.then(|| CpuSet::of(worker)),
        node: close.then_some(worker / 4),
        private: if close { MemoryPolicy::Local } else { MemoryPolicy::FirstTouch },
    });
    let spanned = if close { procs.div_ceil(4) } else { 2 };
    let policy = if close { MemoryPolicy::Interleave((0..spanned).collect()) } else { MemoryPolicy::FirstTouch };
    Point {
        id: format!("p{id:02}"),
        arm: arm.into(),
        procs,
        subject: "threads".into(),
        factors: BTreeMap::new(),
        axis_level: None,
        regime: Regime::Core,
        placement_name: arm.into(),
        memory_policy: format!("private {}, shared {policy}", if close { "local" } else { "first-touch" }),
        nodes_spanned: spanned,
        placement: Placement {
            process: ProcessPlace::default(),
            workers: workers.collect(),
            shared: SharedPlace { policy, toucher: Toucher::All },
        },
        workload: Workload::Serve(Serve {
            private_bytes: 8 << 20,
            shared_bytes: 16 << 20,
            shared_ratio: 0.25,
            write_ratio: 0.1,
            lines_per_request: 64,
            touches: Touches::Independent,
            pages: Pages::Base,
        }),
        settle: false,
        hit_ratio_by_construction: close.then(|| 0.75 + 0.25 / f64::from(spanned)),
        bytes_on_node: Vec::new(),
        bytes: u64::from(procs) * (8 << 20) + (16 << 20),
        go: None,
        scheduler: None,
    }
}

fn golden_plan() -> Plan {
    let arms = ["unbound", "close"];
    let points = arms.iter().flat_map(|arm| PROCS.map(|procs| (arm, procs)));
    Plan {
        experiment: "golden".into(),
        question: "Can a results folder be read, drawn and verified without a machine?".into(),
        expect: "a USL with its peak at 15.4 processors, beyond the grid".into(),
        published: None,
        printed: None,
        audit: None,
        knee: None,
        measure: Measure {
            pause_repetitions: None,
            extent: Extent::Seconds(0.1),
            repetitions: Repetitions::Fixed(REPETITIONS),
            budget_seconds: None,
            order: "random-blocks".into(),
            seed: Seed(1),
            pause_every_ns: 3_000_000,
            stopped_work: StoppedWork::None,
            windows: WINDOWS as u32,
            thresholds: Thresholds::DEFAULT,
            grace_seconds: 10.0,
        },
        axis: "procs".into(),
        factors: Vec::new(),
        metrics: Vec::new(),
        points: points.enumerate().map(|(id, (arm, procs))| point(id, arm, procs)).collect(),
        skipped: vec![Skipped {
            arm: "close".into(),
            procs: 12,
            subject: "threads".into(),
            factors: BTreeMap::new(),
            axis_level: None,
            reason:
                "placement close: 12 workers asked, cpuset 0-7 has 8 PUs; ask for fewer or set oversubscribe = true"
                    .into(),
        }],
        notes: vec!["made by hand, nothing was measured".into()],
        claims: vec![Claim {
            id: "hit-ratio-8".into(),
            text: "local hits reach 76 % at 8 processors".into(),
            arms: vec!["unbound".into(), "close".into()],
            subjects: Vec::new(),
            levels: BTreeMap::new(),
            over: plan::claim::Over::default(),
            nodes_least: 2,
            node_cores: NodeCores::default(),
            untestable: None,
            rule: ClaimRule::Value { metric: "local_hit_ratio".into(), procs: 8, printed: 0.76, tolerance: 0.01 },
        }],
    }
}

/// One sample with all its rows, from round figures and a little noise that only the seed decides.
struct Rows {
    sample: SampleRow,
    pauses: Vec<PauseRow>,
    windows: Vec<WindowRow>,
    workers: Vec<WorkerRow>,
    traffic: Vec<TrafficRow>,
}

fn rows(plan: &Plan, slot: plan::point::Slot, repetition: u32) -> Rows {
    let point = &plan.points[slot.point];
    let seed = sample_seed(plan, slot);
    let noise = |counter| (plan::random::draw(seed.0, counter) >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    let n = f64::from(point.procs);
    let arm_factor = if point.arm == "close" { 1.0 } else { 0.9 };
    let throughput = arm_factor * 1e5 * n / (1.0 + 0.05 * (n - 1.0) + 0.004 * n * (n - 1.0)) * (1.0 + 0.02 * noise(0));
    // Every worker does the same in every window, so that all sums come out even.
    let per_window = (throughput * ELAPSED_NS as f64 / 1e9 / n / WINDOWS as f64).round() as u64;
    let per_worker = per_window * WINDOWS;
    let operations = per_worker * u64::from(point.procs);
    let touches = operations * 64;
    let local_ratio = point.hit_ratio_by_construction.unwrap_or(1.0 - 0.03 * n + 0.002 * noise(1));
    let local = (touches as f64 * local_ratio).round() as u64;
    let sample_id = u64::from(slot.order);
    let run_id = || RUN_ID.to_string();
    let pauses: Vec<PauseRow> = (0..PAUSES)
        .map(|pause| {
            let stopping_ns = 3_000 + (n * 800.0 * (1.0 + noise(100 + pause))) as u64;
            let resuming_ns = 2_000 + (500.0 * noise(200 + pause)) as u64;
            PauseRow {
                run_id: run_id(),
                sample_id,
                pause,
                due_ns: Some(3_000_000 * (pause + 1)),
                late_ns: Some(500),
                stopping_ns: Some(stopping_ns),
                stopped_ns: Some(700),
                resuming_ns: Some(resuming_ns),
                total_ns: stopping_ns + 700 + resuming_ns,
                steal_ticks: Some(0),
                involuntary_switches: Some(0),
                warmup: false,
            }
        })
        .collect();
    let mut totals: Vec<f64> = pauses.iter().map(|pause| pause.total_ns as f64).collect();
    totals.sort_by(f64::total_cmp);
    let mean = totals.iter().sum::<f64>() / PAUSES as f64;
    let variance = totals.iter().map(|total| (total - mean).powi(2)).sum::<f64>() / (PAUSES - 1) as f64;
    let sample = SampleRow {
        run_id: run_id(),
        sample_id,
        point_id: point.id.clone(),
        experiment: plan.experiment.clone(),
        host: "golden".into(),
        source: "modelled".into(),
        timing: Timing::Modelled,
        arm: point.arm.clone(),
        workload: point.workload.kind().into(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: point.regime,
        placement: point.placement_name.clone(),
        memory_policy: point.memory_policy.clone(),
        nodes_spanned: point.nodes_spanned,
        block: slot.block,
        repetition,
        order: slot.order,
        seed,
        started_utc: format!("2026-01-02T03:04:{second:02}Z", second = slot.order),
        warmup_ns: Some(0),
        elapsed_ns: Some(ELAPSED_NS),
        stopped_ns_sum: Some(pauses.iter().map(|pause| pause.total_ns).sum()),
        operations: Some(operations),
        throughput_per_s: Some(operations as f64 / (ELAPSED_NS as f64 / 1e9)),
        bandwidth_gb_per_s: Some(touches as f64 * 64.0 / ELAPSED_NS as f64),
        local_hit_ratio: Some(local as f64 / touches as f64),
        local_hit_low: Some(local as f64 / touches as f64),
        local_hit_high: Some(local as f64 / touches as f64),
        hit_source: Some(HitSource::Modelled),
        local_touches: Some(local),
        remote_touches: Some(touches - local),
        local_package_ratio: Some(local as f64 / touches as f64),
        dram_local_ratio: None,
        dram_source: None,
        pages_local: Some(2048 * u64::from(point.procs)),
        pages_remote: Some(0),
        huge_ratio: Some(0.0),
        pause_count: Some(PAUSES),
        pauses_missed: Some(0),
        pause_mean_ns: Some(mean),
        pause_variance_ns2: Some(variance),
        pause_p50_ns: Some((totals[15] + totals[16]) / 2.0),
        pause_p99_ns: None,
        pause_max_ns: totals.last().map(|&longest| longest as u64),
        stopping_mean_ns: Some(
            pauses.iter().filter_map(|pause| pause.stopping_ns).map(|ns| ns as f64).sum::<f64>() / PAUSES as f64,
        ),
        minor_faults: Some(3),
        major_faults: Some(0),
        voluntary_switches: Some(PAUSES),
        involuntary_switches: Some(0),
        run_delay_ratio: Some(0.001),
        worker_migrations: Some(0),
        pages_migrated: Some(0),
        hint_faults: Some(0),
        steal_ratio: Some(0.0),
        stop_reason: StopReason::Time,
        contaminated: false,
        contaminated_reason: None,
        error: None,
    };
    let windows = (0..WINDOWS).map(|window| WindowRow {
        run_id: run_id(),
        sample_id,
        window,
        start_ns: window * ELAPSED_NS / WINDOWS,
        length_ns: ELAPSED_NS / WINDOWS,
        operations: per_window * u64::from(point.procs),
        warmup: false,
    });
    let workers = (0..point.procs).map(|worker| WorkerRow {
        run_id: run_id(),
        sample_id,
        worker,
        pu: Some(worker),
        node: Some(worker / 4),
        operations: per_worker,
        run_delay_ns: Some(ELAPSED_NS / 1000),
        voluntary_switches: Some(if worker == 0 { PAUSES } else { 0 }),
        involuntary_switches: Some(0),
        migrations: Some(0),
    });
    let traffic = [(0, 0, local), (0, 1, touches - local)].into_iter().filter(|&(_, _, count)| count > 0);
    let traffic = traffic.map(|(pu_node, memory_node, touches)| TrafficRow {
        run_id: run_id(),
        sample_id,
        pu_node: Some(pu_node),
        memory_node: Some(memory_node),
        touches,
        distance: Some(if pu_node == memory_node { 10 } else { 21 }),
        moved_touches: 0.0,
    });
    Rows { windows: windows.collect(), workers: workers.collect(), traffic: traffic.collect(), sample, pauses }
}

fn csv_text<R: Row>(rows: &[R]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(titles::<R>()).expect("a vector takes every byte");
    rows.iter().for_each(|row| writer.write_record(row.cells()).expect("as many cells as columns"));
    String::from_utf8(writer.into_inner().expect("a vector takes every byte")).expect("rows are text")
}

fn point_rows(plan: &Plan) -> Vec<PointRow> {
    let planned = plan.points.iter().map(|point| PointRow {
        point_id: Some(point.id.clone()),
        state: PointState::Planned,
        arm: point.arm.clone(),
        subject: point.subject.clone(),
        procs: point.procs,
        regime: Some(point.regime),
        placement: Some(point.placement_name.clone()),
        memory_policy: Some(point.memory_policy.clone()),
        nodes_spanned: Some(point.nodes_spanned),
        hit_ratio_by_construction: point.hit_ratio_by_construction,
        bytes: Some(point.bytes),
        reason: None,
    });
    let skipped = plan.skipped.iter().map(|skipped| PointRow {
        point_id: None,
        state: PointState::Skipped,
        arm: skipped.arm.clone(),
        subject: skipped.subject.clone(),
        procs: skipped.procs,
        regime: None,
        placement: None,
        memory_policy: None,
        nodes_spanned: None,
        hit_ratio_by_construction: None,
        bytes: None,
        reason: Some(skipped.reason.clone()),
    });
    planned.chain(skipped).collect()
}

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        run_id: RUN_ID.into(),
        experiment: "golden".into(),
        started_utc: "2026-01-02T03:04:05Z".into(),
        host: "golden".into(),
        source: "modelled".into(),
        seed: Seed(1),
        timing: Timing::Modelled,
        timing_evidence: vec!["made by hand".into()],
        program: Program {
            version: "0.0.0".into(),
            commit: "unknown".into(),
            rustc: "none".into(),
            sha256: String::new(),
        },
        machine: BTreeMap::from([("kernel".into(), "none".into())]),
        conditions: Conditions::ideal(),
        plan_sha256: String::new(),
        machine_sha256: String::new(),
        command: vec!["made by hand".into()],
        model: None,
        session: None,
    }
}

/// `(file, content)` of the whole folder.
fn folder() -> Vec<(&'static str, String)> {
    let plan = golden_plan();
    let slots = (0..REPETITIONS).flat_map(|block| block_slots(&plan, block).into_iter().map(move |slot| (slot, block)));
    let all: Vec<Rows> = slots.map(|(slot, block)| rows(&plan, slot, block)).collect();
    let facts: Vec<FactRow> = (0..REPETITIONS)
        .map(|block| FactRow {
            run_id: RUN_ID.into(),
            block,
            at_utc: "2026-01-02T03:04:05Z".into(),
            fact: "load_1min".into(),
            value: Some("0.00".into()),
        })
        .collect();
    let collect = |text: &dyn Fn(&[Rows]) -> String| text(&all);
    vec![
        ("plan.toml", toml::to_string(&plan).expect("a plan is TOML")),
        ("topology.json", serde_json::to_string_pretty(&machine()).expect("a topology is JSON") + "\n"),
        ("manifest.json", serde_json::to_string_pretty(&manifest()).expect("a manifest is JSON") + "\n"),
        ("points.csv", csv_text(&point_rows(&plan))),
        ("samples.csv", collect(&|all| csv_text(&all.iter().map(|rows| rows.sample.clone()).collect::<Vec<_>>()))),
        ("pauses.csv", collect(&|all| csv_text(&all.iter().flat_map(|rows| rows.pauses.clone()).collect::<Vec<_>>()))),
        (
            "windows.csv",
            collect(&|all| csv_text(&all.iter().flat_map(|rows| rows.windows.clone()).collect::<Vec<_>>())),
        ),
        (
            "workers.csv",
            collect(&|all| csv_text(&all.iter().flat_map(|rows| rows.workers.clone()).collect::<Vec<_>>())),
        ),
        (
            "traffic.csv",
            collect(&|all| csv_text(&all.iter().flat_map(|rows| rows.traffic.clone()).collect::<Vec<_>>())),
        ),
        ("facts.csv", csv_text(&facts)),
    ]
}

fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p")
}

#[test]
fn the_golden_folder_is_what_the_types_write() {
    let refresh = std::env::var_os("NUMALAB_REFRESH").is_some();
    for (file, content) in folder() {
        let path = golden_path().join(file);
        if refresh {
            std::fs::create_dir_all(golden_path()).expect("results/ can be written");
            std::fs::write(&path, &content).expect("results/ can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(found == content, "{file} differs; refresh with NUMALAB_REFRESH=1 and review the difference");
    }
}

#[test]
fn a_plan_comes_back_from_its_toml() {
    let plan = golden_plan();
    let text = toml::to_string(&plan).expect("a plan is TOML");
    assert_eq!(toml::from_str::<Plan>(&text).expect("its TOML is a plan"), plan);
}

#[test]
fn rows_come_back_from_their_cells() {
    let plan = golden_plan();
    let slot = block_slots(&plan, 1)[3];
    let row = rows(&plan, slot, 1).sample;
    let cells = row.cells();
    assert_eq!(SampleRow::read(&|at| cells[at].as_str()).expect("cells can be read"), row);
    assert!(ClaimRow::COLUMNS.iter().any(|column| column.name == "type"), "a raw identifier lost its mark");
    for (file, columns) in FILES {
        for column in *columns {
            assert!(!column.doc.is_empty() && column.doc.ends_with('.'), "{file}: {}: no sentence", column.name);
        }
    }
}
