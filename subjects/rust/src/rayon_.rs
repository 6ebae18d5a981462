//! rayon: closures, not tasks that wait. A yield runs another task on top of this one: nested, not queued.

use crate::operation::{OPERATIONS, Operation, Order, YIELDS, per, repeat};
use std::time::Instant;

pub fn run(order: &Order) -> Option<Vec<String>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(order.processors).stack_size(1 << 30).build().ok()?;
    match order.operation {
        Operation::Storm => Some(repeat(|| {
            let begun = Instant::now();
            pool.scope(|scope| {
                for _ in 0..order.tasks {
                    scope.spawn(|_| {
                        for _ in 0..YIELDS {
                            rayon::yield_now();
                        }
                    });
                }
            });
            per(begun.elapsed(), order.tasks * YIELDS)
        })),
        Operation::Spawn => Some(repeat(|| {
            let begun = Instant::now();
            pool.scope(|scope| {
                for _ in 0..OPERATIONS {
                    scope.spawn(|_| ());
                }
            });
            per(begun.elapsed(), OPERATIONS)
        })),
        _ => None,
    }
}
