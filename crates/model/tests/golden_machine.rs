//! The model on the points of the golden folder `results/golden-2n8p`: two nodes of four PUs, `close` and `unbound`.

use model::traffic::{local_hit_ratio, traffic};
use model::{Parameters, Prediction, predict};
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

#[test]
fn more_workers_do_more_until_coherence_costs() {
    let (plan, topology) = golden();
    let curve = |coherence_ns| -> Vec<f64> {
        let parameters = Parameters { coherence_ns, ..Parameters::DEFAULT };
        let predict = |procs| {
            predict(&point(&plan, "close", procs), &topology, 0, StoppedWork::None, &parameters).expect("settles")
        };
        [1, 2, 3, 4, 6, 8].map(|procs| predict(procs).throughput_per_s).to_vec()
    };
    assert!(curve(0.0).is_sorted_by(|a, b| a < b));
    assert!(!curve(40_000.0).is_sorted_by(|a, b| a < b));
}

#[test]
fn a_worker_without_a_node_is_refused_in_words() {
    let (plan, topology) = golden();
    let mut lost = point(&plan, "close", 1);
    lost.placement.workers[0].cpus = Some(CpuSet::of(99));
    let error = predict(&lost, &topology, 0, StoppedWork::None, &Parameters::DEFAULT).expect_err("no such PU");
    assert_eq!(error.to_string(), "worker 0 may run on PUs 99, none of which lies on a node of this topology");
}
