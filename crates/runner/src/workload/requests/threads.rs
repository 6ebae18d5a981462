//! Requests on OS threads, one for each task. They may run on every PU of the point's places, as those of a storm.

use super::{ByTasks, Ground, Ran, Requests, Tally, Told, arrivals, end_ns, limit, ran, tally};
use crate::heapless::bind_to_places;
use crate::pool::no_thread;
use crate::timer::ns_since;
use crate::workload::turns::{turn, turns_of};
use host::thread::Usage;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// As of a storm.
const STACK_BYTES: usize = 16 << 10;

/// What threads wait for.
#[derive(Debug, Default)]
struct Door {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    released: Option<Instant>,
    /// Intended arrivals that nobody has taken.
    queue: VecDeque<u64>,
    /// Nothing comes any more.
    closed: bool,
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// When the clock began; `None` where it never does.
    fn released(&self) -> Option<Instant> {
        let mut state = self.lock();
        while state.released.is_none() && !state.closed {
            state = self.wait(state);
        }
        state.released
    }

    /// The next arrival; `None` when there are no more.
    fn take(&self) -> Option<u64> {
        let mut state = self.lock();
        while state.queue.is_empty() && !state.closed {
            state = self.wait(state);
        }
        state.queue.pop_front()
    }

    fn put(&self, due_ns: u64) {
        self.lock().queue.push_back(due_ns);
        self.changed.notify_one();
    }

    fn release(&self) -> Instant {
        let released = *self.lock().released.get_or_insert_with(Instant::now);
        self.changed.notify_all();
        released
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// What all threads share.
struct Shared<'a> {
    turns: u64,
    limit: u64,
    open: bool,
    tally: &'a Tally,
    door: &'a Door,
}

impl Shared<'_> {
    /// Requests that this thread served.
    fn serve(&self, number: usize) -> u64 {
        let Some(released) = self.door.released() else { return 0 };
        let (mut served, mut since_ns) = (0, 0);
        while served < self.limit && !self.tally.is_over() {
            if self.open {
                match self.door.take() {
                    Some(_) if self.tally.is_over() => continue,
                    Some(due_ns) => since_ns = due_ns,
                    None => break,
                }
            }
            turn(self.turns);
            let now_ns = ns_since(released);
            self.tally.ended(number, now_ns, now_ns.saturating_sub(since_ns));
            since_ns = now_ns;
            served += 1;
            std::thread::yield_now();
        }
        served
    }

    fn dispatch(&self, released: Instant, arrivals: &[u64], end_ns: Option<u64>) {
        let sleep_until = |due_ns: u64| {
            let now_ns = ns_since(released);
            if due_ns > now_ns {
                std::thread::sleep(Duration::from_nanos(due_ns - now_ns));
            }
        };
        for &due_ns in arrivals {
            sleep_until(due_ns);
            if self.tally.is_over() {
                break;
            }
            self.door.put(due_ns);
        }
        if let Some(end_ns) = end_ns {
            sleep_until(end_ns);
            self.tally.end();
        }
    }
}

pub(super) fn run(requests: &Requests, ground: &Ground<'_>) -> Result<Ran, String> {
    let due = arrivals(requests, ground)?;
    bind_to_places(ground)?;
    let (extent, open, door, tally) =
        (ground.job.extent, requests.rate_per_s.is_some(), Door::default(), tally(ground));
    let limit = if open { u64::MAX } else { limit(extent) };
    let shared = Shared { turns: turns_of(requests.work_ns), limit, open, tally: &tally, door: &door };
    let mut usage = Usage::of_process();
    let by_tasks = std::thread::scope(|scope| -> Result<ByTasks, String> {
        let mut threads = Vec::with_capacity(requests.tasks as usize);
        for number in 0..requests.tasks as usize {
            let shared = &shared;
            let thread = std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, move || shared.serve(number))
                .map_err(|cause| {
                    door.close();
                    let all = requests.tasks;
                    no_thread(&format!("thread {number} of {all}, one for each task", number = number + 1), &cause)
                })?;
            threads.push(thread);
        }
        usage = Usage::of_process();
        let released = door.release();
        if open {
            shared.dispatch(released, &due, end_ns(extent));
            door.close();
        }
        let mut by_tasks = ByTasks::default();
        for thread in threads {
            by_tasks.add(thread.join().map_err(|_| "a thread panicked")?);
        }
        Ok(by_tasks)
    })?;
    let usage = Usage::of_process().since(&usage);
    // Threads that have ended took their delays with them.
    let usage = Usage { run_delay_ns: None, ..usage };
    ran(requests, tally.sum(), by_tasks, due.len() as u64, usage, Told::default())
}
