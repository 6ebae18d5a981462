//! Who sleeps and who is woken, and hand-off: a small scheduler of the same pieces, with its tasks' numbers for tasks.
//!
//! Its threads are those of the model, no more can be started: as the scheduler is at its limit of threads, which is
//! the harder case.

use super::{Tasks, check};
use crate::scheduler::global::Global;
use crate::scheduler::hand_off::CallSlot;
use crate::scheduler::idle::{After, Idle};
use crate::scheduler::parker::Parker;
use crate::scheduler::ring::{self, LocalOrder, Owner, Shared, StealAmount};
use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

/// A processor: its number, its queue, how often it has heard the bell.
struct Processor {
    own: Owner,
    heard: u32,
    searching: bool,
}

enum Given {
    Processor(Processor),
    Nothing,
}

type Sleeper = Arc<Parker<Given>>;

struct Small {
    idle: Idle<Processor, Sleeper>,
    global: Global,
    rings: Vec<Shared>,
    bell: AtomicU32,
    closing: AtomicBool,
    tasks: Tasks,
    /// Tasks still to be run, and whether the one waited for has been.
    left: Mutex<(u32, bool)>,
    changed: Condvar,
    /// Whether the first task makes the second, or someone outside.
    first_spawns: bool,
}

/// The task that keeps its thread until [`SECOND`] has been run by another, if there is one.
const FIRST: u32 = 1;
const SECOND: u32 = 2;

impl Small {
    fn new(processors: usize, tasks: u32, first_spawns: bool) -> (Arc<Self>, Vec<Processor>) {
        let (owners, rings): (Vec<_>, _) = (0..processors).map(|_| ring::new(2, LocalOrder::Fifo)).unzip();
        let small = Self {
            idle: Idle::new(),
            global: Global::new(),
            rings,
            bell: AtomicU32::new(0),
            closing: AtomicBool::new(false),
            tasks: Tasks::new(tasks),
            left: Mutex::new((tasks, false)),
            changed: Condvar::new(),
            first_spawns,
        };
        let own = |own| Processor { own, heard: 0, searching: false };
        (Arc::new(small), owners.into_iter().map(own).collect())
    }

    fn has_work(&self) -> bool {
        self.global.len() > 0 || self.rings.iter().any(|ring| ring.len() > 0)
    }

    fn ring(&self) {
        self.bell.fetch_add(1, Ordering::Release);
    }

    /// As `Core::queue_global`.
    fn queue(&self, task: u32) {
        self.global.push_all([self.tasks.make(task)]);
        if self.idle.is_needed() {
            self.wake_one();
        }
    }

    /// As `Core::wake_one`, and `give_to_a_thread` at the limit.
    fn wake_one(&self) {
        let Some(mut processor) = self.idle.summon(|_| 0) else { return };
        processor.searching = true;
        self.give_to_a_thread(processor);
    }

    fn give_to_a_thread(&self, mut processor: Processor) {
        if let Some(thread) = self.idle.take_thread() {
            return thread.give(Given::Processor(processor));
        }
        let searching = std::mem::take(&mut processor.searching);
        match self.idle.offer(processor, searching) {
            Some((mut processor, thread)) => {
                processor.searching = searching;
                thread.give(Given::Processor(processor));
            }
            None => self.pair(),
        }
    }

    fn pair(&self) {
        match self.idle.pair() {
            Some((processor, Some(thread))) => thread.give(Given::Processor(processor)),
            Some((processor, None)) => self.place(processor),
            None => {}
        }
    }

    /// As `Core::place`.
    fn place(&self, processor: Processor) {
        if self.idle.returning.waits() || self.has_work() {
            return self.give_to_a_thread(processor);
        }
        self.idle.lay_down(processor, false);
        self.pair();
        self.see_to_work();
    }

    fn see_to_work(&self) {
        if !self.closing.load(Ordering::Relaxed) && self.idle.is_needed() && self.has_work() {
            self.wake_one();
        }
    }

    /// As `thread::serve`.
    fn serve(&self, parker: &Sleeper, processor: Processor) {
        let mut given = Given::Processor(processor);
        while let Given::Processor(processor) = given {
            given = match self.run(processor) {
                Some(given) => given,
                None if self.idle.add_thread(Arc::clone(parker)) => {
                    self.see_to_work();
                    parker.sleep()
                }
                None => Given::Nothing,
            };
        }
    }

    /// As `thread::run` and `thread::lie_down`.
    fn run(&self, mut processor: Processor) -> Option<Given> {
        while !self.closing.load(Ordering::Relaxed) {
            match self.hear(processor) {
                Some(same) => processor = same,
                None => return None,
            }
            let Some(task) = self.find(&mut processor) else { break };
            if std::mem::take(&mut processor.searching) && self.idle.end_search() && self.idle.is_needed() {
                self.wake_one();
            }
            self.tasks.take(task);
            self.run_task(task, &mut processor);
        }
        let searching = std::mem::take(&mut processor.searching);
        let goes_on = || !self.closing.load(Ordering::Relaxed);
        match self.idle.retire(processor, searching, || self.has_work(), goes_on) {
            After::Sleeps => None,
            After::Searches(mut processor) => {
                processor.searching = true;
                Some(Given::Processor(processor))
            }
            After::Gives(processor, thread) => {
                thread.give(Given::Processor(processor));
                None
            }
        }
    }

    /// As `Member::poll` and `thread::look`.
    fn hear(&self, mut processor: Processor) -> Option<Processor> {
        if self.bell.load(Ordering::Relaxed) == processor.heard {
            return Some(processor);
        }
        processor.heard = self.bell.load(Ordering::Acquire);
        let Some(thread) = self.idle.look(|| self.ring()) else { return Some(processor) };
        let was_last = std::mem::take(&mut processor.searching) && self.idle.end_search();
        thread.give(Given::Processor(processor));
        if was_last {
            self.see_to_work();
        }
        None
    }

    fn find(&self, processor: &mut Processor) -> Option<u32> {
        let own = processor.own.pop();
        if let Some(task) = own.or_else(|| self.global.pop(0, |_| ())) {
            return Some(task);
        }
        if !processor.searching {
            if !self.idle.begin_search(u32::try_from(self.rings.len()).expect("few")) {
                return None;
            }
            processor.searching = true;
        }
        let stolen = |ring: &Shared| ring.steal(StealAmount::Half, &mut processor.own).map(|(task, _)| task);
        self.rings.iter().find_map(stolen).or_else(|| self.global.pop(0, |_| ()))
    }

    fn run_task(&self, task: u32, processor: &mut Processor) {
        let mut left = self.left.lock().expect("no panic");
        if task == FIRST && self.rings.len() > 1 && left.0 > 1 {
            drop(left);
            // Into the own queue, then no look into it: another must come for it, as in a long poll.
            if self.first_spawns {
                processor.own.push(self.tasks.make(SECOND)).expect("it is empty");
                if self.idle.is_needed() {
                    self.wake_one();
                }
            }
            left = self.left.lock().expect("no panic");
            while !left.1 {
                left = self.changed.wait(left).expect("no panic");
            }
        }
        if task == SECOND {
            left.1 = true;
            self.changed.notify_all();
        }
        left.0 -= 1;
        let ended = left.0 == 0;
        drop(left);
        if ended {
            self.close();
        }
    }

    fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.ring();
        self.idle.close().into_iter().for_each(|thread| thread.give(Given::Nothing));
    }
}

/// As many workers as processors; tasks that no task makes are queued by the model's first thread.
fn check_workers(processors: usize, tasks: u32, first_spawns: bool, preemptions: usize) {
    check(preemptions, move || {
        let (small, own) = Small::new(processors, tasks, first_spawns);
        let serve = |processor| {
            let small = Arc::clone(&small);
            thread::spawn(move || small.serve(&Arc::new(Parker::new()), processor))
        };
        let workers: Vec<_> = own.into_iter().map(serve).collect();
        let outside = if first_spawns { 1 } else { tasks };
        (1..=outside).for_each(|task| small.queue(task));
        workers.into_iter().for_each(|worker| worker.join().expect("it did not panic"));
        small.tasks.check_all_taken();
    });
}

#[test]
fn loom_a_task_from_outside_wakes_a_sleeper() {
    check_workers(1, 1, false, 4);
    check_workers(1, 2, false, 4);
}

#[test]
fn loom_a_task_that_waits_for_another_gets_it_run() {
    check_workers(2, 2, false, 1);
}

#[test]
fn loom_a_task_in_a_ring_is_stolen() {
    check_workers(2, 2, true, 1);
}

impl Small {
    /// As `Core::take_processor_for`.
    fn come_back(&self, parker: &Sleeper) -> Processor {
        if let Some(processor) = self.idle.come_back(|| Arc::clone(parker), || self.ring()) {
            return processor;
        }
        self.pair();
        match parker.sleep() {
            Given::Processor(processor) => processor,
            Given::Nothing => panic!("nothing is given only to threads in the idle list"),
        }
    }
}

#[test]
fn loom_a_thread_comes_back_while_another_lies_down() {
    check(4, || {
        let (small, mut own) = Small::new(1, 0, false);
        let (processor, theirs) = (own.pop().expect("one"), Arc::clone(&small));
        let worker = thread::spawn(move || theirs.serve(&Arc::new(Parker::new()), processor));
        let processor = small.come_back(&Arc::new(Parker::new()));
        small.close();
        drop(processor);
        worker.join().expect("it did not panic");
    });
}

#[test]
fn loom_two_threads_come_back_to_one_that_never_lies_down() {
    check(2, || {
        let (small, mut own) = Small::new(1, 0, false);
        let back = Arc::new(AtomicU32::new(0));
        // Hears the bell between polls of a task that only yields, until the processor is given away or all are back.
        let run = |small: Arc<Small>, mut processor: Processor, back: Arc<AtomicU32>| {
            while back.load(Ordering::Relaxed) < 2 {
                match small.hear(processor) {
                    Some(same) => processor = same,
                    None => return,
                }
                thread::yield_now();
            }
        };
        let returns = |_| {
            let (small, back) = (Arc::clone(&small), Arc::clone(&back));
            thread::spawn(move || {
                let processor = small.come_back(&Arc::new(Parker::new()));
                back.fetch_add(1, Ordering::Relaxed);
                run(small, processor, back);
            })
        };
        let returning: Vec<_> = (0..2).map(returns).collect();
        run(Arc::clone(&small), own.pop().expect("one"), Arc::clone(&back));
        returning.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    });
}

/// A call against the monitor, which looks twice, and a task that comes meanwhile.
#[test]
fn loom_a_call_keeps_its_processor_or_gets_it_back() {
    check(3, || {
        let (small, mut own) = Small::new(1, 1, false);
        let slot = Arc::new(CallSlot::new());
        let (processor, theirs, call) = (own.pop().expect("one"), Arc::clone(&small), Arc::clone(&slot));
        let caller = thread::spawn(move || {
            let parker = Arc::new(Parker::new());
            call.begin(processor);
            let processor = call.end().unwrap_or_else(|| theirs.come_back(&parker));
            theirs.serve(&parker, processor);
        });
        let (theirs, call) = (Arc::clone(&small), Arc::clone(&slot));
        let monitor = thread::spawn(move || {
            let mut seen = 0;
            for _ in 0..2 {
                call.take_of_long_call(&mut seen).into_iter().for_each(|processor| theirs.place(processor));
            }
        });
        small.queue(1);
        caller.join().expect("it did not panic");
        monitor.join().expect("it did not panic");
        small.tasks.check_all_taken();
    });
}
