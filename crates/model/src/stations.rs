//! The queues of a modelled machine, and the workers of each node as a class of their customers.

use crate::amva::Class;
use crate::traffic::WorkerTraffic;
use crate::{LINE_BYTES, Parameters};
use plan::point::Point;
use plan::set::CpuSet;
use plan::topology::Topology;
use plan::workload::{Touches, Workload};
use std::collections::BTreeMap;
use std::fmt;

/// Distance of a node to itself, by definition of the firmware's table (ACPI, SLIT).
const LOCAL_DISTANCE: f64 = 10.0;

/// Distance between two nodes where the firmware gives none: Linux' REMOTE_DISTANCE.
const REMOTE_DISTANCE: f64 = 20.0;

/// Where touches queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Station {
    /// Memory controllers of a node, by OS index.
    Controller(u32),
    /// The link over which PUs of one node reach another's memory.
    Link {
        /// Node of the PU.
        from: u32,
        /// Node of the memory.
        to: u32,
    },
    /// The one home of written shared lines.
    Home,
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Station::Controller(node) => format!("memory {node}"),
            Station::Link { from, to } => format!("link {from}-{to}"),
            Station::Home => "coherence".into(),
        })
    }
}

/// How a workload touches memory.
pub(crate) struct Access {
    pub(crate) shared_ratio: f64,
    write_ratio: f64,
    dependent: bool,
}

impl Access {
    /// Service that a touch needs on average at the home of written shared lines: each further worker may hold a copy.
    fn home_ns(&self, procs: u32, parameters: &Parameters) -> f64 {
        let others = f64::from(procs.saturating_sub(1));
        self.shared_ratio * self.write_ratio * parameters.coherence_ns * others
    }
}

pub(crate) fn access(workload: &Workload) -> Access {
    // A further workload is modelled by its bytes, without an arm here.
    if let Workload::Serve(serve) = workload {
        let dependent = serve.touches == Touches::Dependent;
        return Access { shared_ratio: serve.shared_ratio, write_ratio: serve.write_ratio, dependent };
    }
    let need = workload.need();
    let all = (need.private_bytes + need.shared_bytes).max(1) as f64;
    Access { shared_ratio: need.shared_bytes as f64 / all, write_ratio: 0.0, dependent: false }
}

/// The workers that start on one node.
pub(crate) struct Group {
    pub(crate) workers: u32,
    /// Cores and PUs of the node that they may use.
    cores: usize,
    pus: usize,
    /// Share of its touches by (node of the PU, node of the page).
    pub(crate) joint: BTreeMap<(u32, u32), f64>,
}

pub(crate) fn groups(point: &Point, workers: &[WorkerTraffic], topology: &Topology) -> Vec<Group> {
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
pub(crate) fn oversubscription(groups: &[Group]) -> f64 {
    let rest = |group: &Group| (f64::from(group.workers) / group.pus.max(1) as f64 - 1.0).max(0.0);
    groups.iter().map(rest).fold(0.0, f64::max)
}

/// The queues of a machine: one controller for each node, one directed link for each pair, one home of shared lines.
pub(crate) struct Stations<'a> {
    nodes: Vec<u32>,
    topology: &'a Topology,
    parameters: &'a Parameters,
}

impl<'a> Stations<'a> {
    pub(crate) fn new(topology: &'a Topology, parameters: &'a Parameters) -> Self {
        Stations { nodes: topology.nodes.iter().map(|node| node.os_index).collect(), topology, parameters }
    }

    /// What a place in [`Class::demands`] is.
    pub(crate) fn station(&self, at: usize) -> Station {
        let n = self.nodes.len();
        match at.checked_sub(n) {
            None => Station::Controller(self.nodes[at]),
            Some(pair) if pair < n * n => Station::Link { from: self.nodes[pair / n], to: self.nodes[pair % n] },
            Some(_) => Station::Home,
        }
    }

    /// The controllers, of which every touch visits one: place and service time.
    pub(crate) fn controllers(&self) -> Vec<(usize, f64)> {
        self.nodes.iter().enumerate().map(|(at, &node)| (at, self.controller_ns(node))).collect()
    }

    pub(crate) fn class(&self, group: &Group, access: &Access, procs: u32) -> Class {
        let n = self.nodes.len();
        let at = |node: u32| self.nodes.iter().position(|&known| known == node).expect("traffic names known nodes");
        let mut demands = vec![0.0; n + n * n + 1];
        let mut think = self.parameters.compute_ns;
        for (&(from, to), share) in &group.joint {
            let controller_ns = self.controller_ns(to);
            demands[at(to)] += share * controller_ns;
            // What of the latency is not service at a queue is a delay.
            let mut service_ns = controller_ns;
            if from != to {
                let link_ns = self.link_ns(from, to);
                demands[n + at(from) * n + at(to)] += share * link_ns;
                service_ns += link_ns;
            }
            think += share * (self.latency_ns(from, to) - service_ns).max(0.0);
        }
        demands[n + n * n] = access.home_ns(procs, self.parameters);
        let per_core = if access.dependent { 1.0 } else { self.parameters.lines_in_flight };
        Class { customers: busy_cores(group, self.parameters) * per_core, think, demands }
    }

    fn controller_ns(&self, node: u32) -> f64 {
        let calibration = self.parameters.calibration.as_ref();
        let measured = calibration.and_then(|calibration| calibration.controller_gb_per_s(node));
        LINE_BYTES / measured.unwrap_or(self.parameters.controller_bytes_per_ns)
    }

    fn link_ns(&self, from: u32, to: u32) -> f64 {
        let calibration = self.parameters.calibration.as_ref();
        let measured = calibration.and_then(|calibration| calibration.gb_per_s(from, to));
        LINE_BYTES / measured.unwrap_or(self.parameters.link_bytes_per_ns)
    }

    /// As measured; else local latency x distance / 10.
    fn latency_ns(&self, from: u32, to: u32) -> f64 {
        let calibration = self.parameters.calibration.as_ref();
        if let Some(measured) = calibration.and_then(|calibration| calibration.latency_ns(from, to)) {
            return measured;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amva;
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
        check(100.0, 1.0, [32, 32], 213.27488180547616, 92.05262079272333);
        check(100.0, 0.76, [32, 32], 205.3091404313465, 99.50402555845606);
        check(100.0, 0.68, [32, 32], 197.92741561412237, 106.9445502176175);
        check(1000.0, 0.5, [4, 0], 2.3166634543080273, 105.03750350076469);
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
