//! Programs that each aim at one thing, small enough for thousands of schedules: on 2 and on 3 processors.

use super::{
    check,
    running::{Gate, Running, SCHEDULES, meet, on_two_and_three, result_of},
    switches,
};
use gmp::scheduler::{Count, Ended, Handle, Switches, blocking, call, channel, sleep, spawn, yield_now};
use shuttle::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
};
use std::{
    future::poll_fn,
    num::NonZeroUsize,
    task::{Poll, Waker},
    time::Duration,
};

/// Spawns, yields, joins; more tasks than a queue holds, so some overflow and some are stolen.
#[test]
fn spawns_and_joins() {
    on_two_and_three("spawns and joins", |processors| {
        let running = Running::new(Switches { ring: 4, ..switches(processors) });
        let book = std::sync::Arc::clone(&running.book);
        let sum = running.block_on(async move {
            let child = |number: u64| {
                spawn(book.watch(async move {
                    yield_now().await;
                    number
                }))
            };
            let children: Vec<_> = (1..=7).map(child).collect();
            let mut sum = 0;
            for child in children {
                sum += child.await.expect("it ends well");
            }
            sum
        });
        assert_eq!(sum, 28);
        running.end(8, 0);
    });
}

/// Tasks from outside, while the threads fall asleep.
#[test]
fn spawns_from_outside() {
    on_two_and_three("spawns from outside", |processors| {
        let running = Arc::new(Running::new(switches(processors)));
        let theirs = Arc::clone(&running);
        let other =
            thread::spawn(move || (0..3).for_each(|number| assert_eq!(theirs.block_on(async move { number }), number)));
        (0..3).for_each(|number| assert_eq!(running.block_on(async move { number }), number));
        other.join().expect("no panic");
        Arc::into_inner(running).expect("the other has ended").end(6, 0);
    });
}

/// As many tasks as processors, each of which waits in its poll for all the others: nobody helps a task that is left in a
/// queue while a processor is idle. From outside, and from a task.
#[test]
fn no_task_waits_while_a_processor_is_idle() {
    on_two_and_three("long polls", |processors| {
        // What runs next is shown to nobody but the monitor, who comes for timers and calls only.
        let running = Running::new(Switches { run_next: false, ..switches(processors) });
        for from_task in [false, true] {
            let met = Arc::new((Mutex::new(0), Condvar::new()));
            let (book, theirs) = (std::sync::Arc::clone(&running.book), Arc::clone(&met));
            let first = async move {
                let others = if from_task { processors - 1 } else { 0 };
                for _ in 0..others {
                    let met = Arc::clone(&theirs);
                    spawn(book.watch(async move { meet(&met, processors) }));
                }
                meet(&theirs, processors);
            };
            for _ in 1..if from_task { 1 } else { processors } {
                let met = Arc::clone(&met);
                running.spawn(async move { meet(&met, processors) });
            }
            running.block_on(first);
        }
        running.end(2 * processors, 0);
    });
}

/// The same with a section before: a processor that searches may be given to a thread that comes back from one.
#[test]
fn no_task_waits_behind_sections() {
    on_two_and_three("long polls behind sections", |processors| {
        for threads_most in [processors, 100] {
            let running = Running::new(Switches { run_next: false, threads_most, ..switches(processors) });
            let met = Arc::new((Mutex::new(0), Condvar::new()));
            let task = |_| {
                let met = Arc::clone(&met);
                running.spawn(async move {
                    blocking(thread::yield_now);
                    meet(&met, processors);
                })
            };
            let tasks: Vec<_> = (0..processors).map(task).collect();
            running.block_on(async move {
                for task in tasks {
                    task.await.expect("it ends well");
                }
            });
            running.end(processors + 1, 0);
        }
    });
}

#[test]
fn values_go_through_channels() {
    on_two_and_three("channel", |processors| {
        let running = Running::new(switches(processors));
        let (to, from) = channel(NonZeroUsize::MIN);
        for _ in 0..2 {
            let to = to.clone();
            running.spawn(async move {
                for value in 1..=2_u64 {
                    to.send(value).await.expect("the receiver lives");
                }
            });
        }
        drop(to);
        let other = from.clone();
        let part = running.spawn(async move { other.receive().await.unwrap_or(0) });
        let sum = running.block_on(async move {
            let mut sum = part.await.expect("it ends well");
            while let Some(value) = from.receive().await {
                sum += value;
            }
            sum
        });
        assert_eq!(sum, 6);
        running.end(4, 0);
    });
}

/// A wake-up at any moment of a poll, from a task and from outside; and of a task that ended.
#[test]
fn wake_ups_are_served() {
    on_two_and_three("wake-ups", |processors| {
        let running = Running::new(switches(processors));
        let place: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let woken = Arc::new(AtomicU64::new(0));
        let wake = |place: &Mutex<Vec<Waker>>, woken: &AtomicU64| {
            woken.fetch_add(1, SeqCst);
            let wakers = place.lock().expect("no panic").clone();
            wakers.iter().for_each(Waker::wake_by_ref);
        };
        let (wakers, count) = (Arc::clone(&place), Arc::clone(&woken));
        // Leaves its waker, then looks: whoever sees no waker is seen here.
        let waits = poll_fn(move |context| {
            wakers.lock().expect("no panic").push(context.waker().clone());
            if count.load(SeqCst) == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let waits = running.spawn(waits);
        let (wakers, count) = (Arc::clone(&place), Arc::clone(&woken));
        running.spawn(async move { wake(&wakers, &count) });
        let (wakers, count) = (Arc::clone(&place), Arc::clone(&woken));
        let outside = thread::spawn(move || wake(&wakers, &count));
        running.block_on(async move { waits.await.expect("it ends well") });
        outside.join().expect("no panic");
        place.lock().expect("no panic").drain(..).for_each(Waker::wake);
        running.end(3, 0);
    });
}

/// As many sections as processors wait for a task that only runs if a section has handed its processor over.
fn sections_wait_for_a_task(processors: usize, section: fn(&Gate)) {
    let running = Running::new(switches(processors));
    let gate = Arc::new(Gate::default());
    let waits = |_| {
        let gate = Arc::clone(&gate);
        running.spawn(async move {
            section(&gate);
            yield_now().await;
        })
    };
    let waiting: Vec<_> = (0..processors).map(waits).collect();
    let opens = Arc::clone(&gate);
    running.block_on(async move {
        yield_now().await;
        opens.open();
        for task in waiting {
            task.await.expect("it ends well");
        }
    });
    running.end(processors + 1, 0);
}

#[test]
fn a_blocking_section_hands_its_processor_over() {
    on_two_and_three("blocking", |processors| sections_wait_for_a_task(processors, |gate| blocking(|| gate.wait())));
}

#[test]
fn the_monitor_takes_the_processor_of_a_long_call() {
    on_two_and_three("call", |processors| sections_wait_for_a_task(processors, |gate| call(|| gate.wait())));
}

/// Sections that end soon, with no thread left for their processors: they lie idle, and are taken up again.
#[test]
fn sections_at_the_limit_of_threads() {
    on_two_and_three("limit of threads", |processors| {
        let running = Running::new(Switches { threads_most: processors, ..switches(processors) });
        let task = |number: usize| {
            running.spawn(async move {
                if number.is_multiple_of(2) {
                    blocking(thread::yield_now);
                } else {
                    call(thread::yield_now);
                }
                yield_now().await;
                blocking(thread::yield_now);
            })
        };
        let tasks: Vec<_> = (0..=processors).map(task).collect();
        running.block_on(async move {
            for task in tasks {
                task.await.expect("it ends well");
            }
        });
        running.end(processors + 2, 0);
    });
}

/// Every processor has a task that yields until all sections have ended: one of them must hear the bell and be handed over.
#[test]
fn threads_come_back_while_all_processors_work() {
    on_two_and_three("come back", |processors| {
        let running = Running::new(switches(processors));
        let back = Arc::new(AtomicU64::new(0));
        let section = |_| {
            let back = Arc::clone(&back);
            running.spawn(async move {
                blocking(thread::yield_now);
                back.fetch_add(1, SeqCst);
            })
        };
        let mut tasks: Vec<_> = (0..2).map(section).collect();
        let works = |_| {
            let back = Arc::clone(&back);
            running.spawn(async move {
                while back.load(SeqCst) < 2 {
                    // It goes round: where threads have priorities, others come first.
                    thread::yield_now();
                    yield_now().await;
                }
            })
        };
        tasks.extend((0..processors).map(works));
        running.block_on(async move {
            for task in tasks {
                task.await.expect("it ends well");
            }
        });
        running.end(processors + 3, 0);
    });
}

/// In a poll, after a yield, in a section.
#[test]
fn panics_end_their_tasks_alone() {
    on_two_and_three("panics", |processors| {
        let running = Running::new(switches(processors));
        let task = |number: usize| {
            running.spawn(async move {
                if number == 1 {
                    yield_now().await;
                }
                match number {
                    0 | 1 => panic!("task {number} panics"),
                    2 => blocking(|| panic!("task {number} panics")),
                    _ => number,
                }
            })
        };
        let tasks: Vec<_> = (0..4).map(task).collect();
        running.block_on(async move {
            for (number, task) in tasks.into_iter().enumerate() {
                let expect =
                    if number < 3 { Err(Ended::Panicked(format!("task {number} panics"))) } else { Ok(number) };
                assert_eq!(task.await, expect);
            }
        });
        running.end(5, 3);
    });
}

/// Nobody takes a step in the stopped world: stopped by a task and from outside, with yields, sections and sleepers.
#[test]
fn the_world_stands_still() {
    on_two_and_three("world", |processors| {
        let running = Running::new(switches(processors));
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = |handle: &Handle, stopped: &AtomicBool| {
            handle.stop(|| {
                assert!(!stopped.swap(true, SeqCst), "two stops at once");
                thread::yield_now();
                stopped.store(false, SeqCst);
            });
        };
        let task = |number: usize| {
            let (stopped, handle) = (Arc::clone(&stopped), running.handle().clone());
            running.spawn(async move {
                for _ in 0..2 {
                    assert!(!stopped.load(SeqCst), "a task runs in the stopped world");
                    match number {
                        0 => yield_now().await,
                        1 => blocking(thread::yield_now),
                        _ => stop(&handle, &stopped),
                    }
                }
            })
        };
        let tasks: Vec<_> = (0..3).map(task).collect();
        stop(running.handle(), &stopped);
        running.block_on(async move {
            for task in tasks {
                task.await.expect("it ends well");
            }
        });
        assert_eq!(running.handle().take_pauses().len(), 3);
        running.end(4, 0);
    });
}

/// Timers, on a clock that goes where it is waited for.
#[test]
fn sleepers_wake_up() {
    on_two_and_three("sleepers", |processors| {
        let running = Running::new(switches(processors));
        let task = |ms: u64| {
            running.spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                sleep(Duration::from_millis(1)).await;
            })
        };
        let tasks = [2, 1, 3].map(task);
        running.block_on(async move {
            for task in tasks {
                task.await.expect("it ends well");
            }
        });
        running.end(4, 0);
    });
}

/// The scheduler ends with tasks in every state, while others spawn and wake: each handle tells what became of its task,
/// each future is dropped, and none is polled when the scheduler is gone.
#[test]
fn tasks_that_are_left_are_dropped() {
    on_two_and_three("tasks left", |processors| {
        let running = Running::new(switches(processors));
        let gone = Arc::new(AtomicBool::new(false));
        let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
        let task = |number: usize| {
            let (gone, waker) = (Arc::clone(&gone), Arc::clone(&waker));
            running.spawn(async move {
                match number {
                    // Ends.
                    0 => yield_now().await,
                    // Waits for somebody who comes late or never.
                    1 => {
                        let mut polls = 0;
                        poll_fn(|context| {
                            polls += 1;
                            *waker.lock().expect("no panic") = Some(context.waker().clone());
                            if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
                        })
                        .await;
                    }
                    2 => blocking(thread::yield_now),
                    // Never ends, and is in a queue or polled.
                    _ => loop {
                        thread::yield_now();
                        yield_now().await;
                        assert!(!gone.load(SeqCst), "polled when the scheduler was gone");
                    },
                }
            })
        };
        let tasks: Vec<_> = (0..4).map(task).collect();
        let (handle, book) = (running.handle().clone(), std::sync::Arc::clone(&running.book));
        let meanwhile = thread::spawn(move || {
            waker.lock().expect("no panic").take().into_iter().for_each(Waker::wake);
            handle.spawn(book.watch(async {}))
        });
        let book = running.book;
        drop(running.scheduler);
        gone.store(true, SeqCst);
        let late = meanwhile.join().expect("no panic");
        for (number, task) in tasks.into_iter().chain([late]).enumerate() {
            let ended = result_of(task);
            assert!(matches!(ended, Ok(()) | Err(Ended::Dropped)), "task {number}: {ended:?}");
            assert!(number != 3 || ended.is_err(), "it goes round for ever");
        }
        let [made, _, dropped] = book.counts();
        assert_eq!((made, dropped), (5, 5));
    });
}

/// With a task in a queue when the scheduler ends, nobody lies down and is woken for it again and again until the end has
/// come to all: once for the start, once for the task, once for the end.
#[test]
fn the_end_is_not_awaited_by_going_round() {
    for processors in [1, 2] {
        let program = move || {
            let running = Running::new(switches(processors));
            running.spawn(async {});
            let handle = running.handle().clone();
            drop(running);
            for processor in 0..processors {
                let idled = handle.counts_of(processor).get(Count::Idled);
                assert!(idled <= 3, "processor {processor} lay down {idled} times");
            }
        };
        check(&format!("end with a task on {processors}"), SCHEDULES, Arc::new(program));
    }
}

/// A task drops its own scheduler: a thread ends it when the poll has ended.
#[test]
fn a_scheduler_ends_in_its_own_task() {
    on_two_and_three("end in a task", |processors| {
        let running = Running::new(switches(processors));
        let book = running.book;
        let handle = running.scheduler.handle().clone();
        let scheduler = running.scheduler;
        let waits = handle.spawn(book.watch(std::future::pending::<()>()));
        handle.spawn(book.watch(async move {
            yield_now().await;
            drop(scheduler);
            // Dropped as what is left: the scheduler's end comes to all.
            let _ = waits.await;
        }));
        // What it finds is a deadlock, of the scheduler's threads, which this one leaves behind.
        assert_eq!(book.counts()[0], 2);
    });
}
