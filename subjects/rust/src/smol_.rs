//! smol's executor on threads of ours; an event is its gate.

use crate::asynchronous::{Runtime, once};
use crate::operation::{Operation, Order, repeat};
use async_channel::{Receiver, Sender};
use async_executor::Executor;
use event_listener::Event;
use std::{future::Future, pin::Pin};

static EXECUTOR: Executor<'static> = Executor::new();

struct Smol;

impl Runtime for Smol {
    type Handle = async_executor::Task<()>;
    type Sender = Sender<usize>;
    type Receiver = Receiver<usize>;
    type Gate = Event;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Handle {
        EXECUTOR.spawn(future)
    }
    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
    fn channel() -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(1)
    }
    async fn send(sender: &Self::Sender, number: usize) {
        sender.send(number).await.expect("the receiver lives");
    }
    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv().await.ok()
    }
    fn gate() -> Self::Gate {
        Event::new()
    }
    fn wait(gate: &Self::Gate) -> impl Future<Output = ()> + Send {
        gate.listen()
    }
    fn open(gate: &Self::Gate) {
        gate.notify(usize::MAX);
    }
}

pub fn run(order: &Order) -> Option<Vec<String>> {
    let order = *order;
    if order.operation == Operation::Stop {
        return None;
    }
    for _ in 0..order.processors {
        // They end with the process.
        std::thread::spawn(|| futures_lite::future::block_on(EXECUTOR.run(std::future::pending::<()>())));
    }
    let on_a_worker = || {
        let task: Pin<Box<dyn Future<Output = f64> + Send>> = Box::pin(once::<Smol>(order));
        futures_lite::future::block_on(EXECUTOR.spawn(task))
    };
    match order.operation {
        Operation::Memory => Some(vec![format!("{:.1}", on_a_worker())]),
        _ => Some(repeat(on_a_worker)),
    }
}
