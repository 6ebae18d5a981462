//! The operations on schedulers of futures: written once, so that only the scheduler differs.

use crate::operation::{OPERATIONS, Operation, Order, WOKEN, YIELDS, per, resident_bytes};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// A scheduler of futures.
pub trait Runtime: 'static {
    type Handle: Future<Output: Send> + Send;
    type Sender: Send + Sync + 'static;
    type Receiver: Send + 'static;
    type Gate: Send + Sync + 'static;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Handle;
    fn yield_now() -> impl Future<Output = ()> + Send;
    /// Holds one number.
    fn channel() -> (Self::Sender, Self::Receiver);
    fn send(sender: &Self::Sender, number: usize) -> impl Future<Output = ()> + Send;
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<usize>> + Send;
    fn gate() -> Self::Gate;
    /// Counts as waiting from the call on.
    fn wait(gate: &Self::Gate) -> impl Future<Output = ()> + Send;
    fn open(gate: &Self::Gate);
}

/// One repetition, in a task: nanoseconds an operation, or bytes a task.
pub async fn once<R: Runtime>(order: Order) -> f64 {
    match order.operation {
        Operation::Storm => storm::<R>(order.tasks).await,
        Operation::PingPong => ping_pong::<R>().await,
        Operation::SpawnJoin => {
            let begun = Instant::now();
            for _ in 0..OPERATIONS {
                R::spawn(async {}).await;
            }
            per(begun.elapsed(), OPERATIONS)
        }
        Operation::Spawn => {
            let begun = Instant::now();
            let handles: Vec<_> = (0..OPERATIONS).map(|_| R::spawn(async {})).collect();
            for handle in handles {
                handle.await;
            }
            per(begun.elapsed(), OPERATIONS)
        }
        Operation::Wake => gate::<R>(WOKEN).await.0,
        Operation::Memory => gate::<R>(order.tasks).await.1,
        Operation::Stop => unreachable!("not an operation on futures"),
    }
}

async fn storm<R: Runtime>(tasks: usize) -> f64 {
    let begun = Instant::now();
    let task = |_| {
        R::spawn(async {
            for _ in 0..YIELDS {
                R::yield_now().await;
            }
        })
    };
    let handles: Vec<_> = (0..tasks).map(task).collect();
    for handle in handles {
        handle.await;
    }
    per(begun.elapsed(), tasks * YIELDS)
}

async fn ping_pong<R: Runtime>() -> f64 {
    let (there, mut theirs) = R::channel();
    let (back, mut ours) = R::channel();
    let other = R::spawn(async move {
        while let Some(number) = R::receive(&mut theirs).await {
            R::send(&back, number).await;
        }
    });
    let begun = Instant::now();
    for number in 0..OPERATIONS {
        R::send(&there, number).await;
        assert_eq!(R::receive(&mut ours).await, Some(number));
    }
    let elapsed = begun.elapsed();
    drop(there);
    other.await;
    per(elapsed, OPERATIONS)
}

/// Nanoseconds a task from the gate's opening to the end of all; bytes a task while all waited.
async fn gate<R: Runtime>(tasks: usize) -> (f64, f64) {
    let before = resident_bytes();
    let (gate, ready) = (Arc::new(R::gate()), Arc::new(AtomicUsize::new(0)));
    let task = |_| {
        let (gate, ready) = (Arc::clone(&gate), Arc::clone(&ready));
        R::spawn(async move {
            let wait = R::wait(&gate);
            ready.fetch_add(1, Ordering::Release);
            wait.await;
        })
    };
    let handles: Vec<_> = (0..tasks).map(task).collect();
    while ready.load(Ordering::Acquire) < tasks {
        R::yield_now().await;
    }
    // The last may still be about to wait.
    let all = Instant::now();
    while all.elapsed() < Duration::from_millis(2) {
        R::yield_now().await;
    }
    let bytes = (resident_bytes() - before) / tasks as f64;
    let begun = Instant::now();
    R::open(&gate);
    for handle in handles {
        handle.await;
    }
    (per(begun.elapsed(), tasks), bytes)
}
