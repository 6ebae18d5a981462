//! The model on the points of the golden folder `results/golden-2n8p`: two nodes of four PUs, `close` and `unbound`.

use model::traffic::{local_hit_ratio, traffic};
use model::{Parameters, Prediction, Queueing, predict};
use plan::experiment::StoppedWork;
use plan::place::{ProcessPlace, Toucher};
use plan::point::{Plan, Point};
use plan::policy::MemoryPolicy;
use plan::set::{CpuSet, NodeSet};
use plan::topology::Topology;
use std::path::Path;

fn golden() -> (Plan, Topology) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/golden-2n8p");
    let read = |name| std::fs::read_to_string(folder.join(name)).expect("the golden folder is complete");
    (
        toml::from_str(&read("plan.toml")).expect("a plan"),
        serde_json::from_str(&read("topology.json")).expect("a topology"),
    )
}

fn point(plan: &Plan, arm: &str, procs: u32) -> Point {
    plan.points.iter().find(|point| point.arm == arm && point.procs == procs).expect("in the plan").clone()
}

fn find(point: &Point, topology: &Topology) -> Prediction {
    let parameters = Parameters { away_ratio: 0.0, ..Parameters::DEFAULT };
    predict(point, topology, 10_000_000, StoppedWork::None, &parameters).expect("the model settles")
}

#[test]
fn ratios_follow_from_the_placement() {
    let (plan, topology) = golden();
    for planned in plan.points.iter().filter(|point| point.hit_ratio_by_construction.is_some()) {
        let found = find(planned, &topology).local_hit_ratio;
        let expect = planned.hit_ratio_by_construction.expect("filtered");
        assert!((found - expect).abs() < 1e-12, "{id}: {found} for {expect}", id = planned.id);
    }
    // Private local, shared interleaved over both nodes: 1 - 0.25 / 2.
    let close = find(&point(&plan, "close", 8), &topology);
    assert!((close.local_hit_ratio - 0.875).abs() < 1e-12);
    assert!((close.traffic.values().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(close.homes, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(find(&point(&plan, "unbound", 4), &topology).homes, [0, 1, 0, 1]);
}

#[test]
fn policies_put_pages_where_the_kernel_would() {
    let (plan, topology) = golden();
    let check = |private: &str, shared: &str, process: Option<&str>, expect: f64| {
        let policy = |text: &str| text.parse::<MemoryPolicy>().expect("a policy");
        let mut changed = point(&plan, "close", 8);
        changed.placement.workers.iter_mut().for_each(|place| place.private = policy(private));
        changed.placement.shared.policy = policy(shared);
        changed.placement.shared.toucher = Toucher::FirstWorker;
        changed.placement.process = ProcessPlace { cpus: None, memory: process.map(policy) };
        let parameters = Parameters { away_ratio: 0.0, ..Parameters::DEFAULT };
        let workers = traffic(&changed.placement, 0.25, &topology, &parameters).expect("placed");
        let found = local_hit_ratio(&workers);
        assert!((found - expect).abs() < 1e-12, "{private} {shared}: {found} for {expect}");
    };
    check("local", "first-touch", None, 0.75 + 0.25 * 0.5);
    check("local", "interleave:0-1", None, 0.875);
    check("bind:0-1", "interleave:0-1", None, 0.875);
    check("interleave:0-1", "interleave:0-1", None, 0.5);
    check("bind:1", "bind:1", None, 0.5);
    check("preferred:1", "preferred:0", None, 0.5);
    check("first-touch", "first-touch", Some("interleave:0-1"), 0.5);
    check("local", "first-touch", Some("bind:1"), 0.75 + 0.125);
}

#[test]
fn strict_floats_inside_one_node_and_is_all_local() {
    let (plan, topology) = golden();
    let mut strict = point(&plan, "unbound", 8);
    strict.placement.process =
        ProcessPlace { cpus: Some((0..4).collect()), memory: Some(MemoryPolicy::Bind(NodeSet::of(0))) };
    let found = find(&strict, &topology);
    assert_eq!((found.local_hit_ratio, found.homes), (1.0, vec![0; 8]));
    // Eight workers on four PUs: as fast as four, and pauses wait for those without a PU.
    let mut four = strict.clone();
    four.procs = 4;
    four.placement.workers.truncate(4);
    let four = find(&four, &topology);
    let (eight_pause, four_pause) = (found.pause.expect("paused"), four.pause.expect("paused"));
    assert!(eight_pause.stopping_ns > four_pause.stopping_ns + 2e6);
    assert!(found.throughput_per_s < four.throughput_per_s);
}

/// Pure queueing only rises; a service that grows with the workers makes a peak, as on every machine that has one.
#[test]
fn more_workers_do_more_until_coherence_costs() {
    let (plan, topology) = golden();
    let curve = |coherence_ns, queueing| -> Vec<f64> {
        let parameters = Parameters { coherence_ns, queueing, ..Parameters::DEFAULT };
        let throughput_per_s = |procs| {
            let found = predict(&point(&plan, "close", procs), &topology, 0, StoppedWork::None, &parameters);
            let found = found.expect("settles");
            assert!(found.slowest_per_s <= found.throughput_per_s, "{found:?}");
            assert!(found.throughput_per_s <= found.fastest_per_s * (1.0 + 1e-12), "{found:?}");
            found.throughput_per_s
        };
        [1, 2, 3, 4, 6, 8].map(throughput_per_s).to_vec()
    };
    for queueing in [Queueing::Mean, Queueing::Synchronous] {
        assert!(curve(0.0, queueing).is_sorted_by(|a, b| a < b), "{queueing:?}");
        let curve = curve(100.0, queueing);
        let highest = (0..6).max_by(|&a, &b| curve[a].total_cmp(&curve[b])).expect("six points");
        assert!((1..5).contains(&highest), "{queueing:?}: {curve:?}");
        assert!(
            curve[..=highest].is_sorted_by(|a, b| a < b) && curve[highest..].is_sorted_by(|a, b| a > b),
            "{curve:?}"
        );
    }
}

#[test]
fn the_worst_case_on_one_node_is_a_usl() {
    let (plan, topology) = golden();
    // One line in flight in 90 ns; 64 / 111 ns of it at the controller; coherence .25 x .1 x 400 ns a further worker.
    let parameters = Parameters {
        coherence_ns: 400.0,
        lines_in_flight: 1.0,
        queueing: Queueing::Synchronous,
        away_ratio: 0.0,
        ..Parameters::DEFAULT
    };
    let (service, cycle, coherence) = (64.0 / 111.0, 89.0, 10.0);
    let (sigma, kappa) = (service / cycle, coherence / cycle);
    for procs in [1, 2, 3, 4] {
        let mut one_node = point(&plan, "close", procs);
        one_node.placement.shared.policy = MemoryPolicy::Bind(NodeSet::of(0));
        let found = predict(&one_node, &topology, 0, StoppedWork::None, &parameters).expect("settles");
        let n = f64::from(procs);
        let per_ns = n / (cycle * (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0)));
        let touches = one_node.workload.touches_per_operation() as f64;
        assert!((found.throughput_per_s * touches / 1e9 / per_ns - 1.0).abs() < 1e-12, "{procs}");
        assert_eq!(found.local_hit_ratio, 1.0);
    }
}

#[test]
fn the_busiest_queue_is_named() {
    let (plan, topology) = golden();
    let mut remote = point(&plan, "close", 4);
    remote.placement.workers.iter_mut().for_each(|place| place.private = MemoryPolicy::Bind(NodeSet::of(1)));
    remote.placement.shared.policy = MemoryPolicy::Bind(NodeSet::of(1));
    let busiest = find(&remote, &topology).busiest;
    assert_eq!(busiest.station.to_string(), "link 0-1");
    // Distance 21, so 165.9 ns without load, and 10 ns of work; 64 / 34.4 ns at the link, 10 lines a worker.
    let service = 64.0 / 34.4;
    assert!((busiest.saturation_procs - 175.9 / service / 10.0).abs() < 1e-9, "{busiest:?}");
    assert!(busiest.utilization_ratio > 0.3 && busiest.utilization_ratio < 1.0, "{busiest:?}");
    let local = find(&point(&plan, "close", 8), &topology).busiest;
    assert!(local.station.to_string().starts_with("memory"), "{local:?}");
}

/// Hosts of two nodes in [`MATRICES`].
const TWO_NODES: [&str; 6] = [
    "breniac_skylake_2s",
    "genius_cascadelake_2s",
    "genius_skylake_2s",
    "thinking_haswell_2s",
    "thinking_ivybridge_2s",
    "xeon6980p_2s_snc_off",
];

const MATRICES: &str = include_str!("mlc/matrices.csv");

/// What MLC printed, read from the text and not by the code that is tested.
fn printed(host: &str, kind: &str, from: u32, to: u32) -> f64 {
    let row = format!("{host},{kind},{from},{to},");
    let value = MATRICES.lines().find_map(|line| line.strip_prefix(&row)).expect("each pair has its row");
    value.parse().expect("a number")
}

/// Latency of one line in flight and GB/s of thousands, predicted for workers of node `from` and memory of node `to`.
fn calibrated(host: &str, from: u32, to: u32) -> (f64, f64) {
    let (plan, topology) = golden();
    let calibration = model::calibration::parse("matrices.csv", MATRICES, Some(host)).expect("the file is sound");
    let found = |workers: usize, lines_in_flight: f64| {
        let mut one = point(&plan, "close", 4);
        one.placement.process = ProcessPlace { cpus: None, memory: None };
        one.placement.workers.truncate(workers);
        for place in &mut one.placement.workers {
            place.cpus = Some((4 * from..4 * from + 4).collect());
            place.private = MemoryPolicy::Bind(NodeSet::of(to));
        }
        one.placement.shared.policy = MemoryPolicy::Bind(NodeSet::of(to));
        let calibration = Some(calibration.clone());
        let parameters = Parameters { lines_in_flight, away_ratio: 0.0, calibration, ..Parameters::DEFAULT };
        let found = predict(&one, &topology, 0, StoppedWork::None, &parameters).expect("settles");
        (found.latency_ns, found.throughput_per_s * one.workload.touches_per_operation() as f64 * 64.0 / 1e9)
    };
    (found(1, 1.0).0, found(4, 5_000.0).1)
}

#[test]
fn a_calibration_replaces_the_constants_pair_by_pair() {
    for host in TWO_NODES {
        for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (latency_ns, gb_per_s) = calibrated(host, from, to);
            let idle_ns = printed(host, "idle_latency_ns", from, to);
            let most = printed(host, "read_bandwidth_MBps", from, to) / 1e3;
            assert!((latency_ns / idle_ns - 1.0).abs() < 1e-12, "{host} {from} {to}: {latency_ns} for {idle_ns}");
            assert!((gb_per_s / most - 1.0).abs() < 0.005, "{host} {from} {to}: {gb_per_s} for {most}");
        }
    }
}

#[test]
fn a_worker_without_a_node_is_refused_in_words() {
    let (plan, topology) = golden();
    let mut lost = point(&plan, "close", 1);
    lost.placement.workers[0].cpus = Some(CpuSet::of(99));
    let error = predict(&lost, &topology, 0, StoppedWork::None, &Parameters::DEFAULT).expect_err("no such PU");
    assert_eq!(error.to_string(), "worker 0 may run on PUs 99, none of which lies on a node of this topology");
}
