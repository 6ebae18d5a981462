//! What a scheduler does with code that behaves badly, with its own end, and with what cannot be.

mod hang;

use gmp::scheduler::{
    Count, Ended, Handle, JoinHandle, Scheduler, Seat, StealOrder, SwitchError, Switches, TaskState, YieldTo, blocking,
    call, channel, sleep, spawn, yield_now,
};
use hang::within;
use std::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

fn processors(count: usize) -> Switches {
    Switches::new(NonZeroUsize::new(count).expect("not 0"))
}

fn scheduler(count: usize) -> Scheduler {
    Scheduler::new(processors(count)).expect("switches that can be")
}

/// Sleeps until a handle of a scheduler that may be gone is ready.
fn wait<T>(handle: JoinHandle<T>) -> Result<T, Ended> {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut handle = pin!(handle);
    loop {
        match handle.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

/// Calls what it holds when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_scheduler_is_dropped_in_a_panic_with_tasks_left() {
    within(|| {
        let left = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&left);
        let ended = thread::spawn(move || {
            let scheduler = scheduler(2);
            *theirs.lock().expect("no panic") = Some(scheduler.handle().spawn(sleep(Duration::from_secs(1000))));
            panic!("on purpose");
        });
        assert!(ended.join().is_err());
        let left = left.lock().expect("no panic").take().expect("set before the panic");
        assert_eq!(wait(left), Err(Ended::Dropped));
    });
}

#[test]
fn a_scheduler_dropped_in_a_panicking_task_leaves_each_its_words() {
    within(|| {
        let outer = scheduler(1);
        let (to, from) = mpsc::channel();
        let ended = outer.block_on(async move {
            let inner = scheduler(1);
            to.send(inner.handle().spawn(sleep(Duration::from_secs(1000)))).expect("it is received");
            panic!("the outer one");
        });
        assert_eq!(ended, Err::<(), _>(Ended::Panicked("the outer one".into())));
        assert_eq!(wait(from.recv().expect("sent")), Err(Ended::Dropped));
    });
}

#[test]
fn what_is_spawned_after_the_end_is_dropped() {
    within(|| {
        let scheduler = scheduler(2);
        let handle = scheduler.handle().clone();
        drop(scheduler);
        assert_eq!(wait(handle.spawn(async { 5 })), Err(Ended::Dropped));
        assert_eq!(handle.counts().get(Count::Spawned), 0);
        assert_eq!(handle.stop(|| 5), 5, "a world without tasks stops at once");
    });
}

/// Threads that spawn and wake while the scheduler ends: each task has run or is dropped, none is forgotten.
#[test]
fn others_spawn_and_wake_while_the_scheduler_ends() {
    within(|| {
        for round in 0..50 {
            let scheduler = scheduler(2);
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let handle = scheduler.handle().clone();
                    thread::spawn(move || -> Vec<_> {
                        let (to, from) = channel(NonZeroUsize::MIN);
                        let reader = handle.spawn(async move { while from.receive().await == Some(1) {} });
                        let spawn = |_| {
                            let to = to.clone();
                            handle.spawn(async move { to.send(1).await.unwrap_or(()) })
                        };
                        let mut all: Vec<_> = (0..500).map(spawn).collect();
                        all.push(reader);
                        all
                    })
                })
                .collect();
            thread::sleep(Duration::from_micros(20 * round));
            drop(scheduler);
            for thread in threads {
                for handle in thread.join().expect("it does not panic") {
                    assert!(matches!(wait(handle), Ok(()) | Err(Ended::Dropped)));
                }
            }
        }
    });
}

#[test]
fn a_scheduler_ends_in_its_own_task() {
    within(|| {
        let scheduler = scheduler(2);
        let handle = scheduler.handle().clone();
        let waiting = handle.spawn(sleep(Duration::from_secs(1000)));
        let ended = handle.spawn(async move { drop(scheduler) });
        assert_eq!(wait(ended), Ok(()));
        assert_eq!(wait(waiting), Err(Ended::Dropped));
    });
}

/// One task queued, one that waits, one in a blocking section, one in a call, one that yields, one that ended.
#[test]
fn a_scheduler_ends_with_tasks_in_every_state() {
    within(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let scheduler = scheduler(2);
        let go = Arc::new(AtomicBool::new(false));
        let section = |section: fn(&AtomicBool)| {
            let (go, dropped) = (Arc::clone(&go), Arc::clone(&dropped));
            async move {
                let _tell = OnDrop(move || {
                    dropped.fetch_add(1, Ordering::Relaxed);
                });
                section(&go);
                yield_now().await;
                sleep(Duration::from_secs(1000)).await;
            }
        };
        fn wait_for(go: &AtomicBool) {
            while !go.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_micros(100));
            }
        }
        let in_sections = [
            scheduler.handle().spawn(section(|go| blocking(|| wait_for(go)))),
            scheduler.handle().spawn(section(|go| call(|| wait_for(go)))),
            scheduler.handle().spawn(section(|_| ())),
        ];
        let yields = scheduler.handle().spawn(async {
            loop {
                yield_now().await;
            }
        });
        let ended = scheduler.handle().spawn(async { 3 });
        while scheduler.handle().snapshot().tasks_in(TaskState::InCall) < 2 {
            thread::yield_now();
        }
        assert_eq!(wait(ended), Ok(3));
        let queued: Vec<_> = (0..100).map(|_| scheduler.handle().spawn(section(|_| ()))).collect();
        let opener = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            go.store(true, Ordering::Relaxed);
        });
        drop(scheduler);
        opener.join().expect("no panic");
        assert_eq!(wait::<()>(yields), Err(Ended::Dropped));
        for handle in in_sections.into_iter().chain(queued) {
            assert_eq!(wait(handle), Err(Ended::Dropped));
        }
        // Each that was polled once had its own.
        assert!((2..=103).contains(&dropped.load(Ordering::Relaxed)));
    });
}

#[test]
fn panics_in_drop_code_end_their_task_only() {
    within(|| {
        let scheduler = scheduler(2);
        let ended = scheduler.block_on(async {
            let in_poll = spawn(async {
                let _panics = OnDrop(|| panic!("in drop code"));
            });
            struct PanicsInItsOwn;
            impl Drop for PanicsInItsOwn {
                fn drop(&mut self) {
                    panic!("the panic's own drop code");
                }
            }
            let payload = spawn(async { std::panic::panic_any(PanicsInItsOwn) });
            // Its result is dropped by the scheduler.
            drop(spawn(async { OnDrop(|| panic!("of a result that nobody wants")) }));
            let ended = (in_poll.await, payload.await);
            (ended, spawn(async { 9 }).await)
        });
        let words = |words: &str| Err(Ended::Panicked(words.to_string()));
        assert_eq!(ended, Ok(((words("in drop code"), words("not in words")), Ok(9))));
        let left = scheduler.handle().spawn(async {
            let _panics = OnDrop(|| panic!("in drop code, at the end"));
            sleep(Duration::from_secs(1000)).await;
        });
        while scheduler.handle().snapshot().tasks_in(TaskState::Waiting) == 0 {
            thread::yield_now();
        }
        drop(scheduler);
        assert_eq!(wait(left), Err(Ended::Dropped));
    });
}

#[test]
fn a_panic_in_the_stopped_world_leaves_it_usable() {
    within(|| {
        let scheduler = scheduler(2);
        let handle = scheduler.handle();
        let caught = catch_unwind(AssertUnwindSafe(|| handle.stop(|| panic!("on purpose"))));
        assert!(caught.is_err());
        assert_eq!(handle.stop(|| 4), 4);
        let nested = catch_unwind(AssertUnwindSafe(|| handle.stop(|| handle.pause())));
        let words = nested.expect_err("it would wait for itself").downcast::<&str>().expect("words");
        assert_eq!(*words, "stopping the world while it is stopped would wait for itself");
        assert_eq!(handle.take_pauses().len(), 3);
        assert_eq!(scheduler.block_on(async { spawn(async { 1 }).await }), Ok(Ok(1)));
    });
}

/// Polls its parts only where each was woken, as combinators with wakers of their own do.
async fn both(parts: [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 2]) {
    struct Part {
        woken: AtomicBool,
        task: Mutex<Option<Waker>>,
    }
    impl Wake for Part {
        fn wake(self: Arc<Self>) {
            self.woken.store(true, Ordering::SeqCst);
            if let Some(task) = &*self.task.lock().expect("no panic") {
                task.wake_by_ref();
            }
        }
    }
    let part = || Arc::new(Part { woken: AtomicBool::new(true), task: Mutex::new(None) });
    let mut parts = parts.map(|future| (Some(future), part()));
    poll_fn(move |context| {
        for (future, part) in &mut parts {
            *part.task.lock().expect("no panic") = Some(context.waker().clone());
            if part.woken.swap(false, Ordering::SeqCst) {
                let waker = Waker::from(Arc::clone(part));
                let polled = future.as_mut().map(|future| future.as_mut().poll(&mut Context::from_waker(&waker)));
                if polled.is_some_and(|polled| polled.is_ready()) {
                    *future = None;
                }
            }
        }
        if parts.iter().all(|(future, _)| future.is_none()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn combinators_with_wakers_of_their_own_are_woken() {
    within(|| {
        let scheduler = scheduler(1);
        let yields = || {
            Box::pin(async {
                for _ in 0..10 {
                    yield_now().await;
                    sleep(Duration::from_micros(10)).await;
                }
            })
        };
        assert_eq!(scheduler.block_on(both([yields(), yields()])), Ok(()));
    });
}

#[test]
fn a_waker_that_panics_stops_no_timer() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of others");
        }
    }
    within(|| {
        let scheduler = scheduler(1);
        let slept = scheduler.block_on(async {
            let mut short = pin!(sleep(Duration::from_millis(1)));
            assert!(short.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
            sleep(Duration::from_millis(3)).await;
            let mut long = pin!(sleep(Duration::MAX));
            poll_fn(|context| Poll::Ready(long.as_mut().poll(context).is_pending())).await
        });
        assert_eq!(slept, Ok(true));
    });
}

#[test]
fn a_hook_that_panics_costs_no_processor() {
    within(|| {
        let scheduler = Scheduler::with_hook(processors(2), |_| panic!("the hook")).expect("switches that can be");
        assert_eq!(scheduler.block_on(async { blocking(|| 1) + call(|| 1) }), Ok(2));
    });
}

#[test]
fn a_task_that_never_yields_is_named() {
    within(|| {
        let switches = Switches { stuck_after: Duration::from_millis(10), ..processors(2) };
        let scheduler = Scheduler::new(switches).expect("switches that can be");
        let go_on = Arc::new(AtomicBool::new(true));
        let theirs = Arc::clone(&go_on);
        let stuck = scheduler.handle().spawn(async move { while theirs.load(Ordering::Relaxed) {} });
        let report = loop {
            if let [report] = scheduler.handle().take_stuck()[..] {
                break report;
            }
            thread::sleep(Duration::from_millis(1));
        };
        assert!(report.processor < 2 && report.task > 0 && report.polled_for >= Duration::from_millis(10));
        assert_eq!(scheduler.handle().take_stuck(), [], "it is reported once");
        go_on.store(false, Ordering::Relaxed);
        assert_eq!(wait(stuck), Ok(()));
    });
}

#[test]
fn block_on_in_a_task_says_what_to_do() {
    within(|| {
        let scheduler = Arc::new(scheduler(1));
        let inner = Arc::clone(&scheduler);
        let ended = scheduler.block_on(async move { inner.block_on(async {}) });
        let words = "block_on in a task would put its processor to sleep; spawn the future and await its handle";
        assert_eq!(ended, Err(Ended::Panicked(words.into())));
    });
    let caught = catch_unwind(|| spawn(async {})).expect_err("outside of a task");
    let words = caught.downcast::<String>().map(|words| *words);
    let words = words.unwrap_or_else(|words| words.downcast::<&str>().expect("words").to_string());
    assert_eq!(words, "spawn is called in a task; elsewhere, use a Handle");
}

#[test]
fn a_section_outside_of_a_task_or_within_another_only_runs() {
    assert_eq!((blocking(|| 1), call(|| 2)), (1, 2));
    within(|| {
        let scheduler = scheduler(1);
        let ended = scheduler.block_on(async {
            let by_blocking = blocking(|| (blocking(|| 1), call(|| 2)));
            let by_call = call(|| (blocking(|| 3), call(|| 4)));
            // And there is a processor again.
            yield_now().await;
            (by_blocking, by_call)
        });
        assert_eq!(ended, Ok(((1, 2), (3, 4))));
        let counts = scheduler.handle().counts();
        assert_eq!(counts.get(Count::HandedOff), 1, "{counts:?}");
        assert_eq!(counts.get(Count::CallsKept) + counts.get(Count::Retaken), 1, "{counts:?}");
    });
}

#[test]
fn a_home_that_no_seat_names_is_refused() {
    let scheduler = scheduler(1);
    let refused = catch_unwind(AssertUnwindSafe(|| drop(scheduler.handle().spawn_home(1, async {}))));
    let words = refused.expect_err("one node").downcast::<String>().expect("words");
    assert_eq!(*words, "node 1 of 1 nodes that have seats");
}

#[test]
fn switches_that_cannot_be_are_refused_in_words() {
    let check = |switches: Switches, words: &str| {
        let error: SwitchError = Scheduler::new(switches).expect_err(words);
        assert_eq!(error.to_string(), words);
    };
    let all = processors(2);
    for ring in [0, 1, 3, 131_072] {
        let words = format!("ring = {ring}: a power of two from 2 to 65536 is needed");
        check(Switches { ring, ..all.clone() }, &words);
    }
    for (overflow, found) in [(0.0, "0"), (-1.0, "-1"), (1.5, "1.5"), (f64::NAN, "NaN")] {
        let words = format!("overflow = {found}: a part above 0 and at most 1 is needed");
        check(Switches { overflow, ..all.clone() }, &words);
    }
    for global_tick in [0, 1] {
        let words =
            format!("global_tick = {global_tick}: not with yield_to = global, or some tasks never run; take 2 or more");
        check(Switches { global_tick, yield_to: YieldTo::Global, ..all.clone() }, &words);
    }
    let words = "3 seats for 2 processors: one each, or none, is needed";
    check(Switches { seats: vec![Seat::default(); 3], ..all.clone() }, words);
    let seats = vec![Seat { node: 0, llc: 0 }, Seat { node: 1, llc: 1 }];
    let words = "distances: seats name 2 nodes, a square of 2 x 2 is needed";
    check(Switches { seats: seats.clone(), ..all.clone() }, words);
    check(Switches { seats, distances: vec![vec![10, 20], vec![20]], ..all.clone() }, words);
    check(Switches { threads_most: 1, ..all }, "2 processors, but at most 1 threads");
}

/// A thief's rounds are bounded whatever is asked for.
#[test]
fn many_rounds_end() {
    within(|| {
        let switches = Switches { spin_rounds: 40, steal_order: StealOrder::NearFirst, ..processors(2) };
        let scheduler = Scheduler::new(switches).expect("switches that can be");
        assert_eq!(scheduler.block_on(async { spawn(async { 1 }).await }), Ok(Ok(1)));
    });
}

#[test]
fn a_million_tasks_on_64_processors() {
    within(|| {
        let scheduler = scheduler(64);
        let count = 1_000_000_u64;
        let sum = scheduler.block_on(async move {
            let parts: Vec<_> = (0..100)
                .map(|part| {
                    spawn(async move {
                        let one = |i| {
                            spawn(async move {
                                yield_now().await;
                                i
                            })
                        };
                        let tasks: Vec<_> = (part * count / 100..(part + 1) * count / 100).map(one).collect();
                        let mut sum = 0;
                        for task in tasks {
                            sum += task.await.expect("no panic");
                        }
                        sum
                    })
                })
                .collect();
            let mut sum = 0;
            for part in parts {
                sum += part.await.expect("no panic");
            }
            sum
        });
        assert_eq!(sum, Ok(count * (count - 1) / 2));
        let handle: &Handle = scheduler.handle();
        while handle.counts().get(Count::Finished) < count + 101 {
            thread::yield_now();
        }
        let counts = handle.counts();
        assert_eq!(counts.get(Count::Spawned), count + 101);
        assert!(counts.get(Count::Polls) >= 2 * count);
    });
}
