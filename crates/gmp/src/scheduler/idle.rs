//! Who sleeps: processors without a thread, threads without a processor, and how a wake-up is never lost.
//!
//! Whoever queues a task then asks whether somebody must be woken; whoever runs out of tasks first says that it is idle
//! and then looks into the queues once more. A fence between the two steps on both sides (Dekker) makes at least one
//! see the other. A processor that searches stands for those still asleep: while one does, nobody else is woken, and when
//! the last one finds something it wakes the next. Go's protocol (runtime/proc.go, "Worker thread parking/unparking").

use super::hand_off::Returning;
use crate::sync::{AtomicU32, Mutex, Ordering, fence};

/// `P` is a processor given up, `T` a sleeping thread.
#[derive(Debug)]
pub(crate) struct Idle<P, T> {
    lists: Mutex<Lists<P, T>>,
    /// Processors in the list.
    processors: AtomicU32,
    /// Processors whose thread looks for tasks to steal.
    searching: AtomicU32,
    /// Threads that wait for a processor.
    pub(crate) returning: Returning<T>,
}

/// What a thread does that gave its processor up and looked once more.
#[derive(Debug)]
pub(crate) enum After<P, T> {
    /// It sleeps.
    Sleeps,
    /// There is work: it goes on with this processor, and searches.
    Searches(P),
    /// It gives this processor to a thread whose section ended, then sees to the work that may be left.
    Gives(P, T),
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
        Self {
            lists: Mutex::new(lists),
            processors: AtomicU32::new(0),
            searching: AtomicU32::new(0),
            returning: Returning::new(),
        }
    }

    /// Whether somebody should be woken for a task that was just queued. The caller then goes on with [`Idle::summon`].
    #[inline]
    pub(crate) fn is_needed(&self) -> bool {
        fence(Ordering::SeqCst);
        self.looks_needed()
    }

    /// The same without the fence: may miss an idle processor, so only for what is asked again soon.
    #[inline]
    pub(crate) fn looks_needed(&self) -> bool {
        self.processors.load(Ordering::Relaxed) > 0 && self.searching.load(Ordering::Relaxed) == 0
    }

    /// An idle processor, which searches from here on, the one that `rank` puts lowest; the caller gives it to a thread.
    /// `None` where another searches, which then stands for this one, or where none is idle.
    pub(crate) fn summon<K: Ord>(&self, rank: impl Fn(&P) -> K) -> Option<P> {
        while self.searching.compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            if let Some(processor) = self.take_up(&rank) {
                return Some(processor);
            }
            self.end_search();
            // Somebody may have lain down, and somebody else trusted the search of this moment.
            if !self.is_needed() {
                break;
            }
        }
        None
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

    /// The search ended; `true` where nobody searches any more.
    pub(crate) fn end_search(&self) -> bool {
        self.searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Gives a processor up, and its search if it was `searching`. The caller looks into all queues after this, and
    /// takes one up again where it finds a task.
    pub(crate) fn lay_down(&self, processor: P, searching: bool) {
        self.push(&mut self.lists.lock().expect(NO_PANIC), processor, searching);
        fence(Ordering::SeqCst);
    }

    /// The same for a processor that no thread was found for: not where one has gone to sleep meanwhile, which the caller
    /// gives it to. A thread that goes to sleep later looks once more ([`Idle::add_thread`]) and finds it here.
    pub(crate) fn offer(&self, processor: P, searching: bool) -> Option<(P, T)> {
        let mut lists = self.lists.lock().expect(NO_PANIC);
        if let Some(thread) = lists.threads.pop() {
            return Some((processor, thread));
        }
        self.push(&mut lists, processor, searching);
        drop(lists);
        fence(Ordering::SeqCst);
        None
    }

    fn push(&self, lists: &mut Lists<P, T>, processor: P, searching: bool) {
        lists.processors.push(processor);
        self.processors.fetch_add(1, Ordering::SeqCst);
        if searching {
            self.searching.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A thread that found nothing gives its processor up and looks once more. `has_work`: whether any queue has a task;
    /// `goes_on`: whether tasks are still to be run.
    pub(crate) fn retire(
        &self,
        processor: P,
        searching: bool,
        has_work: impl Fn() -> bool,
        goes_on: impl Fn() -> bool,
    ) -> After<P, T> {
        self.lay_down(processor, searching);
        if !self.returning.waits() && !has_work() {
            return After::Sleeps;
        }
        let Some(processor) = self.take_up(|_| 0) else { return After::Sleeps };
        if let Some(thread) = self.returning.take() {
            return After::Gives(processor, thread);
        }
        if !goes_on() {
            self.lay_down(processor, false);
            return After::Sleeps;
        }
        // Whoever else searches: this one has a task to look for.
        self.searching.fetch_add(1, Ordering::SeqCst);
        After::Searches(processor)
    }

    /// A thread whose section ended: an idle processor, or a place in the row of those that wait. There it goes on with
    /// [`Idle::pair`], and sleeps. `ring` asks those that have a processor to look into the row.
    pub(crate) fn come_back(&self, thread: impl FnOnce() -> T, ring: impl FnOnce()) -> Option<P> {
        let idle = self.take_up(|_| 0);
        if idle.is_none() {
            self.returning.push(thread());
            ring();
            fence(Ordering::SeqCst);
        }
        idle
    }

    /// A thread with a processor heard the bell: who is to have the processor. Rings again where more wait: it rang for
    /// them too, and this processor has heard it.
    pub(crate) fn look(&self, ring: impl FnOnce()) -> Option<T> {
        let thread = self.returning.take()?;
        if self.returning.waits() {
            ring();
        }
        Some(thread)
    }

    /// An idle processor for the first thread that waits for one: asked by whoever made one of the two. The processor
    /// alone, where the thread found another meanwhile: the caller sees what is to be done with it.
    pub(crate) fn pair(&self) -> Option<(P, Option<T>)> {
        if !self.returning.waits() {
            return None;
        }
        // One may have lain down before it could hear the bell.
        self.take_up(|_| 0).map(|processor| (processor, self.returning.take()))
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

    /// Takes an idle processor of this kind, whoever searches; the one idle for the shortest time.
    pub(crate) fn take_up_if(&self, is: impl Fn(&P) -> bool) -> Option<P> {
        if self.processors.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut lists = self.lists.lock().expect(NO_PANIC);
        let found = lists.processors.iter().rposition(is)?;
        let processor = lists.processors.swap_remove(found);
        self.processors.fetch_sub(1, Ordering::SeqCst);
        Some(processor)
    }

    /// A thread goes to sleep, and looks once more before it does: whether [`Idle::is_needed`] for a task that is left.
    /// `false` where the scheduler is closing.
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
