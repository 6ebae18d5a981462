//! The kernel's error numbers by name, and what stands behind a refusal.

use crate::Root;
use std::fmt;

/// An error number of the kernel; printed by its name where the calls of this crate can give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// The calling thread's last one.
    pub(crate) fn last() -> Errno {
        Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }

    /// The one inside an I/O error; 0 where it has none.
    pub(crate) fn of(error: &std::io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(0))
    }

    /// What to do about it, with its semicolon; empty where its name says all there is to say, or the call decides.
    pub(crate) fn advice(self) -> String {
        plan::remedy::advice(plan::remedy::remedy(&std::io::Error::from_raw_os_error(self.0)))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            libc::EPERM => "EPERM",
            libc::ENOENT => "ENOENT",
            libc::ESRCH => "ESRCH",
            libc::EIO => "EIO",
            libc::ENFILE => "ENFILE",
            libc::EMFILE => "EMFILE",
            libc::ENOSPC => "ENOSPC",
            libc::EROFS => "EROFS",
            libc::EAGAIN => "EAGAIN",
            libc::ENOMEM => "ENOMEM",
            libc::EACCES => "EACCES",
            libc::EFAULT => "EFAULT",
            libc::EBUSY => "EBUSY",
            libc::ENODEV => "ENODEV",
            libc::EISDIR => "EISDIR",
            libc::EINVAL => "EINVAL",
            libc::ENOSYS => "ENOSYS",
            libc::EOPNOTSUPP => "EOPNOTSUPP",
            number => return write!(out, "error {number}"),
        };
        out.write_str(name)
    }
}

/// Whether a seccomp filter is in force, which is what an EPERM of a memory policy call comes from.
pub(crate) fn is_filtered(root: &Root) -> bool {
    root.field("proc/self/status", "Seccomp:").is_some_and(|mode| mode == "2")
}
