//! Binding of threads to PUs, each setter reading back what the kernel made of it.
//!
//! The kernel drops PUs that are offline or outside the cpuset without a word where others remain, and widens the mask
//! of a thread whose last PU goes offline; so what is asked is checked before and read back after.

use crate::errno::Errno;
use crate::mask::{cpu_words, pus_of};
use crate::{Granted, HostError};
use core::ffi::c_ulong;
use plan::place::ProcessPlace;
use plan::set::CpuSet;

/// First PU that core_affinity cannot name: it aborts the process there, since `cpu_set_t` ends.
const CORE_AFFINITY_END: u32 = 1024;

/// Binds the calling thread to one PU; returns what was read back.
///
/// # Errors
/// `NoSuchPu`, `PuNotAllowed`, or `BoundElsewhere` where the kernel made something else of it.
pub fn pin(granted: &Granted, pu: u32) -> Result<CpuSet, HostError> {
    let asked = CpuSet::of(pu);
    granted.check_pus(&asked)?;
    if pu >= CORE_AFFINITY_END || !core_affinity::set_for_current(core_affinity::CoreId { id: pu as usize }) {
        // It says only that it failed; the call itself says why.
        set_affinity(&asked)?;
    }
    read_back(&asked)
}

/// Binds the calling thread to a set of PUs, among which it floats; returns what was read back.
///
/// # Errors
/// As [`pin`]; a mask that lost members is `BoundElsewhere`, never accepted.
pub fn bind_thread(granted: &Granted, pus: &CpuSet) -> Result<CpuSet, HostError> {
    granted.check_pus(pus)?;
    set_affinity(pus)?;
    read_back(pus)
}

/// Sets affinity and memory policy of the calling thread as numactl does before it starts a command: threads started
/// later inherit both, those that already run keep theirs. So call it on the main thread before any other is started.
///
/// What is `None` stays as inherited and is `None` in what is returned.
///
/// # Errors
/// As [`bind_thread`] and [`crate::policy::set_thread`].
pub fn bind_process(granted: &Granted, place: &ProcessPlace) -> Result<ProcessPlace, HostError> {
    let cpus = place.cpus.as_ref().map(|pus| bind_thread(granted, pus)).transpose()?;
    let memory = place.memory.as_ref().map(|policy| crate::policy::set_thread(granted, policy)).transpose()?;
    Ok(ProcessPlace { cpus, memory })
}

/// The calling thread's affinity.
///
/// # Errors
/// `Call` where the kernel does not tell, which a seccomp filter alone can bring about.
pub fn affinity() -> Result<CpuSet, HostError> {
    let mut words: Vec<c_ulong> = vec![0; 16];
    loop {
        let bytes = words.len() * size_of::<c_ulong>();
        // SAFETY:
        // - `words` is writable for `bytes`, the length that is passed (above).
        // - pid 0 is the calling thread; the call changes nothing else (sched_setaffinity(2)).
        let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, bytes, words.as_mut_ptr()) };
        match (written, Errno::last()) {
            (0.., _) => return Ok(pus_of(&words)),
            // The mask is shorter than the kernel's; 64 KiB of it would be half a million PUs.
            (_, Errno(libc::EINVAL)) if bytes < 65_536 => words.resize(words.len() * 2, 0),
            (_, errno) => {
                return Err(HostError::Call { call: "sched_getaffinity", asked: "this thread".into(), errno });
            }
        }
    }
}

/// Sets an affinity without checks or reading back.
pub(crate) fn set_affinity(pus: &CpuSet) -> Result<(), HostError> {
    let words = cpu_words(pus);
    // SAFETY:
    // - `words` is readable for the length that is passed, its own.
    // - pid 0 is the calling thread; affinity is no matter of memory safety (sched_setaffinity(2)).
    let answer =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, words.len() * size_of::<c_ulong>(), words.as_ptr()) };
    match answer {
        0 => Ok(()),
        _ => Err(HostError::Call { call: "sched_setaffinity", asked: format!("PUs {pus}"), errno: Errno::last() }),
    }
}

/// Gives the calling thread an affinity that it had a moment ago, unless it has it.
pub(crate) fn restore_affinity(own: &CpuSet) -> Result<(), HostError> {
    if affinity()? == *own { Ok(()) } else { set_affinity(own) }
}

/// Puts the calling thread's affinity back when it goes out of scope, also on panic.
pub struct AffinityGuard(CpuSet);

impl AffinityGuard {
    /// Remembers the present affinity.
    ///
    /// # Errors
    /// As [`affinity`].
    pub fn keep() -> Result<AffinityGuard, HostError> {
        affinity().map(AffinityGuard)
    }
}

impl Drop for AffinityGuard {
    fn drop(&mut self) {
        // The mask was in force a moment ago; should its PUs be gone, the kernel's own choice stands.
        let _ = set_affinity(&self.0);
    }
}

fn read_back(asked: &CpuSet) -> Result<CpuSet, HostError> {
    let found = affinity()?;
    match found == *asked {
        true => Ok(found),
        false => Err(HostError::BoundElsewhere { asked: asked.clone(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    fn granted() -> Granted {
        Granted::read(&Root::system()).expect("the live host")
    }

    #[test]
    fn a_pin_is_read_back_and_its_guard_restores() {
        let granted = granted();
        let before = affinity().expect("affinity");
        for pu in granted.allowed_pus().iter() {
            let _guard = AffinityGuard::keep().expect("affinity");
            assert_eq!(pin(&granted, pu), Ok(CpuSet::of(pu)));
            assert_eq!(crate::pu::current_pu(), Some(pu));
        }
        assert_eq!(affinity(), Ok(before.clone()));
        assert_eq!(bind_thread(&granted, &before), Ok(before));
    }

    #[test]
    fn what_cannot_be_bound_is_refused_in_words() {
        let mut granted = granted();
        granted.online_pus = "0-3".parse().expect("a list");
        granted.allowed_pus = "0".parse().expect("a list");
        let check = |list: &str, expect: &str| {
            let found = bind_thread(&granted, &list.parse().expect("a list"));
            assert_eq!(found.expect_err(list).to_string(), expect);
        };
        check("0,8000", "cannot bind to PU 8000: this host has PUs 0-3 online");
        check("0-1", "cannot bind to PU 1: not in this process's allowed cpuset 0; check the container's cpuset.cpus");
        check("", "cannot bind to no PU; name at least one");
    }

    #[test]
    fn a_mask_that_loses_members_is_an_error() {
        let _guard = AffinityGuard::keep().expect("affinity");
        let mut granted = granted();
        granted.online_pus.insert(8000);
        granted.allowed_pus.insert(8000);
        let asked: CpuSet = [0, 8000].into_iter().collect();
        let found = bind_thread(&granted, &asked);
        assert_eq!(found, Err(HostError::BoundElsewhere { asked, found: CpuSet::of(0) }));
        let alone = pin(&granted, 8000).expect_err("PU 8000 is not there");
        assert_eq!(alone.to_string(), "sched_setaffinity for PUs 8000: EINVAL");
    }
}
