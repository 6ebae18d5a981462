//! A processor's queue of task numbers: filled by its owner only, emptied by the owner one by one and by thieves in
//! parts. First in, first out as Go's code has it; or last in, first out as the article's text has it.
//!
//! A ring slot is a plain number, so a thief may copy slots that the owner reuses meanwhile: its claim, a compare-exchange
//! of `head`, then fails. Go does the same (runtime/proc.go, runqgrab).

use crate::sync::{Arc, AtomicU32, Line, Mutex, Ordering};
use std::collections::VecDeque;

/// In which order an owner takes tasks from its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalOrder {
    /// First in, first out: Go's ring, without locks.
    Fifo,
    /// Last in, first out, as the article says: a deque behind a lock, thieves take the oldest.
    Lifo,
}

/// How much a thief takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StealAmount {
    /// Half of what it finds, rounded up.
    Half,
    /// One task.
    One,
}

/// What thieves and observers see of a queue.
#[derive(Debug)]
pub(crate) struct Ring {
    /// The oldest task's place, moved by whoever takes.
    head: Line<AtomicU32>,
    /// One behind the newest's, moved by the owner only.
    tail: Line<AtomicU32>,
    slots: Box<[AtomicU32]>,
    /// In use instead of all above where the order is LIFO.
    stack: Option<Mutex<VecDeque<u32>>>,
}

/// The owner's right to fill a queue; exists once.
#[derive(Debug)]
pub(crate) struct Owner {
    ring: Arc<Ring>,
    /// Nobody steals.
    alone: bool,
}

/// The same queue, for everyone.
pub(crate) type Shared = Arc<Ring>;

const NO_PANIC: &str = "no thread panics while it holds a queue's lock";

/// A queue of at most `capacity` tasks, a power of two.
pub(crate) fn new(capacity: u32, order: LocalOrder) -> (Owner, Shared) {
    assert!(capacity.is_power_of_two(), "switches are checked before");
    let stack = (order == LocalOrder::Lifo).then(|| Mutex::new(VecDeque::new()));
    let slots = (0..capacity).map(|_| AtomicU32::new(0)).collect();
    let ring = Arc::new(Ring { head: Line(AtomicU32::new(0)), tail: Line(AtomicU32::new(0)), slots, stack });
    (Owner { ring: Arc::clone(&ring), alone: false }, ring)
}

impl Ring {
    #[inline]
    fn slot(&self, at: u32) -> &AtomicU32 {
        &self.slots[at as usize & (self.slots.len() - 1)]
    }

    #[inline]
    fn capacity(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("came from a u32")
    }

    /// How many tasks are in it; only the owner's answer is exact.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        if let Some(stack) = &self.stack {
            return u32::try_from(stack.lock().expect(NO_PANIC).len()).expect("at most the capacity");
        }
        // Head first: the tail read later is not before it.
        let head = self.head.load(Ordering::Acquire);
        self.tail.load(Ordering::Acquire).wrapping_sub(head).min(self.capacity())
    }

    /// Takes the oldest `amount(len)` tasks: the last of them is the answer, those before it go into `own`, which must
    /// be empty. `None` where there is nothing.
    pub(crate) fn steal(&self, amount: StealAmount, own: &mut Owner) -> Option<(u32, u32)> {
        let wanted = |len: u32| if amount == StealAmount::One { len.min(1) } else { len - len / 2 };
        if let Some(stack) = &self.stack {
            let mut stack = stack.lock().expect(NO_PANIC);
            let count = wanted(u32::try_from(stack.len()).expect("at most the capacity"));
            let mut taken: Vec<u32> = stack.drain(..count as usize).collect();
            drop(stack);
            let task = taken.pop()?;
            for task in taken {
                own.push(task).expect("the thief's queue is empty");
            }
            return Some((task, count));
        }
        loop {
            let head = self.head.load(Ordering::Acquire);
            let len = self.tail.load(Ordering::Acquire).wrapping_sub(head);
            let count = wanted(len);
            if count == 0 {
                return None;
            }
            if len > self.capacity() {
                // Head and tail were not read of one moment.
                continue;
            }
            let to = own.ring.tail.load(Ordering::Relaxed);
            for at in 0..count {
                let task = self.slot(head.wrapping_add(at)).load(Ordering::Relaxed);
                own.ring.slot(to.wrapping_add(at)).store(task, Ordering::Relaxed);
            }
            let claimed =
                self.head.compare_exchange(head, head.wrapping_add(count), Ordering::AcqRel, Ordering::Relaxed);
            if claimed.is_ok() {
                let last = to.wrapping_add(count - 1);
                let task = own.ring.slot(last).load(Ordering::Relaxed);
                own.ring.tail.store(last, Ordering::Release);
                return Some((task, count));
            }
        }
    }
}

impl Owner {
    /// Of a scheduler's only processor: nobody ever steals from this queue.
    pub(crate) fn without_thieves(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Queues a task; the task itself where the queue is full.
    #[inline]
    pub(crate) fn push(&mut self, task: u32) -> Result<(), u32> {
        let ring = &self.ring;
        if let Some(stack) = &ring.stack {
            return push_on(stack, ring.slots.len(), task);
        }
        let tail = ring.tail.load(Ordering::Relaxed);
        // Acquire: a slot that a thief has copied is free to be written only once its claim is seen.
        if tail.wrapping_sub(ring.head.load(Ordering::Acquire)) >= ring.capacity() {
            return Err(task);
        }
        ring.slot(tail).store(task, Ordering::Relaxed);
        ring.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// The next task in the queue's order.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let ring = &self.ring;
        if let Some(stack) = &ring.stack {
            return stack.lock().expect(NO_PANIC).pop_back();
        }
        let tail = ring.tail.load(Ordering::Relaxed);
        let mut head = ring.head.load(Ordering::Acquire);
        while head != tail {
            let task = ring.slot(head).load(Ordering::Relaxed);
            if self.alone {
                // Without thieves nobody else moves the head, and nothing need be claimed.
                ring.head.store(head.wrapping_add(1), Ordering::Relaxed);
                return Some(task);
            }
            let claim = ring.head.compare_exchange(head, head.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire);
            match claim {
                Ok(_) => return Some(task),
                Err(found) => head = found,
            }
        }
        None
    }

    /// Takes the oldest `count` tasks, for the global queue; `false` where a thief was faster, so there is room.
    pub(crate) fn take_oldest(&mut self, count: u32, into: &mut Vec<u32>) -> bool {
        let ring = &self.ring;
        if let Some(stack) = &ring.stack {
            let mut stack = stack.lock().expect(NO_PANIC);
            let found = stack.len().min(count as usize);
            into.extend(stack.drain(..found));
            return found > 0;
        }
        let head = ring.head.load(Ordering::Acquire);
        if ring.tail.load(Ordering::Relaxed).wrapping_sub(head) < count {
            return false;
        }
        let before = into.len();
        into.extend((0..count).map(|at| ring.slot(head.wrapping_add(at)).load(Ordering::Relaxed)));
        let claimed = ring.head.compare_exchange(head, head.wrapping_add(count), Ordering::AcqRel, Ordering::Relaxed);
        if claimed.is_err() {
            into.truncate(before);
        }
        claimed.is_ok()
    }

    pub(crate) fn len(&self) -> u32 {
        self.ring.len()
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.ring.capacity()
    }
}

#[cold]
fn push_on(stack: &Mutex<VecDeque<u32>>, capacity: usize, task: u32) -> Result<(), u32> {
    let mut stack = stack.lock().expect(NO_PANIC);
    if stack.len() >= capacity {
        return Err(task);
    }
    stack.push_back(task);
    Ok(())
}
