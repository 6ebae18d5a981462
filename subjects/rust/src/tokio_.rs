//! tokio's scheduler of several threads; `Notify` is its gate.

use crate::asynchronous::{Runtime, once};
use crate::operation::{Operation, Order, repeat};
use std::{future::Future, sync::Arc};
use tokio::sync::{Notify, mpsc};

struct Tokio;

impl Runtime for Tokio {
    type Handle = tokio::task::JoinHandle<()>;
    type Sender = mpsc::Sender<usize>;
    type Receiver = mpsc::Receiver<usize>;
    type Gate = Arc<Notify>;

    fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self::Handle {
        tokio::spawn(future)
    }
    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
    fn channel() -> (Self::Sender, Self::Receiver) {
        mpsc::channel(1)
    }
    async fn send(sender: &Self::Sender, number: usize) {
        sender.send(number).await.expect("the receiver lives");
    }
    async fn receive(receiver: &mut Self::Receiver) -> Option<usize> {
        receiver.recv().await
    }
    fn gate() -> Self::Gate {
        Arc::new(Notify::new())
    }
    fn wait(gate: &Self::Gate) -> impl Future<Output = ()> + Send {
        gate.notified()
    }
    fn open(gate: &Self::Gate) {
        gate.notify_waiters();
    }
}

pub fn run(order: &Order) -> Option<Vec<String>> {
    let order = *order;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(order.processors).build().expect("threads");
    let on_a_worker = || runtime.block_on(async { tokio::spawn(once::<Tokio>(order)).await.expect("no panic") });
    match order.operation {
        Operation::Stop => None,
        Operation::Memory => Some(vec![format!("{:.1}", on_a_worker())]),
        _ => Some(repeat(on_a_worker)),
    }
}
