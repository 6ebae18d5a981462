//! The floor: boxed futures polled from a ring on one thread, without wakers, queues of others, or states.

use crate::operation::{Operation, Order, YIELDS, per, repeat};
use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

pub fn run(order: &Order) -> Option<Vec<String>> {
    if order.operation != Operation::Storm || order.processors != 1 {
        return None;
    }
    Some(repeat(|| {
        let begun = Instant::now();
        let mut ring: VecDeque<Pin<Box<dyn Future<Output = ()>>>> = VecDeque::new();
        for _ in 0..order.tasks {
            ring.push_back(Box::pin(async {
                for _ in 0..YIELDS {
                    yield_now().await;
                }
            }));
        }
        let mut context = Context::from_waker(Waker::noop());
        while let Some(mut future) = ring.pop_front() {
            if future.as_mut().poll(&mut context).is_pending() {
                ring.push_back(future);
            }
        }
        per(begun.elapsed(), order.tasks * YIELDS)
    }))
}
