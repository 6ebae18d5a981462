//! From an arm and a number of workers to one place for each worker.
//!
//! A [`Room`] is an arm on one machine: its cpuset and the order its PUs are filled in are found once. A point then takes
//! the first PUs of that order, and resolves policies that name the nodes of its workers.

mod order;
mod policies;

use crate::experiment::{ArmFile, CpusFile};
use crate::numactl::{self, NumactlError};
use crate::place::{Place, Placement, ProcessPlace, Regime, SharedPlace};
use crate::set::{CpuSet, NodeSet};
use crate::topology::{Conditions, Topology};
use order::{Fill, Seat, seats};
use policies::Resolver;
use std::collections::BTreeSet;

/// Why an arm cannot place its workers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// More workers than PUs.
    #[error(
        "placement {placement}: {workers} workers asked, cpuset {cpus} has {pus} PUs; ask for fewer or set oversubscribe = true"
    )]
    TooFewPus {
        /// close, spread, …
        placement: String,
        /// Workers asked.
        workers: u32,
        /// The PUs that this arm may use: with `smt = "off"` one of each core.
        cpus: CpuSet,
        /// How many they are.
        pus: u32,
    },
    /// The arm's PUs or nodes cannot be had.
    #[error("cpus {cpus}: {cause}")]
    Cpus {
        /// As the arm says.
        cpus: String,
        /// Why.
        cause: NumactlError,
    },
    /// The arm's PUs and those of its process have none in common.
    #[error("cpus {cpus}: none of them is among the PUs of the process, {process}")]
    OutsideProcess {
        /// As the arm says.
        cpus: String,
        /// PUs of the process.
        process: CpuSet,
    },
    /// This process may use no PU at all.
    #[error("no PU is allowed; check the container's cpuset.cpus")]
    NoPus,
    /// The nodes of a policy cannot be had.
    #[error("memory policy {policy}: {cause}")]
    Nodes {
        /// As the arm says.
        policy: String,
        /// Why.
        cause: NumactlError,
    },
    /// `workers` of a point all of whose nodes lack memory that may be used.
    #[error("memory policy {policy}: its workers run on nodes {nodes}, which have no memory this process may use")]
    NoWorkerMemory {
        /// As the arm says.
        policy: String,
        /// Nodes of the workers.
        nodes: NodeSet,
    },
    /// `preferred` with several nodes.
    #[error("memory policy {policy}: preferred takes one node, and this is {nodes}; for several say preferred-many")]
    NotOneNode {
        /// As the arm says.
        policy: String,
        /// What it came to.
        nodes: NodeSet,
    },
    /// The kernel, or what stands between it and us, refuses the policy.
    #[error("memory policy {policy}: {cause}")]
    Lacking {
        /// The policy's name.
        policy: &'static str,
        /// Why, as probed.
        cause: String,
    },
}

/// An arm on one machine, before the number of workers is known.
pub(crate) struct Room<'a> {
    arm: &'a ArmFile,
    topology: &'a Topology,
    process_cpus: Option<CpuSet>,
    /// What each worker of a floating arm is bound to; `None` where it is left as the process is.
    worker_cpus: Option<CpuSet>,
    /// PUs that workers may use, all points together.
    reach: CpuSet,
    /// Nodes of `reach`.
    nodes: NodeSet,
    /// Whether some PU of `reach` belongs to no node.
    homeless: bool,
    /// Order of filling; `None` where workers float.
    seats: Option<Vec<Seat>>,
    /// Most workers with a core each, and with a PU each.
    cores: u32,
    pus: u32,
    /// What `same` stands for in its memory policies.
    named: Option<NodeSet>,
}

/// The placement of one point, with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub(crate) placement: Placement,
    pub(crate) regime: Regime,
    /// PUs that its workers have at a time: as many as there are of either.
    pub(crate) busy_pus: u32,
    /// Nodes that its workers may run on.
    pub(crate) nodes: NodeSet,
    /// Whether some of its PUs belongs to no node.
    pub(crate) homeless: bool,
}

impl<'a> Room<'a> {
    /// Finds where the arm's workers may run.
    pub(crate) fn new(arm: &'a ArmFile, topology: &'a Topology) -> Result<Room<'a>, PlacementError> {
        let mut named = None;
        let process_file = arm.process.as_ref().and_then(|process| process.cpus.as_ref());
        let process_cpus = named_cpus(process_file, topology, None, &mut named)?;
        let worker_cpus = named_cpus(Some(&arm.cpus), topology, process_cpus.as_ref(), &mut named)?;
        let online = topology.pu_set().intersection(&topology.allowed_pus);
        let within = process_cpus.clone().unwrap_or(online);
        let worker_cpus = worker_cpus.map(|cpus| cpus.intersection(&within));
        let reach = worker_cpus.clone().unwrap_or_else(|| within.clone());
        if reach.is_empty() {
            return Err(match process_cpus {
                Some(process) => PlacementError::OutsideProcess { cpus: arm.cpus.to_string(), process },
                None => PlacementError::NoPus,
            });
        }
        let seats = match arm.cpus {
            CpusFile::Close => Some(seats(topology, &reach, Fill::Close, arm.smt)),
            CpusFile::Spread => Some(seats(topology, &reach, Fill::Spread, arm.smt)),
            _ => None,
        };
        let reach = match &seats {
            Some(seats) => seats.iter().map(|seat| seat.pu).collect(),
            None => reach,
        };
        let homes: Vec<Option<u32>> = reach.iter().map(|pu| topology.pu(pu).and_then(|pu| pu.node)).collect();
        Ok(Room {
            cores: cores(topology, &reach, seats.as_deref()),
            pus: reach.len() as u32,
            nodes: homes.iter().flatten().copied().collect(),
            homeless: homes.contains(&None),
            arm,
            topology,
            process_cpus,
            worker_cpus,
            reach,
            seats,
            named,
        })
    }

    /// Most workers that have a PU each.
    pub(crate) fn capacity(&self) -> u32 {
        self.pus
    }

    /// `close`, `node:0`, … ; of a process-wide arm that of the process.
    pub(crate) fn name(&self) -> String {
        let process = self.arm.process.as_ref().and_then(|process| process.cpus.as_ref());
        match (process, &self.arm.cpus) {
            (None, cpus) => cpus.to_string(),
            (Some(process), CpusFile::Unbound) => process.to_string(),
            (Some(process), cpus) => format!("{cpus} in {process}"),
        }
    }

    /// Places so many workers; more than PUs only where `oversubscribed` says so, and then in the same order again.
    pub(crate) fn place(
        &self,
        procs: u32,
        oversubscribed: bool,
        conditions: &Conditions,
    ) -> Result<Placed, PlacementError> {
        if procs > self.pus && !oversubscribed {
            let (placement, cpus) = (self.name(), self.reach.clone());
            return Err(PlacementError::TooFewPus { placement, workers: procs, cpus, pus: self.pus });
        }
        let nodes = match &self.seats {
            Some(seats) => seats.iter().take(procs as usize).filter_map(|seat| seat.node).collect(),
            None => self.nodes.clone(),
        };
        let floating_nodes = || {
            let usual = self.nodes.intersection(&self.topology.default_nodes());
            if usual.is_empty() { self.nodes.clone() } else { usual }
        };
        // An unbound worker can be anywhere, but only the nodes used by default are meant by `workers`.
        let workers = if self.seats.is_some() || self.worker_cpus.is_some() { nodes.clone() } else { floating_nodes() };
        let mut resolver =
            Resolver { topology: self.topology, conditions, workers: &workers, before: self.named.clone() };
        let process_memory = self.arm.process.as_ref().and_then(|process| process.memory.as_ref());
        let process_memory = process_memory.map(|file| resolver.resolve(file)).transpose()?;
        let private = resolver.resolve(&self.arm.private)?;
        let shared = SharedPlace { policy: resolver.resolve(&self.arm.shared)?, toucher: self.arm.shared_toucher };
        let place = |worker: u32| {
            let (cpus, node) = self.seat(worker);
            Place { worker, cpus, node, private: private.clone() }
        };
        let placement = Placement {
            process: ProcessPlace { cpus: self.process_cpus.clone(), memory: process_memory },
            workers: (0..procs).map(place).collect(),
            shared,
        };
        let homeless = match &self.seats {
            Some(seats) => seats.iter().take(procs as usize).any(|seat| seat.node.is_none()),
            None => self.homeless,
        };
        let busy_pus = procs.min(self.pus);
        Ok(Placed { placement, regime: self.regime(procs), busy_pus, nodes, homeless })
    }

    fn seat(&self, worker: u32) -> (Option<CpuSet>, Option<u32>) {
        match &self.seats {
            Some(seats) => {
                let seat = seats[worker as usize % seats.len()];
                (Some(CpuSet::of(seat.pu)), seat.node)
            }
            None => {
                let one_node = self.nodes.len() == 1 && !self.homeless;
                (self.worker_cpus.clone(), self.nodes.first().filter(|_| one_node))
            }
        }
    }

    fn regime(&self, procs: u32) -> Regime {
        if procs <= self.cores {
            Regime::Core
        } else if procs <= self.pus {
            Regime::Smt
        } else {
            Regime::Oversubscribed
        }
    }
}

/// PUs of `node:LIST` and `pus:LIST`; `None` for the others. The nodes of the list are what `same` means after it.
fn named_cpus(
    cpus: Option<&CpusFile>,
    topology: &Topology,
    before: Option<&CpuSet>,
    named: &mut Option<NodeSet>,
) -> Result<Option<CpuSet>, PlacementError> {
    let Some(cpus) = cpus else { return Ok(None) };
    let refuse = |cause| PlacementError::Cpus { cpus: cpus.to_string(), cause };
    match cpus {
        CpusFile::Nodes(list) => {
            let nodes = numactl::pu_nodes(list, topology, named.as_ref()).map_err(refuse)?;
            let pus = numactl::pus_of_nodes(&nodes, topology);
            *named = Some(nodes);
            Ok(Some(pus))
        }
        CpusFile::Pus(list) => numactl::pus(list, topology, before).map(Some).map_err(refuse),
        CpusFile::Unbound | CpusFile::Close | CpusFile::Spread => Ok(None),
    }
}

/// Most workers with a core each: where they float, all cores in reach; where they are placed, as far as the order goes
/// without a sibling. A packed order shares cores from its second worker on, however many cores are still free.
fn cores(topology: &Topology, reach: &CpuSet, seats: Option<&[Seat]>) -> u32 {
    let mut cores = BTreeSet::new();
    match seats {
        Some(seats) => seats.iter().take_while(|seat| cores.insert(seat.core)).count() as u32,
        None => {
            cores.extend(reach.iter().filter_map(|pu| topology.pu(pu)).map(|pu| pu.core));
            cores.len() as u32
        }
    }
}
