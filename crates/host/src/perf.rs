//! Whether hardware counters can be opened. Asked by opening one: a level in /proc/sys tells nothing of a machine without
//! a PMU, and nothing of a filter.

use crate::Errno;
use core::ffi::c_int;
use std::os::fd::{FromRawFd, OwnedFd};

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
const PERF_COUNT_HW_CACHE_MISSES: u64 = 3;
/// exclude_kernel and exclude_hv: what any process may count of itself where it may count at all.
const OWN_CODE_ONLY: u64 = 1 << 5 | 1 << 6;

/// Opens a counter of this thread's cache misses, and closes it again.
///
/// # Errors
/// ENOENT without a PMU; EACCES by perf_event_paranoid; EPERM or ENOSYS by a filter.
pub(crate) fn open_counter() -> Result<(), Errno> {
    let attributes = Attributes {
        kind: PERF_TYPE_HARDWARE,
        bytes: size_of::<Attributes>() as u32,
        config: PERF_COUNT_HW_CACHE_MISSES,
        flags: OWN_CODE_ONLY,
        ..Attributes::default()
    };
    let (this_thread, any_pu, no_group, no_flags) = (0, -1, -1, 0);
    // SAFETY:
    // - `attributes` is readable for the bytes that it says it has, and outlives the call.
    // - the counter writes to no memory of ours: nothing is mapped (perf_event_open(2)).
    let answer = unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw const attributes, this_thread, any_pu, no_group, no_flags)
    };
    let Ok(descriptor @ 0..) = c_int::try_from(answer) else { return Err(Errno::last()) };
    // SAFETY:
    // - the kernel has just opened it for us, and nobody else knows it.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
    Ok(())
}
