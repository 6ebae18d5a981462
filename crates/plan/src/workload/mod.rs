//! What workers do, as data. A workload is two files and two lines: `plan/src/workload/NAME.rs` (its keys, the bytes it
//! needs, the columns it adds) with its line in `workloads!` here, and `runner/src/workload/NAME.rs` (`setup`, `run`,
//! `check`) with its arm there. `make new-workload NAME=x` writes all four.
//!
//! Of one without heaps ([`Spec::has_heaps`]) the runner has a whole program instead, as of `storm`.

mod blocking;
mod burst;
mod cost;
mod counters;
mod heapless;
mod observed;
mod requests;
mod serve;
mod storm;
mod strategy;

pub use blocking::{Blocking, BlockingFile};
pub use burst::{Burst, BurstFile};
pub use cost::{Cost, CostFile, Distance, Operation, Warmth};
pub use counters::{Counters, CountersFile, Layout};
pub use observed::{Observed, ObservedFile};
pub use requests::{Loop, Requests, RequestsFile};
pub use serve::{LINE_BYTES, Pages, Serve, ServeFile, Touches};
pub use storm::{Storm, StormFile, TASK_THREADS_MOST};
pub use strategy::{Control, Strategy, StrategyFile};

use crate::keys::{keys_of, with};
use crate::place::Placement;
use crate::record::Column;
use crate::topology::Topology;
use crate::{PlanError, UnknownWord};
use serde::{Deserialize, Serialize};

/// What every workload can say about itself.
pub trait Spec {
    /// Whether its workers touch heaps of ours, at whose request boundaries we stop the world. One without is a program of
    /// its own: no pages, no local hit ratio, no pauses of ours, no workers that are told apart.
    fn has_heaps(&self) -> bool {
        true
    }

    /// Why a subject cannot run it, whatever the machine; `None` where it can.
    fn refuses(&self, _subject: &str) -> Option<String> {
        None
    }

    /// Why it cannot run with so many workers, whatever the machine; `None` where it can.
    fn refuses_procs(&self, _procs: u32) -> Option<String> {
        None
    }

    /// How far apart its two workers must be, where that is what it is about: they have PUs of the plan's choice then.
    fn distance(&self) -> Option<Distance> {
        None
    }

    /// Whether each request leaves garbage to Go's collector, as `[go]` says.
    fn makes_garbage(&self) -> bool {
        self.has_heaps()
    }

    /// Expected seconds of what is always run whole, such as one storm; 0 where a sample can end at any moment.
    fn whole_seconds(&self, _procs: u32) -> f64 {
        0.0
    }

    /// Bytes of its heaps.
    fn need(&self) -> Need;

    /// Columns that it adds to samples.csv.
    fn metrics(&self) -> &'static [Column];

    /// Touches (accesses of a cache line) of one operation.
    fn touches_per_operation(&self) -> u64;

    /// Size of the pages of its heaps.
    fn pages(&self) -> Pages;

    /// Whether every line of a heap is touched equally often in the long run, so that the share of a heap's pages on a node
    /// is the share of its touches there. `false` where that was not thought about.
    fn touches_uniformly(&self) -> bool {
        false
    }

    /// Local hit ratio where it follows from the placement alone; `None` where the kernel or the run decides.
    fn hit_ratio_by_construction(&self, placement: &Placement) -> Option<f64>;
}

/// Bytes that a workload needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// For each worker's private heap.
    pub private_bytes: u64,
    /// For the heap that all share.
    pub shared_bytes: u64,
}

/// What a key may depend on: the machine and the largest point, never the point itself.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The machine.
    pub topology: &'a Topology,
    /// The most workers any point of the sweep has.
    pub procs_max: u32,
}

/// Declares the workloads: variant, resolved type, type of the file's keys, kind.
macro_rules! workloads {
    ($($(#[$doc:meta])* $variant:ident($spec:ty, $file:ty) = $kind:literal;)+) => {
        /// The kinds, as `[workload] kind = "…"` names them.
        pub const KINDS: &[&str] = &[$($kind),+];

        /// A workload with every key resolved.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Workload {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($spec),)+
        }

        /// A workload as written in an experiment file.
        #[derive(Debug, Clone, PartialEq)]
        pub enum WorkloadFile {
            $($(#[$doc])* $variant($file),)+
        }

        impl Workload {
            /// Its kind, `serve` and the like.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Workload::$variant(_) => $kind,)+
                }
            }

            fn spec(&self) -> &dyn Spec {
                match self {
                    $(Workload::$variant(spec) => spec,)+
                }
            }
        }

        impl WorkloadFile {
            /// The kind with every key at its default.
            ///
            /// # Errors
            /// The kinds that are known.
            pub fn of_kind(kind: &str) -> Result<WorkloadFile, UnknownWord> {
                match kind {
                    $($kind => Ok(WorkloadFile::$variant(<$file>::default())),)+
                    _ => Err(UnknownWord { found: kind.into(), known: KINDS.join(", ") }),
                }
            }

            /// Its keys, without `kind`.
            pub fn keys(&self) -> Vec<String> {
                match self {
                    $(WorkloadFile::$variant(file) => keys_of(file),)+
                }
            }

            /// The same with one key set.
            ///
            /// # Errors
            /// One line: what was found and what the key takes.
            pub fn with(&self, key: &str, value: &toml::Value) -> Result<WorkloadFile, String> {
                match self {
                    $(WorkloadFile::$variant(file) => with(file, key, value).map(WorkloadFile::$variant),)+
                }
            }

            /// Columns that it adds to samples.csv.
            pub fn metrics(&self) -> &'static [Column] {
                match self {
                    $(WorkloadFile::$variant(_) => <$file>::METRICS,)+
                }
            }

            /// Refuses values that can work on no machine.
            ///
            /// # Errors
            /// `Impossible` with the key and what it must be.
            pub fn check(&self) -> Result<(), PlanError> {
                match self {
                    $(WorkloadFile::$variant(file) => file.check(),)+
                }
            }

            /// Replaces `auto` by numbers for this machine.
            ///
            /// # Errors
            /// A line that says what is impossible here and what to change.
            pub fn resolve(&self, scope: Scope<'_>) -> Result<Workload, PlanError> {
                match self {
                    $(WorkloadFile::$variant(file) => file.resolve(scope).map(Workload::$variant),)+
                }
            }
        }
    };
}

workloads! {
    /// A closed loop of requests over private and shared heaps.
    Serve(Serve, ServeFile) = "serve";
    /// Tasks that do nothing but yield.
    Storm(Storm, StormFile) = "storm";
    /// One operation of a scheduler at a time.
    Cost(Cost, CostFile) = "cost";
    /// Tasks that block their threads.
    Blocking(Blocking, BlockingFile) = "blocking";
    /// Counters on one cache line or on several.
    Counters(Counters, CountersFile) = "counters";
    /// Live tasks that serve short requests.
    Requests(Requests, RequestsFile) = "requests";
    /// Batches of items, and who does them.
    Strategy(Strategy, StrategyFile) = "strategy";
    /// Groups of tasks with rests in between.
    Burst(Burst, BurstFile) = "burst";
    /// Tasks that three observers watch while their number changes.
    Observed(Observed, ObservedFile) = "observed";
}

impl Workload {
    /// Whether its workers touch heaps of ours.
    pub fn has_heaps(&self) -> bool {
        self.spec().has_heaps()
    }

    /// The same at a point whose workers have so many PUs at a time, where a key is a share of what these can do.
    pub(crate) fn at(&self, busy_pus: u32) -> Workload {
        match self {
            Workload::Requests(requests) => Workload::Requests(requests.at(busy_pus)),
            other => other.clone(),
        }
    }

    /// Why a subject cannot run it, whatever the machine.
    pub fn refuses(&self, subject: &str) -> Option<String> {
        self.spec().refuses(subject)
    }

    /// Why it cannot run with so many workers, whatever the machine.
    pub fn refuses_procs(&self, procs: u32) -> Option<String> {
        self.spec().refuses_procs(procs)
    }

    /// How far apart its two workers must be.
    pub(crate) fn distance(&self) -> Option<Distance> {
        self.spec().distance()
    }

    /// Whether each request leaves garbage to Go's collector, as `[go]` says.
    pub fn makes_garbage(&self) -> bool {
        self.spec().makes_garbage()
    }

    /// Expected seconds of what is always run whole; 0 where a sample can end at any moment.
    pub fn whole_seconds(&self, procs: u32) -> f64 {
        self.spec().whole_seconds(procs)
    }

    /// Bytes of its heaps.
    pub fn need(&self) -> Need {
        self.spec().need()
    }

    /// Columns that it adds to samples.csv.
    pub fn metrics(&self) -> &'static [Column] {
        self.spec().metrics()
    }

    /// Touches (accesses of a cache line) of one operation.
    pub fn touches_per_operation(&self) -> u64 {
        self.spec().touches_per_operation()
    }

    /// Size of the pages of its heaps.
    pub fn pages(&self) -> Pages {
        self.spec().pages()
    }

    /// Whether every line of a heap is touched equally often in the long run.
    pub fn touches_uniformly(&self) -> bool {
        self.spec().touches_uniformly()
    }

    /// Local hit ratio where it follows from the placement alone; `None` where the kernel or the run decides.
    pub fn hit_ratio_by_construction(&self, placement: &Placement) -> Option<f64> {
        self.spec().hit_ratio_by_construction(placement)
    }
}
