//! may: coroutines with stacks of their own, of 16 KiB.

use crate::operation::{OPERATIONS, Operation, Order, YIELDS, per, repeat};
use may::coroutine;
use std::time::Instant;

/// Its unit is a machine word.
const STACK_WORDS: usize = 0x800;

fn spawn<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> coroutine::JoinHandle<T> {
    // SAFETY: `what` uses no thread-local storage and no deep stack, which is what may asks for.
    unsafe { coroutine::spawn(what) }
}

pub fn run(order: &Order) -> Option<Vec<String>> {
    may::config().set_workers(order.processors).set_stack_size(STACK_WORDS);
    let tasks = order.tasks;
    match order.operation {
        Operation::Storm => Some(repeat(|| {
            let begun = Instant::now();
            let task = |_| {
                spawn(|| {
                    for _ in 0..YIELDS {
                        coroutine::yield_now();
                    }
                })
            };
            let handles: Vec<_> = (0..tasks).map(task).collect();
            handles.into_iter().for_each(|handle| handle.join().expect("no panic"));
            per(begun.elapsed(), tasks * YIELDS)
        })),
        Operation::PingPong => Some(repeat(|| {
            let (there, theirs) = may::sync::mpsc::channel::<usize>();
            let (back, ours) = may::sync::mpsc::channel::<usize>();
            let other = spawn(move || {
                while let Ok(number) = theirs.recv() {
                    back.send(number).expect("the receiver lives");
                }
            });
            let elapsed = spawn(move || {
                let begun = Instant::now();
                for number in 0..OPERATIONS {
                    there.send(number).expect("the receiver lives");
                    assert_eq!(ours.recv().ok(), Some(number));
                }
                begun.elapsed()
            });
            let elapsed = elapsed.join().expect("no panic");
            other.join().expect("no panic");
            per(elapsed, OPERATIONS)
        })),
        Operation::SpawnJoin => Some(repeat(|| {
            let elapsed = spawn(|| {
                let begun = Instant::now();
                for _ in 0..OPERATIONS {
                    spawn(|| ()).join().expect("no panic");
                }
                begun.elapsed()
            });
            per(elapsed.join().expect("no panic"), OPERATIONS)
        })),
        Operation::Spawn => Some(repeat(|| {
            let begun = Instant::now();
            let handles: Vec<_> = (0..OPERATIONS).map(|_| spawn(|| ())).collect();
            handles.into_iter().for_each(|handle| handle.join().expect("no panic"));
            per(begun.elapsed(), OPERATIONS)
        })),
        Operation::Wake | Operation::Memory | Operation::Stop => None,
    }
}
