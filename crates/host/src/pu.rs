//! Which PU a thread is on, cheaply enough to ask at both ends of every request.
//!
//! rseq's `cpu_id` costs a load (0.3 ns measured), rdpid 0.8, sched_getcpu 2.3. Never rseq's `node_id`: on Linux 6.1 it
//! says 0 on every node; PUs are mapped to nodes afterwards. glibc has registered rseq since 2.35; its symbols are looked
//! up at run time, since RHEL 9 has 2.34.

use core::ffi::c_void;
use std::marker::PhantomData;

/// Offset of `cpu_id` in `struct rseq` (linux/rseq.h).
const CPU_ID_OFFSET: isize = 4;

/// Reads the PU of the thread that made it; it cannot be sent to another thread.
#[derive(Debug)]
pub struct PuReader {
    source: Source,
    // The rseq area belongs to one thread.
    _not_send: PhantomData<*mut ()>,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Rseq(*const u32),
    #[cfg(target_arch = "x86_64")]
    Rdpid,
    Getcpu,
}

impl PuReader {
    /// For the calling thread: rseq where glibc registered it and it agrees with the kernel, else rdpid where the
    /// processor has it and it agrees, else sched_getcpu.
    pub fn new() -> PuReader {
        let source = rseq().into_iter().chain(rdpid()).find(|&source| agrees(source)).unwrap_or(Source::Getcpu);
        PuReader { source, _not_send: PhantomData }
    }

    /// The PU this thread is on, by OS index.
    #[inline(always)]
    pub fn read(&self) -> u32 {
        read(self.source)
    }

    /// `rseq`, `rdpid` or `sched_getcpu`.
    pub fn source(&self) -> &'static str {
        match self.source {
            Source::Rseq(_) => "rseq",
            #[cfg(target_arch = "x86_64")]
            Source::Rdpid => "rdpid",
            Source::Getcpu => "sched_getcpu",
        }
    }
}

impl Default for PuReader {
    fn default() -> PuReader {
        PuReader::new()
    }
}

/// The PU the calling thread is on; `None` where the kernel does not tell.
#[inline]
pub fn current_pu() -> Option<u32> {
    thread_local!(static READER: PuReader = PuReader::new());
    match READER.with(PuReader::read) {
        UNKNOWN => None,
        pu => Some(pu),
    }
}

const UNKNOWN: u32 = u32::MAX;

#[inline(always)]
fn read(source: Source) -> u32 {
    match source {
        Source::Rseq(cpu_id) => {
            // SAFETY:
            // - `cpu_id` lies in the calling thread's rseq area (rseq()), which lives as long as the thread, and the
            //   reader that holds it cannot leave the thread.
            // - volatile, since the kernel writes it whenever the thread is moved.
            unsafe { cpu_id.read_volatile() }
        }
        #[cfg(target_arch = "x86_64")]
        Source::Rdpid => {
            let value: u64;
            // SAFETY:
            // - the processor has the instruction (rdpid()); it only writes the one register.
            unsafe { core::arch::asm!("rdpid {0}", out(reg) value, options(nomem, nostack, preserves_flags)) };
            // Linux keeps the PU in the low 12 bits and the node above (arch/x86/include/asm/segment.h).
            (value & 0xfff) as u32
        }
        Source::Getcpu => getcpu(),
    }
}

fn getcpu() -> u32 {
    // SAFETY:
    // - takes nothing and writes nothing (sched_getcpu(3)).
    let pu = unsafe { libc::sched_getcpu() };
    u32::try_from(pu).unwrap_or(UNKNOWN)
}

/// Whether a source says what the kernel says. A thread may be moved between the two questions, so it is asked again.
fn agrees(source: Source) -> bool {
    (0..8).any(|_| {
        let before = getcpu();
        let found = read(source);
        before != UNKNOWN && before == found && getcpu() == before
    })
}

fn rseq() -> Option<Source> {
    let offset = symbol(c"__rseq_offset")?.cast::<isize>();
    let size = symbol(c"__rseq_size")?.cast::<u32>();
    // SAFETY:
    // - glibc's `const unsigned int __rseq_size`, set before main and never after (its manual, "Restartable Sequences").
    let size = unsafe { size.read() };
    // SAFETY:
    // - glibc's `const ptrdiff_t __rseq_offset`, as above.
    let offset = unsafe { offset.read() };
    let thread_pointer = thread_pointer()?;
    let cpu_id = thread_pointer.wrapping_byte_offset(offset + CPU_ID_OFFSET).cast::<u32>();
    // A size of 0: not registered. A negative cpu_id: registration failed, caught where it is compared with the kernel.
    (size != 0).then_some(Source::Rseq(cpu_id))
}

fn symbol(name: &core::ffi::CStr) -> Option<*const c_void> {
    // SAFETY:
    // - `name` ends in NUL by its type; RTLD_DEFAULT searches what is already loaded (dlsym(3)).
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found.cast_const())
}

fn thread_pointer() -> Option<*const c_void> {
    #[cfg(target_arch = "x86_64")]
    {
        let pointer: *const c_void;
        // SAFETY:
        // - on x86_64 Linux %fs:0 holds the thread pointer itself (System V ABI, TLS variant II); it is only read.
        unsafe { core::arch::asm!("mov {0}, fs:0", out(reg) pointer, options(readonly, nostack, preserves_flags)) };
        Some(pointer)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let pointer: *const c_void;
        // SAFETY:
        // - tpidr_el0 is the thread pointer and may be read in user mode.
        unsafe { core::arch::asm!("mrs {0}, tpidr_el0", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
        Some(pointer)
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        None
    }
}

fn rdpid() -> Option<Source> {
    #[cfg(target_arch = "x86_64")]
    {
        // CPUID leaf 7, ECX bit 22 (Intel SDM, RDPID).
        crate::timing::cpuid(7).is_some_and(|leaf| leaf.ecx >> 22 & 1 == 1).then_some(Source::Rdpid)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_agrees_with_the_kernel() {
        for source in rseq().into_iter().chain(rdpid()).chain([Source::Getcpu]) {
            assert!(agrees(source), "{source:?}");
        }
        assert!(current_pu().is_some());
    }

    #[test]
    fn a_failed_registration_falls_back() {
        // RSEQ_CPU_ID_REGISTRATION_FAILED is -2 (linux/rseq.h).
        let failed = u32::MAX - 1;
        assert!(!agrees(Source::Rseq(&raw const failed)));
    }
}
