//! The primitives of the protocol: std's and the kernel's futex, or those of a checker, loom or shuttle, when it runs.
//!
//! [`Futex`] is a `u32` that threads can sleep on. It never spins: on PUs that are all busy, spinning until the missing
//! worker gets its turn costs 16 ms where sleeping costs 0.1 ms.

pub(crate) use self::bed::Bed;
pub(crate) use self::futex::Futex;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread, thread_local,
    time::Instant,
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(shuttle)]
pub(crate) use self::{
    clock::Instant,
    locks::{Condvar, Mutex, MutexGuard},
};
#[cfg(shuttle)]
pub(crate) use shuttle::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread, thread_local,
};

/// A value alone on its cache lines: 128 bytes, since x86 fetches lines in pairs and some Arm lines are that long.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Line<T>(pub(crate) T);

impl<T> std::ops::Deref for Line<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl Futex {
    /// Sleeps until the value satisfies `wanted`, and returns it. What its writer did before is seen (`Acquire`).
    pub(crate) fn wait_until(&self, wanted: impl Fn(u32) -> bool) -> u32 {
        loop {
            let value = self.load(Ordering::Acquire);
            if wanted(value) {
                return value;
            }
            self.wait(value);
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
mod futex {
    use super::{AtomicU32, Ordering};

    #[derive(Debug)]
    pub(crate) struct Futex(AtomicU32);

    impl Futex {
        pub(crate) fn new(value: u32) -> Self {
            Self(AtomicU32::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> u32 {
            self.0.load(order)
        }

        pub(crate) fn store(&self, value: u32, order: Ordering) {
            self.0.store(value, order);
        }

        pub(crate) fn fetch_sub(&self, amount: u32, order: Ordering) -> u32 {
            self.0.fetch_sub(amount, order)
        }

        /// Sleeps if the value is still `value`; may return early, so it stands in a loop.
        pub(super) fn wait(&self, value: u32) {
            atomic_wait::wait(&self.0, value);
        }

        pub(crate) fn wake_one(&self) {
            atomic_wait::wake_one(&self.0);
        }

        pub(crate) fn wake_all(&self) {
            atomic_wait::wake_all(&self.0);
        }
    }
}

/// The kernel compares and queues under one lock, and so does this: a wake-up lost by the protocol is a deadlock here too.
#[cfg(any(loom, shuttle))]
mod futex {
    #[cfg(shuttle)]
    use super::Condvar;
    use super::{AtomicU32, Mutex, Ordering};
    #[cfg(loom)]
    use loom::sync::Condvar;

    #[derive(Debug)]
    pub(crate) struct Futex {
        value: AtomicU32,
        queue: Mutex<()>,
        woken: Condvar,
    }

    impl Futex {
        pub(crate) fn new(value: u32) -> Self {
            Self { value: AtomicU32::new(value), queue: Mutex::new(()), woken: Condvar::new() }
        }

        pub(crate) fn load(&self, order: Ordering) -> u32 {
            self.value.load(order)
        }

        pub(crate) fn store(&self, value: u32, order: Ordering) {
            self.value.store(value, order);
        }

        pub(crate) fn fetch_sub(&self, amount: u32, order: Ordering) -> u32 {
            self.value.fetch_sub(amount, order)
        }

        pub(super) fn wait(&self, value: u32) {
            let queue = self.queue.lock().expect("no thread panics while it holds this lock");
            if self.value.load(Ordering::Relaxed) == value {
                drop(self.woken.wait(queue).expect("no thread panics while it holds this lock"));
            }
        }

        pub(crate) fn wake_one(&self) {
            drop(self.queue.lock().expect("no thread panics while it holds this lock"));
            self.woken.notify_one();
        }

        pub(crate) fn wake_all(&self) {
            drop(self.queue.lock().expect("no thread panics while it holds this lock"));
            self.woken.notify_all();
        }
    }
}

#[cfg(not(loom))]
mod bed {
    use super::thread::{self, Thread};

    /// Where one thread sleeps; a wake-up that comes before is remembered.
    #[derive(Debug)]
    pub(crate) struct Bed(Thread);

    impl Bed {
        /// Of the calling thread.
        pub(crate) fn new() -> Self {
            Self(thread::current())
        }

        /// Its own thread only; may return early, so it stands in a loop. std parks by futex on Linux.
        pub(crate) fn sleep(&self) {
            thread::park();
        }

        pub(crate) fn wake(&self) {
            self.0.unpark();
        }
    }
}

/// loom's own `park` forgets a wake-up that comes while the thread waits for a lock.
#[cfg(loom)]
mod bed {
    use loom::sync::{Condvar, Mutex};

    #[derive(Debug)]
    pub(crate) struct Bed {
        woken: Mutex<bool>,
        changed: Condvar,
    }

    impl Bed {
        pub(crate) fn new() -> Self {
            Self { woken: Mutex::new(false), changed: Condvar::new() }
        }

        pub(crate) fn sleep(&self) {
            let mut woken = self.woken.lock().expect("no thread panics while it holds this lock");
            while !std::mem::take(&mut *woken) {
                woken = self.changed.wait(woken).expect("no thread panics while it holds this lock");
            }
        }

        pub(crate) fn wake(&self) {
            *self.woken.lock().expect("no thread panics while it holds this lock") = true;
            self.changed.notify_one();
        }
    }
}

/// Locks without poison: all of shuttle's threads are one of the system's, so while one of them unwinds a panic, every lock
/// that another holds and gives back would be poisoned.
#[cfg(shuttle)]
mod locks {
    pub(crate) use shuttle::sync::MutexGuard;
    use shuttle::sync::{LockResult, PoisonError};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(shuttle::sync::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
            Ok(self.0.wait(guard).unwrap_or_else(PoisonError::into_inner))
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

/// A clock that stands still until somebody moves it on: shuttle has none, and a real one is not the same in two runs.
#[cfg(shuttle)]
mod clock {
    use std::{cell::Cell, ops::Add, time::Duration};

    // Of the system's thread, on which shuttle runs all of its own. Only differences are looked at, so it need not begin anew.
    std::thread_local! {
        static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Instant(Duration);

    impl Instant {
        pub(crate) fn now() -> Self {
            Self(NOW.get())
        }

        /// It is this late, or later.
        pub(crate) fn arrive(self) {
            NOW.set(NOW.get().max(self.0));
        }

        pub(crate) fn elapsed(self) -> Duration {
            NOW.get().saturating_sub(self.0)
        }

        pub(crate) fn checked_add(self, duration: Duration) -> Option<Self> {
            self.0.checked_add(duration).map(Self)
        }
    }

    impl Add<Duration> for Instant {
        type Output = Self;

        fn add(self, duration: Duration) -> Self {
            Self(self.0 + duration)
        }
    }
}
