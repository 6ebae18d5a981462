//! Switches of the suite's scheduler (`gmp`) as an experiment writes them, and where its processors sit.
//!
//! What each does: crates/gmp/README.md. Defaults are Go's way where Go has one, but for `yield_to`.

use crate::PlanError;
use crate::placement::Placed;
use crate::text::words;
use crate::topology::Topology;
use serde::{Deserialize, Serialize};

words! {
    /// Order of a processor's queue.
    LocalOrder {
        /// First in, first out, as Go's code has it.
        Fifo = "fifo",
        /// Last in, first out, as the article's text has it.
        Lifo = "lifo",
    }
}

words! {
    /// Which queue a task goes to that yields.
    YieldTo {
        /// Its processor's own.
        Local = "local",
        /// The global one, as Go's Gosched does: all tasks have a turn before it.
        Global = "global",
    }
}

words! {
    /// In which order a thief visits the others.
    StealOrder {
        /// From a random one round the ring, as Go's code does.
        Random = "random",
        /// From the highest number down, as the article says.
        Reverse = "reverse",
        /// Those of the own last-level cache, then of the own node, then by distance.
        NearFirst = "near-first",
    }
}

words! {
    /// How much a thief takes.
    StealAmount {
        /// Half of what it finds.
        Half = "half",
        /// One task.
        One = "one",
    }
}

words! {
    /// Where what every poll counts lies.
    CounterLayout {
        /// On cache lines of its processor's own.
        Padded = "padded",
        /// Side by side with those of all other processors, eight on a line of 64 bytes.
        Packed = "packed",
    }
}

/// `[scheduler]`: every switch, each at Go's way where it is not written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// Places in a processor's queue.
    pub ring: u32,
    /// Part of a full queue that moves to the global one.
    pub overflow: f64,
    /// Order of the local queue.
    pub local_order: LocalOrder,
    /// Which queue a task goes to that yields.
    pub yield_to: YieldTo,
    /// Whether what a task wakes or spawns runs next.
    pub run_next: bool,
    /// How many tasks in a row may come from that slot.
    pub run_next_most: u32,
    /// Order of a thief's visits.
    pub steal_order: StealOrder,
    /// How much a thief takes.
    pub steal_amount: StealAmount,
    /// Every how many tasks the global queue is asked first; 0: never.
    pub global_tick: u32,
    /// How often a thief goes round before it sleeps.
    pub spin_rounds: u32,
    /// A global queue for each node, and wake-ups that prefer a task's home and the waker's node.
    pub numa_aware: bool,
    /// Where what every poll counts lies.
    pub counters: CounterLayout,
}

impl Default for Switches {
    fn default() -> Self {
        Switches {
            ring: 256,
            overflow: 0.5,
            local_order: LocalOrder::Fifo,
            yield_to: YieldTo::Local,
            run_next: true,
            run_next_most: 64,
            steal_order: StealOrder::Random,
            steal_amount: StealAmount::Half,
            global_tick: 61,
            spin_rounds: 4,
            numa_aware: false,
            counters: CounterLayout::Padded,
        }
    }
}

impl Switches {
    /// Refuses values that no scheduler can have.
    ///
    /// # Errors
    /// `Impossible` with the key and what it must be.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |key: &str, found: String, must: &str| {
            Err(PlanError::Impossible { section: "scheduler", key: key.into(), found, must: must.into() })
        };
        if !(self.ring.is_power_of_two() && (2..=65_536).contains(&self.ring)) {
            return refuse("ring", self.ring.to_string(), "be a power of two from 2 to 65536");
        }
        if !(self.overflow > 0.0 && self.overflow <= 1.0) {
            return refuse("overflow", self.overflow.to_string(), "be a part above 0 and at most 1");
        }
        if self.global_tick < 2 && self.yield_to == YieldTo::Global {
            let must = "be 2 or more with yield_to = \"global\", or some tasks never run";
            return refuse("global_tick", self.global_tick.to_string(), must);
        }
        Ok(())
    }

    /// Whether it must be known where processors sit.
    pub fn needs_seats(&self) -> bool {
        self.numa_aware || self.steal_order == StealOrder::NearFirst
    }
}

/// Where a processor sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Its node, an index into [`Seated::distances`].
    pub node: u32,
    /// Its last-level cache.
    pub llc: u32,
}

/// A scheduler on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seated {
    /// Its switches.
    pub switches: Switches,
    /// Where each processor sits, by number; empty where they float over several nodes.
    #[serde(default)]
    pub seats: Vec<Seat>,
    /// Distances between the nodes of the seats, `[n_nodes][n_nodes]`, as the firmware gives them (SLIT).
    #[serde(default)]
    pub distances: Vec<Vec<u32>>,
}

/// Distance of a node to itself, and to others where the firmware gives none. Source: ACPI 6.5, 5.2.17.
const LOCAL: u32 = 10;
const REMOTE: u32 = 20;

/// Whether each worker runs on one node, so that a processor has a seat.
pub(crate) fn is_seated(placed: &Placed) -> bool {
    placed.placement.workers.iter().all(|place| place.node.is_some())
}

/// Seats of workers that are bound to PUs of one node each; none where one of them is not.
pub(crate) fn seated(switches: &Switches, placed: &Placed, topology: &Topology) -> Seated {
    let workers = &placed.placement.workers;
    let nodes: Option<Vec<u32>> = workers.iter().map(|place| place.node).collect();
    let Some(of_worker) = nodes else {
        return Seated { switches: switches.clone(), seats: Vec::new(), distances: Vec::new() };
    };
    let mut nodes = of_worker.clone();
    nodes.sort_unstable();
    nodes.dedup();
    let llc_of = |worker: usize| {
        let pu = workers[worker].cpus.as_ref().and_then(|pus| pus.first());
        pu.and_then(|pu| topology.pu(pu)).and_then(|pu| pu.llc).unwrap_or(0)
    };
    let index = |node: u32| nodes.iter().position(|&known| known == node).unwrap_or(0) as u32;
    let seats =
        of_worker.iter().enumerate().map(|(worker, &node)| Seat { node: index(node), llc: llc_of(worker) }).collect();
    let distance = |from: u32, to: u32| topology.distance(from, to).unwrap_or(if from == to { LOCAL } else { REMOTE });
    let distances = nodes.iter().map(|&from| nodes.iter().map(|&to| distance(from, to)).collect()).collect();
    Seated { switches: switches.clone(), seats, distances }
}
