//! From a point and a topology to figures: traffic by rules, throughput by queues, pauses by request boundaries.

use crate::amva::{self, Class};
use crate::traffic::{WorkerTraffic, traffic};
use crate::{ModelError, Parameters};
use plan::experiment::StoppedWork;
use plan::point::Point;
use plan::set::CpuSet;
use plan::topology::Topology;
use plan::workload::{Touches, Workload};
use std::collections::BTreeMap;

/// Bytes of a cache line.
const LINE_BYTES: f64 = 64.0;

/// Distance of a node to itself, by definition of the firmware's table (ACPI, SLIT).
const LOCAL_DISTANCE: f64 = 10.0;

/// Distance between two nodes where the firmware gives none: Linux' REMOTE_DISTANCE.
const REMOTE_DISTANCE: f64 = 20.0;

/// What the model says about one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Operations per second, stopped time included.
    pub throughput_per_s: f64,
    /// Touches whose page lies on the toucher's node / all touches.
    pub local_hit_ratio: f64,
    /// Share of all touches by `(node of the PU, node of the page)`; sums to 1.
    pub traffic: BTreeMap<(u32, u32), f64>,
    /// Node on which each worker starts, in worker order.
    pub homes: Vec<u32>,
    /// Mean latency of a touch, waiting included, over all touches.
    pub latency_ns: f64,
    /// Mean parts of one pause; `None` where the world is never stopped.
    pub pause: Option<PausePrediction>,
}

/// Mean parts of one pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PausePrediction {
    /// Request to last worker parked.
    pub stopping_ns: f64,
    /// World stopped.
    pub stopped_ns: f64,
    /// Release to last worker running.
    pub resuming_ns: f64,
}

impl PausePrediction {
    /// Sum of the parts.
    pub fn total_ns(self) -> f64 {
        self.stopping_ns + self.stopped_ns + self.resuming_ns
    }
}

/// Predicts one point. `pause_every_ns` 0: the world is never stopped.
///
/// # Errors
/// `Nowhere` for a worker without a PU on a known node, `Unsettled` where the queues do not settle.
pub fn predict(
    point: &Point,
    topology: &Topology,
    pause_every_ns: u64,
    stopped_work: StoppedWork,
    parameters: &Parameters,
) -> Result<Prediction, ModelError> {
    let access = access(&point.workload);
    let workers = traffic(&point.placement, access.shared_ratio, topology, parameters)?;
    let groups = groups(point, &workers, topology);
    let stations = Stations::new(topology, parameters);
    let classes: Vec<Class> = groups.iter().map(|group| stations.class(group, &access, point.procs)).collect();
    let flows = amva::solve(&classes)?;

    let lines_per_ns: f64 = flows.iter().map(|flow| flow.throughput).sum();
    let mut shares = BTreeMap::new();
    let mut latency_ns = 0.0;
    for ((group, class), flow) in groups.iter().zip(&classes).zip(&flows) {
        let weight = flow.throughput / lines_per_ns;
        group.joint.iter().for_each(|(pair, share)| *shares.entry(*pair).or_insert(0.0) += weight * share);
        latency_ns += weight * (class.think - access.compute_ns(point.procs, parameters) + flow.residence);
    }
    let running_per_s = lines_per_ns * 1e9 / point.workload.touches_per_operation() as f64;
    let pause = (pause_every_ns > 0).then(|| {
        let rest_ns = oversubscription(&groups) * parameters.slice_ns;
        pause(point.procs, running_per_s, lines_per_ns, rest_ns, stopped_work, parameters)
    });
    let stopped_share = pause.map_or(0.0, |pause| {
        // Due times that pass during a pause are dropped, so a pause takes a share of whole periods.
        let every = pause_every_ns as f64;
        pause.total_ns() / (((pause.total_ns() / every).floor() + 1.0) * every)
    });
    Ok(Prediction {
        throughput_per_s: running_per_s * (1.0 - stopped_share),
        local_hit_ratio: shares.iter().filter(|((from, to), _)| from == to).map(|(_, share)| share).sum(),
        traffic: shares,
        homes: workers.iter().map(|worker| worker.home).collect(),
        latency_ns,
        pause,
    })
}

/// How a workload touches memory.
struct Access {
    shared_ratio: f64,
    write_ratio: f64,
    dependent: bool,
}

impl Access {
    /// Work of one touch that no memory takes part in, coherence included.
    fn compute_ns(&self, procs: u32, parameters: &Parameters) -> f64 {
        let others = f64::from(procs.saturating_sub(1));
        parameters.compute_ns + self.shared_ratio * self.write_ratio * parameters.coherence_ns * others
    }
}

fn access(workload: &Workload) -> Access {
    #[allow(irrefutable_let_patterns, reason = "a further workload is modelled by its bytes, without an arm here")]
    if let Workload::Serve(serve) = workload {
        let dependent = serve.touches == Touches::Dependent;
        return Access { shared_ratio: serve.shared_ratio, write_ratio: serve.write_ratio, dependent };
    }
    let need = workload.need();
    let all = (need.private_bytes + need.shared_bytes).max(1) as f64;
    Access { shared_ratio: need.shared_bytes as f64 / all, write_ratio: 0.0, dependent: false }
}

/// The workers that start on one node.
struct Group {
    workers: u32,
    /// Cores and PUs of the node that they may use.
    cores: usize,
    pus: usize,
    /// Share of its touches by (node of the PU, node of the page).
    joint: BTreeMap<(u32, u32), f64>,
}

fn groups(point: &Point, workers: &[WorkerTraffic], topology: &Topology) -> Vec<Group> {
    let process_cpus = point.placement.process.cpus.as_ref().unwrap_or(&topology.allowed_pus);
    let mut homes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    workers.iter().enumerate().for_each(|(at, worker)| homes.entry(worker.home).or_default().push(at));
    let group = |(home, members): (u32, Vec<usize>)| {
        let cpus = members.iter().fold(CpuSet::new(), |union, &at| {
            union.union(point.placement.workers[at].cpus.as_ref().unwrap_or(process_cpus))
        });
        let here: Vec<_> = cpus.iter().filter_map(|pu| topology.pu(pu)).filter(|pu| pu.node == Some(home)).collect();
        let mut cores: Vec<u32> = here.iter().map(|pu| pu.core).collect();
        cores.sort_unstable();
        cores.dedup();
        let mut joint = BTreeMap::new();
        for worker in members.iter().map(|&at| &workers[at]) {
            for (from, time) in &worker.runs_on {
                for (to, share) in &worker.touches {
                    *joint.entry((*from, *to)).or_insert(0.0) += time * share / members.len() as f64;
                }
            }
        }
        Group { workers: members.len() as u32, cores: cores.len(), pus: here.len(), joint }
    };
    homes.into_iter().map(group).collect()
}

/// Workers for which there is no PU, per PU, on the most crowded node.
fn oversubscription(groups: &[Group]) -> f64 {
    let rest = |group: &Group| (f64::from(group.workers) / group.pus.max(1) as f64 - 1.0).max(0.0);
    groups.iter().map(rest).fold(0.0, f64::max)
}

/// The queues of a machine: one controller for each node, one directed link for each pair.
struct Stations<'a> {
    nodes: Vec<u32>,
    topology: &'a Topology,
    parameters: &'a Parameters,
}

impl<'a> Stations<'a> {
    fn new(topology: &'a Topology, parameters: &'a Parameters) -> Self {
        Stations { nodes: topology.nodes.iter().map(|node| node.os_index).collect(), topology, parameters }
    }

    fn class(&self, group: &Group, access: &Access, procs: u32) -> Class {
        let n = self.nodes.len();
        let at = |node: u32| self.nodes.iter().position(|&known| known == node).expect("traffic names known nodes");
        let controller_ns = LINE_BYTES / self.parameters.controller_bytes_per_ns;
        let link_ns = LINE_BYTES / self.parameters.link_bytes_per_ns;
        let mut demands = vec![0.0; n + n * n];
        let mut think = access.compute_ns(procs, self.parameters);
        for (&(from, to), share) in &group.joint {
            demands[at(to)] += share * controller_ns;
            // What of the latency is not service at a queue is a delay.
            let mut service_ns = controller_ns;
            if from != to {
                demands[n + at(from) * n + at(to)] += share * link_ns;
                service_ns += link_ns;
            }
            think += share * (self.latency_ns(from, to) - service_ns).max(0.0);
        }
        let per_core = if access.dependent { 1.0 } else { self.parameters.lines_in_flight };
        Class { customers: busy_cores(group, self.parameters) * per_core, think, demands }
    }

    /// Local latency x distance / 10.
    fn latency_ns(&self, from: u32, to: u32) -> f64 {
        let unknown = if from == to { LOCAL_DISTANCE } else { REMOTE_DISTANCE };
        let distance = self.topology.distance(from, to).map_or(unknown, f64::from);
        self.parameters.local_latency_ns * distance / LOCAL_DISTANCE
    }
}

/// Cores at work, a core with busy siblings counted as `smt_gain`; workers without a PU add nothing.
fn busy_cores(group: &Group, parameters: &Parameters) -> f64 {
    let running = (group.workers as usize).min(group.pus.max(1));
    let siblings = running.saturating_sub(group.cores);
    let shared_cores = siblings.min(group.cores);
    running.min(group.cores.max(1)) as f64 + shared_cores as f64 * (parameters.smt_gain - 1.0)
}

fn pause(
    procs: u32,
    running_per_s: f64,
    lines_per_ns: f64,
    rest_ns: f64,
    stopped_work: StoppedWork,
    parameters: &Parameters,
) -> PausePrediction {
    let procs = f64::from(procs);
    let request_ns = 1e9 * procs / running_per_s;
    // Residual requests are uniform: the mean of the largest of the n - 1 others is (n - 1) / n of a request.
    let stopping_ns = request_ns * (procs - 1.0) / procs + rest_ns;
    let stopped_ns = match stopped_work {
        StoppedWork::None => 0.0,
        StoppedWork::Scan { bytes } => bytes as f64 / (lines_per_ns * LINE_BYTES),
    };
    // One broadcast wakes all others; wake-ups overlap in part, so the last waits for log2 of them, and none is 0.
    PausePrediction { stopping_ns, stopped_ns, resuming_ns: parameters.wake_ns * procs.log2() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::topology::{Distances, Node, NodeKind, TopologySource};

    /// Two nodes at the measured latencies, given as "distances" of a local latency of 1 ns.
    fn breniac() -> Topology {
        let node = |os_index| Node {
            os_index,
            kind: NodeKind::Dram,
            pus: CpuSet::new(),
            memory_bytes: None,
            free_bytes: None,
            reclaimable_bytes: None,
            reserved_bytes: None,
            package: None,
        };
        Topology {
            source: TopologySource::Synthetic("breniac".into()),
            cpu_model: None,
            packages: Vec::new(),
            dies: Vec::new(),
            llcs: Vec::new(),
            cores: Vec::new(),
            pus: Vec::new(),
            nodes: vec![node(0), node(1)],
            distances: Some(Distances { nodes: vec![0, 1], values: vec![vec![790, 1310], vec![1310, 790]] }),
            allowed_pus: CpuSet::new(),
            allowed_nodes: [0, 1].into_iter().collect(),
            offline_pus: CpuSet::new(),
        }
    }

    fn check(compute_ns: f64, hit: f64, threads: [u32; 2], gb_per_s: f64, latency_ns: f64) {
        let (topology, access) = (breniac(), Access { shared_ratio: 0.0, write_ratio: 0.0, dependent: false });
        let parameters = Parameters { local_latency_ns: 1.0, compute_ns, ..Parameters::DEFAULT };
        let stations = Stations::new(&topology, &parameters);
        let group = |(home, workers): (u32, u32)| Group {
            workers,
            cores: 32,
            pus: 32,
            joint: [((home, home), hit), ((home, 1 - home), 1.0 - hit)].into_iter().filter(|(_, s)| *s > 0.0).collect(),
        };
        let groups = (0..).zip(threads).filter(|(_, workers)| *workers > 0).map(group);
        let classes: Vec<Class> = groups.map(|group| stations.class(&group, &access, 1)).collect();
        let flows = amva::solve(&classes).expect("settles");
        let throughput: f64 = flows.iter().map(|flow| flow.throughput).sum();
        assert!((throughput * LINE_BYTES / gb_per_s - 1.0).abs() < 1e-9, "{throughput} {gb_per_s}");
        let customers: f64 = classes.iter().map(|class| class.customers).sum();
        assert!(((customers / throughput - compute_ns) / latency_ns - 1.0).abs() < 1e-9);
    }

    #[test]
    fn two_packages_of_skylake() {
        // Our reference implementation of the same network in Python, latencies and bandwidths of "breniac".
        check(10.0, 1.0, [4, 0], 28.701367093459584, 79.1943575950209);
        check(10.0, 1.0, [32, 32], 221.36684039640858, 175.03222942809157);
        check(10.0, 0.92, [4, 0], 27.431943506128224, 83.32186031325497);
        check(100.0, 0.92, [32, 32], 211.2224381790452, 93.91879173972877);
        check(10.0, 0.76, [16, 0], 99.03205443152126, 93.40086408164703);
        check(100.0, 0.5, [32, 32], 136.6754519500196, 199.68805235762838);
    }

    #[test]
    fn siblings_and_crowds() {
        let busy = |workers, cores, pus| {
            busy_cores(&Group { workers, cores, pus, joint: BTreeMap::new() }, &Parameters::DEFAULT)
        };
        assert_eq!(
            (busy(3, 4, 8), busy(4, 4, 8), busy(6, 4, 8), busy(8, 4, 8), busy(80, 4, 8)),
            (3.0, 4.0, 4.5, 5.0, 5.0)
        );
        assert_eq!(busy(4, 2, 2), 2.0);
    }
}
