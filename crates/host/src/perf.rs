//! Hardware counters of the calling thread. Whether they can be opened is asked by opening one: a level in /proc/sys tells
//! nothing of a machine without a PMU, and nothing of a filter.

use crate::Errno;
use core::ffi::c_int;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The first version of the kernel's structure, PERF_ATTR_SIZE_VER0 (linux/perf_event.h); longer ones begin the same.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    bytes: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    more_config: u64,
}

const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_TYPE_HW_CACHE: u32 = 3;
const PERF_COUNT_HW_CACHE_REFERENCES: u64 = 2;
const PERF_COUNT_HW_CACHE_MISSES: u64 = 3;
/// PERF_COUNT_HW_CACHE_L1D, OP_READ << 8, RESULT_ACCESS << 16 (all 0) or RESULT_MISS << 16.
const L1_DATA_READ_ACCESS: u64 = 0;
const L1_DATA_READ_MISS: u64 = 1 << 16;
/// exclude_kernel and exclude_hv: what any process may count of itself where it may count at all.
const OWN_CODE_ONLY: u64 = 1 << 5 | 1 << 6;
/// PERF_FORMAT_TOTAL_TIME_ENABLED, PERF_FORMAT_TOTAL_TIME_RUNNING and PERF_FORMAT_GROUP.
const GROUP_WITH_TIMES: u64 = 1 | 2 | 8;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Loads of the L1 data cache.
    L1DataLoads,
    /// Of these, those that missed it.
    L1DataLoadMisses,
    /// What the PMU calls cache references: of the last level, as a rule.
    CacheReferences,
    /// Of these, those that missed.
    CacheMisses,
}

impl Event {
    /// As perf(1) names it.
    pub fn name(self) -> &'static str {
        match self {
            Event::L1DataLoads => "L1-dcache-loads",
            Event::L1DataLoadMisses => "L1-dcache-load-misses",
            Event::CacheReferences => "cache-references",
            Event::CacheMisses => "cache-misses",
        }
    }

    fn attributes(self) -> Attributes {
        let (kind, config) = match self {
            Event::L1DataLoads => (PERF_TYPE_HW_CACHE, L1_DATA_READ_ACCESS),
            Event::L1DataLoadMisses => (PERF_TYPE_HW_CACHE, L1_DATA_READ_MISS),
            Event::CacheReferences => (PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES),
            Event::CacheMisses => (PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES),
        };
        Attributes {
            kind,
            bytes: size_of::<Attributes>() as u32,
            config,
            read_format: GROUP_WITH_TIMES,
            flags: OWN_CODE_ONLY,
            ..Attributes::default()
        }
    }
}

/// Counters of the calling thread's own code that count at the same times, so that their ratios are right even where the PMU
/// is shared. They count from the moment they are opened.
#[derive(Debug)]
pub struct Group(Vec<File>);

impl Group {
    /// Opens the counters.
    ///
    /// # Errors
    /// ENOENT without a PMU, or one without such an event; EACCES by perf_event_paranoid; EPERM or ENOSYS by a filter.
    pub fn open(events: &[Event]) -> Result<Group, Errno> {
        let mut files: Vec<File> = Vec::new();
        for event in events {
            let leader = files.first().map(AsRawFd::as_raw_fd);
            files.push(open(&event.attributes(), leader)?.into());
        }
        Ok(Group(files))
    }

    /// What was counted so far, in the order of the events; `None` where they were never on the PMU.
    pub fn read(mut self) -> Option<Vec<u64>> {
        let mut bytes = vec![0; (3 + self.0.len()) * size_of::<u64>()];
        self.0.first_mut()?.read_exact(&mut bytes).ok()?;
        let word = |bytes: &[u8]| Some(u64::from_ne_bytes(bytes.try_into().ok()?));
        let words = bytes.chunks_exact(size_of::<u64>()).map(word).collect::<Option<Vec<_>>>()?;
        // Number of counters, time enabled, time on the PMU, then the counts (perf_event_open(2), "Reading results").
        let [counters, _, running, counts @ ..] = &words[..] else { return None };
        (*counters == counts.len() as u64 && *running > 0).then(|| counts.to_vec())
    }
}

/// Opens a counter of this thread's cache misses, and closes it again.
///
/// # Errors
/// As [`Group::open`].
pub(crate) fn open_counter() -> Result<(), Errno> {
    Group::open(&[Event::CacheMisses]).map(drop)
}

/// Opens one counter, in the group of another where there is one.
fn open(attributes: &Attributes, leader: Option<c_int>) -> Result<OwnedFd, Errno> {
    let (this_thread, any_pu, no_flags) = (0, -1, 0);
    let group = leader.unwrap_or(-1);
    // SAFETY:
    // - `attributes` is readable for the bytes that it says it has, and outlives the call.
    // - the counter writes to no memory of ours: nothing is mapped (perf_event_open(2)).
    let answer = unsafe {
        libc::syscall(libc::SYS_perf_event_open, std::ptr::from_ref(attributes), this_thread, any_pu, group, no_flags)
    };
    let Ok(descriptor @ 0..) = c_int::try_from(answer) else { return Err(Errno::last()) };
    // SAFETY:
    // - the kernel has just opened it for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_counted_where_a_pmu_is() {
        let Ok(group) = Group::open(&[Event::L1DataLoads, Event::L1DataLoadMisses]) else { return };
        let words = vec![1_u64; 1 << 16];
        let sum: u64 = words.iter().map(|word| std::hint::black_box(*word)).sum();
        assert_eq!(sum, 1 << 16);
        if let Some(counts) = group.read() {
            assert!(counts[0] >= 1 << 16 && counts[1] <= counts[0], "{counts:?}");
        }
    }

    #[test]
    fn a_group_of_nothing_has_no_counts() {
        assert_eq!(Group::open(&[]).expect("nothing is opened").read(), None);
    }
}
