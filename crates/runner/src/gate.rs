//! The common release: all workers leave it together, at a moment that the last one to arrive has read.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A gate that opens when all workers are there.
#[derive(Debug)]
pub(crate) struct Gate {
    workers: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    arrived: usize,
    opened: Option<Instant>,
}

impl Gate {
    /// For this many workers.
    pub(crate) fn new(workers: usize) -> Gate {
        Gate { workers, state: Mutex::default(), changed: Condvar::new() }
    }

    /// A worker is there. Sleeps until all are; returns when the last arrived, the same for all.
    pub(crate) fn arrive(&self) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrived += 1;
        if state.arrived == self.workers {
            state.opened = Some(Instant::now());
            self.changed.notify_all();
        }
        drop(state);
        self.opened()
    }

    /// Sleeps until all workers are there; returns when the last arrived.
    pub(crate) fn opened(&self) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(opened) = state.opened {
                return opened;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leave_with_the_same_moment_and_none_before_the_last_arrives() {
        let gate = Gate::new(3);
        let before = Instant::now();
        let opened = std::thread::scope(|scope| {
            let early: Vec<_> = (0..2).map(|_| scope.spawn(|| gate.arrive())).collect();
            assert!(early.iter().all(|thread| !thread.is_finished()));
            let last = gate.arrive();
            early.into_iter().map(|thread| thread.join().expect("it only waits")).chain([last]).collect::<Vec<_>>()
        });
        assert!(opened.iter().all(|&moment| moment == opened[0] && moment >= before));
        assert_eq!(gate.opened(), opened[0]);
    }
}
