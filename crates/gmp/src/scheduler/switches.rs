//! What an experiment may switch in the scheduler, and what is refused.

use super::counts::CounterLayout;
use super::ring::{LocalOrder, StealAmount};
use std::{num::NonZeroUsize, time::Duration};

/// In which order a thief visits the other processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StealOrder {
    /// From a random one round the ring, as Go's code does.
    Random,
    /// From the highest number down, as the article says.
    Reverse,
    /// First those of the own last-level cache, then of the own node, then of other nodes by distance; random among equals.
    NearFirst,
}

/// Which queue a task goes to that yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YieldTo {
    /// Its processor's own: tasks in a global queue come when it is that one's turn.
    Local,
    /// The global one, so that all tasks there are have a turn before it, as Go's Gosched does.
    Global,
}

/// Where a processor sits: plain numbers that its user takes from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seat {
    /// NUMA node, an index into [`Switches::distances`].
    pub node: u32,
    /// Last-level cache.
    pub llc: u32,
}

/// Every part of the scheduler that can be switched. `Default` is Go's way where Go has one, but for `yield_to`.
#[derive(Debug, Clone, PartialEq)]
pub struct Switches {
    /// Number of processors (P), GOMAXPROCS in Go.
    pub processors: NonZeroUsize,
    /// Places in a processor's queue, a power of two from 2 to 65536; Go: 256.
    pub ring: u32,
    /// Part of a full queue that moves to the global queue, above 0 and at most 1; Go: half.
    pub overflow: f64,
    /// Order of the local queue.
    pub local_order: LocalOrder,
    /// Whether what a task wakes or spawns runs next, in a slot before the queue.
    pub run_next: bool,
    /// How many tasks in a row may come from that slot while the queue is not empty; 0 counts as 1.
    pub run_next_most: u32,
    /// Which queue a task goes to that yields; Go: the global one, here the own.
    pub yield_to: YieldTo,
    /// Order of a thief's visits.
    pub steal_order: StealOrder,
    /// How much a thief takes.
    pub steal_amount: StealAmount,
    /// Every how many tasks the global queue is asked first; 0 never. Go: 61.
    pub global_tick: u32,
    /// How often a thief goes round before it sleeps; Go: 4.
    pub spin_rounds: u32,
    /// A global queue for each node; a task that begins, wakes up or yields elsewhere is given to an idle processor of its
    /// home, where there is one, and not to whoever is awake; and a woken or spawned task wakes an idle processor of its
    /// waker's node before others. Go has nothing of this.
    pub numa_aware: bool,
    /// Where what every poll counts lies: padded, or packed to show what false sharing costs.
    pub counters: CounterLayout,
    /// Where each processor sits, empty: all on one node, one cache.
    pub seats: Vec<Seat>,
    /// Distances between the nodes of `seats`, `[n_nodes][n_nodes]`, as firmware gives them (SLIT); empty with one node.
    pub distances: Vec<Vec<u32>>,
    /// A call that lasts longer than one round of the monitor loses its processor: the shortest round, 20 us in Go.
    pub monitor_least: Duration,
    /// The monitor's longest round, when nothing happens; 10 ms in Go.
    pub monitor_most: Duration,
    /// A poll longer than this is reported as one that does not yield.
    pub stuck_after: Duration,
    /// Threads at most, Go: 10000. Beyond, a processor whose thread blocks lies idle until another
    /// thread is free, which is counted.
    pub threads_most: usize,
    /// Keeps what happened when, at most so many events; `None`: nothing is kept and no clock is read.
    pub trace: Option<usize>,
    /// Seed of the random order of thieves.
    pub seed: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            processors: NonZeroUsize::MIN,
            ring: 256,
            overflow: 0.5,
            local_order: LocalOrder::Fifo,
            run_next: true,
            run_next_most: 64,
            yield_to: YieldTo::Local,
            steal_order: StealOrder::Random,
            steal_amount: StealAmount::Half,
            global_tick: 61,
            spin_rounds: 4,
            numa_aware: false,
            counters: CounterLayout::Padded,
            seats: Vec::new(),
            distances: Vec::new(),
            monitor_least: Duration::from_micros(20),
            monitor_most: Duration::from_millis(10),
            stuck_after: Duration::from_millis(100),
            threads_most: 10_000,
            trace: None,
            seed: 1,
        }
    }
}

/// A switch that cannot be.
#[derive(Debug, Clone, PartialEq)]
pub enum SwitchError {
    /// Places in the local queue: found.
    Ring(u32),
    /// Part that overflows: found.
    Overflow(f64),
    /// Tasks that yield into the global queue where that is always asked first, or never: those elsewhere, or those in it, would
    /// never run.
    GlobalTick(u32),
    /// Processors, and seats found for them.
    Seats {
        /// Processors asked for.
        processors: usize,
        /// Seats given.
        seats: usize,
    },
    /// A seat's node without a distance to every other.
    Distances {
        /// Nodes that seats name.
        nodes: usize,
    },
    /// More processors than threads.
    Threads {
        /// Processors asked for.
        processors: usize,
        /// Threads allowed.
        threads_most: usize,
    },
    /// A thread that the system does not give: its words.
    Spawn(String),
}

impl std::fmt::Display for SwitchError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ring(found) => write!(out, "ring = {found}: a power of two from 2 to 65536 is needed"),
            Self::Overflow(found) => write!(out, "overflow = {found}: a part above 0 and at most 1 is needed"),
            Self::GlobalTick(found) => {
                write!(
                    out,
                    "global_tick = {found}: not with yield_to = global, or some tasks never run; take 2 or more"
                )
            }
            Self::Seats { processors, seats } => {
                write!(out, "{seats} seats for {processors} processors: one each, or none, is needed")
            }
            Self::Distances { nodes } => {
                write!(out, "distances: seats name {nodes} nodes, a square of {nodes} x {nodes} is needed")
            }
            Self::Threads { processors, threads_most } => {
                write!(out, "{processors} processors, but at most {threads_most} threads")
            }
            Self::Spawn(reason) => {
                write!(out, "cannot start a thread: {reason}; ask for fewer processors, or raise ulimit -u")
            }
        }
    }
}

impl std::error::Error for SwitchError {}

impl Switches {
    /// Go's way with so many processors.
    pub fn new(processors: NonZeroUsize) -> Self {
        Self { processors, ..Self::default() }
    }

    /// Number of nodes that the seats name; 1 without seats.
    pub fn nodes(&self) -> usize {
        self.seats.iter().map(|seat| seat.node as usize + 1).max().unwrap_or(1)
    }

    /// # Errors
    /// The first switch that cannot be.
    pub fn check(&self) -> Result<(), SwitchError> {
        let processors = self.processors.get();
        if !self.ring.is_power_of_two() || !(2..=65_536).contains(&self.ring) {
            return Err(SwitchError::Ring(self.ring));
        }
        if !(self.overflow > 0.0 && self.overflow <= 1.0) {
            return Err(SwitchError::Overflow(self.overflow));
        }
        if self.global_tick < 2 && self.yield_to == YieldTo::Global {
            return Err(SwitchError::GlobalTick(self.global_tick));
        }
        if !self.seats.is_empty() && self.seats.len() != processors {
            return Err(SwitchError::Seats { processors, seats: self.seats.len() });
        }
        let nodes = self.nodes();
        let square = self.distances.len() >= nodes && self.distances.iter().all(|row| row.len() >= nodes);
        if nodes > 1 && !square {
            return Err(SwitchError::Distances { nodes });
        }
        if processors > self.threads_most {
            return Err(SwitchError::Threads { processors, threads_most: self.threads_most });
        }
        Ok(())
    }

    pub(crate) fn seat(&self, processor: usize) -> Seat {
        self.seats.get(processor).copied().unwrap_or_default()
    }

    /// Distance between the nodes of two processors; 0 within one.
    pub(crate) fn distance(&self, a: usize, b: usize) -> u32 {
        let (a, b) = (self.seat(a).node as usize, self.seat(b).node as usize);
        if a == b { 0 } else { self.distances[a][b] }
    }
}
