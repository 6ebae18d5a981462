//! Peak of this process's resident memory since a moment.

use crate::Root;

/// Resident memory at a moment from which the kernel keeps its peak anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peak {
    before_kib: u64,
}

impl Peak {
    /// Resets the peak; `None` where this kernel does not let the process do that.
    pub fn reset() -> Option<Peak> {
        // Documentation/filesystems/proc.rst: 5 resets the peak resident set size to what is resident now.
        std::fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Peak { before_kib: field(&Root::system(), "VmRSS:")? })
    }

    /// By how much the resident memory was larger at its peak since then. The kernel counts it in batches of some pages a thread.
    pub fn grown_bytes(&self) -> Option<u64> {
        self.grown_in(&Root::system())
    }

    fn grown_in(&self, root: &Root) -> Option<u64> {
        Some(field(root, "VmHWM:")?.saturating_sub(self.before_kib) * 1024)
    }
}

fn field(root: &Root, name: &str) -> Option<u64> {
    let text = root.text("proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_that_since_its_reset() {
        let Some(before) = Peak::reset() else { return };
        let region = vec![1u8; 32 << 20];
        std::hint::black_box(&region);
        drop(region);
        let grown = before.grown_bytes().expect("VmHWM stands beside VmRSS");
        assert!(grown >= 30 << 20, "{grown} bytes after touching 32 MiB");
        // The region is gone, and so is its peak.
        let again = Peak::reset().expect("it was reset before");
        let grown = again.grown_bytes().expect("VmHWM stands beside VmRSS");
        assert!(grown < 16 << 20, "{grown} bytes after touching nothing");
    }
}
