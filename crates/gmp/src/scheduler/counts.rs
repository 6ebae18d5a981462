//! What happened, counted: one set of counters for each processor, written by the thread that has it.

use crate::sync::{AtomicU64, Line, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Count { $($(#[$doc])* $name,)* }

        impl Count {
            /// Every counter, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As columns and tables name it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

counters! {
    /// Tasks made.
    Spawned = "spawned",
    /// Tasks that ended, those with a panic too.
    Finished = "finished",
    /// Tasks that ended with a panic.
    Panicked = "panicked",
    /// Polls of tasks.
    Polls = "polls",
    /// Polls that ended because the task yielded.
    Yields = "yields",
    /// Polls of a task from the slot before the queue.
    FromNext = "from_next",
    /// Polls of a task from the own queue.
    FromLocal = "from_local",
    /// Polls of a task from a global queue.
    FromGlobal = "from_global",
    /// Of these, because it was the global queue's turn.
    FromGlobalTick = "from_global_tick",
    /// Polls of a task just stolen.
    FromStolen = "from_stolen",
    /// Tasks stolen from a processor of the own last-level cache.
    StolenLlc = "stolen_same_llc",
    /// Tasks stolen from another cache of the own node.
    StolenNode = "stolen_same_node",
    /// Tasks stolen from another node.
    StolenRemote = "stolen_other_node",
    /// Sum of the distances of the tasks stolen from other nodes.
    StolenDistance = "stolen_distance_sum",
    /// Rounds over all processors that found nothing.
    EmptyRounds = "empty_rounds",
    /// Tasks moved from a full local queue to a global one.
    Overflowed = "overflowed",
    /// Polls of a task on another node than its home.
    AwayFromHome = "away_from_home",
    /// Wake-ups and yields away from home that sent the task there, where a processor had nothing to do.
    SentHome = "sent_home",
    /// Wake-ups of an idle processor.
    WokeProcessor = "woke_processor",
    /// Times the processor became idle.
    Idled = "idled",
    /// Blocking sections that gave the processor away at once.
    HandedOff = "handed_off",
    /// Calls that ended before anyone took the processor.
    CallsKept = "calls_kept",
    /// Calls from which the monitor took the processor.
    Retaken = "retaken",
    /// Times the processor lay idle with work to do, because no thread was left for it.
    NoThread = "no_thread",
}

/// The counters of one processor.
#[derive(Debug)]
pub(crate) struct Counters(Line<[AtomicU64; Count::ALL.len()]>);

impl Counters {
    pub(crate) fn new() -> Self {
        Self(Line(std::array::from_fn(|_| AtomicU64::new(0))))
    }

    /// By the one thread that has the processor: no read-modify-write is needed.
    #[inline]
    pub(crate) fn add(&self, count: Count, amount: u64) {
        let counter = &self.0[count as usize];
        counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }

    /// By anyone, for what happens without a processor.
    pub(crate) fn add_shared(&self, count: Count, amount: u64) {
        self.0[count as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }
}

/// Counters read at one time; differences of two are what happened between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts(pub(crate) Vec<u64>);

impl Counts {
    /// One counter.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize]
    }

    /// What was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self(self.0.iter().zip(&before.0).map(|(now, before)| now.saturating_sub(*before)).collect())
    }

    /// Each counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Count, u64)> + '_ {
        Count::ALL.iter().map(|&count| (count, self.get(count)))
    }
}
