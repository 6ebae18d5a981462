//! How many tasks and processors are in which state at a moment.

use super::core::Core;
use super::slots::NONE;
use super::state::TaskState;
use crate::sync::Ordering;

/// Where a processor is, as the article's section 2.1 names the states of P.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessorState {
    /// Nothing to run, no thread.
    Idle,
    /// A thread drives it.
    Running,
    /// Its thread is in a call, and nobody took it yet.
    InCall,
}

/// States counted while the scheduler runs on: parts may be of slightly different moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Tasks in each state, in the order of [`TaskState::ALL`]; `Dead` counts slots that can be used again.
    pub tasks: [usize; TaskState::ALL.len()],
    /// Idle processors, running ones, those in a call.
    pub processors: [usize; 3],
    /// Processors whose thread looks for tasks.
    pub searching: usize,
    /// Threads that serve processors, asleep or not.
    pub threads: usize,
    /// Of these, asleep without a processor.
    pub threads_idle: usize,
    /// How long the queues are.
    pub queues: Queues,
}

/// How long the queues are at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues {
    /// Tasks in each processor's queue.
    pub local: Vec<usize>,
    /// Tasks in the global queues.
    pub global: usize,
}

impl Snapshot {
    /// Tasks in this state.
    pub fn tasks_in(&self, state: TaskState) -> usize {
        self.tasks[state as usize]
    }

    /// Processors in this state.
    pub fn processors_in(&self, state: ProcessorState) -> usize {
        self.processors[state as usize]
    }
}

impl Core {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut tasks = [0_usize; TaskState::ALL.len()];
        for (_, slot) in self.slots.iter() {
            tasks[slot.state.get() as usize] += 1;
        }
        // A task that yielded is marked as running until it is polled again: only those being polled are.
        let polled = self.processors.iter().filter(|p| p.current.load(Ordering::Relaxed) != NONE).count();
        let yielded = tasks[TaskState::Running as usize].saturating_sub(polled);
        tasks[TaskState::Running as usize] -= yielded;
        tasks[TaskState::Runnable as usize] += yielded;

        let (idle, searching) = self.idle.counts();
        let in_call = self.processors.iter().filter(|p| p.call.is_taken()).count();
        let idle = idle as usize;
        Snapshot {
            tasks,
            processors: [idle, self.processors.len().saturating_sub(idle + in_call), in_call],
            searching: searching as usize,
            threads: self.threads.load(Ordering::Relaxed),
            threads_idle: self.idle.threads(),
            queues: self.queues(),
        }
    }

    pub(crate) fn queues(&self) -> Queues {
        Queues {
            local: self.processors.iter().map(|p| p.ring.len() as usize).collect(),
            global: self.globals.iter().map(|global| global.len() as usize).sum(),
        }
    }
}
