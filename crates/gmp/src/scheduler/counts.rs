//! What happened, counted: one set of counters for each processor, written by the thread that has it.
//!
//! Each set is alone on its cache lines. To show what that saves, [`CounterLayout::Packed`] has what every poll counts in one row for
//! all processors instead: still each word by one writer, on lines that all write.

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

/// Where what every poll counts lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterLayout {
    /// With the processor's other counters, on lines of its own.
    Padded,
    /// Side by side with those of all other processors: eight words on each line.
    Packed,
}

/// What polls count, of all processors: a row for each counter, a word for each processor in it, and nothing between them.
#[derive(Debug)]
pub(crate) struct Packed {
    lines: Box<[Words]>,
    processors: usize,
}

const WORDS: usize = 8;
const ROWS: usize = 6;

#[derive(Debug, Default)]
#[repr(align(64))]
struct Words([AtomicU64; WORDS]);

/// The row of a counter. What each turn of a task that yields moves comes first, so that it is on one line with two processors.
#[inline]
fn row(count: Count) -> Option<usize> {
    match count {
        Count::Polls => Some(0),
        Count::Yields => Some(1),
        Count::FromLocal => Some(2),
        Count::FromNext => Some(3),
        Count::FromGlobal => Some(4),
        Count::FromGlobalTick => Some(5),
        _ => None,
    }
}

impl Packed {
    pub(crate) fn new(processors: usize) -> Self {
        let lines = (0..(ROWS * processors).div_ceil(WORDS)).map(|_| Words::default()).collect();
        Self { lines, processors }
    }

    #[inline]
    fn word(&self, row: usize, processor: usize) -> &AtomicU64 {
        let at = row * self.processors + processor;
        &self.lines[at / WORDS].0[at % WORDS]
    }

    /// As [`Counters::add`], of 1.
    #[inline]
    pub(crate) fn add(&self, processor: usize, count: Count) {
        let word = self.word(row(count).expect("only what has a row is counted here"), processor);
        word.store(word.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// 0 of what has no row.
    pub(crate) fn get(&self, processor: usize, count: Count) -> u64 {
        row(count).map_or(0, |row| self.word(row, processor).load(Ordering::Relaxed))
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

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::scheduler::{Scheduler, Switches, spawn, yield_now};
    use std::num::NonZeroUsize;
    use std::ptr::from_ref;

    /// The lines of 64 bytes on which what a turn counts lies, those of one processor after the other.
    fn lines_of_a_turn(core: &crate::scheduler::core::Core) -> Vec<usize> {
        let line = |word: &AtomicU64| from_ref(word).addr() / 64;
        let turn = [Count::Polls, Count::Yields, Count::FromLocal];
        let own = |number: usize, count: Count| match &core.packed {
            None => line(&core.processors[number].counters.0[count as usize]),
            Some(packed) => line(packed.word(row(count).expect("a poll moves it"), number)),
        };
        (0..core.processors.len()).flat_map(|number| turn.map(|count| own(number, count))).collect()
    }

    /// A storm of `tasks` on so many processors, each yielding 100 times; what it counted, and where.
    fn storm(counters: CounterLayout, processors: usize, tasks: u64) -> (Counts, Vec<usize>, u64) {
        let processors = NonZeroUsize::new(processors).expect("not 0");
        let scheduler =
            Scheduler::new(Switches { counters, ..Switches::new(processors) }).expect("switches that can be");
        let handle = scheduler.handle().clone();
        let ran = scheduler.block_on(async move {
            let turns = || async {
                for _ in 0..100 {
                    yield_now().await;
                }
            };
            let handles: Vec<_> = (0..tasks).map(|_| spawn(turns())).collect();
            for handle in handles {
                handle.await.expect("no panic");
            }
        });
        ran.expect("no panic");
        drop(scheduler);
        let own = (0..processors.get()).map(|p| handle.0.processors[p].counters.get(Count::Polls)).sum();
        (handle.counts(), lines_of_a_turn(&handle.0), own)
    }

    #[test]
    fn a_layout_changes_where_counters_lie_and_not_what_they_count() {
        for (counters, processors) in
            [(CounterLayout::Padded, 2), (CounterLayout::Packed, 2), (CounterLayout::Packed, 5)]
        {
            let (counts, lines, own) = storm(counters, processors, 20);
            let of = |count| counts.get(count);
            assert_eq!((of(Count::Spawned), of(Count::Finished), of(Count::Yields)), (21, 21, 2000), "{counters:?}");
            let sources = [Count::FromNext, Count::FromLocal, Count::FromGlobal, Count::FromStolen];
            assert_eq!(sources.map(of).iter().sum::<u64>(), of(Count::Polls), "{counters:?}");
            assert!(of(Count::Polls) >= 2021, "{counters:?}");
            assert_eq!(own, if counters == CounterLayout::Padded { of(Count::Polls) } else { 0 });
            let (one, others) = lines.split_at(3);
            match (counters, processors) {
                (CounterLayout::Padded, _) => {
                    assert!(others.iter().all(|line| one.iter().all(|own| own.abs_diff(*line) > 1)), "{lines:?}");
                }
                (CounterLayout::Packed, 2) => assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}"),
                // 15 words on two lines.
                (CounterLayout::Packed, _) => assert!(lines.iter().all(|line| line - lines[0] < 2), "{lines:?}"),
            }
        }
    }

    #[test]
    fn no_two_processors_share_a_word() {
        let packed = Packed::new(3);
        let moved: Vec<Count> = Count::ALL.iter().copied().filter(|&count| row(count).is_some()).collect();
        assert_eq!(moved.len(), ROWS);
        for (at, (processor, &count)) in (0..3).flat_map(|p| moved.iter().map(move |count| (p, count))).enumerate() {
            for _ in 0..=at {
                packed.add(processor, count);
            }
        }
        for (at, (processor, &count)) in (0..3).flat_map(|p| moved.iter().map(move |count| (p, count))).enumerate() {
            assert_eq!(packed.get(processor, count), at as u64 + 1, "{count:?} of {processor}");
        }
    }
}
