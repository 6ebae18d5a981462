//! Instructions that safe Rust lacks.

/// 0, computed from `loaded` so that neither compiler nor processor can know it before the load has come back.
///
/// Added to the next address it makes one access depend on the one before, while the address stays known to a replay.
/// `and` with 0 keeps the dependence; `xor` of a register with itself would be recognised as a constant and lose it
/// (Intel Optimization Reference Manual, "zeroing idioms").
#[inline(always)]
pub fn depend(loaded: u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let mut value = loaded;
        // SAFETY:
        // - one register in and out, no memory, no stack; flags are clobbered, which `asm!` assumes by default.
        unsafe { core::arch::asm!("and {0}, 0", inout(reg) value, options(pure, nomem, nostack)) };
        value
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mut value = loaded;
        // SAFETY:
        // - one register in and out, no memory, no stack, no flags.
        unsafe {
            core::arch::asm!("and {0}, {0}, xzr", inout(reg) value, options(pure, nomem, nostack, preserves_flags))
        };
        value
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        core::hint::black_box(loaded) & 0
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_always_zero() {
        for loaded in [0, 1, u64::MAX, 0x8000_0000_0000_0000] {
            assert_eq!(super::depend(loaded), 0);
        }
    }
}
