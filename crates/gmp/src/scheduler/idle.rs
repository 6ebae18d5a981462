//! Who sleeps: processors without a thread, threads without a processor, and how a wake-up is never lost.
//!
//! Whoever queues a task then asks whether somebody must be woken; whoever runs out of tasks first says that it is idle
//! and then looks into the queues once more. A fence between the two steps on both sides (Dekker) makes at least one
//! see the other. A processor that searches stands for those still asleep: while one does, nobody else is woken, and when
//! the last one finds something it wakes the next. Go's protocol (runtime/proc.go, "Worker thread parking/unparking").

use crate::sync::{AtomicU32, Mutex, Ordering, fence};

/// `P` is a processor given up, `T` a sleeping thread.
#[derive(Debug)]
pub(crate) struct Idle<P, T> {
    lists: Mutex<Lists<P, T>>,
    /// Processors in the list.
    processors: AtomicU32,
    /// Processors whose thread looks for tasks to steal.
    searching: AtomicU32,
}

#[derive(Debug)]
struct Lists<P, T> {
    processors: Vec<P>,
    threads: Vec<T>,
    closed: bool,
}

const NO_PANIC: &str = "no thread panics while it holds the idle lists";

impl<P, T> Idle<P, T> {
    pub(crate) fn new() -> Self {
        let lists = Lists { processors: Vec::new(), threads: Vec::new(), closed: false };
        Self { lists: Mutex::new(lists), processors: AtomicU32::new(0), searching: AtomicU32::new(0) }
    }

    /// Whether somebody should be woken for a task that was just queued. The caller then goes on with [`Idle::claim`].
    pub(crate) fn is_needed(&self) -> bool {
        fence(Ordering::SeqCst);
        self.looks_needed()
    }

    /// The same without the fence: may miss an idle processor, so only for what is asked again soon.
    pub(crate) fn looks_needed(&self) -> bool {
        self.processors.load(Ordering::Relaxed) > 0 && self.searching.load(Ordering::Relaxed) == 0
    }

    /// Becomes the one that searches; `false` where another does.
    pub(crate) fn claim(&self) -> bool {
        self.searching.compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// A thread with a processor begins to search; `false` where enough of `busy` do: half of them, as in Go.
    pub(crate) fn begin_search(&self, processors: u32) -> bool {
        let busy = processors.saturating_sub(self.processors.load(Ordering::Relaxed));
        if 2 * self.searching.load(Ordering::Relaxed) >= busy {
            return false;
        }
        self.searching.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// A thread that took a processor up again searches, whoever else does.
    pub(crate) fn join_search(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    /// The search ended; `true` where nobody searches any more.
    pub(crate) fn end_search(&self) -> bool {
        self.searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Gives a processor up, and its search if it was `searching`. The caller looks into all queues after this, and
    /// takes one up again where it finds a task.
    pub(crate) fn lay_down(&self, processor: P, searching: bool) {
        let mut lists = self.lists.lock().expect(NO_PANIC);
        lists.processors.push(processor);
        self.processors.fetch_add(1, Ordering::SeqCst);
        drop(lists);
        if searching {
            self.searching.fetch_sub(1, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    /// Takes an idle processor, the one that `rank` puts lowest.
    pub(crate) fn take_up<K: Ord>(&self, rank: impl Fn(&P) -> K) -> Option<P> {
        if self.processors.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut lists = self.lists.lock().expect(NO_PANIC);
        // The last of equals: the one idle for the shortest time.
        let (best, _) = lists.processors.iter().enumerate().rev().min_by_key(|(_, processor)| rank(processor))?;
        let processor = lists.processors.swap_remove(best);
        self.processors.fetch_sub(1, Ordering::SeqCst);
        Some(processor)
    }

    /// Whether an idle processor is of this kind.
    pub(crate) fn has(&self, is: impl Fn(&P) -> bool) -> bool {
        self.processors.load(Ordering::Relaxed) > 0 && self.lists.lock().expect(NO_PANIC).processors.iter().any(is)
    }

    /// A thread goes to sleep; `false` where the scheduler is closing.
    pub(crate) fn add_thread(&self, thread: T) -> bool {
        let mut lists = self.lists.lock().expect(NO_PANIC);
        if !lists.closed {
            lists.threads.push(thread);
        }
        !lists.closed
    }

    /// A sleeping thread, the last to fall asleep.
    pub(crate) fn take_thread(&self) -> Option<T> {
        self.lists.lock().expect(NO_PANIC).threads.pop()
    }

    /// No thread goes to sleep any more: all that did. Processors stay, for sections that end later.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut lists = self.lists.lock().expect(NO_PANIC);
        lists.closed = true;
        std::mem::take(&mut lists.threads)
    }

    /// Idle processors, searching processors.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.processors.load(Ordering::Relaxed), self.searching.load(Ordering::Relaxed))
    }

    /// Threads without a processor.
    pub(crate) fn threads(&self) -> usize {
        self.lists.lock().expect(NO_PANIC).threads.len()
    }
}
