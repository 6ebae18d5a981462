//! What the kernel counted for the calling thread.

use crate::Root;
use std::time::Duration;

/// Counts of the calling thread since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Times it was taken off its PU though it wanted to run.
    pub involuntary: u64,
    /// Times it gave up its PU.
    pub voluntary: u64,
    /// Page faults without I/O.
    pub minor_faults: u64,
    /// Page faults with I/O.
    pub major_faults: u64,
    /// Time it was ready and had no PU, ns; `None` where the kernel keeps no schedstat.
    pub run_delay_ns: Option<u64>,
}

impl Usage {
    /// Reads it, from getrusage(2) and /proc/thread-self/schedstat: a few microseconds.
    pub fn read() -> Usage {
        Usage::read_in(&Root::system())
    }

    /// As [`Usage::read`], with schedstat from elsewhere.
    pub fn read_in(root: &Root) -> Usage {
        Usage { run_delay_ns: run_delay_ns(root), ..Usage::of(&rusage()) }
    }

    fn of(usage: &libc::rusage) -> Usage {
        let count = |value: libc::c_long| u64::try_from(value).unwrap_or(0);
        Usage {
            involuntary: count(usage.ru_nivcsw),
            voluntary: count(usage.ru_nvcsw),
            minor_faults: count(usage.ru_minflt),
            major_faults: count(usage.ru_majflt),
            run_delay_ns: None,
        }
    }

    /// Of all threads of the process: faults and switches since it started, delays of those that live.
    pub fn of_process() -> Usage {
        let run_delay_ns = slices_of_process().map(|(delay_ns, _)| delay_ns);
        Usage { run_delay_ns, ..Usage::of(&rusage_of(libc::RUSAGE_SELF)) }
    }

    /// What was counted since an earlier reading of the same thread.
    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            involuntary: self.involuntary - earlier.involuntary,
            voluntary: self.voluntary - earlier.voluntary,
            minor_faults: self.minor_faults - earlier.minor_faults,
            major_faults: self.major_faults - earlier.major_faults,
            run_delay_ns: self.run_delay_ns.zip(earlier.run_delay_ns).map(|(now, then)| now.saturating_sub(then)),
        }
    }

    /// A process's usage without the switches of one of its threads.
    pub fn without_switches_of(self, thread: &Usage) -> Usage {
        Usage {
            voluntary: self.voluntary.saturating_sub(thread.voluntary),
            involuntary: self.involuntary.saturating_sub(thread.involuntary),
            ..self
        }
    }
}

/// CPU time of all threads of the process since it started, ended ones too; in steps of a microsecond.
pub fn cpu_ns_of_process() -> u64 {
    let usage = rusage_of(libc::RUSAGE_SELF);
    let ns = |time: libc::timeval| 1000 * (1_000_000 * i128::from(time.tv_sec) + i128::from(time.tv_usec));
    u64::try_from(ns(usage.ru_utime) + ns(usage.ru_stime)).unwrap_or(0)
}

/// CPU time of the calling thread since it started, what it has used of this very slice among it; one system call.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY:
    // - `time` is writable and of the type the call fills (clock_gettime(2)).
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    debug_assert_eq!(answer, 0, "Linux has had the clock since 2.6.12");
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Times the calling thread was taken off its PU though it wanted to run; one system call.
pub fn involuntary_switches() -> u64 {
    u64::try_from(rusage().ru_nivcsw).unwrap_or(0)
}

fn rusage() -> libc::rusage {
    rusage_of(libc::RUSAGE_THREAD)
}

fn rusage_of(whom: libc::c_int) -> libc::rusage {
    // SAFETY:
    // - rusage is plain integers, for which all bits zero are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY:
    // - `usage` is writable and of the type the call fills (getrusage(2)).
    let answer = unsafe { libc::getrusage(whom, &mut usage) };
    debug_assert_eq!(answer, 0, "RUSAGE_SELF always was, and RUSAGE_THREAD is since Linux 2.6.26");
    usage
}

/// Time that the living threads of another process were ready and had no PU, together, ns; `None` where nobody tells.
pub fn run_delay_ns_of(pid: u32) -> Option<u64> {
    slices_of(&pid.to_string()).map(|(delay_ns, _)| delay_ns)
}

/// Time that the living threads of this process were ready and had no PU, ns, and how often they got one; `None` where the
/// kernel keeps no schedstat.
pub fn slices_of_process() -> Option<(u64, u64)> {
    slices_of("self")
}

/// Of all living threads of a process together: run delay in ns, and time slices.
fn slices_of(process: &str) -> Option<(u64, u64)> {
    let root = Root::system();
    let of_thread = |task: std::fs::DirEntry| {
        let text = root.text(format!("proc/{process}/task/{name}/schedstat", name = task.file_name().to_str()?))?;
        let mut fields = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten().filter_map(of_thread);
    threads.reduce(|(delays, slices), (delay, slice)| (delays + delay, slices + slice))
}

/// Second field of schedstat (Documentation/scheduler/sched-stats.rst).
fn run_delay_ns(root: &Root) -> Option<u64> {
    delay_in(root, "proc/thread-self/schedstat")
}

fn delay_in(root: &Root, path: &str) -> Option<u64> {
    root.text(path)?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted() {
        let before = Usage::read();
        let region = vec![1u8; 16 << 20];
        std::hint::black_box(&region);
        let gained = Usage::read().since(&before);
        assert!(gained.minor_faults > 0, "{gained:?}");
        assert!(involuntary_switches() >= before.involuntary);
    }

    #[test]
    fn a_process_counts_what_its_other_threads_did() {
        let (own, all) = (Usage::read(), Usage::of_process());
        let touch = || std::hint::black_box(vec![1u8; 16 << 20]).len();
        std::thread::spawn(touch).join().expect("no panic");
        let (own, all) = (Usage::read().since(&own), Usage::of_process().since(&all));
        assert!(all.minor_faults >= own.minor_faults + 4, "{own:?} {all:?}");
    }

    #[test]
    fn delays_of_a_process_are_those_of_its_threads() {
        let own = run_delay_ns_of(std::process::id());
        assert_eq!(own.is_some(), run_delay_ns(&Root::system()).is_some());
        assert_eq!(run_delay_ns_of(u32::MAX), None);
    }

    #[test]
    fn time_is_used_while_running_and_not_while_asleep() {
        let (thread, before) = (cpu_time(), cpu_ns_of_process());
        while cpu_ns_of_process() == before {
            std::hint::spin_loop();
        }
        assert!(cpu_ns_of_process() > before);
        let other = std::thread::spawn(cpu_time).join().expect("it only reads a clock");
        assert!(cpu_time() > thread && cpu_time() > other, "{thread:?} {other:?}");
    }

    #[test]
    fn without_schedstat_the_delay_is_unknown() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Usage::read_in(&Root::at(folder.path())).run_delay_ns, None);
        std::fs::create_dir_all(folder.path().join("proc/thread-self")).expect("a folder");
        std::fs::write(folder.path().join("proc/thread-self/schedstat"), "100 2500 7\n").expect("a file");
        assert_eq!(Usage::read_in(&Root::at(folder.path())).run_delay_ns, Some(2500));
    }
}
