//! Rows of literal samples.

use super::*;
use crate::sample::{Failure, Hits, TrafficCell, Window, WorkerFigures};
use plan::experiment::Thresholds;
use plan::place::Regime;
use plan::policy::MemoryPolicy;
use plan::record::HitSource;
use std::path::Path;

fn golden(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn pause(due_ns: u64, total_ns: u64) -> PauseTimes {
    PauseTimes {
        due_ns: Some(due_ns),
        late_ns: Some(10),
        stopping_ns: Some(total_ns - 3),
        stopped_ns: Some(2),
        resuming_ns: Some(1),
        whole: None,
        steal_ticks: None,
        involuntary_switches: None,
    }
}

fn worker(worker: u32) -> WorkerFigures {
    WorkerFigures {
        worker,
        pu: Some(4 * worker),
        operations: 500,
        run_delay_ns: Some(1_000),
        wall_ns: 1_000_000,
        switches: Some((2, 1)),
        migrations: Some(0),
    }
}

/// A quiet sample of two workers, one on each node.
fn measured() -> Measured {
    let cell = |pu_node, memory_node, touches, moved| TrafficCell { pu_node, memory_node, touches, moved };
    let traffic =
        vec![cell(Some(0), Some(0), 550, 50.0), cell(Some(0), Some(1), 150, 50.0), cell(Some(1), None, 200, 0.0)];
    Measured {
        stop_reason: StopReason::Time,
        warmup_ns: 1_000,
        elapsed_ns: 1_000_000,
        operations: 1_000,
        hits: Some(Hits {
            source: HitSource::Replay,
            touches: 1_000,
            local: 550,
            remote: 150,
            ratio: 0.75,
            low: 0.55,
            high: 0.85,
            package_ratio: Some(0.75),
            traffic,
        }),
        private_pages: Some((7, 1)),
        pages_migrated: Some(0),
        pages_spilled: Some((5, 100)),
        huge_ratio: Some(0.0),
        windows: vec![
            Window { start_ns: 0, length_ns: 1_000, operations: 1 },
            Window { start_ns: 1_000, length_ns: 9, operations: 2 },
        ],
        pauses: vec![pause(0, 900), pause(995, 100), pause(5_000, 200)],
        pauses_missed: Some(4),
        workers: vec![worker(0), worker(1)],
        faults: Some((5, 0)),
        process_delay_ns: None,
        process_switches: None,
        hint_faults: None,
        steal_ticks: Some((0, 200)),
        throttled_periods: Some(0),
        overhead_ns: Vec::new(),
        notes: Vec::new(),
        facts: Vec::new(),
        metrics: Vec::new(),
    }
}

/// Rows of the golden plan's two-worker point of `close`, after a change to its point and to what was measured.
fn make(change: impl FnOnce(&mut Point, &mut Measured)) -> SampleRows {
    let (mut plan, mut measured): (Plan, _) = (toml::from_str(&golden("plan.toml")).unwrap(), measured());
    let topology: Topology = serde_json::from_str(&golden("topology.json")).unwrap();
    let at = plan.points.iter().position(|point| point.arm == "close" && point.procs == 2).unwrap();
    change(&mut plan.points[at], &mut measured);
    let context = Context {
        run_id: "run",
        plan: &plan,
        topology: &topology,
        host: "host",
        source: "live",
        timing: Timing::Virtual,
    };
    let id = Id { sample_id: 3, slot: Slot { point: at, block: 1, order: 15 }, seed: Seed(9) };
    let outcome = Outcome::Measured(Box::new(measured));
    rows(&context, id, &Sample { started_utc: "2026-01-02T03:04:05Z".into(), outcome })
}

#[test]
fn of_a_pause_that_is_told_as_a_whole_no_part_is_written() {
    let whole = |end_ns: u64, total_ns: u64| PauseTimes {
        due_ns: None,
        late_ns: None,
        stopping_ns: None,
        stopped_ns: None,
        resuming_ns: None,
        whole: Some(crate::sample::WholePause { end_ns, total_ns }),
        ..pause(0, 3)
    };
    let rows = make(|_, measured| {
        measured.pauses = vec![whole(999, 300), whole(1_000, 500)];
        measured.pauses_missed = None;
    });
    let row = &rows.sample;
    assert_eq!((row.pause_count, row.pause_mean_ns, row.stopped_ns_sum), (Some(2), Some(400.0), Some(800)));
    assert_eq!((row.pause_max_ns, row.stopping_mean_ns, row.pauses_missed), (Some(500), None, None));
    let parts = |row: &PauseRow| [row.due_ns, row.late_ns, row.stopping_ns, row.stopped_ns, row.resuming_ns];
    assert!(rows.pauses.iter().all(|row| parts(row) == [None; 5]));
    // The warm-up of this sample ends at 1000 ns: the first was over before.
    assert_eq!(
        rows.pauses.iter().map(|row| (row.total_ns, row.warmup)).collect::<Vec<_>>(),
        [(300, true), (500, false)]
    );
}

#[test]
fn figures_follow_from_the_sample() {
    let rows = make(|_, _| ());
    let row = &rows.sample;
    assert_eq!((row.throughput_per_s, row.repetition, row.order), (Some(1e6), 1, 15));
    // 1000 operations of 64 lines of 64 bytes in 1 ms.
    assert_eq!(row.bandwidth_gb_per_s, Some(1_000.0 * 64.0 * 64.0 / 1e6));
    assert_eq!((row.local_hit_ratio, row.local_hit_low, row.local_hit_high), (Some(0.75), Some(0.55), Some(0.85)));
    assert_eq!((row.local_touches, row.remote_touches, row.local_package_ratio), (Some(550), Some(150), Some(0.75)));
    assert_eq!((row.pause_count, row.pause_mean_ns, row.stopped_ns_sum), (Some(3), Some(400.0), Some(1200)));
    assert_eq!((row.pause_max_ns, row.stopping_mean_ns, row.pauses_missed), (Some(900), Some(397.0), Some(4)));
    assert_eq!((row.voluntary_switches, row.involuntary_switches), (Some(4), Some(2)));
    assert_eq!((row.run_delay_ratio, row.steal_ratio), (Some(0.001), Some(0.0)));
    assert_eq!((row.contaminated, row.contaminated_reason.as_deref()), (false, None));
    // The pause at 0 belongs to what this sample shows as warm-up; that due at 995 was requested at 1005, after it.
    assert_eq!(rows.pauses.iter().map(|pause| pause.warmup).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(rows.windows.iter().map(|window| window.warmup).collect::<Vec<_>>(), [true, false]);
    assert_eq!(rows.workers.iter().map(|worker| worker.node).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!(rows.traffic.iter().map(|row| row.distance).collect::<Vec<_>>(), [Some(10), Some(21), None]);
    assert_eq!(rows.traffic.iter().map(|row| row.moved_touches).collect::<Vec<_>>(), [50.0, 50.0, 0.0]);
}

#[test]
fn too_few_pauses_give_no_variance_and_no_p99() {
    let check = |count: u64, variance: bool, p99: bool| {
        let row = make(|_, measured| measured.pauses = (0..count).map(|at| pause(2_000, 100 + at)).collect()).sample;
        assert_eq!((row.pause_variance_ns2.is_some(), row.pause_p99_ns.is_some()), (variance, p99), "{count}");
        assert_eq!(row.pause_count, Some(count));
    };
    check(0, false, false);
    check(29, false, false);
    check(30, true, false);
    check(367, true, false);
    check(368, true, true);
}

#[test]
fn not_measured_is_empty() {
    let row = make(|_, measured| {
        measured.hits = None;
        measured.workers[1].run_delay_ns = None;
        measured.workers[1].switches = None;
        measured.steal_ticks = None;
    })
    .sample;
    assert_eq!((row.local_hit_ratio, row.hit_source, row.steal_ratio), (None, None, None));
    assert_eq!((row.voluntary_switches, row.run_delay_ratio), (None, Some(0.001)));
    let why = row.dram_source.as_deref();
    assert_eq!((row.dram_local_ratio, why), (None, Some("not measured: this version reads no counters")));
}

#[test]
fn only_causes_from_outside_flag_a_sample() {
    let check = |change: fn(&mut Point, &mut Measured), expect: Option<&str>| {
        let row = make(change).sample;
        assert_eq!((row.contaminated_reason.as_deref(), row.contaminated), (expect, expect.is_some()));
    };
    let waiting = "workers waited 3.0 % of their time for a PU (limit 2.0 %)";
    check(|_, measured| measured.workers.iter_mut().for_each(|w| w.run_delay_ns = Some(30_000)), Some(waiting));
    check(|_, measured| measured.workers.iter_mut().for_each(|w| w.run_delay_ns = Some(20_000)), None);
    check(
        |point, measured| {
            point.regime = Regime::Oversubscribed;
            measured.workers.iter_mut().for_each(|w| w.run_delay_ns = Some(900_000));
        },
        None,
    );
    check(|_, m| m.steal_ticks = Some((8, 200)), Some("steal 4.0 %, 8 ticks (limits 2.0 % and 3)"));
    check(|_, m| m.steal_ticks = Some((2, 20)), None);
    check(|_, m| m.throttled_periods = Some(17), Some("throttled by the cgroup's quota in 17 periods (limit 0)"));
    check(|_, m| m.faults = Some((9, 3)), Some("workers waited 3 times for a page from swap or disk (limit 0)"));
    check(|_, m| m.workers[1].migrations = Some(2), Some("pinned workers changed PU 2 times"));
    check(|_, m| m.pages_migrated = Some(5), Some("5 pages changed node"));
    // Unbound, first touch: the kernel may move whatever it likes, that is what is measured.
    check(
        |point, measured| {
            for place in &mut point.placement.workers {
                (place.cpus, place.node, place.private) = (None, None, MemoryPolicy::FirstTouch);
            }
            point.placement.shared.policy = MemoryPolicy::FirstTouch;
            measured.workers[0].migrations = Some(40);
            measured.pages_migrated = Some(4_096);
        },
        None,
    );
    check(
        |_, measured| {
            measured.throttled_periods = Some(1);
            measured.pages_migrated = Some(1);
        },
        Some("throttled by the cgroup's quota in 1 periods (limit 0); 1 pages changed node"),
    );
}

#[test]
fn pages_that_spilled_are_a_disturbance() {
    let check = |outside: u64, expect: Option<&str>| {
        let rows = make(|_, measured| measured.pages_spilled = Some((outside, 100)));
        assert_eq!(rows.sample.contaminated_reason.as_deref(), expect, "{outside} of 100");
    };
    check(5, None);
    check(6, Some("6 of 100 pages lie outside the nodes of their policy, which were full (limit 5.0 %)"));
}

#[test]
fn limits_of_disturbance_are_those_of_the_plan() {
    let row = make(|_, _| ()).sample;
    let row = SampleRow { run_delay_ratio: Some(0.1), steal_ratio: Some(0.1), major_faults: Some(4), ..row };
    let measured = Measured {
        steal_ticks: Some((9, 90)),
        throttled_periods: Some(7),
        pages_spilled: Some((20, 100)),
        ..measured()
    };
    let point = toml::from_str::<Plan>(&golden("plan.toml")).unwrap().points.swap_remove(0);
    let check = |limits: Thresholds, expect: usize| {
        assert_eq!(disturbances(&row, &point, &measured, &limits).len(), expect, "{limits:?}");
    };
    let just = Thresholds {
        run_delay_ratio: 0.1,
        steal_ratio: 0.1,
        steal_ticks: 9,
        throttled_periods: 7,
        major_faults: 4,
        pages_spilled_ratio: 0.2,
    };
    check(just, 0);
    check(Thresholds { run_delay_ratio: 0.09, ..just }, 1);
    check(Thresholds { steal_ratio: 0.09, ..just }, 1);
    check(Thresholds { steal_ratio: 0.09, steal_ticks: 10, ..just }, 0);
    check(Thresholds { throttled_periods: 6, ..just }, 1);
    check(Thresholds { major_faults: 3, ..just }, 1);
    check(Thresholds { pages_spilled_ratio: 0.19, ..just }, 1);
}

#[test]
fn a_failed_sample_is_one_row() {
    let plan: Plan = toml::from_str(&golden("plan.toml")).unwrap();
    let topology: Topology = serde_json::from_str(&golden("topology.json")).unwrap();
    let context =
        Context { run_id: "run", plan: &plan, topology: &topology, host: "h", source: "live", timing: Timing::Virtual };
    let id = Id { sample_id: 0, slot: Slot { point: 0, block: 0, order: 0 }, seed: Seed(1) };
    let failure = Failure { phase: "touch".into(), cause: "killed by SIGBUS".into() };
    let sample = Sample { started_utc: "2026-01-02T03:04:05Z".into(), outcome: Outcome::Failed(failure) };
    let rows = rows(&context, id, &sample);
    assert_eq!(rows.sample.error.as_deref(), Some("touch: killed by SIGBUS"));
    assert_eq!((rows.sample.stop_reason, rows.sample.operations), (StopReason::Failed, None));
    assert!(rows.pauses.is_empty() && rows.windows.is_empty() && rows.workers.is_empty() && rows.traffic.is_empty());
    assert_eq!(rows.extra.len(), plan.factors.len() + plan.metrics.len());
}
