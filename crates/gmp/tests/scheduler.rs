//! The scheduler from outside: what tasks may rely on.

use gmp::scheduler::{
    Count, Did, Ended, PollEnd, ProcessorState, Scheduler, Seat, Switches, TaskState, Trace, YieldTo, blocking, call,
    channel, sleep, spawn, yield_now,
};
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

fn scheduler(processors: usize) -> Scheduler {
    Scheduler::new(Switches::new(NonZeroUsize::new(processors).expect("not 0"))).expect("switches that can be")
}

#[test]
fn tasks_yield_and_end_with_their_results() {
    for processors in [1, 2, 3, 16] {
        let scheduler = scheduler(processors);
        let sum = scheduler.block_on(async {
            let handles: Vec<_> = (0..5000_u64)
                .map(|i| {
                    spawn(async move {
                        for _ in 0..10 {
                            yield_now().await;
                        }
                        i
                    })
                })
                .collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.expect("no task panics");
            }
            sum
        });
        assert_eq!(sum, Ok(4999 * 5000 / 2));
        let counts = scheduler.handle().counts();
        assert_eq!(counts.get(Count::Spawned), 5001);
        // The last one is counted after its result is there.
        assert!((5000..=5001).contains(&counts.get(Count::Finished)));
        assert_eq!(counts.get(Count::Yields), 50_000);
        assert!(counts.get(Count::Polls) >= 55_000);
        let snapshot = scheduler.handle().snapshot();
        assert_eq!(snapshot.tasks_in(TaskState::Waiting), 0);
    }
}

#[test]
fn channels_hand_values_over_in_order() {
    for processors in [1, 2, 5] {
        let scheduler = scheduler(processors);
        let got = scheduler.block_on(async {
            let (there, theirs) = channel::<u32>(NonZeroUsize::MIN);
            let (back, ours) = channel::<u32>(NonZeroUsize::MIN);
            spawn(async move {
                while let Some(value) = theirs.receive().await {
                    back.send(value * 2).await.expect("the receiver lives");
                }
            });
            let mut got = Vec::new();
            for value in 0..20_000 {
                there.send(value).await.expect("the receiver lives");
                got.push(ours.receive().await.expect("the sender lives"));
            }
            drop(there);
            assert_eq!(ours.receive().await, None);
            got
        });
        assert_eq!(got, Ok((0..20_000).map(|value| value * 2).collect()));
    }
}

#[test]
fn a_panic_ends_its_task_only() {
    let scheduler = scheduler(2);
    let ended = scheduler.block_on(async {
        let bad = spawn(async { panic!("on purpose") });
        let good = spawn(async { 7 });
        (bad.await, good.await)
    });
    assert_eq!(ended, Ok((Err::<(), _>(Ended::Panicked("on purpose".into())), Ok(7))));
    // It is counted after its result is there.
    let handle = scheduler.handle().clone();
    drop(scheduler);
    assert_eq!(handle.counts().get(Count::Panicked), 1);
}

#[test]
fn blocking_sections_leave_the_processor_to_others() {
    let scheduler = scheduler(1);
    let both = scheduler.block_on(async {
        let (to, from) = std::sync::mpsc::channel();
        let sleeper = spawn(async move { blocking(|| from.recv().expect("sent below")) });
        // With one processor this runs only if the section gave it away.
        let sender = spawn(async move { to.send(5).expect("the receiver waits") });
        (sender.await.is_ok(), sleeper.await)
    });
    assert_eq!(both, Ok((true, Ok(5))));
    assert_eq!(scheduler.handle().counts().get(Count::HandedOff), 1);
}

#[test]
fn the_monitor_takes_the_processor_of_a_long_call() {
    let scheduler = scheduler(1);
    let both = scheduler.block_on(async {
        let short = call(|| 1);
        let (to, from) = std::sync::mpsc::channel();
        let sleeper = spawn(async move { call(|| from.recv().expect("sent below")) });
        // The sleeper runs, and keeps the only processor until the monitor takes it.
        yield_now().await;
        let sent = to.send(5).is_ok();
        (short, sent, sleeper.await)
    });
    assert_eq!(both, Ok((1, true, Ok(5))));
    let counts = scheduler.handle().counts();
    assert_eq!(counts.get(Count::Retaken), 1);
    assert!(counts.get(Count::CallsKept) >= 1);
}

#[test]
fn sleeping_tasks_wake_in_order_and_not_early() {
    let scheduler = scheduler(2);
    let begun = Instant::now();
    let order = scheduler.block_on(async {
        let (to, from) = channel(NonZeroUsize::new(3).expect("not 0"));
        for ms in [30, 10, 20] {
            let to = to.clone();
            spawn(async move {
                sleep(Duration::from_millis(ms)).await;
                to.send(ms).await.expect("the receiver lives");
            });
        }
        drop(to);
        let mut order = Vec::new();
        while let Some(ms) = from.receive().await {
            order.push(ms);
        }
        order
    });
    assert_eq!(order, Ok(vec![10, 20, 30]));
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn a_stopped_world_runs_no_task() {
    let scheduler = scheduler(3);
    let ticks = Arc::new(AtomicUsize::new(0));
    let run = Arc::new(AtomicUsize::new(1));
    let handles: Vec<_> = (0..10)
        .map(|_| {
            let (ticks, run) = (Arc::clone(&ticks), Arc::clone(&run));
            scheduler.handle().spawn(async move {
                while run.load(Ordering::Relaxed) == 1 {
                    ticks.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..200 {
        let (before, after) = scheduler.handle().stop(|| {
            let before = ticks.load(Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(200));
            (before, ticks.load(Ordering::Relaxed))
        });
        assert_eq!(before, after, "a task ran while the world was stopped");
    }
    run.store(0, Ordering::Relaxed);
    assert_eq!(scheduler.handle().take_pauses().len(), 200);
    assert_eq!(
        scheduler.block_on(async {
            for handle in handles {
                handle.await.expect("no panic");
            }
        }),
        Ok(())
    );
}

#[test]
fn a_task_stops_the_world_on_its_own_processor() {
    for processors in [1, 3] {
        let scheduler = scheduler(processors);
        let handle = scheduler.handle().clone();
        let where_ = scheduler.block_on(async move {
            for _ in 0..processors {
                spawn(async {
                    for _ in 0..1000 {
                        yield_now().await;
                    }
                });
            }
            yield_now().await;
            let before = gmp::scheduler::processor();
            let during = handle.stop(gmp::scheduler::processor);
            handle.pause();
            (before.is_some(), during, before == gmp::scheduler::processor())
        });
        assert_eq!(where_, Ok((true, None, true)));
        let pauses = scheduler.handle().take_pauses();
        assert_eq!(pauses.len(), 2);
        // The stopper's place in the world is not a processor's; the stopping task's is at rest.
        assert!(pauses.iter().all(|pause| pause.workers <= processors), "{pauses:?}");
        assert_eq!(scheduler.handle().counts().get(Count::HandedOff), 0);
    }
}

/// Whether the scheduler knows of nodes or not: both are to be compared.
#[test]
fn polls_away_from_home_are_counted() {
    for numa_aware in [false, true] {
        let seats = vec![Seat { node: 1, llc: 0 }];
        let distances = vec![vec![10, 21], vec![21, 10]];
        let switches = Switches { numa_aware, seats, distances, ..Switches::new(NonZeroUsize::MIN) };
        let scheduler = Scheduler::new(switches).expect("switches that can be");
        // Made from outside, on node 0, and run by the only processor, on node 1.
        let away = scheduler.block_on(async {
            yield_now().await;
            yield_now().await;
        });
        assert_eq!(away, Ok(()));
        assert_eq!(scheduler.handle().counts().get(Count::AwayFromHome), 3, "numa_aware = {numa_aware}");
    }
}

#[test]
fn tasks_left_are_dropped_with_the_scheduler() {
    struct Tell(Arc<AtomicUsize>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let scheduler = scheduler(2);
    let handles: Vec<_> = (0..100)
        .map(|_| {
            let tell = Tell(Arc::clone(&dropped));
            scheduler.handle().spawn(async move {
                sleep(Duration::from_secs(1000)).await;
                drop(tell);
            })
        })
        .collect();
    drop(scheduler);
    assert_eq!(dropped.load(Ordering::Relaxed), 100);
    drop(handles);
}

/// Every poll is in the trace, once; a processor does one thing after the other.
#[test]
fn a_trace_holds_every_poll() {
    let switches = Switches { trace: Some(100_000), ..Switches::new(NonZeroUsize::new(2).expect("not 0")) };
    let scheduler = Scheduler::new(switches).expect("switches that can be");
    let handle = scheduler.handle().clone();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            handle.spawn(async {
                for _ in 0..10 {
                    yield_now().await;
                }
            })
        })
        .collect();
    let ended = scheduler.block_on(async {
        for task in tasks {
            task.await.expect("it ends");
        }
    });
    assert_eq!(ended, Ok(()));
    drop(scheduler);
    let (trace, counts) = (handle.take_trace(), handle.counts());
    let ran = |end: PollEnd| {
        trace.events.iter().filter(|event| matches!(event.did, Did::Ran { end: found, .. } if found == end)).count()
            as u64
    };
    assert_eq!((ran(PollEnd::Yielded), ran(PollEnd::Finished), ran(PollEnd::Panicked)), (500, 51, 0));
    let polls = trace.events.iter().filter(|event| matches!(event.did, Did::Ran { .. })).count() as u64;
    assert_eq!((polls, trace.lost), (counts.get(Count::Polls), 0));
    for processor in [0, 1] {
        let of_it = trace.events.iter().filter(|event| event.processor == processor);
        let own: Vec<_> = of_it.filter(|event| !matches!(event.did, Did::Readied { .. })).collect();
        assert!(own.iter().all(|event| event.from_ns <= event.to_ns));
        assert!(own.windows(2).all(|pair| pair[0].to_ns <= pair[1].from_ns), "{own:?}");
    }
}

/// A task's states can be told from it: ready, running, in a section, while its processor rests or runs another.
#[test]
fn a_trace_holds_what_becomes_ready_and_what_blocks() {
    let scheduler =
        Scheduler::new(Switches { trace: Some(1000), ..Switches::new(NonZeroUsize::MIN) }).expect("switches");
    let handle = scheduler.handle().clone();
    let ended = scheduler.block_on(async {
        let (there, comes) = channel(NonZeroUsize::MIN);
        let waits = spawn(async move { comes.receive().await });
        yield_now().await;
        let _ = there.send(7).await;
        blocking(|| std::thread::sleep(Duration::from_millis(1)));
        waits.await
    });
    assert_eq!(ended, Ok(Ok(Some(7))));
    drop(scheduler);
    let events = handle.take_trace().events;
    let readied: Vec<u32> = events
        .iter()
        .filter_map(|event| if let Did::Readied { task } = event.did { Some(task) } else { None })
        .collect();
    // Spawned, and woken by what was sent; the other one wakes nobody that was not running.
    assert!(readied.len() >= 2 && readied[0] == readied[1], "{events:?}");
    let at = events.iter().position(|event| matches!(event.did, Did::Called { .. })).expect("a section");
    let Did::Called { task } = events[at].did else { panic!("{events:?}") };
    assert_ne!(task, readied[0]);
    let after: Vec<_> = events[at + 1..].iter().map(|event| event.did).collect();
    // Meanwhile the other one runs to its end, and this one goes on and ends.
    let ends = |number: u32| after.contains(&Did::Ran { task: number, end: PollEnd::Finished });
    assert!(ends(readied[0]) && ends(task), "{events:?}");
}

#[test]
fn a_trace_has_its_limit_and_none_is_kept_unasked() {
    let run = |trace: Option<usize>| {
        let switches = Switches { trace, ..Switches::new(NonZeroUsize::MIN) };
        let scheduler = Scheduler::new(switches).expect("switches that can be");
        let handle = scheduler.handle().clone();
        let ended = scheduler.block_on(async {
            for _ in 0..5000 {
                yield_now().await;
            }
        });
        assert_eq!(ended, Ok(()));
        drop(scheduler);
        handle.take_trace()
    };
    let cut = run(Some(10));
    assert!(cut.events.len() == 10 && cut.lost > 4990, "{} {}", cut.events.len(), cut.lost);
    assert_eq!(run(None), Trace::default());
}

/// Two nodes of one processor. A task whose home's processor is busy runs elsewhere; when that processor has nothing to do any
/// more, its next yield sends it home.
#[test]
fn a_task_that_yields_away_from_home_goes_home() {
    let seats = vec![Seat { node: 0, llc: 0 }, Seat { node: 1, llc: 1 }];
    let distances = vec![vec![10, 21], vec![21, 10]];
    let processors = NonZeroUsize::new(2).expect("not 0");
    let switches = Switches { numa_aware: true, seats, distances, ..Switches::new(processors) };
    let scheduler = Scheduler::new(switches).expect("switches that can be");
    let handle = scheduler.handle().clone();
    // A thief may be faster than the yield, and then nobody is sent: tried again.
    for _ in 0..50 {
        let (busy_on, released) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        let (on, until) = (Arc::clone(&busy_on), Arc::clone(&released));
        let busy = handle.spawn_fn(move || {
            on.store(gmp::scheduler::processor().expect("in a task"), Ordering::SeqCst);
            while until.load(Ordering::SeqCst) == 0 {
                std::hint::spin_loop();
            }
        });
        while busy_on.load(Ordering::SeqCst) == usize::MAX {
            std::thread::yield_now();
        }
        let home = busy_on.load(Ordering::SeqCst);
        let own = handle.clone();
        let walker = handle.spawn_home(home, async move {
            // The one that waits for both is sent home, too, but not before this one has ended.
            let before = own.counts();
            for _ in 0..20 {
                if gmp::scheduler::processor() == Some(home) {
                    break;
                }
                released.store(1, Ordering::SeqCst);
                // So that nobody searches, who would take it at once.
                wait_for_idle(&own, 1);
                yield_now().await;
            }
            released.store(1, Ordering::SeqCst);
            own.counts().since(&before).get(Count::SentHome)
        });
        let ended = scheduler.block_on(async move {
            let sent = walker.await?;
            busy.await.map(|()| sent)
        });
        match ended {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("nobody was sent home: {:?}", handle.counts());
}

/// Most turns that a task had before another had its first, of tasks that yield so often.
fn most_turns_before(yield_to: YieldTo, tasks: usize, yields: usize) -> usize {
    let scheduler =
        Scheduler::new(Switches { yield_to, ..Switches::new(NonZeroUsize::MIN) }).expect("switches that can be");
    let turns: Arc<Vec<AtomicUsize>> = Arc::new((0..tasks).map(|_| AtomicUsize::new(0)).collect());
    let most = Arc::new(AtomicUsize::new(0));
    let (of_all, of_most) = (Arc::clone(&turns), Arc::clone(&most));
    let ended = scheduler.block_on(async move {
        let started: Vec<_> = (0..tasks)
            .map(|task| {
                let (turns, most) = (Arc::clone(&of_all), Arc::clone(&of_most));
                spawn(async move {
                    for _ in 0..yields {
                        if turns[task].fetch_add(1, Ordering::Relaxed) == 0 {
                            let ahead = turns.iter().map(|turns| turns.load(Ordering::Relaxed)).max().unwrap_or(0);
                            most.fetch_max(ahead, Ordering::Relaxed);
                        }
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in started {
            task.await?;
        }
        Ok::<_, Ended>(())
    });
    assert_eq!(ended, Ok(Ok(())));
    most.load(Ordering::Relaxed)
}

#[test]
fn a_yield_to_the_global_queue_lets_all_others_run_first() {
    // Every 61st turn is the global queue's, out of order.
    let most = most_turns_before(YieldTo::Global, 2000, 20);
    assert!(most <= 3, "{most} turns");
    // The own queue's tasks go round and round, as they do where nothing is switched.
    let most = most_turns_before(Switches::default().yield_to, 2000, 20);
    assert!(most >= 10, "{most} turns");
}

/// Waits until so many processors are idle.
fn wait_for_idle(handle: &gmp::scheduler::Handle, processors: usize) {
    while handle.snapshot().processors_in(ProcessorState::Idle) < processors {
        std::thread::yield_now();
    }
}

/// Two nodes of two processors, a task at home on each, which wake each other in turn. Who wakes has nothing else to do
/// afterwards, and yet leaves the other one to a processor of its home.
#[test]
fn a_task_that_is_woken_runs_at_home() {
    const TURNS: usize = 100;
    let seats: Vec<Seat> = (0..4).map(|processor| Seat { node: processor / 2, llc: processor / 2 }).collect();
    let distances = vec![vec![10, 21], vec![21, 10]];
    let processors = NonZeroUsize::new(4).expect("not 0");
    let switches = Switches { numa_aware: true, seats, distances, ..Switches::new(processors) };
    let scheduler = Scheduler::new(switches).expect("switches that can be");
    let handle = scheduler.handle().clone();
    let ((there, comes), (back, comes_back)) = (channel(NonZeroUsize::MIN), channel(NonZeroUsize::MIN));
    let own = handle.clone();
    let one = handle.spawn_home(0, async move {
        for turn in 0..TURNS {
            // All but that of this task.
            wait_for_idle(&own, 3);
            let _ = there.send(turn).await;
            comes_back.receive().await;
        }
    });
    let other = handle.spawn_home(1, async move {
        let mut at_home = Vec::new();
        while let Some(turn) = comes.receive().await {
            at_home.push(gmp::scheduler::processor().is_some_and(|processor| processor >= 2));
            let _ = back.send(turn).await;
        }
        at_home
    });
    let ended = scheduler.block_on(async move {
        one.await?;
        other.await
    });
    let Ok(Ok(at_home)) = ended else { panic!("{ended:?}") };
    assert_eq!(at_home, [true; TURNS], "{:?}", handle.counts());
}
