//! Where a processor looks for its next task, and in which order: the slot, its own queue, the global one, others' queues,
//! their slots; and every so many times the global queue first (article, section 2.2).

mod hang;

use gmp::scheduler::{Count, Ended, Handle, JoinHandle, Scheduler, Switches, processor, spawn};
use hang::within;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

fn scheduler(processors: usize, switches: Switches) -> Scheduler {
    let processors = NonZeroUsize::new(processors).expect("not 0");
    Scheduler::new(Switches { processors, ..switches }).expect("switches that can be")
}

/// A task's name, and the processor that ran it.
type Ran = (&'static str, Option<usize>);

/// Tasks in the order in which they ran.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<Ran>>>);

impl Order {
    /// A task that writes down when it runs, behind the others of this processor; the last one of all in the slot.
    fn queue(&self, name: &'static str) -> JoinHandle<()> {
        spawn(self.task(name))
    }

    /// The same in the global queue.
    fn queue_globally(&self, handle: &Handle, name: &'static str) -> JoinHandle<()> {
        handle.spawn_home(0, self.task(name))
    }

    fn task(&self, name: &'static str) -> impl Future<Output = ()> + Send + 'static {
        let order = self.clone();
        async move { order.0.lock().expect("no panic").push((name, processor())) }
    }

    fn names(&self) -> Vec<&'static str> {
        self.0.lock().expect("no panic").iter().map(|(name, _)| *name).collect()
    }
}

async fn all(tasks: Vec<JoinHandle<()>>) -> Result<(), Ended> {
    for task in tasks {
        task.await?;
    }
    Ok(())
}

#[test]
fn a_processor_looks_in_its_order() {
    let scheduler = scheduler(1, Switches { global_tick: 0, ..Switches::default() });
    let (handle, order) = (scheduler.handle().clone(), Order::default());
    let ours = order.clone();
    let ended = scheduler.block_on(async move {
        let mut tasks = vec![ours.queue_globally(&handle, "global 1"), ours.queue_globally(&handle, "global 2")];
        tasks.extend(["queue 1", "queue 2", "slot"].map(|name| ours.queue(name)));
        all(tasks).await
    });
    assert_eq!(ended, Ok(Ok(())));
    assert_eq!(order.names(), ["slot", "queue 1", "queue 2", "global 1", "global 2"]);
    let counts = scheduler.handle().counts();
    assert_eq!(counts.get(Count::FromGlobalTick), 0);
}

#[test]
fn every_so_many_times_the_global_queue_comes_first() {
    let scheduler = scheduler(1, Switches { global_tick: 3, run_next: false, ..Switches::default() });
    let (handle, order) = (scheduler.handle().clone(), Order::default());
    let ours = order.clone();
    let ended = scheduler.block_on(async move {
        let mut tasks = vec![ours.queue_globally(&handle, "global"), ours.queue_globally(&handle, "global")];
        tasks.extend(["1", "2", "3", "4", "5", "6", "7", "8"].map(|name| ours.queue(name)));
        // Its end alone wakes this task, which would take part otherwise.
        tasks.pop().expect("eight of them").await?;
        all(tasks).await
    });
    assert_eq!(ended, Ok(Ok(())));
    let names = order.names();
    let turns: Vec<usize> = (0..names.len()).filter(|&at| names[at] == "global").collect();
    assert!(turns[0] < 3 && turns[1] == turns[0] + 3, "{names:?}");
    let own: Vec<_> = names.iter().filter(|name| **name != "global").collect();
    assert!(own.is_sorted(), "{names:?}");
    assert_eq!(scheduler.handle().counts().get(Count::FromGlobalTick), 2);
}

#[test]
fn who_has_nothing_takes_from_the_global_queue_before_it_steals() {
    within(global_before_stolen);
}

fn global_before_stolen() {
    let scheduler = scheduler(2, Switches::default());
    let (handle, order) = (scheduler.handle().clone(), Order::default());
    let ours = order.clone();
    let (other, is_free) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
    let (busy_on, freed) = (Arc::clone(&other), Arc::clone(&is_free));
    let ended = scheduler.block_on(async move {
        // Keeps the other processor until everything is queued; this task keeps its own until all of it has run.
        let busy = spawn(async move {
            busy_on.store(processor().expect("in a task"), Ordering::SeqCst);
            while freed.load(Ordering::SeqCst) == 0 {
                std::hint::spin_loop();
            }
        });
        while other.load(Ordering::SeqCst) == usize::MAX {
            std::hint::spin_loop();
        }
        let mut tasks = vec![busy, ours.queue_globally(&handle, "global")];
        tasks.extend(["queue", "slot"].map(|name| ours.queue(name)));
        is_free.store(1, Ordering::SeqCst);
        while ours.names().len() < 3 {
            std::thread::yield_now();
        }
        all(tasks).await.map(|()| other.load(Ordering::SeqCst))
    });
    let other = ended.expect("no panic").expect("no task panics");
    let expect = ["global", "queue", "slot"].map(|name| (name, Some(other)));
    assert_eq!(*order.0.lock().expect("no panic"), expect);
}
