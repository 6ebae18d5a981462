//! What to do about an answer of the system to a call on a file, a pipe or a process: the same words everywhere.

use std::io::{Error, ErrorKind};

// Linux, include/uapi/asm-generic/errno-base.h; `std` has no kind for them.
const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// What to do where something cannot be read.
pub fn of_reading(error: &Error) -> Option<&'static str> {
    if error.kind() == ErrorKind::PermissionDenied { Some("let this user read it (see ls -l)") } else { remedy(error) }
}

/// What to do where something cannot be written.
pub fn of_writing(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some("choose a folder that can be written"),
        _ => remedy(error),
    }
}

/// A remedy behind its semicolon; empty where there is none.
pub fn advice(remedy: Option<&str>) -> String {
    remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

/// What to do, whatever the call; `None` where the answer itself says all there is to say.
pub fn remedy(error: &Error) -> Option<&'static str> {
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => Some("make room"),
        (ErrorKind::FileTooLarge, _) => Some("raise the file size limit (ulimit -f)"),
        (ErrorKind::NotADirectory, _) => Some("name a folder"),
        (ErrorKind::OutOfMemory, _) => Some("free memory or raise its limit (ulimit -v)"),
        (ErrorKind::WouldBlock, _) => Some("check ulimit -u and pids.max"),
        (_, Some(EMFILE | ENFILE)) => Some("raise the limit of open files (ulimit -n)"),
        (_, Some(EIO)) => Some("the device fails: see the kernel's log (dmesg)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_remedy() {
        let check = |errno: i32, expect: Option<&str>| {
            let error = Error::from_raw_os_error(errno);
            assert_eq!([remedy(&error), of_reading(&error), of_writing(&error)], [expect; 3], "{errno}");
        };
        check(28, Some("make room"));
        check(122, Some("make room"));
        check(27, Some("raise the file size limit (ulimit -f)"));
        check(20, Some("name a folder"));
        check(12, Some("free memory or raise its limit (ulimit -v)"));
        check(11, Some("check ulimit -u and pids.max"));
        check(24, Some("raise the limit of open files (ulimit -n)"));
        check(5, Some("the device fails: see the kernel's log (dmesg)"));
        check(2, None);
    }

    #[test]
    fn who_may_not_read_is_not_told_to_write_elsewhere() {
        let check = |errno: i32, reading: Option<&str>, writing: &str| {
            let error = Error::from_raw_os_error(errno);
            assert_eq!((remedy(&error), of_reading(&error), of_writing(&error)), (None, reading, Some(writing)));
        };
        check(13, Some("let this user read it (see ls -l)"), "choose a folder that can be written");
        check(30, None, "choose a folder that can be written");
        assert_eq!(advice(Some("make room")), "; make room");
        assert_eq!(advice(None), "");
    }
}
