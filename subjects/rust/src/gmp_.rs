//! Ours.

use crate::asynchronous::{Runtime, once};
use crate::operation::{Operation, Order, repeat};
use gmp::scheduler::{self, Receiver, Scheduler, Sender, Switches, YieldTo, channel};
use std::{
    future::Future,
    hint::black_box,
    num::NonZeroUsize,
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

struct Gmp;

impl Runtime for Gmp {
    type Handle = scheduler::JoinHandle<()>;
    type Sender = Sender<usize>;
    type Receiver = Receiver<usize>;
    type Gate = (Sender<()>, Receiver<()>);

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Handle {
        scheduler::spawn(future)
    }
    fn yield_now() -> impl Future<Output = ()> + Send {
        scheduler::yield_now()
    }
    fn channel() -> (Self::Sender, Self::Receiver) {
        channel(NonZeroUsize::MIN)
    }
    async fn send(sender: &Self::Sender, number: usize) {
        sender.send(number).await.expect("the receiver lives");
    }
    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.receive().await
    }
    fn gate() -> Self::Gate {
        channel(NonZeroUsize::MIN)
    }
    async fn wait(gate: &Self::Gate) {
        gate.1.receive().await;
    }
    fn open(gate: &Self::Gate) {
        gate.0.close();
    }
}

pub fn run(order: &Order, yield_to: YieldTo) -> Option<Vec<String>> {
    let order = *order;
    let processors = NonZeroUsize::new(order.processors)?;
    let switches = Switches { yield_to, ..Switches::new(processors) };
    let scheduler = Scheduler::new(switches).expect("switches that can be");
    if order.operation == Operation::Stop {
        return Some(stop(&scheduler, order));
    }
    Some(match order.operation {
        // Memory is not given back between repetitions.
        Operation::Memory => vec![format!("{:.1}", scheduler.block_on(once::<Gmp>(order)).expect("no panic"))],
        _ => repeat(|| scheduler.block_on(once::<Gmp>(order)).expect("no panic")),
    })
}

/// As many tasks as said, each with requests of about 1 us between yields; 1000 stops.
fn stop(scheduler: &Scheduler, order: Order) -> Vec<String> {
    let goes_on = Arc::new(AtomicBool::new(true));
    for task in 0..order.tasks {
        let goes_on = Arc::clone(&goes_on);
        scheduler.handle().spawn(async move {
            let mut x = task as u64 + 1;
            while goes_on.load(Ordering::Relaxed) {
                for _ in 0..500 {
                    x ^= x << 13;
                    x ^= x >> 7;
                    x ^= x << 17;
                }
                black_box(x);
                scheduler::yield_now().await;
            }
        });
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    for _ in 0..1000 {
        scheduler.handle().pause();
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    goes_on.store(false, Ordering::Relaxed);
    let mut stopping: Vec<u64> = scheduler.handle().take_pauses().iter().map(|pause| pause.stopping_ns).collect();
    stopping.sort_unstable();
    [0.5, 0.99].map(|at| stopping[(at * stopping.len() as f64) as usize].to_string()).to_vec()
}
