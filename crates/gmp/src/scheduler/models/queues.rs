//! Ring, the slot before it, global queue: no task lost, none had twice, each seen whole.

use super::{Tasks, check};
use crate::scheduler::global::Global;
use crate::scheduler::next::Next;
use crate::scheduler::ring::{self, LocalOrder, Owner, Ring, StealAmount};
use loom::{sync::Arc, thread};

#[derive(Clone, Copy)]
struct Shape {
    order: LocalOrder,
    capacity: u32,
    amount: StealAmount,
    /// The owner queues so many.
    tasks: u32,
    thieves: usize,
    preemptions: usize,
}

const FIFO_HALF: Shape =
    Shape { order: LocalOrder::Fifo, capacity: 2, amount: StealAmount::Half, tasks: 3, thieves: 1, preemptions: 3 };

/// Takes what it can at one go, and all that it then has.
fn steal(victim: &Ring, own: &mut Owner, amount: StealAmount, tasks: &Tasks) {
    if let Some((task, _)) = victim.steal(amount, own) {
        tasks.take(task);
    }
    while let Some(task) = own.pop() {
        tasks.take(task);
    }
}

/// The owner queues all, a full queue's half goes elsewhere, then it takes what thieves have left.
fn check_ring(shape: Shape) {
    check(shape.preemptions, move || {
        let Shape { order, capacity, amount, .. } = shape;
        let (mut owner, shared) = ring::new(capacity, order);
        let tasks = Arc::new(Tasks::new(shape.tasks));
        let thief = |_| {
            let (shared, tasks) = (Arc::clone(&shared), Arc::clone(&tasks));
            thread::spawn(move || steal(&shared, &mut ring::new(capacity, order).0, amount, &tasks))
        };
        let thieves: Vec<_> = (0..shape.thieves).map(thief).collect();
        for task in 1..=shape.tasks {
            let mut back = owner.push(tasks.make(task));
            while back.is_err() {
                let mut oldest = Vec::new();
                if owner.take_oldest(capacity / 2, &mut oldest) {
                    oldest.into_iter().for_each(|task| tasks.take(task));
                }
                back = owner.push(task);
            }
        }
        while let Some(task) = owner.pop() {
            tasks.take(task);
        }
        assert_eq!(owner.len(), 0);
        thieves.into_iter().for_each(|thief| thief.join().expect("it did not panic"));
        tasks.check_all_taken();
    });
}

#[test]
fn loom_ring_of_two() {
    check_ring(FIFO_HALF);
    check_ring(Shape { amount: StealAmount::One, ..FIFO_HALF });
    check_ring(Shape { tasks: 4, preemptions: 2, ..FIFO_HALF });
}

#[test]
fn loom_ring_of_four() {
    check_ring(Shape { capacity: 4, tasks: 5, preemptions: 2, ..FIFO_HALF });
    check_ring(Shape { capacity: 4, tasks: 5, preemptions: 2, amount: StealAmount::One, ..FIFO_HALF });
}

#[test]
fn loom_ring_with_two_thieves() {
    check_ring(Shape { tasks: 2, thieves: 2, preemptions: 2, ..FIFO_HALF });
    check_ring(Shape { thieves: 2, preemptions: 1, ..FIFO_HALF });
    check_ring(Shape { thieves: 2, preemptions: 1, amount: StealAmount::One, ..FIFO_HALF });
    check_ring(Shape { capacity: 4, tasks: 4, thieves: 2, preemptions: 1, ..FIFO_HALF });
}

#[test]
fn loom_stack_with_two_thieves() {
    check_ring(Shape { order: LocalOrder::Lifo, thieves: 2, preemptions: 2, ..FIFO_HALF });
}

/// A thief's own ring is filled by its theft, and stolen from in turn.
#[test]
fn loom_ring_stolen_from_a_thief() {
    check(2, || {
        let (mut owner, shared) = ring::new(4, LocalOrder::Fifo);
        let (mut first, firsts) = ring::new(4, LocalOrder::Fifo);
        let tasks = Arc::new(Tasks::new(4));
        let theirs = Arc::clone(&tasks);
        let first = thread::spawn(move || steal(&shared, &mut first, StealAmount::Half, &theirs));
        let theirs = Arc::clone(&tasks);
        let second = thread::spawn(move || {
            steal(&firsts, &mut ring::new(4, LocalOrder::Fifo).0, StealAmount::Half, &theirs);
        });
        (1..=4).for_each(|task| owner.push(tasks.make(task)).expect("there is room"));
        while let Some(task) = owner.pop() {
            tasks.take(task);
        }
        first.join().expect("it did not panic");
        second.join().expect("it did not panic");
        tasks.check_all_taken();
    });
}

#[test]
fn loom_slot_before_the_ring() {
    check(4, || {
        let next = Arc::new(Next::new());
        let tasks = Arc::new(Tasks::new(3));
        let thief = |_| {
            let (next, tasks) = (Arc::clone(&next), Arc::clone(&tasks));
            thread::spawn(move || next.take().into_iter().for_each(|task| tasks.take(task)))
        };
        let thieves: Vec<_> = (0..2).map(thief).collect();
        for task in 1..=3 {
            next.put(tasks.make(task)).into_iter().for_each(|before| tasks.take(before));
        }
        next.take().into_iter().for_each(|task| tasks.take(task));
        assert!(next.is_empty());
        thieves.into_iter().for_each(|thief| thief.join().expect("it did not panic"));
        tasks.check_all_taken();
    });
}

/// A share of the global queue moves into a ring, from which the other takes.
#[test]
fn loom_global_queue() {
    check(3, || {
        let global = Arc::new(Global::new());
        let tasks = Arc::new(Tasks::new(3));
        let (mut owner, shared) = ring::new(2, LocalOrder::Fifo);
        let (queue, theirs) = (Arc::clone(&global), Arc::clone(&tasks));
        let maker = thread::spawn(move || {
            queue.push_all([theirs.make(1), theirs.make(2)]);
            queue.push_all([theirs.make(3)]);
        });
        let theirs = Arc::clone(&tasks);
        let thief =
            thread::spawn(move || steal(&shared, &mut ring::new(2, LocalOrder::Fifo).0, StealAmount::Half, &theirs));
        let take_all = |owner: &mut Owner| {
            while let Some(task) = global.pop(1, |task| owner.push(task).expect("it is empty")) {
                tasks.take(task);
                while let Some(task) = owner.pop() {
                    tasks.take(task);
                }
            }
        };
        take_all(&mut owner);
        maker.join().expect("it did not panic");
        take_all(&mut owner);
        thief.join().expect("it did not panic");
        tasks.check_all_taken();
        assert_eq!(global.len(), 0);
    });
}
