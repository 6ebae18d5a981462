//! How fast the time stamp counter ticks, where its rate never changes: the unit of "cycles" that any process can count.
//! They are reference cycles: the core itself may run faster or slower at the moment.

/// Ticks per ns of an invariant TSC, measured against the monotonic clock over 10 ms; `None` where the processor does not
/// say that its TSC is invariant (Intel SDM 17.17.1; AMD APM 3, CPUID 0x8000_0007 EDX bit 8), or has none.
#[cfg(target_arch = "x86_64")]
pub fn ticks_per_ns() -> Option<f64> {
    use std::time::Duration;
    const INVARIANT: u32 = 1 << 8;
    const APART: Duration = Duration::from_millis(10);
    if crate::timing::cpuid(0x8000_0007)?.edx & INVARIANT == 0 {
        return None;
    }
    let (from, began) = moment();
    std::thread::sleep(APART);
    let (to, ended) = moment();
    Some(to.checked_sub(from)? as f64 / (ended - began).as_nanos() as f64)
}

/// Other processors have no such counter that we know.
#[cfg(not(target_arch = "x86_64"))]
pub fn ticks_per_ns() -> Option<f64> {
    None
}

/// A tick and the moment that belongs to it, of those of ten tries that were read within the fewest ticks.
#[cfg(target_arch = "x86_64")]
fn moment() -> (u64, std::time::Instant) {
    let read = |_| {
        let before = ticks();
        let now = std::time::Instant::now();
        (ticks().wrapping_sub(before), (before, now))
    };
    (0..10).map(read).min_by_key(|&(took, _)| took).map(|(_, moment)| moment).expect("ten tries")
}

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY:
    // - every x86_64 processor has RDTSC; the kernel leaves it to processes (prctl(2), PR_SET_TSC is the exception).
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rate_is_one_that_processors_have() {
        if let Some(rate) = super::ticks_per_ns() {
            assert!((0.1..20.0).contains(&rate), "{rate} ticks per ns");
        }
    }
}
