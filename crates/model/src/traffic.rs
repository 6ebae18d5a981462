//! Where workers run and where pages lie, by plain rules: the share of touches from each node to each node.
//!
//! Written apart from `plan`'s ratios "by construction", so that one checks the other. The rules: a worker bound to one
//! node stays there; one free to float starts on its nodes in turn, as a load balancer would put it, and is away for a
//! small share of its time. First touch puts pages where the toucher starts; bind and preferred-many to several nodes put
//! them on the toucher's node when it is among them, else on the nearest; interleave spreads evenly; no node is ever full.

use crate::{ModelError, Parameters};
use plan::place::{Place, Placement, Toucher};
use plan::policy::MemoryPolicy;
use plan::set::{CpuSet, NodeSet};
use plan::topology::Topology;
use std::collections::BTreeMap;

/// Shares over nodes that sum to 1, by OS index.
pub type Shares = BTreeMap<u32, f64>;

/// One worker: where it starts, where its time goes, where what it touches lies.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerTraffic {
    /// Node it starts and touches first on.
    pub home: u32,
    /// Share of its time on each node.
    pub runs_on: Shares,
    /// Share of its touches that lie on each node.
    pub touches: Shares,
}

/// Traffic of every worker of a placement, in worker order.
///
/// # Errors
/// `Nowhere` for a worker whose PUs lie on no node of the topology.
pub fn traffic(
    placement: &Placement,
    shared_ratio: f64,
    topology: &Topology,
    parameters: &Parameters,
) -> Result<Vec<WorkerTraffic>, ModelError> {
    let process_cpus = placement.process.cpus.as_ref().unwrap_or(&topology.allowed_pus);
    let mut homes = Vec::with_capacity(placement.workers.len());
    let mut placed = BTreeMap::new();
    for place in &placement.workers {
        let cpus = place.cpus.as_ref().unwrap_or(process_cpus);
        let room = pus_on_nodes(cpus, topology);
        let home = least_crowded(&room, &placed);
        let home = home.ok_or_else(|| ModelError::Nowhere { worker: place.worker, cpus: cpus.clone() })?;
        *placed.entry(home).or_insert(0u32) += 1;
        homes.push((home, room));
    }
    let inherited = placement.process.memory.as_ref();
    let shared = shared_pages(placement, &homes, topology);
    let worker = |(place, (home, room)): (&Place, &(u32, Shares))| {
        let private = pages(&place.private, inherited, *home, topology);
        let mut touches = Shares::new();
        add(&mut touches, &private, 1.0 - shared_ratio);
        add(&mut touches, &shared, shared_ratio);
        let mut runs_on = Shares::new();
        add(&mut runs_on, room, parameters.away_ratio);
        add(&mut runs_on, &Shares::from([(*home, 1.0)]), 1.0 - parameters.away_ratio);
        WorkerTraffic { home: *home, runs_on, touches }
    };
    Ok(placement.workers.iter().zip(&homes).map(worker).collect())
}

/// Local hit ratio if every worker touches equally often.
pub fn local_hit_ratio(workers: &[WorkerTraffic]) -> f64 {
    let local = |worker: &WorkerTraffic| -> f64 {
        worker.runs_on.iter().map(|(node, time)| time * worker.touches.get(node).copied().unwrap_or(0.0)).sum()
    };
    workers.iter().map(local).sum::<f64>() / workers.len() as f64
}

/// Where the pages of a heap lie that a worker on `toucher` touches first.
fn pages(policy: &MemoryPolicy, inherited: Option<&MemoryPolicy>, toucher: u32, topology: &Topology) -> Shares {
    let nearest = |nodes: &NodeSet| {
        let order = |node: &u32| (topology.distance(toucher, *node).unwrap_or(u32::from(*node != toucher)), *node);
        nodes.iter().min_by_key(order).unwrap_or(toucher)
    };
    let with_memory = || topology.nodes.iter().filter(|node| node.has_memory()).map(|node| node.os_index).collect();
    match (policy, inherited) {
        (MemoryPolicy::FirstTouch, Some(process)) => pages(process, None, toucher, topology),
        (MemoryPolicy::FirstTouch | MemoryPolicy::Local, _) => Shares::from([(nearest(&with_memory()), 1.0)]),
        (MemoryPolicy::Preferred(node), _) => Shares::from([(*node, 1.0)]),
        (MemoryPolicy::Bind(nodes) | MemoryPolicy::PreferredMany(nodes), _) => Shares::from([(nearest(nodes), 1.0)]),
        (MemoryPolicy::Interleave(nodes) | MemoryPolicy::WeightedInterleave(nodes), _) => {
            nodes.iter().map(|node| (node, 1.0 / nodes.len() as f64)).collect()
        }
    }
}

/// Where the pages of the shared heap lie: a mean over those who touch it first.
fn shared_pages(placement: &Placement, homes: &[(u32, Shares)], topology: &Topology) -> Shares {
    let touchers = match placement.shared.toucher {
        Toucher::All => homes,
        Toucher::FirstWorker => &homes[..homes.len().min(1)],
    };
    let mut shares = Shares::new();
    for (home, _) in touchers {
        let slice = pages(&placement.shared.policy, placement.process.memory.as_ref(), *home, topology);
        add(&mut shares, &slice, 1.0 / touchers.len() as f64);
    }
    shares
}

/// Share of a set's PUs on each node.
fn pus_on_nodes(cpus: &CpuSet, topology: &Topology) -> Shares {
    let nodes: Vec<u32> = cpus.iter().filter_map(|pu| topology.pu(pu)?.node).collect();
    let mut shares = Shares::new();
    for node in &nodes {
        *shares.entry(*node).or_insert(0.0) += 1.0 / nodes.len() as f64;
    }
    shares
}

/// The node with the fewest workers for its PUs; the lower index among equals.
fn least_crowded(room: &Shares, placed: &BTreeMap<u32, u32>) -> Option<u32> {
    let crowd = |node: &u32| f64::from(placed.get(node).copied().unwrap_or(0)) / room[node];
    room.keys().copied().min_by(|a, b| crowd(a).total_cmp(&crowd(b)))
}

fn add(sum: &mut Shares, shares: &Shares, weight: f64) {
    for (node, share) in shares {
        *sum.entry(*node).or_insert(0.0) += weight * share;
    }
}
