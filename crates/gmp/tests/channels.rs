//! The rows of a channel: each value wakes somebody who waits for it.

mod hang;

use gmp::scheduler::{Scheduler, Switches, channel, spawn, yield_now};
use hang::within;
use std::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::pin,
    task::Poll,
};

/// Polls a future once, and drops it.
async fn try_once(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

#[test]
fn who_goes_away_from_a_channel_takes_no_wake_up_along() {
    within(|| {
        let scheduler = Scheduler::new(Switches::default()).expect("one processor");
        let got = scheduler.block_on(async {
            let (to, from) = channel::<u32>(NonZeroUsize::MIN);
            let (other, reader) = (from.clone(), from.clone());
            // First in the row, and gone.
            try_once(from.receive()).await;
            let reader = spawn(async move { reader.receive().await });
            yield_now().await;
            to.send(1).await.expect("there are receivers");
            let first = reader.await;
            let mut receive = Box::pin(from.receive());
            poll_fn(|context| Poll::Ready(receive.as_mut().poll(context).is_pending())).await;
            let last = spawn(async move { other.receive().await });
            yield_now().await;
            to.send(2).await.expect("there are receivers");
            // Woken, and gone before it looked.
            drop(receive);
            (first, last.await)
        });
        assert_eq!(got, Ok((Ok(Some(1)), Ok(Some(2)))));
    });
}

/// Both receivers are polled more often than they are woken, which tasks that wait for two things are.
#[test]
fn who_is_polled_twice_has_one_place_in_a_channels_row() {
    within(|| {
        let scheduler = Scheduler::new(Switches::default()).expect("one processor");
        let got = scheduler.block_on(async {
            let (to, from) = channel::<u32>(NonZeroUsize::MIN);
            let poll_twice = |count: u32| {
                let from = from.clone();
                spawn(async move {
                    let mut got = Vec::new();
                    for _ in 0..count {
                        let mut receive = pin!(from.receive());
                        for _ in 0..3 {
                            let polled = poll_fn(|context| Poll::Ready(receive.as_mut().poll(context))).await;
                            if let Poll::Ready(value) = polled {
                                got.extend(value);
                                break;
                            }
                            yield_now().await;
                        }
                        if got.len() < count as usize {
                            got.extend(receive.await);
                        }
                    }
                    got
                })
            };
            let (once, twice) = (poll_twice(1), poll_twice(2));
            for _ in 0..20 {
                yield_now().await;
            }
            for value in 1..=3 {
                to.send(value).await.expect("there are receivers");
                for _ in 0..5 {
                    yield_now().await;
                }
            }
            (once.await, twice.await)
        });
        let (once, twice) = got.expect("no panic");
        assert_eq!((once.map(|got| got.len()), twice.map(|got| got.len())), (Ok(1), Ok(2)));
    });
}
